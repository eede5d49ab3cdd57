"""A case as a whole: opened, told things twice or wrongly, read by people, closed; its chronology and its size."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic_core import to_json

from casework import decide, view
from casework.batch import batch_of, front_of
from casework.story import Case
from casework.decide import A_CHILDHOOD, CLOCK_SKEW, LONGEST_QUOTATION, MESSAGE_IDS_KEPT
from casework.effects import DeadlineChanged, Decided, Entry, Notice, NoticeKind, Refused, RequestChanged, said, seal_of
from casework.incoming import read
from casework.stages import MESSAGES
from casework.vocabulary import Stage
from tests.lives import Life, london, plan_on_p, referred, strategy_on_b, strategy_on_p

SW = "social worker/sw"
ATM = "assistant team manager/atm"
TM = "team manager/tm"
IRO = "independent reviewing officer/iro"
CS = "conference service/cs"
ALONE: dict[str, Any] = {"alone": True, "unannounced": True}
SHORTLY = timedelta(seconds=1)


def stepped_down() -> Life:
    """On the process map: a plan that has ended, with nothing left to do."""
    life = plan_on_p("2026-04-08 10:00", "2026-04-29 14:00").say("step_down_considered", SW, "2026-06-01 10:00")
    life.say("authorisation", TM, request=life.case.waiting_requests[-1].id, decision="authorise")
    return life.say("step_down_agreed", SW, support="a family support worker")


def closed() -> Life:
    return stepped_down().say("case_closed", TM, "2026-06-02 10:00", reason="the family is well supported")


# --- Opening ------------------------------------------------------------------------------------------------------


def test_a_case_opens_with_its_referral_and_waits_for_whoever_acts_next() -> None:
    life = Life("P", "2026-04-07 09:00")
    assert life.case.waiting_for == ["team manager"]
    assert "has no referral yet" in life.refused("strategy_requested", ATM)
    life.say("referral_received", "police/pc", person="child-1", date_of_birth="2018-05-01", source="police")
    assert (life.case.stage, life.case.opened_at) == (Stage.REFERRAL, london("2026-04-07 09:00"))
    assert life.case.waiting_for == ["assistant team manager"]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "give date_of_birth, or expected_date_of_birth"),
        ({"date_of_birth": "2018-05-01", "expected_date_of_birth": "2026-08-01"}, "one of the two"),
        ({"date_of_birth": "2026-04-08"}, "is after the referral"),
        ({"date_of_birth": "2007-04-01"}, "is of an adult"),
        ({"expected_date_of_birth": "2027-04-01"}, "not within ten months"),
        ({"date_of_birth": "yesterday"}, "is not a date; write it like 2026-04-08"),
        ({"date_of_birth": "2018-05-01", "person": "Jane Doe"}, "is not an id"),
        ({"date_of_birth": "2018-05-01", "source": "a friend"}, "is not one of"),
        ({"date_of_birth": "2018-05-01", "colour": "blue"}, "colour: there is no such field"),
    ],
)
def test_a_referral_that_cannot_be_is_refused_with_what_would_be_right(fields: dict[str, Any], says: str) -> None:
    life = Life("P", "2026-04-07 09:00")
    said_back = life.refused("referral_received", "police/pc", **{"person": "child-1", "source": "police", **fields})
    assert says in said_back


@pytest.mark.covers("Q-03")
def test_a_second_referral_is_new_information_and_no_second_case() -> None:
    life = referred("W", "2026-04-13 10:00", by="mash/m")
    life.say("strategy_requested", "rrt practice lead/r", "2026-04-13 11:00")
    again = {"person": "child-1", "date_of_birth": "2018-05-01", "source": "police"}
    life.say("referral_received", "mash/m", "2026-04-20 09:00", **again)
    assert "A further referral, from police: new information on this case" in life.lines
    assert life.case.opened_at == london("2026-04-13 10:00")
    assert life.due("strategy-discussion-open-case") == "2026-04-21 09:00"
    assert life.due("screening") == "2026-04-14 10:00"


def test_a_referral_of_another_child_is_refused_and_names_nobody() -> None:
    life = referred("P", "2026-04-07 09:00")
    said_back = life.refused(
        "referral_received", "police/pc", person="child-2", date_of_birth="2018-05-01", source="police"
    )
    assert "is another child's" in said_back
    assert "child-1" not in said_back


# --- Told twice, too early, too late, wrongly ---------------------------------------------------------------------


def test_a_message_told_twice_counts_once() -> None:
    life = referred("P", "2026-04-07 09:00")
    first = read(
        "strategy_requested",
        {"id": "the-same", "occurred_at": life.now, "by": {"role": "assistant team manager", "person": "atm"}},
    )
    assert not isinstance(first, Refused)
    once = decide.receive(life.case, first, life.now)
    assert isinstance(once, Decided)
    assert not once.duplicate
    life.case = once.case
    by = {"role": "anybody", "person": "somebody"}
    message = read("strategy_requested", {"id": "the-same", "occurred_at": life.now, "by": by})
    assert not isinstance(message, Refused)
    again = decide.receive(life.case, message, life.now + timedelta(days=3))
    assert isinstance(again, Decided)
    assert (again.duplicate, again.effects) == (True, ())
    assert again.case is life.case


def test_a_message_told_twice_counts_once_even_when_the_case_is_closed() -> None:
    life = closed().case
    message = read("case_closed", {"id": life.seen[-1], "occurred_at": london("2026-06-02 10:00"),
                                   "by": {"role": "team manager", "person": "tm"}, "reason": "again"})  # fmt: skip
    assert not isinstance(message, Refused)
    again = decide.receive(life, message, london("2026-07-01 10:00"))
    assert isinstance(again, Decided)
    assert again.duplicate


def test_so_many_message_ids_are_remembered_and_no_more() -> None:
    life = referred("P", "2026-04-07 09:00")
    for number in range(MESSAGE_IDS_KEPT):
        life.say("social_worker_allocated", TM, social_worker=f"sw-{number % 3}")
    assert len(life.case.seen) == MESSAGE_IDS_KEPT
    assert "m-1" not in life.case.seen


@pytest.mark.parametrize(
    ("occurred_at", "says"),
    [
        (london("2026-04-07 09:00") + CLOCK_SKEW + SHORTLY, "is in the future"),
        (london("2026-04-07 09:00") - A_CHILDHOOD - timedelta(days=1), "longer ago than a childhood"),
        (datetime.max.replace(tzinfo=UTC), "than a childhood"),
        (datetime.min.replace(tzinfo=UTC), "than a childhood"),
        ("2026-04-07T09:00:00", "has no time zone"),
        ("tomorrow", "is not a date and time"),
    ],
    ids=str,
)
def test_a_time_that_cannot_be_is_refused(occurred_at: object, says: str) -> None:
    life = referred("P", "2026-04-07 09:00")
    message = read(
        "whereabouts_unknown", {"id": "m", "occurred_at": occurred_at, "by": {"role": "social worker", "person": "p"}}
    )
    answer = message if isinstance(message, Refused) else decide.receive(life.case, message, life.now)
    assert isinstance(answer, Refused)
    assert says in answer.reason


def test_a_clock_that_is_a_little_fast_is_forgiven() -> None:
    life = referred("P", "2026-04-07 09:00")
    body = {"id": "m", "occurred_at": life.now + CLOCK_SKEW, "by": {"role": "social worker", "person": "p"}}
    message = read("whereabouts_unknown", body)
    assert not isinstance(message, Refused)
    assert isinstance(decide.receive(life.case, message, life.now), Decided)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("conference_scheduled", {"which": "review", "starts_at": "9999-12-31T23:59:59Z"}),
        ("bank_holiday_proclaimed", {"day": "9999-12-31"}),
        ("assessment_estimate_proposed", {"complete_by": "9999-12-31"}),
        ("strategy_outcome", {"decision": "no section 47", "review_on": "0001-01-01"}),
        (
            "strategy_outcome",
            {"decision": "section 47", "actions": [{"what": "See", "owner": "police", "due": "9999-12-31"}]},
        ),
    ],
)
def test_a_day_beyond_all_calendars_is_refused(name: str, fields: dict[str, Any]) -> None:
    life = strategy_on_p("2026-04-08 10:00")
    body = {"id": "m", "occurred_at": life.now, "by": {"role": "social worker", "person": "sw"}, **fields}
    message = read(name, body)
    assert not isinstance(message, Refused)
    answer = decide.receive(life.case, message, life.now)
    assert isinstance(answer, Refused)
    assert "than a childhood" in answer.reason


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_nonsense_is_refused_whatever_the_message(name: str) -> None:
    for body in NONSENSE:
        answer = read(name, body)
        assert isinstance(answer, Refused), body
        assert answer.reason


NONSENSE: tuple[Any, ...] = (
    None,
    [],
    "text",
    7,
    {},
    {"id": {}},
    {"id": "m", "occurred_at": [], "by": None},
    {"by": {"role": 1}},
)


def test_a_message_there_is_not_is_refused_with_those_there_are() -> None:
    answer = read("strategy_discussed", {})
    assert isinstance(answer, Refused)
    assert "There is no message 'strategy_discussed'" in answer.reason
    assert "strategy_outcome" in answer.reason


def test_a_message_of_somebody_who_may_not_send_it_is_refused_with_those_who_may() -> None:
    life = referred("P", "2026-04-07 09:00")
    assert "It is sent by: assistant team manager, team manager" in life.refused("case_closed", SW, reason="done")
    assert "may not send" in life.refused("whereabouts_unknown", "parents and carers/m")


def test_a_refused_message_may_be_put_right_and_sent_again_under_the_same_id() -> None:
    life = referred("P", "2026-04-07 09:00")
    life.refused("strategy_requested", SW, id="mine")
    life.say("strategy_requested", ATM, id="mine")
    assert life.case.seen[-1] == "mine"


# --- Signals nobody waits on, notices that did not arrive ---------------------------------------------------------


def written_and_told(decided: Decided) -> tuple[Entry, Notice]:
    """The one line and the one notice that were decided."""
    entry, notice = decided.effects
    assert isinstance(entry, Entry)
    assert isinstance(notice, Notice)
    return entry, notice


def test_a_refused_signal_is_written_down_and_its_sender_is_told() -> None:
    life = strategy_on_p("2026-04-08 10:00")
    decided = decide.refuse_signal(life.case, "child_visited", "sw", "social worker", "The child is away.", life.now)
    entry, notice = written_and_told(decided)
    assert entry.text == "Refused: child_visited from sw: The child is away."
    assert (notice.kind, notice.to) == (NoticeKind.REFUSED, "social worker")
    assert decided.case.deadlines == life.case.deadlines
    assert decided.case.seen == life.case.seen


@pytest.mark.parametrize("role", [None, "nobody", "", "x" * 10_000])
def test_of_a_sender_nobody_knows_whoever_acts_at_the_stage_is_told(role: str | None) -> None:
    life = strategy_on_p("2026-04-08 10:00")
    decided = decide.refuse_signal(life.case, "x" * 10_000, None, role, "é" * 10_000, life.now)
    entry, notice = written_and_told(decided)
    assert len(entry.text) < 3 * LONGEST_QUOTATION
    assert "somebody unknown" in entry.text
    assert notice.to == "social worker"
    assert "x" * 50 not in notice.text


def test_nobody_is_told_in_a_notice_what_was_in_a_refused_signal() -> None:
    life = referred("P", "2026-04-07 09:00")
    refused = read("referral_received", {"person": "Jane Doe of Mill Lane", "id": "m"})
    assert isinstance(refused, Refused)
    assert "Jane Doe" in refused.reason
    decided = decide.refuse_signal(life.case, "referral_received", "pc", "police", refused.reason, life.now)
    _, notice = written_and_told(decided)
    assert "Jane" not in notice.text


def test_a_notice_that_did_not_arrive_escalates_once() -> None:
    life = strategy_on_p("2026-04-08 10:00").until("2026-04-09 12:00")
    overdue = life.notices(NoticeKind.OVERDUE)[0]
    _, escalated = written_and_told(decide.notice_undelivered(life.case, overdue, life.now))
    assert (escalated.kind, escalated.to) == (NoticeKind.UNDELIVERED, "social worker")
    effects = decide.notice_undelivered(life.case, escalated, life.now).effects
    assert [type(effect) for effect in effects] == [Entry]


def test_what_comes_after_closing_is_still_written_down() -> None:
    life = closed()
    notice = life.notices()[0]
    for decided in (
        decide.notice_undelivered(life.case, notice, life.now),
        decide.refuse_signal(life.case, "child_visited", "sw", "nobody", "closed", life.now),
        decide.cancellation_refused(life.case, life.now),
    ):
        assert any(isinstance(effect, Entry) for effect in decided.effects)
        assert decided.case.closed_at == life.case.closed_at


# --- Closing ------------------------------------------------------------------------------------------------------


def test_a_case_closes_when_nothing_is_open_and_somebody_entitled_says_so() -> None:
    life = plan_on_p("2026-04-08 10:00", "2026-04-29 14:00")
    assert "while this is open: the child protection plan" in life.refused("case_closed", TM, reason="done")
    life = stepped_down()
    assert life.case.stage is Stage.CLOSING
    assert life.case.waiting_for
    assert "may not send" in life.refused("case_closed", SW, reason="done")
    life.say("case_closed", TM, reason="the family is well supported")
    assert (life.case.stage, life.case.waiting_for) == (Stage.CLOSED, [])


def test_every_strand_that_is_open_stands_in_the_way_of_closing() -> None:
    life = strategy_on_p("2026-04-08 10:00").say("strategy_requested", SW, immediate=True)
    life.say("whereabouts_unknown", SW)
    reason = life.refused("case_closed", TM, reason="done")
    for strand in ("strategy discussion 2", "the Single Assessment", "the section 47 enquiry", "the search for the"):
        assert strand in reason


def test_after_closing_nothing_runs_nothing_rings_and_nothing_is_accepted() -> None:
    life = closed()
    assert life.running == []
    assert life.next_alarm is None
    assert not [deadline.id for deadline in life.case.deadlines.values() if deadline.closed_at is None]
    assert life.case.waiting_requests == []
    told = len(life.effects)
    life.until("2030-01-01 09:00")
    assert len(life.effects) == told
    assert "a new referral opens it again" in life.refused("child_visited", SW, **ALONE)
    assert decide.wake(life.case, life.now).case == life.case


def test_what_was_still_owed_at_closing_is_ended_and_what_waited_is_withdrawn() -> None:
    life = stepped_down().say("complaint_made", SW)
    life.say("strategy_requested", ATM)
    assert life.case.waiting_requests
    life.say("case_closed", TM, reason="the family moved away")
    assert life.state("assessment-case-note") == "ended"
    assert life.case.waiting_requests == []
    assert "Management Decision to hold a strategy meeting: withdrawn (the case was closed)" in life.lines


# --- The chronology -----------------------------------------------------------------------------------------------


def test_the_chronology_is_one_sealed_chain() -> None:
    life = closed()
    seal = ""
    for number, entry in enumerate(life.entries, 1):
        assert entry.number == number
        assert entry.seal == seal_of(said(entry), seal)
        seal = entry.seal
    assert life.case.seal == seal


@pytest.mark.parametrize("change", [{"text": "Child visited: seen alone"}, {"by": "somebody else"}, {"note": "x"}])
def test_a_line_that_is_altered_no_longer_fits_its_seal(change: dict[str, str]) -> None:
    entries = strategy_on_p("2026-04-08 10:00").entries
    altered = entries[3].model_copy(update=change)
    assert seal_of(said(altered), entries[2].seal) != entries[3].seal
    assert seal_of(said(entries[3]), entries[1].seal) != entries[3].seal


def test_an_entry_says_who_when_it_happened_and_when_it_was_heard_of() -> None:
    life = strategy_on_p("2026-04-08 10:00")
    life.say("child_visited", SW, "2026-04-08 18:00", occurred_at="2026-04-08 15:00", note="He was cheerful.", id="v")
    visited = next(entry for entry in life.entries if entry.text == "Child visited: seen")
    assert (visited.by, visited.what, visited.message_id) == ("social worker sw", "child_visited", "v")
    assert visited.occurred_at == london("2026-04-08 15:00")
    assert visited.recorded_at == london("2026-04-08 18:00")
    assert visited.note == "He was cheerful."
    life.until("2026-04-22 10:00")
    assert life.entries[-1].by == "social worker sw"
    life.until("2026-04-30 10:00")
    assert (life.entries[-1].by, life.entries[-1].what) == ("S47", "time passed")


def test_given_reasons_are_in_the_record_and_nowhere_people_look_over_a_shoulder() -> None:
    life = strategy_on_p("2026-04-08 10:00")
    life.say("child_visited", SW, seen=False, reason="the door stayed shut", note="Curtains drawn.")
    kept = "\n".join(entry.note or "" for entry in life.entries)
    assert "the door stayed shut" in kept
    assert "Curtains drawn." in kept
    seen = view.details(life.case) + str(decide.alarms(life.case)) + "".join(notice.text for notice in life.notices())
    assert "the door stayed shut" not in seen
    assert "Curtains drawn." not in seen


# --- What people see of it ----------------------------------------------------------------------------------------


def test_the_front_page_says_where_the_case_stands_who_acts_and_what_is_due() -> None:
    life = strategy_on_p("2026-04-08 10:00").say("social_worker_allocated", TM, social_worker="sw-7", team="North")
    life.until("2026-04-09 12:00")
    page = view.details(life.case)
    assert page.startswith("## Section 47 enquiry")
    assert "**Who must act next:** social worker, conference service" in page
    assert (
        "| **OVERDUE** | Thu 9 Apr 2026 10:00 | Visit the family home and see the child | social worker | P-02" in page
    )
    assert "Allocated to:** sw-7, North" in page
    assert "child-1" not in page
    front = front_of(life.case)
    assert (front.stage, front.team, front.allocated_to) == (Stage.ENQUIRY, "North", "sw-7")
    assert front.overdue == ("child-seen",)
    assert front.next_due == london("2026-04-09 10:00")


def test_the_next_due_day_is_the_day_itself_and_not_the_midnight_after() -> None:
    life = strategy_on_p("2026-04-08 10:00").say("child_visited", SW)
    assert life.case.next_due == london("2026-04-29 23:59:59")


def test_a_batch_keeps_the_last_word_on_each_deadline_and_request() -> None:
    life = plan_on_p("2026-04-08 10:00", "2026-04-29 14:00")
    batch = batch_of(life.case, tuple(life.effects), 7)
    assert batch.number == 7
    assert {deadline.id: deadline for deadline in batch.deadlines} == life.deadlines
    assert len(batch.deadlines) < sum(isinstance(effect, DeadlineChanged) for effect in life.effects)
    assert len(batch.requests) < sum(isinstance(effect, RequestChanged) for effect in life.effects)
    assert list(batch.entries) == life.entries


@pytest.mark.covers("C-12")
def test_the_stage_is_that_of_the_furthest_strand_that_is_open() -> None:
    life = referred("P", "2026-04-07 08:00")
    stages = [life.case.stage]
    life.say("strategy_requested", SW, immediate=True)
    stages.append(life.case.stage)
    life.say("strategy_outcome", SW, decision="section 47")
    stages.append(life.case.stage)
    life.say("child_visited", SW).say("section47_outcome", SW, outcome="substantiated")
    stages.append(life.case.stage)
    life.say("chair_allocated", CS, chair="iro")
    life.say("initial_conference_held", IRO, plan=True, categories=["neglect"])
    stages.append(life.case.stage)
    assert stages == [Stage.REFERRAL, Stage.STRATEGY, Stage.ENQUIRY, Stage.CONFERENCE, Stage.PLAN]
    life.say("strategy_requested", SW, immediate=True)
    assert life.case.stage is Stage.PLAN
    assert [strategy.id for strategy in life.case.strategies] == ["strategy-2"]


# --- Its size, and its way through JSON ---------------------------------------------------------------------------


def test_the_state_stays_small_over_years() -> None:
    """Three years on a plan: a visit a fortnight, a core group every four weeks, a review every half year."""
    life = plan_on_p("2026-04-08 10:00", "2026-04-29 14:00")
    sizes = []
    day = date(2026, 5, 13)
    for fortnight in range(78):
        when = f"{day + timedelta(weeks=2 * fortnight)}"
        life.say("child_visited", SW, f"{when} 10:00", note="a note " * 400, **ALONE)
        if fortnight % 2 == 0:
            life.say("core_group_held", SW, f"{when} 11:00")
        if fortnight % 13 == 5:
            life.say("core_group_minutes_sent", SW, f"{when} 12:00", to="family")
            life.say("core_group_minutes_sent", SW, to="conference service")
            life.say("review_conference_held", IRO, f"{when} 14:00", decision="continue")
        sizes.append(len(life.case.model_dump_json(exclude={"procedure", "bank_holidays"})))
    assert max(sizes) < 40_000
    assert max(sizes[-13:]) < 1.1 * max(sizes[39:52])
    assert len(life.case.deadlines) < 40
    assert len(life.entries) > 300


@pytest.mark.parametrize("life", [closed, stepped_down], ids=["closed", "closing"])
def test_a_case_survives_json(life: Any) -> None:
    case = life().case
    assert Case.model_validate_json(to_json(case)) == case


def test_on_b_an_action_is_a_deadline_of_its_own_and_is_done_by_name() -> None:
    life = strategy_on_b("2026-04-19 10:00", "2026-04-20 10:00")
    assert life.due("action") == "2026-04-20"
    assert life.the("action").duty == "Action 1 agreed at strategy-1"
    assert "There is no action action-9" in life.refused("action_completed", "lead practitioner/sw", action="action-9")
    life.say("action_completed", "lead practitioner/sw", action="action-1")
    assert life.state("action") == "met"


def test_an_action_of_a_role_that_nobody_holds_is_refused() -> None:
    action = {"what": "See the child", "owner": "the neighbour", "due": "2026-04-21"}
    life = referred("P", "2026-04-07 08:00").say("strategy_requested", SW, immediate=True)
    reason = life.refused("strategy_outcome", SW, decision="section 47", actions=[action])
    assert "actions.owner: this procedure has no role 'the neighbour'" in reason
