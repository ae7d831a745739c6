//! Folders that an attack may use, and the canaries that it may not change.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// No attack may keep couler busy for longer.
const PATIENCE: Duration = Duration::from_mins(1);
/// Who an attack runs as beside this user.
const NOBODY: u32 = 65534;

/// How couler is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mode {
    pub(crate) other_user: bool,
    pub(crate) landlock: bool,
}

impl Mode {
    /// All that can be tried here.
    pub(crate) fn all() -> Vec<Self> {
        let root = rustix::process::geteuid().is_root();
        let has_setpriv = Command::new("setpriv").arg("--version").output().is_ok();
        if !(root && has_setpriv) {
            eprintln!("skipped: attacks as another user need root and setpriv");
        }
        let users = if root && has_setpriv { vec![false, true] } else { vec![false] };
        let modes = users
            .into_iter()
            .flat_map(|other_user| [true, false].map(|landlock| Self { other_user, landlock }));
        modes.collect()
    }

    pub(crate) fn confined() -> Vec<Self> {
        Self::all().into_iter().filter(|mode| mode.landlock && has_landlock()).collect()
    }
}

pub(crate) fn has_landlock() -> bool {
    let status =
        landlock::RulesetAttr::handle_access(landlock::Ruleset::default(), landlock::AccessFs::WriteFile)
            .and_then(landlock::Ruleset::create)
            .is_ok();
    if !status {
        eprintln!("skipped: this system has no Landlock");
    }
    status
}

/// A place outside of everything that steps may write to: a folder to work in, a home, and canaries.
pub(crate) struct Scene {
    base: tempfile::TempDir,
    mode: Mode,
    before: BTreeMap<PathBuf, String>,
}

impl Scene {
    pub(crate) fn new(mode: Mode) -> Self {
        let base = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        std::fs::set_permissions(base.path(), PermissionsExt::from_mode(0o755)).unwrap();
        for folder in ["work", "home", "user/.ssh", "canary/folder/deep"] {
            std::fs::create_dir_all(base.path().join(folder)).unwrap();
        }
        for file in ["canary/file", "canary/folder/deep/file", "user/.bashrc", "user/.ssh/authorized_keys"] {
            std::fs::write(base.path().join(file), "mine\n").unwrap();
        }
        std::os::unix::fs::symlink("folder", base.path().join("canary/link")).unwrap();
        let mut scene = Self { base, mode, before: BTreeMap::new() };
        if mode.other_user {
            give(scene.base.path());
        }
        scene.before = scene.canaries();
        scene
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.base.path().join(path)
    }

    /// A program whose steps are these scripts, one after the other; `CANARY` and `WORK` in them are folders.
    pub(crate) fn program(&self, steps: &str) {
        let text = format!("version: couler/v1\nname: attack\nsteps:\n{steps}");
        let text = text.replace("CANARY", &self.at("canary").display().to_string());
        self.write("work/p.yaml", &text.replace("WORK", &self.at("work").display().to_string()));
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        std::fs::write(self.at(path), text).unwrap();
        if self.mode.other_user {
            give(&self.at(path));
        }
    }

    /// couler as this attack meets it.
    pub(crate) fn couler(&self, arguments: &[&str]) -> Command {
        let couler = env!("CARGO_BIN_EXE_couler");
        let mut command = if self.mode.other_user {
            let mut command = Command::new("setpriv");
            let id = NOBODY.to_string();
            command.args(["--reuid", &id, "--regid", &id, "--clear-groups", couler]);
            command
        } else {
            Command::new(couler)
        };
        command.args(arguments).current_dir(self.at("work"));
        command.env("COULER_HOME", self.at("home")).env("HOME", self.at("user")).env_remove("XDG_CACHE_HOME");
        command.stdin(std::process::Stdio::null());
        command
    }

    /// Runs to the end and fails if that takes too long.
    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        self.finished(self.couler(arguments))
    }

    pub(crate) fn finished(&self, command: Command) -> (i32, String, String) {
        let started = Instant::now();
        let output = if self.mode.landlock { finish(command) } else { without_landlock(command) };
        assert!(started.elapsed() < PATIENCE, "it took {:?}", started.elapsed());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }

    /// Fails if anything outside of the promised places has changed.
    pub(crate) fn unharmed(&self, attack: &str) {
        assert_eq!(self.canaries(), self.before, "{attack} as {:?}", self.mode);
    }

    fn canaries(&self) -> BTreeMap<PathBuf, String> {
        let mut found = BTreeMap::new();
        for folder in ["canary", "user/.ssh", "user/.bashrc"] {
            describe(&self.at(folder), &mut found);
        }
        found
    }

    /// The folder of the only run.
    pub(crate) fn run_folder(&self) -> PathBuf {
        let runs = std::fs::read_dir(self.at("home/runs")).unwrap().flatten().map(|entry| entry.path());
        runs.filter(|path| path.is_dir()).min().unwrap()
    }
}

fn finish(mut command: Command) -> Output {
    command.output().unwrap()
}

fn give(path: &Path) {
    std::os::unix::fs::lchown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        for entry in std::fs::read_dir(path).unwrap().flatten() {
            give(&entry.path());
        }
    }
}

fn describe(path: &Path, found: &mut BTreeMap<PathBuf, String>) {
    let metadata = std::fs::symlink_metadata(path).unwrap();
    let content = if metadata.is_symlink() {
        std::fs::read_link(path).unwrap().display().to_string()
    } else if metadata.is_file() {
        String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
    } else {
        for entry in std::fs::read_dir(path).unwrap().flatten() {
            describe(&entry.path(), found);
        }
        String::new()
    };
    found.insert(
        path.to_owned(),
        format!("{:o} {} {} {content}", metadata.mode(), metadata.uid(), metadata.nlink()),
    );
}

/// Runs a command on a system that seems to have no Landlock.
fn without_landlock(command: Command) -> Output {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
    let rules = [444i64, 445, 446].into_iter().map(|call| (call, Vec::new())).collect();
    let missing = SeccompAction::Errno(38);
    let filter =
        SeccompFilter::new(rules, SeccompAction::Allow, missing, std::env::consts::ARCH.try_into().unwrap());
    let program: BpfProgram = filter.unwrap().try_into().unwrap();
    let limited = std::thread::spawn(move || {
        seccompiler::apply_filter(&program).unwrap();
        finish(command)
    });
    limited.join().unwrap()
}

/// One step with a bash script.
pub(crate) fn step(name: &str, script: &str, more: &str) -> String {
    let lines: Vec<&str> = script.lines().map(str::trim).collect();
    let lines = format!("        {}\n", lines.join("\n        "));
    format!(
        "  - name: {name}\n    run:\n      function: run_script\n      language: bash\n      source: |\n{lines}{more}"
    )
}

/// An artifact that is found under its own name.
pub(crate) const DATA: &str = "    outputs: [{name: data, source: {kind: artifact, path: WORK/made}}]\n";
