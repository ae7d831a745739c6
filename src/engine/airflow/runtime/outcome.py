def workflow_status():
    """How the run went, for the steps at its end."""
    context = get_current_context()
    dag, run_id = context["dag"], context["run_id"]
    steps = [task.task_id for task in dag.tasks if not task.is_teardown]
    states = context["ti"].get_task_states(dag_id=dag.dag_id, run_ids=[run_id], task_ids=steps)
    failed = {"failed", "upstream_failed"} & {str(state) for state in states.get(run_id, {}).values()}
    return Value("Failed" if failed else "Succeeded")
