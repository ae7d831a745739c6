//! Names of Python variables. Steps keep their own names as task ids; what they are called in the code is made from
//! these.

use std::collections::HashSet;

/// Words that Python or the file itself uses.
const TAKEN: &str = "False None True and as assert async await break class continue def del elif else except finally for \
    from global if import in is lambda nonlocal not or pass raise return try while with \
    base64 contextlib fcntl functools hashlib json operator os pathlib re shutil signal subprocess sys time urllib k8s \
    chain dag literal quote timedelta pendulum output param item fact status workflow_status text_of claim run_path run_folder \
    daemon_label home copy python_environment list range conf map open str dict set int float any all isinstance super \
    ARTIFACT_CLAIM RCLONE_IMAGE GIT_IMAGE ELSEWHERE AFTER SLOTS READERS TIMEZONE WORKFLOW";

/// Names in use.
#[derive(Debug)]
pub(crate) struct Names(HashSet<String>);

impl Names {
    pub(crate) fn new() -> Self {
        Self(TAKEN.split_whitespace().map(str::to_owned).collect())
    }

    /// Names that are task ids.
    pub(crate) fn of_tasks<'a>(steps: impl Iterator<Item = &'a str>) -> Self {
        Self(steps.map(str::to_owned).collect())
    }

    /// The name itself if it is free, else the first of `NAME_2`, `NAME_3`, …
    pub(crate) fn claim(&mut self, wanted: &str) -> String {
        let mut free = wanted.to_owned();
        let mut number = 1;
        while !self.0.insert(free.clone()) {
            number += 1;
            free = format!("{wanted}_{number}");
        }
        free
    }

    /// A variable for a step.
    pub(crate) fn variable(&mut self, step: &str) -> String {
        self.claim(&identifier(step))
    }
}

/// A name with everything that Python does not allow replaced.
pub(crate) fn identifier(name: &str) -> String {
    let replaced: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if replaced.starts_with(|c: char| c.is_ascii_digit()) { format!("run_{replaced}") } else { replaced }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_python_are_not_used() {
        let mut names = Names::new();
        assert_eq!(
            ["train-each", "for", "json", "train-each", "3d"].map(|name| names.variable(name)),
            ["train_each", "for_2", "json_2", "train_each_2", "run_3d"]
        );
    }
}
