//! Roots 3, 4, 5: tools that run where the user's files are, files that are replaced, runs of the same moment.

use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::process::Stdio;

use crate::harness::{Mode, Scene, step};

const PROGRAM: &str = "  - name: a\n    run: {function: run_container, image: i}\n";

#[test]
fn modules_and_settings_in_the_working_folder_are_not_taken_by_couler() {
    for landlock in [true, false] {
        let scene = Scene::new(Mode { other_user: false, landlock });
        let evil = format!("open({:?}, 'w').write('bad')\n", scene.at("canary/file"));
        for name in ["venv", "logging", "pip", "ensurepip", "sitecustomize", "usercustomize", "encodings"] {
            scene.write(&format!("work/{name}.py"), &evil);
        }
        scene.write("work/pyvenv.cfg", "home = /nowhere\n");
        scene.write("work/uv.toml", "index-url = \"http://127.0.0.1:9/\"\n");
        scene.write("work/pip.conf", "[global]\nindex-url = http://127.0.0.1:9/\n");
        scene.program(
            "  - name: a\n    run: {function: run_script, language: python, source: \"print(1)\"}\n",
        );
        let mut command = scene.couler(&["run", "p.yaml"]);
        command.env("PYTHONPATH", scene.at("work"));
        let (code, _, errors) = scene.finished(command);
        scene.unharmed("modules");
        assert_eq!(code, 0, "{errors}");
    }
}

fn compiled(scene: &Scene, output: &str) -> (i32, String) {
    let (code, _, errors) = scene.run(&["compile", "p.yaml", "-o", output]);
    (code, errors)
}

#[test]
fn devices_pipes_and_links_stay_what_they_are() {
    for mode in Mode::all() {
        let scene = Scene::new(mode);
        scene.program(PROGRAM);
        assert_eq!(compiled(&scene, "/dev/null").0, 0);
        assert!(std::fs::metadata("/dev/null").unwrap().file_type().is_char_device());
        scene.write("work/target", "old");
        symlink("target", scene.at("work/link")).unwrap();
        assert_eq!(compiled(&scene, "link").0, 0);
        assert!(scene.at("work/link").is_symlink());
        assert!(std::fs::read_to_string(scene.at("work/target")).unwrap().contains("kind: "));
        symlink("loop", scene.at("work/loop")).unwrap();
        assert_eq!(compiled(&scene, "loop").0, 1);
        let pipe = scene.at("work/pipe");
        let script = format!("mkfifo -m 666 {0}; cat {0} & exec \"$@\" -o {0}", pipe.display());
        let mut command = std::process::Command::new("bash");
        let couler = scene.couler(&["compile", "p.yaml"]);
        command.args(["-c", &script, "bash"]).arg(couler.get_program()).args(couler.get_args());
        command.envs(couler.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(scene.at("work")).stdin(Stdio::null());
        assert_eq!(scene.finished(command).0, 0);
        assert!(std::fs::metadata(&pipe).unwrap().file_type().is_fifo());
        scene.unharmed("outputs");
    }
}

#[test]
fn modes_are_kept_and_new_files_have_the_usual_one() {
    let scene = Scene::new(Mode::all()[0]);
    scene.program(PROGRAM);
    let mut command = std::process::Command::new("bash");
    let couler = env!("CARGO_BIN_EXE_couler");
    command.args([
        "-c",
        &format!("umask 022; {couler} compile p.yaml -o new; umask 077; {couler} compile p.yaml -o own"),
    ]);
    assert_eq!(
        scene
            .finished({
                command.current_dir(scene.at("work"));
                command
            })
            .0,
        0
    );
    let mode = |name: &str| std::fs::metadata(scene.at("work").join(name)).unwrap().mode() & 0o777;
    assert_eq!((mode("new"), mode("own")), (0o644, 0o600));
    std::fs::set_permissions(scene.at("work/new"), PermissionsExt::from_mode(0o664)).unwrap();
    assert_eq!(compiled(&scene, "new").0, 0);
    assert_eq!(mode("new"), 0o664);
}

#[test]
fn a_link_of_the_user_below_a_folder_named_steps_stays() {
    let scene = Scene::new(Mode::all()[0]);
    let reads = "    inputs: [{kind: artifact, name: in, step: a, output: data, path: WORK/steps/in}]\n";
    scene.program(&(step("a", "echo x > made", crate::harness::DATA) + &step("b", "cat steps/in", reads)));
    std::fs::create_dir(scene.at("work/steps")).unwrap();
    scene.write("work/steps/mine", "mine");
    symlink(scene.at("work/steps/mine"), scene.at("work/steps/in")).unwrap();
    let (code, _, errors) = scene.run(&["run", "p.yaml"]);
    assert!(code == 1 && errors.contains("would replace"), "{errors}");
    assert_eq!(std::fs::read_link(scene.at("work/steps/in")).unwrap(), scene.at("work/steps/mine"));
}

#[test]
fn runs_of_the_same_moment_do_not_meet() {
    let scene = Scene::new(Mode::all()[0]);
    scene.program(&step("a", "echo x", ""));
    let started: Vec<_> = (0..60)
        .map(|_| {
            let mut command = scene.couler(&["--quiet", "run", "p.yaml", "--fresh"]);
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in started {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let runs = std::fs::read_dir(scene.at("home/runs")).unwrap().flatten();
    assert_eq!(runs.filter(|run| run.path().join("run.json").is_file()).count(), 60);
}

#[test]
fn a_dag_file_that_is_read_back_runs_nothing_of_its_folder() {
    for landlock in [true, false] {
        let scene = Scene::new(Mode { other_user: false, landlock });
        let evil = format!("open({:?}, 'w').write('bad')\n", scene.at("canary/file"));
        for name in ["ast", "json", "sys", "re", "sitecustomize", "airflow", "collections"] {
            scene.write(&format!("work/{name}.py"), &evil);
        }
        scene.write("work/dag.py", &(evil + "import ast\nimport airflow\n"));
        let mut command = scene.couler(&["lint", "dag.py"]);
        command.env("PYTHONPATH", scene.at("work")).env("PYTHONSTARTUP", scene.at("work/dag.py"));
        let (_, _, errors) = scene.finished(command);
        assert!(!errors.contains("panicked"), "{errors}");
        scene.unharmed("a DAG file");
    }
}
