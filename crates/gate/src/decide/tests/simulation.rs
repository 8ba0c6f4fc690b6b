//! Is a version that is worse by the whole margin passed as rarely as alpha says, however often one looks?

use super::*;

/// Marsaglia's xorshift, good enough for coin tosses: the same draws everywhere.
struct Draws(u64);

impl Draws {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn hits(&mut self, n: u32, rate: f64) -> f64 {
        (0..n).filter(|_| self.uniform() < rate).count() as f64
    }
}

/// Of `runs` rollouts with daily windows, the shares that passed and failed first, on any day.
fn shares(runs: u64, rate: [f64; 2], seed: u64) -> (f64, f64) {
    let gate = gate("max: 14d", "max: 8d");
    let mut draws = Draws(seed);
    let (mut passed, mut failed) = (0, 0);
    for _ in 0..runs {
        let mut rows = Vec::new();
        let first = (1..=8).find_map(|day| {
            rows.extend(days("v1", day - 1..day, draws.hits(600, rate[0]), 600.0));
            rows.extend(days("v2", day - 1..day, draws.hits(600, rate[1]), 600.0));
            let status = decide(&gate, &facts(&gate, day, &rows)).verdict;
            matches!(status, Status::Pass | Status::Fail).then_some(status)
        });
        passed += u64::from(first == Some(Status::Pass));
        failed += u64::from(first == Some(Status::Fail));
    }
    (passed as f64 / runs as f64, failed as f64 / runs as f64)
}

#[test]
fn at_the_margin_errors_are_rare_on_both_sides() {
    let (passed, failed) = shares(300, [0.1, 0.11], 0x5eed);
    // 300 runs at 5 %: the standard error is 1.3 %.
    assert!(passed < 0.09 && failed < 0.09, "{passed} {failed}");
}

#[test]
fn harm_is_found() {
    let (passed, failed) = shares(40, [0.1, 0.16], 0xfeed);
    assert!(passed == 0.0 && failed > 0.9, "{passed} {failed}");
}
