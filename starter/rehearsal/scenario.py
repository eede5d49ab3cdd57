"""Scenario files: a referral and dated messages under a named procedure, and what is expected to come of them.

Times without a zone are London time. docs/rehearsing.md describes the format.
"""

import itertools
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, Strict, ValidationError, field_validator, model_validator

from casework.calendar import LONDON
from casework.messages import DAY_PATTERN, INSTANT_PATTERN, By, Day, Instant, Number
from casework.mistakes import problems
from casework.model import Value
from casework.naming import there_are
from casework.stages import MESSAGES
from casework.story import DeadlineState
from casework.text_files import WrongFile, text_of, values_in
from starter.cases.people import who


def in_london(value: Any) -> Any:
    """Give a time without a zone London's; leave everything else alone."""
    if isinstance(value, str) and (INSTANT_PATTERN.fullmatch(value) or DAY_PATTERN.fullmatch(value)):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return value
    if isinstance(value, datetime):
        return value.replace(tzinfo=LONDON) if value.tzinfo is None else value
    if isinstance(value, date):
        return datetime.combine(value, time(), LONDON)
    return value


def _within_reach(value: datetime) -> datetime:
    if not 1 < value.year < 9999:
        raise ValueError(f"{value.year} is not a year that S47 can count with")  # in UTC it may be no year at all
    return value


When = Annotated[Instant, BeforeValidator(in_london), AfterValidator(_within_reach)]


class Step(Value):
    """One message: when it happened, who says so, and whether it ought to be accepted."""

    at: When
    by: By
    send: str
    arrives: When | None = Field(None, description="when it is recorded, if later than when it happened")
    expect: Literal["accepted", "refused"] = "accepted"
    because: str | None = Field(None, description="words that the reason of a refusal must contain")
    door: Literal["update", "signal"] = "update"
    body: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _rest_is_the_message(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        own = {key: value[key] for key in value if key in cls.model_fields}
        own["body"] = {key: _plain(value[key]) for key in value if key not in cls.model_fields}
        return own

    @field_validator("by", mode="before")
    @classmethod
    def _role_and_person(cls, value: Any) -> Any:
        return who(value) if isinstance(value, str) else value

    @field_validator("send")
    @classmethod
    def _there_is_such_a_message(cls, value: str) -> str:
        if value not in MESSAGES:
            raise ValueError(f"there is no message {value!r}. {there_are(value, MESSAGES)}")
        return value

    @property
    def told_at(self) -> datetime:
        """When the case hears of it (UTC)."""
        return (self.arrives or self.at).astimezone(UTC)

    def message(self, number: int) -> dict[str, Any]:
        """The message as it is sent."""
        by = {"role": self.by.role, "person": self.by.person}
        return {"id": f"m-{number}", "occurred_at": self.at.isoformat(), "by": by, **self.body}


def _plain(value: Any) -> Any:
    """A TOML value as JSON has it; a time gets its zone."""
    if isinstance(value, datetime):
        return in_london(value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str) and isinstance(local := in_london(value), datetime) and "T" in value:
        return local.isoformat()
    return value


class Expected(Value):
    """What must come of a deadline: of its first running on the case, or of its n-th."""

    deadline: str
    nth: Number = 1
    due: str | None = Field(None, description="2026-04-29, or 2026-04-09T10:00 where it is counted in hours")
    other_reading: Day | None = None
    window_opens: Day | None = None
    state: str | None = None
    breached: Annotated[bool, Strict()] | None = None

    @field_validator("state")
    @classmethod
    def _ended(cls, value: str | None) -> str | None:
        states = [state.value for state in DeadlineState]
        state = "ended" if value == "cancelled" else value
        if state is not None and state not in states:
            raise ValueError(f"there is no state {value!r}. {there_are(value or '', states)}")
        return state

    @field_validator("due", mode="before")
    @classmethod
    def _written(cls, value: Any) -> Any:
        return value.isoformat() if isinstance(value, date) else value


class Scenario(Value):
    """A life to rehearse."""

    title: str
    procedure: str
    reference: str = "rehearsal"
    catalogue: tuple[str, ...] = ()
    message: tuple[Step, ...] = Field(min_length=1)
    until: When | None = Field(None, description="let time pass to here after the last message")
    expect: tuple[Expected, ...] = ()
    expect_stage: str | None = None
    expect_waiting_for: tuple[str, ...] | None = None
    expect_overdue_notices: Number | None = None
    absent: tuple[str, ...] = Field((), description="timescales that must never run")

    @model_validator(mode="after")
    def _in_order(self) -> "Scenario":
        times = [step.told_at for step in self.message]
        for number, (before, after) in enumerate(itertools.pairwise(times), 2):
            if after < before:
                raise ValueError(
                    f"message {number} arrives before message {number - 1}. Write them in order of arrival"
                )
        return self


def load(path: Path) -> Scenario:
    """The scenario in a file. Raises `WrongFile`, a line for each thing that is wrong."""
    try:
        return Scenario.model_validate(values_in(text_of(path), str(path)))
    except ValidationError as error:
        raise WrongFile("\n".join(f"{path}: {line}" for line in problems(error))) from None
