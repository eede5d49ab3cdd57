"""Whatever reaches Temporal is bounded in bytes: nothing that is sent ends a case, stops it, or fails it for ever."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowFailureError
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from casework.messages import Message
from casework.procedure_files import load
from connection.search_attributes import OVERDUE
from starter.cases import reach
from tests.lives import EXAMPLE
from tests.office import Office, eventually
from workflows.case import workflow_id
from workflows.outbox import SINGLY

LONG = 1_500_000


async def test_what_is_too_long_is_refused_by_both_doors(office: Office) -> None:
    case = await office.case("LONG")
    await case.refer()
    version = {**load("B").model_dump(mode="json"), "about": {"version": "1" * LONG}}
    for message, fields in (
        ("new_information_received", {"note": "x" * LONG}),
        ("procedure_adopted", {"procedure": version}),
        ("new_information_received", {"nothing": ["x"] * (LONG // 5)}),
        ("corrected", {"fact": 1, "reason": "A slip", "changes": {"x" * LONG: 1}}),
    ):
        with pytest.raises(reach.NotAccepted, match="This message is too long"):
            await case.tell(message, "team manager/tm-1", **fields)
    await case.signal("new_information_received", "police/pc-1", note="x" * LONG)

    async def is_kept() -> bool:
        async with office.records() as records:
            await case.recorded(records)
        return (await case.state()).announced.kept == 2

    await eventually(is_kept)
    assert [fact.message.name for fact in (await case.state()).facts] == ["referral_received"]
    await case.tell("new_information_received", "police/pc-1", note="é" * 3900)


async def test_no_message_of_ours_is_longer_than_what_is_taken() -> None:
    assert len(load("B+WT").as_json) < 200_000 < Message.longest * 8


async def test_a_case_with_as_much_overdue_as_a_procedure_can_name_goes_on(office: Office) -> None:
    names = [f"late-{number:03}" for number in range(130)]
    ours = load("E", [EXAMPLE]).about.key
    text = (EXAMPLE / f"{ours}.toml").read_text(encoding="utf-8").replace(f'key = "{ours}"', 'key = "many-names"')
    text = text.replace('letter = "E"', 'letter = "MN"') + "".join(ONE_HOUR.format(name=name) for name in names)
    (office.procedures / "many-names.toml").write_text(text, encoding="utf-8")
    case = await office.case("NAMES", procedure="many-names")
    await case.enquired(ago=timedelta(days=2))
    assert {*names} <= {deadline.timescale for deadline in (await case.story()).overdue}
    shown = (await case.handle.describe()).typed_search_attributes[OVERDUE]
    assert {*names} <= {*shown}
    assert (await case.tell("new_information_received", "police/pc-1")).fact


ONE_HOUR = """
[timescale."{name}"]
duty = "Do it"
should = ["P-01", "made up for tests", "within an hour"]
from = "section 47 initiated"
within = "1 hour"
met_by = "duty done"
"""


async def test_thousands_of_refused_signals_are_counted_together(office: Office) -> None:
    case = await office.case("FLOOD")
    await case.refer()
    # Each is another: of the same message sent again, less is kept where a task of the burst was lost.
    wrong = [case.body("vicar/v-1") | {"id": f"{number} {'x' * 600}"} for number in range(3000)]
    for burst in range(0, 3000, 100):
        await asyncio.gather(*(case.handle.signal("child_visited", body) for body in wrong[burst : burst + 100]))
    receipt = await case.tell("new_information_received", "police/pc-1")
    assert receipt.fact == 2

    async def all_counted() -> int | None:
        async with office.records() as records:
            lines = await case.recorded(records)
        singly = sum(line.text.startswith("Refused: child visited") for line in lines)
        together = [int(line.text.split()[0].replace(",", "")) for line in lines if " more message" in line.text]
        return singly if singly + sum(together) == 3000 and together else None

    assert SINGLY <= await eventually(all_counted, seconds=120) < 3000


STARTS: dict[str, Sequence[Any]] = {
    "nothing": [],
    "a list": [[]],
    "a word": ["x"],
    "null": [None],
    "two things": [{"reference": "A", "procedure": "P"}, {}],
    "two things in an encoding of nobody's": [RawValue(Payload(metadata={"encoding": b"x"}, data=b"{}"))] * 2,
    "a number for a reference": [{"reference": 5, "procedure": "P"}],
    "a null character": [{"reference": "A\0B", "procedure": "P"}],
    "no procedure": [{"reference": "A"}],
    "another case's reference": [{"reference": "ANOTHER", "procedure": "P"}],
    "no JSON": [RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b"\xff{"))],
    "bytes": [b"\0\1"],
    "an encoding of nobody's": [RawValue(Payload(metadata={"encoding": b"x"}, data=b"{}"))],
}


@pytest.mark.parametrize("given", STARTS.values(), ids=STARTS)
async def test_what_is_no_start_fails_once_and_says_why(office: Office, given: Sequence[Any]) -> None:
    client = await office.client()
    case = await office.case("START")
    handle = await client.start_workflow("case", args=given, id=workflow_id(case.reference), task_queue=office.queue)
    with pytest.raises(WorkflowFailureError) as failed:
        await asyncio.wait_for(handle.result(), 30)
    assert isinstance(failed.value.cause, ApplicationError)
    assert "A case cannot start with this" in failed.value.cause.message or "the id" in failed.value.cause.message
    await case.refer()  # and a referral opens a case under that reference
