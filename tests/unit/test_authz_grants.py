"""Authz with grants of its own: a known one needs no list, a listed one becomes known, a deleted one is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sim.rigs.real.narrowing import Finding
from sim.rigs.real.setting_aside import shown_key
from sim.rigs.real.trials import Abort
from sim.services.authz import Authz, Decision


class Hydra:
    """Answers as an admin API would: every token `of-SUBJECT` is active; `listed` by subject."""

    side = "green"

    def __init__(self, listed: dict[str, list[str]]) -> None:
        self.listed, self.asked = listed, 0

    async def ask(self, method: str, path: str, *, side: str | None = None, query: dict[str, str] | None = None,
                  form: dict[str, str] | None = None) -> tuple[int, Any]:
        if path == "/oauth2/introspect":
            assert form is not None
            return 200, {"active": True, "sub": form["token"].removeprefix("of-"), "client_id": "shop", "scope": "a"}
        assert query is not None
        self.asked += 1
        return 200, [{"consent_request": {"client": {"client_id": c}}} for c in self.listed.get(query["subject"], [])]

    async def control(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, {"side": self.side}


@pytest.fixture
def hydra() -> Hydra:
    return Hydra({"ann": ["shop"]})


@pytest.fixture
def authz(hydra: Hydra, tmp_path: Path) -> Authz:
    return Authz(hydra, tmp_path / "authz")  # type: ignore[arg-type]


async def may(authz: Authz, subject: str) -> Decision:
    return await authz._decide("green", f"of-{subject}", "a")


async def test_without_grants_of_its_own_the_list_decides_each_time(authz: Authz, hydra: Hydra) -> None:
    assert (await may(authz, "ann")).allowed
    hydra.listed.clear()
    assert await may(authz, "ann") == Decision(False, "consent_not_listed")


async def test_a_known_grant_needs_no_list_until_the_job_deletes_it(authz: Authz, hydra: Hydra) -> None:
    assert await authz.control("POST", "/grants", {"grants": [["ann", "shop"], ["bob", "shop"]]}) == (
        200, {"known": 2})
    hydra.listed.clear()  # as after a migration that marks every consent
    assert (await may(authz, "bob")).allowed and hydra.asked == 0
    assert await authz.control("POST", "/keep", {}) == (200, {"kept": 2})
    await authz.control("PUT", "/cleanup", {"every_s": 60, "subjects": 10})
    await asyncio.sleep(0.1)
    assert await may(authz, "bob") == Decision(False, "consent_not_listed")
    _, told = await authz.control("POST", "/deleted", {"after": 0})
    assert [row[1:3] for row in told["rows"]] == [("ann", "shop"), ("bob", "shop")]
    assert await authz.control("POST", "/restore", {}) == (200, {"restored": 2, "written_since": 0, "missing": 0})
    assert (await may(authz, "bob")).allowed
    assert (await authz.control("GET", "/cleanup", {}))[1]["on"] is False
    authz.close()


async def test_a_listed_grant_becomes_known(authz: Authz, hydra: Hydra) -> None:
    await authz.control("POST", "/grants", {"grants": []})
    assert (await may(authz, "ann")).allowed
    hydra.listed.clear()
    assert (await may(authz, "ann")).allowed
    assert not (await may(authz, "bob")).allowed
    authz.close()


async def test_the_guard_asks_about_the_last_token_seen(authz: Authz, hydra: Hydra) -> None:
    await authz.control("POST", "/grants", {"grants": [["ann", "shop"], ["bob", "shop"]]})
    await may(authz, "bob")
    assert await authz._is_active(("bob", "shop")) is True
    assert await authz._is_active(("ann", "shop")) is None, "no token of it was seen"
    authz.close()


async def test_other_control_calls_go_to_the_admin_api(authz: Authz) -> None:
    assert await authz.control("GET", "/status", {}) == (200, {"side": "green"})


def test_what_is_told_of_a_row_names_nobody() -> None:
    assert shown_key("hydra_oauth2_consent_request", {"challenge": "c1", "subject": "ann@x"}, "(c1)") == "c1"
    hidden = shown_key("hydra_oauth2_obfuscated_authentication_session", {"subject": "ann@x"}, "(ann@x,shop)")
    assert hidden.startswith("sha256:") and "ann" not in hidden
    finding = Finding("hydra_oauth2_refresh", "(sig-of-ann)", "sha256:1", Abort("2022", "2022_nid.sql", "P0001", "no"),
                      along=2)
    assert "ann" not in str(finding.told())
    assert (finding.told()["action"], finding.told()["along"]) == ("set_aside", 2)
