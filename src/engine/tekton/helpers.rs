//! Tasks around the steps of the user: they decide conditions and spread and gather lists.

use indexmap::IndexMap;
use serde_json::Value;

use super::condition;
use super::context::{Context, Params, Source, collector_name, list_at_run_time, unsupported};
use super::files::helper;
use super::manifest::{Metadata, Param, ParamSpec, PipelineTask, ResultSpec, Step, TaskSpec};
use crate::api::Condition;
use crate::engine::EngineError;
use crate::engine::kubernetes::pod::EnvVar;
use crate::ir::{Node, Workflow};

/// Annotation of a task that serves a step: what it does.
pub(crate) const ROLE: &str = "couler.dev/role";
/// Annotation of a task that serves a step: the step.
pub(crate) const SERVES: &str = "couler.dev/serves";
/// Image of the tasks that read JSON.
const PYTHON: &str = "python:3.12-alpine";
/// Writes a JSON list as a list of texts.
const SPREAD: &str = "import json, os, sys\n\
                      items = [item if isinstance(item, str) else json.dumps(item) for item in json.loads(os.environ['ITEMS'])]\n\
                      open(sys.argv[1], 'w').write(json.dumps(items))\n";
/// Value of [`ROLE`] of the task that tells the date of the run.
pub(crate) const DATE: &str = "date";
/// Writes today's date in a time zone.
const TODAY: &str = "import datetime, sys, zoneinfo\n\
                     today = datetime.datetime.now(zoneinfo.ZoneInfo(sys.argv[2])).date()\n\
                     open(sys.argv[1], 'w').write(today.isoformat())\n";
/// Writes its arguments as a JSON list.
const GATHER: &str = "import json, sys\nopen(sys.argv[1], 'w').write(json.dumps(sys.argv[2:]))\n";

fn task(name: String, role: &str, serves: &str) -> PipelineTask {
    let annotations =
        IndexMap::from([(ROLE.to_owned(), role.to_owned()), (SERVES.to_owned(), serves.to_owned())]);
    let metadata = Metadata { annotations, ..Metadata::default() };
    PipelineTask { name, task_spec: TaskSpec { metadata, ..TaskSpec::default() }, ..PipelineTask::default() }
}

/// The values of parameters, as the pipeline hands them over. Items come from the matrix.
///
/// # Errors
/// Outputs that cannot be read.
pub(crate) fn arguments(
    context: &Context<'_>,
    reader: &str,
    params: &Params,
) -> Result<Vec<Param>, EngineError> {
    let mut all = Vec::new();
    for (name, source) in &params.0 {
        let value = match source {
            Source::Item(_) => continue,
            Source::Output(step, output) => context.output(reader, step, output)?,
            Source::Parameter(parameter) => format!("$(params.{parameter})"),
            Source::Run(variable) => format!("$({variable})"),
            Source::Fact(fact) => context.fact(reader, *fact)?,
        };
        all.push(Param { name: name.clone(), value: Value::from(value) });
    }
    Ok(all)
}

/// The declarations of parameters.
pub(crate) fn declared(params: &Params) -> Vec<ParamSpec> {
    params.0.keys().map(|name| ParamSpec { name: name.clone(), ..ParamSpec::default() }).collect()
}

/// Start of the names of variables with the operands of a condition.
pub(crate) const IF: &str = "COULER_IF_";
/// Start of the names of variables with the operands of a loop's condition.
pub(crate) const WHILE: &str = "COULER_WHILE_";

/// Variables with the values of a condition's operands, and the command that decides it. The names of the variables
/// begin with `prefix`; `own` gives the shell text for an operand that is no parameter of the task.
///
/// # Errors
/// Those of [`condition::command`].
pub(crate) fn decision(
    (step, prefix): (&str, &str),
    condition: &Condition,
    params: &mut Params,
    own: &dyn Fn(&crate::api::Operand) -> Option<String>,
) -> Result<(String, Vec<EnvVar>), EngineError> {
    let mut env: Vec<EnvVar> = Vec::new();
    let command = condition::command(step, condition, &mut |operand| {
        if let Some(value) = own(operand) {
            return Ok(value);
        }
        let value = params.operand(operand);
        let known = env.iter().find(|variable| variable.value.as_ref() == Some(&value));
        let name = match known {
            Some(variable) => variable.name.clone(),
            None => {
                let name = format!("{prefix}{}", env.len() + 1);
                env.push(EnvVar::with_value(&name, value));
                name
            }
        };
        Ok(format!("${name}"))
    })?;
    Ok((command, env))
}

/// The task that decides a condition which `when` cannot say: its result `holds` is `true` or `false`.
///
/// # Errors
/// Constants and outputs that Tekton cannot read.
pub(crate) fn guard(
    context: &Context<'_>,
    node: &Node,
    condition: &Condition,
) -> Result<PipelineTask, EngineError> {
    let mut params = Params::default();
    let (command, env) = decision((&node.name, IF), condition, &mut params, &|_| None)?;
    let lines = [
        "#!/bin/sh".to_owned(),
        "holds=false".to_owned(),
        format!("if {command}; then holds=true; fi"),
        "printf %s \"$holds\" > \"$(results.holds.path)\"".to_owned(),
    ];
    let mut guard = task(context.task_name(&node.name, "when"), "when", &node.name);
    guard.params = arguments(context, &node.name, &params)?;
    guard.task_spec.params = declared(&params);
    guard.task_spec.results = vec![ResultSpec::named("holds")];
    guard.task_spec.steps = vec![Step { env, ..helper("decide", &lines) }];
    Ok(guard)
}

/// The task that tells the date of the run in the time zone of the schedule: its result `date`.
pub(crate) fn date(workflow: &Workflow, name: &str) -> PipelineTask {
    let zone = workflow.schedule.as_ref().and_then(|schedule| schedule.timezone.as_deref()).unwrap_or("UTC");
    let mut date = task(name.to_owned(), DATE, "");
    date.task_spec.results = vec![ResultSpec::named("date")];
    let command = ["python", "-c", TODAY, "$(results.date.path)", zone].map(str::to_owned).to_vec();
    let step = Step { name: "tell".to_owned(), image: PYTHON.to_owned(), command, ..Step::default() };
    date.task_spec.steps = vec![step];
    date
}

/// The task that makes a list of texts of a JSON list: its result `list`.
///
/// # Errors
/// Lists of exit steps, which cannot wait for another task, and outputs that cannot be read.
pub(crate) fn spread(context: &Context<'_>, node: &Node) -> Result<Option<PipelineTask>, EngineError> {
    let Some(list) = list_at_run_time(node) else { return Ok(None) };
    if context.is_exit(node) {
        let reason = "tasks that run at the end cannot wait for each other; give the items in a list";
        return Err(unsupported(&node.name, "list made at run time in an exit step", reason));
    }
    let mut params = Params::default();
    let items = params.operand(&list);
    let mut spread = task(context.task_name(&node.name, "items"), "items", &node.name);
    spread.params = arguments(context, &node.name, &params)?;
    spread.task_spec.params = declared(&params);
    spread.task_spec.results = vec![ResultSpec { name: "list".to_owned(), kind: Some("array") }];
    spread.task_spec.steps =
        vec![python("spread", SPREAD, vec![EnvVar::with_value("ITEMS", items)], Vec::new())];
    Ok(Some(spread))
}

fn python(name: &str, program: &str, env: Vec<EnvVar>, more: Vec<String>) -> Step {
    let command = ["python", "-c", program, "$(results.list.path)"].map(str::to_owned).to_vec();
    Step { name: name.to_owned(), image: PYTHON.to_owned(), command, args: more, env, ..Step::default() }
}

/// The tasks that make one JSON list of what the instances of maps wrote, for every such list that is read.
pub(crate) fn gather(context: &Context<'_>, node: &Node) -> Vec<PipelineTask> {
    if node.map.is_none() || context.is_exit(node) {
        return Vec::new();
    }
    let mut outputs: Vec<&str> = node.outputs.iter().map(|output| output.name.as_str()).collect();
    outputs.push("result");
    outputs.retain(|output| context.is_read(node, output));
    let one = |output: &str| {
        let mut gather = task(collector_name(&node.name, output), "all", &node.name);
        gather.task_spec.metadata.annotations.insert("couler.dev/output".to_owned(), output.to_owned());
        for (number, round) in context.rounds(&node.name).into_iter().enumerate() {
            let value = format!("$(tasks.{round}.results.{}[*])", context.result_name(output));
            let name = if number == 0 { "values".to_owned() } else { format!("values-{}", number + 1) };
            gather.params.push(Param { name: name.clone(), value: Value::from(value) });
            gather.task_spec.params.push(ParamSpec { name, kind: Some("array"), ..ParamSpec::default() });
        }
        let all = gather.params.iter().map(|param| format!("$(params.{}[*])", param.name)).collect();
        gather.task_spec.results = vec![ResultSpec::named("list")];
        gather.task_spec.steps = vec![python("gather", GATHER, Vec::new(), all)];
        gather
    };
    outputs.into_iter().map(one).collect()
}
