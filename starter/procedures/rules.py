"""A procedure's rules in words, whole; and `s47 procedure show`. How each is worded stands in `phrases.py`."""

from collections.abc import Callable, Iterator
from typing import Any

from pydantic import Field
from rich.markup import escape

from casework.model import Value
from casework.procedure import Procedure
from casework.vocabulary import Stage
from starter.procedures.map.stages import ON_THE_MAP, stage_of
from starter.procedures.phrases import KINDS, Words, setting

KEYS: dict[str, Callable[[Any], str]] = {
    "gate": lambda rule: f"{rule.message}.{rule.needs or rule.while_owed}",
    "answer": lambda rule: f"{rule.message}.{rule.field}",
    "notice": lambda rule: rule.on,
}
"""What rules are called that have no name in the file."""


class Fact(Value):
    """One thing a rule says: a label and its words, and how it reads in a line with others."""

    label: str
    text: str
    in_a_line: str = Field(exclude=True)


class Rule(Value):
    """One rule of a procedure in words. `path` names it: `timescale.child-seen`, `authorisation.step-down`."""

    path: str
    title: str
    facts: tuple[Fact, ...] = ()
    stage: Stage | None = Field(None, description="where on the map it stands; none: it may come at any time")
    on: tuple[str, ...] = Field((), description="the events that start it, or on which somebody is told")
    force: str | None = None
    cites: tuple[str, ...] = ()
    source: str | None = None
    words: str | None = Field(None, description="the document's operative words")
    origin: str | None = Field(None, description="the base set it was taken from")

    @property
    def kind(self) -> str:
        """The part of the procedure it stands in."""
        return self.path.partition(".")[0]

    @property
    def key(self) -> str:
        """Its name there."""
        return self.path.partition(".")[2]

    @property
    def citation(self) -> str:
        """The rows it answers and where else it is from, in brackets; nothing where the document does not have it."""
        origin = f"from {self.origin}, not from this document" if self.origin else ""
        inside = "; ".join(part for part in (", ".join(self.cites), origin) if part)
        return f"({inside})" if inside else ""

    def says(self, label: str) -> str:
        """The words of one fact; nothing where it says nothing of it."""
        return next((fact.text for fact in self.facts if fact.label == label), "")


def rules(procedure: Procedure) -> list[Rule]:
    """Every rule of the procedure, kind by kind, in the order of its file."""
    return [in_words(procedure, kind, key, rule) for kind in KINDS for key, rule in _of_kind(procedure, kind)]


def _of_kind(procedure: Procedure, kind: str) -> Iterator[tuple[str, Any]]:
    part = getattr(procedure, kind)
    if isinstance(part, dict):
        yield from part.items()
    elif isinstance(part, tuple):
        yield from ((KEYS[kind](rule), rule) for rule in part)
    else:
        yield "", part


def in_words(procedure: Procedure, kind: str, key: str, rule: Any) -> Rule:
    """One rule in words."""

    def words(says: Words) -> str:
        return says(procedure, rule) if callable(says) else setting(procedure, kind, rule, says) if says else ""

    wording = KINDS[kind]
    facts = []
    for phrase in wording.phrases:
        if value := words(phrase.says):
            text = phrase.text.format(value)
            line = phrase.in_a_line.format(label=phrase.label, text=words(phrase.shorter) or text)
            facts.append(Fact(label=phrase.label, text=text, in_a_line=line))
    return Rule(
        path=f"{kind}.{key}" if key else kind,
        title=words(wording.title) if wording.title else key.capitalize(),
        facts=tuple(facts),
        stage=stage_of(procedure, key, rule),
        on=tuple(
            filter(None, (*getattr(rule, "from_", ()), getattr(rule, "opens_on", None), getattr(rule, "on", None)))
        ),
        **{name: getattr(rule, name, None) for name in ("force", "source", "words", "origin")},
        cites=rule.cites,
    )


# --- For people ---------------------------------------------------------------------------------------------------


def shown(procedure: Procedure) -> Iterator[str]:
    """A procedure in words, line by line in the terminal's markup: its timescales by stage, then the other kinds."""
    about = procedure.about
    yield (
        f"[bold]{escape(about.title)}[/] "
        f"({about.letter}, {about.key}, version {escape(about.version)}, {procedure.fingerprint})"
    )
    yield escape(f"Source: document {about.source}. System of record: {about.system_of_record or 'not named'}.")
    every = rules(procedure)
    for stage in (*ON_THE_MAP, None):
        timescales = [rule for rule in every if rule.kind == "timescale" and rule.stage is stage]
        yield from _block(stage.value.capitalize() if stage else "At any time", timescales)
    for kind, wording in KINDS.items():
        if kind != "timescale":
            yield from _block(wording.heading, [rule for rule in every if rule.kind == kind])


def _block(heading: str, some: list[Rule]) -> Iterator[str]:
    if some:
        yield f"\n[bold underline]{heading}[/]"
    for rule in some:
        force = " [bold]must[/]" if rule.force == "must" else ""
        yield f"[bold]{escape(rule.title)}[/]{force} [dim]{escape(rule.citation)}[/]"
        yield from (f"    [dim]{fact.label}:[/] {escape(fact.text)}" for fact in rule.facts)
        if rule.words:
            yield f"    [dim italic]“{escape(rule.words)}”  {escape(rule.source or '')}[/]"
