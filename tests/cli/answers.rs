//! What a server's model answers to a description: wrong and huge answers. A server with scripted answers stands for it:
//! plumbing, not quality.

use serde_json::{Value, json};

use crate::chat::model;
use crate::harness::{Dir, finished};

/// `nl` with a server that gives these answers, one after the other.
fn nl(dir: &Dir, answers: &[Value], description: &str, arguments: &[&str]) -> (i32, String, String) {
    dir.write("config.toml", "max_retries = 0\ntimeout_seconds = 20\n");
    let file = dir.write("description.txt", description);
    let url = model(answers.iter().map(ToString::to_string).collect());
    finished(
        dir.couler()
            .env("OPENAI_BASE_URL", url)
            .env("OPENAI_MODEL", "scripted")
            .env("OPENAI_API_KEY", "k")
            .env("COULER_CONFIG", dir.path().join("config.toml"))
            .args(["nl", "--no-proposals", "-o", "out.yaml", "-f"])
            .arg(file)
            .args(arguments),
    )
}

fn step(name: &str, text: &str, command: &[&str], after: &[&str]) -> Value {
    json!({"name": name, "text": text, "task": "container.run",
        "with": {"image": "python:3.12", "command": command}, "after": after})
}

fn workflow(steps: &[Value]) -> Value {
    json!({"workflow": true, "name": "w", "steps": steps})
}

#[test]
fn what_stays_wrong_is_written_aside_and_fails() {
    let dir = Dir::new();
    let text = "In python:3.12 run python fit.py --rate 0.35.";
    let wrong = workflow(&[step("fit", text, &["python", "fit.py"], &[])]);
    let (code, _, errors) = nl(&dir, &[wrong, json!({}), json!({})], text, &[]);
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("fit") && errors.contains("0.35"), "{errors}");
    assert!(!dir.path().join("out.yaml").exists());
    assert!(dir.read("out.yaml.unfinished").contains("python"));
}

#[test]
fn a_repair_mends_what_the_checks_name() {
    let dir = Dir::new();
    let text = "In python:3.12 run python fit.py --rate 0.35.";
    let wrong = workflow(&[step("fit", text, &["python", "fit.py"], &[])]);
    let right = json!({"steps": [step("fit", text, &["python", "fit.py", "--rate", "0.35"], &[])]});
    let (code, _, errors) = nl(&dir, &[wrong, right], text, &[]);
    assert_eq!(code, 0, "{errors}");
    assert!(dir.read("out.yaml").contains("0.35"));
}

#[test]
fn cycles_unknown_steps_and_unknown_tasks_name_their_place() {
    let text = "In python:3.12 run python a.py, then python b.py.";
    let first = step("first", "In python:3.12 run python a.py", &["python", "a.py"], &["second"]);
    let second = step("second", "then python b.py", &["python", "b.py"], &["first"]);
    let lost = step("second", "then python b.py", &["python", "b.py"], &["frist"]);
    let alone = step("first", "In python:3.12 run python a.py", &["python", "a.py"], &[]);
    let mut unknown = step("second", "then python b.py", &["python", "b.py"], &["first"]);
    unknown["task"] = json!("container.fly");
    for (answer, expected) in [
        (workflow(&[first, second]), &["first", "second", "wait for each other"][..]),
        (workflow(&[alone.clone(), lost]), &["second", "frist"]),
        (workflow(&[alone, unknown]), &["second", "container.fly"]),
    ] {
        let dir = Dir::new();
        let (code, _, errors) = nl(&dir, &[answer, json!({}), json!({})], text, &[]);
        assert_eq!(code, 1, "{errors}");
        assert!(!errors.contains("panicked") && !dir.path().join("out.yaml").exists(), "{errors}");
        for word in expected {
            assert!(errors.contains(word), "{word}: {errors}");
        }
    }
}

#[test]
fn a_fragment_that_contradicts_its_plan_is_named() {
    let dir = Dir::new();
    let text = "Split data/churn.csv 80/20.";
    let plan = json!({"workflow": true, "name": "w",
        "steps": [{"name": "cut", "text": text, "task": "data.split"}]});
    let fragment = json!({"with": {"image": "python:3.12", "command": ["split"]}});
    let (code, _, errors) = nl(&dir, &[plan, fragment, json!({}), json!({})], text, &["--way", "steps"]);
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("cut") && errors.contains("image"), "{errors}");
}

#[test]
fn answers_that_are_no_json_are_a_clear_error() {
    let dir = Dir::new();
    let (code, stdout, errors) = nl(&dir, &[json!("no"), json!([]), json!(7)], "Run python:3.12.", &[]);
    assert_eq!((code, stdout.as_str()), (4, ""), "{errors}");
    assert!(errors.contains("hint"), "{errors}");
}

#[test]
fn three_hundred_steps_of_a_hundred_kilobytes_lose_nothing() {
    let dir = Dir::new();
    let aside =
        "so that everything of this part of the long run is there when the next one begins ".repeat(4);
    let texts: Vec<String> = (0..300)
        .map(|n| format!("In python:3.12 run python part_{n}.py --out /data/{n}.bin, {}.", aside.trim_end()))
        .collect();
    let description = texts.join("\n");
    assert!(description.len() > 100_000);
    let steps: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(n, text)| {
            let before: Vec<String> = n.checked_sub(1).map(|n| format!("part-{n}")).into_iter().collect();
            let (script, file) = (format!("part_{n}.py"), format!("/data/{n}.bin"));
            let mut step = step(&format!("part-{n}"), text, &["python", &script, "--out", &file], &[]);
            step["after"] = json!(before);
            step
        })
        .collect();
    let (code, _, errors) = nl(&dir, &[workflow(&steps)], &description, &["--emit", "program"]);
    assert_eq!(code, 0, "{}", errors.chars().take(3000).collect::<String>());
    let program = dir.read("out.yaml");
    for n in 0..300 {
        assert!(
            program.contains(&format!("part_{n}.py")) && program.contains(&format!("/data/{n}.bin")),
            "{n}"
        );
    }
}
