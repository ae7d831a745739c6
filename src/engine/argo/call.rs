//! How a step is called: conditions, maps, and the templates that wrap it.

use super::super::EngineError;
use super::super::kubernetes::job::has_result;
use super::super::kubernetes::names::port_name;
use super::condition;
use super::context::{
    Context, Scope, condition_reads_item, input_parameter, item, map_output, workflow_parameter,
};
use super::inputs::Inputs;
use super::leaf::Leaf;
use super::manifest::{Call, ContinueOn, Dag, Parameter, Ports, Sequence, Template, ValueFrom};
use super::repeat;
use crate::api::{Condition, Map, MapItems, Operand};
use crate::ir::{Action, Node, NodeOutputKind};

/// A step in the DAG or in the exit handler, with the templates it needs.
///
/// # Errors
/// What Argo cannot express, with the step and the feature.
pub(crate) fn call(
    context: &Context<'_>,
    node: &Node,
    dependencies: Vec<String>,
    scope: Scope,
) -> Result<(Call, Vec<Template>), EngineError> {
    let leaf = Leaf::new(context, node)?;
    // Beside expressions in `depends` Argo takes no `continueOn`: they say themselves what goes on.
    let goes_on = node.settings.continue_on_failure && !(scope == Scope::Dag && context.reads_statuses());
    let mut call = Call {
        name: node.name.clone(),
        template: node.name.clone(),
        dependencies,
        continue_on: goes_on.then_some(ContinueOn { failed: true, error: true }),
        ..Call::default()
    };
    let per_item = node.map.is_some() && node.condition.as_ref().is_some_and(condition_reads_item);
    let wrapped_map = node.map.as_ref().filter(|_| context.is_wrapped(node));
    if let Some(condition) = node.condition.as_ref().filter(|_| !(per_item && wrapped_map.is_some())) {
        call.when = Some(when(context, scope, node, condition)?);
    }
    if let Some(repeat) = &node.exec_while {
        let templates = repeat::wrap(context, node, repeat, leaf, scope, &mut call)?;
        return Ok((call, templates));
    }
    if let Some(map) = wrapped_map {
        let templates = wrap_map(context, node, map, leaf, scope, &mut call)?;
        return Ok((call, templates));
    }
    call.arguments = leaf.inputs.arguments(context, scope, &node.name)?;
    if let Some(map) = &node.map {
        let list = map_output(node)
            .map(|(step, output)| context.output_path(scope, &node.name, step, output))
            .transpose()?
            .map(|path| format!("{{{{{path}}}}}"));
        set_items(&mut call, &map.over, list);
    }
    Ok((call, vec![leaf.template]))
}

/// A condition in the words of `scope`.
fn when(
    context: &Context<'_>,
    scope: Scope,
    node: &Node,
    condition: &Condition,
) -> Result<String, EngineError> {
    condition::when(condition, &mut |operand| match operand {
        Operand::Output { step, output } => {
            context.output_path(scope, &node.name, step, output).map(|path| format!("{{{{{path}}}}}"))
        }
        Operand::Parameter(name) => Ok(workflow_parameter(name)),
        Operand::Item(key) => Ok(item(key.as_deref())),
        Operand::Literal(literal) => Ok(literal.text().to_owned()),
    })
}

/// `list` is the reference to the output that the map iterates over.
fn set_items(call: &mut Call, items: &MapItems, list: Option<String>) {
    match items {
        MapItems::List { items } => call.with_items = Some(items.clone()),
        MapItems::Range { start, end, step: 1, pad } => {
            let format = pad.map(|digits| format!("%0{digits}d"));
            call.with_sequence = Some(Sequence { start: start.to_string(), end: end.to_string(), format });
        }
        MapItems::Range { .. } | MapItems::Product { .. } => call.with_items = items.fixed(),
        MapItems::Output { .. } => call.with_param = list,
        MapItems::Parameter { name } => call.with_param = Some(workflow_parameter(name)),
    }
}

/// Argo limits the parallelism of a whole template, so a map with a limit gets a DAG of its own.
fn wrap_map(
    context: &Context<'_>,
    node: &Node,
    map: &Map,
    leaf: Leaf,
    scope: Scope,
    outer: &mut Call,
) -> Result<Vec<Template>, EngineError> {
    let name = context.template_name(&format!("{}-each", node.name));
    let mut handed = Inputs::default();
    let (mut declared, mut arguments) = leaf.inputs.forwarded();
    for (parameter, source) in &leaf.inputs.parameters {
        let value = if source.reads_item() {
            inner_value(&mut handed, source)
        } else {
            input_parameter(&handed.claim(parameter, source.clone()))
        };
        arguments.parameters.push(Parameter::with_value(parameter, value));
    }
    let mut inner =
        Call { name: node.name.clone(), template: node.name.clone(), arguments, ..Call::default() };
    inner.continue_on.clone_from(&outer.continue_on);
    if let Some(condition) = node.condition.as_ref().filter(|condition| condition_reads_item(condition)) {
        inner.when = Some(condition::when(condition, &mut |operand| Ok(handed.operand(operand)))?);
    }
    let list = map_output(node).map(|(step, output)| input_parameter(&handed.output(step, output)));
    set_items(&mut inner, &map.over, list);
    declared.parameters = handed.declared().parameters;
    outer.template.clone_from(&name);
    outer.arguments = handed.arguments(context, scope, &node.name)?;
    outer.arguments.artifacts = leaf.inputs.arguments(context, scope, &node.name)?.artifacts;
    let wrapper = Template {
        name,
        inputs: declared,
        outputs: collected(context, node),
        parallelism: map.parallelism,
        dag: Some(Dag { tasks: vec![inner] }),
        ..Template::default()
    };
    Ok(vec![wrapper, leaf.template])
}

/// The value of an input that depends on the item, as the mapped task inside the wrapper gives it.
fn inner_value(handed: &mut Inputs, source: &super::context::Source) -> String {
    use super::context::Source;
    use crate::api::Piece;
    match source {
        Source::Item(key) => item(key.as_deref()),
        Source::Output(step, output) => input_parameter(&handed.output(step, output)),
        Source::Text(template) => template
            .0
            .iter()
            .map(|piece| match piece {
                Piece::Item(key) => item(key.as_deref()),
                other => handed.reference(other),
            })
            .collect(),
    }
}

/// The outputs of a wrapped map: lists of what its instances wrote.
fn collected(context: &Context<'_>, node: &Node) -> Ports {
    let mut ports = Ports::default();
    let mut add = |name: String, path: String| {
        let value_from =
            Some(ValueFrom { parameter: Some(format!("{{{{{path}}}}}")), ..ValueFrom::default() });
        ports.parameters.push(Parameter { value_from, ..Parameter::named(name) });
    };
    if context.is_read(node, "result") && has_result(node) {
        let job = matches!(node.action, Action::Job { .. });
        let own = if job { "parameters.result" } else { "result" };
        add("result".to_owned(), format!("tasks.{}.outputs.{own}", node.name));
    }
    for output in &node.outputs {
        if matches!(output.kind, NodeOutputKind::Parameter { .. }) && context.is_read(node, &output.name) {
            let name = port_name(&output.name);
            add(name.to_string(), format!("tasks.{}.outputs.parameters.{name}", node.name));
        }
    }
    ports
}

impl Inputs {
    /// An operand of a condition inside a wrapper.
    pub(crate) fn operand(&mut self, operand: &Operand) -> String {
        use crate::api::Piece;
        match operand {
            Operand::Output { step, output } => {
                self.reference(&Piece::Output { step: step.clone(), output: output.clone() })
            }
            Operand::Parameter(name) => workflow_parameter(name),
            Operand::Item(key) => item(key.as_deref()),
            Operand::Literal(literal) => literal.text().to_owned(),
        }
    }
}
