//! What does it cost to ask a gate?
//!
//! Eight checks over 14 days of hourly windows, two arms and 15 buckets each, with noise: 10,080 rows a check. Prints the time
//! of the fastest of ten evaluations on one thread, reading of rows included and reading of files not.

use std::time::{Duration, Instant};

use anyhow::Result;
use tidegate_gate::{Evidence, Facts, GateFile, Row, decide};

const HOUR_US: i64 = 3_600_000_000;
const CHECKS: usize = 8;
const WINDOWS: i64 = 14 * 24;
const BUCKETS: i64 = 15;

fn gate() -> Result<GateFile> {
    let checks = (0..CHECKS).map(|i| {
        format!(
            "  - {{ name: check{i}, signal: s{i}, direction: lower_is_better, test: {{ non_inferior: {{ margin: 1pp }} }} }}\n"
        )
    });
    let text = format!(
        "gate: cost\nversion: 1\nstage: {{ from: canary, to: general, ramp: [50%] }}\n\
         arms: {{ control: control, treatment: treatment }}\nunit: {{ analysis: buckets, buckets: {BUCKETS} }}\n\
         time: {{ window: 1h, min: 3d, max: 14d }}\nerror: {{ alpha: 0.05 }}\nchecks:\n{}",
        checks.collect::<String>()
    );
    Ok(GateFile::parse("cost", &text)?)
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for window in 0..WINDOWS {
        for (arm, name) in ["control", "treatment"].into_iter().enumerate() {
            for bucket in 0..BUCKETS {
                let hits = 8 + (window * 7 + bucket * 3 + arm as i64) % 5;
                rows.push(Row {
                    arm: Some(name.to_owned()),
                    bucket: Some(bucket.to_string()),
                    window_start_us: Some(window * HOUR_US),
                    numbers: [Some(hits as f64), Some(100.0), None],
                    noise: [2.0, 2.0, 0.0],
                });
            }
        }
    }
    rows
}

fn main() -> Result<()> {
    let (gate, rows) = (gate()?, rows());
    let mut fastest = Duration::MAX;
    let mut verdict = None;
    for _ in 0..10 {
        let copies = gate.checks.iter().map(|check| (check.shape(), rows.clone())).collect::<Vec<_>>();
        let begun = Instant::now();
        let checks = copies.into_iter().map(|(shape, rows)| Evidence::from_rows(shape, rows)).collect();
        let facts = Facts { as_of_us: WINDOWS * HOUR_US, since_us: Some(0), checks, ..Facts::default() };
        verdict = Some(decide(&gate, &facts));
        fastest = fastest.min(begun.elapsed());
    }
    let verdict = verdict.map(|verdict| verdict.verdict.to_string()).unwrap_or_default();
    writeln(&format!("{CHECKS} checks of {} rows: {:.1} ms, {verdict}", rows.len(), fastest.as_secs_f64() * 1e3))
}

fn writeln(text: &str) -> Result<()> {
    use std::io::Write;
    Ok(std::io::stdout().write_all(format!("{text}\n").as_bytes())?)
}
