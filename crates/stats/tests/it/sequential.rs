//! Do the sequential statistics agree with those of other libraries?
//!
//! `TIDEGATE_ORACLES` names a folder with `sequential.json`. Where it is absent this test says so and passes; a part of
//! its numbers stands in the tests of the modules.

use serde_json::Value;
use tidegate_stats::group_sequential::{boundaries, crossing_probabilities};
use tidegate_stats::{ConfidenceSequence, Estimate, NormalMixture, Proportion, Sides, Spending};

/// One case, with numbers by name.
struct Case<'a>(&'a Value);

impl Case<'_> {
    fn id(&self) -> &str {
        self.0["id"].as_str().unwrap()
    }

    fn number(&self, name: &str) -> f64 {
        self.0["inputs"][name].as_f64().unwrap()
    }

    fn count(&self, name: &str) -> u64 {
        self.number(name) as u64
    }

    fn sides(&self) -> Sides {
        if self.0["inputs"]["one_sided"] == true { Sides::One } else { Sides::Two }
    }

    /// Compares with what the oracle calls `path`, such as `ci/0`; the whole of what is expected if it is empty.
    fn check(&self, path: &str, found: f64) {
        let pointer = if path.is_empty() { "/expected".to_owned() } else { format!("/expected/{path}") };
        let expected = self.0.pointer(&pointer).and_then(Value::as_f64);
        let expected = expected.unwrap_or_else(|| panic!("{}: nothing expected at {pointer}", self.id()));
        let within = self.0["rel_tol"].as_f64().unwrap() * expected.abs();
        assert!((found - expected).abs() <= within, "{} {pointer}: {found}, expected {expected}", self.id());
    }

    /// The arms' difference, or lift, of which `estimates` are treatment and control.
    fn contrast(&self, [treatment, control]: [Estimate; 2]) -> Estimate {
        let relative = self.id().contains("-rel-");
        if relative { treatment.relative_to(control).unwrap() } else { treatment.minus(control).unwrap() }
    }

    fn check_estimate(&self, estimate: Estimate) {
        self.check("est", estimate.value());
        self.check("se", estimate.variance().sqrt());
    }

    fn check_sequence(&self, estimate: Estimate, rows: f64) {
        let planned = estimate.information().unwrap() * self.number("tuning_n") / rows;
        let sequence = ConfidenceSequence::new(Sides::Two, self.number("alpha"), planned).unwrap();
        let interval = sequence.interval(estimate).unwrap();
        self.check("ci/0", interval.low);
        self.check("ci/1", interval.high);
        self.check("p", sequence.p_value(estimate, 0.0).unwrap());
    }

    fn proportions(&self) -> [Estimate; 2] {
        let rate = |x, n| Estimate::of_proportion(Proportion::new(self.count(x), self.count(n)).unwrap());
        [rate("x_t", "n_t"), rate("x_c", "n_c")]
    }

    fn means(&self) -> [Estimate; 2] {
        let mean = |n, sum, squares| Estimate::of_mean(self.count(n), self.number(sum), self.number(squares)).unwrap();
        [mean("n_t", "sum_t", "sumsq_t"), mean("n_c", "sum_c", "sumsq_c")]
    }

    fn rows(&self) -> f64 {
        self.number("n_t") + self.number("n_c")
    }
}

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

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
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
];

#[test]
fn sequential_statistics_agree() {
    let Ok(folder) = std::env::var("TIDEGATE_ORACLES") else {
        eprintln!("skipped: TIDEGATE_ORACLES names no folder");
        return;
    };
    let text = std::fs::read_to_string(format!("{folder}/sequential.json")).unwrap();
    let oracle: Value = serde_json::from_str(&text).unwrap();
    for case in oracle["cases"].as_array().unwrap().iter().map(Case) {
        if let Some((_, check)) = REPRODUCED.iter().find(|(name, _)| case.id().starts_with(name)) {
            check(&case);
        }
    }
}
