//! The files of a step: where they are mounted, and the steps before and after that bring and take them.

use std::collections::BTreeSet;

use super::context::{Context, unsupported};
use super::manifest::{ResultSpec, Step};
use super::runner::{FOLDER, STDOUT, quoted};
use super::text::is_misread;
use crate::api::Input;
use crate::engine::EngineError;
use crate::engine::kubernetes::component::is_address;
use crate::engine::kubernetes::pod::{Volume, VolumeMount, VolumeSource};
use crate::engine::kubernetes::ports::{OUTPUTS, VALUES, artifact_ports, chosen};
use crate::ir::{Node, NodeOutputKind};

/// Image of the steps that copy files and decide conditions; it has a shell, awk and tee.
pub(crate) const TOOLS: &str = "busybox:1.37";
/// The workspace that artifacts travel through.
pub(crate) const ARTIFACTS: &str = "artifacts";
/// The volume that the steps of one task share.
const VOLUME: &str = "couler-files";

/// What a step reads and writes.
pub(crate) struct Files<'a> {
    node: &'a Node,
    /// Artifacts of other steps: step, output, path, and whether it may be missing.
    read: Vec<(&'a str, &'a str, String, bool)>,
    /// Scalars: result, path and default.
    scalars: Vec<(String, String, Option<&'a str>)>,
    /// Artifacts that other steps read: output, path, and whether it may be missing.
    written: Vec<(&'a str, String, bool)>,
    /// All paths that helpers must see.
    paths: Vec<String>,
    /// Whether the standard output is a result.
    pub keeps_output: bool,
}

impl<'a> Files<'a> {
    /// What the step reads and writes.
    ///
    /// # Errors
    /// Files right under the root, which no volume can hold.
    pub(crate) fn new(context: &Context<'a>, node: &'a Node) -> Result<Self, EngineError> {
        let mut files = Self {
            node,
            read: Vec::new(),
            scalars: Vec::new(),
            written: Vec::new(),
            paths: Vec::new(),
            keeps_output: context.is_read(node, "result"),
        };
        for (_, path, input) in artifact_ports(node) {
            match input {
                Input::Artifact { step, output, .. } => {
                    context.uses(ARTIFACTS);
                    let optional = may_be_missing(context, step, output);
                    files.read.push((step, output, path.clone(), optional));
                }
                Input::External { location, .. } if is_address(node, location) => continue,
                _ => {}
            }
            files.paths.push(path);
        }
        for output in &node.outputs {
            match &output.kind {
                NodeOutputKind::Parameter { path, default } => {
                    let path = chosen(path.as_ref(), VALUES, &output.name);
                    files.paths.push(path.clone());
                    files.scalars.push((context.result_name(&output.name), path, default.as_deref()));
                }
                NodeOutputKind::Artifact { path, store, optional, .. } => {
                    let path = chosen(path.as_ref(), OUTPUTS, &output.name);
                    let handed_on = context.is_handed_on(node, &output.name);
                    if handed_on {
                        context.uses(ARTIFACTS);
                        files.written.push((&output.name, path.clone(), *optional));
                    }
                    if handed_on || store.is_some() {
                        files.paths.push(path);
                    }
                }
            }
        }
        files.check()?;
        Ok(files)
    }

    fn check(&self) -> Result<(), EngineError> {
        for path in &self.paths {
            if parent(path).is_empty() {
                let reason = format!("{path:?} lies in the root folder, which is no volume; use a folder");
                return Err(unsupported(&self.node.name, "file in the root folder", reason));
            }
            if is_misread(path) {
                let reason = format!("Tekton would replace a part of {path:?}; write it in another way");
                return Err(unsupported(&self.node.name, "dollar sign and bracket in a path", reason));
            }
        }
        Ok(())
    }

    /// Whether artifacts travel through the workspace.
    pub(crate) fn uses_artifacts(&self) -> bool {
        !self.read.is_empty() || !self.written.is_empty()
    }

    /// The declarations of the results.
    pub(crate) fn results(&self) -> Vec<ResultSpec> {
        let printed = self.keeps_output.then(|| ResultSpec::named("result"));
        printed.into_iter().chain(self.scalars.iter().map(|(name, _, _)| ResultSpec::named(name))).collect()
    }

    /// The command that prints the value of an output of this step, for the condition of its loop.
    pub(crate) fn own_value(&self, result: &str) -> String {
        match self.scalars.iter().find(|(name, _, _)| name == result) {
            Some((_, path, Some(default))) => {
                format!("`cat {} 2> /dev/null || printf %s {}`", quoted(path), quoted(default))
            }
            Some((_, path, None)) => format!("`cat {}`", quoted(path)),
            None => format!("`cat {STDOUT}`"),
        }
    }

    /// Mounts of the folders that the step and its helpers share. Folders under `mounted` are shared already.
    /// `always` adds [`FOLDER`].
    pub(crate) fn mounts(&self, mounted: &[VolumeMount], always: bool) -> Vec<VolumeMount> {
        let inside = |folder: &str, outer: &str| {
            folder == outer || folder.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
        };
        let mut folders: BTreeSet<&str> = self.paths.iter().map(|path| parent(path)).collect();
        if always || !folders.is_empty() || self.keeps_output {
            folders.insert(FOLDER);
        }
        let all: Vec<&str> = folders.iter().copied().collect();
        folders.retain(|folder| {
            let mounts = mounted.iter().map(|mount| mount.mount_path.trim_end_matches('/'));
            let nested = all.iter().any(|other| other != folder && inside(folder, other));
            !nested && !mounts.into_iter().any(|outer| inside(folder, outer))
        });
        let mount = |folder: &str| VolumeMount {
            name: VOLUME.to_owned(),
            mount_path: folder.to_owned(),
            sub_path: Some(folder.trim_start_matches('/').to_owned()),
            read_only: false,
        };
        folders.into_iter().map(mount).collect()
    }

    /// The volume behind [`Files::mounts`].
    pub(crate) fn volume() -> Volume {
        let source = VolumeSource::EmptyDir { medium: None, size_limit: None };
        Volume { name: VOLUME.to_owned(), source }
    }

    /// The step that brings the artifacts of other steps.
    pub(crate) fn load(&self) -> Option<Step> {
        let mut lines = vec!["#!/bin/sh".to_owned(), "set -e".to_owned()];
        for (step, output, path, optional) in &self.read {
            let from = format!("\"$(workspaces.{ARTIFACTS}.path)/{step}/{output}\"");
            let copy = format!("mkdir -p {}; cp -R {from} {}", quoted(parent(path)), quoted(path));
            lines.push(if *optional { format!("if [ -e {from} ]; then {copy}; fi") } else { copy });
        }
        (lines.len() > 2).then(|| helper("load", &lines))
    }

    /// The lines that make results of what the step wrote.
    pub(crate) fn save_results(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.keeps_output {
            lines.push(format!("printf %s \"`cat {STDOUT}`\" > \"$(results.result.path)\""));
        }
        for (name, path, default) in &self.scalars {
            let file = quoted(path);
            let copy = format!("printf %s \"`cat {file}`\" > \"$(results.{name}.path)\"");
            lines.push(match default {
                Some(default) => format!(
                    "if [ -e {file} ]; then {copy}; else printf %s {} > \"$(results.{name}.path)\"; fi",
                    quoted(&super::text::in_script(default))
                ),
                None => copy,
            });
        }
        lines
    }

    /// The lines that put artifacts where other steps find them.
    pub(crate) fn save_artifacts(&self) -> Vec<String> {
        let copy = |((_, path, optional), (_, to)): (&(&str, String, bool), (String, String))| {
            let from = quoted(path);
            let copy = format!("mkdir -p \"`dirname {to}`\"; rm -rf {to}; cp -R {from} {to}");
            if *optional { format!("if [ -e {from} ]; then {copy}; fi") } else { copy }
        };
        self.written.iter().zip(self.kept()).map(copy).collect()
    }

    /// The artifacts that other steps read, each with its place in the workspace as a word of the shell. Of a map it is
    /// a folder with one entry for each instance, named like its run.
    pub(crate) fn kept(&self) -> Vec<(String, String)> {
        let instance = if self.node.map.is_some() { "/$(context.taskRun.name)" } else { "" };
        let place =
            |name: &str| format!("\"$(workspaces.{ARTIFACTS}.path)/{}/{name}{instance}\"", self.node.name);
        self.written.iter().map(|(name, _, _)| ((*name).to_owned(), place(name))).collect()
    }
}

/// A step with a shell script for the tools image.
pub(crate) fn helper(name: &str, lines: &[String]) -> Step {
    let script = Some(lines.join("\n") + "\n");
    Step { name: name.to_owned(), image: TOOLS.to_owned(), script, ..Step::default() }
}

fn parent(path: &str) -> &str {
    path.trim_end_matches('/').rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn may_be_missing(context: &Context<'_>, step: &str, output: &str) -> bool {
    context.node(step).is_some_and(|node| {
        let optional =
            |kind: &NodeOutputKind| matches!(kind, NodeOutputKind::Artifact { optional: true, .. });
        node.condition.is_some()
            || node.settings.continue_on_failure
            || node.outputs.iter().any(|out| out.name == output && optional(&out.kind))
    })
}
