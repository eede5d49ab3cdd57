"""Duties with no message of their own: done, departed from with a reason, checked off. And forms."""

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from casework import deadlines, requests
from casework.calendar import local_date, spoken_date
from casework.happening import happened
from casework.messages import ANYONE, PRACTITIONERS, Day, Id, Message, Reason, Ref, means
from casework.story import DeadlineState
from casework.telling import Refusal, Telling
from casework.vocabulary import DUTY_DONE, FORM_COMPLETED, SET_BY_THE_CASE


class DutyDone(Message, sent_by=ANYONE):
    """Something the procedure asks for, for which there is no message of its own, was done."""

    duty: Id = Field(description="the timescale's name, as `s47 show` has it")


class DutyDeparted(Message, sent_by=PRACTITIONERS):
    """Something that should be done is not done, for a reason. What must be done cannot be departed from."""

    duty: Id
    reason: Reason


class DutyDateSet(Message):
    """A day was set on this case for a duty that the procedure gives no amount for, or another day."""

    duty: Id
    due: Day


class ActionCompleted(Message, sent_by=ANYONE):
    """An action agreed at a strategy discussion was done."""

    action: Ref = Field(description="the deadline's id, such as action@4")


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


@means(DutyDone)
def duty_done(telling: Telling, message: DutyDone) -> None:
    """A duty was done. One that a message of its own meets is met by that message only."""
    rule = telling.rules.timescale.get(message.duty)
    if rule is not None and DUTY_DONE not in rule.met_by:
        raise Refusal(f"{message.duty} is met when this happens: {' or '.join(rule.met_by)}.")
    owed = deadlines.owed(telling.story, message.duty)
    if not owed:
        raise Refusal(f"{message.duty} is not owed on this case.")
    if rule is not None and rule.done_by:
        telling.insist(
            requests.role_of(telling, message) not in rule.done_by,
            f"{rule.duty}: this is recorded by the {' or the '.join(rule.done_by)}.",
            "by",
        )
    telling.refuse_if(
        owed[0].state is DeadlineState.WITHHELD, "Information is withheld from the family; it must be released first."
    )
    deadlines.met(telling, owed[0], message.occurred_at)


@means(DutyDeparted)
def duty_departed(telling: Telling, message: DutyDeparted) -> None:
    """What should be done is not done, and why. What must be done has no such way out (Q-28)."""
    owed = deadlines.owed(telling.story, message.duty)
    rule = telling.rules.timescale.get(message.duty)
    if not owed or rule is None:
        raise Refusal(f"{message.duty} is not owed on this case.")
    telling.insist(rule.force == "must", f"{rule.duty}: the document says must; it cannot be left out.")
    telling.insist(
        bool(rule.amounts), f"{rule.duty}: it has a limit. Record the reason for missing it with reason_recorded."
    )
    deadlines.end(telling, owed[0], "left out, for the reason that is recorded")


@means(DutyDateSet)
def duty_date_set(telling: Telling, message: DutyDateSet) -> None:
    """A duty without an amount has a day on this case: it is heard of when the day is missed."""
    owed = deadlines.owed(telling.story, message.duty)
    rule = telling.rules.timescale.get(message.duty)
    if not owed or rule is None:
        raise Refusal(f"{message.duty} is not owed on this case.")
    telling.insist(rule.no_amount is None, f"{rule.duty}: it has its own limit; a case does not set another.")
    telling.insist(message.due < local_date(telling.now), f"due: {spoken_date(message.due)} is over already.")
    telling.insist(owed[0].on == message.due, f"{rule.duty}: that is its day already.")
    deadlines.set_date(telling, owed[0], message.due)


@means(ActionCompleted)
def action_completed(telling: Telling, message: ActionCompleted) -> None:
    """An agreed action was done (U-B-07)."""
    found = telling.story.deadlines.get(message.action)
    if found is None or found.timescale not in SET_BY_THE_CASE:
        raise Refusal(f"There is no action {message.action} on this case.")
    telling.refuse_if(found.closed_at, f"{found.duty} is {found.state.value} already.")
    deadlines.met(telling, found, message.occurred_at)


@means(FormCompleted)
def form_completed(telling: Telling, message: FormCompleted) -> None:
    """A form was completed: with the contents it must have, and signed by who has to sign it."""
    form = telling.story.procedure.form.get(message.form)
    if form is None:
        there_are = ", ".join(sorted(telling.story.procedure.form)) or "none"
        raise Refusal(f"This procedure has no form {message.form!r}. Its forms are: {there_are}.")
    role = requests.role_of(telling, message)
    telling.insist(
        role not in form.written_by,
        f"{form.name} is written by the {' or the '.join(form.written_by)}, not by the {role}.",
        "by",
    )
    said = {one.strip().casefold() for one in message.contents}
    missing = [content for content in form.contents if content.casefold() not in said]
    telling.insist(missing, f"{form.name} lacks: {'; '.join(missing)} (contents names what it contains).")
    telling.insist(
        form.signed_by is not None and not message.signed,
        f"{form.name} is signed and dated by the {form.signed_by}: say signed.",
    )
    telling.line(f"{form.name} was completed", form.cites)
    for key, rule in telling.rules.timescale.items():
        if rule.form == message.form:
            for deadline in deadlines.owed(telling.story, key)[:1]:
                telling.refuse_if(
                    deadline.state is DeadlineState.WITHHELD,
                    f"{form.name}: information is withheld from the family; it must be released first.",
                )
                deadlines.met(telling, deadline, message.occurred_at)
    happened(telling, FORM_COMPLETED, scope=message.form)


@means(PromptAnswered)
def prompt_answered(telling: Telling, message: PromptAnswered) -> None:
    """A practice duty was checked off, or not, with the reason."""
    prompt = telling.story.procedure.prompt.get(message.prompt)
    if prompt is None:
        there_are = ", ".join(sorted(telling.story.procedure.prompt)) or "none"
        raise Refusal(f"This procedure has no prompt {message.prompt!r}. Its prompts are: {there_are}.")
    telling.change(answered={**telling.story.answered, message.prompt: message.answer})
    telling.line(f"{prompt.asks} {'Yes' if message.answer else 'No'}", prompt.cites)
