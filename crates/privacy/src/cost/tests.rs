use proptest::prelude::*;

use super::*;
use crate::Error;

fn rho_only(rho_nano: u64) -> Cost {
    Cost { rho_nano, delta_atto: 0 }
}

/// dp-accounting 0.6.0 (PyPI): `RdpAccountant(orders)` over 400001 orders from 1.001 to 10001, one
/// `GaussianDpEvent(1 / sqrt(2 rho))`, `get_epsilon(delta)`.
#[test]
fn epsilon_matches_dp_accounting() {
    for (rho_nano, delta, epsilon) in [
        (100_000, 1e-6, 0.05372712064286897),
        (10_000_000, 1e-9, 0.8101744678675826),
        (100_000_000, 1e-6, 2.1419389284162094),
        (500_000_000, 1e-6, 5.221534444659964),
        (1_000_000_000, 1e-5, 7.0771966967520346),
        (3_000_000_000, 1e-8, 17.01702963541256),
        (20_000_000_000, 1e-6, 51.719404463074156),
    ] {
        let got = rho_only(rho_nano).epsilon_at(delta);
        assert!((got - epsilon).abs() < 1e-6 * epsilon, "{rho_nano} at {delta}: {got}, expected {epsilon}");
    }
}

#[test]
fn delta_spent_on_keys_is_not_there_for_the_conversion() {
    let spent = Cost { rho_nano: 100_000_000, delta_atto: 1_000_000_000_000 };
    let got = spent.epsilon_at(2e-6);
    let alone = rho_only(100_000_000).epsilon_at(1e-6);
    assert!((got - alone).abs() < 1e-9, "{got} {alone}");
    assert!(got >= alone);
    for nothing_left in [1e-6, 1e-7, 0.0, -1.0, f64::NAN] {
        assert_eq!(spent.epsilon_at(nothing_left), f64::INFINITY, "{nothing_left}");
    }
}

#[test]
fn a_saturated_cost_guarantees_nothing() {
    let most = Cost { rho_nano: u64::MAX, delta_atto: u64::MAX };
    assert_eq!(most.plus(Cost { rho_nano: 1, delta_atto: 1 }), most);
    assert_eq!(Cost { rho_nano: 2, delta_atto: 3 }.times(u64::MAX), most);
    assert_eq!(rho_only(u64::MAX).epsilon_at(0.5), f64::INFINITY);
    assert_eq!(Cost::default().epsilon_at(1e-9), 0.0);
}

#[test]
fn a_price_is_rounded_up_and_only_when_it_must_be() {
    assert_eq!(Cost::pure(1.0, 0.0), rho_only(500_000_000));
    assert_eq!(Cost::pure(0.5, 0.25), Cost { rho_nano: 125_000_000, delta_atto: 250_000_000_000_000_000 });
    // The number 0.1 is a little above a tenth, 1e-6 a little below a millionth.
    assert_eq!(Cost::pure(0.1, 1e-6), Cost { rho_nano: 5_000_001, delta_atto: 1_000_000_000_000 });
    assert_eq!(Cost::pure(1e-12, 1e-30), Cost { rho_nano: 1, delta_atto: 1 });
    assert_eq!(Cost::pure(f64::NAN, f64::INFINITY), Cost { rho_nano: u64::MAX, delta_atto: u64::MAX });
}

#[test]
fn a_cap_is_the_largest_that_keeps_the_promise() {
    for (epsilon, delta) in [(0.1, 1e-9), (1.0, 1e-6), (3.0, 1e-6), (10.0, 1e-8), (100.0, 1e-6), (1000.0, 0.5)] {
        let cap = Cost::cap(epsilon, delta).unwrap();
        let close_below = cap.epsilon_at(delta);
        assert!(close_below <= epsilon * (1.0 + 1e-12), "{epsilon} {delta}: {cap:?} gives {close_below}");
        let above = cap.plus(rho_only(1)).epsilon_at(delta);
        assert!(above >= epsilon * (1.0 - 1e-12), "{epsilon} {delta}: one more than {cap:?} gives {above}");
        assert!((cap.delta_atto as f64 - delta * 5e17).abs() <= 128.0, "{cap:?}");
    }
}

#[test]
fn caps_without_meaning_are_refused() {
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1001.0] {
        assert!(matches!(Cost::cap(bad, 1e-6), Err(Error::OutOfRange { .. })), "{bad}");
    }
    for bad in [0.0, -1.0, 1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(Cost::cap(1.0, bad), Err(Error::OutOfRange { .. })), "{bad}");
    }
}

fn cost() -> impl Strategy<Value = Cost> {
    (any::<u64>(), any::<u64>()).prop_map(|(rho_nano, delta_atto)| Cost { rho_nano, delta_atto })
}

proptest! {
    #[test]
    fn costs_add_up_in_any_order(a in cost(), b in cost(), c in cost()) {
        prop_assert_eq!(a.plus(b), b.plus(a));
        prop_assert_eq!(a.plus(b).plus(c), a.plus(b.plus(c)));
        prop_assert_eq!(a.plus(Cost::default()), a);
        prop_assert_eq!(a.times(3), a.plus(a).plus(a));
        prop_assert!(a.fits(a.plus(b)));
        prop_assert!(!(a.fits(b) && b.fits(a)) || a == b);
    }

    #[test]
    fn epsilon_grows_with_rho_and_falls_with_delta(nano in 1_u64..10_000_000_000, exponent in 2.0_f64..12.0) {
        let delta = 10_f64.powf(-exponent);
        let epsilon = rho_only(nano).epsilon_at(delta);
        prop_assert!(rho_only(nano * 2).epsilon_at(delta) > epsilon);
        prop_assert!(rho_only(nano).epsilon_at(delta / 2.0) > epsilon);
        // Bun and Steinke, Proposition 1.3: the plain conversion is never better.
        let rho = nano as f64 / 1e9;
        prop_assert!(epsilon <= rho + 2.0 * (rho * -delta.ln()).sqrt());
    }
}

#[test]
fn an_epsilon_within_a_cost_does_not_cost_more() {
    for rho_nano in [0, 1, 441_726_960, 50_000_000_000] {
        let cost = Cost { rho_nano, delta_atto: 0 };
        let epsilon = cost.epsilon_within();
        assert!(epsilon == 0.0 || Cost::pure(epsilon, 0.0).fits(cost), "{rho_nano}");
        assert!(Cost::pure(epsilon * 1.001, 0.0).rho_nano >= rho_nano);
    }
}
