//! Steps write where they are meant to, and nowhere else (Landlock: Linux 5.13 and later).
//!
//! A restriction holds for the thread that asks for it and for every process that it starts, for ever. So confined
//! processes are started by threads of their own, and this one stays free to write the journal and the store.

use std::collections::BTreeSet;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, mpsc};

use tokio::process::{Child, Command};
use tokio::runtime::Handle;

/// Where the steps of a run may write.
#[derive(Debug)]
pub(super) struct Confinement {
    folders: Vec<PathBuf>,
    /// The thread that starts the steps to which these folders suffice.
    starter: OnceLock<mpsc::Sender<Request>>,
    weak: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Request {
    command: Command,
    runtime: Handle,
    reply: mpsc::SyncSender<io::Result<Child>>,
}

impl Confinement {
    /// A confinement to folders and files. Those that are not there are passed over.
    pub(super) fn new(mut folders: Vec<PathBuf>) -> Self {
        folders.sort();
        folders.dedup();
        Self { folders, starter: OnceLock::new(), weak: Arc::default() }
    }

    /// Starts a process that may write in the folders, and in `more` as well. The caller waits for it: it could do
    /// something else meanwhile, but on a machine whose cores are busy the new process would start later for it.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn spawn(&self, command: Command, more: &[PathBuf]) -> io::Result<Child> {
        let missing = || io::Error::other("the thread that starts processes is gone");
        let (reply, answer) = mpsc::sync_channel(1);
        let request = Request { command, runtime: Handle::current(), reply };
        let beyond: BTreeSet<PathBuf> =
            more.iter().filter(|path| !self.covers(path)).filter_map(|path| existing(path)).collect();
        if beyond.is_empty() {
            let starter = self.starter.get_or_init(|| self.thread(self.folders.clone()));
            starter.send(request).map_err(|_| missing())?;
        } else {
            let folders = self.folders.iter().cloned().chain(beyond).collect();
            self.thread(folders).send(request).map_err(|_| missing())?;
        }
        answer.recv().map_err(|_| missing())?
    }

    fn covers(&self, path: &Path) -> bool {
        let upwards = path.components().any(|part| part == Component::ParentDir);
        !upwards && self.folders.iter().any(|folder| path.starts_with(folder))
    }

    /// Whether the system turned out not to confine anything.
    pub(super) fn is_weak(&self) -> bool {
        self.weak.load(Ordering::Relaxed)
    }

    /// The folders, for people.
    pub(super) fn described(&self) -> String {
        let shown = self.folders.iter().filter(|folder| folder.exists());
        shown.map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
    }

    fn thread(&self, folders: Vec<PathBuf>) -> mpsc::Sender<Request> {
        let (sender, requests) = mpsc::channel::<Request>();
        let weak = Arc::clone(&self.weak);
        // If there can be no more threads, the sender has no receiver, and the step fails with that.
        let _ = std::thread::Builder::new().name("starter".into()).spawn(move || {
            if !restricted(&folders) {
                weak.store(true, Ordering::Relaxed);
            }
            for Request { mut command, runtime, reply } in requests {
                let _runtime = runtime.enter();
                // Who asked is waiting for it.
                let _ = reply.send(command.spawn());
            }
        });
        sender
    }
}

/// The path, or the nearest folder above it that is there. The root of everything is no place to allow.
fn existing(path: &Path) -> Option<PathBuf> {
    path.ancestors().find(|place| place.exists()).filter(|place| place.parent().is_some()).map(Path::to_owned)
}

/// Restricts this thread; false if the system cannot.
#[cfg(target_os = "linux")]
fn restricted(folders: &[PathBuf]) -> bool {
    use landlock::{
        ABI, AccessFs, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus,
        path_beneath_rules,
    };
    let writing = AccessFs::from_write(ABI::V3);
    let restriction = Ruleset::default()
        .handle_access(writing)
        .and_then(Ruleset::create)
        .and_then(|rules| rules.add_rules(path_beneath_rules(folders, writing)))
        .and_then(RulesetCreated::restrict_self);
    restriction.is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
}

#[cfg(not(target_os = "linux"))]
fn restricted(_folders: &[PathBuf]) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn can_write(confinement: &Confinement, file: &Path, more: &[PathBuf]) -> bool {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(format!("echo text > {}", file.display())).stderr(std::process::Stdio::null());
        let mut child = confinement.spawn(command, more).unwrap();
        child.wait().await.unwrap().success() && file.exists()
    }

    #[tokio::test]
    async fn a_step_writes_in_its_folders_and_where_it_was_told_to() {
        let (inside, outside, told) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let confinement = Confinement::new(vec![inside.path().into(), "/dev/null".into(), "/none".into()]);
        assert!(can_write(&confinement, &inside.path().join("a"), &[]).await);
        let to = told.path().join("deep/er/b");
        std::fs::create_dir(told.path().join("deep")).unwrap();
        assert!(!can_write(&confinement, &to, std::slice::from_ref(&to)).await, "its folder is not there");
        let to = told.path().join("b");
        assert!(can_write(&confinement, &to, std::slice::from_ref(&to)).await);
        if confinement.is_weak() {
            eprintln!("skipped: this system has no Landlock");
            return;
        }
        assert!(!can_write(&confinement, &outside.path().join("c"), &[]).await);
        assert!(!can_write(&confinement, &told.path().join("d"), &[]).await, "only that step was told to");
        // This process is as free as before.
        std::fs::write(outside.path().join("e"), "text").unwrap();
    }

    #[test]
    fn the_root_is_no_place_to_allow() {
        assert_eq!(existing(Path::new("/none/at/all")), None);
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(existing(&folder.path().join("x/y")).as_deref(), Some(folder.path()));
    }
}
