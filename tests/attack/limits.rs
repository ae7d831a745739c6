//! Roots 8 to 12: what is too much, signals, one meaning, the terminal.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Mode, Scene, step};

fn scene() -> Scene {
    Scene::new(Mode { other_user: false, landlock: true })
}

/// Refused with a message that names the bound, soon and without a panic.
fn refused(program: &str, because: &str) {
    let scene = scene();
    scene.write("work/p.yaml", program);
    let started = Instant::now();
    let (code, _, errors) = scene.run(&["compile", "p.yaml"]);
    assert!(started.elapsed() < Duration::from_secs(10), "{because}: {:?}", started.elapsed());
    assert!(
        (1..=3).contains(&code) && errors.contains(because),
        "{because}: {code} {}",
        &errors[..errors.len().min(500)]
    );
}

fn one(more: &str) -> String {
    format!(
        "version: couler/v1\nname: w\nsteps:\n  - name: a\n    run: {{function: run_container, image: i}}\n{more}"
    )
}

#[test]
fn bounds_are_named_and_nothing_is_cut() {
    refused(
        &one(&format!("    when: \"{}a.b == 1{}\"\n", "(".repeat(20_000), ")".repeat(20_000))),
        "more than 64 brackets",
    );
    refused(&one("    map: {over: {kind: range, start: 0, end: 1000000000}}\n"), "10000");
    refused(
        &one("    map: {over: {kind: range, start: -9223372036854775808, end: 9223372036854775807}}\n"),
        "10000",
    );
    refused(&one("    settings: {timeout: 18446744073709551615s}\n"), "36500 days");
    refused(&one("    settings: {timeout: 30500568904943w}\n"), "36500 days");
    refused(&(one("") + &"#".repeat(65 << 20)), "64 MiB");
    refused(
        &format!("{{\"version\": \"couler/v1\", \"name\": \"w\", \"steps\": {}", "[".repeat(100_000)),
        "recursion",
    );
    refused(r#"{"version": "couler/v1", "name": "a", "name": "b", "steps": []}"#, "is there twice");
}

#[test]
fn many_braces_and_long_chains_take_seconds() {
    let scene = scene();
    let started = Instant::now();
    scene
        .write("work/p.yaml", &one(&format!("    settings: {{env: {{X: \"{}\"}}}}\n", "{{".repeat(200_000))));
    assert!((0..=3).contains(&scene.run(&["explain", "p.yaml"]).0));
    let chain: Vec<String> = (0..20_000)
        .map(|number| {
            let after = if number == 0 { "[]".into() } else { format!("[\"s{}\"]", number - 1) };
            format!(r#"{{"name": "s{number}", "after": {after}, "run": {{"function": "run_container", "image": "i"}}}}"#)
        })
        .collect();
    scene.write(
        "work/c.json",
        &format!(r#"{{"version": "couler/v1", "name": "w", "steps": [{}]}}"#, chain.join(",")),
    );
    let (code, _, errors) = scene.run(&["compile", "c.json", "-o", "/dev/null"]);
    assert!(
        (0..=3).contains(&code) && !errors.contains("overflow"),
        "{code} {}",
        &errors[..errors.len().min(500)]
    );
    assert!(started.elapsed() < Duration::from_secs(50));
}

#[test]
fn a_run_survives_waits_without_end_and_a_failing_chain() {
    let scene = scene();
    let retry =
        "    settings: {retry: {limit: 40, backoff: {duration: 36500d, factor: 100}}, timeout: 36500d}\n";
    scene.program(&step("a", "echo begun; exit 1", retry));
    let mut command = scene.couler(&["run", "p.yaml"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    assert!(child.try_wait().unwrap().is_none(), "it waits");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
}

#[test]
fn every_signal_that_ends_couler_ends_its_steps() {
    for signal in [Signal::HUP, Signal::QUIT, Signal::TERM, Signal::INT] {
        let scene = scene();
        scene.program(&step("a", "touch begun; sleep 3; touch survived", ""));
        let mut child = scene.couler(&["run", "p.yaml"]).stderr(Stdio::null()).spawn().unwrap();
        let started = Instant::now();
        while !scene.at("work/begun").exists() && started.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(20));
        }
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{signal:?}");
        std::thread::sleep(Duration::from_secs(4));
        assert!(!scene.at("work/survived").exists(), "{signal:?}");
    }
}

fn spoken(messages: &[u8]) -> String {
    let scene = scene();
    let mut command = scene.couler(&["mcp", "--allow-run"]);
    command
        .env("OPENAI_API_KEY", "none")
        .env("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
        .env("COULER_MODEL", "m");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let messages = messages.to_owned();
    let writer = std::thread::spawn(move || {
        let _ = input.write_all(&messages);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.code().is_some(), "it was ended by a signal");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn messages_that_are_too_much_do_nothing() {
    let ping = "{\"jsonrpc\": \"2.0\", \"id\": 7, \"method\": \"ping\"}\n";
    let hidden = "{\"jsonrpc\": \"2.0\", \"id\": 66, \"method\": \"ping\"}\n";
    let long = " ".repeat(64 << 20) + " " + hidden + ping;
    let answers = spoken(long.as_bytes());
    assert!(
        answers.contains("more than") && !answers.contains("66") && answers.contains("\"id\":7"),
        "{answers}"
    );
    let call = |program: &str| {
        serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "explain", "arguments": {"program": program}}}).to_string() + "\n"
    };
    for evil in [
        call(&one(&format!("    when: \"{}\"\n", "(".repeat(100_000)))),
        call(&"[".repeat(100_000)),
        call(&one("    map: {over: {kind: range, start: 0, end: 4000000000}}\n")),
        "[".repeat(1_000_000) + "\n",
        "{\"jsonrpc\": \"2.0\", \"id\": 1, \"id\": 2, \"method\": \"ping\"}\n".to_owned(),
        "\u{0}\n".to_owned(),
    ] {
        let answers = spoken((evil + ping).as_bytes());
        assert!(answers.contains("\"id\":7"), "{answers}");
    }
    assert!(spoken(&[b"\xff\xfe\n", ping.as_bytes()].concat()).contains("\"id\":7"));
}

#[test]
fn nothing_but_colours_steers_the_terminal() {
    let scene = scene();
    let evil = "\\033]0;title\\007\\033[2J\\033[1A\\r\\b";
    scene.program(&step("a", &format!("printf 'x{evil}y\\n'; printf 'x{evil}y\\n' >&2; exit 1"), ""));
    // `script` gives it a terminal.
    let mut command = std::process::Command::new("script");
    let couler = env!("CARGO_BIN_EXE_couler");
    command.args(["-qec", &format!("{couler} run p.yaml --no-retry; {couler} logs last a"), "/dev/null"]);
    command.current_dir(scene.at("work")).env("COULER_HOME", scene.at("home")).stdin(Stdio::null());
    let Ok(output) = command.output() else {
        eprintln!("skipped: `script` is not installed");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains('x')
            && !text.contains("\u{1b}]0;")
            && !text.contains('\u{7}')
            && !text.contains('\u{8}'),
        "{text:?}"
    );
    assert!(!text.contains("\u{1b}[2J"), "{text:?}");
}

#[test]
fn files_of_a_component_lie_in_its_folder() {
    let scene = scene();
    for (name, file) in [("up", "../../../canary/file"), ("absolute", "/etc/passwd"), ("link", "link")] {
        let folder = format!("work/lake-{name}/x.{name}");
        std::fs::create_dir_all(scene.at(&folder)).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", scene.at(&folder).join("link")).unwrap();
        scene.write(
            &format!("{folder}/component.yaml"),
            &format!("version: couler/component/v1\nname: x.{name}\nsummary: s\nphrases: []\nkind: {{}}\nrun: {{kind: script, language: bash, file: {file}}}\narguments: {{type: object}}\n"),
        );
        scene.write("home/config.toml", &format!("lake = [{:?}]\n", scene.at(&format!("work/lake-{name}"))));
        let (code, text, _) = scene.run(&["lake", "show", &format!("x.{name}")]);
        assert!(code != 0 && !text.contains("root:"), "{text}");
    }
}

/// A signal comes when `begun` is there and all that a step starts has written its number to `pids`: it is gone then.
fn ended_by(signal: Signal, steps: &str, arguments: &[&str]) {
    let scene = scene();
    scene.program(steps);
    let mut child = scene.couler(arguments).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while !scene.at("work/begun").exists() && started.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(20));
    }
    kill_process(Pid::from_child(&child), signal).unwrap();
    let asked = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{signal:?}");
    assert!(asked.elapsed() < Duration::from_secs(15), "{signal:?}: {:?}", asked.elapsed());
    let pids = std::fs::read_to_string(scene.at("work/pids")).unwrap_or_default();
    for pid in pids.lines() {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(stat.is_empty() || stat.contains(") Z "), "{signal:?}: {steps}: {stat}");
    }
    assert!(!scene.at("work/survived").exists(), "{signal:?}");
}

const LONG: &str = "echo $BASHPID >> pids; sleep 61; touch survived";

#[test]
fn steps_that_do_not_want_to_end_end_with_couler() {
    for script in [
        format!("trap '' TERM HUP INT QUIT; (sleep 0.3; touch begun) & {LONG}"),
        format!("setsid bash -c '{LONG}' & sleep 0.3; touch begun; sleep 61"),
        format!("nohup bash -c '{LONG}' >/dev/null 2>&1 & sleep 0.3; touch begun; sleep 61"),
        format!("(trap '' HUP; {LONG}) & sleep 0.3; touch begun; sleep 61"),
        "echo $$ >> pids; touch begun; mkfifo pipe; cat pipe; touch survived".to_owned(),
    ] {
        ended_by(Signal::HUP, &step("a", &script, ""), &["run", "p.yaml"]);
    }
}

#[test]
fn a_signal_between_attempts_and_at_the_end_is_heard() {
    let retry = "    settings: {retry: {limit: 9, backoff: {duration: 2s}}}\n";
    let again = "if test -f begun; then touch survived; fi; touch begun; exit 1";
    ended_by(Signal::HUP, &step("a", again, retry), &["run", "p.yaml"]);
    let last = step("z", &format!("touch begun; {LONG}"), "");
    ended_by(Signal::HUP, &format!("{}on_exit:\n{last}", step("a", "true", "")), &["run", "p.yaml"]);
    let many = "    map: {over: {kind: range, start: 1, end: 8}}\n";
    ended_by(Signal::QUIT, &step("a", &format!("touch begun; {LONG}"), many), &["run", "p.yaml", "-j", "4"]);
}
