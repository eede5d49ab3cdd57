"""Every amount in every shipped procedure, held against a limit worked out by hand: tests/expected_limits.toml; and
what may end a duty that nobody has met, against what that duty is for.

So an amount that is changed by a slip, by one in its number, or in how its days are counted, is noticed. A timescale
that has an amount and no line in the table fails, and says which lines to add.
"""

import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from casework.amounts import Amount
from casework.calendar import LONDON, end_of_day
from casework.conditions import holds
from casework.happening import happened
from casework.procedure import Procedure, Timescale
from casework.procedure_files import load, shipped
from casework.story import Assessment, Child, Conference, Deadline, Enquiry, Plan, Story
from casework.telling import Telling
from casework.vocabulary import Circumstance, Condition
from tests.lives import HOLIDAYS, changed

TABLE: dict[str, dict[str, dict[str, Any]]] = tomllib.loads(
    (Path(__file__).parent / "expected_limits.toml").read_text(encoding="utf-8")
)
PROCEDURES = {procedure.about.letter: procedure for procedure in (load(path.stem) for path in shipped())}
COUNTED = [
    (letter, key)
    for letter, procedure in PROCEDURES.items()
    for key, rule in procedure.timescale.items()
    if rule.amounts and not all(row.startswith("X-") for row in rule.cites)  # an authority's own is for it to hold
]
LINES = [(letter, key) for letter, key in COUNTED if key in TABLE.get(letter, {})]
LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)


def opened(procedure: Procedure, key: str, anchor: datetime) -> Deadline:
    """The deadline of this timescale on a case on which what it counts from happened at that instant."""
    rule = procedure.timescale[key]
    telling = Telling(in_which_it_is_a_duty(procedure, rule), anchor)
    counts_from = anchor if rule.before is not None else None
    happened(telling, rule.from_[0], anchor, counts_from=counts_from)
    if rule.opens_on is not None:
        happened(telling, rule.opens_on, anchor + timedelta(hours=1))
    missing = [condition.value for condition in rule.only_if if not holds(condition, telling.story)]
    assert not missing, f"in_which_it_is_a_duty knows no case of which this is so: {', '.join(missing)}"
    opened = [deadline for deadline in telling.story.deadlines.values() if deadline.timescale == key]
    assert opened, f"{key} did not open on {rule.from_[0]}"
    return opened[-1]


def in_which_it_is_a_duty(procedure: Procedure, rule: Timescale) -> Story:
    """A case on which all strands are open, and of a child who is born unless the rule is for one who is not."""
    born = Condition.UNBORN not in rule.only_if
    return Story(reference="case-1", procedure=procedure, bank_holidays=HOLIDAYS).model_copy(
        update={
            "opened_at": LONG_AGO,
            "child": Child(
                person="child-1",
                born=date(2020, 1, 1) if born else None,
                expected=None if born else date(2026, 12, 1),
            ),
            "assessment": Assessment(started_at=LONG_AGO, completed_at=LONG_AGO),
            "enquiry": Enquiry(id="enquiry-1", initiated_at=LONG_AGO),
            "conference": Conference(id="conference-1", service_informed=True, chair="chair"),
            "plan": Plan(id="plan-1", started_at=LONG_AGO, categories=("neglect",), review=Conference(id="review-1")),
            "missing": LONG_AGO,
            "circumstances": tuple(condition for condition in rule.only_if if isinstance(condition, Circumstance)),
        }
    )


def in_london(local: datetime) -> datetime:
    return local.replace(tzinfo=LONDON).astimezone(UTC)


def expected(letter: str, key: str) -> dict[str, object]:
    """What the table says of a timescale, as a deadline has it."""
    line = TABLE[letter][key]
    due = line["due"]
    return {
        "due": in_london(due) if isinstance(due, datetime) else end_of_day(due),
        "on": None if isinstance(due, datetime) else due,
        "window_opens": line.get("opens"),
        "other_reading_on": line.get("other"),
    }


def computed(procedure: Procedure, key: str, anchor: datetime) -> dict[str, object]:
    deadline = opened(procedure, key, anchor)
    return {name: getattr(deadline, name) for name in ("due", "on", "window_opens", "other_reading_on")}


def suggested(letter: str, key: str) -> str:
    """The lines to add to the table, with what the core computes: to be checked by hand."""
    local = datetime(2026, 3, 27, 10)  # noqa: DTZ001 - a London clock's
    deadline = opened(PROCEDURES[letter], key, in_london(local))
    assert deadline.due is not None
    due = deadline.on or f"{deadline.due.astimezone(LONDON):%Y-%m-%dT%H:%M:%S}"
    more = [f"opens = {deadline.window_opens}"] if deadline.window_opens else []
    more += [f"other = {deadline.other_reading_on}"] if deadline.other_reading_on else []
    return "\n".join(
        ["", f"[{letter}.{key}]", f"anchor = {local.isoformat()} # say what was counted", *more, f"due = {due}"]
    )


# --- The table ----------------------------------------------------------------------------------------------------


def test_every_timescale_with_an_amount_is_in_the_table() -> None:
    missing = [(letter, key) for letter, key in COUNTED if (letter, key) not in LINES]
    lines = "\n".join(suggested(letter, key) for letter, key in missing)
    assert not missing, f"Add to tests/expected_limits.toml, once each date is checked by hand:\n{lines}"


def test_the_table_has_nothing_that_is_in_no_procedure() -> None:
    strangers = [f"{letter}.{key}" for letter, lines in TABLE.items() for key in lines if (letter, key) not in COUNTED]
    assert not strangers


@pytest.mark.parametrize(("letter", "key"), LINES, ids=".".join)
def test_the_limit_is_the_one_worked_out_by_hand(letter: str, key: str) -> None:
    anchor = in_london(TABLE[letter][key]["anchor"])
    assert computed(PROCEDURES[letter], key, anchor) == expected(letter, key)


# --- That the table notices a slip --------------------------------------------------------------------------------


def slips(rule: Timescale) -> Iterator[tuple[str, Timescale]]:
    """The rule with one amount off by one, or with its days counted in the other way."""
    for by in (-1, 1):
        if rule.window:
            first, second = rule.window
            yield f"window from {first.number + by}", rule.model_copy(update={"window": (other(first, by), second)})
            yield f"window to {second.number + by}", rule.model_copy(update={"window": (first, other(second, by))})
        for name in ("within", "before"):
            amount = getattr(rule, name)
            if amount is not None and amount.number + by > 0:
                yield f"{name} {other(amount, by)}", rule.model_copy(update={name: other(amount, by)})
    if rule.reading is not None:
        flipped = "calendar" if rule.reading == "working" else "working"
        yield f"{flipped} days", rule.model_copy(update={"reading": flipped})


def other(amount: Amount, by: int) -> Amount:
    return Amount(number=amount.number + by, unit=amount.unit)


@pytest.mark.parametrize(("letter", "key"), LINES, ids=".".join)
def test_a_slip_in_an_amount_would_be_noticed(letter: str, key: str) -> None:
    procedure = PROCEDURES[letter]
    anchor = in_london(TABLE[letter][key]["anchor"])
    imagined = list(slips(procedure.timescale[key]))
    assert imagined
    for slip, rule in imagined:
        slipped = changed(procedure, timescale={**procedure.timescale, key: rule})
        assert computed(slipped, key, anchor) != expected(letter, key), f"{letter}.{key}: {slip} goes unnoticed"


# --- What ends a duty that nobody has met -------------------------------------------------------------------------

CLOSED = {"case closed"}
NO_HARM = {"no significant harm suspected at screening", *CLOSED}
NO_CONFERENCE = {"section 47 not substantiated", "conference not required"}
MAY_END = {
    "referral received": NO_HARM | {"immediate response required"},
    "new information received": NO_HARM | {"immediate response required"},
    "concern raised": NO_HARM | {"immediate response required"},
    "birth expected": NO_HARM | {"child born"},
    "assessment started": {"assessment ended", *CLOSED},
    "assessment limit passed": {"assessment completed"},
    "section 47 initiated": NO_CONFERENCE,
    "strategy discussion held": NO_CONFERENCE,
    "child born": {"section 47 concluded", *CLOSED},
    "consent to a medical assessment not obtained": {"consent to a medical assessment given"},
    "whereabouts unknown": {"child located"},
    "section 47 substantiated": {"initial conference held"},
    "initial conference scheduled": {"initial conference held"},
    "report to be shared": {"initial conference held"},
    "plan started": {"plan ended"},
    "first core group held": {"plan ended"},
    "core group held": {"plan ended"},
    "review conference held": {"plan ended"},
    "review conference scheduled": {"review conference held", "plan ended"},
}
"""By what a duty is counted from first. What is not here ends, unmet, with the case at most."""
FURTHER = {
    "W.child-seen": {"section 47 not initiated"},
    "W.multi-agency-checks": {"assessment ended", *CLOSED},
    "W.history": {"assessment ended", *CLOSED},
    "W.conference-request": {"initial conference held"},
    "P.conference-arrangements": {"initial conference held"},
    "B.child-seen-alone": {"section 47 concluded"},
}
"""W sees the child from the referral on, B for the enquiry; checks and a history are for the assessment; a conference
that is held was asked for, and arranged."""


@pytest.mark.parametrize("letter", PROCEDURES)
def test_a_duty_ends_unmet_only_with_what_it_is_for(letter: str) -> None:
    """A duty that ends by a slip is a child not seen, and nobody is told."""
    for key, rule in PROCEDURES[letter].timescale.items():
        may = MAY_END.get(rule.from_[0], CLOSED) if rule.from_ else CLOSED
        strangers = set(rule.until) - may - FURTHER.get(f"{letter}.{key}", set())
        assert not strangers, f"{letter}.{key} is counted from {rule.from_[:1]} and ends unmet with {strangers}"


@pytest.mark.parametrize("letter", PROCEDURES)
def test_every_duty_on_a_plan_ends_with_the_plan(letter: str) -> None:
    on_a_plan = {first for first, ends in MAY_END.items() if "plan ended" in ends}
    for key, rule in PROCEDURES[letter].timescale.items():
        # What the parents are told of a decision is owed whatever becomes of it.
        if rule.from_ and rule.from_[0] in on_a_plan and "no plan made" not in rule.from_:
            assert "plan ended" in rule.until, f"{letter}.{key} goes on after the plan"
