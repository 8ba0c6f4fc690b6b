use super::*;

fn close(found: f64, expected: f64) {
    assert!((found / expected - 1.0).abs() < 1e-13, "{found:e}, expected {expected:e}");
}

#[test]
fn densities_of_whole_counts() {
    let check = |x: u32, lambda: f64| {
        let factorial = (1..=x).map(f64::from).product::<f64>();
        close(poisson_density(f64::from(x), lambda), lambda.powi(x as i32) * (-lambda).exp() / factorial);
    };
    for x in [0, 1, 2, 7, 15, 16, 20] {
        [0.01, 1.0, 6.5, 30.0].into_iter().for_each(|lambda| check(x, lambda));
    }
    close(binomial_density(2.0, 3.0, 0.3, 0.7), 10.0 * 0.09 * 0.343);
    close(binomial_density(0.0, 3.0, 0.3, 0.7), 0.343);
}

#[test]
fn incomplete_gamma_of_known_shapes() {
    // P(1, x) = 1 - e^-x; Q(2, x) = (1 + x) e^-x.
    for x in [1e-12_f64, 0.3, 1.9, 2.1, 40.0] {
        close(incomplete(1.0, x).0, -(-x).exp_m1());
        close(incomplete(2.0, x).1, (1.0 + x) * (-x).exp());
    }
    // Q(1/2, x) = erfc(sqrt x) = 2 P(Z > sqrt(2 x)).
    for x in [0.01_f64, 1.0, 9.0, 300.0] {
        close(incomplete(0.5, x).1, 2.0 * crate::normal::survival((2.0 * x).sqrt()));
    }
}

#[test]
fn logarithms_of_gamma_functions() {
    let close =
        |found: f64, expected: f64| assert!((found - expected).abs() <= 1e-14 * expected.abs().max(1.0), "{found}");
    close(ln_gamma(1.0), 0.0);
    close(ln_gamma(2.0), 0.0);
    close(ln_gamma(0.5), 0.5 * std::f64::consts::PI.ln());
    close(ln_gamma(11.0), 3_628_800.0_f64.ln());
    close(ln_gamma(1e-9), 1e9_f64.ln() - 0.577_215_664_901_532_9e-9);
    close(ln_gamma(171.0) - ln_gamma(170.0), 170.0_f64.ln());
}
