//! Checks of what a step is mapped over.

use indexmap::IndexMap;
use serde_json::Value;

use super::Checker;
use crate::api::{MOST_ITEMS, MapItems, Step};

impl Checker<'_> {
    pub(super) fn check_map(&mut self, path: &str, step: &Step) {
        let Some(map) = &step.map else { return };
        let over = format!("{path}/map/over");
        match &map.over {
            MapItems::Output { step: name, output } => self.check_output(&over, name, output),
            MapItems::Parameter { name } => self.check_parameter(&format!("{over}/name"), name),
            MapItems::Range { start, end, pad, .. } => self.check_range(&over, *start, *end, pad.is_some()),
            MapItems::Product { of } => self.check_product(&over, of),
            MapItems::List { .. } => {}
        }
        let bounded = matches!(map.over, MapItems::Range { .. } | MapItems::Product { .. });
        if let Some(count) = map.over.count().filter(|count| bounded && *count > MOST_ITEMS) {
            let message = format!("there are {count} items, and at most {MOST_ITEMS} are possible");
            self.add(over, message, "let one instance do several of them");
        }
        if step.exec_while.is_some() {
            self.add(
                path,
                "`map` and `exec_while` cannot be combined on one step",
                "split it into two steps",
            );
        }
    }

    fn check_range(&mut self, path: &str, start: i64, end: i64, padded: bool) {
        if start > end {
            self.add(path, "the range is empty", "`end` is included and must not be below `start`");
        } else if padded && start < 0 {
            self.add(path, "numbers below zero cannot be padded", "remove `pad`, or begin at 0");
        }
    }

    /// The values of a product are what can stand in a text, and there is one of each key at least.
    fn check_product(&mut self, path: &str, of: &IndexMap<String, Vec<Value>>) {
        for (key, values) in of {
            let here = format!("{path}/of/{key}");
            self.check_name(here.clone(), key);
            if values.is_empty() {
                self.add(&here, format!("{key:?} has no values"), "list at least one, or remove it");
            }
            if values.iter().any(|value| value.is_object() || value.is_array() || value.is_null()) {
                let message = format!("the values of {key:?} are not all texts, numbers or booleans");
                self.add(&here, message, "use more keys instead of nested values");
            }
        }
    }
}
