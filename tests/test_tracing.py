"""Every row of the catalogue is implemented, and held by a test; and the plugin that says so finds what is not."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests import tracing
from tests.tracing import CATALOGUE, CONTEXT, ROOT, ROWS, SCENARIOS, gathered, problems


def test_every_row_is_implemented_and_held() -> None:
    """As `python -m pytest --trace-rows` says for all the tests there are."""
    traced = subprocess.run(
        [sys.executable, "-m", "pytest", "--trace-rows", "-q", "-p", "no:cacheprovider", "-n", "0"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert traced.returncode == 0, traced.stdout[-3000:]
    assert f"{len(ROWS)} rows, {len(CONTEXT)} of them only context; 0 problems." in traced.stdout


def test_what_is_missing_or_misspelt_is_said() -> None:
    everywhere = {row: ["somewhere"] for row in ROWS}
    assert problems(everywhere, everywhere) == []
    assert problems({row: [] for row in ROWS if row != "W-05"}, everywhere) == ["W-05 is implemented nowhere"]
    without_a_test = {row: places for row, places in everywhere.items() if row not in ("P-02", *CONTEXT)}
    assert problems(everywhere, without_a_test) == ["P-02 is held by no test"]
    assert problems(everywhere, {**everywhere, "W-77": ["test_x"]}) == ["W-77 is no row of the catalogue: test_x"]
    assert problems({**everywhere, "X-01": ["process-map.timescale.ours"]}, everywhere) == []


def test_a_row_is_found_where_a_procedure_cites_it_and_where_the_code_names_it(tmp_path: Path) -> None:
    rules = {"timescale": {"visit": {"cites": ["W-05", "SP-W-01"], "words": "P-02"}}, "gate": [{"cites": ["D-P-01"]}]}
    places = {"W-05": ["ours.timescale.visit"], "SP-W-01": ["ours.timescale.visit"], "D-P-01": ["ours.gate.0"]}
    assert gathered(tracing.cited(rules, "ours")) == places
    (tmp_path / "casework").mkdir()
    (tmp_path / "casework/one.py").write_text("# It is so (D-P-01, U-W-77).\n# UTF-8, A-100 and SP-W-010 are none.\n")
    assert gathered(tracing.named(tmp_path)) == {"D-P-01": ["one.py:1"]}


def test_a_scenario_shows_the_rows_of_the_procedure_that_it_is_lived_under() -> None:
    assert tracing.rows_of_scenario(["A-04", "Q-01"], "T") == ["A-04", "T-01", "Q-01"]
    assert {row for rows in SCENARIOS.values() for row in rows} <= ROWS.keys()


def test_the_catalogue_is_whole() -> None:
    """Each row once, numbered without a gap, with a title."""
    assert {kind: len(rows) for kind, rows in CATALOGUE.items()} == {
        "timescale": 46, "no amount": 41, "conflict": 15, "decision": 77, "role": 63, "form": 55,
        "meeting": 22, "notice": 38, "special path": 48, "question": 30, "practice duty": 56,
    }  # fmt: skip
    assert len(ROWS) == sum(map(len, CATALOGUE.values()))
    for prefix, count in Counter(row.rpartition("-")[0] for row in ROWS).items():
        assert {f"{prefix}-{number:02}" for number in range(1, count + 1)} <= ROWS.keys(), prefix
    assert all(re.fullmatch(r"[A-Z0-9].{3,110}", title) for title in ROWS.values())
    assert CONTEXT.keys() <= {*(f"C-{number:02}" for number in range(1, 16)), "PD-B-40", "Q-26"}
