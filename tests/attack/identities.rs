//! Root 5: runs of one moment, of one name, of a clock that goes back, and what lies where runs are looked for.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Mode, Scene, step};

fn begin(scene: &Scene, arguments: &[&str]) -> Child {
    let mut command = scene.couler(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn waits_for(scene: &Scene, file: &str) {
    let started = Instant::now();
    while !scene.at(file).exists() && started.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A run whose only step waits for a file.
fn waiting(mode: Mode) -> (Scene, Child) {
    let scene = Scene::new(mode);
    scene.program(&step("a", "touch begun; while ! test -f go; do sleep 0.05; done; echo x >> done", ""));
    let child = begin(&scene, &["run", "p.yaml"]);
    waits_for(&scene, "work/begun");
    (scene, child)
}

#[test]
fn a_run_that_is_going_on_belongs_to_one_process() {
    for mode in Mode::all() {
        let (scene, child) = waiting(mode);
        let folder = scene.run_folder();
        let before = std::fs::read(folder.join("run.json")).unwrap();
        for arguments in [&["resume", "last"][..], &["resume", folder.file_name().unwrap().to_str().unwrap()]]
        {
            let (code, _, errors) = scene.run(arguments);
            assert!(code != 0 && !errors.contains("panicked"), "{errors}");
        }
        assert_eq!(std::fs::read(folder.join("run.json")).unwrap(), before);
        scene.write("work/go", "");
        assert!(child.wait_with_output().unwrap().status.success());
        assert_eq!(std::fs::read_to_string(scene.at("work/done")).unwrap(), "x\n");
    }
}

#[test]
fn of_many_that_resume_one_run_one_does_it() {
    let (scene, mut child) = waiting(Mode::all()[0]);
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::remove_file(scene.at("work/begun")).unwrap();
    let others: Vec<Child> = (0..8).map(|_| begin(&scene, &["resume", "last"])).collect();
    waits_for(&scene, "work/begun");
    std::thread::sleep(Duration::from_secs(2));
    scene.write("work/go", "");
    let ended = others.into_iter().map(|child| child.wait_with_output().unwrap());
    // The others are refused, or find that there is nothing left to do.
    let failed = ended.filter(|output| output.status.code().is_none()).count();
    assert_eq!(failed, 0);
    assert_eq!(std::fs::read_to_string(scene.at("work/done")).unwrap(), "x\n");
}

#[test]
fn names_of_runs_do_not_lead_out_of_their_folder() {
    for mode in Mode::all() {
        let scene = Scene::new(mode);
        scene.program(&step("a", "echo x", ""));
        assert_eq!(scene.run(&["run", "p.yaml"]).0, 0);
        let outside = scene.at("canary/folder").display().to_string();
        for name in [
            "../../canary/folder",
            "..",
            ".",
            "",
            "/",
            "../runs/../../canary",
            &outside,
            "last/../..",
            "a\u{0}b",
        ] {
            if name.contains('\u{0}') {
                continue;
            }
            for command in [
                &["resume", name][..],
                &["logs", name],
                &["logs", name, "a"],
                &["logs", "last", "../../../canary/file"],
            ] {
                let (_, text, errors) = scene.run(command);
                assert!(
                    !text.contains("mine") && !errors.contains("panicked"),
                    "{command:?}: {text} {errors}"
                );
            }
        }
        scene.unharmed("names of runs");
    }
}

#[test]
fn what_is_no_run_is_left_out_and_left_alone() {
    for mode in Mode::all() {
        let scene = Scene::new(mode);
        scene.program(&step("a", "echo x", ""));
        std::fs::create_dir_all(scene.at("home/runs/attack-00000000-000000-0")).unwrap();
        scene.write("home/runs/attack-file", "mine");
        std::os::unix::fs::symlink(scene.at("canary"), scene.at("home/runs/attack-link")).unwrap();
        std::os::unix::fs::symlink("nowhere", scene.at("home/runs/zzz")).unwrap();
        scene.write("home/runs/last", "attack-link");
        for command in [
            &["run", "p.yaml"][..],
            &["runs"],
            &["resume", "last"],
            &["runs", "--json"],
            &["run", "p.yaml", "--fresh"],
        ] {
            let (code, _, errors) = scene.run(command);
            assert!((0..=2).contains(&code) && !errors.contains("panicked"), "{command:?}: {errors}");
        }
        scene.unharmed("runs");
        assert_eq!(std::fs::read_to_string(scene.at("home/runs/attack-file")).unwrap(), "mine");
    }
}

#[test]
fn a_clock_that_goes_back_makes_new_runs() {
    // As if earlier runs were of a later time: every name of a moment that is still to come is there already.
    let scene = Scene::new(Mode::all()[0]);
    scene.program(&step("a", "echo x >> done", ""));
    assert_eq!(scene.run(&["run", "p.yaml"]).0, 0);
    let first = scene.run_folder();
    let before = std::fs::read(first.join("journal.log")).unwrap();
    let later =
        std::fs::FileTimes::new().set_modified(std::time::SystemTime::now() + Duration::from_hours(24 * 365));
    std::fs::File::open(&first).unwrap().set_times(later).unwrap();
    for _ in 0..5 {
        assert_eq!(scene.run(&["run", "p.yaml", "--fresh"]).0, 0);
    }
    assert_eq!(std::fs::read(first.join("journal.log")).unwrap(), before);
    assert_eq!(std::fs::read_to_string(scene.at("work/done")).unwrap().lines().count(), 6);
}
