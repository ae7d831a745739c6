//! `run`, `resume`, `runs`, `logs`, `cache`: on this machine, with real processes.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Dir, finished};

const CHAIN: &str = r#"
version: couler/v1
name: chain
steps:
  - name: load
    run: {function: run_script, language: bash, source: "cat data.txt; echo load >> ran"}
    inputs: []
  - name: fit
    run: {function: run_script, language: bash, source: "echo fit of $x; echo fit >> ran"}
    inputs: [{kind: parameter, name: x, value: "{{steps.load.result}}"}]
"#;

fn report(dir: &Dir, arguments: &[&str]) -> (i32, Value, String) {
    let (code, stdout, errors) = dir.run(arguments);
    (code, serde_json::from_str(&stdout).unwrap_or(Value::Null), errors)
}

fn states(report: &Value) -> Vec<&str> {
    report["steps"].as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap()).collect()
}

/// Like `CHAIN` without the file that both append to, which would keep them from being cached.
fn chain() -> String {
    CHAIN.replace("; echo load >> ran", "").replace("; echo fit >> ran", "")
}

#[test]
fn a_second_run_is_cached_and_a_changed_input_is_not() {
    let dir = Dir::new();
    dir.write("p.yaml", &chain());
    dir.write("data.txt", "one");
    let (code, first, errors) = report(&dir, &["run", "p.yaml", "--json"]);
    assert_eq!((code, states(&first)), (0, vec!["succeeded", "succeeded"]), "{errors}");
    let (_, second, _) = report(&dir, &["run", "p.yaml", "--json"]);
    assert_eq!(states(&second), ["cached", "cached"]);
    assert!(dir.run(&["explain", "p.yaml"]).1.contains("cached load"));
    let (code, _, errors) = dir.run(&["logs", "last", "fit"]);
    let first_log = format!("couler logs {} fit", first["run"].as_str().unwrap());
    assert!(code == 2 && errors.contains(&first_log), "{errors}");
    let data = dir.path().join("data.txt");
    let time = std::fs::metadata(&data).unwrap().modified().unwrap();
    dir.write("data.txt", "two");
    std::fs::File::options().write(true).open(&data).unwrap().set_modified(time).unwrap();
    let (_, third, _) = report(&dir, &["run", "p.yaml", "--json"]);
    assert_eq!(states(&third), ["succeeded", "succeeded"], "a forged time hides no change");
    assert_eq!(third["steps"][1]["result"], "fit of two");
    std::fs::File::options()
        .write(true)
        .open(&data)
        .unwrap()
        .set_modified(std::time::SystemTime::now())
        .unwrap();
    let (_, fourth, _) = report(&dir, &["run", "p.yaml", "--json"]);
    assert_eq!(states(&fourth), ["cached", "cached"], "a new time is no change");
    dir.write("data.txt", "one");
    let (_, reverted, _) = report(&dir, &["run", "p.yaml", "--json"]);
    assert_eq!(states(&reverted), ["cached", "cached"], "earlier results stand again");
}

#[test]
fn a_failed_run_is_resumed_with_an_edited_program() {
    let dir = Dir::new();
    let broken = CHAIN.replace("echo fit of $x;", "echo broken >&2; exit 7;");
    dir.write("p.yaml", &broken);
    dir.write("data.txt", "one");
    let (code, failed, errors) = report(&dir, &["run", "p.yaml", "--json"]);
    assert_eq!((code, states(&failed)), (1, vec!["succeeded", "failed"]), "{errors}");
    assert!(errors.contains("exit code 7") && errors.contains("couler resume"), "{errors}");
    let id = failed["run"].as_str().unwrap();
    assert_eq!(dir.run(&["logs", id, "fit"]).1, "broken\n");
    dir.write("p.yaml", CHAIN);
    let (code, resumed, errors) = report(&dir, &["resume", id, "p.yaml", "--json"]);
    assert_eq!((code, states(&resumed)), (0, vec!["cached", "succeeded"]), "{errors}");
    assert!(dir.run(&["runs"]).1.contains("succeeded"));
    assert_eq!(dir.run(&["resume", "nothing"]).0, 2);
}

#[test]
fn a_killed_run_goes_on() {
    let dir = Dir::new();
    dir.write(
        "p.yaml",
        r#"
version: couler/v1
name: slow
steps:
  - name: first
    run: {function: run_script, language: bash, source: "echo x >> first-ran"}
  - name: second
    after: [first]
    run: {function: run_script, language: bash, source: "test -f go && exit 0; touch begun; sleep 30"}
"#,
    );
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("couler"))
        .args(["--quiet", "run", "p.yaml"])
        .current_dir(dir.path())
        .env("COULER_HOME", dir.path().join("home"))
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !dir.path().join("begun").exists() && started.elapsed() < Duration::from_mins(1) {
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    dir.write("go", "");
    let (code, resumed, errors) = report(&dir, &["resume", "last", "--json"]);
    assert_eq!((code, states(&resumed)), (0, vec!["cached", "succeeded"]), "{errors}");
    assert_eq!(dir.read("first-ran"), "x\n");
}

#[test]
fn skips_failures_and_exit_steps_follow_the_rules() {
    let dir = Dir::new();
    dir.write(
        "p.yaml",
        r#"
version: couler/v1
name: rules
parameters: {wanted: {default: "no"}}
steps:
  - name: never
    when: parameters.wanted == yes
    run: {function: run_script, language: bash, source: "true"}
  - name: behind-skipped
    after: [never]
    run: {function: run_script, language: bash, source: "true"}
  - name: breaks
    run: {function: run_script, language: bash, source: "exit 1"}
  - name: behind-failed
    after: [breaks]
    run: {function: run_script, language: bash, source: "true"}
  - name: further-behind
    after: [behind-failed]
    run: {function: run_script, language: bash, source: "true"}
on_exit:
  - name: goodbye
    run: {function: run_script, language: bash, source: "echo $s"}
    inputs: [{kind: parameter, name: s, value: "{{steps.workflow.status}}"}]
"#,
    );
    let (code, ended, errors) = report(&dir, &["run", "p.yaml", "--json"]);
    assert_eq!(code, 1, "{errors}");
    let found: std::collections::BTreeMap<&str, &str> = ended["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["name"].as_str().unwrap(), step["state"].as_str().unwrap()))
        .collect();
    for (step, state) in [
        ("never", "skipped"),
        ("behind-skipped", "succeeded"),
        ("breaks", "failed"),
        ("behind-failed", "omitted"),
        ("further-behind", "omitted"),
        ("goodbye", "succeeded"),
    ] {
        assert_eq!(found.get(step), Some(&state), "{step}: {errors}");
    }
}

#[test]
fn secrets_reach_the_step_and_nothing_else() {
    let dir = Dir::new();
    dir.write(
        "p.yaml",
        r#"
version: couler/v1
name: hush
steps:
  - name: use
    run: {function: run_script, language: bash, source: "echo got $TOKEN; test -z \"$OTHER\""}
    settings: {secrets: [{env: TOKEN, secret: s, key: k}]}
"#,
    );
    let (code, stdout, errors) = finished(
        dir.couler().args(["run", "p.yaml", "--json"]).env("TOKEN", "swordfish-77").env("OTHER", "x"),
    );
    assert_eq!(code, 0, "{errors}");
    assert!(stdout.contains("got ***"), "{stdout}");
    let mut folders = vec![dir.path().join("home")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
                assert!(!text.contains("swordfish"), "{}", path.display());
            }
        }
    }
}

#[test]
fn containers_need_a_runtime_or_the_host() {
    let dir = Dir::new();
    let program = "version: couler/v1\nname: c\nsteps:\n  - name: a\n    run: {function: run_container, image: x, command: [echo, hello]}\n";
    dir.write("p.yaml", program);
    let (code, ended, errors) = report(&dir, &["run", "p.yaml", "--host", "--json"]);
    assert_eq!((code, &ended["steps"][0]["result"]), (0, &Value::from("hello")), "{errors}");
    let bare = dir.path().join("bare");
    std::fs::create_dir(&bare).unwrap();
    let (code, _, errors) = finished(dir.couler().args(["run", "p.yaml"]).env("PATH", &bare));
    assert_eq!(code, 1);
    assert!(errors.contains("docker or podman") && errors.contains("--host"), "{errors}");
}

#[test]
fn damaged_artifacts_are_made_again() {
    let dir = Dir::new();
    let (file, read) = (dir.path().join("result.bin"), dir.path().join("in.bin"));
    let program = |more: &str| {
        format!(
            r#"
version: couler/v1
name: made
steps:
  - name: make
    run: {{function: run_script, language: bash, source: "echo precious > {0}"}}
    outputs: [{{name: thing, source: {{kind: artifact, path: {0}, type: file}}}}]
  - name: use
    run: {{function: run_script, language: bash, source: "{more} cat {1}"}}
    inputs: [{{kind: artifact, name: x, step: make, output: thing, path: {1}}}]
"#,
            file.display(),
            read.display()
        )
    };
    let ran = |more: &str| {
        dir.write("p.yaml", &program(more));
        let (code, ended, errors) = report(&dir, &["run", "p.yaml", "--json"]);
        assert_eq!(code, 0, "{errors}");
        let found = states(&ended).join(" ");
        (found, ended["steps"][1]["result"].as_str().unwrap().to_owned())
    };
    assert_eq!(ran("").0, "succeeded succeeded");
    assert_eq!(ran("true;").0, "cached succeeded");
    let objects = objects(dir.path());
    assert_eq!(objects.len(), 1);
    std::fs::remove_file(&objects[0]).unwrap();
    std::fs::write(&objects[0], "damaged!\n").unwrap();
    assert_eq!(ran("true; true;"), ("succeeded succeeded".to_owned(), "precious".to_owned()));
    assert_eq!(std::fs::read_to_string(&objects[0]).unwrap(), "precious\n");
    assert!(dir.run(&["cache", "show"]).1.contains("make"));
    assert_eq!(dir.run(&["cache", "policy", "lru", "--capacity", "1Gi"]).1, "policy lru, capacity 1.0 GiB\n");
    assert_eq!(dir.run(&["cache", "policy", "best"]).0, 2);
    assert_eq!(dir.run(&["cache", "gc", "--keep", "0"]).0, 0);
    let (code, _, errors) = dir.run(&["run", "p.yaml", "--fresh"]);
    assert_eq!(code, 0, "{errors}");
}

/// The files of the artifact store below a folder.
fn objects(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(objects(&path));
        } else if path.components().any(|part| part.as_os_str() == "objects") {
            found.push(path);
        }
    }
    found
}

#[test]
fn generated_code_is_not_run_unasked() {
    let (code, _, errors) = Dir::new().run(&["nl", "run acme/x:1", "--run"]);
    assert_eq!(code, 3);
    assert!(errors.contains("--yes"), "{errors}");
}

#[test]
fn steps_write_where_they_may_and_nowhere_else() {
    let outside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    if outside.path().starts_with(std::env::temp_dir()) || outside.path().starts_with("/tmp") {
        eprintln!("skipped: the build folder is one for temporary files, where steps may write");
        return;
    }
    let dir = Dir::new();
    let file = outside.path().join("file");
    let program = format!(
        "version: couler/v1\nname: two\nsteps:\n  - name: careless\n    run: {{function: run_script, language: bash, \
         source: 'x={}; echo text > \"$x\"'}}\n  - name: careful\n    run: {{function: run_script, language: bash, \
         source: 'echo text > here'}}\n",
        file.display()
    );
    dir.write("p.yaml", &program);
    let (code, ended, errors) = report(&dir, &["run", "p.yaml", "--json"]);
    if errors.contains("cannot confine") {
        eprintln!("skipped: this system has no Landlock");
        return;
    }
    assert_eq!((code, states(&ended)), (1, vec!["succeeded", "failed"]), "{errors}");
    assert!(errors.contains("careless") && errors.contains("--allow-write"), "{errors}");
    assert!(!file.exists() && dir.read("here") == "text\n");
    let folder = outside.path().to_str().unwrap();
    let (code, _, errors) = report(&dir, &["run", "p.yaml", "--json", "--allow-write", folder]);
    assert_eq!((code, file.exists()), (0, true), "{errors}");
    let (code, _, errors) = dir.run(&["run", "p.yaml", "--allow-write", "nowhere"]);
    assert!(code == 2 && errors.contains("nowhere"), "{errors}");
}

#[test]
fn another_folder_has_results_of_its_own() {
    let dir = Dir::new();
    let program = dir.write(
        "p.yaml",
        "version: couler/v1\nname: w\nsteps:\n  - name: show\n    run: {function: run_script, language: bash, source: 'cat f.txt'}\n",
    );
    let result = |folder: &str, content: Option<&str>| {
        let place = dir.path().join(folder);
        std::fs::create_dir_all(&place).unwrap();
        if let Some(content) = content {
            std::fs::write(place.join("f.txt"), content).unwrap();
        }
        let (code, stdout, _) =
            finished(dir.couler().current_dir(&place).arg("run").arg(&program).arg("--json"));
        let report: Value = serde_json::from_str(&stdout).unwrap_or(Value::Null);
        (code, report["steps"][0]["result"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(result("one", Some("hello")), (0, "hello".into()));
    assert_eq!(result("two", Some("other")), (0, "other".into()));
    assert_eq!(result("three", None).0, 1, "it has no such file");
    assert_eq!(result("one", None), (0, "hello".into()));
}

#[test]
fn the_failure_that_counts_is_named_and_parameters_keep_to_their_choices() {
    let dir = Dir::new();
    dir.write(
        "p.yaml",
        r#"
version: couler/v1
name: two
parameters: {p: {default: a, choices: [a, b]}}
steps:
  - name: tolerated
    run: {function: run_script, language: bash, source: "echo 'bad luck' >&2; exit 7 # {{parameters.p}}"}
    settings: {continue_on_failure: true}
  - name: fatal
    after: [tolerated]
    run: {function: run_script, language: bash, source: "printf '\\033[2Jboom'; exit 9"}
"#,
    );
    let (code, _, errors) = dir.run(&["run", "p.yaml"]);
    assert!(code == 1 && errors.contains("step \"fatal\" failed: exit code 9"), "{errors}");
    assert!(errors.contains("bad luck") && !errors.contains("\u{1b}[2J"), "{errors:?}");
    let (code, _, errors) = dir.run(&["run", "p.yaml", "-p", "p=z"]);
    assert!(code == 2 && errors.contains("a, b"), "{errors}");
}

#[test]
fn a_program_is_not_replaced_by_its_manifest() {
    let dir = Dir::new();
    let text = chain();
    dir.write("chain.yaml", &text);
    for place in ["chain.yaml", "./"] {
        let (code, _, errors) = dir.run(&["compile", "chain.yaml", "-o", place]);
        assert!(code == 2 && errors.contains("--output"), "{errors}");
    }
    assert_eq!(dir.read("chain.yaml"), text);
    let (code, _, errors) = dir.run(&["lint", "chain.yaml"]);
    assert!(code == 2 && errors.contains("couler compile"), "{errors}");
}

#[test]
fn a_failure_that_a_step_handles_is_none_of_the_workflow() {
    let dir = Dir::new();
    let step = |name: &str, source: &str, rest: &str| {
        format!(
            "- {{name: {name}, run: {{function: run_script, language: bash, source: '{source}'}}{rest}}}\n"
        )
    };
    let program = |handler: &str| {
        let steps = [
            step("breaks", "exit 3", ""),
            step("never", "echo no", ", after: [breaks]"),
            step("handles", "echo {{steps.breaks.status}} {{workflow.name}}", handler),
            step("shards", "echo {{item}}", ", map: {over: {kind: range, start: 9, end: 11, pad: 2}}"),
            step(
                "pairs",
                "echo {{item.a}}{{item.b}}",
                ", map: {over: {kind: product, of: {a: [1, 2], b: [x, y]}}}, when: item.a == 2",
            ),
            step(
                "all",
                "echo \"$x\"",
                ", inputs: [{kind: parameter, name: x, value: '{{steps.shards.result}} {{steps.pairs.result}}'}]",
            ),
        ];
        format!("version: couler/v1\nname: w\nsteps:\n{}", steps.concat())
    };
    let of = |report: &Value, name: &str, field: &str| {
        let steps = report["steps"].as_array().unwrap();
        steps.iter().find(|step| step["name"] == name).unwrap()[field].as_str().unwrap().to_owned()
    };
    dir.write("p.yaml", &program(", when: breaks.status == FAILED"));
    let (code, handled, errors) = report(&dir, &["run", "p.yaml", "--json"]);
    assert_eq!(code, 0, "{errors}");
    assert_eq!(of(&handled, "never", "state"), "omitted");
    assert_eq!(of(&handled, "handles", "result"), "Failed w");
    assert_eq!(of(&handled, "all", "result"), "[\"09\",10,11] [\"2x\",\"2y\"]");
    dir.write("p.yaml", &program(", when: breaks.status != Failed"));
    let (code, unhandled, _) = report(&dir, &["run", "p.yaml", "--json"]);
    assert_eq!((code, of(&unhandled, "handles", "state")), (1, "skipped".to_owned()));
}
