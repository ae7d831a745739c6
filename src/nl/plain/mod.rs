//! The plain way: the model's answer stands, checks judge it, and what they find is asked again.

mod ask;
mod judged;
mod repair;

pub(in crate::nl) use ask::{first_request, signature};
pub use judged::judge_answer;
