use super::*;
use crate::Error;

/// Uniform values of splitmix64, as the oracle draws them.
fn uniform(seed: u64) -> impl Iterator<Item = f64> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    })
}

fn normal(seed: u64) -> impl Iterator<Item = f64> {
    let mut random = uniform(seed);
    std::iter::from_fn(move || {
        let (u, v) = (random.next()?, random.next()?);
        Some((-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos())
    })
}

/// The oracle's streams: a rate that jumps from 0.2 to 0.5 at 1000, and one that does not.
fn abrupt() -> Vec<f64> {
    let rate = |seed, p: f64| uniform(seed).take(1000).map(move |u| f64::from((u * 1e6).round_ties_even() / 1e6 < p));
    rate(70, 0.2).chain(rate(71, 0.5)).collect()
}

fn still() -> Vec<f64> {
    uniform(72).take(5000).map(|u| (u * 1e6).round_ties_even() / 1e6).collect()
}

fn alarms(stream: &[f64], mut push: impl FnMut(f64) -> Answer) -> Vec<usize> {
    stream.iter().enumerate().filter(|&(_, &x)| push(x).alarm).map(|(i, _)| i).collect()
}

#[test]
fn detections_are_those_of_river() {
    let mut adwin = Adwin::new(0.002).unwrap();
    assert_eq!(alarms(&abrupt(), |x| adwin.push(x)), [1087]);
    let mut adwin = Adwin::new(0.002).unwrap();
    assert_eq!(alarms(&still(), |x| adwin.push(x)), []);
    let mut page_hinkley = PageHinkley::new(0.005, 50.0, 30).unwrap();
    assert_eq!(alarms(&abrupt(), |x| page_hinkley.push(x)), [1165]);
    let mut page_hinkley = PageHinkley::new(0.005, 50.0, 30).unwrap();
    assert_eq!(alarms(&still(), |x| page_hinkley.push(x)), []);
}

fn history(values: &[f64]) -> History {
    let mut history = History::default();
    values.iter().for_each(|&x| history.push(x));
    history
}

#[test]
fn a_prediction_by_hand() {
    // Mean 10, deviation 2: t = 4 / (2 sqrt(1 + 1/3)) = sqrt 3 with two degrees of freedom, p = 1 - sqrt(3/5).
    let Prediction::Told { t, p, outside } = history(&[8.0, 10.0, 12.0]).predict(14.0, 0.05).unwrap() else {
        panic!("no prediction")
    };
    assert!((t - 3.0_f64.sqrt()).abs() < 1e-12 && (p - (1.0 - 0.6_f64.sqrt())).abs() < 1e-12 && !outside);
}

#[test]
fn a_history_that_says_nothing() {
    assert_eq!(history(&[]).predict(1.0, 0.01), Ok(Prediction::Insufficient));
    assert_eq!(history(&[1.0]).predict(1.0, 0.01), Ok(Prediction::Insufficient));
    assert_eq!(history(&[1.0, 1.0]).predict(1.0, 0.01), Ok(Prediction::Same));
    assert_eq!(history(&[1.0, 1.0]).predict(2.0, 0.01), Ok(Prediction::Uninformative));
    assert!(history(&[1.0, 2.0]).predict(2.0, 0.0).is_err());
}

/// Of 40,000 predictions 0.27 % are false alarms, whether four values are behind them or thirty.
#[test]
fn predictions_keep_their_level() {
    for k in [4, 8, 30] {
        let mut random = normal(k);
        let mut outside = 0;
        for _ in 0..40_000 {
            let history = history(&random.by_ref().take(k as usize).collect::<Vec<_>>());
            let x = random.next().unwrap();
            outside += u32::from(matches!(history.predict(x, 0.0027), Ok(Prediction::Told { outside: true, .. })));
        }
        assert!((70..150).contains(&outside), "{k}: {outside} of 40000");
    }
}

#[test]
fn a_cumulative_sum_by_hand() {
    let mut cusum = Cusum::new(0.5, 4.0).unwrap();
    let mut push = |x| cusum.push(x, 10.0, 2.0).unwrap();
    assert_eq!(push(14.0), Answer { statistic: 1.5, alarm: false });
    assert_eq!(push(15.0), Answer { statistic: 3.5, alarm: false });
    assert_eq!(push(14.0), Answer { statistic: 5.0, alarm: true });
    assert_eq!(push(6.0), Answer { statistic: -1.5, alarm: false });
    assert!(cusum.push(1.0, 0.0, 0.0).is_err() && Cusum::new(0.0, 1.0).is_err() && Cusum::new(1.0, f64::NAN).is_err());
}

/// Montgomery's table gives a mean run of 465 for k = 0.5, h = 5.
#[test]
fn a_cumulative_sum_runs_as_long_as_tables_say() {
    let mut cusum = Cusum::new(0.5, 5.0).unwrap();
    let alarms = normal(5).take(200_000).filter(|&x| cusum.push(x, 0.0, 1.0).unwrap().alarm).count();
    let run = 200_000.0 / alarms as f64;
    assert!((400.0..530.0).contains(&run), "{run}");
}

#[test]
fn an_e_detector_by_hand() {
    // L = .5 / sqrt(.01) = 5: M = 5, then (5 + 1) 5 = 30.
    let mut detector = EDetector::new(29.9).unwrap();
    let close =
        |found: Answer, m: f64, alarm| assert!((found.statistic / m - 1.0).abs() < 1e-12 && found.alarm == alarm);
    close(detector.push_p(0.01).unwrap(), 5.0, false);
    close(detector.push_p(0.01).unwrap(), 30.0, true);
    close(detector.push_p(0.25).unwrap(), 1.0, false);
    assert!(detector.push_p(0.0).unwrap().alarm);
    assert!(detector.push_p(f64::NAN).is_err() && EDetector::new(1.0).is_err());
    assert_eq!(rate_e_values(3, 2, 0.5), Err(Error::NumAboveDen { num: 3, den: 2 }));
    assert!(rate_e_values(1, 2, 1.0).is_err());
}

#[test]
fn e_values_of_a_rate_have_a_mean_of_one() {
    // Over all outcomes of three trials with p0 = 0.2.
    let chance = [0.512, 0.384, 0.096, 0.008];
    for i in 0..8 {
        let mean = (0..4).map(|hits| chance[hits] * rate_e_values(hits as u64, 3, 0.2).unwrap()[i].exp()).sum::<f64>();
        assert!((mean - 1.0).abs() < 1e-12, "{i}: {mean}");
    }
}

/// Windows of 50 trials: no earlier than promised while the rate is 0.1, and soon when it is 0.2.
#[test]
fn an_e_detector_keeps_its_promise_and_finds_a_change() {
    let run = |seed: u64, p: f64, most: usize| {
        let mut random = uniform(seed);
        let mut detector = EDetector::new(200.0).unwrap();
        let mut window = || random.by_ref().take(50).filter(|&u| u < p).count() as u64;
        (1..=most).find(|_| detector.push(&rate_e_values(window(), 50, 0.1).unwrap()).alarm).unwrap_or(most)
    };
    let mean = |p: f64, most| (0..200).map(|seed| run(seed, p, most)).sum::<usize>() as f64 / 200.0;
    assert!(mean(0.1, 2000) > 200.0);
    assert!(mean(0.2, 2000) < 8.0);
}
