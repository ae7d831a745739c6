//! New steps: which component, which fragment, which name.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::certain::certain;
use super::editor::Reader;
use super::read::{Addition, Context};
use crate::api::{Component, Function, Step, Task};
use crate::ir::Components;
use crate::nl::base::answer::SettingsAnswer;
use crate::nl::base::assemble::steps_of;
use crate::nl::base::certain::with_stated;
use crate::nl::base::fragment::Fragment;
use crate::nl::base::literals::{Literal, LiteralKind, literals};
use crate::nl::base::plan::{Plan, PlannedStep};
use crate::nl::base::settings::mentions_setting;
use crate::nl::base::slots::StepContext;
use crate::nl::base::way::PreparedStep;
use crate::nl::edit::Edit;
use crate::nl::pattern::regex;
use crate::nl::pipeline::{Pipeline, PipelineError};

/// What repeats, or runs once per item, is planned as a description is.
static PLANNED: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(?:for each|for every|once per|once for|per file|until|while|again and again|repeat\w*)\b")
});

impl Reader<'_> {
    /// New steps: those that the words ask for, or what the model plans where they leave it open.
    pub(super) async fn added(
        &self,
        notes: &mut Vec<String>,
        refused: &mut Vec<String>,
        addition: &Addition,
        context: &Context<'_>,
    ) -> Result<Vec<Edit>, PipelineError> {
        if addition.components.is_empty() || PLANNED.is_match(&addition.text) {
            return self.planned(notes, refused, addition, context).await;
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
        let fragment = match certain_fragment(component, name, text, addition, context) {
            Some(fragment) => fragment,
            None => self.generated(&planned, text, context).await?,
        };
        let plan = Plan { steps: vec![planned], ..Plan::default() };
        let (steps, ..) = steps_of(&plan, &[fragment], self.pipeline.lake)
            .map_err(|problems| PipelineError::Assembly { problems, plan: Box::new(json!(plan)) })?;
        let mut step = steps.into_iter().next().expect("a plan of one step gives one step");
        step.when = addition.place.when.as_ref().and_then(|when| when.parse().ok());
        step.description = Some(addition.text.clone());
        if addition.place.at_end {
            step.after.clear();
        }
        Ok(step)
    }

    async fn generated(
        &self,
        planned: &PlannedStep,
        text: &str,
        context: &Context<'_>,
    ) -> Result<Fragment, PipelineError> {
        let component = self.pipeline.lake.component(&planned.task).expect("the component was found before");
        let known = literals(text);
        let step_context = StepContext::alone(text, &known, context.spelled);
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
        notes: &mut Vec<String>,
        refused: &mut Vec<String>,
        addition: &Addition,
        context: &Context<'_>,
    ) -> Result<Vec<Edit>, PipelineError> {
        let text = addition.text.as_str();
        let (mut plan, planned) = match self.pipeline.decompose(text).await {
            Ok(found) => found,
            Err(PipelineError::Refused { reason, .. }) => {
                refused.push(format!("no step could be read from \"{text}\": {reason}"));
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        notes.extend(planned);
        // A plan for a remark may name steps that are there already.
        plan.steps.retain(|step| !words_name_a_step(context, &step.name));
        if plan.steps.is_empty() && plan.finally.is_empty() {
            refused.push(format!("no new step could be read from \"{text}\""));
            return Ok(Vec::new());
        }
        let known = literals(text);
        let prepared = Pipeline::prepare(text, &plan, &known);
        let generated = self.pipeline.generate_all(text, &plan, &prepared, &known, context.spelled).await?;
        let fragments: Vec<Fragment> = generated.iter().map(|generated| generated.fragment.clone()).collect();
        let (steps, on_exit, more) = steps_of(&plan, &fragments, self.pipeline.lake)
            .map_err(|problems| PipelineError::Assembly { problems, plan: Box::new(json!(plan)) })?;
        notes.extend(more);
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
}

/// The fragment, where the words give every argument that must be given and no literal would be lost.
fn certain_fragment(
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
    let images: Vec<Literal> = crate::nl::base::images::images(text);
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

/// A short name for a new step.
fn fresh_name(component: &Component, words: &str, taken: &[String]) -> String {
    let (family, verb) = component.name.split_once('.').unwrap_or(("", &component.name));
    let base = match (component.task, verb) {
        (Task::Train, _) => {
            let algorithm = crate::nl::base::algorithms::named_algorithms(words)
                .first()
                .map_or_else(|| family.to_owned(), |(_, words)| words.to_lowercase());
            format!("train-{algorithm}")
        }
        (Task::Notify, _) => format!("notify-{verb}"),
        (Task::Report, _) => "report".to_owned(),
        (Task::Container, _) => {
            let image = crate::nl::base::images::images(words)
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
        .chain((2..=taken.len() + 2).map(|number| format!("{name}-{number}")))
        .find(|name| !taken.contains(name))
        .expect("some number is free")
}
