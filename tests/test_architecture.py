"""The arrows between the parts point one way, the core knows no clock, and no code knows one authority from another."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from casework.procedure_files import load
from casework.procedure_files import paths as procedure_paths
from tests.office import ROOT

OURS = {"casework", "workflows", "activities", "connection", "starter", "worker", "tests"}
MAY_IMPORT = {
    "casework": {"casework"},
    "connection": {"connection"},
    "workflows": {"workflows", "casework", "connection"},
    "activities": {"activities", "casework", "connection"},
    "starter": {"starter", "workflows", "casework", "connection", "activities", "worker"},
    "worker": {"workflows", "activities", "connection"},
}
OF_THE_ACTIVITIES = {"activities.reading", "activities.basis", "activities.database", "activities.records"}
"""What a starter may use of them: it reads the records, and rebuilds them, but does nothing of a worker's."""
IN_THE_CORE = {"pydantic", "pydantic_core"}
"""What of others the core may use."""
NOT_IN_THE_CORE = {
    *("asyncio", "concurrent", "ctypes", "http", "logging", "multiprocessing", "os", "platform", "random", "secrets"),
    *("shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "urllib", "uuid"),
}
"""Of the standard library, what is a clock, chance, the network or the machine."""
CLOCKS = {"now", "utcnow", "today", "fromtimestamp", "monotonic", "time_ns", "uuid1", "uuid4", "urandom"}


def modules(part: str) -> list[Path]:
    return [ROOT / "worker.py"] if part == "worker" else sorted((ROOT / part).rglob("*.py"))


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every module that is imported, at whatever depth, and the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node.lineno, name.name
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module
            for name in node.names:  # `from activities import reading` imports a module too
                if (ROOT / Path(*node.module.split("."), f"{name.name}.py")).exists():
                    yield node.lineno, f"{node.module}.{name.name}"


def wrong_imports(part: str, tree: ast.AST) -> Iterator[str]:
    for line, module in imported(tree):
        top = module.partition(".")[0]
        if top in OURS and top not in MAY_IMPORT[part]:
            yield f"{line}: {part} must not import {module}"
        if part == "starter" and top == "activities" and module not in {"activities", *OF_THE_ACTIVITIES}:
            yield f"{line}: a starter must not import {module}"
        if part == "casework" and top not in OURS | IN_THE_CORE and top not in sys.stdlib_module_names:
            yield f"{line}: the core must not import {module}"
        if part == "casework" and top in NOT_IN_THE_CORE:
            yield f"{line}: the core must not import {module}, which is a clock, chance or the machine"


def clocks(tree: ast.AST) -> Iterator[str]:
    """Every look at a clock, and every draw of chance: `datetime.now`, `date.today`, … `workflow.now` is recorded."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS:
            of = node.value.id if isinstance(node.value, ast.Name) else None
            own = of in ("self", "telling", "turn", "workflow")
            if not own:
                yield f"{node.lineno}: {ast.unparse(node)}"


def compared_words(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every text that something is compared with, matched against, or looked up by in a table written in code."""
    for node in ast.walk(tree):
        parts: list[ast.AST] = []
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
        elif isinstance(node, ast.MatchValue):
            parts = [node.value]
        elif isinstance(node, ast.Dict):
            parts = [key for key in node.keys if key is not None]
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("startswith", "endswith")
        ):
            parts = list(node.args)
        for part in parts:
            for word in ast.walk(part):
                if isinstance(word, ast.Constant) and isinstance(word.value, str):
                    yield word.lineno, word.value


def names_of_authorities() -> set[str]:
    procedures = [load(path.stem) for path in procedure_paths(())]
    return {name for procedure in procedures for name in (procedure.about.key, procedure.about.letter)}


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_imports_point_one_way(part: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{problem}"
        for path in modules(part)
        for problem in wrong_imports(part, ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert modules(part) and wrong == []


@pytest.mark.parametrize("part", ["casework", "workflows"])
def test_no_clock_and_no_chance(part: str) -> None:
    forbidden = [
        f"{path.relative_to(ROOT)}:{problem}"
        for path in modules(part)
        for problem in clocks(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert forbidden == []


@pytest.mark.parametrize("part", ["casework", "workflows", "activities"])
def test_no_code_is_one_authority_s(part: str) -> None:
    authorities = names_of_authorities()
    assert {"P", "process-map", "B", "pan-bedfordshire", "W", "T", "M"} <= authorities
    forbidden = [
        f"{path.relative_to(ROOT)}:{line}: {word!r}"
        for path in modules(part)
        for line, word in compared_words(ast.parse(path.read_text(encoding="utf-8")))
        if word in authorities
    ]
    assert forbidden == []


@pytest.mark.parametrize(
    ("part", "source"),
    [
        ("casework", "import os"),
        ("casework", "from time import sleep"),
        ("casework", "import temporalio.workflow"),
        ("casework", "def f():\n    from holidays import UK"),
        ("casework", "from workflows.case import Receipt"),
        ("connection", "from casework.case import Case"),
        ("workflows", "from activities import reading"),
        ("workflows", "import starter.cases.reach"),
        ("activities", "from workflows.case import CaseWorkflow"),
        ("starter", "from activities.mail import Mail"),
        ("starter", "from activities import notices"),
        ("worker", "from starter import reach"),
    ],
)
def test_a_wrong_import_is_seen(part: str, source: str) -> None:
    assert list(wrong_imports(part, ast.parse(source)))


@pytest.mark.parametrize("source", ["datetime.now(UTC)", "date.today()", "datetime.datetime.utcnow()", "uuid.uuid4()"])
def test_a_clock_is_seen(source: str) -> None:
    assert list(clocks(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        "if procedure.about.letter == 'P': pass",
        "if 'mosaic' in keys: pass",
        "x = 1 if key in ('a', 'process-map') else 2",
        "match letter:\n    case 'B': pass",
        "RULES = {'W': 1}",
        "if key.startswith('mosaic'): pass",
    ],
)
def test_a_look_at_the_authority_is_seen(source: str) -> None:
    assert {word for _, word in compared_words(ast.parse(source))} & names_of_authorities()
