"""An intent without an outcome is settled from the rows: dead on the source, even in part, is dead on the target."""

from __future__ import annotations

from typing import Any

import pytest
from captures import Side

from sim.services.replayer import Replay
from sim.services.replaying import Collected
from sim.services.revocations import Intent


@pytest.mark.parametrize(("kind", "has_refresh", "alive", "refreshable", "taken"), [
    ("refresh", True, set(), set(), ["g"]),
    ("refresh", True, {"g"}, {"g"}, []),  # it was never forwarded
    ("refresh", True, {"g"}, set(), ["g"]),  # cut off when the refresh tokens were gone and the access tokens were not
    ("refresh", False, {"g"}, set(), ["g"]),  # the same from an edge that did not say it
    ("access", True, set(), set(), ["g"]),
    ("access", True, {"g"}, {"g"}, []),
    ("access", True, {"g"}, set(), ["g"]),  # the same cut, asked for by an access token of the chain
    ("access", False, {"g"}, set(), []),  # a grant that never had a refresh token
    ("consent", False, {"g"}, set(), []),  # Hydra takes a consent back in one transaction
])
async def test_what_is_gone_in_part_was_taken_back(kind: Any, has_refresh: bool, alive: set[str],
                                                   refreshable: set[str], taken: list[str]) -> None:
    collected, target = Collected(), Side()
    collected.intents["1"] = Intent("1", kind, ["g"], "c", "ann", 1.0, owner="c", has_refresh=has_refresh)
    any_target: Any = target
    any_source: Any = Side(alive, refreshable)
    assert await Replay(collected, any_target, any_source).run(1) == []
    assert target.taken == taken
