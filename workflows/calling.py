"""Calling activities that have to be done, however long it takes."""

from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

from workflows.summaries import summary_of

AT_ONCE = timedelta(seconds=2)
"""Whoever sent a message waits for so long, at the most, until it stands in the record."""
FOR_EVER = RetryPolicy(maximum_interval=timedelta(seconds=30))
ONCE = RetryPolicy(maximum_attempts=1)
Result = TypeVar("Result")


async def until_done(name: str, argument: object, result_type: type[Result], summary: str) -> Result:
    """The result of an activity that is tried until it succeeds.

    First within the workflow task, which takes one event of history and no second task; then, while what it needs is
    away, as an activity of its own. Raises `ActivityError` for what it refuses for good.
    """
    try:
        at_once: Result = await workflow.execute_local_activity(
            name,
            argument,
            result_type=result_type,
            start_to_close_timeout=AT_ONCE,
            retry_policy=ONCE,
            summary=summary_of(summary),
        )
        return at_once
    except ActivityError as error:
        if is_refusal(error):
            raise
    later: Result = await workflow.execute_activity(
        name,
        argument,
        result_type=result_type,
        start_to_close_timeout=timedelta(seconds=30),
        retry_policy=FOR_EVER,
        summary=summary_of(summary),
    )
    return later


def is_refusal(error: ActivityError) -> bool:
    """Whether the activity said no for good, and trying again is of no use."""
    return isinstance(error.cause, ApplicationError) and error.cause.non_retryable


def why(error: ActivityError) -> str:
    """Why an activity failed for good, in its own words."""
    return error.cause.message if isinstance(error.cause, ApplicationError) else str(error.cause or error)
