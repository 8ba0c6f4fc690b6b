//! Does `anomaly_t` find what people labelled, and how often does it cry wolf?
//!
//! The real series of the Numenta Anomaly Benchmark, by hour: each hour's mean is judged by the same hour of the day on
//! the days before, by `anomaly_t` and by three sigma over the same rows. A labelled window is hit if an hour in it
//! raises an alarm; an alarm in no labelled window is false. The data is not kept here: the argument is a folder with
//! `series.parquet` (series, ts, value) and `label_windows.parquet` (series, start_ts, end_ts).
//!
//! ```sh
//! cargo run -p tidegate-benches --bin calibrate-nab -- <folder> [days of history, 14] [alpha, 0.0027]
//! ```

#![expect(clippy::print_stdout, reason = "a table is what it is for")]

use anyhow::{Context, Result};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::ParquetReadOptions;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().context("which folder holds series.parquet and label_windows.parquet?")?;
    let days = arguments.next().map_or(Ok(14), |days| days.parse::<u32>())?;
    let alpha = arguments.next().map_or(Ok(0.0027), |alpha| alpha.parse::<f64>())?;

    let context = tidegate_algebra::query_session();
    for table in ["series", "label_windows"] {
        context.register_parquet(table, format!("{folder}/{table}.parquet"), ParquetReadOptions::default()).await?;
    }
    let frame =
        format!("(PARTITION BY series, hour_of_day(hour) ORDER BY hour ROWS BETWEEN {days} PRECEDING AND 1 PRECEDING)");
    let sql = format!(
        "WITH hours AS (
           SELECT series, date_trunc('hour', ts) AS hour, avg(value) AS x FROM series GROUP BY 1, 2),
         judged AS (
           SELECT series, hour,
             anomaly_t(x, {alpha}) OVER {frame}['verdict'] = 'anomaly' AS t,
             coalesce(abs(x - avg(x) OVER {frame}) > 3 * stddev(x) OVER {frame}, false) AS sigma
           FROM hours),
         placed AS (
           SELECT j.series, j.hour, j.t, j.sigma, l.start_ts FROM judged j LEFT JOIN label_windows l
             ON j.series = l.series AND j.hour + INTERVAL '1 hour' > l.start_ts AND j.hour <= l.end_ts),
         windows AS (
           SELECT series, start_ts, bool_or(t) AS t, bool_or(sigma) AS sigma FROM placed WHERE start_ts IS NOT NULL
             GROUP BY 1, 2),
         hits AS (
           SELECT series, count(*) AS windows, sum(CAST(t AS INT)) AS t, sum(CAST(sigma AS INT)) AS sigma FROM windows
             GROUP BY 1),
         wolf AS (
           SELECT series, count(*) AS hours, sum(CAST(t AS INT)) AS t, sum(CAST(sigma AS INT)) AS sigma FROM placed
             WHERE start_ts IS NULL GROUP BY 1),
         by_series AS (
           SELECT wolf.series, hours, coalesce(windows, 0) AS windows, coalesce(hits.t, 0) AS t_hits, wolf.t AS t_false,
             coalesce(hits.sigma, 0) AS sigma_hits, wolf.sigma AS sigma_false FROM wolf LEFT JOIN hits USING (series))
         SELECT * FROM by_series UNION ALL
         SELECT 'all', sum(hours), sum(windows), sum(t_hits), sum(t_false), sum(sigma_hits), sum(sigma_false)
           FROM by_series ORDER BY series = 'all', series"
    );
    println!(
        "| series | hours outside of labels | labelled windows | hit by t | missed by t | false by t | hit by 3 sigma | \
         missed by 3 sigma | false by 3 sigma |\n|---|---|---|---|---|---|---|---|---|"
    );
    for batch in context.sql(&sql).await?.collect().await? {
        let options = FormatOptions::new();
        let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let cells = columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>();
            let [series, hours, windows, t_hits, t_false, sigma_hits, sigma_false] = cells.as_slice() else {
                anyhow::bail!("{} columns", cells.len());
            };
            let missed = |hits: &str| Ok::<_, anyhow::Error>(windows.parse::<u32>()? - hits.parse::<u32>()?);
            let (t_missed, sigma_missed) = (missed(t_hits)?, missed(sigma_hits)?);
            println!(
                "| {series} | {hours} | {windows} | {t_hits} | {t_missed} | {t_false} | {sigma_hits} | {sigma_missed} | \
                 {sigma_false} |"
            );
        }
    }
    Ok(())
}
