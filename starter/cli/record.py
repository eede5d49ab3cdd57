"""Recording what happened: `s47 send` and `s47 correct`. What `send` offers is made in `sending`."""

from typing import Annotated, Any

import typer
from temporalio.client import Client

from casework import possible
from casework.case import Case
from casework.effects import Refused
from casework.incoming import read as read_message
from casework.messages import in_words
from casework.stages import MESSAGES
from starter.cases import reach
from starter.cli import reaching, sending, words
from starter.cli.words import Answer, Json


def send(cases: list[str], message: str, body: dict[str, Any], how: sending.How) -> None:
    """Send a message to each case, or try it, and print the answers."""

    async def sent(to: Client, case: str) -> Answer:
        try:
            if how.preview:
                return await _previewed(to, case, message, body)
            if how.by_signal:
                await reach.signal(to, case, message, body)
                return None
            return await reach.send(to, case, message, body)
        except reach.NotFound as failed:
            return await reaching.look_closer(to, case, failed)
        except reach.NotReached as failed:
            same = f"--id {body['id']} --at {body['occurred_at']}"
            return failed if how.preview else reach.NotReached(f"{failed} To send it again safely, add {same}")
        except reach.NotAccepted as failed:
            return type(failed)(sending.as_options(message, str(failed)))
        except reach.Failed as failed:
            return failed

    async def doing() -> dict[str, Answer]:
        to = await reach.client()
        return {case: await sent(to, case) for case in cases}

    words.print_answers(reaching.run(doing()), as_json=how.as_json)


async def _previewed(to: Client, case: str, message: str, body: dict[str, Any]) -> possible.Preview:
    """What a message would do, were it sent now. Raises `NotAccepted`."""
    to_try = read_message(message, body)
    state = await reaching.read(to, case)
    tried = to_try if isinstance(to_try, Refused) else possible.preview(state, to_try, reaching.now())
    if isinstance(tried, Refused):
        raise reach.NotAccepted(tried.reason)
    return tried


def ask(cases: list[str], by: dict[str, str], everything: bool, as_json: bool) -> None:
    """Print what a person can record on each case now."""

    async def doing() -> dict[str, Case]:
        to = await reach.client()
        return {case: await reaching.read(to, case) for case in cases}

    listed: dict[str, list[dict[str, Any]]] = {}
    for reference, case in reaching.run(doing()).items():
        role = case.story.procedure.role_named(by["role"])
        if role is None:
            raise reach.Failed(f"{reference}: {case.story.procedure.no_role(by['role'])}")
        if case.story.closed_at is not None:
            raise reach.is_closed(reference)
        messages = possible.possible(case, role, reaching.now())
        shown = [message for message in messages if everything or message.why_not is None]
        listed[reference] = [message.model_dump(mode="json") for message in shown]
        if not as_json:
            words.out.print(words.possible(reference, role, messages, everything=everything))
    if as_json:
        words.print_json(listed)


def correct(
    case: Annotated[str, typer.Argument(help="The case's reference")],
    numbers: Annotated[list[int], typer.Argument(metavar="NUMBER...", help="What is wrong, by its number in s47 show")],
    as_: sending.As,
    reason: Annotated[str, typer.Option("--reason", help="Why it is wrong; this stays in the record")],
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="What is right, such as seen=no; you can repeat this"),
    ] = None,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="It did not happen, or it happened to another child")
    ] = False,
    belongs_to: Annotated[
        str | None, typer.Option("--belongs-to", metavar="CASE", help="The case it belongs to; it is recorded there")
    ] = None,
    ask_: Annotated[
        str | None, typer.Option("--ask", metavar="PERSON", help="Who to ask, if a manager must authorise it")
    ] = None,
    message_id: Annotated[str | None, typer.Option("--id", help=sending.ID_HELP)] = None,
    preview: Annotated[bool, words.flag("--preview", sending.PREVIEW_HELP)] = False,
    json_: Json = False,
) -> None:
    """Correct or withdraw something recorded by mistake. The record keeps the old and the new, and who corrected it.

    If a deadline or a decision depends on it, a manager must authorise the correction first.
    """
    body = {**sending.opened(as_, message_id=message_id), "reason": reason, **({"ask": ask_} if ask_ else {})}
    if withdraw or belongs_to:
        if changes:
            raise reach.WronglyCalled("Use either --withdraw or --set, not both.")
        body |= {"facts": numbers, **({"belongs_to": belongs_to} if belongs_to else {})}
        send([case], "recorded_in_error", body, sending.How(preview=preview, as_json=json_))
        return
    if len(numbers) > 1:
        raise reach.WronglyCalled("Correct one entry at a time. You can withdraw several together with --withdraw.")
    name = _recorded_as(case, numbers[0])
    if not changes:
        fields = ", ".join(field for field in MESSAGES[name].model_fields if field not in ("id", "by", "moved_from"))
        raise reach.WronglyCalled(
            f"No. {numbers[0]} is “{in_words(name)}”. Give what is right with --set FIELD=VALUE. "
            f"The fields are: {fields}. If it did not happen, use --withdraw."
        )
    body |= {"fact": numbers[0], "changes": sending.as_typed(name, changes)}
    send([case], "corrected", body, sending.How(preview=preview, as_json=json_))


def _recorded_as(case: str, number: int) -> str:
    """The name of the message that has this number. Raises `NotAccepted`."""

    async def doing() -> Case:
        return await reaching.read(await reach.client(), case)

    name = next((fact.message.name for fact in reaching.run(doing()).facts if fact.number == number), None)
    if name is None:
        raise reach.NotAccepted(f"Case {case} has no entry no. {number}. s47 show {case} lists the numbers.")
    return name
