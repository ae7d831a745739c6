def fact(name):
    """What is known of the run as a whole; its date is that of the scheduled time, in the zone of the schedule."""
    context = get_current_context()
    if name == "workflow.name":
        return WORKFLOW
    if name == "run.id":
        return context["run_id"]
    run = context["dag_run"]
    if name in (run.conf or {}):
        return run.conf[name]  # a part has the date of the whole
    return pendulum.instance(run.logical_date or run.run_after).in_timezone(TIMEZONE).to_date_string()
