def output(step, name="result"):
    """What a step of this part or another wrote; the JSON list of all its instances if it runs once per item."""
    context = get_current_context()
    task, instance = context["task"], context["ti"]
    if step == task.task_id:
        written = task.latest
        return Value(written[name]) if written and name in written else Missing(f"{step}.{name}")
    part, is_mapped = ELSEWHERE.get(step) or (context["dag"].dag_id, context["dag"].get_task(step).is_mapped)
    if is_mapped:
        instances = instance.xcom_pull(task_ids=[step], dag_id=part) or []
        values = [written[name] for written in instances if written and name in written]
        return Value(json.dumps(values, ensure_ascii=False))
    written = instance.xcom_pull(task_ids=step, dag_id=part)
    return Value(written[name]) if written and name in written else Missing(f"{step}.{name}")
