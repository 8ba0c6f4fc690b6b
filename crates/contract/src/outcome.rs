//! What became of a decision?

use crate::vocabulary::vocabulary;

vocabulary! {
    /// What became of a decision (`decisions.outcome`).
    Outcome {
        /// Taken as it was.
        Accepted = "accepted",
        /// Taken after a human changed it.
        Edited = "edited",
        /// Refused by a human.
        Rejected = "rejected",
        /// Handed to a human.
        Escalated = "escalated",
        /// Taken, then undone.
        RolledBack = "rolled_back",
        /// Left by the user before it ended.
        Abandoned = "abandoned",
        /// Ended by a failure.
        Error = "error",
        /// Not reported; also any word a reader does not know.
        Unknown = "unknown",
    }
}
