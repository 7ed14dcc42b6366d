"""cleanup_safety on histories written by hand."""

from __future__ import annotations

import msgspec
from builders import ALL_ROLES, Grant, Tale

from sim.checks.terms import Terms


def tale(*, job: bool = True, janitor: bool = False) -> Tale:
    """A history with a job on and the edge at green."""
    made = Tale(roles=ALL_ROLES | ({"janitor"} if janitor else set()) | ({"restore"} if job else set()))
    made.terms = msgspec.structs.replace(made.terms, cleanup_job=job)
    assert isinstance(made.terms, Terms)
    return made


def ask(t: Tale, grant: Grant, *, allowed: bool, why: str = "consent_not_listed") -> int:
    i = t.begin("authz-1", "authz", grant=grant.name, token=grant.access)
    return t.end(i, allowed=allowed, why="granted" if allowed else why)


def cleaned(t: Tale, job: str = "authz", grants: tuple[str, ...] = (), **more: int) -> Tale:
    told = {"looked": 400, "deleted": len(grants), "count": len(grants), "spared": 0} | more
    return t.measure("cleaned", job=job, grants=list(grants), **told)


def test_it_is_not_asked_where_no_job_runs() -> None:
    assert tale(job=False).ended().check("cleanup_safety").verdict == "not_asked"


def test_a_job_that_deleted_only_the_dead_holds() -> None:
    t = tale()
    dead = t.grant("dead")
    t.revoke(dead)
    cleaned(t.switch(), grants=("dead",))
    check = t.ended().check("cleanup_safety")
    assert (check.verdict, check.figures["deleted_good"], check.evidence) == ("held", 0, 400)


def test_a_living_grant_deleted_breaks_it_and_is_named() -> None:
    t = tale()
    good = t.grant("good")
    t.switch()
    ask(t, good, allowed=False)
    check = cleaned(t, grants=("good",)).ended().check("cleanup_safety")
    assert check.verdict == "broken"
    assert "authz: 1 living grants, such as good" in check.summary
    assert check.figures["denied"] == 1 and len(check.witnesses) == 2


def test_the_end_of_the_403s_is_told_after_a_restore() -> None:
    t = tale()
    good = t.grant("good")
    t.switch()
    ask(t, good, allowed=False)
    cleaned(t, grants=("good",))
    t.step("restore", restored=1)
    ask(t, good, allowed=True)
    check = cleaned(t, grants=("good",), restored=1).ended().check("cleanup_safety")
    assert check.verdict == "broken"
    assert "after the restore 0 of 1 were refused, before it 1 of 1" in check.summary
    assert (check.figures["denied_after_restore"], check.figures["restored"]) == (0, 1)


def test_403s_that_go_on_after_the_restore_break_it_too() -> None:
    t = tale()
    good = t.grant("good")
    t.switch().step("restore")
    ask(t, good, allowed=False)
    check = cleaned(t).ended().check("cleanup_safety")
    assert check.verdict == "broken" and check.figures["denied_after_restore"] == 1


def test_an_inactive_token_is_no_403_of_the_job() -> None:
    t = tale()
    good = t.grant("good")
    t.switch()
    ask(t, good, allowed=False, why="token_inactive")
    assert cleaned(t).ended().check("cleanup_safety").figures["denied"] == 0


def test_what_the_guard_spared_is_told() -> None:
    check = cleaned(tale().switch(), spared=300).ended().check("cleanup_safety")
    assert check.verdict == "held" and "300 spared by the guard" in check.summary


def test_nobody_knows_if_nobody_read_what_it_deleted() -> None:
    check = tale().switch().ended().check("cleanup_safety")
    assert (check.verdict, check.summary) == ("unknown", "nobody read what the authz job deleted")
    nothing = cleaned(tale().switch(), looked=0).ended().check("cleanup_safety")
    assert nothing.verdict == "unknown"


def test_a_restore_after_which_nobody_was_asked_is_unproven() -> None:
    t = tale().switch().step("restore")
    assert cleaned(t).ended().check("cleanup_safety").summary == "nobody was asked after the restore"


def test_a_grant_written_since_and_lost_by_the_restore_breaks_it() -> None:
    t = tale().switch().step("restore")
    ask(t, t.grant("g"), allowed=True)
    assert cleaned(t, missing_count=2).ended().check("cleanup_safety").verdict == "broken"


def test_the_janitor_is_judged_alike() -> None:
    t = tale(job=False, janitor=True).switch()
    t.grant("g")
    held = cleaned(t, job="janitor").ended().check("cleanup_safety")
    assert held.verdict == "held"
    t = tale(job=False, janitor=True).switch()
    t.grant("g")
    broken = cleaned(t, job="janitor", grants=("g",)).ended().check("cleanup_safety")
    assert broken.verdict == "broken" and "janitor: 1 living grants" in broken.summary


def test_a_run_that_ended_before_is_not_asked() -> None:
    assert tale().ended("rolled_back").check("cleanup_safety").verdict == "not_asked"
