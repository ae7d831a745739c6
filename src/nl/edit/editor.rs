//! One remark after the other: read what is certain, ask the model for the rest, apply.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::apply::{Applied, apply};
use super::arguments::certain;
use super::clause::{clauses, without_opening};
use super::model::{Action, action_request, fill, read_action};
use super::operation::{Edit, EditError};
use super::question::{answer, is_question};
use super::read::{Addition, Context, Wish, read};
use super::remove::unknown;
use super::steps::{Meant, Steps};
use crate::api::{Component, Function, Program, Step, Task};
use crate::ir::Components;
use crate::nl::answer::SettingsAnswer;
use crate::nl::assemble::steps_of;
use crate::nl::certain::with_stated;
use crate::nl::fragment::Fragment;
use crate::nl::guard::guard;
use crate::nl::literals::{Literal, LiteralKind, literals};
use crate::nl::numbers::with_digits;
use crate::nl::pattern::regex;
use crate::nl::pipeline::{Pipeline, PipelineError, PreparedStep};
use crate::nl::plan::{Plan, PlannedStep};
use crate::nl::settings::mentions_setting;
use crate::nl::slots::StepContext;
use crate::nl::{Event, Stage};

/// What a conversation was about so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Focus {
    /// The steps spoken of last: what "it" means.
    #[serde(default)]
    pub steps: Vec<String>,
    /// The last wish, for "the other one, too".
    #[serde(default)]
    pub last: Option<String>,
    /// The step chosen when asked which one is meant.
    #[serde(default)]
    pub chosen: Option<String>,
}

/// What became of a remark.
#[derive(Debug)]
pub enum Reaction {
    /// The program changed.
    Changed {
        /// The edits.
        edits: Vec<Edit>,
        /// The program with them carried out.
        applied: Box<Applied>,
        /// What the conversation is about now.
        focus: Focus,
        /// What people should know.
        notes: Vec<String>,
    },
    /// A question was answered; nothing changed.
    Answer(String),
    /// It is not clear which step is meant; nothing changed.
    Question {
        /// The question.
        text: String,
        /// The steps to choose from.
        choices: Vec<String>,
        /// The wish to read again with the answer.
        remark: String,
    },
    /// Nothing changed, for this reason.
    Unchanged(String),
    /// The last change is to be taken back.
    Undo,
}

/// Edits programs as remarks say.
pub struct Editor<'a> {
    /// Model, components, prompts and where calls are noted.
    pub pipeline: Pipeline<'a>,
}

static UNDO: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(?:please )?(?:undo|revert|take (?:it|that) back|go back|never ?mind|forget (?:it|that)|undo (?:it|that|the last (?:change|edit)))(?: (?:that|it|this|the last (?:change|edit)))?(?: please)?\W*$",
    )
});
/// "The forest one too", "same for train".
static LIKEWISE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(?:and )?(?:(?:(?:do )?the same (?:thing )?(?:for|with|to|goes for)|same (?:for|with|goes for)|likewise(?: for)?|also) (.+?)|(.+?),? (?:too|as well|also|likewise))\W*$",
    )
});
/// What repeats, or runs once per item, is planned as a description is.
static PLANNED: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(?:for each|for every|once per|once for|per file|until|while|again and again|repeat\w*)\b")
});

/// Everything that one remark did so far.
struct Progress {
    program: Program,
    edits: Vec<Edit>,
    applied: Option<Applied>,
    focus: Focus,
    notes: Vec<String>,
    unread: Vec<String>,
    already: Vec<String>,
    refused: Vec<String>,
}

impl Editor<'_> {
    /// What a remark does to a program. Nothing of the program changes that the remark does not speak of.
    ///
    /// # Errors
    /// [`PipelineError`]: the model cannot be used, or the budget is spent.
    pub async fn react(
        &self,
        program: &Program,
        remark: &str,
        focus: &Focus,
    ) -> Result<Reaction, PipelineError> {
        let guarded = guard(remark);
        if remark.trim().is_empty() {
            return Err(PipelineError::Empty);
        }
        if guarded.text.trim().is_empty() {
            return Ok(Reaction::Unchanged(
                "it only gives orders to the assistant; say what the workflow should do".into(),
            ));
        }
        let (text, spelled) = with_digits(&with_spans(&guarded.text));
        let asked = Steps::new(program, self.pipeline.lake);
        if UNDO.is_match(without_opening(&text)) {
            return Ok(Reaction::Undo);
        }
        if is_question(&text) {
            return Ok(Reaction::Answer(answer(&asked, &text)));
        }
        let mut progress = Progress {
            program: program.clone(),
            edits: Vec::new(),
            applied: None,
            focus: Focus { chosen: None, ..focus.clone() },
            notes: Vec::new(),
            unread: Vec::new(),
            already: Vec::new(),
            refused: Vec::new(),
        };
        for ignored in &guarded.ignored {
            progress.notes.push(format!("set aside, because it instructs the assistant: {ignored}"));
        }
        for clause in clauses(&text) {
            let clause = without_opening(&clause).to_owned();
            if let Some(question) =
                self.clause(&mut progress, &clause, &text, focus.chosen.as_deref(), &spelled).await?
            {
                return Ok(question);
            }
        }
        if progress.edits.is_empty() && progress.already.is_empty() && progress.refused.is_empty() {
            self.whole(&mut progress, &text, &spelled).await?;
        }
        Ok(concluded(progress, &text))
    }

    /// Reads one wish and carries it out; a question where it is not clear which step is meant.
    async fn clause(
        &self,
        progress: &mut Progress,
        clause: &str,
        remark: &str,
        chosen: Option<&str>,
        spelled: &[String],
    ) -> Result<Option<Reaction>, PipelineError> {
        let program = progress.program.clone();
        let steps = Steps::new(&program, self.pipeline.lake);
        if is_question(clause) {
            progress.notes.push(answer(&steps, clause));
            return Ok(None);
        }
        if let Some((names, last)) = likewise(&steps, clause, &progress.focus) {
            let mut any = false;
            for name in names {
                let focus = progress.focus.steps.clone();
                let context = Context {
                    steps: &steps,
                    clause: &last,
                    remark: &last,
                    focus: &focus,
                    chosen: Some(&name),
                    spelled,
                };
                if let Some(wish) = read(&context) {
                    any = true;
                    self.wish(progress, wish, &context).await?;
                }
            }
            if any {
                progress.focus.last = Some(last);
                return Ok(None);
            }
        }
        let focus = progress.focus.steps.clone();
        let context = Context { steps: &steps, clause, remark, focus: &focus, chosen, spelled };
        let Some(wish) = read(&context) else {
            match unknown(&context, clause) {
                Some(wish) => return self.wish(progress, wish, &context).await,
                None => {
                    // What is not understood may still say what "it" means next.
                    if let Meant::Steps(names) = steps.meant(clause) {
                        progress.focus.steps = names;
                    }
                    progress.unread.push(clause.to_owned());
                }
            }
            return Ok(None);
        };
        self.wish(progress, wish, &context).await
    }

    async fn wish(
        &self,
        progress: &mut Progress,
        wish: Wish,
        context: &Context<'_>,
    ) -> Result<Option<Reaction>, PipelineError> {
        let edits = match wish {
            Wish::Edits(edits) => edits,
            Wish::Which { steps } => {
                if progress.edits.is_empty() {
                    let text = format!("Which step is meant by \"{}\"?", context.clause);
                    return Ok(Some(Reaction::Question {
                        text,
                        choices: steps,
                        remark: context.clause.to_owned(),
                    }));
                }
                let steps = steps.join(", ");
                progress.notes.push(format!(
                    "\"{}\" was left out: it is not clear which of {steps} is meant",
                    context.clause
                ));
                return Ok(None);
            }
            Wish::Impossible(reason) => {
                progress.refused.push(reason);
                return Ok(None);
            }
            Wish::Already(reason) => {
                progress.already.push(reason);
                return Ok(None);
            }
            Wish::Fill { step } => {
                let edits =
                    fill(&self.pipeline, context.steps, &step, context.clause, context.spelled).await?;
                if edits.is_empty() {
                    progress.unread.push(context.clause.to_owned());
                    return Ok(None);
                }
                edits
            }
            Wish::Add(addition) => self.added(progress, &addition, context).await?,
        };
        self.carry_out(progress, edits, context.clause);
        Ok(None)
    }

    /// Applies edits; what does not fit is refused and leaves everything as it was.
    fn carry_out(&self, progress: &mut Progress, edits: Vec<Edit>, clause: &str) {
        if edits.is_empty() {
            progress.unread.push(clause.to_owned());
            return;
        }
        match apply(&progress.program, &edits, self.pipeline.lake) {
            Ok(applied) => {
                let mut steps: Vec<String> = Vec::new();
                for name in edits.iter().filter_map(Edit::subject) {
                    let there =
                        crate::api::flatten_steps(&applied.program).iter().any(|(_, step)| step.name == name);
                    if there && !steps.iter().any(|known| known == name) {
                        steps.push(name.to_owned());
                    }
                }
                // What is new is spoken of, not what waits for it.
                if let Some(added) = edits.iter().find(|edit| matches!(edit, Edit::Add { .. })) {
                    steps = added.subject().map(str::to_owned).into_iter().collect();
                }
                if !steps.is_empty() {
                    progress.focus.steps = steps;
                }
                progress.focus.last = Some(clause.to_owned());
                progress
                    .notes
                    .extend(applied.notes.iter().filter(|note| note.contains("runs after")).cloned());
                progress.program = applied.program.clone();
                progress.edits.extend(edits);
                progress.applied = Some(applied);
            }
            Err(error) => progress.refused.push(refusal(&error)),
        }
    }

    /// New steps: those that the words ask for, or what the model plans where they leave it open.
    async fn added(
        &self,
        progress: &mut Progress,
        addition: &Addition,
        context: &Context<'_>,
    ) -> Result<Vec<Edit>, PipelineError> {
        if addition.components.is_empty() || PLANNED.is_match(&addition.text) {
            return self.planned(progress, addition, context).await;
        }
        let mut edits = Vec::new();
        let mut taken = context.steps.names();
        for (name, words) in &addition.components {
            let Some(component) = self.pipeline.lake.component(name) else { continue };
            let step_name = fresh_name(component, words, &taken);
            taken.push(step_name.clone());
            let step = self.step(component, &step_name, words, addition, context).await?;
            edits.push(Edit::Add {
                step: Box::new(step),
                before: addition.place.before.clone(),
                at_end: addition.place.at_end,
            });
        }
        if let Some(Ok(condition)) = addition.place.when.as_ref().map(|when| when.parse()) {
            edits.splice(0..0, super::condition::measured(context.steps, &condition));
        }
        Ok(edits)
    }

    /// One new step; the model is asked only for what the words leave open.
    async fn step(
        &self,
        component: &Component,
        name: &str,
        words: &str,
        addition: &Addition,
        context: &Context<'_>,
    ) -> Result<Step, PipelineError> {
        let text = if component.task == Task::Train { addition.text.as_str() } else { words };
        let planned = PlannedStep {
            text: words.to_owned(),
            task: component.name.clone(),
            name: name.to_owned(),
            after: addition.place.after.clone(),
            ..PlannedStep::default()
        };
        let fragment = match self.certain_fragment(component, name, text, addition, context) {
            Some(fragment) => fragment,
            None => self.generated(&planned, text, context).await?,
        };
        let plan = Plan { steps: vec![planned], ..Plan::default() };
        let (steps, ..) = steps_of(&plan, &[fragment], self.pipeline.lake);
        let mut step = steps.into_iter().next().expect("a plan of one step gives one step");
        step.when = addition.place.when.as_ref().and_then(|when| when.parse().ok());
        step.description = Some(addition.text.clone());
        if addition.place.at_end {
            step.after.clear();
        }
        Ok(step)
    }

    /// The fragment, where the words give every argument that must be given and no literal would be lost.
    fn certain_fragment(
        &self,
        component: &Component,
        name: &str,
        text: &str,
        addition: &Addition,
        context: &Context<'_>,
    ) -> Option<Fragment> {
        let stated = certain(component, text, name, context.spelled);
        let mut values = stated.values;
        values.extend(like_siblings(component, context, &values));
        let required = component.arguments["required"].as_array().cloned().unwrap_or_default();
        let missing = required.iter().filter_map(Value::as_str).any(|name| !values.contains_key(name));
        if missing || mentions_setting(text) {
            return None;
        }
        let used = json!([values, addition.place.when]);
        let kept = |literal: &Literal| {
            literal.appears_in(&used)
                || names_a_step(context, literal)
                || (literal.kind == LiteralKind::Number && addition.place.when.is_some())
        };
        if component.name == "container.run" {
            // Flags and words behind an image are read as in a description.
            return None;
        }
        literals(text).iter().all(kept).then(|| Fragment { with: values, ..Fragment::default() })
    }

    async fn generated(
        &self,
        planned: &PlannedStep,
        text: &str,
        context: &Context<'_>,
    ) -> Result<Fragment, PipelineError> {
        let component = self.pipeline.lake.component(&planned.task).expect("the component was found before");
        let known = literals(text);
        let step_context = StepContext {
            text,
            description: text,
            literals: &known,
            other_texts: &[],
            reader_texts: &[],
            items: &[],
            mapped: false,
            parameters: &[],
            spelled: context.spelled,
            relaxed: false,
        };
        // An image with nothing but flags behind it leaves nothing to choose.
        if component.name == "container.run"
            && let Some(fragment) = plain_image(text, component, &step_context)
        {
            return Ok(fragment);
        }
        let prepared = PreparedStep { planned: planned.clone(), text: text.to_owned() };
        let mut generated = self.pipeline.generate(&prepared, &step_context, &json!([])).await?;
        let like = like_siblings(component, context, &generated.fragment.with);
        for (name, value) in like {
            let made_up = generated
                .fragment
                .with
                .get(&name)
                .and_then(Value::as_str)
                .is_some_and(|text| text.contains("{{parameters."));
            if made_up || !generated.fragment.with.contains_key(&name) {
                generated.fragment.with.insert(name, value);
            }
        }
        Ok(generated.fragment)
    }

    /// Plans the wish as a description of its own and puts its steps in their place.
    async fn planned(
        &self,
        progress: &mut Progress,
        addition: &Addition,
        context: &Context<'_>,
    ) -> Result<Vec<Edit>, PipelineError> {
        let text = addition.text.as_str();
        let (mut plan, notes) = match self.pipeline.decompose(text, &[]).await {
            Ok(found) => found,
            Err(PipelineError::Refused { reason, .. }) => {
                progress.refused.push(format!("no step could be read from \"{text}\": {reason}"));
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        progress.notes.extend(notes);
        // A plan for a remark may name steps that are there already.
        plan.steps.retain(|step| !words_name_a_step(context, &step.name));
        if plan.steps.is_empty() && plan.finally.is_empty() {
            progress.refused.push(format!("no new step could be read from \"{text}\""));
            return Ok(Vec::new());
        }
        let known = literals(text);
        let prepared = Pipeline::prepare(text, &plan, &known);
        let generated = self.pipeline.generate_all(text, &plan, &prepared, &known, context.spelled).await?;
        let fragments: Vec<Fragment> = generated.iter().map(|generated| generated.fragment.clone()).collect();
        let (steps, on_exit, notes) = steps_of(&plan, &fragments, self.pipeline.lake);
        progress.notes.extend(notes);
        let new: Vec<String> = steps.iter().map(|step| step.name.clone()).collect();
        let mut edits = Vec::new();
        for mut step in steps {
            step.after.retain(|name| new.contains(name) || context.steps.get(name).is_some());
            let root = !step.after.iter().any(|name| new.contains(name));
            if root {
                step.after.clone_from(&addition.place.after);
            }
            let last = !plan.steps.iter().any(|other| other.after.contains(&step.name));
            let before = if last { addition.place.before.clone() } else { Vec::new() };
            edits.push(Edit::Add { step: Box::new(step), before, at_end: addition.place.at_end });
        }
        edits.extend(on_exit.into_iter().map(|step| Edit::Add {
            step: Box::new(step),
            before: Vec::new(),
            at_end: true,
        }));
        Ok(edits)
    }

    /// Nothing was certain: the model says what kind of change the remark is, if it speaks of the workflow at all.
    async fn whole(
        &self,
        progress: &mut Progress,
        text: &str,
        spelled: &[String],
    ) -> Result<(), PipelineError> {
        let program = progress.program.clone();
        let steps = Steps::new(&program, self.pipeline.lake);
        if !speaks_of_workflow(&steps, text) {
            return Ok(());
        }
        self.pipeline.observer.observe(&Event::Started { stage: Stage::Edit, step: None });
        let request = action_request(&self.pipeline, &steps, text)?;
        let response = self.pipeline.call(Stage::Edit, None, &request).await?;
        let focus = progress.focus.steps.clone();
        let context =
            Context { steps: &steps, clause: text, remark: text, focus: &focus, chosen: None, spelled };
        let wish = match read_action(&response.text, &steps) {
            Action::None => return Ok(()),
            Action::Change(step) => Wish::Fill { step },
            // Only a step that the text can mean goes.
            Action::Remove(step) => match steps.meant(text) {
                Meant::Steps(named) if named.contains(&step) => Wish::Edits(vec![Edit::Remove { step }]),
                _ => Wish::Which { steps: vec![step] },
            },
            Action::Replace(step, component) => {
                let Some(component) = self.pipeline.lake.component(&component) else { return Ok(()) };
                let run = super::replace::swapped(
                    steps.get(&step).expect("the step was checked"),
                    component,
                    text,
                    &context,
                );
                Wish::Edits(vec![Edit::Replace { step, run }])
            }
            Action::Add => Wish::Add(Addition {
                text: text.to_owned(),
                components: Vec::new(),
                place: super::place::place(&context, &[]),
            }),
        };
        progress.unread.clear();
        if let Some(Reaction::Question { choices, .. }) = self.wish(progress, wish, &context).await? {
            progress
                .refused
                .push(format!("it is not clear whether {} is meant; name the step", choices.join(", ")));
        }
        Ok(())
    }
}

/// Spans of time in words: "half an hour" is `30 minutes`.
fn with_spans(text: &str) -> String {
    static SPANS: LazyLock<[(Regex, &str); 4]> = LazyLock::new(|| {
        [
            (regex(r"\bthree quarters of an hour\b"), "45 minutes"),
            (regex(r"\b(?:a )?quarter of an hour\b|\ba quarter hour\b"), "15 minutes"),
            (regex(r"\b(?:an hour and a half|one and a half hours|1\.5 hours)\b"), "90 minutes"),
            (regex(r"\bhalf (?:an|a|of an) hour\b"), "30 minutes"),
        ]
    });
    // "Every half hour" is a schedule of its own.
    if text.to_lowercase().contains("every half") {
        return text.to_owned();
    }
    SPANS.iter().fold(text.to_owned(), |text, (pattern, span)| pattern.replace_all(&text, *span).into_owned())
}

/// A step like those of its kind predicts what they predict.
fn like_siblings(
    component: &Component,
    context: &Context<'_>,
    have: &Map<String, Value>,
) -> Map<String, Value> {
    let mut found = Map::new();
    if component.task != Task::Train {
        return found;
    }
    let sibling = context.steps.program.steps.iter().find_map(|step| {
        let other = context.steps.component(step)?;
        let Function::Component(call) = &step.run else { return None };
        (other.task == Task::Train && call.with.contains_key("target")).then_some(call)
    });
    let Some(sibling) = sibling else { return found };
    for name in ["target", "test_size", "metrics"] {
        let takes = component.arguments["properties"].get(name).is_some();
        if let Some(value) =
            sibling.with.get(name).filter(|_| takes && (name == "target" || !have.contains_key(name)))
        {
            // A target that the text names itself was read before.
            if !have.contains_key(name) || have.get(name).is_some_and(Value::is_null) {
                found.insert(name.to_owned(), value.clone());
            }
        }
    }
    found
}

/// An image whose words are flags only, or nothing.
fn plain_image(text: &str, component: &Component, context: &StepContext<'_>) -> Option<Fragment> {
    let images: Vec<Literal> = crate::nl::images::images(text);
    let [image] = &images[..] else { return None };
    let fragment = Fragment {
        with: Map::from_iter([("image".to_owned(), json!(image.text))]),
        settings: SettingsAnswer::default(),
        raw: Value::Null,
    };
    let fragment = with_stated(fragment, component, context, &[]);
    let used = json!(fragment.with);
    let kept = literals(text).iter().all(|literal| literal.appears_in(&used));
    (kept && !mentions_setting(text)).then_some(fragment)
}

fn names_a_step(context: &Context<'_>, literal: &Literal) -> bool {
    words_name_a_step(context, &literal.text)
        || context
            .steps
            .named(&literal.text)
            .iter()
            .any(|place| place.end - place.start == literal.text.len())
}

fn words_name_a_step(context: &Context<'_>, name: &str) -> bool {
    context.steps.get(name).is_some()
}

/// Steps that a "too" or "the same for" means, and the wish that it repeats.
fn likewise(steps: &Steps<'_>, clause: &str, focus: &Focus) -> Option<(Vec<String>, String)> {
    let last = focus.last.clone()?;
    let found = LIKEWISE.captures(clause)?;
    let words = found.get(1).or(found.get(2))?.as_str();
    let rest = steps.without_names(words);
    let plain = rest.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).all(|word| {
        ["the", "one", "ones", "step", "steps", "and", "a", "for", "with", "of", "model"]
            .contains(&word.to_lowercase().as_str())
    });
    match steps.meant(words) {
        Meant::Steps(names) if plain => Some((names, last)),
        _ => None,
    }
}

/// Whether a text says anything about the workflow: a step, a component, a value, a setting.
fn speaks_of_workflow(steps: &Steps<'_>, text: &str) -> bool {
    let step = steps.named(text).iter().any(|place| place.end - place.start > 2);
    step || !crate::nl::cues::asked_for(text, steps.lake).is_empty()
        || !crate::nl::algorithms::named_algorithms(text).is_empty()
        || mentions_setting(text)
        || literals(text).iter().any(|literal| {
            matches!(
                literal.kind,
                LiteralKind::Uri | LiteralKind::Image | LiteralKind::Channel | LiteralKind::Email
            )
        })
        || WORDS.is_match(text)
}

static WORDS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:add|insert|append|steps?|workflow|pipeline|columns?|rows?|features?|model\w*|data|dataset|table|metrics?|accuracy|train\w*|evaluat\w*|deploy\w*|report\w*|notif\w*|schedul\w*|image|container|parameter\w*)\b",
    )
});

/// A short name for a new step.
fn fresh_name(component: &Component, words: &str, taken: &[String]) -> String {
    let (family, verb) = component.name.split_once('.').unwrap_or(("", &component.name));
    let base = match (component.task, verb) {
        (Task::Train, _) => {
            let algorithm = crate::nl::algorithms::named_algorithms(words)
                .first()
                .map_or_else(|| family.to_owned(), |(_, words)| words.to_lowercase());
            format!("train-{algorithm}")
        }
        (Task::Notify, _) => format!("notify-{verb}"),
        (Task::Report, _) => "report".to_owned(),
        (Task::Container, _) => {
            let image = crate::nl::images::images(words)
                .into_iter()
                .next()
                .map(|image| image.text)
                .unwrap_or_default();
            let name = image.rsplit_once(':').map_or(image.as_str(), |(name, _)| name);
            name.rsplit('/').next().unwrap_or("run").to_owned()
        }
        (_, "run" | "python" | "bash") => family.to_owned(),
        _ => verb.replace('_', "-"),
    };
    let mut name: String =
        base.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    name = name.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name = format!("step-{name}");
    }
    name.truncate(50);
    let name = name.trim_end_matches('-').to_owned();
    std::iter::once(name.clone())
        .chain((2..).map(|number| format!("{name}-{number}")))
        .find(|name| !taken.contains(name))
        .expect("some number is free")
}

fn refusal(error: &EditError) -> String {
    match error {
        EditError::Invalid(problems) => {
            let first = problems.0.first().map(|problem| format!("{}: {}", problem.path, problem.message));
            format!("that would break the workflow: {}", first.unwrap_or_default())
        }
        other => other.to_string(),
    }
}

fn concluded(progress: Progress, remark: &str) -> Reaction {
    let Progress { edits, applied, focus, mut notes, unread, already, refused, .. } = progress;
    match applied {
        Some(applied) => {
            notes.extend(already);
            notes.extend(refused.into_iter().map(|reason| format!("not done: {reason}")));
            notes.extend(unread.iter().map(|clause| format!("nothing was done about \"{clause}\"")));
            Reaction::Changed { edits, applied: Box::new(applied), focus, notes }
        }
        None if !refused.is_empty() => Reaction::Unchanged(refused.join("; ")),
        None if !already.is_empty() => Reaction::Unchanged(already.join("; ")),
        None if !notes.is_empty() && unread.is_empty() => Reaction::Answer(notes.join("\n")),
        None => {
            let shown: String = remark.chars().take(80).collect();
            Reaction::Unchanged(format!(
                "I do not know what \"{shown}\" should change. Say it with the name of a step, for example \"retry train 3 times\", \"use LightGBM instead of XGBoost\", \"add a report after evaluate\"; /help shows more"
            ))
        }
    }
}
