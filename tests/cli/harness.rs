//! A folder of its own for each test, and a `couler` that sees nothing else of this machine.

use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// A temporary folder with a home inside.
pub(crate) struct Dir {
    folder: tempfile::TempDir,
}

impl Dir {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A home whose components are those that the recorded answers were given for.
    pub(crate) fn recorded() -> Self {
        let dir = Self::new();
        std::fs::create_dir_all(dir.path().join("home")).unwrap();
        let lake = repository("tests/recordings/lake");
        dir.write("home/config.toml", &format!("lake = [\"{}\"]\nbuilt_in_lake = false\n", lake.display()));
        dir
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// The command in this folder, without any setting of the user.
    pub(crate) fn couler(&self) -> Command {
        Command::from_std(self.process())
    }

    /// The same for whoever starts processes in another way.
    pub(crate) fn process(&self) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_couler"));
        command.current_dir(self.path()).env("COULER_HOME", self.path().join("home"));
        for name in [
            "OPENAI_API_KEY",
            "OPENAI_BASE_URL",
            "OPENAI_MODEL",
            "COULER_MODEL",
            "COULER_CONFIG",
            "COULER_PYTHON",
        ] {
            command.env_remove(name);
        }
        command
    }

    /// Runs, and returns exit code, standard output and standard error.
    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        finished(self.couler().args(arguments))
    }
}

pub(crate) fn finished(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A file of this repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
