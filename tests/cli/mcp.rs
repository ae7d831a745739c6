//! The protocol server, spoken to as an assistant does.

use serde_json::{Value, json};

use crate::chat::PROGRAM;
use crate::harness::{Dir, finished};

/// Sends messages and returns the answers.
fn speak(dir: &Dir, arguments: &[&str], messages: &[Value]) -> Vec<Value> {
    let input: String = messages
        .iter()
        .map(|message| message.as_str().map_or_else(|| message.to_string(), str::to_owned) + "\n")
        .collect();
    let (code, output, errors) = finished(dir.couler().arg("mcp").args(arguments).write_stdin(input));
    assert_eq!(code, 0, "{errors}");
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn request(id: u32, method: &str, parameters: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": parameters})
}

fn call(id: u32, name: &str, arguments: Value) -> Value {
    request(id, "tools/call", json!({"name": name, "arguments": arguments}))
}

#[test]
fn an_assistant_shakes_hands_and_lists_the_tools() {
    let dir = Dir::new();
    let answers = speak(
        &dir,
        &[],
        &[
            request(
                1,
                "initialize",
                json!({"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}),
            ),
            json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
            request(2, "ping", json!({})),
            request(3, "tools/list", json!({})),
        ],
    );
    assert_eq!(answers.len(), 3, "a notification has no answer");
    assert_eq!(answers[0]["result"]["protocolVersion"], "2025-03-26");
    assert_eq!(answers[1]["result"], json!({}));
    let tools = answers[2]["result"]["tools"].as_array().unwrap();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["plan", "edit", "compile", "lint", "explain"],
        "run is offered only where it is allowed"
    );
    assert!(tools.iter().all(|tool| tool["inputSchema"]["type"] == "object"));
    let answers = speak(&dir, &["--allow-run"], &[request(1, "tools/list", json!({}))]);
    assert_eq!(answers[0]["result"]["tools"].as_array().unwrap().len(), 6);
}

#[test]
fn programs_are_edited_compiled_explained_and_linted() {
    let dir = Dir::new();
    let answers = speak(
        &dir,
        &[],
        &[
            call(1, "edit", json!({"program": PROGRAM, "remark": "retry training three times"})),
            call(2, "compile", json!({"program": PROGRAM, "engine": "tekton"})),
            call(3, "explain", json!({"program": PROGRAM})),
            call(
                4,
                "lint",
                json!({"text": "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: a}\nspec: {entrypoint: none, templates: []}\n"}),
            ),
            call(5, "edit", json!({"program": PROGRAM, "remark": "which steps are there?"})),
        ],
    );
    let edited = &answers[0]["result"]["structuredContent"];
    assert_eq!(edited["program"]["steps"][1]["settings"]["retry"]["limit"], 3);
    assert_eq!(edited["difference"]["changed"][0]["step"], "train");
    assert!(answers[1]["result"]["content"][0]["text"].as_str().unwrap().contains("kind: Pipeline"));
    assert!(answers[2]["result"]["content"][0]["text"].as_str().unwrap().contains("waits for"));
    assert_ne!(answers[3]["result"]["structuredContent"]["faults"], json!([]));
    assert_eq!(answers[4]["result"]["structuredContent"]["reply"]["kind"], "answer");
}

#[test]
fn what_is_wrong_is_told_and_the_server_goes_on() {
    let dir = Dir::new();
    let answers = speak(
        &dir,
        &[],
        &[
            json!("{not json"),
            json!([1, 2]),
            request(1, "nothing/there", json!({})),
            call(2, "no-such-tool", json!({})),
            call(3, "run", json!({"program": PROGRAM})),
            call(4, "compile", json!({"program": PROGRAM, "engine": "cron"})),
            call(5, "explain", json!({"program": "steps: [1]"})),
            call(6, "compile", json!({})),
            request(7, "ping", json!({})),
        ],
    );
    assert_eq!(answers.len(), 9);
    let codes: Vec<i64> =
        answers[..5].iter().map(|answer| answer["error"]["code"].as_i64().unwrap()).collect();
    assert_eq!(codes, [-32700, -32600, -32601, -32602, -32602]);
    for answer in &answers[5..8] {
        assert_eq!(answer["result"]["isError"], true, "{answer}");
    }
    assert_eq!(answers[8]["result"], json!({}));
}
