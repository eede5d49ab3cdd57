"""Procedure files: the shipped ones are whole, and a wrong one says what is wrong, on which line, and what is right."""

import re
from collections import Counter
from pathlib import Path

import pytest
from pydantic_core import to_json

from casework.model import Value
from casework.procedure import MOST_WORDS, About, Answer, AssessmentRule, Cited, Gate, MessageRule, Procedure, Role
from casework.procedure_files import WrongProcedure, load, parse, paths, shipped
from casework.vocabulary import Stage
from tests.check_words import citations
from tests.lives import EXAMPLE

FILES = {path.stem: path for path in shipped()}
DOCUMENTS = {"W": "000", "P": "001", "B": "002", "T": "003", "M": "004"}
OURS = (EXAMPLE / "example.toml").read_text(encoding="utf-8")
"""A right file, to be spoilt in one place at a time."""
MANY = "many " * 15
CITATION = 'should = ["Q-02", "page 1", "within 15 working days of the meeting"]\n'


def wrong(was: str, spoilt: str) -> str:
    """What is said about the file with this one place spoilt."""
    assert OURS.count(was) >= 1, f"{was!r} is not in the file that is spoilt here"
    with pytest.raises(WrongProcedure) as refused:
        parse(OURS.replace(was, spoilt, 1), "ours.toml")
    return str(refused.value)


def line_of(text: str, start: str, after: str = "") -> int:
    """The number of the first line that starts so (after the first line that starts with `after`)."""
    lines = text.splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith(after))
    return 1 + next(number for number, line in enumerate(lines) if number >= begin and line.startswith(start))


# --- The shipped files --------------------------------------------------------------------------------------------


def test_there_is_a_file_for_each_document_and_a_base_set() -> None:
    letters = {load(stem).about.letter: load(stem).about.source for stem in FILES}
    assert {letter: letters.get(letter) for letter in DOCUMENTS} == DOCUMENTS
    assert "WT" in letters


@pytest.mark.parametrize("stem", FILES)
def test_a_shipped_file_is_found_by_its_key_and_by_its_letter(stem: str) -> None:
    procedure = load(stem)
    assert procedure.about.key == stem
    assert load(procedure.about.letter) == procedure
    assert load(f" {procedure.about.letter.lower()} ") == procedure


@pytest.mark.parametrize("stem", FILES)
def test_a_shipped_file_survives_json_with_the_same_fingerprint(stem: str) -> None:
    procedure = load(stem)
    read_back = Procedure.model_validate_json(to_json(procedure))
    assert read_back == procedure
    assert read_back.fingerprint == procedure.fingerprint
    assert read_back.rules_by_event == procedure.rules_by_event


@pytest.mark.parametrize("stem", [stem for stem in FILES if stem != "working-together"])
def test_a_procedure_that_a_base_set_completes_survives_json_too(stem: str) -> None:
    procedure, base = load(stem), load("WT")
    assert procedure.fingerprint  # worked out before: what is made of it must not keep it
    assert procedure.rules_by_event
    completed = procedure.completed_with(base)
    read_back = Procedure.model_validate_json(to_json(completed))
    assert read_back == completed == load(f"{stem}+WT")
    assert read_back.fingerprint == completed.fingerprint != procedure.fingerprint
    assert completed.rules_by_event == read_back.rules_by_event


@pytest.mark.covers("Q-27")
@pytest.mark.parametrize("stem", [stem for stem in FILES if stem != "working-together"])
def test_a_base_set_fills_gaps_only_and_says_so(stem: str) -> None:
    procedure, completed = load(stem), load(f"{stem}+WT")
    assert {key: completed.timescale[key] for key in procedure.timescale} == procedure.timescale
    added = completed.timescale.keys() - procedure.timescale.keys()
    assert added
    for key in added:
        assert completed.timescale[key].origin == "working-together"
        assert completed.timescale[key].owner in procedure.role
    assert all(rule.origin is None for rule in procedure.timescale.values())
    assert completed.authorisation == procedure.authorisation
    assert completed.gate == procedure.gate


@pytest.mark.parametrize("stem", FILES)
def test_every_rule_is_cited_by_few_words_of_its_document(stem: str) -> None:
    cites = list(citations(load(stem)))
    assert cites
    for where, cited in cites:
        assert isinstance(cited, Cited)
        assert 1 <= len(cited.words.split()) <= MOST_WORDS, f"{where}: {cited.words}"
        assert cited.cites, where


@pytest.mark.parametrize("letter", DOCUMENTS)
def test_a_rule_cites_rows_of_its_own_document_and_reads_from_it(letter: str) -> None:
    for where, cited in citations(load(letter)):
        rows = [row for row in cited.cites if not re.fullmatch(r"[CQX]-\d\d", row)]
        strangers = [row for row in rows if re.sub(r"^[A-Z]+-(?=[A-Z])", "", row)[0] != letter]
        assert not strangers, f"{where} of {letter} cites {', '.join(strangers)}"
        assert cited.source.startswith(DOCUMENTS[letter]), f"{where}: {cited.source}"


@pytest.mark.parametrize("stem", FILES)
def test_somebody_acts_at_every_stage(stem: str) -> None:
    procedure = load(stem)
    assert {procedure.acting_at(stage) for stage in Stage} <= procedure.role.keys()


@pytest.mark.parametrize("stem", FILES)
def test_nothing_reminds_of_what_has_no_date_and_nothing_waits_with_immediate_protection(stem: str) -> None:
    procedure = load(stem)
    assert not [key for key, rule in procedure.timescale.items() if rule.no_amount is not None and rule.remind]
    messages = [rule.message for rule in (*procedure.gate, *procedure.answer)]
    assert "immediate_protection_taken" not in messages


@pytest.mark.parametrize("stem", FILES)
def test_no_event_opens_more_duties_than_can_be_read(stem: str) -> None:
    """A social worker reads them all."""
    opened = Counter(event for rule in load(stem).timescale.values() if not rule.only_if for event in rule.from_)
    assert max(opened.values()) <= 7, opened


def test_at_a_stage_that_is_not_named_acts_whoever_does_at_the_one_before() -> None:
    rules = load("P").model_dump(mode="json", by_alias=True)
    rules["acts"] = {"referral": "team manager", "section 47 enquiry": "social worker"}
    procedure = Procedure.model_validate(rules)
    assert procedure.acting_at(Stage.STRATEGY) == "team manager"
    assert procedure.acting_at(Stage.ENQUIRY) == procedure.acting_at(Stage.CLOSING) == "social worker"


def test_a_changed_rule_changes_the_fingerprint() -> None:
    changed = parse(OURS.replace('within = "24 hours"', 'within = "25 hours"'), "ours.toml")
    assert changed.fingerprint != parse(OURS, "ours.toml").fingerprint


# --- An authority's own files -------------------------------------------------------------------------------------


def test_an_authoritys_own_file_wins_over_one_that_is_shipped(tmp_path: Path) -> None:
    text = FILES["process-map"].read_text(encoding="utf-8").replace('version = "1"', 'version = "2027"')
    (tmp_path / "ours.toml").write_text(text, encoding="utf-8")
    assert load("P", [tmp_path]).about.version == "2027"
    assert load("process-map+WT", [tmp_path]).about.version == "2027"
    assert load("P").about.version == "1"
    assert paths([tmp_path])[0] == tmp_path / "ours.toml"


def test_a_draft_with_mistakes_stops_nobody_who_did_not_ask_for_it(tmp_path: Path) -> None:
    (tmp_path / "draft.toml").write_text(OURS.replace("[acts]", "[act]").replace('"example"', '"draft"'), "utf-8")
    assert load("P", [tmp_path]) == load("P")
    with pytest.raises(WrongProcedure, match=r"draft\.toml.*acts"):
        load("draft", [tmp_path])


def test_a_broken_file_of_ones_own_is_not_passed_over_for_the_shipped_one(tmp_path: Path) -> None:
    text = FILES["process-map"].read_text(encoding="utf-8")
    (tmp_path / "ours.toml").write_text(text.replace("[acts]", "[acts"), encoding="utf-8")
    with pytest.raises(WrongProcedure, match=r"ours\.toml: this is not valid TOML"):
        load("P", [tmp_path])


def test_a_file_that_is_no_text_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(WrongProcedure, match=r"ours\.toml: this is not a text file in UTF-8"):
        load("P", [tmp_path])


def test_a_procedure_that_there_is_not_is_refused_with_those_there_are() -> None:
    with pytest.raises(WrongProcedure, match=r"no procedure 'Q'.*process-map \(P\)"):
        load("Q")
    with pytest.raises(WrongProcedure, match=r"no procedure 'Q'"):
        load("P+Q")


def test_two_procedures_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(WrongProcedure, match=r"P cannot be completed with B: there is no form"):
        load("P+B")


# --- Wrong files --------------------------------------------------------------------------------------------------


def test_the_file_that_is_spoilt_here_is_right_to_begin_with() -> None:
    assert parse(OURS, "ours.toml").about.letter == "E"


@pytest.mark.parametrize(
    ("was", "spoilt", "line", "says"),
    [
        pytest.param(
            'from = "section 47 initiated"',
            'from = "section 47 iniated"',
            'from = "section 47 initiated"',
            ["timescale.initial-conference.from", "'section 47 iniated'", "Did you mean 'section 47 initiated'"],
            id="unknown event",
        ),
        pytest.param(
            'within = "24 hours"',
            'within = "24 furlongs"',
            'within = "24 hours"',
            ["timescale.child-seen.within", "a number from 1 to 1000 and a unit", "working days", "'24 furlongs'"],
            id="impossible unit",
        ),
        pytest.param(
            'within = "24 hours"',
            "within = 24",
            'within = "24 hours"',
            ["timescale.child-seen.within: write this as text, in quotes"],
            id="amount without a unit",
        ),
        pytest.param(
            'within = "24 hours"',
            'within = "0 hours"',
            'within = "24 hours"',
            ["timescale.child-seen.within", "a number from 1 to 1000"],
            id="amount of nothing",
        ),
        pytest.param(
            CITATION,
            "",
            "[timescale.initial-conference]",
            ["timescale.initial-conference: say once where this is from: write `must` or `should = ["],
            id="missing citation",
        ),
        pytest.param(
            CITATION,
            CITATION + CITATION.replace("should", "must"),
            "[timescale.initial-conference]",
            ["timescale.initial-conference: say once where this is from"],
            id="must and should",
        ),
        pytest.param(
            CITATION,
            "should = []\n",
            "should = ",
            ['timescale.initial-conference.should: write `must` or `should = ["rows of the catalogue", "place in the'],
            id="empty citation",
        ),
        pytest.param(
            CITATION,
            'cites = ["P-01"]\nsource = "001"\nwords = "within 15"\n',
            "should = ",
            ["timescale.initial-conference.cites: a citation is one line"],
            id="a citation over several lines",
        ),
        pytest.param(
            CITATION,
            CITATION.replace("Q-02", "P1"),
            "should = ",
            ["timescale.initial-conference.should: 'P1'", "such as W-05"],
            id="no row of the catalogue",
        ),
        pytest.param(
            'met_by = "core group held"\nuntil = "plan ended"\nremind = ["5 working days"]',
            'met_by = "core group held"\nremind = ["5 working days"]',
            "[timescale.core-group]",
            ["timescale.core-group: this recurs", "it needs `until`"],
            id="recurrence without an end",
        ),
        pytest.param(
            'owner = "social worker"',
            'owner = "social wroker"',
            'owner = "social worker"',
            ["usual.owner: there is no role 'social wroker' here", "assistant team manager", "social worker"],
            id="a role nobody holds",
        ),
        pytest.param(
            'owner = "conference service"',
            'owner = "conference servise"',
            'owner = "conference service"',
            ["timescale.conference-arrangements.owner: there is no role 'conference servise' here"],
            id="an owner that there is not",
        ),
        pytest.param(
            'escalate = "team manager"',
            'escalate = "team boss"',
            'escalate = "team manager"',
            ["usual.escalate: there is no role 'team boss' here", "team manager"],
            id="escalation to nobody",
        ),
        pytest.param(
            'escalate = "team manager"',
            'remind = ["1 week"]',
            'escalate = "team manager"',
            ["usual.remind: [usual] is a table that says owner and escalate, nothing else"],
            id="what cannot be usual",
        ),
        pytest.param(
            'withheld_on = "any ground"',
            "withheld_with_information = true",
            'withheld_on = "any ground"',
            ['write `withheld_on = "any ground"`, or which grounds'],
            id="withheld in the model's words",
        ),
        pytest.param(
            'withheld_on = "any ground"',
            'withheld_on = "any grounds"',
            'withheld_on = "any ground"',
            ["timescale.conference-report-to-family.withheld_on", "'any grounds' is not a word of the vocabulary here"],
            id="no ground",
        ),
        pytest.param(
            'within = "24 hours"',
            'replaces = "child-sean"\nwithin = "24 hours"',
            'within = "24 hours"',
            ["timescale.child-seen.replaces: there is no timescale 'child-sean' here"],
            id="replaces what there is not",
        ),
        pytest.param(
            'before_scheduled = ["first-review", "later-review"]',
            'before_scheduled = ["first-revue", "later-review"]',
            "before_scheduled",
            ["before_scheduled: there is no timescale 'first-revue' here", "first-review"],
            id="counts from a limit there is not",
        ),
        pytest.param(
            'within = "15 working days"',
            'within = "15 working days"\nbefore = "2 days"',
            "[timescale.initial-conference]",
            ["say exactly one of `within`, `before`", "this has within and before"],
            id="two amounts",
        ),
        pytest.param(
            'within = "15 working days"\n',
            "",
            "[timescale.initial-conference]",
            ["say exactly one of `within`, `before`", "this has none"],
            id="no amount",
        ),
        pytest.param(
            'reading = "working"\n',
            "",
            "[timescale.first-core-group]",
            ["`days` without `working` needs `reading"],
            id="days without a reading",
        ),
        pytest.param(
            'within = "24 hours"',
            'within = "24 hours"\nreading = "working"',
            "[timescale.child-seen]",
            ["`reading` is for unqualified `days` only"],
            id="a reading of hours",
        ),
        pytest.param(
            'within = "4 weeks"',
            'window = ["6 weeks", "4 weeks"]',
            "[timescale.core-group]",
            ["the first is the smaller"],
            id="a window that closes before it opens",
        ),
        pytest.param(
            '"then 4 weekly"',
            f'"{MANY}words"',
            'should = ["Q-10',
            ["timescale.core-group.should: the operative words are 15 at most; these are 16"],
            id="too many words",
        ),
        pytest.param(
            'duty = "Hold the next core group"',
            'dutty = "Hold the next core group"',
            'duty = "Hold the next core group"',
            [
                "timescale.core-group.dutty: there is no such setting; is it misspelt?",
                "core-group.duty: this is missing",
            ],
            id="unknown setting",
        ),
        pytest.param(
            'needs = "the step-down is authorised"',
            'needs = "the stepdown is authorised"',
            'needs = "the step-down is authorised"',
            ["gate.step_down_agreed.needs", "Did you mean 'the step-down is authorised'"],
            id="unknown condition",
        ),
        pytest.param(
            "[gate.step_down_agreed]",
            "[gate.step_down_agred]",
            "[gate.step_down_agreed]",
            ["gate.step_down_agred.message: there is no message 'step_down_agred'", "Did you mean 'step_down_agreed'"],
            id="a gate on a message there is not",
        ),
        pytest.param(
            'when = { which = "initial" }',
            'when = { witch = "initial" }',
            'when = { which = "initial" }',
            ["gate.conference_scheduled.when: conference_scheduled has no field 'witch'", "Did you mean 'which'"],
            id="a gate on a field there is not",
        ),
        pytest.param(
            'when = { which = "initial" }',
            'when = { which = "initail" }',
            'when = { which = "initial" }',
            ["gate.conference_scheduled.when: which is never 'initail': write 'initial'"],
            id="a gate on a value that there is not",
        ),
        pytest.param(
            'when = { which = "initial" }',
            'while_owed = "child-seen"',
            'when = { which = "initial" }',
            ["gate.conference_scheduled.while_owed: write this gate on the timescale that it waits for: `blocks`"],
            id="a gate beside the duty that it waits for",
        ),
        pytest.param(
            'remind = ["4 hours"]',
            'blocks.case_clozed = "See the child first"',
            'remind = ["4 hours"]',
            ["timescale.child-seen.blocks.case_clozed.message: there is no message 'case_clozed'", "'case_closed'"],
            id="a duty that blocks a message there is not",
        ),
        pytest.param(
            'remind = ["4 hours"]',
            'blocks = "case_closed"',
            'remind = ["4 hours"]',
            ["timescale.child-seen.blocks: name the message that it blocks: `blocks.case_closed ="],
            id="a duty that blocks for no reason",
        ),
        pytest.param(
            'remind = ["4 hours"]',
            'blocks.duty_done = { when = { duty = "child-sean" }, because = "See the child first" }',
            'remind = ["4 hours"]',
            ["timescale.child-seen.blocks.duty_done.when: duty is never 'child-sean'", "child-seen"],
            id="a duty that blocks a duty there is not",
        ),
        pytest.param(
            "child_in_need_considered.must_be = true",
            'child_in_need_considered.must_be = "yes"',
            "child_in_need_considered.must_be",
            ["answer.section47_outcome.child_in_need_considered.must_be: child_in_need_considered is never 'yes'"],
            id="an answer that nobody can give",
        ),
        pytest.param(
            "case-conference-considered.should = ",
            "case-conference-considered.shuld = ",
            "case-conference-considered.asks",
            ["prompt.section 47 enquiry.case-conference-considered: say once where", "shuld: there is no such setting"],
            id="a prompt that is from nowhere",
        ),
        pytest.param(
            '[prompt."section 47 enquiry"]',
            '[prompt."section 47 inquiry"]',
            '[prompt."section 47 enquiry"]',
            ["prompt.section 47 inquiry: 'section 47 inquiry' is not", "Did you mean 'section 47 enquiry'"],
            id="a prompt at a stage there is not",
        ),
        pytest.param(
            'to = "conference service"',
            'to = "conference servise"',
            'to = "conference service"',
            ["notice.section 47 substantiated.to: there is no role 'conference servise'"],
            id="a notice to nobody",
        ),
        pytest.param(
            '[authorisation."strategy discussion"]',
            '[authorisation."strategy discusion"]',
            '[authorisation."strategy discussion"]',
            ["'strategy discusion'", "Did you mean 'strategy discussion'"],
            id="unknown subject of an authorisation",
        ),
        pytest.param(
            'referral = "assistant team manager"\n',
            "",
            "[acts]",
            ["acts: say who acts in referral"],
            id="a stage at which nobody acts",
        ),
        pytest.param(
            'key = "example"',
            'key = "Process Map"',
            'key = "example"',
            ["procedure.key: use small letters, digits and hyphens only"],
            id="impossible key",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_its_line_and_the_remedy(
    was: str, spoilt: str, line: str, says: list[str]
) -> None:
    message = wrong(was, spoilt)
    table = re.match(r"\[(timescale\.[a-z-]+)", line)
    number = line_of(OURS, line, f"[{table[1]}" if table else "")
    assert f"ours.toml:{number}: " in message, message
    for part in says:
        assert part in message, message


@pytest.mark.parametrize("section", ["acts", "assessment", "role", "procedure"])
def test_a_missing_section_is_named(section: str) -> None:
    text = "\n".join(part for part in OURS.split("\n\n") if not re.match(rf"(#.*\n)*\[{section}[].]", part))
    with pytest.raises(WrongProcedure, match=rf"ours\.toml: {section}: this is missing and is needed"):
        parse(text, "ours.toml")


def test_what_is_no_toml_is_refused_with_its_line() -> None:
    message = wrong('within = "4 weeks"', 'within = "4 weeks')
    assert "ours.toml: this is not valid TOML" in message
    number = line_of(OURS, 'within = "4 weeks"')
    assert f"(at line {number}" in message


def test_every_mistake_is_said_at_once() -> None:
    text = OURS.replace('within = "24 hours"', 'within = "24"').replace("[acts]\nreferral", "[acts]\nreferal")
    with pytest.raises(WrongProcedure) as refused:
        parse(text, "ours.toml")
    messages = str(refused.value).splitlines()
    assert len(messages) == len(set(messages)) >= 2
    assert any("child-seen.within" in line for line in messages)
    assert any("'referal'" in line and "Did you mean 'referral'" in line for line in messages)


def test_a_meeting_whose_membership_nobody_looks_at_is_refused() -> None:
    meeting = '\n[meeting."strategy meeting"]\nshould = ["P-01", "a"]\nminimum = [["police"]]\n'
    with pytest.raises(WrongProcedure, match=r"meeting\.strategy meeting: there is no such meeting.*core group"):
        parse(OURS + meeting, "ours.toml")


# --- The guide ----------------------------------------------------------------------------------------------------

GUIDE = (Path(__file__).parents[1] / "docs" / "writing-a-procedure.md").read_text(encoding="utf-8")
OF_THE_MODEL = {"words", "force", "withheld_with_information", "origin", "message", "field", "on", "stage"}
"""What a file says otherwise: by its line of citation, or by where a rule stands."""


def test_the_guide_names_every_part_and_every_setting() -> None:
    cited = [kind for kind in Cited.__subclasses__() if kind is not MessageRule]
    kinds: list[type[Value]] = [About, AssessmentRule, Procedure, Role, Gate, Answer, *cited]
    settings = {field.alias or name for kind in kinds for name, field in kind.model_fields.items()}
    assert not [name for name in settings - OF_THE_MODEL if not re.search(rf"[`.\[]{name}\b", GUIDE)]


def test_the_example_in_the_guide_is_right() -> None:
    [example] = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    rule = OURS[OURS.index("[timescale.child-seen]") : OURS.index("[timescale.conference-arrangements]")]
    assert parse(OURS.replace(rule, example), "ours.toml").timescale["child-seen"].cites == ("P-02", "Q-12")
