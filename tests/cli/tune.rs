//! `tune` and proposals. The trial itself needs Python packages and is left to those who have them.

use crate::harness::{Dir, finished, repository};

const PROGRAM: &str = "version: couler/v1\nname: churn\nsteps:\n\
    - {name: load, run: {function: component, component: data.load, with: {source: SOURCE}}}\n\
    - {name: train, after: [load], run: {function: component, component: lightgbm.train, with: {target: TARGET, num_leaves: 9}}}\n";

fn program(source: &str, target: &str) -> String {
    PROGRAM.replace("SOURCE", source).replace("TARGET", target)
}

#[test]
fn candidates_begin_with_the_default_and_are_given_as_json() {
    let dir = Dir::new();
    let (code, stdout, errors) = dir.run(&[
        "tune",
        "--candidates",
        "random forest",
        "--task",
        "regression",
        "--trials",
        "5",
        "--json",
    ]);
    assert_eq!(code, 0, "{errors}");
    let value: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let candidates = value["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 5);
    assert_eq!(
        (&candidates[0]["origin"], &candidates[0]["params"]),
        (&"default".into(), &serde_json::json!({}))
    );
    assert!(value["prior"]["ratio"].is_number());
}

#[test]
fn a_fan_out_is_a_program_that_compiles() {
    let dir = Dir::new();
    dir.write("p.yaml", &program("data.csv", "churn"));
    let (code, _, errors) = dir.run(&["tune", "p.yaml", "--fan-out", "--trials", "4", "-o", "fan.yaml"]);
    assert_eq!(code, 0, "{errors}");
    for engine in ["argo", "airflow", "tekton"] {
        let (code, stdout, errors) = dir.run(&["compile", "fan.yaml", "--engine", engine]);
        assert!(code == 0 && stdout.contains("trial-4-train"), "{engine}: {errors}");
    }
}

const SEARCH: &str = "version: couler/v1\nname: churn\nsteps:\n\
    - {name: load, run: {function: component, component: data.load, with: {source: SOURCE}}}\n\
    - {name: tune, after: [load], run: {function: component, component: tune.search, with: {target: churn, estimator: knn, metric: auc, trials: 6, metrics: [auc]}}}\n\
    - {name: evaluate, after: [tune], run: {function: component, component: model.evaluate, with: {metrics: [auc]}}}\n";

#[test]
fn a_search_becomes_trials_and_a_selection_on_all_engines() {
    let dir = Dir::new();
    dir.write("p.yaml", &SEARCH.replace("SOURCE", "data.csv"));
    let (code, _, errors) = dir.run(&["tune", "p.yaml", "--fan-out", "-o", "fan.yaml"]);
    assert!(code == 0 && errors.contains("tune: 2 steps share its trials"), "{errors}");
    for engine in ["argo", "airflow", "tekton"] {
        let (code, stdout, errors) = dir.run(&["compile", "fan.yaml", "--engine", engine]);
        assert!(code == 0 && stdout.contains("try-2-tune"), "{engine}: {errors}");
    }
}

/// What the selection passes on is what one step that does all trials finds.
#[test]
fn a_shared_search_finds_what_one_step_finds() {
    let Some(python) = std::env::var_os("COULER_TEST_PYTHON") else {
        eprintln!("skipped: COULER_TEST_PYTHON names no interpreter with the packages of the components");
        return;
    };
    let dir = Dir::new();
    dir.write("p.yaml", &SEARCH.replace("SOURCE", &repository("eval/data/churn.csv").display().to_string()));
    // Both get the ranges of the card.
    assert_eq!(dir.run(&["tune", "p.yaml", "-o", "whole.yaml"]).0, 0);
    assert_eq!(dir.run(&["tune", "p.yaml", "--fan-out", "-o", "fan.yaml"]).0, 0);
    let found = ["whole.yaml", "fan.yaml"].map(|program| {
        let mut command = dir.couler();
        let (code, stdout, errors) =
            finished(command.env("COULER_PYTHON", &python).args(["run", program, "--json"]));
        assert_eq!(code, 0, "{errors}");
        let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        let steps = report["steps"].as_array().unwrap();
        let value = |name: &str, value: &str| {
            let step = steps.iter().find(|step| step["name"] == name).unwrap();
            step["values"][value].as_str().unwrap().to_owned()
        };
        [value("tune", "best_score"), value("tune", "auc"), value("evaluate", "auc")]
    });
    assert_eq!(found[0], found[1]);
}

#[test]
fn what_cannot_be_tuned_says_why() {
    let dir = Dir::new();
    dir.write("one.csv", "a,answer\n1,no\n2,no\n");
    dir.write("p.yaml", &program("one.csv", "answer"));
    let (code, _, errors) = dir.run(&["tune", "p.yaml"]);
    assert!(code == 1 && errors.contains("same \"answer\""), "{errors}");
    let (code, _, errors) = dir.run(&["tune", "p.yaml", "--step", "trian"]);
    assert!(code == 2 && errors.contains("train"), "{errors}");
    dir.write(
        "plain.yaml",
        "version: couler/v1\nname: p\nsteps:\n- {name: a, run: {function: run_script, source: print(1)}}\n",
    );
    let (code, _, errors) = dir.run(&["tune", "plain.yaml"]);
    assert!(code == 2 && errors.contains("no step"), "{errors}");
    dir.write("portfolio.json", "{}");
    let (code, _, errors) = dir.run(&["tune", "p.yaml", "--portfolio", "portfolio.json"]);
    assert!(code == 2 && errors.contains("portfolio cannot be read"), "{errors}");
}

#[test]
fn short_real_trainings_decide_and_explain_says_why() {
    let Some(python) = std::env::var_os("COULER_TEST_PYTHON") else {
        eprintln!("skipped: COULER_TEST_PYTHON names no interpreter with the packages of the components");
        return;
    };
    let dir = Dir::new();
    let source = repository("eval/data/churn.csv").display().to_string();
    dir.write("p.yaml", &program(&source, "churn"));
    let tune = |arguments: &[&str]| {
        let mut command = dir.couler();
        finished(command.env("COULER_PYTHON", &python).arg("tune").args(arguments))
    };
    let (code, stdout, errors) = tune(&["p.yaml", "-o", "tuned.yaml", "--plot", "trials.svg", "--json"]);
    assert_eq!(code, 0, "{errors}");
    let value: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let step = &value["steps"][0];
    assert_eq!(step["outcomes"].as_array().unwrap().len(), 3);
    let losses: Vec<f64> = (0..3).map(|index| step["outcomes"][index]["loss"].as_f64().unwrap()).collect();
    let chosen = usize::try_from(step["decision"]["chosen"].as_u64().unwrap()).unwrap();
    assert!(losses.iter().all(|loss| losses[chosen] <= *loss), "{losses:?}");
    assert!(dir.read("trials.svg").contains("<polyline"));
    let tuned = dir.read("tuned.yaml");
    assert!(tuned.contains("num_leaves: 9") && tuned.contains("couler/origin.num_leaves: user"), "{tuned}");
    let (code, stdout, errors) = dir.run(&["explain", "tuned.yaml"]);
    assert!(code == 0 && stdout.contains("trial: loss"), "{stdout}{errors}");
    let (code, stdout, errors) = tune(&["p.yaml", "--json"]);
    let again: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert!(code == 0 && again["steps"][0]["outcomes"][2]["cached"] == true, "{errors}");
}

#[test]
fn the_hyperparameters_pass_writes_priors_where_nothing_was_chosen() {
    let dir = Dir::new();
    let source = repository("eval/data/churn.csv").display().to_string();
    let own = program(&source, "churn").replace("lightgbm.train", "xgboost.train");
    let own = own.replace("num_leaves: 9", "max_depth: 9");
    dir.write("own.yaml", &own);
    dir.write("bare.yaml", &own.replace(", max_depth: 9", ""));
    let pass = ["--passes", "hyperparameters"];
    let (code, bare, errors) = dir.run(&[&["compile", "bare.yaml"], &pass[..]].concat());
    assert!(code == 0 && errors.contains("hyperparameters: train gets"), "{errors}");
    assert!(bare.contains("couler/origin.learning_rate"), "{bare}");
    assert!(!dir.run(&["compile", "bare.yaml"]).1.contains("couler/origin."));
    let (_, kept, errors) = dir.run(&[&["compile", "own.yaml"], &pass[..]].concat());
    assert!(errors.contains("no training step is without a choice"), "{errors}");
    assert_eq!(kept, dir.run(&["compile", "own.yaml"]).1);
    let (code, told, errors) = dir.run(&["explain", "bare.yaml"]);
    assert!(code == 0 && told.contains("(portfolio, prior, not measured on your data"), "{told}{errors}");
}
