class LocalStep(Step):
    """A step as a process of this machine.

    Scripts run in a Python environment with their requirements, made once and kept; images run through docker or
    podman, or without one if the variable COULER_CONTAINERS is `none`. Files stay in the folder of the run.
    """

    template_fields = (
        "source",
        "image",
        "entrypoint",
        "command",
        "working_dir",
        "env",
        "values",
        "fetches",
        "stores",
        "cache_key",
        "volumes",
    )

    def __init__(
        self,
        *,
        language=None,
        source=None,
        requirements=(),
        image=None,
        command=(),
        entrypoint=(),
        working_dir=None,
        env=None,
        secrets=None,
        values=None,
        defaults=None,
        reads=None,
        writes=None,
        optional=(),
        fetches=None,
        stores=None,
        cache_key=None,
        cache_max_age=None,
        volumes=None,
        in_background=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.language, self.source, self.requirements = language, source, list(requirements)
        self.image, self.command, self.entrypoint, self.working_dir = (
            image,
            list(command),
            list(entrypoint),
            working_dir,
        )
        self.env, self.secrets = env or {}, secrets or {}
        self.values, self.defaults, self.optional = values or {}, defaults or {}, optional
        self.reads, self.writes = reads or {}, writes or {}
        self.fetches, self.stores = fetches or {}, stores or {}
        self.cache_key, self.cache_max_age = cache_key, cache_max_age
        self.volumes, self.in_background, self.process = volumes or {}, in_background, None

    def run_once(self, context):
        index = context["ti"].map_index
        self.folder = home() / "runs" / run_path() / self.task_id
        self.scratch = self.folder / f"run{index}" if index >= 0 else self.folder / "run"
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.place = {name: self.folder / name / (str(index) if index >= 0 else "") for name in self.writes}
        kept = home() / "cache" / self.dag_id.partition(".")[0] / self.task_id
        entry = kept / self.digest() if self.cache_key else None
        if entry is not None and self.is_fresh(entry):
            self.log.info("reusing %s", entry)
            return self.load(entry)
        written = self.run_command()
        if entry is not None:
            self.save(entry, written)
        return written

    def run_command(self):
        for path, place in self.fetches.items():
            place.fetch(pathlib.Path(path))
        if not self.is_contained():
            for path in self.volumes:
                self.link_volume(pathlib.Path(path))
        for path, artifact in self.reads.items():
            self.link(pathlib.Path(path), home() / "runs" / run_path() / artifact)
        for path in map(pathlib.Path, self.values.values()):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
        secrets = {name: Variable.get(f"{secret}.{key}") for name, (secret, key) in self.secrets.items()}
        environment = {**os.environ, **self.env, **secrets}
        # Steps see the environment of the machine, but not the settings of Airflow itself.
        environment = {name: value for name, value in environment.items() if not name.startswith("AIRFLOW__")}
        folder = self.working_dir or os.environ.get("COULER_WORKING_DIR") or self.scratch
        with open(self.scratch / "log.txt", "ab") as log:
            self.process = subprocess.Popen(
                self.arguments(),
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                text=True,
                errors="replace",
                stdout=log if self.in_background else subprocess.PIPE,
                stderr=log if self.in_background else None,
                start_new_session=True,
            )
        if self.in_background:
            with open(home() / "runs" / run_path() / "daemons", "a") as daemons:
                daemons.write(f"{self.process.pid}\n")
            return {}
        return self.collected()

    def arguments(self):
        """The command line."""
        if self.language == "python":
            script = self.scratch / "script.py"
            script.write_text(self.source)
            return [str(python_environment(self.requirements)), str(script)]
        if self.language == "bash":
            script = self.scratch / "script.sh"
            script.write_text(self.source)
            return ["bash", str(script)]
        runtime = shutil.which("docker") or shutil.which("podman")
        if not self.is_contained():
            if not self.entrypoint:
                raise AirflowFailException(f"{self.image} names no command, so it runs in a container only")
            if os.environ.get("COULER_CONTAINERS") != "none":
                raise AirflowFailException(
                    f"{self.image} needs docker or podman; COULER_CONTAINERS=none runs its command on this machine"
                )
            return [*self.entrypoint, *self.command]
        if runtime is None:
            raise AirflowFailException(f"{self.image} needs docker or podman")
        mounts = {str(home()): str(home()), **{str(self.volume(path)): path for path in self.volumes}}
        mounts |= {
            path: path for path in [os.path.dirname(path) for path in [*self.values.values(), *self.reads]]
        }
        options = [part for host, path in mounts.items() for part in ("--volume", f"{host}:{path}")]
        options += [part for name in [*self.env, *self.secrets] for part in ("--env", name)]
        options += ["--workdir", self.working_dir] if self.working_dir else []
        options += ["--entrypoint", self.entrypoint[0]] if self.entrypoint else []
        return [runtime, "run", "--rm", *options, self.image, *self.entrypoint[1:], *self.command]

    def collected(self):
        """Waits for the command and reads what it wrote."""
        lines = []
        for line in self.process.stdout:
            self.log.info("%s", line.rstrip("\n"))
            lines.append(line)
        code = self.process.wait()
        if code != 0:
            kind = AirflowFailException if self.retry_on == "error" else AirflowException
            raise kind(f"the command ended with exit code {code}")
        written = self.defaults | {"result": "".join(lines).rstrip("\n")}
        for name, path in self.values.items():
            if os.path.isfile(path):
                written[name] = pathlib.Path(path).read_text(errors="replace").rstrip("\n")
        for name, path in self.writes.items():
            path = pathlib.Path(path or self.place[name])
            if path.exists():
                copy(path, self.place[name])
            elif name not in self.optional:
                raise AirflowException(f"the command wrote no {path}")
        for path, place in self.stores.items():
            place.store(pathlib.Path(path))
        return written

    def is_contained(self):
        """Whether the step runs in a container, and not as a process of this machine."""
        runtime = shutil.which("docker") or shutil.which("podman")
        alone = os.environ.get("COULER_CONTAINERS") == "none" or (runtime is None and self.entrypoint)
        return self.language is None and not alone

    def volume(self, path):
        """The folder of this machine behind the path of a volume; it is made unless the user named it."""
        folder = home() / self.volumes[path]
        if folder.is_relative_to(home()):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def link_volume(self, path):
        """Puts the folder of a volume where a process expects it."""
        folder = self.volume(str(path))
        if path == folder or (path.is_symlink() and path.readlink() == folder):
            return
        scratch = self.volumes[str(path)].startswith("scratch/")
        if scratch and path.is_dir() and not path.is_symlink():
            return  # any folder will do
        try:
            self.link(path, folder)
        except PermissionError as error:
            raise AirflowFailException(f"the volume {path} cannot be put there: {error}") from error

    def link(self, path, artifact):
        if path == artifact or not artifact.exists():
            return
        if path.is_symlink():
            path.unlink()
        elif path.exists():
            raise AirflowFailException(f"{path} is there already, so the input cannot be put there")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(artifact)

    def digest(self):
        return hashlib.sha256(f"{self.cache_key}\n{self.round}".encode()).hexdigest()

    def is_fresh(self, entry):
        done = entry / "values.json"
        if not done.is_file():
            return False
        return (
            self.cache_max_age is None
            or time.time() - done.stat().st_mtime < self.cache_max_age.total_seconds()
        )

    def load(self, entry):
        for name, place in self.place.items():
            if (entry / name).exists():
                copy(entry / name, place)
        return json.loads((entry / "values.json").read_text())

    def save(self, entry, written):
        for name, place in self.place.items():
            if place.exists():
                copy(place, entry / name)
        entry.mkdir(parents=True, exist_ok=True)
        (entry / "values.json").write_text(json.dumps(written))

    def on_kill(self):
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)


def home():
    """Where couler keeps files on this machine."""
    airflow = pathlib.Path(os.environ.get("AIRFLOW_HOME") or "~/airflow").expanduser()
    return pathlib.Path(os.environ.get("COULER_HOME") or airflow / "couler")


def run_folder():
    """The folder of this run."""
    return f"{home()}/runs/{run_path()}"


def copy(source, target):
    """Copies a file or a folder, unless it is in its place already."""
    if source == target:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir():
        shutil.rmtree(target)
    shutil.copytree(source, target) if source.is_dir() else shutil.copy2(source, target)


def python_environment(requirements):
    """The interpreter of an environment with these packages; it is made once and kept."""
    if not requirements:
        return sys.executable
    folder = (
        home()
        / "environments"
        / hashlib.sha256("\n".join([sys.version, *requirements]).encode()).hexdigest()[:16]
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # steps that start together need the same environment once
        if not (folder / "ready").is_file():
            uv = shutil.which("uv", path=f"{os.path.dirname(sys.executable)}:{os.environ.get('PATH', '')}")
            make = (
                [uv, "venv", "--clear", "-q", "-p", sys.executable]
                if uv
                else [sys.executable, "-m", "venv", "--clear"]
            )
            subprocess.run([*make, str(folder)], check=True)
            python = str(folder / "bin" / "python")
            install = (
                [uv, "pip", "install", "-q", "-p", python] if uv else [python, "-m", "pip", "install", "-q"]
            )
            subprocess.run([*install, *requirements], check=True)
            (folder / "ready").touch()
    return folder / "bin" / "python"


class StopDaemons(BaseOperator):
    """Stops what runs in the background."""

    def execute(self, context):
        daemons = pathlib.Path(run_folder(), "daemons")
        for pid in daemons.read_text().split() if daemons.is_file() else []:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(int(pid), signal.SIGTERM)


class CleanUp(BaseOperator):
    """Deletes the files of old runs; `airflow db clean` removes their records."""

    def __init__(self, *, keep, **kwargs):
        super().__init__(**kwargs)
        self.keep = keep

    def execute(self, context):
        for folder in pathlib.Path(run_folder()).parent.iterdir():
            if time.time() - folder.stat().st_mtime > self.keep.total_seconds():
                shutil.rmtree(folder)
