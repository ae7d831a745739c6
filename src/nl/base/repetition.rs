//! Loops as the text states them. Models mix up "until" and "while"; the words of the text do not.

use std::sync::LazyLock;

use regex::Regex;

use super::plan::{Plan, PlannedStep, Repetition};
use super::tidy::UNTIL;
use crate::api::{Condition, Operand};
use crate::nl::pattern::regex;

static WHILE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(while|as long as|so long as|whenever|solange|tant que?|mientras|finché|enquanto|dopóki|zolang)\b",
    )
});
static STOP: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(until|till|unless|bis|jusqu\w*|hasta|fino a|finch[ée]\w* non|até|totdat|tot|aż)\b|直到")
});
/// A bound with its unit, which must not be one of time.
static BOUNDS: LazyLock<[Regex; 3]> = LazyLock::new(|| {
    [
        regex(
            r"\b(?:at most|no more than|not more than|at maximum|(?:a )?max(?:imum)?\.?(?: of)?|up to|limit(?:ed)?(?: to| of|:)?|cap(?:ped)?(?: at|:)?|höchstens|maximal|au plus|au maximum|maximum|máximo|como máximo|como mucho|al massimo|massimo|no máximo) (\d+)(?: ([\p{L}]+))?",
        ),
        regex(
            r"\b(\d+) ?(times|x|tries|attempts|iterations|rounds|repetitions|repeats|loops|runs|cycles|checks|polls|goes|mal|versuche|durchläufe|runden|fois|essais|tours|veces|intentos|volte|vezes|tentativas)\b",
        ),
        regex(r"\b(?:stop|give up|quit|abort|bail(?: out)?|end|surrender) after (\d+)(?: ([\p{L}]+))?"),
    ]
});
static TIME_UNIT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(s|sec\w*|m|min\w*|h|hrs?|hour\w*|day\w*|week\w*|sekunden?|stunden?|tage?n?|heures?|jours?|horas?|días?|gpus?|cpus?|cores?|gb|gi|gib|mb|mi|at|in|parallel)$",
    )
});
/// What a step says when the loop ends or goes on: `prints ready`, `status is "done"`.
static SAID: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"\b(?:prints?|printed|outputs?|writes?|says?|returns?|reports?|shows?|answers?|emits?|becomes?|equals?|is|was|gibt|meldet|liefert|ausgibt|affiche|imprime|imprima|devuelve|devuelva|stampa|stampi|restituisce|retorna|imprime)\s+(?:(?:the|a|out|exactly|something|anything|other|than|but|not|is|das|le|la|el|word|value|text|status|mot|wort|wert|palabra)\s+)*["'“”„`«]?([\p{L}\p{N}][\p{L}\p{N}_-]*)["'“”`»]?"#,
    )
});
static MORE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(bigger|greater|larger|higher|more|above|over|exceed\w*|größer|über|mehr|supérieur\w*|plus|mayor|superior|maggiore|maior)\b|>",
    )
});
static LESS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(below|under|less|smaller|lower|fewer|kleiner|unter|weniger|inférieur\w*|moins|menor|inferior|minore|drops?|falls?|gets? down)\b|<",
    )
});
/// The value itself counts too: "until it is at least 0.95".
static AT_LEAST: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(at least|no less than|not less than|not below|not under|reach\w*|hits?|mindestens|erreicht|au moins|atteint|al menos|como mínimo|alcan\w+|almeno|raggiung\w+|pelo menos|ating\w+)\b|>=|≥",
    )
});
static AT_MOST: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(at most|no more than|not more than|not above|not over|höchstens|au plus|como máximo|como mucho|al massimo|no máximo)\b|<=|≤",
    )
});
static OTHER: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(not|n't|other than|anything but|different from|nicht|pas|no|non|não)\b|n't\b|!=")
});

/// Reads the loop of every step that has one, in words of the text where they can be read with certainty.
pub(in crate::nl) fn read_repetitions(plan: &mut Plan, description: &str, changes: &mut Vec<String>) {
    if !UNTIL.is_match(description) {
        return;
    }
    for step in plan.steps.iter_mut().chain(&mut plan.finally) {
        own_condition_is_a_loop(step, changes);
        stated_loop(step, changes);
        let Some(until) = step.until.clone() else { continue };
        let words = about(step, description);
        let condition = continuing(step, &until, &words);
        if condition.is_some() || bound(&words).is_some() {
            step.repetition = Some(Repetition { condition, limit: bound(&words) });
        }
    }
}

/// A condition on the step's own output cannot say whether it runs, only whether it runs again.
fn own_condition_is_a_loop(step: &mut PlannedStep, changes: &mut Vec<String>) {
    let Some(when) = &step.when else { return };
    let Ok(condition) = when.parse::<Condition>() else { return };
    let own = condition.outputs().iter().any(|(name, _)| *name == step.name);
    if own {
        changes.push(format!("{}: the condition {when:?} on its own output is a repetition", step.name));
        let when = step.when.take();
        step.until = step.until.take().or(when);
    }
}

static AGAIN: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:repeat\w*|repetition|again|over and over|keep(?:s)? (?:on )?(?:run|call|try|poll|check|execut)ing|re-?run\w*|poll\w*|loop\w*|wiederhol\w*|répét\w*|répèt\w*|repit\w*|repet\w*|ripet\w*)\b",
    )
});
static PRINTS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:prints?|outputs?|says?|returns?|reports?|answers?|shows?|emits?|gibt|ausgibt|meldet|liefert|affiche|imprim[ea]|devuelv[ea]|stamp[ai]|restituisc\w*|retorn[ae])\b",
    )
});

/// "Run this code until it prints blue": a repetition that the plan lacks.
fn stated_loop(step: &mut PlannedStep, changes: &mut Vec<String>) {
    let runs = step.task == "container.run" || step.task.starts_with("script.");
    if step.until.is_some() || step.each.is_some() || step.when.is_some() || !runs {
        return;
    }
    let Some(marker) = STOP.find(&step.text).or_else(|| WHILE.find(&step.text)) else { return };
    let behind = &step.text[marker.end()..];
    if !PRINTS.is_match(behind) && !AGAIN.is_match(&step.text) {
        return;
    }
    let number = NUMBER.captures(behind).filter(|found| {
        let between = &behind[..found.get(1).map_or(0, |number| number.start())];
        between.len() < 60
            && [&MORE, &LESS, &AT_LEAST, &AT_MOST].iter().any(|pattern| pattern.is_match(between))
    });
    let value = match number {
        Some(number) => number[1].to_owned(),
        None => match SAID.captures(behind) {
            Some(said) => said[1].to_owned(),
            None => return,
        },
    };
    changes.push(format!("{}: it is repeated, as its words say", step.name));
    step.until = Some(format!("{}.result == {value}", step.name));
}

static NUMBER: LazyLock<Regex> = LazyLock::new(|| regex(r"(-?\d+(?:\.\d+)?)"));

/// The step's words, and the sentences of the description that share its beginning or bound it.
fn about(step: &PlannedStep, description: &str) -> String {
    let mut text = step.text.clone();
    for sentence in sentences(description) {
        let speaks = UNTIL.is_match(sentence) || BOUNDS.iter().any(|bound| bound.is_match(sentence));
        if speaks && !text.contains(sentence) {
            text.push_str(" . ");
            text.push_str(sentence);
        }
    }
    text
}

/// Sentences end at a stop that is followed by a blank.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', ';']).flat_map(|line| line.split(". ")).map(str::trim).filter(|part| !part.is_empty())
}

/// Most repetitions that the words give.
pub(in crate::nl) fn bound(words: &str) -> Option<u32> {
    BOUNDS.iter().find_map(|pattern| {
        pattern.captures_iter(words).find_map(|captures| {
            let time = captures.get(2).is_some_and(|unit| TIME_UNIT.is_match(unit.as_str()));
            captures[1].parse().ok().filter(|number| !time && *number > 1)
        })
    })
}

/// The condition under which the step runs again.
fn continuing(step: &PlannedStep, until: &str, words: &str) -> Option<Condition> {
    let goes_on = WHILE.is_match(words) && !STOP.is_match(words);
    let planned = until.parse::<Condition>().ok()?;
    let constant = planned.operands().into_iter().find_map(|operand| match operand {
        Operand::Literal(literal) => Some(literal.text().to_owned()),
        _ => None,
    })?;
    let output = planned.outputs().first().map_or("result", |(_, output)| output).to_owned();
    let lower = words.to_lowercase();
    let marker = if goes_on { WHILE.find(words) } else { STOP.find(words) }?;
    let behind = &words[marker.end()..];
    let (operator, value) = if constant.parse::<f64>().is_ok() && lower.contains(&constant) {
        let at = behind.find(&constant)?;
        let between = &behind[..at];
        match (MORE.is_match(between), LESS.is_match(between)) {
            _ if AT_LEAST.is_match(between) => (">=", constant),
            _ if AT_MOST.is_match(between) => ("<=", constant),
            (true, false) => (">", constant),
            (false, true) => ("<", constant),
            (false, false) => (if OTHER.is_match(between) { "!=" } else { "==" }, constant),
            (true, true) => return None,
        }
    } else {
        let said = SAID.captures(behind)?;
        let value = said[1].to_owned();
        let whole = said.get(0)?;
        let between = &behind[..whole.end() - value.len()];
        let word = if lower.contains(&constant.to_lowercase()) { constant } else { value };
        (if OTHER.is_match(between) { "!=" } else { "==" }, word)
    };
    let quoted = if value.parse::<f64>().is_ok() { value } else { format!("'{value}'") };
    let condition: Condition = format!("{}.{output} {operator} {quoted}", step.name).parse().ok()?;
    if goes_on { Some(condition) } else { super::assemble::negated(&condition) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, until: &str) -> (Option<String>, Option<u32>) {
        let step = PlannedStep {
            text: text.into(),
            name: "poll".into(),
            task: "container.run".into(),
            until: Some(until.into()),
            ..PlannedStep::default()
        };
        let mut plan = Plan { steps: vec![step], ..Plan::default() };
        read_repetitions(&mut plan, text, &mut Vec::new());
        let repetition = plan.steps[0].repetition.clone().unwrap_or_default();
        (repetition.condition.map(|condition| condition.to_string()), repetition.limit)
    }

    #[test]
    fn while_and_until_are_told_apart() {
        for (text, until, condition, limit) in [
            (
                "run a:1 until it prints ready, at most 15 times",
                "poll.result == ready",
                "poll.result != 'ready'",
                Some(15),
            ),
            (
                "repeat a:1 as long as it prints continue, 8 rounds at most",
                "poll.result == continue",
                "poll.result == 'continue'",
                Some(8),
            ),
            (
                "call a:1 over and over while the number it prints is bigger than 0.01 (stop after 50 iterations)",
                "poll.result <= 0.01",
                "poll.result > 0.01",
                Some(50),
            ),
            (
                "execute a:1 over and over until that score is at least 0.95, and at most 33 times",
                "poll.result == 0.95",
                "poll.result < 0.95",
                Some(33),
            ),
            ("repeat a:1 while the gap is at most 0.5", "poll.result > 0.5", "poll.result <= 0.5", None),
            ("keep running a:1 until the loss drops below 0.2", "poll.loss < 0.2", "poll.loss >= 0.2", None),
            (
                "poll a:1 until its output is READY, but no more than 30 tries",
                "poll.result == READY",
                "poll.result != 'READY'",
                Some(30),
            ),
            (
                "run a:1 until it says done, give up after 20 minutes",
                "poll.result == done",
                "poll.result != 'done'",
                None,
            ),
        ] {
            assert_eq!(read(text, until), (Some(condition.to_owned()), limit), "{text}");
        }
    }
}
