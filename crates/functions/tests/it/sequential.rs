//! Do the sequential tests in SQL say what other libraries say?
//!
//! Every case of `sequential.json` in the folder `TIDEGATE_ORACLES`, through SQL. Without that folder there is nothing to
//! compare with; numbers of single cases stand in `testdata/slt/sequential.slt`.

use datafusion::prelude::SessionContext;
use serde_json::Value;

use crate::case::{Case, Query};

const ARMS: [&str; 4] = ["x_t", "n_t", "x_c", "n_c"];
const MEANS: [&str; 6] = ["n_t", "sum_t", "sumsq_t", "n_c", "sum_c", "sumsq_c"];
const CLUSTERS: [&str; 6] = ["clusters", "sum_m", "sum_m2", "sum_d", "sum_d2", "sum_md"];

/// The call that estimates how far apart the arms of a case are.
fn contrast(case: &Case<'_>) -> String {
    let of = if case.id().contains("-rel-") { "lift" } else { "diff" };
    match case.id() {
        id if id.starts_with("ratio") => {
            let paths = ["treatment", "control"].iter().flat_map(|arm| CLUSTERS.map(|sum| format!("{arm}/{sum}")));
            let paths = paths.collect::<Vec<_>>();
            format!("ratio_{of}({})", case.arguments(paths.iter().map(String::as_str)))
        }
        id if id.contains("mean") => format!("mean_{of}({})", case.arguments(MEANS)),
        _ => format!("proportion_{of}({})", case.arguments(ARMS)),
    }
}

/// The contrast `d`, and what `test` says of it, `a`.
fn tested(case: &Case<'_>, test: &str, columns: &[(&str, &str)]) -> Query {
    let columns = columns.iter().map(|(path, sql)| ((*path).to_owned(), (*sql).to_owned())).collect();
    Query { columns, from: format!("(SELECT d, {test} AS a FROM (SELECT {} AS d))", contrast(case)) }
}

fn sequence(case: &Case<'_>, sides: u8) -> String {
    let rows = match case.id() {
        id if id.starts_with("ratio") => case.number("treatment/clusters") + case.number("control/clusters"),
        _ => case.number("n_t") + case.number("n_c"),
    };
    let planned = format!("{} / ({rows} * d['variance'])", case.number("tuning_n"));
    let alpha = case.number("alpha");
    format!("asymptotic_cs(d['estimate'], d['variance'], planned => {planned}, alpha => {alpha}, sides => {sides})")
}

const ESTIMATE: [(&str, &str); 2] = [("est", "d['estimate']"), ("se", "sqrt(d['variance'])")];
const TEST: [(&str, &str); 3] = [("ci/0", "a['low']"), ("ci/1", "a['high']"), ("p", "a['p']")];

fn two_sided_sequence(case: &Case<'_>) -> Query {
    tested(case, &sequence(case, 2), &[&ESTIMATE[..], &TEST].concat())
}

fn one_sided_sequence(case: &Case<'_>) -> Query {
    let bounds = [("upper", "a['high']"), ("lower", "a['low']"), ("halfwidth", "a['high'] - d['estimate']")];
    tested(case, &sequence(case, 1), &bounds)
}

fn verdict(case: &Case<'_>) -> Query {
    let margin = case.number("margin");
    let (passed, harm) = (format!("a['high'] < {margin}"), format!("a['low'] > {margin}"));
    tested(case, &sequence(case, 1), &[("upper", "a['high']"), ("non_inferior", &passed), ("harm", &harm)])
}

fn welch(case: &Case<'_>) -> Query {
    let test = "t_test(d['estimate'], d['variance'], d['df'])";
    tested(case, test, &[&ESTIMATE[..], &TEST].concat())
}

fn ratios(case: &Case<'_>) -> Query {
    let arm = |arm: &str| {
        let paths = CLUSTERS.map(|sum| format!("{arm}/{sum}"));
        format!("ratio_estimate({})", case.arguments(paths.iter().map(String::as_str)))
    };
    let parts = [("r_t", "t['estimate']"), ("var_of_ratio_t", "t['variance']"), ("r_c", "c['estimate']")];
    let parts = parts.into_iter().chain([("var_of_ratio_c", "c['variance']")]);
    let columns = parts.map(|(path, sql)| (path.to_owned(), sql.to_owned())).collect();
    Query { columns, from: format!("(SELECT {} AS t, {} AS c)", arm("treatment"), arm("control")) }
}

fn cuped(case: &Case<'_>) -> Query {
    let arm = |arm: &str| {
        let sums = case.input(arm).as_array().unwrap().iter().map(Value::to_string);
        sums.collect::<Vec<_>>().join(", ")
    };
    let (n_t, n_c) = (case.number("treatment/0"), case.number("control/0"));
    let of_arms = [
        ("var_t".to_owned(), format!("d['variance_t'] * {n_t}")),
        ("var_c".to_owned(), format!("d['variance_c'] * {n_c}")),
        ("theta".to_owned(), "d['theta']".to_owned()),
    ];
    let parts = ESTIMATE.iter().chain(&TEST).map(|(path, sql)| ((*path).to_owned(), (*sql).to_owned()));
    let diff = format!("SELECT cuped_diff({}, {}) AS d", arm("treatment"), arm("control"));
    let test = "t_test(d['estimate'], d['variance'], d['df'])";
    Query { columns: parts.chain(of_arms).collect(), from: format!("(SELECT d, {test} AS a FROM ({diff}))") }
}

fn z_test(case: &Case<'_>) -> Query {
    let columns = [("diff", "d['estimate']"), ("p", "a['p']"), ("ci/0", "a['low']"), ("ci/1", "a['high']")];
    tested(case, "z_test(d['estimate'], d['variance'])", &columns)
}

/// The margin is a share of the control's observed rate; its upper bound is one-sided.
fn z_test_at_margin(case: &Case<'_>) -> Query {
    let margin = case.number("margin_rel") * case.number("x_c") / case.number("n_c");
    let test = format!("z_test(d['estimate'], d['variance'], null_value => {margin}, alpha => 0.1)");
    tested(case, &test, &[("p", "a['p_less']"), ("ci_upper", "a['high']"), ("significant", "a['p_less'] < 0.05")])
}

fn normal_mixture(case: &Case<'_>) -> Query {
    let (planned, sides) = (case.number("v_opt"), case.sides());
    if case.id().starts_with("normal-mixture-bound") {
        let (v, alpha) = (case.number("v"), case.number("alpha"));
        return Query::of_number(&format!("normal_mixture_bound({v}, {planned}, alpha => {alpha}, sides => {sides})"));
    }
    let (sv, alpha) = (case.arguments(["s", "v"]), case.number("alpha_opt"));
    let call = format!("msprt({sv}, planned => {planned}, alpha => {alpha}, sides => {sides})");
    Query::of_parts(&call, [("log_e", "a['log_e']"), ("p", "a['p']")])
}

fn bound(case: &Case<'_>) -> Query {
    Query::of_number(&match case.id() {
        "beta-binomial-bound-0" => {
            format!("beta_binomial_bound({}, sides => 1)", case.arguments(["v", "g", "h", "v_opt", "alpha"]))
        }
        "gamma-exp-bound-0" => format!("gamma_exponential_bound({})", case.arguments(["v", "c", "v_opt", "alpha"])),
        "gamma-poisson-bound-0" => format!("gamma_poisson_bound({})", case.arguments(["v", "c", "v_opt", "alpha"])),
        _ => format!("stitched_bound({})", case.arguments(["v", "v_min", "alpha"])),
    })
}

fn rate(case: &Case<'_>) -> Query {
    let arguments = case.arguments(["successes", "trials", "t_opt", "alpha"]);
    Query::of_parts(&format!("bernoulli_cs({arguments})"), [("0", "a['low']"), ("1", "a['high']")])
}

/// The values that cases of bounded means share, as a list of SQL.
fn values(n: u32) -> String {
    let values = (1..=n).map(|i| (f64::from((7919 * i + 104_729) % 1000) / 1000.0).powi(2).to_string());
    format!("[{}]", values.collect::<Vec<_>>().join(", "))
}

fn bounded_mean(case: &Case<'_>) -> Query {
    let alpha = case.number("alpha");
    let both = |function: &str| format!("[{function}({}, {alpha}), {function}({}, {alpha})]", values(50), values(200));
    match case.id() {
        "predmix-empbern-0" => Query::of_parts(
            &both("empirical_bernstein_cs"),
            [("l50", "a[1]['low']"), ("u50", "a[1]['high']"), ("l200", "a[2]['low']"), ("u200", "a[2]['high']")],
        ),
        "predmix-hoeffding-0" => Query::of_parts(
            &format!("hoeffding_cs({}, alpha => {alpha})", values(200)),
            [("l200", "a['low']"), ("u200", "a['high']")],
        ),
        // Ours is exact, theirs is rounded outwards to a grid of thousandths.
        "betting-cs-0" => Query::of_parts(
            &format!("betting_cs({}, alpha => {alpha})", values(200)),
            [("l200", "floor(a['low'] * 1000) / 1000"), ("u200", "ceil(a['high'] * 1000) / 1000")],
        ),
        _ => {
            let m = case.number("m");
            let capital = |n| format!("betting_log_capital({}, {m}, alpha => {alpha})", values(n));
            let call = format!("[{}, {}]", capital(50), capital(200));
            Query::of_parts(&call, [("log_capital_50", "a[1]"), ("log_capital_200", "a[2]")])
        }
    }
}

fn shares_once(case: &Case<'_>) -> Query {
    Query::of_number(&format!("srm_test({})['chi2_p']", case.arguments(["users", "weights"])))
}

fn shares(case: &Case<'_>) -> Query {
    let arguments = case.arguments(["counts", "theta0"]);
    let (k, alpha) = (case.number("k"), case.number("alpha"));
    Query::of_parts(
        &format!("srm_test({arguments}, concentration => {k}, alpha => {alpha})"),
        [
            ("log_odds", "a['log_e']"),
            ("p/0", "a['p']"),
            ("ci/0/0", "a['low'][1]"),
            ("ci/0/1", "a['high'][1]"),
            ("ci/1/0", "a['low'][2]"),
            ("ci/1/1", "a['high'][2]"),
        ],
    )
}

fn canary(case: &Case<'_>) -> Query {
    let arguments = case.arguments(["counts/1", "counts/0", "rho/1", "k", "alpha"]);
    Query::of_parts(
        &format!("poisson_canary({arguments})"),
        [("p/0", "a['p']"), ("ci/0/0", "a['low']"), ("ci/0/1", "a['high']"), ("est/0", "a['estimate']")],
    )
}

fn boundaries(case: &Case<'_>) -> Query {
    let (alpha, spending) = match case.id() {
        "gst-power-two-sided" => ("alpha", "'power', 2, 2"),
        "gst-power-one-sided" => ("alpha", "'power', 1, 2"),
        "gst-pocock-5" => ("alpha_one_sided", "'pocock'"),
        _ => ("alpha_one_sided", "'obrien_fleming'"),
    };
    let looks = case.input("t").as_array().unwrap().len();
    Query::of_list(&format!("group_sequential_bounds({}, {spending})", case.arguments(["t", alpha])), looks)
}

fn classical_design(case: &Case<'_>) -> Query {
    let looks = (1..=5).map(|look| f64::from(look) / 5.0);
    let bounds = looks.clone().map(|t| case.number("c") * t.powf(case.number("shape"))).collect::<Vec<_>>();
    let call = format!("crossing_probabilities({:?}, {bounds:?}, sides => 2)", looks.collect::<Vec<_>>());
    Query::of_parts(&call, [("type1", "a[1] + a[2] + a[3] + a[4] + a[5]")])
}

fn newcombe(case: &Case<'_>) -> Query {
    let call = format!("newcombe_ci({}, alpha => {})", case.arguments(ARMS), case.number("alpha"));
    Query::of_parts(&call, [("0", "a['low']"), ("1", "a['high']")])
}

/// Theirs has a wrong coefficient, see `tidegate_stats::score`.
fn score_interval(case: &Case<'_>) -> Query {
    let call = format!("miettinen_nurminen_ci({}, alpha => {})", case.arguments(ARMS), case.number("alpha"));
    Query::of_parts(&call, [("0", "a['low']"), ("1", "a['high']")])
}

fn score_test(case: &Case<'_>) -> Query {
    let call = format!("non_inferiority_test({}, margin => {})", case.arguments(ARMS), case.number("margin"));
    Query::of_parts(&call, [("z", "a['z']"), ("non_inferior_5pct", "a['p'] < 0.05")])
}

fn wald(case: &Case<'_>) -> Query {
    let arguments = case.arguments(ARMS.into_iter().chain(["margin"]));
    let call = format!("non_inferiority_test({arguments}, better => 'lower', method => 'pooled')");
    Query::of_parts(&call, [("z", "a['z']"), ("p", "a['p']")])
}

/// Theirs are two-sided.
fn sample_size(case: &Case<'_>) -> Query {
    let (alpha, power) = (0.5 * case.number("alpha"), case.number("power"));
    let call = match case.id() {
        "samplesize-binomial-0" => format!("sample_size_proportion({}", case.arguments(["baseline", "mde_abs"])),
        _ => format!("sample_size_mean({}", case.arguments(["mde_abs", "variance"])),
    };
    Query::of_parts(&format!("{call}, alpha => {alpha}, power => {power})"), [("0", "a['total']")])
}

/// A fraction of a unit is rounded up: with so great a variance it is too small to be seen.
fn units(case: &Case<'_>) -> Query {
    let arguments = case.arguments(["effect"]);
    let (alpha, power) = (case.number("alpha"), case.number("power"));
    Query::of_number(&format!("sample_size_mean({arguments}, 1e12, {alpha}, {power})['per_arm'] / 1e12"))
}

fn adjusted(case: &Case<'_>) -> Query {
    let function = match case.id() {
        "multiple-holm" => "holm",
        "multiple-bonferroni" => "bonferroni",
        _ => "benjamini_yekutieli",
    };
    Query::of_list(&format!("{function}({})", case.arguments(["p"])), 5)
}

fn laplace(case: &Case<'_>) -> Query {
    let (b, lambda) = (case.number("b"), case.number("lam"));
    let variance = format!("pow(laplace_noise_stddev({b}), 2)");
    let call = format!("[{variance}, laplace_noise_above({b}, 3 * {b}), laplace_noise_log_mgf({b}, {lambda})]");
    Query::of_parts(&call, [("var", "a[1]"), ("sf_3b", "a[2]"), ("log_mgf", "a[3]")])
}

fn quantile(case: &Case<'_>) -> Query {
    let beside = case.arguments(["quantile_lower", "quantile_upper", "n", "n_star"]);
    let call = if case.id() == "quantile-iid-0" {
        format!("quantile_variance({beside})")
    } else {
        let sums = ["nu", "n_clusters", "main_sum", "main_sum_squares", "denominator_sum", "denominator_sum_squares"];
        let sums = case.arguments(sums.into_iter().chain(["main_denominator_sum_product"]));
        format!("quantile_cluster_variance({beside}, {sums})")
    };
    Query::of_parts(&call, [("var_of_quantile", "a")])
}

fn ranks(case: &Case<'_>) -> Query {
    Query::of_number(&format!("mann_whitney_test({})['p']", case.arguments(["x", "y"])))
}

type Ask = fn(&Case<'_>) -> Query;

/// How SQL asks a case, by the beginning of its name.
const ASKED: &[(&str, Ask)] = &[
    ("asympcs-onesided-", one_sided_sequence),
    ("asympcs-", two_sided_sequence),
    ("noninf-verdict-asympcs-", verdict),
    ("welch-", welch),
    ("ratio-delta-var-", ratios),
    ("ratio-delta-fixed-", welch),
    ("ratio-delta-seq-", two_sided_sequence),
    ("cuped-", cuped),
    ("quantile-", quantile),
    ("srm-", shares_once),
    ("normal-", normal_mixture),
    ("beta-binomial-bound-", bound),
    ("gamma-", bound),
    ("poly-stitch-", bound),
    ("bernoulli-cs-", rate),
    ("predmix-", bounded_mean),
    ("betting-", bounded_mean),
    ("savvi-srm-", shares),
    ("savvi-poisson-", canary),
    ("ztest-noninf-", z_test_at_margin),
    ("ztest-", z_test),
    ("gst-classical-", classical_design),
    ("gst-", boundaries),
    ("newcombe-", newcombe),
    ("mn-score-", score_interval),
    ("noninf-score-", score_test),
    ("wald-noninf-", wald),
    ("samplesize-", sample_size),
    ("power-normal-", units),
    ("multiple-", adjusted),
    ("dlaplace-", laplace),
    ("mannwhitney-", ranks),
];

/// How far a wrong coefficient of statsmodels moves what it answers, in units of the tolerance of the case: 3e-4 of z, 3e-3 of
/// bounds. `tidegate_stats` shows that this coefficient is all that differs.
fn slack(id: &str) -> f64 {
    match id {
        id if id.starts_with("mn-score-") => 3e-3 / 1e-6,
        id if id.starts_with("noninf-score-") => 3e-4 / 1e-7,
        _ => 1.0,
    }
}

#[tokio::test]
async fn every_case_of_the_oracle_is_answered() {
    let Some(folder) = std::env::var_os("TIDEGATE_ORACLES") else {
        eprintln!("skipped: TIDEGATE_ORACLES names no folder with sequential.json");
        return;
    };
    let text = std::fs::read_to_string(std::path::Path::new(&folder).join("sequential.json")).unwrap();
    let oracle: Value = serde_json::from_str(&text).unwrap();
    let session = SessionContext::new();
    tidegate_functions::scalar_functions().into_iter().for_each(|function| session.register_udf(function));
    for case in oracle["cases"].as_array().unwrap().iter().map(Case) {
        let asked = ASKED.iter().find(|(name, _)| case.id().starts_with(name));
        match asked {
            Some((_, ask)) => case.check(&session, &ask(&case), slack(case.id())).await,
            None => assert!(case.id().starts_with("rfc6962-"), "{} is new: Merkle trees are no statistics", case.id()),
        }
    }
}
