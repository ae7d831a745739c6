//! Steps whose words ask for two things become two steps, and steps whose words speak of another component get that one.

use std::sync::LazyLock;

use regex::Regex;

use super::literals::{LiteralKind, literals};
use super::pattern::regex;
use super::plan::{Plan, PlannedStep};
use crate::ir::Components;
use crate::lake::Lake;

/// Words that certainly ask for a component.
static CUES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (
            r"\b(?:drop|remov\w+|delet\w+|throw (?:out|away)|discard\w*|filter out|get rid of|eliminat\w+|rmv|clean\w* (?:out|up)?|entfern\w+|supprim\w+|elimin\w+|remov\w+|usuń)\b[^,.;]{0,40}\b(?:dupl?icat\w*|dupes?|missing|nulls?|nans?|empty|incomplete|outliers?|doppelt\w*|fehlend\w*|doublons|manquant\w*|duplicad\w*|faltant\w*|duplicat\w*|mancant\w*)|\bde-?dup\w*|\bimput(?:e|ing|ation)\b|\bfill(?:ing)? (?:in )?(?:the )?(?:missing|gaps|nulls?)",
            "data.clean",
        ),
        (
            r"\bsplit\w*\b[^.;]{0,40}(?:\btrain|\btest|\b\d+ ?[/:%-]|\b\d+ ?%)|\bhold(?:ing)? ?out\b|\btrain[-/ ]?test[- ]split|\bset aside \d+ ?%|\bsplit off\b|\bkeep \d+ ?% (?:of [^,.;]{0,20})?(?:for|as)",
            "data.split",
        ),
        (r"\b(?:standardi[sz]\w+|min-?max|z-?scores?|(?:scale|rescale|scaling|normali[sz]\w+)\b[^,.;]{0,30}\b(?:columns?|features?|numeric\w*|numbers?|values?|it|them|between|to))", "features.scale"),
        (r"\bone-?hot|\blabel-?encod\w+|\btarget-?encod\w+|\bordinal-?encod\w+|\bencod(?:e|ing) (?:the )?(?:columns?|categor\w+)", "features.encode"),
        (r"\btf-?idf\b", "features.tfidf"),
    ]
    .into_iter()
    .map(|(pattern, component)| (regex(pattern), component))
    .collect()
});

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

/// Where one wish ends and the next begins.
static BOUNDARY: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r",? (?:and then|and also|and|then|before|followed by|und|dann|et|puis|y|luego|e|i)\b |[,;] |\. |\n",
    )
});

/// "Predict", "guess" and "forecast" ask for a model.
static PREDICTS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(predict\w*|guess\w*|forecast\w*|estimat(?:e|ing)|classif\w+|vorhers\w+|prognos\w+|prédi\w+|predec\w+|prever|preved\w+|voorspel\w*|przewid\w*)\b",
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
pub(super) fn mend_tasks(plan: &mut Plan, lake: &Lake, changes: &mut Vec<String>) {
    veto(plan, lake, changes);
    train_what_is_predicted(plan, lake, changes);
    train_what_finds_anomalies(plan, lake, changes);
    for (cue, component) in CUES.iter() {
        if lake.component(component).is_some() && !plan.all_steps().any(|step| step.task == *component) {
            separate(plan, cue, component, changes);
        }
    }
}

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
        _ if image => Some("container.run"),
        "data.load_sql" | "data.load_huggingface" if has(LiteralKind::Uri) => Some("data.load"),
        _ => None,
    }
}

/// Finds the step whose words have the cue, and gives the words behind its boundary to a step of their own.
fn separate(plan: &mut Plan, cue: &Regex, component: &str, changes: &mut Vec<String>) {
    let Some((index, at)) = plan.steps.iter().enumerate().find_map(|(index, step)| {
        let table = step.task.starts_with("data.")
            || step.task.starts_with("features.")
            || step.task.starts_with("script.")
            || is_training(&step.task);
        let hit = cue
            .find(&step.text)
            .filter(|_| table && step.each.as_ref().is_none_or(|_| !step.task.starts_with("script.")))?;
        Some((index, hit.start()))
    }) else {
        return;
    };
    let step = &plan.steps[index];
    let boundary = BOUNDARY.find_iter(&step.text[..at]).last();
    // The verb may stand before the cue's own words: the boundary is the last one before them.
    let Some((first_end, second_start)) = boundary.map(|hit| (hit.start(), hit.end())) else {
        if !is_training(&step.task) && !step.task.starts_with("data.load") {
            changes.push(format!("{}: its words ask for {component}, not {}", step.name, step.task));
            component.clone_into(&mut plan.steps[index].task);
        }
        return;
    };
    let (first, second) = (step.text[..first_end].to_owned(), step.text[second_start..].to_owned());
    // What follows the second wish may belong to the first again: a training keeps its words.
    let (first, second) = match BOUNDARY.find_iter(&second).next() {
        Some(next) if is_training(&step.task) => {
            (format!("{first}, {}", &second[next.end()..]), second[..next.start()].to_owned())
        }
        _ => (first, second),
    };
    let loads = literals(&first).iter().any(|literal| literal.kind == LiteralKind::Uri);
    let name = plan.fresh_name(&component.replace(['.', '_'], "-"));
    let old = plan.steps[index].clone();
    changes.push(format!("{}: its words ask for {component} as well, which became a step", old.name));
    let new = |after: Vec<String>| PlannedStep {
        text: second.clone(),
        task: component.to_owned(),
        name: name.clone(),
        after,
        ..PlannedStep::default()
    };
    if is_training(&old.task) {
        // The new step comes before: a table is cleaned, scaled or split before a model learns from it.
        let before = new(old.after.clone());
        let ends = [old.name.clone()];
        let own = PlannedStep { text: first, after: vec![name.clone()], ..old };
        plan.replace(index, vec![before, own], &ends);
        return;
    }
    let is_load = |task: &str| task.starts_with("data.load") || task == "data.download";
    let loaded = is_load(&old.task) || plan.steps[..index].iter().any(|other| is_load(&other.task));
    let task = if loads && !loaded { "data.load".to_owned() } else { old.task.clone() };
    let behind = new(vec![old.name.clone()]);
    let own = PlannedStep { text: first, task, each: None, ..old };
    plan.replace(index, vec![own, behind], std::slice::from_ref(&name));
}

fn is_training(task: &str) -> bool {
    task.rsplit_once('.').is_some_and(|(_, verb)| verb == "train")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nl::plan::testing::chain;

    fn mended(steps: &[(&str, &str)]) -> Vec<(String, String, Vec<String>)> {
        let mut plan = chain(steps);
        mend_tasks(&mut plan, &Lake::built_in(), &mut Vec::new());
        plan.steps.into_iter().map(|step| (step.task, step.text, step.after)).collect()
    }

    #[test]
    fn a_step_that_asks_for_two_things_becomes_two() {
        let found = mended(&[
            ("data.load", "Read farm/yields.xlsx and drop duplicate rows"),
            ("sklearn.train", "train a lasso"),
        ]);
        assert_eq!(found[0].1, "Read farm/yields.xlsx");
        assert_eq!((found[1].0.as_str(), found[1].1.as_str()), ("data.clean", "drop duplicate rows"));
        assert_eq!(found[2].2, ["data-clean"]);
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
