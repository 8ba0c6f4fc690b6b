//! How tests ask in SQL.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::Result;
use datafusion::prelude::SessionContext;

/// A session that knows the functions of this room.
pub(crate) fn context() -> SessionContext {
    let context = SessionContext::new();
    crate::scalar_functions().into_iter().for_each(|function| context.register_udf(function));
    crate::window_functions().into_iter().for_each(|function| context.register_udwf(function));
    context
}

/// The rows of the answer, values parted by a space, null as nothing.
pub(crate) async fn answer(sql: &str) -> Vec<String> {
    let batches = ask(&context(), sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    batches.iter().flat_map(rows).collect()
}

/// The message of a query that is refused or fails.
pub(crate) async fn failure(sql: &str) -> String {
    match ask(&context(), sql).await {
        Ok(_) => panic!("{sql}: it answered"),
        Err(error) => error.to_string(),
    }
}

async fn ask(context: &SessionContext, sql: &str) -> Result<Vec<RecordBatch>> {
    context.sql(sql).await?.collect().await
}

fn rows(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::new();
    let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap());
    let columns = columns.collect::<Vec<_>>();
    let row = |row: usize| columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join(" ");
    (0..batch.num_rows()).map(row).collect()
}
