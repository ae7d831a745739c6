//! The trials as an SVG drawing: losses on held-back rows by round, and a bar for each candidate.

use std::fmt::Write;

use super::{Candidate, TrialOutcome};

const WIDTH: f64 = 380.0;
const LEFT: f64 = 44.0;
const CURVES: f64 = 190.0;
const TOP: f64 = 26.0;
const ROW: f64 = 38.0;

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#222}.title{font-weight:600}.small{font-size:10px;fill:#666}\
.line{fill:none;stroke:#9db4c8;stroke-width:1.5}.bar{fill:#9db4c8}.own{fill:#1f6f8b;stroke:#1f6f8b}.line.own{fill:none;stroke-width:2.5}.grid{stroke:#ddd}\
@media(prefers-color-scheme:dark){text{fill:#eee}.small{fill:#aaa}.grid{stroke:#444}.bar{fill:#5b7285}.line{stroke:#5b7285}.own{fill:#4fb3d1;stroke:#4fb3d1}}";

/// Draws the trials of one step; `chosen` is marked.
pub fn plot(title: &str, candidates: &[Candidate], outcomes: &[TrialOutcome], chosen: usize) -> String {
    let mut body = String::new();
    let mut y = 0.0;
    add(&mut body, format_args!("<text class=\"title\" x=\"0\" y=\"16\">{}</text>", escaped(title)));
    if outcomes.iter().any(|outcome| outcome.curve.len() > 1) {
        curves(&mut body, outcomes, chosen);
        y += TOP + CURVES + 30.0;
    } else {
        y += TOP;
    }
    y = bars(&mut body, candidates, outcomes, chosen, y);
    let words: Vec<String> = candidates
        .iter()
        .zip(outcomes)
        .map(|(candidate, outcome)| format!("{}: {}", candidate.described(), loss_text(outcome)))
        .collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y:.0}\" role=\"img\" aria-labelledby=\"t d\">\
         <title id=\"t\">{}</title><desc id=\"d\">{}</desc><style>{STYLE}</style>{body}</svg>\n",
        escaped(title),
        escaped(&words.join("; "))
    )
}

fn add(body: &mut String, text: std::fmt::Arguments<'_>) {
    body.write_fmt(text).expect("memory can be written to");
}

fn loss_text(outcome: &TrialOutcome) -> String {
    outcome.loss.map_or_else(|| "failed".to_owned(), |loss| format!("{loss:.4}"))
}

fn curves(body: &mut String, outcomes: &[TrialOutcome], chosen: usize) {
    let points = || outcomes.iter().flat_map(|outcome| outcome.curve.iter().copied());
    let most = f64::from(points().map(|(round, _)| round).max().unwrap_or(1)).max(2.0);
    let low = points().map(|(_, loss)| loss).fold(f64::INFINITY, f64::min);
    // A curve that goes through the roof would press the others flat.
    let starts = outcomes.iter().filter_map(|outcome| outcome.curve.first().map(|(_, loss)| *loss));
    let high = starts.fold(low, f64::max).max(low + 1e-9);
    let x = |round: u32| LEFT + (f64::from(round) - 1.0) / (most - 1.0) * (WIDTH - LEFT - 4.0);
    let y = |loss: f64| TOP + (1.0 - ((loss - low) / (high - low)).clamp(0.0, 1.0)) * CURVES;
    for share in [0.0, 0.5, 1.0] {
        let loss = low + (high - low) * share;
        add(
            body,
            format_args!(
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{0:.1}\" x2=\"{WIDTH}\" y2=\"{0:.1}\"/><text class=\"small\" x=\"0\" y=\"{1:.1}\">{loss:.3}</text>",
                y(loss),
                y(loss) + 4.0
            ),
        );
    }
    for (index, outcome) in outcomes.iter().enumerate().filter(|(_, outcome)| outcome.curve.len() > 1) {
        let line: Vec<String> =
            outcome.curve.iter().map(|(round, loss)| format!("{:.1},{:.1}", x(*round), y(*loss))).collect();
        let own = if index == chosen { " own" } else { "" };
        add(body, format_args!("<polyline class=\"line{own}\" points=\"{}\"/>", line.join(" ")));
    }
    add(
        body,
        format_args!(
            "<text class=\"small\" x=\"{LEFT}\" y=\"{0:.1}\">loss on held-back rows by round</text><text class=\"small\" x=\"{WIDTH}\" y=\"{0:.1}\" text-anchor=\"end\">{most:.0}</text>",
            TOP + CURVES + 14.0
        ),
    );
}

fn bars(
    body: &mut String,
    candidates: &[Candidate],
    outcomes: &[TrialOutcome],
    chosen: usize,
    top: f64,
) -> f64 {
    let most = outcomes.iter().filter_map(|outcome| outcome.loss).fold(0.0, f64::max).max(1e-12);
    let mut y = top;
    for (index, (candidate, outcome)) in candidates.iter().zip(outcomes).enumerate() {
        let name: String = candidate.described().chars().take(62).collect();
        let class = if index == chosen { "own" } else { "bar" };
        let width = outcome.loss.unwrap_or(0.0) / most * (WIDTH - 60.0);
        add(
            body,
            format_args!(
                "<text class=\"small\" x=\"0\" y=\"{:.1}\">{}</text><rect class=\"{class}\" x=\"0\" y=\"{:.1}\" width=\"{width:.1}\" height=\"14\"/>\
             <text x=\"{WIDTH}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                y + 10.0,
                escaped(&name),
                y + 15.0,
                y + 26.0,
                loss_text(outcome)
            ),
        );
        y += ROW;
    }
    y
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::tune::Origin;

    #[test]
    fn every_candidate_has_a_bar_and_the_chosen_one_is_marked() {
        let candidate = |name: &str| Candidate {
            params: Map::from_iter([(name.to_owned(), 1.into())]),
            origin: Origin::Card,
            reason: String::new(),
            ratio_elsewhere: None,
            predicted: None,
        };
        let outcome = |loss| TrialOutcome {
            loss: Some(loss),
            curve: vec![(1, 0.7), (2, loss)],
            ..TrialOutcome::default()
        };
        let failed = TrialOutcome { message: Some("no".into()), ..TrialOutcome::default() };
        let svg = plot(
            "a < b",
            &[candidate("x"), candidate("y"), candidate("z")],
            &[outcome(0.4), outcome(0.2), failed],
            1,
        );
        assert_eq!((svg.matches("<rect").count(), svg.matches("<polyline").count()), (3, 2));
        assert_eq!(svg.matches("class=\"own\"").count(), 1);
        assert!(svg.contains("a &lt; b") && svg.contains("y=1: 0.2000") && svg.contains("failed"));
        assert_eq!(svg.matches('<').count(), svg.matches('>').count());
    }
}
