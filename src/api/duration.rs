//! Durations such as `30s`, `10m`, `1h30m`, `7d`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time in whole seconds, at least one and at most [`Duration::LONGEST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(u64);

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a duration of at most 36500 days; write for example 30s, 10m, 2h, 7d or 1h30m")]
pub struct DurationError {
    /// The text as given.
    pub text: String,
}

const UNITS: [(char, u64); 5] = [('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

impl Duration {
    /// A hundred years in seconds: clocks and other systems cannot do more.
    pub const LONGEST: u64 = 36_500 * 86_400;

    /// A duration of `seconds`, at least one and at most [`Duration::LONGEST`].
    pub fn from_seconds(seconds: u64) -> Self {
        Self(seconds.clamp(1, Self::LONGEST))
    }

    /// The length in seconds.
    pub fn seconds(self) -> u64 {
        self.0
    }
}

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || DurationError { text: text.to_owned() };
        let mut total: u64 = 0;
        let mut number: Option<u64> = None;
        for character in text.trim().chars() {
            if let Some(digit) = character.to_digit(10) {
                let grown = number.unwrap_or(0).checked_mul(10).and_then(|n| n.checked_add(u64::from(digit)));
                number = Some(grown.ok_or_else(error)?);
            } else {
                let (_, unit) = UNITS.iter().find(|(unit, _)| *unit == character).ok_or_else(error)?;
                let part = number.take().and_then(|n| n.checked_mul(*unit)).ok_or_else(error)?;
                total = total.checked_add(part).ok_or_else(error)?;
            }
        }
        let possible = number.is_none() && (1..=Self::LONGEST).contains(&total);
        possible.then_some(Self(total)).ok_or_else(error)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        for (unit, size) in UNITS.into_iter().skip(1) {
            let count = rest / size;
            rest %= size;
            if count > 0 {
                write!(formatter, "{count}{unit}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^([0-9]+[wdhms])+$",
            "description": "A length of time: 30s, 10m, 2h, 7d or 1h30m.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_every_unit() {
        for (text, seconds, written) in
            [("30s", 30, "30s"), ("90m", 5400, "1h30m"), ("1h30m", 5400, "1h30m"), ("1w", 604_800, "7d")]
        {
            let duration: Duration = text.parse().unwrap();
            assert_eq!((duration.seconds(), duration.to_string().as_str()), (seconds, written));
        }
    }

    #[test]
    fn refuses_what_is_no_duration() {
        for text in
            ["", "10", "m", "1x", "0s", "99999999999999999999s", "-1s", "18446744073709551615s", "36501d"]
        {
            assert_eq!(text.parse::<Duration>(), Err(DurationError { text: text.to_owned() }));
        }
    }
}
