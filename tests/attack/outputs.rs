//! Root 2: anything may lie where an output is expected.

use crate::harness::{DATA, Mode, Scene, step};

const VALUE: &str = "    outputs: [{name: v, source: {kind: parameter, path: WORK/made}}]\n";

fn fails(script: &str, outputs: &str, because: &str) {
    for mode in Mode::all() {
        let scene = Scene::new(mode);
        scene.program(&step("a", script, outputs));
        let (code, _, errors) = scene.run(&["run", "p.yaml", "--no-retry"]);
        assert!(code == 1 && errors.contains(because), "{script}: {errors}");
        assert!(!errors.contains("check its disk"), "{script}: {errors}");
        scene.unharmed(script);
    }
}

#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    for (script, because) in [
        ("mkfifo made", "a named pipe"),
        ("ln -s /dev/zero made", "a device"),
        ("ln -s /dev/tty made", "a device"),
        ("ln -s nowhere made", "leads nowhere"),
        ("ln -s made made", "leads nowhere"),
        ("mkdir made; mkfifo made/inner", "a named pipe"),
        ("d=made; for i in $(seq 200); do mkdir -p $d; d=$d/d; done", "folders inside each other"),
    ] {
        fails(script, DATA, because);
    }
}

#[test]
fn a_value_is_a_short_regular_file() {
    for (script, because) in [
        ("mkfifo made", "regular file"),
        ("ln -s /dev/zero made", "regular file"),
        ("ln -s made made", "cannot be read as a value"),
        ("mkdir made", "regular file"),
        ("head -c 300000 /dev/zero | tr '\\0' x > made", "262144 bytes"),
        ("truncate -s 1T made", "262144 bytes"),
    ] {
        fails(script, VALUE, because);
    }
}

#[test]
fn a_file_of_the_user_does_not_become_part_of_the_store() {
    for link in ["ln", "ln -s"] {
        for mode in Mode::all() {
            let scene = Scene::new(mode);
            scene.write("work/mine", "mine");
            let inside = "mkdir -p made; ".to_owned() + link + " $PWD/mine made/inner; true";
            for script in [format!("{link} $PWD/mine made"), inside] {
                let _ = std::fs::remove_file(scene.at("work/made"));
                scene.program(&step("a", &script, DATA));
                let (code, _, errors) = scene.run(&["run", "p.yaml"]);
                assert_eq!(code, 0, "{errors}");
                std::fs::write(scene.at("work/mine"), "still mine").unwrap();
                assert!(!std::fs::metadata(scene.at("work/mine")).unwrap().permissions().readonly());
            }
            scene.unharmed(link);
        }
    }
}

#[test]
fn a_result_that_was_cut_is_not_handed_on() {
    let scene = Scene::new(Mode::all()[0]);
    let reads = "    inputs: [{kind: parameter, name: x, value: \"{{steps.a.result}}\"}]\n";
    let long = step("a", "head -c 600000 /dev/zero | tr '\\0' x", "");
    scene.program(&(long.clone() + &step("b", "echo ${#x}", reads)));
    let (code, _, errors) = scene.run(&["run", "p.yaml", "--no-retry"]);
    assert!(code == 1 && errors.contains("more than 262144 bytes"), "{errors}");
    scene.program(&long);
    assert_eq!(scene.run(&["run", "p.yaml"]).0, 0, "nobody reads it");
    // What was kept of it then is not taken for all of it now.
    let shorter = step("a", "head -c 9000 /dev/zero | tr '\\0' x; echo; echo end", "");
    scene.program(&shorter);
    assert_eq!(scene.run(&["run", "p.yaml"]).0, 0);
    scene.program(&(shorter + &step("b", "echo ${#x}", reads)));
    let (code, text, errors) = scene.run(&["run", "p.yaml", "--json"]);
    assert!(code == 0 && text.contains("\"result\": \"9004\""), "{text} {errors}");
}
