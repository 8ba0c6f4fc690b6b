//! Did a mean move away from its own past? Page and Hinkley's test, as River 0.26 does it.

use super::Answer;
use crate::error::{Result, open_range};

/// The two-sided test with a fading sum (E. S. Page, Biometrika 41 (1954), 100-115; River 0.26, `drift.PageHinkley` with
/// `mode = "both"`, whose detections it reproduces).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PageHinkley {
    delta: f64,
    lambda: f64,
    least: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct State {
    count: u64,
    mean: f64,
    increase: f64,
    decrease: f64,
    least_increase: f64,
    most_decrease: f64,
}

impl State {
    const NEW: Self = Self {
        count: 0,
        mean: 0.0,
        increase: 0.0,
        decrease: 0.0,
        least_increase: f64::INFINITY,
        // River begins at -1, not at minus infinity.
        most_decrease: -1.0,
    };
}

/// River's forgetting factor.
const KEPT: f64 = 1.0 - 0.0001;

impl PageHinkley {
    /// Deviations below `delta` do not count, sums above `lambda` raise an alarm, both in units of the values, 0 and up;
    /// no alarm before `least` values. River's defaults are 0.005, 50 and 30.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) if `delta` or `lambda` is below 0 or not finite.
    pub fn new(delta: f64, lambda: f64, least: u64) -> Result<Self> {
        let below_zero = 0.0_f64.next_down();
        let delta = open_range("delta", delta, below_zero, f64::INFINITY, "[0, inf)")?;
        let lambda = open_range("lambda", lambda, below_zero, f64::INFINITY, "[0, inf)")?;
        Ok(Self { delta, lambda, least, state: State::NEW })
    }

    /// The next finite value. The statistic is the greater of both sums, as a distance from its extreme.
    pub fn push(&mut self, x: f64) -> Answer {
        let state = &mut self.state;
        state.count += 1;
        state.mean += (x - state.mean) / state.count as f64;
        let deviation = x - state.mean;
        state.increase = KEPT * state.increase + deviation - self.delta;
        state.decrease = KEPT * state.decrease + deviation + self.delta;
        state.least_increase = state.least_increase.min(state.increase);
        state.most_decrease = state.most_decrease.max(state.decrease);
        let statistic = (state.increase - state.least_increase).max(state.most_decrease - state.decrease);
        let alarm = state.count >= self.least && statistic > self.lambda;
        if alarm {
            self.state = State::NEW;
        }
        Answer { statistic, alarm }
    }
}
