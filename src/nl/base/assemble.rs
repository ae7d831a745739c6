//! Stage 4: plan and fragments become a program, and the program a graph.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::fragment::Fragment;
use super::plan::{Plan, PlannedStep};
use super::settings::whole_numbers;
use crate::api::{
    Component, ComponentCall, ComponentRun, Condition, Function, Loop, Map as MapOver, MapItems, Operand,
    OutputValue, Parameter, PortType, Problem, Problems, Program, Schedule, Step, Task, VERSION, WORKFLOW,
    WorkflowSettings, ancestors, program_from_value,
};
use crate::ir::{Components, Workflow, lower};

/// Repetitions of a loop whose bound the description does not give.
const DEFAULT_LIMIT: u32 = 20;

/// The result of assembling, with what was decided on the way.
pub(in crate::nl) struct Assembled {
    pub(in crate::nl) program: Program,
    pub(in crate::nl) workflow: Workflow,
    pub(in crate::nl) notes: Vec<String>,
}

/// Makes a program of a plan and its fragments, in the order of [`Plan::all_steps`].
pub(in crate::nl) fn assemble(
    plan: &Plan,
    fragments: &[Fragment],
    parameters: &[String],
    components: &dyn Components,
) -> Result<Assembled, Problems> {
    let (mut assembler, steps, on_exit) = assemble_steps(plan, fragments, components)?;
    let mut declared: IndexMap<String, Parameter> = plan
        .parameters
        .iter()
        .map(|p| (p.name.clone(), Parameter { default: Some(p.default.clone()), ..Parameter::default() }))
        .collect();
    for name in parameters {
        let description = Some("not given in the description".to_owned());
        declared.entry(name.clone()).or_insert(Parameter { description, ..Parameter::default() });
        assembler.notes.push(format!(
            "parameter {name}: the description gives no value; set it when you run the workflow"
        ));
    }
    let mut program = Program {
        version: VERSION.to_owned(),
        name: plan.name.clone(),
        description: None,
        parameters: declared,
        schedule: schedule(plan),
        settings: WorkflowSettings {
            parallelism: plan.parallelism,
            time_limit: plan.time_limit.as_ref().and_then(|limit| limit.parse().ok()),
            ..WorkflowSettings::default()
        },
        steps,
        on_exit,
    };
    keep_split_rows(&mut program, components);
    let workflow = assembler.lower_with_repairs(&mut program)?;
    let mut notes = assembler.notes;
    notes.extend(workflow.notes.iter().cloned());
    Ok(Assembled { program, workflow, notes })
}

/// Steps, those at the end, and notes.
type Parts = (Vec<Step>, Vec<Step>, Vec<String>);

/// The steps of a plan and its fragments, those at the end apart; nothing is wired yet.
pub(in crate::nl) fn steps_of(
    plan: &Plan,
    fragments: &[Fragment],
    components: &dyn Components,
) -> Result<Parts, Problems> {
    let (assembler, steps, on_exit) = assemble_steps(plan, fragments, components)?;
    Ok((steps, on_exit, assembler.notes))
}

fn assemble_steps<'a>(
    plan: &'a Plan,
    fragments: &[Fragment],
    components: &'a dyn Components,
) -> Result<(Assembler<'a>, Vec<Step>, Vec<Step>), Problems> {
    let mut assembler = Assembler { plan, components, notes: Vec::new(), extra_values: IndexMap::new() };
    assembler.collect_condition_values();
    let mut steps = Vec::new();
    let mut on_exit = Vec::new();
    for (index, (planned, fragment)) in plan.all_steps().zip(fragments).enumerate() {
        let exit = index >= plan.steps.len();
        let step = assembler.step(planned, fragment, exit)?;
        if exit { on_exit.push(step) } else { steps.push(step) }
    }
    Ok((assembler, steps, on_exit))
}

fn unknown(planned: &PlannedStep) -> Problems {
    let message = format!("there is no component {:?}", planned.task);
    Problems(vec![Problem::new(&planned.name, message, "`couler lake list` names them")])
}

fn schedule(plan: &Plan) -> Option<Schedule> {
    plan.schedule.as_ref().map(|cron| Schedule {
        cron: vec![cron.clone()],
        timezone: plan.timezone.clone(),
        concurrency: crate::api::ConcurrencyPolicy::default(),
        suspend: false,
    })
}

struct Assembler<'a> {
    plan: &'a Plan,
    components: &'a dyn Components,
    notes: Vec<String>,
    /// Values that conditions read, per step: the step must write them.
    extra_values: IndexMap<String, Vec<String>>,
}

impl Assembler<'_> {
    fn planned(&self, name: &str) -> Option<&PlannedStep> {
        self.plan.steps.iter().find(|step| step.name == name)
    }

    fn component_of(&self, name: &str) -> Option<&Component> {
        self.components.component(&self.planned(name)?.task)
    }

    fn collect_condition_values(&mut self) {
        let texts: Vec<String> = self
            .plan
            .all_steps()
            .flat_map(|step| [step.when.clone(), step.until.clone()])
            .flatten()
            .collect();
        for condition in texts.iter().filter_map(|text| text.parse::<Condition>().ok()) {
            for (step, value) in condition.outputs() {
                let Some(component) = self.component_of(step) else { continue };
                if let Some(metric) = metric_of(component, value) {
                    let values = self.extra_values.entry(step.to_owned()).or_default();
                    if !values.contains(&metric) {
                        values.push(metric);
                    }
                }
            }
        }
    }

    fn step(&mut self, planned: &PlannedStep, fragment: &Fragment, exit: bool) -> Result<Step, Problems> {
        let component = self.components.component(&planned.task).ok_or_else(|| unknown(planned))?;
        let mut with = fragment.with.clone();
        self.add_condition_values(planned, component, &mut with);
        let mut settings = fragment.settings.clone().into_settings();
        let map = self.map(planned, fragment);
        let exec_while = self.exec_while(planned, fragment, &mut settings);
        flags_are_arguments(&mut with);
        if map.is_some() {
            place_item(component, &mut with, &mut settings);
        }
        Ok(Step {
            name: planned.name.clone(),
            description: Some(planned.text.clone()),
            run: function(component, with),
            after: if exit { Vec::new() } else { planned.after.clone() },
            when: planned.when.as_ref().and_then(|when| self.condition(when, exit)),
            map,
            exec_while,
            inputs: Vec::new(),
            outputs: Vec::new(),
            settings: Box::new(settings),
        })
    }

    /// A metric that a later condition reads must be among the metrics that are computed.
    fn add_condition_values(
        &self,
        planned: &PlannedStep,
        component: &Component,
        with: &mut Map<String, Value>,
    ) {
        let Some(wanted) = self.extra_values.get(&planned.name) else { return };
        for value in &component.values {
            let OutputValue::FromArgument(argument) = value else { continue };
            let list = with.entry(argument.clone()).or_insert_with(|| json!([]));
            if let Some(items) = list.as_array_mut() {
                for metric in wanted {
                    if !items.iter().any(|item| item.as_str() == Some(metric)) {
                        items.push(json!(metric));
                    }
                }
            }
        }
    }

    fn map(&mut self, planned: &PlannedStep, fragment: &Fragment) -> Option<MapOver> {
        let over = match planned.each.as_ref()? {
            Value::Array(items) => MapItems::List { items: items.clone() },
            Value::String(reference) => {
                let (step, output) = reference.split_once('.')?;
                let output = self.output_name(step, output);
                MapItems::Output { step: step.to_owned(), output }
            }
            _ => return None,
        };
        Some(MapOver { over, parallelism: planned.parallel.or(fragment.settings.parallel) })
    }

    fn exec_while(
        &mut self,
        planned: &PlannedStep,
        fragment: &Fragment,
        settings: &mut crate::api::StepSettings,
    ) -> Option<Loop> {
        let until = planned.until.as_ref()?;
        let stated = planned.repetition.clone().unwrap_or_default();
        let condition = match &stated.condition {
            Some(condition) => negated(condition)?,
            None => self.condition(until, false)?,
        };
        let own = |operand: &Operand| match operand {
            // The loop reads the step itself, whatever name the model wrote.
            Operand::Output { output, .. } => Operand::Output {
                step: planned.name.clone(),
                output: self.output_name(&planned.name, output),
            },
            other => other.clone(),
        };
        let condition = negated(&condition.map_operands(&own))?;
        let limit = stated.limit.or(fragment.settings.limit).unwrap_or_else(|| {
            let numbers = whole_numbers(&planned.text, &super::literals::literals(&planned.text));
            let bound = planned.text.to_lowercase().contains("at most") || planned.text.contains("times");
            numbers.last().copied().filter(|number| bound && *number > 1).unwrap_or(DEFAULT_LIMIT)
        });
        let pause =
            settings.retry.as_ref().and_then(|retry| retry.backoff.as_ref()).map(|backoff| backoff.duration);
        // "No more than 30 tries" bounds the loop; it does not retry a failed run.
        if settings.retry.as_ref().is_some_and(|retry| retry.limit == limit)
            && !planned.text.to_lowercase().contains("retr")
        {
            settings.retry = None;
        }
        Some(Loop { condition, limit: limit.clamp(1, 1000), pause })
    }

    /// Reads a condition and mends names: an unknown step is left for the error, an unknown value becomes the one meant.
    fn condition(&mut self, text: &str, exit: bool) -> Option<Condition> {
        let condition = match text.parse::<Condition>() {
            Ok(condition) => condition,
            Err(error) => {
                self.notes.push(format!("a condition was left out: {error}"));
                return None;
            }
        };
        if condition.outputs().iter().any(|(step, _)| (*step == WORKFLOW) != exit) {
            let place = if exit { "a step at the end" } else { "an ordinary step" };
            self.notes.push(format!("the condition {text:?} cannot be used on {place} and was left out"));
            return None;
        }
        let mend = |operand: &Operand| match operand {
            Operand::Output { step, output } if self.planned(step).is_none() && step != WORKFLOW => {
                let named =
                    |name: &&str| self.plan.parameters.iter().any(|parameter| parameter.name == **name);
                let parameter = [output.as_str(), step.as_str()].into_iter().find(named);
                parameter.map_or_else(|| operand.clone(), |name| Operand::Parameter(name.to_owned()))
            }
            Operand::Output { step, output } if step != WORKFLOW => {
                Operand::Output { step: step.clone(), output: self.output_name(step, output) }
            }
            other => other.clone(),
        };
        Some(condition.map_operands(&mend))
    }

    /// The output that `value` means: a metric by its usual names, else the component's scalar, else `result`.
    fn output_name(&self, step: &str, value: &str) -> String {
        let Some(component) = self.component_of(step) else { return value.to_owned() };
        if let Some(metric) = metric_of(component, value) {
            return metric;
        }
        let names: Vec<&str> = component
            .values
            .iter()
            .filter_map(|value| match value {
                OutputValue::Name(name) => Some(name.as_str()),
                OutputValue::FromArgument(_) => None,
            })
            .collect();
        if names.contains(&value) {
            return value.to_owned();
        }
        let score = names.iter().find(|name| name.contains("score"));
        let known_metric = METRICS.iter().any(|(name, others)| *name == value || others.contains(&value));
        match score {
            Some(score) if known_metric => (*score).to_owned(),
            _ => "result".to_owned(),
        }
    }

    /// Lowers the program; a port that nothing feeds is fed by the nearest earlier step that could, or becomes a
    /// workflow parameter. Both are noted, never silent.
    fn lower_with_repairs(&mut self, program: &mut Program) -> Result<Workflow, Problems> {
        for _ in 0..=program.steps.len() {
            let value = serde_json::to_value(&*program).expect("a program is JSON");
            let checked = program_from_value(&value)?;
            match lower(&checked, self.components) {
                Ok(workflow) => return Ok(workflow),
                Err(problems) => {
                    if !self.repair(program, &problems) {
                        return Err(problems);
                    }
                }
            }
        }
        let value = serde_json::to_value(&*program).expect("a program is JSON");
        lower(&program_from_value(&value)?, self.components)
    }

    fn repair(&mut self, program: &mut Program, problems: &Problems) -> bool {
        let mut repaired = false;
        for problem in &problems.0 {
            let Some(index) = program.steps.iter().position(|step| step.name == problem.path) else {
                continue;
            };
            let Some(port) = problem.message.split('"').nth(1).map(str::to_owned) else { continue };
            let provider = provider(self.components, program, index, &port);
            let step = &mut program.steps[index];
            if let Some(provider) = provider {
                self.notes.push(format!("{} runs after {provider}, whose output it needs", step.name));
                step.after.push(provider);
                repaired = true;
            } else if let Function::Component(call) = &mut step.run {
                let parameter = format!("{}-{port}", step.name);
                self.notes.push(format!(
                    "parameter {parameter}: no step provides the {port} that {} needs; give its address when you run the workflow",
                    step.name
                ));
                call.with.insert(port.clone(), json!(format!("{{{{parameters.{parameter}}}}}")));
                let description = Some(format!("address of the {port} for {}", step.name));
                program.parameters.insert(parameter, Parameter { description, ..Parameter::default() });
                repaired = true;
            }
        }
        repaired
    }
}

/// The nearest step before `index` with an output that fits the port, which does not wait for this step.
pub(in crate::nl) fn provider(
    components: &dyn Components,
    program: &Program,
    index: usize,
    port: &str,
) -> Option<String> {
    let Function::Component(call) = &program.steps[index].run else { return None };
    let component = components.component(&call.component)?;
    let wanted = component.inputs.iter().find(|input| input.name == port)?;
    program.steps[..index].iter().rev().find_map(|step| {
        let Function::Component(call) = &step.run else { return None };
        let other = components.component(&call.component)?;
        let fits = other
            .outputs
            .iter()
            .any(|output| output.port_type == wanted.port_type || wanted.port_type == PortType::Any);
        (fits && !program.steps[index].after.contains(&step.name)).then(|| step.name.clone())
    })
}

/// A training after a split uses all rows that the split gave it: it holds out none of its own.
fn keep_split_rows(program: &mut Program, components: &dyn Components) {
    let splits: Vec<String> = program
        .steps
        .iter()
        .filter(|step| {
            component_name(step)
                .and_then(|name| components.component(name))
                .is_some_and(|component| component.task == Task::Split)
        })
        .map(|step| step.name.clone())
        .collect();
    if splits.is_empty() {
        return;
    }
    let ancestors = ancestors(program);
    for step in &mut program.steps {
        let after_split =
            ancestors.get(&step.name).is_some_and(|before| splits.iter().any(|split| before.contains(split)));
        let Function::Component(call) = &mut step.run else { continue };
        let holds_out = components.component(&call.component).is_some_and(|component| {
            component.arguments.pointer("/properties/test_size").is_some() && component.task != Task::Split
        });
        if after_split && holds_out {
            call.with.entry("test_size".into()).or_insert(json!(0));
        }
    }
}

fn component_name(step: &Step) -> Option<&str> {
    match &step.run {
        Function::Component(call) => Some(&call.component),
        _ => None,
    }
}

/// A component that only stands for a function of the unified API is written as that function.
fn function(component: &Component, with: Map<String, Value>) -> Function {
    if let ComponentRun::Function { function, fixed } = &component.run {
        let mut fields = fixed.clone();
        fields.extend(with.clone());
        let tagged = if function == "run_job" {
            json!({"function": function, "job": fields})
        } else {
            fields.insert("function".into(), json!(function));
            Value::Object(fields)
        };
        if let Ok(function) = serde_json::from_value(tagged) {
            return function;
        }
    }
    Function::Component(ComponentCall { component: component.name.clone(), with: with.into_iter().collect() })
}

/// A command that begins with a flag is no command: the image's own entry point gets it as arguments.
fn flags_are_arguments(with: &mut Map<String, Value>) {
    let flags = with
        .get("command")
        .and_then(Value::as_array)
        .and_then(|command| command.first()?.as_str())
        .is_some_and(|first| first.starts_with('-') || first.contains("{{item"));
    if flags && let Some(Value::Array(mut command)) = with.shift_remove("command") {
        let more = with.get("args").and_then(Value::as_array).cloned().unwrap_or_default();
        command.extend(more.into_iter().filter(|item| !command.contains(item)).collect::<Vec<_>>());
        with.insert("args".into(), Value::Array(command));
    }
}

/// A mapped step must use its item: a container gets it as last argument, a script as the variable ITEM.
fn place_item(component: &Component, with: &mut Map<String, Value>, settings: &mut crate::api::StepSettings) {
    if Value::Object(with.clone()).to_string().contains("{{item") {
        return;
    }
    let container =
        matches!(&component.run, ComponentRun::Function { function, .. } if function == "run_container");
    if container && let Some(args) = with.entry("args").or_insert_with(|| json!([])).as_array_mut() {
        args.push(json!("{{item}}"));
    } else {
        settings.env.insert("ITEM".into(), "{{item}}".into());
    }
}

pub(in crate::nl) fn negated(condition: &Condition) -> Option<Condition> {
    match condition {
        Condition::Compare { left, comparison, right } => Some(Condition::Compare {
            left: left.clone(),
            comparison: comparison.negated(),
            right: right.clone(),
        }),
        Condition::And(parts) => Some(Condition::Or(parts.iter().map(negated).collect::<Option<_>>()?)),
        Condition::Or(parts) => Some(Condition::And(parts.iter().map(negated).collect::<Option<_>>()?)),
        Condition::In { .. } => None,
    }
}

/// Metrics with other names that people and models use.
pub(in crate::nl) const METRICS: [(&str, &[&str]); 11] = [
    ("accuracy", &["acc", "accuracy_score"]),
    ("auc", &["roc_auc", "auroc", "auc_score", "roc"]),
    ("f1", &["f1_score", "fscore", "f_score"]),
    ("precision", &["precision_score"]),
    ("recall", &["recall_score"]),
    ("logloss", &["log_loss", "loss", "cross_entropy"]),
    ("rmse", &["root_mean_squared_error"]),
    ("mse", &["mean_squared_error"]),
    ("mae", &["mean_absolute_error"]),
    ("r2", &["r2_score", "r_squared", "rsquared"]),
    ("silhouette", &["silhouette_score"]),
];

/// The metric that `value` names, if the component computes metrics given by an argument.
pub(in crate::nl) fn metric_of(component: &Component, value: &str) -> Option<String> {
    let argument = component.values.iter().find_map(|value| match value {
        OutputValue::FromArgument(argument) => Some(argument),
        OutputValue::Name(_) => None,
    })?;
    let known: Vec<&str> = component
        .arguments
        .pointer(&format!("/properties/{argument}/items/enum"))?
        .as_array()?
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let name = value.to_lowercase();
    let canonical = METRICS
        .iter()
        .find(|(metric, others)| *metric == name || others.contains(&name.as_str()))
        .map_or(name.as_str(), |(metric, _)| *metric);
    known.contains(&canonical).then(|| canonical.to_owned())
}
