"""`rehearse bench edge`: what the edge costs a request.

Hydra 1.11.10 with Postgres, Toxiproxy and the edge on the process engine. Open loop: the time
that edge and both links add to an introspection. Saturated: what the edge carries to a stub
that answers at once, and what of Hydra's own throughput is left behind it; nginx in the same
place, if there is one. On few cores the load eats with them: ratios, not records.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

RATE_RPS = 200.0
"""Source: the benchmark's goal; a little above scenario 10's mean."""
ADDED_P50_GOAL_S, CPU_GOAL_S, STUB_GOAL_RPS = 0.002, 0.0006, 3000.0
"""Source: the benchmark's goals."""
CONNECTIONS = 32
PARTS = ("blue-postgres", "toxiproxy", "queue")

_NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  upstream target {{ server {target}; keepalive 64; }}
  server {{ listen 127.0.0.1:{port}; keepalive_requests 1000000;
    location / {{ proxy_pass http://target; proxy_http_version 1.1; proxy_set_header Connection "";
                 proxy_set_header Host $host; }} }}
}}
"""


def bench_edge(
    seconds: Annotated[float, typer.Option(help="Length of each measurement, in seconds.")] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON.")] = False,
) -> None:
    """What the edge adds to a request, and how many it carries."""
    from sim.cli import output

    output.progress(f"Hydra, Postgres, Toxiproxy and the edge; then six or more measurements of {seconds:g} s …")
    output.figures(asyncio.run(_measure(seconds)), _rows, as_json=as_json)


def _rows(figures: dict[str, Any]) -> list[list[str]]:
    from sim.cli.output import reached

    opened, stub, hydra, nginx = (figures[k] for k in ("open", "stub", "hydra", "nginx"))
    rows = [
        ["introspect p50 at Hydra itself", _ms(opened["direct_p50_s"]), "", ""],
        ["introspect p50 through edge and Toxiproxy", _ms(opened["edge_p50_s"]), "", ""],
        ["added p50", _ms(opened["added_p50_s"]), f"≤ {_ms(ADDED_P50_GOAL_S)}", reached(opened["met"])],
        ["edge CPU a request, 200/s", _ms(opened["cpu_s_a_request"]), f"≤ {_ms(CPU_GOAL_S)}",
         reached(opened["cpu_met"])],
        ["edge CPU a request, saturated", _ms(stub["cpu_s_a_request"]), "", ""],
        ["edge to a stub, saturated", f"{stub['rps']:.0f}/s", f"≥ {STUB_GOAL_RPS:.0f}/s", reached(stub["met"])],
        ["the stub alone, same load", f"{stub['alone_rps']:.0f}/s", "", ""],
        ["Hydra alone, saturated", f"{hydra['alone_rps']:.0f}/s", "", ""],
        ["Hydra behind the edge", f"{hydra['edge_rps']:.0f}/s, {hydra['ratio']:.0%}", "", ""],
        ["edge memory", f"{figures['rss_bytes'] / 1e6:.0f} MB", "", ""],
    ]
    if nginx is None:
        return [*rows, ["nginx in its place", "not on PATH", "", ""]]
    return [*rows, ["nginx to a stub, saturated", f"{nginx['stub_rps']:.0f}/s", "", ""],
            ["Hydra behind nginx", f"{nginx['hydra_rps']:.0f}/s, {nginx['ratio']:.0%}", "", ""]]


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


async def _measure(seconds: float) -> dict[str, Any]:
    from sim.cli.bench_load import closed_loop, open_loop, request
    from sim.cli.bench_stack import bench_stack
    from sim.cli.bench_tokens import introspection, minted
    from sim.rigs.real.acquire import acquire
    from sim.rigs.real.secrets import secrets

    parts = await acquire("process", hydra=["1.11.10"])
    python = str(parts.binary("python"))
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rehearse-bench-")))
        engine = await stack.enter_async_context(bench_stack(folder, parts, secrets(), PARTS, ["blue-hydra"]))
        await engine.start("blue-hydra")
        await engine.start("edge")
        hydra, edge = engine.direct("blue-hydra", "admin"), engine.direct("edge", "internal")
        link = engine.link("resource-servers->edge:internal")
        (token,) = await minted(hydra, engine.direct("blue-hydra", "public"), 1)
        ask = introspection(token)
        stubbed, ping = await stack.enter_async_context(_stub(python)), request("GET", "/health/ready", host="h")

        for address in (hydra, link):  # warm: pools, caches, plans
            await open_loop(address, ask, rate_rps=RATE_RPS, seconds=1.0)
        direct = await open_loop(hydra, ask, rate_rps=RATE_RPS, seconds=seconds)
        before = await engine.usage("edge")
        through = await open_loop(link, ask, rate_rps=RATE_RPS, seconds=seconds)
        cpu_s = ((await engine.usage("edge")).cpu_s - before.cpu_s) / len(through)
        alone_rps = await closed_loop(hydra, ask, connections=CONNECTIONS, seconds=seconds)
        edge_rps = await closed_loop(edge, ask, connections=CONNECTIONS, seconds=seconds)
        rss_bytes = (await engine.usage("edge")).rss_bytes
        opened = {"direct_p50_s": statistics.median(direct), "edge_p50_s": statistics.median(through),
                  "cpu_s_a_request": cpu_s, "cpu_met": cpu_s <= CPU_GOAL_S}
        opened["added_p50_s"] = opened["edge_p50_s"] - opened["direct_p50_s"]
        opened["met"] = opened["added_p50_s"] <= ADDED_P50_GOAL_S

        # the same edge code, its blue being the stub
        await engine.stop("edge")
        at = f"http://127.0.0.1:{stubbed[1]}"
        await engine.start("edge", environment={"EDGE_BLUE_PUBLIC": at, "EDGE_BLUE_ADMIN": at})
        public = engine.direct("edge", "public")
        await closed_loop(public, ping, connections=CONNECTIONS, seconds=0.5)
        before = await engine.usage("edge")
        stub_rps = await closed_loop(public, ping, connections=CONNECTIONS, seconds=seconds)
        used_s = (await engine.usage("edge")).cpu_s - before.cpu_s
        stub = {"rps": stub_rps, "alone_rps": await closed_loop(stubbed, ping, connections=CONNECTIONS, seconds=1.0),
                "cpu_s_a_request": used_s / (stub_rps * seconds), "met": stub_rps >= STUB_GOAL_RPS}

        nginx = None
        if shutil.which("nginx"):
            figures = {}
            for name, target, sent in (("stub", stubbed, ping), ("hydra", hydra, ask)):
                async with _nginx(folder, target) as address:
                    figures[f"{name}_rps"] = await closed_loop(address, sent, connections=CONNECTIONS, seconds=seconds)
            nginx = {**figures, "ratio": figures["hydra_rps"] / alone_rps}
    return {"open": opened, "stub": stub, "nginx": nginx, "rss_bytes": rss_bytes,
            "hydra": {"alone_rps": alone_rps, "edge_rps": edge_rps, "ratio": edge_rps / alone_rps}}


@asynccontextmanager
async def _stub(python: str) -> AsyncIterator[tuple[str, int]]:
    port = _free_port()
    process = await asyncio.create_subprocess_exec(python, "-m", "sim.cli.bench_load", str(port))
    try:
        yield await _listening(("127.0.0.1", port))
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def _nginx(folder: Path, target: tuple[str, int]) -> AsyncIterator[tuple[str, int]]:
    port = _free_port()
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, port=port, target=f"{target[0]}:{target[1]}"))
    process = await asyncio.create_subprocess_exec("nginx", "-c", str(config), "-e", str(folder / "error.log"))
    try:
        yield await _listening(("127.0.0.1", port))
    finally:
        process.terminate()
        await process.wait()


async def _listening(address: tuple[str, int]) -> tuple[str, int]:
    until_s = time.monotonic() + 5.0
    while True:
        try:
            _, writer = await asyncio.open_connection(*address)
        except OSError:
            if time.monotonic() > until_s:
                raise
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return address


def _free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
