//! Scripted conversations. Where a model is needed, a server with scripted answers stands for it: plumbing, not quality.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::harness::{Dir, finished};

pub(crate) const PROGRAM: &str = "version: couler/v1
name: churn
steps:
  - {name: load, run: {function: component, component: data.load, with: {source: data/churn.csv}}}
  - {name: train, run: {function: component, component: xgboost.train, with: {target: churn, n_estimators: 200}}, after: [load]}
  - {name: evaluate, run: {function: component, component: model.evaluate, with: {metrics: [accuracy, auc]}}, after: [train]}
";

/// Runs a script on the program; returns exit code, standard output and standard error.
fn chat(dir: &Dir, arguments: &[&str], script: &str) -> (i32, String, String) {
    dir.write("churn.yaml", PROGRAM);
    finished(dir.couler().arg("chat").args(arguments).write_stdin(script.to_owned()))
}

/// A server that gives these contents, one after the other, as streamed answers; then it hangs.
pub(crate) fn model(answers: Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut answers = answers.into_iter();
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let mut buffer = vec![0; 65_536];
            // A request is over when its body is there.
            loop {
                let read = stream.read(&mut buffer).unwrap_or(0);
                request.extend_from_slice(&buffer[..read]);
                let text = String::from_utf8_lossy(&request);
                let length = text.lines().find_map(|line| {
                    line.to_lowercase()
                        .strip_prefix("content-length:")
                        .map(|n| n.trim().parse::<usize>().unwrap())
                });
                let body = text.find("\r\n\r\n").map(|at| request.len() - at - 4);
                if read == 0 || body.zip(length).is_some_and(|(body, length)| body >= length) {
                    break;
                }
            }
            let Some(answer) = answers.next() else {
                open.push(stream);
                continue;
            };
            let piece = json!({"id": "a", "object": "chat.completion.chunk", "created": 1, "model": "m",
                "choices": [{"index": 0, "delta": {"role": "assistant", "content": answer}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}});
            let body = format!("data: {piece}\n\ndata: [DONE]\n\n");
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    format!("http://{address}/v1")
}

#[test]
fn certain_edits_need_no_model_and_can_be_taken_back() {
    let dir = Dir::new();
    let script = "retry training three times\n/apply\nuse LightGBM instead\n/diff\n/undo\n/undo\n/redo\n/save out.yaml\n";
    let (code, text, errors) = chat(&dir, &["churn.yaml"], script);
    assert_eq!(code, 0, "{text}{errors}");
    assert!(text.contains("~ train  retry limit: 3"), "{text}");
    assert!(text.contains("xgboost.train → lightgbm.train"), "{text}");
    assert!(text.contains("manifest lines: argo +"), "{text}");
    let saved = dir.read("out.yaml");
    assert!(saved.contains("limit: 3") && saved.contains("xgboost.train"), "{saved}");
}

#[test]
fn what_no_edit_speaks_of_is_the_same_byte_for_byte() {
    let dir = Dir::new();
    let (code, text, _) =
        chat(&dir, &["churn.yaml", "--apply"], "/save before.json\n500 trees\n/save after.json\n");
    assert_eq!(code, 0, "{text}");
    let step = |file: &str, index: usize| -> String {
        let program: Value = serde_json::from_str(&dir.read(file)).unwrap();
        program["steps"][index].to_string()
    };
    for index in [0, 2] {
        assert_eq!(step("before.json", index), step("after.json", index));
    }
    assert!(step("after.json", 1).contains("\"n_estimators\":500"));
}

#[test]
fn questions_unclear_wishes_and_nonsense_change_nothing() {
    let dir = Dir::new();
    let script = "why is evaluate after train?\nset the timeout to 5 minutes\n2\n/undo\nbanana\nload must run after evaluate\n/save out.yaml\n";
    let (code, text, errors) = chat(&dir, &["churn.yaml", "--apply"], script);
    assert_eq!(code, 1, "what was not understood fails a script: {text}{errors}");
    assert!(text.contains("reads the model that train writes"), "{text}");
    assert!(text.contains("Which step is meant") && text.contains("~ train  timeout: 5m"), "{text}");
    assert!(text.contains("I do not know what \"banana\" should change"), "{text}");
    assert!(text.contains("would break the workflow"), "{text}");
    assert!(!dir.read("out.yaml").contains("timeout"));
}

#[test]
fn files_of_others_are_not_replaced() {
    let dir = Dir::new();
    dir.write("other.yaml", "mine\n");
    let script = "/save\n/save\n/save other.yaml\n/save churn.yaml\n/undo abc\n";
    let (code, text, _) = chat(&dir, &["churn.yaml"], script);
    assert_eq!(code, 3, "{text}");
    assert_eq!(dir.read("other.yaml"), "mine\n");
    assert_eq!(text.matches(".program.yaml").count(), 2, "{text}");
    assert!(text.contains("wrote churn.yaml") && text.contains("no number of changes"), "{text}");
}

#[test]
fn views_of_the_workflow() {
    let dir = Dir::new();
    let script = "/show\n/show graph\n/show python\n/show argo\n/show airflow\n/show tekton\n/explain\n/lint\n/compile out/\n/engine tekton\n/set apply auto\n/set nothing much\n";
    let (code, text, _) = chat(&dir, &["churn.yaml"], script);
    assert_eq!(code, 2, "the last line is wrong usage: {text}");
    for expected in [
        "version: couler/v1",
        "│ evaluate",
        "couler.steps.xgboost.train(",
        "[lambda: train(), lambda: evaluate()]",
        "kind: Workflow",
        "import",
        "kind: Pipeline",
        "waits for",
        "no faults found",
        "wrote out/",
        "engine tekton",
        "apply auto",
        "is no setting",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn sessions_are_listed_renamed_exported_and_resumed() {
    let dir = Dir::new();
    let script = "retry train twice\n/rename first\n/export markdown talk.md\n/export json talk.json\n/sessions\n/tokens\n/cost\n/budget 5000 tokens\n/budget\n";
    let (code, text, _) = chat(&dir, &["churn.yaml", "--apply"], script);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("* first  1 turns, churn, just now"), "{text}");
    assert!(text.contains("budget 5000 tokens, 5000 left"), "{text}");
    assert!(dir.read("talk.md").contains("> retry train twice"));
    let exported: Value = serde_json::from_str(&dir.read("talk.json")).unwrap();
    assert_eq!(exported["turns"][0]["said"], "retry train twice");
    let (code, text, _) =
        chat(&dir, &["--resume"], "/show\n/undo\n/undo\n/new\n/resume first\n/clear\n/show\n");
    assert_eq!(code, 2, "an empty workflow has nothing to show: {text}");
    assert!(text.contains("limit: 2") && text.contains("1 turns of first"), "{text}");
    let (code, _, errors) = chat(&dir, &["--resume", "nobody"], "");
    assert_eq!(code, 2, "{errors}");
    assert!(errors.contains("there is no conversation \"nobody\"; saved: first"), "{errors}");
}

#[test]
fn damaged_and_newer_sessions_are_refused_and_kept() {
    let dir = Dir::new();
    chat(&dir, &["churn.yaml", "--apply"], "retry train twice\n/rename good\n");
    let folder = dir.path().join("home/chats");
    std::fs::write(folder.join("torn.json"), "{\"version\":1,\"id\":\"torn\"").unwrap();
    std::fs::write(folder.join("later.json"), "{\"version\":99}").unwrap();
    for (name, expected) in [("torn", "damaged"), ("later", "newer couler")] {
        let (code, _, errors) = chat(&dir, &["--resume", name], "");
        assert_eq!(code, 1, "{errors}");
        assert!(errors.contains(expected) && errors.contains("hint"), "{errors}");
    }
    assert_eq!(std::fs::read_to_string(folder.join("later.json")).unwrap(), "{\"version\":99}");
    let (code, text, _) = chat(&dir, &["--resume"], "/sessions\n");
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("good") && text.contains("damaged"), "{text}");
}

#[test]
fn bad_input_leaves_the_conversation_as_it_is() {
    let dir = Dir::new();
    let megabytes = "x".repeat(3 << 20);
    let script = format!(
        "{megabytes}\nretry \u{1b}[31mtrain\u{7} twice\n/nothing\n/load missing.yaml\n/load churn.yaml extra\n/save out.yaml\n"
    );
    let (code, text, _) = chat(&dir, &["churn.yaml", "--apply"], &script);
    assert_eq!(code, 2, "{}", &text[..text.len().min(2000)]);
    assert!(text.contains("a remark has at most"), "the long line is refused");
    assert!(text.contains("there is no command /nothing") && text.contains("missing.yaml"), "{text}");
    assert!(!text.contains('\u{1b}') && dir.read("out.yaml").contains("limit: 2"), "{text}");
}

#[test]
fn a_script_can_be_read_by_programs() {
    let dir = Dir::new();
    let (code, text, _) =
        chat(&dir, &["churn.yaml", "--apply", "--json"], "500 trees\nwhich steps are there?\n/bad\n");
    assert_eq!(code, 2);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[1]["reply"]["kind"], "changed");
    assert_eq!(lines[1]["program"]["steps"][1]["run"]["with"]["n_estimators"], 500);
    assert_eq!(lines[2]["reply"]["kind"], "answer");
    assert!(lines[3]["error"].is_string());
}

/// The answer that sets one field of the training.
fn set(field: &str, value: i64) -> String {
    json!({"edits": [{"op": "set", "step": "train", "field": field, "value": value}]}).to_string()
}

/// A conversation with a server that gives scripted answers.
fn served(dir: &Dir, answers: &[Value], arguments: &[&str], script: &str) -> (i32, String, String) {
    dir.write("churn.yaml", PROGRAM);
    dir.write("config.toml", "max_retries = 0\ntimeout_seconds = 20\n");
    let url = model(answers.iter().map(ToString::to_string).collect());
    finished(
        dir.couler()
            .env("OPENAI_BASE_URL", url)
            .env("OPENAI_MODEL", "scripted")
            .env("OPENAI_API_KEY", "k")
            .env("COULER_CONFIG", dir.path().join("config.toml"))
            .arg("chat")
            .args(arguments)
            .write_stdin(script.to_owned()),
    )
}

#[test]
fn the_model_writes_what_the_text_leaves_open() {
    let dir = Dir::new();
    let message = json!({"function": "component", "component": "notify.slack",
        "with": {"message": "the churn workflow failed", "channel": "#ml"}});
    let step = json!({"name": "notify-slack", "run": message, "when": "workflow.status != Succeeded"});
    let answers = [json!({"edits": [{"op": "add", "step": step, "at_end": true}]})];
    let script = "add a slack message to #ml if it fails\n/show\n/cost\n/export json talk.json\n";
    let (code, text, errors) = served(&dir, &answers, &["churn.yaml", "--apply"], script);
    assert_eq!(code, 0, "{text}{errors}");
    assert!(text.contains("+ notify-slack  notify.slack"), "{text}");
    assert!(
        text.contains("the churn workflow failed") && text.contains("workflow.status != 'Succeeded'"),
        "{text}"
    );
    let exported: Value = serde_json::from_str(&dir.read("talk.json")).unwrap();
    assert!(exported["usage"]["prompt_tokens"].as_u64().unwrap() > 0);
}

#[test]
fn nonsense_of_the_model_changes_nothing() {
    let dir = Dir::new();
    let unknown = json!({"edits": [{"op": "remove", "step": "no-such-step"}]});
    let answers = [json!("banana"), unknown.clone(), unknown];
    let script = "the model ought to be somewhat better\n/save out.yaml\n";
    let (code, text, errors) = served(&dir, &answers, &["churn.yaml", "--apply"], script);
    assert!(code == 1 || code == 4, "{text}{errors}");
    assert!(!dir.read("out.yaml").contains("no-such"), "{text}");
    assert_eq!(dir.read("out.yaml").matches("name:").count(), 4, "{text}");
}

#[test]
fn a_budget_stops_before_it_is_exceeded() {
    let dir = Dir::new();
    let script = "add a slack message to #ml if it fails\nretry train twice\n/save out.yaml\n";
    let (code, text, _) = served(&dir, &[], &["churn.yaml", "--apply", "--budget-tokens", "50"], script);
    assert_eq!(code, 1, "{text}");
    assert_eq!(text.matches("50 tokens").count(), 2, "{text}");
    assert!(dir.read("out.yaml").contains("xgboost.train"), "the conversation goes on");
}

#[test]
fn a_killed_conversation_loses_at_most_the_turn_in_flight() {
    use std::io::BufRead;
    let dir = Dir::new();
    dir.write("churn.yaml", PROGRAM);
    dir.write("config.toml", "max_retries = 0\n");
    let mut process = dir.process();
    process
        .env("OPENAI_BASE_URL", model(vec![set("/settings/retry/limit", 2)]))
        .env("OPENAI_API_KEY", "k")
        .env("COULER_CONFIG", dir.path().join("config.toml"))
        .args(["chat", "churn.yaml", "--apply"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped());
    let mut child = process.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    stdin.write_all(b"retry train twice\n").unwrap();
    assert!(lines.by_ref().any(|line| line.unwrap().contains("retry limit: 2")));
    // The next turn waits for a server that never answers.
    stdin.write_all(b"add a slack message to #ml if it fails\n").unwrap();
    assert!(lines.by_ref().any(|line| line.unwrap().contains("slack message")));
    std::thread::sleep(std::time::Duration::from_millis(300));
    child.kill().unwrap();
    child.wait().unwrap();
    let (code, text, errors) = chat(&dir, &["--resume"], "/show\n/tokens\n");
    assert_eq!(code, 0, "{errors}");
    assert!(text.contains("limit: 2") && !text.contains("notify.slack"), "{text}");
}

#[test]
fn nl_goes_on_with_the_last_conversation() {
    let dir = Dir::new();
    chat(&dir, &["churn.yaml", "--apply"], "retry train twice\n");
    let url = model(vec![set("/run/with/n_estimators", 300)]);
    let (code, program, errors) =
        finished(dir.couler().env("OPENAI_BASE_URL", url).env("OPENAI_API_KEY", "k").args([
            "nl",
            "-c",
            "300 trees",
            "--emit",
            "program",
        ]));
    assert_eq!(code, 0, "{errors}");
    assert!(program.contains("n_estimators: 300") && program.contains("limit: 2"), "{program}");
    assert!(errors.contains("200 → 300"), "{errors}");
    let (code, _, errors) =
        finished(Dir::new().couler().env("OPENAI_API_KEY", "k").args(["nl", "-c", "300 trees"]));
    assert_eq!(code, 2, "{errors}");
}

/// The embedded model in a conversation: slow, so only where it is asked for (`COULER_TEST_MODEL=1`).
#[test]
fn the_embedded_model_writes_a_message() {
    let Ok(home) = std::env::var("HOME").map(|home| format!("{home}/.local/share/couler")) else { return };
    if std::env::var_os("COULER_TEST_MODEL").is_none() || !std::path::Path::new(&home).join("models").is_dir()
    {
        eprintln!("skipped: COULER_TEST_MODEL is not set, or no model is there");
        return;
    }
    let dir = Dir::new();
    dir.write("churn.yaml", PROGRAM);
    let models = std::path::Path::new(&home).join("models");
    let file = std::fs::read_dir(models).unwrap().flatten().map(|entry| entry.path());
    let gguf = file.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "gguf")).unwrap();
    let (code, text, errors) = finished(
        dir.couler()
            .args(["chat", "churn.yaml", "--apply", "--model"])
            .arg(gguf)
            .write_stdin("add a slack message to #ml-alerts if it fails\n/show\n"),
    );
    assert_eq!(code, 0, "{text}{errors}");
    assert!(text.contains("component: notify.slack") && text.contains("#ml-alerts"), "{text}");
}
