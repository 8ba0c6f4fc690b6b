//! Accessors and distances in SQL, over sketches made by hand.

use tidegate_sketch::{DdSketch, Freq, Hll, Profile};

use crate::check::{answer, failure};

/// Bytes as a literal of SQL.
fn literal(bytes: &[u8]) -> String {
    let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("X'{hex}'")
}

fn numbers(values: &[f64]) -> String {
    let mut sketch = DdSketch::default();
    sketch.extend(values);
    literal(&sketch.to_bytes())
}

fn categories(values: &[&str]) -> String {
    let mut freq = Freq::default();
    values.iter().for_each(|value| freq.add(value));
    literal(&freq.to_bytes())
}

async fn one(expression: &str) -> String {
    answer(&format!("SELECT {expression}")).await.remove(0)
}

#[tokio::test]
async fn a_sketch_of_numbers_is_read() {
    let s = numbers(&[1.0, 2.0, 3.0, 4.0, f64::NAN]);
    assert_eq!(one(&format!("round(ddsketch_quantile({s}, 0.5), 1)")).await, "2.0");
    assert_eq!(one(&format!("round(ddsketch_quantile({s}, q => 1), 1)")).await, "4.0");
    assert_eq!(one(&format!("array_length(ddsketch_quantile({s}, [0, 0.5, NULL]))")).await, "3");
    assert_eq!(one(&format!("ddsketch_rank({s}, 2.5), ddsketch_count({s})")).await, "0.5 4");
    let bins =
        format!("SELECT round(b.lower, 2), round(b.upper, 2), b.count FROM (SELECT unnest(ddsketch_bins({s})) AS b)");
    assert_eq!(answer(&bins).await, ["1.0 1.02 1", "1.97 2.01 1", "2.94 3.0 1", "3.98 4.06 1"]);
    let there_and_back = format!("ddsketch_count(ddsketch_from_bytes(ddsketch_to_bytes({s})))");
    assert_eq!(one(&there_and_back).await, "4");
    assert_eq!(one("ddsketch_count(NULL), ddsketch_quantile(NULL, 0.5), ddsketch_bins(NULL)").await, "  ");
    let nothing = numbers(&[]);
    assert_eq!(
        one(&format!("ddsketch_quantile({nothing}, 0.5), ddsketch_rank({nothing}, 1), ddsketch_bins({nothing})")).await,
        "  []"
    );
}

#[tokio::test]
async fn a_sketch_of_categories_is_read() {
    let s = categories(&["a", "b", "a", "c"]);
    assert_eq!(one(&format!("freq_count({s}), freq_error({s})")).await, "4 0");
    let top = format!("SELECT t.value, t.count FROM (SELECT unnest(freq_top({s}, 2)) AS t)");
    assert_eq!(answer(&top).await, ["a 2", "b 1"]);
    assert_eq!(one(&format!("freq_top({s}, -1), freq_top({s}, NULL), freq_top(NULL, 1)")).await, "[]  ");
}

#[tokio::test]
async fn a_profile_is_read() {
    let mut profile = Profile::of_numbers();
    [0.0, f64::NAN, f64::INFINITY, 2.0, 2.0].iter().for_each(|x| profile.add_number(*x).unwrap());
    profile.add_null();
    let s = literal(&profile.to_bytes());
    let parts = ["rows", "nulls", "nan", "infinite", "zeros", "distinct"].map(|part| format!("profile_{part}({s})"));
    assert_eq!(one(&parts.join(", ")).await, "6 1 1 1 1 4");
    assert_eq!(one(&format!("ddsketch_count(profile_sketch({s})), ddsketch_count({s})")).await, "3 3");
    let of_text = literal(&Profile::of_categories().to_bytes());
    assert_eq!(one(&format!("profile_zeros({of_text}), profile_nan({of_text}), freq_count({of_text})")).await, "  0");
    let mut hll = Hll::default();
    (0..100_u8).for_each(|value| hll.add(&[value]));
    assert_eq!(one(&format!("hll_count({})", literal(&hll.to_bytes()))).await, "100");
}

#[tokio::test]
async fn distances_are_those_of_the_oracle() {
    let (reference, current) = (numbers(&[1.0, 2.0, 3.0]), numbers(&[2.0, 3.0, 4.0]));
    let of = |function: &str| format!("round({function}({reference}, {current}), 9)");
    assert_eq!(one(&of("psi")).await, "0.439444915");
    assert_eq!(one(&of("kl_divergence")).await, "0.219722458");
    assert_eq!(one(&of("js_divergence")).await, "0.333333333");
    assert_eq!(one(&of("js_distance")).await, "0.577350269");
    assert_eq!(one(&of("hellinger")).await, "0.577350269");
    assert_eq!(one(&of("total_variation")).await, "0.333333333");
    assert_eq!(one(&of("l_infinity")).await, "0.333333333");
    let ks = format!("SELECT round(k.d_lo, 6), round(k.d_hi, 6) FROM (SELECT ks_test({reference}, {current}) AS k)");
    assert_eq!(answer(&ks).await, ["0.333333 0.666667"]);
    let w1 = format!(
        "SELECT round(w.w1, 9), w.error > abs(w.w1 - 1) FROM (SELECT wasserstein({reference}, {current}) AS w)"
    );
    assert_eq!(answer(&w1).await, ["1.001611778 true"]);
    let (reference, current) = (categories(&["a", "a", "b", "c"]), categories(&["a", "b", "b", "d"]));
    assert_eq!(one(&format!("total_variation({reference}, {current})")).await, "0.5");
}

#[tokio::test]
async fn null_and_empty_sketches_have_no_distance() {
    let (some, none) = (numbers(&[1.0]), numbers(&[]));
    assert_eq!(one(&format!("psi({some}, NULL), psi(NULL, {some}), psi({some}, {none})")).await, "  ");
    assert_eq!(
        one(&format!("ks_test({some}, {none}), chi2_test({some}, {some}), wasserstein(NULL, {some})")).await,
        "  "
    );
    let verdict = |call: &str| format!("SELECT d.verdict, d.n_ref, d.n_cur, d.psi FROM (SELECT {call} AS d)");
    assert_eq!(answer(&verdict(&format!("drift({some}, NULL)"))).await, ["insufficient 1  "]);
    assert_eq!(answer(&verdict(&format!("drift({some}, {none})"))).await, ["insufficient 1 0 "]);
    assert_eq!(one(&format!("drift({some}, {some}, alpha => NULL) IS NULL")).await, "true");
}

#[tokio::test]
async fn categories_that_came_and_went_are_named() {
    let (before, after) = (categories(&["b", "a", "a"]), categories(&["a", "d", "c", "d"]));
    let both = format!("new_categories({before}, {after}), vanished_categories({before}, {after})");
    assert_eq!(one(&both).await, "[c, d] [b]");
    let nothing = categories(&[]);
    assert_eq!(
        one(&format!("new_categories({nothing}, {after}), new_categories({after}, {nothing})")).await,
        "[a, c, d] []"
    );
    assert_eq!(one(&format!("new_categories(NULL, {after}), vanished_categories({after}, NULL)")).await, " ");
    // Rows of a column, and a null among them.
    let rows = format!(
        "SELECT new_categories(r, c) FROM (VALUES ({before}, {after}), (NULL, {after}), ({after}, {before})) AS t(r, c)"
    );
    assert_eq!(answer(&rows).await, ["[c, d]", "", "[b]"]);
    // A profile of categories is one of them.
    let mut profile = Profile::of_categories();
    profile.add_category("z").unwrap();
    assert_eq!(one(&format!("new_categories({before}, {})", literal(&profile.to_bytes()))).await, "[z]");
}

#[tokio::test]
async fn beyond_the_capacity_only_what_is_certain_is_named() {
    let of = |values: std::ops::Range<u32>| {
        let mut freq = Freq::new(4).unwrap();
        values.for_each(|value| freq.add(&value.to_string()));
        freq
    };
    let (before, after) = (of(0..1_000), of(2_000..2_003));
    let named = one(&format!("new_categories({}, {})", literal(&before.to_bytes()), literal(&after.to_bytes()))).await;
    assert_eq!(named, "[]", "any of them may have been folded");
    let named =
        one(&format!("vanished_categories({}, {})", literal(&before.to_bytes()), literal(&after.to_bytes()))).await;
    assert_eq!(named.split(", ").count(), 4, "those that are kept: {named}");
}

#[tokio::test]
async fn drift_is_told() {
    let of = |from: u32, to: u32| numbers(&(from..to).map(|x| f64::from(x) / 10.0).collect::<Vec<_>>());
    let (reference, moved) = (of(100, 1_100), of(600, 1_600));
    let ask = |call: String| {
        format!("SELECT d.verdict, d.n_ref, d.n_cur, round(d.out_of_range, 1), d.new_mass FROM (SELECT {call} AS d)")
    };
    assert_eq!(answer(&ask(format!("drift({reference}, {moved})"))).await, ["drift 1000 1000 0.5 "]);
    assert_eq!(answer(&ask(format!("drift({reference}, {reference})"))).await, ["stable 1000 1000 0.0 "]);
    assert_eq!(
        answer(&ask(format!("drift({reference}, {moved}, alpha => 0.01, delta => 100.0, bins => 5)"))).await,
        ["stable 1000 1000 0.5 "]
    );
    let same = numbers(&vec![1000.0; 500]);
    assert_eq!(answer(&ask(format!("drift({same}, {same})"))).await, ["uninformative 500 500 0.0 "]);
    let (reference, current) = (categories(&["a"; 100]), categories(&["b"; 100]));
    assert_eq!(answer(&ask(format!("drift({reference}, {current})"))).await, ["drift 100 100  1.0"]);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_a_fix() {
    let (n, c) = (numbers(&[1.0]), categories(&["a"]));
    for (call, expected) in [
        (format!("psi({n}, {c})"), "a sketch of numbers and one of categories do not go together"),
        (format!("ks_test({c}, {c})"), "use psi or chi2_test"),
        (format!("new_categories({n}, {n})"), "only sketches of categories name what they hold"),
        (format!("ddsketch_count({c})"), "read it with freq_top"),
        (format!("freq_count({n})"), "read it with ddsketch_quantile"),
        (format!("hll_count({n})"), "hll_count: not a readable hll: wrong kind"),
        ("ddsketch_count(X'00')".to_owned(), "wrong"),
        (format!("psi({n}, {n}, bins => 1)"), "bins is 1, it must lie in [2, 1000]"),
        (format!("psi({n}, {n}, bins => -1)"), "it must lie in [2, 1000]"),
        (format!("ddsketch_quantile({n}, 1.5)"), "q is 1.5, it must lie in [0, 1]"),
        (format!("psi({n})"), "write psi(ref, cur, [bins])"),
        ("psi(1, 2)".to_owned(), "ref of psi is bytes, as an aggregate over a sketch answers them, not Int64"),
        (format!("drift({n}, {n}, alpha => 2)"), "alpha is 2, it must lie in (0, 1)"),
    ] {
        let error = failure(&format!("SELECT {call}")).await;
        assert!(error.contains(expected), "{call}: {error}");
    }
}

/// Of many categories the most frequent count by themselves, and the others together.
#[tokio::test]
async fn many_categories_are_judged_by_the_most_frequent() {
    // A hundred rare categories change places in each sketch; three frequent ones do not.
    let sketch = |from: usize| {
        let mut freq = Freq::default();
        for row in 0..4_000 {
            match row % 4 {
                3 => freq.add(&format!("rare {}", from + row % 100)),
                frequent => freq.add(&format!("frequent {frequent}")),
            }
        }
        literal(&freq.to_bytes())
    };
    let (reference, current) = (sketch(0), sketch(50));
    let verdict = |bins: &str| format!("drift({reference}, {current}, 0.01, 0.02{bins})['verdict']");
    assert_eq!(one(&verdict("")).await, "drift", "of the nine most frequent, six are rare and moved");
    assert_eq!(one(&verdict(", 4")).await, "stable");
    assert_eq!(one(&verdict(", 1000")).await, "drift");
    assert!(failure(&format!("SELECT {}", verdict(", 1"))).await.contains("bins is at least 2"));
}
