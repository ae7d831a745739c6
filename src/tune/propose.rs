//! Proposals without a trial: the prior of the portfolio, written only where it was measured to be a clear gain, and labelled.

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

use super::apply::{Choice, apply};
use super::candidate::described;
use super::target::{Target, data_source, targets};
use super::trials::completed;
use super::{Origin, Portfolio, Prior};
use crate::api::Program;
use crate::cards::{DatasetTask, Library, ModelTask, Profile, ProfileOptions, profile_file};
use crate::ir::Components;

/// Highest ratio to the default's loss at which a prior is written. Other data sets are as far from those it was learned
/// from as these are from each other, so one near 1 is no gain that can be relied on.
const WORTH_WRITING: f64 = 0.95;

impl Prior {
    /// Whether it is better than the library's default by more than chance.
    pub fn is_worth_writing(&self) -> bool {
        self.ratio <= WORTH_WRITING
    }
}

/// What is known of the data of a step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Data {
    /// The address that is loaded.
    pub source: Option<String>,
    /// The table itself, if it could be looked at.
    pub profile: Option<Profile>,
}

/// What was found and written for one training step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proposal {
    /// The step.
    pub step: String,
    /// The model's card: its place.
    pub model_card: String,
    /// The data set's card: its place and why it was taken.
    pub dataset_card: Option<String>,
    /// The task, if it is known.
    pub task: Option<ModelTask>,
    /// Values that the user gave.
    pub given: Map<String, Value>,
    /// Values that were written.
    pub written: Map<String, Value>,
    /// In words.
    pub notes: Vec<String>,
}

/// Rows of a table that are looked at for cards and checks.
const LOOKED_AT: u64 = 20_000;

/// The table at an address, if it is a file that can be looked at. A label that a step in between makes is not in it;
/// the rest of the table can be looked at all the same.
pub fn look(source: &str, label: Option<&str>) -> Option<Profile> {
    let path = Path::new(source.strip_prefix("file://").unwrap_or(source));
    if !path.is_file() {
        return None;
    }
    let options =
        |label: Option<&str>| ProfileOptions { label: label.map(str::to_owned), sample_rows: LOOKED_AT };
    profile_file(path, &options(label)).or_else(|_| profile_file(path, &options(None))).ok()
}

/// Finds cards for every training step and writes the priors that are worth it. `look` shows a table by its address.
pub fn propose(
    program: &mut Program,
    description: &str,
    library: &Library,
    portfolio: &Portfolio,
    components: &dyn Components,
    look: &dyn Fn(&str, Option<&str>) -> Option<Profile>,
) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    for target in targets(program, library) {
        let source = data_source(program, &target.step, &HashMap::new());
        let profile = source.as_deref().and_then(|source| look(source, target.label.as_deref()));
        let data = Data { source, profile };
        proposals.extend(one(program, &target, description, &data, library, portfolio, components));
    }
    proposals
}

fn one(
    program: &mut Program,
    target: &Target,
    description: &str,
    data: &Data,
    library: &Library,
    portfolio: &Portfolio,
    components: &dyn Components,
) -> Option<Proposal> {
    let (card, model_card) = library.models().find(|(card, _)| card.name == target.card)?;
    let component = components.component(&target.component)?;
    let dataset = library.dataset_for(description, data.source.as_deref(), data.profile.as_ref());
    let dataset_card = dataset.map(|found| format!("{} ({})", found.place, found.by.reason()));
    let task = target.task.or_else(|| task_of(target, data, dataset.and_then(|found| found.card.task)));
    let mut notes = vec![format!(
        "cards of {}: {model_card}{}",
        target.step,
        dataset_card.as_ref().map_or(String::new(), |card| format!(" and {card}"))
    )];
    notes.extend(warnings(target, data));
    if !target.given.is_empty() {
        notes.push(format!("{}: {} as you said", target.step, described(&target.given)));
    }
    let known = task.and_then(|task| portfolio.of(&target.card, task));
    let mut written = Map::new();
    if let Some(known) = known.filter(|known| known.prior.is_worth_writing() && target.given.is_empty()) {
        let evidence = format!(
            "prior, not measured on your data: at most {:.0} % of the library default's loss on {} other data sets",
            known.prior.ratio * 100.0,
            known.data_sets
        );
        let params = completed(&known.prior.params, &Target { task, ..target.clone() }, card, component);
        let choice = Choice { params, origin: Origin::Portfolio, evidence: evidence.clone() };
        written = apply(program, target, component, &choice);
        notes.push(format!("{}: {} from the portfolio ({evidence})", target.step, described(&written)));
    } else {
        // What the user said is marked, so that `couler explain` can tell it from defaults.
        let nothing = Choice { params: Map::new(), origin: Origin::User, evidence: String::new() };
        apply(program, target, component, &nothing);
    }
    let (step, given) = (target.step.clone(), target.given.clone());
    Some(Proposal { step, model_card: model_card.to_owned(), dataset_card, task, given, written, notes })
}

/// The task that the label column asks for, else the one of the data set's card.
fn task_of(target: &Target, data: &Data, card: Option<DatasetTask>) -> Option<ModelTask> {
    let looked_at = data.profile.as_ref().filter(|profile| profile.label == target.label);
    match looked_at.and_then(|profile| profile.task).or(card)? {
        DatasetTask::Classification => Some(ModelTask::Classification),
        DatasetTask::Regression => Some(ModelTask::Regression),
        _ => None,
    }
}

/// What the table says against the training.
fn warnings(target: &Target, data: &Data) -> Vec<String> {
    let (Some(profile), Some(label)) = (&data.profile, &target.label) else { return Vec::new() };
    let mut warnings = Vec::new();
    if profile.column(label).is_none() {
        let columns: Vec<&str> = profile.columns.iter().take(30).map(|column| column.name.as_str()).collect();
        warnings.push(format!(
            "warning: {} is to predict {label:?}, but {} has no such column; it has {}",
            target.step,
            profile.path.display(),
            columns.join(", ")
        ));
    }
    let one_class = profile.warnings.iter().filter(|warning| warning.contains("nothing can be learned"));
    warnings.extend(one_class.map(|warning| format!("warning: {}: {warning}", target.step)));
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::parse_program;
    use crate::lake::Lake;
    use crate::tune::origins;

    fn program(with: &str) -> Program {
        parse_program(&format!(
            "version: couler/v1\nname: p\nsteps:\n\
             - {{name: load, run: {{function: component, component: data.load, with: {{source: eval/data/churn.csv}}}}}}\n\
             - {{name: train, after: [load], run: {{function: component, component: xgboost.train, with: {with}}}}}\n"
        ))
        .unwrap()
    }

    fn proposed(program: &mut Program) -> Vec<Proposal> {
        let look = |source: &str, label: Option<&str>| {
            look(&Path::new(env!("CARGO_MANIFEST_DIR")).join(source).display().to_string(), label)
        };
        propose(program, "churn", &Library::built_in(), &Portfolio::built_in(), &Lake::built_in(), &look)
    }

    #[test]
    fn a_bare_training_gets_the_prior_with_its_origin_and_stays_valid() {
        let mut program = program("{target: churn}");
        let proposals = proposed(&mut program);
        assert_eq!(proposals.len(), 1);
        assert_eq!(proposals[0].task, Some(ModelTask::Classification));
        assert!(proposals[0].dataset_card.as_ref().unwrap().contains("datasets/churn.md (by its file)"));
        assert!(proposals[0].written.len() >= 3, "{:?}", proposals[0]);
        let noted = origins(&program.steps[1]);
        assert_eq!(noted.len(), proposals[0].written.len());
        assert!(noted.values().all(|note| note.contains("prior, not measured")), "{noted:?}");
        let value = serde_json::to_value(&program).unwrap();
        crate::ir::lower(&crate::api::program_from_value(&value).unwrap(), &Lake::built_in()).unwrap();
    }

    #[test]
    fn what_the_user_said_stays_and_is_marked() {
        let mut program = program("{target: churn, n_estimators: 200, params: {gamma: 1}}");
        let before = program.steps[1].run.clone();
        let proposals = proposed(&mut program);
        assert!(proposals[0].written.is_empty());
        assert_eq!(program.steps[1].run, before);
        assert_eq!(origins(&program.steps[1]).values().copied().collect::<Vec<_>>(), ["user", "user"]);
        let reference = "parameters: {hp: {default: '{}'}}\nsteps";
        let text = "version: couler/v1\nname: p\nsteps:\n\
             - {name: train, run: {function: component, component: xgboost.train, with: {target: churn, params: '{{parameters.hp}}'}}}\n";
        let mut program = parse_program(&text.replace("steps", reference)).unwrap();
        assert!(proposed(&mut program)[0].written.is_empty(), "a reference is a choice");
    }

    #[test]
    fn a_column_that_does_not_exist_is_warned_of() {
        let mut program = program("{target: chrun}");
        let notes = proposed(&mut program)[0].notes.join("\n");
        assert!(notes.contains("no such column") && notes.contains("support_calls"), "{notes}");
    }
}
