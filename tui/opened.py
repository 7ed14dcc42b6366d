"""One op opened: when, who, what was asked and answered, by which stack, by what exact command."""

from __future__ import annotations

from datetime import datetime, timedelta
from textwrap import wrap
from typing import Any

from sim.history.op import Header, Op
from sim.report.masking import masked
from tui import copying, words
from tui.archive import Archive
from tui.events import by, event
from tui.ink import Line, Opens

COMMANDS_SHOWN = 12


def utc(header: Header | None, t_s: float) -> str:
    """The instant as wall time: `2026-11-24 04:15:05.284Z`."""
    if header is None:
        return "-"
    origin = datetime.fromisoformat(header.origin_utc.replace("Z", "+00:00"))
    return (origin + timedelta(seconds=t_s)).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + "Z"


def title(begun: Op | None, done: Op | None) -> str:
    """`#4431 refresh by visitor-2: ok on blue`."""
    op = done or begun
    if op is None:
        return "no such op"
    how = "" if op.of is None and op.type == "info" else f": {'no answer yet' if done is None else op.type}"
    where = f" on {op.route}" if op.route else ""
    return f"#{op.i} {op.f} by {op.process}{how}{where}"


def lines(
    archive: Archive, begun: Op | None, done: Op | None, header: Header | None, width: int, *, figure: str = ""
) -> list[Line]:
    """The op's sheet, from the instant down to the answer; of a gauge the figure that was opened comes first."""
    op = done or begun
    if op is None:
        return [[("the history holds no op of this index (yet)", "past")]]
    told: list[Line] = [*_when(begun, done, header), []]
    if figure:
        told += [[("figure   ", "past"), (f"{figure}: {_at(op.value or {}, figure)}", "strong")], []]
    if op.grant:
        told.append([("grant    ", "past"), (Opens(op.grant, "grant", op.grant), ""), ("   its life: enter", "past")])
    if op.token_hash:
        told.append([("token    ", "past"), (f"sha256 {op.token_hash}…", ""), ("   its text is never stored", "past")])
    told += _request(op if begun is None else begun, width)
    if begun is not None and begun.value:
        told += _block("asked", begun.value, width)
    answer = done.value if done is not None else None
    if answer and done is not None and done.of is not None:
        told += _block("answered", answer, width)
    elif answer:
        told += _block("says", answer, width)
    if op.error:
        told += [[("error    ", "past"), (part, "bad")] for part in wrap(masked(op.error), width - 9)]
    told += _commands(archive, begun, done, width)
    return told


def _when(begun: Op | None, done: Op | None, header: Header | None) -> list[Line]:
    first = begun or done
    assert first is not None
    rows: list[Line] = []
    if begun is not None:
        late = f"   {(begun.t_s - begun.due_s) * 1000:+.1f} ms after it was due" if begun.due_s is not None else ""
        rows.append(
            [
                ("sent     ", "past"),
                (utc(header, begun.t_s), "strong"),
                (f"   T+{words.instant(begun.t_s, tenths=True)}", ""),
                (late, "past"),
            ]
        )
    if done is not None:
        since = ""
        if begun is not None:
            due_s = begun.t_s if begun.due_s is None else begun.due_s
            since = f"   {words.ms(done.t_s - due_s)} ms from when it was due"
        rows.append(
            [
                ("answered " if begun is not None else "at       ", "past"),
                (utc(header, done.t_s), "strong"),
                (f"   T+{words.instant(done.t_s, tenths=True)}", ""),
                (since, "past"),
            ]
        )
        if done.route:
            rows.append([("by       ", "past"), (done.route, "green" if done.route == "green" else "blue")])
    else:
        rows.append([("answered ", "past"), ("not yet, or never", "ask")])
    return rows


def _request(op: Op, width: int) -> list[Line]:
    asked = copying.request(op)
    if asked is None:
        return []
    form = "&".join(f"{name}={value}" for name, value in asked.form)
    whole = (
        f"{asked.method} {asked.url}" + (f"  {form}" if form else "") + ("  with its secret" if asked.client else "")
    )
    rows = wrap(whole, max(20, width - 9))
    return [[("request  " if n == 0 else "         ", "past"), (part, "")] for n, part in enumerate(rows)]


def _at(value: dict[str, Any], path: str) -> str:
    """What stands at a path of names with points between, as one line."""
    found: Any = value
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return copying.scalar(found)


def _block(label: str, value: dict[str, Any], width: int) -> list[Line]:
    rows: list[Line] = []
    for text in copying.yaml_lines(value):
        lead = len(text) - len(text.lstrip())
        for part in wrap(text, max(20, width - 9), subsequent_indent=" " * (lead + 2)) or [""]:
            rows.append([(f"{label if not rows else '':<9}", "past"), (part, "")])
    return rows


def _commands(archive: Archive, begun: Op | None, done: Op | None, width: int) -> list[Line]:
    """A command as it ran; of a step, all commands that ran inside it."""
    op = done or begun
    assert op is not None
    if op.f == "cmd":
        return [
            [("exact    " if n == 0 else "         ", "past"), (part, "strong")]
            for n, part in enumerate(wrap(masked(copying.command(op)), width - 9))
        ]
    if op.f not in ("step", "undo") or begun is None:
        return []
    begins = archive.follower.begins
    end = begins[done.i] if done is not None and done.i < len(begins) else None
    rows: list[Line] = []
    for i in archive.find(b'"f":"cmd"', begins[begun.i], end):
        ran = archive.op(i)
        if ran is None or ran.f != "cmd":
            continue
        if len(rows) >= COMMANDS_SHOWN:
            rows.append([("         ", ""), ("… more in the log", "past")])
            break
        said = words.one_line(masked(copying.command(ran)))
        rows.append(
            [("ran      " if not rows else "         ", "past"), (Opens(f"$ {said}"[: width - 9], "op", i), "")]
        )
    return rows


def one_line(begun: Op | None, done: Op | None, *, grant: bool = True) -> tuple[str, str]:
    """(what, how it went) of an op in the log: `introspect 2da8cf8c93f03`, `ok blue 4.3 ms`."""
    op = done or begun
    assert op is not None
    told = event(op, begun)
    if told is not None:
        return told.text, ""
    value = op.value or {}
    if op.process == "operator":
        said = " ".join(str(v) for key, v in value.items() if key not in ("who", "role"))
        return words.one_line(f"{by(value)}{op.f} {said}"), "asked" if done is None else op.type
    if op.process == "runbook" and op.f == "progress":
        share = f"{value.get('done')}/{value.get('total')} " if value.get("total") else ""
        return words.one_line(f"{value.get('step')}: {share}{value.get('statement') or value.get('now') or ''}"), ""
    what = f" {op.grant[:22]}" if op.grant and grant else f" {value['link']}" if "link" in value else ""
    kind = (op.value or {}).get("kind") or ((begun.value or {}).get("token") if begun is not None else "") or ""
    how: str = op.type
    if op.route:
        how += f" {op.route}"
    if begun is not None and done is not None:
        due_s = begun.t_s if begun.due_s is None else begun.due_s
        how += f" {words.ms(done.t_s - due_s)} ms"
    if "active" in value:
        how += "  active" if value["active"] else "  inactive"
    if value.get("capture") is not None:
        how += f"  capture {value['capture']}"
    if value.get("shed"):
        how += "  shed"
    if op.error:
        how += f"  {words.one_line(masked(op.error))}"
    return f"{op.f}{what} {kind}".rstrip(), how
