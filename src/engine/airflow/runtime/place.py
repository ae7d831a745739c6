class Place:
    """Files outside the workflow: an rclone address, a git repository, or text given here.

    `secrets` are environment variables of rclone with the secret and key that hold their values.
    """

    template_fields = ("address", "revision")

    def __init__(self, kind, address, *, revision=None, depth=None, secrets=None):
        self.kind, self.address, self.revision, self.depth = kind, address, revision, depth
        self.secrets = secrets or {}

    def download(self, path):
        """The image and the shell commands that put the files at a path."""
        address = quote(self.address)
        if self.kind == "git":
            depth = f" --depth {self.depth}" if self.depth else ""
            fetch = f"git fetch -q{depth} {address} {quote(self.revision or 'HEAD')} && git checkout -q FETCH_HEAD"
            return GIT_IMAGE, f"git init -q {path} && cd {path} && {fetch}"
        if self.kind == "text":
            return RCLONE_IMAGE, f"printf %s {address} > {path}"
        command = "copyurl" if self.kind == "url" else "copyto"
        return RCLONE_IMAGE, f"rclone {command} {address} {path}"

    def upload(self, path):
        """The shell command that puts the files of a path to their place."""
        rclone = "SSL_CERT_FILE=/couler-tools/ca-certificates.crt /couler-tools/rclone"
        return f"{rclone} copyto {quote(path)} {quote(self.address)} || exit 1"

    def environment(self):
        """The variables of rclone that hold secrets."""
        return [
            k8s.V1EnvVar(
                name=name,
                value_from=k8s.V1EnvVarSource(secret_key_ref=k8s.V1SecretKeySelector(name=secret, key=key)),
            )
            for name, (secret, key) in self.secrets.items()
        ]
