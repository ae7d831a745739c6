//! Limits of a step as a whole, by control groups (cgroup v2), where this process may make some.
//!
//! It may where a part of the tree was delegated to it alone (`systemd-run --user --scope -p Delegate=yes couler …`,
//! many containers). A group that has processes itself can have none below it with limits, so this process moves into
//! one of its own first, and back at the end.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::api::{Resources, cpu_cores};

/// What steps are limited by.
const CONTROLLERS: [&str; 3] = ["memory", "cpu", "pids"];
/// Microseconds of the period that a limit of cores is counted in.
const PERIOD: f64 = 100_000.0;
/// Most processes and threads of a step that has limits: no work needs as many, and the machine stays usable.
const MOST_PROCESSES: u32 = 16_384;

/// The part of the tree that is this process's own.
#[derive(Debug)]
pub(super) struct Groups {
    base: PathBuf,
    /// Where this process is.
    own: PathBuf,
    last: AtomicU64,
}

/// The group of one step. Nothing in it outlives it.
#[derive(Debug)]
pub(super) struct StepGroup(PathBuf);

impl Groups {
    /// Prepares the part of the tree that was delegated to this process; `None` if none was.
    pub(super) fn delegated() -> Option<Self> {
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let path = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
        let mounts = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
        let mount = mounts.into_iter().map(Path::new).find(|mount| mount.join("cgroup.procs").exists())?;
        Self::at(mount.join(path)).ok().flatten()
    }

    fn at(base: PathBuf) -> io::Result<Option<Self>> {
        let offered = fs::read_to_string(base.join("cgroup.controllers"))?;
        let offered: Vec<&str> = offered.split_whitespace().collect();
        if CONTROLLERS.iter().any(|name| !offered.contains(name)) {
            return Ok(None);
        }
        let own = base.join(format!("couler-{}", std::process::id()));
        fs::create_dir(&own)?;
        let groups = Self { base, own, last: AtomicU64::default() };
        // From here on `drop` takes it back.
        fs::write(groups.own.join("cgroup.procs"), "0")?;
        groups.switch('+')?;
        Ok(Some(groups))
    }

    fn switch(&self, sign: char) -> io::Result<()> {
        let words: Vec<String> = CONTROLLERS.iter().map(|name| format!("{sign}{name}")).collect();
        fs::write(self.base.join("cgroup.subtree_control"), words.join(" "))
    }

    /// A group with the limits of a step; `None` if it has none, or the system takes none.
    pub(super) fn step(&self, resources: &Resources) -> Option<StepGroup> {
        let limits = limits(resources);
        if limits.is_empty() {
            return None;
        }
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        let group = StepGroup(self.base.join(format!("couler-{}-{number}", std::process::id())));
        fs::create_dir(&group.0).ok()?;
        limits.into_iter().all(|(file, limit)| fs::write(group.0.join(file), limit).is_ok()).then_some(group)
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        // What cannot be taken back goes with the part of the tree.
        let _ = self.switch('-');
        let _ = fs::write(self.base.join("cgroup.procs"), "0");
        let _ = fs::remove_dir(&self.own);
    }
}

impl StepGroup {
    /// Puts a process that has just been started, and all that it will start, into the group.
    pub(super) fn take(&self, process: i32) -> io::Result<()> {
        fs::write(self.0.join("cgroup.procs"), process.to_string())
    }
}

impl Drop for StepGroup {
    fn drop(&mut self) {
        let _ = fs::write(self.0.join("cgroup.kill"), "1");
        // It is empty when the last of its processes has been waited for.
        for _ in 0..50 {
            match fs::remove_dir(&self.0) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                    std::thread::sleep(std::time::Duration::from_millis(2));
                }
                _ => return,
            }
        }
    }
}

/// Files of a group and what they say.
fn limits(resources: &Resources) -> Vec<(&'static str, String)> {
    let memory = resources.memory_limit.as_deref().and_then(super::resources::bytes);
    let cores = resources.cpu_limit.as_deref().and_then(cpu_cores).filter(|cores| *cores > 0.0);
    let mut limits = Vec::new();
    if let Some(bytes) = memory {
        // Without this it would swap instead of ending.
        limits.extend([("memory.max", bytes.to_string()), ("memory.oom.group", "1".to_owned())]);
    }
    if let Some(cores) = cores {
        limits.push(("cpu.max", format!("{:.0} {PERIOD:.0}", (cores * PERIOD).max(1000.0))));
    }
    if !limits.is_empty() {
        limits.push(("pids.max", MOST_PROCESSES.to_string()));
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(cpu: Option<&str>, memory: Option<&str>) -> Resources {
        let owned = |text: &str| text.to_owned();
        Resources { cpu_limit: cpu.map(owned), memory_limit: memory.map(owned), ..Resources::default() }
    }

    #[test]
    fn limits_are_written_as_the_system_reads_them() {
        assert_eq!(limits(&asked(None, None)), []);
        let expected = [("memory.max", "67108864"), ("memory.oom.group", "1"), ("cpu.max", "50000 100000")];
        let expected = expected.into_iter().chain([("pids.max", "16384")]);
        let expected: Vec<_> = expected.map(|(file, limit)| (file, limit.to_owned())).collect();
        assert_eq!(limits(&asked(Some("500m"), Some("64Mi"))), expected);
    }

    #[test]
    fn a_part_of_the_tree_without_controllers_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Groups::at(folder.path().to_owned()).is_err());
        std::fs::write(folder.path().join("cgroup.controllers"), "cpuset cpu io memory\n").unwrap();
        assert!(Groups::at(folder.path().to_owned()).unwrap().is_none());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_step_has_its_limits_and_is_gone_at_its_end() {
        let Some(groups) = Groups::delegated() else {
            eprintln!("skipped: no control groups (cgroup v2) are delegated to this process");
            return;
        };
        let group = groups.step(&asked(Some("1"), Some("32Mi"))).unwrap();
        let script = "sleep 0.2; exec python3 -c 'x = bytearray(256 << 20); print(len(x))'";
        let mut child = std::process::Command::new("sh").args(["-c", script]).spawn().unwrap();
        group.take(i32::try_from(child.id()).unwrap()).unwrap();
        assert!(!child.wait().unwrap().success());
        let place = group.0.clone();
        drop(group);
        assert!(!place.exists());
        let base = groups.base.clone();
        drop(groups);
        assert!(!base.join(format!("couler-{}", std::process::id())).exists());
    }
}
