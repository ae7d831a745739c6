//! Commands of containers that run directly on this machine.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::run::failure::Failure;

/// The command of a container without the container.
pub(super) fn command(
    image: &str,
    command: &[String],
    args: &[String],
    env: &[(String, String)],
) -> Result<(PathBuf, Vec<String>), Failure> {
    let mut words = command.iter().chain(args).map(|word| substituted(word, env));
    let program = words.next().ok_or_else(|| {
        Failure::request(format!(
            "without its image {image} there is no command to run; give the step a command"
        ))
    })?;
    Ok((program.into(), words.collect()))
}

/// Replaces `$(NAME)` by the value of an environment variable.
pub(super) fn substituted(word: &str, env: &[(String, String)]) -> String {
    if !word.contains("$(") {
        return word.to_owned();
    }
    let values: HashMap<&str, &str> =
        env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut text = String::new();
    let mut rest = word;
    while let Some(start) = rest.find("$(") {
        let inner = &rest[start + 2..];
        let value = inner.find(')').and_then(|end| Some((end, *values.get(&inner[..end])?)));
        text.push_str(&rest[..start]);
        match value {
            Some((end, value)) => {
                text.push_str(value);
                rest = &inner[end + 1..];
            }
            None => {
                text.push_str("$(");
                rest = inner;
            }
        }
    }
    text + rest
}
