"""`rehearse bench kills`: which instants are tried, and what counts as lost, left and good."""

from __future__ import annotations

import pytest

from sim.cli.bench_kills import INSIDE_S, STARTING, STARTING_S, Seen, figures, kills, shown


def seen(step: str = "copy", became: str = "rolled_back", lost: str = "", left: tuple[str, ...] = (),
         unwritten_s: float = 0.1) -> Seen:
    return Seen(step, 0.5, became, lost, unwritten_s, False, list(left))


def test_every_step_is_tried_in_turn_at_instants_of_the_seed() -> None:
    made = kills(["copy", "migrate"], 7, 1)
    assert [kill.step for kill in made] == [STARTING, "copy", "migrate", STARTING, "copy", "migrate", STARTING]
    assert all(0 <= kill.after_s <= (STARTING_S if kill.step == STARTING else INSIDE_S) for kill in made)
    assert made == kills(["copy", "migrate"], 7, 1) != kills(["copy", "migrate"], 7, 2)


@pytest.mark.parametrize(("one", "good"), [
    (seen(), True),
    (seen("close", "completed"), True),
    (seen(STARTING, "cleaned"), True),
    (seen("copy", "cleaned"), False),
    (seen("copy", "not taken up: no such thing"), False),
    (seen("copy", "failed"), False),
    (seen(lost="revocation: let in"), False),
    (seen(left=("process 7",)), False),
])
def test_what_is_good(one: Seen, good: bool) -> None:
    assert one.good == good and figures([one])["met"] == good


def test_what_is_told() -> None:
    told = shown([seen(), seen(STARTING, "cleaned"), seen("copy", lost="revocation: let in", unwritten_s=0.4),
                  seen("close", "not taken up: why")])
    assert "4 kills: 1 lost a revocation, 0 things left behind, 1 not taken up" in told
    assert "1 NOT TAKEN UP" in told and "at most 0.40 s old" in told and "revocation: let in" in told
    assert not figures([])["met"]
