class Gate(BaseSensorOperator):
    """Waits until steps of other parts of this run are done; it takes no worker while it waits.

    `steps` are the steps by the DAG of their part. A step that was skipped is done; one that failed closes the gate.
    """

    def __init__(self, *, steps, **kwargs):
        super().__init__(mode="reschedule", poke_interval=5, **kwargs)
        self.steps = steps

    def poke(self, context):
        run_id = context["run_id"]
        return all([self.is_open(context["ti"], run_id, part, steps) for part, steps in self.steps.items()])

    @staticmethod
    def is_open(instance, run_id, part, steps):
        found = instance.get_task_states(dag_id=part, run_ids=[run_id], task_ids=steps).get(run_id, {})
        states = {step: set() for step in steps}
        for name, state in found.items():
            # The instances of a mapped step are STEP_NUMBER; names of steps have no underscore.
            states[name.partition("_")[0]].add(str(state))
        failed = sorted(step for step, all_of in states.items() if all_of & {"failed", "upstream_failed", "removed"})
        if failed:
            raise AirflowFailException(f"{', '.join(failed)} of {part} failed")
        return all(all_of and all_of <= {"success", "skipped"} for all_of in states.values())
