"""A pytest plugin that says of every row of `docs/catalogue.toml` where it is implemented and which tests hold it.

    python -m pytest --trace-rows

runs no test: it collects them all and prints the table. A row is implemented where a procedure cites it or the code
names it, and held by the tests that are marked `covers(row)`. It fails when a row lacks either, or when something names
a row that the catalogue does not have.
"""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from casework.procedure_files import load, shipped

ROOT = Path(__file__).parents[1]
CATALOGUE = tomllib.loads((ROOT / "docs" / "catalogue.toml").read_text(encoding="utf-8"))
CONTEXT: dict[str, str] = CATALOGUE.pop("context")
"""The rows that ask for no behaviour of their own, and why."""
SCENARIOS: dict[str, list[str]] = CATALOGUE.pop("scenario")
"""The acceptance scenarios, and the rows that each shows."""
ROWS: dict[str, str] = {row: title for rows in CATALOGUE.values() for row, title in rows.items()}
ROW = re.compile(r"(?<![\w-])(?:(?:U|D|R|F|MT|NT|SP|PD)-)?[A-Z]-\d\d(?![\w-])")
CODE = ("casework", "workflows", "activities")
PLACES = 2
"""How many places are printed of a row."""

Places = dict[str, list[str]]


def rows_of_scenario(ids: Iterable[str], letter: str) -> list[str]:
    """The rows that a scenario shows: those it names, and of an acceptance scenario's those of its own procedure."""
    of_letter = re.compile(rf"(?:[A-Z]+-)?{letter}-\d\d")
    return [row for name in ids for row in (name, *filter(of_letter.fullmatch, SCENARIOS.get(name, ())))]


def cited(rules: Any, where: str) -> Iterator[tuple[str, str]]:
    """Each row that a procedure (as nested tables) cites, and which of its rules does."""
    for key, value in rules.items() if isinstance(rules, dict) else enumerate(rules):
        if key == "cites":
            yield from ((row, where) for row in value)
        elif isinstance(value, dict | list):
            yield from cited(value, f"{where}.{key}")


def named(root: Path) -> Iterator[tuple[str, str]]:
    """Each row that the code names, and where. Other words look like rows, too: what is none is passed over."""
    for path in sorted(path for part in CODE for path in (root / part).rglob("*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            yield from ((row, f"{path.name}:{number}") for row in ROW.findall(line) if row in ROWS)


def implemented() -> Places:
    """Where each row is implemented: in procedures and in the code."""
    procedures = [(path.stem, load(path.stem).model_dump(mode="json")) for path in shipped()]
    return gathered([*(cites for stem, rules in procedures for cites in cited(rules, stem)), *named(ROOT)])


def gathered(pairs: Iterable[tuple[str, str]]) -> Places:
    """The places of each row, each once."""
    places: dict[str, dict[str, None]] = defaultdict(dict)
    for row, place in pairs:
        places[row][place] = None
    return {row: list(known) for row, known in places.items()}


def problems(made: Places, held: Places) -> list[str]:
    """What is missing, and what is misspelt."""
    asking = [row for row in ROWS if row not in CONTEXT]
    return [
        *(f"{row} is implemented nowhere" for row in asking if row not in made),
        *(f"{row} is held by no test" for row in asking if row not in held),
        *(
            f"{row} is no row of the catalogue: {places[0]}"
            for rows in (made, held)
            for row, places in rows.items()
            if row not in ROWS and row not in SCENARIOS and not row.startswith("X-")  # an authority's own rule
        ),
    ]


# --- The plugin ---------------------------------------------------------------------------------------------------

HELD = pytest.StashKey[Places]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--trace-rows", action="store_true", help="say of each row where it is implemented, and what holds it"
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--trace-rows"):
        held = ((row, item) for item in items for mark in item.iter_markers("covers") for row in mark.args)
        config.stash[HELD] = gathered((row, item.nodeid.rpartition("/")[2]) for row, item in held)
        items.clear()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if HELD in session.config.stash and session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = int(bool(problems(implemented(), session.config.stash[HELD])))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if HELD not in config.stash:
        return
    made, held = implemented(), config.stash[HELD]
    for row, title in ROWS.items():
        terminalreporter.write_line(f"{row:8} {title}")
        terminalreporter.write_line(f"         implemented: {CONTEXT.get(row) or _first(made.get(row, []))}")
        terminalreporter.write_line(f"         held by: {_first(held.get(row, []))}")
    lacking = problems(made, held)
    for line in lacking:
        terminalreporter.write_line(f"✗ {line}", red=True)
    terminalreporter.write_line(f"{len(ROWS)} rows, {len(CONTEXT)} of them only context; {len(lacking)} problems.")


def _first(places: list[str]) -> str:
    more = f" and {len(places) - PLACES} more" if len(places) > PLACES else ""
    return ", ".join(places[:PLACES]) + more if places else "-"
