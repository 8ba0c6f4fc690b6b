//! What lies where under a project's root?
//!
//! ```text
//! state/<signal>/<fingerprint>/<record>-<run>.arrow         partial state, immutable        private
//! log/commits/<20 digits>.json                              the truth                       private
//! staging/<record>-<release id>.parquet                     released bytes before they are visible
//! released/signal=<name>/date=<day>/part-0.parquet          the only prefix readers may see
//! internal/signal=<name>/date=<day>/part-0.parquet          what other signals are computed from  private
//! quarantine/<stream>/<record>-<run>.parquet                what was set aside, and why     private
//! dedupe/<stream>/<record>-<run>.{keys,rows}.parquet        keys of rows, rows seen before  private
//! ```

use tidegate_algebra::Fingerprint;
use tidegate_signal::Scope;

/// The name of the commit log.
pub const LOG: &str = "commits";

/// The partition of signals without windows: their one window starts at 1970-01-01. Hive's null partition would say
/// it better, but DataFusion and pyarrow do not read a folder that has nothing else.
const NO_WINDOW: i32 = 0;

pub(crate) fn state_file(signal: &str, fingerprint: &Fingerprint, record: u64, run_id: &str) -> String {
    format!("state/{signal}/{fingerprint}/{record:020}-{run_id}.arrow")
}

/// The record that a private file was written for, if its name says so.
pub(crate) fn record_of(path: &str) -> Option<u64> {
    path.rsplit('/').next()?.split('-').next().filter(|digits| digits.len() == 20)?.parse().ok()
}

pub(crate) fn staging_file(record: u64, release_id: &str) -> String {
    format!("staging/{record:020}-{release_id}.parquet")
}

/// Where a day of a signal is published.
pub(crate) fn published_file(scope: Scope, signal: &str, day: Option<i32>) -> String {
    let date = date_of(day.unwrap_or(NO_WINDOW));
    format!("{}/signal={signal}/date={date}/part-0.parquet", scope.folder())
}

pub(crate) fn quarantine_file(stream: &str, record: u64, run_id: &str) -> String {
    format!("quarantine/{stream}/{record:020}-{run_id}.parquet")
}

pub(crate) fn duplicates_file(stream: &str, record: u64, run_id: &str) -> String {
    format!("dedupe/{stream}/{record:020}-{run_id}.rows.parquet")
}

pub(crate) fn keys_file(stream: &str, record: u64, run_id: &str) -> String {
    format!("dedupe/{stream}/{record:020}-{run_id}.keys.parquet")
}

/// A day counted from 1970-01-01 as `YYYY-MM-DD` (H. Hinnant, "chrono-compatible low-level date algorithms").
pub(crate) fn date_of(day: i32) -> String {
    let shifted = i64::from(day) + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        assert_eq!(date_of(0), "1970-01-01");
        assert_eq!(date_of(-1), "1969-12-31");
        assert_eq!(date_of(11_016), "2000-02-29");
        assert_eq!(date_of(20_777), "2026-11-20");
    }

    #[test]
    fn a_signal_without_windows_lies_in_the_first_day() {
        assert_eq!(published_file(Scope::Global, "s", None), "released/signal=s/date=1970-01-01/part-0.parquet");
    }
}
