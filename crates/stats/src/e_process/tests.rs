use super::*;

const LAPLACE: Noise = Noise::Laplace { scale: 1.5 };

fn exact(num: u64, den: u64) -> Count {
    Count { num: num as f64, den, rows: 1 }
}

fn choose(n: u64, k: u64) -> f64 {
    (1..=k).fold(1.0, |product, i| product * (n - k + i) as f64 / i as f64)
}

fn chance(n: u64, hits: u64, p: f64) -> f64 {
    choose(n, hits) * p.powi(hits as i32) * (1.0 - p).powi((n - hits) as i32)
}

/// The mean of the capital after one window, over all outcomes of both arms and their noise.
fn mean(claim: Claim, n: [u64; 2], p: [f64; 2], noisy: bool) -> f64 {
    let a = (-1.0_f64 / 1.5).exp();
    let noise = |k: i32| (1.0 - a) / (1.0 + a) * a.powi(k.abs());
    // At nine tenths of its pole noise has a long tail: what lies beyond holds a millionth.
    let reach = if noisy { 200 } else { 0 };
    let counts = |n: u64, p: f64| {
        let mut counts = std::collections::BTreeMap::<i32, f64>::new();
        for hits in 0..=n {
            for k in -reach..=reach {
                *counts.entry(hits as i32 + k).or_default() += chance(n, hits, p) * if noisy { noise(k) } else { 1.0 };
            }
        }
        counts
    };
    let fresh = EProcess::new(claim, noisy.then_some(LAPLACE)).unwrap();
    let count = |num: i32, den: u64| Count { num: f64::from(num), den, rows: 1 };
    let control = counts(n[1], p[1]);
    let mut sum = 0.0;
    for (&x_t, &weight_t) in &counts(n[0], p[0]) {
        if matches!(claim, Claim::RateAtMost { .. } | Claim::RateAtLeast { .. }) {
            let mut process = fresh.clone();
            process.push_rate(count(x_t, n[0])).unwrap();
            sum += weight_t * process.log_e_value().exp();
            continue;
        }
        for (&x_c, &weight_c) in &control {
            let mut process = fresh.clone();
            process.push_difference(count(x_t, n[0]), count(x_c, n[1])).unwrap();
            sum += weight_t * weight_c * process.log_e_value().exp();
        }
    }
    sum
}

#[test]
fn no_claim_that_is_true_lets_capital_grow() {
    for noisy in [false, true] {
        for (claim, p) in [(Claim::RateAtMost { limit: 0.2 }, 0.2), (Claim::RateAtLeast { limit: 0.2 }, 0.2)] {
            let edge = mean(claim, [7, 0], [p, 0.0], noisy);
            assert!((edge - 1.0).abs() < 1e-3 && edge < 1.0 + 1e-9, "{claim:?}: {edge}");
        }
        assert!(mean(Claim::RateAtMost { limit: 0.2 }, [7, 0], [0.1, 0.0], noisy) < 1.0);
    }
    for n in [[5, 5], [3, 9], [9, 2]] {
        for margin in [-0.1, 0.0, 0.1] {
            for control in [0.1, 0.2, 0.3] {
                let most = Claim::DifferenceAtMost { margin, control_at_most: 0.3 };
                let least = Claim::DifferenceAtLeast { margin, control_at_most: 0.3 };
                for (claim, step) in [(most, -0.05), (least, 0.05)] {
                    let edge = mean(claim, n, [control + margin, control], false);
                    let inside = mean(claim, n, [(control + margin + step).max(0.0), control], false);
                    assert!(edge <= 1.0 + 1e-12 && inside <= 1.0 + 1e-12, "{claim:?} {n:?} {control}: {edge} {inside}");
                }
            }
        }
    }
    let claim = Claim::DifferenceAtMost { margin: 0.0, control_at_most: 0.3 };
    assert!(mean(claim, [4, 2], [0.3, 0.3], true) <= 1.0 + 1e-9);
}

/// The closed form against a search over the rates that the claim allows, on its edge and within.
#[test]
fn the_worst_rates_are_found() {
    for (n, lambda) in [([100.0, 100.0], 0.3), ([10.0, 500.0], 0.9), ([700.0, 30.0], 0.01)] {
        for margin in [-0.4, -0.02, 0.0, 0.02, 0.4] {
            for cap in [0.05, 0.3, 1.0] {
                for sign in [1.0, -1.0] {
                    let u = sign * lambda * f64::min(1.0, n[1] / n[0]);
                    let v = -sign * lambda * f64::min(1.0, n[0] / n[1]);
                    let found = greatest_log_mgf(n, [u, v], margin, cap);
                    for step in 0..=200 {
                        let p_c = cap * f64::from(step) / 200.0;
                        for p_t in (0..=200).map(|step| f64::from(step) / 200.0) {
                            let allowed = if sign > 0.0 { p_t <= p_c + margin } else { p_t >= p_c + margin };
                            let psi = log_mgf(n[0], p_t, u) + log_mgf(n[1], p_c, v);
                            assert!(!allowed || psi <= found + 1e-9, "{n:?} {margin} {cap}: {psi} above {found}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn harm_is_found_and_stays_found() {
    let claim = Claim::DifferenceAtMost { margin: 0.0, control_at_most: 0.05 };
    let mut process = EProcess::new(claim, Some(LAPLACE)).unwrap();
    assert_eq!((process.log_e_value(), process.p_value()), (0.0, 1.0));
    for _ in 0..24 {
        process.push_difference(exact(15, 500), exact(5, 500)).unwrap();
    }
    let p = process.p_value();
    assert!(p < 0.001, "{p}");
    for _ in 0..100 {
        process.push_difference(exact(0, 500), exact(25, 500)).unwrap();
    }
    assert!(process.log_e_value() < 0.0 && process.p_value() == p);
}

#[test]
fn more_rows_cost_more_noise() {
    let p = |rows| {
        let mut process = EProcess::new(Claim::RateAtMost { limit: 0.01 }, Some(LAPLACE)).unwrap();
        process.push_rate(Count { rows, ..exact(60, 1000) }).unwrap();
        process.p_value()
    };
    assert!(p(1) < p(2) && p(2) < p(32));
}

#[test]
fn what_means_nothing_is_refused() {
    let claim = Claim::RateAtMost { limit: 0.1 };
    for bad in [0.0, 1.0, f64::NAN] {
        assert!(EProcess::new(Claim::RateAtLeast { limit: bad }, None).is_err());
    }
    for (margin, control_at_most) in [(-1.0, 0.5), (1.0, 0.5), (f64::NAN, 0.5), (0.0, 0.0), (0.0, 1.1), (0.0, f64::NAN)]
    {
        assert!(EProcess::new(Claim::DifferenceAtMost { margin, control_at_most }, None).is_err());
    }
    for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(EProcess::new(claim, Some(Noise::Laplace { scale })).is_err());
        assert!(EProcess::new(claim, Some(Noise::Gaussian { scale })).is_err());
    }
    for num in [f64::NAN, -1.0, 2.0] {
        assert!(EProcess::new(claim, None).unwrap().push_rate(Count { num, den: 1, rows: 1 }).is_err());
    }
    let mut process = EProcess::new(claim, Some(LAPLACE)).unwrap();
    let before = process.clone();
    for num in [f64::NAN, f64::INFINITY] {
        assert!(process.push_rate(Count { num, den: 1, rows: 1 }).is_err());
    }
    assert!(process.push_difference(exact(1, 2), exact(1, 2)).is_err());
    assert_eq!(process, before);
    let claim = Claim::DifferenceAtLeast { margin: 0.1, control_at_most: 1.0 };
    let mut process = EProcess::new(claim, None).unwrap();
    assert!(process.push_rate(exact(1, 2)).is_err());
    process.push_difference(exact(0, 0), exact(1, 2)).unwrap();
    assert_eq!(process.p_value(), 1.0);
}
