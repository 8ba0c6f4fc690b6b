//! A query becomes a cut, and rows become an answer: in one piece, or in many.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{LogicalPlan, col};
use datafusion::prelude::SessionContext;
use proptest::prelude::*;
use proptest::sample::Index;
use tidegate_algebra::{
    Cut, Panes, PartialState, Release, Released, Result, StreamTable, Threshold, UnitKey, Windows, session,
};

use crate::rows::{self, Row, WINDOW_US, batch};

static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().build().unwrap());

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.block_on(future)
}

pub(crate) fn unit_key() -> UnitKey {
    UnitKey::new(*b"sixteen secrets!")
}

/// At least `k` distinct values of column `u`.
pub(crate) fn at_least(k: u32) -> Threshold {
    Threshold { k, unit: col("u"), key: unit_key(), carries: false }
}

/// Cuts `sql` over an empty table `t` of `schema`.
pub(crate) async fn cut_in(
    session: &SessionContext,
    schema: SchemaRef,
    sql: &str,
    threshold: Option<Threshold>,
    windows: Option<Windows>,
) -> Result<Cut> {
    session.register_table("t", Arc::new(StreamTable::new("t", schema)))?;
    let plan = session.state().create_logical_plan(sql).await?;
    let barred = plan.transform_down(|node| match node {
        LogicalPlan::Aggregate(aggregate) => {
            let release = Release::over(aggregate, threshold.clone(), windows)?;
            Ok(Transformed::new(release, true, TreeNodeRecursion::Jump))
        }
        other => Ok(Transformed::no(other)),
    });
    Cut::plan(session, &barred.data()?).await
}

/// Cuts `sql` over a table `t` of random rows.
pub(crate) fn cut(sql: &str) -> Cut {
    block_on(cut_in(&session(), rows::schema(), sql, None, None)).unwrap()
}

/// Cuts `sql`, whose groups are shown with `k` units or more.
pub(crate) fn cut_at_least(k: u32, sql: &str) -> Cut {
    block_on(cut_in(&session(), rows::schema(), sql, Some(at_least(k)), None)).unwrap()
}

/// Cuts `sql`, whose windows start at `window_start`.
pub(crate) fn cut_windows(sql: &str) -> Cut {
    block_on(cut_in(&session(), rows::schema(), sql, None, Some(Windows::tumble(WINDOW_US)))).unwrap()
}

/// Rows in some order, and how to take them apart and put them together again.
#[derive(Debug, Clone)]
pub(crate) struct Pieces {
    /// Rows with the epoch, partition and batch each belongs to.
    rows: Vec<(Row, (usize, usize, usize))>,
    /// Which two states to merge next.
    merges: Vec<(Index, Index)>,
}

const EPOCHS: usize = 4;
const PARTITIONS: usize = 3;
const BATCHES: usize = 2;

/// Rows, and a way to read the same rows in pieces.
pub(crate) fn rows_and_pieces() -> impl Strategy<Value = (Vec<Row>, Pieces)> {
    rows::rows().prop_flat_map(|rows| {
        let place = (0..EPOCHS, 0..PARTITIONS, 0..BATCHES);
        let places = prop::collection::vec(place, rows.len());
        let merges = prop::collection::vec(any::<(Index, Index)>(), 0..EPOCHS + 2);
        (Just(rows.clone()), Just(rows).prop_shuffle(), places, merges).prop_map(|(rows, shuffled, places, merges)| {
            (rows, Pieces { rows: shuffled.into_iter().zip(places).collect(), merges })
        })
    })
}

impl Pieces {
    fn partitions_of(&self, epoch: usize) -> Vec<Vec<RecordBatch>> {
        let rows_at = |place| {
            let here = self.rows.iter().filter(|(_, at)| *at == place);
            here.map(|(row, _)| row.clone()).collect::<Vec<_>>()
        };
        (0..PARTITIONS)
            .map(|partition| (0..BATCHES).map(|part| batch(&rows_at((epoch, partition, part)))).collect())
            .collect()
    }

    /// The state of each epoch, written and read back, then merged here and there.
    pub(crate) async fn states(&self, cut: &Cut) -> Result<Vec<PartialState>> {
        let mut states = vec![cut.layout().empty()];
        for epoch in 0..EPOCHS {
            let state = cut.partial(&rows::schema(), &self.partitions_of(epoch)).await?.state;
            states.push(cut.layout().decode(&cut.layout().encode(&state)?)?);
        }
        for (left, right) in &self.merges {
            if states.len() > 1 {
                let left = states.swap_remove(left.index(states.len()));
                let right = states.swap_remove(right.index(states.len()));
                states.push(cut.merge(vec![left, right]).await?);
            }
        }
        Ok(states)
    }
}

/// The state of `rows`, read at once.
pub(crate) async fn state_of(cut: &Cut, rows: &[Row]) -> Result<PartialState> {
    Ok(cut.partial(&rows::schema(), &[vec![batch(rows)]]).await?.state)
}

/// What a release showed: its rows as bytes in ascending order, and how many groups it withheld; or
/// the error, which must not depend on the path either.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer(std::result::Result<(Vec<Vec<u8>>, u64), String>);

impl Answer {
    pub(crate) fn new(released: Result<Released>) -> Self {
        Self(released.map(|released| (bytes_of(&released), released.withheld)).map_err(|error| error.to_string()))
    }
}

/// The released rows in Arrow's row format, sorted by all columns.
fn bytes_of(released: &Released) -> Vec<Vec<u8>> {
    let all = (0..released.rows.num_columns()).collect::<Vec<_>>();
    let rows = released.sorted_by(&all).unwrap();
    let fields = rows.schema().fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
    let rows = RowConverter::new(fields).unwrap().convert_columns(rows.columns()).unwrap();
    rows.iter().map(|row| row.as_ref().to_vec()).collect()
}

/// The answer over `rows`, read at once.
pub(crate) async fn whole(cut: &Cut, rows: &[Row], panes: &Panes) -> Answer {
    Answer::new(match state_of(cut, rows).await {
        Ok(state) => cut.release(vec![state], panes).await,
        Err(error) => Err(error),
    })
}

/// The answer over the same rows, read in pieces.
pub(crate) async fn in_pieces(cut: &Cut, pieces: &Pieces, panes: &Panes) -> Answer {
    Answer::new(match pieces.states(cut).await {
        Ok(states) => cut.release(states, panes).await,
        Err(error) => Err(error),
    })
}
