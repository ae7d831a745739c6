def claim(name):
    """The name of a volume claim of this run."""
    context = get_current_context()
    run = hashlib.sha256(f"{context['dag'].dag_id.partition('.')[0]} {context['run_id']}".encode()).hexdigest()[:10]
    return f"{name}-{run}"


class CreateClaim(JobStep):
    """Makes a volume claim for one run."""


class DeleteClaim(JobStep):
    """Removes the volume claim of a run."""
