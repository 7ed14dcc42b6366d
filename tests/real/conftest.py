"""Fixtures of the tests on real programs."""

from rigs import engine, kind

__all__ = ["engine", "kind"]
