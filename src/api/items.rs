//! Where the items of a map come from, and the items that are known before a run.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map as Object, Value};

/// Most items of a range or a product.
pub const MOST_ITEMS: usize = 10_000;

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_one(step: &u32) -> bool {
    *step == 1
}

/// Where the items of a [`Map`](super::Map) come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum MapItems {
    /// A fixed list of strings, numbers or flat objects.
    List {
        /// The items.
        #[schemars(length(min = 1))]
        items: Vec<Value>,
    },
    /// The integers from `start` to `end`, both included; at most 10,000.
    Range {
        /// First value.
        start: i64,
        /// Last value; not reached if `step` leaps over it.
        end: i64,
        /// Distance between two values.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        #[schemars(range(min = 1))]
        step: u32,
        /// Digits of each value, filled with zeros in front; not filled if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = 18))]
        pad: Option<u32>,
    },
    /// Every combination of the values, at most 10,000: flat objects with these keys, the last key changing fastest.
    Product {
        /// The values of each key.
        #[schemars(length(min = 1))]
        of: IndexMap<String, Vec<Value>>,
    },
    /// A JSON list that an earlier step wrote.
    Output {
        /// The earlier step.
        step: String,
        /// Its output; `result` is its standard output.
        output: String,
    },
    /// A JSON list in a workflow parameter.
    Parameter {
        /// The parameter.
        name: String,
    },
}

impl MapItems {
    /// How many items there are, if that is known before a run.
    pub fn count(&self) -> Option<usize> {
        let limited = |count: i128| Some(usize::try_from(count.max(0)).unwrap_or(usize::MAX));
        match self {
            Self::List { items } => Some(items.len()),
            Self::Range { start, end, step, .. } => {
                limited((i128::from(*end) - i128::from(*start)).div_euclid(i128::from(*step).max(1)) + 1)
            }
            Self::Product { of } => {
                Some(of.values().fold(1, |count: usize, values| count.saturating_mul(values.len())))
            }
            Self::Output { .. } | Self::Parameter { .. } => None,
        }
    }

    /// The items, if they are known before a run. A padded number is a text.
    pub fn fixed(&self) -> Option<Vec<Value>> {
        match self {
            Self::List { items } => Some(items.clone()),
            Self::Range { start, end, step, pad } => {
                let numbers = (*start..=*end).step_by((*step).max(1) as usize);
                Some(numbers.map(|number| padded(number, *pad)).collect())
            }
            Self::Product { of } => Some(combinations(of)),
            Self::Output { .. } | Self::Parameter { .. } => None,
        }
    }

    /// First and last number of a range without gaps and padding, which engines have words for.
    pub fn interval(&self) -> Option<(i64, i64)> {
        match self {
            Self::Range { start, end, step: 1, pad: None } => Some((*start, *end)),
            _ => None,
        }
    }

    /// Whether every item is known before a run and has a key of this name.
    pub fn has_key(&self, key: &str) -> bool {
        match self {
            Self::List { items } => items.iter().all(|item| item.get(key).is_some()),
            Self::Product { of } => of.contains_key(key),
            Self::Range { .. } | Self::Output { .. } | Self::Parameter { .. } => false,
        }
    }
}

fn padded(number: i64, pad: Option<u32>) -> Value {
    pad.map_or_else(
        || Value::from(number),
        |digits| Value::String(format!("{number:0>width$}", width = digits as usize)),
    )
}

fn combinations(of: &IndexMap<String, Vec<Value>>) -> Vec<Value> {
    let mut items = vec![Object::new()];
    for (key, values) in of {
        let extended = items.iter().flat_map(|item| {
            values.iter().map(move |value| {
                let mut item = item.clone();
                item.insert(key.clone(), value.clone());
                item
            })
        });
        items = extended.collect();
    }
    items.into_iter().map(Value::Object).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn items(value: Value) -> MapItems {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn ranges_leap_and_are_padded() {
        for (range, expected) in [
            (json!({"kind": "range", "start": -1, "end": 1}), json!([-1, 0, 1])),
            (json!({"kind": "range", "start": 0, "end": 10, "step": 4}), json!([0, 4, 8])),
            (json!({"kind": "range", "start": 8, "end": 10, "pad": 2}), json!(["08", "09", "10"])),
            (json!({"kind": "range", "start": 99, "end": 100, "pad": 2, "step": 1}), json!(["99", "100"])),
        ] {
            let range = items(range);
            assert_eq!(range.fixed().map(Value::from), Some(expected));
            assert_eq!(range.count(), range.fixed().map(|items| items.len()));
        }
        assert_eq!(
            items(json!({"kind": "range", "start": i64::MIN, "end": i64::MAX})).count(),
            Some(usize::MAX)
        );
        assert_eq!(items(json!({"kind": "range", "start": 2, "end": 1})).count(), Some(0));
    }

    #[test]
    fn the_last_key_of_a_product_changes_fastest() {
        let product = items(json!({"kind": "product", "of": {"seed": [1, 2], "model": ["small", "large"]}}));
        let expected = json!([
            {"seed": 1, "model": "small"},
            {"seed": 1, "model": "large"},
            {"seed": 2, "model": "small"},
            {"seed": 2, "model": "large"},
        ]);
        assert_eq!((product.count(), product.fixed().map(Value::from)), (Some(4), Some(expected)));
        assert!(product.has_key("seed") && !product.has_key("item"));
    }

    #[test]
    fn what_is_left_out_is_not_written() {
        let value = json!({"kind": "range", "start": 0, "end": 3});
        assert_eq!(serde_json::to_value(items(value.clone())).unwrap(), value);
    }
}
