//! Conditions: "only deploy if the AUC is above 0.9", "lower the bar to 0.7", "in any case".

use std::sync::LazyLock;

use regex::Regex;

use super::place;
use super::read::{Context, Wish};
use super::steps::{Meant, Steps};
use crate::api::{Condition, Function, Literal, Operand, OutputValue, Step, Task, WORKFLOW};
use crate::nl::base::assemble::{METRICS, metric_of};
use crate::nl::base::exit::{ALWAYS, FAILURE};
use crate::nl::edit::Edit;
use crate::nl::pattern::regex;

/// "(if | when | unless …) …", the condition behind it.
static IF: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(only (?:if|when|where)|if|when|whenever|as long as|provided(?: that)?|once|in case|without|unless|except (?:if|when)|requires?(?: that)?|needs?)\b(.+)$",
    )
});
static ONLY: LazyLock<Regex> = LazyLock::new(|| regex(r"\b(?:only|unless|if|as long as|provided|except)\b"));
/// How a comparison is said.
const WORD: &str = r"(>=|<=|==|!=|>|<|=|at least|no less than|not less than|not below|at most|no more than|not more than|not above|(?:is |are |goes |stays |gets |lies |remains |comes out )?(?:above|over|below|under|beneath)|(?:is )?(?:greater|higher|more|better|larger|bigger|less|lower|smaller|worse)(?: than)?(?: or equal to)?|exceeds?|beats?|reaches|drops below|falls below|passes|is|equals|of)";
static COMPARISON: LazyLock<Regex> = LazyLock::new(|| {
    let metric = r"(accuracy|acc|auc|roc[- ]?auc|auroc|f1(?:[- ]score)?|precision|recall|log[- ]?loss|rmse|mse|mae|r2|r²|r-squared|silhouette|score|rows?|best_score)";
    let word = WORD;
    regex(&format!(
        r"\b(?:the |its )?{metric}(?: score| value)?(?: of (?:the )?[a-z][a-z0-9-]*(?: step| model)?)? (?:is |are |was |has to be |must be |should be |of )*{word}\s*(-?\d+(?:[.,]\d+)?)(\s?%)?|\b([a-z][a-z0-9-]*\.[a-z][a-z0-9_]*) *(>=|<=|==|!=|>|<|=) *(-?\d+(?:\.\d+)?|'[^']*')"
    ))
});
/// "best is above 0.95": the value of a step by its name.
static VALUE: LazyLock<Regex> = LazyLock::new(|| {
    regex(&format!(
        r"\b([a-z][a-z0-9-]*)(?:'s)?(?: (?:step|result|value|output|score))* (?:is |was |has to be |must be |should be )*{WORD}\s*(-?\d+(?:[.,]\d+)?)(\s?%)?"
    ))
});
/// "above 0.95": another bound of a condition that is there.
static BOUND: LazyLock<Regex> =
    LazyLock::new(|| regex(&format!(r"\b{WORD}\s*(-?\d+(?:[.,]\d+)?)(\s?%)?\W*$")));
static PRINTS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"(.+?)\b(prints?|says?|returns?|outputs?|answers?|reports?|yields?|gives?)\b(?: out)? ["'`“]?([\w.-]+)["'`”]?\W*$"#,
    )
});
static ANYWAY: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:in any case|in every case|always|unconditional\w*|regardless|no matter (?:what|how)|whatever happens|either way|anyway|even (?:if|when) (?:all|everything|it|nothing)\b[^.;]{0,30}\b(?:well|fine|ok(?:ay)?|good|success\w*|succeed\w*|wrong))\b",
    )
});
static SKIPS: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(?:skip|omit|leave out|do(?: not|n'?t)|never|no)\b"));
/// "Raise it to 0.92".
static RAISES: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(?:raise|lower|increase|decrease|set|reduce|put|push|move|change) (?:it|that|this|the \w+)\b")
});
static NO_CONDITION: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:no|without|remove|drop|delete|forget|lift|get rid of|skip|ditch)\b[^.;]{0,24}\b(?:condition|threshold|gate|check on the (?:metric|score)|requirement)\b",
    )
});
/// What the threshold is called, or "make it 0.85".
static BAR: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:thresholds?|bar|limit|cut-?off|condition|gate|minimum|requirement|lenient|strict\w*|make (?:it|that|this)|(?:should|must) be|better)\b",
    )
});
static NUMBER: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?:^|[^\w./:-])(-?\d+(?:\.\d+)?)(\s?%)?(?:$|[^\w/:-])"));

/// "0.8 is too lenient. Make it 0.85.", "lower the bar to 0.7": another number in a condition that is there.
pub(super) fn read_threshold(context: &Context<'_>) -> Option<Wish> {
    let text = crate::nl::base::edit::replace::wanted(context.clause);
    if !(BAR.is_match(&text) || RAISES.is_match(&text)) || COMPARISON.is_match(&text) {
        return None;
    }
    let conditional: Vec<&Step> = context
        .steps
        .program
        .steps
        .iter()
        .filter(|step| step.when.as_ref().is_some_and(has_number))
        .collect();
    let named = context.target_steps();
    let of_named: Vec<&Step> = conditional
        .iter()
        .filter(|step| named.iter().any(|other| other.name == step.name))
        .copied()
        .collect();
    let about_bar = (RAISES.is_match(&text) && context.steps.named(&text).is_empty() && text.contains('.'))
        || ["threshold", "bar", "cut", "condition", "gate"]
            .iter()
            .any(|word| text.to_lowercase().contains(word));
    let old = NUMBER
        .captures_iter(context.remark)
        .map(|found| found[1].to_owned())
        .find(|number| conditional.iter().any(|step| constant(step).as_ref() == Some(number)));
    let candidates: Vec<&Step> = match (&old, of_named.len(), about_bar) {
        (Some(old), ..) => {
            conditional.iter().filter(|step| constant(step).as_ref() == Some(old)).copied().collect()
        }
        (None, 1, _) if about_bar => of_named,
        (None, _, true) => conditional,
        _ => return None,
    };
    let new = NUMBER
        .captures_iter(&text)
        .map(|found| percent(&found[1], found.get(2).is_some()))
        .find(|new| Some(new) != old.as_ref())?;
    match &candidates[..] {
        [] => None,
        [step] => {
            let changed = with_number(step.when.as_ref()?, &new);
            Some(Wish::Edits(vec![Edit::set(&step.name, "/when", changed.to_string())]))
        }
        several => Some(Wish::Which { steps: several.iter().map(|step| step.name.clone()).collect() }),
    }
}

fn percent(number: &str, percent: bool) -> String {
    match (percent, number.parse::<f64>()) {
        (true, Ok(value)) => format!("{}", (value / 100.0 * 1e9).round() / 1e9),
        _ => number.replace(',', "."),
    }
}

fn has_number(condition: &Condition) -> bool {
    matches!(condition, Condition::Compare { right: Operand::Literal(Literal::Number(_)), .. })
}

fn constant(step: &Step) -> Option<String> {
    match step.when.as_ref()? {
        Condition::Compare { right: Operand::Literal(Literal::Number(number)), .. } => Some(number.clone()),
        _ => None,
    }
}

fn with_number(condition: &Condition, number: &str) -> Condition {
    condition.map_operands(&|operand| match operand {
        Operand::Literal(Literal::Number(_)) => Operand::Literal(Literal::Number(number.to_owned())),
        other => other.clone(),
    })
}

pub(super) fn read(context: &Context<'_>) -> Option<Wish> {
    let text = context.clause;
    if let Some(wish) = at_end(context) {
        return Some(wish);
    }
    let anyway = ANYWAY.is_match(text) && !crate::nl::base::settings::mentions_setting(text);
    if NO_CONDITION.is_match(text) || anyway {
        let conditional: Vec<&Step> =
            context.target_steps().into_iter().filter(|step| step.when.is_some()).collect();
        if !conditional.is_empty() {
            return Some(Wish::Edits(
                conditional.iter().map(|step| Edit::unset(&step.name, "/when")).collect(),
            ));
        }
        return None;
    }
    let Some(found) = IF.captures(text).filter(|_| ONLY.is_match(text) || COMPARISON.is_match(text)) else {
        return other_bound(context);
    };
    let subject = &text[..found.get(0)?.start()];
    let unless = ["unless", "except", "without"].iter().any(|word| found[1].to_lowercase().starts_with(word));
    // "Skip it unless" is "run it if".
    let negated = unless != SKIPS.is_match(subject);
    let Some(condition) = stated(context.steps, &found[2], subject) else {
        return if negated { None } else { other_bound(context) };
    };
    let condition = if negated { crate::nl::base::assemble::negated(&condition)? } else { condition };
    // "Deploy it to … when …" of something that is not there yet is a new step.
    let about = Context { clause: subject, ..*context };
    if place::is_new(&about) {
        return None;
    }
    let steps = match about.target() {
        Meant::Steps(steps) => steps,
        Meant::Unclear(steps) => return Some(Wish::Which { steps }),
        Meant::Nothing => return None,
    };
    let mut edits = Vec::new();
    for name in &steps {
        edits.push(Edit::set(name, "/when", condition.to_string()));
    }
    edits.extend(measured(context.steps, &condition));
    Some(Wish::Edits(edits))
}

/// "Only ship above 0.95": what is compared stays, the bound is another.
fn other_bound(context: &Context<'_>) -> Option<Wish> {
    let text = context.clause;
    let found = BOUND.captures(text).filter(|_| ONLY.is_match(text))?;
    let subject = &text[..found.get(0)?.start()];
    let about = Context { clause: subject, ..*context };
    let [step] = &about.target_steps()[..] else { return None };
    let when = step.when.as_ref().filter(|when| has_number(when))?;
    let Condition::Compare { left, .. } = when else { return None };
    let (symbol, number) = (symbol(&found[1])?, percent(&found[2], found.get(3).is_some()));
    let left = left.to_string();
    let changed: Condition = format!("{left} {symbol} {number}").parse().ok()?;
    Some(Wish::Edits(vec![Edit::set(&step.name, "/when", changed.to_string())]))
}

/// Steps at the end run always, or only after a failure.
fn at_end(context: &Context<'_>) -> Option<Wish> {
    let text = context.clause;
    let exit: Vec<&Step> =
        context.target_steps().into_iter().filter(|step| context.steps.at_end(&step.name)).collect();
    if exit.is_empty() || place::is_new(context) {
        return None;
    }
    let failed = format!("{WORKFLOW}.status != 'Succeeded'");
    let wrong = FAILURE.is_match(text) || text.to_lowercase().contains("went wrong");
    if ANYWAY.is_match(text) || ALWAYS.is_match(text) || NO_CONDITION.is_match(text) {
        let edits: Vec<Edit> = exit
            .iter()
            .filter(|step| step.when.is_some())
            .map(|step| Edit::unset(&step.name, "/when"))
            .collect();
        return Some(if edits.is_empty() {
            Wish::Already("it runs whatever happened".into())
        } else {
            Wish::Edits(edits)
        });
    }
    wrong.then(|| {
        Wish::Edits(exit.iter().map(|step| Edit::set(&step.name, "/when", failed.clone())).collect())
    })
}

/// The condition that a text states: a comparison of a metric, or what a step prints.
pub(super) fn stated(steps: &Steps<'_>, text: &str, subject: &str) -> Option<Condition> {
    if let Some(found) = COMPARISON.captures(text) {
        if let Some(reference) = found.get(5) {
            return format!("{} {} {}", reference.as_str(), &found[6], &found[7]).parse().ok();
        }
        let metric = found[1].to_lowercase().replace([' ', '-'], "").replace('²', "2");
        let metric = if metric == "rsquared" { "r2".to_owned() } else { metric };
        let symbol = symbol(&found[2])?;
        let number = percent(&found[3], found.get(4).is_some());
        let (step, output) = source(steps, &metric, text, subject)?;
        return format!("{step}.{output} {symbol} {number}").parse().ok();
    }
    if let Some(condition) = VALUE.captures_iter(text).find_map(|found| value_of(steps, &found)) {
        return Some(condition);
    }
    let found = PRINTS.captures(text)?;
    let named = steps.named(&found[1]);
    let [only] = &named[..] else { return None };
    let step = only.steps.first()?;
    format!("{step}.result == '{}'", &found[3]).parse().ok()
}

/// The value of a step that is named: what it prints, or the one value that its component gives.
fn value_of(steps: &Steps<'_>, found: &regex::Captures<'_>) -> Option<Condition> {
    let step = steps.get(&found[1].to_lowercase())?;
    let output = match &step.run {
        Function::Component(call) => {
            let component = steps.component(step)?;
            let given = component.values.iter().find_map(|value| match value {
                OutputValue::FromArgument(argument) => call.with.get(argument)?.as_array()?.first()?.as_str(),
                OutputValue::Name(_) => None,
            });
            let named = component.values.iter().filter_map(|value| match value {
                OutputValue::Name(name) => Some(name.as_str()),
                OutputValue::FromArgument(_) => None,
            });
            let score = named.clone().find(|name| name.contains("score"));
            given.or(score).or_else(|| named.clone().next()).unwrap_or("result")
        }
        _ => "result",
    };
    let number = percent(&found[3], found.get(4).is_some());
    format!("{}.{output} {} {number}", step.name, symbol(&found[2])?).parse().ok()
}

fn symbol(words: &str) -> Option<&'static str> {
    let words = words.trim().to_lowercase();
    let has = |list: &[&str]| list.iter().any(|word| words.contains(word));
    Some(match words.as_str() {
        ">=" => ">=",
        "<=" => "<=",
        "==" | "=" | "is" | "equals" | "of" => "==",
        "!=" => "!=",
        ">" => ">",
        "<" => "<",
        _ if has(&["at least", "less than", "not below", "reaches"])
            && has(&["at least", "no ", "not ", "reaches"]) =>
        {
            ">="
        }
        _ if has(&["at most", "no more", "not more", "not above"]) => "<=",
        _ if has(&["or equal"]) => {
            if has(&["less", "lower", "smaller"]) {
                "<="
            } else {
                ">="
            }
        }
        _ if has(&[
            "above", "over", "greater", "higher", "more", "better", "larger", "bigger", "exceed", "beat",
            "pass",
        ]) =>
        {
            ">"
        }
        _ if has(&["below", "under", "less", "lower", "smaller", "beneath", "worse"]) => "<",
        _ => return None,
    })
}

/// The step that measures a metric: one that the text names, else the last that measures models, else any.
fn source(steps: &Steps<'_>, metric: &str, text: &str, subject: &str) -> Option<(String, String)> {
    let about = steps.meant(subject);
    let is_subject = |step: &Step| matches!(&about, Meant::Steps(names) if names.contains(&step.name));
    let output = |step: &Step| -> Option<String> {
        let component = steps.component(step)?;
        let found = metric_of(component, metric);
        let scalar = component.values.iter().find_map(|value| match value {
            OutputValue::Name(name) if name == metric => Some(name.clone()),
            _ => None,
        });
        found.or(scalar)
    };
    let all: Vec<(&Step, String)> = steps
        .program
        .steps
        .iter()
        .filter(|step| !is_subject(step))
        .filter_map(|step| output(step).map(|output| (step, output)))
        .collect();
    let named = steps.named(text);
    let by_name = all.iter().find(|(step, _)| {
        named.iter().any(|place| {
            place.steps == [step.name.clone()]
                && text[place.start..place.end].eq_ignore_ascii_case(&step.name)
        })
    });
    let measures =
        |step: &Step| steps.component(step).is_some_and(|component| component.task == Task::Evaluate);
    let listed = |step: &Step| match &step.run {
        Function::Component(call) => {
            call.with.values().any(|value| value.to_string().contains(&format!("\"{metric}\"")))
        }
        _ => false,
    };
    by_name
        .or_else(|| all.iter().rev().find(|(step, _)| measures(step)))
        .or_else(|| all.iter().rev().find(|(step, _)| listed(step)))
        .or_else(|| all.last())
        .map(|(step, output)| (step.name.clone(), output.clone()))
}

/// A metric that a condition reads must be among those that its step computes.
pub(super) fn measured(steps: &Steps<'_>, condition: &Condition) -> Vec<Edit> {
    let known: Vec<&str> = METRICS.iter().map(|(metric, _)| *metric).collect();
    condition
        .outputs()
        .into_iter()
        .filter(|(_, output)| known.contains(output))
        .filter_map(|(name, output)| {
            let step = steps.get(name)?;
            let component = steps.component(step)?;
            let argument = component.values.iter().find_map(|value| match value {
                OutputValue::FromArgument(argument) => Some(argument),
                OutputValue::Name(_) => None,
            })?;
            let Function::Component(call) = &step.run else { return None };
            let mut metrics =
                call.with.get(argument).and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
            if metrics.iter().any(|metric| metric == output) {
                return None;
            }
            metrics.push(output.into());
            Some(Edit::set(name, format!("/run/with/{argument}"), metrics))
        })
        .collect()
}

/// The condition that a wish for a new step states, and the steps that it reads.
pub(super) fn stated_of_new(context: &Context<'_>) -> Option<(String, Vec<String>)> {
    let found = IF.captures(context.clause)?;
    let condition = stated(context.steps, &found[2], "")?;
    let negated = found[1].to_lowercase().starts_with("unless");
    let condition = if negated { crate::nl::base::assemble::negated(&condition)? } else { condition };
    let steps = condition.outputs().into_iter().map(|(step, _)| step.to_owned()).collect();
    Some((condition.to_string(), steps))
}
