use super::*;
use crate::score::tests::close;

fn check(fractions: &[f64], spending: Spending, sides: Sides, alpha: f64, expected: &[f64], within: f64) {
    let found = boundaries(fractions, spending, sides, alpha).unwrap();
    for (&found, &expected) in found.iter().zip(expected) {
        close(found, expected, within, &format!("{spending:?} {sides:?}"));
    }
    assert_eq!(found.len(), expected.len());
}

/// spotify-confidence 4.1.0: a port of ldbounds with a coarse grid.
#[test]
fn boundaries_match_those_of_ldbounds() {
    let (fifths, quarters) = ([0.2, 0.4, 0.6, 0.8, 1.0], [0.25, 0.5, 0.75, 1.0]);
    let expected = [4.876884948776417, 3.356946291472839, 2.680258430255002, 2.2897886752440257, 2.0309972527819333];
    check(&fifths, Spending::ObrienFleming, Sides::One, 0.025, &expected, 5e-4);
    let expected = [2.4379766880500116, 2.4267734926322078, 2.4101398760674457, 2.396580003355607, 2.385926320407924];
    check(&fifths, Spending::Pocock, Sides::One, 0.025, &expected, 5e-4);
    let expected = [2.7343687865331767, 2.3018367756781366, 2.0101354829308162, 1.7691293932665864];
    check(&quarters, Spending::Power { rho: 2.0 }, Sides::One, 0.05, &expected, 2e-4);
    let expected = [3.090232306167813, 2.7140784033493683, 2.4727370728911673, 2.2798109461451133, 2.113967900571434];
    check(&fifths, Spending::Power { rho: 2.0 }, Sides::Two, 0.05, &expected, 2e-4);
}

/// C. Jennison and B. Turnbull, Group Sequential Methods (2000), tables 2.1 and 2.3: constants of five looks.
#[test]
fn classical_designs_spend_their_alpha() {
    let fractions = [0.2, 0.4, 0.6, 0.8, 1.0];
    for (constant, shape) in [(2.413, 0.0), (2.040, -0.5)] {
        let z = fractions.map(|t: f64| constant * t.powf(shape));
        let spent = crossing_probabilities(&fractions, &z, Sides::Two, 0.0).unwrap().iter().sum::<f64>();
        assert!((spent - 0.05).abs() < 5e-5, "{constant}: {spent}");
    }
}

/// The bivariate normal orthant: P(Z1 > 0 or Z2 > 0) = 1 - (1/4 + asin(sqrt(t1/t2)) / (2 pi)).
#[test]
fn quadrature_is_exact() {
    for t in [0.01, 0.3, 0.5, 0.99] {
        let crossed = crossing_probabilities(&[t, 1.0], &[0.0, 0.0], Sides::One, 0.0).unwrap();
        let expected = 0.75 - t.sqrt().asin() / std::f64::consts::TAU;
        assert!((crossed.iter().sum::<f64>() - expected).abs() < 1e-12, "{t}");
    }
}

#[test]
fn looks_without_a_boundary_change_nothing() {
    let never = f64::INFINITY;
    for (drift, expected) in [(0.0, 0.025), (3.0, 0.851)] {
        let z = [never, never, never, 1.959963984540054];
        let crossed = crossing_probabilities(&[0.1, 0.11, 0.7, 1.0], &z, Sides::One, drift).unwrap();
        assert_eq!(&crossed[..3], [0.0; 3]);
        let once = normal::survival(1.959963984540054 - drift);
        assert!((crossed[3] - once).abs() < 1e-12 && (once - expected).abs() < 1e-3, "{crossed:?}");
    }
}

/// Alpha is spent to the last, whatever the looks: sixty days, uneven fractions, two looks at almost the same time.
#[test]
fn what_is_due_is_spent() {
    let days = (1..=60).map(|day| f64::from(day) / 60.0).collect::<Vec<_>>();
    let uneven = vec![0.013, 0.2, 0.2001, 0.9, 1.0];
    for spending in [Spending::ObrienFleming, Spending::Pocock, Spending::Power { rho: 3.0 }] {
        for sides in [Sides::One, Sides::Two] {
            for fractions in [&days, &uneven] {
                let z = boundaries(fractions, spending, sides, 0.05).unwrap();
                let spent = crossing_probabilities(fractions, &z, sides, 0.0).unwrap().iter().sum::<f64>();
                assert!((spent - 0.05).abs() < 1e-4 && spent <= 0.05 + 1e-10, "{spending:?} {sides:?}: {spent}");
            }
        }
    }
}

/// A level that nobody asks for is still spent: the last boundary lies below almost everybody.
#[test]
fn nearly_everything_may_be_spent() {
    let fractions = [0.1, 0.4, 0.41, 1.0];
    let z = boundaries(&fractions, Spending::Power { rho: 1.0 }, Sides::One, 0.999).unwrap();
    let spent = crossing_probabilities(&fractions, &z, Sides::One, 0.0).unwrap().iter().sum::<f64>();
    assert!((spent - 0.999).abs() < 1e-9, "{spent}");
}

#[test]
fn boundaries_do_not_depend_on_later_looks() {
    let all = boundaries(&[0.2, 0.5, 1.0], Spending::ObrienFleming, Sides::One, 0.05).unwrap();
    let two = boundaries(&[0.2, 0.5], Spending::ObrienFleming, Sides::One, 0.05).unwrap();
    close(two[1], all[1], 1e-11, "second look");
}

/// Jennison and Turnbull, tables 2.2 and 2.4: five looks at power 0.9 need 1.207 and 1.026 times the information.
#[test]
fn classical_designs_have_their_power() {
    let fractions = [0.2, 0.4, 0.6, 0.8, 1.0];
    for (constant, shape, inflation) in [(2.413, 0.0, 1.207_f64), (2.040, -0.5, 1.026)] {
        let z = fractions.map(|t: f64| constant * t.powf(shape));
        let drift = (1.959963984540054 + 1.2815515655446004) * inflation.sqrt();
        let power = crossing_probabilities(&fractions, &z, Sides::Two, drift).unwrap().iter().sum::<f64>();
        assert!((power - 0.9).abs() < 3e-4, "{constant}: {power}");
    }
}

#[test]
fn plans_with_more_looks_need_more_information() {
    let inflation = |spending, fractions: &[f64]| inflation(fractions, spending, Sides::Two, 0.05, 0.9).unwrap();
    close(inflation(Spending::Pocock, &[1.0]), 1.0, 1e-6, "one look");
    let of = |spending| {
        [2.0, 5.0].map(|k| inflation(spending, &(1..=k as u32).map(|i| f64::from(i) / k).collect::<Vec<_>>()))
    };
    let (pocock, fleming) = (of(Spending::Pocock), of(Spending::ObrienFleming));
    assert!(1.0 < fleming[0] && fleming[0] < fleming[1] && fleming[1] < 1.03, "{fleming:?}");
    assert!(1.05 < pocock[0] && pocock[0] < pocock[1] && pocock[1] < 1.207, "{pocock:?}");
}

#[test]
fn a_look_that_may_spend_nothing_has_no_boundary() {
    let z = boundaries(&[0.01, 1.0], Spending::ObrienFleming, Sides::One, 0.05).unwrap();
    assert!(z[0].is_infinite());
    close(z[1], 1.6448536269514722, 1e-9, "all at the end");
    assert_eq!(boundaries(&[], Spending::Pocock, Sides::One, 0.05), Ok(vec![]));
}

#[test]
fn plans_that_mean_nothing_are_refused() {
    let refused = |fractions: &[f64], alpha| boundaries(fractions, Spending::Pocock, Sides::One, alpha).is_err();
    assert!(refused(&[0.5, 0.5], 0.05) && refused(&[0.5, 0.4], 0.05) && refused(&[1.1], 0.05));
    assert!(
        refused(&[0.5, 0.5 + 1e-9], 0.05)
            && refused(&[0.0], 0.05)
            && refused(&[f64::NAN], 0.05)
            && refused(&[0.5], 0.0)
            && refused(&[], f64::NAN)
    );
    assert!(boundaries(&[0.5], Spending::Power { rho: 0.0 }, Sides::One, 0.05).is_err());
    let crossing = |z: &[f64], drift| crossing_probabilities(&[0.5, 1.0], z, Sides::Two, drift);
    assert!(crossing(&[1.0], 0.0).is_err() && crossing(&[1.0, f64::NAN], 0.0).is_err());
    assert!(crossing(&[1.0, -1.0], 0.0).is_err() && crossing(&[1.0, 1.0], f64::NAN).is_err());
    assert!(inflation(&[0.5], Spending::Pocock, Sides::One, 0.05, 0.8).is_err());
    assert!(inflation(&[1.0], Spending::Pocock, Sides::One, 0.05, 0.01).is_err());
}

/// Ratios of information alone count, and what is spent at a look does not depend on what it brings.
#[test]
fn alpha_may_be_spent_by_the_calendar() {
    let (elapsed, alpha) = ([0.25, 0.5, 0.75, 1.0], 0.05);
    let on = |information: &[f64]| {
        boundaries_on_calendar(information, &elapsed, Spending::ObrienFleming, Sides::One, alpha).unwrap()
    };
    let even = boundaries(&elapsed, Spending::ObrienFleming, Sides::One, alpha).unwrap();
    let scaled = on(&[500.0, 1000.0, 1500.0, 2000.0]);
    even.iter().zip(&scaled).for_each(|(a, b)| assert!((a - b).abs() < 1e-9, "{a} {b}"));
    let information = [100.0, 1200.0, 1300.0, 2000.0];
    let uneven = on(&information);
    let fractions = information.map(|information| information / 2000.0);
    let spent = crossing_probabilities(&fractions, &uneven, Sides::One, 0.0).unwrap();
    assert!((spent.iter().sum::<f64>() - alpha).abs() < 1e-9);
    assert!((spent[0] + spent[1] - Spending::ObrienFleming.spent(0.5, alpha).unwrap()).abs() < 1e-9);
    let refused = |information: &[f64], elapsed: &[f64]| {
        boundaries_on_calendar(information, elapsed, Spending::Pocock, Sides::One, alpha).is_err()
    };
    assert!(refused(&[1.0, 1.0], &[0.5, 1.0]) && refused(&[1.0], &[0.5, 1.0]) && refused(&[1.0, 2.0], &[0.5, 1.1]));
}
