//! Remarks on a workflow that is there already: what a remark says becomes edits of the program, and nothing else of the
//! program changes.
//!
//! * [`Edit`] is one operation; [`apply`] carries a list of them out, checks the result and proves that every step that no
//!   edit speaks of is the same byte for byte. [`edits_between`] is its inverse.
//! * [`Editor`] asks the model for the operations: it sees the program, its wiring, what was said before and the remark,
//!   and its answer stands ([`RemarkAnswer`]). What cannot be carried out, and what the checks find, is asked again.
//! * A small model that was not trained for this has a reader of its own (`base::edit`).

mod answer;
mod apply;
mod ask;
mod difference;
mod judged;
mod operation;
mod reaction;

pub use answer::{Ask, RemarkAnswer, remark_schema};
pub use apply::{Applied, apply};
pub(crate) use apply::{rename_in, sketch};
pub use ask::Editor;
pub(crate) use ask::in_short;
pub use difference::edits_between;
pub use operation::{Edit, EditError};
pub use reaction::{Focus, Reaction, Said};
