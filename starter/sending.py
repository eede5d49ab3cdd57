"""`s47 send CASE MESSAGE …`: one command per message, its options made from the message's own model."""

import inspect
import json
from collections.abc import Callable
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, get_args, get_origin
from uuid import uuid4

import typer
from pydantic import AwareDatetime
from pydantic.fields import FieldInfo

from casework.messages import Message
from casework.model import Value
from casework.procedure import Procedure
from casework.procedure_files import load as load_procedure
from casework.stages import MESSAGES
from connection.settings import settings
from starter.rehearsal.scenario import in_london, who

Send = Callable[[list[str], str, dict[str, Any], bool, bool], None]
"""Called with the cases, the message's name, its body, whether by Signal, and whether to answer in JSON."""

OWN = ("id", "occurred_at", "by", "note", "ask")


def commands(send: Send) -> typer.Typer:
    """The group of commands, one per message, for the cases named before it."""
    group = typer.Typer(no_args_is_help=True, help="Say that something happened on a case; several: R-1,R-2")
    cases: list[str] = []

    @group.callback()
    def case(
        reference: Annotated[str, typer.Argument(metavar="CASE", help="The case's reference; several: R-1,R-2")],
    ) -> None:
        cases[:] = [one.strip() for one in reference.split(",") if one.strip()]
        if not cases:
            raise typer.BadParameter("name at least one case")

    for name, kind in MESSAGES.items():
        group.command(name, help=(kind.__doc__ or "").strip())(_command(name, kind, cases, send))
    return group


def _command(name: str, kind: type[Message], cases: list[str], send: Send) -> Callable[..., None]:
    """The function behind one command, with a parameter for every field of the message."""

    def run(**given: Any) -> None:
        body: dict[str, Any] = {
            "id": given["id"] or f"m-{uuid4().hex[:12]}",
            "occurred_at": _instant(given["at"]) if given["at"] else datetime.now().astimezone().isoformat(),
            "by": who(given["as_"]),
        }
        body |= {field: given[field] for field in ("note", "ask") if given[field]}
        for field in kind.model_fields:
            value = given.get(field)
            if field not in OWN and value not in (None, [], ()):
                body[field] = _value(kind.model_fields[field], value)
        send(list(cases), name, body, given["signal"], given["json_"])

    fields = [_parameter(field, info) for field, info in kind.model_fields.items() if field not in OWN]
    run.__signature__ = inspect.Signature([*_own(), *fields])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*_own(), *fields)}
    run.__name__ = name
    return run


def _own() -> list[inspect.Parameter]:
    """What every message is sent with."""
    said = "When it happened, as 2026-04-08T10:00 (London time) or with a zone; now, if left out"
    return [
        _keyword(
            "as_",
            Annotated[
                str, typer.Option("--as", metavar="ROLE/PERSON", help="Who says so, such as 'social worker/sw-14'")
            ],
        ),
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
