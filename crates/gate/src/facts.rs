//! What does a decision rest on?

use crate::error::Result;
use crate::evidence::Evidence;

/// Everything a gate looks at. The caller read it; nothing else enters the decision.
#[derive(Debug, Default)]
pub struct Facts {
    /// Evidence up to here, microseconds since 1970.
    pub as_of_us: i64,
    /// When the stage, or the step of its ramp, began. Without it the first window of the evidence begins it.
    pub since_us: Option<i64>,
    /// The treatment's share of the traffic in this step of the ramp.
    pub share: Option<f64>,
    /// Up to where evidence was when this step was judged before.
    pub judged_as_of_us: Option<i64>,
    /// For each check in its order, what was read or why it could not be.
    pub checks: Vec<Result<Evidence>>,
    /// The same for each trust check, none for those that read nothing.
    pub trust: Vec<Option<Result<Evidence>>>,
    /// Signals whose definition is another than at registration.
    pub changed_signals: Vec<String>,
    /// Days of the evidence whose budget could not pay for a signal: `signal, day`.
    pub unpaid_days: Vec<String>,
}
