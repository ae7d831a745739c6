//! Plots as rectangles, lines and texts, which the page writes as SVG.

use serde::Serialize;

use super::text::{clip, count, estimate, plain, stage};
use crate::eval::statistics::{Estimate, float};
use crate::eval::{Figures, Summary};

/// All plots are this wide, in units that a phone shows as about one pixel.
const WIDTH: f64 = 380.0;
/// Room for the ticks and the name of the lower axis.
const FOOT: f64 = 38.0;
/// Bars: room for the names, room for the figures, height of a row.
const NAMES: f64 = 146.0;
const VALUES: f64 = 54.0;
const ROW: f64 = 20.0;
/// Characters of a name that fit.
const NAME_LENGTH: usize = 22;
/// Histograms: left edge, upper edge and height of the area.
const LEFT: f64 = 34.0;
const HEAD: f64 = 34.0;
const AREA: f64 = 150.0;

/// A drawing with the text that stands for it where it cannot be seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Plot {
    id: &'static str,
    title: &'static str,
    description: String,
    width: f64,
    height: f64,
    /// Lines behind the rectangles.
    grid: Vec<Line>,
    rectangles: Vec<Rectangle>,
    /// Lines in front of them.
    marks: Vec<Line>,
    texts: Vec<Text>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Rectangle {
    kind: &'static str,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    label: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Line {
    kind: &'static str,
    x1: f64,
    y1: f64,
    x2: f64,
    y2: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Text {
    kind: &'static str,
    x: f64,
    y: f64,
    text: String,
}

/// A row of a bar chart.
struct Bar {
    kind: &'static str,
    name: String,
    value: f64,
    interval: Option<(f64, f64)>,
    figure: String,
    label: String,
}

/// What a histogram is of.
pub(super) struct Quantity {
    id: &'static str,
    title: &'static str,
    unit: &'static str,
    /// Digits of its median after the point.
    digits: usize,
}

/// Wall-clock time of samples.
pub(super) const SECONDS: Quantity =
    Quantity { id: "seconds", title: "Time per sample", unit: "seconds", digits: 1 };
/// Tokens of samples without those of the cached prefix.
pub(super) const TOKENS: Quantity =
    Quantity { id: "tokens", title: "Uncached tokens per sample", unit: "tokens", digits: 0 };

/// The ticks of an axis that begins at 0.
struct Axis {
    name: &'static str,
    end: f64,
    ticks: Vec<(f64, String)>,
}

impl Plot {
    fn new(id: &'static str, title: &'static str, description: String, height: f64) -> Self {
        Self { id, title, description, width: WIDTH, height, ..Self::default() }
    }

    fn rectangle(&mut self, kind: &'static str, [x, y, width, height]: [f64; 4], label: String) {
        let [x, y, width, height] = [x, y, width, height].map(rounded);
        self.rectangles.push(Rectangle { kind, x, y, width, height, label });
    }

    fn text(&mut self, kind: &'static str, x: f64, y: f64, text: impl Into<String>) {
        self.texts.push(Text { kind, x: rounded(x), y: rounded(y), text: text.into() });
    }
}

fn line(kind: &'static str, from: (f64, f64), to: (f64, f64)) -> Line {
    let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(rounded);
    Line { kind, x1, y1, x2, y2 }
}

/// pass@1 by category with its intervals, all descriptions last.
pub(super) fn pass_rates(summary: &Summary) -> Plot {
    let bar = |kind: &'static str, name: &str, figures: &Figures| {
        let rate = figures.pass_at.get(&1)?;
        let Estimate { value, low, high } = *rate;
        let figure = format!("{}/{}", figures.passed, figures.samples);
        let label = format!("{}: {}, {figure} passed", plain(name), estimate(rate));
        Some(Bar { kind, name: plain(name), value, interval: Some((low, high)), figure, label })
    };
    let bars: Vec<Bar> = summary
        .categories
        .iter()
        .filter_map(|(name, figures)| bar("bar", name, figures))
        .chain(bar("bar all", "all", &summary.all))
        .collect();
    let ticks = [0.0, 25.0, 50.0, 75.0, 100.0].map(|share| (share / 100.0, format!("{share:.0}"))).to_vec();
    let axis = Axis { name: "pass@1 in %, with the 95 % interval", end: 1.0, ticks };
    let labels: Vec<&str> = bars.iter().map(|bar| bar.label.as_str()).collect();
    let description = format!("One bar per category. {}.", labels.join("; "));
    bar_chart("pass-rates", "Pass rate by category", description, &bars, &axis)
}

/// Failed samples by the stage that failed first.
pub(super) fn failed_stages(summary: &Summary) -> Plot {
    let bars: Vec<Bar> = summary
        .all
        .failed_stages
        .iter()
        .map(|(failed, samples)| {
            let name = stage(*failed).to_owned();
            let label = format!("{name}: {}", count(*samples, "failed sample"));
            Bar {
                kind: "bar failed",
                name,
                value: float(*samples),
                interval: None,
                figure: samples.to_string(),
                label,
            }
        })
        .collect();
    let axis = counts_axis("failed samples", bars.iter().map(|bar| bar.value).fold(1.0, f64::max));
    let labels: Vec<&str> = bars.iter().map(|bar| bar.label.as_str()).collect();
    let found = if labels.is_empty() { "No sample failed".to_owned() } else { labels.join("; ") };
    bar_chart("failed-stages", "Where failed samples went wrong first", format!("{found}."), &bars, &axis)
}

fn bar_chart(id: &'static str, title: &'static str, description: String, bars: &[Bar], axis: &Axis) -> Plot {
    let bottom = 4.0 + ROW * float(bars.len().max(1));
    let mut plot = Plot::new(id, title, description, bottom + FOOT);
    let area = WIDTH - NAMES - VALUES;
    let x = |value: f64| NAMES + area * value / axis.end;
    for (value, text) in &axis.ticks {
        plot.grid.push(line("grid", (x(*value), 4.0), (x(*value), bottom)));
        plot.text("middle muted", x(*value), bottom + 14.0, text);
    }
    plot.text("middle", NAMES + area / 2.0, bottom + 31.0, axis.name);
    for (index, bar) in bars.iter().enumerate() {
        let middle = 4.0 + ROW * (float(index) + 0.5);
        let width = x(bar.value) - NAMES;
        plot.rectangle(bar.kind, [NAMES, middle - 6.0, width, 12.0], bar.label.clone());
        plot.text("end", NAMES - 6.0, middle + 4.0, clip(&bar.name, NAME_LENGTH));
        plot.text("end", WIDTH - 2.0, middle + 4.0, &bar.figure);
        if let Some((low, high)) = bar.interval {
            plot.marks.push(line("whisker", (x(low), middle), (x(high), middle)));
            for end in [x(low), x(high)] {
                plot.marks.push(line("whisker", (end, middle - 4.0), (end, middle + 4.0)));
            }
        }
    }
    if bars.is_empty() {
        plot.text("middle muted", NAMES + area / 2.0, bottom - 6.0, "none");
    }
    plot
}

/// How often values lie in intervals of the same size, and their median.
pub(super) fn histogram(quantity: &Quantity, values: &[f64], median: f64) -> Plot {
    let Quantity { id, title, unit, digits } = *quantity;
    let median_text = format!("{median:.digits$}");
    let bins = Bins::of(values);
    let bottom = HEAD + AREA;
    let axis = counts_axis("samples", bins.counts.iter().copied().map(float).fold(1.0, f64::max));
    let mut plot = Plot::new(id, title, histogram_description(&bins, unit, &median_text), bottom + FOOT);
    for (value, text) in &axis.ticks {
        let y = bottom - AREA * value / axis.end;
        plot.grid.push(line("grid", (LEFT, y), (WIDTH - 12.0, y)));
        plot.text("end muted", LEFT - 6.0, y + 4.0, text);
    }
    plot.text("start", 2.0, 12.0, axis.name);
    let width = (WIDTH - 12.0 - LEFT) / float(bins.counts.len());
    for (index, samples) in bins.counts.iter().enumerate() {
        let (x, height) = (LEFT + width * float(index), AREA * float(*samples) / axis.end);
        let label = format!(
            "{} to {} {unit}: {}",
            bins.edge_text(index),
            bins.edge_text(index + 1),
            count(*samples, "sample")
        );
        plot.rectangle("bar", [x + 0.75, bottom - height, width - 1.5, height], label);
    }
    for edge in (0..=bins.counts.len()).step_by(bins.counts.len().div_ceil(6)) {
        plot.text("middle muted", LEFT + width * float(edge), bottom + 14.0, bins.edge_text(edge));
    }
    plot.text("middle", f64::midpoint(LEFT, WIDTH - 12.0), bottom + 31.0, unit);
    if !values.is_empty() {
        mark_median(&mut plot, LEFT + width * (median - bins.edge(0)) / bins.step, &median_text);
    }
    plot
}

fn histogram_description(bins: &Bins, unit: &str, median: &str) -> String {
    let samples = bins.counts.iter().sum();
    if samples == 0 {
        return "There is no sample.".to_owned();
    }
    format!(
        "{} from {} to {} {unit}, the median is {median}.",
        count(samples, "sample"),
        bins.edge_text(0),
        bins.edge_text(bins.counts.len())
    )
}

fn mark_median(plot: &mut Plot, x: f64, median: &str) {
    plot.marks.push(line("median", (x, HEAD - 6.0), (x, HEAD + AREA)));
    let kind = if x > WIDTH / 2.0 { "end" } else { "start" };
    plot.text(kind, x, HEAD - 10.0, format!("median {median}"));
}

/// Ticks at whole numbers that reach at least `most`.
fn counts_axis(name: &'static str, most: f64) -> Axis {
    let step = nice(most / 4.0).max(1.0);
    let mut ticks = vec![(0.0, "0".to_owned())];
    let mut end = 0.0;
    while end < most {
        end += step;
        ticks.push((end, format!("{end:.0}")));
    }
    Axis { name, end, ticks }
}

/// The least of 1, 2, 5 times a power of ten that is at least this.
fn nice(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|step| *step >= least)
        .unwrap_or(10.0 * power)
}

fn rounded(coordinate: f64) -> f64 {
    (10.0 * coordinate).round() / 10.0
}

/// Intervals of the same size, and how many values lie in each.
#[derive(Debug, PartialEq)]
pub(super) struct Bins {
    start: f64,
    step: f64,
    pub(super) counts: Vec<usize>,
}

impl Bins {
    /// At most 18 intervals that cover all values.
    pub(super) fn of(values: &[f64]) -> Self {
        let low = values.iter().copied().reduce(f64::min).unwrap_or(0.0);
        let high = values.iter().copied().reduce(f64::max).unwrap_or(0.0);
        let span = if high > low { high - low } else { high.abs().max(1.0) };
        let step = nice(span / 16.0);
        let mut bins = Self { start: (low / step).floor() * step, step, counts: Vec::new() };
        let intervals = (0..18).take_while(|index| bins.edge(*index) <= high).count();
        bins.counts = vec![0; intervals.max(4)];
        for value in values {
            let edges_below = (0..intervals).filter(|index| bins.edge(*index) <= *value).count();
            bins.counts[edges_below.saturating_sub(1)] += 1;
        }
        bins
    }

    fn edge(&self, index: usize) -> f64 {
        self.start + self.step * float(index)
    }

    /// An edge with as many digits as the intervals need.
    fn edge_text(&self, index: usize) -> String {
        let digits = [1.0, 0.1, 0.01].iter().position(|unit| self.step >= *unit).unwrap_or(3);
        format!("{:.digits$}", self.edge(index))
    }
}
