class CleanUp(PodStep):
    """Deletes the files of old runs from the volume claim; `airflow db clean` removes their records."""

    def __init__(self, *, keep, **kwargs):
        self.keep = keep
        super().__init__(image="alpine:3.22", uses_claim=True, **kwargs)

    def build_pod_request_obj(self, context=None, **kwargs):
        pod = super().build_pod_request_obj(context, **kwargs)
        base = pod.spec.containers[0]
        for mount in base.volume_mounts:
            mount.sub_path = self.dag_id
        minutes = int(self.keep.total_seconds() // 60)
        base.command = ["find", "/couler", "-mindepth", "1", "-maxdepth", "1", "-mmin", f"+{minutes}"]
        base.args = ["-exec", "rm", "-rf", "{}", "+"]
        return pod
