//! How is one column drawn over time? A line per group, a band where there is one, and what is missing left out.

use std::fmt::Write;

use super::markup::{Escaped, shortened};
use super::scale::{Scale, amount, instant, tick_label, ticks, time_ticks};
use super::{Band, Point, Series, Windows};

/// Units of the drawing; the page stretches it.
const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 196.0;
const LEFT: f64 = 48.0;
const RIGHT: f64 = WIDTH - 20.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = HEIGHT - 26.0;
/// Windows up to which every point is marked; more would hide the line.
const MARKED: usize = 48;

/// Draws a column of the signal `of`. `id` is unique on the page.
pub(super) fn draw(page: &mut String, windows: &Windows, series: &Series, of: &str, id: &str) {
    let points = || series.points.iter().flatten().flatten();
    let edges = points().flat_map(|point| {
        let (low, high) = point.band.unwrap_or((point.value, point.value));
        [point.value, low, high]
    });
    let (low, high) =
        edges.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), edge| (low.min(edge), high.max(edge)));
    let is_empty = low > high;
    let (marks, step) = if is_empty { ticks(0.0, 1.0, 5) } else { ticks(low, high, 5) };
    let bottom = marks.first().copied().unwrap_or(0.0);
    let top = marks.last().copied().unwrap_or(1.0);
    let heights = Scale::new((bottom, top), (BOTTOM, TOP));
    let (from, to) = windows.span_us();
    let widths = Scale::new((from as f64, to as f64), (LEFT, RIGHT));
    let drawing = Drawing { windows, heights, widths, breaks: breaks(&windows.instants) };

    let _ = write!(
        page,
        "<figure class=\"chart\"><figcaption><b>{}</b>{}</figcaption>\
         <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\">\
         <title id=\"{id}-title\">{} of {}</title><desc id=\"{id}-desc\">{}</desc>",
        Escaped(&series.column),
        if points().any(|point| point.band.is_some()) { band_words(series.band) } else { "" },
        Escaped(&series.column),
        Escaped(of),
        Escaped(&description(windows, (low, high)))
    );
    for mark in marks {
        let y = heights.at(mark);
        let _ = write!(
            page,
            "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/><text class=\"y\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT - 6.0,
            y + 3.5,
            tick_label(mark, step)
        );
    }
    draw_times(page, (from, to), &widths, BOTTOM, 4);
    for (group, points) in series.points.iter().enumerate() {
        drawing.band(page, group, points);
    }
    for (group, points) in series.points.iter().enumerate() {
        drawing.line(page, group, points);
    }
    if is_empty {
        let _ = write!(page, "<text class=\"none\" x=\"{:.1}\" y=\"90\">no values</text>", f64::midpoint(LEFT, RIGHT));
    }
    drawing.values(page, series);
    page.push_str("</svg></figure>\n");
}

/// An axis of time, in UTC.
pub(super) fn draw_times(page: &mut String, (from, to): (i64, i64), widths: &Scale, y: f64, count: i64) {
    let _ =
        write!(page, "<path class=\"axis\" d=\"M{:.1} {y:.1}H{:.1}\"/>", widths.at(from as f64), widths.at(to as f64));
    for (at, name) in time_ticks(from, to, count) {
        let x = widths.at(at as f64);
        let _ = write!(
            page,
            "<path class=\"axis\" d=\"M{x:.1} {y:.1}v4\"/><text class=\"x\" x=\"{x:.1}\" y=\"{:.1}\">{name}</text>",
            y + 17.0
        );
    }
}

fn band_words(band: Option<Band>) -> &'static str {
    match band {
        Some(Band::Noise) => " <span>band: \u{b1}1.96 standard deviations of the noise</span>",
        Some(Band::Interval) => " <span>band: low to high</span>",
        None => "",
    }
}

/// The drawing in words, for who does not see it.
fn description(windows: &Windows, (low, high): (f64, f64)) -> String {
    let (from, to) = windows.span_us();
    let values =
        if low > high { "no values".to_owned() } else { format!("between {} and {}", amount(low), amount(high)) };
    format!(
        "Line chart from {} to {} UTC, {} windows, {} groups, {values}. The table below has the numbers.",
        instant(from),
        instant(to),
        windows.instants.len(),
        windows.groups.len()
    )
}

/// Before which windows a line is cut, because time is missing there: half a usual distance, or more.
fn breaks(instants: &[i64]) -> Vec<bool> {
    let mut distances = instants.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect::<Vec<_>>();
    distances.sort_unstable();
    let usual = distances.get(distances.len() / 2).copied().unwrap_or(0);
    let is_far = |pair: &[i64]| pair[1].saturating_sub(pair[0]) > usual.saturating_add(usual / 2);
    std::iter::once(true).chain(instants.windows(2).map(is_far)).take(instants.len()).collect()
}

struct Drawing<'a> {
    windows: &'a Windows,
    heights: Scale,
    widths: Scale,
    breaks: Vec<bool>,
}

impl Drawing<'_> {
    /// The middle of a window.
    fn x(&self, window: usize) -> f64 {
        self.widths.at(self.windows.instants[window] as f64 + self.windows.stride_us() as f64 / 2.0)
    }

    /// The stretches of neighbouring windows that have what `of` takes from a point.
    fn stretches<T>(&self, points: &[Option<Point>], of: impl Fn(&Point) -> Option<T>) -> Vec<Vec<(usize, T)>> {
        let mut stretches: Vec<Vec<(usize, T)>> = Vec::new();
        for (window, point) in points.iter().enumerate() {
            let Some(value) = point.as_ref().and_then(&of) else { continue };
            match stretches.last_mut() {
                Some(stretch) if !self.breaks[window] && stretch.last().is_some_and(|(last, _)| last + 1 == window) => {
                    stretch.push((window, value));
                }
                _ => stretches.push(vec![(window, value)]),
            }
        }
        stretches
    }

    fn band(&self, page: &mut String, group: usize, points: &[Option<Point>]) {
        for stretch in self.stretches(points, |point| point.band) {
            let mut outline = String::new();
            let highs = stretch.iter().map(|(window, (_, high))| (*window, *high));
            let lows = stretch.iter().rev().map(|(window, (low, _))| (*window, *low));
            for (window, edge) in highs.chain(lows) {
                let _ = write!(outline, "{:.1} {:.1} ", self.x(window), self.heights.at(edge));
            }
            let alone = if stretch.len() == 1 { " alone" } else { "" };
            let _ = write!(page, "<path class=\"band c{group}{alone}\" d=\"M{}Z\"/>", outline.trim_end());
        }
    }

    fn line(&self, page: &mut String, group: usize, points: &[Option<Point>]) {
        let stretches = self.stretches(points, |point| Some((point.value, point.is_final)));
        let mut lines = String::new();
        for stretch in stretches.iter().filter(|stretch| stretch.len() > 1) {
            for (index, (window, (value, _))) in stretch.iter().enumerate() {
                let verb = if index == 0 { 'M' } else { 'L' };
                let _ = write!(lines, "{verb}{:.1} {:.1}", self.x(*window), self.heights.at(*value));
            }
        }
        if !lines.is_empty() {
            let _ = write!(page, "<path class=\"line c{group}\" d=\"{lines}\"/>");
        }
        for stretch in &stretches {
            let is_marked = stretch.len() == 1 || self.windows.instants.len() <= MARKED;
            for (window, (value, is_final)) in stretch.iter().filter(|(_, (_, is_final))| is_marked || !is_final) {
                let class = if *is_final { "dot" } else { "dot open" };
                let (x, y) = (self.x(*window), self.heights.at(*value));
                let _ = write!(page, "<circle class=\"{class} c{group}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.2\"/>");
            }
        }
    }

    /// The values of each window, for who points at it.
    fn values(&self, page: &mut String, series: &Series) {
        let stride = self.windows.stride_us() as f64;
        for (window, at) in self.windows.instants.iter().enumerate() {
            let (from, to) = (self.widths.at(*at as f64), self.widths.at(*at as f64 + stride));
            let mut said = format!("{} UTC", instant(*at));
            for (group, points) in series.points.iter().enumerate() {
                let Some(point) = points[window] else { continue };
                let name = self.windows.groups[group].as_str();
                let name = if name.is_empty() { &series.column } else { name };
                let _ = write!(said, "\n{}: {}", shortened(name, 60), amount(point.value));
                if let Some((low, high)) = point.band {
                    let _ = write!(said, " ({} to {})", amount(low), amount(high));
                }
                said.push_str(if point.is_final { "" } else { ", not final" });
            }
            let _ = write!(
                page,
                "<rect class=\"hit\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\"><title>{}</title></rect>",
                (to - from).max(0.5),
                BOTTOM - TOP,
                Escaped(&said)
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_where_time_is_missing() {
        assert_eq!(breaks(&[0, 10, 20, 50, 60]), [true, false, false, true, false]);
        assert_eq!(breaks(&[0]), [true]);
        assert_eq!(breaks(&[]), Vec::<bool>::new());
    }
}
