"""What a scenario expects, and whether a verdict meets it."""

import pytest

from sim.scenario.expect import expectation


def verdict(ended="completed", **checks):
    listed = [{"name": n, "verdict": v, "summary": f"{n} said so", "figures": f} for n, (v, f) in checks.items()]
    return {"verdict": "held", "ended": ended, "checks": listed}


HELD = verdict(
    revocation=("held", {"longest_gap": 3.2}), availability=("held", {"shed": 4}), rollback=("not_asked", {})
)


@pytest.mark.parametrize(
    "raw",
    [
        "held",
        "open",
        {"revocation": "broken"},
        {"availability.shed": ">= 1"},
        {"revocation": "broken", "ended": "rolled_back"},
    ],
)
def test_an_expectation_is_written_as_it_was_read(raw):
    assert expectation(expectation(raw).written()) == expectation(raw)


def test_held_means_every_check_asked_held_and_the_run_completed():
    assert expectation("held").meets(HELD) == (True, "held")
    met, why = expectation("held").meets(verdict(revocation=("broken", {})))
    assert not met
    assert why == "revocation is broken, expected held (revocation said so)"
    assert not expectation("held").meets(verdict(latency=("unknown", {})))[0]
    assert expectation("held").meets(verdict(ended="rolled_back"))[1] == "the run ended rolled_back, expected completed"


def test_open_takes_anything():
    assert expectation("open").meets(verdict("failed", revocation=("broken", {})))[0]


def test_what_is_named_must_be_so_and_the_rest_held():
    broken = expectation({"revocation": "broken"})
    assert broken.meets(verdict(revocation=("broken", {}), latency=("held", {})))[0]
    assert broken.meets(HELD)[1] == "revocation is held, expected broken (revocation said so)"
    both = broken.meets(verdict(revocation=("broken", {}), write_loss=("broken", {})))
    assert both == (False, "write_loss is broken, expected held (write_loss said so)")
    assert broken.meets(verdict(latency=("held", {})))[1] == "revocation is missing, expected broken"
    assert broken.meets(verdict(revocation=("not_asked", {})))[0] is False


@pytest.mark.parametrize(
    ("bound", "met"), [(">= 1", True), (">= 5", False), ("< 5", True), ("== 4", True), (4, True), ("> 4", False)]
)
def test_figures_are_compared(bound, met):
    assert expectation({"availability.shed": bound}).meets(HELD)[0] is met


def test_figures_have_units():
    assert expectation({"revocation.longest_gap": "< 5s"}).meets(HELD)[0]
    assert not expectation({"revocation.longest_gap": "> 1m"}).meets(HELD)[0]


def test_a_figure_that_is_not_there_is_not_as_expected():
    met, why = expectation({"availability.failed": ">= 1"}).meets(HELD)
    assert (met, why) == (False, "availability.failed is not in the verdict, expected >= 1")


def test_a_return_to_blue_can_be_expected():
    assert expectation({"ended": "rolled_back"}).meets(verdict("rolled_back", rollback=("held", {})))[0]


@pytest.mark.parametrize("raw", ["hold", 3, {"availability.shed": "many"}, {"ended": "crashed"}, ["held"], None])
def test_what_is_no_expectation_is_refused(raw):
    with pytest.raises(ValueError):
        expectation(raw)
