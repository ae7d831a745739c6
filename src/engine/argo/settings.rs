//! How a step runs, in Argo's words: environment, retries, caching.

use super::super::EngineError;
use super::super::kubernetes::pod::{EnvVar, Named};
use super::super::kubernetes::settings::{self, go_duration};
use super::context::Context;
use super::inputs::Inputs;
use super::manifest::{Backoff, Memoize, MemoizeCache, RetryStrategy};
use super::text::BRACE_VARIABLE;
use crate::api::{self, Retry, RetryPolicy};
use crate::ir::Node;

/// Environment of a step; `extra` comes after its input parameters.
pub(crate) fn environment(
    node: &Node,
    inputs: &mut Inputs,
    extra: Vec<EnvVar>,
) -> Result<Vec<EnvVar>, EngineError> {
    settings::environment(node, extra, &mut |input, text| match input {
        Some(name) if inputs.parameters.contains_key(name) => Ok(super::context::input_parameter(name)),
        _ => inputs.pod_text(node, text),
    })
}

/// Puts the brace variable first if some text needs it; Kubernetes expands earlier variables in later ones.
pub(crate) fn with_brace_variable(mut variables: Vec<EnvVar>, inputs: &Inputs) -> Vec<EnvVar> {
    if inputs.broken_braces {
        variables.insert(0, EnvVar::with_value(BRACE_VARIABLE, "{"));
    }
    variables
}

/// The retry strategy.
pub(crate) fn retry(retry: &Retry) -> RetryStrategy {
    RetryStrategy {
        limit: retry.limit,
        retry_policy: match retry.policy {
            RetryPolicy::OnFailure => "OnFailure",
            RetryPolicy::OnError => "OnError",
            RetryPolicy::OnTransientError => "OnTransientError",
            RetryPolicy::Always => "Always",
        },
        backoff: retry.backoff.as_ref().map(|backoff| Backoff {
            duration: go_duration(backoff.duration),
            factor: backoff.factor,
            cap: backoff.max_pause.map(go_duration),
            max_duration: backoff.max_duration.map(go_duration),
        }),
    }
}

/// Reuse of earlier results. The default key holds the step, everything its artifacts come from, and a hash of its
/// parameters, for Argo takes letters, digits and dashes only.
pub(crate) fn memoize(context: &Context<'_>, node: &Node, inputs: &mut Inputs) -> Option<Memoize> {
    let cache = node.settings.cache.as_ref()?;
    let key = match &cache.key {
        Some(key) => key_text(node, inputs, key),
        None => default_key(context, node, inputs),
    };
    let max_age = cache.max_age.map(go_duration).unwrap_or_default();
    let config_map = Named { name: "couler-cache".to_owned() };
    Some(Memoize { key, max_age, cache: MemoizeCache { config_map } })
}

fn key_text(node: &Node, inputs: &mut Inputs, key: &str) -> String {
    let template = node.template(key);
    let mut text = String::new();
    for piece in &template.0 {
        match piece {
            api::Piece::Text(plain) => {
                text.extend(plain.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }));
            }
            other => text.push_str(&inputs.reference(other)),
        }
    }
    if text.starts_with('-') { format!("key{text}") } else { text }
}

fn default_key(context: &Context<'_>, node: &Node, inputs: &Inputs) -> String {
    let digest = context.digest(&node.name);
    let mut values: Vec<String> =
        inputs.parameters.keys().map(|name| format!("inputs.parameters['{name}']")).collect();
    values.extend(inputs.workflow_parameters.iter().map(|name| format!("workflow.parameters['{name}']")));
    if values.is_empty() {
        return format!("{}-{digest}", node.name);
    }
    format!("{}-{digest}-{{{{=sprig.sha256sum(toJson([{}]))}}}}", node.name, values.join(", "))
}
