//! The imports of a DAG file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::context::Context;
use super::modules::{Import, MODELS};

/// Names that the DAG itself may use, and where they come from.
const USED: [(&str, Import); 10] = [
    ("timedelta(", ("datetime", "timedelta")),
    ("pendulum.", ("", "pendulum")),
    ("KubernetesPodOperator", ("airflow.providers.cncf.kubernetes.operators.pod", "KubernetesPodOperator")),
    ("Secret(", ("airflow.providers.cncf.kubernetes.secret", "Secret")),
    ("CronTriggerTimetable(", ("airflow.sdk", "CronTriggerTimetable")),
    ("MultipleCronTriggerTimetable(", ("airflow.sdk", "MultipleCronTriggerTimetable")),
    ("Param(", ("airflow.sdk", "Param")),
    (
        "TriggerDagRunOperator(",
        ("airflow.providers.standard.operators.trigger_dagrun", "TriggerDagRunOperator"),
    ),
    ("literal(", ("airflow.sdk", "literal")),
    ("k8s.", MODELS),
];

/// The lines that import what the code and the fixed parts of the file use.
pub(crate) fn imports(context: &Context<'_>, code: &str) -> String {
    let code = without_strings(code);
    let mut all: BTreeSet<Import> = BTreeSet::from([("airflow.sdk", "dag")]);
    all.extend(USED.iter().filter(|(sign, _)| uses(&code, sign)).map(|(_, import)| *import));
    all.extend(context.modules().iter().flat_map(|module| module.imports()));
    let (mut standard, mut other) = (String::new(), String::new());
    for name in all.iter().filter(|(module, _)| module.is_empty()).map(|(_, name)| name) {
        let group = if *name == "pendulum" { &mut other } else { &mut standard };
        let _ = writeln!(group, "import {name}");
    }
    let mut modules: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (module, name) in all.iter().filter(|(module, _)| !module.is_empty()) {
        modules.entry(module).or_default().push(name);
    }
    for (module, names) in modules {
        let group = if module == "datetime" || module == "shlex" { &mut standard } else { &mut other };
        let _ = writeln!(group, "from {module} import {}", names.join(", "));
    }
    if standard.is_empty() { other } else { format!("{standard}\n{other}") }
}

fn uses(code: &str, sign: &str) -> bool {
    code.match_indices(sign).any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// The code with its strings emptied.
fn without_strings(code: &str) -> String {
    let mut kept = String::with_capacity(code.len());
    let mut quote = None;
    let mut characters = code.chars();
    while let Some(character) = characters.next() {
        match quote {
            Some(_) if character == '\\' => {
                characters.next();
            }
            Some(open) if character == open => {
                quote = None;
                kept.push(character);
            }
            Some(_) => {}
            None => {
                quote = (character == '"' || character == '\'').then_some(character);
                kept.push(character);
            }
        }
    }
    kept
}
