//! Which side of an experiment is a decision on?

use crate::vocabulary::vocabulary;

vocabulary! {
    /// The side of an experiment (`decisions.arm`).
    Arm {
        /// Runs the present version.
        Control = "control",
        /// Runs the candidate.
        Treatment = "treatment",
        /// Runs the candidate beside the present version, unseen.
        Shadow = "shadow",
        /// Kept on the present version through every promotion.
        Holdout = "holdout",
    }
}
