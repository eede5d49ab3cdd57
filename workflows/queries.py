"""A query must not change what follows: a run that answered one may leave the worker's cache, and none is answered
along with a workflow task.

The SDK (temporalio 1.35) has two faults, which docs/sdk-query-fault.md describes. Either leaves a history that can
never be replayed:

* A worker that is asked a query may be given the history with what no workflow task has taken yet, and keeps the run.
  The task that then brings the rest makes a second activation of what a replay gives in one. So the run leaves the
  cache if it was made for the query, or went beyond what tasks have taken: its history grew, and its time stood still.
* A query that comes along with a task is answered while local activities still run, and that ends the task: what they
  answer is left to the next one, behind what that brings. So it is not answered with the task. The server asks it
  again by itself, once the case is at rest.
"""

from typing import Any

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import Worker, WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner

QUERY_OF_ITS_OWN = "legacy_query"
"""What the SDK calls a query that comes by itself, and not along with a workflow task."""


class _Run:
    """What a run has been given so far."""

    def __init__(self) -> None:
        self._length, self._time = 0, 0
        self.has_done_a_task = self.is_beyond = False

    def saw(self, act: WorkflowActivation) -> None:
        """Note what it was given. The time of what belongs to a task is when that was taken up."""
        time = act.timestamp.ToNanoseconds()
        if act.history_length > self._length and time <= self._time:
            self.is_beyond = True
        elif not act.is_replaying:
            self.has_done_a_task = True
        self._length, self._time = act.history_length, time


class LeavingAfterQueries(WorkflowRunner):
    """Runs workflows as another runner does. `guard` the worker that it runs them for before that starts."""

    def __init__(self, runner: WorkflowRunner) -> None:
        self._runner = runner
        self._worker: Worker | None = None

    def guard(self, worker: Worker) -> None:
        """Let the runs of this worker leave its cache."""
        self._worker = worker

    def prepare_workflow(self, defn: Any) -> None:
        """As the other runner."""
        self._runner.prepare_workflow(defn)

    def set_worker_level_failure_exception_types(self, types: Any) -> None:
        """As the other runner."""
        self._runner.set_worker_level_failure_exception_types(types)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """An instance of the other runner, watched for queries."""
        instance = self._runner.create_instance(det)
        activate, run_id, run = instance.activate, det.info.run_id, _Run()

        def activate_and_leave(act: WorkflowActivation) -> WorkflowActivationCompletion:
            if not _without_queries_that_come_along(act):
                nothing = WorkflowActivationCompletion(run_id=run_id)
                nothing.successful.SetInParent()
                return nothing
            completion = activate(act)
            if not any(job.query_workflow.query_id == QUERY_OF_ITS_OWN for job in act.jobs):
                run.saw(act)
            elif run.is_beyond or not run.has_done_a_task:
                self._leave(run_id)
            return completion

        instance.activate = activate_and_leave  # type: ignore[method-assign]
        return instance

    def _leave(self, run_id: str) -> None:
        assert self._worker is not None, "the runner guards no worker"
        self._worker._bridge_worker.request_workflow_eviction(run_id)  # the SDK has no public way


def _without_queries_that_come_along(act: WorkflowActivation) -> bool:
    """Take them out of what a workflow is given, and say whether anything is left."""
    for job in list(act.jobs):
        if job.HasField("query_workflow") and job.query_workflow.query_id != QUERY_OF_ITS_OWN:
            act.jobs.remove(job)
    return bool(act.jobs)
