//! One seeded fault per test case; the sound manifest has none.

use super::lint_argo;

const SOUND: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: sound-}
spec:
  entrypoint: main
  onExit: bye
  arguments:
    parameters: [{name: day, value: "1"}]
  volumes: [{name: data, emptyDir: {}}]
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, template: make}
      - {name: b, template: take, dependencies: [a], arguments: {parameters: [{name: x, value: "{{tasks.a.outputs.parameters.p}}"}], artifacts: [{name: f, from: "{{tasks.a.outputs.artifacts.f}}"}]}}
      - {name: c, template: take, dependencies: [b], when: "{{tasks.a.outputs.result}} == x", withItems: [1, 2], arguments: {parameters: [{name: x, value: "{{item}}"}], artifacts: [{name: f, from: "{{tasks.a.outputs.artifacts.f}}"}]}}
      - {name: d, templateRef: {name: other, template: t}, dependencies: [c]}
      - {name: e, inline: {container: {image: a}}, dependencies: [d]}
  - name: make
    retryStrategy: {limit: 2, retryPolicy: Always, backoff: {duration: "10", factor: 2}}
    outputs: {parameters: [{name: p, valueFrom: {path: /p}}], artifacts: [{name: f, path: /f}]}
    container: {image: a, args: ["{{workflow.parameters.day}} {{.Names}} {{ x }}", "{{=workflow.parameters.day + '1'}}"], volumeMounts: [{name: data, mountPath: /d}]}
  - name: take
    inputs: {parameters: [{name: x}, {name: w, default: "1"}], artifacts: [{name: f, path: /f}]}
    script: {image: a, command: [sh], source: "echo {{inputs.parameters.x}} {{inputs.artifacts.f.path}}"}
  - name: bye
    steps:
    - - {name: one, template: make, when: "{{workflow.status}} != Succeeded"}
    - - {name: two, template: wait, when: "{{steps.one.status}} == Succeeded"}
  - name: wait
    suspend: {duration: 1h}
"#;

fn messages(text: &str) -> Vec<String> {
    lint_argo(text)
        .unwrap()
        .into_iter()
        .map(|problem| format!("{}: {}", problem.path, problem.message))
        .collect()
}

#[test]
fn a_sound_manifest_has_no_problems() {
    assert_eq!(messages(SOUND), Vec::<String>::new());
}

/// What is replaced, by what, and the problem that it makes.
const FAULTS: &[(&str, &str, &str)] = &[
    ("  entrypoint: main\n", "", "/spec/entrypoint: there is no entrypoint"),
    ("entrypoint: main", "entrypoint: man", "/spec/entrypoint: the entrypoint \"man\" is not defined"),
    ("onExit: bye", "onExit: by", "/spec/onExit: the exit handler \"by\" is not defined"),
    (
        "{name: a, template: make}",
        "{name: a, template: mak}",
        "/spec/templates/0/dag/tasks/0: the template \"mak\" is not defined",
    ),
    (
        "{name: a, template: make}",
        "{name: a, template: make, dependencies: [c]}",
        "/spec/templates/0/dag/tasks: tasks wait for each other: a -> c -> b -> a",
    ),
    (
        "{name: a, template: make}",
        "{name: a, template: make, dependencies: [z]}",
        "/spec/templates/0/dag/tasks/0: it depends on \"z\", which is not defined",
    ),
    (
        "workflow.parameters.day}}",
        "workflow.parameters.dy}}",
        "/spec/templates/1: the workflow has no parameter \"dy\"",
    ),
    (
        "=workflow.parameters.day",
        "=workflow.parameters.dy",
        "/spec/templates/1: the workflow has no parameter \"dy\"",
    ),
    (
        "echo {{inputs.parameters.x",
        "echo {{inputs.parameters.z",
        "/spec/templates/2: the template \"take\" has no input parameter \"z\"",
    ),
    (
        "inputs.artifacts.f.path",
        "inputs.artifacts.g.path",
        "/spec/templates/2: the template \"take\" has no input artifact \"g\"",
    ),
    (
        "tasks.a.outputs.parameters.p}}",
        "tasks.a.outputs.parameters.q}}",
        "/spec/templates/0/dag/tasks/1: it reads outputs.parameters.q of \"a\", which does not write it",
    ),
    (
        "tasks.a.outputs.parameters.p}}",
        "tasks.z.outputs.parameters.p}}",
        "/spec/templates/0/dag/tasks/1: it reads \"z\", which is not defined",
    ),
    (
        "take, dependencies: [a]",
        "take",
        "/spec/templates/0/dag/tasks/1: it reads \"a\", which may not be finished before it",
    ),
    ("- name: wait", "- name: make", "/spec/templates/4/name: the template \"make\" is defined twice"),
    (
        "name: b, template",
        "name: a, template",
        "/spec/templates/0/dag/tasks/1: the task \"a\" is defined twice",
    ),
    (
        "{name: x, value: \"{{item}}\"}",
        "{name: w, value: \"{{item}}\"}",
        "/spec/templates/0/dag/tasks/2: the template \"take\" needs the parameter \"x\"",
    ),
    (
        "suspend: {duration: 1h}",
        "suspend: {duration: 1h}\n    container: {image: a}",
        "/spec/templates/4: the template has several types: container, suspend",
    ),
    ("    suspend: {duration: 1h}", "    inputs: {}", "/spec/templates/4: the template does nothing"),
    ("duration: 1h", "duration: 7d", "/spec/templates/4/suspend/duration: \"7d\" is no duration"),
    ("generateName: sound-", "name: Sound_1", "/metadata/name: \"Sound_1\" is no valid name"),
    (
        "generateName: sound-",
        "generateName: Sound-",
        "/metadata/generateName: \"Sound-\" is no valid name prefix",
    ),
    ("generateName: sound-", "labels: {}", "/metadata: the resource has no name"),
    (
        "dependencies: [b]",
        "depends: b",
        "/spec/templates/0/dag: the dag uses both `depends` and `dependencies`",
    ),
    (", withItems: [1, 2]", "", "/spec/templates/0/dag/tasks/2: {{item}} is used without a loop"),
    ("limit: 2", "limit: two", "/spec/templates/1/retryStrategy/limit: \"two\" is no number of retries"),
    (
        "retryPolicy: Always",
        "retryPolicy: Never",
        "/spec/templates/1/retryStrategy/retryPolicy: unknown retry policy \"Never\"",
    ),
    (
        "container: {image: a, args",
        "container: {args",
        "/spec/templates/1/container: the container has no image",
    ),
    (
        "source: \"echo {{inputs.parameters.x}} {{inputs.artifacts.f.path}}\"",
        "args: []",
        "/spec/templates/2/script: the script has no source",
    ),
    (
        "{name: data, mountPath",
        "{name: dat, mountPath",
        "/spec/templates/1/container/volumeMounts/0: there is no volume \"dat\"",
    ),
    (
        "steps.one.status",
        "steps.two.status",
        "/spec/templates/3/steps/1/0: it reads \"two\", which may not be finished before it",
    ),
];

#[test]
fn seeded_faults_are_found() {
    for (from, to, expected) in FAULTS {
        let seeded = SOUND.replacen(from, to, 1);
        assert_ne!(seeded, SOUND, "{from}");
        let found = messages(&seeded);
        assert!(found.contains(&(*expected).to_owned()), "{expected}\nfound {found:#?}");
    }
}

#[test]
fn schedules_are_checked() {
    let cron = |spec: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: CronWorkflow\nmetadata: {{name: c}}\nspec:\n  {spec}\n  \
             workflowSpec: {{entrypoint: a, templates: [{{name: a, container: {{image: b}}}}]}}\n"
        )
    };
    assert_eq!(messages(&cron("schedules: ['0 16 * * 0', '@daily']")), Vec::<String>::new());
    for (spec, expected) in [
        ("schedule: '0 16 * * 0'", "/spec/schedule: Argo 4 knows no `schedule`"),
        ("schedules: []", "/spec/schedules: there is no schedule"),
        (
            "schedules: ['0 16 * *']",
            "/spec/schedules/0: the cron expression \"0 16 * *\" is wrong: it has 4 fields instead of 5",
        ),
    ] {
        assert_eq!(messages(&cron(spec)), [expected]);
    }
    assert_eq!(messages(&cron("schedules: ['99 16 * * 0']")).len(), 1);
}

#[test]
fn several_documents_are_told_apart() {
    let text = format!("{SOUND}---\n{}", SOUND.replace("onExit: bye", "onExit: b"));
    assert_eq!(messages(&text), ["document 2: /spec/onExit: the exit handler \"b\" is not defined"]);
    assert_eq!(messages("kind: ConfigMap\n"), [": there is no Argo resource in the text"]);
    assert!(lint_argo("a: [").is_err());
}
