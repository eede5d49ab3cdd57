"""What goes out: packages that are whole, lock files that name what is declared, and the files for Docker."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from typer.main import get_command

from connection.search_attributes import registered
from connection.settings import Settings
from starter.cli import app
from tests.office import ROOT, S47
from tests.test_architecture import OURS, imported, modules

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SHIPPED = [Requirement(requirement) for requirement in PROJECT["project"]["dependencies"]]
EMBEDDED = [Requirement(requirement) for requirement in PROJECT["project"]["optional-dependencies"]["embedded"]]
DEVELOPMENT = [Requirement(requirement) for requirement in PROJECT["dependency-groups"]["dev"]]
LOCKS = {"requirements.txt": SHIPPED, "requirements-dev.txt": SHIPPED + EMBEDDED + DEVELOPMENT}


# --- Packages -----------------------------------------------------------------------------------------------------


def build(kind: str, folder: Path) -> Path:
    """A package of that kind, as it would be uploaded."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", folder], cwd=ROOT, check=True)
    [made] = folder.iterdir()
    return made


def test_the_source_package_runs_its_own_tests(tmp_path: Path) -> None:
    with tarfile.open(build("sdist", tmp_path / "built")) as packed:
        packed.extractall(tmp_path, filter="data")
    unpacked = tmp_path / f"s47-{PROJECT['project']['version']}"

    # Everything is found, and a part of it that needs no servers is run.
    part = ("tests", "-k", "test_architecture or test_procedure_files")
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *part)
    ran = subprocess.run(command, cwd=unpacked, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr
    assert re.match(r"\d{2,} passed, \d{4} deselected", ran.stdout.splitlines()[-1])
    tests = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests").glob("*.py"))]
    looked_at = set(re.findall(r'ROOT / f?"([\w.-]+)', "".join(tests)))
    assert {name for name in looked_at if not (unpacked / name).exists()} == set()
    assert len(list((unpacked / "tests").glob("*.py"))) == len(tests)


def test_the_wheel_has_every_file_of_the_parts_and_nothing_else(tmp_path: Path) -> None:
    with zipfile.ZipFile(build("wheel", tmp_path)) as packed:
        names = {name for name in packed.namelist() if ".dist-info/" not in name}
    tracked = {
        str(path.relative_to(ROOT))
        for part in ("casework", "workflows", "activities", "connection", "starter")
        for path in (ROOT / part).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert names == {*tracked, "worker.py"}


# --- Lock files ---------------------------------------------------------------------------------------------------


def pinned(file: str) -> dict[str, tuple[str, int, list[str]]]:
    """Name to version, how many hashes it has, and what needs it, as the file says."""
    text = (ROOT / file).read_text(encoding="utf-8")
    lines = re.findall(r"^([\w.-]+)==(\S+)([^\n]*(?:\n +[^\n]*)*)", text, re.MULTILINE)
    return {
        canonicalize_name(name): (
            number,
            len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", rest)),
            re.findall(r"# +(?:via )?([\w.-]+)(?: \(pyproject\.toml(?::\w+)?\))?$", rest, re.MULTILINE),
        )
        for name, number, rest in lines
    }


@pytest.mark.parametrize("file", LOCKS)
def test_a_lock_file_names_exactly_what_is_declared(file: str) -> None:
    locked = pinned(file)
    declared = {canonicalize_name(requirement.name): requirement for requirement in LOCKS[file]}
    wrong = {
        name
        for name, requirement in declared.items()
        if name not in locked or locked[name][0] not in requirement.specifier
    }
    assert wrong == set(), "declared, but not locked so: make lock"
    by_us = {name for name, (_, _, needed_by) in locked.items() if "s47" in needed_by}
    assert by_us == set(declared), "locked as declared, but not declared: make lock"
    needed: set[str] = {*declared}
    while more := {name for name, (_, _, needed_by) in locked.items() if needed & {*needed_by}} - needed:
        needed |= more
    assert set(locked) - needed == set(), "nothing that is declared needs it: make lock"
    assert [name for name, (_, hashes, _) in locked.items() if not hashes] == []
    text = (ROOT / file).read_text(encoding="utf-8")
    assert "://" not in text and not re.search(r"^--(index-url|extra-index-url|find-links)", text, re.MULTILINE)


def test_both_lock_files_have_the_same_versions() -> None:
    shipped, whole = (pinned(file) for file in LOCKS)
    assert {name: number for name, (number, _, _) in shipped.items() if whole[name][0] != number} == {}


def test_what_is_imported_is_declared() -> None:
    distributions = packages_distributions()

    def undeclared(part: str, declared: list[Requirement]) -> Iterator[str]:
        known = {canonicalize_name(requirement.name) for requirement in declared}
        for path in modules(part):
            for line, module in imported(compile_of(path)):
                top = module.partition(".")[0]
                if top in OURS or top in sys.stdlib_module_names or top == "pydantic_core":  # a part of pydantic
                    continue
                if not known & set(map(canonicalize_name, distributions.get(top, ()))):
                    yield f"{path.relative_to(ROOT)}:{line}: {module}"

    for part in OURS - {"tests", "starter"}:
        assert list(undeclared(part, SHIPPED)) == []
    assert list(undeclared("starter", SHIPPED + EMBEDDED)) == []
    assert list(undeclared("tests", SHIPPED + EMBEDDED + DEVELOPMENT)) == []


def compile_of(path: Path) -> Any:
    """The syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


def test_the_version_is_said() -> None:
    printed = subprocess.run([*S47, "--version"], capture_output=True, text=True, check=True).stdout
    assert printed == f"s47 {version('s47')}, temporalio {version('temporalio')}\n"
    assert version("s47") == PROJECT["project"]["version"]


# --- Docker -------------------------------------------------------------------------------------------------------

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS_IN_COMPOSE = {name: SERVICES[name] for name in ("worker-blue", "worker-green", "s47")}
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def interpolated(text: str, **environment: str) -> str:
    """What Compose makes of `${NAME:-default}`, defaults within defaults too."""
    inner = re.compile(r"\$\{(\w+)(?::-([^{}]*))?(?::\?[^{}]*)?\}")
    while inner.search(text):
        text = inner.sub(lambda match: environment.get(match[1]) or match[2] or "", text)
    return text.replace("$$", "$")


def test_no_image_may_change_by_itself() -> None:
    images = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    images += [service["image"] for name, service in SERVICES.items() if name not in OURS_IN_COMPOSE]
    assert len(images) == 7
    exact = re.compile(r"(postgres:\d+\.\d+|python:\d+\.\d+\.\d+|temporalio/[a-z-]+:\d+\.\d+\.\d+)(-[a-z-]+)?")
    assert [image for image in images if not exact.fullmatch(image)] == []


@pytest.mark.parametrize("name", OURS_IN_COMPOSE)
def test_our_services_have_only_settings_that_there_are(name: str) -> None:
    settings = SERVICES[name]["environment"]
    known = {f"S47_{field.upper()}" for field in Settings.model_fields}
    assert {key for key in settings if key.startswith("S47_")} <= known
    assert interpolated(settings["S47_LINK"]) == ("http://127.0.0.1:8080/namespaces/default/workflows/case-{reference}")
    assert interpolated(settings["S47_LINK"], S47_WEB_UI="https://ui.example", TEMPORAL_NAMESPACE="s47") == (
        "https://ui.example/namespaces/s47/workflows/case-{reference}"
    )
    [folder] = json.loads(settings["S47_PROCEDURES"])
    assert SERVICES[name]["volumes"] == [f"${{S47_PROCEDURE_FOLDER:-./procedures}}:{folder}:ro"]


def test_two_releases_run_side_by_side() -> None:
    blue, green = SERVICES["worker-blue"], SERVICES["worker-green"]
    releases = {"S47_BLUE": "r1", "S47_GREEN": "r2", "S47_CURRENT": "r2"}
    for service, colour, number, release in ((blue, "BLUE", "2", "r1"), (green, "GREEN", "0", "r2")):
        assert interpolated(service["image"], **releases) == f"s47:{release}"
        assert interpolated(service["environment"]["S47_BUILD"], **releases) == release
        assert interpolated(service["environment"]["S47_BUILD"]) == ""  # unversioned
        assert interpolated(service["deploy"]["replicas"]) == number
        assert f"S47_{colour}_WORKERS" in service["deploy"]["replicas"]
    assert interpolated(SERVICES["s47"]["image"], **releases) == "s47:r2"
    differ = {key for key in blue if blue[key] != green[key]}
    assert differ == {"image", "environment", "deploy"}


def test_the_settings_of_compose_are_in_the_example() -> None:
    used = set(re.findall(r"(?<!\$)\$\{(\w+)", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert used == set(re.findall(r"^#? ?([A-Z]\w+)=", example, re.MULTILINE))


def test_a_worker_whose_loop_hangs_is_unhealthy(tmp_path: Path) -> None:
    worker = SERVICES["worker-blue"]
    kind, command = worker["healthcheck"]["test"]
    heart = worker["environment"]["S47_HEARTBEAT"]
    assert kind == "CMD-SHELL" and heart in command and heart.startswith(f"{worker['tmpfs'][0]}/")
    beating = tmp_path / "heart"

    def healthy() -> bool:
        script = interpolated(command).replace(heart, str(beating))
        return subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=False).returncode == 0

    assert not healthy()
    beating.touch()
    assert healthy()
    os.utime(beating, (time.time() - 70, time.time() - 70))
    assert not healthy()


def test_the_image_has_everything_compiled(tmp_path: Path) -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) (?:\./|\w+)$", DOCKERFILE, re.MULTILINE)
    parts = [part for line in copied for part in line.split() if part != "requirements.txt"]
    assert set(parts) == {"casework", "workflows", "activities", "connection", "starter", "worker.py", "LICENSE"}
    for part in parts:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, tmp_path / part)
    for cache in [*tmp_path.rglob("__pycache__")]:
        shutil.rmtree(cache)
    [compiling] = re.findall(r"^RUN python (-m compileall .+)$", DOCKERFILE, re.MULTILINE)
    subprocess.run([sys.executable, *compiling.split()], cwd=tmp_path, check=True)
    assert len(list(tmp_path.rglob("*.pyc"))) == len(list(tmp_path.rglob("*.py"))) > 50
    # Whatever the copying made of the files' times, it is what was compiled that is loaded.
    (tmp_path / "worker.py").write_text("raise SystemExit('the source was loaded')", encoding="utf-8")
    subprocess.run([sys.executable, "-c", "import worker"], cwd=tmp_path, check=True)


def test_production_registers_the_same_search_attributes() -> None:
    listed = SERVICES["temporal-namespace"]["environment"]["SEARCH_ATTRIBUTES"]
    assert dict(pair.split("=") for pair in listed.split()) == registered()


def test_every_command_in_the_operating_manual_is_a_service_that_there_is() -> None:
    text = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
    named = re.findall(r"docker compose (?:run --rm(?: -T)?(?: --entrypoint \w+)?|build|up -d|stop) ([a-z0-9-]+)", text)
    assert len(named) >= 4 and set(named) <= set(SERVICES)
    used = re.findall(r"docker compose run --rm(?: -T)? s47 (\w+)", text)
    assert used and set(used) <= set(getattr(get_command(app), "commands", {}))
