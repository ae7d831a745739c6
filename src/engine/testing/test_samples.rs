//! Files of random programs for checks by other tools.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::{Reach, random_program_within, with_components};
use crate::ir::{NoComponents, Workflow, lower};

/// Folder for the files, with a folder for each engine.
const FOLDER: &str = "COULER_SAMPLES";
/// How many programs are written.
const COUNT: usize = 200;

/// Writes what `files` makes of random programs, each a file ending and a text, into the folder of the engine; none if
/// the program is refused. Without the variable `COULER_SAMPLES` the check is skipped, and says so.
pub(crate) fn sample(
    engine: &str,
    reach: Reach,
    mut files: impl FnMut(&mut Workflow) -> Vec<(&'static str, String)>,
) {
    let Ok(folder) = std::env::var(FOLDER) else {
        eprintln!("skipped: set {FOLDER} to a folder to get files of random programs");
        return;
    };
    let folder = format!("{folder}/{engine}");
    std::fs::create_dir_all(&folder).unwrap();
    let mut runner = TestRunner::deterministic();
    let strategy = random_program_within(reach);
    let mut written = 0;
    for number in 0..COUNT * 10 {
        if written == COUNT {
            return;
        }
        let program = strategy.new_tree(&mut runner).unwrap().current();
        let mut workflow = with_components(lower(&program, &NoComponents).unwrap());
        workflow.name = format!("random-{number}");
        let made = files(&mut workflow);
        written += usize::from(!made.is_empty());
        for (ending, text) in made {
            std::fs::write(format!("{folder}/random-{number}.{ending}"), text).unwrap();
        }
    }
    assert_eq!(written, COUNT, "programs written for {engine}");
}
