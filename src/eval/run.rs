//! Running the cases of a suite.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use futures::{FutureExt, StreamExt, stream};
use serde_json::Value;

use super::conversation::{converse, program};
use super::statistics::float;
use super::{Case, FailedStage, LogError, Mode, Sample, SampleOutcome, Scores, TurnResult, Verdict, check};
use crate::api::Program;
use crate::chat::{Conversation, Session};
use crate::engine::argo::{Argo, lint_argo, recover};
use crate::engine::{Engine, GenerateOptions, RecoveredGraph};
use crate::ir::{Workflow, lower};
use crate::lake::Lake;
use crate::llm::{CallRecord, LanguageModel, Ledger, LlmError, Usage};
use crate::nl::{Pipeline, PipelineError, PipelineOptions, Prompts, Silent};

/// How often a sample is tried whose model or service cannot be used.
const ATTEMPTS: u32 = 3;
/// Samples that wait for an earlier one before they are written down.
const SAMPLES_AHEAD: usize = 64;
/// Pause before the second attempt; doubled for the third.
const PAUSE: Duration = Duration::from_secs(2);

/// How a suite is run.
#[derive(Debug, Clone, PartialEq)]
pub struct EvaluationOptions {
    /// How workflows are generated.
    pub mode: Mode,
    /// Temperature and switches of the pipeline; the seed is that of the sample.
    pub pipeline: PipelineOptions,
    /// Repeats of every case.
    pub samples: u32,
    /// Samples at the same time.
    pub jobs: usize,
    /// Most time of one sample.
    pub timeout: Duration,
    /// Whether the seconds of a sample are those of its recorded calls instead of this run's.
    pub recorded_time: bool,
}

/// The model or a service could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InfrastructureError(String);

/// Everything that samples need.
pub struct Evaluation<'a> {
    /// The language model.
    pub model: &'a dyn LanguageModel,
    /// The components.
    pub lake: &'a Lake,
    /// The prompt templates.
    pub prompts: &'a Prompts,
    /// How it is run.
    pub options: EvaluationOptions,
}

/// What a description became.
#[derive(Default)]
struct Made {
    program: Option<Value>,
    manifest: Option<String>,
    graph: Option<RecoveredGraph>,
    requirements: Option<f64>,
    lint_faults: usize,
    /// Where and why there is no workflow.
    gave_up: Option<(FailedStage, String)>,
    /// What became of the turns of a conversation.
    turns: Vec<TurnResult>,
}

impl Evaluation<'_> {
    /// Runs every repeat of every case that is not `skipped`, and hands each sample over as soon as it is there.
    ///
    /// # Errors
    /// What `finished` returns; the run stops then.
    pub async fn run(
        &self,
        cases: &[&Case],
        skipped: &dyn Fn(&Case, u32) -> bool,
        finished: &mut dyn FnMut(Sample) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        // All cases once before any case twice: an early stop leaves a usable run.
        let wanted = (0..self.options.samples)
            .flat_map(|sample| cases.iter().map(move |case| (*case, sample)))
            .filter(|(case, sample)| !skipped(case, *sample));
        if self.options.recorded_time && self.options.jobs > 1 {
            return self.replay(&wanted.collect::<Vec<_>>(), finished);
        }
        let mut samples = stream::iter(wanted.map(|(case, sample)| self.sample(case, sample)))
            .buffer_unordered(self.options.jobs.max(1));
        while let Some(sample) = samples.next().await {
            finished(sample)?;
        }
        Ok(())
    }

    /// A replay waits for no model: every core takes samples, which are handed over in their order, so that a log is
    /// the same byte for byte.
    fn replay(
        &self,
        wanted: &[(&Case, u32)],
        finished: &mut dyn FnMut(Sample) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        let next = AtomicUsize::new(0);
        let (sender, receiver) = mpsc::sync_channel(SAMPLES_AHEAD);
        thread::scope(|scope| {
            for _ in 0..self.options.jobs {
                let (sender, next) = (sender.clone(), &next);
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                    let runtime = runtime.expect("threads were started before");
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some((case, sample)) = wanted.get(index) else { return };
                        // Nobody listens any more where a sample could not be written down.
                        if sender.send((index, runtime.block_on(self.sample(case, *sample)))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            let mut early = BTreeMap::new();
            let mut awaited = 0;
            for (index, sample) in receiver {
                early.insert(index, sample);
                while let Some(sample) = early.remove(&awaited) {
                    finished(sample)?;
                    awaited += 1;
                }
            }
            Ok(())
        })
    }

    async fn sample(&self, case: &Case, index: u32) -> Sample {
        let mut attempt = 1;
        loop {
            let ledger = Ledger::default();
            let started = Instant::now();
            let made = self.attempt(case, index, &ledger).await;
            let recorded = self.options.recorded_time;
            // Answers that a recording had already took their time when they were recorded.
            let calls = ledger.total().seconds;
            let alone = recorded || !self.model.capabilities().concurrent;
            let elapsed = if recorded { 0.0 } else { started.elapsed().as_secs_f64() };
            let seconds = if alone { elapsed.max(calls) } else { elapsed };
            if made.is_ok() || attempt == ATTEMPTS {
                return self.judged(case, index, made, &ledger, seconds);
            }
            tokio::time::sleep(PAUSE * 2u32.pow(attempt - 1)).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, case: &Case, index: u32, ledger: &Ledger) -> Result<Made, InfrastructureError> {
        let limit = self.options.timeout;
        let work = AssertUnwindSafe(self.make(case, index, ledger)).catch_unwind();
        match tokio::time::timeout(limit, work).await {
            Ok(Ok(made)) => made,
            Ok(Err(_)) => Err(InfrastructureError("couler crashed".into())),
            Err(_) => Err(InfrastructureError(format!("no result within {} s", limit.as_secs()))),
        }
    }

    async fn make(&self, case: &Case, index: u32, ledger: &Ledger) -> Result<Made, InfrastructureError> {
        let pipeline = Pipeline {
            model: self.model,
            lake: self.lake,
            prompts: self.prompts,
            options: PipelineOptions { seed: u64::from(index), ..self.options.pipeline.clone() },
            ledger,
            observer: &Silent,
        };
        if !case.turns.is_empty() {
            return Box::pin(self.conversed(&pipeline, case, ledger)).await;
        }
        match self.generated(&pipeline, case).await {
            Ok(made) => Ok(made),
            Err(PipelineError::Refused { .. } | PipelineError::Empty) => Ok(Made::default()),
            Err(error) => {
                let stage = match &error {
                    PipelineError::Assembly { .. } => FailedStage::Assemble,
                    PipelineError::Model(LlmError::BrokenOutput { .. } | LlmError::ContextLength { .. }) => {
                        let fragments = ledger.calls().iter().any(|call| call.stage == "generate");
                        if fragments { FailedStage::Generate } else { FailedStage::Decompose }
                    }
                    other => return Err(InfrastructureError(other.to_string())),
                };
                Ok(Made { gave_up: Some((stage, error.to_string())), ..Made::default() })
            }
        }
    }

    /// A conversation, turn by turn.
    async fn conversed(
        &self,
        pipeline: &Pipeline<'_>,
        case: &Case,
        ledger: &Ledger,
    ) -> Result<Made, InfrastructureError> {
        let begin = case.program.as_ref().map(program).transpose().map_err(InfrastructureError)?;
        // A suite whose program cannot be wired says nothing about the turns.
        if let Some(Err(problems)) = begin.as_ref().map(|program| lower(program, self.lake)) {
            return Err(InfrastructureError(format!("the program of the case: {problems}")));
        }
        let conversation = self.conversation(&pipeline.options);
        let done = converse(&conversation, begin, &case.turns).await;
        let (turns, program) = done.map_err(|error| InfrastructureError(error.to_string()))?;
        for turn in turns.iter().filter(|turn| turn.usage != Usage::default()) {
            self.note(ledger, turn.usage);
        }
        let program = program.and_then(|program| serde_json::to_value(&program).ok());
        Ok(Made { program, turns, ..Made::default() })
    }

    fn conversation(&self, options: &PipelineOptions) -> Conversation<'_> {
        Conversation {
            model: self.model,
            lake: self.lake,
            prompts: self.prompts,
            options: options.clone(),
            observer: &Silent,
        }
    }

    /// The calls of a turn as one record.
    fn note(&self, ledger: &Ledger, usage: Usage) {
        let model = self.model.id().to_owned();
        ledger.record(CallRecord { stage: "turn".into(), step: None, model, usage });
    }

    /// Remarks behind a description are edits of its program.
    async fn remarked(
        &self,
        pipeline: &Pipeline<'_>,
        case: &Case,
        workflow: Workflow,
        program: &mut Program,
    ) -> Result<Workflow, PipelineError> {
        if case.edits.is_empty() {
            return Ok(workflow);
        }
        let conversation = self.conversation(&pipeline.options);
        let mut session = Session::new("evaluation", 0);
        session.settings.auto_apply = true;
        session.replace(program.clone());
        for edit in &case.edits {
            conversation.say(&mut session, edit).await?;
            if let Some(turn) = session.turns().last().filter(|turn| turn.usage != Usage::default()) {
                self.note(pipeline.ledger, turn.usage);
            }
        }
        if let Some(changed) = session.program() {
            changed.clone_into(program);
        }
        lower(program, self.lake)
            .map_err(|problems| PipelineError::Assembly { problems, plan: Box::default() })
    }

    async fn generated(&self, pipeline: &Pipeline<'_>, case: &Case) -> Result<Made, PipelineError> {
        // The baselines read remarks as further sentences.
        let description = match self.options.mode {
            Mode::Pipeline => case.description.clone(),
            Mode::DirectProgram | Mode::DirectManifest => case.said().join(". "),
        };
        Ok(match self.options.mode {
            Mode::Pipeline => {
                let mut outcome = pipeline.run(&description).await?;
                outcome.workflow =
                    self.remarked(pipeline, case, outcome.workflow, &mut outcome.program).await?;
                let counted = &outcome.requirements;
                let share = float(counted.literals_kept) / float(counted.literals.max(1));
                Made {
                    program: serde_json::to_value(&outcome.program).ok(),
                    requirements: (counted.literals > 0).then_some(share),
                    ..of_workflow(&outcome.workflow)
                }
            }
            Mode::DirectProgram => {
                let program = pipeline.direct_program(&description).await?;
                let made = match lower(&program, self.lake) {
                    Ok(workflow) => of_workflow(&workflow),
                    Err(problems) => Made::gave_up(FailedStage::Assemble, problems.to_string()),
                };
                Made { program: serde_json::to_value(&program).ok(), ..made }
            }
            Mode::DirectManifest => of_manifest(pipeline.direct_manifest(&description).await?),
        })
    }

    fn judged(
        &self,
        case: &Case,
        index: u32,
        made: Result<Made, InfrastructureError>,
        ledger: &Ledger,
        seconds: f64,
    ) -> Sample {
        let mut sample = Sample {
            case: case.id.clone(),
            category: case.category.clone(),
            sample: index,
            turns: case.said(),
            outcome: SampleOutcome::Infrastructure,
            failed_stage: None,
            gave_up: false,
            failures: Vec::new(),
            scores: Scores::default(),
            calls: ledger.calls(),
            usage: ledger.total(),
            seconds,
            program: None,
            manifest: None,
            lint_faults: 0,
            turn_results: Vec::new(),
        };
        let made = match made {
            Ok(made) => made,
            Err(error) => return Sample { failures: vec![error.to_string()], ..sample },
        };
        if !case.turns.is_empty() {
            return of_turns(sample, made);
        }
        let (verdict, scores) = self.verdict(case, &made);
        sample.outcome = if verdict.passed() { SampleOutcome::Passed } else { SampleOutcome::Failed };
        sample.failed_stage = (!verdict.passed()).then_some(match &made {
            Made { gave_up: Some((stage, _)), .. } => *stage,
            Made { graph: None, .. } => FailedStage::Decompose,
            _ => FailedStage::Check,
        });
        sample.gave_up = made.gave_up.is_some();
        sample.failures = verdict.failures;
        sample.scores = Scores { requirements: made.requirements, ..scores };
        (sample.program, sample.manifest, sample.lint_faults) =
            (made.program, made.manifest, made.lint_faults);
        sample
    }

    /// A stage that gives up is a failure, even where a refusal is expected.
    fn verdict(&self, case: &Case, made: &Made) -> (Verdict, Scores) {
        if let Some((_, reason)) = &made.gave_up {
            return (Verdict { failures: vec![reason.clone()] }, Scores::default());
        }
        match self.options.mode {
            Mode::DirectManifest => check(&case.checks.without_components(), made.graph.as_ref()),
            Mode::Pipeline | Mode::DirectProgram => check(&case.checks, made.graph.as_ref()),
        }
    }
}

/// A conversation passes if every turn does.
fn of_turns(mut sample: Sample, made: Made) -> Sample {
    for (index, turn) in made.turns.iter().enumerate() {
        sample.failures.extend(turn.failures.iter().map(|failure| format!("turn {}: {failure}", index + 1)));
    }
    let passed = sample.failures.is_empty();
    sample.outcome = if passed { SampleOutcome::Passed } else { SampleOutcome::Failed };
    sample.failed_stage = (!passed).then_some(FailedStage::Check);
    sample.turn_results = made.turns;
    sample.program = made.program;
    sample
}

impl Made {
    fn gave_up(stage: FailedStage, reason: String) -> Self {
        Self { gave_up: Some((stage, reason)), ..Self::default() }
    }
}

fn of_workflow(workflow: &Workflow) -> Made {
    match Argo.generate(workflow, &GenerateOptions::default()) {
        Ok(files) => of_manifest(files.into_iter().map(|file| file.content).collect()),
        Err(error) => Made::gave_up(FailedStage::Engine, error.to_string()),
    }
}

fn of_manifest(manifest: String) -> Made {
    let lint_faults = lint_argo(&manifest).map_or(1, |faults| faults.len());
    match recover(&manifest) {
        Ok(graph) => Made { graph: Some(graph), manifest: Some(manifest), lint_faults, ..Made::default() },
        Err(error) => Made {
            manifest: Some(manifest),
            lint_faults,
            ..Made::gave_up(FailedStage::Engine, error.to_string())
        },
    }
}
