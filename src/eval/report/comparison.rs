//! Two runs for the terminal.

use super::table::{aligned, plain_table};
use super::text::{Fact, NONE, clip, count, mode, percent, plain};
use crate::eval::statistics::Estimate;
use crate::eval::{Comparison, Conclusion, Difference, RunHeader};

/// Characters of a failure that are shown.
const FAILURE_LENGTH: usize = 80;

/// Two runs for the terminal: rates, difference, what follows, and the cases that differ.
pub fn comparison(comparison: &Comparison) -> String {
    let mut text = aligned(&[
        Fact::new("first", run(comparison.first_rate, &comparison.first)),
        Fact::new("second", run(comparison.second_rate, &comparison.second)),
        Fact::new("descriptions", descriptions(comparison)),
        Fact::new("difference", difference(&comparison.difference)),
        Fact::new("McNemar", pairs(comparison)),
    ]);
    if comparison.first.suite_digest != comparison.second.suite_digest {
        text.push_str("\nnote: the suites are not the same text, so the checks may differ\n");
    }
    text.push_str(&format!("\n{}\n", conclusion(comparison)));
    if !comparison.cases.is_empty() {
        text.push_str(&format!("\n{}", differing(&comparison.cases)));
    }
    text
}

fn run(rate: f64, header: &RunHeader) -> String {
    let without = match header.without.as_slice() {
        [] => String::new(),
        switches => format!(" without {}", switches.join(", ")),
    };
    let RunHeader { suite, model, temperature, date, .. } = header;
    let settings =
        format!("{suite}, {model}, {}{without}, temperature {temperature}, {date}", mode(header.mode));
    format!("{} passed  ({})", percent(rate), plain(&settings))
}

fn descriptions(comparison: &Comparison) -> String {
    match comparison.unpaired {
        0 => format!("{} in both runs", comparison.descriptions),
        unpaired => format!("{} in both runs, {unpaired} in only one and left out", comparison.descriptions),
    }
}

fn difference(difference: &Estimate) -> String {
    // Adding 0 makes 0 of -0.
    let points = |share: f64| (1000.0 * share).round() / 10.0 + 0.0;
    let Estimate { value, low, high } = *difference;
    format!("{:+.1} points (95 % interval {:+.1} to {:+.1})", points(value), points(low), points(high))
}

fn pairs(comparison: &Comparison) -> String {
    let p_value = match comparison.p_value {
        value if value < 0.001 => "p < 0.001".to_owned(),
        value => format!("p = {value:.3}"),
    };
    format!(
        "{} that only the first passes, {} that only the second passes; {p_value}",
        count(comparison.only_first, "sample"),
        comparison.only_second
    )
}

fn conclusion(comparison: &Comparison) -> String {
    match comparison.conclusion {
        Conclusion::Better => "the second run is better".to_owned(),
        Conclusion::Worse => "the second run is worse".to_owned(),
        Conclusion::NotEstablished => {
            let verb = if comparison.descriptions == 1 { "is" } else { "are" };
            let descriptions = count(comparison.descriptions, "description");
            format!("the difference is not established: {descriptions} {verb} too few to tell")
        }
    }
}

fn differing(cases: &[Difference]) -> String {
    let mut table = plain_table(
        ["case that differs", "category", "does not hold in the worse run", "first", "second"],
        3,
    );
    for case in cases {
        let failure = case.failures.first().map_or_else(|| NONE.to_owned(), |failure| plain(failure));
        table.add_row([
            plain(&case.case),
            plain(&case.category),
            clip(&failure, FAILURE_LENGTH),
            percent(case.first),
            percent(case.second),
        ]);
    }
    table.lines().fold(String::new(), |text, line| text + line.trim_end() + "\n")
}
