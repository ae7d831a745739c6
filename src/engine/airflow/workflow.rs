//! The whole file.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;

use super::super::kubernetes::names::dns_label;
use super::super::parts::Parts;
use super::super::{EngineError, GenerateOptions};
use super::context::{Context, unsupported};
use super::imports::imports;
use super::modules::Module;
use super::names::identifier;
use super::placement::shared;
use super::python::{Expr, block, string};
use super::task::{Task, task};
use crate::api::{ConcurrencyPolicy, Duration, Parameter, Schedule};
use crate::ir::{Workflow, digest};

const KUBERNETES_NOTE: &str = "Steps run as pods. Their files go through the volume claim \"couler-artifacts\" \
    (ReadWriteMany), their values through XCom.";
const LOCAL_NOTE: &str = "Steps run as processes of this machine. Their files are in $COULER_HOME (else \
    $AIRFLOW_HOME/couler), one folder per run; their values go through XCom. Resources, node selectors, tolerations, \
    labels and accounts mean nothing here.";

/// The text of the DAG file.
///
/// # Errors
/// What Airflow cannot express, with the step and the feature.
pub(crate) fn file(workflow: &Workflow, options: &GenerateOptions) -> Result<String, EngineError> {
    let context = Context::new(workflow, options);
    let function = context.variable(&workflow.name);
    // `Context` stays on this thread; the digest needs the workflow only.
    let (body, digest) = std::thread::scope(|scope| {
        let digest = scope.spawn(|| digest(workflow));
        (Body::new(&context), digest.join().expect("a digest is made without a panic"))
    });
    let body = body?;
    let decorator = decorator(&context, &body)?;
    Ok(written(&context, &digest, &function, &decorator, &body, &[]))
}

/// The text of a file. `tables` are constants that its functions read.
pub(crate) fn written(
    context: &Context<'_>,
    digest: &str,
    function: &str,
    decorator: &Expr,
    body: &Body,
    tables: &[(&str, Expr)],
) -> String {
    let mut text = header(context, digest);
    let code = format!("@{}\ndef {function}():\n{}", decorator.layout(0, 1, 0), body.text);
    text.push_str(&imports(context, &code));
    let _ = write!(text, "\n\n{code}");
    for (name, source) in context.sources() {
        let _ = write!(text, "\n\n{name} = {source}");
    }
    for (name, table) in tables {
        let _ = write!(text, "\n\n{name} = {}", table.layout(0, name.len() + 3, 0));
    }
    let modules = context.modules();
    let mut constants: BTreeSet<(&str, &str)> =
        modules.iter().flat_map(|module| module.constants()).copied().collect();
    if modules.contains(&Module::Facts) {
        let schedule = context.workflow.schedule.as_ref();
        let zone = schedule.and_then(|schedule| schedule.timezone.as_deref()).unwrap_or("UTC");
        constants.extend([("TIMEZONE", zone), ("WORKFLOW", context.workflow.name.as_str())]);
    }
    if constants.is_empty() {
        text.push('\n');
    } else {
        text.push_str("\n\n");
        for (name, value) in constants {
            let _ = writeln!(text, "{name} = {}", string(value));
        }
    }
    if modules.contains(&Module::Ends) {
        let names = |names: Vec<&str>| Expr::List(names.into_iter().map(Expr::text).collect());
        let readers = context.readers().into_iter().map(|(step, all)| (step.to_owned(), names(all)));
        let _ = writeln!(text, "\n\nREADERS = {}", Expr::Dict(readers.collect()).layout(0, 10, 0));
    }
    for module in modules {
        let _ = write!(text, "\n\n{}", module.code());
    }
    let _ = write!(text, "\n\n{function}()\n");
    text
}

fn header(context: &Context<'_>, digest: &str) -> String {
    let note = if context.is_local() { LOCAL_NOTE } else { KUBERNETES_NOTE };
    let text = format!("Written by couler from {digest}.\n\n{note}\n");
    block(&wrapped(&text)).replacen("\"\"\"\\\n", "\"\"\"", 1) + "\n\n"
}

/// Lines of a readable length.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    for line in text.lines() {
        let mut length = 0;
        for word in line.split(' ') {
            if length > 0 && length + word.len() + 1 > 110 {
                lines.push('\n');
                length = 0;
            } else if length > 0 {
                lines.push(' ');
            }
            lines.push_str(word);
            length += word.len() + 1;
        }
        lines.push('\n');
    }
    lines
}

/// The function of the DAG.
#[derive(Default)]
pub(crate) struct Body {
    text: String,
    /// Variables and what they are.
    tasks: Vec<(String, Expr)>,
    /// Variables that lists are read from.
    read: HashSet<String>,
}

impl Body {
    fn new(context: &Context<'_>) -> Result<Self, EngineError> {
        let mut body = Self::default();
        let mut edges = String::new();
        let workflow = context.workflow;
        let mut variables: BTreeMap<&str, String> = BTreeMap::new();
        let mut claims = Claims::new(context);
        claims.create(&mut body);
        let mut leaves: Vec<String> = Vec::new();
        for index in workflow.topological() {
            let node = &workflow.graph[index];
            let task = task(context, node)?;
            let before: Vec<String> =
                workflow.dependencies(index).into_iter().map(|name| variables[name].clone()).collect();
            let before = if before.is_empty() { claims.created.clone() } else { before };
            arrow(&mut edges, &before, &task);
            if workflow.graph.neighbors(index).next().is_none() {
                leaves.push(task.variable.clone());
            }
            variables.insert(&node.name, task.variable.clone());
            body.add(task);
        }
        if context.reads_statuses() {
            leaves = body.add_verdict(context, &mut edges, &leaves);
        }
        body.end(context, edges, leaves, claims)?;
        Ok(body)
    }

    /// The task that decides how the run went. Airflow itself would look at the last steps only.
    fn add_verdict(&mut self, context: &Context<'_>, edges: &mut String, leaves: &[String]) -> Vec<String> {
        context.uses(Module::Ends);
        let id = context.task_id("verdict");
        let named = vec![("task_id", Expr::text(&id)), ("trigger_rule", Expr::text("all_done"))];
        let task = Task { variable: context.variable(&id), value: Expr::with("Verdict", named), items: None };
        arrow(edges, leaves, &task);
        let variable = task.variable.clone();
        self.add(task);
        vec![variable]
    }

    /// The steps of one part behind its gates.
    pub(crate) fn of_part(
        context: &Context<'_>,
        parts: &Parts<'_>,
        part: usize,
    ) -> Result<Self, EngineError> {
        let mut body = Self::default();
        let mut edges = String::new();
        let mut gate_of: HashMap<&str, String> = HashMap::new();
        // Files and values are read where they are, so with barriers nothing has to be waited for.
        let gates = if parts.has_barriers() { Vec::new() } else { parts.exact_gates(part) };
        for (number, gate) in gates.iter().enumerate() {
            let task = super::parts::gate(context, parts, number, gate);
            gate_of.extend(gate.readers.iter().map(|step| (*step, task.variable.clone())));
            body.add(task);
        }
        let mut variables: BTreeMap<&str, String> = BTreeMap::new();
        for index in parts.members(part) {
            let node = &context.workflow.graph[*index];
            let task = task(context, node)?;
            let inside = parts.inside(*index).into_iter().map(|name| variables[name].clone());
            let before: Vec<String> = inside.chain(gate_of.get(node.name.as_str()).cloned()).collect();
            arrow(&mut edges, &before, &task);
            variables.insert(&node.name, task.variable.clone());
            body.add(task);
        }
        body.finish(&edges);
        Ok(body)
    }

    /// The tasks that start the parts, and what comes at the end.
    pub(crate) fn of_parent(context: &Context<'_>, parts: &Parts<'_>) -> Result<Self, EngineError> {
        let mut body = Self::default();
        let mut edges = String::new();
        let mut claims = Claims::new(context);
        claims.create(&mut body);
        let mut variables: Vec<String> = Vec::with_capacity(parts.len());
        for part in 0..parts.len() {
            let task = super::parts::trigger(context, parts, part);
            let earlier = parts.before(part).iter().filter(|_| parts.has_barriers());
            let before: Vec<String> = earlier.map(|earlier| variables[*earlier].clone()).collect();
            let before = if before.is_empty() { claims.created.clone() } else { before };
            arrow(&mut edges, &before, &task);
            variables.push(task.variable.clone());
            body.add(task);
        }
        body.end(context, edges, variables, claims)?;
        Ok(body)
    }

    /// The steps at the end, and what puts the remains of the run away.
    fn end(
        &mut self,
        context: &Context<'_>,
        mut edges: String,
        mut leaves: Vec<String>,
        claims: Claims,
    ) -> Result<(), EngineError> {
        for node in &context.workflow.on_exit {
            let task = task(context, node)?;
            leaves = exit(&mut edges, &leaves, &task);
            self.add(task);
        }
        for helper in cleaning(context, claims) {
            leaves = exit(&mut edges, &leaves, &helper);
            self.add(helper);
        }
        self.finish(&edges);
        Ok(())
    }

    fn finish(&mut self, edges: &str) {
        self.write_tasks(edges);
        if !edges.is_empty() {
            self.text.push('\n');
            self.text.push_str(edges);
        }
    }

    fn add(&mut self, task: Task) {
        if let Some((variable, value)) = task.items {
            self.read.insert(variable.clone());
            self.tasks.push((variable, value));
        }
        self.tasks.push((task.variable, task.value));
    }

    /// A task that nothing names again needs no variable.
    fn write_tasks(&mut self, edges: &str) {
        let named: HashSet<&str> = edges.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
        for (variable, value) in &self.tasks {
            let needed = named.contains(variable.as_str()) || self.read.contains(variable);
            let start = if needed { format!("{variable} = ") } else { String::new() };
            let _ = writeln!(self.text, "    {start}{}", value.layout(4, start.chars().count(), 0));
        }
    }
}

/// `a >> b`, or `[a, b] >> c`; a task that reads items stands between.
fn arrow(edges: &mut String, before: &[String], task: &Task) {
    let first = task.items.as_ref().map_or(&task.variable, |(variable, _)| variable);
    if !before.is_empty() {
        let _ = writeln!(edges, "    {} >> {first}", list(before));
    }
    // The edge from the list to its reader comes with `expand`.
}

fn list(names: &[String]) -> String {
    match names {
        [only] => only.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}

/// A step at the end: a teardown runs whatever happened before and does not decide how the run went.
fn exit(edges: &mut String, before: &[String], task: &Task) -> Vec<String> {
    if let Some((items, _)) = &task.items {
        let _ = writeln!(
            edges,
            "    {} >> {items}.as_teardown() >> {}.as_teardown()",
            list(before),
            task.variable
        );
    } else {
        let _ = writeln!(edges, "    {} >> {}.as_teardown()", list(before), task.variable);
    }
    vec![task.variable.clone()]
}

/// The volume claims that are made for each run.
struct Claims {
    created: Vec<String>,
    deleted: Vec<Task>,
    tasks: Vec<Task>,
}

impl Claims {
    fn new(context: &Context<'_>) -> Self {
        let mut claims = Self { created: Vec::new(), deleted: Vec::new(), tasks: Vec::new() };
        for claim in context.workflow.settings.volume_claims.iter().filter(|_| !context.is_local()) {
            context.uses(Module::Claim);
            let mode = if claim.shared_between_nodes { "ReadWriteMany" } else { "ReadWriteOnce" };
            let mut spec = serde_json::json!({
                "accessModes": [mode],
                "resources": {"requests": {"storage": claim.size}},
            });
            if let Some(class) = &claim.storage_class {
                spec["storageClassName"] = class.as_str().into();
            }
            let kind = |mut rest: serde_json::Value| {
                rest["apiVersion"] = "v1".into();
                rest["kind"] = "PersistentVolumeClaim".into();
                rest["metadata"] =
                    serde_json::json!({"name": format!("{{{{ claim('{}') }}}}", dns_label(&claim.name))});
                super::task::json(&rest)
            };
            let helper = |verb: &str, class: &str, named: Vec<(&str, Expr)>| {
                let id = context.task_id(&format!("{verb}-{}-claim", claim.name));
                let mut all = vec![("task_id", Expr::text(&id))];
                all.extend(named);
                Task { variable: context.variable(&id), value: Expr::with(class, all), items: None }
            };
            let made =
                helper("create", "CreateClaim", vec![("manifest", kind(serde_json::json!({"spec": spec})))]);
            let action = ("action", Expr::text("delete"));
            claims.deleted.push(helper(
                "delete",
                "DeleteClaim",
                vec![action, ("manifest", kind(serde_json::json!({})))],
            ));
            claims.created.push(made.variable.clone());
            claims.tasks.push(made);
        }
        claims
    }

    fn create(&mut self, body: &mut Body) {
        for task in self.tasks.drain(..) {
            body.add(task);
        }
    }
}

/// What puts the run's remains away, after its last step.
fn cleaning(context: &Context<'_>, claims: Claims) -> Vec<Task> {
    let mut tasks = Vec::new();
    let mut helper = |wanted: &str, class: &str, named: Vec<(&str, Expr)>| {
        let id = context.task_id(wanted);
        let mut all = vec![("task_id", Expr::text(&id))];
        all.extend(named);
        tasks.push(Task { variable: context.variable(&id), value: Expr::with(class, all), items: None });
    };
    if context.workflow.nodes().any(|node| node.settings.daemon) {
        context.uses(if context.is_local() { Module::Local } else { Module::Daemon });
        helper("stop-daemons", "StopDaemons", vec![]);
    }
    if let Some(keep) = context.workflow.settings.keep_finished {
        context.uses(if context.is_local() { Module::Local } else { Module::Clean });
        helper("clean-up", "CleanUp", vec![("keep", Expr::seconds(keep.seconds()))]);
    }
    tasks.extend(claims.deleted);
    tasks
}

fn decorator(context: &Context<'_>, body: &Body) -> Result<Expr, EngineError> {
    let mut named = parent_words(context.workflow)?;
    if let Some(limit) = context.workflow.settings.parallelism {
        named.push(("max_active_tasks", Expr::code(limit.to_string())));
    }
    Ok(completed(context, body, named, Vec::new()))
}

/// Name, description and schedule of a workflow.
///
/// # Errors
/// Schedules that Airflow does not know.
pub(crate) fn parent_words(workflow: &Workflow) -> Result<Vec<(&'static str, Expr)>, EngineError> {
    let mut named = vec![("dag_id", Expr::text(&workflow.name))];
    if let Some(description) = &workflow.description {
        named.push(("description", Expr::text(description)));
    }
    match &workflow.schedule {
        Some(schedule) => named.extend(scheduled(workflow, schedule)?),
        None => named.push(("schedule", Expr::code("None"))),
    }
    Ok(named)
}

/// The decorator of a DAG: `named`, and what all DAGs of a workflow have.
pub(crate) fn completed(
    context: &Context<'_>,
    body: &Body,
    mut named: Vec<(&'static str, Expr)>,
    more_defaults: Vec<(String, Expr)>,
) -> Expr {
    let workflow = context.workflow;
    if let Some(limit) = workflow.settings.time_limit {
        named.push(("dagrun_timeout", Expr::seconds(Duration::seconds(limit))));
    }
    if !workflow.parameters.is_empty() {
        let parameters = workflow.parameters.iter().map(|(name, given)| (name.clone(), parameter(given)));
        named.push(("params", Expr::Dict(parameters.collect())));
    }
    // A step goes on behind one that was skipped, but not behind one that failed.
    let mut defaults = vec![("trigger_rule".to_owned(), Expr::text("none_failed"))];
    if !context.is_local() {
        defaults.push(("startup_timeout_seconds".to_owned(), Expr::code("900")));
        defaults.extend(shared(&workflow.settings, context.namespace.as_ref()));
    }
    defaults.extend(more_defaults);
    named.push(("default_args", Expr::Dict(defaults)));
    let macros: Vec<(String, Expr)> =
        ["output", "param", "item", "fact", "status", "workflow_status", "claim", "run_folder"]
            .into_iter()
            .filter(|name| {
                body.text.contains(&format!("{{{{ {name}("))
                    || context.sources().iter().any(|(_, text)| text.contains(&format!("{{{{ {name}(")))
            })
            .map(|name| {
                match name {
                    "output" | "param" | "item" | "status" | "workflow_status" => {
                        context.uses(Module::Values);
                    }
                    "fact" => context.uses(Module::Facts),
                    _ => {}
                }
                (name.to_owned(), Expr::code(format!("lambda *names: {name}(*names)")))
            })
            .collect();
    if !macros.is_empty() {
        named.push(("user_defined_macros", Expr::Dict(macros)));
    }
    Expr::with("dag", named)
}

fn parameter(parameter: &Parameter) -> Expr {
    let mut positional = Vec::new();
    positional.extend(parameter.default.as_ref().map(Expr::text));
    let mut named = vec![("type".to_owned(), Expr::text("string"))];
    if !parameter.choices.is_empty() {
        let choices = parameter.choices.iter().map(Expr::text).collect();
        named.push(("enum".to_owned(), Expr::List(choices)));
    }
    if let Some(description) = &parameter.description {
        named.push(("description".to_owned(), Expr::text(description)));
    }
    Expr::Call("Param".to_owned(), positional, named)
}

fn scheduled(workflow: &Workflow, schedule: &Schedule) -> Result<Vec<(&'static str, Expr)>, EngineError> {
    if schedule.concurrency == ConcurrencyPolicy::Replace {
        let reason = "Airflow does not stop a run for the next one; use allow or forbid";
        return Err(unsupported(&workflow.name, "schedule that replaces the running workflow", reason));
    }
    if let Some((name, _)) = workflow.parameters.iter().find(|(_, given)| given.default.is_none()) {
        let reason =
            format!("a run that starts by itself has no value for the parameter {name:?}; give it a default");
        return Err(unsupported(&workflow.name, "schedule with a parameter that has no default", reason));
    }
    let zone = schedule.timezone.as_ref().map_or_else(|| Expr::code("pendulum.UTC"), Expr::text);
    let class =
        if schedule.cron.len() == 1 { "CronTriggerTimetable" } else { "MultipleCronTriggerTimetable" };
    let crons = schedule.cron.iter().map(Expr::text).collect();
    let timetable = Expr::Call(class.to_owned(), crons, vec![("timezone".to_owned(), zone)]);
    let start = Expr::Code("pendulum.datetime(2025, 1, 1)".to_owned());
    let mut named = vec![("schedule", timetable), ("start_date", start), ("catchup", Expr::code("False"))];
    if schedule.concurrency == ConcurrencyPolicy::Forbid {
        named.push(("max_active_runs", Expr::code("1")));
    }
    if schedule.suspend {
        named.push(("is_paused_upon_creation", Expr::code("True")));
    }
    Ok(named)
}

/// The name of the file.
pub(crate) fn file_name(workflow: &Workflow) -> String {
    format!("{}.py", identifier(&workflow.name))
}
