//! `couler cards`: dataset and model cards.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::json;

use super::open_cards;
use crate::cards::{
    Card, CardError, Profile, ProfileOptions, ReadCard, card_of_profile, profile_file, template, write_card,
};
use crate::cli::files::write_text;
use crate::cli::{Environment, Failure, Output};

/// Show dataset and model cards, start new ones, make one from data
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  couler cards show xgboost
  couler cards show path/to/README.md              # a card of Hugging Face, read leniently
  couler cards profile data/churn.csv --label churn -o cards/churn.md

Cards of your own: folders named in the configuration file (`cards = [\"my/cards\"]`).")]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

/// The two kinds of cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// Of data sets.
    Dataset,
    /// Of models.
    Model,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Dataset => "dataset",
            Self::Model => "model",
        }
    }
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List all cards
    List {
        /// Only cards of this kind
        #[arg(long, value_enum)]
        kind: Option<Kind>,
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one card, by its name or its file
    Show {
        /// Its name, another name of it, or a file
        name: String,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Write a card to start from
    New {
        /// What it is about
        #[arg(value_enum)]
        kind: Kind,
        /// Its name
        name: String,
        /// The file to write; standard output if absent
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Make a dataset card from a table: csv (also gzipped) or parquet
    Profile {
        /// The table
        file: PathBuf,
        /// The column to predict; guessed if absent
        #[arg(long, value_name = "COLUMN")]
        label: Option<String>,
        /// Name of the card; that of the file if absent
        #[arg(long)]
        name: Option<String>,
        /// Rows that are looked at most; all are counted
        #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
        sample_rows: u64,
        /// The file to write; standard output if absent
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Print the profile and the card as JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(arguments: Arguments, environment: &Environment, output: &Output) -> Result<(), Failure> {
    match arguments.action {
        Action::List { kind, json } => list(kind, json, environment, output),
        Action::Show { name, json } => show(&name, json, environment, output),
        Action::New { kind, name, output: path } => {
            let text = template(kind.name(), &name).unwrap_or_default();
            write_or_print(path.as_deref(), &text, output)
        }
        Action::Profile { file, label, name, sample_rows, output: path, json } => {
            let options = ProfileOptions { label, sample_rows };
            profile(&file, &options, name, path.as_deref(), json, output)
        }
    }
}

fn write_or_print(path: Option<&Path>, text: &str, output: &Output) -> Result<(), Failure> {
    let Some(path) = path else { return output.data(text) };
    if path.exists() {
        return Err(Failure::usage(
            format!("{} exists already", path.display()),
            "choose another name with -o",
        ));
    }
    write_text(path, text)?;
    output.message(&format!("wrote {}", path.display()));
    Ok(())
}

fn list(kind: Option<Kind>, json: bool, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let library = open_cards(environment, output)?;
    let cards: Vec<(&ReadCard, &str)> =
        library.cards().filter(|(read, _)| kind.is_none_or(|kind| kind.name() == read.card.kind())).collect();
    if json {
        let cards: Vec<_> =
            cards.iter().map(|(read, place)| json!({"place": place, "card": read.card})).collect();
        return output.json(&json!({"version": "couler/cards/v1", "cards": cards}));
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    for (read, _) in cards {
        table.add_row([read.card.kind(), read.card.name(), read.card.summary()]);
    }
    output.data(&(table.trim_fmt() + "\n"))
}

fn show(name: &str, json: bool, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let path = Path::new(name);
    let is_file = path.is_file() || path.extension().is_some_and(|ending| ending == "md");
    let library;
    let (owned, place);
    let (read, place) = if is_file {
        owned = ReadCard::from_file(path)?;
        place = name.to_owned();
        (&owned, place.as_str())
    } else {
        library = open_cards(environment, output)?;
        library.card(name)?
    };
    for warning in &read.warnings {
        output.message(&format!("warning: {warning}"));
    }
    if json {
        return output.json(&json!({"place": place, "card": read.card, "warnings": read.warnings}));
    }
    output.message(place);
    output.data(&write_card(&read.card, &read.text)?)
}

fn profile(
    file: &Path,
    options: &ProfileOptions,
    name: Option<String>,
    path: Option<&Path>,
    json: bool,
    output: &Output,
) -> Result<(), Failure> {
    output.status(&format!("reading {} …", file.display()));
    let profile = profile_file(file, options);
    output.clear_status();
    let profile = profile?;
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let card = card_of_profile(&profile, &name.unwrap_or(stem));
    for warning in &profile.warnings {
        output.message(&format!("warning: {warning}"));
    }
    if json {
        return output.json(&json!({"version": "couler/profile/v1", "profile": profile, "card": card}));
    }
    output.message(&described(&profile));
    let text = format!("# {}\n\nMade by `couler cards profile` from {} bytes.", card.name, profile.bytes);
    write_or_print(path, &write_card(&Card::Dataset(Box::new(card)), &text)?, output)
}

/// The profile in one line.
fn described(profile: &Profile) -> String {
    let guessed = if profile.label_guessed { " (guessed; --label names another)" } else { "" };
    let label = profile.label.as_deref().map_or_else(String::new, |label| {
        let task = profile.task.map_or(String::new(), |task| {
            let task = serde_json::to_value(task).ok();
            task.and_then(|task| task.as_str().map(|task| format!(", {task}"))).unwrap_or_default()
        });
        format!("; label {label}{guessed}{task}")
    });
    let sampled = if profile.sampled { " (a sample of them was looked at)" } else { "" };
    format!("{} rows{sampled}, {} columns{label}", profile.rows, profile.columns.len())
}

impl From<CardError> for Failure {
    fn from(error: CardError) -> Self {
        let hint = error.hint();
        match error {
            CardError::Io { .. } | CardError::Unknown { .. } | CardError::NoColumn { .. } => {
                Self::usage(error.to_string(), hint)
            }
            _ => Self::failed(error.to_string(), hint),
        }
    }
}
