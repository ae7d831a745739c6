//! Containers through docker or podman.
//!
//! The step's own folders are mounted at their own paths, so that paths mean the same inside, and what it reads
//! read-only; nothing else of the run is.
//! Values of secrets reach the container through the environment, never through the command line.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::api::Volume;
use crate::ir::{Node, NodeOutputKind};
use crate::run::RunSettings;
use crate::run::failure::Failure;
use crate::run::prepare::{Prepared, Source, Work};
use crate::run::process::{Ended, Exit};

/// The name of a task's container.
pub(super) fn name(folder: &Path) -> String {
    let digest = blake3::hash(folder.as_os_str().as_encoded_bytes()).to_hex();
    format!("couler-{}-{}", &digest[..16], std::process::id())
}

/// The program and its arguments.
pub(super) fn command(
    settings: &RunSettings,
    node: &Node,
    prepared: &Prepared,
    env: &[(String, String)],
) -> Result<(PathBuf, Vec<String>), Failure> {
    let Work::Container { image, command, args, working_dir } = &prepared.work else {
        return Err(Failure::request("it is no container"));
    };
    let program = settings.containers.clone().ok_or_else(|| {
        Failure::request(format!(
            "{image} needs docker or podman; install one, or run the step's command directly with --host"
        ))
    })?;
    let mut words: Vec<String> = vec!["run".into(), "--name".into(), name(&prepared.folder)];
    let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
    let inherited = ["PATH", "HOME"];
    for (name, _) in env.iter().filter(|(name, _)| !inherited.contains(&name.as_str())) {
        option("--env", name.clone());
    }
    for name in
        ["outputs", "values"].map(|name| prepared.folder.join(name)).iter().filter(|name| name.is_dir())
    {
        option("--volume", format!("{0}:{0}", name.display()));
    }
    if let Some(folder) = working_dir {
        option("--workdir", folder.clone());
    }
    let resources = &node.settings.resources;
    for (name, value) in [
        (
            "--cpus",
            resources.cpu_limit.as_deref().and_then(crate::api::cpu_cores).map(|cores| cores.to_string()),
        ),
        (
            "--memory",
            resources
                .memory_limit
                .as_deref()
                .and_then(crate::run::resources::bytes)
                .map(|bytes| bytes.to_string()),
        ),
        ("--network", settings.is_offline(node).then(|| "none".to_owned())),
    ] {
        if let Some(value) = value {
            option(name, value);
        }
    }
    if let Some(gpus) = resources.gpu.filter(|gpus| *gpus > 0) {
        option("--gpus", gpus.to_string());
    }
    for reading in &prepared.readings {
        if let Source::Artifact { place, .. } = &reading.source {
            let target = reading.target.as_ref().unwrap_or(place);
            option("--volume", format!("{}:{}:ro", place.display(), target.display()));
        }
    }
    for volume in &node.settings.volumes {
        let (name, value) = mount(volume, &settings.folder)?;
        option(name, value);
    }
    let mut rest = args.clone();
    if let Some((entry, more)) = command.split_first() {
        option("--entrypoint", super::substituted(entry, env));
        rest = more.iter().chain(args).cloned().collect();
    }
    words.push(image.clone());
    words.extend(rest.iter().map(|word| super::substituted(word, &prepared.env)));
    Ok((program, words))
}

fn mount(volume: &Volume, run: &Path) -> Result<(&'static str, String), Failure> {
    match volume {
        Volume::Claim { claim, path, read_only, .. } => {
            Ok(("--volume", format!("{claim}:{path}{}", if *read_only { ":ro" } else { "" })))
        }
        Volume::Shared { name, path } => {
            Ok(("--volume", format!("{}:{path}", run.join("volumes").join(name).display())))
        }
        Volume::EmptyDir { path, .. } => Ok(("--tmpfs", path.clone())),
        Volume::HostPath { host_path, path } => Ok(("--volume", format!("{host_path}:{path}"))),
        Volume::ConfigMap { name, .. } | Volume::Secret { name, .. } => {
            Err(Failure::request(format!("it mounts {name}, which only a cluster has")))
        }
    }
}

/// Copies the declared outputs out of a container that has ended, and removes it.
pub(super) async fn take_outputs(
    settings: &RunSettings,
    name: &str,
    node: &Node,
    folder: &Path,
    ended: &Ended,
) {
    let Some(program) = &settings.containers else { return };
    if ended.exit == Exit::Code(0) {
        for output in &node.outputs {
            let (path, place) = match &output.kind {
                NodeOutputKind::Parameter { path, .. } => (path, folder.join("values")),
                NodeOutputKind::Artifact { path, .. } => (path, folder.join("outputs")),
            };
            let Some(path) = path else { continue };
            if std::fs::create_dir_all(&place).is_ok() {
                let target = place.join(&output.name).display().to_string();
                // An output that is not there is reported when it is read.
                quiet(program, &["cp", &format!("{name}:{path}"), &target]).await;
            }
        }
    }
    quiet(program, &["rm", "--force", name]).await;
}

async fn quiet(program: &Path, arguments: &[&str]) {
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _ = command.status().await;
}
