//! Root 11: what means one thing here means the same on every engine.

use crate::harness::{Mode, Scene, step};

fn scene() -> Scene {
    Scene::new(Mode { other_user: false, landlock: true })
}

/// Texts that some reader of YAML takes for something else.
const ITEMS: [&str; 14] =
    ["no", "y", "On", "off", "012", "0o7", "0x1F", "1_000", "1e3", "12:30:45", "~x", "2026-01-01", "=", "<<"];

#[test]
fn words_of_old_yaml_are_words_everywhere() {
    for quoted in [true, false] {
        let scene = scene();
        let items: Vec<String> = ITEMS
            .iter()
            // Numbers of YAML 1.2 are numbers where they are written bare.
            .filter(|item| quoted || !["012", "0o7", "0x1F", "1e3", "=", "<<", "1_000"].contains(item))
            .map(|item| if quoted { format!("\"{item}\"") } else { (*item).to_owned() })
            .collect();
        let map = format!("    map: {{over: {{kind: list, items: [{}]}}}}\n", items.join(", "));
        scene.program(&step("a", "printf '%s\\n' '{{item}}' >> seen", &map));
        let (code, _, errors) = scene.run(&["run", "p.yaml", "-j", "1"]);
        assert_eq!(code, 0, "{errors}");
        let seen = std::fs::read_to_string(scene.at("work/seen")).unwrap();
        let seen: Vec<&str> = seen.lines().collect();
        for item in &items {
            assert!(seen.contains(&item.trim_matches('"')), "{item}: {seen:?}");
        }
        for engine in ["argo", "tekton", "airflow"] {
            let (code, text, errors) = scene.run(&["compile", "p.yaml", "--engine", engine]);
            assert_eq!(code, 0, "{errors}");
            for item in &items {
                let item = item.trim_matches('"');
                let written =
                    [format!("'{item}'"), format!("\"{item}\""), format!("- {item}\n"), format!("'{item}'")];
                assert!(written.iter().any(|one| text.contains(one)), "{engine}: {item}\n{text}");
                // Bare it would be read as something else by a reader of YAML 1.1, as those of engines are.
                let bare = ["no", "y", "On", "off", "012", "1_000", "12:30:45", "2026-01-01"].contains(&item);
                assert!(
                    !bare || engine == "airflow" || !text.contains(&format!("- {item}\n")),
                    "{engine}: {item}"
                );
            }
        }
    }
}

#[test]
fn what_is_there_twice_is_refused() {
    let scene = scene();
    let one = "{\"name\": \"a\", \"run\": {\"function\": \"run_container\", \"image\": \"i\"}";
    for (name, text) in [
        ("p.json", format!("{{\"version\": \"couler/v1\", \"name\": \"w\", \"steps\": [{one}, \"name\": \"b\"}}]}}")),
        ("p.json", "{\"version\": \"couler/v1\", \"name\": \"w\", \"steps\": [], \"steps\": []}".to_owned()),
        ("p.json", format!("{{\"version\": \"couler/v1\", \"name\": \"w\", \"steps\": [{one}, \"settings\": {{\"env\": {{\"A\": \"1\", \"\\u0041\": \"2\"}}}}}}]}}")),
        ("p.yaml", "version: couler/v1\nname: w\nname: x\nsteps: []\n".to_owned()),
        ("p.yaml", "version: couler/v1\nname: w\nsteps:\n  - name: a\n    run: {function: run_container, image: i, image: j}\n".to_owned()),
        ("p.yaml", "version: couler/v1\nname: w\nsteps:\n  - name: a\n    run: {function: run_container, image: i}\n    settings: {env: {A: x, \"A\": y}}\n".to_owned()),
    ] {
        scene.write(&format!("work/{name}"), &text);
        let (code, _, errors) = scene.run(&["compile", name]);
        assert!((1..=3).contains(&code), "{text}: {errors}");
    }
}

#[test]
fn the_result_is_all_that_was_printed() {
    let scene = scene();
    let reads = |name: &str| {
        format!("    inputs: [{{kind: parameter, name: x, value: \"{{{{steps.{name}.result}}}}\"}}]\n")
    };
    for (printed, expected) in [
        ("printf 'one\\ntwo\\n'", "one\ntwo"),
        ("printf 'one\\n\\n\\n'", "one"),
        ("printf '  one  \\n'", "  one  "),
        ("printf 'log\\n{\"a\": 1}\\n'", "log\n{\"a\": 1}"),
        ("printf '[1,\\n 2]\\n'; echo bad >&2", "[1,\n 2]"),
        ("true", ""),
    ] {
        scene.program(&(step("a", printed, "") + &step("b", "printf '%s' \"$x\" > seen", &reads("a"))));
        let (code, _, errors) = scene.run(&["run", "p.yaml"]);
        assert_eq!(code, 0, "{printed}: {errors}");
        assert_eq!(std::fs::read_to_string(scene.at("work/seen")).unwrap(), expected, "{printed}");
    }
    // A condition sees the same: the last line alone would make it true.
    let when = "    when: \"a.result == 'yes'\"\n";
    scene.program(&(step("a", "echo log; echo yes", "") + &step("b", "touch ran", when)));
    assert_eq!(scene.run(&["run", "p.yaml"]).0, 0);
    assert!(!scene.at("work/ran").exists());
    scene.program(&(step("a", "echo yes", "") + &step("b", "touch ran", when)));
    assert_eq!(scene.run(&["run", "p.yaml"]).0, 0);
    assert!(scene.at("work/ran").exists());
}

#[test]
fn engines_hand_on_all_that_was_printed() {
    let scene = scene();
    let reads = "    inputs: [{kind: parameter, name: x, value: \"{{steps.a.result}}\"}]\n";
    scene.program(&(step("a", "echo one; echo two", "") + &step("b", "echo $x", reads)));
    for (engine, hands_on) in [
        // Argo's own result: standard output without its last line break.
        ("argo", "{{tasks.a.outputs.result}}"),
        // A shell that takes away the line breaks at the end.
        ("tekton", "printf %s \"`cat /couler/stdout`\" > \"$(results.result.path)\""),
        ("airflow", "prints_result=True"),
    ] {
        let (code, text, errors) = scene.run(&["compile", "p.yaml", "--engine", engine]);
        assert!(code == 0 && text.contains(hands_on), "{engine}: {errors}\n{text}");
    }
}

#[test]
fn dollar_signs_of_values_are_what_they_are() {
    let scene = scene();
    let program = "  - name: a\n    run: {function: run_script, language: bash, source: \"printf '%s' '$$HOME $(NONE) ${HOME} `id` $x'\"}\n  - name: b\n    run: {function: run_container, image: i, command: [printf, '%s', \"{{steps.a.result}}\"]}\n  - name: c\n    run: {function: run_script, language: bash, source: \"printf '%s' \\\"$x\\\"\"}\n    inputs: [{kind: parameter, name: x, value: \"{{steps.a.result}}\"}]\n";
    scene.program(program);
    let (code, text, errors) = scene.run(&["run", "p.yaml", "--host", "--json"]);
    assert_eq!(code, 0, "{errors}");
    let ended: serde_json::Value = serde_json::from_str(&text).unwrap();
    for step in 1..3 {
        assert_eq!(ended["steps"][step]["result"], "$$HOME $(NONE) ${HOME} `id` $x", "{text}");
    }
}
