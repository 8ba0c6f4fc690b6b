use super::*;
use crate::{Design, Measure, Mechanism, Selection};

const MEASURE: Measure = Measure { epsilon: 1.0, delta: 0.0, l1: 2, l2: 2.0 };
const THRESHOLD: Selection = Selection::Threshold { epsilon: 1.0, delta: 1.34e-2, min_units: 10 };

fn calibration(selection: Selection, measures: usize) -> Calibration {
    let measures = vec![MEASURE; measures];
    Calibration::of(&Design { mechanism: Mechanism::Laplace, max_groups: 1, selection, measures }).unwrap()
}

fn draw(calibration: &Calibration, units: Vec<i64>, measures: Vec<Vec<i64>>) -> Result<Noised> {
    calibration.draw(Exact { units, measures }, Grant::paid(calibration.cost()))
}

#[test]
fn a_release_must_be_paid_in_full() {
    let calibration = calibration(THRESHOLD, 1);
    let draw = |cost| calibration.draw(Exact { units: vec![50], measures: vec![vec![1]] }, Grant::paid(cost));
    let price = calibration.cost();
    for short in [
        Cost::default(),
        Cost { rho_nano: price.rho_nano - 1, ..price },
        Cost { rho_nano: u64::MAX, delta_atto: price.delta_atto - 1 },
    ] {
        assert_eq!(draw(short), Err(Error::Underpaid { paid: short, price }));
    }
    draw(price).unwrap();
    draw(price.plus(price)).unwrap();
}

#[test]
fn only_selected_groups_leave_a_trace() {
    // Far below, one below, at, and far above the least number of units; and numbers that make no sense.
    let units: Vec<i64> = [0, 9, 10, 1000, -5, i64::MIN].into_iter().cycle().take(6000).collect();
    let coordinates = vec![1_000_000; 12_000];
    let noised = draw(&calibration(THRESHOLD, 2), units.clone(), vec![coordinates.clone(), coordinates]).unwrap();

    assert_eq!(noised.kept.len(), 6000);
    let mut kept_at_the_least = 0;
    for (group, exact) in units.iter().enumerate() {
        match exact {
            1000 => assert!(noised.kept[group]),
            10 => kept_at_the_least += u32::from(noised.kept[group]),
            _ => assert!(!noised.kept[group], "{exact} units are shown"),
        }
        assert_eq!(noised.kept[group], noised.units[group].is_some());
        assert!(noised.units[group].is_none_or(|units| units >= 14), "{:?}", noised.units[group]);
        for measure in &noised.measures {
            for coordinate in &measure[group * 2..group * 2 + 2] {
                assert_eq!(*coordinate != 0, noised.kept[group]);
            }
        }
    }
    // A thousand trials at 1.34e-2.
    assert!((1..40).contains(&kept_at_the_least), "{kept_at_the_least}");
}

#[test]
fn noisy_numbers_lie_around_the_exact_ones() {
    let calibration = calibration(THRESHOLD, 1);
    let noised = draw(&calibration, vec![500; 4000], vec![vec![-77; 8000]]).unwrap();
    assert!(noised.kept.iter().all(|kept| *kept));
    let mean = |values: &[i64]| values.iter().sum::<i64>() as f64 / values.len() as f64;
    let units: Vec<i64> = noised.units.into_iter().flatten().collect();
    let reach = |stddev: f64, n: f64| 6.0 * stddev / n.sqrt();
    assert!((mean(&units) - 500.0).abs() < reach(calibration.selection_stddev().unwrap(), 4000.0));
    assert!((mean(&noised.measures[0]) + 77.0).abs() < reach(calibration.stddev(0), 8000.0));
}

#[test]
fn public_groups_all_appear_with_noise_and_without_units() {
    let noised = draw(&calibration(Selection::Public, 1), vec![0; 200], vec![vec![0; 200]]).unwrap();
    assert_eq!(noised.kept, vec![true; 200]);
    assert_eq!(noised.units, vec![None; 200]);
    assert!(noised.measures[0].iter().any(|count| *count != 0));
    assert!(noised.measures[0].iter().any(|count| *count < 0), "noise is never cut off at zero");
}

#[test]
fn nothing_is_a_release_too() {
    let noised = draw(&calibration(THRESHOLD, 2), vec![], vec![vec![], vec![]]).unwrap();
    assert_eq!(noised, Noised { kept: vec![], units: vec![], measures: vec![vec![], vec![]] });
    let empty = draw(&calibration(Selection::Public, 1), vec![3, 4], vec![vec![]]).unwrap();
    assert_eq!(empty.measures, vec![vec![0_i64; 0]]);
}

#[test]
fn numbers_of_another_shape_are_refused() {
    let calibration = calibration(THRESHOLD, 1);
    for (units, measures) in [
        (vec![1, 2], vec![]),
        (vec![1, 2], vec![vec![1, 2], vec![1, 2]]),
        (vec![1, 2], vec![vec![1, 2, 3]]),
        (vec![], vec![vec![1]]),
    ] {
        assert!(matches!(draw(&calibration, units, measures), Err(Error::Shape { .. })));
    }
}

#[test]
fn extreme_numbers_saturate() {
    let units = vec![i64::MAX; 100];
    let noised = draw(&calibration(THRESHOLD, 1), units, vec![vec![i64::MAX; 100]]).unwrap();
    assert!(noised.units.iter().flatten().all(|units| *units > i64::MAX - 1000));
    assert!(noised.measures[0].iter().all(|value| *value > i64::MAX - 1000));
}

#[test]
fn exact_numbers_are_not_printed() {
    let exact = Exact { units: vec![123_456, 5], measures: vec![vec![987_654; 6]] };
    assert_eq!(format!("{exact:?}"), "Exact { groups: 2, coordinates: [6] }");
}

/// Tries to break the claimed epsilon: with one unit more, everything it can touch moves by its bound in one direction,
/// and no set of outputs may become more likely than by exp(epsilon).
#[test]
fn no_output_gives_a_unit_away() {
    const TRIALS: usize = 20_000;
    let (l1, max_groups, epsilon) = (3, 2, 1.0_f64);
    let measures = vec![Measure { epsilon, delta: 0.0, l1, l2: 3.0 }];
    let design = Design { mechanism: Mechanism::Laplace, max_groups, selection: Selection::Public, measures };
    let calibration = Calibration::of(&design).unwrap();
    // One trial is two groups of one coordinate, so that all trials are one draw.
    let sample = |value: i64| {
        let noised = draw(&calibration, vec![0; 2 * TRIALS], vec![vec![value; 2 * TRIALS]]).unwrap();
        noised.measures.concat()
    };
    let (without, with) = (sample(0), sample(3));
    // The most telling sets are those where both groups are high.
    for at in [3, 6, 9] {
        let hits = |values: &[i64]| values.chunks(2).filter(|pair| pair.iter().all(|x| *x >= at)).count() as f64;
        let (without, with) = (hits(&without), hits(&with));
        let slack = 6.0 * (with + epsilon.exp().powi(2) * without).sqrt();
        assert!(with <= epsilon.exp() * without + slack, "at {at}: {with} with, {without} without");
        // Half the noise would be found out.
        assert!(with > (epsilon * 0.5).exp() * without, "at {at}: more noise than was paid for");
    }
}
