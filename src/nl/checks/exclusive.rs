//! Whether two conditions can hold together, tried on all values that make a difference.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{Comparison, Condition, Literal, Operand};

/// More operands than this are not tried.
const MOST: usize = 6;

/// Whether no values of the operands fulfil both.
pub(crate) fn exclusive(first: &Condition, second: &Condition) -> bool {
    let mut values = BTreeMap::new();
    if !(collect(first, &mut values) && collect(second, &mut values)) || values.len() > MOST {
        return false;
    }
    let names: Vec<String> = values.keys().cloned().collect();
    let choices: Vec<Vec<String>> = values.into_values().map(|set| set.into_iter().collect()).collect();
    let mut at = vec![0; names.len()];
    loop {
        let chosen: BTreeMap<&str, &str> =
            names.iter().enumerate().map(|(i, name)| (name.as_str(), choices[i][at[i]].as_str())).collect();
        if holds(first, &chosen) && holds(second, &chosen) {
            return false;
        }
        let Some(next) = (0..at.len()).find(|i| at[*i] + 1 < choices[*i].len()) else { return true };
        at[next] += 1;
        at[..next].fill(0);
    }
}

/// The values worth trying for each operand; false where two operands are compared.
fn collect(condition: &Condition, values: &mut BTreeMap<String, BTreeSet<String>>) -> bool {
    match condition {
        Condition::Compare { left, right: Operand::Literal(literal), .. } => {
            add(left, literal, values);
            true
        }
        Condition::Compare { .. } => false,
        Condition::In { left, values: list } => {
            for literal in list {
                add(left, literal, values);
            }
            true
        }
        Condition::And(all) | Condition::Or(all) => all.iter().all(|part| collect(part, values)),
    }
}

fn add(left: &Operand, literal: &Literal, values: &mut BTreeMap<String, BTreeSet<String>>) {
    let set = values.entry(format!("{left:?}")).or_default();
    let text = literal.text();
    set.insert(text.to_owned());
    if let Ok(number) = text.parse::<f64>() {
        set.extend([(number - 1e-3).to_string(), (number + 1e-3).to_string()]);
    } else if ["Failed", "Succeeded"].contains(&text) {
        set.extend(["Failed".to_owned(), "Succeeded".to_owned()]);
    } else {
        set.insert("something else".to_owned());
    }
}

fn holds(condition: &Condition, values: &BTreeMap<&str, &str>) -> bool {
    let value = |left: &Operand| values.get(format!("{left:?}").as_str()).copied().unwrap_or_default();
    match condition {
        Condition::Compare { left, comparison, right: Operand::Literal(literal) } => {
            compares(value(left), *comparison, literal.text())
        }
        Condition::Compare { .. } => true,
        Condition::In { left, values: list } => list.iter().any(|literal| literal.text() == value(left)),
        Condition::And(all) => all.iter().all(|part| holds(part, values)),
        Condition::Or(all) => all.iter().any(|part| holds(part, values)),
    }
}

fn compares(value: &str, comparison: Comparison, constant: &str) -> bool {
    match (value.parse::<f64>(), constant.parse::<f64>()) {
        (Ok(value), Ok(constant)) => match comparison {
            Comparison::Equal => (value - constant).abs() < 1e-9,
            Comparison::NotEqual => (value - constant).abs() >= 1e-9,
            Comparison::Less => value < constant,
            Comparison::LessOrEqual => value <= constant,
            Comparison::Greater => value > constant,
            Comparison::GreaterOrEqual => value >= constant,
        },
        _ if comparison == Comparison::NotEqual => value != constant,
        _ => value == constant,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_exclude_each_other() {
        for (first, second, apart) in [
            ("a.x > 3", "a.x <= 3", true),
            ("a.x > 3", "a.x < 5", false),
            ("a.status == 'Failed'", "a.status == 'Succeeded' or b.status == 'Succeeded'", false),
            (
                "a.status == 'Failed' and b.status == 'Failed'",
                "a.status == 'Succeeded' or b.status == 'Succeeded'",
                true,
            ),
            ("a.kind in ['x', 'y']", "a.kind == 'z'", true),
            ("a.x < b.x", "a.x > b.x", false),
        ] {
            let (first, second) = (first.parse().unwrap(), second.parse().unwrap());
            assert_eq!(exclusive(&first, &second), apart, "{first} / {second}");
        }
    }
}
