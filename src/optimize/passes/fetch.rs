//! Shared fetches: several steps that read the same remote input get it from one step.

use std::collections::HashSet;

use indexmap::IndexMap;
use petgraph::graph::NodeIndex;
use petgraph::visit::{Dfs, Reversed};

use super::{Change, Pass, PassError, Report};
use crate::api::{
    ArtifactLocation, Estimate, Input, PortType, Retry, RetryPolicy, ScriptLanguage, StepSettings,
};
use crate::ir::{Action, Carry, Edge, Node, NodeOutput, NodeOutputKind, Workflow};

/// Where a fetching step finds the input and leaves it for others.
const SOURCE: &str = "/tmp/couler-fetch/source";
const TARGET: &str = "/tmp/couler-fetch/data";
/// The port of a fetching step and the name of its output.
const PORT: &str = "source";
const OUTPUT: &str = "data";

/// Adds a step for each remote input that several steps read, and lets them read its artifact.
///
/// Left alone are inputs whose address holds references, inputs of steps with secrets or a service account of
/// their own (the fetch would not have them), inputs that are read under conditions only, and inputs whose address an
/// earlier step of the workflow names, because it may be what writes there. A fetch waits for what all readers wait for.
#[derive(Debug, Clone, Copy)]
pub struct SharedFetch;

impl Pass for SharedFetch {
    fn name(&self) -> &'static str {
        "fetch"
    }

    fn run(&self, workflow: &mut Workflow) -> Result<Report, PassError> {
        let mut changes = Vec::new();
        let mut saved = 0;
        for (location, readers) in shared_inputs(workflow) {
            let shown = shown(&location);
            let before: Vec<HashSet<NodeIndex>> =
                readers.iter().map(|reader| ancestors(workflow, *reader)).collect();
            let names = |index: &NodeIndex| names(&workflow.graph[*index], &shown);
            if before.iter().flatten().any(|index| !readers.contains(index) && names(index)) {
                continue;
            }
            let common = before.iter().skip(1).fold(before[0].clone(), |common, next| &common & next);
            let fetch = add_fetch(workflow, location.clone());
            for index in last_of(workflow, &common) {
                workflow.graph.add_edge(index, fetch, Edge { carries: Vec::new() });
            }
            let name = workflow.graph[fetch].name.clone();
            saved += readers.len() - 1;
            let why = format!("{} steps read {shown}", readers.len());
            changes.push(Change::new(&name, "added", &why));
            for reader in readers {
                redirect(workflow, fetch, reader, &location);
                let step = &workflow.graph[reader].name;
                changes.push(Change::new(step, format!("reads {name}.{OUTPUT}"), &why));
            }
        }
        let summary = if changes.is_empty() {
            "no remote input is read by several steps".to_owned()
        } else {
            format!("{saved} downloads fewer")
        };
        Ok(Report { pass: self.name(), summary, changes, ..Report::default() })
    }
}

/// Steps that this one waits for, directly or not.
fn ancestors(workflow: &Workflow, step: NodeIndex) -> HashSet<NodeIndex> {
    let backwards = Reversed(&workflow.graph);
    let mut search = Dfs::new(backwards, step);
    std::iter::from_fn(|| search.next(backwards)).filter(|index| *index != step).collect()
}

/// Those of the steps that no other of them waits for, in a fixed order.
fn last_of(workflow: &Workflow, steps: &HashSet<NodeIndex>) -> Vec<NodeIndex> {
    let waited_for = |index: &NodeIndex| workflow.graph.neighbors(*index).any(|next| steps.contains(&next));
    let mut last: Vec<NodeIndex> = steps.iter().copied().filter(|index| !waited_for(index)).collect();
    last.sort_unstable();
    last
}

/// Whether what a step runs or leaves speaks of an address.
fn names(node: &Node, address: &str) -> bool {
    let texts = [serde_json::to_string(&node.action), serde_json::to_string(&node.outputs)];
    texts.into_iter().flatten().any(|text| text.contains(address))
}

/// Remote inputs with their readers, where there are several; in the order of the readers.
fn shared_inputs(workflow: &Workflow) -> Vec<(ArtifactLocation, Vec<NodeIndex>)> {
    let mut found: IndexMap<String, (ArtifactLocation, Vec<NodeIndex>)> = IndexMap::new();
    for index in workflow.topological() {
        let node = &workflow.graph[index];
        let private = !node.settings.secrets.is_empty() || node.settings.service_account.is_some();
        if private || matches!(node.action, Action::Job { .. }) {
            continue;
        }
        for input in &node.inputs {
            if let Input::External { location, .. } = input
                && is_remote(location)
            {
                let (_, readers) =
                    found.entry(key(location)).or_insert_with(|| (location.clone(), Vec::new()));
                if readers.last() != Some(&index) {
                    readers.push(index);
                }
            }
        }
    }
    let certain = |index: &NodeIndex| workflow.graph[*index].condition.is_none();
    found.into_values().filter(|(_, readers)| readers.len() > 1 && readers.iter().any(certain)).collect()
}

fn key(location: &ArtifactLocation) -> String {
    serde_json::to_string(location).unwrap_or_default()
}

/// Whether reading it takes a connection, and the address is the same for every run and every item.
fn is_remote(location: &ArtifactLocation) -> bool {
    let remote = match location {
        ArtifactLocation::Raw { .. } => false,
        ArtifactLocation::Uri { uri } => uri.split_once("://").is_some_and(|(scheme, _)| scheme != "file"),
        _ => true,
    };
    remote && !key(location).contains("{{")
}

fn shown(location: &ArtifactLocation) -> String {
    match location {
        ArtifactLocation::Uri { uri } => uri.clone(),
        ArtifactLocation::Http { url } => url.clone(),
        ArtifactLocation::Git { repository, .. } => repository.clone(),
        ArtifactLocation::S3 { key, .. }
        | ArtifactLocation::Oss { key, .. }
        | ArtifactLocation::Gcs { key, .. } => key.clone(),
        ArtifactLocation::Hdfs { path, .. } => path.clone(),
        ArtifactLocation::Raw { .. } => "raw text".to_owned(),
    }
}

fn add_fetch(workflow: &mut Workflow, location: ArtifactLocation) -> NodeIndex {
    let name = free_name(workflow, &shown(&location));
    let retry = Retry { limit: 2, policy: RetryPolicy::Always, backoff: None };
    workflow.graph.add_node(Node {
        name,
        description: Some(format!("Fetches {} once for all steps that read it", shown(&location))),
        component: None,
        action: Action::Script {
            language: ScriptLanguage::Bash,
            source: format!("cp -R {SOURCE} {TARGET}"),
            image: "bash:5".to_owned(),
            requirements: Vec::new(),
            arguments: None,
        },
        condition: None,
        map: None,
        exec_while: None,
        inputs: vec![Input::External { name: PORT.to_owned(), location, path: Some(SOURCE.to_owned()) }],
        outputs: vec![NodeOutput {
            name: OUTPUT.to_owned(),
            kind: NodeOutputKind::Artifact {
                path: Some(TARGET.to_owned()),
                port_type: PortType::Any,
                store: None,
                optional: false,
            },
        }],
        settings: Box::new(StepSettings { retry: Some(retry), ..StepSettings::default() }),
        estimate: Estimate::default(),
    })
}

/// `fetch-` and the last word of the address, with a number if that is taken.
fn free_name(workflow: &Workflow, address: &str) -> String {
    let last = address.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let word: String = last
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(40)
        .collect();
    let base = format!("fetch-{}", word.trim_matches('-')).trim_end_matches('-').to_owned();
    let taken = |name: &str| workflow.nodes().any(|node| node.name == name);
    let numbered = (2..).map(|number| format!("{base}-{number}"));
    std::iter::once(base.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(base)
}

fn redirect(workflow: &mut Workflow, fetch: NodeIndex, reader: NodeIndex, location: &ArtifactLocation) {
    let fetch_name = workflow.graph[fetch].name.clone();
    let mut carries = Vec::new();
    for input in &mut workflow.graph[reader].inputs {
        if let Input::External { name, location: own, path } = input
            && own == location
        {
            carries.push(Carry::Artifact { output: OUTPUT.to_owned(), port: name.clone() });
            *input = Input::Artifact {
                name: std::mem::take(name),
                step: fetch_name.clone(),
                output: OUTPUT.to_owned(),
                path: path.take(),
            };
        }
    }
    workflow.graph.add_edge(fetch, reader, Edge { carries });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::check;
    use crate::optimize::testing::lowered;

    const PROGRAM: &str = r#"
version: couler/v1
name: w
steps:
- name: a
  run: {function: run_container, image: i}
  inputs: [{kind: external, name: raw, path: /in, location: {kind: http, url: "https://x.org/big.csv"}}]
- name: b
  run: {function: run_container, image: i}
  inputs: [{kind: external, name: table, location: {kind: http, url: "https://x.org/big.csv"}}]
- name: c
  run: {function: run_container, image: i}
  inputs: [{kind: external, name: table, location: {kind: http, url: "https://x.org/other.csv"}}]
"#;

    #[test]
    fn two_readers_share_one_fetch() {
        let mut workflow = lowered(PROGRAM);
        let report = SharedFetch.run(&mut workflow).unwrap();
        check(&workflow).unwrap();
        let said: Vec<(&str, &str)> =
            report.changes.iter().map(|change| (change.step.as_str(), change.what.as_str())).collect();
        let expected = [
            ("fetch-big-csv", "added"),
            ("a", "reads fetch-big-csv.data"),
            ("b", "reads fetch-big-csv.data"),
        ];
        assert_eq!(said, expected);
        let a = workflow.graph.node_weights().find(|node| node.name == "a").unwrap();
        let read = Input::Artifact {
            name: "raw".into(),
            step: "fetch-big-csv".into(),
            output: "data".into(),
            path: Some("/in".into()),
        };
        assert_eq!(a.inputs, [read]);
        assert_eq!(workflow.graph.node_count(), 4);
        assert_eq!(workflow.graph.edge_count(), 2);
    }

    #[test]
    fn a_fetch_comes_after_what_all_readers_wait_for() {
        let first =
            "steps:\n- {name: first, run: {function: run_container, image: i, command: [make, it]}}\n";
        let program = PROGRAM
            .replace("steps:\n", first)
            .replace("image: i}\n  inputs", "image: i}\n  after: [first]\n  inputs");
        let mut workflow = lowered(&program);
        SharedFetch.run(&mut workflow).unwrap();
        check(&workflow).unwrap();
        let fetch = workflow
            .graph
            .node_indices()
            .find(|index| workflow.graph[*index].name == "fetch-big-csv")
            .unwrap();
        assert_eq!(workflow.dependencies(fetch), ["first"]);
        // What may have been written by an earlier step is read when its readers run.
        let mut workflow = lowered(&program.replace("[make, it]", "[cp, it, 'https://x.org/big.csv']"));
        assert_eq!(SharedFetch.run(&mut workflow).unwrap().changes, []);
    }

    #[test]
    fn private_conditional_and_changing_inputs_are_left_alone() {
        let secret =
            "settings: {secrets: [{env: KEY, secret: s, key: k}]}\n  inputs: [{kind: external, name: table,";
        let cases = [
            PROGRAM.replace("inputs: [{kind: external, name: table,", secret),
            PROGRAM
                .replace("x.org/big.csv", "x.org/{{parameters.day}}.csv")
                .replace("steps:", "parameters: {day: {default: monday}}\nsteps:"),
            PROGRAM
                .replace("  run:", "  when: parameters.go == yes\n  run:")
                .replace("steps:", "parameters: {go: {default: 'yes'}}\nsteps:"),
        ];
        for program in cases {
            let mut workflow = lowered(&program);
            let report = SharedFetch.run(&mut workflow).unwrap();
            assert_eq!((report.changes.len(), workflow.graph.node_count()), (0, 3), "{program}");
        }
    }
}
