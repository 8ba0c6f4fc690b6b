use super::*;

const fn spend(rho_nano: u64, delta_atto: u64) -> Spend {
    Spend { rho_nano, delta_atto }
}

#[test]
fn a_cap_may_be_reached_and_not_passed() {
    let check = |amount: Spend, cap: Spend, fits: bool| assert_eq!(amount.fits(cap), fits, "{amount} in {cap}");
    check(spend(5, 7), spend(5, 7), true);
    check(spend(6, 7), spend(5, 7), false);
    check(spend(5, 8), spend(5, 7), false);
    check(spend(0, 0), spend(0, 0), true);
    // The one currency does not pay for the other.
    check(spend(1, 0), spend(0, u64::MAX), false);
    check(spend(u64::MAX - 1, u64::MAX - 1), spend(u64::MAX, u64::MAX), true);
}

#[test]
fn what_is_too_large_to_count_fits_nowhere() {
    let most = spend(u64::MAX, u64::MAX);
    assert_eq!(spend(u64::MAX - 1, 1).plus(spend(2, u64::MAX)), most);
    assert!(!spend(u64::MAX, 0).fits(most));
    assert!(!spend(0, u64::MAX).fits(most));
    assert_eq!(spend(3, 9).minus(spend(4, 4)), spend(0, 5));
}

#[test]
fn amounts_are_shown_exactly() {
    let check = |amount: Spend, shown: &str| assert_eq!(amount.to_string(), shown);
    check(spend(0, 0), "rho 0 and delta 0");
    check(spend(100_000_000, 1_000_000_000), "rho 0.1 and delta 0.000000001");
    check(spend(12_000_000_001, 1), "rho 12.000000001 and delta 0.000000000000000001");
    check(spend(u64::MAX, u64::MAX), "rho 18446744073.709551615 and delta 18.446744073709551615");
}

#[test]
fn a_charge_has_these_bytes() {
    let block = |day| Block { stream: "chats".into(), unit: "user_id".into(), day };
    let charge = Charge {
        id: "0b88".into(),
        purpose: "chats_by_agent".into(),
        clause: "9e10".into(),
        blocks: [block(Some(20514)), block(None), block(Some(-1))].into(),
        spend: spend(100_000_000, 1_000_000_000),
        charged_at_us: 1_795_197_164_369_798,
        run_id: "f8e6".into(),
    };
    let json = concat!(
        r#"{"id":"0b88","purpose":"chats_by_agent","clause":"9e10","blocks":["#,
        r#"{"stream":"chats","unit":"user_id","day":null},{"stream":"chats","unit":"user_id","day":-1},"#,
        r#"{"stream":"chats","unit":"user_id","day":20514}],"spend":{"rho_nano":100000000,"delta_atto":1000000000},"#,
        r#""charged_at_us":1795197164369798,"run_id":"f8e6"}"#,
    );
    assert_eq!(serde_json::to_string(&charge).unwrap(), json);
    assert_eq!(serde_json::from_str::<Charge>(json).unwrap(), charge);
    // A later version may say more about a charge; who does not understand it must not count it as less.
    assert!(serde_json::from_str::<Charge>(&json.replace(r#""run_id""#, r#""times":2,"run_id""#)).is_err());
}

#[test]
fn a_future_that_charges_can_be_sent() {
    fn check<F: Future + Send>(_: impl FnOnce(&'static mut Budget, Charge, &dyn Fn(&Block) -> Spend) -> F) {}
    check(|budget, charge, cap| budget.charge(charge, cap));
}
