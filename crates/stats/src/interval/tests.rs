use super::*;
use crate::Error;
use crate::score::tests::{arms, close};

fn check_difference(counts: (u64, u64, u64, u64), level: f64, expected: (f64, f64), relative: f64) {
    let (x_t, n_t, x_c, n_c) = counts;
    let got = score_interval(Contrast::Difference, arms(x_t, n_t, x_c, n_c), level).unwrap();
    close(got.low, expected.0, relative, &format!("low of {counts:?}"));
    close(got.high, expected.1, relative, &format!("high of {counts:?}"));
}

/// mpmath 1.3.0: bisection of the statistic with the likelihood maximised numerically, 30 digits.
#[test]
fn the_score_interval_inverts_the_test() {
    check_difference((45, 400, 40, 400), 0.9, (-0.02357136808101962, 0.0487519967655452), 1e-9);
    check_difference((6030, 60000, 6000, 60000), 0.9, (-0.002352298850804817, 0.0033523561682143217), 1e-9);
    check_difference((0, 50, 0, 60), 0.9, (-0.04314679859327029, 0.05133318578627012), 1e-9);
    check_difference((3, 40, 9, 55), 0.9, (-0.1990229753582949, 0.028380900649903333), 1e-9);
    check_difference((50, 50, 1, 60), 0.9, (0.9286851228619479, 0.9962729718312241), 1e-9);
}

/// Newcombe (1998), table II, example (a), method 5 (Mee), to the four digits printed there.
#[test]
fn the_score_interval_matches_the_published_example() {
    let got = score_interval(Contrast::Difference, arms(56, 70, 48, 80), 0.95).unwrap();
    assert_eq!(format!("{:.4} {:.4}", got.low, got.high), "0.0533 0.3377");
}

/// statsmodels 0.15.0: `confint_proportions_2indep(6030, 60000, 6000, 60000, compare=diff, method=newcomb, alpha=.1)`.
#[test]
fn the_newcombe_interval_matches_statsmodels() {
    let got = newcombe_interval(arms(6030, 60000, 6000, 60000), 0.9).unwrap();
    close(got.low, -0.002352283065457673, 1e-9, "low");
    close(got.high, 0.003352307659626336, 1e-9, "high");
}

#[test]
fn the_interval_holds_the_estimate_and_widens_with_the_level() {
    for (x_t, n_t, x_c, n_c) in
        [(0, 10, 0, 10), (10, 10, 10, 10), (10, 10, 0, 10), (0, 10, 10, 10), (3, 40, 9, 55), (1, 1, 0, 1)]
    {
        let arms = arms(x_t, n_t, x_c, n_c);
        let mut last: Option<Interval> = None;
        for level in [0.1, 0.5, 0.8, 0.9, 0.95, 0.99, 0.9999] {
            let now = score_interval(Contrast::Difference, arms, level).unwrap();
            assert!(now.low <= arms.difference() && arms.difference() <= now.high, "{arms:?} {now:?}");
            assert!((-1.0..=1.0).contains(&now.low) && (-1.0..=1.0).contains(&now.high), "{arms:?} {now:?}");
            if let Some(last) = last {
                assert!(now.low <= last.low && now.high >= last.high, "{now:?} inside {last:?}");
            }
            last = Some(now);
        }
    }
}

#[test]
fn a_ratio_to_nothing_has_no_upper_bound() {
    let got = score_interval(Contrast::Ratio, arms(5, 10, 0, 10), 0.9).unwrap();
    assert!(got.low > 1.0 && got.high.is_infinite(), "{got:?}");
    let got = score_interval(Contrast::Ratio, arms(0, 10, 5, 10), 0.9).unwrap();
    assert!(got.low == 0.0 && got.high < 1.0, "{got:?}");
}

#[test]
fn levels_outside_the_open_unit_interval_are_refused() {
    for level in [0.0, 1.0, -1.0, f64::NAN] {
        assert!(matches!(score_interval(Contrast::Difference, arms(1, 2, 1, 2), level), Err(Error::OutOfRange { .. })));
        assert!(newcombe_interval(arms(1, 2, 1, 2), level).is_err());
    }
}
