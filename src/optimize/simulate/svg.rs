//! A Gantt chart as SVG.

use super::Simulation;
use crate::optimize::number::as_f64;

/// Colours of parts, again and again; told apart by people with any colour vision.
const COLORS: [&str; 8] =
    ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#888888", "#dd8833"];
/// Width of the drawing without margins.
const WIDTH: f64 = 1000.0;
const MARGIN: f64 = 40.0;

/// One row per worker, one bar per attempt in the colour of its part, with its name and times as a tooltip.
pub fn svg_chart(
    run: &Simulation,
    title: &str,
    name_of: &dyn Fn(usize) -> String,
    part_of: &dyn Fn(usize) -> usize,
) -> String {
    let row = (700.0 / as_f64(run.workers.max(1))).clamp(1.0, 18.0);
    let height = row * as_f64(run.workers);
    let scale = WIDTH / run.makespan.max(f64::MIN_POSITIVE);
    let (full_width, full_height) = (WIDTH + 2.0 * MARGIN, height + 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {full_width} {full_height:.1}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"{MARGIN}\" y=\"24\" font-size=\"15\">{}</text>\n",
        escaped(title)
    );
    for attempt in &run.attempts {
        let fill = if attempt.failed { "#000000" } else { COLORS[part_of(attempt.task) % COLORS.len()] };
        svg.push_str(&format!(
            "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{:.2}\" fill=\"{fill}\"><title>{}: {:.1} s to \
             {:.1} s{}</title></rect>\n",
            MARGIN + attempt.start * scale,
            MARGIN + row * as_f64(attempt.worker),
            ((attempt.end - attempt.start) * scale).max(0.2),
            row * 0.9,
            escaped(&name_of(attempt.task)),
            attempt.start,
            attempt.end,
            if attempt.failed { ", failed" } else { "" },
        ));
    }
    for tick in 0..=5_u8 {
        let share = f64::from(tick) / 5.0;
        let (x, seconds) = (MARGIN + WIDTH * share, run.makespan * share);
        svg.push_str(&format!(
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{seconds:.0} s</text>\n",
            MARGIN + height + 20.0
        ));
    }
    svg.push_str("</svg>\n");
    svg
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
    }
}
