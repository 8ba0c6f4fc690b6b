use tidegate_privacy::{Calibration, Exact, Grant, Noised, Result};

fn draw_unpaid(calibration: &Calibration, exact: Exact) -> Result<Noised> {
    calibration.draw(exact)
}

fn draw_by_cost(calibration: &Calibration, exact: Exact) -> Result<Noised> {
    calibration.draw(exact, calibration.cost())
}

fn draw_on_credit(calibration: &Calibration, exact: Exact) -> Result<Noised> {
    calibration.draw(exact, Grant::default())
}

fn main() {}
