//! Steps write where they are meant to, and nowhere else (Landlock: Linux 5.13 and later), and gain no rights.
//!
//! A restriction holds for the thread that asks for it and for every process that it starts, for ever. So confined
//! processes are started by threads of their own, and this one stays free to write the journal and the store.

mod places;
mod rules;
mod system_calls;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};

use tokio::process::{Child, Command};
use tokio::runtime::Handle;

pub(super) use places::Places;

/// What the steps of a run may do.
#[derive(Debug)]
pub(super) struct Confinement {
    /// Where they may write; anywhere if absent.
    places: Option<Places>,
    /// The thread that starts the steps to which these folders suffice.
    starter: OnceLock<mpsc::Sender<Request>>,
    /// Everything that single steps were allowed besides: there they may have left links.
    granted: Mutex<BTreeSet<PathBuf>>,
    weak: Arc<AtomicBool>,
}

/// What one step may do besides, or may not do.
#[derive(Debug, Default, Clone)]
pub(super) struct Grant {
    /// Folders that couler has made for this step alone.
    pub(super) own: Vec<PathBuf>,
    /// Places that it was told to write to.
    pub(super) told: Vec<PathBuf>,
    /// No other step may look into it, for it knows a secret.
    pub(super) apart: bool,
    /// It has no network.
    pub(super) offline: bool,
}

/// What holds for a thread that starts processes.
#[derive(Debug)]
struct Restriction {
    folders: Option<Vec<PathBuf>>,
    offline: bool,
}

#[derive(Debug)]
struct Request {
    command: Command,
    runtime: Handle,
    reply: mpsc::SyncSender<io::Result<Child>>,
}

impl Confinement {
    /// A confinement to places, or none of where steps write.
    pub(super) fn new(places: Option<Places>) -> Self {
        Self { places, starter: OnceLock::new(), granted: Mutex::default(), weak: Arc::default() }
    }

    /// Starts a process under the restrictions of the run and of its step. The caller waits for it: it could do
    /// something else meanwhile, but on a machine whose cores are busy the new process would start later for it.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn spawn(&self, mut command: Command, grant: &Grant) -> io::Result<Child> {
        let missing = || io::Error::other("the thread that starts processes is gone");
        if self.places.is_none() && !grant.offline {
            return command.spawn();
        }
        let (reply, answer) = mpsc::sync_channel(1);
        let request = Request { command, runtime: Handle::current(), reply };
        let beyond = self.beyond(grant);
        let folders = self.places.as_ref().map(|places| places.folders().to_vec());
        if beyond.is_empty() && !grant.apart && !grant.offline {
            let usual = || self.thread(Restriction { folders, offline: false });
            self.starter.get_or_init(usual).send(request).map_err(|_| missing())?;
        } else {
            let folders = folders.map(|folders| folders.into_iter().chain(beyond).collect());
            let restriction = Restriction { folders, offline: grant.offline };
            self.thread(restriction).send(request).map_err(|_| missing())?;
        }
        answer.recv().map_err(|_| missing())?
    }

    /// Places of a grant that the run's own do not cover.
    fn beyond(&self, grant: &Grant) -> BTreeSet<PathBuf> {
        let Some(places) = &self.places else { return BTreeSet::new() };
        let mut granted = self.granted.lock().unwrap_or_else(PoisonError::into_inner);
        let told = grant.told.iter().filter(|path| !places.covers(path));
        let mut beyond: BTreeSet<PathBuf> = told.filter_map(|path| places.allowed(path, &granted)).collect();
        granted.extend(beyond.iter().cloned());
        drop(granted);
        beyond.extend(grant.own.iter().filter(|path| !places.covers(path)).cloned());
        beyond
    }

    /// Whether the system turned out not to confine anything.
    pub(super) fn is_weak(&self) -> bool {
        self.weak.load(Ordering::Relaxed)
    }

    /// Whether steps can write into couler's own folder.
    pub(super) fn is_exposed(&self) -> bool {
        self.places.as_ref().is_some_and(Places::is_exposed)
    }

    /// The folders, for people.
    pub(super) fn described(&self) -> String {
        let shown = self.places.iter().flat_map(Places::folders).filter(|folder| folder.is_dir());
        shown.map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
    }

    fn thread(&self, restriction: Restriction) -> mpsc::Sender<Request> {
        let (sender, requests) = mpsc::channel::<Request>();
        let weak = Arc::clone(&self.weak);
        // If there can be no more threads, the sender has no receiver, and the step fails with that.
        let _ = std::thread::Builder::new().name("starter".into()).spawn(move || {
            let restricted = restrict(&restriction);
            for Request { mut command, runtime, reply } in requests {
                let _runtime = runtime.enter();
                let started = match &restricted {
                    Ok(whole) => {
                        weak.fetch_or(!whole, Ordering::Relaxed);
                        command.spawn()
                    }
                    Err(reason) => Err(io::Error::other(reason.clone())),
                };
                // Who asked is waiting for it.
                let _ = reply.send(started);
            }
        });
        sender
    }
}

/// Restricts this thread; false if the system cannot confine where it writes.
///
/// # Errors
/// A network that was to be off cannot be switched off. To run nevertheless would be worse than not to run.
fn restrict(restriction: &Restriction) -> Result<bool, String> {
    let written = restriction.folders.as_ref().is_none_or(|folders| rules::restrict_writing(folders));
    if restriction.folders.is_some() {
        // What is refused here is refused by Landlock too, where there is Landlock.
        let _ = system_calls::refuse_dangerous();
        rules::drop_powers();
    }
    if restriction.offline {
        system_calls::refuse_network()
            .map_err(|reason| format!("its network cannot be switched off: {reason}"))?;
    }
    Ok(written)
}

/// The path, or the nearest folder above it that is there.
fn existing(path: &Path) -> Option<&Path> {
    path.ancestors().find(|place| place.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn works(confinement: &Confinement, script: &str, grant: &Grant) -> bool {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(script).stderr(std::process::Stdio::null()).stdout(std::process::Stdio::null());
        confinement.spawn(command, grant).unwrap().wait().await.unwrap().success()
    }

    async fn can_write(confinement: &Confinement, file: &Path, told: &[PathBuf]) -> bool {
        let script = format!("echo text > {}", file.display());
        let grant = Grant { told: told.to_vec(), ..Grant::default() };
        works(confinement, &script, &grant).await && file.exists()
    }

    fn confined(folders: &[&Path]) -> Confinement {
        let usual = vec!["/dev/null".into(), "/none".into()];
        let asked = folders.iter().map(|folder| folder.to_path_buf()).collect();
        Confinement::new(Some(Places::new(usual, asked, Path::new("/none/at/all"))))
    }

    #[tokio::test]
    async fn a_step_writes_in_its_folders_and_where_it_was_told_to() {
        let (inside, outside, told) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let confinement = confined(&[inside.path()]);
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

    #[tokio::test]
    async fn a_link_of_another_step_does_not_lead_astray() {
        let (inside, outside, told) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let confinement = confined(&[inside.path()]);
        let first = told.path().join("out");
        std::fs::create_dir(&first).unwrap();
        assert!(can_write(&confinement, &first.join("a"), std::slice::from_ref(&first)).await);
        if confinement.is_weak() {
            eprintln!("skipped: this system has no Landlock");
            return;
        }
        std::os::unix::fs::symlink(outside.path(), first.join("link")).unwrap();
        let to = first.join("link/b");
        assert!(!can_write(&confinement, &to, std::slice::from_ref(&to)).await);
        std::os::unix::fs::symlink(outside.path(), inside.path().join("link")).unwrap();
        let to = inside.path().join("link/c");
        assert!(!can_write(&confinement, &to, std::slice::from_ref(&to)).await);
    }

    #[tokio::test]
    async fn dangerous_calls_are_refused_and_the_network_can_be_off() {
        let inside = tempfile::tempdir().unwrap();
        let confinement = confined(&[inside.path()]);
        let usual = Grant::default();
        if std::process::Command::new("unshare").arg("--version").output().is_ok() {
            let mount = "unshare -m mount -t tmpfs none /mnt";
            assert!(!works(&confinement, mount, &usual).await);
        }
        assert!(works(&confinement, "grep -q 'NoNewPrivs:.1' /proc/self/status", &usual).await);
        let connect = "exec bash -c 'exec 3<>/dev/udp/127.0.0.1/9'";
        assert!(works(&confinement, connect, &usual).await);
        let offline = Grant { offline: true, ..Grant::default() };
        assert!(!works(&confinement, connect, &offline).await);
        assert!(!works(&Confinement::new(None), connect, &offline).await);
        assert!(works(&Confinement::new(None), connect, &usual).await);
    }
}
