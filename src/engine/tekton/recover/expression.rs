//! Expressions of awk (see `condition`) in the words of the unified API.

use std::collections::HashMap;

use super::words::with_statuses;
use crate::api::{Condition, Literal};

/// The condition that a command decides. `values` gives what its variables stand for.
pub(super) fn condition(command: &str, values: &HashMap<String, String>) -> Option<String> {
    let program = command.split_once("awk '")?.1.replace("'\\''", "'");
    let (_, expression) = program.split_once("exit !(")?;
    let (expression, _) = expression.rsplit_once(") }'")?;
    let meanings = meanings(command, values);
    let mut reader = Reader { rest: expression, meanings: &meanings };
    let text = reader.joined()?;
    text.parse::<Condition>().ok().map(|condition| with_statuses(condition).to_string())
}

/// What `"NAME=$VARIABLE"` says about the names in an expression.
fn meanings(command: &str, values: &HashMap<String, String>) -> HashMap<String, String> {
    let assignments = command.split_once(" awk '").map_or("", |(before, _)| before);
    let mut meanings = HashMap::new();
    for assignment in assignments.split('"') {
        let Some((name, variable)) = assignment.split_once("=$") else { continue };
        if let Some(value) = values.get(variable) {
            meanings.insert(name.to_owned(), value.clone());
        }
    }
    meanings
}

struct Reader<'a> {
    rest: &'a str,
    meanings: &'a HashMap<String, String>,
}

impl Reader<'_> {
    fn take(&mut self, word: &str) -> bool {
        let Some(rest) = self.rest.trim_start().strip_prefix(word) else { return false };
        self.rest = rest;
        true
    }

    fn joined(&mut self) -> Option<String> {
        let mut text = self.part()?;
        loop {
            let word = if self.take("&&") {
                " and "
            } else if self.take("||") {
                " or "
            } else {
                return Some(text);
            };
            text = text + word + &self.part()?;
        }
    }

    fn part(&mut self) -> Option<String> {
        if self.take("(0 ||") {
            return self.list();
        }
        if self.take("(") {
            let inner = self.joined()?;
            return self.take(")").then(|| format!("({inner})"));
        }
        let left = self.side()?;
        let word = ["==", "!=", "<=", ">=", "<", ">"].into_iter().find(|word| self.take(word))?;
        Some(format!("{left} {word} {}", self.side()?))
    }

    /// `x == a || x == b)` as a list.
    fn list(&mut self) -> Option<String> {
        let mut left = String::new();
        let mut values = Vec::new();
        loop {
            left = self.side().filter(|side| left.is_empty() || *side == left)?;
            if !self.take("==") {
                return None;
            }
            values.push(self.side()?);
            if self.take(")") {
                break;
            }
            if !self.take("||") {
                return None;
            }
        }
        Some(match &values[..] {
            [only] => format!("{left} == {only}"),
            _ => format!("{left} in [{}]", values.join(", ")),
        })
    }

    fn side(&mut self) -> Option<String> {
        if self.take("text(\"") || self.take("number(\"") {
            let (name, rest) = self.rest.split_once("\")")?;
            self.rest = rest;
            return Some(self.meanings.get(name).cloned().unwrap_or_else(|| name.to_owned()));
        }
        if self.take("\"") {
            let mut text = String::new();
            let mut characters = self.rest.char_indices();
            while let Some((at, character)) = characters.next() {
                match character {
                    '"' => {
                        self.rest = &self.rest[at + 1..];
                        return Some(Literal::Text(text).to_string());
                    }
                    '\\' => text.push(match characters.next()?.1 {
                        'n' => '\n',
                        other => other,
                    }),
                    other => text.push(other),
                }
            }
            return None;
        }
        let rest = self.rest.trim_start();
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c))).unwrap_or(rest.len());
        self.rest = &rest[end..];
        (end > 0).then(|| rest[..end].to_owned())
    }
}
