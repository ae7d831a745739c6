class JobStep(Step):
    """Creates, applies, patches or deletes a Kubernetes resource and waits until it has succeeded or failed.

    A condition such as `status.succeeded > 0` compares a field of the resource; several, separated by commas, must all
    hold for success, and one is enough for failure.
    """

    template_fields = ("manifest", "namespace")
    operators = {"==": operator.eq, "!=": operator.ne, ">=": operator.ge, "<=": operator.le}
    operators |= {">": operator.gt, "<": operator.lt, "=": operator.eq}

    def __init__(
        self, *, manifest, action="create", success=None, failure=None, namespace=None, in_background=False, **kwargs
    ):
        super().__init__(**kwargs)
        self.manifest, self.action, self.namespace = manifest, action, namespace
        self.success, self.failure, self.in_background = success, failure, in_background
        self.created = None

    def run_once(self, context):
        namespace = self.namespace or KubernetesHook().get_namespace() or "default"
        kind = {"api_version": self.manifest["apiVersion"], "kind": self.manifest["kind"]}
        resources = DynamicClient(KubernetesHook().api_client).resources.get(**kind)
        name = self.manifest.get("metadata", {}).get("name")
        if self.action == "delete":
            resources.delete(name=name, namespace=namespace)
            return {}
        if self.action == "create":
            found = resources.create(body=self.manifest, namespace=namespace)
        elif self.action == "apply":
            options = {"field_manager": "airflow", "force_conflicts": True}
            found = resources.server_side_apply(body=self.manifest, name=name, namespace=namespace, **options)
        else:
            options = {"content_type": "application/merge-patch+json"}
            found = resources.patch(body=self.manifest, name=name, namespace=namespace, **options)
        self.created = functools.partial(resources.delete, name=found.metadata.name, namespace=namespace)
        self.log.info("%s %s %s", self.action, kind["kind"], found.metadata.name)
        while not self.in_background and (self.success or self.failure) and not self.is_done(found.to_dict()):
            time.sleep(10)
            found = resources.get(name=found.metadata.name, namespace=namespace)
        return {}

    def is_done(self, resource):
        if any(self.holds(part, resource) for part in (self.failure or "").split(",") if part.strip()):
            raise AirflowException(f"the job failed: {self.failure} holds")
        return bool(self.success) and all(self.holds(part, resource) for part in self.success.split(","))

    def holds(self, condition, resource):
        path, symbol, wanted = re.fullmatch(r"\s*([^=!<>\s]+)\s*(?:([=!<>]+)\s*(.+?)\s*)?", condition).groups()
        for key in path.removeprefix("{").removesuffix("}").strip(".").split("."):
            resource = resource.get(key) if isinstance(resource, dict) else None
        if symbol is None or resource is None:
            return resource is not None
        return self.operators[symbol](Value(text_of(resource)), wanted)

    def on_kill(self):
        if self.created and self.action == "create":
            self.created()
