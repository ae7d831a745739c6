//! Tests of whole files: small ones word by word, random ones by their properties.

use std::path::Path;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use super::super::kubernetes::expansion::{Variables, in_pod};
use super::super::testing::{
    Reach, Reached, arguments, assert_isomorphic, hard_text, kubernetes, random_program_within, sample,
    with_components, workflow_with,
};
use super::super::{AirflowTarget, Engine, EngineError, GenerateOptions};
use super::{Airflow, lint_airflow, recover};
use crate::api::parse_program;
use crate::ir::{Action, NoComponents, Workflow, lower};

const LOCAL: GenerateOptions = GenerateOptions { namespace: None, airflow_target: AirflowTarget::Local };

fn python() -> &'static Path {
    Path::new("python3")
}

fn graph(program: &str) -> Workflow {
    lower(&parse_program(program).unwrap(), &NoComponents).unwrap()
}

fn generate(workflow: &Workflow, options: &GenerateOptions) -> Result<String, EngineError> {
    Ok(Airflow.generate(workflow, options)?.remove(0).content)
}

/// Random programs that compile, with their files; as many as proptest runs cases.
fn random_files(options: &GenerateOptions, expected: &[&str]) -> Vec<(Workflow, String)> {
    let count = Config::default().cases as usize;
    let mut runner = TestRunner::deterministic();
    let strategy = random_program_within(Reach::AIRFLOW);
    let mut files = Vec::with_capacity(count);
    let mut refused = 0;
    while files.len() < count {
        let program = strategy.new_tree(&mut runner).unwrap().current();
        let workflow = with_components(lower(&program, &NoComponents).unwrap());
        match generate(&workflow, options) {
            Ok(text) => files.push((workflow, text)),
            Err(error) if expected.contains(&feature(&error)) => {}
            Err(_) => refused += 1,
        }
    }
    assert!(refused <= 16 + count / 20, "{refused} programs were refused, {count} were not");
    files
}

/// The feature for which a program is refused.
fn feature(error: &EngineError) -> &'static str {
    match error {
        EngineError::Unsupported { step, feature, reason, .. } => {
            assert!(!step.is_empty() && !feature.is_empty() && !reason.is_empty());
            feature
        }
        EngineError::Write(reason) | EngineError::Parts(reason) => panic!("{reason}"),
    }
}

/// Every text of a step is in the file as it was.
fn assert_texts_survive(workflow: &Workflow, texts: &[String]) {
    for node in workflow.nodes() {
        let Action::Container { command: words, args, .. } = &node.action else { continue };
        for word in words.iter().chain(args).chain(node.settings.env.values()) {
            let expected = node.template(&in_pod(word, Variables::Expand)).to_string();
            assert!(texts.contains(&expected), "{expected:?} of {} is not in the file", node.name);
        }
    }
}

#[test]
fn every_program_comes_back() {
    let files = random_files(&GenerateOptions::default(), &[]);
    let texts: Vec<String> = files.iter().map(|(_, text)| text.clone()).collect();
    let graphs = recover(python(), &texts).unwrap();
    let problems = lint_airflow(python(), &texts).unwrap();
    for (((workflow, text), graph), problems) in files.iter().zip(graphs).zip(problems) {
        assert_eq!(problems, [], "{text}");
        assert_texts_survive(workflow, &graph.texts);
        assert_isomorphic(workflow, graph);
    }
}

#[test]
fn random_programs_compile_for_one_machine_or_are_refused_by_name() {
    let files = random_files(&LOCAL, &["job", "volume of a cluster"]);
    let texts: Vec<String> = files.into_iter().map(|(_, text)| text).collect();
    for (text, problems) in texts.iter().zip(lint_airflow(python(), &texts).unwrap()) {
        assert_eq!(problems, [], "{text}");
    }
}

#[test]
fn what_is_out_of_reach_is_refused_by_name() {
    let mut runner = TestRunner::deterministic();
    let strategy = random_program_within(Reach::ALL);
    let mut features = std::collections::BTreeSet::new();
    for _ in 0..256 {
        let program = strategy.new_tree(&mut runner).unwrap().current();
        let workflow = with_components(lower(&program, &NoComponents).unwrap());
        features.extend(generate(&workflow, &GenerateOptions::default()).err().as_ref().map(feature));
    }
    assert!(features.contains("output of a daemon"), "{features:?}");
}

/// Writes DAG files for checks by Airflow itself.
#[test]
fn sample_for_other_validators() {
    sample("airflow", Reach::AIRFLOW, |workflow| match generate(workflow, &GenerateOptions::default()) {
        Ok(text) => vec![("py", text)],
        Err(_) => vec![],
    });
    sample("airflow-local", Reach::AIRFLOW, |workflow| match generate(workflow, &LOCAL) {
        Ok(text) => vec![("py", text)],
        Err(_) => vec![],
    });
}

#[test]
fn a_scheduled_workflow_with_data_and_conditions() {
    let workflow = graph(
        r#"
version: couler/v1
name: nightly
parameters: {day: {default: "2024-01-01"}}
schedule: {cron: ["0 3 * * *"], timezone: Europe/Berlin, concurrency: forbid}
steps:
- name: evaluate
  run: {function: run_container, image: "acme/evaluate:1", command: [evaluate], args: ["--day={{parameters.day}}", "{{.Names}}"]}
  outputs:
  - {name: auc, source: {kind: parameter, path: /tmp/auc}}
  - {name: report, source: {kind: artifact, path: /tmp/report}}
  settings: {retry: {limit: 2}, timeout: 2h}
- name: deploy
  run: {function: run_script, source: "print('{{steps.evaluate.auc}}')\nprint('yes')\n"}
  inputs: [{kind: artifact, name: report, step: evaluate, output: report}]
  when: evaluate.auc >= 0.9
on_exit:
- name: notify
  run: {function: run_container, image: "curlimages/curl:8", args: ["no"]}
"#,
    );
    let expected = r#"@dag(
    dag_id="nightly",
    schedule=CronTriggerTimetable("0 3 * * *", timezone="Europe/Berlin"),
    start_date=pendulum.datetime(2025, 1, 1),
    catchup=False,
    max_active_runs=1,
    params={"day": Param("2024-01-01", type="string")},
    default_args={"trigger_rule": "none_failed", "startup_timeout_seconds": 900},
    user_defined_macros={"output": lambda *names: output(*names), "param": lambda *names: param(*names)},
)
def nightly():
    evaluate = PodStep(
        task_id="evaluate",
        image="acme/evaluate:1",
        cmds=["evaluate"],
        arguments=["--day={{ param('day') }}", literal("{{.Names}}")],
        values={"auc": "/tmp/auc"},
        writes={"report": "/tmp/report"},
        retries=2,
        retry_delay=timedelta(seconds=0),
        execution_timeout=timedelta(seconds=7200),
    )
    deploy = PodStep(
        task_id="deploy",
        image="python:3.12-slim",
        cmds=["python", "-c"],
        arguments=[DEPLOY_SOURCE],
        reads={"/tmp/couler/inputs/report": "evaluate/report"},
        only_if=lambda: output("evaluate", "auc") >= 0.9,
    )
    notify = KubernetesPodOperator(task_id="notify", image="curlimages/curl:8", arguments=["no"])

    evaluate >> deploy
    deploy >> notify.as_teardown()


DEPLOY_SOURCE = """\
print('{{ output('evaluate', 'auc') }}')
print('yes'){{ '\\n' }}"""
"#;
    let text = generate(&workflow, &GenerateOptions::default()).unwrap();
    let start = text.find("@dag(").unwrap();
    assert_eq!(&text[start..start + expected.len().min(text.len() - start)], expected);
}

#[test]
fn what_airflow_lacks_is_refused_by_name() {
    for (program, expected) in [
        (
            "steps: [{name: a, run: {function: run_job, job: {kind: Manifest, action: delete, manifest: {apiVersion: v1, kind: Pod, metadata: {name: x}}}}}, \
             {name: b, run: {function: run_container, image: i, args: ['{{steps.a.result}}']}}]"
                .to_owned(),
            "cannot express result of a job of step \"b\"",
        ),
        (
            "steps: [{name: a, run: {function: run_container, image: i}, outputs: [{name: m, source: {kind: artifact, path: /m}}]}]".to_owned(),
            "cannot express outputs of a container without a command of step \"a\"",
        ),
        (
            "schedule: {cron: ['0 1 * * *'], concurrency: replace}\nsteps: [{name: a, run: {function: run_container, image: i}}]".to_owned(),
            "cannot express schedule that replaces the running workflow of step \"w\"",
        ),
    ] {
        let workflow = graph(&format!("version: couler/v1\nname: w\n{program}\n"));
        let error = generate(&workflow, &GenerateOptions::default()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn every_text_reaches_the_process_unchanged() {
    let count = Config::default().cases as usize;
    let mut runner = TestRunner::deterministic();
    let strategy = hard_text();
    let texts: Vec<String> = (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();
    let files: Vec<String> = texts
        .iter()
        .map(|text| generate(&workflow_with(text), &GenerateOptions::default()).unwrap())
        .collect();
    let calls = super::script::run(python(), CALLS, &files).unwrap();
    for (text, calls) in texts.iter().zip(calls) {
        // References are left as they are, so they become themselves.
        let reference = "{{ param('free') }}";
        let process = |text: &Value| kubernetes(text.as_str().unwrap(), &[]);
        let variable = |step: &str, name: &str| calls[step]["env_vars"].get(name).map(process);
        let all = |step: &str, field: &str| -> Vec<String> {
            calls[step][field].as_array().unwrap().iter().map(process).collect()
        };
        let reached = Reached {
            words: [all("words", "cmds"), all("words", "arguments")].concat(),
            variable: variable("words", "TEXT").unwrap(),
            source: all("script", "arguments").remove(0),
            script_variable: variable("script", "TEXT").unwrap(),
            arguments: arguments(&|name| variable("component", name)),
        };
        assert_eq!(reached, Reached::expected(text, reference));
    }
}

/// Reads the arguments of all operators with Python's own parser, and takes apart what Jinja would: a `literal` is left
/// alone, and a tag with a string in it is that string.
const CALLS: &str = r#"
import ast, json, re, sys
def value(node, names):
    if isinstance(node, ast.Constant):
        text = node.value
        if not isinstance(text, str):
            return text
        plain = re.sub(r"\{\{ (?:'(?:\{|\\r|\\n)'|param\('free'\)) \}\}", "x", text)
        text = re.sub(r"\{\{ ('(?:\{|\\r|\\n)') \}\}", lambda tag: ast.literal_eval(tag[1]), text)
        assert not re.search(r"\{\{|\{%|\{#|\r", plain), plain
        assert not plain.endswith("\n"), text
        return text
    if isinstance(node, ast.Name) and node.id in names:
        return value(names[node.id], names)
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "literal":
        argument = node.args[0]
        return ast.literal_eval(names.get(getattr(argument, "id", None), argument))
    if isinstance(node, ast.List):
        return [value(item, names) for item in node.elts]
    if isinstance(node, ast.Dict):
        return {key.value: value(item, names) for key, item in zip(node.keys, node.values)}
    return None
def calls(text):
    tree = ast.parse(text)
    names = {n.targets[0].id: n.value for n in tree.body if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name)}
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            named = {k.arg: value(k.value, names) for k in node.keywords if k.arg}
            if "task_id" in named:
                found[named["task_id"]] = named
    return found
json.dump([calls(text) for text in json.load(sys.stdin)], sys.stdout)
"#;
