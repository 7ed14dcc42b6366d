"""The verdict as JUnit XML: one test case a check, for CI systems that draw them."""

from __future__ import annotations

from xml.etree import ElementTree

from sim.checks.verdict import Verdict


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
        case = ElementTree.SubElement(suite, "testcase", {"classname": verdict.scenario, "name": check.name})
        if check.verdict == "broken":
            ElementTree.SubElement(case, "failure", {"message": check.summary})
        elif check.verdict == "unknown":
            ElementTree.SubElement(case, "error", {"message": check.summary})
        elif check.verdict == "not_asked":
            ElementTree.SubElement(case, "skipped", {"message": check.summary})
        else:
            ElementTree.SubElement(case, "system-out").text = f"{check.summary} (evidence {check.evidence})"
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"
