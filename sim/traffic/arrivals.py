"""When things come: an open model, Poisson arrivals on a daily curve.

Open means that arrivals do not wait for answers, so a slow server meets the same load as a
fast one. Every draw has its own generator, seeded by (seed, actor, purpose) through SHA-256:
adding an actor changes no other actor's draws, and no process's hash seed matters.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from math import cos, pi, sin
from random import Random

import msgspec

TROUGH_TO_MEAN = 146 / 240
"""Source: the scenario format's example: a mean of 240/s has its trough at 146/s."""


def rng(seed: int, actor: str, purpose: str) -> Random:
    """The generator of one actor's draws for one purpose."""
    return Random(int.from_bytes(sha256(f"{seed}|{actor}|{purpose}".encode()).digest()[:16], "big"))


class Curve(msgspec.Struct, frozen=True):
    """How the rate of all operations goes through the day: a cosine, lowest at phase 0."""

    mean_rps: float
    day_s: float
    begin_at: float = 0.0
    """Fraction of the day at which time 0 lies: 0 the trough, 0.5 the peak."""

    @property
    def swing(self) -> float:
        """Share of the mean by which the rate goes up and down."""
        return 1 - TROUGH_TO_MEAN

    @property
    def peak_rps(self) -> float:
        """The highest rate of the day."""
        return self.mean_rps * (1 + self.swing)

    def rate_rps(self, t_s: float) -> float:
        """The rate at time `t_s`."""
        return self.mean_rps * (1 - self.swing * cos(2 * pi * (t_s / self.day_s + self.begin_at)))

    def expected(self, until_s: float) -> float:
        """How many operations come between 0 and `until_s` on average."""
        turn = 2 * pi
        wave = sin(turn * (until_s / self.day_s + self.begin_at)) - sin(turn * self.begin_at)
        return self.mean_rps * (until_s - self.swing * self.day_s / turn * wave)


def arrivals(random: Random, curve: Curve, share: float, horizon_s: float) -> Iterator[float]:
    """Instants of a Poisson process with `share` of the curve's rate, in order, by thinning."""
    most_rps = curve.peak_rps * share
    if most_rps <= 0:
        return
    t_s = 0.0
    while True:
        t_s += random.expovariate(most_rps)
        if t_s >= horizon_s:
            return
        if random.random() * curve.peak_rps <= curve.rate_rps(t_s):
            yield t_s


def steady(random: Random, rate_rps: float, horizon_s: float) -> Iterator[float]:
    """Instants of a Poisson process with a constant rate."""
    t_s = 0.0
    while rate_rps > 0:
        t_s += random.expovariate(rate_rps)
        if t_s >= horizon_s:
            return
        yield t_s
