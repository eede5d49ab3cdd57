"""The calendar, held against a computation that shares nothing with it: numpy, and bank holidays by rule.

Production takes its bank holidays from the package `holidays`. Here they are worked out from the Banking and
Financial Dealings Act 1971 and the proclamations since: Easter by the anonymous Gregorian algorithm, substitute days
for what falls on a weekend, and the one-off days by name.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from activities.basis import bank_holidays
from casework.amounts import Amount, reckon
from casework.calendar import (
    BankHolidays,
    end_of_day,
    last_working_day_up_to,
    local_date,
    months_from,
    spoken_date,
    spoken_instant,
    working_days_from,
)
from tests.lives import HOLIDAYS, SATURDAY, bank_holidays_by_rule, easter_sunday, london

YEARS = range(2015, 2036)
DAYS = st.dates(date(2015, 3, 1), date(2034, 9, 30))
COUNTS = st.integers(min_value=-60, max_value=60)


@lru_cache
def busday_calendar() -> numpy.busdaycalendar:
    return numpy.busdaycalendar(holidays=list(HOLIDAYS.dates))


def counted_by_numpy(day: date, count: int) -> date:
    """Day 0 may be a day off: then the count starts from the working day just on its other side."""
    if count > 0:
        offset = numpy.busday_offset(day, count, roll="preceding", busdaycal=busday_calendar())
    else:
        offset = numpy.busday_offset(day, count, roll="following", busdaycal=busday_calendar())
    return date.fromisoformat(str(offset))


# --- Bank holidays ------------------------------------------------------------------------------------------------


@pytest.mark.covers("Q-21")
def test_the_bank_holidays_in_production_are_those_of_england_and_wales_by_rule() -> None:
    in_production = {day for year in (2018, 2025) for day in bank_holidays(year).dates if day.year in YEARS}
    by_rule = {day for year in YEARS for day in bank_holidays_by_rule(year)}
    # The package also names the weekend day that a substitute stands for; it is no working day anyhow.
    assert {day for day in in_production if day.weekday() < SATURDAY} == by_rule
    assert len(by_rule) == 8 * len(YEARS) + 3


@pytest.mark.covers("Q-21")
def test_the_bank_holidays_by_rule_are_those_written_out_in_the_catalogue() -> None:
    written_out = {
        2025: "1 Jan, 18 Apr, 21 Apr, 5 May, 26 May, 25 Aug, 25 Dec, 26 Dec",
        2026: "1 Jan, 3 Apr, 6 Apr, 4 May, 25 May, 31 Aug, 25 Dec, 28 Dec",
        2027: "1 Jan, 26 Mar, 29 Mar, 3 May, 31 May, 30 Aug, 27 Dec, 28 Dec",
        2028: "3 Jan, 14 Apr, 17 Apr, 1 May, 29 May, 28 Aug, 25 Dec, 26 Dec",
    }
    for year, days in written_out.items():
        by_rule = sorted(bank_holidays_by_rule(year))
        assert ", ".join(f"{day.day} {day:%b}" for day in by_rule) == days


@pytest.mark.parametrize(
    "day",
    [
        date(2020, 5, 8),  # the early May holiday, moved to the 75th anniversary of VE Day
        date(2022, 6, 2),  # the spring holiday, moved
        date(2022, 6, 3),  # Platinum Jubilee
        date(2022, 9, 19),  # State Funeral
        date(2023, 5, 8),  # Coronation
    ],
    ids=str,
)
def test_the_days_proclaimed_for_one_year_only_are_no_working_days(day: date) -> None:
    assert not bank_holidays(2021).is_working_day(day)


@pytest.mark.parametrize("day", [date(2020, 5, 4), date(2022, 5, 30)], ids=str)
def test_the_days_those_were_moved_from_are_working_days(day: date) -> None:
    assert bank_holidays(2021).is_working_day(day)


@pytest.mark.covers("Q-21")
@pytest.mark.parametrize(
    "day",
    [
        date(2026, 1, 2),  # Scotland
        date(2026, 3, 17),  # Northern Ireland: St Patrick's Day
        date(2027, 7, 12),  # Northern Ireland: Battle of the Boyne
        date(2026, 8, 3),  # Scotland: the first Monday of August
        date(2026, 11, 30),  # Scotland: St Andrew's Day
    ],
    ids=str,
)
def test_holidays_of_scotland_and_northern_ireland_are_working_days(day: date) -> None:
    assert bank_holidays(2026).is_working_day(day)


@pytest.mark.parametrize(
    ("year", "sunday"),
    [
        (2015, date(2015, 4, 5)),
        (2024, date(2024, 3, 31)),
        (2025, date(2025, 4, 20)),
        (2038, date(2038, 4, 25)),
        (2285, date(2285, 3, 22)),
    ],
)
def test_easter_by_the_algorithm_is_the_published_sunday(year: int, sunday: date) -> None:
    assert easter_sunday(year) == sunday


def test_a_proclaimed_day_is_no_working_day_and_shows_in_the_version() -> None:
    day = date(2026, 7, 20)
    proclaimed = HOLIDAYS.with_proclaimed(day)
    assert HOLIDAYS.is_working_day(day)
    assert not proclaimed.is_working_day(day)
    assert proclaimed.version != HOLIDAYS.version
    assert list(proclaimed.dates) == sorted({*HOLIDAYS.dates, day})
    assert proclaimed.with_proclaimed(day) is proclaimed


# --- Working days -------------------------------------------------------------------------------------------------


@pytest.mark.covers("Q-04", "Q-05", "Q-21")
@given(day=DAYS, count=COUNTS)
def test_working_days_agree_with_numpy(day: date, count: int) -> None:
    assume(count != 0)
    assert working_days_from(day, count, HOLIDAYS) == counted_by_numpy(day, count)


@given(day=DAYS, count=st.integers(min_value=1, max_value=60))
def test_counting_back_undoes_counting_on(day: date, count: int) -> None:
    assume(HOLIDAYS.is_working_day(day))
    assert working_days_from(working_days_from(day, count, HOLIDAYS), -count, HOLIDAYS) == day


def test_no_working_days_after_a_day_is_that_day_even_when_it_is_a_day_off() -> None:
    assert working_days_from(date(2026, 4, 4), 0, HOLIDAYS) == date(2026, 4, 4)


@given(day=DAYS)
def test_the_last_working_day_up_to_a_day_agrees_with_numpy(day: date) -> None:
    rolled = numpy.busday_offset(day, 0, roll="preceding", busdaycal=busday_calendar())
    assert last_working_day_up_to(day, HOLIDAYS) == date.fromisoformat(str(rolled))


@pytest.mark.parametrize(
    ("scenario", "start", "count", "end"),
    [
        ("A-01", date(2025, 12, 25), 15, date(2026, 1, 19)),
        ("A-02", date(2025, 12, 24), 45, date(2026, 3, 2)),
        ("A-03", date(2026, 3, 28), 15, date(2026, 4, 21)),
        ("A-04", date(2026, 4, 20), 15, date(2026, 5, 12)),
        ("A-04 last", date(2026, 4, 30), 15, date(2026, 5, 22)),
        ("A-09", date(2026, 1, 6), -2, date(2026, 1, 2)),
        ("A-09 clear days", date(2026, 1, 6), -3, date(2025, 12, 31)),
        ("A-09 minutes", date(2026, 1, 6), -5, date(2025, 12, 29)),
        ("A-09 review", date(2026, 1, 6), -7, date(2025, 12, 23)),
        ("A-10", date(2026, 3, 27), 10, date(2026, 4, 14)),
        ("A-10 record", date(2026, 4, 14), 5, date(2026, 4, 21)),
        ("A-15", date(2026, 11, 10), 45, date(2027, 1, 15)),
        ("A-16 a", date(2025, 4, 11), 15, date(2025, 5, 7)),
        ("A-16 b", date(2025, 12, 22), 15, date(2026, 1, 15)),
        ("A-16 c", date(2026, 3, 9), 15, date(2026, 3, 30)),
        ("A-21", date(2026, 5, 29), -2, date(2026, 5, 27)),
        ("A-21 moved", date(2026, 5, 27), -2, date(2026, 5, 22)),
    ],
)
def test_working_days_of_the_scenarios(scenario: str, start: date, count: int, end: date) -> None:
    assert working_days_from(start, count, HOLIDAYS) == end, scenario


# --- Months -------------------------------------------------------------------------------------------------------


@pytest.mark.covers("Q-07", "A-11")
@pytest.mark.parametrize(
    ("start", "count", "end"),
    [
        (date(2027, 8, 31), 3, date(2027, 11, 30)),
        (date(2027, 8, 31), 6, date(2028, 2, 29)),
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2027, 11, 30), 6, date(2028, 5, 30)),
        (date(2026, 12, 31), 2, date(2027, 2, 28)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2026, 3, 31), -1, date(2026, 2, 28)),
        (date(2026, 1, 15), -1, date(2025, 12, 15)),
    ],
)
def test_months_keep_the_day_number_or_clamp_to_the_end_of_the_month(start: date, count: int, end: date) -> None:
    assert months_from(start, count) == end


@given(day=DAYS, count=st.integers(min_value=-48, max_value=48))
def test_months_land_in_the_right_month_on_the_day_number_or_its_last_day(day: date, count: int) -> None:
    landed = months_from(day, count)
    assert (landed.year * 12 + landed.month) - (day.year * 12 + day.month) == count
    assert landed.day == day.day or (landed.day < day.day and (landed + timedelta(days=1)).day == 1)


# --- Days in London -----------------------------------------------------------------------------------------------


@pytest.mark.covers("Q-02")
@pytest.mark.parametrize(
    ("day", "instant"),
    [
        (date(2026, 5, 12), datetime(2026, 5, 12, 23, tzinfo=UTC)),  # summer time
        (date(2026, 1, 12), datetime(2026, 1, 13, 0, tzinfo=UTC)),  # winter time
        (date(2026, 3, 28), datetime(2026, 3, 29, 0, tzinfo=UTC)),  # the day before the clocks go forward
        (date(2026, 3, 29), datetime(2026, 3, 29, 23, tzinfo=UTC)),  # the day they do: 23 hours long
        (date(2026, 10, 24), datetime(2026, 10, 24, 23, tzinfo=UTC)),  # the day before they go back
        (date(2026, 10, 25), datetime(2026, 10, 26, 0, tzinfo=UTC)),  # the day they do: 25 hours long
    ],
    ids=str,
)
def test_a_day_ends_at_midnight_in_london(day: date, instant: datetime) -> None:
    assert end_of_day(day) == instant
    assert end_of_day(day).utcoffset() == timedelta(0)
    assert local_date(instant - timedelta(microseconds=1)) == day
    assert local_date(instant) == day + timedelta(days=1)


@given(day=DAYS)
def test_the_end_of_a_day_is_midnight_as_a_clock_on_a_london_wall_shows_it(day: date) -> None:
    on_the_wall = end_of_day(day).astimezone(ZoneInfo("Europe/London"))
    assert (on_the_wall.date(), on_the_wall.time()) == (day + timedelta(days=1), time())


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 6, 1, 22, 59, tzinfo=UTC), date(2026, 6, 1)),
        (datetime(2026, 6, 1, 23, 0, tzinfo=UTC), date(2026, 6, 2)),
        (datetime(2026, 12, 1, 23, 59, tzinfo=UTC), date(2026, 12, 1)),
        (datetime(2026, 12, 2, 0, 0, tzinfo=UTC), date(2026, 12, 2)),
        (datetime(2026, 6, 1, 1, 0, tzinfo=ZoneInfo("Asia/Tokyo")), date(2026, 5, 31)),
    ],
    ids=str,
)
def test_an_instant_belongs_to_its_day_in_london(instant: datetime, day: date) -> None:
    assert local_date(instant) == day


@pytest.mark.covers("Q-22", "A-03", "A-06", "A-19")
@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-03-28 10:00", 24, "2026-03-29 11:00"),  # the clocks go forward in the night
        ("2026-10-24 15:00", 24, "2026-10-25 14:00"),  # the clocks go back in the night
        ("2026-10-23 18:00", 72, "2026-10-26 17:00"),
        ("2025-12-24 16:45", 24, "2025-12-25 16:45"),  # over a bank holiday
    ],
)
def test_hours_are_elapsed_hours(start: str, hours: int, end: str) -> None:
    amount = Amount.model_validate(f"{hours} hours")
    limit = reckon(amount, london(start), HOLIDAYS)
    assert limit.due == london(end)
    assert limit.due - london(start) == timedelta(hours=hours)
    assert limit.on is None
    assert reckon(amount, london(end), HOLIDAYS, backwards=True).due == london(start)


def test_hours_are_elapsed_hours_whatever_time_zone_the_instant_is_given_in() -> None:
    amount = Amount.model_validate("24 hours")
    on_the_wall = datetime(2026, 3, 28, 10, tzinfo=ZoneInfo("Europe/London"))
    elsewhere = datetime(2026, 3, 28, 19, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert reckon(amount, on_the_wall, HOLIDAYS).due == london("2026-03-29 11:00")
    assert reckon(amount, elsewhere, HOLIDAYS).due == london("2026-03-29 11:00")


# --- Words --------------------------------------------------------------------------------------------------------


def test_dates_and_instants_are_spoken_in_english_and_in_london_time() -> None:
    assert spoken_date(date(2026, 4, 29)) == "Wed 29 Apr 2026"
    assert spoken_date(date(2027, 1, 3)) == "Sun 3 Jan 2027"
    assert spoken_instant(datetime(2026, 4, 9, 9, 5, tzinfo=UTC)) == "Thu 9 Apr 2026 10:05"
    assert spoken_instant(datetime(2026, 12, 9, 9, 5, tzinfo=UTC)) == "Wed 9 Dec 2026 09:05"
    assert spoken_instant(datetime(2026, 6, 30, 23, 30, tzinfo=UTC)) == "Wed 1 Jul 2026 00:30"


@given(day=DAYS)
def test_a_spoken_date_names_that_very_day(day: date) -> None:
    weekday, rest = spoken_date(day).split(" ", 1)
    spoken = datetime.strptime(rest, "%d %b %Y").replace(tzinfo=UTC).date()
    assert spoken == day
    assert weekday == ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[day.weekday()]


def test_no_bank_holidays_at_all_leaves_every_weekday_a_working_day() -> None:
    none = BankHolidays(version="none", dates=())
    assert working_days_from(date(2025, 12, 24), 5, none) == date(2025, 12, 31)
