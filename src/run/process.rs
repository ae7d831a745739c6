//! Child processes: a group of their own, a bounded log, a time limit, and nothing left behind.

pub(super) mod leftovers;
mod log;

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, prlimit};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::watch;

use super::cgroup::StepGroup;
use super::confine::{Confinement, Grant};
pub(super) use log::Log;

/// Time between the polite and the final end of a process.
const GRACE: Duration = Duration::from_secs(3);
/// How long output is awaited from what a finished process may have left running elsewhere.
const DRAIN: Duration = Duration::from_millis(300);
/// Bytes read at once from each stream.
const CHUNK: usize = 4096;

/// What is to be run.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) program: PathBuf,
    /// Where a program is that is given by its name.
    pub(super) found: Option<PathBuf>,
    pub(super) arguments: Vec<String>,
    /// The whole environment of the process.
    pub(super) env: Vec<(String, String)>,
    pub(super) folder: PathBuf,
    pub(super) timeout: Option<Duration>,
    /// What all steps of the run may do, and what this one may besides.
    pub(super) confined: Option<(Arc<Confinement>, Grant)>,
    /// The limits of the step as a whole.
    pub(super) group: Option<StepGroup>,
    /// Bytes of address space, where there is no group.
    pub(super) memory: Option<u64>,
    pub(super) log: Log,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Code(i32),
    Signal(i32),
    TimedOut,
    Stopped,
}

/// A process that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) exit: Exit,
    pub(super) log: Log,
}

/// A process group that does not outlive this value.
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // The group may be gone already; then there is nothing to end.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Why a process could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProcessError {
    /// It cannot be started.
    #[error("{program} cannot be started: {source}")]
    Start { program: PathBuf, source: io::Error },
    /// What it prints cannot be kept.
    #[error("its log cannot be written: {0}")]
    Log(io::Error),
    /// The system does not tell how it ended.
    #[error("its end is not known: {0}")]
    Wait(io::Error),
}

/// Runs a process to its end.
///
/// # Errors
/// [`ProcessError`]. The process and its children are ended then.
pub(super) async fn execute(
    mut invocation: Invocation,
    mut stop: watch::Receiver<bool>,
) -> Result<Ended, ProcessError> {
    let mut child = start(&invocation)?;
    let group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    limit(&invocation, group.0);
    let mut streams = Streams { out: child.stdout.take(), err: child.stderr.take() };
    let (timeout, log) = (invocation.timeout, &mut invocation.log);
    let cut = async {
        tokio::select! {
            () = passed(timeout) => Exit::TimedOut,
            () = told(&mut stop) => Exit::Stopped,
        }
    };
    let ended = tokio::select! {
        ended = follow(&mut child, &mut streams, log) => Ok(ended?),
        cut = cut => Err(cut),
    };
    let exit = match ended {
        Ok(status) => exit_of(status),
        Err(cut) => {
            group.signal(Signal::TERM);
            let _ = tokio::time::timeout(GRACE, follow(&mut child, &mut streams, log)).await;
            cut
        }
    };
    drop(group);
    drop(invocation.group.take());
    if streams.are_open() {
        // What left the group may hold the streams open for ever.
        let _ = tokio::time::timeout(DRAIN, streams.copy(log)).await;
    }
    log.finish().map_err(ProcessError::Log)?;
    Ok(Ended { exit, log: invocation.log })
}

fn start(invocation: &Invocation) -> Result<Child, ProcessError> {
    let Invocation { program, found, arguments, env, folder, .. } = invocation;
    // A path lets the child be made without a copy of this process; a name to be searched for would not.
    let mut command = Command::new(found.as_ref().unwrap_or(program));
    command.arg0(program).args(arguments).current_dir(folder).process_group(0);
    command.env_clear().envs(env.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = match &invocation.confined {
        Some((confinement, grant)) => confinement.spawn(command, grant),
        None => command.spawn(),
    };
    child.map_err(|source| ProcessError::Start { program: program.clone(), source })
}

/// Where a program is that is given by its name alone.
fn on_path(program: &Path, path: &str) -> Option<PathBuf> {
    if program.components().count() != 1 || program.is_absolute() {
        return None;
    }
    path.split(':')
        .filter(|folder| folder.starts_with('/'))
        .map(|folder| Path::new(folder).join(program))
        .find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    std::fs::metadata(file)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// Where programs were found on a `PATH`: a long one takes as many looks as it has folders, for every step anew.
#[derive(Debug, Default)]
pub(super) struct Programs(Mutex<HashMap<(PathBuf, String), PathBuf>>);

impl Programs {
    /// Where the program is that `PATH` in the environment leads to; `None` for a path, and for what is not there.
    pub(super) fn find(&self, program: &Path, env: &[(String, String)]) -> Option<PathBuf> {
        let path = env.iter().rev().find(|(name, _)| name == "PATH").map(|(_, path)| path)?;
        let place = (program.to_owned(), path.clone());
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = known.get(&place).filter(|file| is_executable(file)) {
            return Some(file.clone());
        }
        let file = on_path(program, path)?;
        known.insert(place, file.clone());
        Some(file)
    }
}

fn limit(invocation: &Invocation, process: Option<Pid>) {
    if let (Some(group), Some(pid)) = (&invocation.group, process) {
        // A process that is gone already needs no limit.
        let _ = group.take(pid.as_raw_nonzero().get());
    }
    if let (Some(bytes), Some(pid)) = (invocation.memory, process) {
        let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
        // A process that is gone already needs no limit.
        let _ = prlimit(Some(pid), Resource::As, limit);
    }
}

async fn passed(timeout: Option<Duration>) {
    match timeout {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

async fn told(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn exit_of(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or_default()),
    }
}

/// Copies the output to the log until the process has ended, however much there still is to copy.
async fn follow(child: &mut Child, streams: &mut Streams, log: &mut Log) -> Result<ExitStatus, ProcessError> {
    loop {
        tokio::select! {
            ended = child.wait() => return ended.map_err(ProcessError::Wait),
            copied = streams.copy(log), if streams.are_open() => copied.map_err(ProcessError::Log)?,
        }
    }
}

/// The output of a process; a stream that has ended is gone.
struct Streams {
    out: Option<ChildStdout>,
    err: Option<ChildStderr>,
}

impl Streams {
    fn are_open(&self) -> bool {
        self.out.is_some() || self.err.is_some()
    }

    /// Copies until both streams have ended. What was read is in the log, also when this is left early.
    async fn copy(&mut self, log: &mut Log) -> io::Result<()> {
        let (mut first, mut second) = ([0; CHUNK], [0; CHUNK]);
        while self.are_open() {
            tokio::select! {
                read = read_some(self.out.as_mut(), &mut first), if self.out.is_some() => match read? {
                    0 => self.out = None,
                    count => log.stdout(&first[..count])?,
                },
                read = read_some(self.err.as_mut(), &mut second), if self.err.is_some() => match read? {
                    0 => self.err = None,
                    count => log.stderr(&second[..count])?,
                },
            }
        }
        Ok(())
    }
}

async fn read_some(
    stream: Option<&mut (impl tokio::io::AsyncRead + Unpin)>,
    buffer: &mut [u8],
) -> io::Result<usize> {
    match stream {
        Some(stream) => stream.read(buffer).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::run::folder::Folder;
    use crate::run::masks::Masks;

    async fn bash(script: &str, timeout: Option<u64>, masks: &[&str]) -> (Exit, Log, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let masks = Masks::new(masks.iter().copied());
        let place = Arc::new(Folder::open(folder.path()).unwrap());
        let invocation = Invocation {
            program: "bash".into(),
            found: None,
            arguments: vec!["-c".into(), script.into()],
            env: vec![("PATH".into(), std::env::var("PATH").unwrap())],
            folder: folder.path().into(),
            timeout: timeout.map(Duration::from_millis),
            memory: None,
            group: None,
            confined: None,
            log: Log::new(place, PathBuf::new(), false, 64 << 10, masks),
        };
        let (_sender, receiver) = watch::channel(false);
        let ended = execute(invocation, receiver).await.unwrap();
        (ended.exit, ended.log, folder)
    }

    #[tokio::test]
    async fn all_of_standard_output_is_the_result() {
        let (exit, log, folder) = bash("echo one; echo two; echo bad >&2; exit 3", None, &[]).await;
        assert_eq!(
            (exit, log.result().unwrap().as_str(), log.last_line().as_str()),
            (Exit::Code(3), "one\ntwo", "two")
        );
        let text = std::fs::read_to_string(folder.path().join("log.txt")).unwrap();
        // The two streams may meet in any order, but each keeps its own.
        let of_stdout: Vec<&str> = text.lines().filter(|line| *line != "bad").collect();
        assert!(of_stdout == ["one", "two"] && text.contains("bad\n"), "{text}");
    }

    #[tokio::test]
    async fn a_time_limit_ends_the_whole_group() {
        let started = Instant::now();
        let script = "sleep 60 & (sleep 61 &) ; echo $! ; trap '' TERM; sleep 62";
        let (exit, log, _folder) = bash(script, Some(200), &[]).await;
        assert_eq!(exit, Exit::TimedOut);
        assert!(started.elapsed() < Duration::from_secs(8));
        let gone = !std::path::Path::new("/proc").join(log.last_line()).join("cmdline").exists();
        let zombie = std::fs::read_to_string(format!("/proc/{}/stat", log.last_line()))
            .is_ok_and(|stat| stat.contains(") Z "));
        assert!(gone || zombie);
    }

    #[tokio::test]
    async fn a_child_left_behind_is_ended_and_does_not_hold_the_step() {
        let started = Instant::now();
        let (exit, _, _folder) = bash("sleep 60 & echo done", None, &[]).await;
        assert_eq!(exit, Exit::Code(0));
        assert!(started.elapsed() < Duration::from_secs(5));
    }

    #[tokio::test]
    async fn gigabytes_are_cut() {
        let (exit, log, folder) =
            bash("head -c 30000000 /dev/zero | tr '\\0' x; echo; echo end", None, &[]).await;
        assert_eq!((exit, log.result(), log.last_line().as_str()), (Exit::Code(0), None, "end"));
        let text = std::fs::read_to_string(folder.path().join("log.txt")).unwrap();
        assert!(text.len() < 300_000 && text.contains("bytes left out") && text.ends_with("end\n"));
    }

    #[tokio::test]
    async fn secrets_are_masked_also_across_pieces() {
        let script = "printf tok; sleep 0.2; printf 'en-1234 and token-1234\\n'; echo token-1234";
        let (_, log, folder) = bash(script, None, &["token-1234"]).await;
        let text = std::fs::read_to_string(folder.path().join("log.txt")).unwrap();
        assert_eq!(text, "*** and ***\n***\n");
        assert_eq!(log.last_line(), "***");
    }

    #[tokio::test]
    async fn silence_leaves_no_file() {
        let (_, _, folder) = bash("true", None, &[]).await;
        assert!(!folder.path().join("log.txt").exists());
    }
}
