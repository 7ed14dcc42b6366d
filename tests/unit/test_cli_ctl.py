"""`rehearse ctl`: words become a command's arguments; what is wrong is told before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

from sim.cli.app import call
from sim.cli.ctl import USAGE
from sim.control import VERBS


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> list[tuple[str, dict[str, Any]]]:
    asked: list[tuple[str, dict[str, Any]]] = []

    def send(run_dir: Any, verb: str, **arguments: Any) -> str:
        asked.append((verb, {key: value for key, value in arguments.items() if key != "who"}))
        return "done"

    monkeypatch.setattr("sim.control.send", send)
    monkeypatch.setattr("sim.cli.runs.find_run", lambda run: tmp_path)
    return asked


def test_every_verb_of_the_socket_has_its_line() -> None:
    assert set(USAGE) == set(VERBS)


@pytest.mark.parametrize(("words", "arguments"), [
    ("inject latency edge/queue latency=250ms for=10s",
     {"fault": "latency", "link": "edge->queue", "parameters": {"latency": "250ms", "for": "10s"}}),
    ("inject down edge->blue-hydra:admin --for 1m", {"fault": "down", "link": "edge->blue-hydra:admin", "for_s": 60.0}),
    ("inject queue-gone", {"fault": "queue-gone"}),
    ("inject kill edge", {"fault": "kill", "part": "edge"}),
    ("heal", {}), ("heal all", {}), ("heal slow", {"name": "slow"}),
    ("buffer on", {"on": True}), ("buffer off", {"on": False}),
    ("note saw a spike", {"text": "saw a spike"}), ("abort too slow", {"reason": "too slow"}),
    ("postpone --for 90", {"for_s": 90.0}), ("panic", {}), ("step", {}), ("faults", {}),
])
def test_words_become_arguments(sent: list[tuple[str, dict[str, Any]]], words: str, arguments: dict[str, Any]) -> None:
    assert call(["ctl", "latest", *words.split()]) == 0
    assert sent == [(words.split()[0], arguments)]


@pytest.mark.parametrize(("words", "why"), [
    ("injct", "did you mean inject?"), ("inject", "one of latency"), ("buffer", "on or off"),
    ("buffer maybe", "on or off"),
    ("inject down edge/queue edge/queue", "one word too many"), ("heal a b", "one name"),
    ("postpone --for soon", "not a duration"),
])
def test_what_is_wrong_is_told_and_nothing_is_sent(sent: list[tuple[str, dict[str, Any]]], words: str, why: str,
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["ctl", "latest", *words.split()]) == 254
    assert why in capsys.readouterr().err and sent == []
