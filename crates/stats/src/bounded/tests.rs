use super::*;
use crate::score::tests::close;

/// Values with a mean of about a third, as the oracle has them.
fn values(n: u32) -> Vec<f64> {
    (1..=n).map(|i| (f64::from((7919 * i + 104_729) % 1000) / 1000.0).powi(2)).collect()
}

/// confseq 0.0.11, `predmix_empbern_twosided_cs` and `predmix_hoeffding_cs`.
#[test]
fn closed_forms_match_confseq() {
    let bernstein = empirical_bernstein_interval(&values(50), 0.05).unwrap();
    close(bernstein.low, 0.13411979265414636, 1e-12, "low of 50");
    close(bernstein.high, 0.49999883267178413, 1e-12, "high of 50");
    let bernstein = empirical_bernstein_interval(&values(200), 0.05).unwrap();
    close(bernstein.low, 0.25131664906802603, 1e-12, "low of 200");
    close(bernstein.high, 0.3956330027907198, 1e-12, "high of 200");
    let hoeffding = hoeffding_interval(&values(200), 0.05).unwrap();
    close(hoeffding.low, 0.2018933531640738, 1e-12, "low of Hoeffding");
    close(hoeffding.high, 0.43147736983070384, 1e-12, "high of Hoeffding");
}

/// confseq 0.0.11, `betting_mart` and `betting_cs`, whose bounds lie on a grid of thousandths outside of ours.
#[test]
fn capital_and_its_interval_match_confseq() {
    close(log_capital(&values(200), 0.25, 0.05).unwrap(), 3.066396633961148, 1e-11, "capital");
    close(log_capital(&values(50), 0.25, 0.05).unwrap(), -0.424421967520351, 1e-11, "capital");
    let interval = betting_interval(&values(200), 0.05).unwrap();
    assert!(0.25 < interval.low && interval.low <= 0.251 && 0.383 <= interval.high && interval.high < 0.384);
}

#[test]
fn the_capital_at_the_bounds_is_one_over_alpha() {
    let values = values(120);
    let interval = betting_interval(&values, 0.05).unwrap();
    for bound in [interval.low, interval.high] {
        close(log_capital(&values, bound, 0.05).unwrap(), 20.0_f64.ln(), 1e-9, "capital");
    }
}

#[test]
fn who_bets_sees_more() {
    let width = |interval: crate::Interval| interval.high - interval.low;
    let values = values(200);
    let betting = width(betting_interval(&values, 0.05).unwrap());
    let bernstein = width(empirical_bernstein_interval(&values, 0.05).unwrap());
    assert!(betting < bernstein && bernstein < width(hoeffding_interval(&values, 0.05).unwrap()));
}

type Sequence = fn(&[f64], f64) -> Result<crate::Interval>;
const SEQUENCES: [Sequence; 3] = [empirical_bernstein_interval, hoeffding_interval, betting_interval];

#[test]
fn turning_the_scale_turns_the_interval() {
    let values = values(90);
    let turned = values.iter().map(|x| 1.0 - x).collect::<Vec<_>>();
    for sequence in SEQUENCES {
        let (found, turned) = (sequence(&values, 0.1).unwrap(), sequence(&turned, 0.1).unwrap());
        close(found.low + turned.high, 1.0, 1e-9, "low");
        close(found.high + turned.low, 1.0, 1e-9, "high");
    }
}

#[test]
fn constants_and_single_values_are_inside() {
    for value in [0.0, 0.3, 1.0] {
        for n in [1, 2, 400] {
            for sequence in SEQUENCES {
                let interval = sequence(&vec![value; n], 0.05).unwrap();
                let holds =
                    0.0 <= interval.low && interval.low <= value && value <= interval.high && interval.high <= 1.0;
                assert!(holds, "{n} times {value}: {interval:?}");
            }
        }
    }
}

#[test]
fn what_means_nothing_is_refused() {
    for sequence in SEQUENCES {
        assert_eq!(sequence(&[], 0.05), Err(Error::EmptySample));
        for bad in [-0.1, 1.1, f64::NAN] {
            assert!(sequence(&[0.5, bad], 0.05).is_err() && sequence(&[0.5], bad).is_err());
        }
    }
    assert!(log_capital(&[0.5], 0.0, 0.05).is_err() && log_capital(&[0.5], 1.0, 0.05).is_err());
}
