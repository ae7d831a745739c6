//! Root 12: names and texts of others do not steer the terminal, and paths stay where they belong.

use std::process::{Command, Stdio};

use crate::harness::{Mode, Scene, step};

/// A title, a cleared screen, a line above, the clipboard, a link, and what a program would answer for the user.
const EVIL: &str = "\u{1b}]0;title\u{7}\u{1b}[2J\u{1b}[1A\u{1b}]52;c;ZXZpbA==\u{7}\u{1b}]8;;http://evil\u{1b}\\\u{9b}2J\u{8}\r\u{1b}[c";

/// What the command shows on a terminal; `None` if this system cannot give it one.
fn shown(scene: &Scene, arguments: &str) -> Option<String> {
    let mut command = Command::new("script");
    command.args(["-qec", &format!("{} {arguments}", env!("CARGO_BIN_EXE_couler")), "/dev/null"]);
    command.current_dir(scene.at("work")).env("COULER_HOME", scene.at("home")).env("TERM", "xterm");
    command.env("OPENAI_BASE_URL", "http://127.0.0.1:9/v1").env("OPENAI_API_KEY", "none");
    let Ok(output) = command.stdin(Stdio::null()).output() else {
        eprintln!("skipped: `script` is not installed");
        return None;
    };
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn harmless(scene: &Scene, arguments: &str) {
    let Some(text) = shown(scene, arguments) else { return };
    for sequence in
        ["\u{1b}]0;", "\u{1b}]52", "\u{1b}]8;;http", "\u{1b}[2J", "\u{1b}[c", "\u{9b}", "\u{8}", "\u{7}"]
    {
        assert!(!text.contains(sequence), "{arguments}: {sequence:?} in {text:?}");
    }
    assert!(!text.contains("panicked"), "{arguments}: {text}");
}

fn scene() -> Scene {
    Scene::new(Mode { other_user: false, landlock: true })
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

#[test]
fn programs_of_others_are_shown_as_text() {
    let scene = scene();
    let evil = quoted(&format!("x{EVIL}y"));
    let program = format!(
        "{{\"version\": \"couler/v1\", \"name\": \"w\", \"description\": {evil}, \"steps\": [{{\"name\": \"a\", \"description\": {evil}, \"when\": \"parameters.p == 'x'\", \"run\": {{\"function\": \"run_container\", \"image\": {evil}, \"args\": [{evil}]}}}}], \"parameters\": {{\"p\": {{\"default\": {evil}}}}}}}"
    );
    scene.write("work/p.json", &program);
    for command in [
        "explain p.json",
        "compile p.json",
        "compile p.json --engine airflow",
        "simulate p.json",
        "run p.json",
        "lint p.json",
    ] {
        harmless(&scene, command);
    }
    scene.write("work/n.json", &program.replace("\"name\": \"a\"", &format!("\"name\": {evil}")));
    scene.write("work/f.json", &program.replace("\"run_container\"", &evil));
    for command in ["explain n.json", "compile f.json", "run n.json"] {
        harmless(&scene, command);
    }
}

#[test]
fn logs_and_failures_are_shown_as_text() {
    let scene = scene();
    let evil = EVIL
        .replace('\u{1b}', "\\033")
        .replace('\u{7}', "\\007")
        .replace('\u{8}', "\\010")
        .replace('\u{9b}', "\\302\\233")
        .replace('\r', "\\r")
        .replace("\\033\\\\", "\\033\\\\\\\\");
    scene.program(&step("a", &format!("printf 'x{evil}y\\n'; printf 'x{evil}y\\n' >&2; exit 1"), ""));
    for command in ["run p.yaml --no-retry", "logs last a", "runs", "resume last --no-retry"] {
        harmless(&scene, command);
    }
}

#[test]
fn lakes_cards_and_manifests_of_others_are_shown_as_text() {
    let scene = scene();
    let evil = quoted(&format!("x{EVIL}y"));
    std::fs::create_dir_all(scene.at("work/lake/x.y")).unwrap();
    scene.write("work/lake/x.y/component.yaml", &format!("version: couler/component/v1\nname: x.y\nsummary: {evil}\nphrases: [{evil}]\nkind: {{}}\nrun: {{kind: script, language: bash, source: {evil}}}\narguments: {{type: object, properties: {{a: {{type: string, description: {evil}}}}}}}\n"));
    scene.write("home/config.toml", &format!("lake = [{:?}]\n", scene.at("work/lake")));
    for command in ["lake list", "lake show x.y", "lake search x"] {
        harmless(&scene, command);
    }
    std::fs::remove_file(scene.at("home/config.toml")).unwrap();
    scene.write(
        "work/card.md",
        &format!("---\nname: {evil}\nlicense: {evil}\ntags: [{evil}]\nunknown{}: 1\n---\n# {EVIL}\n", "x"),
    );
    scene.write("work/m.yaml", &format!("apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {{name: {evil}}}\nspec: {{entrypoint: {evil}, templates: [{{name: {evil}, dag: {{tasks: [{{name: {evil}, template: {evil}}}]}}}}]}}\n"));
    scene.write("work/m.py", &format!("import x{evil}\n# {EVIL}\n"));
    for command in ["cards check card.md", "cards show card.md", "lint m.yaml", "lint m.py", "recover m.yaml"]
    {
        harmless(&scene, command);
    }
}

#[test]
fn arguments_and_settings_are_shown_as_text() {
    let scene = scene();
    let evil = EVIL
        .replace('\u{1b}', "\\033")
        .replace('\u{7}', "\\007")
        .replace('\u{8}', "\\010")
        .replace('\u{9b}', "\\302\\233")
        .replace('\r', "\\r");
    scene.write("evil", "");
    for command in ["run", "logs", "lake show", "cards show", "nl --model", "resume", "explain"] {
        harmless(&scene, &format!("{command} \"$(printf 'x{evil}y')\""));
    }
    scene.write("home/config.toml", &format!("{} = 1\n", quoted(&format!("x{}y", EVIL.replace('\\', "")))));
    harmless(&scene, "lake list");
}

#[test]
fn paths_of_programs_do_not_leave_their_folder() {
    for mode in Mode::all() {
        let scene = Scene::new(mode);
        for output in [
            "../canary/file",
            "WORK/../canary/file",
            "WORK/x/../../canary/file",
            "./../canary/new",
            "../../../../../../tmp/../etc/passwd",
        ] {
            let outputs =
                format!("    outputs: [{{name: data, source: {{kind: artifact, path: {output}}}}}]\n");
            scene.program(&step("a", "echo x", &outputs));
            let (code, _, errors) = scene.run(&["run", "p.yaml"]);
            assert!(code != 0 && !errors.contains("panicked"), "{output}: {errors}");
        }
        for name in ["../x", "..", "a/b", ".hidden/../../x", ""] {
            scene.program(&step("a", "echo x", "").replace("name: a", &format!("name: \"{name}\"")));
            let (code, _, errors) = scene.run(&["run", "p.yaml"]);
            assert!(code != 0 && !errors.contains("panicked"), "{name}: {errors}");
        }
        scene.unharmed("paths");
    }
}
