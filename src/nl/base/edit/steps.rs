//! Which steps of a program a text speaks of.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::api::{Function, Job, Program, Step, Task, flatten_steps};
use crate::ir::Components;
use crate::lake::Lake;
use crate::nl::base::algorithms::named_algorithms;
use crate::nl::base::literals::{LiteralKind, literals};
use crate::nl::pattern::regex;

/// A place where a text speaks of steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// The steps that it could mean, in the order of the program; one if it is certain.
    pub(super) steps: Vec<String>,
    /// First byte.
    pub(super) start: usize,
    /// Byte behind the last.
    pub(super) end: usize,
}

/// The steps of a program as a remark may call them.
pub(super) struct Steps<'a> {
    pub(super) program: &'a Program,
    pub(super) lake: &'a Lake,
    all: Vec<&'a Step>,
}

/// A way to call a step.
struct Handle {
    step: usize,
    words: String,
    weight: u8,
    /// Whether a word of the text may go on behind it: "train" in "training".
    stem: bool,
}

/// Words of the tasks of components, beside their names.
fn task_words(task: Task) -> &'static [&'static str] {
    match task {
        Task::Load => &["load", "read", "ingest", "import"],
        Task::Clean => &["clean", "dedup"],
        Task::Split => &["split"],
        Task::Train => &["train", "fit", "learner"],
        Task::Evaluate => &["evaluat", "assess"],
        Task::Compare => &["compar"],
        Task::Select => &["select", "choice", "winner"],
        Task::Deploy => &["deploy"],
        Task::Predict => &["predict"],
        Task::Notify => &["notif", "message", "alert"],
        Task::Report => &["report"],
        Task::Save => &["save", "saving", "upload", "export"],
        Task::Tune => &["tuning", "hyperparameter search"],
        _ => &[],
    }
}

/// Words of single components.
fn component_words(name: &str) -> &'static [&'static str] {
    match name {
        "notify.slack" => &["slack"],
        "notify.email" => &["email", "e-mail", "mail"],
        "notify.webhook" => &["webhook"],
        "data.validate" => &["validat", "data check", "quality check"],
        "data.filter" => &["filter"],
        "data.join" => &["join"],
        "data.aggregate" => &["aggregat"],
        "data.select" => &["column selection"],
        "features.scale" => &["scaling", "scaler", "standardi", "normali"],
        "features.encode" => &["encod"],
        "features.tfidf" => &["tf-idf", "tfidf", "vectori"],
        "features.engineer" => &["feature engineering"],
        "file.copy" => &["copy"],
        "git.clone" => &["clone", "checkout"],
        "image.build" => &["build"],
        "model.register" => &["regist"],
        "llm.finetune" | "torch.finetune" => &["fine-tun", "finetun"],
        "tune.search" | "tune.katib" => &["tuning", "search"],
        _ => &[],
    }
}

static EVERY: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:all|both|every|each|any|alle|jede\w*|beide\w*)\b(?: of)?(?: the| of| my| our)?(?: \w+){0,2}$",
    )
});
static ALL_STEPS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:all|every|each|both)(?: of the| of| the| my| our)?(?: \w+)? (?:steps?|tasks?|containers?)\b|\b(?:all|each|both|every one) of them\b|\beverything\b|\balle schritte\b|\bjede[rn]? schritt\b",
    )
});
static ORDINAL: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(first|second|third|fourth|fifth|last|final)(?: of the)? (?:step|task|one|container)s?\b")
});

impl<'a> Steps<'a> {
    pub(super) fn new(program: &'a Program, lake: &'a Lake) -> Self {
        let mut all: Vec<&Step> = flatten_steps(program).into_iter().map(|(_, step)| step).collect();
        // Members come before their group; the group itself is meant by its name only.
        all.dedup_by_key(|step| step.name.clone());
        Self { program, lake, all }
    }

    /// All names.
    pub(super) fn names(&self) -> Vec<String> {
        self.all.iter().map(|step| step.name.clone()).collect()
    }

    /// A step by its name.
    pub(super) fn get(&self, name: &str) -> Option<&'a Step> {
        self.all.iter().find(|step| step.name == name).copied()
    }

    /// Whether it runs at the end.
    pub(super) fn at_end(&self, name: &str) -> bool {
        self.program.on_exit.iter().any(|step| step.name == name)
    }

    /// The component of a step; of containers, scripts and jobs the one that stands for them.
    pub(super) fn component(&self, step: &Step) -> Option<&'a crate::api::Component> {
        self.lake.component(component_name(&step.run)?)
    }

    /// The places of a text that speak of steps, in its order. Where one word fits several steps, other words of the text
    /// may decide.
    pub(super) fn named(&self, text: &str) -> Vec<Named> {
        let mut hits = self.hits(text);
        // The strongest reading of a place counts; of those that overlap, the strongest and then the longest.
        hits.sort_by_key(|hit| {
            (std::cmp::Reverse(hit.weight), std::cmp::Reverse(hit.end - hit.start), hit.start)
        });
        let mut places: Vec<(u8, Named)> = Vec::new();
        for hit in hits {
            let name = self.all[hit.step].name.clone();
            let over = places.iter_mut().find(|(_, place)| hit.start < place.end && hit.end > place.start);
            match over {
                Some((weight, place)) => {
                    if *weight == hit.weight && !place.steps.contains(&name) {
                        place.steps.push(name);
                    }
                }
                None => {
                    places.push((hit.weight, Named { steps: vec![name], start: hit.start, end: hit.end }));
                }
            }
        }
        // Weak words say nothing beside strong ones that mean the same kind of step.
        let strong = places.iter().any(|(weight, _)| *weight >= 5);
        places.retain(|(weight, _)| *weight >= 5 || !strong);
        let mut places: Vec<Named> = places.into_iter().map(|(_, place)| place).collect();
        places.sort_by_key(|place| place.start);
        let order: Vec<String> = self.names();
        for place in &mut places {
            place.steps.sort_by_key(|name| order.iter().position(|other| other == name));
        }
        let certain: Vec<String> = places
            .iter()
            .filter(|place| place.steps.len() == 1)
            .map(|place| place.steps[0].clone())
            .collect();
        places
            .retain(|place| place.steps.len() == 1 || !place.steps.iter().any(|name| certain.contains(name)));
        places
    }

    /// A text without all words that could mean a step.
    pub(super) fn without_names(&self, text: &str) -> String {
        let mut rest = text.to_owned();
        for hit in self.hits(text) {
            rest.replace_range(hit.start..hit.end, &" ".repeat(hit.end - hit.start));
        }
        rest
    }

    /// The steps that a text speaks of: each place certain, or expanded where the text says "both" or uses a plural.
    pub(super) fn meant(&self, text: &str) -> Meant {
        if all_meant(text) {
            return Meant::Steps(self.program.steps.iter().map(|step| step.name.clone()).collect());
        }
        let mut steps: Vec<String> = Vec::new();
        for place in self.named(text) {
            if place.steps.len() == 1 || several(text, &place) {
                steps
                    .extend(place.steps.into_iter().filter(|name| !steps.contains(name)).collect::<Vec<_>>());
            } else if steps.is_empty() {
                return Meant::Unclear(place.steps);
            }
        }
        if steps.is_empty() { Meant::Nothing } else { Meant::Steps(steps) }
    }

    /// Where words stand that could mean a step.
    fn hits(&self, text: &str) -> Vec<Hit> {
        let text = without_quotes(text, &self.all);
        let text = text.as_str();
        let lower = in_small_letters(text);
        let mut found = Vec::new();
        for handle in self.handles() {
            for (start, _) in lower.match_indices(&handle.words) {
                let mut end = start + handle.words.len();
                let before = lower[..start].chars().next_back();
                let after = lower[end..].chars().next();
                if before.is_some_and(|c| {
                    c.is_alphanumeric() || "/_.:#".contains(c) || (c == '-' && handle.weight < 8)
                }) {
                    continue;
                }
                if handle.stem {
                    end += lower[end..].find(|c: char| !c.is_alphabetic()).unwrap_or(lower.len() - end);
                } else if after.is_some_and(char::is_alphanumeric) {
                    // A plural is the same word.
                    if !lower[end..].starts_with('s') || lower[end + 1..].starts_with(char::is_alphanumeric) {
                        continue;
                    }
                }
                // Inside of a path, an image or a longer name it means something else.
                let inside = lower[end..].starts_with(['/', '_', '-', ':', '='])
                    && lower[end..].chars().nth(1).is_some_and(|c| c.is_alphanumeric() || c == '/');
                if !inside {
                    found.push(Hit { step: handle.step, start, end, weight: handle.weight });
                }
            }
        }
        found.extend(self.algorithm_hits(text));
        found.extend(self.ordinal_hits(&lower));
        found
    }

    fn algorithm_hits(&self, text: &str) -> Vec<Hit> {
        let mut found = Vec::new();
        for (component, words) in named_algorithms(text) {
            let Some(start) = text.find(words) else { continue };
            for (step, candidate) in self.all.iter().enumerate() {
                let Function::Component(call) = &candidate.run else { continue };
                let estimator = call.with.get("estimator").and_then(Value::as_str);
                let same = call.component == component
                    && estimator.is_none_or(|estimator| {
                        !crate::nl::base::evidence::mentioned_choices(&[estimator], words).is_empty()
                    });
                if same {
                    found.push(Hit { step, start, end: start + words.len(), weight: 8 });
                }
            }
        }
        found
    }

    fn ordinal_hits(&self, lower: &str) -> Vec<Hit> {
        let count = self.program.steps.len();
        let hit = |captures: regex::Captures<'_>| {
            let index = match &captures[1] {
                "first" => 0,
                "second" => 1,
                "third" => 2,
                "fourth" => 3,
                "fifth" => 4,
                _ => count.checked_sub(1)?,
            };
            let name = &self.program.steps.get(index)?.name;
            let step = self.all.iter().position(|step| step.name == *name)?;
            let whole = captures.get(0)?;
            Some(Hit { step, start: whole.start(), end: whole.end(), weight: 9 })
        };
        ORDINAL.captures_iter(lower).filter_map(hit).collect()
    }

    fn handles(&self) -> Vec<Handle> {
        let mut found = Vec::new();
        for (step, candidate) in self.all.iter().enumerate() {
            let mut add = |words: &str, weight: u8, stem: bool| {
                let words = words.trim().to_lowercase();
                if words.len() > 1 {
                    found.push(Handle { step, words, weight, stem });
                }
            };
            let name = &candidate.name;
            add(name, 10, false);
            // "training" is the step "train", too.
            add(name, 9, name.len() > 3);
            if let Some(short) = name.strip_suffix('e').filter(|short| short.len() > 3) {
                add(&format!("{short}ing"), 9, false);
            }
            if name.contains('-') {
                add(&name.replace('-', " "), 9, false);
                for part in name.split('-').filter(|part| part.len() > 2) {
                    add(part, 6, part.len() > 4);
                }
            }
            own_texts(&candidate.run, &mut add);
            if let Some(component) = self.component(candidate) {
                let words = task_words(component.task).iter().chain(component_words(&component.name));
                words.for_each(|word| add(word, 5, true));
            }
        }
        found
    }
}

/// A text whose quotes are blank, apart from those that hold the name of a step: a message names no step.
fn without_quotes(text: &str, steps: &[&Step]) -> String {
    let mut blank = text.to_owned();
    for literal in literals(text).iter().filter(|literal| literal.kind == LiteralKind::Quoted) {
        let is_name = steps.iter().any(|step| step.name == literal.text);
        if !is_name && blank.is_char_boundary(literal.start) && blank.is_char_boundary(literal.end) {
            blank.replace_range(literal.start..literal.end, &" ".repeat(literal.end - literal.start));
        }
    }
    blank
}

/// A way in which a text may speak of a step.
struct Hit {
    step: usize,
    start: usize,
    end: usize,
    weight: u8,
}

/// Whether a text speaks of all steps at once.
pub(super) fn all_meant(text: &str) -> bool {
    ALL_STEPS.is_match(text)
}

/// What a text says about which step it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meant {
    /// No step.
    Nothing,
    /// These.
    Steps(Vec<String>),
    /// One of these.
    Unclear(Vec<String>),
}

/// "both trainings", "the trainings", "every model".
fn several(text: &str, place: &Named) -> bool {
    let word = text[place.start..place.end].to_lowercase();
    word.ends_with("ings") || EVERY.is_match(&text[..place.start])
}

/// The component that stands for a function.
pub(super) fn component_name(run: &Function) -> Option<&str> {
    Some(match run {
        Function::Component(call) => call.component.as_str(),
        Function::RunContainer(_) => "container.run",
        Function::RunScript(call) if call.language == crate::api::ScriptLanguage::Bash => "script.bash",
        Function::RunScript(_) => "script.python",
        Function::RunJob(job) => match &job.job {
            Job::PyTorchJob(_) => "job.pytorch",
            Job::TFJob(_) => "job.tensorflow",
            Job::MPIJob(_) => "job.mpi",
            Job::XGBoostJob(_) => "job.xgboost",
            Job::Katib(_) => "tune.katib",
            Job::Manifest(_) => return None,
        },
        Function::Concurrent(_) => return None,
    })
}

/// The image that a step runs.
pub(super) fn image_of(run: &Function) -> Option<&str> {
    match run {
        Function::RunContainer(call) => Some(&call.image),
        Function::RunScript(call) => call.image.as_deref(),
        Function::RunJob(job) => match &job.job {
            Job::PyTorchJob(job) | Job::TFJob(job) | Job::MPIJob(job) | Job::XGBoostJob(job) => {
                Some(&job.image)
            }
            Job::Katib(experiment) => Some(&experiment.image),
            Job::Manifest(_) => None,
        },
        Function::Component(_) | Function::Concurrent(_) => None,
    }
}

/// Images and the values of arguments: whoever names one means the step that has it.
fn own_texts(run: &Function, add: &mut dyn FnMut(&str, u8, bool)) {
    if let Some(image) = image_of(run) {
        add(image, 10, false);
        let untagged =
            image.rsplit_once(':').map_or(image, |(name, tag)| if tag.contains('/') { image } else { name });
        add(untagged, 9, false);
        if let Some((_, last)) = untagged.rsplit_once('/') {
            add(last, 8, last.len() > 4);
        }
    }
    if let Function::Component(call) = run {
        for value in call.with.values() {
            for text in texts(value) {
                // A bare word such as a column says nothing about which step is meant.
                if text.contains(['/', '.', '@', '#']) {
                    add(text, 9, false);
                }
                if let Some((_, last)) = text.rsplit_once('/')
                    && last.contains('.')
                {
                    add(last, 8, false);
                }
            }
        }
    }
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}
/// Small letters, each where the letter was: one that would take up another number of bytes stays as it is.
fn in_small_letters(text: &str) -> String {
    let small = |letter: char| {
        let mut small = letter.to_lowercase();
        match (small.next(), small.next()) {
            (Some(one), None) if one.len_utf8() == letter.len_utf8() => one,
            _ => letter,
        }
    };
    text.chars().map(small).collect()
}
