//! How is a differentially private question answered, once?
//!
//! As a signal is, over everything that has landed: totals per unit, bounded, charged, noised. The charge is durable
//! before anything is drawn, and the same question asked again is charged again.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use futures::StreamExt;
use tidegate_algebra::private::Bounded;
use tidegate_algebra::{Closed, Panes, PartialState, Side, utc_day};
use tidegate_ledger::{Block, Budget, Charge, Spend};
use tidegate_privacy::{Cost, Grant};
use tidegate_signal::{Policy, Signal, SignalDefinition, SourceText};
use tidegate_source::{Item, Source};
use tidegate_stream::{Standing, clause};

use crate::failure::{Failure, Result, Snippet};
use crate::privacy::{self, number, rho_of};
use crate::project::Project;
use crate::query::Parameters;

const BATCH_ROWS: usize = 8_192;
/// Parts in which units are bounded: one of them fits into memory where all together would go by the disk.
const PARTS: usize = 16;

/// What was answered.
pub(crate) struct Answer {
    pub(crate) rows: RecordBatch,
    /// Some rows or files could not be read. How many is not told to who asks.
    pub(crate) is_partial: bool,
    /// What it cost, in words.
    pub(crate) price: String,
}

/// What answering `text` would cost and show, if it is `EXPLAIN PRIVACY SELECT ...`. No row is read, nothing is charged.
pub(crate) async fn explain(text: &str, project: Option<&Project>, parameters: &Parameters) -> Result<Option<String>> {
    let Some(query) = explained(text) else { return Ok(None) };
    let of_what = "EXPLAIN PRIVACY is of a query that is noised";
    let fix = "write EXPLAIN PRIVACY SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (...) ...";
    let Some(definition) = definition_of(&query, parameters)? else {
        return Err(Failure::usage("TG115", of_what, fix));
    };
    let project = project.ok_or_else(no_project)?;
    let signal = project.plan_once_to_look_at(&definition).await?;
    privacy::describe(&signal, project)
}

/// The query behind `EXPLAIN PRIVACY`, each of its words at its own place.
fn explained(text: &str) -> Option<String> {
    let (explain, rest) = word(text)?;
    let (privacy, rest) = word(rest)?;
    let is_it = explain.eq_ignore_ascii_case("explain") && privacy.eq_ignore_ascii_case("privacy");
    is_it.then(|| {
        let blank = text[..text.len() - rest.len()].chars().map(|c| if c.is_whitespace() { c } else { ' ' });
        blank.chain(rest.chars()).collect()
    })
}

/// The first word of a text, and what comes after it.
fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace)?;
    Some(text.split_at(end))
}

/// The query that `text` is, if it is to be noised.
fn definition_of(text: &str, parameters: &Parameters) -> Result<Option<SignalDefinition>> {
    let source = SourceText::new("query", text);
    let session = tidegate_algebra::session();
    match SignalDefinition::of_query(&source, parameters, &session)? {
        Some(definition) if !definition.is_differential() => {
            let cause =
                "AGGREGATION_THRESHOLD is for signals: queries that are asked one after the other could be subtracted";
            let fix = "write a signal, or SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (...)";
            Err(Failure::privacy("TG201", cause, fix).at(Snippet::of(&definition.query_place)))
        }
        definition => Ok(definition),
    }
}

fn no_project() -> Failure {
    let cause = "a noised query asks a stream, and there is no project here: no folder sql/";
    Failure::usage("TG300", cause, "name the project's folder with --project")
}

/// Answers `text` if it asks with differential privacy.
pub(crate) async fn answer(text: &str, project: Option<&Project>, parameters: &Parameters) -> Result<Option<Answer>> {
    let Some(definition) = definition_of(text, parameters)? else { return Ok(None) };
    let project = project.ok_or_else(no_project)?;
    let signal = project.plan_once(&definition).await?;
    let inputs = project.guarded().await?;
    let input = inputs.iter().find(|(stream, _)| stream.definition.name.value == signal.stream);
    let Some((stream, source)) = input else { return Ok(None) };
    let event_time = stream.definition.contract.event_time.as_deref();
    let totals = totals_of(&signal, source, event_time, project.config.limits().pool_bytes).await?;
    let days = totals
        .times
        .map_or_else(|| vec![None], |(first, last)| (utc_day(first)..=utc_day(last)).map(Some).collect::<Vec<_>>());
    let spend = charge(&signal, project, &days, project.budget_of(&stream.definition)).await?;
    let explain = |source| Failure::from(tidegate_stream::Error::Signal { signal: "the query".to_owned(), source });
    let all = Closed { watermark_us: Some(i64::MAX), sealed_us: None };
    // Panes are filed under the day on which they start, which may be one before there was any row.
    let noised = signal.panes();
    let filed =
        |instant_us| noised.map_or_else(|| utc_day(instant_us), |panes| panes.day_of(panes.pane_of(instant_us)));
    let filed = totals.times.map(|(first, last)| (filed(first)..=filed(last)).collect());
    let panes = Panes { closed: all, stands: true, days: filed, ..Panes::default() };
    let nothing = Closed::default();
    let mut bounded = Bounded::default();
    for states in totals.parts {
        bounded.add(signal.cut.bound(states, &panes, nothing).await.map_err(explain)?);
    }
    let grant = Grant::paid(Cost { rho_nano: spend.rho_nano, delta_atto: spend.delta_atto });
    let noised = signal.cut.draw(bounded, &panes, nothing, grant).map_err(explain)?;
    let every = Panes { days: None, ..panes };
    let released = signal.cut.release(vec![noised], &every).await.map_err(explain)?;
    let rows = released.sorted_by(&signal.sort_order).map_err(explain)?;
    Ok(Some(Answer { rows, is_partial: totals.is_partial, price: price(&signal, spend) }))
}

/// What is known of each unit, and of which days.
struct Totals {
    /// Part by part, each with all totals of its units.
    parts: Vec<Vec<PartialState>>,
    /// The first and the last event time; none where rows have none.
    times: Option<(i64, i64)>,
    is_partial: bool,
}

/// Reads everything, aggregating about `most_bytes` of rows at a time.
async fn totals_of(
    signal: &Signal,
    source: &Arc<Source>,
    event_time: Option<&str>,
    most_bytes: usize,
) -> Result<Totals> {
    let explain = |source| Failure::from(tidegate_stream::Error::Signal { signal: "the query".to_owned(), source });
    let listed = |source| tidegate_stream::Error::Source { stream: signal.stream.clone(), source };
    let mut wanted = signal.cut.source_columns(&signal.stream).map_err(explain)?;
    wanted.extend(event_time.map(str::to_owned));
    let all = source.schema().fields().iter().map(|field| field.name().clone());
    let columns = all.filter(|column| wanted.contains(column)).collect::<Vec<_>>();
    let side = signal.cut.side(&signal.stream).ok_or_else(|| explain(tidegate_algebra::Error::NotPrivate))?;
    let mut totals = Totals { parts: vec![Vec::new(); PARTS], times: None, is_partial: false };
    let (mut batches, mut bytes) = (Vec::new(), 0);
    for file in source.list().await.map_err(listed)? {
        let mut items = source.open(&file, &columns, 0.., BATCH_ROWS).map_err(listed)?;
        while let Some(item) = items.next().await {
            match item {
                Item::Rows(delivery) => {
                    totals.is_partial |= !delivery.rejected.is_empty();
                    totals.times = times_with(totals.times, &delivery.batch, event_time);
                    bytes += delivery.batch.get_array_memory_size();
                    batches.push(delivery.batch);
                }
                Item::FileRejected(_) => totals.is_partial = true,
            }
            if bytes >= most_bytes {
                bytes = 0;
                totals.add(side, &mut batches).await.map_err(explain)?;
            }
        }
    }
    if !batches.is_empty() {
        totals.add(side, &mut batches).await.map_err(explain)?;
    }
    Ok(totals)
}

impl Totals {
    /// Takes `batches` in, of which there is one at least.
    async fn add(&mut self, side: &Side, batches: &mut Vec<RecordBatch>) -> tidegate_algebra::Result<()> {
        let batches = std::mem::take(batches);
        let schema = batches[0].schema();
        let state = side.partial(&schema, &[batches]).await?.state;
        for (own, part) in self.parts.iter_mut().zip(side.layout().split(&state, PARTS)?) {
            own.push(part?);
        }
        Ok(())
    }
}

fn times_with(times: Option<(i64, i64)>, batch: &RecordBatch, event_time: Option<&str>) -> Option<(i64, i64)> {
    let column = batch.column_by_name(event_time?)?.as_primitive::<TimestampMicrosecondType>();
    let (Some(first), Some(last)) = (arrow::compute::min(column), arrow::compute::max(column)) else { return times };
    Some(times.map_or((first, last), |(from, to)| (first.min(from), last.max(to))))
}

/// Charges all days of the stream, or none.
async fn charge(signal: &Signal, project: &Project, days: &[Option<i32>], cap: Spend) -> Result<Spend> {
    // A unit is bounded by the days under which windows are filed: a day that several of them touch pays for each.
    let Some(standing) = Standing::of(signal)?.into_iter().next() else { return Ok(Spend::default()) };
    let block = |&day: &Option<i32>| Block { stream: standing.stream.clone(), unit: standing.unit.clone(), day };
    let charged_at_us = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    let run_id = crate::commands::run::run_id()?;
    let charge = Charge {
        id: format!("query {run_id}"),
        purpose: "query".to_owned(),
        clause: clause(signal),
        blocks: days.iter().map(block).collect(),
        spend: standing.per_day(),
        charged_at_us: i64::try_from(charged_at_us).unwrap_or(i64::MAX),
        run_id,
    };
    let mut budget = Budget::open(project.store()?).await?;
    Ok(budget.charge(charge, &move |_| cap).await?.spend())
}

/// What it cost. Over which days is in the budget, and not told to who asks: rows have dates.
fn price(signal: &Signal, spend: Spend) -> String {
    let Policy::Differential { unit, clause } = &signal.policy else { return String::new() };
    format!(
        "charged: {}-differential privacy per {unit} and day, delta {} (rho {}); see `tidegate budget`",
        number(clause.epsilon),
        number(clause.delta),
        number(rho_of(spend))
    )
}
