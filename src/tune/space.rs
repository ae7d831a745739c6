//! Searches inside one step and on the cluster: ranges that the program leaves open are those of the model's card.

use serde_json::{Map, Value, json};

use super::ORIGIN;
use crate::api::{Function, Job, KatibParameterType, Program, Step};
use crate::cards::{Hyperparameter, HyperparameterType, Library, ModelCard};

/// Fills open ranges of `tune.search` and of Katib experiments; returns what was filled, step by step. Given ranges stay.
pub fn fill_spaces(program: &mut Program, library: &Library) -> Vec<(String, String)> {
    let mut filled = Vec::new();
    fill(&mut program.steps, library, &mut filled);
    filled
}

fn fill(steps: &mut [Step], library: &Library, filled: &mut Vec<(String, String)>) {
    for step in steps {
        let text = format!("{} {}", step.description.as_deref().unwrap_or_default(), step.name);
        let found = match &mut step.run {
            Function::Concurrent(group) => {
                fill(&mut group.steps, library, filled);
                None
            }
            Function::Component(call)
                if call.component == "tune.search"
                    && !call.with.contains_key("space")
                    // A grid over all ranges of a card would be far too large; the script has a usual one.
                    && call.with.get("method").and_then(Value::as_str) != Some("grid") =>
            {
                let estimator = call.with.get("estimator").and_then(Value::as_str).unwrap_or("xgboost");
                let card = searched(library, estimator);
                card.map(|card| {
                    call.with.insert("space".into(), Value::Object(space(card)));
                    (card.name.clone(), "space".to_owned())
                })
            }
            Function::RunJob(run) => match &mut run.job {
                Job::Katib(experiment) => {
                    let card = library.model_named(&text).map(|found| found.card);
                    card.and_then(|card| katib(&mut experiment.parameters, card))
                }
                _ => None,
            },
            _ => None,
        };
        if let Some((card, what)) = found {
            step.settings.annotations.insert(format!("{ORIGIN}{what}"), format!("card, ranges of {card}"));
            filled.push((step.name.clone(), card));
        }
    }
}

fn searched<'a>(library: &'a Library, estimator: &str) -> Option<&'a ModelCard> {
    let arguments = json!({"estimator": estimator});
    let arguments = arguments.as_object()?;
    let own = library.model_of(&format!("{estimator}.train"), &Map::new());
    own.or_else(|| library.model_of("sklearn.train", arguments)).map(|found| found.card)
}

/// Most hyperparameters of a search inside one step; its schema says so.
const MOST: usize = 8;

/// The ranges of a card as `tune.search` takes them; conditions on a task or another value leave a hyperparameter out.
fn space(card: &ModelCard) -> Map<String, Value> {
    let mut space = Map::new();
    for parameter in card.hyperparameters.iter().filter(|parameter| parameter.when.is_none()).take(MOST) {
        let value = match (parameter.parameter_type, parameter.min, parameter.max) {
            (HyperparameterType::Boolean, ..) => json!([true, false]),
            (HyperparameterType::Choice, ..) => json!(parameter.choices),
            (HyperparameterType::Integer, Some(min), Some(max)) => whole_range(parameter, min, max),
            (HyperparameterType::Float, Some(min), Some(max)) => float_range(min, max),
            _ => continue,
        };
        space.insert(parameter.name.clone(), value);
    }
    space
}

fn whole_range(_: &Hyperparameter, min: f64, max: f64) -> Value {
    json!({"min": min.round(), "max": max.round()})
}

/// `tune.search` draws whole numbers where both bounds are whole; a float range must not look like one.
fn float_range(min: f64, max: f64) -> Value {
    if min.fract() == 0.0 && max.fract() == 0.0 {
        let steps: Vec<f64> = (0..=8).map(|step| min + (max - min) * f64::from(step) / 8.0).collect();
        return json!(steps);
    }
    json!({"min": min, "max": max})
}

/// Open parameters of an experiment that the card knows.
fn katib(parameters: &mut [crate::api::KatibParameter], card: &ModelCard) -> Option<(String, String)> {
    let mut names = Vec::new();
    for parameter in parameters {
        if parameter.min.is_some() || parameter.max.is_some() || !parameter.values.is_empty() {
            continue;
        }
        let Some(known) = card.hyperparameters.iter().find(|known| known.name == parameter.name) else {
            continue;
        };
        match known.parameter_type {
            HyperparameterType::Integer => parameter.kind = KatibParameterType::Int,
            HyperparameterType::Float => parameter.kind = KatibParameterType::Double,
            HyperparameterType::Boolean | HyperparameterType::Choice => {
                parameter.kind = KatibParameterType::Categorical;
                let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                parameter.values = known.choices.iter().map(text).collect();
            }
        }
        (parameter.min, parameter.max) = (known.min, known.max);
        names.push(parameter.name.clone());
    }
    (!names.is_empty()).then(|| (card.name.clone(), "parameters".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::parse_program;
    use crate::lake::Lake;

    #[test]
    fn a_search_without_a_space_gets_the_ranges_of_the_card_and_stays_valid() {
        for estimator in ["xgboost", "lightgbm", "random_forest", "svm", "ridge"] {
            let mut program = parse_program(&format!(
                "version: couler/v1\nname: p\nsteps:\n\
                 - {{name: load, run: {{function: component, component: data.load, with: {{source: a.csv}}}}}}\n\
                 - {{name: tune, after: [load], run: {{function: component, component: tune.search, with: {{target: answer, estimator: {estimator}}}}}}}\n"
            ))
            .unwrap();
            assert_eq!(fill_spaces(&mut program, &Library::built_in()).len(), 1, "{estimator}");
            let value = serde_json::to_value(&program).unwrap();
            crate::ir::lower(&crate::api::program_from_value(&value).unwrap(), &Lake::built_in()).unwrap();
            assert!(fill_spaces(&mut program, &Library::built_in()).is_empty(), "what is given stays");
        }
    }

    #[test]
    fn a_grid_keeps_the_usual_values_of_its_script() {
        let mut program = parse_program(
            "version: couler/v1\nname: p\nsteps:\n\
             - {name: tune, run: {function: component, component: tune.search, with: {target: answer, method: grid}}}\n",
        )
        .unwrap();
        assert!(fill_spaces(&mut program, &Library::built_in()).is_empty());
    }

    #[test]
    fn open_parameters_of_katib_get_the_ranges_of_the_card_that_the_step_names() {
        let mut program = parse_program(
            "version: couler/v1\nname: p\nsteps:\n- name: tune\n  description: tune the ResNet image with Katib\n  run:\n    function: run_job\n    job:\n\
             \x20     kind: Katib\n      image: acme/train:1\n      objective_metric: accuracy\n      parameters:\n\
             \x20     - {name: learning_rate, type: double}\n      - {name: momentum, type: double, min: 0.5, max: 0.6}\n",
        )
        .unwrap();
        assert_eq!(fill_spaces(&mut program, &Library::built_in()).len(), 1);
        let Function::RunJob(run) = &program.steps[0].run else { panic!() };
        let Job::Katib(experiment) = &run.job else { panic!() };
        assert_eq!((experiment.parameters[0].min, experiment.parameters[0].max), (Some(0.001), Some(0.5)));
        assert_eq!(experiment.parameters[1].min, Some(0.5));
    }
}
