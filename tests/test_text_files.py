"""What people write in files: whatever is in one, it is read, or refused in clear lines and never otherwise."""

import asyncio
import io
import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from casework import text_files
from casework.procedure_files import WrongProcedure
from casework.procedure_files import load as load_procedure
from casework.text_files import DEEPEST, LARGEST, WrongFile, text_of, values_in
from starter.cases import referral_file
from starter.cases.reach import NotAccepted
from starter.rehearsal.run import rehearse
from starter.rehearsal.scenario import Scenario, load
from tests.lives import examples
from tests.office import ROOT
from tests.spoiling import spoilt_by_hand, toml, words_of

REFERRAL = (ROOT / "examples" / "referral.toml").read_text(encoding="utf-8")
SCENARIOS = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "scenarios").glob("*.toml"))}
SCENARIO_WORDS = words_of(SCENARIOS.values())
TOO_MANY_DIGITS = "a whole number in it has too many digits"
TOO_DEEP = f"tables or lists in it are more than {DEEPEST} deep"
NO_TEXT = "a text in it has a character that cannot be stored"
NO_NUMBER = "a number in it is infinite, or is not a number"
NOT_UTF8 = "this is not a text file in UTF-8"
WRONG: dict[str, tuple[bytes, str]] = {
    "a number of 5,000 digits": (b"a = " + b"1" * 5000, TOO_MANY_DIGITS),
    "one of 5,000 hexadecimal digits": (b"a = 0x" + b"f" * 5000, TOO_MANY_DIGITS),
    "one that only Python reads": (b"a = [1, 9223372036854775808]", TOO_MANY_DIGITS),
    "lists 20,000 deep": (b"a = " + b"[" * 20_000, TOO_DEEP),
    "lists 21 deep": (b"a = " + b"[" * 21 + b"]" * 21, TOO_DEEP),
    "tables 20,000 deep": (b"a = " + b"{a=" * 20_000, TOO_DEEP),
    "names 20,000 deep": (b"a" + b".a" * 20_000 + b" = 1", TOO_DEEP),
    "UTF-16": ("a = 1".encode("utf-16"), NOT_UTF8),
    "Latin-1": ("a = 'é'".encode("latin-1"), NOT_UTF8),
    "a NUL": (b"a = 'x\0'", "this is not valid TOML: "),
    "a NUL by its number": (b'a = ["x\\u0000"]', NO_TEXT),
    "infinity": (b"a = inf", NO_NUMBER),
    "more than is read": (b"#" * (LARGEST + 1), "this is too long. It can have 500,000 bytes at most"),
    "no TOML": (b"a =", "this is not valid TOML: "),
}
WRONG_JSON: dict[str, tuple[bytes, str]] = {
    "a number of 5,000 digits": (b'{"a": ' + b"1" * 5000 + b"}", TOO_MANY_DIGITS),
    "lists 20,000 deep": (b'{"a": ' + b"[" * 20_000, TOO_DEEP),
    "objects 21 deep": (b'{"a": ' * 21 + b"1" + b"}" * 21, TOO_DEEP),
    "a NUL": (b'{"a\\u0000": 1}', NO_TEXT),
    "half a character": (b'{"a": "\\ud83d"}', NO_TEXT),
    "no number": (b'{"a": NaN}', NO_NUMBER),
    "a number beyond all": (b'{"a": 1e999}', NO_NUMBER),
    "no JSON": (b"{", "this is not valid JSON: "),
}


def read_toml(path: Path) -> object:
    return values_in(text_of(path), str(path))


def read_either(path: Path) -> object:
    return values_in(text_of(path), str(path), or_json=True)


CASES = [
    *(
        pytest.param(read, *case, id=f"{read.__name__}: {name}")
        for read in (read_toml, load)
        for name, case in WRONG.items()
    ),
    *(
        pytest.param(read, *case, id=f"{read.__name__}: {name}")
        for read in (read_either, referral_file.read)
        for name, case in {**WRONG, **WRONG_JSON}.items()
    ),
]


@pytest.mark.parametrize(("read", "content", "words"), CASES)
def test_what_cannot_be_read_is_said_in_one_line(
    tmp_path: Path, read: Callable[[Path], object], content: bytes, words: str
) -> None:
    path = tmp_path / "life.toml"
    path.write_bytes(content)
    with pytest.raises(WrongFile) as wrong:
        read(path)
    message = str(wrong.value)
    assert message.startswith(f"{path}: {words}") and "\n" not in message and len(message) < 300, message


@pytest.mark.parametrize("read", [read_toml, load, referral_file.read])
def test_what_is_no_file_is_named(tmp_path: Path, read: Callable[[Path], object]) -> None:
    for path, words in (
        (tmp_path, "Is a directory"),
        (tmp_path / "nowhere.toml", "No such file or directory"),
        (tmp_path / "no\0name", "embedded null byte"),
        (Path("/dev/zero"), "this is too long. It can have 500,000 bytes at most"),
    ):
        with pytest.raises(WrongFile) as wrong:
            read(path)
        assert str(wrong.value) == f"{path}: {words}"


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    referral, scenario = tmp_path / "referral.toml", tmp_path / "life.toml"
    written = (ROOT / "examples/referral.toml").read_bytes()
    referral.write_bytes(b"\xef\xbb\xbf" + written)
    scenario.write_bytes(b"\xef\xbb\xbf" + (ROOT / "scenarios/a-20-whole-life.toml").read_bytes())
    assert referral_file.read(referral) == referral_file.read(io.BytesIO(written))
    assert load(scenario) == load(ROOT / "scenarios/a-20-whole-life.toml")


def test_what_is_just_small_enough_is_read() -> None:
    nested = "[" * (DEEPEST - 1) + "]" * (DEEPEST - 1)
    assert values_in(f"a = {nested}\nb = {2**63 - 1}", "x")["b"] == text_files.WIDEST - 1
    assert len(text_of(io.BytesIO(b" " * LARGEST))) == LARGEST


words = st.text(max_size=12) | st.sampled_from(
    ["2026-04-07T09:00:00", "0001-01-01", "9999-12-31T23:59:59Z", "P", "police/p-1"]
)
numbers = st.integers(-(2**70), 2**70) | st.floats() | st.booleans() | st.none()
fields = st.sampled_from(
    ["title", "procedure", "reference", "message", "at", "by", "send", "arrives", "expect", "due", "until", "person"]
) | st.text(max_size=8)
values = st.recursive(
    words | numbers, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(fields, inner), max_leaves=12
)
objects = st.dictionaries(fields, values, max_size=6)


anything = (
    st.binary(max_size=200)
    | objects.map(lambda made: json.dumps(made).encode())
    | objects.map(lambda made: "\n".join(f"{json.dumps(key)} = {toml(value)}" for key, value in made.items()).encode())
)


def is_read_or_refused(content: bytes, *readers: Callable[[Path], object]) -> object:
    """What the last of the readers makes of a file; None where that is refused, in clear lines."""
    made: object = None
    with tempfile.NamedTemporaryFile(suffix=".toml") as file:
        Path(file.name).write_bytes(content)
        for read in readers:
            try:
                made = read(Path(file.name))
            except (NotAccepted, WrongFile) as wrong:
                assert str(wrong).strip()
                made = None
            else:
                assert to_json(made)  # so whatever was read can be passed on
    return made


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow])  # making them is the slow part
@given(anything)
def test_whatever_is_in_a_file_it_is_read_or_refused(content: bytes) -> None:
    is_read_or_refused(content, read_either, referral_file.read, load)


@settings(max_examples=examples(60))
@given(st.randoms(use_true_random=False))
def test_a_spoilt_referral_is_read_or_refused(chance: random.Random) -> None:
    is_read_or_refused(spoilt_by_hand(REFERRAL, words_of([REFERRAL]), chance).encode(), referral_file.read)


@settings(max_examples=examples(60))
@given(st.sampled_from(sorted(SCENARIOS)), st.randoms(use_true_random=False))
def test_a_spoilt_scenario_is_read_or_refused(stem: str, chance: random.Random) -> None:
    is_read_or_refused(spoilt_by_hand(SCENARIOS[stem], SCENARIO_WORDS, chance).encode(), load)


@settings(max_examples=examples(6))
@given(st.sampled_from(sorted(SCENARIOS)), st.randoms(use_true_random=False))
def test_a_spoilt_scenario_that_is_read_is_rehearsed_to_its_end(stem: str, chance: random.Random) -> None:
    scenario = is_read_or_refused(spoilt_by_hand(SCENARIOS[stem], SCENARIO_WORDS, chance, most=1).encode(), load)
    if isinstance(scenario, Scenario):
        try:
            rehearsed = asyncio.run(rehearse(scenario, load_procedure(scenario.procedure)))
        except (NotAccepted, WrongProcedure, WrongFile) as refused:
            assert str(refused).strip()
        else:
            assert rehearsed.checks or not scenario.message
