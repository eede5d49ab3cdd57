"""A few fictional cases to look at: one on each procedure, one already overdue, one on a plan, one put right."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from temporalio.client import Client

from starter.cases import reach
from starter.cases.people import who

Telling = tuple[float, str, str, dict[str, Any]]
"""Hours before now, who, which message, and what it says."""

BORN = {"date_of_birth": date(2019, 5, 1).isoformat()}
SCHOOL = {"source": "education", "concern": ["neglect"], "team": "North"}

CASES: dict[tuple[str, str], list[Telling]] = {
    ("DEMO-NEW", "P"): [
        (3, "other agency/school-1", "referral_received", {"person": "demo-1", **BORN, **SCHOOL}),
        (1, "assistant team manager/atm-1", "strategy_requested", {}),
    ],
    ("DEMO-LATE", "P"): [
        (52, "police/police-1", "referral_received", {"person": "demo-2", **BORN, "source": "police", "team": "South"}),
        (51, "assistant team manager/atm-1", "strategy_requested", {"immediate": True}),
        (50, "team manager/tm-1", "social_worker_allocated", {"social_worker": "sw-2"}),
        (49, "social worker/sw-2", "strategy_outcome", {"decision": "section 47"}),
    ],
    ("DEMO-PLAN", "P"): [
        (9, "health/gp-1", "referral_received", {"person": "demo-3", **BORN, "source": "health", "team": "North"}),
        (8.5, "assistant team manager/atm-1", "strategy_requested", {"immediate": True}),
        (8.2, "team manager/tm-1", "social_worker_allocated", {"social_worker": "sw-3"}),
        (8, "social worker/sw-3", "strategy_outcome", {"decision": "section 47"}),
        (7, "social worker/sw-3", "child_visited", {"seen": True, "alone": True}),
        (6, "social worker/sw-3", "section47_outcome", {"outcome": "substantiated"}),
        (5.5, "social worker/sw-3", "conference_service_informed", {}),
        (5, "conference service/cs-1", "chair_allocated", {"chair": "iro-1"}),
        (
            1,
            "independent reviewing officer/iro-1",
            "initial_conference_held",
            {"plan": True, "categories": ["neglect"]},
        ),
    ],
    # Recorded wrongly and put right, and something that was only heard of later.
    ("DEMO-RIGHT", "P"): [
        (30, "other agency/school-6", "referral_received", {"person": "demo-8", **BORN, **SCHOOL}),
        (29.5, "assistant team manager/atm-1", "strategy_requested", {"immediate": True}),
        (29, "team manager/tm-1", "social_worker_allocated", {"social_worker": "sw-8"}),
        (28, "social worker/sw-8", "strategy_outcome", {"decision": "section 47", "attended_by": ["police"]}),
        (20, "social worker/sw-8", "child_visited", {"seen": True, "alone": True}),
        (
            2,
            "social worker/sw-8",
            "corrected",
            {
                "fact": 5,
                "changes": {"seen": False, "alone": None, "reason": "Nobody was at home"},
                "reason": "Ticked by mistake: nobody opened the door",
            },
        ),
        (1.5, "team manager/tm-1", "authorisation", {"request": "correction", "decision": "authorise"}),
        (8, "social worker/sw-8", "child_visited", {"seen": True, "alone": True, "note": "Seen at school"}),
        (
            0.5,
            "social worker/sw-8",
            "corrected",
            {"fact": 4, "changes": {"decision": "no section 47"}, "reason": "The minutes were of another child"},
        ),
    ],
    ("DEMO-AZEUS", "W"): [
        (4, "key professionals/school-3", "referral_received", {"person": "demo-5", **BORN, **SCHOOL, "team": "West"}),
        (3, "mash/mash-1", "screening_decided", {"harm_suspected": True}),
        (2, "rrt practice lead/pl-1", "strategy_requested", {"complex": True}),
        (1, "rrt practice lead/pl-1", "strategy_extension_requested", {"reason": "Several families are concerned"}),
    ],
    ("DEMO-TABLE", "T"): [
        (6, "referrer/school-4", "referral_received", {"person": "demo-6", **BORN, **SCHOOL, "team": "West"}),
        (
            5,
            "assessment and intervention manager/am-1",
            "strategy_outcome",
            {
                "decision": "section 47",
                "attended_by": [
                    "police sergeant",
                    "investigating officer",
                    "assessment and intervention manager",
                    "social worker",
                    "health",
                    "referrer",
                ],
            },
        ),
    ],
    ("DEMO-MOSAIC", "M"): [
        (7, "attendee/school-5", "referral_received", {"person": "demo-7", **BORN, **SCHOOL, "team": "East"}),
        (2, "social worker/sw-7", "strategy_outcome", {"decision": "no further action"}),
        (1, "senior or team manager/tm-7", "authorisation", {"request": "strategy record", "decision": "authorise"}),
    ],
    ("DEMO-BEDS", "B"): [
        (30, "school/school-2", "referral_received", {"person": "demo-4", **BORN, **SCHOOL, "team": "East"}),
        (
            20,
            "lead practitioner/sw-4",
            "strategy_outcome",
            {
                "decision": "section 47",
                "attended_by": ["lead practitioner", "health practitioner", "police"],
                "medical": "not needed",
                "doctor_consulted": True,
                "reason": "Nothing was disclosed that a doctor should see",
                "share_with_family": "share",
                "legal_action": False,
                "information_needed": "The school's chronology",
                "actions": [
                    {"what": "Ask the school for its chronology", "owner": "school", "due": "+3"},
                ],
            },
        ),
        (2, "lead practitioner/sw-4", "whereabouts_unknown", {}),
    ],
}


async def load(client: Client, say: Callable[[str], None]) -> None:
    """Tell the demonstration's cases what happened. Told again, nothing changes: each message counts once."""
    for (reference, procedure), life in CASES.items():
        if await reach.runs(client, reference):
            say(f"  {reference} is where it was")
            continue
        for number, telling in enumerate(life, 1):
            await _tell(client, reference, procedure, number, telling)
        say(f"  {reference} referred, on procedure {procedure}")


async def _tell(client: Client, reference: str, procedure: str, number: int, telling: Telling) -> None:
    hours, by, message, fields = telling
    now = datetime.now(UTC)
    body = {
        "id": f"demo-{number}",
        "occurred_at": (now - timedelta(hours=hours)).isoformat(),
        "by": who(by),
        **{key: _dated(value, now) for key, value in fields.items()},
    }
    if message == "referral_received":
        await reach.refer(client, reach.Opening(reference=reference, procedure=procedure), body)
    else:
        await reach.send(client, reference, message, body)


def _dated(value: Any, now: datetime) -> Any:
    """`+3` is three days from now."""
    if isinstance(value, list):
        return [_dated(item, now) for item in value]
    if isinstance(value, dict):
        return {key: _dated(item, now) for key, item in value.items()}
    if isinstance(value, str) and value.startswith("+"):
        return (now + timedelta(days=int(value))).date().isoformat()
    return value
