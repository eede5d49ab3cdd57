"""What a run comes to: its figures, what is worth noting, and every violation."""

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


class Violation(NamedTuple):
    """Something that must not be: which check objects, to which case, and why."""

    check: str
    reference: str
    problem: str


@dataclass
class Report:
    """It is printed as it comes about where `aloud`; instants are seconds since the run began."""

    aloud: bool = True
    figures: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[float, str]] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.monotonic() - self.began

    def say(self, line: str) -> None:
        """Tell whoever watches."""
        if self.aloud:
            print(f"{self.seconds:7.1f} {line}", flush=True)

    def fault(self, kind: str) -> None:
        """A fault is about to be made."""
        self.faults.append((self.seconds, kind))
        self.say(f"fault {len(self.faults)}: {kind}")

    def violation(self, violation: Violation) -> None:
        """Something that must not be."""
        self.violations.append(violation)
        self.say(f"VIOLATION {violation.check}: {violation.reference}: {violation.problem}")

    def most(self, figure: str, value: float) -> None:
        """Keep the largest value of a figure, as a whole number."""
        self.figures[figure] = max(self.figures[figure], int(value))

    def write(self, path: Path) -> None:
        """Write all of it as JSON."""
        whole = {
            "seconds": round(self.seconds),
            "faults": Counter(kind for _, kind in self.faults),
            "figures": dict(sorted(self.figures.items())),
            "notes": dict(self.notes.most_common()),
            "violations": [violation._asdict() for violation in self.violations],
        }
        path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
