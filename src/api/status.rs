//! How a step ended, as conditions and texts read it.

use super::{Comparison, Condition, Literal, Operand, WORKFLOW};

/// The output that every step has: how it ended. Of the step `workflow` it is how the workflow stands at its end.
pub const STATUS: &str = "status";
/// The output that every step in the background has: the address at which others reach it.
pub const ADDRESS: &str = "ip";
/// What the status of a step may be. A step that never ran, because its condition did not hold or something before it
/// failed, was skipped.
pub const STATUSES: [&str; 3] = ["Succeeded", "Failed", "Skipped"];
/// What the status of the workflow may be.
pub const WORKFLOW_STATUSES: [&str; 3] = ["Succeeded", "Failed", "Error"];

/// The step whose status an operand is.
pub(super) fn step_of(operand: &Operand) -> Option<&str> {
    match operand {
        Operand::Output { step, output } if output == STATUS => Some(step),
        _ => None,
    }
}

/// The statuses that a step, or the workflow, may have.
pub(super) fn statuses_of(step: &str) -> [&'static str; 3] {
    if step == WORKFLOW { WORKFLOW_STATUSES } else { STATUSES }
}

/// What a status is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compared<'a> {
    /// By `==`, `!=` or `in` with a constant.
    Text(&'a str),
    /// With something that is no constant.
    Other,
    /// By size.
    Order,
}

fn compared_with(operand: &Operand) -> Compared<'_> {
    match operand {
        Operand::Literal(literal) => Compared::Text(literal.text()),
        _ => Compared::Other,
    }
}

/// The steps whose status a condition reads, with what each is compared with.
pub(super) fn compared(condition: &Condition) -> Vec<(&str, Compared<'_>)> {
    match condition {
        Condition::Compare { left, comparison, right } => {
            let sides = [(left, right), (right, left)];
            let found = sides.into_iter().filter_map(|(one, other)| Some((step_of(one)?, other)));
            let order = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
            found
                .map(|(step, other)| (step, if order { Compared::Order } else { compared_with(other) }))
                .collect()
        }
        Condition::In { left, values } => {
            let step = step_of(left);
            step.into_iter()
                .flat_map(|step| values.iter().map(move |value| (step, Compared::Text(value.text()))))
                .collect()
        }
        Condition::And(parts) | Condition::Or(parts) => parts.iter().flat_map(compared).collect(),
    }
}

impl Condition {
    /// The steps whose status it reads, from left to right, each once.
    pub fn statuses(&self) -> Vec<&str> {
        let mut found = Vec::new();
        for step in self.operands().into_iter().filter_map(step_of) {
            if step != WORKFLOW && !found.contains(&step) {
                found.push(step);
            }
        }
        found
    }

    /// Whether it may hold when a step has ended with `status`, whatever else it reads.
    pub fn may_hold(&self, step: &str, status: &str) -> bool {
        let own = |operand: &Operand| step_of(operand) == Some(step);
        match self {
            Self::Compare { left, comparison, right } => match (left, right) {
                (operand, Operand::Literal(literal)) | (Operand::Literal(literal), operand)
                    if own(operand) =>
                {
                    (status == literal.text()) == (*comparison == Comparison::Equal)
                }
                _ => true,
            },
            Self::In { left, values } => !own(left) || values.iter().any(|value| value.text() == status),
            Self::And(parts) => parts.iter().all(|part| part.may_hold(step, status)),
            Self::Or(parts) => parts.iter().any(|part| part.may_hold(step, status)),
        }
    }

    /// The condition with what it says of statuses in one form: STEP.status first, the words as they are, and of three
    /// statuses one that is equal or is not.
    #[must_use]
    pub(crate) fn with_canonical_statuses(self) -> Self {
        let equality = |comparison| matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        match self {
            Self::Compare { left: Operand::Literal(literal), comparison, right }
                if equality(comparison) && step_of(&right).is_some() =>
            {
                Self::Compare { left: right, comparison, right: Operand::Literal(literal) }
                    .with_canonical_statuses()
            }
            Self::Compare { left, comparison, right: Operand::Literal(literal) } => {
                let literal = match step_of(&left) {
                    Some(step) => canonical(step, literal),
                    None => literal,
                };
                Self::Compare { left, comparison, right: Operand::Literal(literal) }
            }
            Self::In { left, values } if step_of(&left).is_some() => one_of(left, values),
            Self::And(parts) => Self::And(parts.into_iter().map(Self::with_canonical_statuses).collect()),
            Self::Or(parts) => Self::Or(parts.into_iter().map(Self::with_canonical_statuses).collect()),
            other => other,
        }
    }
}

/// A status that is one of several.
fn one_of(left: Operand, values: Vec<Literal>) -> Condition {
    let step = step_of(&left).unwrap_or_default();
    let values: Vec<Literal> = values.into_iter().map(|value| canonical(step, value)).collect();
    let is_status = |value: &Literal| STATUSES.contains(&value.text());
    if step == WORKFLOW || !values.iter().all(is_status) {
        return Condition::In { left, values };
    }
    let named = |status: &&&str| values.iter().any(|value| value.text() == **status);
    let (named, others): (Vec<&str>, Vec<&str>) = STATUSES.iter().partition(|status| named(status));
    let compare = |comparison, status: &str| Condition::Compare {
        left: left.clone(),
        comparison,
        right: Operand::Literal(Literal::Text(status.to_owned())),
    };
    match (&named[..], &others[..]) {
        ([only], _) => compare(Comparison::Equal, only),
        (_, [missing]) => compare(Comparison::NotEqual, missing),
        _ => {
            let values = named.into_iter().map(|status| Literal::Text(status.to_owned())).collect();
            Condition::In { left, values }
        }
    }
}

fn canonical(step: &str, literal: Literal) -> Literal {
    let known = statuses_of(step).into_iter().find(|status| status.eq_ignore_ascii_case(literal.text()));
    known.map_or(literal, |status| Literal::Text(status.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(text: &str) -> Condition {
        text.parse().unwrap()
    }

    #[test]
    fn statuses_are_written_as_they_are() {
        for (text, written) in [
            ("a.status == failed", "a.status == 'Failed'"),
            ("SKIPPED != a.status", "a.status != 'Skipped'"),
            ("a.status in [succeeded, 'SKIPPED']", "a.status != 'Failed'"),
            ("a.status in [succeeded]", "a.status == 'Succeeded'"),
            ("not (a.status in [failed, skipped])", "a.status != 'Failed' and a.status != 'Skipped'"),
            (
                "workflow.status == ERROR or a.code == failed",
                "workflow.status == 'Error' or a.code == 'failed'",
            ),
        ] {
            assert_eq!(condition(text).to_string(), written);
        }
    }

    #[test]
    fn a_condition_says_what_it_may_hold_for() {
        for (text, failed, succeeded) in [
            ("a.status == Failed", true, false),
            ("a.status != Failed and b.auc > 1", false, true),
            ("a.status == Failed or b.auc > 1", true, true),
            ("a.status in [Failed, Skipped]", true, false),
            ("b.status == Succeeded", true, true),
        ] {
            let condition = condition(text);
            assert_eq!(
                (condition.may_hold("a", "Failed"), condition.may_hold("a", "Succeeded")),
                (failed, succeeded),
                "{text}"
            );
        }
    }
}
