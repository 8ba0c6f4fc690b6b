//! Which tasks, models and versions appear in generated traces?
//!
//! Made-up names with plausible numbers. Coded columns are drawn as indexes into these lists.

/// What a task is like.
pub(super) struct Task {
    /// `task_class`.
    pub(super) name: &'static str,
    /// `agent_name`.
    pub(super) agent: &'static str,
    /// `prompt_template_id`.
    pub(super) template: &'static str,
    /// Its share of decisions, relative to the other tasks.
    pub(super) weight: f64,
    /// The index of the model that takes most of it.
    pub(super) model: u8,
    /// Shares of outcomes in the order of `Outcome::ALL`, without any regression.
    pub(super) outcomes_permille: [u16; 8],
    pub(super) input_tokens_median: f64,
    pub(super) output_tokens_median: f64,
    /// About how many tool calls and retrievals a decision takes.
    pub(super) tool_calls: f64,
    pub(super) retrievals: f64,
    /// The median of the risk score.
    pub(super) risk: f64,
}

/// What a model costs and how fast it is.
pub(super) struct Model {
    /// `model_version`.
    pub(super) version: &'static str,
    /// `model_family`.
    pub(super) family: &'static str,
    /// `provider`.
    pub(super) provider: &'static str,
    pub(super) output_token_us: f64,
    pub(super) first_token_us: f64,
    pub(super) input_token_nanousd: i64,
    pub(super) output_token_nanousd: i64,
    /// Whether it reports reasoning tokens.
    pub(super) reasons: bool,
}

/// Everything that one version of the product pins.
pub(super) struct Bundle {
    /// `bundle_version`.
    pub(super) version: &'static str,
    pub(super) agent: &'static str,
    pub(super) prompt_template: &'static str,
    pub(super) policy: &'static str,
    pub(super) routing: &'static str,
    pub(super) tool_schema: &'static str,
    pub(super) retrieval_index: &'static str,
}

#[rustfmt::skip]
pub(super) const TASKS: [Task; 6] = [
    Task { name: "invoice_coding", agent: "ledger-agent", template: "invoice-coding", weight: 28.0, model: 0,
           outcomes_permille: [780, 110, 40, 25, 8, 20, 12, 5],
           input_tokens_median: 1800.0, output_tokens_median: 220.0, tool_calls: 2.0, retrievals: 1.0, risk: 0.18 },
    Task { name: "support_reply", agent: "support-agent", template: "support-reply", weight: 30.0, model: 0,
           outcomes_permille: [660, 190, 60, 40, 5, 30, 10, 5],
           input_tokens_median: 1200.0, output_tokens_median: 340.0, tool_calls: 1.0, retrievals: 3.0, risk: 0.15 },
    Task { name: "contract_review", agent: "legal-agent", template: "contract-review", weight: 8.0, model: 1,
           outcomes_permille: [520, 280, 80, 80, 5, 15, 15, 5],
           input_tokens_median: 9000.0, output_tokens_median: 900.0, tool_calls: 1.0, retrievals: 5.0, risk: 0.45 },
    Task { name: "claims_triage", agent: "claims-agent", template: "claims-triage", weight: 14.0, model: 1,
           outcomes_permille: [700, 110, 60, 90, 10, 10, 12, 8],
           input_tokens_median: 2600.0, output_tokens_median: 260.0, tool_calls: 3.0, retrievals: 2.0, risk: 0.50 },
    Task { name: "code_review", agent: "review-agent", template: "code-review", weight: 12.0, model: 2,
           outcomes_permille: [620, 170, 120, 15, 25, 25, 20, 5],
           input_tokens_median: 5200.0, output_tokens_median: 700.0, tool_calls: 4.0, retrievals: 1.0, risk: 0.22 },
    Task { name: "travel_booking", agent: "travel-agent", template: "travel-booking", weight: 8.0, model: 2,
           outcomes_permille: [640, 120, 70, 35, 40, 65, 25, 5],
           input_tokens_median: 900.0, output_tokens_median: 180.0, tool_calls: 5.0, retrievals: 1.0, risk: 0.30 },
];

#[rustfmt::skip]
pub(super) const MODELS: [Model; 3] = [
    Model { version: "atlas-2-small-2025-09", family: "atlas-2", provider: "atlas", output_token_us: 6_000.0,
            first_token_us: 240_000.0, input_token_nanousd: 250, output_token_nanousd: 1_250, reasons: false },
    Model { version: "atlas-2-large-2025-11", family: "atlas-2", provider: "atlas", output_token_us: 14_000.0,
            first_token_us: 620_000.0, input_token_nanousd: 3_000, output_token_nanousd: 15_000, reasons: false },
    Model { version: "meridian-r1-2025-12", family: "meridian", provider: "meridian", output_token_us: 10_000.0,
            first_token_us: 900_000.0, input_token_nanousd: 1_100, output_token_nanousd: 4_400, reasons: true },
];

/// The present bundle, then the candidate.
#[rustfmt::skip]
pub(super) const BUNDLES: [Bundle; 2] = [
    Bundle { version: "1.4.0", agent: "3.2.1", prompt_template: "v12", policy: "2025-12", routing: "r7",
             tool_schema: "t4", retrieval_index: "2025-12-28" },
    Bundle { version: "1.5.0", agent: "3.3.0", prompt_template: "v13", policy: "2025-12", routing: "r8",
             tool_schema: "t4", retrieval_index: "2025-12-28" },
];

pub(super) const EXPERIMENT_ID: &str = "exp-bundle-1.5.0";
pub(super) const ASSIGNMENT_UNITS: [&str; 1] = ["user"];
/// With how often each occurs.
pub(super) const USER_ROLES: [(&str, f64); 4] = [("agent", 60.0), ("analyst", 25.0), ("manager", 12.0), ("admin", 3.0)];
pub(super) const REGIONS: [&str; 4] = ["eu-central", "eu-north", "us-east", "us-west"];
pub(super) const ENVIRONMENTS: [&str; 2] = ["production", "staging"];
pub(super) const INPUT_CLASSES: [&str; 4] = ["text", "document", "table", "image"];
/// With how often each occurs.
pub(super) const OVERRIDE_REASONS: [(&str, f64); 6] = [
    ("wrong_value", 30.0),
    ("wrong_tone", 15.0),
    ("incomplete", 22.0),
    ("out_of_policy", 8.0),
    ("missing_source", 10.0),
    ("preference", 15.0),
];
pub(super) const ERROR_TYPES: [&str; 5] = ["timeout", "rate_limited", "tool_error", "context_length", "provider_error"];
/// With how often each occurs.
pub(super) const FINISH_REASONS: [(&str, f64); 4] =
    [("stop", 80.0), ("tool_calls", 16.0), ("length", 3.0), ("content_filter", 1.0)];
pub(super) const SOURCES: [&str; 3] = ["otlp", "nats", "file"];

/// The flags a user may be under: each set is a list of key and variant.
pub(super) const FLAG_SETS: [&[(&str, &str)]; 4] = [
    &[("citations", "on"), ("fast_path", "off")],
    &[("citations", "on"), ("fast_path", "on")],
    &[("citations", "off"), ("fast_path", "off")],
    &[],
];

/// `label_name` by kind, in the order of `LabelKind::ALL`.
pub(super) const LABEL_NAMES: [&str; 8] = [
    "final_outcome",
    "correction",
    "helpfulness",
    "policy_check",
    "qa_review",
    "task_completed",
    "hallucination",
    "note",
];
pub(super) const EXPECTED_ACTIONS: [&str; 5] = ["change_value", "rewrite", "escalate", "ask_user", "do_nothing"];
pub(super) const FAILED_POLICIES: [&str; 4] = ["spend_limit", "four_eyes", "personal_data", "regional_law"];
pub(super) const MISSING_CONTEXTS: [&str; 4] = ["customer_history", "contract_terms", "current_price", "attachment"];
pub(super) const JUSTIFICATIONS: [&str; 4] = ["checked_source", "asked_customer", "house_rule", "experience"];
pub(super) const SOURCE_SYSTEMS: [&str; 5] = ["support", "qa", "langfuse", "phoenix", "api"];

#[cfg(test)]
mod tests {
    use super::super::config::Drift;
    use super::*;

    #[test]
    fn outcomes_of_every_task_add_up() {
        for task in &TASKS {
            assert_eq!(task.outcomes_permille.iter().sum::<u16>(), 1000, "{}", task.name);
        }
    }

    #[test]
    fn the_task_that_grows_under_drift_exists() {
        assert!(TASKS.iter().any(|task| task.name == Drift::TASK_CLASS));
    }
}
