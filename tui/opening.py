"""Where figures lead: opening, copying and explaining what the hand or a click is on."""

from __future__ import annotations

from sim.history.op import Op
from tui import copying
from tui.base import RunApp
from tui.ink import To
from tui.screens.sheets import Choice, TextSheet

TEXT_WIDTH = 74
"""Of an explanation: fits the narrowest screen."""

ABOUT = {
    "introspect": "token_continuity",
    "refresh": "session_continuity",
    "revoke": "revocation",
    "authorize": "login_continuity",
    "code": "login_continuity",
    "client_credentials": "write_loss",
    "discovery": "discovery_continuity",
    "jwks": "discovery_continuity",
    "id_token": "discovery_continuity",
    "authz": "consent_continuity",
    "logout": "login_continuity",
    "link": "fault_proof",
    "equality": "data_equality",
    "migrations": "migration",
    "oracle": "revocation",
    "revoked_rows": "revocation",
    "lost_grants": "write_loss",
    "lost_chains": "session_continuity",
    "consents": "consent_continuity",
    "browser_sessions": "login_continuity",
    "queue": "replay_queue",
    "snapshot": "copy",
    "switch": "cutover",
    "fence": "cutover",
    "proof_well": "rollback",
}
"""Operation → the topic that says what it is looked at for."""


class Opening(RunApp):
    """What `To` does."""

    def open(self, to: To) -> None:
        """Show what a figure stands for."""
        from tui.screens.faults import FaultsScreen
        from tui.screens.life import LifeScreen
        from tui.screens.log import LogScreen
        from tui.screens.op import OpScreen
        from tui.screens.verdict import VerdictScreen

        match to.kind:
            case "op":
                self.push_screen(OpScreen(int(to.arg)))
            case "grant":
                self.push_screen(LifeScreen(to.arg))
            case "screen":
                self.front(to.arg)
            case "log":
                log = self.get_screen("log")
                assert isinstance(log, LogScreen)
                log.set_filter(to.arg)
                self.front("log")
            case "check":
                verdict = self.get_screen("verdict")
                assert isinstance(verdict, VerdictScreen)
                self.front("verdict")
                self.call_after_refresh(verdict.choose, to.arg)
            case "link":
                faults = self.get_screen("faults")
                assert isinstance(faults, FaultsScreen)
                if isinstance(self.screen, FaultsScreen):
                    faults.begin(to.arg)
                else:
                    self.front("faults")
                    self.call_after_refresh(faults.choose, to.arg)
            case "step":
                self._open_step(to.arg)
            case "explain":
                self.explain(to)
        self.call_after_refresh(self.refresh_now)

    def _open_step(self, name: str) -> None:
        step = self.shown.runbook.step(name)
        if step is not None and step.i >= 0:
            self.open(To("op", str(step.i)))
        else:
            self.explain(To("step", step.kind if step is not None else name))

    def explain(self, to: To) -> None:
        """What a check, step, fault or operation means: the words of `rehearse explain`."""
        from tui.topics import explained

        name = to.arg
        if to.kind == "op":
            op = self.archive.op(int(to.arg))
            name = self._topic_of(op) if op is not None else "evidence"
        elif to.kind == "grant":
            name = "session_continuity"
        elif to.kind == "log":
            name = "failed" if "is:failed" in to.arg else "shed" if "is:shed" in to.arg else "evidence"
        elif to.kind == "link":
            name = "fault_proof"
        elif to.kind == "screen":
            name = {"ledger": "chain", "faults": "nemesis", "database": "migrate"}.get(to.arg, "verdict")
        self.push_screen(TextSheet(*explained(name, TEXT_WIDTH)))

    def _topic_of(self, op: Op) -> str:
        value = op.value or {}
        if op.f in ("step", "undo", "progress", "gate"):
            step = self.shown.runbook.step(str(value.get("step")))
            return step.kind if step is not None else str(value.get("step"))
        if op.f in ("fault", "heal"):
            return str(value.get("fault") or "fault_proof")
        return ABOUT.get(op.f, op.f)

    def copy_of(self, to: To) -> None:
        """Put it on the clipboard; an op is asked about: curl, psql or YAML."""
        if to.kind != "op":
            self._copied(to.arg, "copied")
            return
        begun, done = self.archive.pair(int(to.arg))
        op = begun or done
        if op is None:
            return
        header = self.shown.header
        texts = {
            "curl": copying.curl(op),
            "psql": copying.psql(op),
            "command": copying.command(op),
            "yaml": copying.yaml(begun, done, origin_utc=header.origin_utc if header is not None else ""),
        }
        keys = {"curl": "c", "psql": "p", "command": "x", "yaml": "y"}
        said = {
            "curl": "curl: the request it stands for",
            "psql": "psql: what the database holds of its grant",
            "command": "the exact command",
            "yaml": "YAML: both lines of the history",
        }
        choices = [Choice(keys[form], said[form], form) for form, text in texts.items() if text]
        self.ask(
            f"Copy #{op.i} as",
            "",
            [*choices, Choice("escape", "back", "")],
            lambda form: self._copied(texts[form], form),
        )

    def _copied(self, text: str, what: str) -> None:
        self.copy_to_clipboard(text)
        self.notify(text if len(text) < 300 else text[:300] + " …", title=f"{what}: on the clipboard", markup=False)
