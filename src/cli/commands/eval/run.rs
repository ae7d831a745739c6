//! `couler eval run`: the cases of suites, one sample after the other.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressStyle};

use super::ReportFiles;
use crate::cli::commands::checks::{known_checks, known_passes};
use crate::cli::commands::{block_on, open_lake};
use crate::cli::files::{read_text, write_text};
use crate::cli::model_choice::{self, Choice};
use crate::cli::{Environment, Failure, Output};
use crate::eval::{
    Case, Evaluation, EvaluationOptions, LOG_VERSION, LogError, LogWriter, Mode, RunHeader, RunLog, Sample,
    SampleOutcome, Suite, Summary, report as reports,
};
use crate::lake::Lake;
use crate::llm::LanguageModel;
use crate::nl::{PipelineOptions, Prompts};

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct Arguments {
    /// Suites, for example eval/suites/main.yaml
    #[arg(required = true)]
    suites: Vec<PathBuf>,

    /// The model: local, a GGUF file, a server's model, or replay:FOLDER
    #[arg(long, short, value_name = "MODEL")]
    model: Option<String>,

    /// The pipeline, or a baseline with the same model
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,

    /// Repeats of every case
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    samples: u32,

    /// Sampling temperature
    #[arg(long, value_name = "T", default_value_t = 0.0)]
    temperature: f32,

    /// Samples at the same time [default: 1, or 4 where the model answers several requests at once]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,

    /// Only so many cases, taken from all categories in turn
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// Only cases whose id or category contains this; may be repeated
    #[arg(long, value_name = "TEXT")]
    filter: Vec<String>,

    /// Without the components of the code lake, only plain functions
    #[arg(long)]
    no_lake: bool,

    /// Without scoring fragments and generating them again
    #[arg(long)]
    no_calibration: bool,

    /// Without looking for lost literals
    #[arg(long)]
    no_coverage: bool,

    /// Without drawing further plans where the first one leaves something open
    #[arg(long)]
    no_choice: bool,

    /// Leave a check of the answer out (may be repeated); `couler checks` lists them
    #[arg(long, value_name = "NAME")]
    without_check: Vec<String>,

    /// Leave a rewriting pass of the way `passes` out (may be repeated)
    #[arg(long, value_name = "NAME")]
    without_pass: Vec<String>,

    /// Most seconds of one sample
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    timeout: u64,

    /// The log, one line per sample; an unfinished one is gone on with [default: target/eval/SUITE-MODE.jsonl]
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,

    /// Begin the log anew
    #[arg(long)]
    restart: bool,

    /// Record every answer of the model in a folder
    #[arg(long, value_name = "FOLDER")]
    record: Option<PathBuf>,

    /// Write each manifest into a folder
    #[arg(long, value_name = "FOLDER")]
    manifests: Option<PathBuf>,

    /// Fail if fewer samples pass: a number, or a share like 80%
    #[arg(long, value_name = "N")]
    min_pass: Option<Threshold>,

    #[command(flatten)]
    files: ReportFiles,

    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

/// What must pass.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Threshold {
    Count(usize),
    Percent(f64),
}

impl std::str::FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write a number of samples, or a share like 80%".to_owned();
        match text.strip_suffix('%') {
            Some(share) => share
                .trim()
                .parse()
                .ok()
                .filter(|share| (0.0..=100.0).contains(share))
                .map(Self::Percent)
                .ok_or_else(wrong),
            None => text.parse().map(Self::Count).map_err(|_| wrong()),
        }
    }
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let whole_lake = open_lake(environment)?;
    let suite = read_suites(&arguments.suites, &whole_lake)?;
    let cases = chosen(&suite.0.cases, &arguments.filter, arguments.limit);
    if cases.is_empty() {
        return Err(Failure::usage("no case is left", "choose another --filter"));
    }
    let lake = if arguments.no_lake { whole_lake.plain() } else { whole_lake };
    let prompts = Prompts::built_in();
    let replayed = matches!(
        model_choice::choose(arguments.model.as_deref(), environment, &environment.config()?),
        Choice::Replay(_)
    );
    let model =
        model_choice::open(arguments.model.as_deref(), arguments.record.as_deref(), environment, output)?;
    let header = header(arguments, &suite, model.as_ref(), &prompts, &lake, replayed);
    let path = arguments.log.clone().unwrap_or_else(|| default_log(&header));
    if arguments.restart && path.exists() {
        std::fs::remove_file(&path).map_err(|source| LogError::Io { path: path.clone(), source })?;
    }
    let (mut writer, known) = LogWriter::open(&path, &header)?;
    let mut samples: Vec<Sample> = known;
    let mut progress = Progress::new(&cases, arguments, &samples, output);
    let evaluation = Evaluation {
        model: model.as_ref(),
        lake: &lake,
        prompts: &prompts,
        options: options(arguments, model.as_ref(), replayed)?,
    };
    let finished = writer.finished();
    let skipped = |case: &Case, sample: u32| finished.contains(&(case.id.clone(), sample));
    let mut keep = |sample: Sample| {
        writer.append(&sample)?;
        progress.show(&sample);
        samples.push(sample);
        Ok(())
    };
    let work = evaluation.run(&cases, &skipped, &mut keep);
    block_on(async { work.await.map_err(Failure::from) }).map_err(|failure| {
        failure.with_hint_if_interrupted(&format!("run it again to go on from {}", path.display()))
    })?;
    progress.finish();
    // Only what was asked for: the log may hold more.
    let asked = |sample: &Sample| {
        sample.sample < arguments.samples && cases.iter().any(|case| case.id == sample.case)
    };
    samples.retain(asked);
    conclude(arguments, RunLog { header, samples }, &path, output)
}

fn conclude(arguments: &Arguments, log: RunLog, path: &Path, output: &Output) -> Result<(), Failure> {
    if let Some(folder) = &arguments.manifests {
        std::fs::create_dir_all(folder).map_err(|source| LogError::Io { path: folder.clone(), source })?;
        for sample in &log.samples {
            let Some(manifest) = &sample.manifest else { continue };
            write_text(&folder.join(format!("{}.{}.yaml", sample.case, sample.sample)), manifest)?;
        }
    }
    let summary = Summary::of(&log);
    arguments.files.write(&log, &summary, output)?;
    if arguments.json {
        output.json(&summary)?;
    } else {
        output.data(&reports::table(&summary))?;
    }
    output.message(&format!("the log is {}", path.display()));
    let figures = &summary.all;
    if figures.infrastructure > 0 {
        return Err(Failure::unavailable(
            format!("{} samples could not be taken", figures.infrastructure),
            "run it again: only those are taken once more",
        ));
    }
    let enough = match arguments.min_pass {
        None => true,
        Some(Threshold::Count(least)) => figures.passed >= least,
        Some(Threshold::Percent(least)) => {
            figures.pass_at.get(&1).is_some_and(|rate| 100.0 * rate.value >= least)
        }
    };
    if enough {
        return Ok(());
    }
    Err(Failure::failed(
        format!("{} of {} samples passed, more were asked for", figures.passed, figures.samples),
        "the lines above tell what does not hold",
    ))
}

/// All suites as one, with the digest of their texts.
fn read_suites(paths: &[PathBuf], lake: &Lake) -> Result<(Suite, String), Failure> {
    let components: Vec<&str> = lake.components().map(|component| component.name.as_str()).collect();
    let mut hasher = blake3::Hasher::new();
    let mut all: Option<Suite> = None;
    for path in paths {
        let text = read_text(path)?;
        hasher.update(text.as_bytes());
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::usage(format!("{}: {error}", path.display()), "docs/evaluation.md describes suites")
        };
        let suite = Suite::parse(&text, &components).map_err(|error| wrong(&error))?;
        match &mut all {
            None => all = Some(suite),
            Some(all) => {
                if let Some(twice) = suite.cases.iter().find(|case| all.cases.iter().any(|c| c.id == case.id))
                {
                    return Err(wrong(&format!("the id {:?} is in two suites", twice.id)));
                }
                all.name = format!("{}+{}", all.name, suite.name);
                all.cases.extend(suite.cases);
            }
        }
    }
    let suite = all.expect("at least one suite is required");
    Ok((suite, hasher.finalize().to_hex().to_string()))
}

/// The cases that fit, taken from all categories in turn if there are too many.
fn chosen<'a>(cases: &'a [Case], filter: &[String], limit: Option<usize>) -> Vec<&'a Case> {
    let fits = |case: &&Case| {
        filter.is_empty() || filter.iter().any(|text| case.id.contains(text) || case.category.contains(text))
    };
    let fitting: Vec<&Case> = cases.iter().filter(fits).collect();
    let Some(limit) = limit.filter(|limit| *limit < fitting.len()) else { return fitting };
    let mut groups: indexmap::IndexMap<&str, VecDeque<&Case>> = indexmap::IndexMap::new();
    for case in fitting {
        groups.entry(&case.category).or_default().push_back(case);
    }
    let mut taken = Vec::with_capacity(limit);
    while taken.len() < limit {
        taken.extend(groups.values_mut().filter_map(VecDeque::pop_front));
    }
    taken.truncate(limit);
    taken
}

fn options(
    arguments: &Arguments,
    model: &dyn LanguageModel,
    replayed: bool,
) -> Result<EvaluationOptions, Failure> {
    Ok(EvaluationOptions {
        mode: arguments.mode,
        pipeline: PipelineOptions {
            temperature: arguments.temperature,
            calibrate: !arguments.no_calibration,
            coverage: !arguments.no_coverage,
            plans: if arguments.no_choice { 1 } else { PipelineOptions::default().plans },
            without_checks: known_checks(&arguments.without_check)?,
            without_passes: known_passes(&arguments.without_pass)?,
            ..PipelineOptions::default()
        },
        samples: arguments.samples,
        jobs: arguments.jobs.unwrap_or_else(|| match (replayed, model.capabilities().concurrent) {
            (true, _) => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            (false, true) => 4,
            (false, false) => 1,
        }),
        timeout: Duration::from_secs(arguments.timeout),
        recorded_time: replayed,
    })
}

fn header(
    arguments: &Arguments,
    suite: &(Suite, String),
    model: &dyn LanguageModel,
    prompts: &Prompts,
    lake: &Lake,
    replayed: bool,
) -> RunHeader {
    let switches = [
        ("lake", arguments.no_lake),
        ("calibration", arguments.no_calibration),
        ("coverage", arguments.no_coverage),
        ("choice", arguments.no_choice),
    ];
    RunHeader {
        version: LOG_VERSION.to_owned(),
        suite: suite.0.name.clone(),
        suite_digest: suite.1.clone(),
        model: model.id().to_owned(),
        mode: arguments.mode,
        temperature: arguments.temperature,
        without: switches.iter().filter(|(_, off)| *off).map(|(name, _)| (*name).to_owned()).collect(),
        method: method(prompts, lake),
        date: if replayed { "recorded".to_owned() } else { today() },
    }
}

/// The digest of everything that shapes the requests: the program itself, prompts and components.
fn method(prompts: &Prompts, lake: &Lake) -> String {
    let mut hasher = blake3::Hasher::new();
    let program = std::env::current_exe().and_then(std::fs::read);
    hasher.update(&program.unwrap_or_default()).update(prompts.digest().as_bytes());
    for component in lake.components() {
        hasher.update(serde_json::to_string(component).unwrap_or_default().as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// Today in UTC, by the civil calendar (Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

fn default_log(header: &RunHeader) -> PathBuf {
    let mode = match header.mode {
        Mode::Pipeline => "pipeline",
        Mode::DirectProgram => "direct-program",
        Mode::DirectManifest => "direct-manifest",
    };
    let switches: String = header.without.iter().flat_map(|name| ["-no-", name]).collect();
    let warm = if header.temperature > 0.0 { format!("-t{}", header.temperature) } else { String::new() };
    Path::new("target/eval").join(format!("{}-{mode}{switches}{warm}.jsonl", header.suite))
}

/// Live lines, and on a terminal a bar below them.
struct Progress<'a> {
    bar: ProgressBar,
    output: &'a Output,
    passed: usize,
    counted: usize,
}

impl<'a> Progress<'a> {
    fn new(cases: &[&Case], arguments: &Arguments, known: &[Sample], output: &'a Output) -> Self {
        let total = cases.len() as u64 * u64::from(arguments.samples);
        let bar = if output.is_terminal() { ProgressBar::new(total) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} · {msg} · {eta} left") {
            bar.set_style(style);
        }
        let fitting = |sample: &&Sample| cases.iter().any(|case| case.id == sample.case);
        let known: Vec<&Sample> = known.iter().filter(fitting).collect();
        if !known.is_empty() {
            output.message(&format!("going on: {} samples are there already", known.len()));
        }
        bar.set_position(known.len() as u64);
        let passed = known.iter().filter(|sample| sample.passed()).count();
        Self { bar, output, passed, counted: known.len() }
    }

    fn show(&mut self, sample: &Sample) {
        self.counted += usize::from(sample.counts());
        self.passed += usize::from(sample.passed());
        let line = shown(sample);
        if self.bar.is_hidden() {
            self.output.message(&line);
        } else {
            self.bar.println(line);
        }
        self.bar.set_message(format!("{} of {} passed", self.passed, self.counted));
        self.bar.inc(1);
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn shown(sample: &Sample) -> String {
    let word = match sample.outcome {
        SampleOutcome::Passed => "pass",
        SampleOutcome::Failed => "FAIL",
        SampleOutcome::Infrastructure => "----",
    };
    let usage = &sample.usage;
    let mut text = format!(
        "{word} {:<34} {:>5.1} s  {:>5} tokens ({} uncached)",
        sample.case,
        sample.seconds,
        usage.prompt_tokens + usage.completion_tokens,
        usage.uncached_tokens(),
    );
    for failure in &sample.failures {
        text.push_str(&format!("\n     {}", failure.replace('\n', "\n     ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_takes_from_all_categories_in_turn() {
        let case = |id: &str, category: &str| Case {
            id: id.into(),
            category: category.into(),
            description: String::new(),
            program: None,
            turns: Vec::new(),
            edits: Vec::new(),
            checks: crate::eval::Checks::default(),
        };
        let cases = [case("a1", "a"), case("a2", "a"), case("a3", "a"), case("b1", "b"), case("c1", "c")];
        let ids = |limit| -> Vec<&str> {
            chosen(&cases, &[], limit).into_iter().map(|case| case.id.as_str()).collect()
        };
        assert_eq!(ids(Some(4)), ["a1", "b1", "c1", "a2"]);
        assert_eq!(ids(Some(9)).len(), 5);
        assert_eq!(ids(None), ["a1", "a2", "a3", "b1", "c1"]);
    }

    #[test]
    fn thresholds_are_counts_or_shares() {
        assert_eq!("12".parse(), Ok(Threshold::Count(12)));
        assert_eq!("80%".parse(), Ok(Threshold::Percent(80.0)));
        assert!("120%".parse::<Threshold>().is_err() && "most".parse::<Threshold>().is_err());
    }
}
