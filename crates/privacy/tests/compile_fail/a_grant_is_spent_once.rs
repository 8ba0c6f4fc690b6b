use tidegate_privacy::{Calibration, Exact, Grant, Noised, Result};

fn draw_twice(calibration: &Calibration, first: Exact, second: Exact, grant: Grant) -> Result<(Noised, Noised)> {
    Ok((calibration.draw(first, grant)?, calibration.draw(second, grant)?))
}

fn copy(grant: &Grant) -> Grant {
    Grant::clone(grant)
}

fn main() {}
