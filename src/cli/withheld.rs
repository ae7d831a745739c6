//! Variables that couler's own environment does not keep.
//!
//! What a process is started with stays readable by other processes of the user as long as it lives, whatever it
//! changes later. So a command that runs steps starts itself anew without the variables that are none of the usual
//! ones, and gets those through a pipe. Secrets are among them; a step gets those that it asks for, and finds no others
//! by looking at couler.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};

use serde_json::{Map, Value};

/// Names the pipe.
const CHANNEL: &str = "COULER_WITHHELD";
/// Bytes that a pipe takes before somebody reads it.
const ROOM: usize = 60 << 10;
/// Names, and beginnings of names, that stay: settings of the system, of couler, and of the tools that it starts.
const KEPT: [&str; 39] = [
    "PATH",
    "HOME",
    "LANG",
    "LC_",
    "TMPDIR",
    "TZ",
    "TERM",
    "COLUMNS",
    "LINES",
    "NO_COLOR",
    "COLORTERM",
    "CLICOLOR",
    "USER",
    "LOGNAME",
    "SHELL",
    "PWD",
    "XDG_",
    "COULER_",
    "PYTHON",
    "PIP_",
    "UV_",
    "VIRTUAL_ENV",
    "CONDA_",
    "DOCKER_",
    "CUDA_",
    "NVIDIA_",
    "OMP_",
    "RUST_",
    "SSL_CERT_",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "SSH_AUTH_SOCK",
    "CLICOLOR_FORCE",
    "DBUS_",
    "EDITOR",
];

/// Variables by name.
#[derive(Clone, Default, PartialEq)]
pub struct Withheld(HashMap<String, String>);

impl std::fmt::Debug for Withheld {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} variables", self.0.len())
    }
}

impl Withheld {
    /// The value of a variable, withheld or not.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned().or_else(|| std::env::var(name).ok())
    }

    /// What an earlier start of this process has handed over.
    pub(super) fn received() -> Self {
        let Some(number) = std::env::var(CHANNEL).ok().and_then(|text| text.parse::<u32>().ok()) else {
            return Self::default();
        };
        let mut text = String::new();
        let read =
            File::open(format!("/proc/self/fd/{number}")).and_then(|mut pipe| pipe.read_to_string(&mut text));
        let values = read.ok().and_then(|_| serde_json::from_str::<HashMap<String, String>>(&text).ok());
        Self(values.unwrap_or_default())
    }
}

/// Starts this process anew without the variables that are not kept. Does not return if that works. It does nothing if
/// there are none, if it was done already, and on systems that cannot do it.
#[cfg(target_os = "linux")]
pub(super) fn restart_without() {
    use std::os::unix::process::CommandExt;

    // Others of the user cannot look into this process from now on; root still can.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let withheld: Map<String, Value> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| !is_kept(name))
        .map(|(name, value)| (name, Value::from(value)))
        .collect();
    if withheld.is_empty() || std::env::var_os(CHANNEL).is_some() {
        return;
    }
    let text = Value::Object(withheld.clone()).to_string();
    let Some(pipe) = handed_over(&text) else { return };
    let number = std::os::fd::AsRawFd::as_raw_fd(&pipe);
    let mut arguments = std::env::args_os();
    let Ok(program) = std::env::current_exe() else { return };
    let mut command = std::process::Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    command.args(arguments).env(CHANNEL, number.to_string());
    for name in withheld.keys() {
        command.env_remove(name);
    }
    // If it cannot be started, this process goes on as it is.
    let _ = command.exec();
}

/// Whether a variable stays.
#[cfg(target_os = "linux")]
fn is_kept(name: &str) -> bool {
    KEPT.iter().any(|kept| match kept.strip_suffix('_') {
        Some(beginning) => name.strip_prefix(beginning).is_some_and(|rest| rest.starts_with('_')),
        None => name.eq_ignore_ascii_case(kept),
    })
}

/// There is no way to do it here.
#[cfg(not(target_os = "linux"))]
pub(super) fn restart_without() {}

/// A pipe that a process started from here inherits, with a text in it.
#[cfg(target_os = "linux")]
fn handed_over(text: &str) -> Option<std::os::fd::OwnedFd> {
    if text.len() > ROOM {
        return None;
    }
    let (reader, writer) = rustix::pipe::pipe().ok()?;
    rustix::io::fcntl_setfd(&writer, rustix::io::FdFlags::CLOEXEC).ok()?;
    File::from(writer).write_all(text.as_bytes()).ok()?;
    Some(reader)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_stay_and_secrets_do_not() {
        for name in ["PATH", "HOME", "LC_ALL", "COULER_HOME", "HTTPS_PROXY", "no_proxy", "UV_CACHE_DIR"] {
            assert!(is_kept(name), "{name}");
        }
        for name in ["OPENAI_API_KEY", "USER_PASSWORD", "AWS_SECRET_ACCESS_KEY", "PATHS", "TOKEN", "COULER"] {
            assert!(!is_kept(name), "{name}");
        }
        let shown = format!("{:?}", Withheld([("TOKEN".to_owned(), "secret".to_owned())].into()));
        assert_eq!(shown, "1 variables");
    }
}
