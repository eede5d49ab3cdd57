"""Dates and instants as the five procedures count them (catalogue sections 9 and 10).

The event day is day 0 (Q-04). Limits never roll forward over a weekend or a holiday (Q-05). Hours are elapsed
hours on the UTC time line (Q-22). A date-type limit expires at the end of that local day (Q-02). Working days
leave out Saturdays, Sundays and the bank holidays of England and Wales (Q-21).
"""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

from casework.model import Value

LONDON = ZoneInfo("Europe/London")
ONE_DAY = timedelta(days=1)


class BeyondCalendar(ValueError):
    """A day that the known bank holidays do not reach: working days cannot be counted to it."""


class BankHolidays(Value):
    """The bank holidays of England and Wales a case counts with: a snapshot, named by its version."""

    version: str
    dates: tuple[date, ...]

    @cached_property
    def _set(self) -> frozenset[date]:
        return frozenset(self.dates)

    def is_working_day(self, day: date) -> bool:
        """Monday to Friday and no bank holiday."""
        return day.weekday() < 5 and day not in self._set

    def with_proclaimed(self, day: date) -> "BankHolidays":
        """The same calendar with one newly proclaimed holiday."""
        if day in self._set:
            return self
        return BankHolidays(version=f"{self.version} + {day}", dates=tuple(sorted({*self.dates, day})))

    def without(self, day: date) -> "BankHolidays":
        """The same calendar less a day that was proclaimed by mistake."""
        if day not in self._set:
            return self
        return BankHolidays(version=f"{self.version} - {day}", dates=tuple(date for date in self.dates if date != day))

    def reaches(self, day: date) -> bool:
        """Whether the calendar is known for that day: from the year of its first holiday to the year of its last."""
        return bool(self.dates) and self.dates[0].year <= day.year <= self.dates[-1].year


@lru_cache(maxsize=64)
def _held_once(calendar: BankHolidays) -> BankHolidays:
    return calendar


Calendar = Annotated[BankHolidays, AfterValidator(_held_once)]
"""The bank holidays as a running case carries them: a process holds each calendar once, not once per case."""


def working_days_from(day: date, count: int, holidays: BankHolidays) -> date:
    """The `count`-th working day after `day` (before it, where `count` is negative); `day` itself is day 0."""
    step = ONE_DAY if count > 0 else -ONE_DAY
    for _ in range(abs(count)):
        day += step
        while not holidays.is_working_day(day):
            day += step
    if holidays.dates and not holidays.reaches(day):
        raise BeyondCalendar(
            f"The bank holidays are known from {holidays.dates[0].year} to {holidays.dates[-1].year} only; "
            f"working days cannot be counted to {spoken_date(day)}."
        )
    return day


def months_from(day: date, count: int) -> date:
    """The same day number `count` months away, clamped to the last day of that month (Q-07)."""
    years, month0 = divmod(day.year * 12 + day.month - 1 + count, 12)
    return date(years, month0 + 1, min(day.day, monthrange(years, month0 + 1)[1]))


def last_working_day_up_to(day: date, holidays: BankHolidays) -> date:
    """`day` itself, or the last working day before it: what is suggested when a limit falls on a day off (Q-05)."""
    while not holidays.is_working_day(day):
        day -= ONE_DAY
    return day


def local_date(instant: datetime) -> date:
    """The calendar day of an instant in London."""
    try:
        return instant.astimezone(LONDON).date()
    except OverflowError:  # in the year 9999; it is refused for being further away than a childhood
        return instant.date()


def end_of_day(day: date) -> datetime:
    """The UTC instant at which a London day ends: 12 May 2026 ends at 23:00Z, because of summer time."""
    return datetime.combine(day + ONE_DAY, time(), LONDON).astimezone(UTC)


def last_second_of(day: date) -> datetime:
    """The UTC instant one second before a London day ends: an instant on that very day."""
    return end_of_day(day) - timedelta(seconds=1)


def spoken_date(day: date) -> str:
    """`Wed 29 Apr 2026`. Written out by hand: strftime follows the machine's locale, and this text is replayed."""
    names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{names[day.weekday()]} {day.day} {months[day.month - 1]} {day.year}"


def spoken_instant(instant: datetime) -> str:
    """`Thu 9 Apr 2026 10:00`, in London time."""
    local = instant.astimezone(LONDON)
    return f"{spoken_date(local.date())} {local.hour:02}:{local.minute:02}"
