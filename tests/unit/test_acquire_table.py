"""What a user sees while parts are gathered, and what `Parts` hands out."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from sim.errors import PartMissing
from sim.rigs.real.acquire import Parts, Row, Update
from sim.rigs.real.acquire.table import show, size

PROGRAM = Row("nats", "built", 22_304_108, 24.1, "no registry answers", "nats-server: v2.11.4", "sha256:ab", "/p/nats")
IMAGE = Row(
    "services", "built", 222_000_000, 2.4, "our own", "Python 3.11.2", "sha256:cd", image="rehearse.local/services:1"
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pipe_gets_a_line_for_each_change_and_the_result() -> None:
    out = io.StringIO()
    with show(out) as progress:
        progress(Update("nats", "downloading", "the source", 0.1))
        progress(Update("nats", "building", "with Go", 0.2))
        progress(Update("nats", "building", "crypto/tls", 9.0))
        progress(Update("nats", "checking", "asking it its version", 24.0))
        progress(Update("nats", "ready", PROGRAM.word, 24.1, PROGRAM))
    assert out.getvalue().splitlines() == [
        "nats: downloading: the source",
        "nats: building: with Go",
        "nats: built, 22 MB, 24 s (no registry answers): nats-server: v2.11.4",
    ]


@pytest.mark.parametrize("out", [io.StringIO(), Terminal()])
def test_what_is_here_already_is_not_worth_a_line(out: io.StringIO) -> None:
    with show(out) as progress:
        progress(Update("nats", "checking", "", 0.0))
        progress(Update("nats", "ready", PROGRAM.word, 0.01, PROGRAM))
    assert out.getvalue() == ""


def test_a_terminal_gets_the_table() -> None:
    out = Terminal()
    with show(out) as progress:
        progress(Update("nats", "building", "with Go", 0.2))
        progress(Update("nats", "ready", PROGRAM.word, 24.1, PROGRAM))
        progress(Update("services", "building", "image", 1.0))
    last = out.getvalue()[out.getvalue().rindex("part") :]
    assert "24.1 s" in last
    assert "no registry answers" in last
    assert "building" in last


@pytest.mark.parametrize(("count", "text"), [(999, "999 B"), (22_304_108, "22 MB"), (1_500_000_000, "1.5 GB")])
def test_sizes_for_people(count: int, text: str) -> None:
    assert size(count) == text


def test_a_part_of_the_other_kind_is_told_apart() -> None:
    parts = Parts("docker", [PROGRAM, IMAGE])
    assert parts.binary("nats") == Path("/p/nats")
    assert parts.image("services") == "rehearse.local/services:1"
    assert parts.versions == {"nats": "nats-server: v2.11.4", "services": "Python 3.11.2"}
    assert parts.digests == {"nats": "sha256:ab", "services": "sha256:cd"}
    with pytest.raises(PartMissing, match="is an image here"):
        parts.binary("services")
    with pytest.raises(PartMissing, match="is a program here"):
        parts.image("nats")
    with pytest.raises(PartMissing, match="was not acquired") as missing:
        parts.image("hydra-9")
    assert missing.value.seen == "acquired: nats, services"
