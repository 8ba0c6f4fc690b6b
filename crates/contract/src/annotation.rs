//! Who said what about a decision, and does it still stand?

use crate::vocabulary::vocabulary;

vocabulary! {
    /// What a label is about (`labels.target_scope`).
    TargetScope {
        /// The decision as a whole.
        Decision = "decision",
        /// One step, by span id.
        Step = "step",
        /// The session the decision belongs to.
        Session = "session",
    }
}

vocabulary! {
    /// What sort of word a label is (`labels.label_kind`).
    LabelKind {
        /// The outcome as seen later.
        Outcome = "outcome",
        /// What should have been done instead.
        Correction = "correction",
        /// A grade.
        Rating = "rating",
        /// A finding about policy.
        Policy = "policy",
        /// The result of a review.
        Review = "review",
        /// Whether the task was completed.
        TaskCompleted = "task_completed",
        /// Whether something was made up.
        Hallucination = "hallucination",
        /// Anything else.
        Other = "other",
    }
}

vocabulary! {
    /// Who annotated (`labels.annotator_kind`).
    AnnotatorKind {
        /// A person.
        Human = "HUMAN",
        /// A model.
        Llm = "LLM",
        /// A program.
        Code = "CODE",
        /// The platform itself.
        System = "SYSTEM",
    }
}

vocabulary! {
    /// Whether a label is said or taken back (`labels.op`).
    Op {
        /// Says it, or says it anew with a higher version.
        Assert = "assert",
        /// Takes it back.
        Retract = "retract",
    }
}
