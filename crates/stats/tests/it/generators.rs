//! The portable generators of the oracle: splitmix64 and what it is turned into, rounded to six digits so that the last
//! digits of a mathematics library do not matter.

use std::f64::consts::PI;

use serde_json::Value;

/// The values of a recipe that has a `kind`, as numbers; missing ones are `NaN`.
pub(crate) fn numbers(recipe: &Value) -> Vec<f64> {
    let number = |name: &str| recipe[name].as_f64().unwrap();
    let kind = recipe["kind"].as_str().unwrap();
    if kind == "values" {
        return recipe["values"].as_array().unwrap().iter().map(special).collect();
    }
    let rows = recipe["n"].as_u64().unwrap() as usize;
    let mut random = uniform(recipe["seed"].as_u64().unwrap_or(0));
    let mut next = || random.next().unwrap();
    let normal = |a: f64, b: f64| (-2.0 * a.ln()).sqrt() * (2.0 * PI * b).cos();
    let mut value = || match kind {
        "normal" => number("mu") + number("sigma") * normal(next(), next()),
        "lognormal" => (number("mu") + number("sigma") * normal(next(), next())).exp(),
        "zeroinf_lognormal" => {
            let (zero, a, b) = (next(), next(), next());
            if zero < number("p0") { 0.0 } else { (number("mu") + number("sigma") * normal(a, b)).exp() }
        }
        "pareto" => number("xm") * next().powf(-1.0 / number("a")),
        "exponential" => -number("scale") * next().ln(),
        "uniform" => number("lo") + (number("hi") - number("lo")) * next(),
        "cauchy" => number("loc") + number("scale") * (PI * (next() - 0.5)).tan(),
        "constant" => number("c"),
        "integers" => (number("lo") + (number("hi") - number("lo")) * next()).floor(),
        other => panic!("{other}"),
    };
    let mut values = (0..rows).map(|_| (value() * 1e6).round_ties_even() / 1e6).collect::<Vec<_>>();
    for row in injected(recipe, rows) {
        values[row] = special(&recipe["inject"]["value"]);
    }
    values
}

/// The categories of a recipe, as labels; missing ones are left out.
pub(crate) fn labels(recipe: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    if recipe["kind"] == "values" {
        return recipe["values"].as_array().unwrap().iter().filter(|value| !value.is_null()).map(text).collect();
    }
    let weights = recipe["weights"].as_array().unwrap().iter().map(|w| w.as_f64().unwrap()).collect::<Vec<_>>();
    let total = weights.iter().sum::<f64>();
    let mut cumulated = weights
        .iter()
        .scan(0.0, |sum, w| {
            *sum += w / total;
            Some(*sum)
        })
        .collect::<Vec<_>>();
    *cumulated.last_mut().unwrap() = 1.0;
    let rows = recipe["n"].as_u64().unwrap() as usize;
    let missing = injected(recipe, rows).collect::<Vec<_>>();
    let draws = uniform(recipe["seed"].as_u64().unwrap()).take(rows).enumerate();
    let draws = draws.filter(|(row, _)| missing.binary_search(row).is_err());
    draws.map(|(_, u)| label(recipe, cumulated.partition_point(|&c| c <= u))).collect()
}

fn label(recipe: &Value, i: usize) -> String {
    match recipe["labels"].as_array() {
        Some(labels) => labels[i].as_str().unwrap().to_owned(),
        None => format!("c{i}"),
    }
}

/// Uniform values in (0, 1) by splitmix64.
pub(crate) fn uniform(seed: u64) -> impl Iterator<Item = f64> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    })
}

/// The rows that the recipe replaces.
fn injected(recipe: &Value, rows: usize) -> impl Iterator<Item = usize> + use<> {
    let every = recipe["inject"]["every"].as_u64().map_or(usize::MAX, |every| every as usize);
    (0..rows).filter(move |row| row % every == every - 1)
}

fn special(value: &Value) -> f64 {
    match value.as_str() {
        Some("inf") => f64::INFINITY,
        Some("-inf") => f64::NEG_INFINITY,
        _ => value.as_f64().unwrap_or(f64::NAN),
    }
}
