def states_of(step):
    """The states of a step, or of all its instances."""
    context = get_current_context()
    run_id = context["run_id"]
    found = context["ti"].get_task_states(dag_id=context["dag"].dag_id, run_ids=[run_id], task_ids=[step])
    return {str(state) for state in found.get(run_id, {}).values()}


def told_by(step):
    """What a step said of its end that its state does not say."""
    return set(get_current_context()["ti"].xcom_pull(task_ids=[step], key="couler_status") or [])


def status(step):
    """How a step ended; one that was left out behind a failure was skipped."""
    states, told = states_of(step), told_by(step)
    if "Failed" in told or ("failed" in states and "Skipped" not in told):
        return Value("Failed")
    return Value("Succeeded" if "success" in states else "Skipped")


def needed(*steps):
    """A step that runs however others ended still needs these."""
    for step in steps:
        if states_of(step) & {"failed", "upstream_failed", "removed"}:
            get_current_context()["ti"].xcom_push(key="couler_status", value="Skipped")
            raise AirflowFailException(f"{step} failed")
    return True


def failures():
    """Steps whose failure was neither tolerated nor handled by a step that reads how they ended."""
    tasks = get_current_context()["dag"].tasks
    steps = [task.task_id for task in tasks if not task.is_teardown and task.task_type != "Verdict"]
    failed = [step for step in steps if "failed" in states_of(step) and "Skipped" not in told_by(step)]
    return [step for step in failed if all(status(reader) == "Skipped" for reader in READERS.get(step, []))]


def workflow_status():
    """How the run went, for the steps at its end."""
    return Value("Failed" if failures() else "Succeeded")


class Verdict(BaseOperator):
    """Runs after all steps, and fails if a failure was neither tolerated nor handled: so did the run."""

    def execute(self, context):
        failed = failures()
        if failed:
            raise AirflowFailException(f"failed: {', '.join(failed)}")
