class DaemonStep(PodStep):
    """Starts a pod that runs until the workflow ends, and gives its address."""

    def run_once(self, context):
        self.pod_request_obj = self.build_pod_request_obj(context)
        self.pod_request_obj.metadata.labels["couler-daemon"] = daemon_label()
        self.pod = self.get_or_create_pod(self.pod_request_obj, context)
        self.await_pod_start(pod=self.pod)
        return {"ip": self.pod_manager.read_pod(self.pod).status.pod_ip}


def daemon_label():
    """The label of the daemons of this run."""
    context = get_current_context()
    return hashlib.sha256(f"{context['dag'].dag_id} {context['run_id']}".encode()).hexdigest()[:32]


class StopDaemons(BaseOperator):
    """Deletes the daemons of a run."""

    def __init__(self, *, namespace=None, **kwargs):
        super().__init__(**kwargs)
        self.namespace = namespace

    def execute(self, context):
        hook = KubernetesHook()
        namespace = self.namespace or hook.get_namespace() or "default"
        hook.core_v1_client.delete_collection_namespaced_pod(
            namespace, label_selector=f"couler-daemon={daemon_label()}"
        )
