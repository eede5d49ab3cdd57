"""S47's own settings, from `S47_*` in the environment. Temporal's are its own: `TEMPORAL_*` or a TOML profile."""

import re
from functools import lru_cache
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

EXAMPLES = {"procedures": '["procedures"]', "addresses": '{"team manager": "duty@example.org"}'}
"""Of the settings that are written as JSON."""


class Settings(BaseSettings):
    """Every setting, with the embedded default."""

    model_config = SettingsConfigDict(env_prefix="S47_")

    folder: Path = Field(Path(".s47"), description="where the embedded stack keeps its state")
    postgres: str | None = Field(None, description="DSN of the records' database; unset: the embedded one")
    task_queue: str = Field("s47", description="the Temporal task queue the worker serves")
    procedures: list[Path] = Field(default_factory=list, description="folders of an authority's own procedure files")
    deployment: str = Field("s47", description="the worker deployment's name")
    build: str | None = Field(None, description="this worker's build id; set it to run as a versioned, pinned worker")
    link: str = Field("http://127.0.0.1:8233/namespaces/default/workflows/case-{reference}", description="case link")
    heartbeat: Path | None = Field(None, description="a file that the worker touches for as long as its loop turns")
    smtp: str | None = Field(None, description="SMTP server as host:port; unset: notices go to the tray only")
    smtp_username: str | None = None
    smtp_password: str | None = None
    smtp_tls: bool = Field(False, description="connect by TLS")
    smtp_sender: str = Field("s47@localhost", description="the sender's address")
    addresses: dict[str, str] = Field(default_factory=dict, description="e-mail address by role or person, as JSON")


class WrongSettings(ValueError):
    """A setting is missing, or cannot be used; the message names it."""

    code = 2


@lru_cache
def settings() -> Settings:
    """The settings of this process. Raises `WrongSettings`."""
    try:
        return Settings()
    except SettingsError as error:  # it is no JSON at all
        field = re.search(r'field "(\w+)"', str(error))
        raise WrongSettings(_wrong(field[1] if field else "", "")) from None
    except ValidationError as error:
        raise WrongSettings("\n".join(_wrong(str(item["loc"][0]), item["type"]) for item in error.errors())) from None


def _wrong(field: str, kind: str) -> str:
    """What to write instead. What was written is not shown: it may be a secret."""
    name = f"S47_{field.upper()}"
    if field in EXAMPLES:
        return f"{name}: write this as JSON, such as {EXAMPLES[field]}"
    return f"{name}: write true or false" if kind.startswith("bool") else f"{name}: this cannot be used"
