//! Child processes: a group of their own, a bounded log, a time limit, and nothing left behind.

mod log;

use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, prlimit};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::sync::watch;

pub(super) use log::{Log, masked};

/// Time between the polite and the final end of a process.
const GRACE: Duration = Duration::from_secs(3);
/// How long output is awaited from what a finished process may have left running elsewhere.
const DRAIN: Duration = Duration::from_millis(300);

/// What is to be run.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    /// The whole environment of the process.
    pub(super) env: Vec<(String, String)>,
    pub(super) folder: PathBuf,
    pub(super) timeout: Option<Duration>,
    /// Bytes of address space.
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

/// Runs a process to its end.
///
/// # Errors
/// It cannot be started, or its log cannot be written.
pub(super) async fn execute(invocation: Invocation, mut stop: watch::Receiver<bool>) -> io::Result<Ended> {
    let Invocation { program, arguments, env, folder, timeout, memory, mut log } = invocation;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(env).current_dir(folder).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    if let (Some(bytes), Some(pid)) = (memory, group.0) {
        let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
        // A process that is gone already needs no limit.
        let _ = prlimit(Some(pid), Resource::As, limit);
    }
    let deadline = async {
        match timeout {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    let stopped = async {
        if stop.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let exit = tokio::select! {
        status = follow(&mut child, &mut log) => exit_of(status?),
        () = deadline => Exit::TimedOut,
        () = stopped => Exit::Stopped,
    };
    if matches!(exit, Exit::TimedOut | Exit::Stopped) {
        group.signal(Signal::TERM);
        let _ = tokio::time::timeout(GRACE, follow(&mut child, &mut log)).await;
    }
    drop(group);
    if child.stdout.is_some() || child.stderr.is_some() {
        let _ = tokio::time::timeout(DRAIN, read_all(&mut child, &mut log)).await;
    }
    log.finish()?;
    Ok(Ended { exit, log })
}

fn exit_of(status: ExitStatus) -> Exit {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or_default()),
    }
}

/// Copies the output to the log until the process has ended.
async fn follow(child: &mut Child, log: &mut Log) -> io::Result<ExitStatus> {
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let (mut first, mut second) = (vec![0; 8192], vec![0; 8192]);
    let mut status = None;
    while status.is_none() {
        tokio::select! {
            biased;
            read = read_some(out.as_mut(), &mut first), if out.is_some() => match read? {
                0 => out = None,
                count => log.stdout(&first[..count])?,
            },
            read = read_some(err.as_mut(), &mut second), if err.is_some() => match read? {
                0 => err = None,
                count => log.stderr(&second[..count])?,
            },
            ended = child.wait() => status = Some(ended?),
        }
    }
    (child.stdout, child.stderr) = (out, err);
    status.ok_or_else(|| io::Error::other("a process without an end"))
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

/// Copies what is left in the pipes.
async fn read_all(child: &mut Child, log: &mut Log) -> io::Result<()> {
    let mut buffer = vec![0; 8192];
    while let Some(stream) = &mut child.stdout {
        match stream.read(&mut buffer).await? {
            0 => child.stdout = None,
            count => log.stdout(&buffer[..count])?,
        }
    }
    while let Some(stream) = &mut child.stderr {
        match stream.read(&mut buffer).await? {
            0 => child.stderr = None,
            count => log.stderr(&buffer[..count])?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    async fn bash(script: &str, timeout: Option<u64>, masks: &[&str]) -> (Exit, Log, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let masks = masks.iter().map(|mask| (*mask).to_owned()).collect();
        let invocation = Invocation {
            program: "bash".into(),
            arguments: vec!["-c".into(), script.into()],
            env: vec![("PATH".into(), std::env::var("PATH").unwrap())],
            folder: folder.path().into(),
            timeout: timeout.map(Duration::from_millis),
            memory: None,
            log: Log::new(folder.path().join("log.txt"), false, 64 << 10, masks),
        };
        let (_sender, receiver) = watch::channel(false);
        let ended = execute(invocation, receiver).await.unwrap();
        (ended.exit, ended.log, folder)
    }

    #[tokio::test]
    async fn the_last_line_is_the_result() {
        let (exit, log, folder) = bash("echo one; echo two; echo bad >&2; exit 3", None, &[]).await;
        assert_eq!((exit, log.result().as_str()), (Exit::Code(3), "two"));
        let text = std::fs::read_to_string(folder.path().join("log.txt")).unwrap();
        assert!(text.contains("one\ntwo\n") && text.contains("bad\n"), "{text}");
    }

    #[tokio::test]
    async fn a_time_limit_ends_the_whole_group() {
        let started = Instant::now();
        let script = "sleep 60 & (sleep 61 &) ; echo $! ; trap '' TERM; sleep 62";
        let (exit, log, _folder) = bash(script, Some(200), &[]).await;
        assert_eq!(exit, Exit::TimedOut);
        assert!(started.elapsed() < Duration::from_secs(8));
        let gone = !std::path::Path::new("/proc").join(log.result()).join("cmdline").exists();
        let zombie = std::fs::read_to_string(format!("/proc/{}/stat", log.result()))
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
        assert_eq!((exit, log.result().as_str()), (Exit::Code(0), "end"));
        let text = std::fs::read_to_string(folder.path().join("log.txt")).unwrap();
        assert!(text.len() < 300_000 && text.contains("bytes left out") && text.ends_with("end\n"));
    }

    #[tokio::test]
    async fn secrets_are_masked_also_across_pieces() {
        let script = "printf tok; sleep 0.2; printf 'en-1234 and token-1234\\n'; echo token-1234";
        let (_, log, folder) = bash(script, None, &["token-1234"]).await;
        let text = std::fs::read_to_string(folder.path().join("log.txt")).unwrap();
        assert_eq!(text, "*** and ***\n***\n");
        assert_eq!(log.result(), "***");
    }

    #[tokio::test]
    async fn silence_leaves_no_file() {
        let (_, _, folder) = bash("true", None, &[]).await;
        assert!(!folder.path().join("log.txt").exists());
    }
}
