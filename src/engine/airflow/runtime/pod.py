class PodStep(Step, KubernetesPodOperator):
    """A pod whose values and files other steps read.

    Values (`values`: name to file; `prints_result`: standard output; `logs_result`: the log, where the command is not
    known) go through XCom. Files go through the volume claim
    of the workflow, where each run has a folder and each step one inside: `writes` (name to path) are copied there when
    the command is done, `reads` (path to STEP/NAME) are mounted from there. `fetches` and `stores` (path to place) are
    copied by rclone or git.
    """

    template_fields = (
        *KubernetesPodOperator.template_fields,
        "working_dir",
        "fetches",
        "stores",
        "cache_key",
    )

    def __init__(
        self,
        *,
        values=None,
        defaults=None,
        prints_result=False,
        logs_result=False,
        reads=None,
        writes=None,
        optional=(),
        fetches=None,
        stores=None,
        cache_key=None,
        cache_max_age=None,
        working_dir=None,
        uses_claim=False,
        **kwargs,
    ):
        self.values, self.defaults, self.prints_result = values or {}, defaults or {}, prints_result
        self.logs_result, self.printed = logs_result, None
        self.reads, self.writes, self.optional = reads or {}, writes or {}, optional
        self.fetches, self.stores = fetches or {}, stores or {}
        self.cache_key, self.cache_max_age, self.working_dir = cache_key, cache_max_age, working_dir
        self.uses_claim = bool(uses_claim or reads or writes or cache_key)
        # The folder of XCom is where the shell around the command may write, whoever the user of the image is.
        wrapped = bool(values or prints_result or writes or stores or cache_key)
        super().__init__(do_xcom_push=wrapped, durable=False, **kwargs)

    def run_once(self, context):
        self.pod = self.pod_request_obj = self.remote_pod = None  # each repetition is a pod of its own
        try:
            written = KubernetesPodOperator.execute(self, context) or {}
        except Exception as error:
            if self.retry_on == "error" and self.command_failed():
                raise AirflowFailException(str(error)) from error
            raise
        if self.logs_result:
            return {"result": (self.printed or "").rstrip("\n")}
        decoded = {
            name: base64.b64decode(value).decode(errors="replace") for name, value in written.items() if name
        }
        return self.defaults | {name: value.rstrip("\n") for name, value in decoded.items()}

    def cleanup(self, pod, remote_pod, *args, **kwargs):
        if self.logs_result and pod is not None:
            place = {"name": pod.metadata.name, "namespace": pod.metadata.namespace}
            self.printed = self.client.read_namespaced_pod_log(container=self.base_container_name, **place)
        super().cleanup(pod, remote_pod, *args, **kwargs)

    def command_failed(self):
        """Whether the command ended by itself, so that the failure is none of the cluster's."""
        statuses = (self.remote_pod and self.remote_pod.status.container_statuses) or []
        ended = [status.state.terminated for status in statuses if status.name == self.base_container_name]
        return any(end and end.exit_code and end.reason == "Error" for end in ended)

    def build_pod_request_obj(self, context=None, **kwargs):
        pod = super().build_pod_request_obj(context, **kwargs)
        base = pod.spec.containers[0]
        base.working_dir = self.working_dir
        pod.spec.init_containers = list(pod.spec.init_containers or [])
        if self.uses_claim:
            self.mount_claim(pod, base)
        for path, place in self.fetches.items():
            self.add_fetch(pod, base, path, place)
        if self.do_xcom_push:
            if self.stores:
                self.add_tools(pod, base)
            command = [*(base.command or []), *(base.args or [])]
            base.command, base.args = ["sh", "-c", self.shell_script()], ["couler", *command]
        return pod

    def mount_claim(self, pod, base):
        source = k8s.V1PersistentVolumeClaimVolumeSource(claim_name=ARTIFACT_CLAIM)
        pod.spec.volumes = [
            *(pod.spec.volumes or []),
            k8s.V1Volume(name=ARTIFACT_CLAIM, persistent_volume_claim=source),
        ]
        base.volume_mounts = list(base.volume_mounts or [])
        folders = {"/couler": run_path()}
        if self.cache_key:
            folders["/couler-cache"] = f"cache/{self.dag_id.partition('.')[0]}/{self.task_id}"
        folders |= {path: f"{run_path()}/{artifact}" for path, artifact in self.reads.items()}
        base.volume_mounts += [
            k8s.V1VolumeMount(name=ARTIFACT_CLAIM, mount_path=path, sub_path=folder)
            for path, folder in folders.items()
        ]

    def add_fetch(self, pod, base, path, place):
        """An init container puts the files into an empty volume, from which they are mounted."""
        name = f"fetch-{len(pod.spec.init_containers)}"
        pod.spec.volumes = [
            *(pod.spec.volumes or []),
            k8s.V1Volume(name=name, empty_dir=k8s.V1EmptyDirVolumeSource()),
        ]
        mount = k8s.V1VolumeMount(name=name, mount_path="/fetched")
        image, script = place.download("/fetched/data")
        pod.spec.init_containers.append(
            k8s.V1Container(
                name=name,
                image=image,
                command=["sh", "-c", script],
                env=place.environment(),
                volume_mounts=[mount],
            )
        )
        mounted = k8s.V1VolumeMount(name=name, mount_path=path, sub_path="data")
        base.volume_mounts = [*(base.volume_mounts or []), mounted]

    def add_tools(self, pod, base):
        """Puts rclone, which is one static file, and the certificates it needs into the pod."""
        mount = k8s.V1VolumeMount(name="couler-tools", mount_path="/couler-tools")
        volume = k8s.V1Volume(name="couler-tools", empty_dir=k8s.V1EmptyDirVolumeSource())
        script = "cp $(command -v rclone) /etc/ssl/certs/ca-certificates.crt /couler-tools"
        pod.spec.volumes = [*(pod.spec.volumes or []), volume]
        pod.spec.init_containers.append(
            k8s.V1Container(
                name="tools", image=RCLONE_IMAGE, command=["sh", "-c", script], volume_mounts=[mount]
            )
        )
        base.volume_mounts = [*(base.volume_mounts or []), mount]
        base.env = [
            *(base.env or []),
            *(variable for place in self.stores.values() for variable in place.environment()),
        ]

    def shell_script(self):
        """Runs the command, then hands on what it wrote; `"$@"` is the command."""
        folder = f"/couler/{self.task_id}"
        place = {name: f"{folder}/{name}{self.instance()}" for name in self.writes}
        run = [
            'mkdir -p /airflow/xcom; { "$@"; echo $? > /airflow/xcom/status; } | tee /airflow/xcom/result',
            'status=$(cat /airflow/xcom/status); [ "$status" = 0 ] || exit "$status"',
        ]
        for name, path in self.writes.items():
            if path is None:  # it was written there at once
                continue
            copy = f"mkdir -p {quote(os.path.dirname(place[name]))}; rm -rf {quote(place[name])}; "
            copy += f"cp -R {quote(path)} {quote(place[name])} || exit 1"
            run.append(f"if [ -e {quote(path)} ]; then {copy}; fi" if name in self.optional else copy)
        run += [place.upload(path) for path, place in self.stores.items()]
        files = dict(self.values, **({"result": "/airflow/xcom/result"} if self.prints_result else {}))
        run.append('{ printf \'{"":""\'')
        for name, path in files.items():
            value = f"\"$(base64 < {quote(path)} | tr -d '\\n')\""
            run.append(f'if [ -f {quote(path)} ]; then printf \',"{name}":"%s"\' {value}; fi')
        run.append("printf '}'; } > /airflow/xcom/return.json")
        return "\n".join(self.cached(run, place) if self.cache_key else run)

    def cached(self, run, place):
        """The commands, but only if no earlier run has left what they write."""
        key = hashlib.sha256(f"{self.cache_key}\n{self.round}".encode()).hexdigest()
        entry = f"/couler-cache/{key}"
        fresh = f"[ -f {entry}/done ]"
        if self.cache_max_age is not None:
            seconds = int(self.cache_max_age.total_seconds())
            fresh += f" && [ $(($(date +%s) - $(cat {entry}/done))) -lt {seconds} ]"
        load = [f"mkdir -p /airflow/xcom; cp {entry}/return.json /airflow/xcom/return.json"]
        save = [f"rm -rf {entry}; mkdir -p {entry}; cp /airflow/xcom/return.json {entry}/return.json"]
        for number, path in enumerate(place.values()):
            kept, path = f"{entry}/{number}", quote(path)
            load.append(
                f"if [ -e {kept} ]; then mkdir -p $(dirname {path}); rm -rf {path}; cp -R {kept} {path}; fi"
            )
            save.append(f"if [ -e {path} ]; then cp -R {path} {kept}; fi")
        return [f"if {fresh}; then", *load, "else", *run, *save, f"date +%s > {entry}/done", "fi"]

    def instance(self):
        """The folder of an instance of a mapped step."""
        index = get_current_context()["ti"].map_index
        return f"/{index}" if index >= 0 else ""
