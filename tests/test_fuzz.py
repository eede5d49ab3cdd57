"""Whatever is sent to a case, by whichever door, in whatever encoding: the case answers it, goes on, is recorded.

HYPOTHESIS_PROFILE=explore sends thousands.
"""

import asyncio
import json
from collections.abc import Awaitable
from datetime import UTC, date, datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.common import RawValue, WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from casework.procedure import Procedure
from casework.stages import MESSAGES
from starter.cases import reach, recorded
from tests.lives import examples, procedure_body
from tests.office import SECONDS, Office, OneCase, eventually
from tests.test_replay import replay
from workflows.case import Receipt, workflow_id
from workflows.doors import CLOSED, REFUSED

# --- What is sent -------------------------------------------------------------------------------------------------

NOW, TODAY = "<now>", "<today>"
"""Put in when it is sent: what is found must not depend on the day."""
WORDS = (
    *("request-1", "strategy-3", "child-seen", "initial-conference@4", "sw-1", "tm-1", "social worker", "police"),
    *("team manager", "parents and carers", "vicar", "P", "a reason", NOW, TODAY, "", " ", "x" * 90, "é" * 2100),
    *("\0", "\ud800", "\u202e", "2026-W15-1", "9999-12-31", "0001-01-01T00:00:00+14:00", "٣", "1" * 5000),
)
odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.sampled_from([10**400, 10**4000])
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
deep = st.integers(1, 3000).map(lambda depth: json.loads("[" * min(depth, 900) + "]" * min(depth, 900)))


def fitting(annotation: Any) -> st.SearchStrategy[Any]:
    """Values of the kind that a field asks for."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return fitting(inside[0])
    if origin in (Union, UnionType):
        return st.one_of([fitting(part) for part in inside])
    if origin is Literal:
        return st.sampled_from(inside)
    if origin is tuple:
        return st.lists(fitting(inside[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(st.sampled_from(["note", "seen", "occurred_at", "due", "id"]), odd, max_size=3)
    if annotation is Procedure:
        return st.sampled_from("BPW").map(procedure_body)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return st.sampled_from([*annotation])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return body_of(annotation)
    plain: dict[Any, st.SearchStrategy[Any]] = {
        NoneType: st.none(),
        bool: st.booleans(),
        int: st.integers(0, 30),
        date: st.just(TODAY),
        AwareDatetime: st.just(NOW),
    }
    return plain.get(annotation, st.sampled_from(WORDS))


def body_of(kind: type[BaseModel]) -> st.SearchStrategy[dict[str, Any]]:
    """A body as this kind of message has it, nearly: here and there a value that is odd, or a field that is not."""
    needed = {name: fitting(field.annotation) for name, field in kind.model_fields.items() if field.is_required()}
    others = {name: fitting(field.annotation) for name, field in kind.model_fields.items() if not field.is_required()}
    if "by" in needed:
        roles = st.sampled_from(["social worker", "team manager", "assistant team manager", "conference service"])
        needed |= {"by": st.fixed_dictionaries({"role": roles, "person": st.sampled_from(["sw-1", "tm-1"])})}
        needed |= {"id": st.uuids().map(str)}
    right = st.fixed_dictionaries(needed, optional=others)
    wrong = st.dictionaries(st.sampled_from([*kind.model_fields]) | st.text(max_size=8), odd | deep, max_size=2)
    return st.builds(lambda fits, slips, slip: {**fits, **slips} if slip else fits, right, wrong, st.booleans())


class Given(NamedTuple):
    """What is sent: the message's name, its payload without the time, and by which doors."""

    name: str
    encoding: bytes
    data: bytes
    doors: tuple[str, ...]
    twice: bool = False


ENCODINGS = st.sampled_from(
    [b"json/plain"] * 8 + [b"json/protobuf", b"binary/plain", b"binary/null", b"x", b"\xff", b""]
)
DOORS = st.sampled_from([("update", "signal"), ("update",), ("signal",)])


@st.composite
def messages(draw: st.DrawFn) -> Given:
    name = draw(st.sampled_from(sorted(MESSAGES)))
    body = draw(body_of(MESSAGES[name]) if draw(st.integers(0, 9)) else odd | deep)
    data = json.dumps(body, ensure_ascii=draw(st.booleans())).encode(errors="surrogatepass")
    if not draw(st.integers(0, 9)):  # cut, or spoilt
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.sampled_from([b"", b"\xff", b"\0", b'"', b"}", b"1e999"])) + data[at + 1 :]
    if not draw(st.integers(0, 19)):
        data = data.replace(b'"', b'"' + b"x" * draw(st.integers(0, 300_000)), 1)
    return Given(name, draw(ENCODINGS), data, draw(DOORS), twice=not draw(st.integers(0, 19)))


others = st.builds(
    Given,
    name=st.text(st.characters(codec="utf-8"), max_size=20)
    | st.sampled_from(["__temporal_x", "__stack_trace", "x" * 900, "Child_Visited", "case", "child_visited "]),
    encoding=ENCODINGS,
    data=st.binary(max_size=30) | odd.map(lambda value: json.dumps(value).encode()),
    doors=st.sampled_from([("signal",), ("update",), ("query",), ("start",), ("start again",), ("cancel",)]),
)
batches = st.lists(messages() | messages() | messages() | others, min_size=30, max_size=30)


# --- Sending it ---------------------------------------------------------------------------------------------------


def payload(sent: Given) -> RawValue:
    now = datetime.now(UTC)
    data = sent.data.replace(NOW.encode(), now.isoformat().encode()).replace(TODAY.encode(), str(now.date()).encode())
    return RawValue(Payload(metadata={"encoding": sent.encoding}, data=data))


async def send(case: OneCase, sent: Given, door: str) -> None:
    """Send it by this door. What is answered is an acceptance, or a clear refusal; or the server itself refuses."""
    args = [payload(sent)] * (2 if sent.twice else 1)
    handle = case.handle
    try:
        match door:
            case "update":
                await handle.execute_update(sent.name, args=args)
            case "signal":
                await handle.signal(sent.name, args=args)
            case "query":
                await handle.query(sent.name, args=args)
            case "cancel":
                await handle.cancel()
            case _:
                which = workflow_id(case.reference + ("-odd" if door == "start" else ""))
                conflict = WorkflowIDConflictPolicy.USE_EXISTING
                await case.client.start_workflow(
                    "case", args=args, id=which, task_queue=case.office.queue, id_conflict_policy=conflict
                )
    except WorkflowUpdateFailedError as refused:
        cause = refused.cause
        assert isinstance(cause, ApplicationError) and cause.type in (REFUSED, CLOSED), (sent, cause)
        assert cause.message.strip() and "Please report it" not in cause.message, (sent, cause.message)
    except WorkflowQueryFailedError:
        pass
    except RPCError as error:
        wrong = (
            RPCStatusCode.NOT_FOUND,
            RPCStatusCode.INVALID_ARGUMENT,
        )  # it was closed, or the server has no such name
        assert error.status in wrong, (sent, error)


async def still_works(case: OneCase) -> None:
    """It answers a right message; or it was ended by one of those sent, and a referral opens it again."""
    body = case.body("police/pc-1", note="Heard at school")

    async def answered() -> Receipt | None:
        try:
            return await case.send("new_information_received", body)
        except reach.NotReached:
            return None  # on a busy machine
        except (reach.NotFound, reach.NotAccepted) as closed:
            assert isinstance(closed, reach.NotFound) or "closed" in str(closed), closed
            return await case.refer(person=f"child-of-{case.reference}")

    assert (await eventually(answered, 2 * SECONDS)).fact


async def live(office: Office, batch: list[Given]) -> None:
    """One case is sent all of a batch, some of it at the same time; then it is looked at from all sides."""
    case = await office.case("FUZZ")
    log = office.folder / "worker.log"
    before = log.stat().st_size
    await case.enquired()
    few = asyncio.Semaphore(4)

    async def one_of_few(sending: Awaitable[None]) -> None:
        async with few:
            await asyncio.wait_for(sending, 2 * SECONDS)

    await asyncio.gather(*(one_of_few(send(case, sent, door)) for sent in batch for door in sent.doors))
    await still_works(case)
    async with office.records() as records:
        checked = await recorded.verify(case.client, records, case.reference)
    assert checked is not None and checked.problems == (), checked
    for run in await case.runs():
        events = await case.history(run)
        kinds = {event.event_type for event in events}
        assert EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED not in kinds
        assert EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED not in kinds
        await replay(WorkflowHistory(workflow_id(case.reference), events))
    logged = log.read_bytes()[before:].decode(errors="replace")
    assert "Traceback" not in logged and "panicked" not in logged, logged[-5000:]


@pytest.mark.usefixtures("office")
@settings(
    max_examples=examples(4),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(batch=batches)
def test_whatever_is_sent_the_case_goes_on(office: Office, batch: list[Given]) -> None:
    asyncio.run(live(office, batch))
