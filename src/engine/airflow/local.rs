//! Steps as processes of one machine.

use super::super::EngineError;
use super::context::{Context, unsupported};
use super::files;
use super::modules::Module;
use super::pod::script;
use super::python::{Expr, string};
use super::task::{Arguments, set};
use super::text::templated;
use crate::api::{ScriptLanguage, Volume};
use crate::ir::{Action, Node};

/// The arguments of a container or script.
///
/// # Errors
/// Volumes that only a cluster has, and places that cannot be opened.
pub(crate) fn fill(
    context: &Context<'_>,
    node: &Node,
    arguments: &mut Arguments,
) -> Result<&'static str, EngineError> {
    context.uses(Module::Local);
    if let Some(component) = &node.component {
        set(arguments, "component", Expr::text(component));
    }
    let references = node.references();
    let texts = |texts: &[String]| Expr::List(texts.iter().map(|text| templated(text, references)).collect());
    match &node.action {
        Action::Container { image, command, args, working_dir } => {
            set(arguments, "image", templated(image, references));
            for (name, words) in [("entrypoint", command), ("command", args)] {
                if !words.is_empty() {
                    set(arguments, name, texts(words));
                }
            }
            if let Some(folder) = working_dir {
                set(arguments, "working_dir", templated(folder, references));
            }
        }
        Action::Script { language, source, requirements, .. } => {
            let language = match language {
                ScriptLanguage::Python => "python",
                ScriptLanguage::Bash => "bash",
            };
            set(arguments, "language", Expr::text(language));
            set(arguments, "source", script(context, node, source));
            if !requirements.is_empty() {
                set(arguments, "requirements", Expr::List(requirements.iter().map(Expr::text).collect()));
            }
        }
        Action::Job { .. } => {}
    }
    let variables = files::environment(context, node);
    if !variables.is_empty() {
        set(arguments, "env", Expr::Dict(variables));
    }
    if !node.settings.secrets.is_empty() {
        let secret = |secret: &crate::api::Secret| {
            let place = format!("({}, {})", string(&secret.secret), string(&secret.key));
            (secret.env.clone(), Expr::code(place))
        };
        set(arguments, "secrets", Expr::Dict(node.settings.secrets.iter().map(secret).collect()));
    }
    files::fill(context, node, arguments)?;
    volumes(node, arguments)?;
    files::cache(context, node, arguments);
    if node.settings.daemon {
        set(arguments, "in_background", Expr::code("True"));
    }
    Ok("LocalStep")
}

fn volumes(node: &Node, arguments: &mut Arguments) -> Result<(), EngineError> {
    let mut folders = Vec::new();
    for (number, volume) in node.settings.volumes.iter().enumerate() {
        let folder = match volume {
            Volume::Claim { claim, sub_path, .. } => {
                let folder = format!("claims/{claim}");
                sub_path.as_ref().map_or_else(|| folder.clone(), |inside| format!("{folder}/{inside}"))
            }
            Volume::Shared { name, .. } => format!("shared/{{{{ run_id }}}}/{name}"),
            Volume::EmptyDir { .. } => {
                format!("scratch/{{{{ run_id }}}}/{}-{number}{}", node.name, files::instance(node))
            }
            Volume::HostPath { host_path, .. } => host_path.clone(),
            Volume::ConfigMap { name, .. } | Volume::Secret { name, .. } => {
                let reason =
                    format!("{name:?} is known to a cluster only; compile for the kubernetes target");
                return Err(unsupported(&node.name, "volume of a cluster", reason));
            }
        };
        folders.push((volume.path().to_owned(), Expr::text(folder)));
    }
    if !folders.is_empty() {
        set(arguments, "volumes", Expr::Dict(folders));
    }
    Ok(())
}
