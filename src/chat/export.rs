//! A conversation as Markdown or JSON.

use serde_json::{Value, json};

use super::session::Session;
use crate::api::{DocumentError, Format, write_program};

/// A conversation for people: what was said, what was answered, the program at the end.
///
/// # Errors
/// The program cannot be written.
pub fn as_markdown(session: &Session) -> Result<String, DocumentError> {
    let name = session.name.as_deref().unwrap_or(&session.id);
    let mut text = format!("# {name}\n");
    for turn in session.turns() {
        let said: Vec<String> = turn.said.lines().map(|line| format!("> {line}")).collect();
        text.push_str(&format!("\n{}\n", said.join("\n")));
        if !turn.reply.text.is_empty() {
            text.push_str(&format!("\n```\n{}\n```\n", turn.reply.text.trim_end()));
        }
        for note in &turn.reply.notes {
            text.push_str(&format!("- {note}\n"));
        }
    }
    if let Some(program) = session.latest() {
        text.push_str(&format!(
            "\n## The program\n\n```yaml\n{}```\n",
            write_program(program, Format::Yaml)?
        ));
    }
    let usage = session.usage();
    text.push_str(&format!(
        "\n{} turns, {} tokens in, {} out, {:.1} s\n",
        session.turns().len(),
        usage.prompt_tokens,
        usage.completion_tokens,
        session.seconds()
    ));
    Ok(text)
}

/// A conversation for programs.
pub fn as_json(session: &Session) -> Value {
    json!({
        "version": "couler/conversation/v1",
        "id": session.id,
        "name": session.name,
        "turns": session.turns(),
        "program": session.program(),
        "proposal": session.proposal(),
        "usage": session.usage(),
        "seconds": session.seconds(),
    })
}
