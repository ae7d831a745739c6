//! Remarks that need no model, read and applied; and what must never change.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::api::{Program, program_from_value};
use crate::ir::NoComponents;
use crate::lake::Lake;
use crate::llm::{Capabilities, CompletionFuture, LanguageModel, Ledger, LlmError, Request, TokenSink};
use crate::nl::edit::{Edit, Editor, Focus, Reaction, apply};
use crate::nl::{Pipeline, PipelineError, PipelineOptions, Prompts, Silent};

/// A model that must not be asked.
struct Unasked;

impl LanguageModel for Unasked {
    fn id(&self) -> &'static str {
        "unasked"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { enforces_schema: true, logprobs: false, concurrent: false, needs_passes: true }
    }

    fn count_tokens(&self, text: &str) -> usize {
        text.len()
    }

    fn complete<'a>(&'a self, _: &'a Request, _: TokenSink<'a>) -> CompletionFuture<'a> {
        Box::pin(async { Err(LlmError::Engine("the model was asked".into())) })
    }
}

fn program() -> Program {
    program_from_value(&json!({"version": "couler/v1", "name": "w", "schedule": {"cron": ["0 2 * * *"]},
        "parameters": {"days": {"default": "7"}},
        "steps": [
            {"name": "load", "run": {"function": "component", "component": "data.load", "with": {"source": "a.csv"}}},
            {"name": "train", "run": {"function": "component", "component": "xgboost.train", "with": {"target": "y", "n_estimators": 200}},
             "after": ["load"], "settings": {"retry": {"limit": 2}}},
            {"name": "evaluate", "run": {"function": "component", "component": "model.evaluate", "with": {"metrics": ["auc"]}}, "after": ["train"]},
            {"name": "ship", "run": {"function": "run_container", "image": "acme/ship:1.0", "args": ["--to", "s3://a/b"]},
             "after": ["evaluate"], "when": "evaluate.auc > 0.8"}
        ]}))
    .unwrap()
}

fn react(program: &Program, remark: &str, focus: &Focus) -> Reaction {
    tried(program, remark, focus).unwrap_or_else(|error| panic!("{remark}: {error}"))
}

fn tried(program: &Program, remark: &str, focus: &Focus) -> Result<Reaction, PipelineError> {
    let (lake, prompts, ledger) = (Lake::built_in(), Prompts::built_in(), Ledger::default());
    let pipeline = Pipeline {
        model: &Unasked,
        lake: &lake,
        prompts: &prompts,
        options: PipelineOptions::default(),
        ledger: &ledger,
        observer: &Silent,
    };
    let work = async { Editor { pipeline }.react(program, remark, focus).await };
    futures::executor::block_on(work)
}

fn changed(remark: &str) -> Value {
    match react(&program(), remark, &Focus::default()) {
        Reaction::Changed { applied, .. } => serde_json::to_value(applied.program).unwrap(),
        other => panic!("{remark}: {other:?}"),
    }
}

#[test]
fn what_a_remark_states_is_set_without_a_model() {
    let cases: [(&str, &str, Value); 27] = [
        ("retry training 5 times", "/steps/1/settings/retry/limit", json!(5)),
        ("no retries for train", "/steps/1/settings", Value::Null),
        ("give evaluate 2 CPUs", "/steps/2/settings/resources/cpu", json!("2")),
        ("stop ship after 10 minutes", "/steps/3/settings/timeout", json!("10m")),
        ("set LOG=debug for the environment of ship", "/steps/3/settings/env/LOG", json!("debug")),
        ("use CatBoost instead", "/steps/1/run/component", json!("catboost.train")),
        ("make it a random forest", "/steps/1/run/with/estimator", json!("random_forest")),
        ("300 trees", "/steps/1/run/with/n_estimators", json!(300)),
        ("read b.csv instead of a.csv", "/steps/0/run/with/source", json!("b.csv")),
        ("use acme/ship:1.1 instead of 1.0", "/steps/3/run/image", json!("acme/ship:1.1")),
        ("bump ship to 2.0", "/steps/3/run/image", json!("acme/ship:2.0")),
        ("ship to s3://c/d", "/steps/3/run/args/1", json!("s3://c/d")),
        ("measure accuracy", "/steps/2/run/with/metrics", json!(["auc", "accuracy"])),
        ("rename ship to publish", "/steps/3/name", json!("publish")),
        ("call the workflow churn", "/name", json!("churn")),
        ("every Monday at 6", "/schedule/cron/0", json!("0 6 * * 1")),
        ("no schedule please", "/schedule", Value::Null),
        ("the default of days should be 14", "/parameters/days/default", json!("14")),
        ("at most 2 steps at the same time", "/settings/parallelism", json!(2)),
        ("raise the threshold to 0.9", "/steps/3/when", json!("evaluate.auc > 0.9")),
        ("always ship", "/steps/3/when", Value::Null),
        ("only ship if accuracy is at least 0.7", "/steps/3/when", json!("evaluate.accuracy >= 0.7")),
        ("ship may start right after train", "/steps/3/after", json!(["train"])),
        ("run no more than 3 steps at once", "/settings/parallelism", json!(3)),
        ("always retry ship 3 times", "/steps/3/settings/retry/limit", json!(3)),
        ("always retry ship 3 times", "/steps/3/when", json!("evaluate.auc > 0.8")),
        ("remove evaluate's timeout and retry load once", "/steps/0/settings/retry/limit", json!(1)),
    ];
    for (remark, pointer, wanted) in cases {
        let found = changed(remark).pointer(pointer).cloned().unwrap_or(Value::Null);
        assert_eq!(found, wanted, "{remark}");
    }
}

#[test]
fn a_remark_that_speaks_of_a_step_removes_it_only_if_it_says_so() {
    let left = |remark: &str| match tried(&program(), remark, &Focus::default()) {
        Ok(Reaction::Changed { applied, .. }) => applied.program.steps.len(),
        _ => 4,
    };
    for remark in [
        "drop accuracy from evaluate",
        "never skip evaluate",
        "I don't want evaluate to wait for train",
        "remove the duplicates in load",
    ] {
        assert!(left(remark) >= 4, "{remark}");
    }
    for remark in ["remove ship", "drop the ship step please", "get rid of ship in this workflow"] {
        assert!(left(remark) < 4, "{remark}");
    }
}

#[test]
fn another_step_than_the_named_one_is_not_changed() {
    let of_train = |remark: &str| match tried(&program(), remark, &Focus::default()) {
        Ok(Reaction::Changed { applied, .. }) => serde_json::to_value(&applied.program.steps[1]).unwrap(),
        _ => serde_json::to_value(&program().steps[1]).unwrap(),
    };
    assert_eq!(of_train("change 200 to 300 in evaluate")["run"]["with"]["n_estimators"], 200);
    assert_eq!(of_train("change 200 to 300 in train")["run"]["with"]["n_estimators"], 300);
}

#[test]
fn where_something_goes_is_no_source_even_if_that_was_spoken_of_last() {
    let focus = Focus { steps: vec!["load".into()], ..Focus::default() };
    let Reaction::Changed { edits, .. } = react(&program(), "the winner goes to s3://c/d", &focus) else {
        panic!("it says where it goes")
    };
    assert_eq!(edits, [Edit::set("ship", "/run/args/1", "s3://c/d")]);
}

#[test]
fn letters_that_change_their_length_cut_nothing() {
    let _ = tried(&program(), "İ train… ẞ after load", &Focus::default());
}

#[test]
fn a_question_keeps_what_was_not_read_yet() {
    let remark = "set the timeout to 5 minutes and use LightGBM";
    let Reaction::Question { remark: asked, choices, .. } = react(&program(), remark, &Focus::default())
    else {
        panic!("it is not clear which step is meant")
    };
    let focus = Focus { chosen: Some(choices[3].clone()), ..Focus::default() };
    let Reaction::Changed { applied, .. } = react(&program(), &asked, &focus) else { panic!("{asked}") };
    let program = serde_json::to_value(applied.program).unwrap();
    assert_eq!(program["steps"][3]["settings"]["timeout"], "5m");
    assert_eq!(program["steps"][1]["run"]["component"], "lightgbm.train");
}

#[test]
fn a_member_of_a_group_can_be_edited() {
    let group = program_from_value(&json!({"version": "couler/v1", "name": "w", "steps": [
        {"name": "both", "run": {"function": "concurrent", "steps": [
            {"name": "alpha", "run": {"function": "run_script", "source": "print(1)"}},
            {"name": "beta", "run": {"function": "run_script", "source": "print(2)"}}]}}]}))
    .unwrap();
    let Reaction::Changed { applied, .. } = react(&group, "retry alpha 3 times", &Focus::default()) else {
        panic!("it says what is wanted")
    };
    let program = serde_json::to_value(applied.program).unwrap();
    assert_eq!(program.pointer("/steps/0/run/steps/0/settings/retry/limit"), Some(&json!(3)));
    assert_eq!(program.pointer("/steps/0/run/steps/1/settings"), None);
}

#[test]
fn what_stands_in_quotation_marks_is_no_schedule() {
    let report =
        program_from_value(&json!({"version": "couler/v1", "name": "w", "schedule": {"cron": ["0 2 * * *"]},
        "steps": [{"name": "summary", "run": {"function": "component", "component": "report.write",
            "with": {"title": "Reviews"}}}]}))
        .unwrap();
    let remark = "title the report \"Weekly reviews\"";
    let Reaction::Changed { edits, .. } = react(&report, remark, &Focus::default()) else {
        panic!("a title was given")
    };
    assert_eq!(edits, [Edit::set("summary", "/run/with/title", "Weekly reviews")]);
}

#[test]
fn signs_ranges_and_the_names_of_arguments_are_read() {
    let of = |remark: &str| react(&program(), remark, &Focus::default());
    for (remark, range) in [
        ("set learning rate to -5", "above 0"),
        ("-20 trees", "at least 1"),
        ("set the test size of train to 1.5", "below 1"),
    ] {
        let reaction = of(remark);
        assert!(
            matches!(&reaction, Reaction::NotDone(text) if text.contains(range)),
            "{remark}: {reaction:?}"
        );
    }
    assert_eq!(
        changed("set learning rate to 0.5").pointer("/steps/1/run/with/learning_rate"),
        Some(&json!(0.5))
    );
    let split = program_from_value(&json!({"version": "couler/v1", "name": "w", "steps": [
        {"name": "load", "run": {"function": "component", "component": "data.load", "with": {"source": "a.csv"}}},
        {"name": "split", "run": {"function": "component", "component": "data.split"}, "after": ["load"]}]}))
    .unwrap();
    let Reaction::Changed { edits, .. } = react(&split, "use a test size of 0.3", &Focus::default()) else {
        panic!("a test size was given")
    };
    assert_eq!(edits, [Edit::set("split", "/run/with/test_size", 0.3)]);
}

#[test]
fn conditions_read_the_values_of_steps() {
    let cases = [
        ("only evaluate if r2 of train is above 0.9", "/steps/2/when", "train.r2 > 0.9"),
        ("only ship if evaluate is above 0.95", "/steps/3/when", "evaluate.auc > 0.95"),
        ("only ship above 0.95", "/steps/3/when", "evaluate.auc > 0.95"),
        ("only ship if it is at least 0.85", "/steps/3/when", "evaluate.auc >= 0.85"),
    ];
    for (remark, pointer, wanted) in cases {
        assert_eq!(changed(remark).pointer(pointer), Some(&json!(wanted)), "{remark}");
    }
}

#[test]
fn values_without_sense_are_refused_with_what_is_possible() {
    for (remark, hint) in [
        ("schedule it at 25:00", "hours go from 0 to 23"),
        ("run it every day at 7:75", "minutes from 0 to 59"),
        ("set the timeout of train to banana", "30 minutes"),
        ("set the retries of train to -3", "number of retries"),
    ] {
        let reaction = react(&program(), remark, &Focus::default());
        assert!(
            matches!(&reaction, Reaction::NotDone(text) if text.contains(hint)),
            "{remark}: {reaction:?}"
        );
    }
}

#[test]
fn ordinary_values_are_not_refused() {
    for remark in
        ["schedule it at 23:30", "set the timeout of train to 1 hour", "set the retries of train to 4"]
    {
        let reaction = react(&program(), remark, &Focus::default());
        assert!(matches!(reaction, Reaction::Changed { .. }), "{remark}: {reaction:?}");
    }
}

#[test]
fn questions_about_values_and_links_are_answered() {
    let mut json = serde_json::to_value(program()).unwrap();
    json["steps"][3]["run"]["args"] = json!(["--score", "{{steps.train.score}}"]);
    let program = program_from_value(&json).unwrap();
    for (question, answer) in [
        ("what is the test size?", "test_size of train: not set"),
        ("what is the test size?", "default 0.2"),
        ("how many retries does train have?", "retries of train: 2"),
        ("what does the train step do?", "xgboost.train"),
        ("what does the train step cost?", "retry limit 2"),
        ("why does ship come after train?", "steps.train.score"),
    ] {
        let reaction = react(&program, question, &Focus::default());
        assert!(
            matches!(&reaction, Reaction::Answer(text) if text.contains(answer)),
            "{question}: {reaction:?}"
        );
    }
}

#[test]
fn a_step_that_is_not_there_is_not_renamed() {
    let reaction = react(&program(), "rename nothing to foo", &Focus::default());
    assert!(
        matches!(&reaction, Reaction::NotDone(text) if text.contains("\"nothing\"") && text.contains("load, train")),
        "{reaction:?}"
    );
}

#[test]
fn a_step_that_others_read_does_not_go() {
    let reaction = react(&program(), "remove the evaluate step", &Focus::default());
    assert!(matches!(&reaction, Reaction::NotDone(text) if text.contains("ship")), "{reaction:?}");
}

#[test]
fn questions_are_answered_and_unclear_wishes_asked_back() {
    let of = |remark: &str| react(&program(), remark, &Focus::default());
    assert!(matches!(of("why is evaluate after train?"), Reaction::Answer(text) if text.contains("model")));
    assert!(matches!(of("when does it run?"), Reaction::Answer(text) if text.contains("0 2 * * *")));
    assert!(
        matches!(of("set the timeout to 5 minutes"), Reaction::Question { choices, .. } if choices.len() == 4)
    );
    assert!(matches!(of("never mind"), Reaction::Undo));
    assert!(
        matches!(of("retry the cooking step 3 times"), Reaction::NotDone(text) if text.contains("no cooking step"))
    );
    let chosen = Focus { chosen: Some("ship".into()), ..Focus::default() };
    let Reaction::Changed { edits, .. } = react(&program(), "set the timeout to 5 minutes", &chosen) else {
        panic!("it was answered")
    };
    assert_eq!(edits, [Edit::set("ship", "/settings/timeout", "5m")]);
}

#[test]
fn edits_are_read_from_json_as_they_are_written() {
    let edits = vec![
        Edit::Rename { step: "load".into(), to: "read".into() },
        Edit::set("train", "/settings/retry/limit", 4),
        Edit::unset_workflow("/schedule"),
    ];
    let text = serde_json::to_string(&edits).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Edit>>(&text).unwrap(), edits);
    assert!(serde_json::from_str::<Edit>(r#"{"op": "remove", "step": "a", "more": 1}"#).is_err());
    assert!(apply(&program(), &[Edit::set("train", "/name", "x")], &Lake::built_in()).is_err());
}

/// A program of containers; step `n` waits for some of those before it.
fn chain(edges: &[u8]) -> Program {
    let steps: Vec<Value> = edges
        .iter()
        .enumerate()
        .map(|(index, bits)| {
            let after: Vec<String> =
                (0..index.min(8)).filter(|bit| bits >> bit & 1 == 1).map(|bit| format!("s{}", index - 1 - bit)).collect();
            json!({"name": format!("s{index}"), "after": after, "run": {"function": "run_container", "image": "a:1"}})
        })
        .collect();
    program_from_value(&json!({"version": "couler/v1", "name": "w", "steps": steps})).unwrap()
}

fn edit() -> impl Strategy<Value = Edit> {
    let name = || (0..9_u8).prop_map(|number| format!("s{number}"));
    prop_oneof![
        name().prop_map(|step| Edit::Remove { step }),
        (name(), name()).prop_map(|(step, to)| Edit::Rename { step, to: format!("{to}x") }),
        (name(), prop::collection::vec(name(), 0..3)).prop_map(|(step, after)| Edit::Rewire { step, after }),
        (name(), 1..9_u32).prop_map(|(step, limit)| Edit::set(&step, "/settings/retry/limit", limit)),
        (name(), name(), name()).prop_map(|(new, after, before)| Edit::Add {
            step: serde_json::from_value(json!({"name": format!("{new}n"), "after": [after],
                "run": {"function": "run_container", "image": "b:1"}}))
            .unwrap(),
            before: vec![before],
            at_end: false,
        }),
    ]
}

/// Steps whose bytes an edit may change: its own, those that are said to wait for it, those that named what goes.
fn spoken_of(program: &Program, edits: &[Edit]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for edit in edits {
        match edit {
            Edit::Add { step, before, .. } => found.extend(before.iter().cloned().chain([step.name.clone()])),
            Edit::Remove { step } | Edit::Rename { step, .. } => {
                found.push(step.clone());
                // Whoever waited for it, also after an earlier edit of the list.
                found.extend(
                    program
                        .steps
                        .iter()
                        .filter(|other| other.after.contains(step))
                        .map(|other| other.name.clone()),
                );
            }
            Edit::Rewire { step, .. } | Edit::Replace { step, .. } => found.push(step.clone()),
            Edit::Set { step, .. } | Edit::Unset { step, .. } => found.extend(step.clone()),
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn one_edit_changes_nothing_that_it_does_not_speak_of(edges in prop::collection::vec(any::<u8>(), 2..9), edit in edit()) {
        let before = chain(&edges);
        let edits = [edit];
        if let Ok(applied) = apply(&before, &edits, &NoComponents) {
            let spoken = spoken_of(&before, &edits);
            for step in before.steps.iter().filter(|step| !spoken.contains(&step.name)) {
                let after = applied.program.steps.iter().find(|other| other.name == step.name);
                let text = |step: &crate::api::Step| serde_json::to_string(step).unwrap();
                prop_assert_eq!(after.map(text), Some(text(step)));
            }
        }
    }
}
