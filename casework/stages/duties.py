"""Duties with no message of their own: done, departed from with a reason, checked off. And forms."""

from casework import deadlines, requests
from casework.calendar import local_date, spoken_date
from casework.case import DeadlineState
from casework.facts import happened
from casework.messages import ActionCompleted, DutyDateSet, DutyDeparted, DutyDone, FormCompleted, PromptAnswered
from casework.turn import Refusal, Turn
from casework.vocabulary import SET_BY_THE_CASE, Event


def duty_done(turn: Turn, message: DutyDone) -> None:
    """A duty was done. One that a message of its own meets is met by that message only."""
    rule = turn.case.procedure.timescale.get(message.duty)
    if rule is not None and Event.DUTY_DONE not in rule.met_by:
        raise Refusal(f"{message.duty} is met when this happens: {' or '.join(event.value for event in rule.met_by)}.")
    owed = deadlines.owed(turn.case, message.duty)
    if not owed:
        raise Refusal(f"{message.duty} is not owed on this case.")
    if rule is not None and rule.done_by and requests.role_of(turn, message) not in rule.done_by:
        raise Refusal(f"{rule.duty}: that it is done, the {' or the '.join(rule.done_by)} says.")
    turn.refuse_if(
        owed[0].state is DeadlineState.WITHHELD, "Information is withheld from the family; it must be released first."
    )
    deadlines.met(turn, owed[0], message.occurred_at)


def duty_departed(turn: Turn, message: DutyDeparted) -> None:
    """What should be done is not done, and why. What must be done has no such way out (Q-28)."""
    owed = deadlines.owed(turn.case, message.duty)
    rule = turn.case.procedure.timescale.get(message.duty)
    if not owed or rule is None:
        raise Refusal(f"{message.duty} is not owed on this case.")
    turn.refuse_if(rule.force == "must", f"{rule.duty}: the document says must; it cannot be left out.")
    turn.refuse_if(
        bool(rule.amounts), f"{rule.duty}: it has a limit. Record the reason for missing it with reason_recorded."
    )
    deadlines.cancel(turn, owed[0], f"departed from: {message.reason}")


def duty_date_set(turn: Turn, message: DutyDateSet) -> None:
    """A duty without an amount has a day on this case: it is heard of when the day is missed."""
    owed = deadlines.owed(turn.case, message.duty)
    rule = turn.case.procedure.timescale.get(message.duty)
    if not owed or rule is None:
        raise Refusal(f"{message.duty} is not owed on this case.")
    turn.refuse_if(rule.no_amount is None, f"{rule.duty}: it has its own limit; a case does not set another.")
    turn.refuse_if(message.due < local_date(turn.now), f"due: {spoken_date(message.due)} is over already.")
    turn.refuse_if(owed[0].on == message.due, f"{rule.duty}: that is its day already.")
    deadlines.set_date(turn, owed[0], message.due)


def action_completed(turn: Turn, message: ActionCompleted) -> None:
    """An agreed action was done (U-B-07)."""
    found = turn.case.deadlines.get(message.action)
    if found is None or found.timescale not in SET_BY_THE_CASE:
        raise Refusal(f"There is no action {message.action} on this case.")
    turn.refuse_if(found.closed_at, f"{found.duty} is {found.state.value} already.")
    deadlines.met(turn, found, message.occurred_at)


def form_completed(turn: Turn, message: FormCompleted) -> None:
    """A form was completed: with the contents it must have, and signed by who has to sign it."""
    form = turn.case.procedure.form.get(message.form)
    if form is None:
        there_are = ", ".join(sorted(turn.case.procedure.form)) or "none"
        raise Refusal(f"This procedure has no form {message.form!r}. Its forms are: {there_are}.")
    said = {one.strip().casefold() for one in message.contents}
    missing = [content for content in form.contents if content.casefold() not in said]
    turn.refuse_if(missing, f"{form.name} lacks: {'; '.join(missing)} (contents names what it contains).")
    turn.refuse_if(
        form.signed_by is not None and not message.signed,
        f"{form.name} is signed and dated by the {form.signed_by}: say signed.",
    )
    turn.entry(f"{form.name} was completed", form.cites)
    for key, rule in turn.case.procedure.timescale.items():
        if rule.form == message.form:
            for deadline in deadlines.owed(turn.case, key)[:1]:
                turn.refuse_if(
                    deadline.state is DeadlineState.WITHHELD,
                    f"{form.name}: information is withheld from the family; it must be released first.",
                )
                deadlines.met(turn, deadline, message.occurred_at)
    happened(turn, Event.FORM_COMPLETED, scope=message.form)


def prompt_answered(turn: Turn, message: PromptAnswered) -> None:
    """A practice duty was checked off, or not, with the reason."""
    prompt = turn.case.procedure.prompt.get(message.prompt)
    if prompt is None:
        there_are = ", ".join(sorted(turn.case.procedure.prompt)) or "none"
        raise Refusal(f"This procedure has no prompt {message.prompt!r}. Its prompts are: {there_are}.")
    turn.change(answered={**turn.case.answered, message.prompt: message.answer})
    turn.entry(f"{prompt.asks} {'Yes' if message.answer else 'No'}", prompt.cites)
