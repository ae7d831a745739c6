//! Root 8: what servers, recordings and other assistants answer is data, however wrong it is.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::harness::{Mode, Scene};

const TEXT: &str =
    "Load data/churn.csv, train XGBoost with 200 trees to predict churn, then run acme/report:1.";

/// Answers of a model that nothing of ours would give.
fn answers() -> Vec<String> {
    let step = |task: &str| json!({"text": "Load data/churn.csv", "task": task, "name": "load", "with": {}});
    let whole = |steps: Value| json!({"workflow": true, "name": "w", "steps": steps}).to_string();
    let deep = format!("{{\"workflow\": true, \"name\": \"w\", \"steps\": {}", "[".repeat(50_000));
    vec![
        whole(json!([step("no.such.component")])),
        whole(json!([step("data.load"), step("data.load"), step("../../etc/passwd")])),
        whole(json!([step("")])),
        whole(json!([{"text": "x", "task": "data.load", "name": "a\u{1b}]0;t\u{7}", "after": ["a\u{1b}]0;t\u{7}", "b"]}])),
        whole(json!([{"text": "x", "task": "data.load", "name": "a", "after": ["b"]}, {"text": "y", "task": "data.load", "name": "b", "after": ["a"]}])),
        whole(json!([{"text": "x", "task": "data.load", "name": "a", "each": "{{steps.a.result}}", "when": "((((a.result == 1", "until": "a.result != a.result"}])),
        whole(json!([{"text": "x", "task": "data.load", "name": "a", "settings": {"retry": {"limit": 4_294_967_295u32, "backoff": {"duration": "99999999999999999999s"}}, "timeout": "18446744073709551615w"}}])),
        whole(json!([{"text": "x", "task": "sklearn.train", "name": "a", "with": {"params": {"n_estimators": 1e300}, "target": []}}])),
        json!({"workflow": true, "name": "w", "schedule": "99 99 * * *", "timezone": "Nowhere/None", "parallelism": 0, "time_limit": "x", "steps": [step("data.load")], "finally": [step("gone.too")]}).to_string(),
        json!({"workflow": true, "steps": null, "finally": 7}).to_string(),
        json!({"with": {"source": {"a": [1, null]}}, "settings": 3}).to_string(),
        json!({"action": "replace", "step": "train", "component": "no.such"}).to_string(),
        whole(json!((0..3000).map(|number| json!({"text": "x", "task": "data.load", "name": format!("s{number}")})).collect::<Vec<_>>())),
        whole(json!((0..40).map(|number| json!({"text": "x", "task": "data.load", "name": format!("s{number}")})).collect::<Vec<_>>())),
        deep,
        "[]".to_owned(),
        "null".to_owned(),
        "\u{0}\u{202e}{".to_owned(),
    ]
}

/// A server of chat completions on the loopback interface that gives one answer after the other, the last one for ever.
fn served(answers: Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/v1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let next = AtomicUsize::new(0);
        for stream in listener.incoming().flatten() {
            let number = next.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1);
            answer(stream, &answers[number]);
        }
    });
    address
}

fn answer(mut stream: TcpStream, text: &str) {
    let mut request = Vec::new();
    let mut chunk = vec![0; 65_536];
    while let Ok(count) = stream.read(&mut chunk) {
        request.extend_from_slice(&chunk[..count]);
        let head = request.windows(4).position(|window| window == b"\r\n\r\n");
        let length = head.and_then(|head| {
            let head = String::from_utf8_lossy(&request[..head]).to_lowercase();
            head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok())
        });
        if count == 0 || head.is_some_and(|head| request.len() >= head + 4 + length.unwrap_or(0)) {
            break;
        }
    }
    let body = json!({
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": u32::MAX, "completion_tokens": u32::MAX, "total_tokens": -1}
    });
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}

fn asks(scene: &Scene, arguments: &[&str], server: &str) -> Command {
    let mut command = scene.couler(arguments);
    command.env("OPENAI_BASE_URL", server).env("OPENAI_API_KEY", "none").env("COULER_MODEL", "m");
    command
}

/// It ends with one of its own exit codes and a message.
fn told(scene: &Scene, command: Command, answer: &str) {
    let (code, _, errors) = scene.finished(command);
    let shown: String = answer.chars().take(200).collect();
    assert!((0..=4).contains(&code), "{code} for {shown}: {errors}");
    assert!(!errors.contains("panicked") && !errors.contains("fault in couler"), "{shown}: {errors}");
    assert!(!errors.contains('\u{7}'), "{shown}: {errors:?}");
}

fn with_a_way(way: &str) {
    let scene = Scene::new(Mode { other_user: false, landlock: true });
    for answer in answers() {
        let server = served(vec![answer.clone()]);
        told(&scene, asks(&scene, &["nl", TEXT, "--way", way, "-o", "out.yaml"], &server), &answer);
    }
    scene.unharmed(way);
}

#[test]
fn no_answer_harms_nl_that_asks_for_the_whole() {
    with_a_way("whole");
}

#[test]
fn no_answer_harms_nl_that_asks_by_steps() {
    with_a_way("steps");
}

#[test]
fn no_answer_harms_nl_that_goes_the_way_of_small_models() {
    with_a_way("passes");
}

#[test]
fn a_right_plan_with_wrong_fragments_and_judgements_is_an_error_too() {
    let scene = Scene::new(Mode { other_user: false, landlock: true });
    let plan = json!({"workflow": true, "name": "w", "steps": [
        {"text": "Load data/churn.csv", "task": "data.load", "name": "load"},
        {"text": "train XGBoost with 200 trees to predict churn", "task": "xgboost.train", "name": "train", "after": ["load"]},
    ]});
    for way in ["steps", "passes"] {
        for answer in answers() {
            let server = served(vec![plan.to_string(), answer.clone()]);
            told(&scene, asks(&scene, &["nl", TEXT, "--way", way, "-o", "out.yaml"], &server), &answer);
        }
    }
}

#[test]
fn no_answer_harms_a_conversation() {
    let scene = Scene::new(Mode { other_user: false, landlock: true });
    for answer in answers().iter().step_by(2) {
        let server = served(vec![answer.clone()]);
        let mut command = asks(&scene, &["chat"], &server);
        let said =
            format!("{TEXT}\nreplace the training by something better\nadd whatever is missing\n/quit\n");
        scene.write("work/said", &said);
        command.stdin(std::fs::File::open(scene.at("work/said")).unwrap());
        told(&scene, command, answer);
    }
}

#[test]
fn no_answer_ends_a_session_of_another_assistant() {
    let scene = Scene::new(Mode { other_user: false, landlock: true });
    let program = "version: couler/v1\nname: w\nsteps:\n  - name: train\n    run: {function: run_container, image: i}\n";
    for answer in answers() {
        let server = served(vec![answer.clone()]);
        let mut child = asks(&scene, &["mcp"], &server);
        child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        let call = |id: u32, name: &str, arguments: Value| {
            json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": name, "arguments": arguments}}).to_string() + "\n"
        };
        let mut input = child.stdin.take().unwrap();
        input.write_all(call(1, "plan", json!({"description": TEXT})).as_bytes()).unwrap();
        let edit = json!({"program": program, "remark": "add a step that trains a forest"});
        input.write_all(call(2, "edit", edit).as_bytes()).unwrap();
        input.write_all(b"{\"jsonrpc\": \"2.0\", \"id\": 3, \"method\": \"ping\"}\n").unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        let (text, errors) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let shown: String = answer.chars().take(200).collect();
        assert!(output.status.success() && text.contains("\"id\":3"), "{shown}: {text} {errors}");
        assert!(
            !text.contains("fault in couler") && !errors.contains("panicked"),
            "{shown}: {text} {errors}"
        );
    }
}

#[test]
fn recordings_that_are_cut_or_another_ones_are_refused() {
    let scene = Scene::new(Mode { other_user: false, landlock: true });
    for (file, text) in [
        ("recording.json", ""),
        ("recording.json", "{\"version\": 1"),
        (
            "recording.json",
            "{\"version\": 99, \"model\": \"m\", \"enforces_schema\": true, \"logprobs\": true, \"concurrent\": true, \"characters_per_token\": 4}",
        ),
        (
            "recording.json",
            "{\"version\": 1, \"model\": \"m\", \"enforces_schema\": true, \"logprobs\": true, \"concurrent\": true, \"characters_per_token\": -1}",
        ),
        (
            "recording.json",
            "{\"version\": 1, \"model\": \"m\", \"enforces_schema\": true, \"logprobs\": true, \"concurrent\": true, \"characters_per_token\": 1e-300}",
        ),
        ("other", "x"),
    ] {
        let folder = tempfile::tempdir_in(scene.at("work")).unwrap();
        std::fs::write(folder.path().join(file), text).unwrap();
        let model = format!("replay:{}", folder.path().display());
        let (code, _, errors) = scene.run(&["nl", TEXT, "--model", &model]);
        assert!((1..=4).contains(&code) && !errors.contains("panicked"), "{text}: {code} {errors}");
    }
}
