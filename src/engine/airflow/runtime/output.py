def output(step, name="result"):
    """What a step wrote; the JSON list of all its instances if it runs once per item."""
    context = get_current_context()
    task = context["task"]
    if step == task.task_id:
        written = task.latest
    elif context["dag"].get_task(step).is_mapped:
        instances = context["ti"].xcom_pull(task_ids=[step]) or []
        values = [instance[name] for instance in instances if instance and name in instance]
        return Value(json.dumps(values, ensure_ascii=False))
    else:
        written = context["ti"].xcom_pull(task_ids=step)
    return Value(written[name]) if written and name in written else Missing(f"{step}.{name}")
