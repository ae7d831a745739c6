//! One conversation with everything around it: model, store, what is shown.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use console::Style;
use serde_json::json;

use super::{Arguments, show};
use crate::api::parse_program;
use crate::chat::{Command, Conversation, Input, Reply, ReplyKind, Session, SessionStore};
use crate::cli::files::read_text;
use crate::cli::lazy_model::LazyModel;
use crate::cli::progress::Progress;
use crate::cli::terminal::Words;
use crate::cli::times::seconds_since_1970;
use crate::cli::{Environment, Failure, Output, model_choice};
use crate::lake::Lake;
use crate::llm::LanguageModel;
use crate::nl::{PipelineOptions, Prompts};

/// Longest remark, in bytes.
const LONGEST_REMARK: usize = 64 << 10;

/// Where conversations are kept.
pub(in crate::cli) fn sessions_folder(environment: &Environment) -> PathBuf {
    environment.home.join("chats")
}

/// An empty conversation with an id of its own.
pub(in crate::cli) fn new_session() -> Session {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let id = format!("chat-{}-{}", since.as_millis(), std::process::id());
    Session::new(id, since.as_secs())
}

/// A conversation at work.
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(super) struct App<'a> {
    pub(super) session: Session,
    pub(super) store: SessionStore,
    pub(super) environment: &'a Environment,
    pub(super) output: &'a Output,
    pub(super) lake: Lake,
    pub(super) record: Option<PathBuf>,
    pub(super) terminal: bool,
    json: bool,
    prompts: Option<Prompts>,
    model: Option<LazyModel>,
    runtime: tokio::runtime::Runtime,
    words: Arc<Mutex<Words>>,
    listed: bool,
    /// Files that this conversation wrote.
    pub(super) written: Vec<PathBuf>,
    /// Files that its program was read from.
    pub(super) loaded: Vec<PathBuf>,
    not_done: bool,
    /// Whether the workflow was changed otherwise since the last remark.
    pub(super) moved: bool,
}

impl<'a> App<'a> {
    pub(super) fn new(
        session: Session,
        store: SessionStore,
        arguments: &Arguments,
        environment: &'a Environment,
        output: &'a Output,
        terminal: bool,
    ) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| Failure::failed(error.to_string(), "too many threads or files are open"))?;
        Ok(Self {
            session,
            store,
            environment,
            output,
            lake: crate::cli::commands::open_lake(environment)?,
            record: arguments.record.clone(),
            terminal,
            json: arguments.json,
            prompts: None,
            model: None,
            runtime,
            words: Arc::default(),
            listed: false,
            written: Vec::new(),
            loaded: Vec::new(),
            not_done: false,
            moved: false,
        })
    }

    /// What can be completed; shared with the prompt.
    pub(super) fn words(&self) -> Arc<Mutex<Words>> {
        Arc::clone(&self.words)
    }

    /// Tells the prompt which steps there are, and begins to load the model once somebody types.
    pub(super) fn refresh(&mut self) {
        let steps = self.session.latest().map(|program| {
            crate::api::flatten_steps(program).iter().map(|(_, step)| step.name.clone()).collect()
        });
        let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        words.steps = steps.unwrap_or_default();
        if !self.listed {
            words.components = self.lake.components().map(|component| component.name.clone()).collect();
            words.engines = crate::engine::engines().iter().map(|engine| engine.name().to_owned()).collect();
            words.models = crate::llm::store::known_models().into_iter().map(|model| model.name).collect();
            words.models.push("local".into());
        }
        drop(words);
        if self.terminal && !self.listed {
            // Many conversations take a while to list; the prompt need not wait for that.
            let (store, words) = (self.store.clone(), Arc::clone(&self.words));
            std::thread::spawn(move || {
                let saved = store.list().unwrap_or_default();
                let names = saved.into_iter().map(|one| one.name.unwrap_or(one.id)).collect();
                words.lock().unwrap_or_else(PoisonError::into_inner).sessions = names;
            });
            // A model that cannot be opened is told about when it is needed.
            if let Ok(model) = self.opened() {
                model.start();
            }
        }
        self.listed = true;
    }

    /// The prompt: the workflow's name, and a mark while a change waits.
    pub(super) fn prompt(&self) -> String {
        let name = self.session.latest().map_or("couler", |program| program.name.as_str());
        let name: String = name.chars().take(24).collect();
        let mark = if self.session.proposal().is_some() { "*" } else { "" };
        format!("{name}{mark}> ")
    }

    pub(super) fn message(&self, text: &str) {
        self.output.message(text);
    }

    /// What is said in a script, so that its transcript can be read.
    pub(super) fn echo(&self, line: &str) -> Result<(), Failure> {
        if self.json || line.trim().is_empty() {
            return Ok(());
        }
        let line = console::strip_ansi_codes(line);
        let shown: String = line.chars().filter(|c| !c.is_control() || *c == '\n').take(400).collect();
        self.output.data(&format!("> {}\n", shown.replace('\n', "\n> ")))
    }

    /// The first lines on a terminal.
    pub(super) fn greet(&self, resumed: bool) {
        if resumed {
            for turn in self.session.turns() {
                self.message(&format!("> {}", turn.said.replace('\n', "\n> ")));
                self.message(&show::colored(self.output, &turn.reply.text));
            }
            let name = self.session.name.as_deref().unwrap_or(&self.session.id);
            self.message(&format!("{} turns of {name}", self.session.turns().len()));
            return;
        }
        self.message("Say what the workflow should do. /help lists the commands, Ctrl-D leaves.");
    }

    /// Carries one input out; `false` ends the conversation.
    pub(super) fn take(&mut self, input: Input) -> Result<bool, Failure> {
        match input {
            // On a terminal an empty line accepts what was proposed.
            Input::Empty if self.terminal && self.session.proposal().is_some() => {
                self.command(Command::Apply, "/apply")
            }
            Input::Empty => Ok(true),
            Input::Remark(text) => self.remark(&text).map(|()| true),
            Input::Command(command) => {
                let said = format!("/{}", name_of(&command));
                self.command(command, &said)
            }
        }
    }

    /// The model, opened but perhaps not loaded.
    pub(super) fn opened(&mut self) -> Result<&LazyModel, Failure> {
        if self.model.is_none() {
            let name = self.session.settings.model.clone();
            self.model = Some(model_choice::open_later(
                name.as_deref(),
                self.record.as_deref(),
                self.environment,
                self.output,
            )?);
        }
        Ok(self.model.as_ref().expect("it was just opened"))
    }

    /// Another model from the next turn on.
    pub(super) fn choose_model(&mut self, name: Option<String>) -> Result<String, Failure> {
        let before = self.session.settings.model.clone();
        let old = self.model.take();
        self.session.settings.model = name;
        match self.opened().map(|model| model.id().to_owned()) {
            Ok(id) => Ok(id),
            Err(failure) => {
                self.session.settings.model = before;
                self.model = old;
                Err(failure)
            }
        }
    }

    /// Something said: sent through the pipeline or read as an edit. Ctrl-C stops it and leaves everything as it was.
    pub(super) fn remark(&mut self, text: &str) -> Result<(), Failure> {
        if text.len() > LONGEST_REMARK {
            return Err(Failure::usage(
                format!("this is {} bytes long; a remark has at most {LONGEST_REMARK}", text.len()),
                "put a description into a file and use `couler nl -f FILE`, a program into a file and /load it",
            ));
        }
        self.opened()?;
        if self.prompts.is_none() {
            self.prompts = Some(Prompts::built_in());
        }
        let progress = Progress::new(self.output);
        let before = self.session.clone();
        let conversation = Conversation {
            model: self.model.as_ref().expect("it was just opened"),
            lake: &self.lake,
            prompts: self.prompts.as_ref().expect("they were just read"),
            options: PipelineOptions::default(),
            observer: &progress,
        };
        let session = &mut self.session;
        let result = self.runtime.block_on(async {
            tokio::select! {
                result = conversation.say(session, text) => Some(result),
                _ = tokio::signal::ctrl_c() => None,
            }
        });
        self.output.clear_status();
        let result = match result {
            Some(result) => result.map_err(Failure::from),
            None => {
                self.session = before;
                let reply = Reply::new(ReplyKind::Stopped, "stopped; nothing changed");
                self.shown(text, &reply)?;
                return if self.terminal { Ok(()) } else { Err(Failure::interrupted()) };
            }
        };
        self.save()?;
        let reply = result?;
        self.moved = false;
        self.not_done |= reply.kind == ReplyKind::NotDone;
        self.shown(text, &reply)
    }

    /// Whether something was said since the last call that was not carried out.
    pub(super) fn take_not_done(&mut self) -> bool {
        std::mem::take(&mut self.not_done)
    }

    /// Saves the conversation.
    pub(super) fn save(&mut self) -> Result<(), Failure> {
        self.session.updated = seconds_since_1970();
        Ok(self.store.save(&self.session)?)
    }

    /// Saves the conversation, if there is anything of it.
    pub(super) fn save_if_begun(&mut self) -> Result<(), Failure> {
        if self.session.turns().is_empty() { Ok(()) } else { self.save() }
    }

    /// Goes on with the program of a file.
    pub(super) fn load(&mut self, path: &Path) -> Result<(), Failure> {
        let program = parse_program(&read_text(path)?)?;
        let workflow = crate::ir::lower(&program, &self.lake).map_err(|problems| {
            Failure::failed(problems.to_string(), format!("mend {} and load it again", path.display()))
        })?;
        let steps = workflow.nodes().count();
        self.session.replace(program);
        self.loaded = path.canonicalize().into_iter().collect();
        self.moved = true;
        self.answer(ReplyKind::Changed, &format!("{steps} steps from {}", path.display()))
    }

    /// Answers a command.
    pub(super) fn answer(&self, kind: ReplyKind, text: &str) -> Result<(), Failure> {
        self.shown("", &Reply::new(kind, text))
    }

    /// Shows a reply.
    fn shown(&self, said: &str, reply: &Reply) -> Result<(), Failure> {
        if self.json {
            let line = json!({"said": said, "reply": reply, "program": self.session.latest()});
            return self.output.data(&format!("{line}\n"));
        }
        let mut text = show::colored_for(self.output, self.terminal, reply.text.trim_end());
        text.push('\n');
        for note in &reply.notes {
            text.push_str(&format!("note: {note}\n"));
        }
        if reply.kind == ReplyKind::Proposed {
            let how = if self.terminal {
                "Enter, /apply or the next change makes it count, /undo drops it"
            } else {
                "/apply or the next change makes it count, /undo drops it"
            };
            text.push_str(&format!("{how}\n"));
        }
        self.output.data(&text)
    }

    /// Shows a failure where the conversation is shown.
    pub(super) fn failure(&self, failure: &Failure) -> Result<(), Failure> {
        if self.json {
            let line = json!({"error": failure.message(), "hint": failure.hint()});
            return self.output.data(&format!("{line}\n"));
        }
        let label = if self.terminal {
            self.output.styled(&Style::new().red().bold(), "error")
        } else {
            "error".into()
        };
        let hint = if failure.hint().is_empty() { String::new() } else { format!("\n  {}", failure.hint()) };
        self.output.data(&format!("{label}: {}{hint}\n", failure.message()))
    }

    /// The last words.
    pub(super) fn leave(&mut self) {
        if self.terminal && !self.session.turns().is_empty() {
            self.message("saved; `couler chat --resume` goes on");
        }
    }
}

/// The name of a command, for the transcript.
fn name_of(command: &Command) -> &'static str {
    match command {
        Command::Help(_) => "help",
        Command::Show(_) => "show",
        Command::Diff(_) => "diff",
        Command::Apply => "apply",
        Command::Discard => "discard",
        Command::Undo(_) => "undo",
        Command::Redo(_) => "redo",
        Command::Engine(_) => "engine",
        Command::Model(_) => "model",
        Command::Set(_) => "set",
        Command::Run(_) => "run",
        Command::Explain => "explain",
        Command::Tune => "tune",
        Command::Lint => "lint",
        Command::Compile(_) => "compile",
        Command::Save(_) => "save",
        Command::Load(_) => "load",
        Command::Sessions => "sessions",
        Command::Resume(_) => "resume",
        Command::Rename(_) => "rename",
        Command::Export { .. } => "export",
        Command::Tokens => "tokens",
        Command::Cost => "cost",
        Command::Budget(_) => "budget",
        Command::Retry => "retry",
        Command::New => "new",
        Command::Clear => "clear",
        Command::Quit => "quit",
    }
}
