"""The words that people see: mistakes are said in our own sentences, and in plain ones."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_core._pydantic_core import list_all_errors

from casework.messages import MESSAGES, Message
from casework.mistakes import PATTERNS, SENTENCES, plain, problems
from starter.cases.reach import Opening
from starter.cli.sending import as_options
from starter.rehearsal.scenario import Scenario
from tests.office import ROOT

WITH_THEIR_OWN_WORDS = ("value_error", "assertion_error", "literal_error", "enum", "string_pattern_mismatch")
NOT_PLAIN = (
    *("thereof", "hereby", "whereof", "heretofore", "shall", "aforesaid", "that very", "this very", "nothing of it"),
    *(
        "owed again",
        "would lose its ground",
        "yet to come",
        "is no longer so",
        "may not send",
        "its day already",
        "of fewer than two",
        "runs any more",
        "No records' database",
        "says that it is done",
    ),
    *("NoneType", "ValidationError", "Traceback", "pydantic", "Input should", "Value error", "TypeError"),
)
"""What a social worker would stumble over."""
WRONG_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        5,
        -1,
        1.5,
        10**400,
        "",
        "x",
        "x" * 20_000,
        "\x00",
        "!",
        "yesterday",
        "2026-02-31",
        "2026-04-07T10:00",
    ),
    *([], [[]], [None], ["x"] * 100, {}, {"x": 1}, {1: 2}, b"\xff"),
)


@pytest.mark.parametrize("error", list_all_errors(), ids=lambda error: str(error["type"]))
def test_no_mistake_is_said_in_pydantic_s_words(error: dict[str, Any]) -> None:
    """Whatever kind of mistake pydantic finds, now or one day: our sentence, or a general one."""
    raw = str(error["example_message_python"])
    item = {"type": error["type"], "input": "what was written", "ctx": error["example_context"] or {}, "msg": raw}
    words = plain(item)
    assert words.endswith(".") or error["type"] in WITH_THEIR_OWN_WORDS, words
    assert "{" not in words.replace('{"role"', "") and raw not in words, words


@pytest.mark.parametrize("kind", [*MESSAGES.values(), Opening, Scenario], ids=lambda kind: str(kind.__name__))
def test_every_mistake_that_our_models_find_has_a_sentence(kind: type[Message]) -> None:
    whole: dict[str, Any] = {
        "id": "m-1",
        "occurred_at": "2026-04-07T10:00:00Z",
        "by": {"role": "police", "person": "pc"},
    }
    for field in ("no_such_field", *kind.model_fields):
        for value in WRONG_VALUES:
            try:
                kind.model_validate({**whole, field: value})
            except ValidationError as error:
                assert problems(error)
                for item in error.errors():
                    has_one = item["type"] in SENTENCES or item["type"] in WITH_THEIR_OWN_WORDS
                    assert has_one, (field, value, item["type"])
                    if item["type"] == "string_pattern_mismatch":
                        assert item["ctx"]["pattern"] in PATTERNS, (field, item["ctx"])
                    if item["type"] != "value_error":
                        assert str(item["msg"]) not in plain(dict(item))


def texts_of(path: Path) -> Iterator[str]:
    """The texts in a module that people may see: all that are not there for whoever reads the code."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_readers = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in for_readers:
            yield node.value


def test_people_read_plain_words() -> None:
    unfinished = [
        f"{path.relative_to(ROOT)}: {text.strip()!r}"
        for folder in ("casework", "starter", "activities")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for text in texts_of(path)
        if re.search("|".join(rf"\b{re.escape(words)}\b" for words in NOT_PLAIN), text)
    ]
    unfinished += [
        f"{name}: {kind.__doc__}" for name, kind in MESSAGES.items() if not (kind.__doc__ or "").endswith(".")
    ]
    assert unfinished == []


def test_a_refusal_names_the_option_that_was_typed() -> None:
    refused = "occurred_at: Thu 1 Jan 2099 is in the future.\nby: you cannot record this.\nNote: nothing."
    typed = "--at: Thu 1 Jan 2099 is in the future.\n--as: you cannot record this.\nNote: nothing."
    assert as_options("child_visited", refused) == typed
    assert as_options("strategy_outcome", "actions.0.due: write a day.") == "--actions.0.due: write a day."
