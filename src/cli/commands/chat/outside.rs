//! The slash commands.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::app::{App, new_session};
use crate::api::{Format, Program, write_program};
use crate::chat::{
    BudgetChange, Command, Difference, ReplyKind, Session, View, as_json, as_markdown, draw, help,
    manifest_changes, python,
};
use crate::cli::Failure;
use crate::cli::compile_target::{EngineChoice, generate};
use crate::cli::files::{Target, write_text};
use crate::cli::times::{ago, seconds_since_1970};
use crate::cli::tuning::{Running, tune_program};
use crate::engine::GenerateOptions;
use crate::ir::{Workflow, lower};
use crate::tune::{SearchParts, share_searches};

/// Real trainings of `/tune` for each step, as many as `couler tune` does.
const TRIALS: u16 = 3;
/// Columns where nobody says how wide the terminal is.
const WIDTH: usize = 80;

impl App<'_> {
    /// Carries a command out; `false` ends the conversation.
    pub(super) fn command(&mut self, command: Command, said: &str) -> Result<bool, Failure> {
        match command {
            Command::Quit => return Ok(false),
            Command::Help(about) => self.answer(ReplyKind::Answer, help(about.as_deref()).trim_end())?,
            Command::Show(view) => self.show(&view)?,
            Command::Diff(engine) => self.diff(engine.as_deref())?,
            Command::Apply => {
                let done = self.session.apply();
                self.changed(done, "it counts now; /undo takes it back", "nothing is proposed")?;
            }
            Command::Discard => {
                let done = self.session.proposal().is_some() && self.session.undo();
                self.moved |= done;
                self.changed(done, "dropped; /redo brings it back", "nothing is proposed")?;
            }
            Command::Undo(times) => {
                self.often(times, Session::undo, "taken back", "there is nothing to take back")?;
            }
            Command::Redo(times) => {
                self.often(times, Session::redo, "done again", "there is nothing to do again")?;
            }
            Command::Retry => self.retry()?,
            Command::Load(path) => {
                self.load(&expanded(&path))?;
                self.save()?;
            }
            Command::Save(path) => self.write_program(path)?,
            Command::Compile(path) => self.compile(path)?,
            Command::Engine(name) => self.engine(name)?,
            Command::Model(name) => self.model(name)?,
            Command::Set(setting) => self.set(setting)?,
            Command::Run(parameters) => self.run_here(parameters)?,
            Command::Explain => self.explain()?,
            Command::Tune => self.tune()?,
            Command::Lint => self.lint()?,
            other => return self.about_sessions(other, said),
        }
        Ok(true)
    }

    fn about_sessions(&mut self, command: Command, _: &str) -> Result<bool, Failure> {
        match command {
            Command::Sessions => self.sessions()?,
            Command::Resume(name) => self.resume(name)?,
            Command::Rename(name) => {
                self.session.name = Some(name.clone());
                self.save()?;
                self.answer(ReplyKind::Changed, &format!("this conversation is {name}"))?;
            }
            Command::Export { json, path } => self.export(json, path)?,
            Command::Tokens => self.tokens()?,
            Command::Cost => self.cost()?,
            Command::Budget(budget) => self.budget(budget)?,
            Command::New => {
                let settings = self.session.settings.clone();
                self.session = new_session();
                self.session.settings = settings;
                self.written.clear();
                self.loaded.clear();
                self.moved = false;
                self.answer(ReplyKind::Changed, "a new conversation")?;
            }
            _ => {
                self.session.clear();
                self.moved = true;
                self.save()?;
                self.answer(ReplyKind::Changed, "the workflow is empty")?;
            }
        }
        Ok(true)
    }

    /// Goes through the states; says so where there are fewer than asked for.
    fn often(
        &mut self,
        times: usize,
        step: fn(&mut Session) -> bool,
        yes: &str,
        no: &str,
    ) -> Result<(), Failure> {
        let done = (0..times).take_while(|_| step(&mut self.session)).count();
        self.moved |= done > 0;
        let count = match (times, done) {
            (1, _) => String::new(),
            (_, done) if done == times => format!(" {done} times"),
            (_, done) => format!(" {done} times, there was no more"),
        };
        let text = format!("{yes}{count}; {}", self.state());
        self.changed(done > 0, &text, no)
    }

    fn changed(&mut self, done: bool, yes: &str, no: &str) -> Result<(), Failure> {
        if done {
            self.save()?;
            self.answer(ReplyKind::Changed, yes)
        } else {
            self.answer(ReplyKind::Unchanged, no)
        }
    }

    fn state(&self) -> String {
        let (undo, redo) = self.session.depth();
        let steps = self.session.program().map_or("no workflow".to_owned(), |program| {
            format!("{} with {} steps", program.name, program.steps.len() + program.on_exit.len())
        });
        format!("{steps} ({undo} to undo, {redo} to redo)")
    }

    fn program(&self) -> Result<&Program, Failure> {
        self.session.latest().ok_or_else(|| {
            Failure::usage("there is no workflow yet", "say what it should do, or /load a program")
        })
    }

    fn workflow(&self) -> Result<Workflow, Failure> {
        lower(self.program()?, &self.lake)
            .map_err(|problems| Failure::failed(problems.to_string(), "/undo takes the last change back"))
    }

    /// What is written for engines and run: searches are a fan-out there, one step in the conversation.
    fn shared(&self) -> Result<(Program, Workflow), Failure> {
        let mut program = self.program()?.clone();
        share_searches(&mut program, SearchParts::default());
        let workflow = lower(&program, &self.lake)
            .map_err(|problems| Failure::failed(problems.to_string(), "/undo takes the last change back"))?;
        Ok((program, workflow))
    }

    fn width(&self) -> usize {
        if self.terminal { usize::from(console::Term::stdout().size().1) } else { WIDTH }
    }

    fn show(&self, view: &View) -> Result<(), Failure> {
        let text = match view {
            View::Program => write_program(self.program()?, Format::Yaml)?,
            View::Graph => draw(&self.workflow()?, self.width()),
            View::Python => python(self.program()?),
            View::Engine(name) => {
                self.generated(name)?.into_iter().map(|file| file.content).collect::<Vec<_>>().join("\n")
            }
        };
        self.answer(ReplyKind::Answer, &text)
    }

    fn generated(&self, engine: &str) -> Result<Vec<crate::engine::GeneratedFile>, Failure> {
        generate(&self.shared()?.1, &EngineChoice::parse(engine)?, &GenerateOptions::default())
    }

    /// What the proposal does, or what the last change did.
    fn diff(&self, engine: Option<&str>) -> Result<(), Failure> {
        let (before, after) = match (self.session.proposal(), self.session.program()) {
            (Some(proposal), Some(program)) => (Some(program), proposal),
            (_, Some(program)) => (self.session.before(), program),
            _ => return self.answer(ReplyKind::Unchanged, "there is no workflow yet"),
        };
        let text = match (engine, before) {
            (Some(engine), before) => manifest_changes(before, after, &self.lake)
                .into_iter()
                .find(|change| change.engine == engine)
                .map(|change| change.refused.unwrap_or(change.unified))
                .unwrap_or_default(),
            (None, Some(before)) => Difference::between(before, after, &self.lake).to_string(),
            (None, None) => format!("the workflow is new: {} steps", after.steps.len() + after.on_exit.len()),
        };
        self.answer(ReplyKind::Answer, if text.is_empty() { "nothing differs" } else { &text })
    }

    /// The last remark once more, on the workflow as it was before.
    fn retry(&mut self) -> Result<(), Failure> {
        let Some(remark) = self.session.last_remark().map(str::to_owned) else {
            return self.answer(ReplyKind::Unchanged, "nothing was said yet");
        };
        let changed = self
            .session
            .turns()
            .last()
            .is_some_and(|turn| matches!(turn.reply.kind, ReplyKind::Changed | ReplyKind::Proposed));
        // What was done since then is not what the last remark did.
        if changed && !self.moved {
            self.session.undo();
        }
        self.remark(&remark)
    }

    fn write_program(&mut self, path: Option<String>) -> Result<(), Failure> {
        let program = self.program()?;
        let named = path.is_some();
        let path = path
            .map_or_else(|| PathBuf::from(format!("{}.program.yaml", program.name)), |path| expanded(&path));
        let text = match path.extension().and_then(|ending| ending.to_str()) {
            Some("json") => write_program(program, Format::Json)?,
            Some("py") => python(program),
            _ => write_program(program, Format::Yaml)?,
        };
        self.spare_others(std::slice::from_ref(&path), named)?;
        write_text(&path, &text)?;
        self.written.extend(path.canonicalize());
        self.answer(ReplyKind::Answer, &format!("wrote {}", path.display()))
    }

    /// Refuses to replace files that this conversation did not write. With `loaded`, the file that its program was read
    /// from may be replaced, too: whoever names it means it.
    fn spare_others(&self, paths: &[PathBuf], loaded: bool) -> Result<(), Failure> {
        let own = |path: &PathBuf| self.written.contains(path) || (loaded && self.loaded.contains(path));
        let foreign =
            paths.iter().find(|path| path.canonicalize().is_ok_and(|path| path.is_file() && !own(&path)));
        match foreign {
            None => Ok(()),
            Some(path) => Err(Failure::refused(
                format!("{} is there already and was not written in this conversation", path.display()),
                "name another file, or move that one away first",
            )),
        }
    }

    fn compile(&mut self, path: Option<String>) -> Result<(), Failure> {
        let files = self.generated(&self.session.settings.engine.clone())?;
        let target = path.map_or_else(|| PathBuf::from("."), |path| expanded(&path));
        let target = Target::of(Some(&target));
        self.spare_others(&target.paths(&files), false)?;
        let written = target.write(&files, self.output)?;
        self.written.extend(written.iter().filter_map(|path| path.canonicalize().ok()));
        let written: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
        self.answer(ReplyKind::Answer, &format!("wrote {}", written.join(", ")))
    }

    fn engine(&mut self, name: Option<String>) -> Result<(), Failure> {
        if let Some(name) = name {
            self.session.settings.engine = name;
            self.save_if_begun()?;
        }
        self.answer(ReplyKind::Answer, &format!("engine {}", self.session.settings.engine))
    }

    fn model(&mut self, name: Option<String>) -> Result<(), Failure> {
        let id = match name {
            Some(name) => {
                let id = self.choose_model(Some(name))?;
                self.save_if_begun()?;
                id
            }
            None => {
                use crate::llm::LanguageModel;
                self.opened()?.id().to_owned()
            }
        };
        self.answer(ReplyKind::Answer, &format!("model {id}"))
    }

    fn set(&mut self, setting: Option<(String, String)>) -> Result<(), Failure> {
        match setting.as_ref().map(|(name, value)| (name.as_str(), value.as_str())) {
            None => {}
            Some(("apply", value @ ("auto" | "ask"))) => self.session.settings.auto_apply = value == "auto",
            Some(("engine", name)) => {
                let name = name.to_owned();
                EngineChoice::parse(&name)?;
                self.session.settings.engine = name;
            }
            Some((name, value)) => {
                return Err(Failure::usage(
                    format!("{name} {value} is no setting"),
                    "possible: apply auto, apply ask, engine NAME; /model and /budget have commands of their own",
                ));
            }
        }
        self.save_if_begun()?;
        let settings = &self.session.settings;
        let apply = if settings.auto_apply { "auto" } else { "ask" };
        self.answer(ReplyKind::Answer, &format!("apply {apply}\nengine {}", settings.engine))
    }

    /// Runs what counts on this machine.
    fn run_here(&mut self, parameters: Vec<(String, String)>) -> Result<(), Failure> {
        if self.session.proposal().is_some() {
            return Err(Failure::usage("a change is proposed", "/apply it or /undo it first"));
        }
        let (program, workflow) = self.shared()?;
        let program = write_program(&program, Format::Yaml)?;
        let parameters: HashMap<String, String> = parameters.into_iter().collect();
        let store = crate::cli::commands::run::opening_store(self.environment);
        let options = crate::cli::commands::run::RunOptions::default();
        let (id, report) = crate::cli::commands::run::start(
            &workflow,
            &program,
            parameters,
            options,
            self.environment,
            self.output,
            store,
        )?;
        crate::cli::commands::run::verdict(&id, &report)?;
        self.answer(ReplyKind::Answer, &format!("run {id} succeeded"))
    }

    fn explain(&self) -> Result<(), Failure> {
        let text = crate::cli::commands::explain::explained(&self.workflow()?);
        self.answer(ReplyKind::Answer, &text)
    }

    fn lint(&self) -> Result<(), Failure> {
        let engine = self.session.settings.engine.as_str();
        let mut lines = Vec::new();
        for file in self.generated(engine)? {
            let problems = crate::cli::commands::lint::of_file(Path::new(&file.name), file.content)?;
            lines.extend(problems.iter().map(|problem| format!("{}: {problem}", file.name)));
        }
        let text = if lines.is_empty() {
            format!("no faults found in what {engine} gets")
        } else {
            lines.join("\n")
        };
        self.answer(ReplyKind::Answer, &text)
    }

    fn sessions(&self) -> Result<(), Failure> {
        let now = seconds_since_1970();
        let saved = self.store.list()?;
        if saved.is_empty() {
            return self.answer(ReplyKind::Answer, "no conversation is saved yet");
        }
        let lines: Vec<String> = saved
            .iter()
            .map(|one| {
                let name = one.name.as_deref().unwrap_or(&one.id);
                let mark = if one.id == self.session.id { "*" } else { " " };
                match &one.fault {
                    Some(fault) => format!("{mark} {name}  {fault}"),
                    None => format!(
                        "{mark} {name}  {} turns, {}, {}",
                        one.turns,
                        one.workflow.as_deref().unwrap_or("no workflow"),
                        ago(now.saturating_sub(one.updated))
                    ),
                }
            })
            .collect();
        self.answer(ReplyKind::Answer, &lines.join("\n"))
    }

    fn resume(&mut self, name: Option<String>) -> Result<(), Failure> {
        let found = match name {
            Some(name) => self.store.open(&name)?,
            None => {
                let other = self
                    .store
                    .list()?
                    .into_iter()
                    .find(|one| one.id != self.session.id && one.fault.is_none() && one.turns > 0);
                match other {
                    Some(other) => self.store.open(&other.id)?,
                    None => return self.answer(ReplyKind::Unchanged, "no other conversation is saved"),
                }
            }
        };
        let mut lines = Vec::new();
        for turn in found.turns() {
            lines.push(format!("> {}", turn.said.replace('\n', "\n> ")));
            lines.push(turn.reply.text.trim_end().to_owned());
        }
        lines.push(format!(
            "{} turns of {}",
            found.turns().len(),
            found.name.as_deref().unwrap_or(&found.id)
        ));
        let model = found.settings.model.clone();
        let other_model = model != self.session.settings.model;
        self.session = found;
        self.written.clear();
        self.loaded.clear();
        self.moved = false;
        if other_model {
            // The conversation goes on with its own model.
            self.choose_model(model)?;
        }
        self.answer(ReplyKind::Answer, &lines.join("\n"))
    }

    fn export(&mut self, json: bool, path: Option<String>) -> Result<(), Failure> {
        let text = if json { format!("{:#}\n", as_json(&self.session)) } else { as_markdown(&self.session)? };
        let Some(path) = path else { return self.answer(ReplyKind::Answer, &text) };
        let path = expanded(&path);
        self.spare_others(std::slice::from_ref(&path), false)?;
        write_text(&path, &text)?;
        self.written.extend(path.canonicalize());
        self.answer(ReplyKind::Answer, &format!("wrote {}", path.display()))
    }

    fn tokens(&self) -> Result<(), Failure> {
        let mut lines: Vec<String> = self
            .session
            .turns()
            .iter()
            .enumerate()
            .map(|(index, turn)| {
                let said: String = turn.said.chars().take(40).collect();
                format!(
                    "{:>3}  {:>6} in ({} cached) {:>5} out {:>6.1} s  {}",
                    index + 1,
                    turn.usage.prompt_tokens,
                    turn.usage.cached_tokens,
                    turn.usage.completion_tokens,
                    turn.seconds,
                    said.replace('\n', " ")
                )
            })
            .collect();
        lines.push(self.total());
        self.answer(ReplyKind::Answer, &lines.join("\n"))
    }

    fn total(&self) -> String {
        let usage = self.session.usage();
        let dollars = usage.dollars.map_or_else(String::new, |dollars| format!(", ${dollars:.4}"));
        format!(
            "{} turns: {} tokens in ({} cached), {} out, {:.1} s{dollars}",
            self.session.turns().len(),
            usage.prompt_tokens,
            usage.cached_tokens,
            usage.completion_tokens,
            self.session.seconds()
        )
    }

    fn cost(&self) -> Result<(), Failure> {
        self.answer(ReplyKind::Answer, &format!("{}\n{}", self.total(), self.budget_text()))
    }

    fn budget_text(&self) -> String {
        let budget = self.session.settings.budget;
        let left = self.session.budget_left();
        match (budget.tokens.zip(left.tokens), budget.dollars.zip(left.dollars)) {
            (None, None) => "no budget".into(),
            (Some((all, left)), None) => format!("budget {all} tokens, {left} left"),
            (None, Some((all, left))) => format!("budget ${all:.4}, ${left:.4} left"),
            (Some((tokens, tokens_left)), Some((dollars, dollars_left))) => {
                format!("budget {tokens} tokens, {tokens_left} left; ${dollars:.4}, ${dollars_left:.4} left")
            }
        }
    }

    fn budget(&mut self, change: BudgetChange) -> Result<(), Failure> {
        let budget = &mut self.session.settings.budget;
        match change {
            BudgetChange::Show => {}
            BudgetChange::Lift => *budget = crate::llm::Budget::default(),
            BudgetChange::Dollars(amount) => budget.dollars = Some(amount),
            BudgetChange::Tokens(amount) => budget.tokens = Some(amount),
        }
        self.save_if_begun()?;
        self.answer(ReplyKind::Answer, &self.budget_text())
    }

    /// Lets short real trainings decide over the hyperparameters that nobody stated; what they choose is proposed.
    fn tune(&mut self) -> Result<(), Failure> {
        let before = self.program()?.clone();
        let mut program = before.clone();
        tune_program(&mut program, TRIALS, &Running::default(), self.environment, self.output)?;
        if program == before {
            return self.answer(ReplyKind::Unchanged, "the defaults are as good as anything that was tried");
        }
        let text = Difference::between(&before, &program, &self.lake).to_string();
        self.session.propose(program);
        self.moved = true;
        self.save()?;
        let proposed = self.session.proposal().is_some();
        self.answer(if proposed { ReplyKind::Proposed } else { ReplyKind::Changed }, &text)
    }
}

/// A path as it was typed; quotes around it are no part of it.
fn expanded(path: &str) -> PathBuf {
    PathBuf::from(path.trim_matches(['"', '\'']))
}
