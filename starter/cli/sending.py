"""`s47 send CASE MESSAGE …`: one command per message, its options made from the message's own model.

Without a message, `s47 send CASE --as ROLE/PERSON` says what can be recorded now.
"""

import inspect
import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin
from uuid import uuid4

import typer
from pydantic import AwareDatetime
from pydantic.fields import FieldInfo
from typer.core import TyperGroup

from casework.messages import Message
from casework.model import Value
from casework.procedure import Procedure
from casework.procedure_files import load as load_procedure
from casework.stages import MESSAGES
from connection.settings import settings
from starter.cases.reach import WronglyCalled
from starter.rehearsal.scenario import in_london, who


class Wanted(NamedTuple):
    """How a message is to be sent: by Signal or not, only tried or not, and whether to answer in JSON."""

    by_signal: bool = False
    preview: bool = False
    as_json: bool = False


Send = Callable[[list[str], str, dict[str, Any], Wanted], None]
"""Called with the cases, the message's name, its body, and how to send it."""
Ask = Callable[[list[str], dict[str, str], bool, bool], None]
"""Called with the cases, who asks, whether to say why a message cannot be recorded, and whether to answer in JSON."""

OWN = ("id", "occurred_at", "by", "note", "ask")
WITHOUT_A_MESSAGE = "what-can-be-recorded"
As = Annotated[str, typer.Option("--as", metavar="ROLE/PERSON", help="Who says so, such as 'social worker/sw-14'")]


class Group(TyperGroup):
    """The commands of `send`; where none is named, what can be recorded is asked for."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put in the command that was left out."""
        named = args[:1] and not args[0].startswith("-")
        if named and (len(args) == 1 or (args[1].startswith("-") and args[1] != "--help")):
            args = [args[0], WITHOUT_A_MESSAGE, *args[1:]]
        return super().parse_args(ctx, args)


def sender(words: str) -> dict[str, str]:
    """Who says so, from `role/person`. Raises `WronglyCalled` where no person is named."""
    try:
        return who(words)
    except ValueError as problem:
        raise WronglyCalled(f"--as: {problem}.") from None


def commands(send: Send, ask: Ask) -> typer.Typer:
    """The group of commands, one per message, for the cases named before it."""
    group = typer.Typer(
        cls=Group,
        no_args_is_help=True,
        help="Say that something happened on a case; several: R-1,R-2. "
        "Without a message: what can be recorded now, s47 send R-1 --as 'social worker/sw-14'",
    )
    cases: list[str] = []

    @group.callback()
    def case(
        reference: Annotated[str, typer.Argument(metavar="CASE", help="The case's reference; several: R-1,R-2")],
    ) -> None:
        cases[:] = [one.strip() for one in reference.split(",") if one.strip()]
        if not cases:
            raise typer.BadParameter("name at least one case")

    @group.command(WITHOUT_A_MESSAGE, hidden=True)
    def possible(
        as_: Annotated[str | None, typer.Option("--as", metavar="ROLE/PERSON", help="Who asks")] = None,
        everything: Annotated[bool, typer.Option("--all", help="Also what cannot be recorded now, and why")] = False,
        json_: Annotated[bool, typer.Option("--json", help="Answer in JSON")] = False,
    ) -> None:
        """Say what can be recorded on a case now: first what meets a duty that is running."""
        if as_ is None:
            raise WronglyCalled(
                f"Name a message; s47 send {cases[0]} --help lists them. Or say who you are, to see what you can "
                f"record now: s47 send {cases[0]} --as 'social worker/sw-14'"
            )
        ask(list(cases), sender(as_), everything, json_)

    for name, kind in MESSAGES.items():
        group.command(name, help=(kind.__doc__ or "").strip())(_command(name, kind, cases, send))
    return group


def _command(name: str, kind: type[Message], cases: list[str], send: Send) -> Callable[..., None]:
    """The function behind one command, with a parameter for every field of the message."""

    def run(**given: Any) -> None:
        body = opened(given["as_"], given["at"], given["id"])
        body |= {field: given[field] for field in ("note", "ask") if given[field]}
        for field in kind.model_fields:
            value = given.get(field)
            if field not in OWN and value not in (None, [], ()):
                body[field] = _value(kind.model_fields[field], value)
        send(list(cases), name, body, Wanted(given["signal"], given["preview"], given["json_"]))

    fields = [_parameter(field, info) for field, info in kind.model_fields.items() if field not in OWN]
    run.__signature__ = inspect.Signature([*_own(), *fields])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*_own(), *fields)}
    run.__name__ = name
    return run


def opened(by: str, at: str | None = None, message_id: str | None = None) -> dict[str, Any]:
    """What every message has: its own id, when it happened (now, where that is not said), who says so."""
    return {
        "id": message_id or f"m-{uuid4().hex[:12]}",
        "occurred_at": _instant(at) if at else datetime.now().astimezone().isoformat(),
        "by": sender(by),
    }


def _own() -> list[inspect.Parameter]:
    """What every message is sent with."""
    said = "When it happened, as 2026-04-08T10:00 (London time) or with a zone; now, if left out"
    return [
        _keyword("as_", As),
        _keyword("at", Annotated[str | None, typer.Option("--at", help=said)], None),
        _keyword(
            "id",
            Annotated[str | None, typer.Option("--id", help="The message's own id; the same id twice counts once")],
            None,
        ),
        _keyword("note", Annotated[str | None, typer.Option("--note", help="Free text, for the record only")], None),
        _keyword(
            "ask",
            Annotated[str | None, typer.Option("--ask", help="Whom to ask, where it needs an authorisation")],
            None,
        ),
        _keyword(
            "preview", Annotated[bool, typer.Option("--preview", help="Say what it would do, and do nothing")], False
        ),
        _keyword("signal", Annotated[bool, typer.Option("--signal", help="Do not wait for the answer")], False),
        _keyword("json_", Annotated[bool, typer.Option("--json", help="Answer in JSON")], False),
    ]


def _keyword(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _parameter(field: str, info: FieldInfo) -> inspect.Parameter:
    flag = f"--{field.replace('_', '-')}"
    wanted = _plain_type(info.annotation)
    many = get_origin(wanted) is tuple
    item = get_args(wanted)[0] if many else wanted
    item = _plain_type(item)
    said = info.description or ""
    if get_origin(item) is Literal:
        said = f"{said} [{' | '.join(map(str, get_args(item)))}]".strip()
    elif inspect.isclass(item) and issubclass(item, StrEnum):
        said = f"{said} [{' | '.join(item)}]".strip()
    elif item is Procedure:
        said = "a procedure by key or letter, as `s47 procedure list` has it"
    elif inspect.isclass(item) and issubclass(item, Value):
        said = f"{said}; JSON, such as {json.dumps(dict.fromkeys(item.model_fields, '…'))}"
    if item is bool:
        option = typer.Option(f"{flag}/--no-{field.replace('_', '-')}", help=said)
        default = inspect.Parameter.empty if info.is_required() else None
        return _keyword(field, Annotated[bool if info.is_required() else bool | None, option], default)
    if many:
        return _keyword(field, Annotated[list[str] | None, typer.Option(flag, help=f"{said}; may be repeated")], None)
    kind: Any = int if item is int else str
    if info.is_required():
        return _keyword(field, Annotated[kind, typer.Option(flag, help=said)])
    return _keyword(field, Annotated[kind | None, typer.Option(flag, help=said)], None)


def _plain_type(annotation: Any) -> Any:
    """The type behind `Annotated` and `| None`."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
            continue
        options = [option for option in get_args(annotation) if option is not type(None)]
        if type(None) in get_args(annotation) and len(options) == 1:
            annotation = options[0]
            continue
        return annotation


def _value(info: FieldInfo, given: Any) -> Any:
    """What was typed, as the message wants it. What cannot be read goes on as it is: the case says what is wrong."""
    wanted = _plain_type(info.annotation)
    if isinstance(given, list | tuple):
        return [_json(item) for item in given]
    if wanted is AwareDatetime:
        return _instant(given)
    if wanted is Procedure:
        return load_procedure(given, settings().procedures).model_dump(mode="json", by_alias=True)
    return given


def as_typed(name: str, changes: Sequence[str]) -> dict[str, Any]:
    """What `--set field=value` says of the message of this name: the value as its field wants it.

    A value is read as JSON where it is that, else as text; a time without a zone is London time. `null` leaves the
    field out. A field named more than once is a list. Raises `WronglyCalled`.
    """
    fields = MESSAGES[name].model_fields if name in MESSAGES else {}
    said: dict[str, Any] = {}
    for change in changes:
        field, equals, words = change.partition("=")
        field = {"at": "occurred_at"}.get(field.strip(), field.strip().replace("-", "_"))
        if not equals or not field:
            raise WronglyCalled(f"--set: {change!r} is not FIELD=VALUE, such as --set seen=false.")
        value = _corrected(fields.get(field), words)
        if field in said:
            value = [*_as_list(said[field]), *_as_list(value)]
        said[field] = value
    return said


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _corrected(info: FieldInfo | None, words: str) -> Any:
    wanted = _plain_type(info.annotation) if info else None
    if words == "null":
        return None
    if get_origin(wanted) is tuple:
        return _as_list(_json_or_text(words))
    if wanted is AwareDatetime or wanted is datetime:
        return _instant(words)
    if wanted is bool:
        return {"yes": True, "true": True, "no": False, "false": False}.get(words.strip().casefold(), words)
    if wanted is Procedure:
        return _value(info, words) if info else words
    if wanted is int or wanted is None:
        return _json_or_text(words)
    return words


def _json_or_text(words: str) -> Any:
    try:
        return json.loads(words)
    except ValueError:
        return words


def _json(item: str) -> Any:
    if not item.lstrip().startswith("{"):
        return item
    try:
        return json.loads(item)
    except json.JSONDecodeError:
        return item


def _instant(words: str) -> str:
    known = in_london(words)
    return known.isoformat() if isinstance(known, date) else words
