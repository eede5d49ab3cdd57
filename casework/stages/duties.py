"""Duties with no message of their own: done, left out with a reason, given a day. Forms. Good practice reminders."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, StringConstraints

from casework import deadlines, requests
from casework.calendar import local_date, spoken_date
from casework.happening import happened
from casework.messages import ANYONE, PRACTITIONERS, Day, Id, Message, Reason, Ref, means
from casework.naming import there_are
from casework.procedure import Timescale
from casework.story import Deadline, DeadlineState
from casework.telling import Refusal, Telling, needed
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

    def mistakes(self) -> Iterator[str]:
        if not self.answer and not self.reason:
            yield "reason: say why not"


@means(DutyDone)
def duty_done(telling: Telling, message: DutyDone) -> None:
    """A duty was done. One that another message meets is met by that message only."""
    rule = telling.rules.timescale.get(message.duty)
    if rule is not None and DUTY_DONE not in rule.met_by:
        raise Refusal(f"duty: {rule.duty}. Record what happened instead: {' or '.join(rule.met_by)}.")
    deadline = _owed(telling, message.duty)
    if rule is not None and rule.done_by:
        telling.insist(
            requests.role_of(telling, message) not in rule.done_by,
            f"{rule.duty}: you cannot record this. It is recorded by: {', '.join(rule.done_by)}.",
            "by",
        )
    telling.refuse_if(
        deadline.state is DeadlineState.WITHHELD,
        "Information is withheld from the family. First record: information_released",
    )
    deadlines.met(telling, deadline, message.occurred_at)


def _owed(telling: Telling, duty: str) -> Deadline:
    """The oldest deadline that is owed of this timescale. Raises `Refusal`, with the names of what is due."""
    owed = deadlines.owed(telling.story, duty)
    if not owed:
        names = [deadline.timescale for deadline in telling.story.owed]
        due = there_are(duty, names) if names else "Nothing is due on this case."
        raise Refusal(f"duty: nothing called {duty!r} is due on this case. {due}")
    return owed[0]


def _owed_by_rule(telling: Telling, duty: str) -> tuple[Deadline, Timescale]:
    """The same with its rule. Refuses a duty that the case set for itself: it has none."""
    deadline, rule = _owed(telling, duty), telling.rules.timescale.get(duty)
    return deadline, needed(rule, f"duty: {deadline.duty}: this is not in the procedure. Record when it is done.")


@means(DutyDeparted)
def duty_departed(telling: Telling, message: DutyDeparted) -> None:
    """What should be done is left out, and why. What must be done cannot be left out (Q-28)."""
    deadline, rule = _owed_by_rule(telling, message.duty)
    telling.insist(
        rule.force == "must", f"{rule.duty}: the procedure says this must be done, so it cannot be left out."
    )
    telling.insist(
        bool(rule.amounts), f"{rule.duty}: this has a time limit. If it is missed, record the reason: reason_recorded"
    )
    deadlines.end(telling, deadline, "left out, for the reason in the record")


@means(DutyDateSet)
def duty_date_set(telling: Telling, message: DutyDateSet) -> None:
    """A duty without an amount is due on a day of its own on this case, and overdue after it."""
    deadline, rule = _owed_by_rule(telling, message.duty)
    telling.insist(
        rule.no_amount is None, f"{rule.duty}: the procedure sets the time limit, so you cannot set another."
    )
    telling.insist(
        message.due < local_date(telling.now), f"due: {spoken_date(message.due)} is in the past. Give a day to come."
    )
    telling.insist(deadline.on == message.due, f"{rule.duty}: this is already due on {spoken_date(message.due)}.")
    deadlines.set_date(telling, deadline, message.due)


@means(ActionCompleted)
def action_completed(telling: Telling, message: ActionCompleted) -> None:
    """An agreed action was done (U-B-07)."""
    action = telling.story.deadlines.get(message.action)
    if action is None or action.timescale not in SET_BY_THE_CASE:
        raise Refusal(
            f"action: this case has no action called {message.action!r}. s47 show lists the actions that are due."
        )
    telling.refuse_if(action.closed_at, f"{action.duty}: this is already {action.state.value}.")
    deadlines.met(telling, action, message.occurred_at)


@means(FormCompleted)
def form_completed(telling: Telling, message: FormCompleted) -> None:
    """A form was completed: with the contents it must have, and signed by who has to sign it."""
    forms = telling.story.procedure.form
    if message.form not in forms:
        raise Refusal(f"form: this procedure has no form {message.form!r}. {there_are(message.form, forms)}")
    form = forms[message.form]
    role = requests.role_of(telling, message)
    telling.insist(
        role not in form.written_by,
        f"{form.name} cannot be recorded as {role}. It is recorded by: {', '.join(form.written_by)}.",
        "by",
    )
    contents = {content.strip().casefold() for content in message.contents}
    missing = [content for content in form.contents if content.casefold() not in contents]
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
    prompts = telling.story.procedure.prompt
    if message.prompt not in prompts:
        names = there_are(message.prompt, prompts)
        raise Refusal(f"prompt: this procedure has no reminder {message.prompt!r}. {names}")
    prompt = prompts[message.prompt]
    telling.change(answered={**telling.story.answered, message.prompt: message.answer})
    telling.line(f"{prompt.asks} {'Yes' if message.answer else 'No'}", prompt.cites)
