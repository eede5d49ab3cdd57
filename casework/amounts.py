"""Amounts of time as a procedure writes them ("15 working days"), and how a limit is reckoned from them.

"days" without a qualifier is kept literally (Q-01): the rule then names the reading it is counted with, and the
other reading's date is shown beside it.
"""

import re
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, model_serializer, model_validator

from casework.calendar import BankHolidays, end_of_day, local_date, months_from, working_days_from
from casework.model import Value

Reading = Literal["working", "calendar"]


class Unit(StrEnum):
    """The units the five documents use."""

    HOURS = "hours"
    DAYS = "days"
    CALENDAR_DAYS = "calendar days"
    WORKING_DAYS = "working days"
    WEEKS = "weeks"
    MONTHS = "months"


UNITS = ", ".join(unit.value for unit in Unit)


class Amount(Value):
    """A number of units, written and read as words: `24 hours`, `15 working days`, `6 months`."""

    number: Annotated[int, Field(ge=1, le=1000)]
    unit: Unit

    @model_validator(mode="before")
    @classmethod
    def _from_words(cls, value: Any) -> Any:
        if isinstance(value, dict | Amount):
            return value
        words = re.fullmatch(r"(\d+) ([a-z ]+)", value.strip()) if isinstance(value, str) else None
        if words and 0 < int(words[1]) <= 1000:
            unit = words[2] if words[2].endswith("s") else words[2] + "s"
            if unit in list(Unit):
                return {"number": int(words[1]), "unit": unit}
        raise ValueError(f"an amount is a number from 1 to 1000 and a unit ({UNITS}), not {value!r}")

    @model_serializer
    def _to_words(self) -> str:
        return str(self)

    def __str__(self) -> str:
        unit = self.unit.value
        return f"{self.number} {unit if self.number != 1 else unit[:-1]}"


class Limit(NamedTuple):
    """When a limit expires: the UTC instant, and the London day it falls on where it is a date-type limit."""

    due: datetime
    on: date | None


def reckon(
    amount: Amount,
    anchor: datetime,
    holidays: BankHolidays,
    *,
    reading: Reading | None = None,
    backwards: bool = False,
    clear_days: bool = False,
) -> Limit:
    """The limit `amount` after the anchor, or before it where it counts backwards from a meeting.

    `reading` says how unqualified days count. `clear_days` leaves one further day free before a meeting (Q-06).
    """
    number = -amount.number if backwards else amount.number
    if amount.unit is Unit.HOURS:
        # Added on the UTC time line: Python adds wall-clock time within one zone.
        return Limit(anchor.astimezone(UTC) + timedelta(hours=number), None)
    start = local_date(anchor)
    unit = amount.unit
    if unit is Unit.DAYS:
        unit = Unit.WORKING_DAYS if reading == "working" else Unit.CALENDAR_DAYS
    free = (-1 if backwards else 1) if clear_days else 0
    if unit is Unit.WORKING_DAYS:
        on = working_days_from(start, number + free, holidays)
    elif unit is Unit.MONTHS:
        on = months_from(start, number) + timedelta(days=free)
    else:
        on = start + timedelta(days=number * (7 if unit is Unit.WEEKS else 1) + free)
    return Limit(end_of_day(on), on)
