//! Random conditions over what a step may read.

use proptest::prelude::*;

use super::Builder;
use super::draft::DraftCondition;
use crate::api::{Comparison, Condition, Literal, Operand, STATUS, STATUSES, Step, WORKFLOW};

impl Builder<'_> {
    fn operands(&self, step: Option<&Step>, own: Option<&[Operand]>) -> Vec<Operand> {
        if let Some(own) = own {
            let mut all = own.to_vec();
            all.extend(own.to_vec());
            all.push(Operand::Parameter("env".into()));
            return all;
        }
        let mut all = vec![Operand::Parameter("env".into()), Operand::Parameter("free".into())];
        all.extend(self.scalars().into_iter().map(|(step, output)| Operand::Output { step, output }));
        if let Some(step) = step.filter(|step| step.map.is_some()) {
            all.push(Operand::Item(None));
            all.extend(self.has_keys(step).then(|| Operand::Item(Some("name".into()))));
        }
        if self.exit {
            all.push(Operand::Output { step: "workflow".into(), output: "status".into() });
        }
        all
    }

    pub(super) fn condition(
        &self,
        draft: &DraftCondition,
        step: Option<&Step>,
        own: Option<&[Operand]>,
    ) -> Condition {
        let operands = self.operands(step, own);
        if let Some(condition) = self.of_a_status(draft, &operands, own.is_some()) {
            return condition;
        }
        let comparison = |number: u8| {
            use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
            [Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual][usize::from(number)]
        };
        match draft {
            DraftCondition::Compare(left, number, right) => Condition::Compare {
                left: left.get(&operands).clone(),
                comparison: comparison(*number),
                right: Operand::Literal(right.clone()),
            },
            DraftCondition::Pair(left, number, right) => Condition::Compare {
                left: left.get(&operands).clone(),
                comparison: comparison(*number),
                right: right.get(&operands).clone(),
            },
            DraftCondition::In(left, values) => {
                Condition::In { left: left.get(&operands).clone(), values: values.clone() }
            }
            DraftCondition::Status(..) => Condition::Compare {
                left: Operand::Parameter("env".into()),
                comparison: Comparison::Equal,
                right: Operand::Literal(Literal::Text("dev".into())),
            },
            DraftCondition::Join(and, parts) => {
                let parts = parts.iter().map(|part| self.condition(part, step, own)).collect();
                if *and { Condition::And(parts) } else { Condition::Or(parts) }
            }
        }
    }

    /// A condition on how a step ended, or the workflow: that is equal to a word or is not.
    fn of_a_status(&self, draft: &DraftCondition, operands: &[Operand], own: bool) -> Option<Condition> {
        let of_workflow = |index: &prop::sample::Index| index.get(operands) == &status_of(WORKFLOW);
        let (left, equal, status) = match draft {
            DraftCondition::Status(index, equal, status) if !own => {
                let steps = self.steps_with_a_status();
                let step = (!steps.is_empty()).then(|| index.get(&steps))?;
                (status_of(step), *equal, STATUSES[usize::from(*status)])
            }
            DraftCondition::Compare(left, number, _) if of_workflow(left) => {
                (status_of(WORKFLOW), number % 2 == 0, "Failed")
            }
            DraftCondition::Pair(left, _, right) if of_workflow(left) || of_workflow(right) => {
                (status_of(WORKFLOW), true, "Succeeded")
            }
            DraftCondition::In(left, _) if of_workflow(left) => (status_of(WORKFLOW), false, "Succeeded"),
            _ => return None,
        };
        let comparison = if equal { Comparison::Equal } else { Comparison::NotEqual };
        let right = Operand::Literal(Literal::Text(status.to_owned()));
        Some(Condition::Compare { left, comparison, right })
    }

    /// Steps whose status this one may read.
    fn steps_with_a_status(&self) -> Vec<String> {
        let steps: Vec<&Step> = match (self.exit, self.reach.statuses, self.reach.exit_statuses) {
            (false, true, _) => self.readable().collect(),
            (true, _, true) => self.graph.iter().filter(|step| self.reach.shows_its_end(step)).collect(),
            _ => Vec::new(),
        };
        steps.into_iter().map(|step| step.name.clone()).collect()
    }
}

fn status_of(step: &str) -> Operand {
    Operand::Output { step: step.to_owned(), output: STATUS.to_owned() }
}
