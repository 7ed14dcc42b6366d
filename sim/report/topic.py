"""What one screen of `rehearse explain` holds."""

from __future__ import annotations

from typing import NamedTuple


class Topic(NamedTuple):
    """One screen: what it is, why it matters, how it is done here, how production differs."""

    what: str
    why: str
    how: str
    production: str
