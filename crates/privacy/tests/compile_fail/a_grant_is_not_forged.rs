use tidegate_privacy::{Cost, Grant};

fn forge(cost: Cost) -> Grant {
    Grant { paid: cost }
}

fn main() {}
