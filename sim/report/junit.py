"""The verdict as JUnit XML: one test case a check, for CI systems that draw them."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from sim.checks.verdict import Verdict

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 can't hold even escaped: a summary may quote a program's colour codes."""


def junit(verdict: Verdict, duration_s: float) -> str:
    """XML text: broken is a failure, unknown an error, not_asked skipped."""
    counts = {"broken": 0, "unknown": 0, "not_asked": 0}
    for check in verdict.checks:
        if check.verdict in counts:
            counts[check.verdict] += 1
    suite = ElementTree.Element("testsuite", {
        "name": f"rehearsal {verdict.scenario}", "tests": str(len(verdict.checks)),
        "failures": str(counts["broken"]), "errors": str(counts["unknown"]),
        "skipped": str(counts["not_asked"]), "time": f"{duration_s:.3f}"})
    for check in verdict.checks:
        summary = _NOT_XML.sub("\ufffd", check.summary)
        case = ElementTree.SubElement(suite, "testcase", {"classname": verdict.scenario, "name": check.name})
        if check.verdict == "broken":
            ElementTree.SubElement(case, "failure", {"message": summary})
        elif check.verdict == "unknown":
            ElementTree.SubElement(case, "error", {"message": summary})
        elif check.verdict == "not_asked":
            ElementTree.SubElement(case, "skipped", {"message": summary})
        else:
            ElementTree.SubElement(case, "system-out").text = f"{summary} (evidence {check.evidence})"
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"
