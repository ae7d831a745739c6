//! What is worth trying, in this order: the library's default, the portfolio's first two, what the language model
//! proposes, tuned values of the card, the rest of the portfolio, draws from the card's ranges.

use serde_json::{Map, Value, json};

use super::{Candidate, Origin, Portfolio};
use crate::cards::{HyperparameterType, ModelCard, ModelTask, Scale};

/// Entries of the portfolio that come before all other proposals: the two were chosen together.
const FIRST: usize = 2;
/// Draws that are made at most for one that is new.
const ATTEMPTS: usize = 20;

/// What candidates are wanted for.
#[derive(Debug, Clone, Copy)]
pub struct CandidateRequest<'a> {
    /// The model's card.
    pub card: &'a ModelCard,
    /// The task.
    pub task: ModelTask,
    /// What the user said, by the library's names: no candidate changes it.
    pub given: &'a Map<String, Value>,
    /// Where proven configurations are.
    pub portfolio: &'a Portfolio,
    /// What the language model proposes.
    pub proposals: &'a [Candidate],
    /// Most candidates, the default included.
    pub most: usize,
    /// Decides what is drawn from ranges.
    pub seed: u64,
}

/// The candidates, best first by what is known before any trial; the library's default is always the first.
pub fn candidates(request: &CandidateRequest<'_>) -> Vec<Candidate> {
    let mut list = List { given: request.given, found: Vec::new(), most: request.most.max(1) };
    list.add(Candidate {
        params: Map::new(),
        origin: Origin::Default,
        reason: "the library's default, to compare with".into(),
        ratio_elsewhere: Some(1.0),
        predicted: None,
    });
    let known = request.portfolio.of(&request.card.name, request.task);
    let entries: Vec<Candidate> = known
        .into_iter()
        .flat_map(|known| known.entries.iter().map(move |entry| (known, entry)))
        .map(|(known, entry)| Candidate {
            params: entry.params.clone(),
            origin: Origin::Portfolio,
            reason: format!(
                "with the default and those before {:.0} % of the default's loss on {} data sets",
                entry.ratio_with_those_before * 100.0,
                known.data_sets
            ),
            ratio_elsewhere: Some(entry.ratio),
            predicted: None,
        })
        .collect();
    let (first, rest) = entries.split_at(entries.len().min(FIRST));
    let tuned = request.card.tuned.iter().filter(|tuned| tuned.task.is_none_or(|task| task == request.task));
    let tuned = tuned.map(|tuned| Candidate {
        params: tuned.values.clone(),
        origin: Origin::Tuned,
        reason: format!("{}: {}", tuned.name, tuned.source),
        ratio_elsewhere: None,
        predicted: None,
    });
    first.iter().cloned().for_each(|candidate| list.add(candidate));
    request.proposals.iter().cloned().for_each(|candidate| list.add(candidate));
    tuned.for_each(|candidate| list.add(candidate));
    rest.iter().cloned().for_each(|candidate| list.add(candidate));
    let mut generator = fastrand::Rng::with_seed(request.seed);
    for _ in 0..request.most * ATTEMPTS {
        list.add(Candidate {
            params: draw(request.card, request.task, &mut generator),
            origin: Origin::Card,
            reason: "drawn from the ranges of the card".into(),
            ratio_elsewhere: None,
            predicted: None,
        });
    }
    list.found
}

struct List<'a> {
    given: &'a Map<String, Value>,
    found: Vec<Candidate>,
    most: usize,
}

impl List<'_> {
    /// Adds a candidate without what the user decided, unless it is there already.
    fn add(&mut self, mut candidate: Candidate) {
        candidate.params.retain(|name, value| !self.given.contains_key(name) && !value.is_null());
        let new = self.found.iter().all(|other| other.params != candidate.params);
        if new && self.found.len() < self.most {
            self.found.push(candidate);
        }
    }
}

/// A configuration from the ranges of the card, each uniform in its scale.
fn draw(card: &ModelCard, task: ModelTask, generator: &mut fastrand::Rng) -> Map<String, Value> {
    let mut drawn = Map::new();
    for parameter in card.hyperparameters.iter().filter(|parameter| parameter.applies_to(task)) {
        let value = match (parameter.parameter_type, parameter.min, parameter.max) {
            (HyperparameterType::Boolean, ..) => json!(generator.bool()),
            (HyperparameterType::Choice, ..) if parameter.choices.is_empty() => continue,
            (HyperparameterType::Choice, ..) => {
                parameter.choices[generator.usize(..parameter.choices.len())].clone()
            }
            (kind, Some(low), Some(high)) => number(kind, low, high, parameter.scale, generator.f64()),
            _ => continue,
        };
        drawn.insert(parameter.name.clone(), value);
    }
    // What depends on another value goes where the other has none of those values.
    let idle: Vec<String> = card
        .hyperparameters
        .iter()
        .filter(|parameter| {
            let Some(when) = &parameter.when else { return false };
            let Some(other) = &when.parameter else { return false };
            drawn.get(other).is_some_and(|value| !when.values.contains(value))
        })
        .map(|parameter| parameter.name.clone())
        .collect();
    drawn.retain(|name, _| !idle.contains(name));
    drawn
}

#[expect(clippy::cast_possible_truncation, reason = "bounds of whole numbers in cards are small")]
fn number(kind: HyperparameterType, low: f64, high: f64, scale: Scale, share: f64) -> Value {
    let value = match scale {
        Scale::Log => low * (high / low).powf(share),
        Scale::Linear => low + (high - low) * share,
    };
    if kind == HyperparameterType::Integer {
        return json!(value.round() as i64);
    }
    // Three digits are enough, and read well.
    let rounded: f64 = format!("{value:.2e}").parse().unwrap_or(value);
    json!(rounded.clamp(low, high))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cards::Library;

    fn of(model: &str, task: ModelTask, given: &Value, most: usize, seed: u64) -> Vec<Candidate> {
        let (library, portfolio) = (Library::built_in(), Portfolio::built_in());
        let (card, _) = library.models().find(|(card, _)| card.name == model).unwrap();
        let given = given.as_object().unwrap();
        candidates(&CandidateRequest { card, task, given, portfolio: &portfolio, proposals: &[], most, seed })
    }

    #[test]
    fn three_candidates_are_the_default_and_two_of_the_portfolio() {
        for model in ["xgboost", "lightgbm", "random-forest"] {
            for task in [ModelTask::Classification, ModelTask::Regression] {
                let found = of(model, task, &json!({}), 3, 0);
                let origins: Vec<Origin> = found.iter().map(|candidate| candidate.origin).collect();
                assert_eq!(origins, [Origin::Default, Origin::Portfolio, Origin::Portfolio], "{model}");
            }
        }
    }

    #[test]
    fn what_the_user_said_is_in_no_candidate() {
        let given = json!({"n_estimators": 200, "max_depth": 3, "learning_rate": 0.5});
        for candidate in of("xgboost", ModelTask::Classification, &given, 12, 0) {
            assert!(given.as_object().unwrap().keys().all(|name| !candidate.params.contains_key(name)));
        }
    }

    #[test]
    fn a_model_without_a_portfolio_gets_draws_from_its_card() {
        let found = of("svm", ModelTask::Classification, &json!({"kernel": "linear"}), 4, 1);
        assert_eq!(found.len(), 4);
        assert!(found[1..].iter().all(|candidate| candidate.origin == Origin::Card));
    }

    proptest! {
        #[test]
        fn draws_stay_in_the_ranges_and_differ(seed in 0u64..1000, most in 1usize..30) {
            let library = Library::built_in();
            let model = ["xgboost", "svm", "bert", "knn"][usize::try_from(seed % 4).unwrap()];
            let (card, _) = library.models().find(|(card, _)| card.name == model).unwrap();
            let found = of(model, ModelTask::Classification, &json!({}), most, seed);
            prop_assert!(!found.is_empty() && found.len() <= most && found[0].params.is_empty());
            for (place, candidate) in found.iter().enumerate() {
                prop_assert!(found[..place].iter().all(|other| other.params != candidate.params));
                for (name, value) in candidate.params.iter().filter(|_| candidate.origin == Origin::Card) {
                    let parameter = card.hyperparameters.iter().find(|parameter| parameter.name == *name).unwrap();
                    if let (Some(number), Some(min), Some(max)) = (value.as_f64(), parameter.min, parameter.max) {
                        prop_assert!((min..=max).contains(&number), "{name}={number}");
                    }
                }
            }
        }
    }
}
