//! Random programs that use every feature of the unified API, for property tests of engines.

mod conditions;
mod cuts;
mod draft;
mod isomorphism;
mod models;
mod node;
mod parts;
mod reach;
mod survival;
mod test_samples;
mod texts;

use std::collections::HashSet;

use proptest::prelude::*;

use crate::api::{
    ArtifactLocation, ConcurrencyPolicy, Duration, Function, Input, Loop, Map, MapItems, Operand, Output,
    OutputSource, Parameter, PortType, Program, Schedule, Step, VERSION, WorkflowSettings, misspelt,
    texts_with_references,
};
pub(crate) use cuts::parts_of;
use draft::{Draft, DraftItems, Shape, draft};
pub(crate) use isomorphism::{assert_isomorphic, with_components};
pub(crate) use models::{hard_text, kubernetes, tekton};
pub(crate) use node::node;
use parts::workflow_settings;
pub(crate) use reach::{Daemons, Reach, Unknown};
pub(crate) use survival::{Reached, arguments, workflow_with};
pub(crate) use test_samples::sample;
use texts::text;

/// A random valid program that Argo can express.
pub(crate) fn random_program() -> impl Strategy<Value = Program> {
    random_program_within(Reach::ARGO)
}

/// A random valid program within the reach of an engine.
pub(crate) fn random_program_within(reach: Reach) -> impl Strategy<Value = Program> {
    let schedule =
        prop::option::weighted(0.3, (0..3usize, any::<bool>(), prop::option::of(Just("Europe/Berlin"))));
    (
        prop::collection::vec(draft(), 1..8),
        prop::collection::vec(draft(), 0..3),
        workflow_settings(),
        schedule,
        prop::option::of(text()),
        any::<bool>(),
    )
        .prop_map(move |(steps, exit, settings, schedule, description, reversed)| {
            let schedule = schedule.map(|(policy, suspend, timezone)| Schedule {
                cron: [vec!["0 16 * * 0"], vec!["*/5 * * * *", "0 3 1 * *"], vec!["30 2 * * 1-5"]][policy]
                    .iter()
                    .map(|cron| (*cron).to_owned())
                    .collect(),
                timezone: timezone.map(str::to_owned),
                concurrency: [
                    ConcurrencyPolicy::Allow,
                    ConcurrencyPolicy::Forbid,
                    ConcurrencyPolicy::Replace,
                ][policy],
                suspend,
            });
            within(reach, program(reach, steps, exit, settings, schedule, description, reversed))
        })
}

/// The program without what only its whole shows to be out of reach.
fn within(reach: Reach, mut program: Program) -> Program {
    let mut all = program.steps.iter().chain(&program.on_exit);
    let skips =
        all.any(|step| step.map.is_some() || step.when.is_some() || step.settings.continue_on_failure);
    if skips && !reach.limit_and_skips {
        program.settings.parallelism = None;
    }
    if let Some(schedule) = program.schedule.as_mut().filter(|_| !reach.any_schedule) {
        if schedule.concurrency == ConcurrencyPolicy::Replace {
            schedule.concurrency = ConcurrencyPolicy::Allow;
        }
        for parameter in program.parameters.values_mut() {
            parameter.default.get_or_insert_with(|| "free".into());
        }
    }
    program
}

fn program(
    reach: Reach,
    drafts: Vec<Draft>,
    exit: Vec<Draft>,
    settings: WorkflowSettings,
    schedule: Option<Schedule>,
    description: Option<String>,
    reversed: bool,
) -> Program {
    let mut used = HashSet::new();
    let mut builder =
        Builder { reach, settings: &settings, done: Vec::new(), graph: Vec::new(), exit: false };
    for draft in drafts {
        let name = unused(draft.base, &mut used);
        let step = builder.step(name, &draft);
        builder.done.push(step);
    }
    let mut steps = std::mem::take(&mut builder.done);
    builder.graph.clone_from(&steps);
    builder.exit = true;
    for draft in exit {
        let name = unused(draft.base, &mut used);
        let step = builder.step(name, &draft);
        builder.done.push(step);
    }
    let on_exit = builder.done;
    if reversed {
        steps.reverse();
    }
    let parameters = [
        (
            "env",
            Parameter {
                default: Some("dev".into()),
                choices: vec!["dev".into(), "prod".into()],
                ..Parameter::default()
            },
        ),
        (
            "list",
            Parameter {
                default: Some("[\"a\", 2]".into()),
                description: Some("Items: yes".into()),
                ..Parameter::default()
            },
        ),
        ("free", Parameter::default()),
    ];
    Program {
        version: VERSION.into(),
        name: "random".into(),
        description,
        parameters: parameters.into_iter().map(|(name, parameter)| (name.to_owned(), parameter)).collect(),
        schedule,
        settings,
        steps,
        on_exit,
    }
}

fn unused(base: &str, used: &mut HashSet<String>) -> String {
    let mut name = base.to_owned();
    let mut number = 0;
    while !used.insert(name.clone()) {
        number += 1;
        name = format!("{base}-x{number}");
    }
    name
}

struct Builder<'a> {
    reach: Reach,
    settings: &'a WorkflowSettings,
    /// Steps that later ones may read.
    done: Vec<Step>,
    /// The steps before the end, for those at the end.
    graph: Vec<Step>,
    exit: bool,
}

impl Builder<'_> {
    fn step(&self, name: String, draft: &Draft) -> Step {
        let is_job = matches!(draft.function, Function::RunJob(_));
        let outputs = if is_job { Vec::new() } else { outputs(draft) };
        let mut step = Step {
            name,
            description: draft.words.first().cloned(),
            run: draft.function.clone(),
            after: Vec::new(),
            when: None,
            map: None,
            exec_while: None,
            inputs: Vec::new(),
            outputs,
            settings: draft.settings.clone(),
        };
        if !self.done.is_empty() && !self.exit {
            step.after = draft.after.iter().map(|index| index.get(&self.done).name.clone()).collect();
            step.after.sort();
            step.after.dedup();
        }
        self.keep_within(&mut step);
        self.shape(&mut step, draft);
        step.when = draft.condition.as_ref().map(|condition| self.condition(condition, Some(&step), None));
        self.inputs(&mut step, draft, is_job);
        self.texts(&mut step, draft);
        self.volumes(&mut step);
        step.settings.literal_braces = self.is_misspelt(&step);
        step
    }

    /// Whether the texts of a step hold what looks like a reference and is none; then nothing in them may be one.
    fn is_misspelt(&self, step: &Step) -> bool {
        let known = self.done.iter().chain(&self.graph).chain([step]);
        let names: HashSet<&str> = known.map(|step| step.name.as_str()).collect();
        let status = |text: &str| text.contains("{{workflow.status}}") && !self.exit;
        texts_with_references(step).iter().any(|text| {
            status(text) || !misspelt(text, step.references(), &|name| names.contains(name)).is_empty()
        })
    }

    fn keep_within(&self, step: &mut Step) {
        let reach = self.reach;
        step.settings.daemon &= reach.daemons != Daemons::Never;
        if step.settings.daemon && reach.daemons == Daemons::Alone {
            step.settings.cache = None;
        }
        step.settings.continue_on_failure &= reach.retry_and_go_on || step.settings.retry.is_none();
        if let Function::RunContainer(call) = &mut step.run
            && call.command.is_empty()
            && match reach.unknown_commands {
                Unknown::Anything => false,
                Unknown::Printing => !step.outputs.is_empty() || step.settings.cache.is_some(),
                Unknown::Plain => true,
            }
        {
            call.command.push("run".into());
        }
        for output in &mut step.outputs {
            if let OutputSource::Artifact { store, .. } = &mut output.source {
                *store = store.take().filter(|store| reach.default_bucket || has_bucket(store));
            }
        }
    }

    fn shape(&self, step: &mut Step, draft: &Draft) {
        match &draft.shape {
            Shape::Plain => {}
            Shape::Map(items, parallelism) => {
                let over = self.items(items);
                let late = matches!(over, MapItems::Output { .. } | MapItems::Parameter { .. });
                let limited = (!late || self.reach.late_lists) && (!self.exit || self.reach.exit_limits);
                step.map = Some(Map { over, parallelism: parallelism.filter(|_| limited) });
            }
            Shape::Loop(..) if step.settings.daemon && self.reach.daemons == Daemons::Alone => {}
            Shape::Loop(condition, limit, pause) => {
                let own = own_outputs(step);
                step.exec_while = Some(Loop {
                    condition: self.condition(condition, None, Some(&own)),
                    limit: *limit,
                    pause: pause.map(Duration::from_seconds),
                });
            }
        }
    }

    fn items(&self, items: &DraftItems) -> MapItems {
        let scalars = self.scalars();
        let late = !self.exit || self.reach.late_lists;
        match items {
            DraftItems::Output(_) | DraftItems::Parameter if !late => range(1, 3, 1, None),
            DraftItems::Words(words) => {
                MapItems::List { items: words.iter().map(|word| word.as_str().into()).collect() }
            }
            DraftItems::Objects(count) => MapItems::List {
                items: (0..*count)
                    .map(|n| serde_json::json!({"name": format!("yes {n}"), "size": n}))
                    .collect(),
            },
            DraftItems::Range(start, more, step, pad) => {
                range(*start, start + i64::from(*more), *step, pad.filter(|_| *start >= 0))
            }
            DraftItems::Product(words) => MapItems::Product {
                of: [
                    ("name".to_owned(), words.iter().map(|word| word.as_str().into()).collect()),
                    ("size".to_owned(), vec![1.into(), true.into(), 0.5.into()]),
                ]
                .into_iter()
                .collect(),
            },
            DraftItems::Output(index) if !scalars.is_empty() => {
                let (step, output) = index.get(&scalars).clone();
                MapItems::Output { step, output }
            }
            DraftItems::Output(_) | DraftItems::Parameter => MapItems::Parameter { name: "list".into() },
        }
    }

    /// Earlier steps that this one may read.
    fn readable(&self) -> impl Iterator<Item = &Step> {
        let alone = self.reach.daemons == Daemons::Alone;
        let done = if self.exit && !self.reach.exit_reads { &[][..] } else { &self.done };
        done.iter().filter(move |step| !(alone && step.settings.daemon))
    }

    /// Whether the items of a map may have keys: objects do, and what is made at run time might.
    fn has_keys(&self, step: &Step) -> bool {
        match step.map.as_ref().map(|map| &map.over) {
            Some(MapItems::List { items }) => items.iter().all(serde_json::Value::is_object),
            Some(MapItems::Output { .. } | MapItems::Parameter { .. }) => self.reach.late_lists,
            Some(MapItems::Product { .. }) => true,
            Some(MapItems::Range { .. }) | None => false,
        }
    }

    /// Scalars that earlier steps write.
    fn scalars(&self) -> Vec<(String, String)> {
        self.readable()
            .flat_map(|step| {
                let declared =
                    step.outputs.iter().filter(|out| matches!(out.source, OutputSource::Parameter { .. }));
                let names = declared.map(|out| out.name.clone()).chain(["result".to_owned()]);
                names.map(|output| (step.name.clone(), output)).collect::<Vec<_>>()
            })
            .collect()
    }

    fn artifacts(&self) -> Vec<(String, String)> {
        let stored = |step: &Step| {
            step.outputs
                .iter()
                .any(|output| matches!(&output.source, OutputSource::Artifact { store: Some(_), .. }))
        };
        let writers = self.readable().filter(|step| step.map.is_none() || !stored(step));
        writers
            .flat_map(|step| {
                let artifacts =
                    step.outputs.iter().filter(|out| matches!(out.source, OutputSource::Artifact { .. }));
                artifacts.map(|output| (step.name.clone(), output.name.clone())).collect::<Vec<_>>()
            })
            .collect()
    }

    fn inputs(&self, step: &mut Step, draft: &Draft, is_job: bool) {
        let (scalars, artifacts) = (self.scalars(), self.artifacts());
        for (number, (artifact, index, text)) in draft.inputs.iter().enumerate() {
            if *artifact && !is_job && !artifacts.is_empty() {
                let (from, output) = index.get(&artifacts).clone();
                step.inputs.push(Input::Artifact {
                    name: format!("port{number}"),
                    step: from,
                    output,
                    path: None,
                });
            } else {
                let mut value = text.clone();
                if !scalars.is_empty() && index.index(2) == 0 {
                    let (from, output) = index.get(&scalars);
                    value += &format!("{{{{steps.{from}.{output}}}}}");
                }
                let name = ["IN", "item", "iteration"][number].to_owned();
                step.inputs.push(Input::Parameter { name, value });
            }
        }
        let opened = |place: &ArtifactLocation| !is_job && (self.reach.default_bucket || has_bucket(place));
        if let Some(location) = draft.external.clone().filter(opened) {
            step.inputs.push(Input::External {
                name: "raw data".into(),
                location,
                path: Some("/data/in".into()),
            });
        }
    }

    /// Puts references into the strings of the step.
    fn texts(&self, step: &mut Step, draft: &Draft) {
        let mut references = vec!["{{parameters.free}}".to_owned(), "{{workflow.name}}".to_owned()];
        if self.reach.facts {
            references.extend(["-{{ run.id }}".to_owned(), "{{run.date}}".to_owned()]);
        }
        references.extend(self.exit.then(|| "{{workflow.status}}".to_owned()));
        let read = self.readable().filter(|_| self.reach.text_statuses && !self.exit);
        references.extend(read.map(|step| format!("{{{{steps.{}.status}}}}", step.name)));
        references.extend(
            self.scalars().into_iter().map(|(step, output)| format!("{{{{steps.{step}.{output}}}}}")),
        );
        if step.map.is_some() {
            references.push("{{item}}".to_owned());
            references.extend(self.has_keys(step).then(|| "{{ item.name }}".to_owned()));
        }
        let mut words = draft.words.clone();
        words.push(format!("{}{}", draft.words.join(""), draft.reads.get(&references)));
        match &mut step.run {
            Function::RunContainer(call) => call.args.extend(words),
            Function::RunScript(call) => call.source.push_str(&words.join("\n")),
            _ => {
                step.settings.env.insert("WORDS".into(), words.join(" "));
            }
        }
    }

    fn volumes(&self, step: &mut Step) {
        let known = &self.settings.volume_claims;
        step.settings.volumes.retain(|volume| match volume {
            crate::api::Volume::Shared { name, .. } => known.iter().any(|claim| &claim.name == name),
            _ => true,
        });
    }
}

fn range(start: i64, end: i64, step: u32, pad: Option<u32>) -> MapItems {
    MapItems::Range { start, end, step, pad }
}

fn has_bucket(location: &ArtifactLocation) -> bool {
    !matches!(location, ArtifactLocation::S3 { bucket: None, .. })
}

fn own_outputs(step: &Step) -> Vec<Operand> {
    let scalars = step.outputs.iter().filter(|out| matches!(out.source, OutputSource::Parameter { .. }));
    let names = scalars.map(|out| out.name.clone()).chain(["result".to_owned()]);
    names.map(|output| Operand::Output { step: step.name.clone(), output }).collect()
}

fn outputs(draft: &Draft) -> Vec<Output> {
    let mut outputs = Vec::new();
    if draft.outputs & 1 == 1 {
        let source = OutputSource::Parameter {
            path: "/tmp/acc".into(),
            default: draft.words.first().map(|_| "0".into()),
        };
        outputs.push(Output { name: "acc_value".into(), source });
    }
    if draft.outputs & 2 == 2 {
        let readable = |place: &ArtifactLocation| {
            use ArtifactLocation::{Git, Raw, Uri};
            !matches!(place, Git { .. } | Raw { .. }) && !matches!(place, Uri { uri } if uri.contains(".git"))
        };
        let store = draft.store.clone().filter(readable);
        let source = OutputSource::Artifact { path: "/tmp/model".into(), port_type: PortType::Model, store };
        outputs.push(Output { name: "model".into(), source });
    }
    outputs
}
