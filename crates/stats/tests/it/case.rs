//! A case of the oracle of sequential tests: what goes in, and what should come out.

use serde_json::Value;
use tidegate_stats::cluster::ClusterSums;
use tidegate_stats::cuped::Covariate;
use tidegate_stats::{ConfidenceSequence, Estimate, Proportion, Proportions, Sides, student};

/// One case, with numbers by name.
pub(crate) struct Case<'a>(pub(crate) &'a Value);

impl Case<'_> {
    pub(crate) fn id(&self) -> &str {
        self.0["id"].as_str().unwrap()
    }

    pub(crate) fn number(&self, name: &str) -> f64 {
        self.0["inputs"][name].as_f64().unwrap()
    }

    pub(crate) fn count(&self, name: &str) -> u64 {
        self.number(name) as u64
    }

    pub(crate) fn sides(&self) -> Sides {
        if self.0["inputs"]["one_sided"] == true { Sides::One } else { Sides::Two }
    }

    /// Compares with what the oracle calls `path`, such as `ci/0`; the whole of what is expected if it is empty.
    pub(crate) fn check(&self, path: &str, found: f64) {
        let pointer = if path.is_empty() { "/expected".to_owned() } else { format!("/expected/{path}") };
        let expected = self.0.pointer(&pointer).and_then(Value::as_f64);
        let expected = expected.unwrap_or_else(|| panic!("{}: nothing expected at {pointer}", self.id()));
        let within = self.0["rel_tol"].as_f64().unwrap() * expected.abs();
        assert!((found - expected).abs() <= within, "{} {pointer}: {found}, expected {expected}", self.id());
    }

    /// Compares a verdict.
    pub(crate) fn check_flag(&self, name: &str, found: bool) {
        assert_eq!(self.0["expected"][name].as_bool(), Some(found), "{} {name}", self.id());
    }

    /// The arms' difference, or lift, of which `estimates` are treatment and control.
    pub(crate) fn contrast(&self, [treatment, control]: [Estimate; 2]) -> Estimate {
        let relative = self.id().contains("-rel-");
        if relative { treatment.relative_to(control).unwrap() } else { treatment.minus(control).unwrap() }
    }

    pub(crate) fn check_estimate(&self, estimate: Estimate) {
        self.check("est", estimate.value());
        self.check("se", estimate.variance().sqrt());
    }

    pub(crate) fn check_sequence(&self, estimate: Estimate, rows: f64) {
        let planned = estimate.information().unwrap() * self.number("tuning_n") / rows;
        let sequence = ConfidenceSequence::new(Sides::Two, self.number("alpha"), planned).unwrap();
        let interval = sequence.interval(estimate).unwrap();
        self.check("ci/0", interval.low);
        self.check("ci/1", interval.high);
        self.check("p", sequence.p_value(estimate, 0.0).unwrap());
    }

    pub(crate) fn proportions(&self) -> [Estimate; 2] {
        let Proportions { treatment, control } = self.arms();
        [treatment, control].map(Estimate::of_proportion)
    }

    pub(crate) fn arms(&self) -> Proportions {
        let of = |x, n| Proportion::new(self.count(x), self.count(n)).unwrap();
        Proportions { treatment: of("x_t", "n_t"), control: of("x_c", "n_c") }
    }

    pub(crate) fn means(&self) -> [Estimate; 2] {
        let mean = |n, sum, squares| Estimate::of_mean(self.count(n), self.number(sum), self.number(squares)).unwrap();
        [mean("n_t", "sum_t", "sumsq_t"), mean("n_c", "sum_c", "sumsq_c")]
    }

    pub(crate) fn clusters(&self, arm: &str) -> ClusterSums {
        let sum = |name: &str| self.0["inputs"][arm][name].as_f64().unwrap();
        ClusterSums {
            clusters: sum("clusters") as u64,
            m: sum("sum_m"),
            m2: sum("sum_m2"),
            d: sum("sum_d"),
            d2: sum("sum_d2"),
            md: sum("sum_md"),
        }
    }

    pub(crate) fn covariate(&self, arm: &str) -> Covariate {
        let [n, y, y2, x, x2, xy] = numbers(&self.0["inputs"][arm])[..] else { panic!("{}: six sums", self.id()) };
        Covariate { n: n as u64, y, y2, x, x2, xy }
    }

    pub(crate) fn counts(&self, name: &str) -> Vec<u64> {
        numbers(&self.0["inputs"][name]).into_iter().map(|count| count as u64).collect()
    }

    /// The interval and p-value of Welch's t for the difference of `arms`, each of so many units.
    pub(crate) fn check_welch(&self, arms: [Estimate; 2], units: [u64; 2]) {
        let (estimate, df) = (arms[0].minus(arms[1]).unwrap(), student::welch_df(arms, units).unwrap());
        self.check_estimate(estimate);
        let half_width = student::quantile(0.975, df).unwrap() * estimate.variance().sqrt();
        self.check("ci/0", estimate.value() - half_width);
        self.check("ci/1", estimate.value() + half_width);
        self.check("p", student::two_sided(estimate.z(0.0).unwrap(), df).unwrap());
    }

    pub(crate) fn rows(&self) -> f64 {
        self.number("n_t") + self.number("n_c")
    }
}

/// The numbers of a list.
pub(crate) fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}
