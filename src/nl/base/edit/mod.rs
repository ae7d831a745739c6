//! Reading remarks for a small model that was not trained for it: what a text states with certainty needs no model.
//!
//! * `steps` finds the steps that a remark speaks of; the modules of `read` find what it says of them.
//! * [`Reader`] puts both together and asks the model for the rest, constrained to the steps and components that exist.
//! * `question` answers questions from the program alone.

mod addition;
mod address;
mod arguments;
mod certain;
mod clause;
mod condition;
mod editor;
mod feed;
mod model;
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

pub(in crate::nl) use editor::Reader;

#[cfg(test)]
mod tests;
