//! The template of one step.

use indexmap::IndexMap;
use serde_json::Value;

use super::super::EngineError;
use super::super::kubernetes::component::{self, is_address};
use super::super::kubernetes::names::port_name;
use super::super::kubernetes::pod::{Container, EnvVar};
use super::super::kubernetes::ports::{self, artifact_ports, chosen};
use super::super::kubernetes::script::with_requirements;
use super::super::kubernetes::settings::{SharedClaims, resources, tolerations, volumes};
use super::context::{Context, unsupported};
use super::inputs::Inputs;
use super::manifest::{
    Archive, Artifact, Empty, Metadata, Parameter, Place, Ports, Script, Template, ValueFrom,
};
use super::parts::PartView;
use super::place::{Direction, place};
use super::text::Braces;
use super::{job, script, settings, wait};
use crate::api::{Input, ScriptLanguage};
use crate::ir::{Action, Node, NodeOutputKind};

pub(crate) use super::super::kubernetes::component::{COMPONENT, DESCRIPTION};

/// Annotation of a template that is no step of the user.
pub(crate) const ROLE: &str = "couler.dev/role";

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
        let pause = wait::pause(context, node);
        let waits = pause.is_some();
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
            Action::Script { .. } if pause.is_some() => template.suspend = pause,
            Action::Script { language, source, image, requirements, arguments } => {
                external_artifacts(node, &mut inputs)?;
                let extra = component_environment(node, &mut inputs, arguments.as_ref())?;
                let mut container = container(context, node, &mut inputs, &mut template, extra, image)?;
                container.env = settings::with_brace_variable(container.env, &inputs);
                let source = with_requirements(*language, source, requirements);
                template.script = Some(written_script(node, &mut inputs, container, *language, &source)?);
            }
        }
        if !waits && !matches!(node.action, Action::Job { .. }) {
            template.outputs = outputs(context, node, &mut inputs)?;
        }
        template.memoize = settings::memoize(context, node, &mut inputs);
        template.synchronization = context.part.as_ref().and_then(PartView::limit);
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
        template.tolerations = tolerations(&own.tolerations);
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
    let claim_name = |label: &str| context.claim_name(label);
    let claims = match &context.part {
        None => SharedClaims::Declared(&context.workflow.settings.volume_claims),
        // The parent has made them.
        Some(_) => SharedClaims::Named(&claim_name),
    };
    let (volumes, volume_mounts) = volumes(&node.settings.volumes, claims);
    template.volumes = volumes;
    Ok(Container {
        image: inputs.text(node, image, Braces::Keep)?.text,
        env: settings::environment(node, inputs, extra)?,
        resources: resources(&node.settings.resources),
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

/// What a component reads from its environment.
fn component_environment(
    node: &Node,
    inputs: &mut Inputs,
    arguments: Option<&Value>,
) -> Result<Vec<EnvVar>, EngineError> {
    let Some(arguments) = arguments else { return Ok(Vec::new()) };
    let variables = component::Environment::new(node, arguments);
    let mut all = vec![
        EnvVar::with_value(component::ARGS, inputs.pod_text(node, &variables.arguments)?),
        EnvVar::with_value(component::INPUTS, inputs.pod_text(node, &variables.inputs)?),
        EnvVar::with_value(component::OUTPUTS, variables.outputs),
        EnvVar::with_value(component::VALUES, ports::VALUES),
    ];
    for (name, reference) in &variables.values {
        all.push(EnvVar::with_value(name, inputs.pod_text(node, reference)?));
    }
    Ok(all)
}

/// What a container or script writes.
fn outputs(context: &Context<'_>, node: &Node, inputs: &mut Inputs) -> Result<Ports, EngineError> {
    let mut ports = Ports::default();
    for output in &node.outputs {
        let name = port_name(&output.name).into_owned();
        match &output.kind {
            NodeOutputKind::Parameter { path, default } => {
                let path = Some(chosen(path.as_ref(), ports::VALUES, &output.name));
                let value_from = Some(ValueFrom { path, default: default.clone(), ..ValueFrom::default() });
                ports.parameters.push(Parameter { value_from, ..Parameter::named(name) });
            }
            NodeOutputKind::Artifact { path, store, optional, .. } => {
                let place = store
                    .as_ref()
                    .map(|location| place(node, inputs, location, Direction::Write))
                    .transpose()?
                    .or_else(|| instance(context, node, &output.name));
                // Whoever reads the store expects the file itself, not a tar file of it.
                let archive = place.is_some().then_some(Archive { none: Empty {} });
                let place = place.or_else(|| context.place_for_others(node, &output.name));
                let path = Some(chosen(path.as_ref(), ports::OUTPUTS, &output.name));
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

/// The place of what one instance of a map writes, if somebody reads it.
fn instance(context: &Context<'_>, node: &Node, output: &str) -> Option<Place> {
    let mut place = context.folder_of_map(&node.name, output).filter(|_| context.is_read(node, output))?;
    if let Place::S3(store) = &mut place {
        store.key.push_str("/{{pod.name}}");
    }
    Some(place)
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
