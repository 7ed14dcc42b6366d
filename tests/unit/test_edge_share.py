"""A share of the requests: evenly spread, whole again when the route is switched."""

from collections import Counter
from types import SimpleNamespace

import pytest

from sim.services.edge_control import _share
from sim.services.edge_requests import Edge


def edge():
    """An edge with nothing but its route."""
    made = Edge.__new__(Edge)
    made.route, made.epoch, made.share, made._owed = "blue", 1, 1.0, 0.0
    made.coalescer = SimpleNamespace(rules=SimpleNamespace(void=lambda what: []))
    return made


@pytest.mark.parametrize("share", [1.0, 0.5, 0.3, 0.01, 0.999])
def test_any_run_of_requests_has_its_share(share):
    one = edge()
    one.switch("green", share=share)
    sides = [one._next_side() for _ in range(1000)]
    assert Counter(sides)["green"] == pytest.approx(1000 * share, abs=1)
    for begin in range(0, 900, 100):
        assert Counter(sides[begin:begin + 100])["green"] == pytest.approx(100 * share, abs=1)


def test_a_switch_without_a_share_takes_everything():
    one = edge()
    assert one.switch("green", share=0.5) == 2
    one._next_side()
    assert one.switch("blue") == 3
    assert {one._next_side() for _ in range(10)} == {"blue"}


@pytest.mark.parametrize("word", [0, -0.1, 1.1, True, "half", None])
def test_what_is_no_share_is_refused(word):
    with pytest.raises(ValueError, match="share"):
        _share(word)
