//! Bounded loops (`exec_while`): a steps template that calls itself while the condition holds.
//!
//! Argo follows 100 nested templates at most, so a loop of more than [`ROUND`] repetitions is cut into rounds: a loop
//! of loops, which nests only as deep as a round is long plus the number of rounds.

use super::super::EngineError;
use super::super::kubernetes::job::has_result;
use super::super::kubernetes::names::port_name;
use super::super::kubernetes::settings::go_duration;
use super::condition;
use super::context::{Context, Scope, input_parameter, workflow_parameter};
use super::inputs::Inputs;
use super::leaf::Leaf;
use super::manifest::{Artifact, Call, Parameter, Ports, Suspend, Template, ValueFrom};
use crate::api::{Loop, Operand};
use crate::ir::{Action, Node, NodeOutputKind};

/// Repetitions that are nested directly.
const ROUND: u32 = 40;
/// The input that counts the repetitions.
const COUNTER: &str = "iteration";
/// One level of recursion.
struct Level<'a> {
    /// Name of the template.
    name: String,
    /// What it repeats.
    body: String,
    /// Whether the body is a loop itself, whose outputs are all parameters and which counts.
    body_is_loop: bool,
    /// When it goes on, besides the condition.
    bound: String,
    /// How far the counter moves.
    step: u32,
    /// Name of the step that runs the body.
    body_step: &'a str,
    /// Name of the step that goes on with the loop.
    again: &'a str,
    /// Name of the input that counts.
    counter: &'a str,
    /// Name of the pause template.
    pause: Option<&'a str>,
}

/// Wraps a step in its loop and makes `outer` call that.
///
/// # Errors
/// What Argo cannot express, with the step and the feature.
pub(crate) fn wrap(
    context: &Context<'_>,
    node: &Node,
    repeat: &Loop,
    mut leaf: Leaf,
    scope: Scope,
    outer: &mut Call,
) -> Result<Vec<Template>, EngineError> {
    let mut handed = Inputs::default();
    for (name, source) in &leaf.inputs.parameters {
        handed.claim(name, source.clone());
    }
    for operand in repeat.condition.operands() {
        if let Operand::Output { step, .. } = operand
            && step != &node.name
        {
            handed.operand(operand);
        }
    }
    let name = context.template_name(&format!("{}-loop", node.name));
    let pause = repeat.pause.map(|pause| {
        let duration = go_duration(pause);
        let name = context.template_name(&format!("{}-pause", node.name));
        Template { name, suspend: Some(Suspend { duration }), ..Template::default() }
    });
    let counter_name = handed.free_name(COUNTER);
    let counter = input_parameter(&counter_name);
    if let Some(memoize) = &mut leaf.template.memoize {
        // Each repetition has a result of its own, or the first one would be reused for ever.
        memoize.key = format!("{}-{counter}", memoize.key);
        leaf.template.inputs.parameters.push(Parameter::named(&counter_name));
    }
    let limit = format!("{counter} < {}", repeat.limit);
    let rounds = repeat.limit > ROUND;
    let bound = if rounds { format!("{limit} && {counter} % {ROUND} != 0") } else { limit };
    let inner = Level {
        name: name.clone(),
        body: node.name.clone(),
        body_is_loop: false,
        bound,
        step: 1,
        body_step: &node.name,
        again: if node.name == "again" { "again-on" } else { "again" },
        counter: &counter_name,
        pause: pause.as_ref().map(|template| template.name.as_str()),
    };
    let mut templates = vec![level(context, node, repeat, &leaf, &mut handed, &inner)?];
    outer.template.clone_from(&name);
    if rounds {
        let bound = format!("{counter} <= {}", repeat.limit - ROUND);
        let rounds = Level {
            name: context.template_name(&format!("{}-rounds", node.name)),
            body: name,
            body_is_loop: true,
            bound,
            step: ROUND,
            ..inner
        };
        outer.template.clone_from(&rounds.name);
        templates.insert(0, level(context, node, repeat, &leaf, &mut handed, &rounds)?);
    }
    outer.arguments = handed.arguments(context, scope, &node.name)?;
    outer.arguments.artifacts = leaf.inputs.arguments(context, scope, &node.name)?.artifacts;
    outer.arguments.parameters.push(Parameter::with_value(&counter_name, "1"));
    templates.extend(pause);
    templates.push(leaf.template);
    Ok(templates)
}

fn level(
    context: &Context<'_>,
    node: &Node,
    repeat: &Loop,
    leaf: &Leaf,
    handed: &mut Inputs,
    level: &Level<'_>,
) -> Result<Template, EngineError> {
    let (mut declared, artifacts) = leaf.inputs.forwarded();
    let all: Vec<Parameter> =
        handed.parameters.keys().map(|name| Parameter::with_value(name, input_parameter(name))).collect();
    let mut body_parameters = all.clone();
    if !level.body_is_loop {
        body_parameters.retain(|parameter| leaf.inputs.parameters.contains_key(&parameter.name));
    }
    if level.body_is_loop || leaf.template.memoize.is_some() {
        body_parameters.push(Parameter::with_value(level.counter, input_parameter(level.counter)));
    }
    let body = Call {
        name: level.body_step.to_owned(),
        template: level.body.clone(),
        arguments: Ports { parameters: body_parameters, ..artifacts.clone() },
        ..Call::default()
    };
    let when = condition::when(&repeat.condition, &mut |operand| {
        Ok(match operand {
            Operand::Output { step, output } if step == &node.name => {
                format!("{{{{{}}}}}", own_output(node, level, output))
            }
            Operand::Parameter(name) => workflow_parameter(name),
            other => handed.operand(other),
        })
    })?;
    let bracketed =
        if matches!(repeat.condition, crate::api::Condition::Or(_)) { format!("({when})") } else { when };
    let when = Some(format!("{bracketed} && {}", level.bound));
    let mut parameters = all;
    let next = format!("{{{{=string(asInt(inputs.parameters['{}']) + {})}}}}", level.counter, level.step);
    parameters.push(Parameter::with_value(level.counter, next));
    let again = Call {
        name: level.again.to_owned(),
        template: level.name.clone(),
        when: when.clone(),
        arguments: Ports { parameters, ..artifacts },
        ..Call::default()
    };
    let mut steps = vec![vec![body]];
    if let Some(pause) = level.pause {
        let name = if level.body_step == "pause" { "pause-on" } else { "pause" }.to_owned();
        steps.push(vec![Call { name, template: pause.to_owned(), when, ..Call::default() }]);
    }
    steps.push(vec![again]);
    declared.parameters = handed.declared().parameters;
    declared.parameters.push(Parameter::named(level.counter));
    Ok(Template {
        name: level.name.clone(),
        inputs: declared,
        outputs: outputs(context, node, level),
        steps,
        ..Template::default()
    })
}

/// The reference to an output of the body, without braces.
fn own_output(node: &Node, level: &Level<'_>, output: &str) -> String {
    let step = level.body_step;
    if output == "result" && !level.body_is_loop && !matches!(node.action, Action::Job { .. }) {
        return format!("steps.{step}.outputs.result");
    }
    format!("steps.{step}.outputs.parameters.{}", port_name(output))
}

/// The outputs of the last repetition: those of the deeper level if there is one, else those of the body.
fn outputs(context: &Context<'_>, node: &Node, level: &Level<'_>) -> Ports {
    let mut ports = Ports::default();
    let choice = |kind: &str, name: &str, own: &str| {
        let Level { again, body_step, .. } = level;
        let deeper = format!("steps['{again}'].outputs.{kind}['{name}']");
        Some(format!("steps['{again}'].status == 'Skipped' ? steps['{body_step}'].outputs.{own} : {deeper}"))
    };
    let mut parameter = |name: &str, own: &str| {
        let value_from =
            Some(ValueFrom { expression: choice("parameters", name, own), ..ValueFrom::default() });
        ports.parameters.push(Parameter { value_from, ..Parameter::named(name) });
    };
    if context.is_read(node, "result") && has_result(node) {
        let declared = level.body_is_loop || matches!(node.action, Action::Job { .. });
        parameter("result", if declared { "parameters['result']" } else { "result" });
    }
    for output in node.outputs.iter().filter(|output| context.is_read(node, &output.name)) {
        let name = port_name(&output.name);
        match &output.kind {
            NodeOutputKind::Parameter { .. } => parameter(&name, &format!("parameters['{name}']")),
            NodeOutputKind::Artifact { optional, .. } => ports.artifacts.push(Artifact {
                name: name.to_string(),
                from_expression: choice("artifacts", &name, &format!("artifacts['{name}']")),
                optional: *optional,
                ..Artifact::default()
            }),
        }
    }
    ports
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::argo::recover;
    use crate::engine::{Engine, GenerateOptions};

    /// Follows the bounds of both levels as Argo does when the condition always holds.
    fn repetitions(limit: u32) -> u32 {
        let (mut count, mut start) = (0, 1);
        loop {
            let mut counter = start;
            loop {
                count += 1;
                if !(counter < limit && (limit <= ROUND || counter % ROUND != 0)) {
                    break;
                }
                counter += 1;
            }
            if limit <= ROUND || start > limit - ROUND {
                return count;
            }
            start += ROUND;
        }
    }

    #[test]
    fn rounds_keep_the_bound() {
        for limit in 1..=200 {
            assert_eq!(repetitions(limit), limit);
        }
        assert_eq!(repetitions(1000), 1000);
    }

    #[test]
    fn a_loop_counts_and_hands_its_last_outputs_on() {
        let program = r#"
version: couler/v1
name: w
steps:
- name: flip
  run: {function: run_script, source: "print('tails')"}
  exec_while: {condition: flip.result == tails, limit: 5, pause: 1d}
- name: say
  run: {function: run_container, image: i, args: ["{{steps.flip.result}}"]}
"#;
        let workflow =
            crate::ir::lower(&crate::api::parse_program(program).unwrap(), &crate::ir::NoComponents).unwrap();
        let text = crate::engine::argo::Argo
            .generate(&workflow, &GenerateOptions::default())
            .unwrap()
            .remove(0)
            .content;
        let expected = r#"  - name: flip-loop
    inputs:
      parameters:
      - name: iteration
    outputs:
      parameters:
      - name: result
        valueFrom:
          expression: "steps['again'].status == 'Skipped' ? steps['flip'].outputs.result : steps['again'].outputs.parameters['result']"
    steps:
    - - name: flip
        template: flip
    - - name: pause
        template: flip-pause
        when: "'{{steps.flip.outputs.result}}' == 'tails' && {{inputs.parameters.iteration}} < 5"
    - - name: again
        template: flip-loop
        when: "'{{steps.flip.outputs.result}}' == 'tails' && {{inputs.parameters.iteration}} < 5"
        arguments:
          parameters:
          - name: iteration
            value: "{{=string(asInt(inputs.parameters['iteration']) + 1)}}"
  - name: flip-pause
    suspend:
      duration: 24h
"#;
        assert!(text.contains(expected), "{text}");
        assert!(text.contains("value: \"{{tasks.flip.outputs.parameters.result}}\""), "{text}");
        let step = &recover(&text).unwrap().steps["flip"];
        assert_eq!(step.exec_while, Some(("flip.result == 'tails'".into(), 5)));
    }
}
