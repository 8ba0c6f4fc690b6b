//! Is this value out of line with those before it?
//!
//! State machines over one series: `push` takes the next value and says whether it raises an alarm. After an alarm each
//! begins anew, so that the next one is a change of its own. A window without a value is not pushed: it neither resets a
//! detector nor moves it.
//!
//! | detector | watches | promise |
//! |---|---|---|
//! | [`Prediction`] | one value against its history | false alarms at `alpha` of normal values, for every length of history |
//! | [`EDetector`] | rates or p-values over time | at least `arl` windows to a false alarm on average, for any distribution |
//! | [`Cusum`] | a mean against known mean and deviation | best at the shift it is tuned for |
//! | [`PageHinkley`] | a mean against its own past | none; River's |
//! | [`Adwin`] | a mean within a window that adapts | bounded false alarms for values in `[0, 1]`; River's |

mod adwin;
mod cusum;
mod e_detector;
mod page_hinkley;
mod prediction;

pub use adwin::Adwin;
pub use cusum::Cusum;
pub use e_detector::{EDetector, rate_e_values};
pub use page_hinkley::PageHinkley;
pub use prediction::{History, Prediction};

/// What a detector says of the value it was given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    /// The statistic that was compared, in the detector's own unit.
    pub statistic: f64,
    /// True if it went too far. The detector has begun anew then.
    pub alarm: bool,
}

#[cfg(test)]
mod tests;
