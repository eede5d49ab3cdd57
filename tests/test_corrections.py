"""Putting right what was recorded: in error, wrongly, on the wrong child. Every clock follows; all of it is kept."""

from typing import Any

import pytest

from casework import decide
from casework.decide import Decided
from casework.effects import Entry, Forwarded, Notice, NoticeKind
from casework.story import RequestState
from casework.vocabulary import Stage
from tests.lives import (
    ALONE,
    ATM,
    CS,
    HOLIDAYS,
    SW,
    TM,
    Life,
    conference_set,
    example,
    london,
    plan_made,
    procedure_body,
    referred,
    strategy_held,
)


def visited() -> Life:
    """On the process map: section 47 on 8 April at 10:00, and the child seen (no. 5) at 15:00."""
    return strategy_held("2026-04-08 10:00").say("child_visited", SW, "2026-04-08 15:00")


def withdraw(life: Life, *facts: int, at: str | None = None, by: str = SW, **fields: Any) -> Life:
    return life.say("recorded_in_error", by, at, facts=list(facts), reason="it was another child", **fields)


def correct(life: Life, fact: int, at: str | None = None, by: str = SW, **changes: Any) -> Life:
    return life.say("corrected", by, at, fact=fact, changes=changes, reason="a slip of the pen")


def authorise(life: Life, at: str | None = None) -> Life:
    return life.say("authorisation", TM, at, request="correction", decision="authorise")


# --- Recorded in error --------------------------------------------------------------------------------------------


def test_what_met_a_limit_is_withdrawn_once_a_manager_authorises_it() -> None:
    life = withdraw(visited(), 5, at="2026-04-08 17:00")
    request = life.case.requests["request-6"]
    assert (request.state, request.to) == (RequestState.OPEN, ("assistant team manager", "team manager"))
    assert [notice.to for notice in life.notices(NoticeKind.REQUEST) if notice.request == "request-6"] == [
        "assistant team manager",
        "team manager",
    ]
    assert life.state("child-seen") == "met"
    authorise(life)
    assert (life.state("child-seen"), life.due("child-seen")) == ("open", "2026-04-09 10:00")
    assert "Visit the family home and see the child: due again, by Thu 9 Apr 2026 10:00" in life.lines
    assert "child-seen@4" in decide.alarms(life.whole)
    life.until("2026-04-09 10:01")
    assert life.state("child-seen") == "overdue missed"


def test_what_is_withdrawn_stays_in_the_record_with_who_withdrew_it_and_why() -> None:
    life = authorise(withdraw(visited(), 5, at="2026-04-08 17:00"))
    assert [fact.message.name for fact in life.whole.facts[4:]] == [
        "child_visited",
        "recorded_in_error",
        "authorisation",
    ]
    assert "Child visited: seen" in life.lines
    line = "Withdrawn, as recorded in error: no. 5 (child visited, Wed 8 Apr 2026 15:00, by social worker sw)"
    assert line in life.lines
    assert "it was another child" in life.kept[5].body
    assert "it was another child" not in life.whole.model_dump_json()


def test_a_withdrawal_that_is_returned_leaves_everything_as_it_was() -> None:
    life = visited()
    before = life.case.deadlines
    withdraw(life, 5, at="2026-04-08 17:00")
    life.say("authorisation", TM, request="correction", decision="return", reason="you did see her")
    assert life.case.deadlines == before
    assert life.case.requests["request-6"].state is RequestState.RETURNED
    back = life.notices(NoticeKind.REQUEST)[-1]
    assert (back.to, back.person, back.text) == (
        "social worker",
        "sw",
        "Returned to you: Withdraw entry no. 5",
    )


def test_nobody_authorises_their_own_correction() -> None:
    life = withdraw(visited(), 5, by=TM)
    ask = {"request": "correction", "decision": "authorise"}
    assert "nobody can authorise their own" in life.refused("authorisation", TM, **ask)
    assert "nobody can authorise their own" in life.refused("authorisation", "team manager/TM", **ask)
    life.say("authorisation", ATM, **ask)
    assert life.state("child-seen") == "open"


def test_what_no_clock_hangs_on_is_withdrawn_at_once() -> None:
    life = strategy_held("2026-04-08 10:00").say("child_visited", SW, "2026-04-08 15:00", seen=False)
    withdraw(life, 5)
    assert life.case.waiting_requests == []
    assert any(line.startswith("Withdrawn, as recorded in error: no. 5 (child visited") for line in life.lines)
    assert "child visited" not in life.case.clock


@pytest.mark.covers("Q-18")
def test_a_death_that_was_recorded_by_mistake_is_withdrawn_and_all_is_as_before() -> None:
    life = plan_made("2026-04-08 10:00", "2026-04-29 14:00")
    life.say("strategy_requested", ATM, "2026-05-01 09:00")
    before = life.case
    life.say("child_died", SW, "2026-05-01 12:00", abuse_or_neglect_suspected=True, other_children=True)
    assert "The death of the child is recorded" in life.refused("child_visited", SW, **ALONE)
    authorise(withdraw(life, len(life.whole.facts), at="2026-05-01 13:00"))
    assert not life.case.died
    assert (life.case.plan, life.case.stage) == (before.plan, Stage.PLAN)
    assert life.case.deadlines == before.deadlines
    assert [request.title for request in life.case.waiting_requests] == [
        "Management Decision to hold a strategy meeting"
    ]
    life.say("child_visited", SW, "2026-05-04 16:00", **ALONE)
    assert life.state("plan-visit", 0) == "met"
    life.say("authorisation", TM, request="strategy discussion", decision="authorise")
    life.say("strategy_outcome", SW, "2026-05-05 10:00", decision="section 47")
    assert life.due("child-seen") == "2026-05-06 10:00"


def test_whoever_was_told_of_what_was_an_error_hears_of_that() -> None:
    life = visited().say("section47_outcome", SW, outcome="substantiated")
    assert [to for _, to in life.sent(NoticeKind.TOLD)] == ["conference service"]
    withdraw(life, 6, at="2026-04-09 10:00")
    assert life.notices(NoticeKind.CORRECTED) == []
    authorise(life)
    assert [(notice.to, notice.text.partition(":")[0]) for notice in life.notices(NoticeKind.CORRECTED)] == [
        ("conference service", "This was recorded in error. Please disregard")
    ]
    assert life.case.stage is Stage.ENQUIRY


def test_what_was_owed_because_of_an_error_is_no_longer_due_and_its_owner_hears_of_it() -> None:
    life = conference_set("2026-04-08 10:00", "2026-04-29 14:00")
    authorise(withdraw(life, 8, at="2026-04-09 10:00"))
    assert life.never_ran("conference-report-to-family")
    gone = "no longer due (what it counted from was recorded in error)"
    assert f"Share the conference report with the parents and carers: {gone}" in life.lines
    assert life.sent(NoticeKind.MOVED, "conference-report-to-family") == [("2026-04-09 10:00", "social worker")]
    assert not [name for name in decide.alarms(life.whole) if name.startswith("conference-report")]
    life.until("2026-04-28 15:00")
    assert not life.notices(NoticeKind.OVERDUE, "conference-report-to-family")


# --- What others rest on ------------------------------------------------------------------------------------------


def test_what_later_facts_rest_on_is_not_withdrawn_and_they_are_named() -> None:
    life = conference_set("2026-04-08 10:00", "2026-04-29 14:00")
    reason = life.refused("recorded_in_error", SW, "2026-04-09 10:00", facts=[4], reason="it was never held")
    first, *named = reason.splitlines()
    assert first.startswith("This does not fit with what is already recorded.")
    assert [line.partition(" (")[0] for line in named] == ["* no. 6", "* no. 7", "* no. 8"]
    assert "(section 47 outcome, Wed 8 Apr 2026 10:00, by social worker sw): No section 47 enquiry" in named[0]
    assert life.case.stage is Stage.CONFERENCE


def test_what_rests_on_an_error_is_withdrawn_with_it() -> None:
    life = conference_set("2026-04-08 10:00", "2026-04-29 14:00")
    authorise(withdraw(life, 4, 6, 7, 8, at="2026-04-09 10:00"))
    assert life.case.stage is Stage.STRATEGY
    assert life.running == []
    assert life.never_ran("initial-conference")
    life.say("strategy_outcome", SW, "2026-04-10 10:00", decision="section 47")
    assert life.due("initial-conference") == "2026-05-01"


def test_a_request_that_an_error_made_is_withdrawn_with_it() -> None:
    life = referred("E", "2026-04-07 09:00").say("strategy_requested", ATM, "2026-04-07 10:00")
    authorise(withdraw(life, 2, by=ATM))
    assert life.case.waiting_requests == []
    title = "Management Decision to hold a strategy meeting"
    assert f"{title}: withdrawn (what asked for it was recorded in error)" in life.lines


def test_an_authorisation_given_by_mistake_is_taken_back_and_its_request_waits_again() -> None:
    life = referred("E", "2026-04-07 09:00").say("strategy_requested", ATM, "2026-04-07 10:00")
    life.say("authorisation", TM, "2026-04-07 11:00", request="request-2", decision="authorise")
    withdraw(life, 3, at="2026-04-07 12:00", by=TM)
    life.say("authorisation", ATM, request="correction", decision="authorise")
    assert life.case.strategies == ()
    assert [request.id for request in life.case.waiting_requests] == ["request-2"]
    assert "Management Decision to hold a strategy meeting: waiting for a decision again" in life.lines


def test_the_first_referral_is_not_withdrawn_and_the_refusal_says_what_to_send() -> None:
    assert "case_ended" in visited().refused("recorded_in_error", SW, facts=[1], reason="not ours")


def test_there_is_nothing_to_put_right_where_nothing_is_recorded() -> None:
    life = visited()
    assert "No. 77 is not on this case" in life.refused("recorded_in_error", SW, facts=[77], reason="an error")
    assert "No. 77 is not on this case" in life.refused(
        "corrected", SW, fact=77, changes={"seen": False}, reason="an error"
    )
    assert "facts: give at least one" in life.refused("recorded_in_error", SW, facts=[], reason="an error")


def test_a_withdrawal_never_comes_before_what_it_withdraws() -> None:
    life = visited()
    assert life.refused(
        "recorded_in_error", SW, "2026-04-08 17:00", occurred_at="2026-04-07 07:00", facts=[5], reason="an error"
    )
    assert life.state("child-seen") == "met"


# --- On the wrong child -------------------------------------------------------------------------------------------


def test_a_visit_on_the_wrong_child_is_withdrawn_here_and_sent_to_where_it_belongs() -> None:
    life = withdraw(visited(), 5, at="2026-04-08 17:00", belongs_to="case-9")
    forwarded = [effect for effect in life.effects if isinstance(effect, Forwarded)]
    assert forwarded == []  # not before it is authorised
    authorise(life)
    assert [effect for effect in life.effects if isinstance(effect, Forwarded)] == [Forwarded(fact=5, to="case-9")]
    assert "It belongs to case case-9 and is recorded there" in life.lines
    assert life.state("child-seen") == "open"
    life.until("2026-05-20 09:00")
    assert len([effect for effect in life.effects if isinstance(effect, Forwarded)]) == 1


def test_several_facts_on_the_wrong_child_are_each_sent_there() -> None:
    life = visited().say("visit_recorded", SW, "2026-04-08 16:00")
    authorise(withdraw(life, 5, 6, at="2026-04-08 17:00", belongs_to="case-9"))
    sent = [effect for effect in life.effects if isinstance(effect, Forwarded)]
    assert sent == [Forwarded(fact=5, to="case-9"), Forwarded(fact=6, to="case-9")]


def test_what_happened_before_the_referral_that_is_left_loses_its_ground() -> None:
    """An earlier referral that is heard of later may carry what came after it, and cannot be withdrawn alone."""
    life = visited()
    earlier = {"person": "child-1", "date_of_birth": "2018-05-01", "source": "education"}
    life.say("referral_received", "other agency/school", occurred_at="2026-04-01 10:00", **earlier)
    number = len(life.whole.facts)
    life.say("new_information_received", "police/pc", occurred_at="2026-04-01 12:00")
    why = life.refused("recorded_in_error", SW, facts=[number], reason="it was another child")
    assert "does not fit with what is already recorded" in why
    assert f"no. {number + 1} (new information received, Wed 1 Apr 2026 12:00" in why
    assert "was not open yet at that time" in why


def test_nothing_belongs_to_the_very_case_it_is_on() -> None:
    assert "this is the case itself" in visited().refused(
        "recorded_in_error", SW, facts=[5], reason="the wrong child", belongs_to="case-1"
    )


def lines_and_notices(decided: Decided) -> list[tuple[str, ...]]:
    """Lines and notices, in their order."""
    entries = [(effect.text,) for effect in decided.effects if isinstance(effect, Entry)]
    return [*entries, *((effect.kind.value, effect.to) for effect in decided.effects if isinstance(effect, Notice))]


def test_what_is_on_its_way_to_another_case_is_known_until_it_is_there() -> None:
    life = authorise(withdraw(visited(), 5, at="2026-04-08 17:00", belongs_to="case-9"))
    [on_its_way] = life.whole.announced.forwarding
    assert on_its_way == Forwarded(fact=5, to="case-9")
    there = decide.forwarded(life.whole, on_its_way, None, life.now)
    assert lines_and_notices(there) == [("No. 5 is now recorded on case case-9",)]
    assert there.case.announced.forwarding == ()


def test_what_could_not_be_recorded_there_is_said_to_whoever_acts_here() -> None:
    life = authorise(withdraw(visited(), 5, at="2026-04-08 17:00", belongs_to="case-9"))
    [on_its_way] = life.whole.announced.forwarding
    back = decide.forwarded(life.whole, on_its_way, "Case case-9 is closed.", life.now)
    assert lines_and_notices(back) == [
        ("No. 5 could not be recorded on case case-9: Case case-9 is closed.",),
        ("warning", "assistant team manager"),
        ("warning", "team manager"),
    ]
    assert back.case.announced.forwarding == ()


def test_what_comes_from_another_case_says_so() -> None:
    life = strategy_held("2026-04-08 10:00")
    life.say("child_visited", SW, "2026-04-08 15:00", moved_from="case-9.5")
    assert "First recorded by mistake on another child's case (case-9.5)" in life.lines
    assert life.state("child-seen") == "met"


# --- Corrected ----------------------------------------------------------------------------------------------------


def discussed_on(day: str) -> Life:
    """A referral of 2 March; a discussion of 8 April 10:00 that is recorded at 10:30 as of another day."""
    life = referred("E", "2026-03-02 09:00").say("strategy_requested", ATM, "2026-03-02 11:00")
    life.say("authorisation", TM, request="strategy discussion", decision="authorise")
    return life.say("strategy_outcome", SW, "2026-04-08 10:30", occurred_at=day, decision="section 47")


def test_a_slip_in_the_day_of_a_discussion_is_put_right_and_every_clock_is_counted_again() -> None:
    life = discussed_on("2026-03-08 10:00")
    assert {deadline.timescale for deadline in life.case.overdue} == {
        "child-seen",
        "initial-conference",
        "conference-arrangements",
    }
    correct(life, 4, occurred_at="2026-04-08T10:00:00+01:00")
    assert len(life.case.overdue) == 3  # until a manager authorises it
    authorise(life, "2026-04-08 11:00")
    assert life.case.overdue == []
    assert life.due("child-seen") == "2026-04-09 10:00"
    assert [life.due(key) for key in ("initial-conference", "conference-arrangements")] == ["2026-04-29"] * 2
    assert life.sent(NoticeKind.MOVED, "initial-conference") == [("2026-04-08 11:00", "social worker")]
    missed = "Hold the initial child protection conference: MISSED, was due Fri 27 Mar 2026"
    moved = "Hold the initial child protection conference: moved from Fri 27 Mar 2026 to Wed 29 Apr 2026"
    assert life.lines.index(missed) < life.lines.index(moved)
    who = "by social worker sw"
    put_right = f"Corrected: no. 4 (strategy outcome, Sun 8 Mar 2026 10:00, {who}). when it happened: "
    assert any(line.startswith(put_right) for line in life.lines)


def test_what_was_never_late_is_not_shown_as_missed_once_the_slip_is_put_right() -> None:
    life = discussed_on("2026-03-08 10:00")
    authorise(correct(life, 4, occurred_at="2026-04-08T10:00:00+01:00"))
    assert [life.state(key) for key in ("child-seen", "initial-conference", "conference-arrangements")] == ["open"] * 3


def test_a_limit_moved_by_a_correction_is_heard_of_anew_when_it_is_missed() -> None:
    life = discussed_on("2026-03-08 10:00")
    authorise(correct(life, 4, occurred_at="2026-04-08T10:00:00+01:00"))
    life.until("2026-04-09 12:00")
    assert life.sent(NoticeKind.OVERDUE, "child-seen") == [
        ("2026-04-08 10:30", "social worker"),
        ("2026-04-09 10:00", "social worker"),
    ]


def test_a_correction_keeps_what_was_not_wrong_and_the_names_of_everything() -> None:
    life = conference_set("2026-04-08 10:00", "2026-04-29 14:00")
    authorise(correct(life, 8, "2026-04-09 10:00", by=CS, starts_at="2026-04-28T14:00:00+01:00"))
    assert life.case.conference is not None
    assert life.case.conference.starts_at == london("2026-04-28 14:00")
    assert life.the("conference-report-to-family").id == "conference-report-to-family@8"
    assert life.due("conference-report-to-family") == "2026-04-27 14:00"


def test_what_no_clock_hangs_on_is_put_right_at_once() -> None:
    life = strategy_held("2026-04-08 10:00").say("child_visited", SW, "2026-04-08 15:00", seen=False, note="Nobody in.")
    correct(life, 5, note="Nobody answered the door.")
    assert life.case.waiting_requests == []
    assert any(line.endswith(". note reworded") for line in life.lines)
    assert "Nobody answered the door." not in "".join(life.lines) + life.whole.model_dump_json()
    assert "Nobody answered the door." in life.kept[-1].body


def test_a_child_who_was_not_seen_after_all_is_still_to_be_seen() -> None:
    life = authorise(correct(visited(), 5, "2026-04-08 17:00", seen=False))
    assert life.state("child-seen") == "open"


def test_a_second_correction_leaves_what_the_first_put_right() -> None:
    life = plan_made("2026-03-09 10:00", "2026-03-27 10:00").say("child_visited", SW, "2026-04-08 16:00")
    number = len(life.whole.facts)
    authorise(correct(life, number, alone=True, unannounced=True))
    assert life.state("plan-visit", 0) == "met"
    authorise(correct(life, number, occurred_at="2026-04-08T15:00:00+01:00"))
    assert life.state("plan-visit", 0) == "met"
    assert life.the("plan-visit", 0).met_at == london("2026-04-08 15:00")


def test_the_last_correction_of_a_field_counts() -> None:
    life = authorise(correct(discussed_on("2026-03-08 10:00"), 4, occurred_at="2026-04-07T10:00:00+01:00"))
    authorise(correct(life, 4, occurred_at="2026-04-08T10:00:00+01:00"))
    assert life.due("child-seen") == "2026-04-09 10:00"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "changes: name the fields"),
        ({"id": "m-9"}, "id cannot be corrected"),
        ({"by": {"role": "team manager", "person": "tm"}}, "by cannot be corrected"),
        ({"colour": "blue"}, "colour: there is no such field"),
        ({"seen": "maybe"}, "seen"),
        ({"seen": None}, "seen"),
        ({"seen": False, "alone": True}, "cannot have been seen alone"),
        ({"occurred_at": "yesterday"}, "is not a date and time"),
        ({"occurred_at": "2026-04-08T15:00:00"}, "has no time zone"),
        ({"occurred_at": "2026-05-08T15:00:00+01:00"}, "is in the future"),
        ({"occurred_at": "2026-04-06T15:00:00+01:00"}, "was not open yet"),
    ],
    ids=[
        *("nothing", "its id", "by whom", "no such field", "no such value", "left out", "two that do not fit"),
        *("no time", "no time zone", "in the future", "before the referral"),
    ],
)
def test_what_could_not_have_been_recorded_is_no_correction(changes: dict[str, Any], says: str) -> None:
    life = visited()
    assert says in life.refused("corrected", SW, "2026-04-08 16:00", fact=5, changes=changes, reason="a slip")


def test_a_correction_that_takes_the_ground_from_later_facts_is_refused_and_names_them() -> None:
    life = visited().say("section47_outcome", SW, "2026-04-09 10:00", outcome="substantiated")
    reason = life.refused("corrected", SW, fact=4, changes={"decision": "no section 47"}, reason="a slip")
    assert "* no. 6 (section 47 outcome, Thu 9 Apr 2026 10:00" in reason
    later = {"occurred_at": "2026-04-09T11:00:00+01:00"}
    assert "* no. 6 (section 47 outcome" in life.refused(
        "corrected", SW, "2026-04-09 12:00", fact=4, changes=later, reason="a slip"
    )


@pytest.mark.covers("Q-17")
def test_another_expected_date_of_birth_moves_what_is_counted_back_from_the_birth() -> None:
    plan = {"duty": "Make a plan", "owner": "social worker", "from": "birth expected", "before": "2 weeks"}
    procedure = example(timescale={"birth-plan": {**plan, "met_by": "duty done"}})
    life = referred(procedure, "2026-04-20 09:00", by=SW, expected_date_of_birth="2026-08-03")
    assert life.due("birth-plan") == "2026-07-20"
    correct(life, 1, expected_date_of_birth="2026-08-17")
    life.say("authorisation", TM, request="correction", decision="authorise")
    assert life.case.child is not None
    assert str(life.case.child.expected) == "2026-08-17"
    assert life.due("birth-plan") == "2026-08-03"


def test_another_date_of_birth_in_a_further_referral_is_not_passed_over() -> None:
    life = referred("E", "2026-04-07 09:00", date_of_birth="2018-05-01")
    again: dict[str, Any] = {"person": "child-1", "source": "health", "date_of_birth": "2018-01-05"}
    assert "date_of_birth" in life.refused("referral_received", "health/hv", "2026-04-09 09:00", **again)
    correct(life, 1, date_of_birth="2018-01-05")
    if life.case.waiting_requests:
        authorise(life)
    assert life.case.child is not None
    assert str(life.case.child.born) == "2018-01-05"
    life.say("referral_received", "health/hv", **again)


# --- A correction that was one itself -----------------------------------------------------------------------------


def test_a_withdrawal_that_waits_is_withdrawn_itself() -> None:
    life = withdraw(visited(), 5, at="2026-04-08 17:00")
    withdraw(life, 6)
    assert life.case.waiting_requests == []
    assert life.state("child-seen") == "met"


def test_a_withdrawal_that_was_authorised_is_withdrawn_with_its_authorisation() -> None:
    life = authorise(withdraw(visited(), 5, at="2026-04-08 17:00"))
    alone = life.refused("recorded_in_error", SW, facts=[6], reason="it was this child after all")
    assert "* no. 7 (authorisation, Wed 8 Apr 2026 17:00" in alone
    authorise(withdraw(life, 6, 7, at="2026-04-08 18:00"))
    assert life.state("child-seen") == "met"
    assert life.the("child-seen").met_at == london("2026-04-08 15:00")


def test_a_correction_made_at_once_is_withdrawn_at_once() -> None:
    life = strategy_held("2026-04-08 10:00").say("child_visited", SW, "2026-04-08 15:00", seen=False)
    withdraw(withdraw(life, 5), 6)
    assert "child visited" in life.case.clock


# --- Who may ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["police/pc", "conference service/cs", "health/hv"])
def test_who_may_not_record_a_thing_may_not_correct_it(by: str) -> None:
    life = visited()
    role = by.partition("/")[0]
    says = f"No. 5: you cannot record “child visited” as {role}, so you cannot correct it."
    assert says in life.refused("recorded_in_error", by, facts=[5], reason="an error")
    assert says in life.refused("corrected", by, fact=5, changes={"seen": False}, reason="an error")


def test_the_family_corrects_nothing_themselves() -> None:
    assert "cannot record “corrected” as parents and carers" in visited().refused(
        "corrected", "parents and carers/m", fact=5, changes={"seen": False}, reason="an error"
    )


def test_who_may_record_a_thing_may_correct_it_and_practitioners_and_managers_anything() -> None:
    assert withdraw(conference_set("2026-04-08 10:00", "2026-04-29 14:00"), 8, by=CS).case.waiting_requests
    assert withdraw(conference_set("2026-04-08 10:00", "2026-04-29 14:00"), 8, by=SW).case.waiting_requests
    assert withdraw(conference_set("2026-04-08 10:00", "2026-04-29 14:00"), 8, by=ATM).case.waiting_requests


# --- Whatever was recorded when -----------------------------------------------------------------------------------


def test_a_corrected_case_is_told_alike_from_its_record() -> None:
    life = authorise(withdraw(visited(), 5, at="2026-04-08 17:00"))
    life.say("child_visited", SW, "2026-04-08 18:00")
    correct(life, 8, "2026-04-08 19:00", occurred_at="2026-04-08T17:30:00+01:00")
    authorise(life)
    start = decide.unopened("case-1", 1, life.procedure, HOLIDAYS)
    again = decide.rebuilt(start, life.kept, life.whole.announced)
    assert again.story == life.case
    assert life.the("child-seen").met_at == london("2026-04-08 17:30")


def test_a_request_to_correct_that_nobody_decides_is_heard_of_again() -> None:
    life = withdraw(visited(), 5, at="2026-04-08 17:00").until("2026-04-13 12:00")
    assert life.state("child-seen") == "met"
    reminded = [notice.to for notice in life.notices(NoticeKind.REMINDER) if notice.request == "request-6"]
    assert reminded == ["assistant team manager", "team manager"]


def test_the_same_correction_sent_twice_counts_once() -> None:
    life = visited()
    fields: dict[str, Any] = {"id": "mine", "facts": [5], "reason": "it was another child"}
    life.say("recorded_in_error", SW, "2026-04-08 17:00", **fields).say("recorded_in_error", SW, **fields)
    assert [request.id for request in life.case.waiting_requests] == ["request-6"]
    assert len(life.whole.facts) == 6


def test_that_a_duty_was_met_at_another_time_is_said() -> None:
    life = correct(visited(), 5, at="2026-04-08 16:00", occurred_at="2026-04-08T14:30:00+01:00")
    authorise(life)
    line = "Visit the family home and see the child: met, Wed 8 Apr 2026 14:30 (corrected from Wed 8 Apr 2026 15:00)"
    assert life.lines.count(line) == 1
    life.until("2026-04-20 09:00")
    assert life.lines.count(line) == 1


def test_a_correction_that_waits_is_asked_of_the_managers_of_the_procedure_that_is_adopted() -> None:
    life = withdraw(visited(), 5, at="2026-04-08 17:00")
    life.say("procedure_adopted", TM, "2026-04-09 09:00", procedure=procedure_body("mosaic"))
    [request] = life.case.waiting_requests
    managers = life.case.procedure.managers
    assert request.to == managers != ("assistant team manager", "team manager")
    assert request.title == "Withdraw entry no. 5"
    notified = [notice.to for notice in life.notices(NoticeKind.REQUEST) if notice.request == request.id]
    assert set(managers) <= set(notified)
    assert f"{request.title}: now waiting for the {' or the '.join(managers)} ({request.id})" in life.lines
