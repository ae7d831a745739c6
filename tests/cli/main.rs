//! End-to-end tests of the command line, in one binary.

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
mod reference;
mod run;
mod terminal;
