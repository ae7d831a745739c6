//! Reading from people: a prompt with history, completion and hints on a terminal, lines of a script elsewhere.

mod helper;
mod reader;

pub(super) use helper::Words;
pub(super) use reader::{Read, Reader};
