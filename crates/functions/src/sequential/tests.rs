//! What the functions make of nulls, of counts that say nothing, and of what cannot be right.

use crate::check::{answer, failure};

async fn one(expression: &str) -> String {
    answer(&format!("SELECT {expression}")).await.remove(0)
}

/// A call of every function that answers.
const CALLS: [&str; 43] = [
    "asymptotic_cs(0.01, 1e-4, 2e4)",
    "asymptotic_cs(0.01, 1e-4, planned => 2e4, alpha => 0.01, sides => 2, null_value => 0.02)",
    "planned_information(0.01)",
    "proportion_diff(45, 400, 40, 400)",
    "proportion_lift(45, 400, 40, 400)",
    "mean_diff(50, 600, 8000, 50, 500, 7000)",
    "mean_lift(50, 600, 8000, 50, 500, 7000)",
    "ratio_estimate(40, 100, 400, 900, 30000, 3000)",
    "ratio_diff(40, 100, 400, 900, 30000, 3000, 40, 90, 400, 900, 30000, 3000)",
    "ratio_lift(40, 100, 400, 900, 30000, 3000, 40, 90, 400, 900, 30000, 3000)",
    "cuped_diff(30, 31, 99, 30, 96, 88, 30, 33, 105, 30, 97, 91)",
    "noisy_rate(60.5, 900.0, 8.0, 8.0)",
    "bucket_ratio([10, 12, 9.5], [100, 110, 99.5])",
    "noisy_share(5010.5, 4990.0, 0.5, 800)",
    "estimate_diff(0.2, 1e-4, 0.1, 1e-4)",
    "estimate_lift(0.2, 1e-4, 0.1, 1e-4)",
    "quantile_band(0.95, 1000)",
    "quantile_variance(1815, 1869, 12000, 6400)",
    "quantile_cluster_variance(1815, 1869, 12000, 6400, 0.95, 240, 11400, 840000, 12000, 930000, 883000)",
    "z_test(0.01, 1e-4)",
    "t_test(0.01, 1e-4, 30)",
    "msprt(30, 100, 100)",
    "normal_mixture_bound(100, 100)",
    "beta_binomial_bound(900, 0.1, 0.9, 500)",
    "gamma_exponential_bound(5000, 5, 2500)",
    "gamma_poisson_bound(120, 1, 60)",
    "stitched_bound(1000, 10)",
    "bernoulli_cs(3, 500, 500)",
    "betting_cs([0.1, 0.9])",
    "empirical_bernstein_cs([0.1, 0.9])",
    "hoeffding_cs([0.1, 0.9])",
    "betting_log_capital([0.1, 0.9], 0.5)",
    "poisson_canary(34, 30)",
    "srm_test([5000, 5210], [1, 1])",
    "group_sequential_bounds([0.5, 1.0])",
    "crossing_probabilities([0.5, 1.0], [2.0, 2.0])",
    "group_sequential_inflation([0.5, 1.0], 0.8)",
    "newcombe_ci(45, 400, 40, 400)",
    "non_inferiority_test(45, 400, 40, 400, 0.05)",
    "holm([0.01, 0.04])",
    "sample_size_proportion(0.1, 0.01)",
    "laplace_noise_above(2, 3)",
    "mann_whitney_test([1, 2], [2, 3])",
];

#[tokio::test]
async fn every_call_answers() {
    for call in CALLS {
        assert_ne!(one(&format!("{call} IS NULL")).await, "true", "{call}");
    }
}

#[tokio::test]
async fn a_null_argument_has_a_null_answer() {
    for call in CALLS {
        let (name, arguments) = call.split_once('(').unwrap();
        // The first argument, which may be a list.
        let end = if arguments.starts_with('[') { "]" } else { "," };
        let rest = arguments.split_once(end).map_or(")", |(_, rest)| rest);
        let rest = if end == "]" || rest == ")" { rest.to_owned() } else { format!(",{rest}") };
        let call = format!("{name}(NULL{rest}");
        assert_eq!(one(&format!("{call} IS NULL")).await, "true", "{call}");
    }
    for call in [
        "holm([0.01, NULL])",
        "asymptotic_cs(0.1, 0.1, 1, NULL)",
        "group_sequential_bounds([1.0], 0.05, NULL)",
        "asymptotic_cs(0.1, 0.1, 1, alpha => 0.05, sides => NULL)",
    ] {
        assert_eq!(one(&format!("{call} IS NULL")).await, "true", "{call}");
    }
}

#[tokio::test]
async fn counts_that_say_nothing_have_a_null_answer() {
    for call in [
        "proportion_diff(0, 0, 1, 10)",
        "proportion_lift(1, 10, 0, 10)",
        "mean_diff(1, 3, 9, 50, 500, 7000)",
        "ratio_estimate(1, 1, 1, 1, 1, 1)",
        "ratio_estimate(3, 0, 0, 0, 0, 0)",
        "cuped_diff(2, 3, 5, 2, 2, 3, 2, 3, 5, 2, 2, 3)",
        "noisy_rate(29.5, 900.0, 8.0, 8.0)",
        "bucket_ratio([10], [100])",
        "noisy_share(-3, 2, 0.5, 800)",
        "quantile_band(0.99, 10)",
        "asymptotic_cs(0.0, 0.0, 100)",
        "z_test(0.0, 0.0)",
        "bernoulli_cs(0, 0, 500)",
        "betting_cs([])",
        "srm_test([0, 0], [1, 1])",
        "non_inferiority_test(0, 5, 0, 5, 0.05, 'lower', 'pooled')",
        "mann_whitney_test([], [1])",
    ] {
        assert_eq!(one(&format!("{call} IS NULL")).await, "true", "{call}");
    }
    // Two arms without an event differ by nothing, and nobody knows how exactly.
    assert_eq!(one("proportion_diff(0, 5, 0, 5)['variance']").await, "0.0");
    assert_eq!(one("poisson_canary(0, 0)['estimate'], poisson_canary(0, 0)['p']").await, " 1.0");
}

#[tokio::test]
async fn what_cannot_be_right_is_refused() {
    for (call, cause) in [
        ("proportion_diff(5, 4, 1, 10)", "proportion_diff: 5 hits in 4 trials"),
        ("proportion_diff(1.5, 4, 1, 10)", "x_t is 1.5, it must be a count"),
        ("proportion_diff(-1, 4, 1, 10)", "x_t is -1, it must be a count"),
        ("proportion_diff(1, 4, 1)", "write proportion_diff(x_t, n_t, x_c, n_c)"),
        ("proportion_diff('a', 4, 1, 2)", "x_t of proportion_diff is a number, not Utf8"),
        ("asymptotic_cs(0.1, -1, 100)", "asymptotic_cs: variance is -1, it must lie in [0, inf)"),
        ("asymptotic_cs(0.1, 1, 0)", "best variance is 0, it must lie in (0, inf)"),
        ("asymptotic_cs(0.1, 1, 1, 0.5)", "alpha is 0.5, it must lie in (0, 0.5)"),
        ("asymptotic_cs(0.1, 1, 1, 0.05, 3)", "sides is 3, it must be 1 or 2"),
        ("noisy_rate(40, 900, -1, 8)", "noise stddev"),
        ("bucket_ratio([1, 2], [1])", "2 nums and 1 dens"),
        ("quantile_band(1.0, 100)", "quantile level is 1, it must lie in (0, 1)"),
        ("betting_cs([0.5, 1.5])", "betting_cs: value is 1.5, it must lie in [0, 1]"),
        ("betting_cs(0.5)", "values of betting_cs is a list of numbers, not Float64"),
        ("srm_test([1, 2], [1, 0])", "weight is 0, it must lie in (0, inf)"),
        ("srm_test([1, 2, 3], [1, 1])", "one for each weight"),
        ("srm_test([5], [1])", "at least two bins"),
        ("group_sequential_bounds([0.5, 0.5])", "information fraction is 0.5"),
        ("group_sequential_bounds([1], 0.05, 'fleming')", "spending is 'fleming', it must be 'obrien_fleming' or"),
        ("non_inferiority_test(1, 5, 1, 5, 0)", "margin is 0, it must lie in (0, 1)"),
        ("non_inferiority_test(1, 5, 1, 5, 0.1, 'up')", "better is 'up', it must be 'lower' or 'higher'"),
        ("holm([1.5])", "p-value is 1.5, it must lie in [0, 1]"),
        ("e_process([1], [2, 3], 0.1)", "lists of 1 and of 2 windows"),
        ("e_process([5], [2], 0.1)", "exact events"),
        ("sample_size_proportion(1, 0.01)", "rate is 1, it must lie in (0, 1)"),
        ("laplace_noise_stddev(0)", "noise scale is 0"),
    ] {
        let message = failure(&format!("SELECT {call}")).await;
        assert!(message.contains(cause), "{call}: {message}");
    }
}

#[tokio::test]
async fn arguments_have_names_and_columns_do() {
    let named = "proportion_diff(x_c => 40, n_c => 400, x_t => 45, n_t => 400) = proportion_diff(45, 400, 40, 400)";
    assert_eq!(one(named).await, "true");
    let columns = "SELECT round(a['high'], 4) FROM (SELECT newcombe_ci(x, 400, y, 400, 0.1) AS a
        FROM (VALUES (45, 40), (NULL, 40), (60, 40)) AS t (x, y))";
    assert_eq!(answer(columns).await, ["0.0486", "", "0.0886"]);
}

#[tokio::test]
async fn windows_add_up_to_evidence() {
    let calls = "e_process([31, 30], [1000, 1000], 0.01)['p'] < 1e-6,
        e_process([31, 30], [1000, 1000], limit => 0.01, claim => 'at_least')['p'],
        e_process([9.0, 12.0], [1000, 1000], 0.01, 'at_most', noise_scale => 2.0)['p'] > 0.2,
        e_process_diff([60, 55], [1000, 1000], [10, 9], [1000, 1000], 0.01, 0.05)['p'] < 0.01,
        e_process_diff([10, 9], [1000, 1000], [10, 9], [1000, 1000], 0.05, 0.05, 'at_least')['p'] < 0.01";
    assert_eq!(one(calls).await, "true 1.0 true true true");
}
