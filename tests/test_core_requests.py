"""Authorisation: asked, authorised, returned, reassigned, finished; by whom, once, and never by a timeout (Q-19)."""

from typing import Any

import pytest

from casework.effects import NoticeKind, Refused
from casework.incoming import read
from casework.story import RequestState
from tests.lives import ATM, SW, TM, Life, example, london, plan_made, referred, strategy_held


def discussion_requested() -> Life:
    return referred("E", "2026-04-07 09:00").say("strategy_requested", ATM, "2026-04-07 10:00")


# --- Asking -------------------------------------------------------------------------------------------------------


@pytest.mark.covers("C-10")
def test_what_is_asked_waits_for_whoever_authorises_it() -> None:
    life = discussion_requested()
    request = life.case.requests["request-2"]
    assert (request.state, request.to, request.asked_by_role) == (
        RequestState.OPEN,
        ("team manager",),
        "assistant team manager",
    )
    assert life.case.waiting_for == ["team manager"]
    assert [(notice.to, notice.request) for notice in life.notices(NoticeKind.REQUEST)] == [
        ("team manager", "request-2")
    ]
    assert life.case.strategies == ()
    assert "No strategy discussion is agreed" in life.refused("strategy_outcome", SW, decision="section 47")
    assert "It is asked for by: assistant team manager" in life.refused("strategy_requested", SW)


@pytest.mark.covers("C-10")
def test_an_immediate_discussion_waits_for_nobody() -> None:
    life = referred("E", "2026-04-07 09:00").say("strategy_requested", SW, immediate=True)
    assert [strategy.id for strategy in life.case.strategies] == ["strategy-2"]
    assert [notice.to for notice in life.notices(NoticeKind.TOLD)] == ["team manager"]
    life.say("strategy_outcome", SW, "2026-04-07 10:00", decision="section 47")
    assert life.due("child-seen") == "2026-04-08 10:00"


def test_asked_again_the_first_request_is_withdrawn() -> None:
    life = discussion_requested().say("strategy_requested", ATM, "2026-04-07 11:00")
    assert {key: request.state.value for key, request in life.case.requests.items()} == {
        "request-2": "withdrawn",
        "request-3": "open",
    }
    assert "already withdrawn" in life.refused("authorisation", TM, request="request-2", decision="authorise")


@pytest.mark.covers("Q-19")
def test_nothing_is_authorised_by_waiting() -> None:
    life = discussion_requested().until("2027-04-07 09:00")
    assert life.case.requests["request-2"].state is RequestState.OPEN
    assert life.case.strategies == ()
    assert life.case.waiting_for == ["team manager"]


# --- Deciding -----------------------------------------------------------------------------------------------------


def test_what_was_held_takes_effect_when_it_is_authorised() -> None:
    life = discussion_requested().say(
        "authorisation", TM, "2026-04-07 12:00", request="request-2", decision="authorise"
    )
    request = life.case.requests["request-2"]
    assert (request.state, request.decided_by, request.decided_at) == (
        RequestState.AUTHORISED,
        "team manager tm",
        london("2026-04-07 12:00"),
    )
    assert [strategy.opened_at for strategy in life.case.strategies] == [london("2026-04-07 10:00")]


@pytest.mark.covers("Q-19")
def test_what_is_returned_goes_back_with_its_reason_and_can_be_asked_again() -> None:
    life = discussion_requested()
    assert "reason: say why" in life.refused("authorisation", TM, request="request-2", decision="return")
    life.say("authorisation", TM, request="request-2", decision="return", reason="say more of the injury")
    request = life.case.requests["request-2"]
    assert request.state is RequestState.RETURNED
    assert "say more of the injury" in life.kept[-1].body
    assert life.case.strategies == ()
    back = life.notices(NoticeKind.REQUEST)[-1]
    assert (back.to, back.text.startswith("Returned to you")) == ("assistant team manager", True)
    assert "already returned" in life.refused("authorisation", TM, request="request-2", decision="authorise")
    life.say("strategy_requested", ATM)
    life.say("authorisation", TM, request="request-4", decision="authorise")
    assert len(life.case.strategies) == 1


def test_a_request_is_decided_once_by_the_right_role_and_by_nobody_who_asked() -> None:
    life = discussion_requested()
    ask = {"request": "request-2", "decision": "authorise"}
    assert "It is decided by: team manager" in life.refused("authorisation", ATM, **ask)
    assert "cannot record “authorisation” as police" in life.refused("authorisation", "police/pc", **ask)
    assert "nobody can authorise their own" in life.refused("authorisation", "team manager/atm", **ask)
    assert "Waiting now: request-2 (strategy discussion: Management Decision" in life.refused(
        "authorisation", TM, request="request-7", decision="authorise"
    )
    life.say("authorisation", TM, **ask)
    assert "already authorised" in life.refused("authorisation", TM, **ask)
    assert "Waiting now: none" in life.refused("authorisation", TM, request="request-7", decision="authorise")


@pytest.mark.covers("Q-19")
def test_a_request_given_to_one_person_is_theirs_to_decide() -> None:
    life = discussion_requested()
    assert "nobody can authorise their own" in life.refused("request_reassigned", TM, request="request-2", to="atm")
    life.say("request_reassigned", TM, request="request-2", to="tm-2")
    assert life.notices(NoticeKind.REQUEST)[-1].person == "tm-2"
    assert "for tm-2 to decide" in life.refused("authorisation", TM, request="request-2", decision="authorise")
    life.say("authorisation", "team manager/tm-2", request="request-2", decision="authorise")
    assert len(life.case.strategies) == 1
    assert "already authorised" in life.refused("request_reassigned", TM, request="request-2", to="tm-3")


@pytest.mark.parametrize("person", ["atm", "ATM", "Atm"])
def test_nobody_authorises_their_own_however_their_id_is_spelt(person: str) -> None:
    life = discussion_requested()
    ask = {"request": "request-2", "decision": "authorise"}
    assert "nobody can authorise their own" in life.refused("authorisation", f"team manager/{person}", **ask)
    assert "nobody can authorise their own" in life.refused("request_reassigned", TM, request="request-2", to=person)


def test_nobody_decides_without_saying_who_they_are() -> None:
    life = discussion_requested()
    body = {"id": "m", "occurred_at": life.now, "request": "request-2", "decision": "authorise"}
    for by in (
        {"role": "team manager"},
        {"role": "team manager", "person": ""},
        {"role": "team manager", "person": " "},
    ):
        answer = read("authorisation", {**body, "by": by})
        assert isinstance(answer, Refused)
        assert answer.reason.startswith("by.person: ")


def test_a_request_is_not_decided_before_it_was_made() -> None:
    life = discussion_requested().until("2026-04-07 12:00")
    early: dict[str, Any] = {"request": "request-2", "decision": "authorise", "occurred_at": "2026-04-07 09:30"}
    assert "nothing called 'request-2' was waiting" in life.refused("authorisation", TM, **early)


def test_a_request_is_known_by_what_it_is_about_where_only_one_such_waits() -> None:
    life = outcome_requested()
    assert "nothing called 'step-down' was waiting" in life.refused(
        "authorisation", TM, request="step-down", decision="authorise"
    )
    life.say("authorisation", TM, request="Section 47 outcome", decision="authorise")
    assert life.case.enquiry is None
    life = referred(example(authorisation={"strategy record": RECORD}), "2026-06-01 09:00")
    for _ in range(2):
        life.say("strategy_requested", SW, immediate=True)
        life.say("strategy_outcome", SW, decision="section 47", strategy=life.case.strategies[-1].id)
    assert "more than one request is about strategy record. Name one of them: request-3 (" in life.refused(
        "authorisation", TM, request="strategy record", decision="authorise"
    )


# --- Nobody decides -----------------------------------------------------------------------------------------------


def test_a_request_that_nobody_decides_reminds_and_then_goes_to_the_next_in_line() -> None:
    life = discussion_requested().until("2026-04-13 09:00")
    about = [notice for notice in life.notices() if notice.request == "request-2"]
    assert [(notice.kind, notice.to, notice.at) for notice in about] == [
        (NoticeKind.REQUEST, "team manager", london("2026-04-07 10:00")),
        (NoticeKind.REMINDER, "team manager", london("2026-04-08 09:00")),
        (NoticeKind.ESCALATION, "assistant team manager", london("2026-04-09 09:00")),
    ]
    assert life.case.requests["request-2"].state is RequestState.OPEN


def test_a_request_to_somebody_who_left_is_heard_of_and_goes_back_to_the_role() -> None:
    life = referred("E", "2026-04-07 09:00").say("strategy_requested", ATM, "2026-04-07 10:00", ask="tm-9")
    life.until("2026-04-20 09:00")
    reminder, escalation = life.notices()[1:]
    assert (reminder.kind, reminder.to, reminder.person) == (NoticeKind.REMINDER, "team manager", "tm-9")
    assert (escalation.to, escalation.text) == (
        "assistant team manager",
        "Not decided yet by tm-9: Management Decision to hold a strategy meeting. "
        "You can give it to somebody else, or back to the role: request_reassigned",
    )
    assert "for tm-9 to decide" in life.refused("authorisation", TM, request="request-2", decision="authorise")
    life.say("request_reassigned", ATM, request="request-2", back_to_role=True)
    assert life.case.requests["request-2"].assigned_to is None
    assert (life.notices()[-1].to, life.notices()[-1].person) == ("team manager", None)
    life.until("2026-04-21 09:00")  # whoever has it now has their time again
    assert (life.notices()[-1].kind, life.notices()[-1].person) == (NoticeKind.REMINDER, None)
    life.say("authorisation", TM, request="request-2", decision="authorise")
    assert len(life.case.strategies) == 1


def test_a_request_is_given_to_somebody_or_back_to_the_role_one_of_the_two() -> None:
    life = discussion_requested()
    assert "one of the two" in life.refused("request_reassigned", TM, request="request-2")
    assert "one of the two" in life.refused("request_reassigned", TM, request="request-2", to="x", back_to_role=True)


def test_a_role_is_known_by_its_label_and_in_any_case_of_letters() -> None:
    life = discussion_requested()
    life.say("authorisation", "Team Manager (TM)/tm", request="request-2", decision="authorise")
    assert len(life.case.strategies) == 1
    assert "has no role 'team boss'" in life.refused("strategy_requested", "team boss/b")


# --- What waits and what does not ---------------------------------------------------------------------------------


def test_where_only_a_record_is_authorised_the_decision_does_not_wait() -> None:
    life = strategy_held("2026-04-20 10:00", by=example(authorisation={"strategy record": {**RECORD, "holds": False}}))
    record = life.case.waiting_requests[-1]
    assert (record.title, record.held) == ("Record of the discussion", None)
    assert life.case.enquiry is not None
    life.say("authorisation", TM, request=record.id, decision="authorise")
    assert life.case.waiting_requests == []


def test_where_the_effect_waits_it_comes_when_the_manager_authorises_it() -> None:
    life = outcome_requested()
    assert life.case.open_strands == ["the Single Assessment", "the section 47 enquiry"]
    life.say("authorisation", TM, "2026-04-28 10:00", request="section 47 outcome", decision="authorise")
    assert life.case.open_strands == ["the Single Assessment", "the initial conference"]


OUTCOME = {"title": "Outcome of the enquiry", "authorised_by": ["team manager"]}
RECORD = {"title": "Record of the discussion", "authorised_by": ["team manager"]}


def outcome_requested() -> Life:
    """Where the outcome of an enquiry is to be authorised: it is recorded, and waits."""
    life = strategy_held("2026-04-20 10:00", by=example(authorisation={"section 47 outcome": OUTCOME}))
    return life.say("section47_outcome", SW, "2026-04-27 10:00", outcome="substantiated")


def test_finish_is_an_act_of_its_own_and_comes_after_authorising() -> None:
    life = discussion_to_finish()
    request = life.case.waiting_requests[0].id
    assert "can be finished once it is authorised" in life.refused("request_finished", TM, request=request)
    life.say("authorisation", TM, request=request, decision="authorise")
    assert "the section 47 enquiry" not in life.case.open_strands
    assert life.case.waiting_for == ["team manager"]
    assert "cannot be finished as social worker" in life.refused("request_finished", SW, request=request)
    life.say("request_finished", TM, request=request)
    assert "the section 47 enquiry" in life.case.open_strands
    assert "finished" in life.refused("request_finished", TM, request=request)


def discussion_to_finish(by: str = SW) -> Life:
    """Where a discussion's record is authorised, and then finished: it was held, and waits."""
    procedure = example(authorisation={"strategy record": {**RECORD, "finish": True}})
    life = referred(procedure, "2026-06-01 09:00").say("strategy_requested", SW, immediate=True)
    return life.say("strategy_outcome", by, "2026-06-01 14:00", decision="section 47")


def test_nobody_finishes_what_they_asked_for_themselves() -> None:
    life = discussion_to_finish(by="team manager/tm-1")
    life.say("authorisation", "team manager/tm-2", request="strategy record", decision="authorise")
    asked_by_them = life.refused("request_finished", "team manager/TM-1", request="strategy record")
    assert "nobody can authorise their own" in asked_by_them
    life.say("request_finished", "team manager/tm-2", request="strategy record")
    assert life.case.enquiry is not None


def test_what_takes_effect_on_authorising_is_not_to_be_finished() -> None:
    life = discussion_requested().say("authorisation", TM, request="request-2", decision="authorise")
    assert "there is nothing to finish" in life.refused("request_finished", TM, request="request-2")


def test_a_review_that_ends_the_plan_ends_it_when_the_manager_agrees() -> None:
    life = plan_ended_by_a_review()
    assert "the child protection plan" in life.case.open_strands
    life.say("authorisation", TM, request=life.case.waiting_requests[-1].id, decision="authorise")
    assert "the child protection plan" not in life.case.open_strands


def plan_ended_by_a_review() -> Life:
    life = plan_made("2026-04-08 10:00", "2026-04-29 14:00")
    return life.say(
        "review_conference_held",
        "independent reviewing officer/iro",
        "2026-07-29 10:00",
        decision="end",
        support="a family support worker",
    )


def test_what_no_longer_can_take_effect_is_refused_and_can_be_returned() -> None:
    life = outcome_requested()
    first = life.case.waiting_requests[-1].id
    life.say("section47_outcome", SW, "2026-04-27 11:00", outcome="substantiated")
    second = life.case.waiting_requests[-1].id
    assert life.case.requests[first].state is RequestState.WITHDRAWN
    life.say("authorisation", TM, request=second, decision="authorise")
    assert "No section 47 enquiry is open" in life.refused("section47_outcome", SW, outcome="substantiated")


@pytest.mark.covers("Q-18")
def test_a_death_ends_what_waits_to_be_authorised() -> None:
    life = outcome_requested()
    life.say("child_died", SW, abuse_or_neglect_suspected=False, other_children=False)
    assert life.case.waiting_requests == []
    assert "already withdrawn" in life.refused("authorisation", TM, request="request-5", decision="authorise")


def test_a_case_that_moves_to_another_procedure_asks_those_who_decide_there() -> None:
    life = outcome_requested()
    elsewhere = example(authorisation={"section 47 outcome": {**OUTCOME, "authorised_by": ["assistant team manager"]}})
    life.say("procedure_adopted", TM, procedure=elsewhere.model_dump(mode="json", by_alias=True))
    [outcome] = life.case.waiting_requests
    assert outcome.to == ("assistant team manager",)
    life.say("authorisation", ATM, request=outcome.id, decision="authorise")
    assert life.case.enquiry is None


def test_what_nobody_authorises_under_the_new_procedure_is_to_be_sent_again() -> None:
    life = outcome_requested()
    [outcome] = life.case.waiting_requests
    life.say("procedure_adopted", TM, procedure=example().model_dump(mode="json", by_alias=True))
    assert life.case.requests[outcome.id].state is RequestState.WITHDRAWN
    again = [notice for notice in life.notices(NoticeKind.REQUEST) if notice.text.startswith("Please record")]
    assert [(notice.to, notice.request) for notice in again] == [("social worker", outcome.id)]
    life.say("section47_outcome", SW, outcome="substantiated")
    assert "the section 47 enquiry" not in life.case.open_strands


def test_what_is_decided_by_the_same_people_under_a_new_version_is_not_asked_again() -> None:
    life = outcome_requested()
    waiting = life.case.waiting_requests
    before = len(life.notices(NoticeKind.REQUEST))
    newer = life.procedure.model_dump(mode="json", by_alias=True)
    newer["procedure"]["version"] = "2027"
    life.say("procedure_adopted", TM, procedure=newer)
    assert life.case.waiting_requests == waiting
    assert len(life.notices(NoticeKind.REQUEST)) == before


def test_what_was_decided_is_never_forgotten() -> None:
    life = discussion_requested()
    for number in range(2, 24, 2):
        life.say("authorisation", TM, request=f"request-{number}", decision="return", reason="say more")
        life.say("strategy_requested", ATM)
    assert [request.id for request in life.case.waiting_requests] == ["request-24"]
    assert [request.state for request in life.case.requests.values()] == [RequestState.RETURNED] * 11 + [
        RequestState.OPEN
    ]
    assert "already returned (by team manager tm" in life.refused(
        "authorisation", TM, request="request-2", decision="authorise"
    )


@pytest.mark.covers("PD-M-02")
def test_whoever_asks_may_choose_whom_and_nobody_chooses_themselves() -> None:
    life = referred("E", "2026-04-07 09:00")
    asks_themselves = life.refused("strategy_requested", "assistant team manager/atm-1", ask="ATM-1")
    assert "nobody can authorise their own" in asks_themselves
    life.say("strategy_requested", "assistant team manager/atm-1", ask="tm-2")
    [request] = life.case.waiting_requests
    assert request.assigned_to == "tm-2"
    reason = life.refused("authorisation", "team manager/tm-1", request=request.id, decision="authorise")
    assert "for tm-2 to decide" in reason
    life.say("authorisation", "team manager/TM-2", request=request.id, decision="authorise")
