//! Steps that only wait: Argo waits by itself, without a pod.

use super::super::kubernetes::settings::go_duration;
use super::context::Context;
use super::manifest::Suspend;
use crate::api::Duration;
use crate::ir::{Action, Node};

/// The component that waits for some time.
const COMPONENT: &str = "wait.time";

/// The pause that a step is, if it waits for a time that is known before the run and nobody reads what it writes.
pub(crate) fn pause(context: &Context<'_>, node: &Node) -> Option<Suspend> {
    let Action::Script { arguments: Some(arguments), .. } = &node.action else { return None };
    let read = node.outputs.iter().any(|output| context.is_read(node, &output.name));
    let given = arguments.as_object().filter(|given| given.len() == 1)?;
    let duration = given.get("duration")?.as_str()?.parse::<Duration>().ok()?;
    let waits = node.component.as_deref() == Some(COMPONENT) && !read && !context.is_read(node, "result");
    waits.then(|| Suspend { duration: go_duration(duration) })
}
