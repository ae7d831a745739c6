//! `compile`, `explain`, `lint`, `run`: programs without any model.

use crate::harness::{Dir, finished, repository};

const PROGRAM: &str = r#"
version: couler/v1
name: quote-test
parameters:
  source: {default: eval/data/churn.csv}
steps:
  - name: load
    run: {function: component, component: data.load, with: {source: "{{parameters.source}}"}}
    settings: {retry: {limit: 2, backoff: {duration: 10s, factor: 2}}}
  - name: train
    run: {function: component, component: xgboost.train, with: {target: churn, n_estimators: 50}}
    after: [load]
    settings: {resources: {cpu: "2", memory: 4Gi, gpu: 1}, timeout: 1h}
  - name: evaluate
    run: {function: component, component: model.evaluate, with: {metrics: [auc]}}
    after: [train]
  - name: publish
    run:
      function: run_container
      image: acme/publish:1
      command: [sh, -c]
      args: ["echo \"it's {{ .Values.x }} {% y %} # 100%\nüñí\" && exit 0"]
    after: [evaluate]
    when: evaluate.auc > 0.8
on_exit:
  - name: alert
    run: {function: component, component: notify.slack, with: {message: "broken: 'quotes'"}}
    when: workflow.status != 'Succeeded'
"#;

#[test]
fn a_program_becomes_a_manifest() {
    let dir = Dir::new();
    dir.write("p.yaml", PROGRAM);
    let (code, manifest, errors) = dir.run(&["compile", "p.yaml"]);
    assert_eq!(code, 0, "{errors}");
    let value: serde_json::Value = serde_saphyr::from_str(&manifest).unwrap();
    let templates = value["spec"]["templates"].as_array().unwrap();
    let publish = templates.iter().find(|template| template["name"] == "publish").unwrap();
    assert_eq!(
        publish["container"]["args"][0],
        "echo \"it's {{ .Values.x }} {% y %} # 100%\nüñí\" && exit 0"
    );
    dir.write("m.yaml", &manifest);
    assert_eq!(dir.run(&["lint", "m.yaml"]).0, 0);
    // Without the long scripts, the whole manifest is pinned.
    let mut short = value;
    for template in short["spec"]["templates"].as_array_mut().unwrap() {
        if let Some(source) = template.pointer_mut("/script/source") {
            *source = format!("({} lines)", source.as_str().unwrap().lines().count() / 100).into();
        }
    }
    insta::assert_yaml_snapshot!("manifest", short);
}

#[test]
fn yaml_and_json_give_the_same_manifest() {
    let dir = Dir::new();
    dir.write("p.yaml", PROGRAM);
    let value: serde_json::Value = serde_saphyr::from_str(PROGRAM).unwrap();
    dir.write("p.json", &value.to_string());
    assert_eq!(dir.run(&["compile", "p.yaml"]).1, dir.run(&["compile", "p.json"]).1);
}

#[test]
fn errors_name_the_place_and_the_next_step() {
    let dir = Dir::new();
    let cases = [
        ("when: evaluate.auc", "when: evalute.auc", "there is no step \"evalute\""),
        ("xgboost.train", "xgbost.train", "there is no component \"xgbost.train\""),
        ("n_estimators: 50", "n_estimators: many", "\"many\""),
        ("evaluate.auc > 0.8", "evaluate.auc >", "is not a condition"),
        ("after: [train]", "after: [publish]", "steps wait for each other"),
        ("evaluate.auc > 0.8", "evaluate.aucc > 0.8", "\"aucc\""),
        ("timeout: 1h", "timeout: 1 hour", "/steps/1/settings/timeout"),
        ("{{parameters.source}}", "{{parameters.sauce}}", "there is no workflow parameter \"sauce\""),
    ];
    for (from, to, expected) in cases {
        assert!(PROGRAM.contains(from), "{from}");
        dir.write("p.yaml", &PROGRAM.replace(from, to));
        let (code, stdout, errors) = dir.run(&["compile", "p.yaml", "-o", "out.yaml"]);
        assert_eq!((code, stdout.as_str()), (1, ""), "{to}: {errors}");
        assert!(errors.contains(expected) && errors.contains("hint"), "{to}: {errors}");
        assert!(!dir.path().join("out.yaml").exists());
    }
}

#[test]
fn files_that_nothing_can_carry_are_refused_on_every_engine() {
    let dir = Dir::new();
    let job = "run: {function: run_job, job: {kind: TFJob, image: t}}";
    let address = "location: {kind: uri, uri: 's3://b/d.csv'}";
    let store = "store: {kind: git, repository: 'https://x.example/r.git'}";
    for (step, expected) in [
        (
            format!("{job}, outputs: [{{name: m, source: {{kind: artifact, path: /m}}}}]"),
            "nothing reads files from the pods of a job",
        ),
        (
            format!("{job}, inputs: [{{kind: external, name: d, {address}}}]"),
            "nothing puts files into the pods of a job",
        ),
        (
            format!(
                "run: {{function: run_container, image: i, command: [x]}}, \
                 outputs: [{{name: m, source: {{kind: artifact, path: /m, {store}}}}}]"
            ),
            "git and raw text are read only",
        ),
    ] {
        dir.write("p.yaml", &format!("version: couler/v1\nname: w\nsteps: [{{name: a, {step}}}]\n"));
        for engine in ["argo", "airflow", "tekton"] {
            let (code, _, errors) = dir.run(&["compile", "p.yaml", "--engine", engine, "-o", "out"]);
            assert_eq!(code, 1, "{errors}");
            assert!(errors.contains(expected) && errors.contains("/steps/0/"), "{errors}");
            assert!(!dir.path().join("out").exists());
        }
    }
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let dir = Dir::new();
    dir.write("p.yaml", PROGRAM);
    for (arguments, expected) in [
        (vec!["compile", "p.yaml", "--engine", "airflw"], "possible: argo"),
        (vec!["compile", "missing.yaml"], "missing.yaml"),
        (vec!["nl", ""], "the description is empty"),
        (vec!["nl", "-f", "missing.txt"], "missing.txt"),
        (vec!["nl", "x", "--engine", "prefect"], "unknown engine"),
        (vec!["lake", "show", "xgboost"], "xgboost.train"),
        (vec!["frobnicate"], "unrecognized subcommand"),
    ] {
        let (code, stdout, errors) = dir.run(&arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}: {errors}");
        assert!(errors.contains(expected), "{arguments:?}: {errors}");
    }
}

#[test]
fn an_output_file_is_old_or_new_but_never_half() {
    let dir = Dir::new();
    dir.write("p.yaml", PROGRAM);
    dir.write("out.yaml", "old");
    let (code, _, errors) = dir.run(&["compile", "p.yaml", "-o", "nowhere/out.yaml"]);
    assert_eq!(code, 1, "{errors}");
    dir.write("broken.yaml", "version: couler/v1\nname: x\nsteps: [");
    assert_eq!(dir.run(&["compile", "broken.yaml", "-o", "out.yaml"]).0, 1);
    assert_eq!(dir.read("out.yaml"), "old");
    assert_eq!(dir.run(&["compile", "p.yaml", "-o", "out.yaml"]).0, 0);
    assert!(dir.read("out.yaml").starts_with("apiVersion: argoproj.io/v1alpha1"));
}

#[test]
fn lint_finds_seeded_faults() {
    let dir = Dir::new();
    dir.write("p.yaml", PROGRAM);
    let manifest = dir.run(&["compile", "p.yaml"]).1;
    for (from, to) in [
        ("entrypoint: main", "entrypoint: mian"),
        ("template: evaluate", "template: evaluat"),
        ("{{tasks.evaluate.outputs.parameters.auc}}", "{{tasks.evaluate.outputs.parameters.acu}}"),
        ("{{workflow.parameters.source}}", "{{workflow.parameters.sauce}}"),
        ("generateName: quote-test-", "generateName: Quote_Test-"),
    ] {
        assert!(manifest.contains(from), "{from}");
        dir.write("m.yaml", &manifest.replace(from, to));
        let (code, found, _) = dir.run(&["lint", "m.yaml"]);
        assert_eq!(code, 1, "{to}");
        assert!(found.contains("hint"), "{to}: {found}");
    }
}

#[test]
fn explain_shows_order_and_wiring() {
    let dir = Dir::new();
    dir.write("p.yaml", PROGRAM);
    let (code, text, _) = dir.run(&["explain", "p.yaml"]);
    assert_eq!(code, 0);
    for expected in
        ["model from train.model", "data from train.holdout", "if evaluate.auc > 0.8", "2 retries"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn a_script_program_runs_here() {
    let dir = Dir::new();
    dir.write(
        "p.yaml",
        r#"
version: couler/v1
name: flip
steps:
  - name: flip
    run: {function: run_script, language: bash, source: "echo working >&2; echo heads"}
  - name: heads
    run: {function: run_script, language: bash, source: "echo got $word {{item}}"}
    inputs: [{kind: parameter, name: word, value: "{{steps.flip.result}}"}]
    when: flip.result == 'heads'
    map: {over: {kind: list, items: [a, b]}}
  - name: tails
    run: {function: run_script, language: bash, source: "echo tails"}
    when: flip.result == 'tails'
"#,
    );
    let (code, stdout, errors) = finished(dir.couler().args(["run", "p.yaml", "--json"]));
    assert_eq!(code, 0, "{errors}");
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let states: Vec<(&str, &str, &str)> = report["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            (
                step["name"].as_str().unwrap(),
                step["state"].as_str().unwrap(),
                step["result"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        states,
        [("flip", "succeeded", "heads"), ("heads", "succeeded", "got heads b"), ("tails", "skipped", "")]
    );
}

#[test]
fn real_training_runs_here() {
    let Ok(python) = std::env::var("COULER_TEST_PYTHON") else {
        eprintln!("skipped: COULER_TEST_PYTHON names no interpreter (`make test` does)");
        return;
    };
    let dir = Dir::new();
    let program = PROGRAM
        .split("  - name: publish")
        .next()
        .unwrap()
        .replace(", gpu: 1", "")
        .replace("eval/data", repository("eval/data").to_str().unwrap());
    dir.write("p.yaml", &program);
    let (code, _, errors) = finished(dir.couler().env("COULER_PYTHON", python).args(["run", "p.yaml"]));
    assert_eq!(code, 0, "{errors}");
    assert!(errors.contains("auc="), "{errors}");
}
