"""The stages of the casework: strands side by side, what each message means at its stage, and what it cannot mean."""

from typing import Any

import pytest

from casework.effects import NoticeKind, Refused
from casework.incoming import read
from casework.messages import in_words
from casework.vocabulary import Circumstance, Stage
from tests.lives import ATM, CS, IRO, SW, TM, Life, example, london, plan_made, referred, strategy_held

AT_ONCE: dict[str, Any] = {"immediate": True}


def two_discussions() -> Life:
    life = referred("E", "2026-04-07 08:00").say("strategy_requested", SW, **AT_ONCE)
    return life.say("strategy_requested", SW, "2026-04-07 09:00", **AT_ONCE)


def test_of_what_is_due_together_the_oldest_comes_first_whenever_it_was_recorded() -> None:
    further: dict[str, Any] = {"decision": "further discussion", "review_on": "2026-04-15"}
    life = two_discussions()
    life.say("strategy_outcome", SW, "2026-04-08 11:00", strategy="strategy-3", **further)
    life.say(
        "strategy_outcome", SW, "2026-04-08 12:00", strategy="strategy-2", occurred_at="2026-04-08 10:00", **further
    )
    reviews = [deadline.id for deadline in life.case.running_deadlines if deadline.timescale == "strategy-review"]
    assert reviews == ["strategy-review@5", "strategy-review@4"]


# --- Strategy discussions -----------------------------------------------------------------------------------------


@pytest.mark.covers("D-B-35", "D-W-08")
def test_of_several_open_discussions_a_message_says_which_it_means() -> None:
    life = two_discussions()
    assert "Say which: strategy-2, strategy-3" in life.refused("strategy_outcome", SW, decision="section 47")
    assert "no strategy discussion strategy-9 is open" in life.refused(
        "strategy_outcome", SW, decision="section 47", strategy="strategy-9"
    )
    life.say("strategy_outcome", SW, "2026-04-08 10:00", decision="no section 47", strategy="strategy-3")
    assert [strategy.id for strategy in life.case.strategies] == ["strategy-2"]
    assert life.never_ran("initial-conference")
    life.say("strategy_outcome", SW, "2026-04-08 11:00", decision="section 47")
    assert life.due("initial-conference") == "2026-04-29"
    assert "No strategy discussion is agreed" in life.refused("strategy_outcome", SW, decision="section 47")


@pytest.mark.covers("U-W-01", "D-W-08")
def test_a_further_discussion_needs_a_day_and_that_day_is_a_deadline() -> None:
    life = referred("E", "2026-04-07 08:00").say("strategy_requested", SW, **AT_ONCE)
    further = {"decision": "further discussion"}
    assert "review_on: say when" in life.refused("strategy_outcome", SW, **further)
    life.say("strategy_outcome", SW, "2026-04-08 10:00", review_on="2026-04-15", **further)
    assert [strategy.id for strategy in life.case.strategies] == ["strategy-2"]
    assert life.due("strategy-review") == "2026-04-15"
    life.until("2026-04-16 09:00")
    assert life.state("strategy-review") == "overdue missed"
    life.say("action_completed", TM, action="strategy-review@3")
    assert life.state("strategy-review") == "met late missed"
    life.say("strategy_outcome", SW, decision="section 47")
    assert life.case.strategies == ()


def test_a_discussion_is_arranged_before_it_is_held() -> None:
    life = referred("E", "2026-04-07 08:00").say("strategy_requested", SW, **AT_ONCE)
    life.say("strategy_scheduled", SW, starts_at="2026-04-08 10:00")
    assert life.case.strategies[0].scheduled_for == london("2026-04-08 10:00")


@pytest.mark.parametrize(
    ("fields", "says"),
    [({}, "particularly complex"), ({"complex": True, "immediate": True}, "cannot be put off")],
)
def test_only_a_complex_discussion_that_is_not_immediate_can_be_put_off(fields: dict[str, Any], says: str) -> None:
    extension = ("strategy_extension_requested", ATM)
    longer = {"title": "A longer limit", "authorised_by": ["team manager"]}
    life = referred(example(authorisation={"strategy extension": longer}), "2026-10-23 18:00")
    assert "No strategy discussion is open" in life.refused(*extension, reason="organised abuse")
    life.say("strategy_requested", ATM, **fields)
    if not fields:
        life.say("authorisation", TM, request="strategy discussion", decision="authorise")
    assert says in life.refused(*extension, reason="organised abuse")


def test_where_the_procedure_has_no_longer_limit_none_can_be_asked_for() -> None:
    life = referred("E", "2026-04-07 08:00").say("strategy_requested", SW, complex=True, **AT_ONCE)
    assert "no extra time" in life.refused("strategy_extension_requested", SW, reason="organised abuse")


@pytest.mark.covers("Q-28")
def test_a_discussion_without_its_minimum_membership_needs_a_note_saying_why() -> None:
    quorum = {"minimum": [["social worker"], ["health", "other agency"]]}
    life = referred(example(meeting={"strategy discussion": quorum}), "2026-04-19 10:00")
    life.say("strategy_requested", SW, **AT_ONCE)
    few: dict[str, Any] = {"decision": "no section 47", "attended_by": ["social worker", "police"]}
    reason = life.refused("strategy_outcome", SW, **few)
    assert "cannot go ahead without: health or" in reason
    assert "say why in the note" in reason
    stranger = {**few, "attended_by": ["the neighbour"]}
    assert "has no role 'the neighbour'" in life.refused("strategy_outcome", SW, **stranger)
    life.say("strategy_outcome", SW, note="Nobody from health could be reached.", **few)
    assert any("was held without health or" in line for line in life.lines)


def test_where_only_professionals_meet_the_family_takes_no_part() -> None:
    among_themselves = {"professionals_only": True}
    life = referred(example(meeting={"strategy discussion": among_themselves}), "2026-04-19 10:00")
    life.say("strategy_requested", SW, **AT_ONCE)
    with_family = ["social worker", "parents and carers"]
    fields: dict[str, Any] = {"decision": "section 47"}
    assert "professionals only" in life.refused("strategy_outcome", SW, **fields, attended_by=with_family)
    life.say("strategy_outcome", SW, **fields, attended_by=with_family[:1])


@pytest.mark.covers("Q-20")
def test_a_discussion_may_decide_to_keep_something_from_the_family_on_a_ground() -> None:
    life = referred("E", "2026-04-19 10:00").say("strategy_requested", SW, **AT_ONCE)
    withheld: dict[str, Any] = {"decision": "no section 47", "share_with_family": "withhold"}
    assert "ground: say why" in life.refused("strategy_outcome", SW, **withheld)
    life.say("strategy_outcome", SW, ground="risk of harm", **withheld)
    assert life.case.withholding is not None
    assert life.case.withholding.ground == "risk of harm"
    assert life.case.withholding.decided_by == "social worker sw"
    assert "already withheld" in life.refused("information_withheld", SW, ground="police investigation")
    life.say("information_released", SW)
    assert "No information is withheld" in life.refused("information_released", SW)


@pytest.mark.covers("D-M-03")
def test_a_strategy_discussion_on_a_plan_leaves_the_plan_alone() -> None:
    life = plan_made("2026-04-08 10:00", "2026-04-29 14:00").say(
        "strategy_requested", SW, "2026-05-05 10:00", **AT_ONCE
    )
    running = set(life.running)
    life.say("strategy_outcome", SW, decision="no section 47")
    assert life.case.stage is Stage.PLAN
    assert set(life.running) >= running - {"strategy-discussion"}


@pytest.mark.covers("Q-28")
@pytest.mark.parametrize(
    ("name", "by", "fields", "may"),
    [
        ("child_visited", CS, {}, "assistant team manager, social worker, team manager"),
        ("section47_outcome", CS, {"outcome": "substantiated"}, "assistant team manager, social worker, team manager"),
        ("child_visited", "police/pc", {}, "assistant team manager, social worker, team manager"),
        ("visit_recorded", CS, {}, "assistant team manager, social worker, team manager"),
        ("initial_conference_held", CS, {"plan": False}, "independent reviewing officer"),
        ("core_group_held", CS, {}, "independent reviewing officer"),
        ("child_died", "health/hv", {"abuse_or_neglect_suspected": False, "other_children": False}, "social worker"),
        ("strategy_outcome", "police/pc", {"decision": "section 47"}, "social worker"),
        ("referral_received", "parents and carers/m", {"person": "child-1", "source": "individual"}, "police"),
    ],
)
def test_what_was_done_is_recorded_by_whoever_may_and_the_refusal_names_them(
    name: str, by: str, fields: dict[str, Any], may: str
) -> None:
    life = strategy_held("2026-04-08 10:00")
    born = {"date_of_birth": "2018-05-01"} if name == "referral_received" else {}
    refused = life.refused(name, by, **fields, **born)
    role = by.partition("/")[0]
    assert refused.startswith(f"by: you cannot record “{in_words(name)}” as {role}. It is recorded by: ")
    assert may in refused


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("child_visited", "seen"),
        ("strategy_outcome", "decision"),
        ("section47_outcome", "outcome"),
        ("initial_conference_held", "plan"),
        ("review_conference_held", "decision"),
        ("screening_decided", "harm_suspected"),
        ("core_group_minutes_sent", "minutes"),
        ("report_shared", "to"),
        ("medical_consent_recorded", "given"),
        ("authorisation", "decision"),
    ],
)
def test_nothing_that_stops_a_clock_is_taken_for_granted(name: str, field: str) -> None:
    body = {"id": "m", "occurred_at": london("2026-04-08 10:00"), "by": {"role": "social worker", "person": "sw"}}
    answer = read(name, body)
    assert isinstance(answer, Refused)
    assert f"{field}: this is missing. Add it." in answer.reason.splitlines()


# --- The enquiry --------------------------------------------------------------------------------------------------


def test_an_outcome_needs_an_enquiry_and_is_not_earlier_than_it() -> None:
    life = referred("E", "2026-04-07 08:00")
    outcome = ("section47_outcome", SW)
    assert "No section 47 enquiry is open" in life.refused(*outcome, outcome="substantiated")
    life = strategy_held("2026-04-08 10:00").until("2026-04-09 09:00")
    assert "No section 47 enquiry is open" in life.refused(
        *outcome, occurred_at="2026-04-08 09:00", outcome="substantiated"
    )


@pytest.mark.covers("Q-15")
def test_substantiated_without_a_conference_needs_a_reason_and_a_manager() -> None:
    life = strategy_held("2026-04-08 10:00").say("child_visited", SW)
    none: dict[str, Any] = {"outcome": "substantiated", "conference": False}
    assert "reason: say why no conference" in life.refused("section47_outcome", SW, **none)
    assert "Only a manager can decide" in life.refused("section47_outcome", SW, reason="no risk goes on", **none)
    life.say("section47_outcome", TM, reason="no risk goes on", **none)
    assert life.case.conference is None
    assert life.state("initial-conference") == "ended"


def test_a_visit_is_seen_alone_only_if_seen_and_recorded_only_if_made() -> None:
    life = strategy_held("2026-04-08 10:00")
    assert "cannot have been seen alone" in life.refused("child_visited", SW, seen=False, alone=True)
    assert "No visit is recorded yet" in life.refused("visit_recorded", SW)


def test_a_child_is_missing_once_and_found_once() -> None:
    life = strategy_held("2026-04-20 10:00")
    assert "not recorded as unknown" in life.refused("child_located", SW)
    assert "not recorded as unknown" in life.refused("further_action_agreed", SW)
    life.say("whereabouts_unknown", SW)
    assert "already recorded as unknown" in life.refused("whereabouts_unknown", SW)
    assert "the search for the child" in life.case.open_strands
    life.say("child_located", SW)
    assert "the search for the child" not in life.case.open_strands


# --- The assessment -----------------------------------------------------------------------------------------------


@pytest.mark.covers("Q-24")
def test_the_assessment_ends_when_it_is_authorised() -> None:
    life = strategy_held("2026-04-08 10:00")
    assert life.case.assessment is not None
    life.until("2026-04-20 09:00")
    assert "No Single Assessment is open" in life.refused("assessment_completed", SW, occurred_at="2026-04-08 09:00")
    life.say("assessment_completed", SW)
    assert "the Single Assessment" in life.case.open_strands
    life.say("authorisation", TM, request=life.case.waiting_requests[-1].id, decision="authorise")
    assert "the Single Assessment" not in life.case.open_strands
    assert "No Single Assessment is open" in life.refused("assessment_completed", SW)


# --- Conferences --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("conference_service_informed", {}),
        ("conference_requested", {}),
        ("chair_allocated", {"chair": "iro"}),
        ("initial_conference_held", {"plan": False}),
        ("conference_requests_sent", {}),
    ],
)
def test_there_is_no_conference_before_an_enquiry_called_one(name: str, fields: dict[str, Any]) -> None:
    life = strategy_held("2026-04-08 10:00")
    by = IRO if name == "initial_conference_held" else CS
    reason = life.refused(name, by, **fields)
    assert "No initial conference is called" in reason or "allocated to the conference" in reason


def test_the_conference_service_knows_before_the_conference_is_arranged() -> None:
    life = strategy_held("2026-04-08 10:00").say("child_visited", SW)
    life.say("section47_outcome", SW, outcome="substantiated")
    assert [notice.to for notice in life.notices(NoticeKind.TOLD)][-1] == "conference service"
    schedule = ("conference_scheduled", CS)
    assert "send conference_service_informed" in life.refused(*schedule, starts_at="2026-04-29 14:00")
    life.say("conference_service_informed", SW)
    assert "is before the conference was arranged" in life.refused(*schedule, starts_at="2026-04-07 14:00")
    life.say(*schedule, starts_at="2026-04-29 14:00")


def test_the_report_is_authorised_before_it_is_shared_and_the_chair_allocated_before_the_conference() -> None:
    life = strategy_held("2026-04-08 10:00").say("child_visited", SW)
    life.say("section47_outcome", SW, outcome="substantiated").say("conference_service_informed", SW)
    assert "has not authorised it yet" in life.refused("report_shared", SW, to="family")
    assert "No Independent Reviewing Officer" in life.refused("initial_conference_held", IRO, plan=False)


@pytest.mark.parametrize(
    ("held", "categories"),
    [({"plan": False}, ("neglect",)), ({"plan": True, "categories": ["physical"]}, ("physical",))],
    ids=["no plan is made", "a plan is made"],
)
def test_a_child_has_one_plan_and_a_second_initial_conference_meets_its_limit(
    held: dict[str, Any], categories: tuple[str, ...]
) -> None:
    life = plan_made("2026-04-08 10:00", "2026-04-29 14:00")
    life.say("strategy_requested", SW, "2026-05-05 10:00", **AT_ONCE)
    life.say("strategy_outcome", SW, decision="section 47").say("child_visited", SW)
    life.say("section47_outcome", SW, outcome="substantiated").say("chair_allocated", CS, chair="iro")
    assert "categories: give at least one" in life.refused("initial_conference_held", IRO, plan=True)
    life.say("initial_conference_held", IRO, **held)
    assert life.state("initial-conference", 1) == "met"
    assert life.case.stage is Stage.PLAN
    assert life.case.plan is not None
    assert (life.case.plan.id, life.case.plan.categories) == ("plan-12", categories)
    assert len(life.all_of("first-core-group")) == 1


def second_enquiry_on_a_plan() -> Life:
    """On a plan since 29 April, and enquired about again since 1 June: a conference by 22 June."""
    life = plan_made("2026-04-08 10:00", "2026-04-29 14:00")
    life.say("strategy_requested", SW, "2026-06-01 09:00", **AT_ONCE)
    life.say("strategy_outcome", SW, "2026-06-01 10:00", decision="section 47").say("child_visited", SW)
    assert life.due("initial-conference", 1) == "2026-06-22"
    return life


def test_a_review_held_after_the_outcome_is_the_conference_that_was_called_for_a_child_on_a_plan() -> None:
    life = second_enquiry_on_a_plan().say("section47_outcome", SW, "2026-06-05 10:00", outcome="substantiated")
    life.say("review_conference_held", IRO, "2026-06-18 10:00", decision="continue")
    assert life.state("initial-conference", 1) == "met"
    assert life.case.conference is None
    assert life.due("later-review") == "2026-12-18"


def test_a_review_held_before_the_outcome_is_not() -> None:
    life = second_enquiry_on_a_plan().say("review_conference_held", IRO, "2026-06-03 10:00", decision="continue")
    life.say("section47_outcome", SW, "2026-06-05 10:00", outcome="substantiated")
    assert life.state("initial-conference", 1) == "open"
    assert life.case.conference is not None


# --- The plan -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "by", "fields"),
    [
        ("core_group_held", SW, {}),
        ("core_group_record_distributed", SW, {}),
        ("core_group_minutes_sent", SW, {"to": "family"}),
        ("review_report_completed", SW, {}),
        ("review_conference_held", IRO, {"decision": "continue"}),
        ("step_down_considered", SW, {}),
        ("conference_scheduled", CS, {"which": "review", "starts_at": "2026-07-01 10:00"}),
        ("report_shared", SW, {"which": "review", "to": "family"}),
    ],
)
def test_nothing_of_a_plan_happens_without_one(name: str, by: str, fields: dict[str, Any]) -> None:
    assert "The child is not on a child protection plan" in strategy_held("2026-04-08 10:00").refused(
        name, by, **fields
    )


def test_a_core_group_belongs_to_the_plan_it_is_of() -> None:
    life = plan_made("2026-04-08 10:00", "2026-04-29 14:00")
    assert "No core group is recorded yet" in life.refused("core_group_record_distributed", SW)
    assert "The child is not on a child protection plan" in life.refused(
        "core_group_held", SW, occurred_at="2026-04-28 10:00"
    )
    for day in ("2026-05-14", "2026-06-11", "2026-07-09", "2026-08-06"):
        life.say("core_group_held", SW, f"{day} 10:00")
    assert life.case.plan is not None
    assert life.case.plan.core_groups_held == tuple(
        london(f"{day} 10:00") for day in ("2026-05-14", "2026-06-11", "2026-07-09", "2026-08-06")
    )


# --- The child and other children ---------------------------------------------------------------------------------


@pytest.mark.covers("Q-17", "SP-B-17")
def test_a_child_is_born_once_and_not_in_days_to_come() -> None:
    life = strategy_held("2026-04-08 10:00", expected_date_of_birth="2026-06-01")
    assert "is in the future" in life.refused("child_born", SW, date_of_birth="2026-06-01")
    life.say("child_born", SW, "2026-06-02 10:00", date_of_birth="2026-06-01")
    assert life.due("child-seen") == "2026-06-03 10:00"
    assert "birth is already recorded" in life.refused("child_born", SW, date_of_birth="2026-06-01")


@pytest.mark.covers("Q-18", "SP-B-22")
@pytest.mark.parametrize(("suspected", "others", "owed"), [(True, True, 1), (True, False, 0), (False, True, 0)])
def test_a_death_ends_everything_but_the_question_of_other_children(suspected: bool, others: bool, owed: int) -> None:
    life = plan_made("2026-04-08 10:00", "2026-04-29 14:00")
    life.say("child_died", SW, abuse_or_neglect_suspected=suspected, other_children=others)
    assert life.case.open_strands == []
    assert life.case.stage is Stage.CLOSING
    assert len(life.all_of("others-considered")) == owed
    assert [key for key in life.running if key != "others-considered"] == []
    if owed:
        life.say("action_completed", TM, action=life.the("others-considered").id)
    life.say("case_closed", TM, reason="the child died")


@pytest.mark.covers("SP-B-18", "D-B-04")
def test_other_children_are_identified_before_they_are_spoken_to() -> None:
    life = strategy_held("2026-04-08 10:00")
    assert "not recorded in the household yet" in life.refused("household_child_spoken_to", SW, person="sibling-1")
    life.say("household_child_identified", SW, person="sibling-1", action_needed=False)
    life.say("household_child_identified", SW, person="sibling-2", action_needed=True)
    life.say("household_child_spoken_to", SW, person="sibling-1")
    assert [(child.person, child.considered, child.spoken_to) for child in life.case.household] == [
        ("sibling-1", True, True),
        ("sibling-2", True, False),
    ]
    life.say("household_child_identified", SW, person="sibling-1", action_needed=True)
    assert life.case.household[0].spoken_to


@pytest.mark.covers("Q-23")
def test_cases_that_belong_together_are_linked_once() -> None:
    life = strategy_held("2026-04-08 10:00")
    assert "linked with itself" in life.refused("case_linked", SW, reference="case-1")
    life.say("case_linked", SW, reference="case-2")
    assert "already linked" in life.refused("case_linked", SW, reference="case-2")
    assert life.case.linked == ("case-2",)


def test_a_circumstance_begins_once_and_ends_once() -> None:
    life = strategy_held("2026-04-08 10:00")
    looked_after = Circumstance.LOOKED_AFTER.value
    assert "This is not recorded" in life.refused("circumstance_recorded", SW, what=looked_after, holds=False)
    life.say("circumstance_recorded", SW, what=looked_after)
    assert "already recorded" in life.refused("circumstance_recorded", SW, what=looked_after)
    assert life.case.circumstances == (Circumstance.LOOKED_AFTER,)
    life.say("circumstance_recorded", SW, what=looked_after, holds=False)
    assert not life.case.circumstances


# --- Medical consent ----------------------------------------------------------------------------------------------


@pytest.mark.covers("SP-B-10", "D-B-17")
@pytest.mark.parametrize(
    ("born", "examined", "accepted"),
    [
        ("2010-04-20", "2026-04-19", False),
        ("2010-04-20", "2026-04-20", True),  # the sixteenth birthday
        ("2008-02-29", "2024-02-28", False),
        ("2008-02-29", "2024-02-29", True),
        ("2008-06-01", "2026-04-20", True),
    ],
)
def test_a_young_person_consents_from_their_sixteenth_birthday(born: str, examined: str, accepted: bool) -> None:
    life = referred("E", f"{examined} 09:00", date_of_birth=born)
    consent: dict[str, Any] = {"source": "young person aged 16 or 17", "given": True, "examined_on": examined}
    if accepted:
        life.say("medical_consent_recorded", "health/dr", **consent)
        assert "casts doubt" in life.refused(
            "medical_consent_recorded", "health/dr", mental_health_doubt=True, **consent
        )
    else:
        assert "not 16 or 17" in life.refused("medical_consent_recorded", "health/dr", **consent)


@pytest.mark.covers("SP-B-11", "SP-B-12", "SP-B-13", "D-B-17")
def test_whoever_consents_must_be_able_to() -> None:
    life = referred("E", "2026-04-19 10:00", date_of_birth="2014-05-01")
    consent: dict[str, Any] = {"given": True, "examined_on": "2026-04-20"}
    say = ("medical_consent_recorded", "health/dr")
    assert "SP-B-12)" in life.refused(*say, source="competent child", **consent)
    assert "SP-B-11)" in life.refused(*say, source="competent child", understanding_assessed=True, **consent)
    assert "SP-B-11)" in life.refused(*say, source="parental responsibility", **consent)
    assert "SP-B-13)" in life.refused(*say, source="local authority under section 20", **consent)
    life.say(*say, source="parental responsibility", parent_permission_sought=True, **consent)
    life.say(*say, source="local authority under section 20", reason="the child was abandoned", **consent)
    assert any("Consent to a medical assessment was given (parental responsibility)" in line for line in life.lines)


# --- Duties without a message of their own ------------------------------------------------------------------------


@pytest.mark.covers("Q-28")
def test_a_duty_with_a_message_of_its_own_is_done_by_that_and_one_with_a_limit_cannot_be_left_out() -> None:
    life = strategy_held("2026-04-08 10:00")
    assert "Record what happened instead: child seen" in life.refused("duty_done", SW, duty="child-seen")
    assert "is due on this case" in life.refused("duty_done", SW, duty="no-such-duty")
    assert "is due on this case" in life.refused("duty_departed", SW, duty="plan-visit", reason="none")
    assert "this has a time limit" in life.refused("duty_departed", SW, duty="child-seen", reason="the family is away")


@pytest.mark.covers("Q-28")
def test_what_should_be_done_may_be_left_out_for_a_reason_and_what_must_be_done_may_not() -> None:
    life = strategy_held("2026-04-20 10:00", by=example(timescale={"should": SOON, "must": {**SOON, "force": "must"}}))
    reason = "it would put the child at risk"
    assert "must be done" in life.refused("duty_departed", SW, duty="must", reason=reason)
    life.say("duty_departed", SW, duty="should", reason=reason)
    assert (life.state("should"), life.state("must")) == ("ended", "open")


SOON = {
    "duty": "Tell the school",
    "owner": "social worker",
    "from": "section 47 initiated",
    "no_amount": "as soon as possible",
    "met_by": "duty done",
}


@pytest.mark.covers("Q-28")
def test_a_duty_without_an_amount_is_given_a_day_and_one_with_a_limit_is_not() -> None:
    life = strategy_held("2026-04-20 10:00", by=example(timescale={"soon": SOON}))
    life.say("duty_date_set", SW, duty="soon", due="2026-04-24")
    assert life.due("soon") == "2026-04-24"
    assert life.sent(NoticeKind.MOVED, "soon") == [("2026-04-20 10:00", "social worker")]
    assert life.refused("duty_date_set", SW, duty="soon", due="2026-04-24")  # its day already
    assert "is in the past" in life.refused("duty_date_set", SW, duty="soon", due="2026-04-19")
    life.say("duty_date_set", SW, duty="soon", due="2026-04-27")
    assert any("moved from Fri 24 Apr 2026 to Mon 27 Apr 2026" in line for line in life.lines)
    assert life.due("soon") == "2026-04-27"
    assert "the procedure sets the time limit" in life.refused(
        "duty_date_set", SW, duty="initial-conference", due="2026-04-24"
    )
    assert "is due on this case" in life.refused("duty_date_set", SW, duty="no-such-duty", due="2026-04-24")
    life.until("2026-04-28 09:00")
    assert life.state("soon") == "overdue missed"


@pytest.mark.covers("SP-B-01")
def test_powers_of_protection_are_in_force_until_they_end() -> None:
    life = strategy_held("2026-04-08 10:00").say("immediate_protection_taken", "police/pc")
    assert life.case.power_in_force is None
    assert "no police powers are recorded" in life.refused("protection_power_ended", SW)
    police = {"power": "police powers of protection"}
    assert "reason: say why police powers" in life.refused("immediate_protection_taken", "police/pc", **police)
    life.say("immediate_protection_taken", "police/pc", reason="there was no time for a court", **police)
    assert str(life.case.power_in_force) == "police powers of protection"
    life.say("protection_power_ended", SW)
    assert not life.case.power_in_force


def test_a_prompt_is_checked_off_or_answered_no_with_a_reason() -> None:
    life = strategy_held("2026-04-08 10:00")
    prompt = next(iter(life.procedure.prompt))
    assert "reason: say why not" in life.refused("prompt_answered", SW, prompt=prompt, answer=False)
    assert "has no reminder 'nothing'" in life.refused("prompt_answered", SW, prompt="nothing", answer=True)
    life.say("prompt_answered", SW, prompt=prompt, answer=True)
    assert life.case.answered == {prompt: True}


def test_a_form_has_its_contents_its_signature_and_somebody_who_writes_it() -> None:
    report = {"name": "Report", "written_by": ["health"], "signed_by": "health", "contents": ["Findings", "Advice"]}
    life = strategy_held("2026-04-20 10:00", by=example(form={"report": report}))
    complete: dict[str, Any] = {"form": "report", "contents": ["FINDINGS", "ADVICE"], "signed": True}
    assert "has no form 'nothing'" in life.refused("form_completed", "health/dr", form="nothing")
    for wrong, says in (
        ({"contents": ["Findings"]}, "must also contain: Advice"),
        ({"signed": False}, "must be signed and dated by the health"),
    ):
        assert says in life.refused("form_completed", "health/dr", **{**complete, **wrong})
    assert "cannot be recorded as social worker" in life.refused("form_completed", SW, **complete)
    life.say("form_completed", "health/dr", **complete)
    assert "Report was completed" in life.lines
