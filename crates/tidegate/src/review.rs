//! Which decisions of a tenant wait for a label?
//!
//! ```text
//! decisions of the tenant, however far they may be learnt from --.
//! labels_effective() of the label -------------------------------+--> when --> the oldest first
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::{ArrayRef, AsArray, StringArray};
use datafusion::arrow::compute::{cast, concat_batches};
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::{Column, JoinType, ScalarValue};
use datafusion::error::Result as Planned;
use datafusion::logical_expr::{Expr, cast as cast_to, lit};
use datafusion::prelude::DataFrame;
use datafusion::sql::sqlparser::tokenizer::Span;
use tidegate_algebra::query_session;
use tidegate_contract::review_id;
use tidegate_labels::Queue;
use tidegate_signal::{Place, Refusal, SourceText, nearest};

use crate::failure::{Failure, Result};
use crate::labels::Ruling;
use crate::labels::table::LabelsEffective;
use crate::project::Project;
use crate::query::stream_table;

/// What of the effective label reviewers see, and `when` may ask.
const LABEL: [&str; 7] = ["value", "score", "n_votes", "agreement", "resolution", "label_confidence", "annotator_kind"];

/// What reviewers fill in: texts, and numbers.
const TEXTS: [&str; 9] = [
    "label_value",
    "annotator",
    "what_was_wrong",
    "expected_action",
    "failed_policy",
    "missing_context",
    "justification_code",
    "comment",
    "labeled_at",
];
const NUMBERS: [&str; 2] = ["score", "annotator_confidence"];

/// The decisions of `tenant` that wait for the label of a queue, with room for what is to be filled in.
pub(crate) async fn waiting(
    project: &Project,
    ruling: Ruling,
    (label, queue): (&str, &Queue),
    tenant: &str,
    limit: usize,
) -> Result<RecordBatch> {
    let inputs = project.guarded().await?;
    let find = |name: &str| {
        let stream = inputs.iter().find(|(stream, _)| stream.definition.name.value == name);
        stream.ok_or_else(|| {
            let cause = format!("the project has no stream `{name}`");
            Failure::usage("TG790", cause, "declare it with CREATE STREAM, or name another in labels.toml")
        })
    };
    let (stream, decisions) = find(ruling.decisions())?;
    let (_, labels) = find(ruling.labels())?;
    let effective = LabelsEffective { labels: Arc::clone(labels), decisions: Some(Arc::clone(decisions)), ruling };
    let event_time = stream.definition.contract.event_time.as_deref();

    check_columns(label, queue, decisions.schema())?;
    let place = SourceText::new(format!("labels.toml, [review.{label}]"), &queue.when);
    let place = Place::new(&place, Span::empty());
    let explain = |error| Failure::from(Refusal::from_datafusion(&error, &place));
    let session = query_session();
    let rejected = Arc::new(AtomicU64::new(0));
    let decisions = stream_table(Arc::clone(decisions), Arc::clone(&rejected)).map_err(explain)?;
    let decisions = session.read_table(decisions).map_err(explain)?;
    let labels = session.read_table(effective.table(None).map_err(explain)?).map_err(explain)?;
    let rows = plan(decisions, labels, (label, queue), tenant, event_time, limit).map_err(explain)?;
    let schema = Arc::new(Schema::clone(rows.schema().as_arrow()));
    let rows = concat_batches(&schema, &rows.collect().await.map_err(explain)?)?;
    let unread = rejected.load(Ordering::Relaxed);
    if unread > 0 {
        eprintln!("warning: {unread} rows or files could not be read and are not asked about");
    }
    identified(&rows, label)
}

/// Whether the stream has the columns that reviewers are to see.
fn check_columns(label: &str, queue: &Queue, schema: &Schema) -> Result<()> {
    let Some(missing) = queue.columns.iter().find(|column| schema.index_of(column).is_err()) else { return Ok(()) };
    let known = schema.fields().iter().map(|field| field.name().as_str());
    let fix = match nearest(missing, known) {
        Some(name) => format!("did you mean `{name}`?"),
        None => "name columns of the stream of decisions".to_owned(),
    };
    Err(Failure::usage(
        "TG793",
        format!("[review.{label}] shows a column `{missing}`, which decisions do not have"),
        fix,
    ))
}

fn plan(
    decisions: DataFrame,
    labels: DataFrame,
    (label, queue): (&str, &Queue),
    tenant: &str,
    event_time: Option<&str>,
    limit: usize,
) -> Planned<DataFrame> {
    let of_tenant = cast_to(name("tenant_id"), DataType::Utf8).eq(lit(tenant));
    let keys = [name("tenant_id").alias("label_tenant"), name("decision_id").alias("label_decision")];
    let labels = labels
        .filter(name("label_name").eq(lit(label)))?
        .select(keys.into_iter().chain(LABEL.map(name)).collect::<Vec<_>>())?;
    let joined = decisions.filter(of_tenant)?.join(
        labels,
        JoinType::Left,
        &["tenant_id", "decision_id"],
        &["label_tenant", "label_decision"],
        None,
    )?;
    let waits = joined.parse_sql_expr(&queue.when)?;
    let seen = ["tenant_id", "decision_id"].into_iter().chain(event_time);
    let shown = seen.chain(queue.columns.iter().map(String::as_str)).map(name);
    let label =
        [lit(label).alias("label_name")].into_iter().chain(LABEL.map(|of| name(of).alias(format!("current_{of}"))));
    let texts = TEXTS.into_iter().map(|text| lit(ScalarValue::Utf8(None)).alias(text));
    let numbers = NUMBERS.into_iter().map(|number| lit(ScalarValue::Float64(None)).alias(number));
    let columns = shown.chain(label).chain(texts).chain(numbers).collect::<Vec<_>>();
    // What was delivered twice waits once.
    let order = event_time.into_iter().chain(["decision_id"]).map(|by| name(by).sort(true, true)).collect::<Vec<_>>();
    let once = joined.filter(waits)?.distinct_on(vec![name("decision_id")], columns, None)?;
    once.sort(order)?.limit(0, Some(limit))
}

fn name(column: &str) -> Expr {
    Expr::Column(Column::from_name(column))
}

/// Rows with the id by which each is known when it comes back.
fn identified(rows: &RecordBatch, label: &str) -> Result<RecordBatch> {
    let text = |name: &str| -> Result<StringArray> {
        let column = rows.column_by_name(name).map(|column| cast(column, &DataType::Utf8));
        let column = column.transpose()?.unwrap_or_else(|| Arc::new(StringArray::new_null(rows.num_rows())));
        Ok(column.as_string::<i32>().clone())
    };
    let (tenants, decisions) = (text("tenant_id")?, text("decision_id")?);
    let ids = tenants.iter().zip(&decisions).map(|(tenant, decision)| Some(review_id(tenant?, decision?, label)));
    let ids: ArrayRef = Arc::new(ids.collect::<StringArray>());
    let columns = rows.schema_ref().fields().iter().zip(rows.columns());
    let columns = columns.map(|(field, column)| (field.name().as_str(), Arc::clone(column), true));
    Ok(RecordBatch::try_from_iter_with_nullable([("review_id", ids, true)].into_iter().chain(columns))?)
}
