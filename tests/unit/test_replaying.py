"""What the replayer does about each message, whatever the order and however often they come."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from sim.services.replaying import Collected, grants_of
from sim.services.revocations import Intent, Outcome, Said, encode

INTENT, OUTCOME = "revocation.intent.forward", "revocation.outcome.forward"


def intent(id: str, *, kind: str = "access", grants: list[str] | None = None, client: str = "c", owner: str = "c",
           at: float = 1.0) -> Intent:
    return Intent(id, kind, grants if grants is not None else [f"g{id}"], client, "s", at, owner)  # type: ignore[arg-type]


def collect(*messages: Intent | Outcome) -> Collected:
    collected = Collected()
    for message in messages:
        collected.take(INTENT if isinstance(message, Intent) else OUTCOME, encode(message))
    return collected


def actions(collected: Collected) -> dict[str, str]:
    return {case.intent.id: case.action for case in collected.cases()}


def test_confirmed_is_applied_refused_is_not_the_rest_is_settled() -> None:
    collected = collect(*(intent(id) for id in "1234"), Outcome("1", "confirmed"), Outcome("2", "refused"),
                        Outcome("3", "unknown"))
    assert actions(collected) == {"1": "apply", "2": "skip", "3": "settle", "4": "settle"}
    assert [case.outcome for case in collected.cases()] == ["confirmed", "refused", "unknown", None]


def test_a_client_revokes_only_its_own_grants() -> None:
    collected = collect(intent("1", client="stranger"), Outcome("1", "confirmed"),
                        intent("2", kind="consent", client="stranger", owner=""), Outcome("2", "confirmed"),
                        intent("3", client="x", owner="", grants=[]), Outcome("3", "confirmed"))
    assert actions(collected) == {"1": "skip", "2": "apply", "3": "apply"}


def test_what_nobody_announced_is_counted() -> None:
    collected = collect(Outcome("1", "confirmed"), intent("2"))
    collected.take(INTENT, b"not ours")
    assert (collected.unexpected, collected.unreadable, collected.duplicates) == (2, 1, 0)


messages = st.lists(st.one_of(
    st.builds(intent, st.sampled_from("123456"), at=st.just(1.0)),
    st.builds(Outcome, st.sampled_from("123456"), st.sampled_from(["confirmed", "refused", "unknown"])),
), max_size=20)


@given(messages, st.randoms(use_true_random=False), st.integers(1, 3))
def test_order_and_duplicates_change_nothing(said: list[Intent | Outcome], shuffle: random.Random, times: int) -> None:
    expected = collect(*said)
    again = said * times
    shuffle.shuffle(again)
    got = collect(*again)
    assert got.cases() == expected.cases()
    assert got.unexpected == expected.unexpected
    assert grants_of(got.cases()) == grants_of(expected.cases())
    distinct = len(got.intents) + len(got.outcomes)
    assert got.duplicates == len(again) - distinct


@given(st.permutations(["unknown", "refused", "confirmed"]))
def test_of_contradicting_outcomes_the_same_one_wins(words: list[Said]) -> None:
    assert actions(collect(intent("1"), *(Outcome("1", word) for word in words))) == {"1": "apply"}
