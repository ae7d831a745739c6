//! Random conditions over what a step may read.

use super::Builder;
use super::draft::DraftCondition;
use crate::api::{Comparison, Condition, Operand, Step};

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
            DraftCondition::Join(and, parts) => {
                let parts = parts.iter().map(|part| self.condition(part, step, own)).collect();
                if *and { Condition::And(parts) } else { Condition::Or(parts) }
            }
        }
    }
}
