//! What does a contract say, and is it said rightly?
//!
//! A contract is a file of the [Open Data Contract Standard](https://bitol-io.github.io/open-data-contract-standard/)
//! v3.1 about one stream:
//!
//! ```yaml
//! apiVersion: v3.1.0
//! kind: DataContract
//! id: urn:contract:visits
//! name: visits
//! version: 1.0.0
//! status: active
//! team: { name: trust-eng }                                    # the owner
//! schema:
//!   - name: visits                                             # the stream
//!     properties:
//!       - { name: visit_id, logicalType: string, required: true, unique: true, classification: internal }
//!       - name: user_token
//!         logicalType: string
//!         classification: restricted
//!         customProperties:
//!           - { property: ingestPolicy, value: tokenize }
//!           - { property: privacyUnit, value: user }
//! slaProperties:
//!   - { property: latency, value: 5, unit: m }
//!   - { property: retention, value: 400, unit: d }
//! customProperties:
//!   - { property: source, value: otlp }
//!   - { property: reliability, value: at-least-once }
//!   - { property: privacyClass, value: restricted }
//! ```
//!
//! Every name is enforced; what the standard does not have goes into `customProperties`. There another party's
//! properties are left alone, but one that is nearly a name of ours is refused: a policy with a typo is no policy.

use std::time::Duration;

use arrow::datatypes::{Schema, SchemaRef};
use chrono::NaiveDate;
use semver::Version;
use tidegate_document::Location;

pub use column::{Column, Literal};
pub use pattern::Pattern;
pub use rule::{Metric, Operator, Range, Rule, Severity, Threshold, Unit, Valid, Values, Violation};

use crate::vocabulary::vocabulary;
use crate::{Classification, Result};

mod column;
mod custom;
mod parse;
mod pattern;
mod raw;
mod reader;
mod rule;
mod types;
mod value;

vocabulary! {
    /// Where a contract is in its life (`status`).
    Status {
        /// Under discussion.
        Proposed = "proposed",
        /// Being written.
        Draft = "draft",
        /// Holds.
        Active = "active",
        /// Holds until its `sunset`.
        Deprecated = "deprecated",
        /// Holds no more.
        Retired = "retired",
    }
}

vocabulary! {
    /// How often a row may be delivered (`reliability`).
    Reliability {
        /// Once or more.
        AtLeastOnce = "at-least-once",
        /// Once or never.
        AtMostOnce = "at-most-once",
        /// Once.
        ExactlyOnce = "exactly-once",
    }
}

vocabulary! {
    /// What a new version may change (`compatibility`).
    Mode {
        /// New readers read what the version before wrote.
        Backward = "BACKWARD",
        /// New readers read what every earlier version wrote.
        BackwardTransitive = "BACKWARD_TRANSITIVE",
        /// Readers of the version before read what is written now.
        Forward = "FORWARD",
        /// Readers of every earlier version read what is written now.
        ForwardTransitive = "FORWARD_TRANSITIVE",
        /// Both, of the version before.
        Full = "FULL",
        /// Both, of every earlier version.
        FullTransitive = "FULL_TRANSITIVE",
        /// Anything.
        None = "NONE",
    }
}

/// A contract, checked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DataContract {
    /// What identifies it over its versions.
    pub id: String,
    /// What it is called; the stream's name where it does not say.
    pub name: String,
    /// The stream it is about.
    pub stream: String,
    /// Its version.
    pub version: Version,
    /// Where it is in its life.
    pub status: Status,
    /// Which team answers for it.
    pub owner: String,
    /// Where rows come from.
    pub source: String,
    /// How often a row may be delivered.
    pub reliability: Reliability,
    /// How late a row may be delivered.
    pub latency: Duration,
    /// Who may see the stream; no column is more open.
    pub privacy_class: Classification,
    /// How long rows are kept; for ever if absent.
    pub retention: Option<Duration>,
    /// What a new version may change.
    pub compatibility: Mode,
    /// The column that says when a row happened.
    pub event_time: Option<String>,
    /// The region whose rows it is about, where they may not leave it.
    pub region: Option<String>,
    /// The last day on which it holds.
    pub sunset: Option<NaiveDate>,
    /// The columns in their order.
    pub columns: Vec<Column>,
    /// What rows are held against and what is counted, in the columns' order and then those of the stream.
    pub rules: Vec<Rule>,
    /// Rules of `type: sql` or `custom`, which are left to other tools.
    pub left_to_others: Vec<Location>,
    /// Where the stream's name stands.
    pub at: Location,
    /// Where the version stands.
    pub version_at: Location,
}

impl DataContract {
    /// Reads a contract; `file` names it in errors, nothing is opened.
    ///
    /// ```
    /// # let text = include_str!("../contracts/decisions.yaml");
    /// let contract = tidegate_contract::DataContract::parse("decisions.yaml", text)?;
    /// assert_eq!((contract.stream.as_str(), contract.columns.len()), ("decisions", 58));
    /// # Ok::<(), tidegate_contract::Error>(())
    /// ```
    ///
    /// # Errors
    /// TG700 to TG707, each with its place in the text.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        parse::parse(file, text)
    }

    /// The column of that name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The column an extra attribute of telemetry is kept in; without one it is dropped.
    ///
    /// Only columns named `attr_...` take extra attributes: the contract is their allow-list.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.attribute.as_deref() == Some(key))
    }

    /// The columns as an Arrow schema, with class, version and privacy unit in the fields' metadata.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Schema::new(self.columns.iter().map(Column::field).collect::<Vec<_>>()).into()
    }

    /// `decisions 1.0.0`
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} {}", self.name, self.version)
    }
}

#[cfg(test)]
mod tests;
