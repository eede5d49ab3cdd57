"""What a procedure file says briefly, written out as the rules of the model, and where in the file each stands.

A file gives a citation in one line, a gate on the duty that it waits for, an answer under its message and a prompt
under its stage; what most timescales have it says once, under `[usual]`. `procedure.py` knows nothing of that.
"""

from collections.abc import Iterable, Iterator
from itertools import product
from math import prod
from typing import Any

Place = tuple[int | str, ...]
"""Where something stands, in a file or among the rules: `("timescale", "child-seen", "within")`."""
Rule = dict[str, Any]
Placed = tuple[Place, Rule]

FORCES = ("must", "should")
WRITTEN_OUT = ("cites", "source", "words", "force")
USUAL = ("owner", "escalate")
DATED = ("within", "before", "window", "set_on_the_case")
ANY_GROUND = "any ground"
MOST_ALTERNATIVES = 20
CITE = 'write `must` or `should = ["rows of the catalogue", "place in the document", "its own words"]`'
UNCITED: Rule = {"cites": ["C-01"], "source": "-", "words": "-", "force": "should"}
"""Stands in for a citation that is wrong, so that what else is wrong with the rule is told at once."""


class WrittenOut:
    """The rules of a file as the model takes them, and what is wrong in how the file says them.

    Making this raises nothing, whatever a file says. What the model refuses itself is left to the model.
    """

    def __init__(self, file: Rule) -> None:
        self.problems: list[tuple[Place, str]] = []
        self._places: dict[Place, Place] = {}
        about = file.get("procedure")
        self._document = about.get("source") if isinstance(about, dict) else None
        self.rules: Rule = {part: value for part, value in file.items() if part != "usual"}
        for part in ("authorisation", "meeting", "form"):
            self.rules[part] = {key: self._cited(at, rule) for key, at, rule in self._tables(file, part)}
        if "role" in file:
            self.rules["role"] = {key: self._rows(at, rule) for key, at, rule in self._tables(file, "role")}
        if isinstance(assessment := file.get("assessment"), dict):
            self.rules["assessment"] = self._rows(("assessment",), dict(assessment))
        timescales, blocks = self._timescales(file)
        self.rules["timescale"] = timescales
        self.rules["prompt"] = self._prompts(file)
        self.rules["gate"] = self._numbered("gate", [*self._gates(file), *blocks])
        self.rules["answer"] = self._numbered("answer", self._answers(file))
        self.rules["notice"] = self._numbered("notice", self._under(("notice",), file.get("notice", {}), "on"))

    def place(self, location: Place) -> Place:
        """Where in the file stands what is at this location among the rules."""
        for length in range(len(location), 0, -1):
            if location[:length] in self._places:
                return self._places[location[:length]] + location[length:]
        return location

    # --- The parts of a file --------------------------------------------------------------------------------------

    def _timescales(self, file: Rule) -> tuple[Rule, list[Placed]]:
        """The timescales by name, and the gates that stand on them."""
        usual = file.get("usual", {})
        for setting in usual if isinstance(usual, dict) else ("",):
            if setting not in USUAL:
                self._wrong(("usual", setting), f"[usual] is a table that says {' and '.join(USUAL)}, nothing else")
        timescales: Rule = {}
        blocks: list[Placed] = []
        for key, at, rule in self._tables(file, "timescale"):
            dated = not rule.get("target") and any(way in rule for way in DATED)
            for setting in USUAL if isinstance(usual, dict) else ():
                if setting in usual and setting not in rule and (dated or setting != "escalate"):
                    rule[setting] = usual[setting]
                    self._places[*at, setting] = ("usual", setting)
            given = rule.pop("blocks", {})
            timescales[key] = self._timescale(at, rule)
            blocks += self._blocks(key, at, given, timescales[key])
        return timescales, blocks

    def _timescale(self, at: Place, rule: Rule) -> Rule:
        if "form" in rule:
            rule.setdefault("met_by", "form completed")
        elif "no_amount" in rule or "set_on_the_case" in rule:
            rule.setdefault("met_by", "duty done")
        if "withheld_with_information" in rule:
            self._wrong((*at, "withheld_with_information"), f'write `withheld_on = "{ANY_GROUND}"`, or which grounds')
        if "withheld_on" in rule:
            rule["withheld_with_information"] = True
            if rule["withheld_on"] == ANY_GROUND:
                del rule["withheld_on"]
        return self._cited(at, rule)

    def _blocks(self, key: str, at: Place, given: Any, timescale: Rule) -> Iterator[Placed]:
        """The gates on a timescale, which hold as long as it is owed; they share its citation unless they have one."""
        if not isinstance(given, dict):
            self._wrong((*at, "blocks"), 'name the message that it blocks: `blocks.case_closed = "what to do first"`')
            return
        for message, reasons in given.items():
            for place, gate in self._listed((*at, "blocks", message), reasons, "because"):
                yield place, self._also(place, self._cited(place, gate, timescale), message=message, while_owed=key)

    def _gates(self, file: Rule) -> Iterator[Placed]:
        for place, gate in self._under(("gate",), file.get("gate", {}), "message"):
            if gate.get("while_owed") in list(self.rules["timescale"]):
                self._wrong((*place, "while_owed"), "write this gate on the timescale that it waits for: `blocks`")
            yield place, gate

    def _answers(self, file: Rule) -> Iterator[Placed]:
        for message, at, fields in self._tables(file, "answer"):
            for place, answer in self._under(at, fields, "field"):
                yield place, self._also(place, answer, message=message)

    def _prompts(self, file: Rule) -> Rule:
        prompts: Rule = {}
        for stage, at, of_stage in self._tables(file, "prompt"):
            for place, prompt in self._under(at, of_stage, "key"):
                key = prompt.pop("key")
                if key in prompts:
                    self._wrong(place, f"there is a prompt {key!r} already; give this one another name")
                prompts[key] = self._also(place, prompt, stage=stage)
                self._places["prompt", key] = place
                self._places["prompt", key, "stage"] = at
        return prompts

    # --- What they have in common ---------------------------------------------------------------------------------

    def _cited(self, place: Place, rule: Rule, within: Rule | None = None) -> Rule:
        """The rule with its line of citation written out; what the line leaves out is as with the rule it is within."""
        for setting in WRITTEN_OUT:
            if setting in rule:
                self._wrong((*place, setting), f"a citation is one line: {CITE}")
        rest = {setting: value for setting, value in rule.items() if setting not in (*FORCES, *WRITTEN_OUT)}
        inherited = {setting: within[setting] for setting in WRITTEN_OUT} if within else {}
        given = [force for force in FORCES if force in rule]
        if not given and within:
            return rest | inherited
        if len(given) != 1:
            self._wrong(place, f"say once where this is from: {CITE}")
            return rest | UNCITED
        [force] = given
        citation = rule[force]
        texts = isinstance(citation, list) and all(isinstance(text, str) and text.strip() for text in citation)
        if not texts or len(citation) not in ((1, 2, 3) if within else (2, 3)):
            self._wrong((*place, force), CITE)
            return rest | UNCITED
        for setting in WRITTEN_OUT:
            self._places[*place, setting] = (*place, force)
        cited = rest | inherited | {"cites": citation[0].split(), "force": force}
        if len(citation) > 1:
            cited |= {"source": ", ".join([str(self._document), *citation[1:-1]]), "words": citation[-1]}
        return cited

    def _rows(self, place: Place, rule: Rule) -> Rule:
        """The rule with the rows that it cites as a list."""
        if isinstance(cites := rule.get("cites", ""), str):
            return rule | {"cites": cites.split()}
        self._wrong((*place, "cites"), 'write the rows of the catalogue as one text: "R-B-10 R-B-13"')
        return rule | {"cites": []}

    def _also(self, place: Place, rule: Rule, **settings: str) -> Rule:
        """The rule with the settings that follow from where it stands in the file."""
        for setting in settings.keys() & rule.keys():
            self._wrong((*place, setting), "the place where this stands says so already; leave it out")
        return rule | settings

    def _numbered(self, part: str, rules: Iterable[Placed]) -> list[Rule]:
        """The rules in a row; one whose `when` gives a field several values is one for each."""
        numbered: list[Rule] = []
        for place, rule in rules:
            for alternative in self._alternatives(place, rule):
                self._places[part, len(numbered)] = place
                for setting in WRITTEN_OUT:
                    if (*place, setting) in self._places:
                        self._places[part, len(numbered), setting] = self._places[*place, setting]
                numbered.append(alternative)
        return numbered

    def _alternatives(self, place: Place, rule: Rule) -> list[Rule]:
        when = rule.get("when", {})
        if not isinstance(when, dict) or not when:
            return [rule]
        values = [value if isinstance(value, list) else [value] for value in when.values()]
        if not 0 < prod(map(len, values)) <= MOST_ALTERNATIVES:
            self._wrong((*place, "when"), f"give each field a value, or a few: {MOST_ALTERNATIVES} cases at most")
            return [rule | {"when": {}}]
        return [rule | {"when": dict(zip(when, chosen, strict=True))} for chosen in product(*values)]

    def _under(self, at: Place, given: Any, setting: str) -> Iterator[Placed]:
        """The rules that stand under names, one or several under each; `setting` is the setting that has the name."""
        if not isinstance(given, dict):
            self._wrong(at, f"write a table for each: [{'.'.join(map(str, at))}.NAME]")
            return
        for key, rules in given.items():
            for place, rule in self._listed((*at, key), rules):
                yield place, self._also(place, self._cited(place, rule), **{setting: key})

    def _tables(self, file: Rule, part: str) -> Iterator[tuple[str, Place, Rule]]:
        """The tables of a part by name, and where they stand."""
        given = file.get(part, {})
        if not isinstance(given, dict):
            self._wrong((part,), f"write a table for each: [{part}.NAME]")
            return
        for key, table in given.items():
            if isinstance(table, dict):
                yield key, (part, key), dict(table)
            else:
                self._wrong((part, key), f"write a table here: [{part}.NAME], with a setting on each line")

    def _listed(self, place: Place, given: Any, brief: str = "") -> Iterator[Placed]:
        """The one rule that stands at a place, or each of a list; a bare text is what `brief` says of it."""
        for number, rule in enumerate(given if isinstance(given, list) else [given]):
            at = (*place, number) if isinstance(given, list) else place
            if isinstance(rule, dict):
                yield at, dict(rule)
            elif brief and isinstance(rule, str):
                yield at, {brief: rule}
            else:
                self._wrong(at, "a table with settings stands here, such as { name = value }")

    def _wrong(self, place: Place, what: str) -> None:
        self.problems.append((place, what))
