"""JUnit XML: counts a CI system can trust, and text that is always well-formed."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.checks.verdict import Check, Verdict, Word
from sim.report.junit import junit

WORDS: list[Word] = ["held", "held", "broken", "unknown", "not_asked", "broken", "not_asked", "held"]


def verdict(*words: Word, summary: str = "what was seen") -> Verdict:
    return Verdict(verdict="broken", ended="completed", scenario="10-x", engine="process", seed=10, checks=[
        Check(name=f"check-{n}", verdict=word, summary=summary, evidence=n) for n, word in enumerate(words)])


def test_one_case_a_check_and_the_counts_of_each_kind() -> None:
    suite = ElementTree.fromstring(junit(verdict(*WORDS), 94.25))
    assert suite.tag == "testsuite" and suite.get("name") == "rehearsal 10-x"
    assert [suite.get(k) for k in ("tests", "failures", "errors", "skipped", "time")] == ["8", "2", "1", "2", "94.250"]
    cases = suite.findall("testcase")
    assert [c.get("name") for c in cases] == [f"check-{n}" for n in range(8)]
    assert {c.get("classname") for c in cases} == {"10-x"}
    kinds = {"broken": "failure", "unknown": "error", "not_asked": "skipped", "held": "system-out"}
    assert [c[0].tag for c in cases] == [kinds[word] for word in WORDS]


@pytest.mark.parametrize(("word", "tag"), [("broken", "failure"), ("unknown", "error"), ("not_asked", "skipped")])
def test_what_is_not_held_carries_its_sentence(word: Word, tag: str) -> None:
    found = ElementTree.fromstring(junit(verdict(word), 1)).find(f"testcase/{tag}")
    assert found is not None and found.get("message") == "what was seen"


def test_what_held_carries_its_evidence() -> None:
    text = ElementTree.fromstring(junit(verdict("held", "held"), 1)).findall("testcase/system-out")[1].text
    assert text == "what was seen (evidence 1)"


def test_a_verdict_without_checks_is_a_suite_without_cases() -> None:
    suite = ElementTree.fromstring(junit(verdict(), 0))
    assert suite.get("tests") == "0" and len(suite) == 0


@settings(deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60), st.sampled_from(["held", "broken", "unknown"]))
def test_whatever_a_program_said_the_xml_can_be_read(summary: str, word: Word) -> None:
    """A summary may quote a part's output: quotes, angle brackets, escape codes, NULs."""
    case = ElementTree.fromstring(junit(verdict(word, summary=summary), 1))[0]
    said = case[0].text if word == "held" else case[0].get("message")
    assert said is not None
    kept = [c for c in summary if c.isprintable()]
    assert [c for c in said if c in set(kept)][: len(kept)] == kept


def test_an_escape_code_is_shown_and_harmless() -> None:
    text = junit(verdict("broken", summary="psql: \x1b[31mERROR\x00 <relation> & \"x\""), 1)
    message = ElementTree.fromstring(text).findall("testcase/failure")[0].get("message")
    assert message == "psql: \ufffd[31mERROR\ufffd <relation> & \"x\""
