"""/metrics: Prometheus' text, counted from ops, without a surprise in it, on loopback alone."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path

import pytest
from builders import Tale

from sim.errors import BadInput
from sim.history.history import History
from sim.history.journal import Journal
from sim.rehearsal import Options, _Rehearsal
from sim.report.exposition import CONTENT_TYPE, Family, Sample, exposition
from sim.report.metrics import BUCKETS_S, Metrics
from sim.rigs.real.exposing import Exposing
from sim.runbook.runner import Ended
from sim.runfolder import make_run_folder
from sim.scenario import load_scenario

LINE = re.compile(r'[a-z][a-z0-9_]*(\{([a-z_]+="(\\[\\"n]|[^"\\\n])*",?)+\})? (\+Inf|-?[0-9.e+-]+)')


def metrics(tale: Tale) -> Metrics:
    made = Metrics(scenario="10-upgrade", seed=7, engine="process")
    for op in tale.ops:
        made(op)
    return made


def samples(text: str, name: str) -> dict[str, float]:
    """Labels as written → value of one metric's lines."""
    return {line[len(name):].rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines()
            if line.startswith((f"{name} ", f"{name}{{"))}


def test_a_family_has_help_and_type_before_its_samples_and_an_empty_one_is_left_out() -> None:
    text = exposition([Family("a_total", "counter", "How many.", [Sample(3), Sample(0.25, {"x": "y", "z": "w"})]),
                       Family("b", "gauge", "Nothing.", [])])
    assert text == '# HELP a_total How many.\n# TYPE a_total counter\na_total 3\na_total{x="y",z="w"} 0.25\n'


def test_what_would_break_a_line_is_escaped() -> None:
    text = exposition([Family("a", "gauge", 'back\\slash\nand "quotes"', [Sample(1, {"x": 'a\\b"c\nd'})])])
    assert text.splitlines() == ['# HELP a back\\\\slash\\nand "quotes"', "# TYPE a gauge", 'a{x="a\\\\b\\"c\\nd"} 1']
    assert LINE.fullmatch(text.splitlines()[2])


def busy() -> Tale:
    tale = Tale(step_s=0.003)
    for _ in range(3):
        tale.end(tale.begin("rs-1", "introspect"), active=True)
    tale.end(tale.begin("rs-1", "introspect", due_s=tale.now_s - 7), active=True)
    tale.end(tale.begin("web-1", "revoke"), "fail", status=503, shed=True)
    tale.end(tale.begin("web-1", "refresh"), "fail", status=401, oauth_error="token_inactive")
    tale.end(tale.begin("web-1", "refresh"), "info", route=None, error="no answer")
    tale.begin("web-1", "authorize")
    tale.step("baseline", took=1)
    tale.begin("runbook", "step", step="copy", kind="copy")
    tale.note("runbook", "state", state="RUNNING", why="")
    tale.note("harness", "gauge", cut={"grants": 4, "chains": 9, "logins": 0}, late_p99_s=0.0014, late=2, sent=8,
              unsent=0, edge={"buffering": True, "waiting": 5, "shed": {"queue_down": 6}})
    return tale


def test_calls_are_counted_by_operation_outcome_and_route() -> None:
    text = metrics(busy()).text()
    assert samples(text, "rehearse_operations_total") == {
        '{operation="introspect",outcome="answered",route="blue"}': 4,
        '{operation="refresh",outcome="answered",route="blue"}': 1,
        '{operation="refresh",outcome="failed",route="none"}': 1,
        '{operation="revoke",outcome="shed",route="blue"}': 1}
    assert samples(text, "rehearse_in_flight") == {"": 1}


def test_latency_is_a_cumulative_histogram_from_when_calls_were_due() -> None:
    text = metrics(busy()).text()
    found = samples(text, "rehearse_latency_seconds_bucket")
    mine = {labels: n for labels, n in found.items() if "introspect" in labels}
    assert len(mine) == len(BUCKETS_S) + 1 and list(mine.values()) == sorted(mine.values())
    assert mine['{operation="introspect",le="0.005"}'] == 3 and mine['{operation="introspect",le="5"}'] == 3
    assert mine['{operation="introspect",le="+Inf"}'] == 4
    assert samples(text, "rehearse_latency_seconds_count")['{operation="introspect"}'] == 4
    assert samples(text, "rehearse_latency_seconds_sum")['{operation="introspect"}'] == pytest.approx(7.015, abs=0.01)


def test_steps_sender_prices_and_the_edge_are_told() -> None:
    text = metrics(busy()).text()
    assert samples(text, "rehearse_step_running") == {'{step="copy"}': 1}
    assert list(samples(text, "rehearse_step_duration_seconds")) == ['{step="baseline",outcome="ok"}']
    assert samples(text, "rehearse_lost") == {'{what="grants"}': 4, '{what="chains"}': 9, '{what="logins"}': 0}
    assert samples(text, "rehearse_sender_late_p99_seconds") == {"": 0.0014}
    assert samples(text, "rehearse_sent_late_total") == {"": 2}
    assert samples(text, "rehearse_buffered") == {"": 5} and samples(text, "rehearse_buffering") == {"": 1}
    assert samples(text, "rehearse_edge_shed_total") == {'{reason="queue_down"}': 6}
    assert samples(text, "rehearse_state") == {'{state="RUNNING"}': 1}
    assert '{scenario="10-upgrade",seed="7",engine="process"} 1' in text


def test_every_line_is_of_the_format_and_every_family_is_said_once() -> None:
    lines = metrics(busy()).text().splitlines()
    assert all(LINE.fullmatch(line) for line in lines if not line.startswith("#"))
    named = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(named) == len(set(named)) == sum(line.startswith("# HELP") for line in lines)


def test_faults_are_told_while_they_are_on_and_surprises_never() -> None:
    tale = Tale()
    slow = tale.begin("nemesis", "fault", name="slow", fault="latency", link="edge->queue")
    gone = tale.begin("nemesis", "fault", name="gone", fault="down", link="edge->queue", surprise=True)
    tale.end(slow, route=None, name="slow", proven=True)
    tale.end(gone, route=None, name="gone", proven=True, surprise=True)
    text = metrics(tale).text()
    assert samples(text, "rehearse_faults_active") == {"": 1} and "gone" not in text
    assert samples(text, "rehearse_fault_active") == {'{name="slow",fault="latency",where="edge->queue"}': 1}
    tale.end(tale.begin("nemesis", "heal", name="slow"), route=None, name="slow")
    assert samples(metrics(tale).text(), "rehearse_faults_active") == {"": 0}


async def asked(port: int, line: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{line} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    return answer


async def test_it_is_served_on_loopback_and_gone_afterwards() -> None:
    made = metrics(busy())
    exposing = Exposing(made.text)
    url = await exposing.start(0)
    port = int(url.rpartition(":")[2].partition("/")[0])
    assert url == f"http://127.0.0.1:{port}/metrics"
    head, _, body = (await asked(port, "GET /metrics")).partition("\r\n\r\n")
    assert " 200 " in head and f"Content-Type: {CONTENT_TYPE}" in head and body == made.text()
    assert " 404 " in await asked(port, "GET /")
    assert " 405 " in await asked(port, "POST /metrics")
    other = Exposing(made.text)
    with pytest.raises(BadInput, match=f"port {port} cannot be had"):
        await other.start(port)
    await exposing.close()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


async def test_a_run_answers_from_its_start_to_its_end_and_says_where(tmp_path: Path,
                                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    answers: list[str] = []

    async def on_a_stack(self: _Rehearsal, kind: str, journal: Journal) -> Ended:
        """In place of real parts: one call, then somebody asks."""
        journal.complete(journal.invoke("rs-1", "introspect"), "ok", route="blue", value={"active": True})
        answers.append(await asked(port(said), "GET /metrics"))
        return Ended("completed")

    monkeypatch.setattr(_Rehearsal, "_on_a_stack", on_a_stack)
    folder = make_run_folder("10-upgrade", 10, tmp_path / "run")
    options = Options(engine="process", metrics=0, say=said.append)
    result = await _Rehearsal(load_scenario("10"), options, 10, folder).run()
    assert 'rehearse_operations_total{operation="introspect",outcome="answered",route="blue"} 1' in answers[0]
    told = [(op.value or {})["text"] for op in History.load(folder / "history.jsonl").notes("note")]
    assert [line for line in said if line.startswith("metrics: ")] == told and result.folder == folder
    with pytest.raises(OSError):
        await asked(port(said), "GET /metrics")


async def test_a_port_that_is_taken_ends_before_anything_is_started(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        options = Options(engine="process", metrics=taken.getsockname()[1], say=lambda line: None)
        folder = make_run_folder("10-upgrade", 10, tmp_path / "run")
        with pytest.raises(BadInput, match="cannot be had for /metrics"):
            await _Rehearsal(load_scenario("10"), options, 10, folder).run()
    assert not (folder / "history.jsonl").exists()


def port(said: list[str]) -> int:
    line = next(line for line in said if line.startswith("metrics: http://127.0.0.1:"))
    return int(line.rpartition(":")[2].partition("/")[0])
