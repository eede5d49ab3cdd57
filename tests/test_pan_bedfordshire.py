"""Pan-Bedfordshire (B), rule by rule: special paths, decisions, what the family is told, and what must come first.

Its roles and practice duties are in `rows/b.toml`.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from casework import view
from casework.effects import NoticeKind
from casework.procedure_files import load
from casework.story import Deadline
from casework.vocabulary import Condition, Stage
from tests.lives import B_ANSWERS, B_QUORUM, Life, referred, strategy_on_b

SOCIAL_WORKER = "lead practitioner/sw"
MANAGER = "children's social care manager/cm"
SUPERVISOR = "practice supervisor/ps"
POLICE = "police/pc"
DOCTOR = "medical practitioner/dr"
NAMED_DOCTOR = "named doctor/nd"
AGENCY = "co-operating agency/school"
CHAIR = "conference chair/cc"
OTHER_AUTHORITY = "other authority/oa"

REFERRAL = "2026-04-17 09:00"
STRATEGY = "2026-04-20 10:00"
LIMIT = "2026-05-12"
"""15 working days after the discussion that initiated section 47; Monday 4 May is a bank holiday."""
OUTCOME: dict[str, Any] = {"outcome": "substantiated", "invite_referrer": True}
PLAN: dict[str, Any] = {"plan": True, "categories": ["neglect"]}
CONSULTED: dict[str, Any] = {"with_police": True, "with_chair": True}


# --- Ways through the procedure -----------------------------------------------------------------------------------


def enquiry(**fields: Any) -> Life:
    """Referred on Friday 17 April 2026; on Monday the 20th at ten the discussion initiated section 47."""
    return strategy_on_b(REFERRAL, STRATEGY, **fields)


def discuss(life: Life, at: str | None = None, by: str = SOCIAL_WORKER, **fields: Any) -> Life:
    """A strategy discussion, with everything answered that this procedure asks for."""
    return life.say("strategy_outcome", by, at, **discussion(**fields))


def discussion(**fields: Any) -> dict[str, Any]:
    action: dict[str, Any] = {"what": "See the child", "owner": "lead practitioner", "due": "2026-12-18"}
    return {"decision": "section 47", "actions": [action], **B_ANSWERS, **fields}


def done(life: Life, duty: str, by: str = SOCIAL_WORKER, at: str | None = None) -> Life:
    return life.say("duty_done", by, at, duty=duty)


def fill_in(life: Life, form: str, by: str = SOCIAL_WORKER, at: str | None = None, **fields: Any) -> Life:
    """Complete a form with all it must contain, signed."""
    contents = list(life.procedure.form[form].contents)
    return life.say("form_completed", by, at, **{"form": form, "contents": contents, "signed": True, **fields})


def circumstance(life: Life, what: str, at: str | None = None, **fields: Any) -> Life:
    return life.say("circumstance_recorded", SOCIAL_WORKER, at, what=what, **fields)


def see_everybody(life: Life) -> Life:
    """The child is seen alone, and there is no other child in the household."""
    if life.case.child and life.case.child.born:
        life.say("child_visited", SOCIAL_WORKER, alone=True)
    return done(life, "household-known")


def conclude(life: Life, at: str = "2026-04-28 10:00", **outcome: Any) -> Life:
    """The enquiry ends: everybody seen, recorded in full, the outcome authorised by the manager."""
    see_everybody(life).until(at)
    fill_in(life, "section-47-recording")
    life.say("section47_outcome", SOCIAL_WORKER, **{**OUTCOME, **outcome})
    return authorise(life)


def authorise(life: Life, by: str = MANAGER) -> Life:
    return life.say("authorisation", by, request=life.case.waiting_requests[-1].id, decision="authorise")


def not_substantiated(life: Life | None = None, **outcome: Any) -> Life:
    """The enquiry ends without a conference."""
    said: dict[str, Any] = {"outcome": "not substantiated", "child_in_need_considered": True, "invite_referrer": None}
    return conclude(life or enquiry(), **{**said, **outcome})


def on_a_plan() -> Life:
    life = done(conclude(enquiry()), "family-told-outcome")
    return life.say("initial_conference_held", CHAIR, "2026-05-12 14:00", **PLAN)


def all_but(life: Life, *left_out: str) -> Life:
    """What is needed for closing after an enquiry without a conference is done, but for what is left out."""
    life.say("assessment_completed", SOCIAL_WORKER)
    for duty in ("completion-recorded", "agencies-told-outcome"):
        if duty not in left_out:
            done(life, duty)
    if "agency-record" not in left_out:
        fill_in(life, "agency-record", AGENCY)
    if "action" not in left_out:
        life.say("action_completed", SOCIAL_WORKER, action="action")
    return life


def not_closed(life: Life) -> str:
    """Why the case cannot be closed."""
    return life.refused("case_closed", MANAGER, reason="All is done")


def close(life: Life) -> Life:
    life.say("case_closed", MANAGER, reason="All is done")
    assert life.case.stage is Stage.CLOSED
    return life


def owed(life: Life, *timescales: str) -> bool:
    """Whether all of these are owed now."""
    return set(timescales) <= set(life.running)


def to(life: Life, kind: NoticeKind = NoticeKind.TOLD) -> list[str]:
    return [notice.to for notice in life.notices(kind)]


def cited(deadline: Deadline, *rows: str) -> bool:
    return set(rows) <= set(deadline.cites)


# --- The assessment -----------------------------------------------------------------------------------------------


@pytest.mark.covers("B-01", "B-02", "U-B-11")
def test_the_assessment_starts_with_the_referral_and_strategy_discussions_do_not_touch_its_clock() -> None:
    life = referred("B", "2026-11-10 09:00")
    assert life.due("assessment") == "2027-01-15"
    discuss(life, "2026-11-12 10:00")
    discuss(life, "2026-11-19 10:00", decision="no section 47")
    assert life.due("assessment") == "2027-01-15"
    assert life.state("assessment") == "open"
    life.say("assessment_completed", SOCIAL_WORKER, "2027-01-15 23:00")
    assert life.state("assessment") == "met"


@pytest.mark.covers("B-03", "D-B-28", "F-B-19", "SP-B-29", "A-02")
def test_an_assessment_over_its_limit_asks_for_reasons_and_goes_on() -> None:
    life = referred("B", "2025-12-24 16:45").until("2026-03-02 23:00")
    assert life.state("assessment") == "open"
    assert life.never_ran("assessment-overrun-reasons")
    life.until("2026-03-03 09:00")
    assert life.state("assessment") == "overdue missed"
    assert owed(life, "assessment-overrun-reasons")
    assert "children's social care manager" in to(life)
    assert "reason" in life.refused("assessment_overrun_explained", SOCIAL_WORKER)
    life.say("assessment_overrun_explained", SOCIAL_WORKER, reason="A medical report is awaited")
    assert life.state("assessment-overrun-reasons") == "met"
    assert life.state("assessment") == "overdue missed"  # no extension: the limit stays missed
    life.say("assessment_completed", SOCIAL_WORKER, "2026-03-20 09:00")
    assert life.state("assessment") == "met late missed"


@pytest.mark.covers("U-B-12", "R-B-05")
def test_a_supervisor_may_judge_that_this_assessment_has_to_be_quicker() -> None:
    life = enquiry()
    life.say("assessment_estimate_proposed", SOCIAL_WORKER, complete_by="2026-05-01")
    assert life.never_ran("assessment-judged-earlier")
    reason = life.refused("authorisation", POLICE, request=life.case.waiting_requests[-1].id, decision="authorise")
    assert "cannot record “authorisation” as police" in reason
    authorise(life, SUPERVISOR)
    assert life.due("assessment-judged-earlier") == "2026-05-01"
    assert life.due("assessment") == "2026-06-23"
    # An estimate beyond the outer limit does not move it; it is said that it lies after it.
    life.say("assessment_estimate_proposed", SOCIAL_WORKER, complete_by="2026-07-31")
    authorise(life, SUPERVISOR)
    assert life.due("assessment") == "2026-06-23"
    assert life.notices(NoticeKind.WARNING)
    life.say("assessment_completed", SOCIAL_WORKER, "2026-04-30 10:00")
    assert life.state("assessment-judged-earlier") == "met"


@pytest.mark.covers("U-B-13", "U-B-14")
def test_help_is_given_while_the_assessment_goes_on() -> None:
    life = not_substantiated(disposals=["early help"])
    assert life.case.assessment is not None
    life.say("disposal_completed", SOCIAL_WORKER, disposal="early help")
    assert life.case.assessment is not None
    assert not [gate for gate in life.procedure.gate if gate.needs is Condition.ASSESSMENT_COMPLETED]
    prompt = life.procedure.prompt["help-meanwhile"]
    assert {"U-B-13", "U-B-14"} <= set(prompt.cites)


# --- The strategy discussion and the clock it starts --------------------------------------------------------------


@pytest.mark.covers("B-04", "B-05", "B-06", "D-B-06")
def test_the_discussion_that_initiates_section_47_shows_when_the_conference_is_due() -> None:
    life = referred("B", REFERRAL)
    assert life.never_ran("initial-conference")
    life.say("strategy_outcome", SOCIAL_WORKER, STRATEGY, **discussion())
    assert life.due("initial-conference") == LIMIT
    shown = [entry for entry in life.entries if "B-04" in entry.cites]
    assert shown[-1].what == "strategy_outcome"
    assert "Tue 12 May 2026" in shown[-1].text
    # It is for the local authority to decide: the police may not.
    assert "as police" in life.refused("strategy_outcome", POLICE, **discussion())


@pytest.mark.covers("B-07", "SP-B-23", "A-04", "D-B-35")
def test_further_discussions_leave_the_conference_clock_with_the_one_that_initiated_the_enquiries() -> None:
    life = enquiry()
    discuss(life, "2026-04-30 10:00")
    assert life.due("initial-conference") == LIMIT
    assert len(life.all_of("initial-conference")) == 1
    assert not life.notices(NoticeKind.MOVED, "initial-conference")


@pytest.mark.covers("B-05", "B-06")
def test_a_conference_after_the_limit_is_late_and_one_on_the_last_day_is_not() -> None:
    late = done(conclude(enquiry()), "family-told-outcome")
    late.say("initial_conference_held", CHAIR, "2026-05-13 10:00", plan=False)
    assert late.state("initial-conference") == "met late missed"
    assert on_a_plan().state("initial-conference") == "met"


def _on_a_plan_and_missing() -> Life:
    return on_a_plan().say("whereabouts_unknown", SOCIAL_WORKER)


@pytest.mark.covers("D-B-35")
@pytest.mark.parametrize(
    "life",
    [lambda: referred("B", REFERRAL), enquiry, lambda: conclude(enquiry()), on_a_plan, _on_a_plan_and_missing],
    ids=["referral", "enquiry", "conference", "plan", "missing"],
)
def test_a_strategy_discussion_can_start_in_every_state(life: Callable[[], Life]) -> None:
    lived = life()
    lived.say("strategy_requested", SOCIAL_WORKER)
    discuss(lived, decision="no section 47")
    assert lived.state("strategy-discussion") == "met"


@pytest.mark.covers("MT-B-01", "R-B-03", "R-B-06", "R-B-09")
@pytest.mark.parametrize("absent", B_QUORUM)
def test_social_worker_health_and_police_are_the_minimum(absent: str) -> None:
    present = [role for role in B_QUORUM if role != absent]
    life = referred("B", REFERRAL)
    reason = life.refused("strategy_outcome", SOCIAL_WORKER, **discussion(attended_by=present))
    assert absent in reason
    # The document says should: it may go ahead, and why is recorded.
    discuss(life, attended_by=present, note="They could not be reached in the night")
    assert any("was held without" in line and absent in line for line in life.lines)


@pytest.mark.covers("MT-B-03", "R-B-17", "SP-B-17")
def test_before_a_birth_midwifery_takes_part() -> None:
    life = referred("B", REFERRAL, expected_date_of_birth="2026-08-01")
    assert "midwifery" in life.refused("strategy_outcome", SOCIAL_WORKER, **discussion())
    discuss(life, attended_by=[*B_QUORUM, "midwifery"])


@pytest.mark.covers("MT-B-04", "R-B-18", "SP-B-26")
def test_for_a_looked_after_child_the_residential_or_fostering_service_takes_part() -> None:
    life = referred("B", REFERRAL, circumstances=["the child is looked after"])
    assert "residential or fostering service" in life.refused("strategy_outcome", SOCIAL_WORKER, **discussion())
    discuss(life, attended_by=[*B_QUORUM, "residential or fostering service"])


@pytest.mark.covers("D-B-05", "U-B-04", "F-B-02")
def test_of_a_telephone_discussion_every_agency_makes_a_record() -> None:
    assert enquiry().never_ran("telephone-record")
    life = enquiry(how="telephone")
    assert life.the("telephone-record").owner == "co-operating agency"
    assert life.due("telephone-record") == "2026-04-20"  # at the time
    reason = life.refused("form_completed", AGENCY, form="telephone-record", contents=["Actions agreed"])
    assert "Outcome of the discussion" in reason
    fill_in(life, "telephone-record", AGENCY)
    assert life.state("telephone-record") == "met"


@pytest.mark.covers("U-B-05", "NT-B-09", "F-B-01", "R-B-04")
def test_the_record_is_circulated_once_the_manager_has_authorised_it() -> None:
    life = enquiry()
    assert life.never_ran("strategy-record-circulated")
    assert "U-B-05" in life.refused("strategy_record_circulated", SOCIAL_WORKER)
    asked = life.case.waiting_requests[-1].id
    assert "It is decided by" in life.refused("authorisation", SUPERVISOR, request=asked, decision="authorise")
    authorise(life)
    assert owed(life, "strategy-record-circulated")
    life.say("strategy_record_circulated", SOCIAL_WORKER)
    assert life.state("strategy-record-circulated") == "met"


@pytest.mark.covers("U-B-06", "U-B-07", "D-B-09")
def test_each_agreed_action_has_an_owner_and_a_day_and_is_followed_up() -> None:
    actions = [
        {"what": "Ask the school", "owner": "school", "due": "2026-04-22"},
        {"what": "Check the register", "owner": "police", "due": "2026-04-24"},
    ]
    assert "actions" in referred("B", REFERRAL).refused("strategy_outcome", SOCIAL_WORKER, **discussion(actions=[]))
    life = enquiry(actions=actions)
    assert [(one.owner, str(one.on)) for one in life.all_of("action")] == [
        ("school", "2026-04-22"),
        ("police", "2026-04-24"),
    ]
    life.say("action_completed", "school/s-1", "2026-04-22 12:00", action="action@2")
    life.until("2026-04-25 09:00")
    assert (life.state("action", 0), life.state("action", 1)) == ("met", "overdue missed")
    all_but(not_substantiated(life), "action")
    assert "U-B-07" in not_closed(life)
    close(life.say("action_completed", POLICE, action="action"))


@pytest.mark.covers("D-B-08", "D-B-10", "D-B-11", "NT-B-02", "D-B-16", "R-B-10")
@pytest.mark.parametrize(
    ("field", "row"),
    [
        ("information_needed", "D-B-08"),
        ("legal_action", "D-B-10"),
        ("share_with_family", "D-B-11"),
        ("medical", "D-B-16"),
        ("doctor_consulted", "R-B-10"),
    ],
)
def test_a_discussion_that_initiates_section_47_answers_what_must_be_decided(field: str, row: str) -> None:
    life = referred("B", REFERRAL)
    reason = life.refused("strategy_outcome", SOCIAL_WORKER, **discussion(**{field: None}))
    assert field in reason
    assert row in reason


@pytest.mark.covers("D-B-08", "D-B-10")
def test_everything_that_lacks_is_said_at_once() -> None:
    reason = referred("B", REFERRAL).refused("strategy_outcome", SOCIAL_WORKER, decision="section 47")
    for field in ("medical", "doctor_consulted", "share_with_family", "legal_action", "actions", "information_needed"):
        assert f"{field}:" in reason


@pytest.mark.covers("D-B-07", "NT-B-02")
def test_without_cause_for_section_47_further_support_is_considered_and_the_assessment_goes_on() -> None:
    life = discuss(referred("B", REFERRAL), decision="no section 47")
    assert owed(life, "support-considered", "strategy-shared-with-family", "assessment")
    assert life.case.enquiry is None
    done(life, "support-considered")
    assert life.case.stage is Stage.ASSESSMENT


@pytest.mark.covers("SP-B-37", "SP-B-38", "SP-B-39")
def test_a_strategy_discussion_is_considered_on_a_referral_and_on_new_information_of_whatever_harm() -> None:
    life = referred("B", REFERRAL, concern=["exploitation by an organised group", "harm through a game"])
    assert owed(life, "strategy-considered")
    discuss(life, STRATEGY, decision="no section 47")
    assert life.state("strategy-considered") == "met"
    life.say("new_information_received", "school/s-1", "2026-04-24 09:00", concern=["extremism"])
    assert life.running.count("strategy-considered") == 1
    done(life, "strategy-considered")


@pytest.mark.covers("SP-B-37")
def test_a_referral_without_suspicion_of_harm_asks_for_no_strategy_discussion() -> None:
    life = referred("B", REFERRAL).say("screening_decided", SOCIAL_WORKER, harm_suspected=False)
    assert life.state("strategy-considered") == "ended"


@pytest.mark.covers("SP-B-19", "SP-B-20", "SP-B-21")
@pytest.mark.parametrize(
    "what",
    [
        "a person presenting a risk joins the household",
        "another child of the household is on a plan",
        "the child has harmed or may harm another child",
    ],
)
def test_changes_around_the_child_ask_for_a_strategy_discussion_again(what: str) -> None:
    life = done(referred("B", REFERRAL), "strategy-considered")
    assert not owed(life, "strategy-considered")
    circumstance(life, what)
    assert owed(life, "strategy-considered")


@pytest.mark.covers("SP-B-27", "D-B-29")
def test_a_child_on_a_plan_elsewhere_who_moves_in_is_ours_unless_the_other_authority_keeps_the_case() -> None:
    ours = circumstance(referred("B", REFERRAL), "the child is on a plan elsewhere and moved in")
    assert owed(ours, "moved-in-decided")
    ours.say("strategy_requested", SOCIAL_WORKER)
    assert ours.state("moved-in-decided") == "met"
    theirs = circumstance(referred("B", REFERRAL), "the child is on a plan elsewhere and moved in")
    done(theirs, "moved-in-decided")
    assert not theirs.case.strategies


@pytest.mark.covers("SP-B-22")
def test_when_a_child_dies_the_other_children_of_the_household_are_considered() -> None:
    life = enquiry().say("child_died", SOCIAL_WORKER, abuse_or_neglect_suspected=True, other_children=True)
    assert life.running == ["others-considered"]
    assert cited(life.the("others-considered"), "SP-B-22")
    alone = enquiry().say("child_died", SOCIAL_WORKER, abuse_or_neglect_suspected=True, other_children=False)
    assert alone.running == []


# --- Making a child safe at once ----------------------------------------------------------------------------------


@pytest.mark.covers("SP-B-01", "U-B-01", "R-B-07", "R-B-08")
@pytest.mark.parametrize("by", [POLICE, SOCIAL_WORKER, "nspcc/n-1", "british transport police/b-1", AGENCY])
def test_immediate_protection_waits_for_nothing_and_nobody(by: str) -> None:
    lives: list[Life] = [
        referred("B", REFERRAL),
        enquiry().say("information_withheld", SOCIAL_WORKER, ground="risk of harm"),
        circumstance(enquiry(), "the child is the subject of court proceedings"),
        conclude(enquiry()),
        _on_a_plan_and_missing(),
    ]
    for life in lives:
        assert not [gate for gate in life.procedure.gate if gate.message == "immediate_protection_taken"]
        assert not [answer for answer in life.procedure.answer if answer.message == "immediate_protection_taken"]
        life.until(life.now + timedelta(hours=1)).say("immediate_protection_taken", by)
        assert to(life)[-1] == "children's social care manager"
        assert owed(life, "strategy-after-immediate-action")


@pytest.mark.covers("U-B-02", "SP-B-01")
def test_after_single_agency_action_a_discussion_follows_and_the_case_may_set_a_day_for_it() -> None:
    life = referred("B", REFERRAL).say("immediate_protection_taken", POLICE, "2026-04-17 22:00")
    assert life.the("strategy-after-immediate-action").due is None
    life.say("duty_date_set", SOCIAL_WORKER, duty="strategy-after-immediate-action", due="2026-04-18")
    assert life.due("strategy-after-immediate-action") == "2026-04-18"
    life.until("2026-04-19 09:00")
    assert life.state("strategy-after-immediate-action") == "overdue missed"
    assert life.told(NoticeKind.OVERDUE, "strategy-after-immediate-action") == [
        ("2026-04-19 00:00", "lead practitioner")
    ]
    discuss(life)
    assert life.state("strategy-after-immediate-action") == "met late missed"


@pytest.mark.covers("D-B-04", "SP-B-18")
def test_other_children_are_considered_with_every_immediate_action_and_it_stays_owed_until_they_are() -> None:
    said = referred("B", REFERRAL).say("immediate_protection_taken", POLICE, others_considered=True)
    assert said.state("other-children-considered") == "met"
    unsaid = referred("B", REFERRAL).say("immediate_protection_taken", POLICE)
    assert owed(unsaid, "other-children-considered")
    no = referred("B", REFERRAL).say("immediate_protection_taken", POLICE, others_considered=False)
    assert owed(no, "other-children-considered")
    done(no, "other-children-considered")
    # The answer is given for each child.
    assert "action_needed" in no.refused("household_child_identified", SOCIAL_WORKER, person="sibling")


@pytest.mark.covers("D-B-03", "SP-B-02", "SP-B-03", "SP-B-05")
def test_police_powers_are_justified_and_an_order_needs_no_justification() -> None:
    life = referred("B", REFERRAL)
    powers: dict[str, Any] = {"power": "police powers of protection", "others_considered": True}
    assert "reason" in life.refused("immediate_protection_taken", POLICE, **powers)
    life.say("immediate_protection_taken", POLICE, **powers, reason="No time for an order: the child was in the road")
    other = referred("B", REFERRAL).say(
        "immediate_protection_taken", SOCIAL_WORKER, power="emergency protection order", others_considered=True
    )
    assert other.case.power_in_force == "emergency protection order"
    other.say("strategy_requested", SOCIAL_WORKER)
    assert "order-before-powers" in dict(view.open_prompts(other.case))


@pytest.mark.covers("SP-B-04")
def test_while_an_order_or_police_powers_are_in_force_a_discussion_agrees_what_follows() -> None:
    life = referred("B", REFERRAL)
    life.say("immediate_protection_taken", SOCIAL_WORKER, power="emergency protection order")
    assert "further_action" in life.refused("strategy_outcome", SOCIAL_WORKER, **discussion())
    discuss(life, further_action="Legal services ask for an interim order by Friday")
    life.say("protection_power_ended", SOCIAL_WORKER)
    discuss(life)
    assert "recorded as in force" in life.refused("protection_power_ended", SOCIAL_WORKER)


@pytest.mark.covers("SP-B-06", "D-B-02", "NT-B-01", "R-B-02", "U-B-09", "F-B-03", "D-B-01")
def test_we_stay_responsible_until_the_other_authority_is_consulted_accepts_and_writes() -> None:
    life = referred("B", REFERRAL, circumstances=["another authority is responsible for the child"])
    assert owed(life, "other-authority-consulted", "other-authority-accepts")
    assert "other authority" in to(life)
    assert "must be consulted first" in life.refused("duty_done", OTHER_AUTHORITY, duty="other-authority-accepts")
    done(life, "other-authority-consulted", MANAGER)
    life.say("screening_decided", SOCIAL_WORKER, harm_suspected=False)
    life.say("assessment_completed", SOCIAL_WORKER)
    assert "We stay responsible" in life.refused("case_closed", MANAGER, reason="It is theirs")
    assert "it cannot be left out" in life.refused(
        "duty_departed", SOCIAL_WORKER, duty="other-authority-accepts", reason="They do not answer"
    )
    done(life, "other-authority-accepts", OTHER_AUTHORITY)
    assert owed(life, "acceptance-in-writing")  # chased
    fill_in(life, "acceptance-of-responsibility", OTHER_AUTHORITY)
    life.say("case_closed", MANAGER, reason="It is theirs")


# --- The enquiry --------------------------------------------------------------------------------------------------


@pytest.mark.covers("B-08", "B-09", "SP-B-07")
def test_a_child_who_cannot_be_found_has_two_duties_within_24_hours() -> None:
    life = enquiry().say("whereabouts_unknown", SOCIAL_WORKER, "2026-04-22 15:30")
    assert life.due("whereabouts-strategy") == life.due("whereabouts-action") == "2026-04-23 15:30"
    assert "children's social care manager" in to(life)
    discuss(life, "2026-04-22 18:00", decision="no section 47", attended_by=B_QUORUM)
    assert life.state("whereabouts-strategy") == "met"
    assert life.state("whereabouts-action") == "open"  # completed separately
    life.say("further_action_agreed", MANAGER, "2026-04-23 15:31")
    assert life.state("whereabouts-action") == "met late missed"
    life.say("child_located", SOCIAL_WORKER)
    assert life.case.missing is None


@pytest.mark.covers("B-08")
def test_without_the_police_the_discussion_does_not_meet_the_duty() -> None:
    life = enquiry().say("whereabouts_unknown", SOCIAL_WORKER, "2026-04-22 15:30")
    discuss(life, decision="no section 47", attended_by=B_QUORUM[:2], note="The police could not be reached")
    assert life.state("whereabouts-strategy") == "open"
    life.say("child_located", SOCIAL_WORKER, "2026-04-22 20:00")
    assert life.state("whereabouts-strategy") == life.state("whereabouts-action") == "ended"


@pytest.mark.covers("B-08", "B-09")
def test_the_24_hours_are_for_a_child_subject_to_section_47_enquiries() -> None:
    life = referred("B", REFERRAL).say("whereabouts_unknown", SOCIAL_WORKER)
    assert life.never_ran("whereabouts-strategy")
    discuss(life, STRATEGY)
    assert life.due("whereabouts-action") == "2026-04-21 10:00"
    assert life.state("whereabouts-strategy") == "met"  # by the very discussion, with the police


@pytest.mark.covers("R-B-28", "SP-B-18")
def test_the_outcome_waits_until_the_child_was_seen_alone_or_it_is_said_why_not() -> None:
    life = enquiry()
    done(life, "household-known")
    life.say("child_visited", SOCIAL_WORKER, seen=True)
    assert "R-B-28" in life.refused("section47_outcome", SOCIAL_WORKER, **OUTCOME)
    life.say("duty_departed", SOCIAL_WORKER, duty="child-seen-alone", reason="He is two and did not want to")
    life.say("section47_outcome", SOCIAL_WORKER, **OUTCOME)


@pytest.mark.covers("SP-B-18")
def test_the_outcome_waits_until_every_child_of_the_household_was_spoken_to() -> None:
    life = enquiry().say("child_visited", SOCIAL_WORKER, alone=True)
    assert "which other children" in life.refused("section47_outcome", SOCIAL_WORKER, **OUTCOME)
    life.say("household_child_identified", SOCIAL_WORKER, person="sibling", action_needed=False)
    elsewhere: dict[str, Any] = {
        "person": "cousin",
        "lives": "household of an alleged perpetrator",
        "action_needed": True,
    }
    life.say("household_child_identified", SOCIAL_WORKER, **elsewhere)
    assert "must" in life.refused("duty_departed", SOCIAL_WORKER, duty="household-known", reason="No time")
    done(life, "household-known")
    assert "every child of the household" in life.refused("section47_outcome", SOCIAL_WORKER, **OUTCOME)
    life.say("household_child_spoken_to", POLICE, person="sibling")
    # Considered once more, a child who was spoken to stays spoken to.
    life.say("household_child_identified", SOCIAL_WORKER, person="sibling", action_needed=True)
    life.say("section47_outcome", SOCIAL_WORKER, **OUTCOME)


@pytest.mark.covers("D-B-31", "SP-B-35", "R-B-26")
def test_a_child_in_court_proceedings_is_seen_after_legal_advice() -> None:
    life = circumstance(enquiry(), "the child is the subject of court proceedings")
    assert "legal advice" in life.refused("child_visited", SOCIAL_WORKER, alone=True)
    life.say("child_visited", SOCIAL_WORKER, seen=False, reason="Nobody opened")
    no_way_out: dict[str, Any] = {"duty": "legal-advice-on-seeing", "reason": "There was no time"}
    assert "cannot be left out" in life.refused("duty_departed", SOCIAL_WORKER, **no_way_out)
    done(life, "legal-advice-on-seeing")
    life.say("child_visited", SOCIAL_WORKER, alone=True)


@pytest.mark.covers("D-B-31", "SP-B-35")
def test_when_the_proceedings_end_no_advice_is_needed() -> None:
    life = circumstance(enquiry(), "the child is the subject of court proceedings")
    circumstance(life, "the child is the subject of court proceedings", holds=False)
    life.say("child_visited", SOCIAL_WORKER, alone=True)


@pytest.mark.covers("SP-B-31")
def test_the_new_carer_is_checked_during_an_enquiry_even_if_it_began_after_them() -> None:
    life = circumstance(referred("B", REFERRAL), "a parent assumes the care of the child")
    assert life.never_ran("new-carer-checks")
    discuss(life)
    assert owed(life, "new-carer-checks")


@pytest.mark.covers("SP-B-30", "F-B-11")
def test_every_complaint_and_its_response_are_recorded_before_the_case_closes() -> None:
    life = all_but(not_substantiated())
    life.say("complaint_made", SOCIAL_WORKER, note="Not asked first")
    life.say("complaint_made", SOCIAL_WORKER, note="And not told afterwards")
    assert life.running.count("complaint-answered") == 2
    half: dict[str, Any] = {"form": "complaint-record", "contents": ["The objection or complaint"]}
    assert "The response" in life.refused("form_completed", SOCIAL_WORKER, **half)
    fill_in(life, "complaint-record")
    assert life.running.count("complaint-answered") == 1
    assert "SP-B-30" in not_closed(life)
    close(fill_in(life, "complaint-record"))


@pytest.mark.covers("U-B-24", "F-B-18")
def test_rough_notes_are_held_as_long_as_legal_proceedings_are_anticipated() -> None:
    life = circumstance(referred("B", REFERRAL), "legal proceedings are anticipated")
    life.say("screening_decided", SOCIAL_WORKER, harm_suspected=False).say("assessment_completed", SOCIAL_WORKER)
    life.until("2027-04-17 09:00")
    assert owed(life, "rough-notes-kept")
    assert not life.notices(NoticeKind.REMINDER, "rough-notes-kept")  # a hold, not a reminder
    assert "Rough notes are held" in not_closed(life)
    close(circumstance(life, "legal proceedings are anticipated", holds=False))


# --- An unborn child ----------------------------------------------------------------------------------------------


@pytest.mark.covers("SP-B-17", "Q-17")
def test_for_an_unborn_child_the_clocks_run_and_nothing_asks_to_see_them_until_the_birth() -> None:
    life = referred("B", REFERRAL, expected_date_of_birth="2026-05-08")
    assert life.due("strategy-before-birth") == "2026-05-08"
    discuss(life, STRATEGY, attended_by=[*B_QUORUM, "midwifery"])
    assert life.state("strategy-before-birth") == "met"
    assert life.due("initial-conference") == LIMIT
    assert life.never_ran("child-seen-alone")
    assert "not born" in life.refused("child_visited", SOCIAL_WORKER, alone=True)
    life.say("child_born", SOCIAL_WORKER, "2026-05-06 08:00", date_of_birth="2026-05-05")
    assert owed(life, "child-seen-alone")
    discuss(life)  # midwifery is the minimum no more


@pytest.mark.covers("SP-B-17")
def test_an_unborn_child_s_strategy_discussion_is_missed_once_the_birth_was_due() -> None:
    life = referred("B", REFERRAL, expected_date_of_birth="2026-05-08").until("2026-05-09 09:00")
    assert life.state("strategy-before-birth") == "overdue missed"
    early = referred("B", REFERRAL, expected_date_of_birth="2026-05-08")
    early.say("child_born", SOCIAL_WORKER, "2026-04-30 09:00", date_of_birth="2026-04-29")
    assert early.state("strategy-before-birth") == "ended"
    sooner = referred("B", REFERRAL, expected_date_of_birth="2026-05-08")
    again = {"person": "child-1", "source": "health", "expected_date_of_birth": "2026-04-30"}
    sooner.say("referral_received", "health practitioner/hp", **again)
    assert sooner.due("strategy-before-birth") == "2026-04-30", "the day as it is known last"
    assert referred("B", REFERRAL).never_ran("strategy-before-birth")


@pytest.mark.covers("SP-B-17", "R-B-28")
def test_a_child_born_after_the_outcome_was_recorded_is_not_asked_to_be_seen_for_an_enquiry_that_is_over() -> None:
    life = discuss(referred("B", REFERRAL, expected_date_of_birth="2026-05-08"), attended_by=[*B_QUORUM, "midwifery"])
    fill_in(done(life, "household-known"), "section-47-recording")
    life.say("section47_outcome", SOCIAL_WORKER, "2026-05-04 09:00", **OUTCOME)
    life.say("child_born", SOCIAL_WORKER, "2026-05-05 09:00", date_of_birth="2026-05-05")
    assert owed(life, "child-seen-alone")
    authorise(life)
    assert life.state("child-seen-alone") == "ended"


# --- What the family is told --------------------------------------------------------------------------------------


@pytest.mark.covers("U-B-15", "NT-B-03", "NT-B-05", "NT-B-19", "R-B-29", "R-B-24")
def test_with_the_enquiry_the_parents_are_involved_and_told() -> None:
    life = enquiry()
    assert owed(life, "parents-involved", "parents-told")
    assert cited(life.the("parents-told"), "NT-B-03", "NT-B-05", "NT-B-19")
    done(done(life, "parents-involved"), "parents-told")


@pytest.mark.covers("NT-B-02", "D-B-11", "U-B-15", "NT-B-03", "D-B-15")
def test_what_may_not_be_told_is_withheld_on_its_ground_from_the_start_and_owed_again_when_released() -> None:
    life = referred("B", REFERRAL)
    asked = discussion(share_with_family="withhold")
    assert "ground" in life.refused("strategy_outcome", SOCIAL_WORKER, **asked)
    discuss(life, STRATEGY, share_with_family="withhold", ground="police investigation")
    assert (life.state("parents-told"), life.state("parents-involved")) == ("withheld", "withheld")
    assert life.case.withholding is not None
    assert life.case.withholding.decided_by == "lead practitioner sw"
    assert "withheld" in life.refused("duty_done", SOCIAL_WORKER, duty="parents-told")
    life.say("information_released", MANAGER, "2026-04-22 09:00")
    assert owed(life, "parents-told", "parents-involved")
    done(life, "parents-told")


@pytest.mark.covers("NT-B-03", "U-B-15", "U-B-16")
def test_the_safety_and_welfare_of_the_child_is_a_ground_for_the_explanation_alone() -> None:
    life = enquiry().say("information_withheld", SOCIAL_WORKER, ground="safety and welfare of the child")
    assert life.state("parents-told") == "withheld"
    assert life.state("parents-involved") == "open"


@pytest.mark.covers("U-B-16", "NT-B-04")
def test_parents_are_kept_informed_of_every_decision_that_follows() -> None:
    life = on_a_plan()
    assert owed(life, "parents-told-of-plan")
    assert "cannot be left out" in life.refused(
        "duty_departed", SOCIAL_WORKER, duty="parents-told-of-plan", reason="No time"
    )
    done(life, "parents-told-of-plan")
    life.say("step_down_agreed", SOCIAL_WORKER, "2026-09-01 10:00", support="A family worker visits every week")
    assert owed(life, "parents-told-of-ending")
    during = enquiry()
    assert "parents-kept-informed" in dict(view.open_prompts(during.case))
    assert during.procedure.prompt["parents-kept-informed"].force == "must"


@pytest.mark.covers("U-B-17", "NT-B-20")
def test_the_child_is_never_left_wondering() -> None:
    life = enquiry()
    assert "child-kept-informed" in dict(view.open_prompts(life.case))
    conclude(life)
    assert "child-kept-informed-of-conference" in dict(view.open_prompts(life.case))
    for key in ("child-kept-informed", "child-kept-informed-of-conference"):
        assert life.procedure.prompt[key].force == "must"


@pytest.mark.covers("U-B-21", "NT-B-11")
def test_the_family_has_the_outcome_before_the_conference() -> None:
    life = conclude(enquiry())
    assert "U-B-21" in life.refused("initial_conference_held", CHAIR, "2026-05-12 14:00", **PLAN)
    life.say("duty_departed", SOCIAL_WORKER, duty="family-told-outcome", reason="They cannot be found")
    life.say("initial_conference_held", CHAIR, **PLAN)


@pytest.mark.covers("U-B-21", "Q-20")
def test_what_is_withheld_from_the_family_holds_no_conference_up() -> None:
    life = conclude(enquiry()).say("information_withheld", SOCIAL_WORKER, ground="risk of harm")
    assert life.state("family-told-outcome") == "withheld"
    life.say("initial_conference_held", CHAIR, "2026-05-12 14:00", **PLAN)


@pytest.mark.covers("NT-B-16", "NT-B-17", "R-B-24")
def test_before_the_conference_child_and_parents_know_what_it_is_and_whom_they_may_bring() -> None:
    life = conclude(enquiry())
    assert cited(life.the("family-prepared"), "NT-B-16", "NT-B-17")
    done(life, "family-prepared")


@pytest.mark.covers("D-B-24", "NT-B-18", "R-B-22", "Q-20")
def test_the_parents_get_the_report_when_police_and_chair_had_their_say() -> None:
    life = conclude(enquiry())
    share: dict[str, Any] = {"to": "family"}
    assert "D-B-24" in life.refused("report_shared", SOCIAL_WORKER, **share)
    assert owed(life, "report-sharing-decided")
    assert "with_police" in life.refused("report_sharing_decided", SOCIAL_WORKER, share=True, with_chair=True)
    assert "share_by" in life.refused("report_sharing_decided", SOCIAL_WORKER, share=True, **CONSULTED)
    life.say("report_sharing_decided", SOCIAL_WORKER, share=True, share_by="2026-05-08", **CONSULTED)
    assert life.state("report-sharing-decided") == "met"
    assert life.due("conference-report-to-family") == "2026-05-08"
    life.say("report_shared", SOCIAL_WORKER, "2026-05-07 12:00", **share)
    assert life.state("conference-report-to-family") == "met"


@pytest.mark.covers("D-B-24", "NT-B-18", "Q-20")
def test_a_report_that_is_not_shared_is_not_owed_and_one_withheld_is_not_late() -> None:
    life = conclude(enquiry())
    life.say("report_sharing_decided", SOCIAL_WORKER, share=False, reason="It names the witness", **CONSULTED)
    assert life.never_ran("conference-report-to-family")
    assert "D-B-24" in life.refused("report_shared", SOCIAL_WORKER, to="family")
    life = conclude(enquiry())
    life.say("report_sharing_decided", SOCIAL_WORKER, share=True, share_by="2026-05-08", **CONSULTED)
    life.say("information_withheld", SOCIAL_WORKER, ground="police investigation").until("2026-05-11 09:00")
    assert life.state("conference-report-to-family") == "withheld"
    life.say("information_released", SOCIAL_WORKER)
    assert life.state("conference-report-to-family") == "overdue missed"


# --- Medical assessments ------------------------------------------------------------------------------------------


def medical(**fields: Any) -> Life:
    return enquiry(medical="needed", medical_by="2026-04-22", **fields)


def consent(life: Life, source: str = "parental responsibility", **fields: Any) -> Life:
    said: dict[str, Any] = {"given": True, "examined_on": "2026-04-22", "parent_permission_sought": True, **fields}
    return life.say("medical_consent_recorded", DOCTOR, source=source, **said)


@pytest.mark.covers("SP-B-09", "U-B-20", "D-B-17", "F-B-08", "F-B-06", "F-B-07", "NT-B-08", "R-B-13")
def test_a_medical_assessment_from_consent_to_report() -> None:
    life = medical()
    assert "D-B-17" in life.refused("duty_done", DOCTOR, duty="paediatric-assessment")
    consent(life)
    assert life.state("medical-consent") == "met"
    done(life, "paediatric-assessment", DOCTOR, "2026-04-22 14:00")
    assert life.state("paediatric-assessment") == "met"
    assert life.the("medical-report").owner == "named doctor"
    unsigned: dict[str, Any] = {
        "form": "medical-report",
        "contents": list(life.procedure.form["medical-report"].contents),
    }
    assert "signed and dated by the medical practitioner" in life.refused("form_completed", NAMED_DOCTOR, **unsigned)
    fill_in(life, "medical-report", NAMED_DOCTOR)
    assert life.state("medical-report") == "met"
    assert to(life)[-2:] == ["lead practitioner", "general practitioner"]  # no police: there is no investigation


@pytest.mark.covers("F-B-07")
def test_a_medical_report_has_ten_contents() -> None:
    contents = load("B").form["medical-report"].contents
    assert len(contents) == 10
    life = done(consent(medical()), "paediatric-assessment", DOCTOR)
    for content in contents:
        others = [one for one in contents if one != content]
        said: dict[str, Any] = {"form": "medical-report", "contents": others, "signed": True}
        assert content in life.refused("form_completed", NAMED_DOCTOR, **said)


@pytest.mark.covers("U-B-19", "F-B-10")
def test_the_letter_to_the_parents_goes_when_social_care_and_police_agreed() -> None:
    life = done(consent(medical()), "paediatric-assessment", DOCTOR)
    fill_in(life, "medical-report", NAMED_DOCTOR)
    assert "U-B-19" in life.refused("form_completed", NAMED_DOCTOR, form="medical-letter")
    done(life, "medical-letter-timing", NAMED_DOCTOR)
    life.say("duty_date_set", SOCIAL_WORKER, duty="medical-letter", due="2026-04-30")
    life.say("information_withheld", SOCIAL_WORKER, ground="police investigation")
    assert "withheld" in life.refused("form_completed", NAMED_DOCTOR, form="medical-letter")
    life.say("information_released", SOCIAL_WORKER)
    fill_in(life, "medical-letter", NAMED_DOCTOR)
    assert life.state("medical-letter") == "met"


@pytest.mark.covers("SP-B-10", "SP-B-11", "SP-B-12", "SP-B-13", "SP-B-14", "D-B-17")
def test_who_can_consent_and_who_cannot() -> None:
    life = medical()  # the child is seven
    no: dict[str, Any] = {"by": DOCTOR, "given": True, "examined_on": "2026-04-22"}

    def refused(source: str, **fields: Any) -> str:
        return life.refused("medical_consent_recorded", **no, source=source, **fields)

    assert "SP-B-10" in refused("young person aged 16 or 17")
    assert "SP-B-11" in refused("parental responsibility")
    assert "SP-B-12" in refused("competent child", parent_permission_sought=True)
    assert "SP-B-13" in refused("local authority under section 20")
    sources: dict[str, dict[str, Any]] = {
        "competent child": {"understanding_assessed": True},
        "parental responsibility": {},
        "local authority under a care order": {},
        "local authority under section 20": {"reason": "The child was abandoned"},
        "high court": {},
        "family court": {},
    }
    for source, more in sources.items():
        given = consent(medical(), source, **more)
        assert given.state("medical-consent") == "met"
    grown = referred("B", REFERRAL, date_of_birth="2010-04-22")
    consent(discuss(grown, medical="needed", medical_by="2026-04-22"), "young person aged 16 or 17")


@pytest.mark.covers("SP-B-10")
def test_a_young_persons_own_consent_is_not_taken_where_their_mental_health_is_in_doubt() -> None:
    life = referred("B", REFERRAL, date_of_birth="2010-01-01")
    said: dict[str, Any] = {"source": "young person aged 16 or 17", "given": True, "examined_on": "2026-04-22"}
    assert "SP-B-10" in life.refused("medical_consent_recorded", DOCTOR, **said, mental_health_doubt=True)
    life.say("medical_consent_recorded", DOCTOR, **said)


@pytest.mark.covers("D-B-18", "SP-B-12")
def test_without_permission_and_without_emergency_a_court_order_is_considered() -> None:
    life = consent(medical(), given=False)
    assert owed(life, "court-order-considered", "medical-consent")
    assert life.the("court-order-considered").owner == "children's social care manager"
    assert "cannot be left out" in life.refused(
        "duty_departed", SOCIAL_WORKER, duty="court-order-considered", reason="No time"
    )
    alone: dict[str, Any] = {"duty": "court-order-considered"}
    assert "recorded by: children's social care manager" in life.refused(
        "duty_done", SOCIAL_WORKER, **alone
    )  # not the social worker alone
    done(life, "court-order-considered", MANAGER)
    child = consent(medical(), "competent child", given=False, understanding_assessed=True)
    consent(child, "family court")  # a refusal can be overridden by a court
    assert child.state("court-order-considered") == "ended"
    assert child.state("medical-consent") == "met"


@pytest.mark.covers("NT-B-06", "SP-B-13")
def test_where_the_authority_consents_under_a_care_order_the_parents_are_told() -> None:
    assert consent(medical(), "high court").never_ran("parents-told-of-consent")
    life = consent(medical(), "local authority under a care order")
    assert owed(life, "parents-told-of-consent")
    done(life, "parents-told-of-consent")


@pytest.mark.covers("U-B-18", "NT-B-07", "D-B-19", "F-B-09")
def test_after_emergency_treatment_the_doctor_tells_the_parents_and_makes_a_record() -> None:
    life = enquiry().say("emergency_treatment_given", DOCTOR, child_consented=False)
    for duty in ("parents-told-of-treatment", "emergency-treatment-record"):
        assert life.the(duty).owner == "medical practitioner"
        assert "cannot be left out" in life.refused("duty_departed", SOCIAL_WORKER, duty=duty, reason="No time")
    # It is no matter of what the authority withholds: it is the doctor's own duty.
    life.say("information_withheld", SOCIAL_WORKER, ground="police investigation")
    assert "recorded by: medical practitioner" in life.refused(
        "duty_done", SOCIAL_WORKER, duty="parents-told-of-treatment"
    )
    done(life, "parents-told-of-treatment", DOCTOR)
    assert life.due("emergency-treatment-record") == "2026-04-20"  # at the time
    fill_in(life, "emergency-treatment-record", DOCTOR)
    assert life.state("emergency-treatment-record") == "met"


@pytest.mark.covers("SP-B-15", "F-B-05")
def test_only_doctors_examine_and_others_note_marks_on_a_signed_body_map() -> None:
    life = medical()
    assert life.the("paediatric-assessment").owner == "medical practitioner"
    assert "only-doctors-examine" in dict(view.open_prompts(life.case))
    seen: dict[str, Any] = {"form": "body-map", "contents": ["Visible marks or injuries"]}
    assert "signed" in life.refused("form_completed", SOCIAL_WORKER, **seen)
    fill_in(life, "body-map")
    assert life.state("paediatric-assessment") == "open"  # a body map is no examination


@pytest.mark.covers("D-B-14", "SP-B-16", "F-B-12", "U-B-26")
def test_a_joint_interview_is_planned_and_held_together_after_everything_was_recorded() -> None:
    life = referred("B", REFERRAL)
    assert "interview_by" in life.refused("strategy_outcome", SOCIAL_WORKER, **discussion(joint_interview=True))
    discuss(life, STRATEGY, joint_interview=True, interview_by="2026-04-23")
    assert life.due("joint-interview") == "2026-04-23"
    both: dict[str, Any] = {
        "form": "recorded-interview",
        "contents": list(life.procedure.form["recorded-interview"].contents),
    }
    assert "U-B-26" in life.refused("form_completed", POLICE, **both)
    done(life, "events-before-interview")
    half: dict[str, Any] = {"form": "recorded-interview", "contents": both["contents"][:1]}
    assert "Conducted jointly" in life.refused("form_completed", POLICE, **half)
    life.say("form_completed", POLICE, "2026-04-23 11:00", **both)
    assert life.state("joint-interview") == "met"
    assert enquiry().never_ran("joint-interview")


# --- The outcome --------------------------------------------------------------------------------------------------


@pytest.mark.covers("D-B-21", "F-B-13", "F-B-15", "R-B-03", "R-B-04")
def test_the_lead_practitioner_decides_the_outcome_and_the_manager_authorises_it() -> None:
    life = see_everybody(enquiry())
    fill_in(life, "section-47-recording")
    assert "asked for by: lead practitioner" in life.refused("section47_outcome", SUPERVISOR, **OUTCOME)
    life.say("section47_outcome", SOCIAL_WORKER, **OUTCOME)
    assert life.case.conference is None  # not final until authorised
    asked = life.case.waiting_requests[-1].id
    assert "It is decided by" in life.refused("authorisation", SUPERVISOR, request=asked, decision="authorise")
    authorise(life)
    assert life.case.conference is not None


@pytest.mark.covers("F-B-17", "F-B-15")
def test_the_recording_has_its_eight_parts_before_it_is_countersigned() -> None:
    life = see_everybody(enquiry())
    parts = life.procedure.form["section-47-recording"].contents
    assert len(parts) == 8
    record = life.case.waiting_requests[-1].id
    life.say("section47_outcome", SOCIAL_WORKER, **OUTCOME)
    asked = life.case.waiting_requests[-1].id
    assert "F-B-17" in life.refused("authorisation", MANAGER, request=asked, decision="authorise")
    life.say("authorisation", MANAGER, request=record, decision="authorise")  # another record is no matter of it
    seven: dict[str, Any] = {"form": "section-47-recording", "contents": list(parts[:7])}
    assert parts[7] in life.refused("form_completed", SOCIAL_WORKER, **seven)
    authorise(fill_in(life, "section-47-recording"))


@pytest.mark.covers("D-B-34", "D-B-23", "MT-B-06", "R-B-15")
def test_a_substantiated_outcome_calls_a_conference_and_says_whether_the_referrer_is_invited() -> None:
    life = see_everybody(enquiry())
    assert "invite_referrer" in life.refused("section47_outcome", SOCIAL_WORKER, outcome="substantiated")
    conclude(life := enquiry(), invite_referrer=False)
    assert life.case.stage is Stage.CONFERENCE
    assert owed(life, "invitees-decided", "interim-arrangements", "report-sharing-decided", "agency-information")
    life.say("invitations_requested", SOCIAL_WORKER, attendees=["school", "adult services specialist"])
    assert life.state("invitees-decided") == "met"
    assert life.procedure.meeting["initial conference"].chair == "conference chair"


@pytest.mark.covers("U-B-22", "PD-B-33")
def test_until_the_conference_arrangements_keep_the_child_safe_and_are_reviewed() -> None:
    life = conclude(enquiry())
    assert "cannot be left out" in life.refused(
        "duty_departed", SOCIAL_WORKER, duty="interim-arrangements", reason="No time"
    )
    done(life, "interim-arrangements")
    assert "interim-reviewed" in dict(view.open_prompts(life.case))
    both = conclude(enquiry()).say("report_sharing_decided", SOCIAL_WORKER, share=True, share_by=LIMIT, **CONSULTED)
    done(both, "family-told-outcome").say("initial_conference_held", CHAIR, "2026-05-12 14:00", **PLAN)
    preparation = ("interim-arrangements", "invitees-decided", "family-prepared", "agency-information")
    for duty in (*preparation, "conference-report-to-family"):
        assert both.state(duty) == "ended"  # the conference has taken place
    assert on_a_plan().state("report-sharing-decided") == "ended"


@pytest.mark.covers("B-05", "D-B-33", "D-B-22", "NT-B-22")
def test_not_substantiated_asks_for_child_in_need_and_opens_the_next_steps() -> None:
    life = see_everybody(enquiry())
    asked: dict[str, Any] = {"outcome": "not substantiated"}
    assert "child_in_need_considered" in life.refused("section47_outcome", SOCIAL_WORKER, **asked)
    life = not_substantiated(disposals=["information and advice", "statutory service"])
    assert owed(life, "not-substantiated-discussed", "reassessment-considered", "completion-recorded")
    assert life.state("initial-conference") == "ended"
    assert life.never_ran("interim-arrangements")
    done(life, "not-substantiated-discussed")


@pytest.mark.covers("U-B-23", "D-B-22")
def test_regular_re_assessment_has_a_day_and_somebody_responsible() -> None:
    life = not_substantiated()
    assert "responsible" in life.refused("reassessment_arranged", SOCIAL_WORKER, next_on="2026-07-01")
    life.say("reassessment_arranged", SOCIAL_WORKER, next_on="2026-07-01", responsible="health practitioner")
    assert life.state("reassessment-considered") == "met"
    assert life.due("reassessment") == "2026-07-01"
    done(life, "reassessment", at="2026-06-30 10:00")
    life.say("reassessment_arranged", SOCIAL_WORKER, next_on="2026-10-01", responsible="health practitioner")
    assert life.due("reassessment") == "2026-10-01"


@pytest.mark.covers("NT-B-10", "NT-B-14", "NT-B-21", "R-B-15", "R-B-21")
def test_agencies_and_a_professional_referrer_are_told_the_outcome() -> None:
    life = conclude(enquiry())
    assert {"co-operating agency", "referrer"} <= set(to(life))
    assert owed(life, "agencies-told-outcome")
    assert life.never_ran("lay-referrer-told")
    assert "referrer" not in to(not_substantiated())  # the rationale is for what was substantiated


@pytest.mark.covers("U-B-25", "F-B-16", "NT-B-21", "NT-B-10", "F-B-14")
@pytest.mark.parametrize(
    ("left_out", "row"),
    [("completion-recorded", "U-B-25"), ("agencies-told-outcome", "NT-B-21"), ("agency-record", "F-B-14")],
)
def test_the_case_closes_when_outcome_and_chronology_are_recorded_and_agencies_know(left_out: str, row: str) -> None:
    life = all_but(not_substantiated(), left_out)
    assert row in not_closed(life)
    if left_out == "agency-record":
        fill_in(life, left_out, AGENCY)
    else:
        done(life, left_out)
    close(life)


@pytest.mark.covers("U-B-16", "NT-B-04", "U-B-18", "F-B-09")
def test_the_case_closes_when_the_parents_were_told_what_they_must_be_told_unless_it_is_withheld() -> None:
    life = on_a_plan().say("emergency_treatment_given", DOCTOR, child_consented=False)
    life.say("step_down_agreed", SOCIAL_WORKER, "2026-09-01 10:00", support="A family worker visits every week")
    reason = not_closed(all_but(life))
    for duty in ("parents-told-of-plan", "parents-told-of-ending", "parents-told-of-treatment"):
        assert duty in reason
    assert "emergency-treatment-record" in reason
    done(fill_in(life, "emergency-treatment-record", DOCTOR), "parents-told-of-treatment", DOCTOR)
    done(life, "parents-told-of-plan")
    assert "parents-told-of-plan" not in not_closed(life)
    close(life.say("information_withheld", SOCIAL_WORKER, ground="risk of harm"))


@pytest.mark.covers("F-B-14", "R-B-21")
def test_each_agency_completes_its_own_record_authorised_and_dated() -> None:
    life = conclude(enquiry())
    assert life.the("agency-record").owner == "co-operating agency"
    assert "signed" in life.refused("form_completed", AGENCY, form="agency-record")
    assert "cannot be left out" in life.refused("duty_departed", SOCIAL_WORKER, duty="agency-record", reason="No time")
    fill_in(life, "agency-record", AGENCY)
    assert life.state("agency-record") == "met"
    assert life.state("agency-information") == "open"  # one form meets its own duty alone


# --- A disputed decision ------------------------------------------------------------------------------------------


@pytest.mark.covers("D-B-25", "D-B-26", "SP-B-24", "SP-B-25", "U-B-10", "F-B-04", "R-B-14")
def test_another_agency_may_ask_for_a_conference_and_is_answered_by_a_day_that_is_set() -> None:
    life = all_but(not_substantiated())
    life.say("conference_disputed", "school/s-1", "2026-04-29 09:00", answer_by="2026-05-01")
    assert life.due("conference-dispute") == "2026-05-01"
    assert {"lead practitioner", "children's social care manager", "safeguarding lead"} <= set(to(life))
    assert "D-B-26" in not_closed(life)
    partly: dict[str, Any] = {"form": "dissent-record", "contents": ["Concerns"]}
    assert "Any agreements made" in life.refused("form_completed", "safeguarding lead/sl", **partly)
    fill_in(life, "dissent-record", "safeguarding lead/sl")
    assert life.state("dissent-recorded") == "met"
    life.say("conference_dispute_resolved", MANAGER, "2026-04-30 09:00", outcome="maintained", reason="Seen anew")
    assert life.state("conference-dispute") == "met"
    assert life.never_ran("initial-conference-after-dispute")


@pytest.mark.covers("U-B-10")
def test_of_two_agencies_the_more_urgent_sets_the_day_and_a_missed_day_is_heard_of() -> None:
    life = not_substantiated().say("conference_disputed", "school/s-1", answer_by="2026-05-08")
    life.say("conference_disputed", "health practitioner/h-1", answer_by="2026-05-01")
    life.say("conference_disputed", POLICE, answer_by="2026-05-07")
    assert life.due("conference-dispute") == "2026-05-01"
    life.until("2026-05-02 09:00")
    assert life.state("conference-dispute") == "overdue missed"
    assert life.told(NoticeKind.ESCALATION, "conference-dispute") == [("2026-05-02 00:00", "practice supervisor")]


@pytest.mark.covers("D-B-25", "SP-B-25", "B-06")
def test_a_conference_called_after_a_dispute_keeps_the_enquirys_own_limit() -> None:
    life = conclude(enquiry(), conference=False, reason="The risk has gone with the adult", invite_referrer=None)
    assert life.state("initial-conference") == "ended"
    life.say("conference_disputed", POLICE, "2026-04-29 09:00", answer_by="2026-05-01")
    life.say("conference_dispute_resolved", MANAGER, outcome="conference called", reason="The adult is back")
    assert life.due("initial-conference-after-dispute") == LIMIT
    assert owed(life, "family-prepared", "interim-arrangements", "invitees-decided", "report-sharing-decided")
    done(life, "family-told-outcome")
    life.say("initial_conference_held", CHAIR, "2026-05-12 10:00", plan=False)
    assert life.state("initial-conference-after-dispute") == "met"


# --- The plan ends ------------------------------------------------------------------------------------------------


@pytest.mark.covers("D-B-32", "SP-B-28")
def test_a_plan_ends_with_support_in_place() -> None:
    life = on_a_plan()
    held: dict[str, Any] = {"decision": "end", "wishes_sought": True}
    assert "support" in life.refused("review_conference_held", CHAIR, "2026-08-12 10:00", **held)
    assert "support" in life.refused("step_down_agreed", SOCIAL_WORKER)
    life.say("review_conference_held", CHAIR, **held, support="A family worker visits every week")
    assert life.case.plan is None
    life.say("new_information_received", "school/s-1")  # and the case answers to what comes to light
    assert owed(life, "strategy-considered")


@pytest.mark.covers("B-05", "U-B-22")
def test_the_document_has_no_core_groups_visits_or_reviews_so_none_are_asked_for() -> None:
    life = on_a_plan()
    assert not {"core-group", "first-core-group", "first-review", "later-review", "plan-visit"} & set(life.running)


# --- What the document's must and its grounds mean for each duty ---------------------------------------------------


def so(what: str) -> Callable[[], Life]:
    """An enquiry about a child of whom this is so."""
    return lambda: circumstance(enquiry(), what)


def interview() -> Life:
    return enquiry(joint_interview=True, interview_by="2026-04-23")


def refused_consent() -> Life:
    return consent(medical(), given=False)


def treated() -> Life:
    return enquiry().say("emergency_treatment_given", DOCTOR, child_consented=False)


def plan_ended() -> Life:
    return on_a_plan().say("step_down_agreed", SOCIAL_WORKER, support="A family worker visits every week")


def letter_agreed() -> Life:
    life = fill_in(done(consent(medical()), "paediatric-assessment", DOCTOR), "medical-report", NAMED_DOCTOR)
    return done(life, "medical-letter-timing", NAMED_DOCTOR)


def report_to_share() -> Life:
    return conclude(enquiry()).say("report_sharing_decided", SOCIAL_WORKER, share=True, share_by=LIMIT, **CONSULTED)


MUST: dict[str, Callable[[], Life]] = {
    "other-authority-consulted": so("another authority is responsible for the child"),
    "other-authority-accepts": so("another authority is responsible for the child"),
    "household-known": enquiry,
    "legal-advice-on-seeing": so("the child is the subject of court proceedings"),
    "home-safety-established": so("the child is in hospital"),
    "new-environment-assessed": so("the child's circumstances are about to change"),
    "parents-told-of-plan": on_a_plan,
    "parents-told-of-ending": plan_ended,
    "complaint-answered": lambda: enquiry().say("complaint_made", SOCIAL_WORKER),
    "court-order-considered": refused_consent,
    "parents-told-of-treatment": treated,
    "emergency-treatment-record": treated,
    "events-before-interview": interview,
    "agency-record": not_substantiated,
    "interim-arrangements": lambda: conclude(enquiry()),
}


@pytest.mark.covers("NT-B-01", "D-B-02", "SP-B-18", "D-B-31", "SP-B-33", "PD-B-28", "U-B-16", "F-B-11", "SP-B-30")
@pytest.mark.covers("D-B-18", "U-B-18", "F-B-09", "U-B-26", "F-B-14", "U-B-22", "Q-28")
@pytest.mark.parametrize("duty", MUST)
def test_what_the_document_says_must_be_done_cannot_be_departed_from(duty: str) -> None:
    life = MUST[duty]()
    assert owed(life, duty)
    said: dict[str, Any] = {"duty": duty, "reason": "There was no time"}
    assert "cannot be left out" in life.refused("duty_departed", SOCIAL_WORKER, **said)


@pytest.mark.covers("B-01", "B-08", "B-09", "Q-28")
def test_must_is_said_of_these_duties_and_of_no_other() -> None:
    must = {key for key, rule in load("B").timescale.items() if rule.force == "must"}
    assert must == {*MUST, "assessment", "whereabouts-strategy", "whereabouts-action"}


@pytest.mark.covers("U-B-15", "U-B-20", "F-B-21", "Q-28")
@pytest.mark.parametrize("duty", ["parents-involved", "parents-told", "child-seen-alone", "section-47-recording"])
def test_what_the_document_says_should_be_done_is_left_out_for_a_recorded_reason_only(duty: str) -> None:
    life = enquiry()
    assert "reason" in life.refused("duty_departed", SOCIAL_WORKER, duty=duty)
    life.say("duty_departed", SOCIAL_WORKER, duty=duty, reason="It would put the child at risk")
    assert life.state(duty) == "ended"
    assert life.the(duty).because == "left out, for the reason in the record"


TOLD: dict[str, Callable[[], Life]] = {
    "strategy-shared-with-family": lambda: discuss(referred("B", REFERRAL), decision="no section 47"),
    "parent-elsewhere-involved": so("a parent lives elsewhere and has contact"),
    "parents-involved": enquiry,
    "parents-told": enquiry,
    "parents-told-of-plan": on_a_plan,
    "parents-told-of-ending": plan_ended,
    "parents-told-of-consent": lambda: consent(medical(), "local authority under a care order"),
    "medical-letter": letter_agreed,
    "family-told-outcome": lambda: conclude(enquiry()),
    "not-substantiated-discussed": not_substantiated,
    "family-prepared": lambda: conclude(enquiry()),
    "conference-report-to-family": report_to_share,
}


@pytest.mark.covers("NT-B-02", "SP-B-32", "U-B-15", "NT-B-03", "NT-B-04", "NT-B-06", "F-B-10", "NT-B-11", "NT-B-16")
@pytest.mark.covers("NT-B-18", "NT-B-22", "D-B-11", "D-B-24", "U-B-21", "Q-20")
@pytest.mark.parametrize("duty", TOLD)
@pytest.mark.parametrize("ground", ["police investigation", "risk of harm", "safety and welfare of the child"])
def test_what_the_family_is_told_is_withheld_on_the_documents_grounds(duty: str, ground: str) -> None:
    life = TOLD[duty]()
    assert owed(life, duty)
    life.say("information_withheld", SOCIAL_WORKER, ground=ground)
    # The third ground stands with the explanation of the enquiry alone.
    is_withheld = duty == "parents-told" or ground != "safety and welfare of the child"
    assert (life.state(duty) == "withheld") is is_withheld
    life.say("information_released", SOCIAL_WORKER)
    assert owed(life, duty)


def test_nothing_else_is_withheld_from_anybody() -> None:
    assert {key for key, rule in load("B").timescale.items() if rule.withheld_with_information} == set(TOLD)


WHILE: dict[str, tuple[str, ...]] = {
    "another authority is responsible for the child": ("other-authority-consulted", "other-authority-accepts"),
    "the child is on a plan elsewhere and moved in": ("moved-in-decided",),
    "a criminal investigation is under way": ("criminal-proceedings-decided",),
    "access to the child is refused": ("access-refused-strategy",),
    "the child is the subject of court proceedings": ("legal-advice-on-seeing",),
    "a parent assumes the care of the child": ("new-carer-checks",),
    "a parent lives elsewhere and has contact": ("parent-elsewhere-involved",),
    "somebody needs an interpreter or specialist help": ("interpreter-provided",),
    "the child has harmed or may harm another child": ("conference-for-both",),
    "legal proceedings are anticipated": ("rough-notes-kept",),
}


@pytest.mark.covers("D-B-02", "D-B-29", "D-B-20", "SP-B-08", "D-B-31", "SP-B-31", "SP-B-32", "SP-B-34", "SP-B-20")
@pytest.mark.covers("U-B-24")
@pytest.mark.parametrize("what", WHILE)
def test_what_is_owed_because_something_is_so_is_owed_while_it_is_so(what: str) -> None:
    assert all(enquiry().never_ran(duty) for duty in WHILE[what])
    life = circumstance(enquiry(), what, "2026-04-21 09:00")
    assert owed(life, *WHILE[what])
    circumstance(life, what, "2026-04-22 09:00", holds=False)
    assert all(life.state(duty) == "ended" for duty in WHILE[what])
    assert any(line == f"No longer true: {what}" for line in life.lines)


# --- The file as a whole ------------------------------------------------------------------------------------------


def test_nothing_without_an_amount_reminds() -> None:
    for key, rule in load("B").timescale.items():
        if rule.no_amount is not None:
            assert not rule.remind, key


def test_everything_told_to_the_family_gives_way_to_a_ground_unless_the_document_says_otherwise() -> None:
    told = {"parents-told-of-treatment"}  # the doctor's own duty, at once, without exception
    for key, rule in load("B").timescale.items():
        if any(row.startswith("NT-B") for row in rule.cites) and "arents" in rule.duty and key not in told:
            assert rule.withheld_with_information, key


def test_one_event_never_opens_more_duties_than_can_be_read() -> None:
    """A social worker reads them all; two of those before a conference are the agencies' own."""
    for event in ("section 47 initiated", "section 47 substantiated", "section 47 not substantiated"):
        opened = [key for key, rule in load("B").timescale.items() if event in rule.from_ and not rule.only_if]
        assert len(opened) <= 7, (event, opened)
