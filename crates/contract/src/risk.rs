//! How risky is a decision, what did policy say, and how far may it be learnt from?

use crate::vocabulary::vocabulary;

vocabulary! {
    /// How risky a decision is (`decisions.risk_class`).
    RiskClass {
        /// Routine.
        Low = "low",
        /// Needs ordinary care.
        Medium = "medium",
        /// Needs review before it widens.
        High = "high",
        /// Must not be learnt from at all.
        Prohibited = "prohibited",
    }
}

vocabulary! {
    /// What the policy check said (`decisions.policy_result`).
    PolicyResult {
        /// Passed.
        Allow = "allow",
        /// Stopped.
        Block = "block",
        /// Passed with content removed.
        Redact = "redact",
        /// Passed to a human.
        Review = "review",
    }
}

vocabulary! {
    /// How far a decision may be learnt from (`decisions.learning_scope`).
    LearningScope {
        /// Across tenants.
        Global = "global",
        /// Within its tenant.
        Local = "local",
        /// Nowhere.
        None = "none",
    }
}
