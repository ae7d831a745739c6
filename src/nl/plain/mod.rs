//! The plain way: the model's answer stands, checks judge it, and what they find is asked again.

mod ask;
mod judged;
mod repair;
mod signature;

pub(in crate::nl) use ask::first_request;
pub use judged::judge_answer;
pub(in crate::nl) use signature::signature;
