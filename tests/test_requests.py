"""Requests that nobody decides, on a server that skips time: they remind, they escalate, and nothing is ever authorised
by time passing. The rest of requests is the core's: tests/test_core_requests.py."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from casework.calendar import LONDON
from casework.effects import Notice
from casework.procedure_files import load
from starter.rehearsal.outcome import Rehearsed
from starter.rehearsal.run import rehearse
from starter.rehearsal.scenario import Scenario

ASKED = "assistant team manager/atm-1"
MANAGER = "team manager/tm-1"
TITLE = "Still waiting for you: "


async def lived(requested_at: datetime, until: datetime, *further: dict[str, Any], **fields: Any) -> Rehearsed:
    """A strategy discussion is asked for at that time, and time passes."""
    child = {"person": "child-1", "date_of_birth": date(2018, 5, 1), "source": "education"}
    referral = {
        "at": requested_at - timedelta(hours=1),
        "by": "other agency/school-1",
        "send": "referral_received",
        **child,
    }
    request = {"at": requested_at, "by": ASKED, "send": "strategy_requested", **fields}
    scenario = {"title": "Nobody decides", "procedure": "P", "message": [referral, request, *further], "until": until}
    return await rehearse(Scenario.model_validate(scenario), load("P"))


def heard(rehearsed: Rehearsed) -> list[tuple[str, str, str | None, str]]:
    """What was said of the request after it was made: which kind, to whom, and when in London."""

    def when(notice: Notice) -> str:
        return f"{notice.at.astimezone(LONDON):%a %H:%M}"

    return [
        (notice.kind.value, notice.to, notice.person, when(notice))
        for notice in rehearsed.notices
        if notice.request == "request-2" and notice.kind.value != "request"
    ]


@pytest.mark.covers("Q-19")
async def test_a_request_that_nobody_decides_reminds_and_escalates() -> None:
    monday = datetime(2026, 4, 13, 14, tzinfo=LONDON)
    rehearsed = await lived(monday, monday + timedelta(days=20))
    assert heard(rehearsed)[0][:2] == ("reminder", "team manager")
    assert [at.partition(" ")[0] for *_, at in heard(rehearsed)] == ["Tue", "Wed"]
    assert [kind for kind, *_ in heard(rehearsed)] == ["reminder", "escalation"], "each once, however long it waits"
    assert rehearsed.waiting_for[0] == "team manager", "it still waits: nothing is authorised by time"
    assert all(entry.what != "authorisation" for entry in rehearsed.entries)


async def test_working_days_count_and_the_person_it_was_given_to_is_reminded() -> None:
    friday = datetime(2026, 4, 17, 14, tzinfo=LONDON)
    rehearsed = await lived(friday, friday + timedelta(days=7), ask="tm-7")
    assert [(kind, person, at.partition(" ")[0]) for kind, _, person, at in heard(rehearsed)] == [
        ("reminder", "tm-7", "Mon"),
        ("escalation", None, "Tue"),
    ]


async def test_what_is_decided_in_time_is_not_heard_of() -> None:
    monday = datetime(2026, 4, 13, 14, tzinfo=LONDON)
    decided = {"at": monday + timedelta(hours=3), "by": MANAGER, "send": "authorisation", "request": "request-2"}
    rehearsed = await lived(monday, monday + timedelta(days=20), {**decided, "decision": "authorise"})
    assert heard(rehearsed) == []


async def test_given_back_to_the_role_it_waits_anew() -> None:
    monday = datetime(2026, 4, 13, 14, tzinfo=LONDON)
    back = {"at": monday + timedelta(days=1, hours=2), "by": MANAGER, "send": "request_reassigned"}
    given = {**back, "request": "strategy discussion", "back_to_role": True}
    rehearsed = await lived(monday, monday + timedelta(days=8), given, ask="tm-7")
    kinds = [(kind, person, at.partition(" ")[0]) for kind, _, person, at in heard(rehearsed)]
    assert kinds[0] == ("reminder", "tm-7", "Tue")
    assert ("escalation", None, "Thu") in kinds and ("reminder", None, "Wed") in kinds
