"""Duties with no message of their own: done, departed from with a reason, checked off. And forms."""

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from casework import deadlines, requests
from casework.calendar import local_date, spoken_date
from casework.happening import happened
from casework.messages import ANYONE, PRACTITIONERS, Day, Id, Message, Reason, Ref, means
from casework.naming import there_are
from casework.story import DeadlineState
from casework.telling import Refusal, Telling
from casework.vocabulary import DUTY_DONE, FORM_COMPLETED, SET_BY_THE_CASE


class DutyDone(Message, sent_by=ANYONE):
    """Something the procedure asks for was done, and nothing more specific can be recorded for it."""

    duty: Id = Field(description="The name of what is due, as s47 show lists it, such as child-seen")


class DutyDeparted(Message, sent_by=PRACTITIONERS):
    """Something that should be done will not be done, for a reason. What must be done cannot be left out."""

    duty: Id
    reason: Reason


class DutyDateSet(Message):
    """A day was set, or changed, for something that the procedure gives no time limit for."""

    duty: Id
    due: Day


class ActionCompleted(Message, sent_by=ANYONE):
    """An action agreed at a strategy discussion was done."""

    action: Ref = Field(description="The action, as s47 show lists it, such as action@4")


class FormCompleted(Message, sent_by=ANYONE):
    """A form, record or document was completed, with everything it must contain."""

    form: Id = Field(description="The form, by its name in the procedure")
    contents: tuple[Annotated[str, StringConstraints(min_length=2, max_length=300)], ...] = Field(
        (), max_length=30, description="A part it contains, as the procedure names it"
    )
    signed: bool = Field(False, description="It is signed and dated by whoever must sign it")


class PromptAnswered(Message):
    """A good practice reminder was answered: yes, or no with the reason."""

    prompt: Id = Field(description="The reminder, as s47 show lists it")
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
        raise Refusal(f"duty: {rule.duty}. Record what happened instead: {' or '.join(rule.met_by)}.")
    owed = deadlines.owed(telling.story, message.duty)
    if not owed:
        raise Refusal(_not_due(telling, message.duty))
    if rule is not None and rule.done_by:
        telling.insist(
            requests.role_of(telling, message) not in rule.done_by,
            f"{rule.duty}: you cannot record this. It is recorded by: {', '.join(rule.done_by)}.",
            "by",
        )
    telling.refuse_if(
        owed[0].state is DeadlineState.WITHHELD,
        "Information is withheld from the family. First record: information_released",
    )
    deadlines.met(telling, owed[0], message.occurred_at)


def _not_due(telling: Telling, duty: str) -> str:
    """Why a duty of that name cannot be recorded, with the names of what is due."""
    names = [deadline.timescale for deadline in telling.story.owed]
    known = there_are(duty, names) if names else "Nothing is due on this case."
    return f"duty: nothing called {duty!r} is due on this case. {known}"


@means(DutyDeparted)
def duty_departed(telling: Telling, message: DutyDeparted) -> None:
    """What should be done is not done, and why. What must be done has no such way out (Q-28)."""
    owed = deadlines.owed(telling.story, message.duty)
    rule = telling.rules.timescale.get(message.duty)
    if not owed or rule is None:
        raise Refusal(_not_due(telling, message.duty))
    telling.insist(
        rule.force == "must", f"{rule.duty}: the procedure says this must be done, so it cannot be left out."
    )
    telling.insist(
        bool(rule.amounts), f"{rule.duty}: this has a time limit. If it is missed, record the reason: reason_recorded"
    )
    deadlines.end(telling, owed[0], "left out, for the reason in the record")


@means(DutyDateSet)
def duty_date_set(telling: Telling, message: DutyDateSet) -> None:
    """A duty without an amount has a day on this case: it is heard of when the day is missed."""
    owed = deadlines.owed(telling.story, message.duty)
    rule = telling.rules.timescale.get(message.duty)
    if not owed or rule is None:
        raise Refusal(_not_due(telling, message.duty))
    telling.insist(
        rule.no_amount is None, f"{rule.duty}: the procedure sets the time limit, so you cannot set another."
    )
    telling.insist(
        message.due < local_date(telling.now), f"due: {spoken_date(message.due)} is in the past. Give a day to come."
    )
    telling.insist(owed[0].on == message.due, f"{rule.duty}: this is already due on {spoken_date(message.due)}.")
    deadlines.set_date(telling, owed[0], message.due)


@means(ActionCompleted)
def action_completed(telling: Telling, message: ActionCompleted) -> None:
    """An agreed action was done (U-B-07)."""
    found = telling.story.deadlines.get(message.action)
    if found is None or found.timescale not in SET_BY_THE_CASE:
        raise Refusal(
            f"action: this case has no action called {message.action!r}. s47 show lists the actions that are due."
        )
    telling.refuse_if(found.closed_at, f"{found.duty}: this is already {found.state.value}.")
    deadlines.met(telling, found, message.occurred_at)


@means(FormCompleted)
def form_completed(telling: Telling, message: FormCompleted) -> None:
    """A form was completed: with the contents it must have, and signed by who has to sign it."""
    form = telling.story.procedure.form.get(message.form)
    if form is None:
        raise Refusal(
            f"form: this procedure has no form {message.form!r}. "
            f"{there_are(message.form, telling.story.procedure.form)}"
        )
    role = requests.role_of(telling, message)
    telling.insist(
        role not in form.written_by,
        f"{form.name} cannot be recorded as {role}. It is recorded by: {', '.join(form.written_by)}.",
        "by",
    )
    said = {one.strip().casefold() for one in message.contents}
    missing = [content for content in form.contents if content.casefold() not in said]
    telling.insist(missing, f"contents: {form.name} must also contain: {'; '.join(missing)}.")
    telling.insist(
        form.signed_by is not None and not message.signed,
        f"signed: {form.name} must be signed and dated by the {form.signed_by}. Say that it is.",
    )
    telling.line(f"{form.name} was completed", form.cites)
    for key, rule in telling.rules.timescale.items():
        if rule.form == message.form:
            for deadline in deadlines.owed(telling.story, key)[:1]:
                telling.refuse_if(
                    deadline.state is DeadlineState.WITHHELD,
                    f"{form.name}: information is withheld from the family. First record: information_released",
                )
                deadlines.met(telling, deadline, message.occurred_at)
    happened(telling, FORM_COMPLETED, scope=message.form)


@means(PromptAnswered)
def prompt_answered(telling: Telling, message: PromptAnswered) -> None:
    """A practice duty was checked off, or not, with the reason."""
    prompt = telling.story.procedure.prompt.get(message.prompt)
    if prompt is None:
        raise Refusal(
            f"prompt: this procedure has no reminder {message.prompt!r}. "
            f"{there_are(message.prompt, telling.story.procedure.prompt)}"
        )
    telling.change(answered={**telling.story.answered, message.prompt: message.answer})
    telling.line(f"{prompt.asks} {'Yes' if message.answer else 'No'}", prompt.cites)
