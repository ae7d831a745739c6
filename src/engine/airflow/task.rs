//! One task of a DAG: what every step has, wherever it runs.

use super::super::EngineError;
use super::condition;
use super::context::{Context, unsupported};
use super::modules::Module;
use super::python::{Expr, string};
use super::{job, local, pod};
use crate::api::{Condition, Duration, MapItems, Operand, Retry, RetryPolicy, WORKFLOW};
use crate::ir::{Action, Node};

/// A task as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Task {
    /// Its name in the code.
    pub variable: String,
    /// Its operator, made.
    pub value: Expr,
    /// The task that reads the items it runs over.
    pub items: Option<(String, Expr)>,
}

/// The arguments of an operator in order.
pub(crate) type Arguments = Vec<(String, Expr)>;

/// Adds an argument.
pub(crate) fn set(arguments: &mut Arguments, name: &str, value: Expr) {
    arguments.push((name.to_owned(), value));
}

/// The task of a step.
///
/// # Errors
/// What Airflow cannot express, with the step and the feature.
pub(crate) fn task(context: &Context<'_>, node: &Node) -> Result<Task, EngineError> {
    context.check_reads(node)?;
    check_daemon(context, node)?;
    uses_values(context, node);
    let mut arguments = Arguments::new();
    set(&mut arguments, "task_id", Expr::text(&node.name));
    if let Some(description) = &node.description {
        set(&mut arguments, "doc", Expr::text(description));
    }
    let operator = match &node.action {
        Action::Job { job } => job::fill(context, node, job, &mut arguments)?,
        _ if context.is_local() => local::fill(context, node, &mut arguments)?,
        _ => pod::fill(context, node, &mut arguments)?,
    };
    control(context, node, &mut arguments);
    failures(node, &mut arguments);
    let variable = context.variable(&node.name);
    Ok(mapped(context, node, variable, operator, arguments))
}

/// Whether a step needs more of its operator than Airflow's own one gives.
pub(crate) fn is_special(node: &Node) -> bool {
    let retry = node.settings.retry.as_ref();
    node.condition.is_some()
        || node.map.is_some()
        || node.exec_while.is_some()
        || node.settings.continue_on_failure
        || retry.is_some_and(|retry| infrastructure_only(retry.policy) || has_longest_time(retry))
}

/// A daemon is left alone: nothing waits for it, so nothing is read, repeated or kept.
fn check_daemon(context: &Context<'_>, node: &Node) -> Result<(), EngineError> {
    if !node.settings.daemon {
        return Ok(());
    }
    if node.exec_while.is_some() {
        return Err(unsupported(
            &node.name,
            "daemon in a loop",
            "a daemon never ends, so it cannot be repeated",
        ));
    }
    if node.settings.cache.is_some() {
        return Err(unsupported(
            &node.name,
            "cache of a daemon",
            "a daemon has no result that could be kept",
        ));
    }
    if node.outputs.iter().any(|output| context.is_read(node, &output.name)) {
        return Err(unsupported(&node.name, "output of a daemon", "nothing waits until it is written"));
    }
    Ok(())
}

/// Takes the functions that read values into the file.
fn uses_values(context: &Context<'_>, node: &Node) {
    if node.condition.is_some()
        || node.exec_while.is_some()
        || has_late_items(node)
        || !node.pieces().is_empty()
    {
        context.uses(Module::Values);
    }
}

/// Condition and loop.
fn control(context: &Context<'_>, node: &Node, arguments: &mut Arguments) {
    if let Some(condition) = &node.condition {
        set(arguments, "only_if", condition::lambda_with_needs(condition, &context.needs(node)));
    }
    if waits_for_any_end(context, node) && !has_late_items(node) {
        set(arguments, "trigger_rule", Expr::text("all_done"));
    }
    if let Some(repeat) = &node.exec_while {
        set(arguments, "repeat_while", condition::lambda(&repeat.condition));
        set(arguments, "at_most", Expr::code(repeat.limit.to_string()));
        if let Some(pause) = repeat.pause {
            set(arguments, "pause", Expr::code(pause.seconds().to_string()));
        }
    }
}

/// Whether a step runs however those before it ended; the steps at the end do so anyway.
fn waits_for_any_end(context: &Context<'_>, node: &Node) -> bool {
    !node.awaited().is_empty() && !context.is_exit(node)
}

/// Whether a task of its own reads the items of a step.
fn has_late_items(node: &Node) -> bool {
    let over = node.map.as_ref().map(|map| &map.over);
    matches!(over, Some(MapItems::Output { .. } | MapItems::Parameter { .. }))
}

/// Whether all waits together are limited, for which Airflow has no word.
fn has_longest_time(retry: &Retry) -> bool {
    retry.backoff.as_ref().is_some_and(|backoff| backoff.max_duration.is_some())
}

fn infrastructure_only(policy: RetryPolicy) -> bool {
    matches!(policy, RetryPolicy::OnError | RetryPolicy::OnTransientError)
}

/// Retries, time limit, tolerated failures.
fn failures(node: &Node, arguments: &mut Arguments) {
    let settings = &node.settings;
    if settings.continue_on_failure {
        set(arguments, "soft_fail", Expr::code("True"));
    }
    if let Some(retry) = &settings.retry {
        set(arguments, "retries", Expr::code(retry.limit.to_string()));
        let backoff = retry.backoff.as_ref();
        let delay = backoff.map_or(0, |backoff| backoff.duration.seconds());
        set(arguments, "retry_delay", Expr::seconds(delay));
        if let Some(factor) = backoff.and_then(|backoff| backoff.factor).filter(|factor| *factor > 1) {
            set(arguments, "retry_exponential_backoff", Expr::code(factor.to_string()));
        }
        if let Some(longest) = backoff.and_then(|backoff| backoff.max_pause) {
            set(arguments, "max_retry_delay", Expr::seconds(longest.seconds()));
        }
        if let Some(most) = backoff.and_then(|backoff| backoff.max_duration) {
            set(arguments, "retry_within", Expr::seconds(most.seconds()));
        }
        if infrastructure_only(retry.policy) {
            set(arguments, "retry_on", Expr::text("error"));
        }
    }
    if let Some(limit) = settings.timeout {
        set(arguments, "execution_timeout", Expr::seconds(Duration::seconds(limit)));
    }
}

/// The operator itself, or one instance per item.
fn mapped(
    context: &Context<'_>,
    node: &Node,
    variable: String,
    operator: &str,
    mut arguments: Arguments,
) -> Task {
    let Some(map) = &node.map else {
        return Task { variable, value: Expr::Call(operator.to_owned(), vec![], arguments), items: None };
    };
    if let Some(limit) = map.parallelism {
        set(&mut arguments, "max_active_tis_per_dagrun", Expr::code(limit.to_string()));
    }
    let mut list = None;
    let items = match &map.over {
        MapItems::List { items } => Expr::List(items.iter().map(json).collect()),
        MapItems::Product { .. } => Expr::List(map.over.fixed().iter().flatten().map(json).collect()),
        MapItems::Range { start, end, step, pad } => Expr::code(range(*start, *end, *step, *pad)),
        MapItems::Output { step, output } if step == WORKFLOW || output == "result" => {
            dynamic(context, node, &format!("output({})", string(step)), &mut list)
        }
        MapItems::Output { step, output } => {
            dynamic(context, node, &format!("output({}, {})", string(step), string(output)), &mut list)
        }
        MapItems::Parameter { name } => {
            dynamic(context, node, &format!("param({})", string(name)), &mut list)
        }
    };
    // The layout of a chain of two calls: the second one follows the closing bracket of the first.
    let partial = Expr::Call(format!("{operator}.partial"), vec![], arguments);
    let expand = Expr::with(".expand", vec![("item", items)]);
    Task { variable, value: Expr::Chain(Box::new(partial), Box::new(expand)), items: list }
}

/// A list that is known only while the DAG runs is read by a task of its own.
fn dynamic(context: &Context<'_>, node: &Node, source: &str, list: &mut Option<(String, Expr)>) -> Expr {
    context.uses(Module::Items);
    let id = context.task_id(&format!("{}-items", node.name));
    let variable = context.variable(&id);
    let mut arguments =
        vec![("task_id", Expr::text(&id)), ("items", Expr::code(format!("lambda: {source}")))];
    // A condition on the item is decided instance by instance.
    if let Some(condition) = node.condition.as_ref().filter(|condition| !reads_item(condition)) {
        arguments.push(("only_if", condition::lambda_with_needs(condition, &context.needs(node))));
    }
    if waits_for_any_end(context, node) {
        arguments.push(("trigger_rule", Expr::text("all_done")));
    }
    *list = Some((variable.clone(), Expr::with("ItemList", arguments)));
    Expr::code(format!("{variable}.output"))
}

fn range(start: i64, end: i64, step: u32, pad: Option<u32>) -> String {
    let by = if step == 1 { String::new() } else { format!(", {step}") };
    let numbers = format!("range({start}, {}{by})", end.saturating_add(1));
    match pad {
        Some(digits) => format!("[f\"{{number:0{digits}}}\" for number in {numbers}]"),
        None => format!("list({numbers})"),
    }
}

fn reads_item(condition: &Condition) -> bool {
    condition.operands().iter().any(|operand| matches!(operand, Operand::Item(_)))
}

/// A JSON value as Python.
pub(crate) fn json(value: &serde_json::Value) -> Expr {
    match value {
        serde_json::Value::Null => Expr::code("None"),
        serde_json::Value::Bool(true) => Expr::code("True"),
        serde_json::Value::Bool(false) => Expr::code("False"),
        serde_json::Value::Number(number) => Expr::code(number.to_string()),
        serde_json::Value::String(text) => Expr::text(text),
        serde_json::Value::Array(items) => Expr::List(items.iter().map(json).collect()),
        serde_json::Value::Object(map) => {
            Expr::Dict(map.iter().map(|(key, value)| (key.clone(), json(value))).collect())
        }
    }
}
