//! Gates: a task that looks at the runs of other parts until the tasks of some steps there are done.
//!
//! What the steps wrote comes back as results of the gate. Where a step was skipped nothing was written; then what reads
//! it is skipped, as it would be in one pipeline.

use std::collections::{BTreeMap, HashMap};

use indexmap::IndexMap;
use petgraph::graph::NodeIndex;

use super::super::context::{Context, collector_name};
use super::super::files::helper;
use super::super::helpers::{ROLE, SERVES};
use super::super::job::IMAGE;
use super::super::manifest::{Metadata, Param, ParamSpec, PipelineTask, ResultSpec, Step, TaskSpec, When};
use super::parent::RUN;
use crate::engine::kubernetes::pod::EnvVar;
use crate::engine::parts::{Gate, Parts};

/// Value of [`ROLE`] of gates.
pub(crate) const GATE: &str = "gate";
/// Start of the names of results that say whether a value was written.
pub(crate) const WRITTEN: &str = "written-";
/// Variable with the tasks that a gate waits for, by part.
pub(crate) const WAIT: &str = "WAIT";
/// Variable with what a gate hands on: a list of its result, the part, the task and the task's result.
pub(crate) const VALUES: &str = "VALUES";

/// A part of a workflow with its gates.
pub(crate) struct PartView<'a> {
    pub(crate) parts: &'a Parts<'a>,
    pub(crate) part: usize,
    gates: Vec<(String, Gate<'a>)>,
    gate_of: HashMap<&'a str, usize>,
}

impl<'a> PartView<'a> {
    pub(crate) fn new(parts: &'a Parts<'a>, part: usize, name: &dyn Fn(&str) -> String) -> Self {
        let gates: Vec<(String, Gate<'a>)> = parts
            .gates(part)
            .into_iter()
            .enumerate()
            .map(|(number, gate)| (name(&format!("{}-{}", part + 1, number + 1)), gate))
            .collect();
        let readers = gates.iter().enumerate();
        let gate_of =
            readers.flat_map(|(number, (_, gate))| gate.readers.iter().map(move |step| (*step, number)));
        let gate_of = gate_of.collect();
        Self { parts, part, gates, gate_of }
    }

    /// The gate at which a step waits.
    pub(crate) fn gate(&self, step: &str) -> Option<&str> {
        self.gate_of.get(step).map(|number| self.gates[*number].0.as_str())
    }

    /// The reference to what a step of another part wrote.
    pub(crate) fn value(&self, reader: &str, step: &str, output: &str) -> Option<String> {
        let (name, gate) = &self.gates[*self.gate_of.get(reader)?];
        let position = gate.values.iter().position(|value| *value == (step, output))?;
        Some(format!("$(tasks.{name}.results.{})", result(position)))
    }

    /// Under what conditions a step that reads values of other parts runs: they were written.
    pub(crate) fn written(&self, reader: NodeIndex) -> Vec<When> {
        let name = self.parts.workflow.graph[reader].name.as_str();
        let Some((gate_name, gate)) = self.gate_of.get(name).map(|number| &self.gates[*number]) else {
            return Vec::new();
        };
        let read = self.parts.values_from_outside(reader);
        let positions = gate.values.iter().enumerate().filter(|(_, value)| read.contains(*value));
        let when = |(position, _)| When {
            input: format!("$(tasks.{gate_name}.results.{WRITTEN}{position})"),
            operator: "in",
            values: vec!["true".to_owned()],
        };
        positions.map(when).collect()
    }

    /// The tasks of the gates.
    pub(crate) fn tasks(&self, context: &Context<'_>) -> Vec<PipelineTask> {
        self.gates.iter().map(|(name, gate)| self.task(context, name, gate)).collect()
    }

    fn task(&self, context: &Context<'_>, name: &str, gate: &Gate<'_>) -> PipelineTask {
        let part_of = |step: &str| (self.parts.part_of(step).unwrap_or_default() + 1).to_string();
        let mut wait: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for step in &gate.producers {
            let tasks = context.rounds(step).into_iter().map(str::to_owned);
            wait.entry(part_of(step)).or_default().extend(tasks);
        }
        let mut values: Vec<[String; 4]> = Vec::new();
        for (position, (step, output)) in gate.values.iter().enumerate() {
            let mapped = context.node(step).is_some_and(|node| node.map.is_some());
            let (task, written) = if mapped {
                let collector = collector_name(step, output);
                wait.entry(part_of(step)).or_default().push(collector.clone());
                (collector, "list".to_owned())
            } else {
                ((*step).to_owned(), context.result_name(output))
            };
            values.push([result(position), part_of(step), task, written]);
        }
        let tolerated: Vec<&str> = gate
            .producers
            .iter()
            .copied()
            .filter(|step| context.node(step).is_some_and(|node| node.settings.continue_on_failure))
            .collect();
        let json = |value: serde_json::Value| value.to_string();
        let env = vec![
            EnvVar::with_value("RUN", format!("$(params.{RUN})")),
            EnvVar::with_value(WAIT, json(serde_json::json!(wait))),
            EnvVar::with_value("TOLERATED", json(serde_json::json!(tolerated))),
            EnvVar::with_value(VALUES, json(serde_json::json!(values))),
        ];
        let results =
            (0..values.len()).flat_map(|position| [result(position), format!("{WRITTEN}{position}")]);
        let annotations =
            IndexMap::from([(ROLE.to_owned(), GATE.to_owned()), (SERVES.to_owned(), name.to_owned())]);
        PipelineTask {
            name: name.to_owned(),
            params: vec![Param { name: RUN.to_owned(), value: format!("$(params.{RUN})").into() }],
            task_spec: TaskSpec {
                metadata: Metadata { annotations, ..Metadata::default() },
                params: vec![ParamSpec { name: RUN.to_owned(), ..ParamSpec::default() }],
                results: results.map(|name| ResultSpec::named(&name)).collect(),
                steps: vec![Step { image: IMAGE.to_owned(), env, ..helper("wait", &script(&values)) }],
                ..TaskSpec::default()
            },
            ..PipelineTask::default()
        }
    }
}

fn result(position: usize) -> String {
    format!("value-{position}")
}

/// The state of the tasks of one part, of its run and its task runs: `done`, `failed` or `open`.
const STATE: &str = r#"($run[0].status // {}) as $status
| [$wait[$part][] as $task
   | [$tasks[0].items[] | select(.metadata.labels["tekton.dev/pipelineTask"] == $task)] as $runs
   | if any($status.skippedTasks[]?; .name == $task) then "done"
     elif ($runs | length) > 0 and all($runs[]; .status.completionTime != null) then
       if ($tolerated | index($task)) or all($runs[]; any(.status.conditions[]?; .type == "Succeeded" and .status == "True"))
       then "done" else "failed" end
     elif $status.completionTime != null then "failed"
     else "open" end]
| if index("failed") then "failed" elif index("open") then "open" else "done" end"#;
/// What a task wrote.
const VALUE: &str = r#".items[] | select(.metadata.labels["tekton.dev/pipelineTask"] == $task) | .status.results[]? | select(.name == $name) | .value"#;

/// The lines of a gate.
fn script(values: &[[String; 4]]) -> Vec<String> {
    let mut lines = vec!["#!/bin/sh".to_owned(), "set -e".to_owned()];
    lines.extend(format!("cat > /tmp/state.jq <<'END'\n{STATE}\nEND").lines().map(str::to_owned));
    let look = [
        "while :; do",
        "  open=false",
        "  for part in `printf %s \"$WAIT\" | jq --raw-output 'keys[]'`; do",
        "    kubectl get pipelinerun \"$RUN-p$part\" --ignore-not-found --output json > /tmp/run.json",
        "    kubectl get taskruns --selector \"tekton.dev/pipelineRun=$RUN-p$part\" --output json > \"/tmp/tasks-$part.json\"",
        "    state=`jq --null-input --raw-output --arg part \"$part\" --argjson wait \"$WAIT\" --argjson tolerated \"$TOLERATED\" \\",
        "      --slurpfile run /tmp/run.json --slurpfile tasks \"/tmp/tasks-$part.json\" --from-file /tmp/state.jq`",
        "    if [ \"$state\" = failed ]; then echo \"a step of part $part failed\" >&2; exit 1; fi",
        "    [ \"$state\" = done ] || open=true",
        "  done",
        "  [ \"$open\" = true ] || break",
        "  sleep 10",
        "done",
    ];
    lines.extend(look.map(str::to_owned));
    for (position, [result, part, task, name]) in values.iter().enumerate() {
        let read = format!(
            "jq --exit-status --raw-output --arg task {task} --arg name {name} '{VALUE}' /tmp/tasks-{part}.json"
        );
        lines.push(format!("if value=`{read}`; then written=true; else value= written=false; fi"));
        lines.push(format!("printf %s \"$value\" > \"$(results.{result}.path)\""));
        lines.push(format!("printf %s \"$written\" > \"$(results.{WRITTEN}{position}.path)\""));
    }
    lines
}
