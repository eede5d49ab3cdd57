"""The ways out that are no completion: each ends its own clocks and no others, and says why."""

from typing import Any

import pytest

from casework import decide
from casework.effects import NoticeKind
from casework.story import RequestState
from casework.vocabulary import Circumstance, Stage
from tests.lives import (
    ALONE,
    ATM,
    CS,
    IRO,
    SW,
    TM,
    Life,
    conference_set,
    example,
    london,
    plan_made,
    referred,
    strategy_held,
)


def end(life: Life, strand: str, by: str = TM, at: str | None = None, how: str = "called off") -> Life:
    return life.say("strand_ended", by, at, strand=strand, how=how, reason="it is not needed any more")


def second_enquiry() -> Life:
    """A conference is called and arranged by one enquiry (no. 4) when a second (no. 10) begins on 15 April."""
    life = conference_set("2026-04-08 10:00", "2026-04-29 14:00")
    life.say("strategy_requested", SW, "2026-04-15 09:00", immediate=True)
    return life.say("strategy_outcome", SW, "2026-04-15 10:00", decision="section 47")


# --- A strand -----------------------------------------------------------------------------------------------------


HOLD = {
    "duty": "Hold the strategy discussion",
    "owner": "team manager",
    "from": "referral received",
    "within": "24 hours",
    "met_by": "strategy discussion held",
}
SCREEN = {**HOLD, "duty": "Decide on the referral", "met_by": "screening decided"}
IN_HOURS: dict[str, Any] = {"timescale": {"strategy-discussion": HOLD, "screening": SCREEN}}
"""Where the discussion is to be held, and the referral decided on, within a day of the referral."""


def test_a_strategy_discussion_that_is_called_off_is_no_longer_to_be_held() -> None:
    life = referred(example(**IN_HOURS), "2026-04-20 08:00").say("strategy_requested", SW, immediate=True)
    end(life, "strategy discussion", at="2026-04-20 09:00")
    assert life.case.strategies == ()
    assert (life.state("strategy-discussion"), life.state("screening")) == ("ended", "open")
    line = "The strategy discussion (strategy-2) ended without being completed: called off. The reason is in the record"
    assert line in life.lines
    assert "it is not needed any more" in life.kept[-1].body


def test_of_two_discussions_the_one_that_is_named_is_called_off() -> None:
    life = referred("E", "2026-04-07 08:00").say("strategy_requested", SW, immediate=True)
    life.say("strategy_requested", SW, "2026-04-07 09:00", immediate=True)
    reason = life.refused("strand_ended", TM, strand="strategy discussion", how="called off", reason="one is enough")
    assert "strategy-2 (strategy discussion), strategy-3 (strategy discussion)" in reason
    end(life, "strategy-3")
    assert [strategy.id for strategy in life.case.strategies] == ["strategy-2"]
    life.say("strategy_outcome", SW, "2026-04-08 10:00", decision="section 47")
    assert life.due("initial-conference") == "2026-04-29"


def test_an_enquiry_that_is_stopped_takes_its_clocks_with_it_and_leaves_the_assessment() -> None:
    life = end(strategy_held("2026-04-08 10:00"), "section 47 enquiry", at="2026-04-08 12:00", how="no longer needed")
    assert life.case.enquiry is None
    assert [life.state(key) for key in ("child-seen", "initial-conference", "conference-arrangements")] == ["ended"] * 3
    assert life.the("child-seen").because == "section 47 enquiry: no longer needed"
    assert life.case.open_strands == ["the Single Assessment"]
    assert list(decide.alarms(life.whole)) == ["look-again"]
    end(life, "assessment").say("case_closed", TM, reason="nothing is left to do")
    assert life.case.stage is Stage.CLOSED


def test_what_an_enquiry_missed_before_it_was_stopped_stays_missed() -> None:
    life = strategy_held("2026-04-08 10:00").until("2026-04-09 12:00")
    end(life, "section 47 enquiry")
    assert life.state("child-seen") == "overdue closed missed"
    assert life.state("initial-conference") == "ended"


def test_an_enquiry_that_is_stopped_withdraws_what_waits_of_it() -> None:
    outcome = {"title": "Outcome of the enquiry", "authorised_by": ["team manager"]}
    life = strategy_held("2026-04-20 10:00", by=example(authorisation={"section 47 outcome": outcome}))
    life.say("section47_outcome", SW, outcome="substantiated")
    request = life.case.waiting_requests[-1].id
    end(life, "section 47 enquiry")
    assert life.case.requests[request].state is RequestState.WITHDRAWN
    assert life.state("initial-conference") == "ended"
    assert life.case.open_strands == ["the Single Assessment"]


def test_a_conference_that_is_called_off_takes_its_clocks_with_it() -> None:
    life = conference_set("2026-04-08 10:00", "2026-04-29 14:00")
    end(life, "initial conference", at="2026-04-10 10:00")
    assert life.case.conference is None
    assert [
        life.state(key)
        for key in (
            "initial-conference",
            "conference-arrangements",
            "conference-report-to-family",
            "conference-report-to-service",
        )
    ] == ["ended"] * 4
    assert life.state("child-seen") == "met"
    assert "No initial conference is called" in life.refused("chair_allocated", CS, chair="iro")
    life.until("2026-05-20 09:00")
    assert life.notices(NoticeKind.OVERDUE) == []


@pytest.mark.covers("D-B-35")
def test_a_conference_that_is_called_off_leaves_the_clocks_of_another_enquiry() -> None:
    life = end(second_enquiry(), "initial conference", at="2026-04-15 11:00")
    assert [life.state("initial-conference", nth) for nth in range(2)] == ["ended", "open"]
    assert life.state("child-seen", 1) == "open"
    life.say("child_visited", SW).say("section47_outcome", SW, outcome="substantiated")
    assert life.case.conference is not None
    assert life.due("initial-conference") == "2026-05-07"


@pytest.mark.covers("D-B-35")
def test_an_enquiry_that_is_stopped_leaves_the_conference_of_another() -> None:
    life = end(second_enquiry(), "section 47 enquiry", at="2026-04-15 11:00")
    assert [life.state("initial-conference", nth) for nth in range(2)] == ["open", "ended"]
    assert [life.state("child-seen", nth) for nth in range(2)] == ["met", "ended"]
    assert life.state("conference-report-to-family") == "open"
    assert life.case.conference is not None


def test_a_plan_made_by_miscounted_votes_ends_as_recorded_by_mistake() -> None:
    life = plan_made("2026-04-08 10:00", "2026-04-29 14:00").say("core_group_held", SW, "2026-05-12 10:00")
    life.say("step_down_considered", SW)
    request = life.case.waiting_requests[-1].id
    end(life, "child protection plan", at="2026-05-12 12:00", how="recorded by mistake")
    assert life.case.plan is None
    assert life.case.requests[request].state is RequestState.WITHDRAWN
    assert [life.state(key) for key in ("plan-visit", "core-group", "first-review")] == ["ended"] * 3
    assert life.state("core-group-minutes-to-family") == "ended"
    assert life.state("first-core-group") == "met"
    life.say("case_closed", TM, reason="no plan was decided")


def test_an_assessment_that_is_no_longer_needed_leaves_the_enquiry() -> None:
    limit = {**HOLD, "duty": "Complete the assessment", "within": "45 working days", "met_by": "assessment completed"}
    life = strategy_held("2026-04-20 10:00", by=example(timescale={"assessment": limit}))
    end(life, "Single Assessment", how="no longer needed")
    assert (life.state("assessment"), life.state("initial-conference")) == ("ended", "open")
    assert life.case.open_strands == ["the section 47 enquiry"]


def test_a_search_that_is_called_off_leaves_the_enquiry() -> None:
    search = {**HOLD, "duty": "Agree what more is done", "from": "whereabouts unknown", "until": "child located"}
    procedure = example(timescale={"search": {**search, "met_by": "further action to find the child agreed"}})
    life = strategy_held("2026-04-20 10:00", by=procedure).say("whereabouts_unknown", SW)
    assert life.state("search") == "open"
    end(life, "search for the child", how="recorded by mistake")
    assert life.case.missing is None
    assert (life.state("search"), life.state("initial-conference")) == ("ended", "open")


def test_a_referral_that_is_no_longer_needed_is_screened_no_more() -> None:
    life = end(referred(example(**IN_HOURS), "2026-04-20 08:00"), "referral", how="no longer needed")
    assert not life.case.referral_open
    assert life.state("screening") == "ended"


def test_what_is_not_open_cannot_end_and_the_refusal_names_what_is() -> None:
    life = strategy_held("2026-04-08 10:00")
    fields = {"how": "called off", "reason": "it is not needed"}
    reason = life.refused("strand_ended", TM, strand="child protection plan", **fields)
    assert "These are open: assessment (Single Assessment), enquiry-4 (section 47 enquiry)" in reason
    assert "cannot record “strand ended” as social worker" in life.refused(
        "strand_ended", SW, strand="enquiry-4", **fields
    )
    assert "reason" in life.refused("strand_ended", TM, strand="enquiry-4", how="called off")


def test_an_end_that_was_recorded_by_mistake_is_withdrawn_and_all_is_as_before() -> None:
    life = conference_set("2026-04-08 10:00", "2026-04-29 14:00")
    before = life.case
    end(life, "initial conference", at="2026-04-10 10:00")
    life.say("recorded_in_error", TM, facts=[9], reason="another child's conference")
    life.say("authorisation", ATM, request="correction", decision="authorise")
    assert life.case.deadlines == before.deadlines
    assert life.case.conference == before.conference


# --- An end names its strand --------------------------------------------------------------------------------------


def test_a_second_discussion_that_decides_no_section_47_ends_nothing_of_the_enquiry_that_runs() -> None:
    life = referred(UNTIL_DECIDED, "2026-04-20 08:00").say("strategy_requested", SW, immediate=True)
    life.say("strategy_outcome", SW, "2026-04-20 10:00", decision="section 47")
    life.say("strategy_requested", SW, immediate=True)
    life.say("strategy_outcome", SW, "2026-04-20 18:00", decision="no section 47")
    assert life.case.stage is Stage.ENQUIRY
    assert (life.state("visit"), life.due("visit")) == ("open", "2026-04-21 08:00")
    assert life.state("initial-conference") == "open"


UNTIL_DECIDED = example(timescale={"visit": {**HOLD, "met_by": "child seen", "until": "section 47 not initiated"}})
"""Where the child is to be seen within a day of the referral, unless there is no enquiry."""


def test_a_discussion_that_decides_no_section_47_ends_what_it_alone_was_about() -> None:
    life = referred(UNTIL_DECIDED, "2026-04-20 08:00").say("strategy_requested", SW, immediate=True)
    life.say("strategy_outcome", SW, "2026-04-20 10:00", decision="no section 47")
    assert life.state("visit") == "ended"


def test_the_end_of_one_enquiry_leaves_the_clocks_of_the_other() -> None:
    life = second_enquiry().say("child_visited", SW, "2026-04-15 12:00")
    life.say("section47_outcome", SW, outcome="not substantiated", child_in_need_considered=True)
    assert [life.state("initial-conference", nth) for nth in range(2)] == ["open", "ended"]
    assert life.case.conference is not None


# --- The case -----------------------------------------------------------------------------------------------------

ENDS: list[dict[str, Any]] = [
    {"how": "accepted by another authority", "other": "Elsewhere", "accepted_in_writing_on": "2026-05-04"},
    {"how": "duplicate of another case", "other": "case-7"},
    {"how": "opened in error"},
]


@pytest.mark.parametrize("fields", ENDS, ids=[end["how"] for end in ENDS])
def test_a_case_that_ends_otherwise_ends_all_its_clocks_and_is_closed(fields: dict[str, Any]) -> None:
    life = plan_made("2026-04-08 10:00", "2026-04-29 14:00").say("step_down_considered", SW, "2026-05-05 10:00")
    owed = life.running
    life.say("case_ended", TM, reason="the family moved", **fields)
    assert life.case.stage is Stage.CLOSED
    assert life.case.closed_at == london("2026-05-05 10:00")
    assert life.case.open_strands == []
    assert life.case.waiting_requests == []
    assert [life.state(key) for key in owed] == ["ended"] * len(owed)
    assert decide.alarms(life.whole) == {}
    assert f"no longer due ({fields['how']})" in "".join(life.lines)
    assert "the family moved" in life.kept[-1].body
    before = len(life.notices())
    life.until("2027-05-05 10:00")
    assert len(life.notices()) == before


def test_a_duplicate_points_to_the_other_case() -> None:
    life = referred("E", "2026-04-07 09:00").say("case_ended", TM, reason="referred twice", **ENDS[1])
    assert life.case.linked == ("case-7",)
    assert "The case ended: duplicate of another case (case-7). The reason is in the record" in life.lines


def test_until_another_authority_has_accepted_in_writing_the_case_stays() -> None:
    life = plan_made("2026-04-08 10:00", "2026-04-29 14:00").until("2026-05-05 10:00")
    moved: dict[str, Any] = {"how": "accepted by another authority", "reason": "the family moved"}
    assert "Until then the case stays here" in life.refused("case_ended", TM, other="Elsewhere", **moved)
    assert "name the authority" in life.refused("case_ended", TM, accepted_in_writing_on="2026-05-04", **moved)
    assert "accepted_in_writing_on" in life.refused(
        "case_ended", TM, other="Elsewhere", accepted_in_writing_on="2026-05-06", **moved
    )
    assert life.case.stage is Stage.PLAN


def test_a_manager_ends_a_case() -> None:
    assert "cannot record “case ended” as social worker" in referred("E", "2026-04-07 09:00").refused(
        "case_ended", SW, reason="referred by mistake", how="opened in error"
    )


# --- The eighteenth birthday --------------------------------------------------------------------------------------


def on_a_plan_at_17() -> Life:
    """On a plan, and 18 on 20 June 2026."""
    life = plan_made("2026-04-08 10:00", "2026-04-29 14:00", date_of_birth="2008-06-20")
    life.say("child_visited", SW, "2026-05-12 16:00", **ALONE).say("core_group_held", SW, "2026-05-13 10:00")
    life.say("child_visited", SW, "2026-05-26 16:00", **ALONE).say("child_visited", SW, "2026-06-09 16:00", **ALONE)
    life.say("core_group_held", SW, "2026-06-10 10:00")
    return life.say("step_down_considered", SW)


def test_what_is_due_to_a_child_ends_when_the_child_turns_18() -> None:
    life = on_a_plan_at_17()
    life.until("2026-06-19 23:59:59")
    assert life.case.stage is Stage.PLAN
    life.until("2026-06-20 00:00")
    assert life.case.of_age
    assert (life.case.open_strands, life.case.stage) == ([], Stage.CLOSING)
    assert life.case.waiting_requests == []
    assert life.running == []
    assert [life.state(key) for key in ("plan-visit", "core-group", "first-review")] == ["ended"] * 3
    assert any(line.startswith("The child turned 18: ") and "section 105" in line for line in life.lines)
    assert decide.alarms(life.whole) == {}
    assert life.case.waiting_for == ["team manager"]


def test_no_timer_says_when_the_birthday_is() -> None:
    """Many can see when a timer rings. A case is looked at each week of the year in which its child turns 18."""
    rings = []
    for born in ("2008-06-20", "2008-11-03"):
        life = strategy_held("2026-04-08 10:00", date_of_birth=born)
        assert "birth" not in str(decide.alarms(life.whole)).casefold()
        rings.append(decide.alarms(life.whole)["look-again"])
    assert rings == [(london("2026-04-13 00:00"), "Look at the case again")] * 2
    earlier = strategy_held("2026-04-08 10:00", date_of_birth="2012-06-20")
    assert decide.alarms(earlier.whole)["look-again"][0] == london("2027-01-01 00:00")


def test_that_the_child_turned_18_is_said_in_the_week_it_happens_though_nothing_else_is_due() -> None:
    life = strategy_held("2026-04-08 10:00", date_of_birth="2008-06-20").until("2026-06-22 00:00")
    entries = [entry for entry in life.entries if entry.text.startswith("The child turned 18: ")]
    assert [entry.recorded_at for entry in entries] == [london("2026-06-22 00:00")]
    assert life.the("initial-conference").closed_at == london("2026-06-20 00:00")


def test_of_an_adult_nothing_more_is_recorded_as_of_a_child_and_the_case_is_closed() -> None:
    life = on_a_plan_at_17().until("2026-06-20 10:00")
    assert "The child was 18 by then" in life.refused("child_visited", SW, **ALONE)
    assert "The child was 18 by then" in life.refused("strategy_requested", ATM)
    life.say("case_closed", TM, reason="grown up")
    assert life.case.stage is Stage.CLOSED


def test_what_happened_before_the_birthday_is_recorded_after_it() -> None:
    life = on_a_plan_at_17().until("2026-06-24 10:00")
    life.say("child_visited", SW, occurred_at="2026-06-19 16:00", **ALONE)
    assert life.state("plan-visit", -2) == "met"
    assert life.state("plan-visit") == "ended"
    assert life.running == []


def test_a_birthday_that_was_recorded_wrongly_is_put_right_and_the_plan_goes_on() -> None:
    life = on_a_plan_at_17()
    plan = life.case.plan
    life.until("2026-06-20 10:00").say(
        "corrected", SW, fact=1, changes={"date_of_birth": "2009-06-20"}, reason="a slip in the year"
    )
    life.say("authorisation", TM, request="correction", decision="authorise")
    assert not life.case.of_age
    assert (life.case.stage, life.case.plan) == (Stage.PLAN, plan)
    assert life.state("plan-visit") == "open"
    assert decide.alarms(life.whole)["look-again"][0] == london("2027-01-01 00:00")


# --- Received from elsewhere --------------------------------------------------------------------------------------


def test_a_child_on_a_plan_of_another_authority_who_moves_in_has_a_conference_here() -> None:
    life = referred("E", "2026-04-07 09:00", by="other agency/o")
    received: dict[str, Any] = {"authority": "Elsewhere", "accepted_in_writing_on": "2026-04-08"}
    life.say("plan_received", SW, "2026-04-08 10:00", **received)
    assert life.case.stage is Stage.CONFERENCE
    assert not life.case.referral_open
    assert Circumstance.MOVED_IN in life.case.circumstances
    assert "The child, on a plan of Elsewhere, moved in, and the case was accepted here" in life.lines
    life.say("chair_allocated", CS, chair="iro")
    life.say("initial_conference_held", IRO, "2026-04-20 10:00", plan=True, categories=["neglect"])
    assert life.case.plan is not None
    assert life.due("first-review") == "2026-07-20"
    assert "already on a child protection plan here" in life.refused("plan_received", SW, **received)


def test_a_case_is_not_closed_on_a_day_before_something_that_is_recorded_of_it() -> None:
    life = referred("E", "2026-04-07 09:00").say("screening_decided", TM, "2026-04-07 12:00", harm_suspected=False)
    life.say("strategy_requested", ATM, "2026-04-09 09:00", immediate=True)
    number = len(life.whole.facts)
    fields = {"occurred_at": "2026-04-08 09:00", "reason": "No harm is suspected"}
    why = life.refused("case_closed", TM, "2026-04-09 10:00", **fields)
    assert f"no. {number} (strategy requested, Thu 9 Apr 2026 09:00" in why and "already closed by then" in why
    assert life.case.waiting_for
