//! Conversations about a workflow: what people say, what became of it, and how to take it back.
//!
//! * [`Session`] is the state of a conversation: program, proposal, undo and redo, transcript, settings, costs. It knows no
//!   terminal: a prompt, a script, a test and the protocol server drive it alike.
//! * [`Conversation`] carries remarks out with a language model.
//! * [`Command`] are the slash commands, with the names of the command line.
//! * [`Difference`] tells two programs apart by meaning; [`draw`] and [`python`] show a program.
//! * [`SessionStore`] keeps sessions as files, each either old or new.

mod command;
mod conversation;
mod difference;
mod draw;
mod export;
mod manifest;
mod python;
mod reply;
mod session;
mod store;

pub use command::{BudgetChange, COMMANDS, Command, CommandError, CommandHelp, Input, View, help};
pub use conversation::Conversation;
pub use difference::{Difference, StepChange};
pub use draw::draw;
pub use export::{as_json, as_markdown};
pub use manifest::{ManifestChange, manifest_changes};
pub use python::python;
pub use reply::{Reply, ReplyKind};
pub use session::{SESSION_VERSION, Session, SessionSettings, Turn};
pub use store::{SessionStore, SessionSummary, StoreError};
