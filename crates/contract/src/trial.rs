//! What would become of rows of another origin under a contract?
//!
//! What their columns lack is told once; what their values break is counted. Nothing that is told holds a value.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};

use crate::{
    DataContract, ENVELOPE_HASH, Gap, GapKind, Reason, RuleResult, Severity, Tally, Unit, Violation, check, gaps,
    seal_envelope,
};

/// The column that says when a row came.
const INGESTED_AT: &str = "ingested_at";

/// Rows held against a contract, batch by batch, as if they had arrived.
#[derive(Debug)]
pub struct Trial {
    contract: Arc<DataContract>,
    gaps: Vec<Gap>,
    tally: Tally,
    taken: u64,
    refused: BTreeMap<Reason, u64>,
    dropped: Vec<Reason>,
    stop: Option<Reason>,
}

/// Something that rows lack or break, without a value of theirs.
struct Finding {
    column: Option<String>,
    finding: String,
    promised: Option<String>,
    found: Option<String>,
    rows: Option<i64>,
    consequence: String,
}

impl Trial {
    /// A trial of no rows.
    #[must_use]
    pub fn new(contract: Arc<DataContract>) -> Self {
        let tally = Tally::new(Arc::clone(&contract));
        Self { contract, gaps: Vec::new(), tally, taken: 0, refused: BTreeMap::new(), dropped: Vec::new(), stop: None }
    }

    /// Holds rows against the contract. When a row comes, and what its envelope hashes to, is not theirs to say: those
    /// columns are filled as they are for rows that arrive.
    pub fn hold(&mut self, rows: &RecordBatch) {
        self.lack(rows.schema_ref());
        let rows = arrived(&self.contract, rows);
        self.tally.update(&rows);
        let checked = check(&self.contract, &rows);
        for (reason, count) in checked.counts() {
            *self.refused.entry(reason.clone()).or_default() += count as u64;
        }
        for reason in checked.dropped.iter().filter(|reason| !self.dropped.contains(reason)).collect::<Vec<_>>() {
            self.dropped.push(reason.clone());
        }
        if checked.stop.is_none() {
            self.taken += checked.stands.true_count() as u64;
        }
        self.stop = self.stop.take().or(checked.stop);
    }

    /// The rows that were held.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.tally.rows()
    }

    /// The rows that can be taken; the others are set aside.
    #[must_use]
    pub const fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether every row can be taken and no rule of severity `error` is broken.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.taken == self.rows() && self.stop.is_none() && !self.tally.is_worrying()
    }

    /// What the columns lack in the contract's order, and then which rules are broken: rows of `column`, `finding`, `promised`,
    /// `found`, `rows` (how many are set aside for it) and `consequence`.
    #[must_use]
    pub fn findings(&self) -> RecordBatch {
        let broken = self.tally.results();
        let broken = broken.iter().filter(|result| !self.is_told(result)).filter_map(|result| self.broken(result));
        let found = self.gaps.iter().map(|gap| self.gap(gap)).chain(broken).collect::<Vec<_>>();
        let text = |word: &dyn Fn(&Finding) -> Option<String>| -> ArrayRef {
            Arc::new(found.iter().map(word).collect::<StringArray>())
        };
        let columns: [(&str, ArrayRef, bool); 6] = [
            ("column", text(&|finding| finding.column.clone()), true),
            ("finding", text(&|finding| Some(finding.finding.clone())), false),
            ("promised", text(&|finding| finding.promised.clone()), true),
            ("found", text(&|finding| finding.found.clone()), true),
            ("rows", Arc::new(found.iter().map(|finding| finding.rows).collect::<Int64Array>()), true),
            ("consequence", text(&|finding| Some(finding.consequence.clone())), false),
        ];
        RecordBatch::try_from_iter_with_nullable(columns).expect("a value of each column for each finding")
    }

    /// That a column may be null is told by how often it is.
    fn lack(&mut self, schema: &Schema) {
        let lacking = gaps(&self.contract, schema).into_iter();
        let lacking = lacking.filter(|gap| gap.kind != GapKind::Nullable && !is_filled(&gap.column, gap.kind));
        let unknown = lacking.filter(|gap| !self.gaps.contains(gap)).collect::<Vec<_>>();
        self.gaps.extend(unknown);
    }

    fn gap(&self, gap: &Gap) -> Finding {
        let refused = |(reason, count): (&Reason, &u64)| (reason.column == gap.column).then_some(*count);
        let rows = self.refused.iter().filter_map(refused).sum::<u64>();
        let similar = gap.similar.as_ref().map(|similar| format!("; is it `{similar}`?")).unwrap_or_default();
        Finding {
            column: Some(gap.column.clone()),
            finding: gap.kind.as_str().to_owned(),
            promised: gap.promised.clone(),
            found: gap.found.clone(),
            rows: i64::try_from(rows).ok().filter(|_| gap.kind.is_blocking()),
            consequence: format!("{}{similar}", gap.kind.consequence()),
        }
    }

    /// A column that is not there is not told once more by its rules.
    fn is_told(&self, result: &RuleResult<'_>) -> bool {
        let Some(column) = &result.rule.column else { return false };
        self.gaps.iter().any(|gap| gap.column == *column && gap.kind != GapKind::Unlisted)
    }

    fn broken(&self, result: &RuleResult<'_>) -> Option<Finding> {
        let rule = result.rule;
        let reason = rule.column.clone().map(|column| Reason { column, rule: rule.name.clone() });
        let refused = reason.as_ref().and_then(|reason| self.refused.get(reason)).copied().unwrap_or_default();
        let is_dropped = reason.as_ref().is_some_and(|reason| self.dropped.contains(reason));
        let does_stop = reason.is_some() && self.stop == reason;
        if result.passed == Some(true) && refused == 0 && !is_dropped && !does_stop {
            return None;
        }
        let consequence = match rule.on_violation {
            Some(Violation::QuarantineRow) => "these rows are set aside".to_owned(),
            Some(Violation::DropColumn) => "it is null in the batches that break it".to_owned(),
            Some(Violation::Stop) => "reading stops".to_owned(),
            None if rule.severity == Severity::Info => "it is counted".to_owned(),
            None => format!("it is counted, as {}", rule.severity.as_str()),
        };
        let unit = rule.unit.as_str();
        // Two places of a percentage are enough; rows have none.
        let places = if rule.unit == Unit::Percent { 2 } else { 0 };
        let observed = result.observed.map_or("not known".to_owned(), |observed| format!("{observed:.places$} {unit}"));
        Some(Finding {
            column: rule.column.clone(),
            finding: rule.name.clone(),
            promised: Some(rule.threshold.to_string()),
            found: Some(observed),
            rows: i64::try_from(refused).ok().filter(|_| rule.on_violation == Some(Violation::QuarantineRow)),
            consequence,
        })
    }
}

fn is_filled(column: &str, kind: GapKind) -> bool {
    kind == GapKind::MissingRequired && (column == INGESTED_AT || column == ENVELOPE_HASH)
}

/// Rows as they are when they have arrived: with the time of it, and their envelopes' hashes. Of a column that cannot be
/// hashed its gap tells.
fn arrived(contract: &DataContract, rows: &RecordBatch) -> RecordBatch {
    let rows = match contract.column(INGESTED_AT) {
        Some(column) if rows.column_by_name(INGESTED_AT).is_none() && is_instant(&column.data_type) => {
            let times = TimestampMicrosecondArray::from(vec![0; rows.num_rows()]);
            let times: ArrayRef = Arc::new(times.with_data_type(column.data_type.clone()));
            with(rows, Field::new(INGESTED_AT, column.data_type.clone(), false), times)
        }
        _ => rows.clone(),
    };
    match contract.column(ENVELOPE_HASH) {
        Some(_) => seal_envelope(&rows).unwrap_or(rows),
        None => rows,
    }
}

fn is_instant(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, _))
}

fn with(rows: &RecordBatch, field: Field, column: ArrayRef) -> RecordBatch {
    let fields = rows.schema().fields().iter().cloned().chain([FieldRef::new(field)]).collect::<Vec<_>>();
    let columns = rows.columns().iter().cloned().chain([column]).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("one more column of as many rows")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shipped;
    use arrow::array::AsArray;

    fn text(name: &str, values: &[Option<&str>]) -> (String, ArrayRef) {
        (name.to_owned(), Arc::new(StringArray::from(values.to_vec())))
    }

    /// column, finding, rows
    fn findings(trial: &Trial) -> Vec<(String, String, Option<i64>)> {
        let rows = trial.findings();
        let (columns, found) = (rows.column(0).as_string::<i32>(), rows.column(1).as_string::<i32>());
        let counts = rows.column(4).as_primitive::<arrow::datatypes::Int64Type>();
        let of = |row| (columns.value(row).to_owned(), found.value(row).to_owned(), counts.iter().nth(row).flatten());
        (0..rows.num_rows()).map(of).collect()
    }

    #[test]
    fn what_is_missing_is_told_once_and_what_is_wrong_is_counted() {
        let contract = Arc::new(shipped::contract("labels").unwrap());
        let required = contract.columns.iter().filter(|column| column.required);
        let filled = required.filter_map(|column| match column.name.as_str() {
            "ingested_at" | "label_value" | "label_kind" => None,
            "version" => Some((column.name.clone(), Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef)),
            "labeled_at" => {
                let times = TimestampMicrosecondArray::from(vec![1, 2, 3]).with_timezone("UTC");
                Some((column.name.clone(), Arc::new(times) as ArrayRef))
            }
            "op" => Some(text("op", &[Some("assert"), Some("asert"), Some("retract")])),
            "privacy_class" => Some(text("privacy_class", &[Some("internal"); 3])),
            "target_scope" => Some(text("target_scope", &[Some("decision"); 3])),
            "annotator_kind" => Some(text("annotator_kind", &[Some("HUMAN"), Some("LLM"), None])),
            name => Some(text(name, &[Some("a"), Some("b"), Some("c")])),
        });
        let columns = filled.chain([text("label_kind", &[Some("review"); 3]), text("mood", &[None; 3])]);
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut trial = Trial::new(contract);
        trial.hold(&batch);
        trial.hold(&batch);
        let found = findings(&trial);
        assert_eq!((trial.rows(), trial.taken(), trial.is_kept()), (6, 2, false), "{found:?}");
        let has = |column: &str, finding: &str, rows| found.contains(&(column.to_owned(), finding.to_owned(), rows));
        assert!(has("label_value", "missing", None), "{found:?}");
        assert!(has("mood", "unlisted", None), "{found:?}");
        assert!(has("annotator_kind", "required", Some(2)), "{found:?}");
        assert_eq!(found.iter().filter(|(column, ..)| column == "op").count(), 1, "{found:?}");
        assert!(!found.iter().any(|(column, ..)| column == "ingested_at"), "{found:?}");
    }

    #[test]
    fn a_required_column_that_is_missing_refuses_every_row_once() {
        let mut trial = Trial::new(Arc::new(shipped::contract("decisions").unwrap()));
        trial.hold(&RecordBatch::try_from_iter([text("tenant", &[Some("a")])]).unwrap());
        let found = findings(&trial);
        assert_eq!((trial.rows(), trial.taken()), (1, 0));
        assert_eq!(found.iter().filter(|(column, ..)| column == "tenant_id").count(), 1, "{found:?}");
        assert!(!found.iter().any(|(column, ..)| column == "envelope_hash"), "{found:?}");
    }
}
