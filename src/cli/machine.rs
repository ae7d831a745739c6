//! What this machine has: cores, memory, GPUs, programs.

use std::path::PathBuf;

use crate::run::Capacity;

/// Cores that may be used.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Cores, memory and GPUs. What cannot be found out is taken to be plenty, except GPUs.
pub(super) fn capacity() -> Capacity {
    Capacity { cpu_millis: cores() as u64 * 1000, memory: memory().unwrap_or(u64::MAX), gpus: gpus() }
}

fn memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes << 10)
}

fn gpus() -> u32 {
    let Ok(devices) = std::fs::read_dir("/dev") else { return 0 };
    let nvidia = devices.flatten().filter(|device| {
        let name = device.file_name();
        name.to_str()
            .and_then(|name| name.strip_prefix("nvidia"))
            .is_some_and(|rest| rest.parse::<u32>().is_ok())
    });
    u32::try_from(nvidia.count()).unwrap_or(u32::MAX)
}

/// Devices that steps may use: terminals, memory, accelerators. Disks are none of them, since who writes to one writes
/// to every file on it.
pub(super) fn harmless_devices() -> Vec<PathBuf> {
    const NAMES: [&str; 12] =
        ["null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "mqueue", "dri", "kfd"];
    let usual = NAMES.map(|name| PathBuf::from("/dev").join(name));
    let devices = std::fs::read_dir("/dev").into_iter().flatten().flatten();
    let nvidia = devices.filter(|device| device.file_name().to_string_lossy().starts_with("nvidia"));
    usual.into_iter().chain(nvidia.map(|device| device.path())).collect()
}

/// The first of these programs that is on the search path.
pub(super) fn program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    names.iter().find_map(|name| {
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
    })
}
