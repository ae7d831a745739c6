//! `couler mcp`: other assistants use couler through the Model Context Protocol (JSON-RPC 2.0, one message a line on
//! standard input and output; specification of 2025-06-18).

mod tools;

use std::io::{BufRead, Read, Write};

use serde_json::{Value, json};

use self::tools::Tools;
use crate::api::json_from_str;
use crate::cli::{Environment, Failure, Output};

/// Versions of the protocol that are spoken, the newest first.
const VERSIONS: [&str; 3] = ["2025-06-18", "2025-03-26", "2024-11-05"];
/// Longest message, in bytes.
const LONGEST_MESSAGE: u64 = 64 << 20;

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;

/// Serve other assistants: Model Context Protocol on standard input and output
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Tools: plan, edit, compile, lint, explain, run. For example in the settings of an assistant:
  {\"mcpServers\": {\"couler\": {\"command\": \"couler\", \"args\": [\"mcp\"]}}}"
)]
pub(in crate::cli) struct Arguments {
    /// The model: local, a GGUF file, a server's model, or replay:FOLDER
    #[arg(long, short, value_name = "MODEL")]
    model: Option<String>,

    /// Let assistants run workflows on this machine
    #[arg(long)]
    allow_run: bool,

    /// Most tokens to spend on one call of a tool
    #[arg(long, value_name = "N")]
    budget_tokens: Option<u64>,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let mut tools = Tools::new(arguments, environment, output)?;
    let mut input = std::io::BufReader::new(std::io::stdin());
    let mut stdout = std::io::stdout();
    loop {
        let read = next_message(&mut input, LONGEST_MESSAGE).map_err(|error| {
            Failure::failed(format!("standard input: {error}"), "start it from an assistant")
        })?;
        let line = match read {
            Message::Whole(line) => line,
            Message::TooLong => {
                let reason = format!("the message has more than {LONGEST_MESSAGE} bytes");
                if writeln!(stdout, "{}", error(&Value::Null, INVALID_REQUEST, reason)).is_err() {
                    return Ok(());
                }
                continue;
            }
            Message::None => return Ok(()),
        };
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if let Some(answer) = answer(&line, &mut tools) {
            let written = writeln!(stdout, "{answer}").and_then(|()| stdout.flush());
            if written.is_err() {
                // The assistant has gone.
                return Ok(());
            }
        }
    }
}

enum Message {
    Whole(Vec<u8>),
    TooLong,
    None,
}

/// Reads up to the end of a line. What is too long is passed over to its end: its rest is no message of its own.
fn next_message(input: &mut impl BufRead, longest: u64) -> std::io::Result<Message> {
    let mut line = Vec::new();
    if input.by_ref().take(longest + 1).read_until(b'\n', &mut line)? == 0 {
        return Ok(Message::None);
    }
    if line.ends_with(b"\n") || line.len() as u64 <= longest {
        return Ok(Message::Whole(line));
    }
    input.skip_until(b'\n')?;
    Ok(Message::TooLong)
}

fn error(id: &Value, code: i64, message: impl Into<String>) -> Value {
    let message: String = message.into();
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}

/// The answer to a message; notifications have none.
fn answer(line: &[u8], tools: &mut Tools<'_>) -> Option<Value> {
    let text = std::str::from_utf8(line).map_err(|reason| reason.to_string());
    let parsed = text.and_then(|text| json_from_str(text.trim()).map_err(|reason| reason.to_string()));
    let message: Value = match parsed {
        Ok(message) => message,
        Err(reason) => return Some(error(&Value::Null, PARSE_ERROR, format!("no JSON: {reason}"))),
    };
    let id = message.get("id").cloned();
    let Some(method) = message["method"].as_str().filter(|_| message["jsonrpc"] == "2.0") else {
        let id = id.unwrap_or(Value::Null);
        return Some(error(
            &id,
            INVALID_REQUEST,
            "no JSON-RPC 2.0 request; every line is one, batches are not taken",
        ));
    };
    let id = id?;
    let parameters = message.get("params").cloned().unwrap_or_else(|| json!({}));
    Some(match method {
        "initialize" => result(&id, initialized(&parameters)),
        "ping" => result(&id, json!({})),
        "tools/list" => result(&id, json!({"tools": tools.list()})),
        "tools/call" => match parameters["name"].as_str() {
            Some(name) if tools.knows(name) => {
                let arguments = parameters.get("arguments").cloned().unwrap_or_else(|| json!({}));
                result(&id, tools.call(name, &arguments))
            }
            Some(name) => {
                error(&id, INVALID_PARAMS, format!("there is no tool {name:?}; tools/list names them"))
            }
            None => error(&id, INVALID_PARAMS, "tools/call needs a name"),
        },
        other => error(&id, METHOD_NOT_FOUND, format!("there is no method {other:?}")),
    })
}

fn result(id: &Value, result: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "result": result})
}

fn initialized(parameters: &Value) -> Value {
    let wanted = parameters["protocolVersion"].as_str().unwrap_or_default();
    let version = VERSIONS.iter().find(|version| **version == wanted).unwrap_or(&VERSIONS[0]);
    json!({
        "protocolVersion": version,
        "capabilities": {"tools": {"listChanged": false}},
        "serverInfo": {"name": "couler", "version": env!("CARGO_PKG_VERSION")},
        "instructions": "plan turns a description into a workflow program, edit changes a program as a remark says, compile writes Argo, Airflow or Tekton files, lint finds faults in them, explain tells what a program does, run runs it on this machine.",
    })
}

/// Answers every message of a session, with a model of recordings.
///
/// # Panics
/// The model cannot be opened.
#[cfg(fuzzing)]
pub fn answers(mut input: &[u8], model: &str) {
    use std::cell::RefCell;
    thread_local!(static TOOLS: RefCell<Option<Tools<'static>>> = const { RefCell::new(None) });
    TOOLS.with_borrow_mut(|tools| {
        let tools = tools.get_or_insert_with(|| {
            let arguments =
                Arguments { model: Some(model.to_owned()), allow_run: false, budget_tokens: None };
            let environment = Box::leak(Box::new(Environment::default()));
            let output = Box::leak(Box::new(Output::new(true, crate::cli::ColorChoice::Never)));
            Tools::new(&arguments, environment, output).expect("the model can be opened")
        });
        while let Ok(Message::Whole(line)) = next_message(&mut input, LONGEST_MESSAGE) {
            let _ = answer(&line, tools);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_long_message_is_no_message() {
        let mut input = &b"short\n0123456789 {\"method\": \"run\"}\nnext\nlast"[..];
        let mut read = Vec::new();
        loop {
            match next_message(&mut input, 8).unwrap() {
                Message::Whole(line) => read.push(String::from_utf8(line).unwrap()),
                Message::TooLong => read.push("too long".into()),
                Message::None => break,
            }
        }
        assert_eq!(read, ["short\n", "too long", "next\n", "last"]);
    }
}
