//! A Gantt chart for the terminal: one line per worker.

use super::Simulation;
use crate::optimize::number::{as_f64, as_index};

/// Most lines of a chart; the first workers are shown, which are the busiest.
const MOST_LINES: usize = 40;
/// Stand for the parts, again and again.
const PARTS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// One line per worker and one character per slot of time: the sign of the part, `x` for an attempt that failed, `·`
/// for idling. `part_of` gives the part of a task.
pub fn text_chart(run: &Simulation, part_of: &dyn Fn(usize) -> usize, columns: usize) -> String {
    let columns = columns.max(20);
    if run.attempts.is_empty() {
        return "nothing runs\n".to_owned();
    }
    let shown = run.workers.min(MOST_LINES);
    let mut lines = vec![vec!['·'; columns]; shown];
    let per_second = as_f64(columns) / run.makespan.max(f64::MIN_POSITIVE);
    for attempt in run.attempts.iter().filter(|attempt| attempt.worker < shown) {
        let from = as_index(attempt.start * per_second).min(columns - 1);
        let to = as_index((attempt.end * per_second).ceil()).clamp(from + 1, columns);
        let sign = if attempt.failed { 'x' } else { char::from(PARTS[part_of(attempt.task) % PARTS.len()]) };
        lines[attempt.worker][from..to].fill(sign);
    }
    let mut text = String::new();
    for (worker, line) in lines.iter().enumerate() {
        text.push_str(&format!("{:>6} ", worker + 1));
        text.extend(line);
        text.push('\n');
    }
    if run.workers > lines.len() {
        text.push_str(&format!("       … {} more workers\n", run.workers - lines.len()));
    }
    let end = format!("{:.0} s", run.makespan);
    text.push_str(&format!("       0{end:>width$}\n", width = columns - 1));
    if run.attempts.iter().any(|attempt| attempt.failed) {
        text.push_str("       x is an attempt that failed\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::Attempt;
    use super::*;

    #[test]
    fn a_line_per_worker() {
        let attempt = |task, worker, start, end, failed| Attempt { task, worker, start, end, failed };
        let attempts = vec![
            attempt(0, 0, 0.0, 10.0, false),
            attempt(1, 1, 0.0, 5.0, true),
            attempt(1, 1, 5.0, 8.0, false),
        ];
        let run = Simulation { makespan: 10.0, attempts, workers: 2, failed: vec![], not_run: 0 };
        let chart = text_chart(&run, &|task| task, 20);
        let expected = "     1 00000000000000000000\n     2 xxxxxxxxxx111111····\n       0               10 s\n       \
             x is an attempt that failed\n";
        assert_eq!(chart, expected);
    }
}
