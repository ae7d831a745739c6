class Place:
    """Files outside the workflow: an rclone address, a git repository, or text given here.

    `secrets` are environment variables of rclone with the secret and key that hold their values, read from the Airflow
    variable SECRET.KEY.
    """

    template_fields = ("address", "revision")

    def __init__(self, kind, address, *, revision=None, depth=None, secrets=None):
        self.kind, self.address, self.revision, self.depth = kind, address, revision, depth
        self.secrets = secrets or {}

    def fetch(self, path):
        """Puts the files at a path."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.kind == "text":
            path.write_text(self.address)
        elif self.kind == "url":
            with urllib.request.urlopen(self.address) as answer, open(path, "wb") as file:
                shutil.copyfileobj(answer, file)
        elif self.kind == "git":
            depth = ["--depth", str(self.depth)] if self.depth else []
            subprocess.run(["git", "init", "-q", str(path)], check=True)
            git = ["git", "-C", str(path)]
            subprocess.run([*git, "fetch", "-q", *depth, self.address, self.revision or "HEAD"], check=True)
            subprocess.run([*git, "checkout", "-q", "FETCH_HEAD"], check=True)
        else:
            self.rclone(self.address, str(path))

    def store(self, path):
        """Copies the files of a path to their place."""
        self.rclone(str(path), self.address)

    def rclone(self, source, target):
        if shutil.which("rclone") is None:
            raise AirflowFailException(f"{self.address} needs the program rclone (https://rclone.org)")
        secrets = {name: Variable.get(f"{secret}.{key}") for name, (secret, key) in self.secrets.items()}
        subprocess.run(["rclone", "copyto", source, target], check=True, env={**os.environ, **secrets})
