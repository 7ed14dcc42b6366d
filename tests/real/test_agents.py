"""What clients do when an answer does not come, over real sockets with answers of our own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from sim import clock
from sim.clock import LiveEnvironment
from sim.history.history import History
from sim.history.journal import Journal
from sim.phases import Phases
from sim.rigs.real.sender import LINKS, Sender
from sim.traffic import personas
from sim.traffic.acts import Acts
from sim.traffic.intents import Revocation
from sim.traffic.ledger import Chain, Ledger
from sim.traffic.minting import Minter
from sim.traffic.personas import Stage
from sim.traffic.population import Population
from sim.traffic.watching import Watchlist

pytestmark = pytest.mark.real

POPULATION = Population.draw(3, 200, {"web": 2, "cli": 1, "mcp": 1, "service": 1})
LIVE = next(n for n, grant in enumerate(POPULATION.grants) if grant.state == "live" and grant.kind == "mcp")
TIMEOUT_S = 0.3
PAIR = b'{"access_token":"new.a","refresh_token":"new.r","expires_in":20}'
Answer = tuple[int, bytes, str] | None
Play = Callable[[Stage, Chain], Generator[Any, Any, Any]]


def play(answers: list[Answer], path: Path, life: Play) -> tuple[History, Chain, list[dict[str, list[str]]]]:
    """Run one life against a server that gives these answers; None = none at all."""
    forms: list[dict[str, list[str]]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                               if line.startswith(b"content-length:")), 0)
                forms.append(parse_qs((await reader.readexactly(length)).decode()))
                answer = answers[len(forms) - 1]
                if answer is None:
                    await asyncio.sleep(60)
                else:
                    status, body, header = answer
                    writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{header}\r\n".encode() + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def main() -> Chain:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        env = LiveEnvironment()
        journal = Journal(path, scenario="agents", seed=1, engine="process")
        ledger, watchlist = Ledger(POPULATION, Minter("a system secret of a test", 3)), Watchlist()
        async with Sender(dict.fromkeys(LINKS, server.sockets[0].getsockname())) as sender:
            acts = Acts(env, sender, journal, ledger, watchlist, TIMEOUT_S)
            chain = ledger.seeded(LIVE)
            stage = Stage(env, acts, ledger, watchlist, Phases(env), 0.0, [])
            await env.run_live(env.process(life(stage, chain)))
        journal.close()
        server.close()
        return chain

    chain = clock.run(main())
    return History.load(path), chain, forms


def agent(stage: Stage, chain: Chain) -> Generator[Any, Any, Any]:
    return personas.refreshes(stage, "mcp-1", chain, insistent=True)


def outcomes(history: History) -> list[str]:
    return [call.done.type for call in history.calls() if call.done]


def test_an_agent_repeats_with_the_same_token_when_no_answer_came(tmp_path: Path) -> None:
    history, chain, forms = play([None, (200, PAIR, "Rehearse-Coalesced: 1\r\n")], tmp_path / "h", agent)
    assert outcomes(history) == ["info", "ok"]
    assert forms[0]["refresh_token"] == forms[1]["refresh_token"] != ["new.r"]
    assert chain.usable() and chain.newest == "new.r"
    last = history.ops[-1].value
    assert last is not None and last["coalesced"] is True


def test_an_agent_gives_up_after_three_and_then_nobody_knows(tmp_path: Path) -> None:
    history, chain, forms = play([None] * 3, tmp_path / "h", agent)
    assert outcomes(history) == ["info"] * 3 and len(forms) == 3
    assert chain.state == "uncertain"


def test_a_browser_app_does_not_repeat(tmp_path: Path) -> None:
    history, chain, _ = play([None], tmp_path / "h", lambda stage, chain: personas.refreshes(
        stage, "web-1", chain, insistent=False))
    assert outcomes(history) == ["info"] and chain.state == "uncertain"


def test_a_refused_token_ends_the_chain(tmp_path: Path) -> None:
    history, chain, _ = play([(401, b'{"error":"token_inactive"}', "")], tmp_path / "h", agent)
    assert outcomes(history) == ["fail"] and chain.state == "dead"
    assert history.ops[-1].value == {"status": 401, "oauth_error": "token_inactive"}


def test_an_outage_is_no_refusal(tmp_path: Path) -> None:
    history, chain, _ = play([(500, b'{"error":"server_error"}', ""), (200, PAIR, "")], tmp_path / "h", agent)
    assert outcomes(history) == ["fail", "ok"] and chain.usable()


def test_what_was_shed_is_tried_again_by_everybody(tmp_path: Path) -> None:
    shed = (503, b"{}", "Rehearse-Shed: buffer full\r\n")
    history, chain, _ = play([shed, (200, PAIR, "")], tmp_path / "h", lambda stage, chain: personas.refreshes(
        stage, "web-1", chain, insistent=False))
    assert outcomes(history) == ["fail", "ok"] and chain.usable()
    assert history.ops[1].value == {"status": 503, "shed": True}


def test_a_revocation_without_answer_is_insisted_upon_and_uncertain_until_then(tmp_path: Path) -> None:
    states: list[str] = []

    def life(stage: Stage, chain: Chain) -> Generator[Any, Any, Any]:
        intent = Revocation(0.0, "user-1", "refresh", LIVE, chain.name)
        stage.env.process(spy(stage, chain))
        yield from personas.revokes(stage, intent)

    def spy(stage: Stage, chain: Chain) -> Generator[Any, Any, Any]:
        yield stage.env.timeout(TIMEOUT_S + 0.2)
        states.append(chain.state)

    history, chain, forms = play([None, (200, b"", "Rehearse-Capture: 5\r\n")], tmp_path / "h", life)
    assert outcomes(history) == ["info", "ok"] and states == ["uncertain"]
    assert forms[0]["token"] == forms[1]["token"]
    assert chain.state == "revoked" and chain.kind == "refresh"
    last = history.ops[-1].value
    assert last is not None and (last["capture"], last["grants"]) == (5, [chain.name])
