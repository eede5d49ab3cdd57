"""The messages about duties, forms and prompts that have no message of their own."""

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from casework.messages.base import (
    ANYONE,
    PRACTITIONERS,
    Id,
    Message,
    Reason,
)


class DutyDone(Message, sent_by=ANYONE):
    """Something the procedure asks for, for which there is no message of its own, was done."""

    duty: Id = Field(description="the timescale's name, as `s47 show` has it")


class DutyDeparted(Message, sent_by=PRACTITIONERS):
    """Something that should be done is not done, for a reason. What must be done cannot be departed from."""

    duty: Id
    reason: Reason


class ActionCompleted(Message, sent_by=ANYONE):
    """An action agreed at a strategy discussion was done."""

    action: Id = Field(description="the deadline's id, such as action-2")


class FormCompleted(Message, sent_by=ANYONE):
    """A form, record or document was completed, with the contents it must have."""

    form: Id = Field(description="the form's name in the procedure")
    contents: tuple[Annotated[str, StringConstraints(min_length=2, max_length=300)], ...] = Field(
        (), max_length=30, description="what it contains, as the procedure names it"
    )
    signed: bool = Field(False, description="it is signed and dated by who has to sign it")


class PromptAnswered(Message):
    """A practice duty was checked off, or not, with the reason."""

    prompt: Id = Field(description="the prompt's name in the procedure")
    answer: bool
    reason: Reason | None = None

    @model_validator(mode="after")
    def _no_with_reason(self) -> "PromptAnswered":
        if not self.answer and not self.reason:
            raise ValueError("reason: say why not")
        return self
