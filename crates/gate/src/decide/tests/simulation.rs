//! How often does the gate pass a version that is exactly the margin worse, and one that changes nothing?

use super::*;

const RUNS: u32 = 2000;
const EVENTS: u64 = 3000;

/// SplitMix64 (Steele, Lea and Flood 2014): the seed is the test's, so a failure repeats.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn hits(&mut self, rate: f64) -> u64 {
        let below = (rate * 2f64.powi(64)) as u64;
        (0..EVENTS).filter(|_| self.next() < below).count() as u64
    }
}

/// Share of runs that end with a status.
fn share(gate: &GateFile, control: f64, treatment: f64, status: Status) -> f64 {
    let mut chance = SplitMix64(20_261_120);
    let ends = (0..RUNS).filter(|_| {
        let found = evidence((chance.hits(control), EVENTS), (chance.hits(treatment), EVENTS), 1);
        decide(gate, &found).verdict == status
    });
    ends.count() as f64 / f64::from(RUNS)
}

/// Three standard errors of a share of 0.05 in 2000 runs are 0.0146.
#[test]
fn at_the_margin_the_gate_passes_and_fails_about_alpha_of_the_time() {
    for margin in ["3pp", "30%"] {
        let text = GATE.replace("20000, windows: 7", "3000").replace("1pp", margin);
        let gate = GateFile::parse("gates/a.yaml", &text).unwrap();
        let passed = share(&gate, 0.10, 0.13, Status::Pass);
        assert!((passed - 0.05).abs() < 0.0146, "{margin}: {passed} of the runs pass at the margin");
        let failed = share(&gate, 0.10, 0.13, Status::Fail);
        assert!((failed - 0.05).abs() < 0.0146, "{margin}: {failed} of the runs fail at the margin");
    }
}

#[test]
fn a_version_that_changes_nothing_passes_with_the_planned_power() {
    let text = GATE.replace("20000, windows: 7", "3000").replace("1pp", "2pp");
    let gate = GateFile::parse("gates/a.yaml", &text).unwrap();
    // Two-sample normal approximation: cdf(0.02 / sqrt(2 * 0.09 / 3000) - 1.645) = 0.826.
    let passed = share(&gate, 0.10, 0.10, Status::Pass);
    assert!((passed - 0.826).abs() < 0.03, "{passed} of the runs pass");
}
