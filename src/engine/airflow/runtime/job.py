class JobStep(Step):
    """Creates, applies, patches or deletes a Kubernetes resource and waits until it has succeeded or failed.

    A condition such as `status.succeeded > 0` compares a field of the resource; several, separated by commas, must all
    hold for success, and one is enough for failure. `result` names the field that other steps read, such as `status`.
    """

    template_fields = ("manifest", "namespace", "cache_key")
    operators = {"==": operator.eq, "!=": operator.ne, ">=": operator.ge, "<=": operator.le}
    operators |= {">": operator.gt, "<": operator.lt, "=": operator.eq}

    def __init__(
        self,
        *,
        manifest,
        action="create",
        success=None,
        failure=None,
        result=None,
        namespace=None,
        in_background=False,
        cache_key=None,
        cache_max_age=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.manifest, self.action, self.namespace = manifest, action, namespace
        self.success, self.failure, self.in_background = success, failure, in_background
        self.result, self.created = result, None
        self.cache_key, self.cache_max_age = cache_key, cache_max_age

    def run_once(self, context):
        # What a job leaves behind is outside the workflow, so all that is kept is when it was done and what it said.
        key = f"{self.dag_id.partition('.')[0]} {self.cache_key} {self.round}"
        done = f"couler-job-{hashlib.sha256(key.encode()).hexdigest()}"
        kept = Variable.get(done, default=None, deserialize_json=True) if self.cache_key else None
        if kept and self.is_fresh(kept["at"]):
            self.log.info("done before, as %s says", done)
            return kept["written"]
        resource = self.run_job() or {}
        written = {"result": text_of(self.field(self.result, resource))} if self.result else {}
        if self.cache_key:
            Variable.set(done, {"at": time.time(), "written": written}, serialize_json=True)
        return written

    def is_fresh(self, at):
        age = self.cache_max_age
        return age is None or time.time() - at < age.total_seconds()

    def run_job(self):
        namespace = self.namespace or KubernetesHook().get_namespace() or "default"
        kind = {"api_version": self.manifest["apiVersion"], "kind": self.manifest["kind"]}
        resources = DynamicClient(KubernetesHook().api_client).resources.get(**kind)
        name = self.manifest.get("metadata", {}).get("name")
        if self.action == "delete":
            resources.delete(name=name, namespace=namespace)
            return None
        if self.action == "create":
            found = resources.create(body=self.manifest, namespace=namespace)
        elif self.action == "apply":
            options = {"field_manager": "airflow", "force_conflicts": True}
            found = resources.server_side_apply(body=self.manifest, name=name, namespace=namespace, **options)
        else:
            # Kubernetes has no strategic merge for resources that are not its own.
            kind_of_patch = "merge" if "." in kind["api_version"] else "strategic-merge"
            options = {"content_type": f"application/{kind_of_patch}-patch+json"}
            found = resources.patch(body=self.manifest, name=name, namespace=namespace, **options)
        self.created = functools.partial(resources.delete, name=found.metadata.name, namespace=namespace)
        self.log.info("%s %s %s", self.action, kind["kind"], found.metadata.name)
        while not self.in_background and (self.success or self.failure) and not self.is_done(found.to_dict()):
            time.sleep(10)
            found = resources.get(name=found.metadata.name, namespace=namespace)
        return found.to_dict()

    def is_done(self, resource):
        if any(self.holds(part, resource) for part in (self.failure or "").split(",") if part.strip()):
            raise AirflowException(f"the job failed: {self.failure} holds")
        return bool(self.success) and all(self.holds(part, resource) for part in self.success.split(","))

    def holds(self, condition, resource):
        path, symbol, wanted = re.fullmatch(
            r"\s*([^=!<>\s]+)\s*(?:([=!<>]+)\s*(.+?)\s*)?", condition
        ).groups()
        resource = self.field(path, resource)
        if symbol is None or resource is None:
            return resource is not None
        return self.operators[symbol](Value(text_of(resource)), wanted)

    @staticmethod
    def field(path, resource):
        """What stands at a path such as `status.succeeded`; None if nothing does."""
        for key in path.removeprefix("{").removesuffix("}").strip(".").split("."):
            resource = resource.get(key) if isinstance(resource, dict) else None
        return resource

    def on_kill(self):
        if self.created and self.action == "create":
            self.created()
