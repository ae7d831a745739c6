//! Workflow parameters: new ones, other defaults, fewer.

use std::sync::LazyLock;

use regex::Regex;

use super::read::{Context, Wish};
use crate::nl::edit::Edit;
use crate::nl::pattern::regex;

const NAME: &str = r#"["'`]?([a-z][a-z0-9_-]*)["'`]?"#;
const VALUE: &str = r#"["'`“]?([^\s"'`”]+|[^"”]+)["'`”]?"#;

static ADDED: LazyLock<Regex> = LazyLock::new(|| {
    regex(&format!(
        r"\bparameters?,? (?:called |named |with the name )?{NAME}(?:,? ?\(?(?:with |whose |has |having )?(?:an? |the )?(?:default|value|initial value)s?(?: value)?(?: of| is| to|:| =)? {VALUE}\)?)?\W*$"
    ))
});
static CREATES: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(?:add|create|introduce|declare|new|need|want|define|have)\b"));
static DEFAULT: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    vec![
        regex(&format!(
            r"\bdefault(?: value)? (?:of|for) (?:the )?(?:parameter )?{NAME} (?:should be|is|be|to|must be|becomes|=|shall be)(?: now)? {VALUE}\W*$"
        )),
        regex(&format!(
            r"\b(?:parameter )?{NAME}(?:'s)? (?:should )?(?:default|defaults) (?:should be|to|is|be|=|becomes) {VALUE}\W*$"
        )),
        regex(&format!(
            r"\b(?:set|change) (?:the )?(?:parameter )?{NAME} (?:to|=) {VALUE}(?: by default)?\W*$"
        )),
        regex(&format!(r"\b(?:let|make) (?:the )?{NAME} default to {VALUE}\W*$")),
        regex(&format!(
            r"^(?:the )?(?:parameter )?{NAME} (?:should|shall|must) be {VALUE}(?: by default)?\W*$"
        )),
    ]
});
static REMOVED: LazyLock<Regex> = LazyLock::new(|| {
    regex(&format!(r"\b(?:remove|drop|delete|get rid of) (?:the )?(?:parameter {NAME}|{NAME} parameter)\b"))
});

pub(super) fn read(context: &Context<'_>) -> Option<Wish> {
    let text = context.clause;
    let known = &context.steps.program.parameters;
    if let Some(found) = REMOVED.captures(text) {
        let name = found.get(1).or(found.get(2))?.as_str();
        if known.contains_key(name) {
            return Some(Wish::Edits(vec![Edit::unset_workflow(format!("/parameters/{name}"))]));
        }
    }
    for pattern in DEFAULT.iter() {
        let Some(found) = pattern.captures(text).filter(|found| known.contains_key(&found[1])) else {
            continue;
        };
        return Some(Wish::Edits(vec![Edit::set_workflow(
            format!("/parameters/{}/default", &found[1]),
            value(&found[2]),
        )]));
    }
    let found = ADDED.captures(text).filter(|_| CREATES.is_match(text))?;
    let name = &found[1];
    if ["with", "for", "that", "of", "and"].contains(&name.to_lowercase().as_str()) {
        return None;
    }
    let field = format!("/parameters/{name}");
    Some(Wish::Edits(vec![match found.get(2) {
        Some(default) => Edit::set_workflow(format!("{field}/default"), value(default.as_str())),
        None => Edit::set_workflow(field, serde_json::json!({})),
    }]))
}

fn value(text: &str) -> String {
    text.trim().trim_end_matches(['.', ')', ',']).to_owned()
}
