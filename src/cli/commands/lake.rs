//! `couler lake`: the components.

use clap::Subcommand;
use comfy_table::Table;
use comfy_table::presets::NOTHING;

use super::open_lake;
use crate::api::{Component, ComponentRun};
use crate::cli::{Environment, Failure, Output};
use crate::ir::Components;
use crate::lake::Lake;

/// Show and search the components that workflows are made of
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List all components
    List {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one component: arguments, ports, script
    Show {
        /// Its name
        name: String,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Find components by what they do
    Search {
        /// A few words
        query: String,
        /// Most results
        #[arg(long, default_value_t = 5)]
        limit: usize,
    },
}

pub(super) fn run(arguments: Arguments, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let lake = open_lake(environment)?;
    match arguments.action {
        Action::List { json: true } => output.json(&lake.components().collect::<Vec<_>>()),
        Action::List { json: false } => output.data(&listed(lake.components())),
        Action::Show { name, json } => show(&lake, &name, json, output),
        Action::Search { query, limit } => {
            let hits = lake.search(&query, limit);
            if hits.is_empty() {
                output
                    .message(&format!("nothing is like {query:?}; `couler lake list` shows all components"));
                return Ok(());
            }
            output.data(&listed(hits.iter().map(|hit| hit.component)))
        }
    }
}

fn listed<'a>(components: impl Iterator<Item = &'a Component>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    for component in components {
        table.add_row([&component.name, &component.summary]);
    }
    table.trim_fmt() + "\n"
}

fn show(lake: &Lake, name: &str, json: bool, output: &Output) -> Result<(), Failure> {
    let component = lake.component(name).ok_or_else(|| {
        let near: Vec<&str> =
            lake.search(name, 5).into_iter().map(|hit| hit.component.name.as_str()).collect();
        let hint = if near.is_empty() {
            "`couler lake list` shows all".into()
        } else {
            format!("do you mean {}?", near.join(", "))
        };
        Failure::usage(format!("there is no component {name:?}"), hint)
    })?;
    if json {
        return output.json(component);
    }
    let description = lake.file(name, "component.yaml").unwrap_or_default();
    let script = match &component.run {
        ComponentRun::Script { file, .. } => lake.file(name, file).map(|text| format!("\n# {file}\n{text}")),
        _ => None,
    };
    output.data(&(description + &script.unwrap_or_default()))
}
