"""Disks that a scenario fills: their Postgres has one of its own in memory, and no other disk is ever filled."""

from __future__ import annotations

from sim.scenario.model import Scenario

FAULT = "disk"
BASE_BYTES, GRANT_BYTES = 512 << 20, 60 << 10
"""Assumption: an empty Postgres, and its log as `LOG` bounds it. Source: two databases and two logs of 4 GB take 52 kB
a grant (rigs/real/room): one, migrated, takes less."""
LOG = "256MB"
"""Assumption: max_wal_size where a disk is bounded; the 4 GB of a disk of its own would fill it without any fault."""


def disks(scenario: Scenario) -> dict[str, int]:
    """Part → bytes of its disk, for each Postgres that a fault of the scenario fills; of several sizes the largest.

    Surprises count too, and so do faults kept by hand.
    """
    usual_bytes = BASE_BYTES + scenario.population.grants * GRANT_BYTES
    found: dict[str, int] = {}
    for fault in scenario.every_fault:
        if fault.fault == FAULT and fault.part is not None:
            found[fault.part] = max(found.get(fault.part, 0), fault.size or usual_bytes)
    return found


def surprising(scenario: Scenario) -> set[str]:
    """Those of `disks` that only surprises fill: players must not read of them."""
    return set(disks(scenario)) - {fault.part or "" for fault in scenario.faults if fault.fault == FAULT}
