//! Which rows reach the signals, and what becomes of the others?
//!
//! Each row is judged once, when its stream first reads it, in this order: a row dated too far in the future is
//! rejected, a row whose key is known is a duplicate, or rejected if it is not the same row. What is left is delivered; for each signal, a row is late when
//! all windows it lies in closed longer than the signal's `lateness` ago. Who reads the rows again, because a signal is
//! new, finds them judged as they were.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, Int64Array, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use tidegate_contract::stream::StreamContract;
use tidegate_signal::Signal;

use crate::accounting::StreamAccount;
use crate::dedupe::{Keys, Verdict};
use crate::error::Result;
use crate::microbatch::MicroBatch;
use crate::rows::Rows;

/// Rows that were set aside together.
#[derive(Debug)]
pub(crate) struct SetAside {
    pub(crate) rows: Rows,
    pub(crate) reason: &'static str,
    /// The signal that could not take them; none when no signal could.
    pub(crate) signal: Option<String>,
    pub(crate) detail: String,
}

/// The reason of rows dated too far in the future.
pub(crate) const FUTURE: &str = "event_in_future";
/// The reason of rows whose windows had closed for good.
pub(crate) const LATE: &str = "late";

/// The reason of rows that contradict one of the same key that counts.
pub(crate) const CONFLICT: &str = "envelope_conflict";

/// Rows that were delivered before, or contradict one that was: the file, and the rows in it. Who reads them again passes
/// them over.
pub(crate) type Duplicates = BTreeMap<Arc<str>, BTreeSet<u64>>;

/// A micro-batch after it was judged.
#[derive(Debug, Default)]
pub(crate) struct Admitted {
    /// What the signals get.
    pub(crate) rows: Vec<Rows>,
    pub(crate) set_aside: Vec<SetAside>,
    pub(crate) duplicates: Duplicates,
    pub(crate) account: StreamAccount,
    /// Rows behind the watermark.
    pub(crate) rows_behind: u64,
}

/// By what rows are judged.
pub(crate) struct Judge<'a> {
    pub(crate) contract: &'a StreamContract,
    /// The watermark before the rows, if they are read for the first time.
    pub(crate) watermark_us: Option<i64>,
    /// The greatest event time before them.
    pub(crate) latest_us: Option<i64>,
    /// Per signal that takes nothing back, because it joins streams or is noised, the event time before which rows come
    /// too late for it.
    pub(crate) settled_us: &'a BTreeMap<String, i64>,
    /// Per file of duplicates that an earlier read wrote, what it says.
    pub(crate) known: &'a BTreeMap<String, Duplicates>,
}

impl Judge<'_> {
    /// Judges the rows of a micro-batch; `keys` are those the stream remembers.
    pub(crate) fn admit(&self, batch: &MicroBatch, mut keys: Option<&mut Keys>) -> Result<Admitted> {
        let mut admitted = Admitted::default();
        let rejected = batch.rejected.iter().filter(|rejection| rejection.row.is_some()).count() as u64;
        admitted.account = StreamAccount { read: batch.rows_read, rejected, ..StreamAccount::default() };
        for rows in &batch.rows {
            let rows = self.reject_future(rows, &mut admitted)?;
            let rows = self.drop_duplicates(rows, &mut keys, &mut admitted)?;
            admitted.account.delivered += rows.batch.num_rows() as u64;
            admitted.rows_behind += self.count_behind(&rows);
            admitted.rows.push(rows);
        }
        Ok(admitted)
    }

    fn reject_future(&self, rows: &Rows, admitted: &mut Admitted) -> Result<Rows> {
        if rows.latest_us <= Some(rows.newest_us) {
            return Ok(rows.clone());
        }
        let (mut kept, future) = rows.split(&self.not_after(rows, rows.newest_us))?;
        kept.latest_us = latest(&kept, self.contract);
        admitted.account.rejected += future.batch.num_rows() as u64;
        let detail = "dated after its file landed, beyond max_future_skew".to_owned();
        admitted.set_aside.push(SetAside { rows: future, reason: FUTURE, signal: None, detail });
        Ok(kept)
    }

    fn drop_duplicates(&self, rows: Rows, keys: &mut Option<&mut Keys>, admitted: &mut Admitted) -> Result<Rows> {
        match (&rows.again, keys) {
            (Some(read), _) => {
                let known = read.duplicates.as_ref().and_then(|path| self.known.get(path));
                let Some(known) = known.and_then(|known| known.get(&rows.file)) else { return Ok(rows) };
                let keep = (0..rows.batch.num_rows()).map(|row| Some(!known.contains(&rows.positions.at(row))));
                let keep = keep.collect::<BooleanArray>();
                let (kept, dropped) = pass_over(rows, &keep, admitted)?;
                admitted.account.duplicate += dropped.map_or(0, |dropped| dropped.batch.num_rows() as u64);
                Ok(kept)
            }
            (None, Some(keys)) => {
                let verdicts = keys.admit(&rows.batch, self.latest_us)?;
                let keep = |verdict: Verdict| verdicts.iter().map(|of| Some(*of != verdict)).collect::<BooleanArray>();
                let conflicts = keep(Verdict::Conflict);
                // Of those that are left after conflicts are taken out.
                let same = arrow::compute::filter(&keep(Verdict::Again), &conflicts)?;
                let (rows, conflicts) = pass_over(rows, &conflicts, admitted)?;
                if let Some(rows) = conflicts {
                    admitted.account.rejected += rows.batch.num_rows() as u64;
                    let detail = "a row of the same key counts, and its envelope is another".to_owned();
                    admitted.set_aside.push(SetAside { rows, reason: CONFLICT, signal: None, detail });
                }
                let (rows, duplicates) = pass_over(rows, same.as_boolean(), admitted)?;
                admitted.account.duplicate += duplicates.map_or(0, |dropped| dropped.batch.num_rows() as u64);
                Ok(rows)
            }
            (None, None) => Ok(rows),
        }
    }

    fn count_behind(&self, rows: &Rows) -> u64 {
        let watermark_us = self.watermark_of(rows);
        if watermark_us.is_none() || rows.earliest_us >= watermark_us {
            return 0;
        }
        let times = times(&rows.batch, self.contract).unwrap_or_default();
        times.iter().filter(|&&time| Some(time) < watermark_us).count() as u64
    }

    /// The watermark when the rows were first read.
    fn watermark_of(&self, rows: &Rows) -> Option<i64> {
        rows.again.as_ref().map_or(self.watermark_us, |read| read.watermark_us)
    }

    /// The batches that `signal` takes, and the rows that are too late for it.
    pub(crate) fn timely(&self, rows: &[Rows], signal: &Signal) -> Result<(Vec<RecordBatch>, Vec<SetAside>)> {
        let (mut timely, mut late) = (Vec::new(), Vec::new());
        for rows in rows {
            let cutoff_us = self.cutoff(rows, signal);
            if rows.earliest_us.is_none_or(|earliest_us| earliest_us >= cutoff_us) {
                timely.push(rows.batch.clone());
                continue;
            }
            let (kept, dropped) = rows.split(&self.not_before(rows, cutoff_us))?;
            timely.push(kept.batch);
            if dropped.batch.num_rows() > 0 {
                let detail = match signal.join {
                    Some(_) => "behind its stream's watermark or end, and partners had met",
                    None => "its windows had closed, and the signal's lateness had passed",
                };
                let detail = detail.to_owned();
                late.push(SetAside { rows: dropped, reason: LATE, signal: Some(signal.name().to_owned()), detail });
            }
        }
        Ok((timely, late))
    }

    /// The event time before which a row is too late for `signal`: its windows have closed, or its partners met others.
    fn cutoff(&self, rows: &Rows, signal: &Signal) -> i64 {
        let watermark_us = self.watermark_of(rows);
        // What is noised is closed slice by slice.
        let windows = if signal.cut.private_spec().is_some() { signal.panes() } else { signal.windows };
        let passed_us = match (&signal.join, windows, watermark_us) {
            (Some(_), _, Some(watermark_us)) => watermark_us,
            (None, Some(windows), Some(watermark_us)) => windows.cutoff(watermark_us, signal.definition.lateness_us),
            _ => i64::MIN,
        };
        self.settled_us.get(signal.name()).map_or(passed_us, |&settled_us| settled_us.max(passed_us))
    }

    fn not_after(&self, rows: &Rows, newest_us: i64) -> BooleanArray {
        self.mark(rows, |time| time <= newest_us)
    }

    fn not_before(&self, rows: &Rows, cutoff_us: i64) -> BooleanArray {
        self.mark(rows, |time| time >= cutoff_us)
    }

    fn mark(&self, rows: &Rows, keep: impl Fn(i64) -> bool) -> BooleanArray {
        match times(&rows.batch, self.contract) {
            Some(times) => times.iter().map(|&time| Some(keep(time))).collect(),
            None => vec![true; rows.batch.num_rows()].into(),
        }
    }
}

/// Takes out the rows that are not kept, and notes which they are.
fn pass_over(rows: Rows, keep: &BooleanArray, admitted: &mut Admitted) -> Result<(Rows, Option<Rows>)> {
    if keep.false_count() == 0 {
        return Ok((rows, None));
    }
    let (kept, dropped) = rows.split(keep)?;
    let positions = admitted.duplicates.entry(Arc::clone(&dropped.file)).or_default();
    positions.extend((0..dropped.batch.num_rows()).map(|row| dropped.positions.at(row)));
    Ok((kept, Some(dropped)))
}

/// The event times of a batch in microseconds since 1970. The source lets no row without one through.
pub(crate) fn times<'a>(batch: &'a RecordBatch, contract: &StreamContract) -> Option<&'a [i64]> {
    let column = batch.column_by_name(contract.event_time.as_ref()?)?;
    Some(column.as_primitive::<TimestampMicrosecondType>().values())
}

fn latest(rows: &Rows, contract: &StreamContract) -> Option<i64> {
    let times = times(&rows.batch, contract)?;
    arrow::compute::max(&Int64Array::from(times.to_vec()))
}
