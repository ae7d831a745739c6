//! From the function a step calls to the action a node executes.

use serde_json::{Map, Value};

use super::{Action, NodeOutput, NodeOutputKind};
use crate::api::{
    Component, ComponentCall, ComponentRun, Estimate, Function, Input, InputPort, Job, ManifestJob,
    OutputSource, Problem, References, RunJob, ScriptLanguage, Step, Template, validate_against,
};

/// Where components come from.
pub trait Components {
    /// The component of this name.
    fn component(&self, name: &str) -> Option<&Component>;

    /// The text of a script component, the shared runtime included.
    fn script(&self, component: &Component) -> Option<String>;

    /// All names.
    fn names(&self) -> Vec<&str>;
}

/// No components at all: programs of plain functions only.
pub struct NoComponents;

impl Components for NoComponents {
    fn component(&self, _: &str) -> Option<&Component> {
        None
    }

    fn script(&self, _: &Component) -> Option<String> {
        None
    }

    fn names(&self) -> Vec<&str> {
        Vec::new()
    }
}

/// Image of Python scripts that name none.
pub(super) const PYTHON_IMAGE: &str = "python:3.12-slim";
/// Image of Bash scripts that name none.
pub(super) const BASH_IMAGE: &str = "bash:5";

/// Outputs that every step has.
const RESERVED: [&str; 2] = ["result", crate::api::STATUS];

/// What a step resolves to.
pub(super) struct Resolved {
    pub(super) action: Action,
    pub(super) component: Option<String>,
    pub(super) ports: Vec<InputPort>,
    pub(super) inherit_requirements: Vec<String>,
    pub(super) inputs: Vec<Input>,
    pub(super) outputs: Vec<NodeOutput>,
    pub(super) estimate: Estimate,
}

pub(super) fn resolve(
    path: &str,
    step: &Step,
    components: &dyn Components,
) -> Result<Resolved, Vec<Problem>> {
    let outputs: Vec<NodeOutput> = step
        .outputs
        .iter()
        .map(|output| NodeOutput { name: output.name.clone(), kind: explicit_output(&output.source) })
        .collect();
    if let Function::Component(call) = &step.run {
        return component(path, step, call, components, outputs);
    }
    Ok(Resolved {
        action: plain_action(&step.run),
        component: None,
        ports: Vec::new(),
        inherit_requirements: Vec::new(),
        inputs: step.inputs.clone(),
        outputs,
        estimate: Estimate::default(),
    })
}

fn explicit_output(source: &OutputSource) -> NodeOutputKind {
    match source {
        OutputSource::Parameter { path, default } => {
            NodeOutputKind::Parameter { path: Some(path.clone()), default: default.clone() }
        }
        OutputSource::Artifact { path, port_type, store } => NodeOutputKind::Artifact {
            path: Some(path.clone()),
            port_type: *port_type,
            store: store.clone(),
            optional: false,
        },
    }
}

fn plain_action(function: &Function) -> Action {
    match function {
        Function::RunContainer(call) => Action::Container {
            image: call.image.clone(),
            command: call.command.clone(),
            args: call.args.clone(),
            working_dir: call.working_dir.clone(),
        },
        Function::RunScript(call) => Action::Script {
            language: call.language,
            source: call.source.clone(),
            image: call.image.clone().unwrap_or_else(|| default_image(call.language).into()),
            requirements: call.requirements.clone(),
            arguments: None,
        },
        Function::RunJob(run) => Action::Job { job: run.job.clone() },
        Function::Component(_) | Function::Concurrent(_) => {
            unreachable!("components are resolved and groups are flattened before")
        }
    }
}

fn default_image(language: ScriptLanguage) -> &'static str {
    match language {
        ScriptLanguage::Python => PYTHON_IMAGE,
        ScriptLanguage::Bash => BASH_IMAGE,
    }
}

fn component(
    path: &str,
    step: &Step,
    call: &ComponentCall,
    components: &dyn Components,
    mut outputs: Vec<NodeOutput>,
) -> Result<Resolved, Vec<Problem>> {
    let component = components.component(&call.component).ok_or_else(|| {
        let hint = crate::api::choices(&call.component, components.names().into_iter());
        vec![Problem::new(
            format!("{path}/run/component"),
            format!("there is no component {:?}", call.component),
            hint,
        )]
    })?;
    let (arguments, mut inputs) = split_ports(component, call);
    check_arguments(path, component, &arguments, step.references())?;
    inputs.extend(step.inputs.iter().cloned());
    for port in &component.outputs {
        let kind = NodeOutputKind::Artifact {
            path: None,
            port_type: port.port_type,
            store: None,
            optional: port.optional,
        };
        outputs.push(NodeOutput { name: port.name.clone(), kind });
    }
    for name in component.value_names(&|name| arguments.get(name).cloned()) {
        outputs.push(NodeOutput { name, kind: NodeOutputKind::Parameter { path: None, default: None } });
    }
    if let Some(taken) = outputs.iter().find(|output| RESERVED.contains(&output.name.as_str())) {
        return Err(vec![Problem::new(
            format!("{path}/run/component"),
            format!("the component {:?} has an output named {:?}", component.name, taken.name),
            "every step has one of this name already; rename it in the component",
        )]);
    }
    let (action, inherit_requirements) = component_action(path, component, arguments, components)?;
    Ok(Resolved {
        action,
        component: Some(component.name.clone()),
        ports: component.inputs.clone(),
        inherit_requirements,
        inputs,
        outputs,
        estimate: component.estimate,
    })
}

/// An argument named like an input port is the address of external data for that port.
fn split_ports(component: &Component, call: &ComponentCall) -> (Map<String, Value>, Vec<Input>) {
    let mut arguments = Map::new();
    let mut inputs = Vec::new();
    for (name, value) in &call.with {
        let declared = component.arguments.pointer(&format!("/properties/{name}")).is_some();
        let port = component.inputs.iter().any(|port| &port.name == name);
        match value {
            Value::String(address) if port && !declared => inputs.push(Input::External {
                name: name.clone(),
                location: crate::api::ArtifactLocation::Uri { uri: address.clone() },
                path: None,
            }),
            _ => {
                arguments.insert(name.clone(), value.clone());
            }
        }
    }
    (arguments, inputs)
}

fn check_arguments(
    path: &str,
    component: &Component,
    arguments: &Map<String, Value>,
    references: References,
) -> Result<(), Vec<Problem>> {
    let mut checked = arguments.clone();
    let schema = &component.arguments;
    checked.retain(|_, value| value.as_str().is_none_or(|text| Template::parse(text, references).is_plain()));
    let mut schema = schema.clone();
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| {
            !name.as_str().is_some_and(|name| arguments.contains_key(name) && !checked.contains_key(name))
        });
    }
    validate_against(&schema, &Value::Object(checked)).map_err(|problems| {
        let prefix = format!("{path}/run/with");
        problems
            .0
            .into_iter()
            .map(|problem| {
                let hint =
                    format!("{}; `couler lake show {}` lists the arguments", problem.hint, component.name);
                Problem::new(format!("{prefix}{}", problem.path), problem.message, hint)
            })
            .collect()
    })
}

fn component_action(
    path: &str,
    component: &Component,
    arguments: Map<String, Value>,
    components: &dyn Components,
) -> Result<(Action, Vec<String>), Vec<Problem>> {
    let wrong = |message: String| {
        vec![Problem::new(
            format!("{path}/run"),
            message,
            format!("check the component {:?}", component.name),
        )]
    };
    match &component.run {
        ComponentRun::Script { language, image, requirements, inherit_requirements, .. } => {
            let source = components
                .script(component)
                .ok_or_else(|| wrong(format!("the script of {:?} is missing", component.name)))?;
            let action = Action::Script {
                language: *language,
                source,
                image: image.clone(),
                requirements: requirements.clone(),
                arguments: Some(Value::Object(arguments)),
            };
            Ok((action, inherit_requirements.clone()))
        }
        ComponentRun::Container { image, command, args } => {
            let fill = |items: &[String]| items.iter().flat_map(|item| repeated(item, &arguments)).collect();
            let action = Action::Container {
                image: filled(image, &arguments).unwrap_or_else(|| image.clone()),
                command: fill(command),
                args: fill(args),
                working_dir: None,
            };
            Ok((action, Vec::new()))
        }
        ComponentRun::Function { function, fixed } => {
            let mut fields = fixed.clone();
            fields.extend(arguments);
            let tagged = if function == "run_job" {
                serde_json::json!({"function": function, "job": fields})
            } else {
                fields.insert("function".into(), Value::String(function.clone()));
                Value::Object(fields)
            };
            let function: Function =
                serde_json::from_value(tagged).map_err(|error| wrong(error.to_string()))?;
            Ok((plain_action(&function), Vec::new()))
        }
        ComponentRun::Manifest { action, manifest, success_condition, failure_condition } => {
            let manifest = filled_value(&Value::Object(manifest.clone()), &arguments);
            let Some(Value::Object(manifest)) = manifest else {
                return Err(wrong("its manifest is empty".into()));
            };
            let job = Job::Manifest(ManifestJob {
                action: *action,
                manifest,
                success_condition: success_condition.clone(),
                failure_condition: failure_condition.clone(),
            });
            Ok((plain_action(&Function::RunJob(RunJob { job })), Vec::new()))
        }
    }
}

/// An item of a command line, once for each value of an argument that has several: the items of a list, or the
/// `KEY=VALUE` pairs of an object. `${NAME=VALUE}` in front keeps the item for that value of the argument only.
fn repeated(item: &str, arguments: &Map<String, Value>) -> Vec<String> {
    if let Some((name, wanted, rest)) = guarded(item) {
        let holds = arguments.get(name).is_some_and(|value| plain(value) == wanted);
        return if holds { repeated(rest, arguments) } else { Vec::new() };
    }
    let several = arguments.iter().find_map(|(name, value)| {
        let pairs: Vec<String> = match value {
            Value::Array(values) => values.iter().map(plain).collect(),
            Value::Object(values) => {
                values.iter().map(|(key, value)| format!("{key}={}", plain(value))).collect()
            }
            _ => return None,
        };
        item.contains(&format!("${{{name}}}")).then_some((name, pairs))
    });
    match several {
        Some((name, values)) => values
            .into_iter()
            .filter_map(|value| {
                let mut one = arguments.clone();
                one.insert(name.clone(), Value::String(value));
                filled(item, &one)
            })
            .collect(),
        None => filled(item, arguments).into_iter().collect(),
    }
}

/// `${NAME=VALUE}rest` as its three parts.
fn guarded(item: &str) -> Option<(&str, &str, &str)> {
    let (guard, rest) = item.strip_prefix("${")?.split_once('}')?;
    let (name, wanted) = guard.split_once('=')?;
    Some((name, wanted, rest))
}

/// A value as it stands in a command line.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The text with every `${NAME}` replaced; `None` if an argument is absent.
fn filled(text: &str, arguments: &Map<String, Value>) -> Option<String> {
    let mut result = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let end = rest[start..].find('}')? + start;
        result.push_str(&rest[..start]);
        result.push_str(&plain(arguments.get(&rest[start + 2..end])?));
        rest = &rest[end + 1..];
    }
    result.push_str(rest);
    Some(result)
}

/// A manifest with its placeholders replaced. What an absent argument leaves empty is left out: fields, and the
/// objects and lists that have nothing else.
fn filled_value(value: &Value, arguments: &Map<String, Value>) -> Option<Value> {
    match value {
        Value::String(text) => {
            let whole = text
                .strip_prefix("${")
                .and_then(|rest| rest.strip_suffix('}'))
                .filter(|name| !name.contains('}'));
            match whole {
                Some(name) => arguments.get(name).cloned(),
                None => filled(text, arguments).map(Value::String),
            }
        }
        Value::Array(items) => {
            let kept: Vec<Value> = items.iter().filter_map(|item| filled_value(item, arguments)).collect();
            (items.is_empty() || !kept.is_empty()).then_some(Value::Array(kept))
        }
        Value::Object(map) => {
            let kept: Map<String, Value> = map
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), filled_value(value, arguments)?)))
                .collect();
            (map.is_empty() || !kept.is_empty()).then_some(Value::Object(kept))
        }
        other => Some(other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arguments(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn an_item_stands_once_for_each_value() {
        let arguments =
            arguments(&json!({"a": [1, "x"], "o": {"K": "v", "N": 2}, "push": false, "name": "n"}));
        let lines = [
            ("--a=${a}", vec!["--a=1", "--a=x"]),
            ("--arg=${o}", vec!["--arg=K=v", "--arg=N=2"]),
            ("--name=${name}", vec!["--name=n"]),
            ("--absent=${absent}", vec![]),
            ("${push=false}--no-push", vec!["--no-push"]),
            ("${push=true}--push", vec![]),
            ("${absent=false}--no-push", vec![]),
            ("${name=n}--a=${a}", vec!["--a=1", "--a=x"]),
        ];
        for (item, expected) in lines {
            assert_eq!(repeated(item, &arguments), expected, "{item}");
        }
    }

    #[test]
    fn what_absent_arguments_leave_empty_goes() {
        let manifest = json!({
            "ports": [{"containerPort": "${port}"}],
            "resources": {"limits": {"cpu": "${cpu}", "memory": "${memory}"}},
            "empty": {},
            "image": "${image}:1",
        });
        let filled = |value: Value| filled_value(&manifest, &arguments(&value)).unwrap();
        assert_eq!(filled(json!({})), json!({"empty": {}}));
        assert_eq!(
            filled(json!({"port": 80, "cpu": "2", "image": "a"})),
            json!({"ports": [{"containerPort": 80}], "resources": {"limits": {"cpu": "2"}}, "empty": {}, "image": "a:1"})
        );
    }
}
