//! How far may a version go?

use std::fmt;

use serde::{Deserialize, Serialize};

/// A stage of a rollout, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Known and frozen; nothing runs.
    Registered,
    /// Asked about historical traces.
    Local,
    /// Sees live traffic; nobody sees its answers.
    Shadow,
    /// Answers a share of the units.
    Canary,
    /// Answers all.
    General,
}

impl Stage {
    /// The stage after this one.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        match self {
            Self::Registered => Some(Self::Local),
            Self::Local => Some(Self::Shadow),
            Self::Shadow => Some(Self::Canary),
            Self::Canary => Some(Self::General),
            Self::General => None,
        }
    }

    /// Its name in files and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Local => "local",
            Self::Shadow => "shadow",
            Self::Canary => "canary",
            Self::General => "general",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
