//! What does the same grouped aggregate cost in plain DataFusion, read once and written once?
//!
//! `plain-datafusion FOLDER OUT.parquet [QUERY]`: the baseline of `side_by_side.py`, and with another query over the table
//! `t` that of `drift/run.py`.

use datafusion::dataframe::DataFrameWriteOptions;
use datafusion::prelude::{ParquetReadOptions, SessionContext};

const QUERY: &str = "SELECT date_bin(INTERVAL '1 minute', ts) AS window_start, k, \
    COUNT(*) AS n, SUM(x) AS total, AVG(x) AS mean, MIN(x) AS least, MAX(x) AS most FROM t GROUP BY 1, 2 ORDER BY 1, 2";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(out)) = (arguments.next(), arguments.next()) else {
        anyhow::bail!("usage: plain-datafusion FOLDER OUT.parquet [QUERY]");
    };
    let query = arguments.next();
    let session = SessionContext::new();
    session.register_parquet("t", folder, ParquetReadOptions::default()).await?;
    let options = DataFrameWriteOptions::new().with_single_file_output(true);
    session.sql(query.as_deref().unwrap_or(QUERY)).await?.write_parquet(&out, options, None).await?;
    Ok(())
}
