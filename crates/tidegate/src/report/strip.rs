//! How is what happened to each group drawn, window by window? A row per group, a cell per window.

use std::fmt::Write;

use super::chart::draw_times;
use super::markup::{Escaped, shortened};
use super::scale::{Scale, instant};
use super::{Verdict, Verdicts, Windows};

/// Units of the drawing; the page stretches it.
const WIDTH: f64 = 1000.0;
const LEFT: f64 = 262.0;
const RIGHT: f64 = WIDTH - 20.0;
const ROW: f64 = 18.0;
const GAP: f64 = 4.0;
/// Characters of a group's name beside its row.
const NAME: usize = 34;
/// The least width of a cell with a letter in it.
const LETTERED: f64 = 11.0;

/// What is said of a group that a window does not show, under a threshold or noise.
pub(super) const WITHHELD: &str = "withheld or absent";
/// The same where nothing is withheld.
pub(super) const MISSING: &str = "missing";

/// One cell: how it is drawn, the letter in it, and what is said of it.
#[derive(Clone, PartialEq)]
struct Cell {
    class: &'static str,
    letter: &'static str,
    said: String,
}

impl Cell {
    fn plain(class: &'static str, said: &str) -> Self {
        Self { class, letter: "", said: said.to_owned() }
    }

    fn absent(may_withhold: bool) -> Self {
        if may_withhold { Self::plain("withheld", WITHHELD) } else { Self::plain("missing", MISSING) }
    }
}

/// Draws which windows show which group.
pub(super) fn draw_shown(page: &mut String, windows: &Windows, id: &str) {
    let cell = |is_shown: &bool| if *is_shown { Cell::plain("shown", "shown") } else { Cell::absent(true) };
    let rows = windows.is_shown.iter().map(|row| row.iter().map(cell).collect()).collect::<Vec<_>>();
    draw(page, windows, &rows, "Groups shown", id);
}

/// Draws what a column says of drift.
pub(super) fn draw_verdicts(page: &mut String, windows: &Windows, verdicts: &Verdicts, may_withhold: bool, id: &str) {
    let row = |(cells, is_shown): (&Vec<_>, &Vec<bool>)| {
        let cell = |(judged, is_shown): (&Option<super::Judged>, &bool)| match judged {
            Some(judged) => {
                let (class, letter) = look(judged.verdict);
                Cell { class, letter, said: judged.said.clone() }
            }
            None => Cell::absent(may_withhold && !is_shown),
        };
        cells.iter().zip(is_shown).map(cell).collect()
    };
    let rows = verdicts.cells.iter().zip(&windows.is_shown).map(row).collect::<Vec<_>>();
    draw(page, windows, &rows, &format!("Drift: {}", verdicts.column), id);
}

/// How a verdict is drawn. Height, pattern and letter say what the colour says.
pub(super) fn look(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Stable => ("stable", ""),
        Verdict::Drift => ("drift", "D"),
        Verdict::Insufficient => ("insufficient", "i"),
        Verdict::Uninformative => ("uninformative", "u"),
        Verdict::Other => ("other", "?"),
    }
}

/// The lower half for what is well, all of the row for what is worth a look.
pub(super) fn bar(class: &str, row: f64) -> (f64, f64) {
    if class == "stable" { (row * 0.5, row * 0.5) } else { (0.0, row) }
}

fn draw(page: &mut String, windows: &Windows, rows: &[Vec<Cell>], title: &str, id: &str) {
    let bottom = rows.len() as f64 * (ROW + GAP) + GAP;
    let height = bottom + 24.0;
    let (from, to) = windows.span_us();
    let widths = Scale::new((from as f64, to as f64), (LEFT, RIGHT));
    let title = Escaped(title);
    let _ = write!(
        page,
        "<figure class=\"strip\"><figcaption><b>{title}</b></figcaption><div class=\"wide\" tabindex=\"0\">\
         <svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\">\
         <title id=\"{id}-title\">{title}</title><desc id=\"{id}-desc\">{}</desc>",
        Escaped(&description(rows, windows))
    );
    for (group, cells) in rows.iter().enumerate() {
        let y = GAP + group as f64 * (ROW + GAP);
        let name = if windows.keys.is_empty() { "all rows" } else { &windows.groups[group] };
        let _ = write!(
            page,
            "<circle class=\"dot c{group}\" cx=\"5\" cy=\"{:.1}\" r=\"3.5\"/>\
             <text class=\"name\" x=\"15\" y=\"{:.1}\">{}<title>{}</title></text>",
            y + ROW * 0.5,
            y + ROW * 0.5 + 4.0,
            Escaped(&shortened(name, NAME)),
            Escaped(name)
        );
        draw_row(page, windows, cells, &widths, y);
    }
    draw_times(page, (from, to), &widths, bottom, 8);
    page.push_str("</svg></div></figure>\n");
}

/// Equal cells of windows that follow each other are one.
fn draw_row(page: &mut String, windows: &Windows, cells: &[Cell], widths: &Scale, y: f64) {
    let stride = windows.stride_us();
    let end_of = |window: usize| windows.instants[window].saturating_add(stride);
    let mut first = 0;
    while first < cells.len() {
        let mut last = first;
        while last + 1 < cells.len() && cells[last + 1] == cells[first] && windows.instants[last + 1] == end_of(last) {
            last += 1;
        }
        let (x, to) = (widths.at(windows.instants[first] as f64), widths.at(end_of(last) as f64));
        let one = (to - x) / (last + 1 - first) as f64;
        // Cells of one window have room between them only where they are wide enough.
        let width = (to - x - if one > 4.0 { 1.0 } else { 0.0 }).max(0.8);
        let Cell { class, letter, said } = &cells[first];
        let (above, height) = bar(class, ROW);
        let until = if last > first { format!(" to {}", instant(windows.instants[last])) } else { String::new() };
        let _ = write!(
            page,
            "<rect class=\"cell {class}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"><title>{}{until} UTC: {}</title></rect>",
            y + above,
            instant(windows.instants[first]),
            Escaped(said)
        );
        if !letter.is_empty() && one >= LETTERED {
            let (x, y) = (x + width / 2.0, y + ROW * 0.5 + 4.0);
            let _ = write!(page, "<text class=\"letter {class}\" x=\"{x:.1}\" y=\"{y:.1}\">{letter}</text>");
        }
        first = last + 1;
    }
}

/// The drawing in words, for who does not see it: how often each kind of cell is there.
fn description(rows: &[Vec<Cell>], windows: &Windows) -> String {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for cell in rows.iter().flatten() {
        *counts.entry(cell.class).or_default() += 1;
    }
    let counts = counts.into_iter().map(|(class, count)| format!("{count} {class}")).collect::<Vec<_>>().join(", ");
    format!("{} groups by {} windows: {counts}. The table below has the rows.", rows.len(), windows.instants.len())
}
