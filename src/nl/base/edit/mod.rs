//! Remarks on a workflow that is there already: what a remark says becomes edits of the program, and nothing else of the
//! program changes.
//!
//! * [`Edit`] is one operation; [`apply`] carries a list of them out, checks the result and proves that every step that no
//!   edit speaks of is the same byte for byte.
//! * `steps` finds the steps that a remark speaks of; the modules of `read` find what it says of them. What a text states
//!   with certainty needs no model.
//! * [`Editor`] puts both together and asks the model for the rest, constrained to the steps and components that exist.
//! * `question` answers questions from the program alone.

mod addition;
mod address;
mod apply;
mod arguments;
mod certain;
mod clause;
mod condition;
mod editor;
mod model;
mod operation;
mod order;
mod parameter;
mod place;
mod question;
mod read;
mod remove;
mod rename;
mod replace;
mod schedule;
mod setting;
mod steps;
mod workflow;

pub(crate) use apply::rename_in;
pub use apply::{Applied, apply};
pub use editor::{Editor, Focus, Reaction};
pub use operation::{Edit, EditError, edit_schema};

#[cfg(test)]
mod tests;
