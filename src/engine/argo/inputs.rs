//! What a template gets from its caller: parameters and artifacts.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::super::EngineError;
use super::super::kubernetes::expansion::{Variables, in_pod};
use super::super::kubernetes::names::{Names, port_name};
use super::super::kubernetes::ports::artifact_ports;
use super::context::{Context, Scope, Source, input_parameter, item, workflow_parameter};
use super::manifest::{Arguments, Artifact, Parameter, Ports};
use super::status;
use super::text::{Braces, Rendered, render};
use crate::api::{Input, Piece, STATUS, Template, WORKFLOW};
use crate::ir::Node;

/// An artifact that a template reads.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ArtifactInput {
    /// Where it is put.
    pub path: String,
    /// The step and output it comes from; `None` if the template itself says where it is.
    pub from: Option<(String, String)>,
    /// The declaration in the template.
    pub declared: Artifact,
}

/// The inputs of a template, by name.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    pub parameters: IndexMap<String, Source>,
    pub artifacts: IndexMap<String, ArtifactInput>,
    /// Whether some text needs the variable [`super::text::BRACE_VARIABLE`].
    pub broken_braces: bool,
    /// Workflow parameters that the template reads directly.
    pub workflow_parameters: BTreeSet<String>,
}

impl Inputs {
    /// The parameters that the step declares, and its artifacts from other steps.
    pub(crate) fn of(context: &Context<'_>, node: &Node) -> Result<Self, EngineError> {
        let mut inputs = Self::default();
        for input in &node.inputs {
            if let Input::Parameter { name, value } = input {
                let template = node.template(&in_pod(value, Variables::Expand));
                // Text that Argo would misread cannot go through arguments; the variable gets it directly.
                let readable = !render(&template, Braces::Variable, &mut |_| Ok("{{item}}".into()))?.broken;
                if readable {
                    inputs.parameters.insert(name.clone(), Source::Text(template));
                }
            }
        }
        for (name, path, input) in artifact_ports(node) {
            let Input::Artifact { step, output, .. } = input else { continue };
            let optional = context.may_be_missing(step, output);
            let declared =
                Artifact { name: name.clone(), path: Some(path.clone()), optional, ..Artifact::default() };
            let folder = context.folder_of_map(step, output);
            let place = folder.or_else(|| context.place_elsewhere(step, output));
            let from = place.is_none().then(|| (step.clone(), output.clone()));
            let declared = Artifact { place, ..declared };
            inputs.artifacts.insert(name, ArtifactInput { path, from, declared });
        }
        Ok(inputs)
    }

    /// The name under which the template reads `source`.
    pub(crate) fn claim(&mut self, wanted: &str, source: Source) -> String {
        let mut name = wanted.to_owned();
        for number in 2.. {
            match self.parameters.get(&name) {
                Some(known) if *known == source => return name,
                Some(_) => name = format!("{wanted}-{number}"),
                None => break,
            }
        }
        self.parameters.insert(name.clone(), source);
        name
    }

    /// A name that no input has.
    pub(crate) fn free_name(&self, wanted: &str) -> String {
        Names::taken(self.parameters.keys().map(String::as_str)).claim(wanted)
    }

    /// The text of a reference inside the template. What comes from outside becomes an input.
    pub(crate) fn reference(&mut self, piece: &Piece) -> String {
        match piece {
            Piece::Text(text) => text.clone(),
            Piece::Parameter(name) => {
                self.workflow_parameters.insert(port_name(name).into_owned());
                workflow_parameter(name)
            }
            Piece::Item(None) => input_parameter(&self.claim("item", Source::Item(None))),
            Piece::Item(Some(key)) => input_parameter(
                &self.claim(&format!("item-{}", port_name(key)), Source::Item(Some(key.clone()))),
            ),
            Piece::Run(fact) => {
                let wanted = fact.name().replace('.', "-");
                input_parameter(&self.claim(&wanted, Source::Text(Template(vec![piece.clone()]))))
            }
            Piece::Output { step, .. } if step == crate::api::WORKFLOW => "{{workflow.status}}".to_owned(),
            Piece::Output { step, output } => input_parameter(&self.output(step, output)),
        }
    }

    /// The input that holds another step's output.
    pub(crate) fn output(&mut self, step: &str, output: &str) -> String {
        let wanted = format!("{step}-{}", port_name(output));
        self.claim(&wanted, Source::Output(step.to_owned(), output.to_owned()))
    }

    /// A string of the template.
    pub(crate) fn text(&mut self, node: &Node, text: &str, braces: Braces) -> Result<Rendered, EngineError> {
        let template = node.template(text);
        let rendered = render(&template, braces, &mut |piece| Ok(self.reference(piece)))?;
        self.broken_braces |= rendered.broken && braces == Braces::Variable;
        Ok(rendered)
    }

    /// A string in a command, argument or environment variable.
    pub(crate) fn pod_text(&mut self, node: &Node, text: &str) -> Result<String, EngineError> {
        let rendered = self.text(node, &in_pod(text, Variables::Expand), Braces::Variable)?;
        if !rendered.broken {
            return Ok(rendered.text);
        }
        Ok(self.text(node, &in_pod(text, Variables::Guard), Braces::Variable)?.text)
    }

    /// The declarations in the template.
    pub(crate) fn declared(&self) -> Ports {
        Ports {
            parameters: self.parameters.keys().map(Parameter::named).collect(),
            artifacts: self.artifacts.values().map(|input| input.declared.clone()).collect(),
        }
    }

    /// The arguments with which a caller in `scope` hands the inputs over.
    pub(crate) fn arguments(
        &self,
        context: &Context<'_>,
        scope: Scope,
        reader: &str,
    ) -> Result<Arguments, EngineError> {
        let mut arguments = Arguments::default();
        for (name, source) in &self.parameters {
            arguments.parameters.push(Parameter::with_value(name, argument(context, scope, reader, source)?));
        }
        for (name, input) in &self.artifacts {
            if let Some((step, output)) = &input.from {
                let from = Some(context.artifact(scope, reader, step, output)?);
                arguments.artifacts.push(Artifact { name: name.clone(), from, ..Artifact::default() });
            }
        }
        Ok(arguments)
    }

    /// The declarations of a template that hands its own inputs on to this one.
    pub(crate) fn forwarded(&self) -> (Ports, Arguments) {
        let mut declared = Ports::default();
        let mut arguments = Arguments::default();
        for (name, input) in self.artifacts.iter().filter(|(_, input)| input.from.is_some()) {
            let optional = input.declared.optional;
            declared.artifacts.push(Artifact { name: name.clone(), optional, ..Artifact::default() });
            let from = Some(format!("{{{{inputs.artifacts.{name}}}}}"));
            arguments.artifacts.push(Artifact { name: name.clone(), from, ..Artifact::default() });
        }
        (declared, arguments)
    }
}

fn argument(
    context: &Context<'_>,
    scope: Scope,
    reader: &str,
    source: &Source,
) -> Result<String, EngineError> {
    let output = |step: &str, output: &str| {
        let path = context.output_path(scope, reader, step, output)?;
        Ok(if output == STATUS && step != WORKFLOW { status::text(step) } else { format!("{{{{{path}}}}}") })
    };
    match source {
        Source::Output(step, name) => output(step, name),
        Source::Item(key) => Ok(item(key.as_deref())),
        Source::Text(template) => {
            let rendered = render(template, Braces::Keep, &mut |piece| match piece {
                Piece::Output { step, output: name } => output(step, name),
                Piece::Item(key) => Ok(item(key.as_deref())),
                Piece::Parameter(name) => Ok(workflow_parameter(name)),
                Piece::Text(text) => Ok(text.clone()),
                Piece::Run(fact) => context.fact(reader, *fact),
            })?;
            Ok(rendered.text)
        }
    }
}
