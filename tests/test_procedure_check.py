"""`s47 procedure check`: whatever is in a file, it is a procedure or it is said what is wrong; never a traceback."""

import json
import random
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casework import procedure as rules
from casework.procedure_files import MOST_PROBLEMS, WrongProcedure, load, parse, read, shipped
from casework.procedure_problems import MOST_BYTES, MOST_OF_A_NAME, MOST_OF_A_TEXT, MOST_OF_ALL_NAMES
from starter.cli.app import main
from tests.lives import EXAMPLE, PROFILE
from tests.office import ROOT
from tests.spoiling import spoilt_by_hand, toml, words_of

SHIPPED = {path.stem: path.read_text(encoding="utf-8") for path in shipped()}
OURS = (EXAMPLE / "example.toml").read_text(encoding="utf-8")
TIMESCALE = """
[timescale."{name}"]
duty = "Do it"
should = ["P-01", "it is done"]
from = "section 47 initiated"
within = "24 hours"
met_by = "duty done"
"""


def many(count: int, length: int) -> str:
    """So many timescales with names of that many characters."""
    return OURS + "".join(TIMESCALE.format(name=f"{number:04}-".ljust(length, "x")) for number in range(count))


def line(start: str) -> int:
    """The number of the line that starts so."""
    return next(number for number, text in enumerate(OURS.split("\n"), 1) if text.startswith(start))


def spoilt(was: str, becomes: str) -> bytes:
    assert was in OURS
    return OURS.replace(was, becomes, 1).encode()


WRONG: dict[str, tuple[bytes, list[str]]] = {
    "nothing": (b"", ["ours.toml: procedure: this is missing and is needed", "role: this is missing"]),
    "a number of 5,000 digits": (
        spoilt('version = "1"', "version = " + "9" * 5000),
        [f":{line('version')}: this line is longer than"],
    ),
    "over several lines": (
        spoilt('version = "1"', f"version = [\n{'9,' * 900}\n{'9' * 1900}]"),
        ["a whole number in it has too many digits"],
    ),
    "a number": (
        spoilt('version = "1"', "version = 1"),
        [f":{line('version')}: procedure.version: write this as text, in quotes"],
    ),
    "a date": (
        spoilt('version = "1"', "version = 2027-01-01"),
        [f":{line('version')}: procedure.version: write this as text"],
    ),
    "lists 20,000 deep": (spoilt('version = "1"', "version = " + "[\n" * 20_000), ["more than 20 deep"]),
    "tables 20,000 deep": (OURS.encode() + b"\n[a" + b".a" * 20_000 + b"]\n", ["this line is longer than"]),
    "tables 900 deep": (OURS.encode() + b"\n[a" + b'."a b"' * 300 + b"]\n", ["tables or lists in it are more than 20"]),
    "Latin-1": (spoilt("Police", "Polïce").decode().encode("latin-1"), ["this is not a text file in UTF-8"]),
    "UTF-16": (OURS.encode("utf-16"), ["this is not a text file in UTF-8"]),
    "a null character": (spoilt("Police", "Pol\0ce"), ["this is not valid TOML"]),
    "a null character by its number": (spoilt("Police", "Pol\\u0000ce"), ["a text in it has a character"]),
    "a line break within a text": (
        spoilt("Police", "Pol\\nce"),
        [f":{line('police')}: role.police.label: the character U+000A (a control character) cannot stand here"],
    ),
    "a space that is none": (
        spoilt('police = { kind = "police"', '"police\u00a0officer" = { kind = "police"'),
        [f":{line('[role]')}: role: the name 'police\\xa0officer': the character U+00A0 (NO-BREAK SPACE)"],
    ),
    "a text that is too long": (
        spoilt("Visit the family home and see the child", "é" * 151),
        [f":{line('[timescale.child-seen]') + 1}: timescale.child-seen.duty: this is too long: 302 bytes; it has 300"],
    ),
    "a name that is too long": (
        spoilt("[timescale.child-seen]", f"[timescale.{'x' * 61}]"),
        ["timescale: the name 'xxxx", "this is too long: 61 bytes; it has 60 at most"],
    ),
    "names that the Web UI cannot list": (
        many(50, 53).encode(),
        [f":{line('[timescale')}: timescale: the names of all 66 have", "shorten them to 2,000 at most"],
    ),
    "too many timescales": (many(400, 5).encode(), ["timescale: the names of all 416 have"]),
    "roles that the Web UI cannot list": (
        spoilt(
            "[role]\n",
            "[role]\n" + "".join(f'"{number:055}" = {{ kind = "agency", label = "A" }}\n' for number in range(40)),
        ),
        [f":{line('[role]')}: role: the names of all 49 have"],
    ),
    "more than is read": (OURS.encode() + b"#" * 500_000, ["this is too long. It can have 500,000 bytes at most"]),
    "a thousand mistakes": (
        OURS.replace("duty = ", "dutty = ").encode() + b"".join(b'\n[gate.m%d]\nneeds = "x"' % n for n in range(1000)),
        ["timescale.child-seen.dutty: there is no such setting", "ours.toml: and there is more"],
    ),
    "lists for tables": (
        b"procedure = []\nrole = []\ntimescale = []\nprompt = []\ngate = []\nusual = []\n",
        ["ours.toml:3: timescale: write a table for each: [timescale.NAME]", "ours.toml:6: usual.: [usual] is a table"],
    ),
    "texts for tables": (
        b'procedure = "P"\nrole = "a"\ntimescale = "b"\nassessment = "c"\nanswer = "d"\n',
        ["ours.toml:1: procedure: write a table here", "ours.toml:5: answer: write a table for each: [answer.NAME]"],
    ),
    "texts for rules": (
        b'[timescale]\na = "b"\n[form]\na = [{}]\n[answer]\na = true\n',
        ["ours.toml:2: timescale.a: write a table here: [timescale.NAME]", "ours.toml:6: answer.a: write a table here"],
    ),
    "values by the thousand": (
        spoilt('when = { which = "initial" }', f"when = {{ which = {['initial', 'review'] * 15} }}"),
        ["gate.conference_scheduled.when: give each field a value, or a few"],
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_file_that_cannot_be_used_says_why_and_no_more_than_anybody_reads(kind: str, tmp_path: Path) -> None:
    content, says = WRONG[kind]
    path = tmp_path / "ours.toml"
    path.write_bytes(content)
    with pytest.raises(WrongProcedure) as refused:
        read(path)
    message = str(refused.value)
    for part in says:
        assert part in message, message
    assert len(message.splitlines()) <= MOST_PROBLEMS + 1
    assert all(line.startswith(str(path)) for line in message.splitlines()), message
    assert max(map(len, message.splitlines())) < 700, message
    assert re.sub(r"[\n]", "", message).isprintable(), message


def test_each_bound_is_reached_and_not_passed() -> None:
    text, name = "é" * (MOST_OF_A_TEXT // 2), "x" * MOST_OF_A_NAME
    ours = OURS.replace("Visit the family home and see the child", text).replace(
        "timescale.child-seen", f"timescale.{name}"
    )
    assert parse(ours, "ours.toml").timescale[name].duty == text
    assert len(parse(many(29, 53), "ours.toml").timescale) == 42
    assert MOST_OF_A_TEXT < MOST_OF_ALL_NAMES < 2_048 < MOST_BYTES


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_bytes(b"\xef\xbb\xbf" + OURS.replace('key = "example"', 'key = "ours"').encode())
    assert read(tmp_path / "ours.toml").about.key == "ours"
    assert load("ours", [tmp_path]).about.key == "ours"


def test_rules_that_are_too_much_for_a_case_when_written_out_are_refused() -> None:
    """A file that is short enough may say more than a case can carry."""
    why = "very long words " * 14
    values = ["child-seen", "core-group", "first-review", "plan-visit", "later-review"] * 4
    blocks = f"blocks.duty_done = {{ when = {{ duty = {json.dumps(values)} }}, because = {json.dumps(why)} }}\n"
    text = OURS + "".join(TIMESCALE.format(name=f"d{number}") + blocks for number in range(40))
    with pytest.raises(WrongProcedure, match=r"whole file: these rules have \d{3},\d{3} bytes .* 200,000 at most"):
        parse(text, "ours.toml")


def test_a_base_set_that_makes_it_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text(many(29, 53).replace('key = "example"', 'key = "ours"'), encoding="utf-8")
    assert load("ours", [tmp_path]).about.key == "ours"
    with pytest.raises(WrongProcedure, match=r"ours cannot be completed with WT: the names of all \d+ have"):
        load("ours+WT", [tmp_path])


def checked(path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[object, str, str]:
    """What `s47 procedure check` answers of a file: its code, and what it prints."""
    monkeypatch.setattr("sys.argv", ["s47", "procedure", "check", str(path)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code, *capsys.readouterr()


def test_the_command_says_what_is_wrong_and_shows_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ours.toml"
    for content, _ in WRONG.values():
        path.write_bytes(content)
        code, out, err = checked(path, monkeypatch, capsys)
        assert (code, out) == (1, "") and err.startswith("✗ ") and "Traceback" not in err, err
    code, out, err = checked(tmp_path, monkeypatch, capsys)
    assert (code, out) == (1, "") and "Is a directory" in err
    code, out, err = checked(ROOT / "casework/procedures/process-map.toml", monkeypatch, capsys)
    assert (code, err) == (0, "") and out.startswith("✓ Child Protection Process Map (process-map, version 1")


# --- Whatever is in a file ----------------------------------------------------------------------------------------


some = settings(max_examples=20) if PROFILE == "repeatable" else settings()
words = words_of(SHIPPED.values())
values = st.recursive(
    st.sampled_from(words) | st.text(max_size=20) | st.booleans() | st.integers(-5, 10**20) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(words), inner, max_size=3),
    max_leaves=6,
)


def is_read_or_refused(content: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".toml") as file:
        path = Path(file.name)
        path.write_bytes(content)
        try:
            procedure = read(path)
        except WrongProcedure as refused:
            message = str(refused).splitlines()
            assert message and all(
                line.startswith(file.name) and len(line) > len(file.name) + 10 for line in message
            ), message
        else:
            assert rules.Procedure.model_validate_json(procedure.as_json) == procedure


@some
@given(st.sampled_from(sorted(SHIPPED)), st.randoms(use_true_random=False))
def test_a_spoilt_file_is_read_or_refused(stem: str, chance: random.Random) -> None:
    is_read_or_refused(spoilt_by_hand(SHIPPED[stem], words, chance).encode())


@some
@given(st.sampled_from(sorted(SHIPPED)), st.integers(0, 10_000), values)
def test_a_setting_that_is_anything_is_read_or_refused(stem: str, which: int, value: Any) -> None:
    settings = [*re.finditer(r"(?m)^([\w.\"-]+ = )(.*[^\[\n])$", SHIPPED[stem])]
    setting = settings[which % len(settings)]
    text = SHIPPED[stem]
    is_read_or_refused((text[: setting.start(2)] + toml(value) + text[setting.end(2) :]).encode())


@pytest.mark.parametrize("part", rules.Procedure.model_fields)
@some
@given(value=values)
def test_a_part_that_is_anything_is_refused(part: str, value: Any) -> None:
    part = "procedure" if part == "about" else part
    is_read_or_refused(f"{part} = {toml(value)}\n".encode())


@some
@given(st.binary(max_size=300))
def test_bytes_are_read_or_refused(content: bytes) -> None:
    is_read_or_refused(content)
    is_read_or_refused(OURS.encode() + b"\n" + content)
