"""The trace finds what is there and says what is not: on a small checkout made here, and on this project's own."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from starter.cases.reach import Failed
from starter.cli import app
from starter.trace import NOT_KINDS, Trace, checkout, trace

CATALOGUE = """
[timescale]
W-01 = "One"
W-02 = "Two"
P-01 = "Three"
P-02 = "Four"

["special path"]
SP-W-01 = "Five"
D-P-01 = "Six"

[question]
Q-26 = "Seven"

[context]
Q-26 = "it cannot be read"

[scenario]
A-01 = ["W-02", "P-02"]
"""
PROCEDURE = """
[procedure]
key = "first-words"
letter = "W"

[timescale.one]
cites = ["W-01",
         "SP-W-01"]  # W-02 is only talked about
words = "within the P-01 of it"
"""
TESTS = """
import pytest
from x import y

ROWS = ("D-P-01", "W-01")
pytestmark = pytest.mark.covers("P-01")


class TestOne:
    @pytest.mark.covers(*ROWS)
    async def test_two(self): ...


@pytest.mark.parametrize("row", [pytest.param(1, marks=pytest.mark.covers("SP-W-01"))])
def test_three(row): ...
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    for name, text in {
        "docs/catalogue.toml": CATALOGUE,
        "casework/procedures/first.toml": PROCEDURE,
        "casework/stages/one.py": '"""Nothing.\n\nIt is so (D-P-01, U-W-01)."""\n',
        "workflows/case.py": "# UTF-8 and A-100 and SP-W-010 are no rows; P-02 is\n",
        "activities/none.py": "",
        "tests/deep/test_it.py": TESTS,
        "tests/expected/w.toml": '[W-02]\ndue = "24 hours"\n',
        "tests/rows/w.toml": '[[W-02]]\nkind = "limit"\nrests_on = ["P-02"]\n',
        "scenarios/a.toml": 'procedure = "first-words"\ncatalogue = ["A-01"]\n',
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def found(traced: Trace, row: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    one = next(one for one in traced.rows if one.id == row)
    return one.implemented, one.shown


def test_every_planted_row_is_found_where_it_stands(small: Path) -> None:
    traced = trace(small)
    assert [row.id for row in traced.rows] == ["W-01", "W-02", "P-01", "P-02", "SP-W-01", "D-P-01", "Q-26"]
    two = "tests/deep/test_it.py::TestOne::test_two"
    assert found(traced, "W-01") == (("casework/procedures/first.toml:7",), (two,))
    assert found(traced, "SP-W-01") == (("casework/procedures/first.toml:8",), ("tests/deep/test_it.py::test_three",))
    assert found(traced, "D-P-01") == (("casework/stages/one.py:3",), (two,))
    # Neither a remark nor the source's own words are a citation; a mark of the whole file counts for the file.
    assert found(traced, "W-02") == ((), ("scenarios/a.toml", "tests/expected/w.toml", "tests/rows/w.toml"))
    assert found(traced, "P-01") == ((), ("tests/deep/test_it.py",))
    # A scenario shows the rows of the procedure that it is lived under, and no others.
    assert found(traced, "P-02") == (("workflows/case.py:1",), ())


def test_what_lacks_something_is_missing_and_context_lacks_nothing(small: Path) -> None:
    traced = trace(small)
    assert {row.id: row.lacking for row in traced.missing} == {
        "W-02": ("implementation",),
        "P-01": ("implementation",),
        "P-02": ("test",),
    }
    assert not traced.whole


def test_a_row_that_the_catalogue_does_not_have_is_told_of(small: Path) -> None:
    with (small / "casework/procedures/first.toml").open("a", encoding="utf-8") as file:
        file.write('\n[timescale.two]\ncites = ["W-77"]\n')
    (small / "tests/test_more.py").write_text('import pytest\n@pytest.mark.covers("A-02")\ndef test_it(): ...\n')
    assert trace(small).unknown == {
        "W-77": ("casework/procedures/first.toml:12",),
        "A-02": ("tests/test_more.py::test_it",),
    }


def test_without_a_checkout_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="is not a checkout of S47"):
        trace(tmp_path)


def test_the_command_fails_as_long_as_something_is_missing(small: Path) -> None:
    said = CliRunner().invoke(app, ["trace", "--checkout", str(small), "--missing", "--json"])
    assert said.exit_code == 1, said.output
    rows = json.loads(said.stdout)["rows"]
    assert [row["id"] for row in rows] == ["W-02", "P-01", "P-02"]
    assert rows[0]["lacking"] == ["implementation"]
    (small / "casework/stages/two.py").write_text("# W-02, P-01\n")
    (small / "tests/rows/p.toml").write_text("[P-02]\n")
    said = CliRunner().invoke(app, ["trace", "--checkout", str(small)])
    assert said.exit_code == 0, said.output
    assert "7 rows, 1 of them only context" in said.stdout


def test_the_command_says_plainly_that_there_is_no_checkout(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-c", "from starter.cli import main; main()", "trace", "--checkout", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert said.returncode == 1
    assert "An installed S47 comes without" in " ".join(said.stderr.split())
    assert "Traceback" not in said.stderr


def test_the_projects_own_catalogue_has_every_row() -> None:
    traced = trace(checkout())
    count = {kind: sum(row.kind == kind for row in traced.rows) for kind in dict.fromkeys(r.kind for r in traced.rows)}
    assert count == {
        "timescale": 46,
        "no amount": 41,
        "conflict": 15,
        "decision": 77,
        "role": 63,
        "form": 55,
        "meeting": 22,
        "notice": 38,
        "special path": 48,
        "question": 30,
        "practice duty": 56,
    }
    assert not traced.unknown
    ids = [row.id for row in traced.rows]
    assert len(ids) == len(set(ids))
    # The rows of each prefix are numbered without a gap.
    for prefix in {row.rpartition("-")[0] for row in ids}:
        numbers = sorted(int(row.rpartition("-")[2]) for row in ids if row.rpartition("-")[0] == prefix)
        assert numbers == list(range(1, len(numbers) + 1)), prefix
    assert all(re.fullmatch(r"[A-Z0-9].{3,110}", row.title) for row in traced.rows)
    assert {row.id for row in traced.rows if row.context} <= {f"C-{n:02}" for n in range(1, 16)} | {"PD-B-40", "Q-26"}
    assert NOT_KINDS == ("context", "scenario")
