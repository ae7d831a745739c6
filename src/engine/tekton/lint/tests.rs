//! Seeded faults: each must be found, and only it.

use super::*;

const SOUND: &str = r#"apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: p}
spec:
  params: [{name: day}]
  workspaces: [{name: data}]
  tasks:
  - name: a
    timeout: 1h30m
    workspaces: [{name: w, workspace: data}]
    params: [{name: day, value: $(params.day)}]
    taskSpec:
      params: [{name: day}]
      results: [{name: r}, {name: l, type: array}]
      workspaces: [{name: w}]
      steps: [{name: s, image: i, script: "echo $(params.day) > $(results.r.path); ls $(workspaces.w.path)"}]
  - name: b
    runAfter: [a]
    when: [{input: $(tasks.a.results.r), operator: in, values: [x]}]
    taskSpec: {steps: [{image: i, command: [ls]}]}
  finally:
  - name: c
    taskSpec: {steps: [{image: i}]}
"#;

#[test]
fn a_sound_pipeline_has_no_faults() {
    assert_eq!(lint_tekton(SOUND).unwrap(), []);
}

#[test]
fn every_seeded_fault_is_found() {
    for (old, new, expected) in [
        ("name: b\n", "name: a\n", "two tasks are called \"a\""),
        ("operator: in", "operator: eq", "\"eq\" is no operator of when"),
        ("{image: i, command: [ls]}", "{command: [ls]}", "the step has no image"),
        ("{image: i, command: [ls]}", "{image: i, script: x, command: [ls]}", "script and command exclude"),
        ("timeout: 1h30m", "timeout: 1d", "\"1d\" is no duration"),
        ("name: c\n", "name: c\n    runAfter: [a]\n", "tasks of finally have no order"),
        ("taskSpec: {steps: [{image: i}]}", "taskRef: {name: other}", "no task \"other\" in the text"),
        ("$(params.day)}", "$(params.night)}", "the pipeline has no parameter \"night\""),
        ("$(params.day) >", "$(params.night) >", "the task has no parameter \"night\""),
        ("$(results.r.path)", "$(results.q.path)", "the task has no result \"q\""),
        ("$(workspaces.w.path)", "$(workspaces.v.path)", "the task has no workspace \"v\""),
        ("workspace: data", "workspace: dat", "the pipeline has no workspace \"dat\""),
        ("$(tasks.a.results.r)", "$(tasks.a.results.q)", "task \"a\" has no result \"q\""),
        ("$(tasks.a.results.r)", "$(tasks.x.results.r)", "there is no task \"x\""),
        ("$(tasks.a.results.r)", "\"$(tasks.a.results.r[*])\"", "is a text, no array"),
        ("$(tasks.a.results.r)", "$(tasks.a.results.l)", "is an array"),
        ("runAfter: [a]", "runAfter: [z]", "there is no task \"z\""),
        ("timeout: 1h30m", "runAfter: [b]", "tasks wait for each other: a, b"),
        ("metadata: {name: p}", "metadata: {}", "a Pipeline needs a name"),
        ("values: [x]", "values: []", "when compares with nothing"),
    ] {
        assert!(SOUND.contains(old), "{old}");
        let mut text = SOUND.replacen(old, new, 1);
        if new.contains("taskRef") {
            text += "---\napiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: t}\nspec: {steps: [{image: i}]}\n";
        }
        let found = lint_tekton(&text).unwrap();
        let hit = found.iter().any(|problem| problem.message.contains(expected));
        assert!(hit, "{new}: {found:?}");
        assert!(found.iter().all(|problem| !problem.hint.is_empty()));
    }
}
