class Gate(BaseOperator):
    """Waits until steps of other parts of this run are done; it takes no worker while it waits.

    `steps` are the steps by the DAG of their part, `mapped` those that run once per item. A step that was skipped is
    done; one that failed closes the gate.
    """

    ended = ["success", "skipped", "failed", "upstream_failed", "removed"]

    def __init__(self, *, steps, mapped=(), **kwargs):
        super().__init__(**kwargs)
        self.steps, self.mapped = steps, mapped

    def execute(self, context):
        self.look(context)

    def look(self, context, event=None):
        run_id = context["run_id"]
        for part, steps in self.steps.items():
            found = context["ti"].get_task_states(dag_id=part, run_ids=[run_id], task_ids=steps).get(run_id, {})
            for step in steps:
                # The instances of a mapped step are STEP_NUMBER; names of steps have no underscore.
                states = {str(state) for name, state in found.items() if name.partition("_")[0] == step}
                if states & {"failed", "upstream_failed", "removed"}:
                    raise AirflowFailException(f"{step} of {part} failed")
                if not states or not states <= {"success", "skipped"}:
                    self.wait_for(part, step, run_id)

    def wait_for(self, part, step, run_id):
        """Goes on looking when the step has ended; how many instances a map will have is not known, so it looks again."""
        trigger = TimeDeltaTrigger(timedelta(seconds=10))
        if step not in self.mapped:
            task = {"external_dag_id": part, "run_ids": [run_id], "external_task_ids": [step]}
            trigger = WorkflowTrigger(**task, allowed_states=self.ended, poke_interval=5)
        self.defer(trigger=trigger, method_name="look")
