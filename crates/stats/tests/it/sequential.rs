//! Do the sequential statistics agree with those of other libraries?
//!
//! `TIDEGATE_ORACLES` names a folder with `sequential.json`. Where it is absent this test says so and passes; a part of
//! its numbers stands in the tests of the modules. Each case is either reproduced or left out with a reason.

use serde_json::Value;
use tidegate_stats::cluster::{ClusterSums, ratio};
use tidegate_stats::cuped::{adjusted_means, theta};
use tidegate_stats::drift::Noise;
use tidegate_stats::group_sequential::{boundaries, crossing_probabilities};
use tidegate_stats::mixture::Steps;
use tidegate_stats::order_statistic::{self, Beside};
use tidegate_stats::poisson::{Canary, Events};
use tidegate_stats::power::{planned_events, planned_units};
use tidegate_stats::sample_ratio::chi2_p_value;
use tidegate_stats::{ConfidenceSequence, NormalMixture, Proportion, SampleRatio, Sides, Spending};
use tidegate_stats::{Direction, Interval, Margin, SampleSize, mann_whitney, newcombe_interval};
use tidegate_stats::{benjamini_yekutieli_adjusted, bonferroni_adjusted, holm_adjusted, pooled_non_inferiority};
use tidegate_stats::{beta_binomial_bound, gamma_exponential_bound, gamma_poisson_bound, stitched_bound};
use tidegate_stats::{betting_interval, bounded, empirical_bernstein_interval, hoeffding_interval};
use tidegate_stats::{normal, rate_interval};

use crate::case::{Case, numbers};
use crate::statsmodels;

fn two_sided_sequence(case: &Case<'_>) {
    let arms = if case.id().starts_with("asympcs-mean") { case.means() } else { case.proportions() };
    let estimate = case.contrast(arms);
    case.check_estimate(estimate);
    case.check_sequence(estimate, case.rows());
}

fn one_sided_sequence(case: &Case<'_>) {
    let estimate = case.contrast(case.proportions());
    let planned = estimate.information().unwrap() * case.number("tuning_n") / case.rows();
    let sequence = ConfidenceSequence::new(Sides::One, case.number("alpha"), planned).unwrap();
    let interval = sequence.interval(estimate).unwrap();
    case.check("upper", interval.high);
    let expected = &case.0["expected"];
    if expected["lower"].is_number() {
        case.check("lower", interval.low);
        case.check("halfwidth", interval.high - estimate.value());
        // rho^2 = 1 / eta in units of one row's information.
        let eta = NormalMixture::new(Sides::One, planned, case.number("alpha")).unwrap().eta();
        case.check("rho", (estimate.information().unwrap() / case.rows() / eta).sqrt());
    } else {
        assert_eq!(expected["non_inferior"], interval.high < case.number("margin"), "{}", case.id());
        assert_eq!(expected["harm"], interval.low > case.number("margin"), "{}", case.id());
    }
}

fn normal_mixture(case: &Case<'_>) {
    let mixture = NormalMixture::new(case.sides(), case.number("v_opt"), case.number("alpha_opt")).unwrap();
    if case.id().starts_with("normal-mixture-bound") {
        return case.check("", mixture.boundary(case.number("v"), case.number("alpha")).unwrap());
    }
    let log = mixture.log_e_value(case.number("s"), case.number("v")).unwrap();
    case.check("log_e", log);
    case.check("p", (-log).exp().min(1.0));
}

fn boundaries_of_spending(case: &Case<'_>) {
    let inputs = &case.0["inputs"];
    let (spending, sides, alpha) = match case.id() {
        "gst-power-two-sided" => (Spending::Power { rho: case.number("rho") }, Sides::Two, case.number("alpha")),
        "gst-power-one-sided" => (Spending::Power { rho: case.number("rho") }, Sides::One, case.number("alpha")),
        "gst-pocock-5" => (Spending::Pocock, Sides::One, case.number("alpha_one_sided")),
        _ => (Spending::ObrienFleming, Sides::One, case.number("alpha_one_sided")),
    };
    let found = boundaries(&numbers(&inputs["t"]), spending, sides, alpha).unwrap();
    assert_eq!(case.0["expected"].as_array().unwrap().len(), found.len());
    found.iter().enumerate().for_each(|(i, &z)| case.check(&i.to_string(), z));
}

fn classical_design(case: &Case<'_>) {
    let looks = case.count("K");
    let fractions = (1..=looks).map(|look| look as f64 / looks as f64).collect::<Vec<_>>();
    let z = fractions.iter().map(|t| case.number("c") * t.powf(case.number("shape"))).collect::<Vec<_>>();
    case.check("type1", crossing_probabilities(&fractions, &z, Sides::Two, 0.0).unwrap().iter().sum());
}

fn means_once(case: &Case<'_>) {
    case.check_welch(case.means(), [case.count("n_t"), case.count("n_c")]);
}

fn cluster_ratio(case: &Case<'_>) {
    let sums = [case.clusters("treatment"), case.clusters("control")];
    let arms = sums.map(|sums| ratio(sums).unwrap());
    if case.id() == "ratio-delta-var-0" {
        case.check("r_t", arms[0].value());
        case.check("var_of_ratio_t", arms[0].variance());
        case.check("r_c", arms[1].value());
        return case.check("var_of_ratio_c", arms[1].variance());
    }
    let clusters = sums.map(|sums| sums.clusters);
    if case.id().starts_with("ratio-delta-fixed") {
        return case.check_welch(arms, clusters);
    }
    let estimate = case.contrast(arms);
    case.check_estimate(estimate);
    case.check_sequence(estimate, (clusters[0] + clusters[1]) as f64);
}

fn cuped(case: &Case<'_>) {
    let [treatment, control] = ["treatment", "control"].map(|arm| case.covariate(arm));
    case.check("theta", theta(treatment, control).unwrap());
    let means = adjusted_means(treatment, control).unwrap();
    case.check("var_t", means[0].variance() * treatment.n as f64);
    case.check("var_c", means[1].variance() * control.n as f64);
    case.check_welch(means, [treatment.n, control.n]);
}

fn shares_once(case: &Case<'_>) {
    let inputs = &case.0["inputs"];
    case.check("", chi2_p_value(&case.counts("users"), &numbers(&inputs["weights"])).unwrap());
}

fn shares(case: &Case<'_>) {
    let sample_ratio = SampleRatio::new(&numbers(&case.0["inputs"]["theta0"]), case.number("k")).unwrap();
    let counts = case.counts("counts");
    case.check("log_odds", sample_ratio.log_e_value(&counts).unwrap());
    case.check("p/0", sample_ratio.p_value(&counts).unwrap());
    for (i, interval) in sample_ratio.intervals(&counts, case.number("alpha")).unwrap().iter().enumerate() {
        case.check(&format!("ci/{i}/0"), interval.low);
        case.check(&format!("ci/{i}/1"), interval.high);
    }
}

fn canary(case: &Case<'_>) {
    let share = numbers(&case.0["inputs"]["rho"])[1];
    let [control, treatment] = case.counts("counts")[..] else { panic!("{}: two counts", case.id()) };
    let (canary, events) = (Canary::new(share, case.number("k")).unwrap(), Events { treatment, control });
    case.check("p/0", canary.p_value(events));
    let interval = canary.log_rate_ratio(events, case.number("alpha")).unwrap();
    case.check("ci/0/0", interval.low);
    case.check("ci/0/1", interval.high);
    case.check("est/0", (treatment as f64 / control as f64).ln());
}

fn rate(case: &Case<'_>) {
    let rate = Proportion::new(case.count("successes"), case.count("trials")).unwrap();
    let interval = rate_interval(rate, case.number("t_opt"), case.number("alpha")).unwrap();
    case.check("0", interval.low);
    case.check("1", interval.high);
}

fn laplace(case: &Case<'_>) {
    let noise = Noise::Laplace { scale: case.number("b") };
    case.check("var", noise.stddev().unwrap().powi(2));
    case.check("log_mgf", noise.log_mgf(case.number("lam")).unwrap());
    case.check("sf_3b", noise.survival(3.0 * case.number("b")).unwrap());
}

fn proportions_once(case: &Case<'_>) {
    let estimate = case.contrast(case.proportions());
    let half_width = |level| normal::quantile(level).unwrap() * estimate.variance().sqrt();
    match case.id() {
        "ztest-0" => {
            case.check("diff", estimate.value());
            case.check("p", estimate.p_value(0.0).unwrap());
            case.check("ci/0", estimate.value() - half_width(0.975));
            case.check("ci/1", estimate.value() + half_width(0.975));
        }
        _ => {
            // The margin is a share of the control's observed rate, as if that were known.
            let margin = case.number("margin_rel") * case.proportions()[1].value();
            case.check("p", normal::cdf(estimate.z(margin).unwrap()));
            case.check("ci_upper", estimate.value() + half_width(0.95));
        }
    }
}

fn newcombe(case: &Case<'_>) {
    let interval = newcombe_interval(case.arms(), 1.0 - case.number("alpha")).unwrap();
    case.check("0", interval.low);
    case.check("1", interval.high);
}

/// Theirs are of both arms together and two-sided.
fn sample_size(case: &Case<'_>) {
    let (gap, alpha, power) = (case.number("mde_abs"), 0.5 * case.number("alpha"), case.number("power"));
    let per_arm = match case.0["inputs"]["baseline"].as_f64() {
        Some(rate) => {
            let (direction, margin) = (Direction::LowerIsBetter, Margin::Absolute(gap));
            planned_events(SampleSize { rate, direction, margin, alpha, power })
        }
        None => planned_units(gap, case.number("variance"), alpha, power),
    };
    case.check("0", (2.0 * per_arm.unwrap()).ceil());
}

fn units(case: &Case<'_>) {
    case.check("", planned_units(case.number("effect"), 1.0, case.number("alpha"), case.number("power")).unwrap());
}

fn wald(case: &Case<'_>) {
    let margin = Margin::Absolute(case.number("margin"));
    let test = pooled_non_inferiority(case.arms(), Direction::LowerIsBetter, margin).unwrap();
    case.check("z", test.z);
    case.check("p", test.p_value);
}

fn quantile(case: &Case<'_>) {
    let (low, high) = (case.number("quantile_lower"), case.number("quantile_upper"));
    let beside = Beside { low, high, n: case.count("n"), n_star: case.count("n_star") };
    let found = match case.id() {
        "quantile-iid-0" => order_statistic::variance(beside),
        _ => {
            let below = ClusterSums {
                clusters: case.count("n_clusters"),
                m: case.number("main_sum"),
                m2: case.number("main_sum_squares"),
                d: case.number("denominator_sum"),
                d2: case.number("denominator_sum_squares"),
                md: case.number("main_denominator_sum_product"),
            };
            order_statistic::clustered_variance(beside, case.number("nu"), below)
        }
    };
    case.check("var_of_quantile", found.unwrap());
}

fn adjusted(case: &Case<'_>) {
    let adjust = match case.id() {
        "multiple-holm" => holm_adjusted,
        "multiple-bonferroni" => bonferroni_adjusted,
        _ => benjamini_yekutieli_adjusted,
    };
    let adjusted = adjust(&numbers(&case.0["inputs"]["p"])).unwrap();
    adjusted.iter().enumerate().for_each(|(i, &p)| case.check(&i.to_string(), p));
}

fn ranks(case: &Case<'_>) {
    let sample = |name: &str| numbers(&case.0["inputs"][name]);
    case.check("", mann_whitney(&sample("x"), &sample("y")).unwrap().p_value);
}

/// The values that cases of bounded means share: `x_i = (((7919 i + 104729) mod 1000) / 1000)^2`.
fn bounded_values(n: u32) -> Vec<f64> {
    (1..=n).map(|i| (f64::from((7919 * i + 104_729) % 1000) / 1000.0).powi(2)).collect()
}

fn bounded_mean(case: &Case<'_>) {
    let alpha = case.number("alpha");
    for n in [50, 200] {
        let values = bounded_values(n);
        if case.id() == "betting-mart-0" {
            let capital = bounded::log_capital(&values, case.number("m"), alpha).unwrap();
            case.check(&format!("log_capital_{n}"), capital);
            continue;
        }
        let Interval { low, high, .. } = match case.id() {
            "predmix-empbern-0" => empirical_bernstein_interval(&values, alpha).unwrap(),
            _ if n == 50 => continue,
            "predmix-hoeffding-0" => hoeffding_interval(&values, alpha).unwrap(),
            // Ours is exact, theirs is rounded outwards to its grid.
            _ => {
                let (exact, grid) = (betting_interval(&values, alpha).unwrap(), case.number("grid"));
                let (low, high) = ((exact.low * grid).floor() / grid, (exact.high * grid).ceil() / grid);
                Interval { low, high, ..exact }
            }
        };
        case.check(&format!("l{n}"), low);
        case.check(&format!("u{n}"), high);
    }
}

fn mixture_bound(case: &Case<'_>) {
    let (v, alpha) = (case.number("v"), case.number("alpha"));
    let best = || case.number("v_opt");
    let found = match case.id() {
        "beta-binomial-bound-0" => {
            let steps = Steps { g: case.number("g"), h: case.number("h") };
            beta_binomial_bound(steps, case.sides(), v, best(), alpha)
        }
        "gamma-exp-bound-0" => gamma_exponential_bound(case.number("c"), v, best(), alpha),
        "gamma-poisson-bound-0" => gamma_poisson_bound(case.number("c"), v, best(), alpha),
        _ => stitched_bound(v, case.number("v_min"), 0.0, alpha),
    };
    case.check("", found.unwrap());
}

type Check = fn(&Case<'_>);

/// What reproduces a case, by the beginning of its name.
const REPRODUCED: &[(&str, Check)] = &[
    ("asympcs-prop-", two_sided_sequence),
    ("asympcs-mean-", two_sided_sequence),
    ("asympcs-onesided-", one_sided_sequence),
    ("noninf-verdict-asympcs-", one_sided_sequence),
    ("normal-", normal_mixture),
    ("gst-classical-", classical_design),
    ("gst-", boundaries_of_spending),
    ("welch-", means_once),
    ("ratio-delta-", cluster_ratio),
    ("cuped-", cuped),
    ("srm-", shares_once),
    ("savvi-srm-", shares),
    ("savvi-poisson-", canary),
    ("multiple-", adjusted),
    ("dlaplace-", laplace),
    ("bernoulli-cs-", rate),
    ("ztest-", proportions_once),
    ("noninf-score-", statsmodels::score_test),
    ("mn-score-", statsmodels::score_interval),
    ("wald-noninf-", wald),
    ("newcombe-", newcombe),
    ("samplesize-", sample_size),
    ("power-normal-", units),
    ("quantile-", quantile),
    ("mannwhitney-", ranks),
    ("predmix-", bounded_mean),
    ("betting-", bounded_mean),
    ("beta-binomial-bound-", mixture_bound),
    ("gamma-exp-bound-", mixture_bound),
    ("gamma-poisson-bound-", mixture_bound),
    ("poly-stitch-", mixture_bound),
];

/// What is not reproduced, by the beginning of its name, and why.
const LEFT_OUT: &[(&str, &str)] = &[("rfc6962-", "Merkle trees are no statistics")];

#[test]
fn sequential_statistics_agree() {
    let Ok(folder) = std::env::var("TIDEGATE_ORACLES") else {
        eprintln!("skipped: TIDEGATE_ORACLES names no folder");
        return;
    };
    let text = std::fs::read_to_string(format!("{folder}/sequential.json")).unwrap();
    let oracle: Value = serde_json::from_str(&text).unwrap();
    for case in oracle["cases"].as_array().unwrap().iter().map(Case) {
        match REPRODUCED.iter().find(|(name, _)| case.id().starts_with(name)) {
            Some((_, check)) => check(&case),
            None => assert!(LEFT_OUT.iter().any(|(name, _)| case.id().starts_with(name)), "{} is new", case.id()),
        }
    }
}
