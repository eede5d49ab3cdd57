"""`s47 send CASE NAME …`: one command per message, its options made from the message's own model.

Without a name, `s47 send CASE --as ROLE/PERSON` lists what can be recorded now.
"""

import inspect
import json
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin
from uuid import uuid4

import typer
from pydantic import AwareDatetime
from pydantic.fields import FieldInfo
from rich.markup import escape
from typer.core import TyperGroup

from casework.incoming import no_such_message
from casework.messages import Message, Number
from casework.model import Value
from casework.procedure import Procedure
from casework.procedure_files import load as load_procedure
from casework.stages import MESSAGES
from connection.settings import settings
from starter.cases.people import who
from starter.cases.reach import WronglyCalled
from starter.cli import words
from starter.rehearsal.scenario import in_london


class How(NamedTuple):
    """How a message is to be sent: by Signal or not, only tried or not, and whether to answer in JSON."""

    by_signal: bool = False
    preview: bool = False
    as_json: bool = False


Send = Callable[[list[str], str, dict[str, Any], How], None]
"""Called with the cases, the message's name, its body, and how to send it."""
Ask = Callable[[list[str], dict[str, str], bool, bool], None]
"""Called with the cases, who asks, whether to say why a message cannot be recorded, and whether to answer in JSON."""

OWN = ("id", "occurred_at", "by", "note", "ask")
WITHOUT_A_MESSAGE = "what-can-be-recorded"
AS_HELP = "Who you are: your role and your id, such as 'social worker/sw-14'"
As = Annotated[str, typer.Option("--as", metavar="ROLE/PERSON", help=AS_HELP)]
ID_HELP = "An id for this record; sent twice with the same id, it counts once"
PREVIEW_HELP = "Show what this would do, and record nothing"
EVERY_RECORD = "For every record"
METAVARS: dict[Any, str] = {AwareDatetime: "TIME", datetime: "TIME", date: "DATE", int: "NUMBER"}
PANELS = {
    "referral": "Referral",
    "strategy": "Strategy discussion",
    "enquiry": "Section 47 enquiry",
    "assessment": "Assessment",
    "conference": "Conferences",
    "plan": "Child protection plan",
    "child": "Child and household",
    "medical": "Medical assessment",
    "duties": "Other duties, forms and reminders",
    "any_time": "At any time",
    "requests": "Decisions on requests",
    "corrections": "Corrections",
    "ends": "Ending without completing",
}
"""The title under which each module of messages is listed."""


class Group(TyperGroup):
    """The commands of `send`; where none is named, what can be recorded is asked for."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put in the command that was left out."""
        named = args[:1] and not args[0].startswith("-")
        if named and (len(args) == 1 or (args[1].startswith("-") and args[1] != "--help")):
            args = [args[0], WITHOUT_A_MESSAGE, *args[1:]]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; of one that there is not, say which there are."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            raise WronglyCalled(no_such_message(args[0]).reason)
        return super().resolve_command(ctx, args)


def sender(typed: str) -> dict[str, str]:
    """Who says so, from `role/person`. Raises `WronglyCalled` where no person is named."""
    try:
        return who(typed)
    except ValueError as problem:
        raise WronglyCalled(f"--as: {problem}.") from None


def commands(send: Send, ask: Ask) -> typer.Typer:
    """The group of commands, one per message, for the cases named before it."""
    group = typer.Typer(
        cls=Group,
        no_args_is_help=True,
        help="Record what happened on a case. Without a name, list what you can record now: "
        "s47 send R-1 --as 'social worker/sw-14'",
    )
    cases: list[str] = []

    @group.callback()
    def case(
        reference: Annotated[str, typer.Argument(metavar="CASE", help="The case's reference, or several: R-1,R-2")],
    ) -> None:
        cases[:] = [part.strip() for part in reference.split(",") if part.strip()]
        if not cases:
            raise typer.BadParameter("Name at least one case.")

    @group.command(WITHOUT_A_MESSAGE, hidden=True)
    def possible(
        as_: Annotated[str | None, typer.Option("--as", metavar="ROLE/PERSON", help=AS_HELP)] = None,
        everything: Annotated[bool, words.flag("--all", "Include what cannot be recorded now, and why")] = False,
        json_: words.Json = False,
    ) -> None:
        """List what you can record on a case now: first what meets a duty."""
        if as_ is None:
            raise WronglyCalled(
                f"Say who you are, to see what you can record now: s47 send {cases[0]} --as 'social worker/sw-14'. "
                f"Everything there is to record: s47 send {cases[0]} --help"
            )
        ask(list(cases), sender(as_), everything, json_)

    stage = {name: kind.__module__.rpartition(".")[2] for name, kind in MESSAGES.items()}
    for name, kind in sorted(MESSAGES.items(), key=lambda message: list(PANELS).index(stage[message[0]])):
        panel = PANELS[stage[name]]
        group.command(name, help=(kind.__doc__ or "").strip(), rich_help_panel=panel)(_command(name, kind, cases, send))
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
        send(list(cases), name, body, How(given["signal"], given["preview"], given["json_"]))

    needed_first = sorted(kind.model_fields.items(), key=lambda field: not field[1].is_required())
    fields = [_parameter(field, info) for field, info in needed_first if field not in OWN]
    run.__signature__ = inspect.Signature([*fields, *_own()])  # type: ignore[attr-defined]
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

    def option(flag: str, metavar: str, text: str) -> Any:
        return typer.Option(flag, metavar=metavar, help=text, rich_help_panel=EVERY_RECORD)

    when = "When it happened, such as 2026-04-08T10:00 (London time) (default: now)"
    whom = "Who to ask, if this needs an authorisation (default: anybody entitled)"
    optional = {
        "at": option("--at", "TIME", when),
        "note": option("--note", "TEXT", "Anything else, in your own words; it is kept in the record"),
        "ask": option("--ask", "PERSON", whom),
        "id": option("--id", "ID", ID_HELP),
    }
    flags = {
        "preview": option("--preview", " ", PREVIEW_HELP),
        "signal": option("--signal", " ", "Send without waiting for the answer"),
        "json_": option("--json", " ", "Answer in JSON"),
    }
    return [
        _keyword("as_", Annotated[str, option("--as", "ROLE/PERSON", AS_HELP)]),
        *(_keyword(name, Annotated[str | None, made], None) for name, made in optional.items()),
        *(_keyword(name, Annotated[bool, made], False) for name, made in flags.items()),
    ]


def _keyword(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _parameter(field: str, info: FieldInfo) -> inspect.Parameter:
    flag = option_of(field)
    wanted = _plain_type(info.annotation)
    many = get_origin(wanted) is tuple
    item = _plain_type(get_args(wanted)[0]) if many else wanted
    text, metavar = info.description or field.replace("_", " ").capitalize(), METAVARS.get(item, "TEXT")
    if get_origin(item) is Literal:
        text, metavar = f"{text} ({', '.join(map(str, get_args(item)))})".strip(), "CHOICE"
    elif inspect.isclass(item) and issubclass(item, StrEnum):
        text, metavar = f"{text} ({', '.join(item)})".strip(), "CHOICE"
    elif item is Procedure:
        text, metavar = "A procedure by its key or letter; s47 procedure list has them", "PROCEDURE"
    elif inspect.isclass(item) and issubclass(item, Value):
        example = json.dumps(dict.fromkeys(item.model_fields, "…"), ensure_ascii=False)
        text, metavar = f"{text}, as JSON such as {example}", "JSON"
    text = escape(text)
    if item is bool:
        option = typer.Option(f"{flag}/--no-{flag.removeprefix('--')}", metavar=" ", help=text)
        default = inspect.Parameter.empty if info.is_required() else None
        return _keyword(field, Annotated[bool if info.is_required() else bool | None, option], default)
    if many:
        option = typer.Option(flag, metavar=metavar, help=f"{text}; you can repeat this")
        return _keyword(field, Annotated[list[str] | None, option], None)
    kind: Any = int if item is int else str
    option = typer.Option(flag, metavar=metavar, help=text, hidden=field == "moved_from")  # S47 itself fills that in
    if info.is_required():
        return _keyword(field, Annotated[kind, option])
    return _keyword(field, Annotated[kind | None, option], None)


def option_of(field: str) -> str:
    """The option by which a field is given: `--starts-at`."""
    return {"occurred_at": "--at", "by": "--as"}.get(field, f"--{field.replace('_', '-')}")


def as_options(name: str, reason: str) -> str:
    """A refusal that begins a line with a field's name, with the option that was typed instead."""
    fields = MESSAGES[name].model_fields if name in MESSAGES else {}

    def typed(match: re.Match[str]) -> str:
        return f"{option_of(match[1])}{match[2]}" if match[1] in fields else match[0]

    return re.sub(r"^([a-z0-9_]+)((?:\.[\w.]+)?: )", typed, reason, flags=re.MULTILINE)


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
        numbers = Number in get_args(wanted)
        return [_json_or_text(item) if numbers or item.lstrip().startswith("{") else item for item in given]
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
    body: dict[str, Any] = {}
    for change in changes:
        field, equals, typed = change.partition("=")
        field = {"at": "occurred_at"}.get(field.strip(), field.strip().replace("-", "_"))
        if not equals or not field:
            raise WronglyCalled(f"--set: write {change!r} as FIELD=VALUE, such as --set seen=no.")
        value = _corrected(fields.get(field), typed)
        if field in body:
            value = [*_as_list(body[field]), *_as_list(value)]
        body[field] = value
    return body


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _corrected(info: FieldInfo | None, typed: str) -> Any:
    wanted = _plain_type(info.annotation) if info else None
    if typed == "null":
        return None
    if get_origin(wanted) is tuple:
        return _as_list(_json_or_text(typed))
    if wanted is AwareDatetime or wanted is datetime:
        return _instant(typed)
    if wanted is bool:
        return {"yes": True, "true": True, "no": False, "false": False}.get(typed.strip().casefold(), typed)
    if wanted is Procedure:
        return _value(info, typed) if info else typed
    if wanted is int or wanted is None:
        return _json_or_text(typed)
    return typed


def _json_or_text(typed: str) -> Any:
    try:
        return json.loads(typed)
    except (ValueError, RecursionError):
        return typed


def _instant(typed: str) -> str:
    instant = in_london(typed)
    return instant.isoformat() if isinstance(instant, date) else typed
