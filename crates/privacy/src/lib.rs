//! What does it cost to show a statistic, and how is it noised?
//!
//! ```text
//! Design --> Calibration --> Cost --> (a log makes it durable) --> Grant --+
//!                 |                                                       v
//!                 +------------------------------------ Exact --> draw --> Noised
//! ```
//! A [`Design`] says what one unit can change, a [`Calibration`] turns it into noise scales and a price, and only a
//! paid [`Grant`] draws. All noise is integer noise of the library OpenDP: drawn from the system, never seeded.
//!
//! Not here: how contributions are bounded (the numbers come in bounded), and where charges are kept. No I/O, no
//! clock, no task.

pub mod tree;

mod calibrate;
mod cost;
mod design;
mod error;
mod noise;
mod release;

pub use calibrate::Calibration;
pub use cost::{Allowance, Cost};
pub use design::{Design, MOST_EPSILON, MOST_SCALE, Measure, Mechanism, Selection};
pub use error::{Error, Result};
pub use release::{Exact, Grant, Noised};
