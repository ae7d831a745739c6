//! What one wish asks for: the readers, one after the other.

use super::steps::{Meant, Steps};
use super::{
    arguments, condition, order, parameter, place, remove, rename, replace, schedule, setting, workflow,
};
use crate::api::Step;
use crate::nl::edit::Edit;

/// What a wish comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Wish {
    /// These edits, and nothing is in doubt.
    Edits(Vec<Edit>),
    /// New steps, whose fragments are to be generated.
    Add(Addition),
    /// A value that the text does not give so plainly that no model need read it.
    Fill {
        /// The step.
        step: String,
    },
    /// One of several steps is meant.
    Which {
        /// The steps.
        steps: Vec<String>,
    },
    /// It cannot be done, for this reason.
    Impossible(String),
    /// It is so already.
    Already(String),
}

/// Steps to add.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Addition {
    /// The words that ask for them.
    pub(super) text: String,
    /// The components that the words certainly ask for, each with its words; a plan is asked for if there is none.
    pub(super) components: Vec<(String, String)>,
    /// Where they go.
    pub(super) place: place::Place,
}

/// A wish and everything around it.
pub(super) struct Context<'a> {
    /// The program as it is now.
    pub(super) steps: &'a Steps<'a>,
    /// The wish.
    pub(super) clause: &'a str,
    /// The whole remark.
    pub(super) remark: &'a str,
    /// The steps spoken of before.
    pub(super) focus: &'a [String],
    /// The step that the user chose when asked.
    pub(super) chosen: Option<&'a str>,
    /// Numbers that the remark gives in words.
    pub(super) spelled: &'a [String],
}

impl Context<'_> {
    /// The steps that the wish is about; those spoken of before if it names none.
    pub(super) fn target(&self) -> Meant {
        if let Some(chosen) = self.chosen {
            return Meant::Steps(vec![chosen.to_owned()]);
        }
        match self.steps.meant(self.clause) {
            Meant::Nothing => {
                let known: Vec<String> =
                    self.focus.iter().filter(|name| self.steps.get(name).is_some()).cloned().collect();
                match (known.is_empty(), self.steps.names().as_slice()) {
                    (false, _) => Meant::Steps(known),
                    (true, [only]) => Meant::Steps(vec![only.clone()]),
                    (true, _) => Meant::Nothing,
                }
            }
            Meant::Unclear(steps) => {
                let focus: Vec<String> =
                    self.focus.iter().filter(|name| steps.contains(name)).cloned().collect();
                match &focus[..] {
                    [one] => Meant::Steps(vec![one.clone()]),
                    _ => Meant::Unclear(steps),
                }
            }
            certain @ Meant::Steps(_) => certain,
        }
    }

    /// The target as steps that exist.
    pub(super) fn target_steps(&self) -> Vec<&Step> {
        match self.target() {
            Meant::Steps(names) => names.iter().filter_map(|name| self.steps.get(name)).collect(),
            _ => Vec::new(),
        }
    }
}

type Reader = fn(&Context<'_>) -> Option<Wish>;

/// The readers in the order in which they are asked: what is most certain comes first.
const READERS: [(&str, Reader); 13] = [
    ("rename", rename::read),
    ("parameter", parameter::read),
    ("schedule", schedule::read),
    ("workflow", workflow::read),
    ("threshold", condition::read_threshold),
    ("remove", remove::read),
    ("order", order::read),
    ("replace", replace::read),
    ("add", place::read_explicit),
    ("condition", condition::read),
    ("setting", setting::read),
    ("component", place::read),
    ("argument", arguments::read),
];

/// What a wish comes to, if its words say so with certainty, and the form by which it was read.
pub(super) fn read(context: &Context<'_>) -> Option<(&'static str, Wish)> {
    READERS.iter().find_map(|(form, reader)| Some((*form, reader(context)?)))
}
