//! One remark after the other: read what is certain, ask the model for the rest, apply.

use std::sync::LazyLock;

use regex::Regex;

use super::clause::{clauses, without_opening};
use super::feed::apply_fed;
use super::model::{Action, action_request, fill, read_action};
use super::question::{answer, is_question};
use super::read::{Addition, Context, Wish, read};
use super::remove::unknown;
use super::steps::{Meant, Steps};
use crate::api::Program;
use crate::ir::Components;
use crate::nl::base::literals::{LiteralKind, literals};
use crate::nl::base::numbers::with_digits;
use crate::nl::base::settings::mentions_setting;
use crate::nl::edit::{Applied, Focus, Reaction};
use crate::nl::edit::{Edit, EditError};
use crate::nl::pattern::regex;
use crate::nl::pipeline::{Pipeline, PipelineError};
use crate::nl::{Event, Stage};

/// Reads remarks.
pub(in crate::nl) struct Reader<'a> {
    /// Model, components, prompts and where calls are noted.
    pub(in crate::nl) pipeline: &'a Pipeline<'a>,
}

static UNDO: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(?:please )?(?:undo|revert|take (?:it|that) back|go back|never ?mind|forget (?:it|that)|undo (?:it|that|the last (?:change|edit)))(?: (?:that|it|this|the last (?:change|edit)))?(?: please)?\W*$",
    )
});
/// "The forest one too", "same for train".
static LIKEWISE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(?:and )?(?:(?:(?:do )?the same (?:thing )?(?:for|with|to|goes for)|same (?:for|with|goes for)|likewise(?: for)?|also) (.+?)|(.+?),? (?:too|as well|also|likewise))\W*$",
    )
});

/// Everything that one remark did so far.
struct Progress {
    program: Program,
    edits: Vec<Edit>,
    applied: Option<Applied>,
    focus: Focus,
    notes: Vec<String>,
    unread: Vec<String>,
    already: Vec<String>,
    refused: Vec<String>,
}

impl Reader<'_> {
    /// What a remark does to a program; `notes` are shown with what it does.
    pub(in crate::nl) async fn react(
        &self,
        program: &Program,
        remark: &str,
        focus: &Focus,
        notes: Vec<String>,
    ) -> Result<Reaction, PipelineError> {
        let (text, spelled) = with_digits(&with_spans(remark));
        let asked = Steps::new(program, self.pipeline.lake);
        if UNDO.is_match(without_opening(&text)) {
            self.read_by("undo");
            return Ok(Reaction::Undo);
        }
        if is_question(&text) {
            self.read_by("question");
            return Ok(Reaction::Answer(answer(&asked, &text)));
        }
        let mut progress = Progress {
            program: program.clone(),
            edits: Vec::new(),
            applied: None,
            focus: Focus { chosen: None, ..focus.clone() },
            notes,
            unread: Vec::new(),
            already: Vec::new(),
            refused: Vec::new(),
        };
        // What the patterns read of such remarks was wrong far more often than right.
        let all = if points_beyond(&text) { Vec::new() } else { clauses(&text) };
        for (index, clause) in all.iter().enumerate() {
            let clause = without_opening(clause).to_owned();
            // What was chosen answers the question about the first wish.
            let chosen = focus.chosen.as_deref().filter(|_| index == 0);
            if let Some(mut question) = self.clause(&mut progress, &clause, &text, chosen, &spelled).await? {
                if let Reaction::Question { remark, .. } = &mut question {
                    *remark = all[index..].join("; ");
                }
                return Ok(question);
            }
        }
        if progress.edits.is_empty() && progress.already.is_empty() && progress.refused.is_empty() {
            self.whole(&mut progress, &text, &spelled).await?;
        }
        Ok(concluded(progress, &text))
    }

    /// Reads one wish and carries it out; a question where it is not clear which step is meant.
    async fn clause(
        &self,
        progress: &mut Progress,
        clause: &str,
        remark: &str,
        chosen: Option<&str>,
        spelled: &[String],
    ) -> Result<Option<Reaction>, PipelineError> {
        let program = progress.program.clone();
        let steps = Steps::new(&program, self.pipeline.lake);
        if is_question(clause) {
            self.read_by("question");
            progress.notes.push(answer(&steps, clause));
            return Ok(None);
        }
        if let Some((names, last)) = likewise(&steps, clause, &progress.focus) {
            let mut any = false;
            for name in names {
                let focus = progress.focus.steps.clone();
                let context = Context {
                    steps: &steps,
                    clause: &last,
                    remark: &last,
                    focus: &focus,
                    chosen: Some(&name),
                    spelled,
                };
                if let Some((_, wish)) = read(&context) {
                    self.read_by("likewise");
                    any = true;
                    self.wish(progress, wish, &context).await?;
                }
            }
            if any {
                progress.focus.last = Some(last);
                return Ok(None);
            }
        }
        let focus = progress.focus.steps.clone();
        let context = Context { steps: &steps, clause, remark, focus: &focus, chosen, spelled };
        let Some((form, wish)) = read(&context) else {
            match unknown(&context, clause) {
                Some(wish) => {
                    self.read_by("unknown");
                    return self.wish(progress, wish, &context).await;
                }
                None => {
                    // What is not understood may still say what "it" means next.
                    if let Meant::Steps(names) = steps.meant(clause) {
                        progress.focus.steps = names;
                    }
                    progress.unread.push(clause.to_owned());
                }
            }
            return Ok(None);
        };
        self.read_by(form);
        self.wish(progress, wish, &context).await
    }

    fn read_by(&self, form: &str) {
        self.pipeline.observer.observe(&Event::Read { form });
    }

    async fn wish(
        &self,
        progress: &mut Progress,
        wish: Wish,
        context: &Context<'_>,
    ) -> Result<Option<Reaction>, PipelineError> {
        let edits = match wish {
            Wish::Edits(edits) => edits,
            Wish::Which { steps } => {
                if progress.edits.is_empty() {
                    let text = format!("Which step is meant by \"{}\"?", context.clause);
                    return Ok(Some(Reaction::Question {
                        text,
                        choices: steps,
                        remark: context.clause.to_owned(),
                    }));
                }
                let steps = steps.join(", ");
                progress.notes.push(format!(
                    "\"{}\" was left out: it is not clear which of {steps} is meant",
                    context.clause
                ));
                return Ok(None);
            }
            Wish::Impossible(reason) => {
                progress.refused.push(reason);
                return Ok(None);
            }
            Wish::Already(reason) => {
                progress.already.push(reason);
                return Ok(None);
            }
            Wish::Fill { step } => {
                let edits =
                    fill(self.pipeline, context.steps, &step, context.clause, context.spelled).await?;
                if edits.is_empty() {
                    progress.unread.push(context.clause.to_owned());
                    return Ok(None);
                }
                edits
            }
            Wish::Add(addition) => {
                let Progress { notes, refused, .. } = progress;
                self.added(notes, refused, &addition, context).await?
            }
        };
        self.carry_out(progress, edits, context.clause);
        Ok(None)
    }

    /// Applies edits; what does not fit is refused and leaves everything as it was.
    fn carry_out(&self, progress: &mut Progress, edits: Vec<Edit>, clause: &str) {
        if edits.is_empty() {
            progress.unread.push(clause.to_owned());
            return;
        }
        match apply_fed(&progress.program, &edits, self.pipeline.lake) {
            Ok(applied) => {
                let mut steps: Vec<String> = Vec::new();
                for name in edits.iter().filter_map(Edit::subject) {
                    let there =
                        crate::api::flatten_steps(&applied.program).iter().any(|(_, step)| step.name == name);
                    if there && !steps.iter().any(|known| known == name) {
                        steps.push(name.to_owned());
                    }
                }
                // What is new is spoken of, not what waits for it.
                if let Some(added) = edits.iter().find(|edit| matches!(edit, Edit::Add { .. })) {
                    steps = added.subject().map(str::to_owned).into_iter().collect();
                }
                if !steps.is_empty() {
                    progress.focus.steps = steps;
                }
                progress.focus.last = Some(clause.to_owned());
                progress
                    .notes
                    .extend(applied.notes.iter().filter(|note| note.contains("runs after")).cloned());
                progress.program = applied.program.clone();
                progress.edits.extend(edits);
                progress.applied = Some(applied);
            }
            Err(error) => progress.refused.push(refusal(&error)),
        }
    }

    /// Nothing was certain: the model says what kind of change the remark is, if it speaks of the workflow at all.
    async fn whole(
        &self,
        progress: &mut Progress,
        text: &str,
        spelled: &[String],
    ) -> Result<(), PipelineError> {
        let program = progress.program.clone();
        let steps = Steps::new(&program, self.pipeline.lake);
        if !speaks_of_workflow(&steps, text) {
            return Ok(());
        }
        self.pipeline.observer.observe(&Event::Started { stage: Stage::Edit, step: None });
        let request = action_request(self.pipeline, &steps, text)?;
        let response = self.pipeline.call(Stage::Edit, None, &request).await?;
        let focus = progress.focus.steps.clone();
        let context =
            Context { steps: &steps, clause: text, remark: text, focus: &focus, chosen: None, spelled };
        let wish = match read_action(&response.text, &steps) {
            Action::None => return Ok(()),
            Action::Change(step) => Wish::Fill { step },
            // Only a step that the text can mean goes.
            Action::Remove(step) => match steps.meant(text) {
                Meant::Steps(named) if named.contains(&step) => Wish::Edits(vec![Edit::Remove { step }]),
                _ => Wish::Which { steps: vec![step] },
            },
            Action::Replace(step, component) => {
                let Some(component) = self.pipeline.lake.component(&component) else { return Ok(()) };
                let run = super::replace::swapped(
                    steps.get(&step).expect("the step was checked"),
                    component,
                    text,
                    &context,
                );
                Wish::Edits(vec![Edit::Replace { step, run }])
            }
            // Only words that ask for something new make a step.
            Action::Add if !super::place::asks_for_more(&context) => return Ok(()),
            Action::Add => Wish::Add(Addition {
                text: text.to_owned(),
                components: Vec::new(),
                place: super::place::place(&context, &[]),
            }),
        };
        progress.unread.clear();
        if let Some(Reaction::Question { choices, .. }) = self.wish(progress, wish, &context).await? {
            progress
                .refused
                .push(format!("it is not clear whether {} is meant; name the step", choices.join(", ")));
        }
        Ok(())
    }
}

/// Whether a remark says more than a pattern can read: it is long, has several parts, compares, or points to what was
/// said before. On gold (`couler eval edits`, 403 remarks) the patterns read 19 changes right and 144 wrong; of the
/// remarks that say no more than one plain thing, 8 right and 10 wrong.
fn points_beyond(text: &str) -> bool {
    /// Words of a plain remark.
    const LONGEST: usize = 9;
    static BEYOND: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"\b(?:half|double|twice as|thrice|triple|(?:\d+|one|two|ten|a few) more|less|fewer|same (?:for|as|with|way|thing|goes)|too|also|others?|again|before|each|rest|ones|last|first|back|extra|longer|shorter|later|earlier|rather|their|them|by|who|which|sorry|let|otherwise|whatever|however|anyway|everywhere|nobody|what|well|but|though)\b|[.—–]\s",
        )
    });
    text.split_whitespace().count() > LONGEST || BEYOND.is_match(text)
}

/// Spans of time in words: "half an hour" is `30 minutes`.
fn with_spans(text: &str) -> String {
    static SPANS: LazyLock<[(Regex, &str); 4]> = LazyLock::new(|| {
        [
            (regex(r"\bthree quarters of an hour\b"), "45 minutes"),
            (regex(r"\b(?:a )?quarter of an hour\b|\ba quarter hour\b"), "15 minutes"),
            (regex(r"\b(?:an hour and a half|one and a half hours|1\.5 hours)\b"), "90 minutes"),
            (regex(r"\bhalf (?:an|a|of an) hour\b"), "30 minutes"),
        ]
    });
    // "Every half hour" is a schedule of its own.
    if text.to_lowercase().contains("every half") {
        return text.to_owned();
    }
    SPANS.iter().fold(text.to_owned(), |text, (pattern, span)| pattern.replace_all(&text, *span).into_owned())
}

/// Steps that a "too" or "the same for" means, and the wish that it repeats.
fn likewise(steps: &Steps<'_>, clause: &str, focus: &Focus) -> Option<(Vec<String>, String)> {
    let last = focus.last.clone()?;
    let found = LIKEWISE.captures(clause)?;
    let words = found.get(1).or(found.get(2))?.as_str();
    let rest = steps.without_names(words);
    let plain = rest.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).all(|word| {
        ["the", "one", "ones", "step", "steps", "and", "a", "for", "with", "of", "model"]
            .contains(&word.to_lowercase().as_str())
    });
    match steps.meant(words) {
        Meant::Steps(names) if plain => Some((names, last)),
        _ => None,
    }
}

/// Whether a text says anything about the workflow: a step, a component, a value, a setting.
fn speaks_of_workflow(steps: &Steps<'_>, text: &str) -> bool {
    let step = steps.named(text).iter().any(|place| place.end - place.start > 2);
    step || !crate::nl::base::cues::asked_for(text, steps.lake).is_empty()
        || !crate::nl::base::algorithms::named_algorithms(text).is_empty()
        || mentions_setting(text)
        || literals(text).iter().any(|literal| {
            matches!(
                literal.kind,
                LiteralKind::Uri | LiteralKind::Image | LiteralKind::Channel | LiteralKind::Email
            )
        })
        || WORDS.is_match(text)
}

static WORDS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:add|insert|append|steps?|workflow|pipeline|columns?|rows?|features?|model\w*|data|dataset|table|metrics?|accuracy|train\w*|evaluat\w*|deploy\w*|report\w*|notif\w*|schedul\w*|image|container|parameter\w*)\b",
    )
});

fn refusal(error: &EditError) -> String {
    match error {
        EditError::Invalid(problems) => {
            let first = problems.0.first().map(|problem| format!("{}: {}", problem.path, problem.message));
            format!("that would break the workflow: {}", first.unwrap_or_default())
        }
        other => other.to_string(),
    }
}

fn concluded(progress: Progress, remark: &str) -> Reaction {
    let Progress { edits, applied, focus, mut notes, unread, already, refused, .. } = progress;
    match applied {
        Some(applied) => {
            notes.extend(already);
            notes.extend(refused.into_iter().map(|reason| format!("not done: {reason}")));
            notes.extend(unread.iter().map(|clause| format!("nothing was done about \"{clause}\"")));
            Reaction::Changed { edits, applied: Box::new(applied), focus, notes, findings: Vec::new() }
        }
        None if !refused.is_empty() => Reaction::NotDone(refused.join("; ")),
        None if !already.is_empty() => Reaction::Unchanged(already.join("; ")),
        None if !notes.is_empty() && unread.is_empty() => Reaction::Answer(notes.join("\n")),
        None => {
            let shown: String = remark.chars().take(80).collect();
            Reaction::NotDone(format!(
                "I do not know what \"{shown}\" should change. Say it with the name of a step, for example \"retry train 3 times\", \"use LightGBM instead of XGBoost\", \"add a report after evaluate\"; /help shows more"
            ))
        }
    }
}
