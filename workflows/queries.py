"""A query must not change what follows: a run that answered one leaves the worker's cache, and none is answered along
with a workflow task.

The SDK (temporalio 1.35) has two faults, which docs/sdk-query-fault.md describes. Either leaves a history that can
never be replayed:

* A worker that is asked a query may be given the history with what no workflow task has completed yet, and keeps the
  run. The task that then brings the rest makes a second activation of what a replay gives in one. What was given for a
  query's sake looks like a task, so every run that answered one leaves the cache.
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
        activate, run_id = instance.activate, det.info.run_id

        def activate_and_leave(act: WorkflowActivation) -> WorkflowActivationCompletion:
            if not _without_queries_that_come_along(act):
                nothing = WorkflowActivationCompletion(run_id=run_id)
                nothing.successful.SetInParent()
                return nothing
            completion = activate(act)
            if any(job.query_workflow.query_id == QUERY_OF_ITS_OWN for job in act.jobs):
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
