//! End-to-end tests of the command line, in one binary.

mod cards;
mod compile;
mod crash;
mod eval;
mod harness;
mod layers;
mod model;
mod nl;
mod optimize;
mod parts;
mod reference;
mod run;
mod tune;
