"""A case as a whole: opened, told things twice or wrongly, read by people, closed; its chronology and its size."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from pydantic import AwareDatetime, BaseModel, ValidationError
from pydantic_core import to_json

from casework import decide, view
from casework.batch import batch_of, front_of
from casework.calendar import BankHolidays
from casework.case import Case
from casework.checks import A_CHILDHOOD, CLOCK_SKEW
from casework.decide import LONGEST_KEPT, LONGEST_QUOTATION, Decided
from casework.effects import Entry, Kept, Notice, NoticeKind, Refused
from casework.incoming import read
from casework.messages import Message, as_sent
from casework.mistakes import problems
from casework.stages import MESSAGES
from casework.stages.strategy import Action
from casework.story import Deadline, Request
from casework.vocabulary import Stage
from tests.lives import (
    ALONE,
    ATM,
    CS,
    HOLIDAYS,
    IRO,
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

SHORTLY = timedelta(seconds=1)


def stepped_down() -> Life:
    """On the process map: a plan that has ended, with nothing left to do."""
    life = plan_made("2026-04-08 10:00", "2026-04-29 14:00").say("step_down_considered", SW, "2026-06-01 10:00")
    life.say("authorisation", TM, request=life.case.waiting_requests[-1].id, decision="authorise")
    return life.say("step_down_agreed", SW, support="a family support worker")


def closed() -> Life:
    return stepped_down().say("case_closed", TM, "2026-06-02 10:00", reason="the family is well supported")


# --- Opening ------------------------------------------------------------------------------------------------------


def test_a_case_opens_with_its_referral_and_waits_for_whoever_acts_next() -> None:
    life = Life("E", "2026-04-07 09:00")
    assert life.case.waiting_for == ["team manager"]
    assert (
        life.refused("strategy_requested", ATM) == "Case case-1 is not open yet. "
        "Open it with a referral: s47 refer FILE"
    )
    life.say("referral_received", "police/pc", person="child-1", date_of_birth="2018-05-01", source="police")
    assert (life.case.stage, life.case.opened_at) == (Stage.REFERRAL, london("2026-04-07 09:00"))
    assert life.case.waiting_for == ["assistant team manager"]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "give the date of birth or, if the child is not born yet, expected_date_of_birth"),
        ({"date_of_birth": "2018-05-01", "expected_date_of_birth": "2026-08-01"}, "Give one of the two"),
        ({"date_of_birth": "2026-04-08"}, "is after the referral"),
        ({"date_of_birth": "2007-04-01"}, "was an adult on"),
        ({"expected_date_of_birth": "2027-04-01"}, "not within ten months"),
        ({"date_of_birth": "yesterday"}, "is not a date. Write the date as 2026-04-07"),
        ({"date_of_birth": "2018-05-01", "person": "Jane Doe"}, "is not an id"),
        ({"date_of_birth": "2018-05-01", "source": "a friend"}, "is not one of"),
        ({"date_of_birth": "2018-05-01", "colour": "blue"}, "colour: there is no such field"),
    ],
)
def test_a_referral_that_cannot_be_is_refused_with_what_would_be_right(fields: dict[str, Any], says: str) -> None:
    life = Life("E", "2026-04-07 09:00")
    reason = life.refused("referral_received", "police/pc", **{"person": "child-1", "source": "police", **fields})
    assert says in reason


@pytest.mark.covers("Q-03")
def test_a_second_referral_is_new_information_and_no_second_case() -> None:
    screening = {"duty": "Screen", "owner": "social worker", "met_by": "screening decided", "within": "1 working day"}
    on_new = {**screening, "from": "new information received", "met_by": "strategy discussion held"}
    on_first = {**screening, "from": "referral received"}
    life = referred(example(timescale={"on-first": on_first, "on-new": on_new}), "2026-04-13 10:00")
    life.say("strategy_requested", SW, "2026-04-13 11:00", immediate=True)
    again = {"person": "child-1", "date_of_birth": "2018-05-01", "source": "police"}
    life.say("referral_received", "police/pc", "2026-04-20 09:00", **again)
    assert "A further referral, from police: new information on this case" in life.lines
    assert life.case.opened_at == london("2026-04-13 10:00")
    assert (life.due("on-first"), life.due("on-new")) == ("2026-04-14", "2026-04-21")


def test_a_referral_of_another_child_is_refused_and_names_nobody() -> None:
    life = referred("E", "2026-04-07 09:00")
    reason = life.refused(
        "referral_received", "police/pc", person="child-2", date_of_birth="2018-05-01", source="police"
    )
    assert "is another child's" in reason
    assert "child-1" not in reason


# --- Told twice, too early, too late, wrongly ---------------------------------------------------------------------


def sent_again(life: Life, number: int, **changed: Any) -> Decided | Refused:
    """The answer to what was recorded as no. `number`, when it is sent once more a week later, or with other fields."""
    kept = next(kept_message for kept_message in life.kept if kept_message.fact == number)
    message = read(kept.name, {**json.loads(kept.body), **changed})
    assert not isinstance(message, Refused)
    return decide.receive(life.whole, message, life.now + timedelta(days=7))


def test_a_message_told_twice_counts_once() -> None:
    life = referred("E", "2026-04-07 09:00").say("strategy_requested", ATM, note="The school rang.")
    again = sent_again(life, 2)
    assert isinstance(again, Decided)
    assert (again.duplicate, again.fact, again.effects) == (True, 2, ())
    assert again.case is life.whole


def test_a_message_told_twice_counts_once_even_when_the_case_is_closed() -> None:
    life = closed()
    again = sent_again(life, len(life.whole.facts))
    assert isinstance(again, Decided)
    assert again.duplicate


@pytest.mark.parametrize(
    "changed",
    [
        {"occurred_at": "2026-04-08T10:00:00Z"},
        {"by": {"role": "social worker", "person": "sw-2"}},
        {"seen": False},
        {"note": "Nobody was in."},
    ],
    ids=["when", "who", "what", "note"],
)
def test_an_id_that_was_used_for_something_else_is_refused(changed: dict[str, Any]) -> None:
    life = strategy_held("2026-04-08 10:00").say("child_visited", SW, "2026-04-08 15:00", note="He was cheerful.")
    answer = sent_again(life, 5, **changed)
    assert isinstance(answer, Refused)
    assert "was used before, for something else: no. 5 (child visited, Wed 8 Apr 2026 15:00" in answer.reason
    assert answer.field == "id"


def test_an_id_is_not_used_again_for_another_kind_of_message() -> None:
    life = strategy_held("2026-04-08 10:00")
    reason = life.refused("whereabouts_unknown", SW, id="m-2")
    assert "used before, for something else: no. 2 (strategy requested" in reason


def test_the_same_said_with_other_spelling_is_the_same() -> None:
    """The same instant in another time zone, the same person in capitals."""
    life = strategy_held("2026-04-08 10:00").say("child_visited", SW, "2026-04-08 15:00")
    by = {"role": "Social Worker", "person": "SW"}
    again = sent_again(life, 5, occurred_at="2026-04-08T14:00:00Z", by=by)
    assert isinstance(again, Decided)
    assert again.duplicate


def test_a_repeat_is_known_however_much_came_since() -> None:
    life = referred("E", "2026-04-07 09:00")
    for number in range(500):
        life.say("social_worker_allocated", TM, social_worker=f"sw-{number % 3}")
    again = sent_again(life, 1)
    assert isinstance(again, Decided)
    assert again.duplicate
    assert isinstance(sent_again(life, 1, source="health"), Refused)


def test_a_referral_of_an_earlier_episode_is_a_repeat_in_the_next_one() -> None:
    first = referred("E", "2026-04-07 09:00")
    known = {"m-1": first.whole.facts[0].digest}
    life = Life("E", "2026-06-01 09:00")
    life.whole = decide.unopened("case-1", 2, life.procedure, HOLIDAYS).model_copy(update={"referrals": known})
    again = read("referral_received", json.loads(first.kept[0].body))
    assert not isinstance(again, Refused)
    answer = decide.receive(life.whole, again, life.now)
    assert isinstance(answer, Decided)
    assert (answer.duplicate, answer.effects) == (True, ())
    another: dict[str, Any] = {"person": "child-1", "date_of_birth": "2018-05-01", "source": "police"}
    assert "for an earlier referral" in life.refused("referral_received", "police/pc", id="m-1", **another)
    assert (
        life.refused("strategy_requested", ATM) == "Case case-1 is closed. "
        "To open it again, send a new referral: s47 refer FILE"
    )


@pytest.mark.parametrize(
    ("occurred_at", "says"),
    [
        (london("2026-04-07 09:00") + CLOCK_SKEW + SHORTLY, "is in the future"),
        (london("2026-04-07 09:00") - A_CHILDHOOD - timedelta(days=1), "was not open yet at that time"),
        (datetime.max.replace(tzinfo=UTC), "than a childhood"),
        (datetime.min.replace(tzinfo=UTC), "was not open yet at that time"),
        ("2026-04-07T09:00:00", "has no time zone"),
        ("tomorrow", "is not a date and time"),
    ],
    ids=str,
)
def test_a_time_that_cannot_be_is_refused(occurred_at: object, says: str) -> None:
    life = referred("E", "2026-04-07 09:00")
    message = read(
        "whereabouts_unknown", {"id": "m", "occurred_at": occurred_at, "by": {"role": "social worker", "person": "p"}}
    )
    answer = message if isinstance(message, Refused) else decide.receive(life.whole, message, life.now)
    assert isinstance(answer, Refused)
    assert says in answer.reason


def test_a_referral_of_longer_ago_than_a_childhood_is_refused() -> None:
    life = Life("E", "2026-04-07 09:00")
    assert "longer ago than a childhood" in life.refused(
        "referral_received",
        "police/pc",
        occurred_at="2006-04-07 09:00",
        person="child-1",
        date_of_birth="2005-01-01",
        source="police",
    )


def test_nothing_happened_before_the_referral() -> None:
    life = referred("E", "2026-04-07 09:00").say("strategy_requested", SW, immediate=True)
    slip: dict[str, Any] = {"decision": "section 47", "occurred_at": "2025-04-08 10:00"}
    assert "was not open yet at that time" in life.refused("strategy_outcome", SW, "2026-04-08 10:30", **slip)
    assert life.running == []


def test_a_conference_before_the_enquiry_began_is_refused() -> None:
    life = referred("E", "2026-03-02 09:00").say("strategy_requested", SW, "2026-04-07 09:00", immediate=True)
    life.say("strategy_outcome", SW, "2026-04-08 10:00", decision="section 47").say("child_visited", SW)
    life.say("section47_outcome", SW, outcome="substantiated").say("chair_allocated", CS, chair="iro")
    slip: dict[str, Any] = {"plan": True, "categories": ["neglect"], "occurred_at": "2026-03-22 10:00"}
    reason = life.refused("initial_conference_held", IRO, "2026-04-22 12:00", **slip)
    assert "No initial conference is called" in reason or "No Independent Reviewing Officer" in reason
    assert life.state("initial-conference") == "open"
    assert life.never_ran("first-review")


def test_half_an_hour_after_midnight_in_summer_is_that_day_in_london() -> None:
    """00:30 BST on 9 April is 23:30Z on the 8th: born, referred, discussed on the 9th."""
    life = referred("E", "2026-04-09 00:30", date_of_birth="2026-04-09")
    life.say("strategy_requested", SW, immediate=True)
    life.say("strategy_outcome", SW, occurred_at="2026-04-09 00:30", decision="section 47")
    assert life.due("initial-conference") == "2026-04-30"
    unborn = strategy_held("2026-04-08 10:00", expected_date_of_birth="2026-06-01")
    unborn.say("child_born", SW, "2026-06-01 00:30", date_of_birth="2026-06-01")
    assert unborn.due("child-seen") == "2026-06-02 00:30"


NO_NUMBER: tuple[object, ...] = (
    "1",
    "1_0",
    "\u0661",
    1.0,
    1.5,
    1e300,
    float("nan"),
    -1,
    10**400,
    10**5000,
    True,
    "x",
    [],
)
NO_DAY: tuple[object, ...] = (
    *(0, 1, 1.5, 20260420, 1775638800, True, [], {}, b"2026-04-08", "0", "1.5", "1775638800", "20260408", "2026-4-7"),
    *("12026-04-08", "2026-W15-1", "2026-099", " 2026-04-08", "2026-04-08 ", "2026-04-08\n", "20 April 2026"),
    *("2026-04-31", "2026-04-08T00:00:00Z", "2026/04/08", "2026_04_08", "+2026-04-08", "2026-04-08\0", "\ud800"),
    *("\u0662\u0660\u0662\u0666-\u0660\u0664-\u0660\u0668", "\uff12026-04-08", "2026\u201104\u201108"),
)
NO_INSTANT: tuple[object, ...] = (
    *(value for value in NO_DAY if value != "2026-04-08T00:00:00Z"),
    *("2026-04-08", "2026-04-08T10:00", "2026-04-08T10:00:00", "2026-04-08 10:00:00Z", "2026-04-08t10:00:00z"),
    *("2026-04-08_10:00:00Z", "20260408T100000Z", "2026-W15-3T10:00:00Z", "2026-04-08T10Z", "2026-04-08T1_0:00:00Z"),
    *("2026-04-08T10:00:00,5Z", "2026-04-08T10:00:00+0100", "2026-04-08T10:00:00\u221201:00", "2026-04-08T24:00:00Z"),
    *("2026-04-08T10:00:60Z", "2026-04-08T10:00:00+24:00", " 2026-04-08T10:00:00Z", "2026-04-08T10:00:00Z\n"),
    *("2026-04-08T10:00:00+01:00[Europe/London]", "12026-04-08T10:00:00Z", "2026-4-8T10:00:00Z"),
)
NOT_AS_WRITTEN: dict[object, tuple[object, ...]] = {
    bool: ("yes", "true", "True", "on", "1", 1, 0, 1.0, "no", [], {}, 10**5000, float("nan")),
    int: NO_NUMBER,
    date: NO_DAY,
    datetime: NO_INSTANT,
}


def kind_of_value(annotation: Any) -> object:
    """Which of those an annotation asks for, behind `Annotated`, `| None` and lists; none: something else."""
    if get_origin(annotation) in (Union, UnionType, Annotated, tuple):
        inner = (
            kind_of_value(part) for part in get_args(annotation)[: 1 if get_origin(annotation) is Annotated else 9]
        )
        return next((kind for kind in inner if kind), None)
    known: dict[object, object] = {AwareDatetime: datetime, **{kind: kind for kind in NOT_AS_WRITTEN}}
    return known.get(annotation)


def fields_of(kind: type[BaseModel]) -> Iterator[tuple[str, object, bool]]:
    """Of each such field of a model its name, which it is, and whether it is a list of them."""
    for name, field in kind.model_fields.items():
        if (wanted := kind_of_value(field.annotation)) is not None:
            yield name, wanted, get_origin(field.annotation) is tuple


MODELS: tuple[type[BaseModel], ...] = (*MESSAGES.values(), Action)
WRITTEN = [(kind, *field) for kind in MODELS for field in fields_of(kind)]


@pytest.mark.parametrize(
    ("kind", "name", "wanted", "listed"), WRITTEN, ids=[f"{kind.__name__}.{name}" for kind, name, *_ in WRITTEN]
)
def test_a_date_a_time_a_number_yes_and_no_are_taken_only_as_they_are_written(
    kind: type[BaseModel], name: str, wanted: object, listed: bool
) -> None:
    """Whatever else is missing in the message: this field is said to be wrong, in words of ours."""
    for value in NOT_AS_WRITTEN[wanted]:
        with pytest.raises(ValidationError) as wrong:
            kind.model_validate({name: [value] if listed else value})
        reasons = [line for line in problems(wrong.value) if line.startswith(name)]
        assert reasons and "missing" not in reasons[0], (value, reasons)
        assert not re.search("Input|valid|string|sys[.]", reasons[0]), reasons


def test_there_are_fields_of_each_kind_to_try() -> None:
    assert Counter(wanted for _, _, wanted, _ in WRITTEN).keys() == NOT_AS_WRITTEN.keys()
    assert len(WRITTEN) > len(MESSAGES)


@pytest.mark.parametrize(
    "written", ["2026-04-08T10:00Z", "2026-04-08T11:00:00+01:00", "2026-04-08T10:00:00.000000Z", "2026-04-08T10:00:00Z"]
)
def test_a_time_is_written_in_one_way_with_its_zone(written: str) -> None:
    read_it = read("whereabouts_unknown", {"id": "m", "occurred_at": written, "by": {"role": "police", "person": "p"}})
    assert isinstance(read_it, Message) and read_it.occurred_at == datetime(2026, 4, 8, 10, tzinfo=UTC)


def calendar_of(first: int, last: int) -> BankHolidays:
    return BankHolidays(
        version=f"{first}-{last}", dates=tuple(day for day in HOLIDAYS.dates if first <= day.year <= last)
    )


def discussed_in_december_2022(calendar: BankHolidays) -> Life:
    life = Life("E", "2022-12-19 09:00")
    life.whole = decide.unopened("case-1", 1, life.procedure, calendar)
    life.say("referral_received", "police/pc", person="child-1", date_of_birth="2018-05-01", source="police")
    return life.say("strategy_requested", SW, immediate=True).until("2022-12-20 10:00")


@pytest.mark.covers("Q-21")
def test_a_day_the_calendar_reaches_is_counted_with_its_holidays() -> None:
    life = discussed_in_december_2022(calendar_of(2022, 2023)).say("strategy_outcome", SW, decision="section 47")
    assert life.due("initial-conference") == "2023-01-13"


@pytest.mark.covers("Q-21")
def test_a_day_before_the_calendar_is_refused_and_not_counted_wrong() -> None:
    life = Life("E", "2023-03-01 09:00")
    life.whole = decide.unopened("case-1", 1, life.procedure, calendar_of(2023, 2026))
    says = "S47 cannot count from Tue 20 Dec 2022. It knows the bank holidays from 2023 to 2026."
    assert says in life.refused(
        "referral_received",
        "police/pc",
        occurred_at="2022-12-20 10:00",
        person="child-1",
        date_of_birth="2018-05-01",
        source="police",
    )


@pytest.mark.covers("Q-21")
def test_a_limit_beyond_the_calendar_is_refused_and_not_counted_wrong() -> None:
    life = discussed_in_december_2022(calendar_of(2015, 2022))
    assert "2022 only" in life.refused("strategy_outcome", SW, decision="section 47")


def test_a_clock_that_is_a_little_fast_is_forgiven() -> None:
    life = referred("E", "2026-04-07 09:00")
    body = {"id": "m", "occurred_at": life.now + CLOCK_SKEW, "by": {"role": "social worker", "person": "p"}}
    message = read("whereabouts_unknown", body)
    assert not isinstance(message, Refused)
    assert isinstance(decide.receive(life.whole, message, life.now), Decided)


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
    life = strategy_held("2026-04-08 10:00")
    body = {"id": "m", "occurred_at": life.now, "by": {"role": "social worker", "person": "sw"}, **fields}
    message = read(name, body)
    assert not isinstance(message, Refused)
    answer = decide.receive(life.whole, message, life.now)
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


def test_a_message_there_is_not_is_refused_with_those_that_may_be_meant() -> None:
    answer = read("strategy_discussed", {})
    assert isinstance(answer, Refused)
    assert "There is nothing called 'strategy_discussed' to record" in answer.reason
    assert "Did you mean: strategy_scheduled, strategy_requested, " in answer.reason
    nothing_like_it = read("xyz", {})
    assert isinstance(nothing_like_it, Refused)
    assert all(name in nothing_like_it.reason for name in MESSAGES)


def test_a_message_of_somebody_who_may_not_send_it_is_refused_with_those_who_may() -> None:
    life = referred("E", "2026-04-07 09:00")
    assert "It is recorded by: assistant team manager, team manager" in life.refused("case_closed", SW, reason="done")
    assert "cannot record “whereabouts unknown” as parents and carers" in life.refused(
        "whereabouts_unknown", "parents and carers/m"
    )


def test_a_refused_message_may_be_put_right_and_sent_again_under_the_same_id() -> None:
    life = referred("E", "2026-04-07 09:00")
    life.refused("strategy_requested", SW, id="mine")
    life.say("strategy_requested", ATM, id="mine")
    assert [fact.message.id for fact in life.whole.facts] == ["m-1", "mine"]


# --- Signals nobody waits on, notices that did not arrive ---------------------------------------------------------


def entry_and_notice(decided: Decided) -> tuple[Entry, Notice]:
    """The one line and the one notice that were decided."""
    entry, notice = decided.effects
    assert isinstance(entry, Entry)
    assert isinstance(notice, Notice)
    return entry, notice


def refused_signal(life: Life, name: str, body: Any) -> Decided:
    """What is decided of a Signal that is refused: nobody waits for the answer."""
    message = read(name, body)
    if isinstance(message, Refused):
        return decide.refused(life.whole, name, None, json.dumps(body), message.reason, life.now, tell_sender=True)
    answer = decide.receive(life.whole, message, life.now)
    assert isinstance(answer, Refused)
    return decide.refused(life.whole, name, message, "", answer.reason, life.now, tell_sender=True)


def visit(life: Life, role: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": "v",
        "occurred_at": life.now.isoformat(),
        "by": {"role": role, "person": "p-7"},
        "seen": True,
    } | fields


def test_a_refused_signal_is_kept_whole_and_its_sender_is_told() -> None:
    life = strategy_held("2026-04-08 10:00")
    decided = refused_signal(life, "child_visited", visit(life, "conference service", note="I rang."))
    kept, entry, notice = decided.effects
    assert isinstance(kept, Kept)
    assert (kept.fact, kept.name, kept.message_id, kept.person) == (None, "child_visited", "v", "p-7")
    assert "cannot record “child visited” as conference service" in (kept.refused or "")
    assert "I rang." in kept.body
    assert isinstance(entry, Entry)
    assert entry.text == "Refused: child visited. What was sent, and why it was refused, is in the record"
    assert isinstance(notice, Notice)
    assert (notice.kind, notice.to, notice.person) == (NoticeKind.REFUSED, "conference service", "p-7")
    assert decided.case.story == life.case
    assert decided.case.facts == life.whole.facts


@pytest.mark.parametrize("role", ["nobody", "é" * 40])
def test_of_a_sender_nobody_knows_whoever_acts_at_the_stage_is_told(role: str) -> None:
    life = strategy_held("2026-04-08 10:00")
    *_, notice = refused_signal(life, "child_visited", visit(life, role)).effects
    assert isinstance(notice, Notice)
    assert (notice.to, notice.person) == ("social worker", None)


def test_what_cannot_be_read_is_kept_no_longer_than_there_is_room() -> None:
    life = strategy_held("2026-04-08 10:00")
    decided = decide.refused(life.whole, "x" * 10_000, None, "{}", "é" * 100_000, life.now, tell_sender=True)
    kept, entry, notice = decided.effects
    assert isinstance(kept, Kept)
    assert len(kept.name.encode()) <= LONGEST_QUOTATION + len("…".encode())
    assert len((kept.refused or "").encode()) <= LONGEST_KEPT + len("…".encode())
    assert isinstance(entry, Entry)
    assert entry.text.startswith("Refused: a message.")
    assert isinstance(notice, Notice)
    assert "x" * 50 not in notice.text


def test_nobody_is_told_in_a_notice_what_was_in_a_refused_signal() -> None:
    life = referred("E", "2026-04-07 09:00")
    kept, entry, notice = refused_signal(
        life, "referral_received", {"person": "Jane Doe of Mill Lane", "id": "m"}
    ).effects
    assert isinstance(kept, Kept)
    assert "Jane Doe" in kept.body
    assert isinstance(entry, Entry)
    assert isinstance(notice, Notice)
    assert "Jane" not in entry.text + notice.text


def test_a_notice_that_did_not_arrive_escalates_once() -> None:
    life = strategy_held("2026-04-08 10:00").until("2026-04-09 12:00")
    overdue = life.notices(NoticeKind.OVERDUE)[0]
    _, escalated = entry_and_notice(decide.notice_undelivered(life.whole, overdue, life.now))
    assert (escalated.kind, escalated.to) == (NoticeKind.UNDELIVERED, "social worker")
    effects = decide.notice_undelivered(life.whole, escalated, life.now).effects
    assert [type(effect) for effect in effects] == [Entry]


def test_what_comes_after_closing_is_still_written_down() -> None:
    life = closed()
    notice = life.notices()[0]
    for decided in (
        decide.notice_undelivered(life.whole, notice, life.now),
        refused_signal(life, "child_visited", visit(life, "social worker")),
        decide.cancellation_refused(life.whole, life.now),
    ):
        assert any(isinstance(effect, Entry) for effect in decided.effects)
        assert decided.case.story.closed_at == life.case.closed_at


def test_what_is_unusual_is_accepted_with_a_warning() -> None:
    life = conference_set("2026-04-08 10:00", "2026-04-26 10:00")
    assert life.warnings == (
        "starts_at: Sun 26 Apr 2026 10:00 is on a weekend or a bank holiday. Check that the day is right.",
    )
    life.say("child_visited", SW, "2026-04-10 03:00")
    assert life.warnings == ("The visit was at 03:00. Check that the time is right.",)
    life.say("chair_allocated", CS, chair="iro").say("initial_conference_held", IRO, "2026-04-26 10:00", plan=False)
    assert life.warnings == (
        "It was held on Sun 26 Apr 2026, a weekend or a bank holiday. Check that the day is right.",
    )


def test_only_the_role_that_an_allocation_is_about_is_the_person_it_names() -> None:
    life = strategy_held("2026-04-20 08:00").say("social_worker_allocated", TM, social_worker="sw-7")
    life.until("2026-05-13 09:00")
    overdue = {(notice.to, notice.person) for notice in life.notices(NoticeKind.OVERDUE)}
    assert overdue == {("conference service", None), ("social worker", "sw-7")}


def test_the_last_allocation_by_when_it_happened_counts() -> None:
    life = referred("E", "2026-04-07 09:00").until("2026-04-10 09:00")
    life.say("social_worker_allocated", TM, occurred_at="2026-04-09 09:00", social_worker="sw-2")
    life.say("social_worker_allocated", TM, occurred_at="2026-04-08 09:00", social_worker="sw-1")
    assert life.case.allocated_to == "sw-2"


# --- Closing ------------------------------------------------------------------------------------------------------


def test_a_case_closes_when_nothing_is_open_and_somebody_entitled_says_so() -> None:
    life = plan_made("2026-04-08 10:00", "2026-04-29 14:00")
    assert "First finish or end: the child protection plan" in life.refused("case_closed", TM, reason="done")
    life = stepped_down()
    assert life.case.stage is Stage.CLOSING
    assert life.case.waiting_for
    assert "cannot record “case closed”" in life.refused("case_closed", SW, reason="done")
    life.say("case_closed", TM, reason="the family is well supported")
    assert (life.case.stage, life.case.waiting_for) == (Stage.CLOSED, [])


def test_every_strand_that_is_open_stands_in_the_way_of_closing() -> None:
    life = strategy_held("2026-04-08 10:00").say("strategy_requested", SW, immediate=True)
    life.say("whereabouts_unknown", SW)
    reason = life.refused("case_closed", TM, reason="done")
    for strand in ("strategy discussion", "the Single Assessment", "the section 47 enquiry", "the search for the"):
        assert strand in reason


def test_after_closing_nothing_runs_nothing_rings_and_nothing_is_accepted() -> None:
    life = closed()
    assert life.running == []
    assert life.next_alarm is None
    assert not [deadline.id for deadline in life.case.deadlines.values() if deadline.closed_at is None]
    assert life.case.waiting_requests == []
    before = len(life.effects)
    life.until("2030-01-01 09:00")
    assert len(life.effects) == before
    assert "To open it again, send a new referral" in life.refused("child_visited", SW, **ALONE)
    assert decide.wake(life.whole, life.now).case == life.whole


def test_what_was_still_owed_at_closing_is_ended_and_what_waited_is_withdrawn() -> None:
    life = stepped_down().say("complaint_made", SW)
    life.say("strategy_requested", ATM)
    assert life.case.waiting_requests
    life.say("case_closed", TM, reason="the family moved away")
    assert life.state("assessment-case-note") == "ended"
    assert life.case.waiting_requests == []
    assert "Management Decision to hold a strategy meeting: withdrawn (the case was closed)" in life.lines


# --- The chronology -----------------------------------------------------------------------------------------------


def test_the_lines_of_the_chronology_are_numbered_and_name_the_fact_they_come_from() -> None:
    life = closed()
    assert [entry.number for entry in life.entries] == list(range(1, len(life.entries) + 1))
    names = {fact.number: fact.message.name for fact in life.whole.facts}
    assert {(entry.fact, entry.what) for entry in life.entries} <= {*names.items(), (None, "time passed")}
    assert set(names) <= {entry.fact for entry in life.entries}


def test_the_record_keeps_every_message_whole_and_numbered() -> None:
    life = closed()
    assert [(kept.number, kept.fact) for kept in life.kept] == [
        (number, number) for number in range(1, len(life.whole.facts) + 1)
    ]
    assert "the family is well supported" in life.kept[-1].body
    assert "the family is well supported" not in (life.kept[-1].state or "")


def test_a_case_is_told_again_from_its_record_alone() -> None:
    life = stepped_down()
    start = decide.unopened("case-1", 1, life.procedure, HOLIDAYS)
    assert decide.rebuilt(start, life.kept, life.whole.announced).story == life.case


def test_an_entry_says_who_when_it_happened_and_when_it_was_heard_of() -> None:
    life = strategy_held("2026-04-08 10:00")
    life.say("child_visited", SW, "2026-04-08 18:00", occurred_at="2026-04-08 15:00", note="He was cheerful.", id="v")
    visited = next(entry for entry in life.entries if entry.text == "Child visited: seen")
    assert (visited.by, visited.what, visited.fact) == ("social worker sw", "child_visited", 5)
    assert visited.occurred_at == london("2026-04-08 15:00")
    assert visited.recorded_at == london("2026-04-08 18:00")
    assert life.kept[4].message_id == "v"
    assert "He was cheerful." in life.kept[4].body
    life.until("2026-04-22 10:00")
    assert life.entries[-1].by == "social worker sw"
    life.until("2026-04-30 10:00")
    assert (life.entries[-1].by, life.entries[-1].what, life.entries[-1].fact) == ("S47", "time passed", None)


def test_given_reasons_are_in_the_record_and_nowhere_people_look_over_a_shoulder() -> None:
    life = strategy_held("2026-04-08 10:00")
    life.say("child_visited", SW, seen=False, reason="the door stayed shut", note="Curtains drawn.")
    assert "the door stayed shut" in life.kept[-1].body
    assert "Curtains drawn." in life.kept[-1].body
    seen = view.details(life.whole) + str(decide.alarms(life.whole)) + "".join(life.lines)
    seen += "".join(notice.text for notice in life.notices()) + life.whole.model_dump_json()
    assert "the door stayed shut" not in seen
    assert "Curtains drawn." not in seen


# --- What people see of it ----------------------------------------------------------------------------------------


def test_the_front_page_says_where_the_case_stands_who_acts_and_what_is_due() -> None:
    life = strategy_held("2026-04-08 10:00").say("social_worker_allocated", TM, social_worker="sw-7", team="North")
    life.until("2026-04-09 12:00")
    page = view.details(life.whole)
    assert page.startswith("## Section 47 enquiry")
    assert "**Who must act next:** social worker, conference service" in page
    assert (
        "| **OVERDUE** | Thu 9 Apr 2026 10:00 | Visit the family home and see the child | social worker | Q-01" in page
    )
    assert "Allocated to:** sw-7, North" in page
    assert "child-1" not in page
    front = front_of(life.whole)
    assert (front.stage, front.team, front.allocated_to) == (Stage.ENQUIRY, "North", "sw-7")
    assert front.overdue == ("child-seen",)
    assert front.next_due == london("2026-04-09 10:00")


def test_the_next_due_day_is_the_day_itself_and_not_the_midnight_after() -> None:
    life = strategy_held("2026-04-08 10:00").say("child_visited", SW)
    assert life.case.next_due == london("2026-04-29 23:59:59")


def test_a_batch_keeps_the_last_word_on_each_deadline_and_request() -> None:
    life = plan_made("2026-04-08 10:00", "2026-04-29 14:00")
    batch = batch_of(life.whole, tuple(life.effects), life.whole.announced, 7, life.now)
    assert batch.number == 7
    assert {deadline.id: deadline for deadline in batch.deadlines} == life.deadlines
    assert len(batch.deadlines) < sum(isinstance(effect, Deadline) for effect in life.effects)
    assert len(batch.requests) < sum(isinstance(effect, Request) for effect in life.effects)
    assert list(batch.entries) == life.entries


@pytest.mark.covers("C-12")
def test_the_stage_is_that_of_the_furthest_strand_that_is_open() -> None:
    life = referred("E", "2026-04-07 08:00")
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
    assert [strategy.id for strategy in life.case.strategies] == ["strategy-8"]


# --- Its size, and its way through JSON ---------------------------------------------------------------------------


def test_the_state_stays_small_over_years() -> None:
    """Three years on a plan: a visit a fortnight, a core group every four weeks, a review every half year."""
    life = plan_made("2026-04-08 10:00", "2026-04-29 14:00")
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
    state = life.whole.model_dump_json(exclude={"procedure", "bank_holidays"})
    assert len(life.whole.facts) > 130
    assert len(state) < 100_000
    assert len(life.entries) > 300


@pytest.mark.parametrize("life", [closed, stepped_down], ids=["closed", "closing"])
def test_a_case_survives_json(life: Any) -> None:
    case = life().whole
    again = Case.model_validate_json(to_json(case))
    assert to_json(again) == to_json(case)
    assert again.story == case.story


def test_an_action_is_a_deadline_of_its_own_and_is_done_by_name() -> None:
    action = {"what": "See the child", "owner": "social worker", "due": "2026-04-20"}
    life = referred("E", "2026-04-19 10:00").say("strategy_requested", SW, immediate=True)
    life.say("strategy_outcome", SW, "2026-04-20 10:00", decision="section 47", actions=[action])
    assert life.due("action") == "2026-04-20"
    assert life.the("action").duty == "Action 1 agreed at strategy-2"
    assert "no action called 'action@9'" in life.refused("action_completed", SW, action="action@9")
    life.say("action_completed", SW, action="action@3")
    assert life.state("action") == "met"


def test_an_action_of_a_role_that_nobody_holds_is_refused() -> None:
    action = {"what": "See the child", "owner": "the neighbour", "due": "2026-04-21"}
    life = referred("E", "2026-04-07 08:00").say("strategy_requested", SW, immediate=True)
    reason = life.refused("strategy_outcome", SW, decision="section 47", actions=[action])
    assert "actions.owner: This procedure has no role 'the neighbour'" in reason


def test_a_procedure_that_was_adopted_can_be_read_again_from_what_the_record_keeps() -> None:
    by = {"role": "team manager", "person": "tm-1"}
    body = {"id": "m-1", "occurred_at": "2026-04-01T10:00:00Z", "by": by, "procedure": procedure_body("P")}
    message = read("procedure_adopted", body)
    assert isinstance(message, Message)
    assert read("procedure_adopted", json.loads(as_sent(message))) == message
