//! Which parts does a bundle pin?

use std::fmt;

use serde::{Deserialize, Serialize};

/// A part of an agent that changes its behaviour. Seven, of which retrieval is two: an index answers only
/// together with the model that embeds its queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The weights of the model.
    Checkpoint,
    /// What the model is told.
    PromptTemplates,
    /// What the model may call.
    ToolSchemas,
    /// What the model may look up.
    RetrievalIndex,
    /// What turns a query into a place in the index.
    EmbeddingModel,
    /// What the agent must not do.
    PolicyRules,
    /// Who is answered by which version.
    TrafficRouting,
    /// What is switched on.
    FeatureFlags,
}

impl Part {
    /// All of them, in the order they are shown.
    pub const ALL: [Self; 8] = [
        Self::Checkpoint,
        Self::PromptTemplates,
        Self::ToolSchemas,
        Self::RetrievalIndex,
        Self::EmbeddingModel,
        Self::PolicyRules,
        Self::TrafficRouting,
        Self::FeatureFlags,
    ];

    /// The name in files: `prompt_templates`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::PromptTemplates => "prompt_templates",
            Self::ToolSchemas => "tool_schemas",
            Self::RetrievalIndex => "retrieval_index",
            Self::EmbeddingModel => "embedding_model",
            Self::PolicyRules => "policy_rules",
            Self::TrafficRouting => "traffic_routing",
            Self::FeatureFlags => "feature_flags",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shown_name_is_the_one_in_files() {
        for part in Part::ALL {
            assert_eq!(serde_json::to_value(part).unwrap(), part.name());
        }
    }
}
