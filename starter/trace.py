"""Which rows of the catalogue are implemented, where, and which tests show it: found by reading the files.

It works on a checkout of the project. `docs/catalogue.toml` is the list of all rows; a row is implemented where a
procedure file cites it or the code names it, and shown where a test's `covers` mark, a scenario's `catalogue` or one
of the tests' tables names it.
"""

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import Field
from rich.markup import escape
from rich.table import Table

from casework.model import Value
from starter.cases.reach import Failed
from starter.cli import words

CATALOGUE = Path("docs", "catalogue.toml")
NOT_KINDS = ("context", "scenario")
CODE = ("casework", "workflows", "activities")
ROW = re.compile(r"(?<![\w-])(?:(?:U-|D-|R-|F-|MT-|NT-|SP-|PD-)?[WPBTM]|C|Q|A)-\d\d(?![\w-])")
LETTER = re.compile(r"(?:[A-Z]+-)?([WPBTM])-\d\d")
CITES = re.compile(r"^[ \t]*cites\s*=\s*\[([^]]*)\]", re.MULTILINE)
SHOWN = 3
"""How many places are shown of a row in the terminal; `--json` has all."""


class TracedRow(Value):
    """One row of the catalogue: where it is implemented (`file:line`) and what shows it (a test, or a file of data)."""

    id: str
    kind: str
    title: str
    context: str | None = Field(None, description="why it asks for no behaviour, where it does not")
    implemented: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()

    @property
    def lacking(self) -> tuple[str, ...]:
        """What is missing of it: its implementation, its test. Of a row that is only context, nothing is."""
        if self.context is not None:
            return ()
        found = {"implementation": self.implemented, "test": self.shown}
        return tuple(what for what, places in found.items() if not places)


class Trace(Value):
    """Every row, and what names a row that the catalogue does not have."""

    rows: tuple[TracedRow, ...]
    unknown: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @property
    def missing(self) -> tuple[TracedRow, ...]:
        """The rows with no implementation or no test."""
        return tuple(row for row in self.rows if row.lacking)

    @property
    def whole(self) -> bool:
        """Whether nothing is missing and nothing is misspelt."""
        return not self.missing and not self.unknown


def checkout() -> Path:
    """The checkout that the running code belongs to."""
    return Path(__file__).resolve().parents[1]


def trace(root: Path) -> Trace:
    """Trace every row through the checkout at `root`. Raises `Failed` where that is no checkout."""
    if not (root / CATALOGUE).is_file() or not (root / "tests").is_dir():
        raise Failed(
            f"{root} is not a checkout of S47: {CATALOGUE} or the tests are not there. An installed S47 comes without "
            "them; run s47 trace in a checkout, or name one with --checkout."
        )
    catalogue = tomllib.loads((root / CATALOGUE).read_text(encoding="utf-8"))
    kind_of = {row: kind for kind, rows in catalogue.items() if kind not in NOT_KINDS for row in rows}
    scenarios: dict[str, list[str]] = catalogue.get("scenario", {})
    cited = list(_cited(root))
    shown = list(_shown(root, scenarios))
    implemented = _gathered([*cited, *_named(root)])
    tests = _gathered(shown)
    unknown = [(row, place) for row, place in (*cited, *shown) if row not in kind_of and row not in scenarios]
    return Trace(
        rows=tuple(
            TracedRow(
                id=row,
                kind=kind,
                title=catalogue[kind][row],
                context=catalogue.get("context", {}).get(row),
                implemented=implemented.get(row, ()),
                shown=tests.get(row, ()),
            )
            for row, kind in kind_of.items()
        ),
        unknown=_gathered(unknown),
    )


def _gathered(found: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """The places of each row, each once, in the order they were found."""
    places: dict[str, dict[str, None]] = {}
    for row, place in found:
        places.setdefault(row, {})[place] = None
    return {row: tuple(known) for row, known in places.items()}


# --- Where rows are implemented -----------------------------------------------------------------------------------


def _cited(root: Path) -> Iterator[tuple[str, str]]:
    """The rows that the procedure files cite."""
    for path in sorted((root / "casework" / "procedures").glob("*.toml")):
        text = path.read_text(encoding="utf-8")
        for cites in CITES.finditer(text):
            for row in ROW.finditer(cites[1]):
                yield row[0], _place(root, path, text.count("\n", 0, cites.start(1) + row.start()) + 1)


def _named(root: Path) -> Iterator[tuple[str, str]]:
    """The rows that the code names."""
    for path in (path for folder in CODE for path in sorted((root / folder).rglob("*.py"))):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for row in ROW.finditer(line):
                yield row[0], _place(root, path, number)


def _place(root: Path, path: Path, line: int) -> str:
    return f"{path.relative_to(root).as_posix()}:{line}"


# --- What shows them ----------------------------------------------------------------------------------------------


def _shown(root: Path, scenarios: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """The rows that tests, scenarios and the tests' tables (`[W-05]`) say they show."""
    for path in sorted((root / "tests").rglob("*.py")):
        where = path.relative_to(root).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        for row, name in _covered(tree, tree, ()):
            yield row, "::".join((where, *name))
    letters = _letters(root)
    for path in sorted((*(root / "scenarios").rglob("*.toml"), *(root / "tests").rglob("*.toml"))):
        where = path.relative_to(root).as_posix()
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        for row in said.get("catalogue", ()):
            yield row, where
            for shown in scenarios.get(row, ()):
                if letters.get(str(said.get("procedure", "")).partition("+")[0]) == _letter(shown):
                    yield shown, where
        if path.is_relative_to(root / "tests"):
            yield from ((row, where) for row in _keys(said) if ROW.fullmatch(row))


def _covered(tree: ast.Module, node: ast.AST, inside: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The rows of every `covers(…)` mark below a node, and the class and function it stands on."""
    for child in ast.iter_child_nodes(node):
        named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        name = (*inside, child.name) if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else ()
        if isinstance(child, ast.Call) and isinstance(child.func, ast.Attribute) and child.func.attr == "covers":
            for argument in child.args:
                for row in _strings(tree, argument):
                    yield row, inside
        yield from _covered(tree, child, name if named else inside)


def _strings(tree: ast.Module, argument: ast.expr) -> list[str]:
    """The texts an argument stands for: itself, or those of a list of the same file it names (`*ROWS`)."""
    if isinstance(argument, ast.Starred):
        argument = argument.value
    if isinstance(argument, ast.Name):
        argument = next(
            (
                statement.value
                for statement in tree.body
                if isinstance(statement, ast.Assign)
                and argument.id in [target.id for target in statement.targets if isinstance(target, ast.Name)]
            ),
            argument,
        )
    return [part.value for part in ast.walk(argument) if isinstance(part, ast.Constant) and isinstance(part.value, str)]


def _letters(root: Path) -> dict[str, str]:
    """The letter of each procedure, by its letter and by its key."""
    letters: dict[str, str] = {}
    for path in (root / "casework" / "procedures").glob("*.toml"):
        about = tomllib.loads(path.read_text(encoding="utf-8"))["procedure"]
        letters |= {about["letter"]: about["letter"], about["key"]: about["letter"]}
    return letters


def _letter(row: str) -> str | None:
    found = LETTER.fullmatch(row)
    return found[1] if found else None


def _keys(value: Any) -> Iterator[str]:
    """Every key of a nested table."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from _keys(item)


# --- For the terminal ---------------------------------------------------------------------------------------------


def as_table(rows: Iterable[TracedRow]) -> Table:
    """The rows, with the first places of each."""
    made = words.table("row", "what", "implemented", "shown by")
    for row in rows:
        nothing = "[dim]context[/]" if row.context else "[bold red]nowhere[/]"
        made.add_row(
            row.id,
            escape(row.title) + (f" [dim]({escape(row.context)})[/]" if row.context else ""),
            _first(row.implemented) or nothing,
            _first(row.shown) or ("[dim]context[/]" if row.context else "[bold red]nothing[/]"),
        )
    return made


def _first(places: tuple[str, ...]) -> str:
    more = [f"[dim]and {len(places) - SHOWN} more[/]"] if len(places) > SHOWN else []
    return "\n".join([*(escape(place.rpartition("/")[2]) for place in places[:SHOWN]), *more])


def summary(found: Trace) -> list[str]:
    """What it comes to, in lines."""
    asking = [row for row in found.rows if row.context is None]
    implemented = sum(bool(row.implemented) for row in asking)
    shown = sum(bool(row.shown) for row in asking)
    lines = [
        f"{len(found.rows)} rows, {len(found.rows) - len(asking)} of them only context. Of the other {len(asking)}, "
        f"{implemented} are implemented and {shown} are shown by a test; {len(found.missing)} lack one or both."
    ]
    for row, places in found.unknown.items():
        lines.append(f"[bold red]✗[/] There is no row {row} in the catalogue: {escape(', '.join(places))}")
    return lines
