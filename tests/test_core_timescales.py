"""How clocks count: when each of the example's is due, what meets it, what does not.

Every date is written out as the catalogue has it or counted by hand. Easter Monday is 6 April 2026; 4 and 25 May 2026
are bank holidays; the clocks go forward in the night to 29 March 2026.
"""

from typing import Any

import pytest

from tests.lives import ALONE, CS, IRO, SW, TM, conference_set, plan_made, strategy_held

NOT_SUBSTANTIATED: dict[str, Any] = {"outcome": "not substantiated", "child_in_need_considered": True}


# --- The enquiry and the initial conference -----------------------------------------------------------------------


@pytest.mark.covers("A-16")
@pytest.mark.parametrize(
    ("strategy", "due"),
    [
        ("2025-04-11 10:00", "2025-05-07"),  # over Easter and the early May holiday; no Scottish calendar
        ("2025-12-22 10:00", "2026-01-15"),  # 2 January is a holiday in Scotland only
        ("2026-03-09 10:00", "2026-03-30"),  # 17 March in Northern Ireland only
        ("2026-03-28 10:00", "2026-04-21"),  # a Saturday
        ("2026-04-08 23:30", "2026-04-29"),  # late in the evening: the day counts, not the hour
    ],
)
def test_the_conference_is_15_working_days_after_the_strategy_meeting(strategy: str, due: str) -> None:
    life = strategy_held(strategy)
    assert life.due("initial-conference") == due
    assert life.the("initial-conference").counted_from_event == "section 47 initiated"
    assert life.due("conference-arrangements") == due


def test_it_is_met_by_the_conference_and_ends_where_there_is_to_be_none() -> None:
    held = plan_made("2026-04-08 10:00", "2026-04-29 14:00")
    assert held.state("initial-conference") == "met"
    none = strategy_held("2026-04-08 10:00").say("section47_outcome", SW, **NOT_SUBSTANTIATED)
    assert none.state("initial-conference") == "ended"


@pytest.mark.covers("Q-12", "Q-22", "A-03")
def test_the_child_is_seen_within_24_elapsed_hours_of_the_strategy_meeting() -> None:
    assert strategy_held("2026-04-08 10:00").due("child-seen") == "2026-04-09 10:00"
    assert strategy_held("2026-03-28 10:00").due("child-seen") == "2026-03-29 11:00"


def test_a_visit_at_which_the_child_is_not_seen_meets_nothing() -> None:
    life = strategy_held("2026-04-08 10:00")
    life.say("child_visited", SW, "2026-04-08 16:00", seen=False, reason="nobody was at home")
    assert life.state("child-seen") == "open"
    life.say("child_visited", SW, "2026-04-09 09:00", seen=True)
    assert life.state("child-seen") == "met"


def test_having_seen_the_child_before_the_strategy_meeting_does_not_count() -> None:
    life = strategy_held("2026-04-08 10:00")
    life.say("child_visited", SW, occurred_at="2026-04-08 09:00")
    assert life.state("child-seen") == "open"


@pytest.mark.covers("Q-17")
def test_a_child_who_is_not_born_is_not_to_be_seen_until_birth() -> None:
    life = strategy_held("2026-04-08 10:00", expected_date_of_birth="2026-06-01")
    assert life.never_ran("child-seen")
    assert life.due("initial-conference") == "2026-04-29"
    assert "not born" in life.refused("child_visited", SW, seen=True)


@pytest.mark.covers("Q-30")
def test_the_conference_is_arranged_once_it_has_a_chair_and_a_time() -> None:
    life = conference_set("2026-04-08 10:00", "2026-04-29 14:00")
    assert life.due("conference-arrangements") == "2026-04-29"
    assert life.state("conference-arrangements") == "open"
    life.say("chair_allocated", CS, "2026-04-20 09:00", chair="iro")
    assert life.state("conference-arrangements") == "met"


@pytest.mark.covers("A-09")
@pytest.mark.parametrize(
    ("conference", "due"), [("2026-01-06 10:00", "2026-01-05 10:00"), ("2025-12-29 10:00", "2025-12-28 10:00")]
)
def test_the_report_is_out_24_hours_before_the_conference(conference: str, due: str) -> None:
    life = conference_set("2025-12-16 10:00", conference)
    assert life.due("conference-report-to-family") == due
    assert life.due("conference-report-to-service") == due


def test_two_papers_are_two_duties_and_each_is_met_by_its_own_act() -> None:
    life = conference_set("2026-04-08 10:00", "2026-04-29 14:00")
    life.say("assessment_completed", SW, "2026-04-20 10:00")
    life.say("authorisation", TM, request=life.case.waiting_requests[-1].id, decision="authorise")
    life.say("report_shared", SW, "2026-04-28 13:59", to="family")
    assert (life.state("conference-report-to-family"), life.state("conference-report-to-service")) == ("met", "open")
    life.say("report_shared", SW, "2026-04-28 14:01", to="conference service")
    assert life.state("conference-report-to-service") == "met late missed"


# --- The plan -----------------------------------------------------------------------------------------------------


@pytest.mark.covers("Q-01")
@pytest.mark.parametrize(
    ("strategy", "conference", "working", "calendar"),
    [
        ("2026-04-08 10:00", "2026-04-29 14:00", "2026-05-14", "2026-05-09"),
        ("2026-03-09 10:00", "2026-03-27 10:00", "2026-04-14", "2026-04-06"),  # Easter Monday in between
    ],
)
def test_the_first_core_group_is_10_working_days_after_the_conference(
    strategy: str, conference: str, working: str, calendar: str
) -> None:
    life = plan_made(strategy, conference)
    assert life.due("first-core-group") == working
    assert str(life.the("first-core-group").other_reading_on) == calendar
    assert life.the("first-core-group").reading == "working"


@pytest.mark.covers("A-10")
def test_core_groups_are_every_4_weeks_from_the_last() -> None:
    life = plan_made("2026-03-09 10:00", "2026-03-27 10:00")
    for held, due in (("2026-04-14", "2026-05-12"), ("2026-05-12", "2026-06-09"), ("2026-06-09", "2026-07-07")):
        life.say("core_group_held", SW, f"{held} 10:00")
        assert life.due("core-group") == due
    assert life.state("first-core-group") == "met"
    assert [life.state("core-group", nth) for nth in range(3)] == ["met", "met", "open"]


def test_a_core_group_held_early_or_late_is_what_the_next_is_counted_from() -> None:
    life = plan_made("2026-03-09 10:00", "2026-03-27 10:00")
    life.say("core_group_held", SW, "2026-04-14 10:00")
    life.say("core_group_held", SW, "2026-05-05 10:00")
    assert life.due("core-group") == "2026-06-02"
    life.say("core_group_held", SW, "2026-06-04 10:00")
    assert life.state("core-group", 1) == "met late missed"
    assert life.due("core-group") == "2026-07-02"


@pytest.mark.covers("Q-11", "A-10")
def test_visits_are_every_2_weeks_and_counted_from_the_last() -> None:
    life = plan_made("2026-03-09 10:00", "2026-03-27 10:00")
    assert life.due("plan-visit") == "2026-04-10"
    life.say("child_visited", SW, "2026-04-08 16:00", **ALONE)
    assert life.due("plan-visit") == "2026-04-22"
    for visit, due in (("2026-04-22", "2026-05-06"), ("2026-05-06", "2026-05-20")):
        life.say("child_visited", SW, f"{visit} 16:00", **ALONE)
        assert life.due("plan-visit") == due


@pytest.mark.parametrize(
    "visit",
    [
        {"seen": False, "unannounced": True, "reason": "nobody was at home"},
        {"seen": True, "unannounced": True, "reason": "the mother stayed in the room"},
        {"seen": True, "alone": True, "unannounced": False},
    ],
    ids=["not seen", "not alone", "announced"],
)
def test_only_an_unannounced_visit_with_the_child_alone_counts(visit: dict[str, Any]) -> None:
    life = plan_made("2026-03-09 10:00", "2026-03-27 10:00")
    life.say("child_visited", SW, "2026-04-08 16:00", **visit)
    assert life.due("plan-visit") == "2026-04-10"
    assert life.state("plan-visit") == "open"


@pytest.mark.covers("Q-17")
def test_no_visits_to_a_child_who_is_not_born() -> None:
    life = plan_made("2026-03-09 10:00", "2026-03-27 10:00", expected_date_of_birth="2026-06-01")
    assert life.never_ran("plan-visit")
    assert life.due("first-core-group") == "2026-04-14"
    life.say("child_born", SW, "2026-06-03 12:00", date_of_birth="2026-06-02")
    assert life.due("plan-visit") == "2026-06-17"


@pytest.mark.covers("Q-07", "Q-08", "A-11")
def test_reviews_are_3_months_after_the_conference_and_6_months_after_the_last() -> None:
    life = plan_made("2027-08-12 10:00", "2027-08-31 10:00")
    assert life.due("first-review") == "2027-11-30"
    life.say("review_conference_held", IRO, "2027-11-30 10:00", decision="continue")
    assert life.state("first-review") == "met"
    assert life.due("later-review") == "2028-05-30"  # and not 31 May, nine months after the conference
    life.say("review_conference_held", IRO, "2028-05-02 10:00", decision="continue")
    assert life.due("later-review") == "2028-11-02"


@pytest.mark.covers("A-09")
def test_minutes_are_out_5_working_days_before_the_review() -> None:
    life = plan_made("2025-09-16 10:00", "2025-10-07 14:00")
    assert life.due("first-review") == "2026-01-07"
    life.say("conference_scheduled", CS, "2025-11-03 10:00", which="review", starts_at="2026-01-06 10:00")
    assert life.due("core-group-minutes-to-service") == "2025-12-29"
    assert life.due("core-group-minutes-to-family") == "2025-12-29"
    life.say("core_group_held", SW, "2025-11-04 10:00")
    life.say("core_group_held", SW, "2025-12-02 10:00")
    life.say("core_group_minutes_sent", SW, "2025-12-29 10:00", to="conference service")
    assert life.state("core-group-minutes-to-service") == "met"
    assert life.state("core-group-minutes-to-family") == "open"
    life.say("core_group_minutes_sent", SW, "2025-12-30 10:00", to="family")
    assert life.state("core-group-minutes-to-family") == "met late missed"


@pytest.mark.covers("Q-29")
def test_fewer_than_two_minutes_need_a_reason() -> None:
    life = plan_made("2026-04-08 10:00", "2026-04-29 14:00")
    assert "only 0 core groups" in life.refused("core_group_minutes_sent", SW, to="family")
    life.say("core_group_held", SW, "2026-05-14 10:00")
    assert "reason" in life.refused("core_group_minutes_sent", SW, to="family", minutes=1)
    life.say("core_group_minutes_sent", SW, to="family", minutes=1, reason="the review is held early")
    assert life.state("core-group-minutes-to-family") == "met"
