//! A verdict and a history for people, as Markdown: in a pull request, in a job's summary, in a changelog.

use std::fmt::Write;

use crate::rollout::{Action, Pointer};
use crate::verdict::{Status, Verdict};
use crate::words;

/// The four answers, then a table of the checks.
#[must_use]
pub fn summary(verdict: &Verdict) -> String {
    let mut text = format!(
        "## {} {} version {}: {} to {}\n\n{}\n\n",
        verdict.verdict,
        cell(&verdict.gate),
        verdict.version,
        verdict.from,
        verdict.to,
        cell(&verdict.reason)
    );
    let answers = [
        ("What happened", &verdict.what_happened),
        ("Why", &verdict.why),
        ("What changed", &verdict.what_changed),
        ("What next", &verdict.what_next),
    ];
    for (question, answer) in answers {
        let _ = writeln!(text, "- **{question}:** {}", cell(answer));
    }
    text += "\n| Check | Verdict | Control | Treatment | Threshold | Reason |\n|---|---|---|---|---|---|\n";
    for check in &verdict.checks {
        let numbers = check.numbers.as_ref();
        let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.5}"));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            cell(&check.name),
            mark(check.verdict),
            number(numbers.and_then(|numbers| numbers.control)),
            number(numbers.map(|numbers| numbers.treatment)),
            cell(&check.threshold),
            cell(&check.reason)
        );
    }
    for trust in &verdict.trust {
        let _ = writeln!(text, "| {} | {} | | | trust | {} |", trust.name, mark(trust.verdict), cell(&trust.reason));
    }
    text
}

/// What happened to a name, the newest first.
#[must_use]
pub fn changelog(name: &str, pointers: &[Pointer], label: impl Fn(&str) -> String) -> String {
    let mut text = format!("# {}\n", cell(name));
    for pointer in pointers.iter().rev() {
        let what = match pointer.action {
            Action::Adopt => "taken over".to_owned(),
            Action::Advance => match &pointer.canary {
                Some(canary) if pointer.to == crate::Stage::Canary => {
                    format!("to canary at {}", words::percent(canary.share))
                }
                _ => format!("to {}", pointer.to),
            },
            Action::RollBack => format!("rolled back from {}", pointer.from),
            Action::Hold => format!("held in {}", pointer.to),
        };
        let _ = write!(
            text,
            "\n## {} {} {what}\n\nGeneration {} at {} by {}: {}.",
            cell(name),
            label(&pointer.bundle),
            pointer.generation,
            words::instant(pointer.at_us),
            cell(&pointer.by),
            cell(&pointer.reason)
        );
        if !pointer.approved_by.is_empty() {
            let _ = write!(text, " Approved by {}.", cell(&pointer.approved_by.join(", ")));
        }
        if let Some(reason) = &pointer.break_glass {
            let _ = write!(text, " **GLASS WAS BROKEN: {}.**", cell(reason));
        }
        text.push('\n');
    }
    text
}

fn mark(status: Status) -> String {
    if status == Status::Pass { status.to_string() } else { format!("**{status}**") }
}

/// A text that stays in its cell and is no markup.
fn cell(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('|', "\\|");
    escaped.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_in_its_cell() {
        assert_eq!(cell("a|b\n<script> & more"), "a\\|b &lt;script> &amp; more");
    }
}
