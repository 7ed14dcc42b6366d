"""How a test plants a bug (the fixture `plant`)."""

from __future__ import annotations

from collections.abc import Callable

PLANT = Callable[[str], None]
