//! Tests of whole files: small ones word by word, random ones by their properties.

use std::path::Path;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRunner};

use super::super::testing::{assert_isomorphic, random_program, with_components};
use super::super::{AirflowTarget, Engine, EngineError, GenerateOptions};
use super::{Airflow, lint_airflow, recover};
use crate::api::{ConcurrencyPolicy, Program, Template, parse_program};
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

/// The program without what Airflow refuses, so that everything else of it is tested too.
fn expressible(mut program: Program) -> Program {
    use crate::api::{Function, Input, OutputSource};
    for parameter in program.parameters.values_mut() {
        parameter.default.get_or_insert_with(|| "free".into());
    }
    if let Some(schedule) = &mut program.schedule
        && schedule.concurrency == ConcurrencyPolicy::Replace
    {
        schedule.concurrency = ConcurrencyPolicy::Allow;
    }
    let has_bucket = |location: &crate::api::ArtifactLocation| {
        !matches!(location, crate::api::ArtifactLocation::S3 { bucket: None, .. })
    };
    for step in program.steps.iter_mut().chain(&mut program.on_exit) {
        step.settings.daemon = false;
        if let Function::RunContainer(call) = &mut step.run
            && call.command.is_empty()
        {
            call.command.push("run".into());
        }
        step.inputs
            .retain(|input| !matches!(input, Input::External { location, .. } if !has_bucket(location)));
        for output in &mut step.outputs {
            if let OutputSource::Artifact { store, .. } = &mut output.source
                && store.as_ref().is_some_and(|store| !has_bucket(store))
            {
                *store = None;
            }
        }
    }
    program
}

fn random_programs() -> Vec<Program> {
    let cases = Config::default().cases as usize;
    let mut runner = TestRunner::deterministic();
    let strategy = random_program();
    (0..cases.max(256)).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// Every text of a step is in the file as it was.
fn assert_texts_survive(workflow: &Workflow, texts: &[String]) {
    for node in workflow.nodes() {
        let (Action::Container { command: words, args, .. }, mapped) = (&node.action, node.map.is_some())
        else {
            continue;
        };
        for word in words.iter().chain(args).chain(node.settings.env.values()) {
            let expected = Template::parse(word, mapped).to_string();
            assert!(texts.contains(&expected), "{expected:?} of {} is not in the file", node.name);
        }
    }
}

#[test]
fn every_program_comes_back_or_is_refused_by_name() {
    let programs = random_programs();
    let mut refused = 0;
    let mut workflows = Vec::new();
    for program in programs {
        let workflow = with_components(lower(&program, &NoComponents).unwrap());
        match generate(&workflow, &GenerateOptions::default()) {
            Ok(text) => workflows.push((workflow, text)),
            Err(EngineError::Unsupported { step, feature, reason, .. }) => {
                assert!(!step.is_empty() && !feature.is_empty() && !reason.is_empty());
                refused += 1;
                let workflow = with_components(lower(&expressible(program), &NoComponents).unwrap());
                let text = generate(&workflow, &GenerateOptions::default()).unwrap();
                workflows.push((workflow, text));
            }
            Err(other) => panic!("{other}"),
        }
    }
    eprintln!("{refused} of {} programs are refused", workflows.len());
    let texts: Vec<String> = workflows.iter().map(|(_, text)| text.clone()).collect();
    let graphs = recover(python(), &texts).unwrap();
    let problems = lint_airflow(python(), &texts).unwrap();
    for (((workflow, text), graph), problems) in workflows.iter().zip(graphs).zip(problems) {
        assert_eq!(problems, [], "{text}");
        assert_texts_survive(workflow, &graph.texts);
        assert_isomorphic(workflow, graph);
    }
}

#[test]
fn random_programs_compile_for_one_machine_or_are_refused_by_name() {
    let mut texts = Vec::new();
    for program in random_programs() {
        let workflow = with_components(lower(&expressible(program), &NoComponents).unwrap());
        match generate(&workflow, &LOCAL) {
            Ok(text) => texts.push(text),
            Err(EngineError::Unsupported { feature, .. }) => {
                assert!(["job", "volume of a cluster"].contains(&feature), "{feature}");
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(texts.len() > 20, "{}", texts.len());
    for (text, problems) in texts.iter().zip(lint_airflow(python(), &texts).unwrap()) {
        assert_eq!(problems, [], "{text}");
    }
}

/// Writes DAG files for checks by Airflow itself into the folder `COULER_AIRFLOW_SAMPLES`.
#[test]
fn sample_for_airflow() {
    let Ok(folder) = std::env::var("COULER_AIRFLOW_SAMPLES") else {
        eprintln!("skipped: set COULER_AIRFLOW_SAMPLES to a folder to get a sample of DAG files");
        return;
    };
    let write = |name: String, workflow: &mut Workflow, options: &GenerateOptions| {
        workflow.name.clone_from(&name);
        if let Ok(text) = generate(workflow, options) {
            std::fs::write(format!("{folder}/{name}.py"), text).unwrap();
        }
    };
    for (number, program) in random_programs().into_iter().enumerate() {
        let mut workflow = with_components(lower(&expressible(program.clone()), &NoComponents).unwrap());
        write(format!("pod-{number}"), &mut workflow, &GenerateOptions::default());
        write(format!("local-{number}"), &mut workflow, &LOCAL);
        let mut workflow = with_components(lower(&program, &NoComponents).unwrap());
        write(format!("given-{number}"), &mut workflow, &GenerateOptions::default());
    }
    let lake = crate::lake::Lake::built_in();
    for entry in std::fs::read_dir("tests/conformance/programs").unwrap() {
        let path = entry.unwrap().path();
        let program = parse_program(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let mut workflow = lower(&program, &lake).unwrap();
        let name = format!("run-{}", workflow.name);
        write(name, &mut workflow, &LOCAL);
        let name = format!("cluster-{}", program.name);
        write(name, &mut workflow, &GenerateOptions::default());
    }
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
    let job = "run: {function: run_job, job: {kind: TFJob, image: t}}";
    for (program, expected) in [
        (
            format!("steps: [{{name: a, {job}}}, {{name: b, run: {{function: run_container, image: i, args: ['{{{{steps.a.result}}}}']}}}}]"),
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
