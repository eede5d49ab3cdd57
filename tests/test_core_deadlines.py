"""How deadlines live: met, missed, reminded of, moved, provisional, recurring, replaced, withheld, counted anew."""

from datetime import timedelta
from typing import Any

import pytest

from casework import decide
from casework.effects import HolidayChanged, NoticeKind
from casework.procedure import Procedure
from casework.story import DeadlineState
from tests.lives import (
    ALONE,
    ATM,
    CS,
    IRO,
    SW,
    TM,
    Life,
    changed,
    conference_set,
    example,
    london,
    plan_made,
    referred,
    strategy_held,
)

SECOND = timedelta(seconds=1)


def missed(life: Life) -> set[str]:
    return {deadline.id for deadline in life.deadlines.values() if deadline.breached_at}


# --- Met, met late, missed ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("visit", "state"),
    [
        ("2026-04-08 10:00:00", "met"),
        ("2026-04-09 10:00:00", "met"),  # on the very instant
        ("2026-04-09 10:00:01", "met late missed"),
        ("2026-04-10 10:00:00", "met late missed"),
    ],
)
def test_a_limit_in_hours_is_kept_up_to_its_very_instant(visit: str, state: str) -> None:
    life = strategy_held("2026-04-08 10:00").say("child_visited", SW, visit)
    assert life.state("child-seen") == state
    assert life.the("child-seen").met_at == london(visit)


@pytest.mark.covers("Q-02")
@pytest.mark.parametrize(
    ("held", "state"), [("2026-04-29 23:59:59", "met"), ("2026-04-30 00:00:01", "met late missed")]
)
def test_a_limit_in_days_is_kept_up_to_the_end_of_its_day(held: str, state: str) -> None:
    life = conference_set("2026-04-08 10:00", "2026-04-29 14:00").say("chair_allocated", CS, chair="iro")
    life.say("initial_conference_held", IRO, held, plan=False)
    assert life.state("initial-conference") == state


def test_a_missed_limit_is_written_down_and_told_to_its_owner_and_to_the_next_in_line() -> None:
    life = strategy_held("2026-04-08 10:00").until("2026-04-09 10:00")
    assert life.state("child-seen") == "open"
    life.until(life.now + SECOND)
    assert life.state("child-seen") == "overdue missed"
    assert life.the("child-seen").breached_at == london("2026-04-09 10:00")
    assert "Visit the family home and see the child: MISSED, was due Thu 9 Apr 2026 10:00" in life.lines
    assert life.sent(NoticeKind.OVERDUE) == [("2026-04-09 10:00", "social worker")]
    assert life.sent(NoticeKind.ESCALATION) == [("2026-04-09 10:00", "team manager")]
    assert life.case.overdue[0].timescale == "child-seen"


def test_a_missed_limit_sounds_once_however_often_the_case_is_looked_at() -> None:
    life = strategy_held("2026-04-08 10:00")
    for day in range(10, 20):
        life.until(f"2026-04-{day} 09:00")
    assert len(life.notices(NoticeKind.OVERDUE, "child-seen")) == 1
    assert len(life.notices(NoticeKind.ESCALATION, "child-seen")) == 1


def test_a_case_that_slept_through_several_limits_hears_of_each_once_and_reminds_of_none() -> None:
    life = strategy_held("2026-04-08 10:00").sleep("2026-05-20 09:00")
    assert len(life.sent(NoticeKind.OVERDUE)) == 3
    assert life.sent(NoticeKind.REMINDER) == []
    # Of what is missed everything has been heard: it keeps a bar on the timeline, and rings in a year.
    bars = {name: (at, words) for name, (at, words) in decide.alarms(life.whole).items() if name != "look-again"}
    assert len(bars) == 3
    assert all("OVERDUE, was due" in words and at > life.now + timedelta(days=300) for at, words in bars.values())


def test_a_late_fact_meets_the_limit_and_the_miss_that_was_recorded_stays() -> None:
    life = strategy_held("2026-04-08 10:00").until("2026-04-09 18:00")
    life.say("child_visited", SW, occurred_at="2026-04-09 09:30")
    assert life.state("child-seen") == "met missed"
    assert life.the("child-seen").met_at == london("2026-04-09 09:30")
    assert any("met, Thu 9 Apr 2026 09:30 (it was first recorded as missed)" in line for line in life.lines)


@pytest.mark.parametrize(
    ("visit", "state"),
    [("2026-04-08 10:00", "met"), ("2026-04-09 09:00", "met"), ("2026-04-09 12:00", "met late missed")],
)
def test_the_order_in_which_facts_are_told_does_not_matter(visit: str, state: str) -> None:
    life = referred("E", "2026-04-07 08:00").say("strategy_requested", ATM)
    life.say("authorisation", TM, request="request-2", decision="authorise")
    life.say("child_visited", SW, "2026-04-10 09:00", occurred_at=visit)
    life.say("strategy_outcome", SW, occurred_at="2026-04-08 10:00", decision="section 47")
    assert life.due("child-seen") == "2026-04-09 10:00"
    assert life.state("child-seen") == state
    assert not life.notices(NoticeKind.OVERDUE)


def test_a_clock_that_has_run_out_when_the_case_hears_of_it_is_overdue_at_once() -> None:
    life = referred("E", "2026-04-07 08:00").say("strategy_requested", ATM)
    life.say("authorisation", TM, request="request-2", decision="authorise")
    life.say("strategy_outcome", SW, "2026-04-11 09:00", occurred_at="2026-04-08 10:00", decision="section 47")
    assert life.state("child-seen") == "overdue missed"
    assert life.sent(NoticeKind.OVERDUE, "child-seen") == [("2026-04-11 09:00", "social worker")]


def test_a_visit_told_late_meets_the_clock_that_ran_then_and_not_the_one_that_runs_now() -> None:
    life = plan_made("2026-03-09 10:00", "2026-03-27 10:00")
    life.say("child_visited", SW, "2026-04-08 16:00", **ALONE)
    life.say("child_visited", SW, "2026-04-09 09:00", occurred_at="2026-04-01 16:00", **ALONE)
    assert [(life.due("plan-visit", nth), life.state("plan-visit", nth)) for nth in range(3)] == [
        ("2026-04-10", "met"),
        ("2026-04-15", "met"),
        ("2026-04-22", "open"),
    ]


def test_one_visit_told_by_two_people_is_one_visit() -> None:
    life = plan_made("2026-03-09 10:00", "2026-03-27 10:00")
    life.say("child_visited", SW, "2026-04-08 16:00", **ALONE)
    life.say("child_visited", TM, "2026-04-09 09:00", occurred_at="2026-04-08 16:00", **ALONE)
    assert [life.state("plan-visit", nth) for nth in range(2)] == ["met", "open"]
    assert life.due("plan-visit") == "2026-04-22"


def test_what_was_done_late_is_said_to_be_late_and_nothing_else() -> None:
    life = strategy_held("2026-04-08 10:00").say("child_visited", SW, "2026-04-09 11:00")
    assert "Visit the family home and see the child: met late, Thu 9 Apr 2026 11:00" in life.lines
    prompt = strategy_held("2026-04-08 10:00").say("child_visited", SW, "2026-04-09 09:00")
    assert "Visit the family home and see the child: met, Thu 9 Apr 2026 09:00" in prompt.lines


def test_a_reason_is_kept_with_what_was_missed() -> None:
    life = strategy_held("2026-04-08 10:00").until("2026-04-10 09:00")
    life.say("reason_recorded", SW, deadline="child-seen@4", reason="the family was away until Friday")
    assert life.the("child-seen").because == "the reason is in the record"
    assert "the family was away until Friday" in life.kept[-1].body
    assert life.state("child-seen") == "overdue missed"
    assert "no deadline called 'child-seen@9'" in life.refused(
        "reason_recorded", SW, deadline="child-seen@9", reason="none"
    )


# --- Reminders and escalations ------------------------------------------------------------------------------------


def test_reminders_come_in_the_morning_of_the_working_day_before_and_hours_before_to_the_hour() -> None:
    life = strategy_held("2026-04-08 10:00").until("2026-04-29 12:00")
    assert life.sent(NoticeKind.REMINDER, "child-seen") == [("2026-04-09 06:00", "social worker")]
    assert life.sent(NoticeKind.REMINDER, "initial-conference") == [
        ("2026-04-22 09:00", "social worker"),
        ("2026-04-28 09:00", "social worker"),
    ]
    assert life.sent(NoticeKind.REMINDER, "conference-arrangements") == [
        ("2026-04-15 09:00", "conference service"),
        ("2026-04-22 09:00", "conference service"),
    ]


def test_what_is_met_is_not_reminded_of() -> None:
    life = strategy_held("2026-04-08 10:00").say("child_visited", SW, "2026-04-08 11:00").until("2026-04-12 09:00")
    assert life.notices(about="child-seen") == []


def test_a_reminder_that_would_be_over_already_is_left_out() -> None:
    life = referred("E", "2026-04-07 08:00").say("strategy_requested", ATM)
    life.say("authorisation", TM, request="request-2", decision="authorise")
    life.say("strategy_outcome", SW, "2026-04-09 08:00", occurred_at="2026-04-08 10:00", decision="section 47")
    life.until("2026-04-09 09:59")
    assert life.sent(NoticeKind.REMINDER, "child-seen") == []
    assert decide.alarms(life.whole)["child-seen@4"][0] == london("2026-04-09 10:00:01")


def test_alarms_are_named_for_a_timeline_and_lie_ahead() -> None:
    life = strategy_held("2026-04-08 10:00")
    at, summary = decide.alarms(life.whole)["child-seen@4"]
    assert at == london("2026-04-09 06:00")
    assert summary == "Visit the family home and see the child — due Thu 9 Apr 2026 10:00"
    while life.next_alarm is not None:
        assert life.next_alarm > life.now
        life.until(life.next_alarm)


# --- Moved --------------------------------------------------------------------------------------------------------


def test_what_counts_back_from_a_conference_moves_with_it_and_says_so() -> None:
    life = conference_set("2026-04-08 10:00", "2026-04-29 14:00")
    life.say("conference_scheduled", CS, "2026-04-20 09:00", starts_at="2026-04-27 10:00")
    for timescale in ("conference-report-to-family", "conference-report-to-service"):
        assert life.due(timescale) == "2026-04-26 10:00"
        assert len(life.all_of(timescale)) == 1
        assert life.sent(NoticeKind.MOVED, timescale) == [("2026-04-20 09:00", "social worker")]
    moved = "Share the conference report with the parents and carers: moved from Tue 28 Apr 2026 14:00 to Sun 26 Apr"
    assert any(line.startswith(moved) for line in life.lines)
    life.until("2026-04-28 14:00:02")
    assert life.sent(NoticeKind.OVERDUE, "conference-report-to-family") == [("2026-04-26 10:00", "social worker")]


def test_a_limit_that_moves_into_the_past_is_overdue_at_once_and_once_only() -> None:
    two_days = example(timescale={"conference-report-to-family": {"before": "2 working days"}})
    life = conference_set("2026-05-06 10:00", "2026-05-29 10:00", by=two_days)
    assert life.due("conference-report-to-family") == "2026-05-27"
    life.say("conference_scheduled", CS, "2026-05-26 09:00", starts_at="2026-05-27 10:00")
    assert life.due("conference-report-to-family") == "2026-05-22"
    assert life.state("conference-report-to-family") == "overdue missed"
    life.until("2026-05-29 12:00")
    assert life.sent(NoticeKind.OVERDUE, "conference-report-to-family") == [("2026-05-26 09:00", "social worker")]
    assert len(life.notices(NoticeKind.ESCALATION, "conference-report-to-family")) == 1


def test_a_limit_that_moves_ahead_again_is_open_again_and_the_miss_is_remembered() -> None:
    life = conference_set("2026-04-08 10:00", "2026-04-27 14:00").until("2026-04-26 15:00")
    assert life.state("conference-report-to-family") == "overdue missed"
    life.say("conference_scheduled", CS, starts_at="2026-04-29 14:00")
    assert life.state("conference-report-to-family") == "open missed"
    life.until("2026-04-28 15:00")
    assert life.state("conference-report-to-family") == "overdue missed"
    assert [at for at, _ in life.sent(NoticeKind.OVERDUE, "conference-report-to-family")] == [
        "2026-04-26 14:00",
        "2026-04-28 14:00",
    ]


def test_a_conference_set_for_the_same_time_again_moves_nothing_and_tells_nobody() -> None:
    life = conference_set("2026-04-08 10:00", "2026-04-29 14:00")
    life.say("conference_scheduled", CS, "2026-04-20 09:00", starts_at="2026-04-29 14:00")
    assert life.notices(NoticeKind.MOVED) == []


def test_the_time_of_a_conference_is_what_was_arranged_last_and_not_what_was_told_last() -> None:
    life = conference_set("2026-04-08 10:00", "2026-04-28 14:00")
    life.say("conference_scheduled", CS, "2026-04-20 12:00", starts_at="2026-04-24 14:00")
    life.say(
        "conference_scheduled", CS, "2026-04-20 15:00", occurred_at="2026-04-17 10:00", starts_at="2026-04-29 14:00"
    )
    assert life.case.conference is not None
    assert life.case.conference.starts_at == london("2026-04-24 14:00")
    assert life.due("conference-report-to-family") == "2026-04-23 14:00"
    assert life.sent(NoticeKind.MOVED, "conference-report-to-family") == [("2026-04-20 12:00", "social worker")]


def test_a_report_shared_too_late_for_a_conference_that_was_brought_forward_is_late() -> None:
    life = report_authorised("2026-04-29 10:00").say("report_shared", SW, "2026-04-27 20:00", to="family")
    assert life.state("conference-report-to-family") == "met"
    life.say("conference_scheduled", CS, "2026-04-27 21:00", starts_at="2026-04-28 16:00")
    assert life.due("conference-report-to-family") == "2026-04-27 16:00"
    assert life.state("conference-report-to-family") == "met late missed"


def test_a_report_that_was_shared_is_not_owed_again_when_the_conference_moves() -> None:
    life = report_authorised("2026-04-29 14:00").say("report_shared", SW, "2026-04-21 10:00", to="family")
    life.say("conference_scheduled", CS, "2026-04-22 09:00", starts_at="2026-04-28 10:00")
    assert life.state("conference-report-to-family") == "met"
    assert len(life.all_of("conference-report-to-family")) == 1


def test_a_report_shared_before_the_conference_had_a_time_has_been_shared() -> None:
    life = strategy_held("2026-04-08 10:00").say("child_visited", SW)
    life.say("section47_outcome", SW, outcome="substantiated").say("conference_service_informed", SW)
    life.say("assessment_completed", SW, "2026-04-15 10:00")
    life.say("authorisation", TM, request=life.case.waiting_requests[-1].id, decision="authorise")
    life.say("report_shared", SW, "2026-04-16 10:00", to="family")
    life.say("conference_scheduled", CS, "2026-04-17 10:00", starts_at="2026-04-29 14:00")
    assert life.state("conference-report-to-family") == "met"
    assert life.the("conference-report-to-family").met_at == london("2026-04-16 10:00")
    assert life.state("conference-report-to-service") == "open"


def report_authorised(conference: str) -> Life:
    life = conference_set("2026-04-08 10:00", conference).say("assessment_completed", SW, "2026-04-20 10:00")
    return life.say("authorisation", TM, request=life.case.waiting_requests[-1].id, decision="authorise")


def test_a_conference_set_after_its_limit_is_warned_of() -> None:
    life = conference_set("2026-04-08 10:00", "2026-05-01 14:00")
    assert "Warning: The conference is set for Fri 1 May 2026 14:00, after its time limit" in life.lines
    assert [notice.to for notice in life.notices(NoticeKind.WARNING)] == ["social worker"]


# --- Provisional --------------------------------------------------------------------------------------------------


@pytest.mark.covers("A-20")
def test_what_counts_back_from_a_review_counts_from_the_reviews_limit_until_it_has_a_time() -> None:
    life = plan_made("2026-04-08 10:00", "2026-04-29 14:00")
    minutes = life.the("core-group-minutes-to-service")
    assert (life.due("core-group-minutes-to-service"), minutes.provisional) == ("2026-07-22", True)
    life.say("conference_scheduled", CS, "2026-06-01 10:00", which="review", starts_at="2026-07-20 10:00")
    minutes = life.the("core-group-minutes-to-service")
    assert (life.due("core-group-minutes-to-service"), minutes.provisional) == ("2026-07-13", False)
    assert life.sent(NoticeKind.MOVED, "core-group-minutes-to-service") == [("2026-06-01 10:00", "social worker")]
    assert len(life.all_of("core-group-minutes-to-service")) == 1


def test_a_review_set_at_the_conference_itself_is_counted_from_at_once() -> None:
    life = conference_set("2026-04-08 10:00", "2026-04-29 14:00").say("chair_allocated", CS, chair="iro")
    life.say(
        "initial_conference_held",
        IRO,
        "2026-04-29 14:00",
        plan=True,
        categories=["neglect"],
        first_review_at="2026-07-20 10:00",
    )
    assert life.due("core-group-minutes-to-family") == "2026-07-13"


def test_each_review_has_its_own_minutes() -> None:
    life = plan_made("2026-04-08 10:00", "2026-04-29 14:00").say("core_group_held", SW, "2026-05-14 10:00")
    life.say("core_group_held", SW, "2026-06-11 10:00")
    life.say("core_group_minutes_sent", SW, "2026-07-20 10:00", to="family")
    life.say("review_conference_held", IRO, "2026-07-29 10:00", decision="continue")
    assert [life.state("core-group-minutes-to-family", nth) for nth in range(2)] == ["met", "open"]
    assert life.state("core-group-minutes-to-service", 0) == "overdue closed missed"
    assert life.due("core-group-minutes-to-family") == "2027-01-22"
    life.say("conference_scheduled", CS, "2026-12-01 10:00", which="review", starts_at="2027-01-20 10:00")
    assert life.due("core-group-minutes-to-family") == "2027-01-13"
    assert len(life.all_of("core-group-minutes-to-family")) == 2


def test_each_review_has_its_own_report_however_late_the_first_was_heard_of() -> None:
    report = {
        "duty": "Share the review report",
        "owner": "social worker",
        "from": "review conference scheduled",
        "before": "7 days",
        "reading": "calendar",
        "before_scheduled": ["first-review"],
        "met_by": "review report shared with the family",
        "until": ["review conference held", "plan ended"],
    }
    life = plan_made("2026-05-06 10:00", "2026-05-27 12:00", by=example(timescale={"review-report": report}))
    life.say("conference_scheduled", CS, which="review", starts_at="2026-08-20 10:00")
    assert life.due("review-report") == "2026-08-13"
    life.until("2026-09-10 09:00")
    life.say("report_shared", SW, occurred_at="2026-08-12 10:00", to="family", which="review")
    life.say("review_conference_held", IRO, occurred_at="2026-08-20 10:00", decision="continue")
    life.say("conference_scheduled", CS, which="review", starts_at="2027-02-18 10:00")
    assert [life.state("review-report", nth) for nth in range(2)] == ["met missed", "open"]
    assert life.due("review-report") == "2027-02-11"
    life.say("report_shared", SW, "2027-02-10 10:00", to="family", which="review")
    life.say("review_conference_held", IRO, "2027-02-18 10:00", decision="continue")
    life.say("conference_scheduled", CS, which="review", starts_at="2027-08-18 10:00")
    assert [life.state("review-report", nth) for nth in (1, 2)] == ["met", "open"]
    assert life.due("review-report") == "2027-08-11"


# --- Recurring ----------------------------------------------------------------------------------------------------


def test_a_recurrence_that_was_missed_goes_on_from_when_it_was_done() -> None:
    life = plan_made("2026-03-09 10:00", "2026-03-27 10:00").until("2026-04-20 09:00")
    assert life.state("plan-visit") == "overdue missed"
    life.say("child_visited", SW, "2026-04-20 16:00", **ALONE)
    assert [life.state("plan-visit", nth) for nth in range(2)] == ["met late missed", "open"]
    assert life.due("plan-visit") == "2026-05-04"


@pytest.mark.parametrize(
    "ending",
    [
        [("step_down_considered", SW, {}), ("authorisation", TM, {"decision": "authorise"}),
         ("step_down_agreed", SW, {"support": "a family support worker"})],
        [("review_conference_held", IRO, {"decision": "end", "support": "a family support worker"}),
         ("authorisation", TM, {"decision": "authorise"})],
        [("child_died", SW, {"abuse_or_neglect_suspected": False, "other_children": False})],
    ],
    ids=["step-down", "review", "death"],
)  # fmt: skip
def test_when_the_plan_ends_every_recurrence_ends(ending: list[tuple[str, str, dict[str, Any]]]) -> None:
    life = plan_made("2026-03-09 10:00", "2026-03-27 10:00").say("core_group_held", SW, "2026-04-14 10:00")
    life.say("child_visited", SW, **ALONE)
    assert {"plan-visit", "core-group", "first-review"} <= set(life.running)
    for name, by, fields in ending:
        named = {"request": life.case.waiting_requests[-1].id} if name == "authorisation" else {}
        life.say(name, by, **named, **fields)
    assert not {"plan-visit", "core-group", "first-review", "later-review"} & set(life.running)
    assert not [key for key in decide.alarms(life.whole) if key.startswith(("plan-visit", "core-group", "first-rev"))]
    before = len(life.notices())
    life.until("2027-06-01 09:00")
    assert not [notice for notice in life.notices()[before:] if (notice.deadline or "").startswith(("plan", "core"))]


def test_every_visit_is_to_be_written_up_and_one_record_is_for_the_oldest() -> None:
    record = {"duty": "Record the visit", "owner": "social worker", "from": "child visited", "each": True}
    in_days = {**record, "within": "3 days", "reading": "calendar", "met_by": "visit recorded"}
    life = strategy_held("2025-12-24 16:45", by=example(timescale={"visit-record": in_days}))
    life.say("child_visited", SW, "2025-12-25 14:00", alone=True)
    life.say("child_visited", SW, "2025-12-26 14:00", alone=True)
    assert [life.due("visit-record", nth) for nth in range(2)] == ["2025-12-28", "2025-12-29"]
    life.say("visit_recorded", SW, "2025-12-27 09:00")
    assert [life.state("visit-record", nth) for nth in range(2)] == ["met", "open"]
    life.say("visit_recorded", SW, "2025-12-30 09:00")
    assert life.state("visit-record", 1) == "met late missed"


# --- Windows, aims, clocks that are counted from the last or from the earlier event --------------------------------


def test_a_window_is_told_of_when_it_opens_and_is_missed_when_it_closes() -> None:
    window = {"within": None, "window": ["4 weeks", "6 weeks"]}
    life = plan_made("2026-05-06 10:00", "2026-05-27 12:00", by=example(timescale={"core-group": window}))
    life.say("core_group_held", SW, "2026-06-10 10:00")
    assert str(life.the("core-group").window_opens) == "2026-07-08"
    assert life.due("core-group") == "2026-07-22"
    life.until("2026-07-22 23:00")
    opens = [notice for notice in life.notices(about="core-group") if notice.text.startswith("May be held from today")]
    assert [notice.at for notice in opens] == [london("2026-07-08 09:00")]
    assert life.state("core-group") == "open"
    life.until("2026-07-23 00:01")
    assert life.state("core-group") == "overdue missed"


@pytest.mark.covers("Q-09")
def test_an_aim_that_passes_is_no_limit_missed() -> None:
    aim = {"duty": "Hold the first review (aim)", "owner": "social worker", "from": "first core group held"}
    in_weeks = {**aim, "within": "10 weeks", "target": True, "met_by": "review conference held", "until": "plan ended"}
    life = plan_made("2026-05-06 10:00", "2026-05-27 12:00", by=example(timescale={"aim": in_weeks}))
    life.say("core_group_held", SW, "2026-06-10 10:00")
    assert (life.due("aim"), life.due("first-review")) == ("2026-08-19", "2026-08-27")
    life.until("2026-08-26 09:00")
    assert life.state("aim") == "open"
    assert not life.notices(NoticeKind.OVERDUE, "aim")
    life.until("2026-08-28 09:00")
    assert life.state("first-review") == "overdue missed"


@pytest.mark.covers("Q-13", "C-01")
def test_where_the_last_strategy_meeting_counts_passing_the_first_ones_limit_is_warned_of() -> None:
    first = {"duty": "Hold it", "owner": "social worker", "from": "section 47 initiated", "within": "15 working days"}
    last = {
        "from": "strategy discussion held",
        "opens_on": "section 47 initiated",
        "anchor": "last",
        "within": "15 days",
        "reading": "working",
        "warn_after": "from-first",
    }
    from_first = {**first, "target": True, "met_by": "initial conference held"}
    procedure = example(timescale={"from-first": from_first, "initial-conference": last})
    life = strategy_held("2026-04-20 10:00", by=procedure)
    assert life.due("initial-conference") == "2026-05-12"
    assert life.notices(NoticeKind.WARNING) == []
    life.say("strategy_requested", SW, "2026-04-30 10:00", immediate=True)
    life.say("strategy_outcome", SW, decision="section 47")
    assert life.due("initial-conference") == "2026-05-22"
    assert str(life.the("initial-conference").other_reading_on) == "2026-05-15"
    assert life.due("from-first") == "2026-05-12"
    assert len(life.all_of("initial-conference")) == 1
    assert len(life.notices(NoticeKind.MOVED, "initial-conference")) == 1
    assert any(line.startswith("Warning: ") and "which is after Tue 12 May 2026" in line for line in life.lines)


@pytest.mark.covers("Q-10")
def test_a_second_event_starts_the_clock_again_only_where_that_is_earlier() -> None:
    either = {"from": ["core group held", "review conference held"], "anchor": "earlier", "within": "6 weeks"}
    life = plan_made("2026-03-09 10:00", "2026-03-27 10:00", by=example(timescale={"core-group": either}))
    life.say("core_group_held", SW, "2026-04-14 10:00")
    assert life.due("core-group") == "2026-05-26"
    life.say("review_conference_held", IRO, "2026-05-01 10:00", decision="continue")
    assert life.due("core-group") == "2026-05-26"  # the review's six weeks would end on 12 June
    assert life.notices(NoticeKind.MOVED, "core-group") == []


# --- Replaced -----------------------------------------------------------------------------------------------------


def extension_requested() -> Life:
    """Where a discussion is to be held within 24 hours, and within 72 if that is agreed: it is asked for."""
    hold = {"duty": "Hold it", "owner": "team manager", "from": "referral received", "within": "24 hours"}
    held = {**hold, "met_by": "strategy discussion held"}
    longer = {**held, "within": "72 hours", "opens_on": "strategy extension agreed", "replaces": "discussion"}
    agreed = {"title": "A longer limit", "authorised_by": ["team manager"]}
    procedure = example(
        timescale={"discussion": held, "discussion-extended": longer}, authorisation={"strategy extension": agreed}
    )
    life = complex_discussion(referred(procedure, "2026-10-23 18:00"))
    return life.say("strategy_extension_requested", ATM, reason="organised abuse")


def complex_discussion(life: Life) -> Life:
    life.say("strategy_requested", ATM, complex=True)
    return life.say("authorisation", TM, request=life.case.waiting_requests[-1].id, decision="authorise")


def extension_agreed(life: Life, at: str | None = None) -> Life:
    return life.say("authorisation", TM, at, request="strategy extension", decision="authorise")


def test_an_extension_replaces_the_limit_and_counts_from_the_same_event() -> None:
    life = extension_agreed(extension_requested(), "2026-10-24 09:00")
    assert life.state("discussion") == "ended"
    assert life.due("discussion-extended") == "2026-10-26 17:00"  # the clocks go back
    life.until("2026-10-24 18:00:02")
    assert missed(life) == set()


def test_an_extension_agreed_too_late_leaves_the_limit_missed() -> None:
    life = extension_agreed(extension_requested(), "2026-10-24 20:00")
    assert life.state("discussion") == "overdue closed missed"
    assert life.due("discussion-extended") == "2026-10-26 17:00"
    assert life.state("discussion-extended") == "open"
    life.until("2026-10-26 09:00")
    assert len(life.notices(NoticeKind.OVERDUE, "discussion")) == 1


def test_an_extension_is_for_the_discussion_it_was_asked_for() -> None:
    life = extension_requested()
    [first] = life.case.strategies
    complex_discussion(life.until("2026-10-23 20:00"))
    assert len(life.case.strategies) == 2
    extension_agreed(life)
    assert life.state("discussion-extended") == "open"
    assert life.the("discussion-extended").scope == first.id


# --- Withheld -----------------------------------------------------------------------------------------------------


@pytest.mark.covers("Q-20")
def test_what_is_withheld_from_the_family_does_not_become_overdue() -> None:
    life = report_authorised("2026-04-29 14:00").say("information_withheld", SW, ground="police investigation")
    assert life.state("conference-report-to-family") == "withheld"
    assert life.the("conference-report-to-family").because == "police investigation"
    assert life.state("conference-report-to-service") == "open"
    assert "information_released" in life.refused("report_shared", SW, to="family")
    life.until("2026-04-28 20:00")
    assert life.state("conference-report-to-family") == "withheld"
    assert life.notices(about="conference-report-to-family") == []
    assert "conference-report-to-family@8" not in decide.alarms(life.whole)
    assert "social worker" in life.case.waiting_for


@pytest.mark.covers("Q-20")
@pytest.mark.parametrize(("released", "state"), [("2026-04-27 09:00", "open"), ("2026-04-28 20:00", "overdue missed")])
def test_what_is_released_is_owed_again_and_late_where_its_limit_has_passed(released: str, state: str) -> None:
    life = report_authorised("2026-04-29 14:00").say("information_withheld", SW, ground="police investigation")
    life.say("information_released", SW, released)
    assert life.state("conference-report-to-family") == state
    assert len(life.notices(NoticeKind.OVERDUE, "conference-report-to-family")) == ("missed" in state)


@pytest.mark.covers("Q-20")
def test_what_was_missed_before_it_was_withheld_is_missed_when_it_is_released() -> None:
    life = report_authorised("2026-04-29 14:00").until("2026-04-28 15:00")
    life.say("information_withheld", SW, ground="police investigation")
    assert life.the("conference-report-to-family").state is DeadlineState.WITHHELD
    life.say("information_released", SW, "2026-04-28 20:00").until("2026-04-28 23:00")
    assert life.state("conference-report-to-family") == "overdue missed"
    assert len(life.notices(NoticeKind.OVERDUE, "conference-report-to-family")) == 1


@pytest.mark.covers("Q-20")
def test_what_begins_while_information_is_withheld_is_withheld_from_the_start() -> None:
    life = strategy_held("2026-04-08 10:00").say("information_withheld", SW, ground="risk of harm")
    life.say("section47_outcome", SW, outcome="substantiated").say("conference_service_informed", SW)
    life.say("conference_scheduled", CS, starts_at="2026-04-29 14:00")
    assert life.state("conference-report-to-family") == "withheld"
    life.say("conference_scheduled", CS, starts_at="2026-04-27 14:00")
    assert life.state("conference-report-to-family") == "withheld"
    assert life.due("conference-report-to-family") == "2026-04-26 14:00"


# --- Counted anew -------------------------------------------------------------------------------------------------


@pytest.mark.covers("Q-21")
def test_a_bank_holiday_proclaimed_midway_moves_what_counts_working_days_and_each_move_is_written_down() -> None:
    life = conference_set("2026-04-08 10:00", "2026-04-29 14:00", referral="2026-04-07 08:00")
    life.say("bank_holiday_proclaimed", CS, "2026-04-10 09:00", day="2026-04-20")
    assert life.due("initial-conference") == "2026-04-30"
    assert life.due("conference-arrangements") == "2026-04-30"
    assert life.due("conference-report-to-family") == "2026-04-28 14:00"
    assert [line for line in life.lines if ": moved from" in line] == [
        "Hold the initial child protection conference: moved from Wed 29 Apr 2026 to Thu 30 Apr 2026",
        "Allocate the Independent Reviewing Officer and arrange the conference: "
        "moved from Wed 29 Apr 2026 to Thu 30 Apr 2026",
    ]
    assert [notice.to for notice in life.notices(NoticeKind.MOVED)] == ["social worker", "conference service"]
    assert life.state("child-seen") == "met"
    assert life.the("initial-conference").calendar.endswith("+ 2026-04-20")


@pytest.mark.covers("Q-21")
def test_a_bank_holiday_moves_what_counts_back_from_a_limit_too() -> None:
    life = plan_made("2026-04-08 10:00", "2026-04-29 14:00")
    assert life.due("core-group-minutes-to-service") == "2026-07-22"
    life.say("bank_holiday_proclaimed", CS, "2026-06-01 09:00", day="2026-07-24")
    assert life.due("first-review") == "2026-07-29"
    assert life.due("core-group-minutes-to-service") == "2026-07-21"
    assert life.the("core-group-minutes-to-service").provisional
    assert len(life.notices(NoticeKind.MOVED, "core-group-minutes-to-service")) == 1


@pytest.mark.covers("Q-21")
def test_a_bank_holiday_on_a_day_off_moves_nothing() -> None:
    life = strategy_held("2026-04-08 10:00")
    for day in ("2026-04-18", "2026-05-04", "2026-04-07", "2026-05-20"):  # a Saturday, a holiday, past, after the limit
        life.say("bank_holiday_proclaimed", CS, day=day)
    assert life.due("initial-conference") == "2026-04-29"
    assert life.notices(NoticeKind.MOVED) == []


@pytest.mark.covers("Q-21")
def test_a_limit_missed_by_the_old_calendar_and_not_by_the_new_is_open_again() -> None:
    life = strategy_held("2026-04-08 10:00").until("2026-04-30 08:00")
    assert life.state("initial-conference") == "overdue missed"
    life.say("bank_holiday_proclaimed", CS, day="2026-04-20")
    assert life.state("initial-conference") == "open"
    assert any("MISSED, was due Wed 29 Apr 2026" in line for line in life.lines)  # that it was said stays
    life.until("2026-05-01 09:00")
    assert life.state("initial-conference") == "overdue missed"
    assert len(life.notices(NoticeKind.OVERDUE, "initial-conference")) == 2


@pytest.mark.covers("Q-21")
def test_a_conference_in_time_by_a_holiday_that_was_proclaimed_later_missed_nothing() -> None:
    life = conference_set("2026-04-08 10:00", "2026-04-30 10:00").say("chair_allocated", CS, chair="iro")
    life.say("initial_conference_held", IRO, "2026-04-30 10:00", plan=False)
    assert life.state("initial-conference") == "met late missed"
    life.say("bank_holiday_proclaimed", CS, "2026-05-01 09:00", day="2026-04-20")
    assert (life.state("initial-conference"), life.due("initial-conference")) == ("met", "2026-04-30")
    assert life.lines[-2].endswith(": met, Thu 30 Apr 2026 10:00 (it was first recorded as missed)")


@pytest.mark.covers("Q-21")
def test_a_holiday_that_is_none_after_all_is_withdrawn_and_every_limit_is_as_before() -> None:
    life = conference_set("2026-04-08 10:00", "2026-04-29 14:00")
    before = {d.timescale: d.due for d in life.deadlines.values()}
    life.say("bank_holiday_proclaimed", CS, "2026-04-10 09:00", day="2026-04-20")
    assert life.due("initial-conference") == "2026-04-30"
    life.say("bank_holiday_withdrawn", CS, "2026-04-13 09:00", day="2026-04-20")
    assert {d.timescale: d.due for d in life.deadlines.values()} == before
    moved = "Hold the initial child protection conference: moved from Thu 30 Apr 2026 to Wed 29 Apr 2026"
    assert moved in life.lines
    changed = [effect for effect in life.effects if isinstance(effect, HolidayChanged)]
    assert [(effect.day.isoformat(), effect.proclaimed) for effect in changed] == [
        ("2026-04-20", True),
        ("2026-04-20", False),
    ]
    life.say("bank_holiday_proclaimed", CS, "2026-04-14 09:00", day="2026-04-21")
    assert life.due("initial-conference") == "2026-04-30"


@pytest.mark.covers("Q-21")
def test_only_the_authority_s_own_staff_proclaim_a_holiday_and_only_what_is_one_is_withdrawn() -> None:
    life = strategy_held("2026-04-08 10:00")
    for by in ("police/pc", "health/hv", "other agency/o"):
        assert "cannot record “bank holiday proclaimed”" in life.refused(
            "bank_holiday_proclaimed", by, day="2026-04-20"
        )
        assert "cannot record “bank holiday withdrawn”" in life.refused("bank_holiday_withdrawn", by, day="2026-05-04")
    assert life.refused("bank_holiday_withdrawn", CS, day="2026-04-21")  # never was one


def adopt(life: Life, at: str) -> Life:
    return life.say("procedure_adopted", TM, at, procedure=as_message(example()))


WITHOUT_CLOCKS = changed(example(), timescale={})


def test_a_case_adopted_in_mid_enquiry_has_the_clocks_of_what_is_known() -> None:
    life = strategy_held("2026-06-01 14:00", by=WITHOUT_CLOCKS)
    assert life.running == []
    adopt(life, "2026-06-02 09:00")
    assert life.due("initial-conference") == "2026-06-22"
    assert life.due("child-seen") == "2026-06-02 14:00"
    assert "Hold the initial child protection conference: due Mon 22 Jun 2026" in life.lines


def test_a_case_adopted_on_a_plan_has_the_visits_of_the_plan_and_nothing_of_what_is_over() -> None:
    life = adopt(plan_made("2026-05-06 10:00", "2026-05-27 12:00", by=WITHOUT_CLOCKS), "2026-06-01 09:00")
    assert life.due("plan-visit") == "2026-06-10"
    assert life.due("first-core-group") == "2026-06-10"
    assert life.due("first-review") == "2026-08-27"
    assert life.all_of("child-seen") == []  # the enquiry was over before
    assert life.case.overdue == []


def test_a_case_that_moves_to_a_changed_procedure_is_counted_by_it() -> None:
    life = strategy_held("2026-04-08 10:00")
    newer = example(timescale={"initial-conference": {"within": "10 working days"}})
    life.say("procedure_adopted", TM, "2026-04-09 09:00", procedure=as_message(newer))
    assert life.due("initial-conference") == "2026-04-22"
    assert life.due("conference-arrangements") == "2026-04-29"
    assert [notice.deadline for notice in life.notices(NoticeKind.MOVED)] == ["initial-conference@4"]
    assert any("changed" in line and "initial-conference" in line for line in life.lines)
    assert "already on this version of the procedure" in life.refused(
        "procedure_adopted", TM, procedure=as_message(newer)
    )


def as_message(procedure: Procedure) -> Any:
    return procedure.model_dump(mode="json", by_alias=True)


def test_a_case_that_moves_to_another_procedure_owes_what_that_asks_and_to_whom_it_says() -> None:
    life = strategy_held("2026-04-08 10:00")
    theirs = life.procedure.timescale["initial-conference"].model_copy(update={"owner": "team manager"})
    other = changed(life.procedure, timescale={"initial-conference": theirs})
    life.say("procedure_adopted", TM, "2026-04-09 09:00", procedure=as_message(other))
    assert life.running == ["initial-conference"]
    assert (life.the("initial-conference").owner, life.due("initial-conference")) == ("team manager", "2026-04-29")
    assert life.state("child-seen") == "ended"
    assert life.case.waiting_for == ["team manager"]
    life.until("2026-04-30 09:00")
    assert {notice.to for notice in life.notices(NoticeKind.OVERDUE)} == {"team manager"}


# --- Several enquiries --------------------------------------------------------------------------------------------


@pytest.mark.covers("D-B-35")
def test_a_conference_that_is_awaited_already_serves_a_second_enquiry() -> None:
    life = conference_set("2026-04-08 10:00", "2026-04-29 14:00").say("chair_allocated", CS, chair="iro")
    life.say("strategy_requested", ATM, "2026-04-15 09:00", immediate=True)
    life.say("strategy_outcome", SW, "2026-04-15 10:00", decision="section 47")
    assert [life.due("initial-conference", nth) for nth in range(2)] == ["2026-04-29", "2026-05-07"]
    life.say("child_visited", SW).say("section47_outcome", SW, outcome="substantiated")
    assert life.case.conference is not None
    assert life.case.conference.starts_at == london("2026-04-29 14:00")
    life.say("initial_conference_held", IRO, "2026-04-29 15:00", plan=True, categories=["neglect"])
    assert [life.state("initial-conference", nth) for nth in range(2)] == ["met", "met"]


def test_that_a_limit_had_passed_when_it_was_heard_of_is_said_by_nobody() -> None:
    life = referred("E", "2026-04-07 08:00").say("strategy_requested", ATM, immediate=True).until("2026-04-10 09:00")
    life.say("strategy_outcome", SW, occurred_at="2026-04-08 10:00", decision="section 47")
    [missed] = [entry for entry in life.entries if "MISSED" in entry.text]
    assert (missed.by, missed.fact, missed.what) == ("S47", None, "time passed")
    assert missed.occurred_at == london("2026-04-09 10:00") and missed.recorded_at == life.now
    [entry] = [entry for entry in life.entries if entry.text.startswith("Strategy discussion held")]
    assert entry.by == "social worker sw"
