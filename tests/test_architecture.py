"""The house rules, held against the code itself: imports run one way, the core has no clock, no rule knows a name."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from casework.procedure_files import parse, shipped

ROOT = Path(__file__).parent.parent
OURS = {"casework", "workflows", "activities", "connection", "starter", "worker"}
MAY_IMPORT = {
    "casework": {"casework"},
    "connection": {"connection"},
    "workflows": {"workflows", "casework", "connection"},
    "activities": {"activities", "casework", "connection"},
    "worker": {"workflows", "activities", "casework", "connection"},
    # A starter decides nothing: it sends to workflows, and reads what the records hold.
    "starter": {"starter", "workflows", "casework", "connection", "activities", "worker"},
}
READ_BY_STARTERS = {"activities.reading", "activities.basis", "activities.database", "activities"}
NO_PART_OF_THE_CORE = {"temporalio", "asyncpg", "holidays", "socket", "random", "uuid", "locale", "os", "asyncio"}
CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("date", "today"), ("time", "time"), ("datetime", "today")}


def files_of(part: str) -> list[Path]:
    return [ROOT / "worker.py"] if part == "worker" else sorted((ROOT / part).rglob("*.py"))


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("part", sorted(MAY_IMPORT))
def test_imports_run_one_way(part: str) -> None:
    files = files_of(part)
    assert files
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imports_of(path)
        if (top := name.partition(".")[0]) in OURS and top not in MAY_IMPORT[part]
    ]
    assert wrong == []


def test_starters_only_read_what_activities_keep() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files_of("starter")
        for name in imports_of(path)
        if name.startswith("activities") and ".".join(name.split(".")[:2]) not in READ_BY_STARTERS
    ]
    assert wrong == []


def test_the_core_knows_nothing_of_the_world() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files_of("casework")
        for name in imports_of(path)
        if name.partition(".")[0] in NO_PART_OF_THE_CORE
    ]
    assert wrong == []


@pytest.mark.parametrize("part", ["casework", "workflows"])
def test_no_clock_is_read(part: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno} reads {ast.unparse(node)}"
        for path in files_of(part)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and (node.value.id, node.attr) in CLOCKS
    ]
    assert wrong == []


def test_no_branch_is_on_a_procedures_name() -> None:
    about = [parse(path.read_text(encoding="utf-8"), path.name).about for path in shipped()]
    names = {one.key for one in about} | {one.letter for one in about}
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno} compares with {literal.value!r}"
        for part in ("casework", "workflows", "activities")
        for path in files_of(part)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Compare | ast.Match)
        for literal in ast.walk(node)
        if isinstance(literal, ast.Constant) and literal.value in names
    ]
    assert wrong == []
