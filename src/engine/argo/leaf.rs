//! The template of one step.

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::super::EngineError;
use super::context::{Context, unsupported};
use super::inputs::{Inputs, artifact_ports};
use super::manifest::{Archive, Artifact, Empty, Metadata, Parameter, Ports, Script, Template, ValueFrom};
use super::names::port_name;
use super::place::{Direction, place};
use super::pod::{Container, EnvVar};
use super::text::Braces;
use super::{job, script, settings};
use crate::api::{ArtifactLocation, Input, ScriptLanguage};
use crate::ir::{Action, Node, NodeOutputKind};

/// Annotation of templates that come from a component.
pub(crate) const COMPONENT: &str = "couler.dev/component";
/// Annotation that says what a step does.
pub(crate) const DESCRIPTION: &str = "couler.dev/description";
/// Folder of artifacts that a step writes, if the engine chooses the path.
const OUTPUTS: &str = "/tmp/couler/outputs";
/// Folder of scalars that a step writes, if the engine chooses the path.
const VALUES: &str = "/tmp/couler/values";

/// The template of a step, and what its caller must hand over.
pub(crate) struct Leaf {
    pub template: Template,
    pub inputs: Inputs,
}

impl Leaf {
    /// Makes the template.
    ///
    /// # Errors
    /// What Argo cannot express, with the step and the feature.
    pub(crate) fn new(context: &Context<'_>, node: &Node) -> Result<Self, EngineError> {
        let mut inputs = Inputs::of(context, node)?;
        let mut template =
            Template { name: node.name.clone(), metadata: metadata(node), ..Template::default() };
        apply_settings(&mut template, node);
        match &node.action {
            Action::Job { job } => job::fill(context, node, job, &mut inputs, &mut template)?,
            Action::Container { image, command, args, working_dir } => {
                external_artifacts(node, &mut inputs)?;
                let mut container = container(context, node, &mut inputs, &mut template, Vec::new(), image)?;
                container.command = texts(node, &mut inputs, command)?;
                container.args = texts(node, &mut inputs, args)?;
                container.working_dir.clone_from(working_dir);
                container.env = settings::with_brace_variable(container.env, &inputs);
                template.container = Some(container);
            }
            Action::Script { language, source, image, requirements, arguments } => {
                external_artifacts(node, &mut inputs)?;
                let extra = component_environment(node, &mut inputs, arguments.as_ref())?;
                let mut container = container(context, node, &mut inputs, &mut template, extra, image)?;
                container.env = settings::with_brace_variable(container.env, &inputs);
                let source = script::with_requirements(*language, source, requirements);
                template.script = Some(written_script(node, &mut inputs, container, *language, &source)?);
            }
        }
        if !matches!(node.action, Action::Job { .. }) {
            template.outputs = outputs(node, &mut inputs)?;
        }
        template.memoize = settings::memoize(context, node, &mut inputs);
        template.inputs = inputs.declared();
        Ok(Self { template, inputs })
    }
}

fn texts(node: &Node, inputs: &mut Inputs, texts: &[String]) -> Result<Vec<String>, EngineError> {
    texts.iter().map(|text| inputs.pod_text(node, text)).collect()
}

fn metadata(node: &Node) -> Metadata {
    let mut annotations = IndexMap::new();
    if let Some(component) = &node.component {
        annotations.insert(COMPONENT.to_owned(), component.clone());
    }
    // A description with braces could be misread by Argo, and nothing depends on it.
    if let Some(description) = node.description.as_ref().filter(|text| !text.contains("{{")) {
        annotations.insert(DESCRIPTION.to_owned(), description.clone());
    }
    annotations.extend(node.settings.annotations.clone());
    Metadata { labels: node.settings.labels.clone(), annotations }
}

/// Everything about a step that is not inside its container.
fn apply_settings(template: &mut Template, node: &Node) {
    let own = &node.settings;
    template.active_deadline_seconds = own.timeout.map(crate::api::Duration::seconds);
    template.retry_strategy = own.retry.as_ref().map(settings::retry);
    template.daemon = own.daemon;
    template.service_account_name.clone_from(&own.service_account);
    if !matches!(node.action, Action::Job { .. }) {
        template.node_selector.clone_from(&own.node_selector);
        template.tolerations = settings::tolerations(&own.tolerations);
    }
}

/// A container with everything but its command.
fn container(
    context: &Context<'_>,
    node: &Node,
    inputs: &mut Inputs,
    template: &mut Template,
    extra: Vec<EnvVar>,
    image: &str,
) -> Result<Container, EngineError> {
    let (volumes, volume_mounts) = settings::volumes(node, &context.workflow.settings.volume_claims, false);
    template.volumes = volumes;
    Ok(Container {
        image: inputs.text(node, image, Braces::Keep)?.text,
        env: settings::environment(node, inputs, extra)?,
        resources: settings::resources(&node.settings.resources),
        volume_mounts,
        ..Container::default()
    })
}

fn written_script(
    node: &Node,
    inputs: &mut Inputs,
    mut container: Container,
    language: ScriptLanguage,
    source: &str,
) -> Result<Script, EngineError> {
    let is_component = matches!(&node.action, Action::Script { arguments: Some(_), .. });
    let rendered = if is_component {
        // The source of a component is fixed; its arguments come through the environment.
        super::text::render(
            &crate::api::Template(vec![crate::api::Piece::Text(source.to_owned())]),
            Braces::Marker,
            &mut |_| Ok(String::new()),
        )?
    } else {
        inputs.text(node, source, Braces::Marker)?
    };
    container.command = script::command(language, rendered.broken);
    Ok(Script { container, source: rendered.text })
}

/// Artifacts from outside the workflow, declared in the template itself.
fn external_artifacts(node: &Node, inputs: &mut Inputs) -> Result<(), EngineError> {
    for (name, path, input) in artifact_ports(node) {
        let Input::External { location, .. } = input else { continue };
        if is_address(node, location) {
            continue;
        }
        let place = Some(place(node, inputs, location, Direction::Read)?);
        let declared =
            Artifact { name: name.clone(), path: Some(path.clone()), place, ..Artifact::default() };
        inputs.artifacts.insert(name, super::inputs::ArtifactInput { path, from: None, declared });
    }
    Ok(())
}

/// Components open addresses themselves.
fn is_address(node: &Node, location: &ArtifactLocation) -> bool {
    let component = matches!(&node.action, Action::Script { arguments: Some(_), .. });
    component && matches!(location, ArtifactLocation::Uri { .. })
}

/// What a component reads from its environment.
fn component_environment(
    node: &Node,
    inputs: &mut Inputs,
    arguments: Option<&Value>,
) -> Result<Vec<EnvVar>, EngineError> {
    let Some(arguments) = arguments else { return Ok(Vec::new()) };
    let ports = component_inputs(node, inputs);
    let outputs: serde_json::Map<String, Value> = node
        .outputs
        .iter()
        .filter_map(|output| match &output.kind {
            NodeOutputKind::Artifact { path, .. } => {
                Some((output.name.clone(), json!(chosen(path.as_ref(), OUTPUTS, &output.name))))
            }
            NodeOutputKind::Parameter { .. } => None,
        })
        .collect();
    Ok(vec![
        EnvVar::with_value("COULER_ARGS", inputs.pod_text(node, &arguments.to_string())?),
        EnvVar::with_value("COULER_INPUTS", inputs.pod_text(node, &Value::Object(ports).to_string())?),
        EnvVar::with_value("COULER_OUTPUTS", Value::Object(outputs).to_string()),
        EnvVar::with_value("COULER_VALUES", VALUES),
    ])
}

/// Port to path or address; a list if the port is given several times.
fn component_inputs(node: &Node, inputs: &Inputs) -> serde_json::Map<String, Value> {
    let mut ports: IndexMap<&str, Vec<Value>> = IndexMap::new();
    for (name, path, input) in artifact_ports(node) {
        let value = match input {
            Input::External { location: ArtifactLocation::Uri { uri }, .. } => uri.clone(),
            _ => inputs.artifacts.get(&name).map_or(path, |artifact| artifact.path.clone()),
        };
        ports.entry(input.name()).or_default().push(Value::String(value));
    }
    ports
        .into_iter()
        .map(|(name, mut values)| {
            let value = if values.len() == 1 { values.remove(0) } else { Value::Array(values) };
            (name.to_owned(), value)
        })
        .collect()
}

fn chosen(path: Option<&String>, folder: &str, name: &str) -> String {
    path.cloned().unwrap_or_else(|| format!("{folder}/{name}"))
}

/// What a container or script writes.
fn outputs(node: &Node, inputs: &mut Inputs) -> Result<Ports, EngineError> {
    let mut ports = Ports::default();
    for output in &node.outputs {
        let name = port_name(&output.name).into_owned();
        match &output.kind {
            NodeOutputKind::Parameter { path, default } => {
                let path = Some(chosen(path.as_ref(), VALUES, &output.name));
                let value_from = Some(ValueFrom { path, default: default.clone(), ..ValueFrom::default() });
                ports.parameters.push(Parameter { value_from, ..Parameter::named(name) });
            }
            NodeOutputKind::Artifact { path, store, optional, .. } => {
                let place = store
                    .as_ref()
                    .map(|location| place(node, inputs, location, Direction::Write))
                    .transpose()?;
                // Whoever reads the store expects the file itself, not a tar file of it.
                let archive = place.is_some().then_some(Archive { none: Empty {} });
                let path = Some(chosen(path.as_ref(), OUTPUTS, &output.name));
                ports.artifacts.push(Artifact {
                    name,
                    path,
                    optional: *optional,
                    archive,
                    place,
                    ..Artifact::default()
                });
            }
        }
    }
    Ok(ports)
}

/// Refuses what only containers and scripts can do.
pub(crate) fn refuse_files(node: &Node) -> Result<(), EngineError> {
    if let Some(output) = node.outputs.first() {
        let reason = format!(
            "a job has no files that Argo could read, so the output {:?} cannot be handed on; \
             let the job write to a volume or store and read it in a following step",
            output.name
        );
        return Err(unsupported(&node.name, "outputs of a job", reason));
    }
    if let Some(input) = node.inputs.iter().find(|input| !matches!(input, Input::Parameter { .. })) {
        let reason = format!(
            "Argo puts no files into the pods of a job, so the input {:?} would not arrive; \
             use a volume, or give its address as a parameter",
            input.name()
        );
        return Err(unsupported(&node.name, "artifact inputs of a job", reason));
    }
    Ok(())
}
