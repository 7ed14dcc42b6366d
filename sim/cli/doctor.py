"""`rehearse doctor`: what is here, what is missing, and what getting it would take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sim.rigs.real.acquire.survey import Standing, Tools

_DISK_NEEDED_BYTES = 6e9
# Assumption: images and programs 1 GB, Go's own caches 3 GB while building, two seeded databases of 1 GB each.
_MEMORY_NEEDED_BYTES = 3e9
# Assumption: two Postgres with 128 MB of shared buffers, two Hydras, the services and the harness stay below it.


async def doctor(
    json: Annotated[bool, typer.Option("--json", help="the findings as JSON on stdout")] = False,
) -> None:
    """Say what is here and what is missing. Starts and fetches nothing.

    Exits 0 if a rehearsal can run here (parts may still have to be fetched or built), else 255.
    """
    from sim.cli import output

    found = await examine()
    if json:
        output.result_json(found)
    else:
        _print(found)
    if found["engine"]["auto"] is None:
        raise typer.Exit(255)


async def examine() -> dict[str, Any]:
    """The findings: python, machine, tools, engine {auto, why}, parts (one dict each), warnings."""
    import msgspec

    from sim.rigs.real.acquire import survey

    tools, client, about = await survey.tools()
    try:
        parts = await survey.process_parts(tools)
        if about is not None:
            parts += await survey.docker_parts(tools, client, about)
    finally:
        if client is not None:
            client.close()
    machine = _machine(about.root if about is not None else "")
    return {
        "python": _python(),
        "machine": machine,
        "tools": msgspec.to_builtins(tools),
        "engine": _engine(),
        "parts": [msgspec.to_builtins(part) for part in parts],
        "warnings": _warnings(machine, tools, parts),
    }


def _python() -> dict[str, str]:
    import platform
    import sys

    return {"version": platform.python_version(), "path": sys.executable}


def _machine(docker_root: str) -> dict[str, Any]:
    import platform
    import shutil
    from pathlib import Path

    import psutil

    from sim import paths

    memory = psutil.virtual_memory()
    disk = {"cache": shutil.disk_usage(paths.cache()).free}
    if docker_root and Path(docker_root).is_dir():
        disk["docker"] = shutil.disk_usage(docker_root).free
    return {
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "cores": psutil.cpu_count() or 1,
        "memory_bytes": memory.total,
        "memory_free_bytes": memory.available,
        "disk_free_bytes": disk,
        "cache": str(paths.cache()),
    }


def _engine() -> dict[str, str | None]:
    """Which engine `--engine auto` would take, in the engines' own words."""
    from sim.errors import RehearsalError
    from sim.rigs.real.engines import choose

    try:
        kind, why = choose("auto")
    except RehearsalError as error:
        return {"auto": None, "why": str(error)}
    return {"auto": kind, "why": why}


def _warnings(machine: dict[str, Any], tools: Tools, parts: list[Standing]) -> list[str]:
    warnings = []
    for where, free in machine["disk_free_bytes"].items():
        if free < _DISK_NEEDED_BYTES:
            warnings.append(f"{where}: {free / 1e9:.1f} GB of disk free; {_DISK_NEEDED_BYTES / 1e9:.0f} GB are wanted")
    if machine["memory_free_bytes"] < _MEMORY_NEEDED_BYTES:
        free = machine["memory_free_bytes"] / 1e9
        warnings.append(f"{free:.1f} GB of memory free; {_MEMORY_NEEDED_BYTES / 1e9:.0f} GB are wanted")
    if machine["cores"] < 2:
        warnings.append("one core: the harness and the stack will disturb each other's times")
    if tools.docker_why:
        warnings.append(f"no docker engine: {tools.docker_why}")
    warnings += [f"{part.engine}: {part.part} is missing: {part.how}" for part in parts if part.state == "missing"]
    return warnings


def _print(found: dict[str, Any]) -> None:
    from sim.cli import output

    machine, tools, engine = found["machine"], found["tools"], found["engine"]
    disk = ", ".join(f"{free / 1e9:.0f} GB for {name}" for name, free in machine["disk_free_bytes"].items())
    memory = f"{machine['memory_free_bytes'] / 1e9:.0f} of {machine['memory_bytes'] / 1e9:.0f} GB"
    about = [
        ("python", f"{found['python']['version']} ({found['python']['path']})"),
        ("machine", f"{machine['architecture']}, {machine['cores']} cores, {machine['system']}"),
        ("memory", f"{memory} free"),
        ("disk", f"{disk} free; cache {machine['cache']}"),
        ("docker", tools["docker"] or tools["docker_why"]),
        ("go", tools["go"] or "not here; comes as a Python wheel when something has to be built"),
        ("debian", tools["debian"] or "no mmdebstrap: needed only where no image can be pulled"),
        ("engine", f"auto takes {engine['auto']}: {engine['why']}" if engine["auto"] else f"none: {engine['why']}"),
    ]
    for name, text in about:
        output.result(f"{name:<9}{text}")
    output.result()
    rows = [
        (part["engine"], part["part"], part["state"], _took(part["cost_s"]), part["word"] or part["how"])
        for part in found["parts"]
    ]
    width = output.screen_width()
    output.result(output.table(("engine", "part", "state", "cost", "what it says, or how it comes"), rows, width=width))
    for warning in found["warnings"]:
        output.progress(f"warning: {warning}")
    if engine["auto"]:
        output.next_step("rehearse scenarios")


def _took(cost_s: float) -> str:
    return f"~{cost_s:.0f} s" if cost_s else ""
