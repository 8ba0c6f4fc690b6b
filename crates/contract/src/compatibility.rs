//! What may a new version of a contract change?
//!
//! | Mode | What must hold | Whom to upgrade first |
//! |---|---|---|
//! | `BACKWARD` | readers of the new version can read rows of the old one | readers |
//! | `FORWARD` | readers of the old version can read rows of the new one | writers |
//! | `FULL` | both | any |
//! | `NONE` | nothing | |
//!
//! `_TRANSITIVE` holds it against every earlier version, the others against the one before. Columns are known by their
//! names: what was renamed was removed and added.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use semver::Version;
use tidegate_document::Location;

use crate::kinds::{Fit, fit, sql};
use crate::{Column, DataContract, Error, IngestPolicy, Metric, Mode, Result, Valid, Values};

/// The word for what a reader does not know. A vocabulary that has it may grow.
pub(crate) const UNKNOWN: &str = "unknown";

/// A change that some readers cannot take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incompatibility {
    /// The earlier version it is compared with.
    pub earlier: Version,
    /// The column; the stream as a whole if absent.
    pub column: Option<String>,
    /// What changed.
    pub what: String,
    /// Why that is a problem.
    pub why: String,
    /// For whom.
    pub breaks: Breaks,
    /// Where in the newer contract: the column, or the stream's name where it has no such column.
    pub at: Location,
}

/// Whom a change breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Breaks {
    /// Readers of the new version, who also read rows of the old one.
    Backward,
    /// Readers of the old version, who also read rows of the new one.
    Forward,
    /// Either.
    Both,
}

impl Breaks {
    /// The modes that do not allow it, without `_TRANSITIVE`.
    #[must_use]
    pub const fn modes(self) -> &'static str {
        match self {
            Self::Backward => "BACKWARD, FULL",
            Self::Forward => "FORWARD, FULL",
            Self::Both => "BACKWARD, FORWARD, FULL",
        }
    }

    fn concerns(self, mode: Mode) -> bool {
        match mode {
            Mode::Backward | Mode::BackwardTransitive => self != Self::Forward,
            Mode::Forward | Mode::ForwardTransitive => self != Self::Backward,
            Mode::Full | Mode::FullTransitive => true,
            Mode::None => false,
        }
    }
}

/// In words, as a line of a report.
impl fmt::Display for Incompatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, earlier, column, what, why, breaks } = self;
        match column {
            Some(column) => write!(f, "{at}: `{column}` {what} since {earlier}: {why} (breaks {})", breaks.modes()),
            None => write!(f, "{at}: {what} since {earlier}: {why} (breaks {})", breaks.modes()),
        }
    }
}

/// What the mode does not allow in `newer`, in the order of versions and then of columns.
///
/// # Errors
/// TG710 if an earlier contract is of another stream, TG711 if its version is not earlier.
pub fn compatibility(newer: &DataContract, earlier: &[&DataContract], mode: Mode) -> Result<Vec<Incompatibility>> {
    let mut earlier = earlier.to_vec();
    earlier.sort_by(|one, other| one.version.cmp(&other.version));
    for contract in &earlier {
        follows(newer, contract)?;
    }
    let is_transitive = matches!(mode, Mode::BackwardTransitive | Mode::ForwardTransitive | Mode::FullTransitive);
    let from = if is_transitive { 0 } else { earlier.len().saturating_sub(1) };
    let found = earlier[from..].iter().flat_map(|earlier| compare(newer, earlier));
    Ok(found.filter(|found| found.breaks.concerns(mode)).collect())
}

/// Incompatibilities as rows: `column`, `change`, `reason`, `breaks`, `earlier`, `place`.
#[must_use]
pub fn incompatibility_rows(found: &[Incompatibility]) -> RecordBatch {
    let field = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    let fields = ["change", "reason", "breaks", "earlier", "place"].map(|name| field(name, false));
    let schema = Schema::new([vec![field("column", true)], fields.to_vec()].concat());
    let text = |word: &dyn Fn(&Incompatibility) -> String| -> ArrayRef {
        Arc::new(found.iter().map(|found| Some(word(found))).collect::<StringArray>())
    };
    let columns = vec![
        Arc::new(found.iter().map(|found| found.column.as_deref()).collect::<StringArray>()) as ArrayRef,
        text(&|found| found.what.clone()),
        text(&|found| found.why.clone()),
        text(&|found| found.breaks.modes().to_owned()),
        text(&|found| found.earlier.to_string()),
        text(&|found| found.at.to_string()),
    ];
    RecordBatch::try_new(Arc::new(schema), columns).expect("six columns of text, one value for each incompatibility")
}

/// Whether it is a later version of the same contract.
pub(crate) fn follows(newer: &DataContract, earlier: &DataContract) -> Result<()> {
    if (&newer.id, &newer.stream) != (&earlier.id, &earlier.stream) {
        return Err(Error::Unrelated {
            at: newer.at.clone(),
            found: format!("{} ({})", newer.stream, newer.id),
            expected: format!("{} ({})", earlier.stream, earlier.id),
        });
    }
    if newer.version <= earlier.version {
        let (version, earlier) = (newer.version.clone().into(), earlier.version.clone().into());
        return Err(Error::NotLater { at: newer.version_at.clone(), version, earlier });
    }
    Ok(())
}

/// Every change that breaks somebody, whatever the mode.
pub(crate) fn compare(newer: &DataContract, earlier: &DataContract) -> Vec<Incompatibility> {
    let mut comparison = Comparison { newer, earlier, found: Vec::new() };
    comparison.key();
    for column in &newer.columns {
        match earlier.column(&column.name) {
            Some(before) => comparison.column(before, column),
            None => comparison.added(column),
        }
    }
    for column in earlier.columns.iter().filter(|column| newer.column(&column.name).is_none()) {
        comparison.removed(column);
    }
    comparison.found
}

struct Comparison<'a> {
    newer: &'a DataContract,
    earlier: &'a DataContract,
    found: Vec<Incompatibility>,
}

impl Comparison<'_> {
    fn says(&mut self, column: Option<&Column>, what: impl Into<String>, why: impl Into<String>, breaks: Breaks) {
        let here = column.and_then(|column| self.newer.column(&column.name));
        self.found.push(Incompatibility {
            earlier: self.earlier.version.clone(),
            column: column.map(|column| column.name.clone()),
            what: what.into(),
            why: why.into(),
            breaks,
            at: here.map_or(&self.newer.at, |column| &column.at).clone(),
        });
    }

    /// The columns by which rows are told apart.
    fn key(&mut self) {
        let key = |contract: &DataContract| {
            let key = contract.columns.iter().filter(|column| column.primary_key);
            key.map(|column| column.name.clone()).collect::<Vec<_>>()
        };
        let (before, now) = (key(self.earlier), key(self.newer));
        if before != now {
            let list = |key: &[String]| if key.is_empty() { "nothing".to_owned() } else { key.join(", ") };
            let what = format!("the primary key became {} instead of {}", list(&now), list(&before));
            self.says(None, what, "rows that were one are two, or two are one", Breaks::Both);
        }
    }

    fn added(&mut self, column: &Column) {
        if column.required && column.default.is_none() {
            let renamed = self.rename(self.earlier, self.newer, column, "was");
            let why = format!("rows of the old version do not have it, and it has no default{renamed}");
            self.says(Some(column), "was added as required", why, Breaks::Backward);
        }
    }

    fn removed(&mut self, column: &Column) {
        if !column.required {
            return;
        }
        let renamed = self.rename(self.newer, self.earlier, column, "is now");
        let announced = column.sunset.map(|day| format!("; it was promised until {day}")).unwrap_or_default();
        let why = format!("readers of the old version rely on it in every row{announced}{renamed}");
        self.says(Some(column), "was removed", why, Breaks::Forward);
    }

    /// What is said where a column of the same type has come or gone, which may be this one under another name.
    fn rename(&self, has: &DataContract, has_not: &DataContract, column: &Column, verb: &str) -> String {
        let candidates = has.columns.iter().filter(|other| {
            has_not.column(&other.name).is_none()
                && other.required == column.required
                && fit(&other.data_type, &column.data_type) == Fit::Same
        });
        match candidates.map(|other| other.name.as_str()).collect::<Vec<_>>().as_slice() {
            [other] => format!("; if it {verb} `{other}`: a rename is a removal and an addition"),
            _ => String::new(),
        }
    }

    fn column(&mut self, before: &Column, now: &Column) {
        self.data_type(before, now);
        match (before.required, now.required) {
            (true, false) => {
                let why = "readers of the old version rely on it in every row";
                self.says(Some(now), "became optional", why, Breaks::Forward);
            }
            (false, true) if now.default.is_none() => {
                let why = "rows of the old version may be without it, and it has no default";
                self.says(Some(now), "became required", why, Breaks::Backward);
            }
            _ => {}
        }
        match (before.unique, now.unique) {
            (true, false) => {
                self.says(Some(now), "is unique no more", "readers of the old version rely on it", Breaks::Forward);
            }
            (false, true) => {
                self.says(Some(now), "became unique", "rows of the old version may repeat it", Breaks::Backward);
            }
            _ => {}
        }
        self.meaning(before, now);
        self.validity(now);
    }

    fn data_type(&mut self, before: &Column, now: &Column) {
        let changed = format!("changed from {} to {}", sql(&before.data_type), sql(&now.data_type));
        match (fit(&now.data_type, &before.data_type), fit(&before.data_type, &now.data_type)) {
            (Fit::Same, _) => {}
            (Fit::Widened, _) if is_free(&before.data_type, &now.data_type) => {}
            (Fit::Widened, _) => {
                self.says(Some(now), changed, "readers of the old version cannot hold every value", Breaks::Forward);
            }
            (Fit::No, Fit::Widened) => {
                self.says(Some(now), changed, "old values may not fit", Breaks::Backward);
            }
            (Fit::No, _) => self.says(Some(now), changed, "the one is not read as the other", Breaks::Both),
        }
    }

    /// What values stand for, and who may see them.
    fn meaning(&mut self, before: &Column, now: &Column) {
        if before.privacy_unit != now.privacy_unit {
            let unit = |column: &Column| column.privacy_unit.clone().unwrap_or_else(|| "none".into());
            let what = format!("changed its privacy unit from {} to {}", unit(before), unit(now));
            self.says(Some(now), what, "privacy would be accounted for others than rows speak of", Breaks::Both);
        }
        if does_otherwise(before, now) {
            let (was, is) = (before.ingest_policy.as_str(), now.ingest_policy.as_str());
            let what = format!("changed its ingest policy from {was} to {is}");
            self.says(Some(now), what, "old and new values cannot be compared", Breaks::Both);
        }
        let (was, is) = (before.classification, now.classification);
        let what = || format!("changed its class from {} to {}", was.as_str(), is.as_str());
        if is < was {
            let why = "rows of the old version were collected under a stricter class";
            self.says(Some(now), what(), why, Breaks::Backward);
        }
        if is > was {
            let why = "readers of the old version may show it more widely";
            self.says(Some(now), what(), why, Breaks::Forward);
        }
    }

    /// What a value may be.
    fn validity(&mut self, now: &Column) {
        let (before, after) = (promised_of(self.earlier, &now.name), promised_of(self.newer, &now.name));
        self.vocabulary(now, &before, &after);
        let patterns = |valid: &[&Valid]| {
            valid.iter().filter_map(|valid| valid.pattern.as_ref().map(|p| p.as_str().to_owned())).collect::<Vec<_>>()
        };
        let (was, is) = (patterns(&before), patterns(&after));
        match (was.iter().all(|pattern| is.contains(pattern)), is.iter().all(|pattern| was.contains(pattern))) {
            (true, true) => {}
            (true, false) => {
                self.says(Some(now), "must match a pattern", "old values may not", Breaks::Backward);
            }
            (false, true) => {
                let why = "readers of the old version rely on it";
                self.says(Some(now), "need not match its pattern", why, Breaks::Forward);
            }
            (false, false) => {
                self.says(Some(now), "must match another pattern", "the one does not imply the other", Breaks::Both);
            }
        }
        self.extent(now, "length", &before, &after, |valid| valid.length);
        self.extent(now, "range", &before, &after, |valid| valid.range);
    }

    fn extent(
        &mut self,
        now: &Column,
        what: &str,
        before: &[&Valid],
        after: &[&Valid],
        of: impl Fn(&Valid) -> Option<crate::Range>,
    ) {
        let all = crate::Range { from: None, to: None };
        let find = |valid: &[&Valid]| valid.iter().find_map(|valid| of(valid)).unwrap_or(all);
        let (was, is) = (find(before), find(after));
        if !is.covers(&was) {
            self.says(Some(now), format!("has a narrower {what}"), "old values may lie outside", Breaks::Backward);
        }
        if !was.covers(&is) {
            let why = "readers of the old version rely on the narrower one";
            self.says(Some(now), format!("has a wider {what}"), why, Breaks::Forward);
        }
    }

    fn vocabulary(&mut self, now: &Column, before: &[&Valid], after: &[&Valid]) {
        let (was, is) = (vocabulary_of(before), vocabulary_of(after));
        let beyond = |one: &Values, other: &Values| {
            let other = other.words();
            one.words().into_iter().filter(|word| !other.contains(word)).collect::<Vec<_>>().join(", ")
        };
        let grows = was.is_none_or(|was| was.has_text(UNKNOWN));
        let gone = "rows of the old version may have them";
        let new = "readers of the old version do not know them, and it has no word `unknown` to read them as";
        match (was, is) {
            (None, None) => {}
            (None, Some(_)) => {
                self.says(Some(now), "may have some values only", "old values may be others", Breaks::Backward);
            }
            (Some(_), None) if grows => {}
            (Some(_), None) => self.says(Some(now), "may have any value", new, Breaks::Forward),
            (Some(was), Some(is)) => {
                let (lost, gained) = (beyond(was, is), beyond(is, was));
                if !lost.is_empty() && !is.has_text(UNKNOWN) {
                    self.says(Some(now), format!("lost the values {lost}"), gone, Breaks::Backward);
                }
                if !gained.is_empty() && !grows {
                    self.says(Some(now), format!("gained the values {gained}"), new, Breaks::Forward);
                }
            }
        }
    }
}

/// What rules say is valid in a column, those that rows are held against and those that are only counted.
pub(crate) fn promised_of<'a>(contract: &'a DataContract, column: &str) -> Vec<&'a Valid> {
    let rules = contract.rules.iter().filter(|rule| rule.column.as_deref() == Some(column));
    let valid = rules.filter_map(|rule| match &rule.metric {
        Metric::InvalidValues(valid) => Some(valid),
        _ => None,
    });
    valid.collect()
}

pub(crate) fn vocabulary_of<'a>(valid: &[&'a Valid]) -> Option<&'a Values> {
    valid.iter().find_map(|valid| valid.values.as_ref())
}

/// Widening that every reader of the engine takes: SQL over whole numbers and over floats does not ask how many bits
/// they had in the file.
fn is_free(before: &DataType, now: &DataType) -> bool {
    matches!((before, now), (DataType::Int32, DataType::Int64) | (DataType::Float32, DataType::Float64))
        || matches!((before, now), (DataType::Int16, DataType::Int32 | DataType::Int64))
}

/// Whether values are kept as something else. What follows from another type is told of the type, and text that is looked at
/// is the same text but for what is found in it.
fn does_otherwise(before: &Column, now: &Column) -> bool {
    let is_looked_at = |policy| matches!(policy, IngestPolicy::Pattern | IngestPolicy::Identifier);
    let (was, is) = (before.ingest_policy, now.ingest_policy);
    was != is
        && !(is_looked_at(was) && is_looked_at(is))
        && !(fit(&now.data_type, &before.data_type) == Fit::No
            && (was == IngestPolicy::Keep || is == IngestPolicy::Keep))
}

#[cfg(test)]
mod tests;
