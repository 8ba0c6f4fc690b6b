//! What must hold for a comparison to mean anything?

use serde::Serialize;

use super::Query;

/// One thing about the evidence that must hold, or nothing is promoted on it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Trust {
    /// Arms have the shares of units that they should: columns arm, window_start, units (those first seen in the window).
    SampleRatio {
        /// Where units are counted.
        #[serde(flatten)]
        query: Query,
        /// The treatment's share of the units of both arms, in (0, 1); that of the step of the ramp if left out.
        #[serde(skip_serializing_if = "Option::is_none")]
        share: Option<f64>,
    },
    /// No unit saw both arms: columns window_start, units, crossed.
    OneExposure {
        /// Where they are counted.
        #[serde(flatten)]
        query: Query,
        /// Share in [0, 1) that may have.
        max_share: f64,
    },
    /// Labels come as fast in both arms: columns arm, window_start, decided, labelled.
    EqualLabelDelay {
        /// Where they are counted.
        #[serde(flatten)]
        query: Query,
        /// Difference of the labelled shares in (0, 1) that does not matter.
        tolerance: f64,
    },
    /// The definitions of the signals are those of the registration.
    SchemaUnchanged,
    /// Every day of the evidence could pay for its statistics.
    OpenLedger,
}

impl Trust {
    /// Its name in a file and in a verdict.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::SampleRatio { .. } => "sample_ratio",
            Self::OneExposure { .. } => "one_exposure",
            Self::EqualLabelDelay { .. } => "equal_label_delay",
            Self::SchemaUnchanged => "schema_unchanged",
            Self::OpenLedger => "open_ledger",
        }
    }

    /// Where its evidence is, if it reads any.
    #[must_use]
    pub fn query(&self) -> Option<&Query> {
        match self {
            Self::SampleRatio { query, .. } | Self::OneExposure { query, .. } | Self::EqualLabelDelay { query, .. } => {
                Some(query)
            }
            Self::SchemaUnchanged | Self::OpenLedger => None,
        }
    }
}
