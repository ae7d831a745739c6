//! Nodes for tests.

use crate::api::Estimate;
use crate::ir::{Action, Node};

/// A plain container step.
pub(crate) fn node(name: &str) -> Node {
    Node {
        name: name.to_owned(),
        description: None,
        component: None,
        action: Action::Container {
            image: "alpine:3".into(),
            command: vec![],
            args: vec![],
            working_dir: None,
        },
        condition: None,
        map: None,
        exec_while: None,
        inputs: vec![],
        outputs: vec![],
        settings: Box::default(),
        estimate: Estimate::default(),
    }
}
