//! What do these counts say? Numbers in, numbers out.
//!
//! Every function is pure: no I/O, no clock, no chance but from a seed of the caller, no dependency. A degenerate input is a typed
//! [`Error`], never a `NaN` and never a panic.
//!
//! Not here: what to do with the answer. That is the room `tidegate-gate`.

pub mod bounded;
pub mod chi_square;
pub mod cluster;
pub mod confidence_sequence;
pub mod cuped;
pub mod detect;
pub mod distance;
pub mod drift;
pub mod e_process;
pub mod estimate;
pub mod fdr;
pub mod group_sequential;
pub mod holm;
pub mod homogeneity;
pub mod interval;
pub mod kolmogorov;
pub mod mann_whitney;
pub mod mixture;
pub mod non_inferiority;
pub mod normal;
pub mod normal_mixture;
pub mod order_statistic;
pub mod poisson;
pub mod power;
pub mod proportion;
pub mod quantile;
pub mod rate_sequence;
pub mod sample_ratio;
pub mod score;
pub mod stitched;
pub mod student;
pub mod wald;

mod beta;
mod error;
mod gamma;
mod noise;
mod root;

pub use bounded::{betting_interval, empirical_bernstein_interval, hoeffding_interval};
pub use chi_square::ChiSquare;
pub use confidence_sequence::{ConfidenceSequence, planned_information};
pub use drift::{Drift, DriftTest, Noise, Verdict, noisy_drift};
pub use e_process::EProcess;
pub use error::{Error, Result};
pub use estimate::{Estimate, NoisyRow};
pub use fdr::{benjamini_hochberg, benjamini_yekutieli_adjusted};
pub use group_sequential::Spending;
pub use holm::{bonferroni_adjusted, holm_adjusted};
pub use homogeneity::{Homogeneity, chi2_test, most_frequent, pool_rare};
pub use interval::{Interval, miettinen_nurminen_interval, newcombe_interval, score_interval};
pub use mann_whitney::{MannWhitney, mann_whitney};
pub use mixture::{beta_binomial_bound, gamma_exponential_bound, gamma_poisson_bound};
pub use non_inferiority::{Direction, Margin, NonInferiority, non_inferiority};
pub use normal_mixture::{NormalMixture, Sides};
pub use power::{SampleSize, events_per_arm, units_per_arm};
pub use proportion::{Proportion, Proportions};
pub use quantile::QuantileShare;
pub use rate_sequence::rate_interval;
pub use sample_ratio::SampleRatio;
pub use score::{Contrast, score_z};
pub use stitched::stitched_bound;
pub use wald::{pooled_non_inferiority, pooled_z};
