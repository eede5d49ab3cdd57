"""What may end a duty that nobody has met, held against what that duty is for."""

import pytest

from casework.procedure_files import load, shipped

PROCEDURES = {procedure.about.letter: procedure for procedure in (load(path.stem) for path in shipped())}

CLOSED = {"case closed"}
NO_HARM = {"no significant harm suspected at screening", *CLOSED}
NO_CONFERENCE = {"section 47 not substantiated", "conference not required"}
MAY_END = {
    "referral received": NO_HARM | {"immediate response required"},
    "new information received": NO_HARM | {"immediate response required"},
    "concern raised": NO_HARM | {"immediate response required"},
    "birth expected": NO_HARM | {"child born"},
    "assessment started": {"assessment ended", *CLOSED},
    "assessment limit passed": {"assessment completed"},
    "section 47 initiated": NO_CONFERENCE,
    "strategy discussion held": NO_CONFERENCE,
    "child born": {"section 47 concluded", *CLOSED},
    "consent to a medical assessment not obtained": {"consent to a medical assessment given"},
    "whereabouts unknown": {"child located"},
    "section 47 substantiated": {"initial conference held"},
    "initial conference scheduled": {"initial conference held"},
    "report to be shared": {"initial conference held"},
    "plan started": {"plan ended"},
    "first core group held": {"plan ended"},
    "core group held": {"plan ended"},
    "review conference held": {"plan ended"},
    "review conference scheduled": {"review conference held", "plan ended"},
}
"""By what a duty is counted from first. What is not here ends, unmet, with the case at most."""
FURTHER = {
    "W.child-seen": {"section 47 not initiated"},
    "W.multi-agency-checks": {"assessment ended", *CLOSED},
    "W.history": {"assessment ended", *CLOSED},
    "W.conference-request": {"initial conference held"},
    "P.conference-arrangements": {"initial conference held"},
    "B.child-seen-alone": {"section 47 concluded"},
}
"""W sees the child from the referral on, B for the enquiry; checks and a history are for the assessment; a conference
that is held was asked for, and arranged."""


@pytest.mark.parametrize("letter", PROCEDURES)
def test_a_duty_ends_unmet_only_with_what_it_is_for(letter: str) -> None:
    """A duty that ends by a slip is a child not seen, and nobody is told."""
    for key, rule in PROCEDURES[letter].timescale.items():
        may = MAY_END.get(rule.from_[0], CLOSED) if rule.from_ else CLOSED
        strangers = set(rule.until) - may - FURTHER.get(f"{letter}.{key}", set())
        assert not strangers, f"{letter}.{key} is counted from {rule.from_[:1]} and ends unmet with {strangers}"


@pytest.mark.parametrize("letter", PROCEDURES)
def test_every_duty_on_a_plan_ends_with_the_plan(letter: str) -> None:
    on_a_plan = {first for first, ends in MAY_END.items() if "plan ended" in ends}
    for key, rule in PROCEDURES[letter].timescale.items():
        # What the parents are told of a decision is owed whatever becomes of it.
        if rule.from_ and rule.from_[0] in on_a_plan and "no plan made" not in rule.from_:
            assert "plan ended" in rule.until, f"{letter}.{key} goes on after the plan"
