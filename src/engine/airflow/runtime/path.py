def run_path():
    """The folder of this run on the volume claim of the workflow; its parts share it."""
    context = get_current_context()
    return f"{context['dag'].dag_id.partition('.')[0]}/{re.sub('[^-A-Za-z0-9_.]', '-', context['run_id'])}"
