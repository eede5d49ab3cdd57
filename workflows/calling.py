"""Calling activities that have to be done, however long it takes."""

from datetime import timedelta
from typing import NoReturn, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

from workflows.summaries import summary_of

AT_ONCE = timedelta(seconds=4)
"""The activities themselves take two seconds at the most, where they are part of a workflow task."""
AT_A_TIME = timedelta(seconds=30)
FOR_EVER = RetryPolicy(maximum_interval=timedelta(seconds=30))
ONCE = RetryPolicy(maximum_attempts=1)
Result = TypeVar("Result")


class RefusedForGood(Exception):
    """An activity said no, and trying again is of no use. `kind` is the type of its error."""

    def __init__(self, text: str, kind: str | None) -> None:
        super().__init__(text)
        self.kind = kind


class NotAtOnce(Exception):
    """The result of an activity cannot be had in a moment. `kind` is the type of its error."""

    def __init__(self, kind: str | None) -> None:
        super().__init__(kind)
        self.kind = kind


async def at_once(name: str, argument: object, result_type: type[Result], summary: str) -> Result:
    """The result of an activity within the workflow task.

    It takes one event of history, and no second task. But a task may be lost after its activities were done, and is
    then done again at another time, with other messages: what an activity writes in it has to bear that. Raises
    `RefusedForGood`, or `NotAtOnce`.
    """
    try:
        result: Result = await workflow.execute_local_activity(
            name,
            argument,
            result_type=result_type,
            start_to_close_timeout=AT_ONCE,
            retry_policy=ONCE,
            summary=summary_of(summary),
        )
        return result
    except FailureError as error:
        cause = _cause(error)
        if isinstance(cause, ApplicationError) and cause.non_retryable:
            _raise(error)
        raise NotAtOnce(cause.type if isinstance(cause, ApplicationError) else None) from error


async def in_the_end(name: str, argument: object, result_type: type[Result], summary: str) -> Result:
    """The result of an activity that is tried until it succeeds. Raises `RefusedForGood`."""
    try:
        result: Result = await workflow.execute_activity(
            name,
            argument,
            result_type=result_type,
            start_to_close_timeout=AT_A_TIME,
            retry_policy=FOR_EVER,
            summary=summary_of(summary),
        )
        return result
    except ActivityError as error:
        _raise(error)


def why(error: FailureError) -> str:
    """Why an activity failed, in its own words."""
    cause = _cause(error)
    return cause.message if isinstance(cause, ApplicationError) else str(cause)


def _cause(error: FailureError) -> BaseException:
    # Of a local activity the SDK gives what it raised, of another one that an activity failed, and why.
    return error.cause or error


def _raise(error: FailureError) -> NoReturn:
    cause = _cause(error)
    raise RefusedForGood(why(error), cause.type if isinstance(cause, ApplicationError) else None) from error
