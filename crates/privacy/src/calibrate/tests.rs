use proptest::prelude::*;

use super::*;
use crate::Error;

const LAPLACE: Measure = Measure { epsilon: 0.5, delta: 0.0, l1: 3, l2: 3.0 };
const GAUSSIAN: Measure = Measure { delta: 1e-7, ..LAPLACE };
const THRESHOLD: Selection = Selection::Threshold { epsilon: 0.25, delta: 1e-7, min_units: 20 };

fn design(mechanism: Mechanism, measure: Measure) -> Design {
    Design { mechanism, max_groups: 4, selection: THRESHOLD, measures: vec![measure] }
}

#[test]
fn a_calibration_can_wait_for_its_grant_anywhere() {
    fn movable<T: Send + Sync>(_: &T) {}
    movable(&Calibration::of(&design(Mechanism::Laplace, LAPLACE)).unwrap());
}

#[test]
fn the_cost_is_the_sum_of_its_shares() {
    let mut design = design(Mechanism::Laplace, LAPLACE);
    design.measures.push(Measure { epsilon: 1.0, ..LAPLACE });
    let calibration = Calibration::of(&design).unwrap();
    // 0.5^2 / 2 + 1^2 / 2 + 0.25^2 / 2; the number 1e-7 is a little below a ten-millionth.
    assert_eq!(calibration.cost(), Cost { rho_nano: 656_250_000, delta_atto: 100_000_000_000 });
    // Scales 24, 12 and 16.
    for (got, scale) in [
        (calibration.stddev(0), 24.0_f64),
        (calibration.stddev(1), 12.0),
        (calibration.selection_stddev().unwrap(), 16.0),
    ] {
        assert!((got / (scale * 2.0_f64.sqrt()) - 1.0).abs() < 1e-2, "{got} {scale}");
    }
    assert_eq!(calibration.stddev(2), f64::INFINITY);
}

#[test]
fn public_keys_have_no_threshold_and_no_price() {
    let public = Design { selection: Selection::Public, ..design(Mechanism::Laplace, LAPLACE) };
    let calibration = Calibration::of(&public).unwrap();
    assert_eq!(calibration.cost(), Cost::pure(0.5, 0.0));
    assert_eq!((calibration.threshold(), calibration.selection_stddev()), (None, None));
}

#[test]
fn the_threshold_is_reported_in_units() {
    let at = |min_units| {
        let selection = Selection::Threshold { epsilon: 1.0, delta: 1.34e-2, min_units };
        let design = Design { max_groups: 1, selection, ..design(Mechanism::Laplace, LAPLACE) };
        Calibration::of(&design).unwrap().threshold()
    };
    assert_eq!(at(1), Some(5));
    assert_eq!(at(20), Some(24));
    assert_eq!(at(u32::MAX), Some(i64::from(u32::MAX) + 4));
}

/// Gaussian noise pays off when a unit touches many coordinates: a tree of 8 levels in 16 groups.
#[test]
fn gaussian_noise_is_smaller_than_laplace_noise_for_many_coordinates() {
    let tree = Measure { epsilon: 1.0, delta: 0.0, l1: 24, l2: 3.0 * 8.0_f64.sqrt() };
    let stddev = |mechanism, measure| {
        let design = Design { max_groups: 16, ..design(mechanism, measure) };
        Calibration::of(&design).unwrap().stddev(0)
    };
    let laplace = stddev(Mechanism::Laplace, tree);
    let gaussian = stddev(Mechanism::Gaussian, Measure { delta: 1e-7, ..tree });
    assert!(gaussian < laplace / 2.0, "{gaussian} {laplace}");
}

fn refused(change: impl Fn(&mut Design)) {
    for (mechanism, measure) in [(Mechanism::Laplace, LAPLACE), (Mechanism::Gaussian, GAUSSIAN)] {
        let mut design = design(mechanism, measure);
        Calibration::of(&design).unwrap();
        change(&mut design);
        let got = Calibration::of(&design);
        assert!(matches!(got, Err(Error::OutOfRange { .. })), "{design:?} gives {got:?}");
    }
}

#[test]
fn designs_without_meaning_are_refused() {
    for bad in [0.0, -0.0, -1.0, 20.1, 1e300, f64::NAN, f64::INFINITY] {
        refused(|design| design.measures[0].epsilon = bad);
        refused(|design| design.selection = Selection::Threshold { epsilon: bad, delta: 1e-7, min_units: 20 });
    }
    for bad in [0.0, -1.0, 1.0, f64::NAN, f64::INFINITY] {
        refused(|design| design.selection = Selection::Threshold { epsilon: 0.25, delta: bad, min_units: 20 });
    }
    for bad in [-1.0, 1.0, f64::NAN, f64::INFINITY] {
        refused(|design| design.measures[0].delta = bad);
    }
    for bad in [0.0, 0.5, -1.0, f64::NAN, f64::INFINITY] {
        refused(|design| design.measures[0].l2 = bad);
    }
    refused(|design| design.selection = Selection::Threshold { epsilon: 0.25, delta: 1e-7, min_units: 0 });
    refused(|design| design.max_groups = 0);
    refused(|design| design.measures[0].l1 = 0);
    refused(|design| {
        design.measures[0].l1 = u64::MAX;
        design.measures[0].l2 = 1e19;
    });
    refused(|design| design.measures = vec![Measure { epsilon: 10.0, ..design.measures[0] }; 2]);
}

#[test]
fn each_mechanism_takes_its_own_delta() {
    assert!(Calibration::of(&design(Mechanism::Laplace, GAUSSIAN)).is_err());
    assert!(Calibration::of(&design(Mechanism::Gaussian, LAPLACE)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn more_privacy_is_more_noise_for_a_lower_price(
        gaussian: bool, epsilon in 0.01_f64..4.0, l1 in 1_u64..1_000_000, max_groups in 1_u32..100,
    ) {
        let (mechanism, delta) =
            if gaussian { (Mechanism::Gaussian, 1e-7) } else { (Mechanism::Laplace, 0.0) };
        let of = |epsilon, l1: u64, max_groups, min_units| {
            let selection = Selection::Threshold { epsilon, delta: 1e-7, min_units };
            let measures = vec![Measure { epsilon, delta, l1, l2: l1 as f64 }];
            Calibration::of(&Design { mechanism, max_groups, selection, measures }).unwrap()
        };
        let base = of(epsilon, l1, max_groups, 5);
        let private = of(epsilon / 1.5, l1, max_groups, 5);
        prop_assert!(private.stddev(0) > base.stddev(0));
        prop_assert!(private.selection_stddev() > base.selection_stddev());
        prop_assert!(private.threshold() >= base.threshold());
        prop_assert!(private.cost().rho_nano < base.cost().rho_nano);
        for wider in [of(epsilon, l1 * 2, max_groups, 5), of(epsilon, l1, max_groups * 2, 5)] {
            prop_assert!(wider.stddev(0) > base.stddev(0));
            prop_assert!(wider.threshold() >= base.threshold());
            prop_assert_eq!(wider.cost(), base.cost());
        }
        let stricter = of(epsilon, l1, max_groups, 6);
        prop_assert_eq!(stricter.threshold(), base.threshold().map(|at| at + 1));
    }
}

#[test]
fn groups_appear_with_the_chance_that_is_said() {
    let selection = Selection::Threshold { epsilon: 0.5, delta: 1e-6, min_units: 5 };
    let design = Design { mechanism: Mechanism::Laplace, max_groups: 2, selection, measures: Vec::new() };
    let calibration = Calibration::of(&design).unwrap();
    let scale: f64 = calibration.selected.unwrap().gate.scale;
    // The chance that noise is at least `from`, summed up.
    let at_least = |from: i64| {
        let weight = |x: i64| (-(x.abs() as f64) / scale).exp();
        (from..2_000).map(weight).sum::<f64>() / (-2_000..2_000).map(weight).sum::<f64>()
    };
    let threshold = calibration.threshold().unwrap();
    for chance in [0.5, 0.9, 0.99] {
        let units = calibration.units_shown(chance).unwrap();
        assert!(at_least(threshold - units) >= chance, "{chance}");
        assert!(at_least(threshold - units + 1) < chance, "{chance}: {units} are too many");
    }
    let public = Calibration::of(&Design { selection: Selection::Public, ..design }).unwrap();
    assert_eq!(public.units_shown(0.5), None);
}
