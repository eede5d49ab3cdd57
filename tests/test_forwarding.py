"""What was recorded on the wrong child is withdrawn there and recorded on the right one; each points to the other."""

import json
from datetime import timedelta

import pytest

from activities import reading
from activities.database import Database
from tests.office import Office, OneCase, eventually

HOUR = timedelta(hours=1)
WORKER, MANAGER = "social worker/sw-1", "team manager/tm-1"
WHY = "The visit was to the sister"


async def misplaced(office: Office, belongs_to: str, seen: bool = True) -> tuple[OneCase, int]:
    """A case on which a visit was recorded that belongs to another one, as a manager agreed; the fact's number."""
    case = await office.case("WRONG")
    await case.enquired(HOUR)
    visit = await case.tell("child_visited", WORKER, HOUR / 2, seen=seen, alone=seen, note="Seen in her room")
    receipt = await case.tell("recorded_in_error", WORKER, facts=[visit.fact], belongs_to=belongs_to, reason=WHY)
    assert receipt.entries[0].startswith(f"Withdraw entry no. {visit.fact}: ")
    await case.tell("authorisation", MANAGER, request=f"request-{receipt.fact}", decision="authorise")
    assert visit.fact is not None
    return case, visit.fact


async def lines_with(case: OneCase, records: Database, words: str) -> list[str]:
    return [line.text for line in await case.recorded(records) if words in line.text]


async def test_it_is_recorded_where_it_belongs(office: Office, records: Database) -> None:
    right = await office.case("RIGHT")
    await right.enquired(HOUR)
    wrong, number = await misplaced(office, right.reference)

    async def arrived() -> list[reading.RecordedMessage] | None:
        await right.recorded(records)
        visits = [fact for fact in await reading.facts(records, right.reference) if fact.name == "child_visited"]
        return visits or None

    [there] = await eventually(arrived)
    [here] = [fact for fact in await reading.facts(records, wrong.reference) if fact.fact == number]
    body, sent = json.loads(there.body), json.loads(here.body)
    assert body.pop("moved_from") == f"{wrong.reference}.{number}"
    assert body.pop("id") != sent.pop("id")
    assert body == sent, "whole, with its note, as it was sent"
    # Each chronology points to the other, and every clock follows.
    assert await lines_with(wrong, records, f"It belongs to case {right.reference}")
    assert await lines_with(right, records, f"{wrong.reference}")
    of_wrong = [d.met_at for d in (await wrong.story()).deadlines.values() if d.timescale == "child-seen"]
    of_right = [d.met_at for d in (await right.story()).deadlines.values() if d.timescale == "child-seen"]
    assert of_wrong == [None] and of_right != [None]
    assert await eventually(
        lambda: lines_with(wrong, records, f"No. {number} is now recorded on case {right.reference}")
    )
    assert await lines_with(wrong, records, "could not be recorded") == []
    assert (await wrong.state()).announced.forwarding == ()
    for case in (wrong, right):
        assert (await reading.verify_chain(records, case.reference)).intact


@pytest.mark.parametrize("refuses", [True, False], ids=["it refuses", "it is not there"])
async def test_where_it_cannot_be_recorded_a_manager_is_told(office: Office, records: Database, refuses: bool) -> None:
    other = await office.case("OTHER")
    if refuses:
        await other.refer(ago=timedelta(), date_of_birth=None, expected_date_of_birth="2026-12-24")
    wrong, number = await misplaced(office, other.reference)

    async def could_not_be() -> list[str] | None:
        lines = await lines_with(wrong, records, f"No. {number} could not be recorded on case {other.reference}: ")
        return lines or None

    [line] = await eventually(could_not_be)
    assert line.endswith(f"case {other.reference} is not open") != refuses, line
    notices = [notice for notice in await reading.notices(records, wrong.reference) if notice.kind == "warning"]
    [text] = {notice.text for notice in notices}
    assert text.startswith(f"No. {number} belongs to case {other.reference} but could not be recorded there. ")
    assert {notice.role for notice in notices} == {"assistant team manager", "team manager"}
    if refuses:
        kept = await reading.facts(records, other.reference, refused=True)
        assert [fact.fact for fact in kept if fact.name == "child_visited"] == [None]
