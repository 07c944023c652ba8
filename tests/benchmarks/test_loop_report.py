"""The page of the closed loop says what was recorded."""

from __future__ import annotations

import json

import pytest

from benchmarks import loop_report
from benchmarks.closed_loop import QUESTIONS

TOLD = json.loads(loop_report.RESULTS.read_text(encoding="utf-8"))


def test_the_page_and_the_picture_are_of_the_recorded_run() -> None:
    assert loop_report.page(TOLD) in loop_report.PAGE.read_text(encoding="utf-8")
    assert loop_report.picture(TOLD) == loop_report.PICTURE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_recorded_run_answers_the_questions_as_they_are_asked_now(name: str) -> None:
    asked, answered = QUESTIONS[name], TOLD[name]
    plan = {key: getattr(asked.plan, key) for key in ("seed", "people", "items", "days", "visits", "refit_every")}
    assert {key: answered["plan"][key] for key in plan} == plan
    if not asked.together:
        assert list(answered["ways"]) == [way.name for way in asked.ways]
