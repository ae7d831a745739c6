//! "Rename A to B", "call the workflow X".

use std::sync::LazyLock;

use regex::Regex;

use super::read::{Context, Wish};
use super::steps::Meant;
use crate::nl::edit::Edit;
use crate::nl::pattern::regex;

const NAME: &str = r#"["'`“]?([a-z][a-z0-9_ -]*?[a-z0-9])["'`”]?"#;

static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    vec![
        regex(&format!(r"\brenam(?:e|ing) (.+?) (?:to|into|as) {NAME}(?: please)?\W*$")),
        regex(&format!(
            r"^(.+?) (?:should|shall|must|ought to|needs to) be (?:called|named|renamed to) {NAME}(?: please)?\W*$"
        )),
        regex(&format!(
            r"^(.+?) is an? (?:bad|poor|silly|strange|odd|confusing|terrible) name[,;:. –-]+(?:please )?(?:call|name|rename) it(?: to| as)? {NAME}\W*$"
        )),
        regex(&format!(r"\bchange (?:the )?name of (.+?) (?:to|into) {NAME}\W*$")),
        regex(&format!(
            r"\b(?:call|name) (.+? (?:step|workflow|pipeline|task)|it|[a-z0-9-]+) {NAME}(?: instead| from now on| please)*\W*$"
        )),
    ]
});
/// The patterns that speak of renaming in so many words.
const CERTAIN: [usize; 2] = [0, 3];
static WHOLE: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(?:workflow|pipeline|dag|the whole(?: thing)?)\b"));
static COLUMNS: LazyLock<Regex> = LazyLock::new(|| regex(r"\b(?:columns?|fields?)\b"));
static VERBS: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"^(?:slack|me|us|them|it off|in|with|using|of|when|if|once|after|before|for|to|the|a|an)\b|--")
});

pub(super) fn read(context: &Context<'_>) -> Option<Wish> {
    let (index, subject, name) = [context.clause, context.remark].iter().find_map(|text| {
        PATTERNS.iter().enumerate().find_map(|(index, pattern)| {
            let found = pattern.captures(text.trim())?;
            Some((index, found[1].to_owned(), found[2].to_owned()))
        })
    })?;
    if COLUMNS.is_match(&subject) || VERBS.is_match(&name) {
        return None;
    }
    let name = as_name(&name);
    if WHOLE.is_match(&subject) && context.steps.get(subject.trim()).is_none() {
        return Some(Wish::Edits(vec![Edit::set_workflow("/name", name)]));
    }
    let meant = match context.chosen {
        Some(chosen) => Meant::Steps(vec![chosen.to_owned()]),
        None => context.steps.meant(&subject),
    };
    match meant {
        Meant::Steps(steps) => {
            let step = steps.first()?.clone();
            Some(Wish::Edits(vec![Edit::Rename { step, to: name }]))
        }
        Meant::Unclear(steps) => Some(Wish::Which { steps }),
        Meant::Nothing if subject.trim().eq_ignore_ascii_case("it") => {
            let step = context.focus.first()?.clone();
            Some(Wish::Edits(vec![Edit::Rename { step, to: name }]))
        }
        // "Rename …" can mean nothing else.
        Meant::Nothing if CERTAIN.contains(&index) => Some(Wish::Impossible(format!(
            "there is no step \"{}\"; the steps are {}",
            subject.trim().trim_matches(['"', '\'', '`']),
            context.steps.names().join(", ")
        ))),
        Meant::Nothing => None,
    }
}

/// A name of the unified API: small letters, digits and dashes.
fn as_name(text: &str) -> String {
    let dashed: String =
        text.trim().to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    dashed.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}
