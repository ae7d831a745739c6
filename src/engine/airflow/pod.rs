//! Steps as pods.

use indexmap::IndexMap;

use super::super::EngineError;
use super::super::kubernetes::component::is_component;
use super::super::kubernetes::expansion::{Variables, in_pod};
use super::super::kubernetes::script::with_requirements;
use super::context::{Context, unsupported};
use super::files;
use super::modules::Module;
use super::placement;
use super::python::Expr;
use super::task::{Arguments, is_special, set};
use super::text::{is_safe, plain, templated};
use crate::api::ScriptLanguage;
use crate::ir::{Action, Node};

/// The arguments of a container or script, and the operator that takes them: Airflow's own one if that is enough.
///
/// # Errors
/// Results of a container whose command is unknown, and places that cannot be opened.
pub(crate) fn fill(
    context: &Context<'_>,
    node: &Node,
    arguments: &mut Arguments,
) -> Result<&'static str, EngineError> {
    if let Some(component) = &node.component {
        set(arguments, "component", Expr::text(component));
    }
    let references = node.references();
    let word = |text: &String| templated(&in_pod(text, Variables::Expand), references);
    let texts = |texts: &[String]| Expr::List(texts.iter().map(word).collect());
    let mut works_somewhere = false;
    match &node.action {
        Action::Container { image, command, args, working_dir } => {
            check_command(node, command)?;
            set(arguments, "image", templated(image, references));
            for (name, words) in [("cmds", command), ("arguments", args)] {
                if !words.is_empty() {
                    set(arguments, name, texts(words));
                }
            }
            if let Some(folder) = working_dir {
                set(arguments, "working_dir", templated(folder, references));
                works_somewhere = true;
            }
        }
        Action::Script { language, source, image, requirements, .. } => {
            let source = with_requirements(*language, source, requirements);
            let source = in_pod(&source, Variables::Keep);
            set(arguments, "image", templated(image, references));
            let command = match language {
                ScriptLanguage::Python => "python",
                ScriptLanguage::Bash => "bash",
            };
            set(arguments, "cmds", Expr::List(vec![Expr::text(command), Expr::text("-c")]));
            set(arguments, "arguments", Expr::List(vec![script(context, node, &source)]));
        }
        Action::Job { .. } => {}
    }
    let uses_files = files::has_any(context, node);
    placement::environment(context, node, arguments);
    files::fill(context, node, arguments)?;
    if is_component(node) {
        set(arguments, "uses_claim", Expr::code("True"));
    }
    placement::placement(context, node, arguments);
    files::cache(context, node, arguments);
    if node.settings.daemon {
        context.uses(Module::Daemon);
        return Ok("DaemonStep");
    }
    if uses_files || works_somewhere || node.component.is_some() || is_special(node) {
        context.uses(Module::Pod);
        return Ok("PodStep");
    }
    Ok("KubernetesPodOperator")
}

/// The source of a script: short ones stand in the call, long ones behind the DAG.
pub(crate) fn script(context: &Context<'_>, node: &Node, source: &str) -> Expr {
    let references = node.references();
    let fixed = is_component(node);
    let template = node.template(source);
    let is_plain = fixed || template.is_plain();
    if !source.trim_end().contains('\n') && source.len() < 100 {
        return if fixed { plain(source) } else { templated(source, references) };
    }
    let text = if is_plain { source.to_owned() } else { super::text::jinja(&template) };
    let constant = Expr::code(context.constant(&node.name, &text));
    if is_plain && !is_safe(source) { Expr::call("literal", vec![constant]) } else { constant }
}

/// What a step writes is handed on by a shell around its command, so the command must be known. What it prints can be
/// read from its log.
fn check_command(node: &Node, command: &[String]) -> Result<(), EngineError> {
    if !command.is_empty() || node.settings.daemon {
        return Ok(());
    }
    if !node.outputs.is_empty() {
        let reason = "Airflow does not know the image's own entry point, around which the outputs are collected; \
                      give the step its command";
        return Err(unsupported(&node.name, "outputs of a container without a command", reason));
    }
    if node.settings.cache.is_some() {
        let reason = "Airflow does not know the image's own entry point, which it would have to leave out; \
                      give the step its command";
        return Err(unsupported(&node.name, "cache of a container without a command", reason));
    }
    Ok(())
}

/// Labels or annotations of the workflow and of a step together; `None` if the step has none of its own.
pub(crate) fn merged(shared: &IndexMap<String, String>, own: &IndexMap<String, String>) -> Option<Expr> {
    if own.is_empty() {
        return None;
    }
    let mut all = shared.clone();
    all.extend(own.iter().map(|(name, value)| (name.clone(), value.clone())));
    Some(strings(&all))
}

/// A dictionary of texts.
pub(crate) fn strings(entries: &IndexMap<String, String>) -> Expr {
    Expr::Dict(entries.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
}
