#![no_main]
//! The journal of a run, as it is and with right checksums, up to the end of the run that goes on with it.

use std::sync::LazyLock;

use couler::api::parse_program;
use couler::ir::{NoComponents, Workflow, lower};
use libfuzzer_sys::fuzz_target;

static FOLDER: LazyLock<tempfile::TempDir> =
    LazyLock::new(|| tempfile::tempdir_in("/dev/shm").expect("memory has a folder"));
static WORKFLOW: LazyLock<Workflow> = LazyLock::new(|| {
    let program = parse_program(include_str!("journal.yaml")).expect("it is a program");
    lower(&program, &NoComponents).expect("it is a workflow")
});

fuzz_target!(|bytes: &[u8]| couler::fuzzing::journal(bytes, FOLDER.path(), &WORKFLOW));
