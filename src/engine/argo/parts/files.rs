//! The files of a workflow in parts.

use indexmap::IndexMap;

use super::super::super::kubernetes::names::{Names, port_name};
use super::super::super::kubernetes::pod::ObjectMeta;
use super::super::super::kubernetes::{rbac, yaml};
use super::super::super::parts::Parts;
use super::super::super::{EngineError, GenerateOptions, PartFiles, PartPlan};
use super::super::context::{Context, ENGINE};
use super::super::manifest::Document;
use super::super::workflow::DIGEST;
use super::view::PartView;
use super::{parent, part};
use crate::ir::{Workflow, digest};

/// One file with the templates of all parts and the role they need, which may be applied again and again, and one with
/// the parent, which starts a run when it is created.
///
/// # Errors
/// What Argo cannot express, with the step and the feature.
pub(crate) fn files(
    workflow: &Workflow,
    plan: &PartPlan,
    options: &GenerateOptions,
) -> Result<PartFiles, EngineError> {
    let parts = Parts::new(ENGINE, workflow, plan)?;
    let digest = digest(workflow);
    let short: String = workflow.name.chars().take(45).collect();
    // Another version of the workflow has other names: runs that have begun keep their parts.
    let names = format!("{}-{}-p", short.trim_end_matches('-'), &digest[..6]);
    let ports: Vec<_> = workflow.parameters.keys().map(|name| port_name(name)).collect();
    let run = Names::taken(ports.iter().map(AsRef::as_ref)).claim("couler-run");
    let mut written = Vec::new();
    let mut bytes = Vec::with_capacity(parts.len() + 1);
    for document in parent::role(&parts, options) {
        written.push(yaml::write(&document)?);
    }
    for number in 0..parts.len() {
        let text = yaml::write(&of_part(&parts, number, &names, &digest, &run, options)?)?;
        bytes.push(text.len());
        written.push(text);
    }
    let parent = yaml::write(&parent::document(&parts, options, &names, &digest, &run)?)?;
    Ok(parts.files(".yaml", &written, parent, bytes))
}

fn of_part(
    parts: &Parts<'_>,
    number: usize,
    names: &str,
    digest: &str,
    run: &str,
    options: &GenerateOptions,
) -> Result<Document, EngineError> {
    let workflow = parts.workflow;
    let mut context = Context::new(workflow);
    let view = PartView::new(parts, number, run, &|wanted| context.template_name(wanted));
    let mut metadata = ObjectMeta {
        name: Some(format!("{names}{}", number + 1)),
        namespace: options.namespace.clone().or_else(|| workflow.settings.namespace.clone()),
        labels: workflow.settings.labels.clone(),
        annotations: IndexMap::from([(DIGEST.to_owned(), digest.to_owned())]),
        ..ObjectMeta::default()
    };
    metadata.labels.insert(rbac::WORKFLOW.to_owned(), workflow.name.clone());
    metadata.labels.insert(part::PART.to_owned(), (number + 1).to_string());
    metadata.annotations.extend(parts.notes(number).map(|note| (part::AFTER.to_owned(), note)));
    context.part = Some(view);
    let view = context.part.as_ref().unwrap_or_else(|| unreachable!("it was set in the line before"));
    part::document(&context, view, metadata)
}
