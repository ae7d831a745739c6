//! The graph as a drawing of boxes and lines.
//!
//! Layers from top to bottom (the longest path decides, as in Sugiyama's method); edges that pass a layer get a place in it,
//! and the order within a layer follows the middle of a step's neighbours above. Where the terminal is too narrow the graph
//! is a list.

use std::collections::HashMap;

use crate::ir::Workflow;

const GAP: usize = 2;
const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

/// A step, or the place where an edge passes a layer.
#[derive(Debug, Clone)]
struct Cell {
    label: Option<String>,
    width: usize,
    centre: usize,
}

/// Draws a workflow at most `width` columns wide.
pub fn draw(workflow: &Workflow, width: usize) -> String {
    let width = width.max(8);
    let mut text = boxes(workflow, width).unwrap_or_else(|| list(workflow, width));
    let exit: Vec<&str> = workflow.on_exit.iter().map(|node| node.name.as_str()).collect();
    if !exit.is_empty() {
        text.push_str(&cut(&format!("at the end, whatever happens: {}", exit.join(", ")), width));
        text.push('\n');
    }
    text
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Every step with what it waits for, in an order that can be run.
fn list(workflow: &Workflow, width: usize) -> String {
    let mut text = String::new();
    for index in workflow.topological() {
        let name = &workflow.graph[index].name;
        text.push_str(&cut(name, width));
        text.push('\n');
        for earlier in workflow.dependencies(index) {
            text.push_str(&cut(&format!(" ↑ {earlier}"), width));
            text.push('\n');
        }
    }
    text
}

struct Layers {
    rows: Vec<Vec<Cell>>,
    /// For each gap between two rows: from which cell above to which below.
    edges: Vec<Vec<(usize, usize)>>,
}

fn boxes(workflow: &Workflow, width: usize) -> Option<String> {
    let mut layers = layered(workflow);
    for row in &layers.rows {
        let needed: usize =
            row.iter().map(|cell| cell.width).sum::<usize>() + GAP * row.len().saturating_sub(1);
        if needed > width {
            return None;
        }
    }
    place(&mut layers, width);
    Some(render(&layers))
}

fn layered(workflow: &Workflow) -> Layers {
    let order = workflow.topological();
    let mut depth: HashMap<String, usize> = HashMap::new();
    for index in &order {
        let below = workflow.dependencies(*index).iter().map(|name| depth[*name] + 1).max().unwrap_or(0);
        depth.insert(workflow.graph[*index].name.clone(), below);
    }
    let count = depth.values().max().map_or(0, |deepest| deepest + 1);
    let mut rows: Vec<Vec<Cell>> = vec![Vec::new(); count];
    let mut edges: Vec<Vec<(usize, usize)>> = vec![Vec::new(); count.saturating_sub(1)];
    let mut at: HashMap<String, usize> = HashMap::new();
    // Steps and passing edges are put into a layer in the order of what is above them.
    let mut passing: Vec<Vec<(usize, String)>> = vec![Vec::new(); count];
    for layer in 0..count {
        let mut here: Vec<(f64, Cell, Vec<usize>, Option<String>)> = Vec::new();
        for index in order.iter().filter(|index| depth[&workflow.graph[**index].name] == layer) {
            let name = &workflow.graph[*index].name;
            let above: Vec<usize> = workflow
                .dependencies(*index)
                .iter()
                .filter_map(|earlier| {
                    if depth[*earlier] + 1 == layer {
                        at.get(*earlier).copied()
                    } else {
                        passing
                            .get(layer.checked_sub(1)?)?
                            .iter()
                            .find(|(_, from)| from == earlier)
                            .map(|(at, _)| *at)
                    }
                })
                .collect();
            // Odd widths have a middle, so that lines run straight down.
            let cell = Cell { label: Some(name.clone()), width: (name.chars().count() + 4) | 1, centre: 0 };
            here.push((middle(&above), cell, above, None));
        }
        // An edge goes on where a later layer still needs its source; one line serves all of them.
        let goes_on = |source: &str| {
            order.iter().any(|index| {
                depth[&workflow.graph[*index].name] > layer && workflow.dependencies(*index).contains(&source)
            })
        };
        let mut sources: Vec<(usize, String)> = Vec::new();
        if layer > 0 {
            for index in &order {
                let name = &workflow.graph[*index].name;
                if depth[name] + 1 == layer {
                    sources.push((at[name], name.clone()));
                }
            }
            sources.extend(passing[layer - 1].clone());
        }
        for (above, source) in sources.into_iter().filter(|(_, source)| goes_on(source)) {
            let cell = Cell { label: None, width: 1, centre: 0 };
            here.push((middle(&[above]), cell, vec![above], Some(source)));
        }
        here.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (position, (_, cell, above, source)) in here.into_iter().enumerate() {
            if let Some(name) = &cell.label {
                at.insert(name.clone(), position);
            }
            if let Some(source) = source {
                passing[layer].push((position, source));
            }
            if layer > 0 {
                edges[layer - 1].extend(above.into_iter().map(|from| (from, position)));
            }
            rows[layer].push(cell);
        }
    }
    Layers { rows, edges }
}

#[expect(clippy::cast_precision_loss, reason = "positions of a screen")]
fn middle(positions: &[usize]) -> f64 {
    if positions.is_empty() {
        return 0.0;
    }
    positions.iter().sum::<usize>() as f64 / positions.len() as f64
}

/// Gives every cell its column: each layer is centred below the widest one.
fn place(layers: &mut Layers, width: usize) {
    let needed =
        |row: &[Cell]| row.iter().map(|cell| cell.width).sum::<usize>() + GAP * row.len().saturating_sub(1);
    let axis = layers.rows.iter().map(|row| needed(row)).max().unwrap_or(0).min(width) / 2;
    for row in &mut layers.rows {
        let mut left = axis.saturating_sub(needed(row) / 2);
        for cell in row.iter_mut() {
            cell.centre = left + cell.width / 2;
            left += cell.width + GAP;
        }
    }
}

/// A line of the drawing: directions of lines, and text over them.
#[derive(Default)]
struct Line {
    directions: Vec<u8>,
    text: HashMap<usize, char>,
}

impl Line {
    fn add(&mut self, column: usize, direction: u8) {
        if self.directions.len() <= column {
            self.directions.resize(column + 1, 0);
        }
        self.directions[column] |= direction;
    }

    fn write(&mut self, column: usize, text: &str) {
        for (offset, character) in text.chars().enumerate() {
            self.text.insert(column + offset, character);
            self.add(column + offset, 0);
        }
    }

    fn finish(&self) -> String {
        let line: String = self
            .directions
            .iter()
            .enumerate()
            .map(|(column, direction)| {
                self.text.get(&column).copied().unwrap_or_else(|| character(*direction))
            })
            .collect();
        line.trim_end().to_owned()
    }
}

fn character(directions: u8) -> char {
    const TABLE: [char; 16] =
        [' ', '│', '│', '│', '─', '┘', '┐', '┤', '─', '└', '┌', '├', '─', '┴', '┬', '┼'];
    TABLE[usize::from(directions)]
}

fn render(layers: &Layers) -> String {
    let mut lines: Vec<String> = Vec::new();
    for (index, row) in layers.rows.iter().enumerate() {
        let above =
            index.checked_sub(1).map(|gap| layers.edges[gap].iter().map(|(_, to)| *to).collect::<Vec<_>>());
        let below = layers.edges.get(index).map(|gap| gap.iter().map(|(from, _)| *from).collect::<Vec<_>>());
        lines.extend(render_row(row, &above.unwrap_or_default(), &below.unwrap_or_default()));
        if let (Some(edges), Some(next)) = (layers.edges.get(index), layers.rows.get(index + 1)) {
            lines.extend(render_gap(row, next, edges));
        }
    }
    lines.join("\n") + "\n"
}

fn render_row(row: &[Cell], above: &[usize], below: &[usize]) -> Vec<String> {
    let mut lines = [Line::default(), Line::default(), Line::default()];
    for (position, cell) in row.iter().enumerate() {
        let Some(label) = &cell.label else {
            for line in &mut lines {
                line.add(cell.centre, UP | DOWN);
            }
            continue;
        };
        let left = cell.centre - cell.width / 2;
        let right = left + cell.width - 1;
        for column in left..=right {
            for line in [0, 2] {
                lines[line].add(column, if column > left { LEFT } else { 0 });
                lines[line].add(column, if column < right { RIGHT } else { 0 });
            }
        }
        for column in [left, right] {
            lines[0].add(column, DOWN);
            lines[1].add(column, UP | DOWN);
            lines[2].add(column, UP);
        }
        lines[1].write(left + 2, label);
        if above.contains(&position) {
            lines[0].add(cell.centre, UP);
        }
        if below.contains(&position) {
            lines[2].add(cell.centre, DOWN);
        }
    }
    lines.iter().map(Line::finish).collect()
}

/// The lines between two rows: every source that does not run straight down gets a row of its own.
fn render_gap(row: &[Cell], next: &[Cell], edges: &[(usize, usize)]) -> Vec<String> {
    let mut sources: Vec<usize> = edges.iter().map(|(from, _)| *from).collect();
    sources.sort_unstable();
    sources.dedup();
    let targets = |source: usize| -> Vec<usize> {
        edges.iter().filter(|(from, _)| *from == source).map(|(_, to)| next[*to].centre).collect()
    };
    let bent: Vec<usize> =
        sources.iter().copied().filter(|source| targets(*source) != [row[*source].centre]).collect();
    if bent.is_empty() {
        return Vec::new();
    }
    let mut lines: Vec<Line> = (0..bent.len()).map(|_| Line::default()).collect();
    for source in &sources {
        let from = row[*source].centre;
        let Some(level) = bent.iter().position(|other| other == source) else {
            for line in &mut lines {
                line.add(from, UP | DOWN);
            }
            continue;
        };
        for line in &mut lines[..level] {
            line.add(from, UP | DOWN);
        }
        let ends = targets(*source);
        let left = ends.iter().copied().chain([from]).min().unwrap_or(from);
        let right = ends.iter().copied().chain([from]).max().unwrap_or(from);
        let line = &mut lines[level];
        line.add(from, UP);
        for column in left..=right {
            line.add(column, if column > left { LEFT } else { 0 });
            line.add(column, if column < right { RIGHT } else { 0 });
        }
        for end in ends {
            lines[level].add(end, DOWN);
            for line in &mut lines[level + 1..] {
                line.add(end, UP | DOWN);
            }
        }
    }
    lines.iter().map(Line::finish).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{NoComponents, lower};

    fn workflow(steps: &[(&str, &[&str])]) -> Workflow {
        let steps: Vec<_> = steps
            .iter()
            .map(|(name, after)| {
                serde_json::json!({"name": name, "after": after, "run": {"function": "run_container", "image": "a:1"}})
            })
            .collect();
        let program =
            serde_json::from_value(serde_json::json!({"version": "couler/v1", "name": "w", "steps": steps}))
                .unwrap();
        lower(&program, &NoComponents).unwrap()
    }

    #[test]
    fn a_diamond_with_a_shortcut() {
        let drawn = draw(
            &workflow(&[("load", &[]), ("a", &["load"]), ("bb", &["load"]), ("end", &["a", "bb", "load"])]),
            60,
        );
        insta::assert_snapshot!(drawn);
    }

    #[test]
    fn a_narrow_terminal_gets_a_list() {
        let drawn = draw(
            &workflow(&[("load", &[]), ("a-very-long-name-of-a-step", &["load"]), ("b", &["load"])]),
            20,
        );
        assert!(drawn.lines().all(|line| line.chars().count() <= 20), "{drawn}");
        assert!(drawn.contains("a-very-long-name-of") && drawn.contains("↑ load"), "{drawn}");
    }
}
