//! Processes of a run that outlived what started them: because couler was killed, or because they left their group.
//!
//! Every process of a step has the folder of its run in its environment, and hands it on to its children. That mark
//! needs no record that could be lost, and a process number that now belongs to another program does not have it.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The variable that has the folder of the run.
pub(in crate::run) const MARK: &str = "COULER_RUN";
/// How long the end of a process is awaited.
const PATIENCE: Duration = Duration::from_secs(2);

/// Ends all processes that are marked with this run and returns how many there were. Only the holder of the run's lock
/// may call this. Where there is no `/proc`, none are found.
pub(in crate::run) fn end(run: &Path) -> usize {
    let mut mark = format!("{MARK}=").into_bytes();
    mark.extend_from_slice(run.as_os_str().as_encoded_bytes());
    let started = Instant::now();
    let mut ended = std::collections::HashSet::new();
    loop {
        // While some are ended others may be made, so this looks again until there are none.
        let found = marked(&mark);
        if found.is_empty() || started.elapsed() > PATIENCE {
            return ended.len();
        }
        for pid in found {
            // One that is gone already needs no end.
            let _ = kill_process(pid, Signal::KILL);
            ended.insert(pid);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn marked(mark: &[u8]) -> Vec<Pid> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|number| *number != own && has(*number, mark))
        .filter_map(Pid::from_raw)
        .collect()
}

/// Whether a process that has not ended has the mark. Those of other users cannot be read.
fn has(process: i32, mark: &[u8]) -> bool {
    std::fs::read(format!("/proc/{process}/environ"))
        .is_ok_and(|environment| environment.split(|byte| *byte == 0).any(|variable| variable == mark))
}
