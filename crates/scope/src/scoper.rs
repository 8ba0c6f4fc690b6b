//! What becomes of a batch?

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Float64Array, Int32Array, RecordBatch, StringArray,
};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit, TimestampMicrosecondType};
use tidegate_contract::{LearningScope, RiskClass};

use crate::column::{is_text, judge_text, missing, required, wrong};
use crate::counts::Counts;
use crate::error::Result;
use crate::home::{Home, Whereabouts};
use crate::rules::{Risk, Rules};
use crate::tenants::Tenants;
use crate::words;

const READER: &str = "the scoper";
const RISK_SCORE: &str = "risk_score";
const RISK_CLASS: &str = "risk_class";
const LEARNING_SCOPE: &str = "learning_scope";
const REGION: &str = "region";
const TENANT: &str = "tenant_id";
const EVENT_TIME: &str = "event_time";

/// Rules, consent and home, ready for batches.
#[derive(Debug, Clone)]
pub struct Scoper {
    rules: Rules,
    tenants: Tenants,
    home: Home,
    /// Where the region of each record of `tenants` lies.
    tenants_at: Vec<Whereabouts>,
}

/// A batch whose rows say how far they may be learnt from.
#[derive(Debug, Clone)]
pub struct Scoped {
    /// The rows kept, in their order.
    pub batch: RecordBatch,
    /// What became of the rows.
    pub counts: Counts,
    /// The rows that may not be kept.
    pub refused: Refused,
}

/// Rows as they were delivered, each with the reason it is refused for.
#[derive(Debug, Clone)]
pub struct Refused {
    /// The rows, in their order.
    pub batch: RecordBatch,
    /// The reason of each row.
    pub reasons: Vec<Reason>,
    /// The place of each row in the batch that was delivered.
    pub places: Vec<usize>,
}

/// Why a row is refused. It never says the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Its tenant's rows stay in a region that is not the project's.
    TenantElsewhere,
    /// It is of a region that is not the project's.
    RegionElsewhere,
    /// Neither it nor its tenant's record says a region, and the project has declared its own.
    RegionUnsaid,
    /// Its `risk_class` is no word of the vocabulary, so that nobody can tell whether it may be learnt from.
    UnknownRiskClass,
    /// Its `learning_scope` is no word of the vocabulary.
    UnknownLearningScope,
}

impl Reason {
    /// The stable word, for files and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TenantElsewhere => "tenant_elsewhere",
            Self::RegionElsewhere => "region_elsewhere",
            Self::RegionUnsaid => "region_unsaid",
            Self::UnknownRiskClass => "unknown_risk_class",
            Self::UnknownLearningScope => "unknown_learning_scope",
        }
    }
}

/// What a row says in a column with a vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said<T> {
    Nothing,
    Word(T),
    Unknown,
}

impl Scoper {
    /// Rules, consent and home together.
    pub fn new(rules: Rules, tenants: Tenants, home: Home) -> Self {
        let tenants_at = tenants.records().iter().map(|record| home.whereabouts(record.region.as_deref())).collect();
        Self { rules, tenants, home, tenants_at }
    }

    /// The rules it applies.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whether a stream of this schema can be scoped, to be asked before its first row.
    ///
    /// # Errors
    /// [`MissingColumn`](crate::Error::MissingColumn) and [`WrongColumn`](crate::Error::WrongColumn).
    pub fn check(&self, schema: &Schema) -> Result<()> {
        self.apply(&RecordBatch::new_empty(Arc::new(schema.clone()))).map(drop)
    }

    /// Sets `risk_score`, `risk_class` and `learning_scope`, and sets apart the rows that may not be kept. Columns that
    /// are there keep their place and their encoding, except that scores become `Float64`; others are appended.
    ///
    /// # Guarantee
    /// A class is never lower than the delivered one. A scope is never wider than that of the class, the tenant's consent
    /// at the row's event time, or what the row says. A further rule never widens. Rows do not depend on their
    /// neighbours. Held by `tests/it/laws.rs`.
    ///
    /// # Errors
    /// [`MissingColumn`](crate::Error::MissingColumn) and [`WrongColumn`](crate::Error::WrongColumn), for the whole batch.
    pub fn apply(&self, batch: &RecordBatch) -> Result<Scoped> {
        let delivered_classes = said(batch, RISK_CLASS, words::class)?;
        let delivered_scopes = said(batch, LEARNING_SCOPE, words::scope)?;
        let tenants = self.tenants(batch)?;
        let Risk { mut classes, scores, matched } = self.rules.judge(batch)?;

        let mut reasons = self.regions_refused(batch, &tenants)?;
        refuse_unknown(&mut reasons, &delivered_classes, Reason::UnknownRiskClass);
        refuse_unknown(&mut reasons, &delivered_scopes, Reason::UnknownLearningScope);

        let mut raised = 0;
        for ((class, delivered), reason) in classes.iter_mut().zip(&delivered_classes).zip(&reasons) {
            let delivered = delivered.or(RiskClass::Low);
            raised += u64::from(*class > delivered && reason.is_none());
            *class = delivered.max(*class);
        }
        let scopes = self.scopes(batch, &tenants, &classes, &delivered_scopes)?;
        let counts = Counts { raised, matched, ..count(&classes, &scopes, &reasons) };
        let scoped = with_columns(batch, scores, &classes, &scopes)?;
        split(batch, scoped, reasons, counts)
    }

    /// The place of each row's tenant among the records.
    fn tenants(&self, batch: &RecordBatch) -> Result<Vec<usize>> {
        let column = required(batch, TENANT, READER)?;
        judge_text(column, Tenants::WITHOUT_RECORD, |tenant| self.tenants.place(tenant))
            .ok_or_else(|| wrong(TENANT, READER, "text", column.data_type()))
    }

    /// The narrowest of what class, consent and row allow.
    fn scopes(
        &self,
        batch: &RecordBatch,
        tenants: &[usize],
        classes: &[RiskClass],
        delivered: &[Said<LearningScope>],
    ) -> Result<Vec<LearningScope>> {
        let times = event_times(batch)?;
        let times = times.as_primitive::<TimestampMicrosecondType>();
        let records = self.tenants.records();
        let scope = |row: usize| {
            let time_us = times.is_valid(row).then(|| times.value(row));
            let consent = records[tenants[row]].widest_at(time_us);
            let allowed = words::narrower(self.rules.widest(classes[row]), consent);
            words::narrower(allowed, delivered[row].or(LearningScope::Global))
        };
        Ok((0..batch.num_rows()).map(scope).collect())
    }

    fn regions_refused(&self, batch: &RecordBatch, tenants: &[usize]) -> Result<Vec<Option<Reason>>> {
        if !self.home.is_declared() {
            return Ok(vec![None; batch.num_rows()]);
        }
        let rows_at = match batch.column_by_name(REGION) {
            None => vec![Whereabouts::Unsaid; batch.num_rows()],
            Some(column) => judge_text(column, Whereabouts::Unsaid, |region| self.home.whereabouts(Some(region)))
                .ok_or_else(|| wrong(REGION, READER, "text", column.data_type()))?,
        };
        let reason = |(&tenant, row_at): (&usize, Whereabouts)| match (self.tenants_at[tenant], row_at) {
            (Whereabouts::Elsewhere, _) => Some(Reason::TenantElsewhere),
            (_, Whereabouts::Elsewhere) => Some(Reason::RegionElsewhere),
            (Whereabouts::Unsaid, Whereabouts::Unsaid) => Some(Reason::RegionUnsaid),
            _ => None,
        };
        Ok(tenants.iter().zip(rows_at).map(reason).collect())
    }
}

impl<T: Copy> Said<T> {
    fn or(self, otherwise: T) -> T {
        match self {
            Self::Word(word) => word,
            Self::Nothing | Self::Unknown => otherwise,
        }
    }
}

/// What each row says in a column that need not be there.
fn said<T: Copy>(batch: &RecordBatch, name: &str, word: impl Fn(&str) -> Option<T>) -> Result<Vec<Said<T>>> {
    let Some(column) = batch.column_by_name(name) else {
        return Ok(vec![Said::Nothing; batch.num_rows()]);
    };
    judge_text(column, Said::Nothing, |text| word(text).map_or(Said::Unknown, Said::Word))
        .ok_or_else(|| wrong(name, READER, "text", column.data_type()))
}

fn refuse_unknown<T: PartialEq>(reasons: &mut [Option<Reason>], said: &[Said<T>], why: Reason) {
    for (reason, said) in reasons.iter_mut().zip(said) {
        if *said == Said::Unknown {
            reason.get_or_insert(why);
        }
    }
}

/// Event times in microseconds; a time without a zone is UTC.
fn event_times(batch: &RecordBatch) -> Result<ArrayRef> {
    let column = batch.column_by_name(EVENT_TIME).ok_or_else(|| missing(EVENT_TIME, READER))?;
    let zone = match column.data_type() {
        DataType::Null => None,
        DataType::Timestamp(_, zone) => zone.clone(),
        other => return Err(wrong(EVENT_TIME, READER, "timestamps", other)),
    };
    Ok(cast(column, &DataType::Timestamp(TimeUnit::Microsecond, zone))?)
}

fn count(classes: &[RiskClass], scopes: &[LearningScope], reasons: &[Option<Reason>]) -> Counts {
    let mut counts = Counts { rows: reasons.len() as u64, ..Counts::default() };
    for ((class, scope), reason) in classes.iter().zip(scopes).zip(reasons) {
        match reason {
            Some(_) => counts.refused += 1,
            None => {
                counts.classes[*class as usize] += 1;
                counts.scopes[*scope as usize] += 1;
            }
        }
    }
    counts
}

fn with_columns(
    batch: &RecordBatch,
    scores: Vec<Option<f64>>,
    classes: &[RiskClass],
    scopes: &[LearningScope],
) -> Result<RecordBatch> {
    let contract = tidegate_contract::decisions();
    let classes = words_of(RiskClass::ALL.iter().map(|class| class.as_str()), classes.iter().map(|&c| c as i32))?;
    let scopes = words_of(LearningScope::ALL.iter().map(|scope| scope.as_str()), scopes.iter().map(|&s| s as i32))?;
    let columns: [(&str, ArrayRef); 3] =
        [(RISK_SCORE, Arc::new(Float64Array::from(scores))), (RISK_CLASS, classes), (LEARNING_SCOPE, scopes)];

    let mut fields = batch.schema().fields().to_vec();
    let mut arrays = batch.columns().to_vec();
    for (name, array) in columns {
        let place = fields.iter().position(|field| field.name() == name);
        let field = match place {
            Some(place) => fields[place].as_ref().clone(),
            None => contract.field_with_name(name)?.clone(),
        };
        let field = encoded_for(&array, field);
        let array = cast(&array, field.data_type())?;
        match place {
            Some(place) => (fields[place], arrays[place]) = (Arc::new(field), array),
            None => {
                fields.push(Arc::new(field));
                arrays.push(array);
            }
        }
    }
    let schema = Schema::new_with_metadata(fields, batch.schema().metadata().clone());
    Ok(RecordBatch::try_new(Arc::new(schema), arrays)?)
}

/// A text column keeps the encoding it was delivered in; a score, and a column of nulls, takes the type of `array`.
fn encoded_for(array: &ArrayRef, delivered: Field) -> Field {
    let keeps = is_text(delivered.data_type()) && *delivered.data_type() != DataType::Null;
    if keeps { delivered } else { delivered.with_data_type(array.data_type().clone()) }
}

fn words_of(words: impl Iterator<Item = &'static str>, keys: impl Iterator<Item = i32>) -> Result<ArrayRef> {
    let words = StringArray::from_iter_values(words);
    Ok(Arc::new(DictionaryArray::try_new(Int32Array::from_iter_values(keys), Arc::new(words))?))
}

fn split(delivered: &RecordBatch, scoped: RecordBatch, reasons: Vec<Option<Reason>>, counts: Counts) -> Result<Scoped> {
    if counts.refused == 0 {
        let refused = Refused { batch: delivered.slice(0, 0), reasons: Vec::new(), places: Vec::new() };
        return Ok(Scoped { batch: scoped, counts, refused });
    }
    let kept: BooleanArray = reasons.iter().map(|reason| Some(reason.is_none())).collect();
    let refused: BooleanArray = reasons.iter().map(|reason| Some(reason.is_some())).collect();
    let rows = filter_record_batch(delivered, &refused)?;
    let places = (0..reasons.len()).filter(|&row| reasons[row].is_some()).collect();
    Ok(Scoped {
        batch: filter_record_batch(&scoped, &kept)?,
        counts,
        refused: Refused { batch: rows, reasons: reasons.into_iter().flatten().collect(), places },
    })
}
