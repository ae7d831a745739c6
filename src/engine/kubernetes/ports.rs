//! Where the files of a step are.

use std::collections::HashMap;

use super::names::port_name;
use crate::api::Input;
use crate::ir::Node;

/// Folder of artifacts that a step writes, if the engine chooses the path.
pub(crate) const OUTPUTS: &str = "/tmp/couler/outputs";
/// Folder of scalars that a step writes, if the engine chooses the path.
pub(crate) const VALUES: &str = "/tmp/couler/values";

/// The given path of an output, or the one in `folder`.
pub(crate) fn chosen(path: Option<&String>, folder: &str, name: &str) -> String {
    path.cloned().unwrap_or_else(|| format!("{folder}/{name}"))
}

/// The artifacts a step reads, with the name of each in the template and the path. Several artifacts of one port are
/// numbered.
pub(crate) fn artifact_ports(node: &Node) -> Vec<(String, String, &Input)> {
    let artifacts = || node.inputs.iter().filter(|input| !matches!(input, Input::Parameter { .. }));
    let mut uses: HashMap<&str, usize> = HashMap::new();
    artifacts().for_each(|input| *uses.entry(input.name()).or_default() += 1);
    let mut seen: HashMap<&str, usize> = HashMap::new();
    artifacts()
        .map(|input| {
            let repeated = uses[input.name()] > 1;
            let number = seen.entry(input.name()).and_modify(|count| *count += 1).or_insert(0);
            let name = if repeated { format!("{}-{number}", input.name()) } else { input.name().to_owned() };
            let chosen = match input {
                Input::Artifact { path, .. } | Input::External { path, .. } => path.clone(),
                Input::Parameter { .. } => None,
            };
            let path = chosen.unwrap_or_else(|| format!("/tmp/couler/inputs/{name}"));
            (port_name(&name).into_owned(), path, input)
        })
        .collect()
}
