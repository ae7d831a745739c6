//! Root 1: the folder of a run is not the steps' to change.

use crate::harness::{DATA, Mode, Scene, step};

/// Everything is tried in every mode: without Landlock the step may change the run's folder, and couler must not be
/// misled by what it finds there.
fn attack(name: &str, first: &str, second: &str, more: &str) {
    for mode in Mode::all() {
        let scene = Scene::new(mode);
        scene.program(&(step("a", first, DATA) + &step("b", second, &format!("    after: [a]\n{more}"))));
        let (_, _, errors) = scene.run(&["run", "p.yaml", "--no-retry"]);
        scene.unharmed(name);
        assert!(!errors.contains("panicked"), "{name}: {errors}");
    }
}

#[test]
fn a_log_that_is_a_link_is_not_written_through() {
    for target in ["file", "new", "folder/deep/file"] {
        let link = format!(
            "rm -f $COULER_RUN/steps/a/log.txt; ln -s CANARY/{target} $COULER_RUN/steps/a/log.txt; mkdir -p $COULER_RUN/steps/b; ln -s CANARY/{target} $COULER_RUN/steps/b/log.txt; echo injected; echo x > made"
        );
        attack("log", &link, "echo injected", "");
    }
}

#[test]
fn a_hard_link_is_not_written_through() {
    attack(
        "hard link",
        "mkdir -p $COULER_RUN/steps/b; ln CANARY/file $COULER_RUN/steps/b/log.txt; rm $COULER_RUN/steps/b/log.txt; echo x > made",
        "echo injected",
        "",
    );
}

#[test]
fn an_output_that_is_a_link_is_not_written_through() {
    for target in ["file", "folder", "new"] {
        let link = format!(
            "rm -rf $COULER_RUN/steps/a/outputs/data; ln -s CANARY/{target} $COULER_RUN/steps/a/outputs/data; echo injected > made"
        );
        attack("output", &link, "true", "");
    }
}

#[test]
fn a_step_folder_that_is_a_link_is_neither_cleared_nor_filled() {
    for place in ["steps/b", "steps/b/outputs"] {
        let link = format!(
            "mkdir -p $(dirname $COULER_RUN/{place}); rm -rf $COULER_RUN/{place}; ln -s CANARY $COULER_RUN/{place}; mkdir -p CANARY/outputs 2>/dev/null; rmdir CANARY/outputs 2>/dev/null; echo x > made"
        );
        attack("folder", &link, "echo injected; echo y > made", DATA);
    }
}

#[test]
fn steps_as_a_whole_replaced_by_a_link() {
    attack(
        "steps",
        "mv $COULER_RUN/steps $COULER_RUN/old; ln -s CANARY $COULER_RUN/steps; echo injected; echo x > made",
        "echo injected; echo y > made",
        DATA,
    );
}

#[test]
fn records_cannot_be_changed_and_a_resumed_run_does_what_it_was_started_for() {
    let edits = [
        "sed -i 's/\"unconfined\": false/\"unconfined\": true/' $COULER_RUN/run.json",
        "printf 'version: couler/v1\\nname: attack\\nsteps:\\n  - name: a\\n    run: {function: run_script, language: bash, source: \"echo bad > CANARY/file\"}\\n' > $COULER_RUN/program.yaml",
        ": > $COULER_RUN/journal.log",
        "rm -rf $COULER_RUN/../../cache; rm -f $COULER_RUN/lock",
        "mv $COULER_RUN $COULER_RUN-old",
        "chmod -R a-w CANARY/none $COULER_RUN/none; ln -sf CANARY/file $COULER_RUN/run.json",
    ];
    for mode in Mode::confined() {
        let scene = Scene::new(mode);
        scene.program(&step("a", &(edits.join(" ; ") + "; exit 1"), ""));
        assert_eq!(scene.run(&["run", "p.yaml", "--no-retry"]).0, 1);
        let folder = scene.run_folder();
        let manifest = std::fs::read_to_string(folder.join("run.json")).unwrap();
        assert!(manifest.contains("\"unconfined\": false"), "{manifest}");
        assert_eq!(
            std::fs::read_to_string(folder.join("program.yaml")).unwrap(),
            std::fs::read_to_string(scene.at("work/p.yaml")).unwrap()
        );
        assert!(std::fs::metadata(folder.join("journal.log")).unwrap().len() > 0);
        scene.run(&["resume", "last"]);
        scene.unharmed("records");
    }
}

#[test]
fn another_steps_results_cannot_be_changed() {
    for mode in Mode::confined() {
        let scene = Scene::new(mode);
        let evil = "for f in $COULER_RUN/steps/a/outputs/data $COULER_RUN/../../cache/objects/*/*; do echo bad > $f; rm -f $f; done; true";
        let reads = "    after: [b]\n    inputs: [{kind: artifact, name: in, step: a, output: data, path: WORK/input}]\n";
        scene.program(
            &(step("a", "echo good > made", DATA)
                + &step("b", evil, "    after: [a]\n")
                + &step("c", "cat input", reads)),
        );
        let (code, text, errors) = scene.run(&["run", "p.yaml", "--json"]);
        assert!(code == 0 && text.contains("\"result\": \"good\""), "{errors}");
    }
}

#[test]
fn rights_are_not_taken_from_a_file() {
    let scene = Scene::new(Mode::all()[0]);
    scene.program(&step("a", "echo bad > CANARY/file; exit 1", ""));
    assert_eq!(scene.run(&["run", "p.yaml", "--no-retry"]).0, 1);
    let place = scene.run_folder().join("run.json");
    let manifest = std::fs::read_to_string(&place).unwrap();
    for (from, to, option) in [
        ("\"unconfined\": false", "\"unconfined\": true", "--unconfined"),
        ("\"allow_write\": []", "\"allow_write\": [\"/\"]", "--allow-write /"),
    ] {
        assert!(manifest.contains(from));
        std::fs::write(&place, manifest.replace(from, to)).unwrap();
        let (code, _, errors) = scene.run(&["resume", "last"]);
        assert!(code == 2 && errors.contains(option), "{errors}");
    }
    if crate::harness::has_landlock() {
        scene.unharmed("rights");
    }
}
