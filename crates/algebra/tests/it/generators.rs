//! The values of the oracle's cases, made again from their recipes (splitmix64, rounded to six digits).

use std::f64::consts::PI;

use serde_json::Value;

/// `n` numbers in (0, 1).
fn uniform(seed: u64, n: usize) -> Vec<f64> {
    let mix = |at: u64| {
        let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(at));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    (1..=n as u64).map(|at| ((mix(at) >> 11) as f64 + 0.5) * 2_f64.powi(-53)).collect()
}

/// A standard normal number of two uniform ones.
fn normal(u: &[f64]) -> f64 {
    (-2.0 * u[0].ln()).sqrt() * (2.0 * PI * u[1]).cos()
}

/// Numbers of a recipe, with nulls.
pub(crate) fn numbers(recipe: &Value) -> Vec<Option<f64>> {
    let kind = recipe["kind"].as_str().unwrap();
    if kind == "values" {
        return recipe["values"].as_array().unwrap().iter().map(value).collect();
    }
    let parameter = |name: &str| recipe[name].as_f64().unwrap();
    let (n, seed) = (recipe["n"].as_u64().unwrap() as usize, recipe["seed"].as_u64().unwrap_or(0));
    let each = |per_value: usize, make: &dyn Fn(&[f64]) -> f64| {
        uniform(seed, per_value * n).chunks(per_value).map(make).collect::<Vec<_>>()
    };
    let values = match kind {
        "normal" => each(2, &|u| parameter("mu") + parameter("sigma") * normal(u)),
        "lognormal" => each(2, &|u| (parameter("mu") + parameter("sigma") * normal(u)).exp()),
        "zeroinf_lognormal" => each(3, &|u| {
            if u[0] < parameter("p0") { 0.0 } else { (parameter("mu") + parameter("sigma") * normal(&u[1..])).exp() }
        }),
        "pareto" => each(1, &|u| parameter("xm") * u[0].powf(-1.0 / parameter("a"))),
        "uniform" => each(1, &|u| parameter("lo") + (parameter("hi") - parameter("lo")) * u[0]),
        "integers" => each(1, &|u| (parameter("lo") + (parameter("hi") - parameter("lo")) * u[0]).floor()),
        "cauchy" => each(1, &|u| parameter("loc") + parameter("scale") * (PI * (u[0] - 0.5)).tan()),
        "constant" => vec![parameter("c"); n],
        other => panic!("{other}"),
    };
    let rounded = values.into_iter().map(|x| Some((x * 1e6).round_ties_even() / 1e6));
    injected(recipe, rounded.collect(), value)
}

/// Categories of a recipe, with nulls.
pub(crate) fn categories(recipe: &Value) -> Vec<Option<String>> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if recipe["kind"] == "values" {
        return recipe["values"].as_array().unwrap().iter().map(text).collect();
    }
    let weights = recipe["weights"].as_array().unwrap().iter().map(|w| w.as_f64().unwrap()).collect::<Vec<_>>();
    let total = weights.iter().sum::<f64>();
    let mut below = 0.0;
    let through = weights.iter().map(|weight| {
        below += weight / total;
        below
    });
    let mut bounds = through.collect::<Vec<_>>();
    *bounds.last_mut().unwrap() = 1.0;
    let label = |at: usize| recipe["labels"].get(at).and_then(text).unwrap_or_else(|| format!("c{at}"));
    let (n, seed) = (recipe["n"].as_u64().unwrap() as usize, recipe["seed"].as_u64().unwrap());
    let values = uniform(seed, n).into_iter().map(|u| Some(label(bounds.partition_point(|bound| *bound <= u))));
    injected(recipe, values.collect(), |_| None)
}

fn value(value: &Value) -> Option<f64> {
    match value.as_str() {
        Some("inf") => Some(f64::INFINITY),
        Some("-inf") => Some(f64::NEG_INFINITY),
        Some("nan") => Some(f64::NAN),
        _ => value.as_f64(),
    }
}

/// Puts what the recipe injects in the place of every so many values.
fn injected<T>(recipe: &Value, mut values: Vec<Option<T>>, make: impl Fn(&Value) -> Option<T>) -> Vec<Option<T>> {
    if let Some(every) = recipe["inject"]["every"].as_u64() {
        for place in values.iter_mut().skip(every as usize - 1).step_by(every as usize) {
            *place = make(&recipe["inject"]["value"]);
        }
    }
    values
}
