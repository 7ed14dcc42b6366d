"""A check as the verdict screen says it: its figure, used of allowed, and its witnesses in words."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap
from typing import NamedTuple

from sim.checks.verdict import Check
from sim.history.figures import FIGURES
from sim.history.op import Op
from sim.report.text import amount
from tui import words
from tui.archive import Archive

WIDTH = 77
"""Of a sheet's text on the narrowest screen: 80 less the margin and the scroll bar."""


READ_FROM = {
    "revocation": "op:revoke,oracle,revoked_rows",
    "session_continuity": "op:refresh,lost_chains,poisoned",
    "token_continuity": "op:introspect",
    "write_loss": "op:authorize,code,lost_grants",
    "login_continuity": "op:authorize,code,logout,browser_sessions",
    "availability": "",
    "latency": "op:introspect",
    "replay_queue": "op:revoke is:captured",
    "consent_continuity": "op:authorize,consents",
    "discovery_continuity": "op:discovery,jwks,id_token",
    "cleanup_safety": "op:authz,cleaned",
    "data_equality": "op:equality,accounted,schema",
    "migration": "op:migrations",
    "rollback": "op:undo,proof_well",
    "fault_proof": "op:link,fault,heal",
}
"""Check → the log's filter for the operations it is read from; "" = whatever clients asked."""


class Used(NamedTuple):
    """The figure that decides a check."""

    label: str
    used: str
    allowed: str


def used(check: Check) -> Used:
    """What a person looks at first: what was tolerated, else the first figure that has a limit."""
    known = FIGURES.get(check.name, {})
    for figure in known:
        limit = check.tolerated.get(figure)
        if limit is not None:
            return Used(
                known[figure].label,
                amount(limit.used, limit.unit),
                "all" if limit.max == "all" else amount(limit.max, limit.unit),
            )
    for figure, meaning in known.items():
        if figure in check.figures and meaning.judged == "always":
            return Used(meaning.label, amount(check.figures[figure], meaning.unit), amount(0, meaning.unit))
    return Used("", "", "")


def figures_line(check: Check) -> str:
    """All figures: `longest gap 3.2 s · uses of revoked tokens 7`."""
    known = FIGURES.get(check.name, {})
    return " · ".join(
        f"{known[f].label if f in known else f} {amount(v, known[f].unit if f in known else 'count')}"
        for f, v in check.figures.items()
    )


def limits(check: Check) -> list[str]:
    """One line a tolerance: used, allowed, because."""
    known = FIGURES.get(check.name, {})
    return [
        f"{known[f].label if f in known else f}: {amount(t.used, t.unit)} of "
        f"{'all' if t.max == 'all' else amount(t.max, t.unit)}, because {t.because}"
        for f, t in check.tolerated.items()
    ]


def explain(check: Check) -> str:
    """What each of its figures means, as `rehearse explain` says it."""
    lines = [*wrap(words.one_line(check.summary), WIDTH), ""]
    for figure, meaning in FIGURES.get(check.name, {}).items():
        value = check.figures.get(figure)
        said = f" = {amount(value, meaning.unit)}" if value is not None else ""
        lines += [
            f"{check.name}.{figure}{said}",
            *wrap(meaning.explain, WIDTH, initial_indent="  ", subsequent_indent="  "),
            "",
        ]
    for line in limits(check):
        lines += wrap(f"allowed  {line}", WIDTH)
    return "\n".join([*lines, "", f"more: rehearse explain {check.name}"])


def witnesses(archive: Archive, indexes: Iterable[int]) -> list[Op]:
    """The ops of these indexes, each with its invocation or completion, none twice."""
    found: list[Op] = []
    for i in indexes:
        found += [op for op in archive.pair(i) if op is not None and op not in found]
    return found


def witness(op: Op, *, width: int = 400) -> str:
    """An op in one line: instant, index, who, what, of which grant, answered how, by which stack."""
    value = op.value or {}
    grant = f" of {op.grant[:13]}" if op.grant else ""
    if op.type == "invoke":
        said = "asked"
    else:
        said = f"{op.route} {op.type}" if op.route else op.type
    told = " ".join(f"{k}={_short(v)}" for k, v in value.items() if v is not None and not isinstance(v, dict))
    error = f" {words.one_line(op.error)}" if op.error else ""
    return f"{words.instant(op.t_s, tenths=True)} #{op.i} {op.process} {op.f}{grant}: {said} {told}{error}"[
        :width
    ].rstrip()


def _short(value: object) -> str:
    if isinstance(value, list):
        return ",".join(str(v)[:13] for v in value[:3]) + ("…" if len(value) > 3 else "")
    return f"{value:g}" if isinstance(value, float) else str(value)[:40]
