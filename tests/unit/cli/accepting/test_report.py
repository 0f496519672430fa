"""The report: its schema, its verdict, and nothing of a stranger's that is taken for HTML."""

from dataclasses import replace

import jsonschema_rs
import pytest

from csms.cli.accepting.looks import Look
from csms.cli.accepting.machine import Outcome, Verdict, failed, not_done, overall, passed
from csms.cli.accepting.report import SCHEMA, Held, page, report

EVIL = "<script>alert('x')</script>"


def held(*outcomes: Outcome) -> Held:
    boot = {"vendor": EVIL, "model": "Box & Co"}
    charger = {"boot": boot, "connectors": []}
    first = Look(0, 1, {"charger": charger, "alarms": []})
    last = Look(0, 1, {"charger": charger, "alarms": [{"kind": "not_obeying"}], "learnt": {"vendor": EVIL}})
    return Held(f"CP{EVIL}", 1, {"id": f"CP{EVIL}"}, 1_795_773_600_000, 1_795_774_500_000, first, last, outcomes)


ALL = (
    passed("identity", EVIL, vendor=EVIL),
    failed("staircase", f"draws {EVIL}", f"look for {EVIL}", stairs=[{"limit": EVIL}]),
    not_done("network", "skipped, as asked for"),
)


def test_the_document_is_what_the_schema_says() -> None:
    document = report(held(*ALL))
    jsonschema_rs.validator_for(SCHEMA).validate(document)
    assert document["verdict"] == "failed"
    assert (document["beganAt"], document["endedAt"]) == ("2026-11-27T10:00:00Z", "2026-11-27T10:15:00Z")
    assert document["learnt"] == {"before": None, "after": {"vendor": EVIL}}
    assert document["alarms"] == ["not_obeying"]
    assert [(step["step"], step["verdict"], "toDo" in step) for step in document["steps"]] == [
        ("identity", "passed", False),
        ("staircase", "failed", True),
        ("network", "not_done", False),
    ]


def test_the_page_takes_nothing_for_html() -> None:
    text = page(report(held(*ALL)))
    assert "<script" not in text
    assert text.count("&lt;script&gt;") == 10
    assert "FAILED" in text


def test_a_warning_is_told_in_both_and_what_passed_has_passed() -> None:
    document = report(held(replace(passed("form", "in A"), warning=f"rounds {EVIL}")))
    jsonschema_rs.validator_for(SCHEMA).validate(document)
    assert (document["verdict"], document["steps"][0]["warning"]) == ("passed", f"rounds {EVIL}")
    text = page(document)
    assert "<script" not in text
    assert "Warning:</b> rounds &lt;script&gt;" in text
    assert "Warning" not in page(report(held(*ALL)))


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        (["passed", "passed"], Verdict.PASSED),
        (["passed", "not_done"], Verdict.NOT_DONE),
        (["not_done", "failed", "passed"], Verdict.FAILED),
        ([], Verdict.NOT_DONE),
    ],
)
def test_what_is_not_done_has_not_passed(verdicts: list[str], whole: Verdict) -> None:
    assert overall([Outcome("clock", Verdict(verdict), "") for verdict in verdicts]) is whole
