//! `couler eval edits`: does a remark's right answer become the right program?

use std::path::PathBuf;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::json;

use crate::cli::commands::{block_on, open_lake};
use crate::cli::{Environment, Failure, Output};
use crate::eval::edits::{EditFidelity, ReaderVerdict, by_form, edit_fidelity, read_conversations};
use crate::eval::gold::read_gold;
use crate::nl::Prompts;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A file of conversations, or a folder of them
    #[arg(value_name = "CONVERSATIONS", default_value = "eval/gold/edits")]
    conversations: PathBuf,

    /// The gold cases whose programs the conversations start from
    #[arg(long, value_name = "GOLD", default_value = "eval/gold")]
    gold: PathBuf,

    /// List what the reader without a model gets wrong
    #[arg(long)]
    reader: bool,

    /// Print every turn as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let conversations = read_conversations(&arguments.conversations)?;
    let cases = read_gold(&arguments.gold)?;
    let lake = open_lake(environment)?;
    let prompts = Prompts::built_in();
    let measured = block_on(async { Ok(edit_fidelity(&conversations, &cases, &lake, &prompts).await) })?;
    if arguments.json {
        output.json(&measured)?;
    } else {
        output.data(&text(&measured, arguments.reader))?;
    }
    let lost = measured.iter().filter(|turn| !turn.kept()).count();
    if lost == 0 {
        return Ok(());
    }
    Err(Failure::failed(
        format!("{lost} of {} right answers were not kept", measured.len()),
        "each line above names the place: mend the schema, the check, the operation or the gold",
    ))
}

fn text(measured: &[EditFidelity], reader: bool) -> String {
    let mut lines = String::new();
    for turn in measured {
        let lists = [
            ("gold", &turn.gold),
            ("schema", &turn.refused),
            ("finding", &turn.findings),
            ("program", &turn.differences),
        ];
        for (name, list) in lists {
            for line in list {
                lines.push_str(&format!("{} {:?} {name}: {line}\n", turn.id, turn.say));
            }
        }
        if reader && turn.reader == ReaderVerdict::Wrong {
            lines.push_str(&format!("{} {:?} reader: {}\n", turn.id, turn.say, turn.forms.join(", ")));
        }
    }
    let count =
        |kept: &dyn Fn(&EditFidelity) -> bool| measured.iter().filter(|turn| kept(turn)).count().to_string();
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["right answers to remarks", "turns"]);
    table.add_row(["in all".to_owned(), measured.len().to_string()]);
    table.add_row(["gold is valid".to_owned(), count(&|turn| turn.gold.is_empty())]);
    table.add_row(["the schema accepts them".to_owned(), count(&|turn| turn.refused.is_empty())]);
    table.add_row(["no check fires".to_owned(), count(&|turn| turn.findings.is_empty())]);
    table.add_row(["the program is the right one".to_owned(), count(&|turn| turn.differences.is_empty())]);
    for verdict in [ReaderVerdict::Right, ReaderVerdict::Wrong, ReaderVerdict::Open] {
        let name = json!(verdict);
        table.add_row([
            format!("reader without a model: {}", name.as_str().unwrap_or_default()),
            count(&|turn| turn.reader == verdict),
        ]);
    }
    let mut forms = Table::new();
    forms.load_style(NOTHING).set_header(["form of the reader", "right", "wrong"]);
    for (form, (right, wrong)) in by_form(measured) {
        forms.add_row([form, right.to_string(), wrong.to_string()]);
    }
    format!("{lines}{}\n\n{}\n", table.trim_fmt(), forms.trim_fmt())
}
