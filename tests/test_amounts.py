"""Amounts of time as procedures write them: read, refused, counted, and written again."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from casework.amounts import Amount, Limit, Reading, Unit, reckon
from casework.calendar import end_of_day
from tests.lives import HOLIDAYS, london

AMOUNTS = st.builds(Amount, number=st.integers(1, 1000), unit=st.sampled_from(Unit))


def amount(words: str) -> Amount:
    return Amount.model_validate(words)


def counted(
    words: str, anchor: str, *, reading: Reading | None = None, backwards: bool = False, clear_days: bool = False
) -> Limit:
    return reckon(amount(words), london(anchor), HOLIDAYS, reading=reading, backwards=backwards, clear_days=clear_days)


# --- Reading and writing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "number", "unit"),
    [
        ("24 hours", 24, Unit.HOURS),
        ("1 hour", 1, Unit.HOURS),
        ("10 days", 10, Unit.DAYS),
        ("3 calendar days", 3, Unit.CALENDAR_DAYS),
        ("15 working days", 15, Unit.WORKING_DAYS),
        ("1 working day", 1, Unit.WORKING_DAYS),
        ("4 weeks", 4, Unit.WEEKS),
        ("6 months", 6, Unit.MONTHS),
        (" 1000 hours ", 1000, Unit.HOURS),
    ],
)
def test_an_amount_is_a_number_and_a_unit(words: str, number: int, unit: Unit) -> None:
    assert amount(words) == Amount(number=number, unit=unit)


@pytest.mark.parametrize(
    "words",
    [
        "0 days",
        "-1 days",
        "1001 hours",
        "1.5 days",
        "15",
        "days",
        "",
        "15 fortnights",
        "15 Working Days",
        "15  working days",
        "15working days",
        "fifteen working days",
        "15 working days and a half",
    ],
)
def test_what_is_no_amount_is_refused_with_what_one_is(words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        amount(words)
    message = str(refused.value)
    assert "a number from 1 to 1000 and a unit" in message
    assert all(unit.value in message for unit in Unit)
    assert repr(words) in message


@pytest.mark.parametrize("number", [0, -5, 1001])
def test_no_other_way_of_writing_gets_round_the_limits(number: int) -> None:
    with pytest.raises(ValidationError):
        Amount.model_validate({"number": number, "unit": "hours"})


@given(AMOUNTS)
def test_an_amount_survives_being_written_as_words_and_as_json(within: Amount) -> None:
    assert amount(str(within)) == within
    assert Amount.model_validate_json(within.model_dump_json()) == within
    assert within.model_dump_json() == f'"{within}"'
    window = TypeAdapter(tuple[Amount, Amount])
    assert window.validate_json(window.dump_json((within, within))) == (within, within)


def test_one_of_a_unit_is_written_in_the_singular() -> None:
    singular = {str(Amount(number=1, unit=unit)) for unit in Unit}
    assert singular == {"1 hour", "1 day", "1 calendar day", "1 working day", "1 week", "1 month"}


# --- Counting -----------------------------------------------------------------------------------------------------


@pytest.mark.covers("Q-04", "Q-05", "Q-07")
@pytest.mark.parametrize(
    ("words", "anchor", "on"),
    [
        ("1 calendar day", "2026-04-02 23:59", date(2026, 4, 3)),
        ("3 calendar days", "2026-04-02 10:00", date(2026, 4, 5)),  # a Sunday: a limit never rolls forward
        ("1 working day", "2026-04-02 10:00", date(2026, 4, 7)),  # over Easter
        ("2 weeks", "2026-03-20 10:00", date(2026, 4, 3)),  # a bank holiday: nor over one
        ("3 months", "2027-08-31 10:00", date(2027, 11, 30)),
        ("1 day", "2026-06-30 23:30", date(2026, 7, 1)),
    ],
)
def test_the_day_of_the_event_is_day_0_and_the_limit_is_the_end_of_its_day(words: str, anchor: str, on: date) -> None:
    reading: Reading | None = "calendar" if words == "1 day" else None
    assert counted(words, anchor, reading=reading) == Limit(end_of_day(on), on)


@pytest.mark.covers("Q-01")
@pytest.mark.parametrize(
    ("words", "anchor", "calendar", "working"),
    [
        ("3 days", "2025-12-25 14:00", date(2025, 12, 28), date(2025, 12, 31)),
        ("5 days", "2025-12-24 16:45", date(2025, 12, 29), date(2026, 1, 5)),
        ("15 days", "2025-12-25 10:00", date(2026, 1, 9), date(2026, 1, 19)),
        ("10 days", "2026-03-27 10:00", date(2026, 4, 6), date(2026, 4, 14)),
    ],
)
def test_unqualified_days_have_two_readings(words: str, anchor: str, calendar: date, working: date) -> None:
    assert counted(words, anchor, reading="calendar").on == calendar
    assert counted(words, anchor, reading="working").on == working
    assert counted(words, anchor).on == calendar


@pytest.mark.parametrize(
    ("words", "on"), [("5 working days", date(2026, 4, 10)), ("5 calendar days", date(2026, 4, 6))]
)
@pytest.mark.parametrize("reading", ["working", "calendar", None])
def test_a_reading_changes_nothing_about_qualified_days(words: str, on: date, reading: Reading | None) -> None:
    assert counted(words, "2026-04-01 10:00", reading=reading).on == on


@pytest.mark.covers("A-09", "A-21")
@pytest.mark.parametrize(
    ("words", "meeting", "on"),
    [
        ("2 working days", "2026-01-06 10:00", date(2026, 1, 2)),
        ("5 days", "2026-01-06 10:00", date(2026, 1, 1)),
        ("7 days", "2026-01-06 10:00", date(2025, 12, 30)),
        ("5 working days", "2026-01-06 10:00", date(2025, 12, 29)),
        ("2 working days", "2026-05-29 10:00", date(2026, 5, 27)),
        ("2 working days", "2026-05-27 10:00", date(2026, 5, 22)),
        ("1 month", "2026-03-31 10:00", date(2026, 2, 28)),
        ("2 weeks", "2026-03-31 10:00", date(2026, 3, 17)),
    ],
)
def test_before_a_meeting_the_day_of_the_meeting_is_day_0(words: str, meeting: str, on: date) -> None:
    assert counted(words, meeting, reading="calendar", backwards=True) == Limit(end_of_day(on), on)


def test_hours_before_a_meeting_are_elapsed_hours() -> None:
    limit = counted("24 hours", "2026-03-29 11:00", backwards=True)
    assert limit == Limit(london("2026-03-28 10:00"), None)
    assert limit.due.tzinfo is UTC


@pytest.mark.covers("Q-06", "A-09")
def test_clear_days_leave_one_further_day_free() -> None:
    assert counted("2 working days", "2026-01-06 10:00", backwards=True, clear_days=True).on == date(2025, 12, 31)
    assert counted("2 calendar days", "2026-01-06 10:00", backwards=True, clear_days=True).on == date(2026, 1, 3)
    assert counted("2 calendar days", "2026-01-06 10:00", clear_days=True).on == date(2026, 1, 9)


@pytest.mark.parametrize(
    ("words", "meeting", "on"),
    [
        ("2 weeks", "2026-01-21 10:00", date(2026, 1, 6)),
        ("1 month", "2026-01-20 10:00", date(2025, 12, 19)),
    ],
)
def test_a_clear_day_is_one_day_whatever_the_unit(words: str, meeting: str, on: date) -> None:
    assert counted(words, meeting, backwards=True, clear_days=True).on == on


@given(
    within=AMOUNTS,
    anchor=st.datetimes(datetime(2016, 1, 1), datetime(2034, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    reading=st.sampled_from(["working", "calendar", None]),
)
def test_more_is_later_and_backwards_is_earlier(within: Amount, anchor: datetime, reading: Reading | None) -> None:
    forwards = reckon(within, anchor, HOLIDAYS, reading=reading)
    backwards = reckon(within, anchor, HOLIDAYS, reading=reading, backwards=True)
    assert backwards.due - timedelta(days=1) < anchor < forwards.due
    assert (forwards.on is None) == (within.unit is Unit.HOURS)
    if within.number < 1000:
        one_more = reckon(Amount(number=within.number + 1, unit=within.unit), anchor, HOLIDAYS, reading=reading)
        assert one_more.due > forwards.due
