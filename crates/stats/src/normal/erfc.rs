//! What is the complementary error function of x?
//!
//! W. J. Cody, "Rational Chebyshev approximations for the error function", Mathematics of Computation 23
//! (1969), 631-637: three intervals, each a ratio of polynomials; relative error about 1e-16 in each.

use super::polynomial;

const FRAC_1_SQRT_PI: f64 = 0.564_189_583_547_756_3;

/// `2 / sqrt(pi) * integral of exp(-t^2) from x to infinity`.
pub(super) fn erfc(x: f64) -> f64 {
    let y = x.abs();
    if y <= 0.46875 {
        let square = y * y;
        return 1.0 - x * polynomial(&ERF_NUM, square) / polynomial(&ERF_DEN, square);
    }
    let tail = if y <= 4.0 {
        exp_minus_square(y) * polynomial(&MIDDLE_NUM, y) / polynomial(&MIDDLE_DEN, y)
    } else {
        let r = (y * y).recip();
        let series = r * polynomial(&FAR_NUM, r) / polynomial(&FAR_DEN, r);
        exp_minus_square(y) * (FRAC_1_SQRT_PI - series) / y
    };
    if x < 0.0 { 2.0 - tail } else { tail }
}

/// `exp(-y^2)` without the rounding of `y^2`, which `exp` would magnify: y is split at 1/16, so that the
/// square of the first part is exact.
fn exp_minus_square(y: f64) -> f64 {
    if y > 30.0 {
        return 0.0;
    }
    let coarse = (y * 16.0).trunc() / 16.0;
    (-coarse * coarse).exp() * (-(y - coarse) * (y + coarse)).exp()
}

// Coefficients of Cody's tables, lowest power first, as the nearest f64.
const ERF_NUM: [f64; 5] =
    [3209.3775891384694, 377.485237685302, 113.86415415105016, 3.1611237438705655, 0.18577770618460315];
const ERF_DEN: [f64; 5] = [2844.236833439171, 1282.6165260773723, 244.02463793444417, 23.601290952344122, 1.0];
const MIDDLE_NUM: [f64; 9] = [
    1230.3393547979972,
    2051.0783778260716,
    1712.0476126340707,
    881.952221241769,
    298.6351381974001,
    66.11919063714163,
    8.883149794388377,
    0.5641884969886701,
    2.1531153547440383e-08,
];
const MIDDLE_DEN: [f64; 9] = [
    1230.3393548037495,
    3439.3676741437216,
    4362.619090143247,
    3290.7992357334597,
    1621.3895745666903,
    537.1811018620099,
    117.6939508913125,
    15.744926110709835,
    1.0,
];
const FAR_NUM: [f64; 6] = [
    0.0006587491615298378,
    0.016083785148742275,
    0.12578172611122926,
    0.36034489994980445,
    0.30532663496123236,
    0.016315387137302097,
];
const FAR_DEN: [f64; 6] =
    [0.0023352049762686918, 0.06051834131244132, 0.5279051029514285, 1.8729528499234604, 2.568520192289822, 1.0];
