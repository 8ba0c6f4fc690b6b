//! What is past its time, and what becomes of it?

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use serde::Serialize;

use crate::reference::{FOLDER, ObjectName};
use crate::{Result, Vault};

/// What a retention run removed, or would remove.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Retention {
    /// Whether nothing was removed.
    pub dry_run: bool,
    /// Objects all of whose texts have expired.
    pub expired_objects: u64,
    /// Their bytes.
    pub expired_bytes: u64,
    /// Objects that nobody can read any more, because their tenant's key is destroyed.
    pub destroyed_objects: u64,
    /// Their bytes.
    pub destroyed_bytes: u64,
    /// Objects that stay.
    pub kept_objects: u64,
    /// Their bytes.
    pub kept_bytes: u64,
    /// Files below `evidence/` that are none of ours. They stay.
    pub unknown_files: u64,
}

impl Vault {
    /// Removes the objects all of whose texts have expired, which is at the end of their day of expiry (UTC), and those of
    /// destroyed tenants. Single texts are refused from the moment they expire; their bytes go with their object.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store), [`Error::Key`](crate::Error::Key): what was removed until then stays
    /// removed, and the next run does the rest.
    pub async fn retention(&self, now: DateTime<Utc>, dry_run: bool) -> Result<Retention> {
        let destroyed = self.keyring().destroyed().await?;
        let mut report = Retention { dry_run, ..Retention::default() };
        for (path, bytes) in self.store().list_sized(FOLDER).await? {
            let Some(object) = ObjectName::of_path(&path) else {
                report.unknown_files += 1;
                continue;
            };
            let (objects, total) = if is_over(object.day, now) {
                (&mut report.expired_objects, &mut report.expired_bytes)
            } else if destroyed.covers(object.tenant) {
                (&mut report.destroyed_objects, &mut report.destroyed_bytes)
            } else {
                report.kept_objects += 1;
                report.kept_bytes += bytes;
                continue;
            };
            *objects += 1;
            *total += bytes;
            if !dry_run {
                self.store().delete(&path).await?;
            }
        }
        Ok(report)
    }
}

/// Which files of a stream are past their time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The files to remove, in the order they came.
    pub expired: Vec<String>,
    /// Their bytes.
    pub expired_bytes: u64,
    /// Files that stay.
    pub kept_files: u64,
    /// Their bytes.
    pub kept_bytes: u64,
    /// Files that stay because no folder above them says their date.
    pub undated_files: u64,
}

/// Which of these files, each with its size in bytes, are past their time: the day of their folder `date=YYYY-MM-DD` (UTC)
/// ended at least `ttl` ago. Nothing is removed here.
///
/// ```
/// use chrono::{DateTime, TimeDelta};
/// use tidegate_vault::expired;
///
/// let files = [("landing/d/date=2026-01-01/a.parquet".to_owned(), 10), ("landing/d/date=2026-01-03/b.parquet".to_owned(), 5)];
/// let now = DateTime::parse_from_rfc3339("2026-02-01T00:00:00Z").unwrap().to_utc();
/// let plan = expired(files, TimeDelta::days(30), now);
/// assert_eq!(plan.expired, ["landing/d/date=2026-01-01/a.parquet"]);
/// assert_eq!((plan.expired_bytes, plan.kept_bytes), (10, 5));
/// ```
pub fn expired(files: impl IntoIterator<Item = (String, u64)>, ttl: TimeDelta, now: DateTime<Utc>) -> Plan {
    // What is kept for longer than any calendar never expires.
    let before = now.checked_sub_signed(ttl.max(TimeDelta::zero()));
    let mut plan = Plan::default();
    for (path, bytes) in files {
        let Some(day) = day_of(&path) else {
            plan.undated_files += 1;
            continue;
        };
        if before.is_some_and(|before| is_over(day, before)) {
            plan.expired.push(path);
            plan.expired_bytes += bytes;
        } else {
            plan.kept_files += 1;
            plan.kept_bytes += bytes;
        }
    }
    plan
}

/// The day that the innermost `date=` folder of a path names.
fn day_of(path: &str) -> Option<NaiveDate> {
    let (folders, _) = path.rsplit_once('/')?;
    let date = folders.rsplit('/').find_map(|folder| folder.strip_prefix("date="))?;
    NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()
}

/// Whether a day is over.
fn is_over(day: NaiveDate, now: DateTime<Utc>) -> bool {
    day.checked_add_days(Days::new(1)).is_some_and(|next| next <= now.date_naive())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, ttl_days: i64, now: &str, is_expired: bool) {
        let now = DateTime::parse_from_rfc3339(now).unwrap().to_utc();
        let plan = expired([(path.to_owned(), 1)], TimeDelta::days(ttl_days), now);
        assert_eq!(!plan.expired.is_empty(), is_expired, "{path} after {ttl_days} days at {now}");
    }

    #[test]
    fn a_day_is_kept_until_its_last_event_is_old_enough() {
        let path = "landing/decisions/tenant_id=a/date=2026-01-10/x.parquet";
        check(path, 0, "2026-01-10T23:59:59Z", false);
        check(path, 0, "2026-01-11T00:00:00Z", true);
        check(path, 30, "2026-02-09T23:59:59Z", false);
        check(path, 30, "2026-02-10T00:00:00Z", true);
        check(path, -5, "2026-01-10T12:00:00Z", false);
    }

    #[test]
    fn what_has_no_date_stays() {
        for path in
            ["x", "landing/x.parquet", "landing/date=/x", "landing/date=2026-13-01/x", "landing/date=2020-01-01"]
        {
            check(path, 0, "2030-01-01T00:00:00Z", false);
        }
    }
}
