"""Lines keep their width, whatever stands in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui import ink, words

TEXTS = st.text(st.characters(blacklist_categories=("Cc", "Cs", "Mn", "Me", "Cf")), max_size=60)


@given(st.lists(TEXTS, max_size=4), st.integers(0, 80))
def test_a_line_fits_exactly(pieces: list[str], cells: int) -> None:
    assert ink.width(ink.fit([(piece, "") for piece in pieces], cells)) == cells


@given(TEXTS, TEXTS, st.integers(6, 90), st.integers(2, 8))
def test_a_box_is_as_large_as_asked(title: str, inside: str, cells: int, rows: int) -> None:
    drawn = ink.box([(title, "")], [("right", "")], [[(inside, "")]] * 9, cells, rows)
    assert [ink.width(line) for line in drawn] == [cells] * rows


@given(TEXTS, st.integers(1, 30))
def test_a_column_is_as_wide_as_asked(said: str, cells: int) -> None:
    assert ink.width(ink.columns([(said, cells, ""), (said, -cells, "")])) == 2 * cells


@pytest.mark.parametrize(("share", "drawn"), [(0, "░░░░"), (0.01, "▌░░░"), (0.5, "██░░"), (1, "████"), (7, "████")])
def test_a_bar_shows_the_least_and_never_overflows(share: float, drawn: str) -> None:
    assert ink.bar(share, 4) == drawn


def test_every_glyph_of_the_screen_has_a_plain_twin() -> None:
    drawn = "".join(ink.text(line) for line in ink.box([("✓✗?–○●", "")], [("→ ×", "")], [[("▁▄█ ━╸─ ≈", "")]], 40, 3))
    assert drawn.translate(ink.ASCII).isascii()


@pytest.mark.parametrize(("s", "said"), [(None, "-"), (0.0043, "4.3"), (0.038, "38.0"), (0.1, "100"), (12.0, "12k")])
def test_milliseconds_fit_five_cells(s: float | None, said: str) -> None:
    assert words.ms(s) == said and len(said) <= 5


def test_instants() -> None:
    assert (words.instant(57.44, tenths=True), words.instant(119.97, tenths=True)) == ("00:57.4", "02:00.0")


@pytest.mark.parametrize(("cells", "drawn"), [
    ([("latency latency", 10, ""), ("proof", 8, "")], "latency … proof   "),
    ([("short", 10, ""), ("a long last one", 8, "")], "short     a long …"),
    ([("abcde", 3, ""), ("x", -3, "")], "ab…  x"),
])
def test_what_is_cut_in_a_table_stays_apart_from_the_next_column(cells: list[tuple[str, int, ink.Role]],
                                                                 drawn: str) -> None:
    assert ink.text(ink.columns(cells)) == drawn
