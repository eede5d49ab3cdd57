"""For tests of the functional core: instants in London time, bank holidays by rule, and a case to be lived through.

PYTEST_DONT_REWRITE: it is imported by name too, before pytest comes to its assertions.
"""

import os
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import settings

from casework.calendar import BankHolidays

settings.register_profile("repeatable", deadline=None, derandomize=True, database=None, print_blob=True)
settings.register_profile("explore", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
"""Continuous integration must not depend on chance: HYPOTHESIS_PROFILE=explore looks further, by other examples."""

ONE_DAY = timedelta(days=1)
MONDAY, SATURDAY = 0, 5


def london(words: str) -> datetime:
    """The UTC instant of `2026-04-08 10:00` as clocks in London show it."""
    return datetime.fromisoformat(words).replace(tzinfo=ZoneInfo("Europe/London")).astimezone(UTC)


# --- Bank holidays, by the rules they are made by -----------------------------------------------------------------


def easter_sunday(year: int) -> date:
    """Easter by the anonymous Gregorian algorithm (Meeus, Jones, Butcher)."""
    golden = year % 19
    century, of_century = divmod(year, 100)
    leaps, rest = divmod(century, 4)
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leaps - moon + 15) % 30
    fours, ones = divmod(of_century, 4)
    to_sunday = (32 + 2 * rest + 2 * fours - epact - ones) % 7
    late = (golden + 11 * epact + 22 * to_sunday) // 451
    month, day0 = divmod(epact + to_sunday - 7 * late + 114, 31)
    return date(year, month, day0 + 1)


def _first_monday(year: int, month: int) -> date:
    day = date(year, month, 1)
    while day.weekday() != MONDAY:
        day += ONE_DAY
    return day


def _last_monday(year: int, month: int) -> date:
    return max(day for week in range(5) if (day := _first_monday(year, month) + 7 * week * ONE_DAY).month == month)


def bank_holidays_by_rule(year: int) -> set[date]:
    """The bank holidays of England and Wales in a year: the Act of 1971, substitute days, and what was proclaimed."""
    days = {easter_sunday(year) - 2 * ONE_DAY, easter_sunday(year) + ONE_DAY, _last_monday(year, 8)}
    days.add({2020: date(2020, 5, 8)}.get(year, _first_monday(year, 5)))  # 2020: moved to VE Day
    days.add({2022: date(2022, 6, 2)}.get(year, _last_monday(year, 5)))  # 2022: moved to the Jubilee
    for fixed in (date(year, 1, 1), date(year, 12, 25), date(year, 12, 26)):
        day = fixed
        while day.weekday() >= SATURDAY or day in days:  # on a weekend: the next weekday that is free
            day += ONE_DAY
        days.add(day)
    once_only = {
        2022: {date(2022, 6, 3), date(2022, 9, 19)},  # Platinum Jubilee, State Funeral
        2023: {date(2023, 5, 8)},  # Coronation
    }
    return days | once_only.get(year, set())


HOLIDAYS = BankHolidays(
    version="by rule 2015-2045",
    dates=tuple(sorted(day for year in range(2015, 2046) for day in bank_holidays_by_rule(year))),
)
"""Bank holidays that owe nothing to the package production takes them from."""
