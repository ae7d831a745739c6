//! Root 6: a secret reaches the step that asks for it, and nothing that couler writes down.

use crate::harness::{Mode, Scene, has_landlock, step};

const SECRET: &str = "s3cr3t-value/with+marks";
const LINES: &str = "-----BEGIN-----\nfirst-line-of-key\nsecond-line-of-key\n-----END-----";
const ASKS: &str =
    "    settings: {secrets: [{env: TOKEN, secret: s, key: k}, {env: KEY, secret: s, key: l}]}\n";

/// All that couler printed and wrote down about a run.
fn everything(scene: &Scene, more: &[&str]) -> String {
    let mut command = scene.couler(&[&["run", "p.yaml", "--json", "--no-retry"][..], more].concat());
    command.env("TOKEN", SECRET).env("KEY", LINES);
    let (_, text, errors) = scene.finished(command);
    let mut all = text + &errors;
    let mut open = vec![scene.at("home/runs"), scene.at("home/cache")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            // What a step writes as its artifact is its own to keep.
            if path.file_name().is_none_or(|name| name != "outputs" && name != "objects") {
                open.extend(std::fs::read_dir(&path).unwrap().flatten().map(|entry| entry.path()));
            }
        } else {
            all.push_str(&String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
        }
    }
    all
}

#[test]
fn no_usual_form_of_a_secret_is_written_down() {
    let script = "echo \"plain $TOKEN end\"
        echo \"$KEY\" | tail -n 2
        printf '%s' \"$TOKEN\" | base64
        printf 'user:%s' \"$TOKEN\" | base64
        python3 -c 'import os, urllib.parse as u, json; t = os.environ[\"TOKEN\"]; print(u.quote(t, safe=\"\")); print(json.dumps({\"k\": t}))'
        for i in 1 2 3; do printf '%s' \"${TOKEN:0:5}\"; sleep 0.1; echo \"${TOKEN:5}\"; done
        echo \"$TOKEN\" >&2
        echo \"$TOKEN\" > value; echo \"$TOKEN\" > made
        echo \"$TOKEN\"";
    let outputs = "    outputs: [{name: v, source: {kind: parameter, path: WORK/value}}, {name: data, source: {kind: artifact, path: WORK/made}}]\n";
    let other = "    inputs: [{kind: artifact, name: in, step: a, output: data, path: WORK/input}]\n";
    for mode in Mode::all() {
        let scene = Scene::new(mode);
        let reads = step("b", "cat input; echo \"failed with $(cat input)\" >&2; cat input; exit 3", other);
        scene.program(&(step("a", script, &(ASKS.to_owned() + outputs)) + &reads));
        let all = everything(&scene, &[]);
        assert!(all.contains("plain *** end"), "{all}");
        for leaked in [
            SECRET,
            "first-line-of-key",
            "second-line-of-key",
            "czNjcjN0LXZhbHVl",
            "s3cr3t-value%2F",
            "s3cr3t-value",
        ] {
            assert!(!all.contains(leaked), "{leaked}");
        }
    }
}

/// What another step finds when it looks into the processes around it.
fn found_by_looking(more: &[&str], mode: Mode) -> bool {
    let scene = Scene::new(mode);
    let holds = step("a", "sleep 2", ASKS);
    let looks = step(
        "b",
        "sleep 0.5
        for p in /proc/[0-9]*; do tr '\\0' '\\n' < $p/environ; done 2>/dev/null | grep '^TOKEN=' | cut -c7- | rev > found
        true",
        "",
    );
    scene.program(&(holds + &looks));
    let mut command = scene.couler(&[&["run", "p.yaml", "-j", "2"][..], more].concat());
    command.env("TOKEN", SECRET).env("KEY", LINES);
    scene.finished(command);
    let reversed: String = SECRET.chars().rev().collect();
    std::fs::read_to_string(scene.at("work/found")).unwrap().contains(&reversed)
}

#[test]
fn a_confined_step_finds_no_secret_of_another_or_of_couler() {
    if has_landlock() {
        for mode in Mode::confined() {
            assert!(!found_by_looking(&[], mode));
        }
    }
}

#[test]
fn coulers_own_environment_has_no_secret() {
    for mode in Mode::all() {
        let scene = Scene::new(mode);
        scene.program(
            &(step("a", "echo done", ASKS)
                + &step("b", "tr '\\0' '\\n' < /proc/$PPID/environ | grep -c -e TOKEN -e AWS_KEY", "")),
        );
        let mut command = scene.couler(&["run", "p.yaml", "--unconfined"]);
        command.env("TOKEN", SECRET).env("KEY", LINES).env("AWS_KEY", "other");
        scene.finished(command);
        let (_, log, _) = scene.run(&["logs", "last", "b"]);
        assert!(log.lines().all(|line| line != "1" && line != "2"), "{log}");
    }
}
