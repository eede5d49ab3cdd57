"""Holds the words that the procedures cite against the documents themselves.

The documents belong to the authorities and are not kept here, so this is run by hand where they are:

    python -m tests.check_words FOLDER

FOLDER has the five documents as text, each named by the number the procedures give it: 000….txt to 004….txt.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from casework.procedure import Cited, Procedure
from casework.procedure_files import load, shipped


def citations(procedure: Procedure) -> Iterator[tuple[str, Cited]]:
    """Everything in a procedure that cites its document, and where it stands."""
    for table in ("timescale", "authorisation", "meeting", "form", "prompt"):
        for key, cited in getattr(procedure, table).items():
            yield f"{table}.{key}", cited
    for table in ("gate", "answer", "notice"):
        for number, cited in enumerate(getattr(procedure, table)):
            yield f"{table}.{number}", cited


def plain(text: str) -> str:
    """Line breaks and runs of spaces as one space; everything else, asterisks too, as it is."""
    return re.sub(r"\s+", " ", text)


def not_in_the_document(procedure: Procedure, folder: Path) -> Iterator[str]:
    """The words that are not word for word in the document they are said to be from."""
    for where, cited in citations(procedure):
        number = cited.source[:3]
        documents = sorted(folder.glob(f"{number}*"))
        if not documents:
            yield f"{where}: there is no document {number} in {folder}"
        elif plain(cited.words) not in plain(documents[0].read_text(encoding="utf-8")):
            yield f"{where}: {cited.words!r} is not in {documents[0].name}"


def main(folder: Path) -> int:
    wrong = 0
    for path in shipped():
        procedure = load(path.stem)
        if not re.fullmatch(r"\d{3}", procedure.about.source):
            continue
        problems = list(not_in_the_document(procedure, folder))
        wrong += len(problems)
        print(f"{path.name}: {len(list(citations(procedure)))} citations, {len(problems)} not found")
        for problem in problems:
            print(f"  {problem}")
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit((__doc__ or "").strip())
    sys.exit(main(Path(sys.argv[1])))
