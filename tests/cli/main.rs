//! End-to-end tests of the command line, in one binary.

mod answers;
mod cards;
mod chat;
mod compile;
mod crash;
mod eval;
mod harness;
mod layers;
mod mcp;
mod model;
mod nl;
mod optimize;
mod parts;
mod reference;
mod run;
mod terminal;
mod tune;
