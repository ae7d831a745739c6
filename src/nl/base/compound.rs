//! Steps whose task their words do not speak of, or that need a model which nothing trains.

use std::sync::LazyLock;

use regex::Regex;

use super::cues::follow_cues;
use super::literals::{LiteralKind, literals};
use super::plan::{Plan, PlannedStep};
use super::search::search_what_is_tuned;
use crate::ir::Components;
use crate::lake::Lake;
use crate::nl::pattern::regex;

/// Components that only certain words can mean; what a step becomes without them depends on what it names.
static NEEDS: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    [
        ("model.register", r"regist|mlflow|catalog|tracking"),
        ("model.deploy_kserve", r"kserve|inference|endpoint|serv(e|ing)|predictor|bereitstell"),
        ("tune.katib", r"katib"),
        ("job.pytorch", r"pytorch|torch|ddp"),
        ("job.tensorflow", r"tf-?job|tensor-?flow|parameter server|\bps\b"),
        ("job.mpi", r"\bmpi|horovod"),
        ("job.xgboost", r"xgboost"),
        ("image.build", r"build|kaniko|docker|bau"),
        ("git.clone", r"git|clone|repo|check ?out"),
        (
            "data.load_sql",
            r"sql|query|quer|database|\bdb\b|postgres|mysql|select|datenbank|warehouse|base de d",
        ),
        ("data.load_huggingface", r"hugging|\bhf\b|dataset"),
        ("notify.email", r"mail|@|posta|correo"),
        ("notify.slack", r"slack|#|channel|kanal"),
    ]
    .into_iter()
    .map(|(component, pattern)| (component, regex(pattern)))
    .collect()
});

/// "Predict", "guess" and "forecast" ask for a model.
static PREDICTS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(find out (?:who|which|what|whether|if|how (?:many|much|long))|tells? (?:us|me|them) (?:beforehand|in advance|early|ahead|who|which|whether)|know (?:beforehand|in advance|ahead|early)|who (?:will|is going to|might)|which \w+ (?:will|are going to|might)|likely to|predict\w*|guess\w*|forecast\w*|estimat(?:e|ing)|classif\w+|vorhers\w+|prognos\w+|prédi\w+|predec\w+|prever|preved\w+|voorspel\w*|przewid\w*)\b",
    )
});

/// "Find the weird readings" asks for a model that finds anomalies.
static ANOMALIES: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:find|detect\w*|spot|flag|identif\w+|search for|look for|discover|erkenn\w*|finde|détect\w+|detect\w+|encontrar|trova\w*)\b[^.;]{0,40}?\b(?:anomal\w+|outliers?|weird|unusual|suspicious|odd|strange|abnormal|irregular\w*|ausreißer|auffällig\w*|aberrant\w*|atípic\w*)",
    )
});

/// A table step that finds anomalies, where nothing trains, becomes a training of its own.
fn train_what_finds_anomalies(plan: &mut Plan, lake: &Lake, changes: &mut Vec<String>) {
    use crate::api::Task;
    let works = |step: &PlannedStep| {
        lake.component(&step.task).is_some_and(|component| {
            matches!(component.task, Task::Train | Task::Tune | Task::Job | Task::Script | Task::Container)
        })
    };
    if plan.all_steps().any(works) || lake.component("sklearn.train").is_none() {
        return;
    }
    let Some((index, at)) = plan
        .steps
        .iter()
        .enumerate()
        .find_map(|(index, step)| Some((index, ANOMALIES.find(&step.text)?.start())))
    else {
        return;
    };
    let step = plan.steps[index].clone();
    changes.push(format!("{}: an isolation forest finds the anomalies", step.name));
    let text = format!("{} with an isolation forest", &step.text[at..]);
    if !step.task.starts_with("data.load") {
        plan.steps[index].text = text;
        "sklearn.train".clone_into(&mut plan.steps[index].task);
        return;
    }
    let name = plan.fresh_name("find-anomalies");
    let first = step.text[..at].trim_end().trim_end_matches(" and").trim_end_matches(',');
    first.clone_into(&mut plan.steps[index].text);
    if plan.steps[index].text.is_empty() {
        plan.steps[index].text.clone_from(&step.text);
    }
    let first = plan.steps[index].clone();
    let new = PlannedStep {
        text,
        task: "sklearn.train".into(),
        name: name.clone(),
        after: vec![first.name.clone()],
        ..PlannedStep::default()
    };
    plan.replace(index, vec![first, new], &[name]);
}

/// A table step that speaks of predicting, where nothing trains, is the training.
fn train_what_is_predicted(plan: &mut Plan, lake: &Lake, changes: &mut Vec<String>) {
    use crate::api::Task;
    let works = |step: &PlannedStep| {
        lake.component(&step.task).is_some_and(|component| {
            matches!(
                component.task,
                Task::Train | Task::Tune | Task::Predict | Task::Job | Task::Script | Task::Container
            )
        })
    };
    if plan.all_steps().any(works) {
        return;
    }
    let Some(step) = plan.steps.iter_mut().find(|step| {
        PREDICTS.is_match(&step.text)
            && (step.task.starts_with("features.")
                || step.task.starts_with("data.")
                || step.task == "model.evaluate")
    }) else {
        return;
    };
    changes.push(format!("{}: to predict, a model is trained", step.name));
    "xgboost.train".clone_into(&mut step.task);
}

/// Mends the plan by words that are certain.
pub(in crate::nl) fn mend_tasks(plan: &mut Plan, description: &str, lake: &Lake, changes: &mut Vec<String>) {
    veto(plan, lake, changes);
    search_what_is_tuned(plan, description, lake, changes);
    drop_invented_messages(plan, changes);
    train_what_is_predicted(plan, lake, changes);
    train_what_finds_anomalies(plan, lake, changes);
    follow_cues(plan, lake, changes);
}

/// A message by mail or Slack that the words speak of nowhere was invented.
fn drop_invented_messages(plan: &mut Plan, changes: &mut Vec<String>) {
    for index in (0..plan.steps.len()).rev() {
        let step = &plan.steps[index];
        let needed =
            NEEDS.iter().find(|(component, _)| *component == step.task && component.starts_with("notify."));
        let spoken_of = needed.is_none_or(|(_, needed)| needed.is_match(&step.text));
        let tells = TELLS.is_match(&step.text);
        if !spoken_of && !tells && plan.steps.len() > 1 {
            let gone = plan.remove(index);
            changes.push(format!("{}: {:?} asks for no message", gone.name, gone.text));
        }
    }
}

static TELLS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:tell|notif\w+|messag\w+|inform\w*|alert\w*|announce\w*|ping|let \w+ (?:\w+ )?know|send|post|write|shout|benachrichtig\w*|prévien\w*|préven\w*|avis\w*|notific\w*|avvis\w*)\b",
    )
});

fn veto(plan: &mut Plan, lake: &Lake, changes: &mut Vec<String>) {
    for step in plan.steps.iter_mut().chain(&mut plan.finally) {
        let Some((_, needed)) = NEEDS.iter().find(|(component, _)| *component == step.task) else { continue };
        if needed.is_match(&step.text) {
            continue;
        }
        let Some(better) = without(step).filter(|better| lake.component(better).is_some()) else { continue };
        changes.push(format!(
            "{}: {better} instead of {}, which its words do not speak of",
            step.name, step.task
        ));
        better.clone_into(&mut step.task);
    }
}

/// What a step is that was taken for something its words do not speak of.
fn without(step: &PlannedStep) -> Option<&'static str> {
    let named = literals(&step.text);
    let has = |kind: LiteralKind| named.iter().any(|literal| literal.kind == kind);
    let image = named.iter().any(|literal| literal.kind == LiteralKind::Image && literal.text.contains(':'));
    match step.task.as_str() {
        "model.register" | "model.deploy_kserve" if has(LiteralKind::Uri) => Some("model.deploy"),
        "tune.katib" => Some("tune.search"),
        "notify.email" | "notify.slack" if step.text.to_lowercase().contains("report") => {
            Some("report.write")
        }
        _ if image => Some("container.run"),
        "data.load_sql" | "data.load_huggingface" if has(LiteralKind::Uri) => Some("data.load"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nl::base::plan::testing::chain;

    fn mended(steps: &[(&str, &str)]) -> Vec<(String, String, Vec<String>)> {
        let mut plan = chain(steps);
        mend_tasks(&mut plan, "", &Lake::built_in(), &mut Vec::new());
        plan.steps.into_iter().map(|step| (step.task, step.text, step.after)).collect()
    }

    #[test]
    fn a_filter_that_throws_out_missing_values_is_a_load_and_a_cleaning() {
        let found =
            mended(&[("data.filter", "Take data/loans.csv, throw out rows where something is missing")]);
        let tasks: Vec<&str> = found.iter().map(|step| step.0.as_str()).collect();
        assert_eq!(tasks, ["data.load", "data.clean"]);
    }

    #[test]
    fn what_the_words_do_not_speak_of_is_something_else() {
        assert_eq!(
            mended(&[("model.register", "the model is stored under gs://models/v1")])[0].0,
            "model.deploy"
        );
        assert_eq!(mended(&[("model.register", "register it in MLflow as x")])[0].0, "model.register");
        assert_eq!(mended(&[("job.mpi", "run acme/train:1")])[0].0, "container.run");
    }
}
