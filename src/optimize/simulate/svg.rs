//! A Gantt chart as SVG.

use super::Simulation;
use crate::optimize::number::as_f64;

/// Colours of parts, again and again; told apart by people with any colour vision.
const COLORS: [&str; 8] =
    ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#888888", "#dd8833"];
/// Colour of attempts that failed.
const FAILED: &str = "#000000";
/// Width of the drawing without margins.
const WIDTH: f64 = 1000.0;
const MARGIN: f64 = 40.0;
/// Parts that the legend names; more are repetitions of colours.
const MOST_NAMED: usize = 16;
/// Width of a letter in a bar, about.
const LETTER: f64 = 6.2;

/// One row per worker, one bar per attempt in the colour of its part, with its name where there is room for it and with
/// its name and times as a tooltip.
pub fn svg_chart(
    run: &Simulation,
    title: &str,
    name_of: &dyn Fn(usize) -> String,
    part_of: &dyn Fn(usize) -> usize,
) -> String {
    let row = (700.0 / as_f64(run.workers.max(1))).clamp(1.0, 18.0);
    let height = row * as_f64(run.workers);
    let scale = WIDTH / run.makespan.max(f64::MIN_POSITIVE);
    let (full_width, full_height) = (WIDTH + 2.0 * MARGIN, height + 2.0 * MARGIN + 24.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {full_width} {full_height:.1}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"{MARGIN}\" y=\"24\" font-size=\"15\">{}</text>\n",
        escaped(title)
    );
    axis(&mut svg, run.makespan, scale, height);
    for attempt in &run.attempts {
        let fill = if attempt.failed { FAILED } else { COLORS[part_of(attempt.task) % COLORS.len()] };
        let name = escaped(&name_of(attempt.task));
        let (x, y) = (MARGIN + attempt.start * scale, MARGIN + row * as_f64(attempt.worker));
        // A white edge tells bars of one part apart.
        let gap = if row < 4.0 { 0.0 } else { 1.0 };
        let width = ((attempt.end - attempt.start) * scale - gap).max(0.4);
        svg.push_str(&format!(
            "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{width:.2}\" height=\"{:.2}\" fill=\"{fill}\"><title>{name}: {:.1} s \
             to {:.1} s{}</title></rect>\n",
            row * 0.9,
            attempt.start,
            attempt.end,
            if attempt.failed { ", failed" } else { "" },
        ));
        let letters = as_f64(name_of(attempt.task).chars().count());
        if row >= 14.0 && letters * LETTER + 6.0 <= width {
            svg.push_str(&format!(
                "<text x=\"{:.2}\" y=\"{:.2}\" font-size=\"11\" fill=\"#ffffff\" pointer-events=\"none\">{name}</text>\n",
                x + 3.0,
                y + row * 0.68,
            ));
        }
    }
    legend(&mut svg, run, part_of, MARGIN + height + 44.0);
    svg.push_str("</svg>\n");
    svg
}

/// Lines at round times.
fn axis(svg: &mut String, makespan: f64, scale: f64, height: f64) {
    let (unit, word) = match makespan {
        short if short < 300.0 => (1.0, "s"),
        middle if middle < 3.0 * 3600.0 => (60.0, "min"),
        _ => (3600.0, "h"),
    };
    let step = round_step(makespan / unit / 8.0);
    let mut tick = 0.0;
    while tick * unit <= makespan * (1.0 + 1e-9) {
        let x = MARGIN + tick * unit * scale;
        svg.push_str(&format!(
            "<line x1=\"{x:.1}\" y1=\"{MARGIN}\" x2=\"{x:.1}\" y2=\"{:.1}\" stroke=\"#dddddd\"/>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{} {word}</text>\n",
            MARGIN + height,
            MARGIN + height + 18.0,
            (tick * 1e6).round() / 1e6,
        ));
        tick += step;
    }
}

/// The smallest of 1, 2 and 5 times a power of ten that is not below `least`.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.max(1e-6).log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|step| *step >= least)
        .unwrap_or(least)
}

/// What the colours mean.
fn legend(svg: &mut String, run: &Simulation, part_of: &dyn Fn(usize) -> usize, y: f64) {
    let parts: std::collections::BTreeSet<usize> =
        run.attempts.iter().map(|attempt| part_of(attempt.task)).collect();
    let mut entries: Vec<(&str, String)> = Vec::new();
    if parts.len() > 1 {
        let named = parts.iter().take(MOST_NAMED);
        entries.extend(named.map(|part| (COLORS[part % COLORS.len()], format!("part {}", part + 1))));
        if parts.len() > MOST_NAMED {
            entries.push(("#ffffff", format!("… {} in all", parts.len())));
        }
    }
    if run.attempts.iter().any(|attempt| attempt.failed) {
        entries.push((FAILED, "failed attempt".to_owned()));
    }
    let mut x = MARGIN;
    for (color, words) in entries {
        svg.push_str(&format!(
            "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"10\" height=\"10\" fill=\"{color}\"/>\n\
             <text x=\"{:.1}\" y=\"{y:.1}\">{words}</text>\n",
            y - 9.0,
            x + 14.0,
        ));
        x += 28.0 + 6.5 * as_f64(words.chars().count());
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::{Assumptions, Mode, simulate};
    use super::*;
    use crate::optimize::split::{Dag, Task};

    #[test]
    fn every_attempt_is_a_bar_and_names_are_escaped() {
        let dag = Dag::new(&[vec![1], vec![]], &[Task::plain(1.0, 1); 2]).unwrap();
        let run = simulate(&dag, Mode::Unsplit, &Assumptions::default());
        let svg = svg_chart(&run, "a < b", &|task| format!("step-{task}"), &|_| 0);
        assert_eq!(svg.matches("<title>step-").count(), 2);
        assert!(svg.contains("a &lt; b") && svg.contains("step-1: 1.0 s to 2.0 s"), "{svg}");
        assert!(!svg.contains("part 1") && !svg.contains("failed attempt"), "{svg}");
        let parts = svg_chart(&run, "two", &|task| format!("step-{task}"), &|task| task);
        assert!(parts.contains(">part 1<") && parts.contains(">part 2<"), "{parts}");
    }

    #[test]
    fn ticks_are_round() {
        for (least, expected) in [(0.03, 0.05), (0.9, 1.0), (1.1, 2.0), (2.7, 5.0), (60.0, 100.0)] {
            assert!((round_step(least) - expected).abs() < 1e-9, "{least}");
        }
    }
}
