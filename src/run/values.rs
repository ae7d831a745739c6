//! Conditions and references against the values that steps have written.

use std::collections::HashMap;

use serde_json::Value;

use super::facts::Facts;
use crate::api::{Comparison, Condition, Operand, Piece, References, RunFact, STATUS, Template, WORKFLOW};

/// What is known while a workflow runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Values {
    /// Scalars by step and output; `result` is standard output without the line breaks at its end.
    pub(super) outputs: HashMap<(String, String), String>,
    /// Workflow parameters.
    pub(super) parameters: HashMap<String, String>,
    /// `Succeeded` or `Failed`, once the steps are done.
    pub(super) status: Option<String>,
    /// What was known before the first step.
    pub(super) facts: Facts,
}

impl Values {
    /// Offers the value of an output.
    pub(super) fn set(&mut self, step: &str, output: &str, value: String) {
        self.outputs.insert((step.to_owned(), output.to_owned()), value);
    }

    /// Tells how a step ended.
    pub(super) fn ended(&mut self, step: &str, status: &str) {
        self.set(step, STATUS, status.to_owned());
    }

    /// The value of an output.
    pub(super) fn get(&self, step: &str, output: &str) -> Option<&String> {
        self.outputs.get(&(step.to_owned(), output.to_owned()))
    }

    fn output(&self, step: &str, output: &str) -> Option<String> {
        if step == WORKFLOW {
            return self.status.clone();
        }
        self.outputs.get(&(step.to_owned(), output.to_owned())).cloned()
    }

    /// Whether a condition holds. A value that was never written (its step was skipped) makes it false.
    pub(super) fn holds(&self, condition: &Condition, item: Option<&Value>) -> bool {
        match condition {
            Condition::And(parts) => parts.iter().all(|part| self.holds(part, item)),
            Condition::Or(parts) => parts.iter().any(|part| self.holds(part, item)),
            Condition::In { left, values } => {
                self.operand(left, item).is_some_and(|left| values.iter().any(|value| value.text() == left))
            }
            Condition::Compare { left, comparison, right } => {
                let (Some(left), Some(right)) = (self.operand(left, item), self.operand(right, item)) else {
                    return false;
                };
                compare(&left, *comparison, &right)
            }
        }
    }

    fn operand(&self, operand: &Operand, item: Option<&Value>) -> Option<String> {
        match operand {
            Operand::Output { step, output } => self.output(step, output),
            Operand::Parameter(name) => self.parameters.get(name).cloned(),
            Operand::Item(key) => item_text(item?, key.as_deref()),
            Operand::Literal(literal) => Some(literal.text().to_owned()),
        }
    }

    /// A text with its references replaced; `None` names the first one that has no value.
    pub(super) fn fill(
        &self,
        text: &str,
        references: References,
        item: Option<&Value>,
    ) -> Result<String, String> {
        if !text.contains("{{") {
            return Ok(text.to_owned());
        }
        let mut filled = String::new();
        for piece in Template::parse(text, references).0 {
            match piece {
                Piece::Text(text) => filled.push_str(&text),
                Piece::Item(key) => {
                    let text = item.and_then(|item| item_text(item, key.as_deref()));
                    filled.push_str(&text.ok_or_else(|| "item".to_owned())?);
                }
                Piece::Parameter(name) => {
                    filled.push_str(self.parameters.get(&name).ok_or_else(|| format!("parameters.{name}"))?);
                }
                Piece::Run(fact) => filled.push_str(match fact {
                    RunFact::WorkflowName => &self.facts.workflow,
                    RunFact::Id => &self.facts.id,
                    RunFact::Date => &self.facts.date,
                }),
                Piece::Output { step, output } => {
                    filled.push_str(&self.output(&step, &output).ok_or_else(|| format!("{step}.{output}"))?);
                }
            }
        }
        Ok(filled)
    }

    /// Fills every string inside a JSON value.
    pub(super) fn fill_value(
        &self,
        value: &Value,
        references: References,
        item: Option<&Value>,
    ) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => Value::String(self.fill(text, references, item)?),
            Value::Array(items) => Value::Array(
                items
                    .iter()
                    .map(|value| self.fill_value(value, references, item))
                    .collect::<Result<_, _>>()?,
            ),
            Value::Object(map) => Value::Object(
                map.iter()
                    .map(|(key, value)| Ok((key.clone(), self.fill_value(value, references, item)?)))
                    .collect::<Result<_, String>>()?,
            ),
            other => other.clone(),
        })
    }
}

fn item_text(item: &Value, key: Option<&str>) -> Option<String> {
    let value = match key {
        Some(key) => item.get(key)?,
        None => item,
    };
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn compare(left: &str, comparison: Comparison, right: &str) -> bool {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let ordering = match (left.trim().parse::<f64>(), right.trim().parse::<f64>()) {
        (Ok(left), Ok(right)) => left.partial_cmp(&right),
        _ => Some(left.trim().cmp(right.trim())),
    };
    ordering.is_some_and(|ordering| match comparison {
        Equal => ordering.is_eq(),
        NotEqual => ordering.is_ne(),
        Less => ordering.is_lt(),
        LessOrEqual => ordering.is_le(),
        Greater => ordering.is_gt(),
        GreaterOrEqual => ordering.is_ge(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_read_values() {
        let mut values = Values::default();
        values.outputs.insert(("evaluate".into(), "auc".into()), "0.93".into());
        for (text, expected) in [
            ("evaluate.auc > 0.9", true),
            ("evaluate.auc > 0.95 or evaluate.auc < 1", true),
            ("other.auc > 0", false),
        ] {
            assert_eq!(values.holds(&text.parse().unwrap(), None), expected, "{text}");
        }
    }

    #[test]
    fn references_without_a_value_are_named() {
        let values = Values::default();
        let item = serde_json::json!({"k": 3});
        assert_eq!(values.fill("a {{parameters.p}}", References::Values, None), Err("parameters.p".into()));
        let filled = |references| values.fill("{{item.k}}!", references, Some(&item)).unwrap();
        assert_eq!(filled(References::ValuesAndItem), "3!");
        assert_eq!(filled(References::Nothing), "{{item.k}}!");
    }

    #[test]
    fn facts_of_the_run_are_filled_in() {
        let facts = Facts { workflow: "w".into(), id: "r1".into(), date: "2026-01-02".into() };
        let mut values = Values { facts, ..Values::default() };
        values.ended("a", "Failed");
        let text = "{{workflow.name}} {{run.id}} {{run.date}} {{steps.a.status}}";
        assert_eq!(values.fill(text, References::Values, None), Ok("w r1 2026-01-02 Failed".into()));
        assert!(values.holds(&"a.status == failed".parse().unwrap(), None));
    }
}
