//! How does a whole page look? Head, one section per signal, and nothing from elsewhere.

use std::fmt::Write;

use super::markup::{Escaped, shortened};
use super::scale::instant;
use super::strip::{MISSING, WITHHELD, bar, draw_shown, draw_verdicts, look};
use super::{Body, GROUPS, Policy, Released, Report, SignalReport, Table, Verdict, Windows, chart};
use crate::privacy::number;
use crate::words::counted;

const STYLE: &str = include_str!("page.css");

/// Patterns that cells are filled with.
const PATTERNS: &str = "<svg class=\"patterns\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>\
    <pattern id=\"hatch\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
    <rect class=\"hatch-ground\" width=\"5\" height=\"5\"/><rect class=\"hatch-line\" width=\"1.6\" height=\"5\"/></pattern>\
    <pattern id=\"dots\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\">\
    <rect class=\"dots-ground\" width=\"4\" height=\"4\"/><circle class=\"dots-dot\" cx=\"2\" cy=\"2\" r=\"0.9\"/></pattern>\
    </defs></svg>\n";

/// The page, as one HTML document.
pub(crate) fn page(report: &Report) -> String {
    let mut page = String::new();
    let project = Escaped(&report.project);
    // Nothing is fetched and no script runs, whatever text from released rows says.
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <title>{project}: released signals</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{PATTERNS}"
    );
    let ends = report.signals.iter().filter_map(SignalReport::newest_end).max();
    let _ = write!(
        page,
        "<header><p class=\"eyebrow\">Tidegate report</p><h1>{project}</h1><p class=\"facts\">{}<span>{}</span></p>",
        ends.map(|end| format!("<span>newest window ends <b>{} UTC</b></span>", instant(end))).unwrap_or_default(),
        counted(report.signals.len() as u64, "signal")
    );
    if report.signals.len() > 1 {
        page.push_str("<nav aria-label=\"Signals\"><ul>");
        for SignalReport { name, .. } in &report.signals {
            let _ = write!(page, "<li><a href=\"#{0}\">{0}</a></li>", Escaped(name));
        }
        page.push_str("</ul></nav>");
    }
    page.push_str("</header>\n<main>\n");
    for signal in &report.signals {
        signal.section(&mut page);
    }
    page.push_str("</main>\n<footer>Drawn from released rows alone: nothing here is unknown to readers of the released files.</footer>\n</body>\n</html>\n");
    page
}

impl SignalReport {
    fn newest_end(&self) -> Option<i64> {
        match &self.released.as_ref()?.body {
            Body::Windows(windows) => windows.newest_end,
            Body::Rows(_) => None,
        }
    }

    fn section(&self, page: &mut String) {
        let name = Escaped(&self.name);
        let _ = write!(
            page,
            "<section id=\"{name}\" aria-labelledby=\"{name}-name\">\n<h2 id=\"{name}-name\">{name}</h2>\n"
        );
        let _ = write!(page, "<p class=\"about\"><span>version {}</span>", Escaped(&self.version));
        let released = self.released.as_ref().and_then(|released| released.version.as_ref());
        if let Some(version) = released.filter(|version| **version != self.version) {
            let _ = write!(page, "<span>released: version {}</span>", Escaped(version));
        }
        if let Some(owner) = &self.owner {
            let _ = write!(page, "<span>owner {}</span>", Escaped(owner));
        }
        page.push_str("</p>\n");
        if let Some(description) = &self.description {
            let _ = writeln!(page, "<p class=\"description\">{}</p>", Escaped(description));
        }
        match &self.released {
            None => page.push_str("<p class=\"nothing\">Nothing is released yet.</p>\n"),
            Some(Released { policy, body, .. }) => {
                let _ = writeln!(page, "<p class=\"policy\">{}</p>", policy.words(self.is_derived));
                match body {
                    Body::Rows(table) => table.draw(page, true),
                    Body::Windows(windows) => self.pictures(page, windows, policy),
                }
            }
        }
        page.push_str("</section>\n");
    }

    fn pictures(&self, page: &mut String, windows: &Windows, policy: &Policy) {
        // Under a threshold windows overlap only where they are sessions: then no group lacks the window of another.
        let has_sessions = matches!(policy, Policy::Threshold { .. }) && windows.are_sessions();
        let may_withhold = !matches!(policy, Policy::Open) && !has_sessions;
        let sessions =
            if has_sessions { " Each group has windows of its own: none can be told to be withheld." } else { "" };
        let _ = writeln!(page, "<p class=\"notes\">{}{sessions}</p>", Escaped(&windows.words()));
        windows.legend(page);
        for (index, verdicts) in windows.verdicts.iter().enumerate() {
            draw_verdicts(page, windows, verdicts, may_withhold, &format!("{}-drift-{index}", self.name));
        }
        if !windows.verdicts.is_empty() {
            verdict_legend(page, windows, may_withhold);
        }
        if !windows.series.is_empty() {
            page.push_str("<div class=\"charts\">\n");
            for (index, series) in windows.series.iter().enumerate() {
                chart::draw(page, windows, series, &self.name, &format!("{}-chart-{index}", self.name));
            }
            page.push_str("</div>\n");
        }
        let is_whole = windows.is_shown.iter().flatten().all(|is_shown| *is_shown);
        match (may_withhold, is_whole) {
            (true, false) => {
                draw_shown(page, windows, &format!("{}-shown", self.name));
                page.push_str("<ul class=\"legend\">");
                swatch(page, "shown", "", "shown");
                swatch(page, "withheld", "", WITHHELD);
                page.push_str("</ul>\n");
            }
            (true, true) => page.push_str("<p class=\"notes\">Every window drawn shows every group drawn.</p>\n"),
            (false, _) => {}
        }
        windows.table.draw(page, false);
    }
}

impl Policy {
    fn words(&self, is_derived: bool) -> String {
        match self {
            Self::Open if is_derived => "<b>Derived.</b> Computed from released rows alone.".to_owned(),
            Self::Open => "<b>Open.</b> The stream protects nobody, and every group is shown.".to_owned(),
            Self::Threshold { k } => format!(
                "<b>Cohort threshold {k}.</b> A group is shown when at least {k} people stand behind it. \
                 This is not differential privacy."
            ),
            Self::Noise { mechanism, epsilon, delta, unit, bounds } => {
                let (unit, time) = unit.rsplit_once(", ").unwrap_or((unit, "day"));
                format!(
                    "<b>Differential privacy, epsilon {}.</b> Holds for each {} and {}, with delta {} and {} noise. \
                     Each is bounded to {}.",
                    number(*epsilon),
                    Escaped(unit),
                    Escaped(time),
                    number(*delta),
                    Escaped(&proper(mechanism)),
                    Escaped(bounds)
                )
            }
        }
    }
}

/// `LAPLACE` is named after a person.
fn proper(name: &str) -> String {
    name.chars().take(1).chain(name.chars().skip(1).flat_map(char::to_lowercase)).collect()
}

impl Windows {
    /// What is drawn, and what is not.
    fn words(&self) -> String {
        let (from, to) = self.span_us();
        let drawn = counted(self.instants.len() as u64, "window");
        let is_cut = self.released < self.count;
        let end = self.newest_end.filter(|_| self.by == "window_start").unwrap_or(to);
        let newest = if is_cut { "The newest " } else { "" };
        let ends = if self.by == "window_end" { ", by their ends" } else { "" };
        let mut words = format!("{newest}{drawn}, {} to {} UTC{ends}.", instant(from), instant(end));
        if is_cut {
            let _ = write!(words, " {} have released rows.", counted(self.count as u64, "window"));
        }
        let without = self.instants.len() - self.released;
        if without > 0 {
            let _ = write!(
                words,
                " {} no group.",
                if without == 1 { "1 window shows".to_owned() } else { format!("{without} windows show") }
            );
        }
        if self.group_count > self.groups.len() {
            let left = self.group_count - self.groups.len();
            let _ = write!(
                words,
                " Of {} groups the {GROUPS} with most windows are drawn; the other {left} are in the released files.",
                self.group_count
            );
        }
        if self.series.iter().flat_map(|series| series.points.iter().flatten().flatten()).any(|point| !point.is_final) {
            words.push_str(" Hollow points may still change.");
        }
        if !self.undrawn.is_empty() {
            let _ = write!(words, " In the table only: {}.", self.undrawn.join(", "));
        }
        if self.repeated > 0 {
            let _ = write!(
                words,
                " {} not drawn, because another has their window and group.",
                counted(self.repeated as u64, "row")
            );
        }
        words
    }

    /// The groups and their lines.
    fn legend(&self, page: &mut String) {
        if self.keys.is_empty() || self.series.is_empty() {
            return;
        }
        let _ = write!(
            page,
            "<div class=\"groups\"><span>{}</span><ul class=\"legend\">",
            Escaped(&self.keys.join(" \u{b7} "))
        );
        for (group, name) in self.groups.iter().enumerate() {
            let _ = write!(
                page,
                "<li title=\"{}\"><svg viewBox=\"0 0 26 10\" aria-hidden=\"true\"><path class=\"line c{group}\" d=\"M1 5H25\"/></svg>{}</li>",
                Escaped(name),
                Escaped(&shortened(name, 48))
            );
        }
        page.push_str("</ul></div>\n");
    }
}

/// What the cells of the strips mean, of those that are there.
fn verdict_legend(page: &mut String, windows: &Windows, may_withhold: bool) {
    let cells = || windows.verdicts.iter().flat_map(|verdicts| verdicts.cells.iter().flatten());
    let shown = || windows.verdicts.iter().flat_map(|_| windows.is_shown.iter().flatten());
    page.push_str("<ul class=\"legend\">");
    for verdict in Verdict::ALL {
        if cells().flatten().any(|judged| judged.verdict == verdict) {
            let (class, letter) = look(verdict);
            swatch(page, class, letter, verdict.name());
        }
    }
    let mut nothing = cells().zip(shown()).filter(|(judged, _)| judged.is_none()).map(|(_, is_shown)| *is_shown);
    if nothing.clone().any(|is_shown| is_shown || !may_withhold) {
        swatch(page, "missing", "", MISSING);
    }
    if may_withhold && nothing.any(|is_shown| !is_shown) {
        swatch(page, "withheld", "", WITHHELD);
    }
    page.push_str("</ul>\n");
}

/// What a cell of a strip looks like, and what that means.
fn swatch(page: &mut String, class: &str, letter: &str, meaning: &str) {
    let (above, height) = bar(class, 14.0);
    let _ = write!(
        page,
        "<li><svg viewBox=\"0 0 20 14\" aria-hidden=\"true\"><rect class=\"cell {class}\" x=\"0.5\" y=\"{above}\" width=\"19\" height=\"{height}\"/>"
    );
    if !letter.is_empty() {
        let _ = write!(page, "<text class=\"letter {class}\" x=\"10\" y=\"11\">{letter}</text>");
    }
    let _ = write!(page, "</svg>{meaning}</li>");
}

impl Table {
    /// The rows; folded away where pictures show them.
    fn draw(&self, page: &mut String, is_open: bool) {
        let rows = counted(self.count as u64, "row");
        let shown =
            if self.rows.len() < self.count { format!("the first {} of {rows}", self.rows.len()) } else { rows };
        let open = if is_open { " open=\"open\"" } else { "" };
        let _ = write!(
            page,
            "<details{open}><summary>Table: {shown}</summary><div class=\"wide\" tabindex=\"0\"><table><thead><tr>"
        );
        for column in &self.columns {
            let _ = write!(page, "<th scope=\"col\">{}</th>", Escaped(column));
        }
        page.push_str("</tr></thead><tbody>\n");
        for row in &self.rows {
            page.push_str("<tr>");
            for cell in row {
                let _ = match cell {
                    Some(text) => write!(page, "<td>{}</td>", Escaped(text)),
                    None => write!(page, "<td class=\"null\">null</td>"),
                };
            }
            page.push_str("</tr>\n");
        }
        page.push_str("</tbody></table></div></details>\n");
    }
}
