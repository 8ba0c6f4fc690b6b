//! To what did a tenant consent, when, and where must its rows stay?
//!
//! Consent is looked up by the event time of a row, not by when it came: a late row of a day without consent stays
//! without, and a row of a day with consent keeps it after the consent has ended.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::NaiveDate;
use serde::Deserialize;
use tidegate_contract::LearningScope;
use tidegate_document::Source;
use toml::Spanned;
use toml::value::Datetime;

use crate::error::{Error, Result};
use crate::words::{narrower, scope_in};

/// What `tenants.toml` says, checked. The default is the absence of the file: nobody has consented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenants {
    /// Where each tenant's record lies in `records`.
    places: BTreeMap<String, usize>,
    /// The first is that of tenants without a record.
    records: Vec<Record>,
}

/// What is known of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// In order of time, none overlapping another.
    periods: Vec<Period>,
    /// The scope outside the periods.
    otherwise: LearningScope,
    pub(crate) region: Option<String>,
}

/// Consent for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Period {
    /// Microseconds since 1970 UTC.
    time_us: Range<i64>,
    scope: LearningScope,
}

impl Default for Tenants {
    fn default() -> Self {
        let nobody = Record { periods: Vec::new(), otherwise: LearningScope::Local, region: None };
        Self { places: BTreeMap::new(), records: vec![nobody] }
    }
}

impl Tenants {
    /// Reads the text of a file that errors call `name`.
    ///
    /// # Errors
    /// TG800 to TG802, TG805 and TG809, each with its place.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let file = Source { file: name, text };
        let raw: RawFile = file.read_toml()?;
        let without = default_record(&file, &raw.default)?;
        let mut tenants = Self { places: BTreeMap::new(), records: vec![without.clone()] };
        for (tenant, raw) in raw.tenants {
            tenants.places.insert(tenant, tenants.records.len());
            tenants.records.push(record(&file, raw, &without)?);
        }
        Ok(tenants)
    }

    /// The place of a tenant's record.
    pub(crate) fn place(&self, tenant: &str) -> usize {
        self.places.get(tenant).copied().unwrap_or(Self::WITHOUT_RECORD)
    }

    /// The place of the record of tenants that have none.
    pub(crate) const WITHOUT_RECORD: usize = 0;

    pub(crate) fn records(&self) -> &[Record] {
        &self.records
    }
}

impl Record {
    /// The widest scope of a row of `time_us`, microseconds since 1970 UTC. A row without a time gets the narrowest that
    /// its tenant ever had.
    pub(crate) fn widest_at(&self, time_us: Option<i64>) -> LearningScope {
        match time_us {
            Some(time_us) => self.period_at(time_us).map_or(self.otherwise, |period| period.scope),
            None => self.periods.iter().fold(self.otherwise, |scope, period| narrower(scope, period.scope)),
        }
    }

    fn period_at(&self, time_us: i64) -> Option<&Period> {
        let begun = self.periods.partition_point(|period| period.time_us.start <= time_us);
        self.periods[..begun].last().filter(|period| time_us < period.time_us.end)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    default: RawDefault,
    #[serde(default)]
    tenants: BTreeMap<String, RawTenant>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDefault {
    scope: Option<Spanned<String>>,
    region: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTenant {
    #[serde(default)]
    learning: Vec<Spanned<RawPeriod>>,
    region: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPeriod {
    from: Spanned<Datetime>,
    to: Option<Spanned<Datetime>>,
    scope: Spanned<String>,
}

fn default_record(file: &Source<'_>, raw: &RawDefault) -> Result<Record> {
    let otherwise = match &raw.scope {
        None => LearningScope::Local,
        Some(word) => match scope_in(file, word)? {
            LearningScope::Global => {
                let cause = "tenants without a record have not consented to learning across tenants";
                return Err(consent(file, word, cause, "write scope = \"local\" or \"none\""));
            }
            scope => scope,
        },
    };
    Ok(Record { periods: Vec::new(), otherwise, region: raw.region.clone() })
}

fn record(file: &Source<'_>, raw: RawTenant, without: &Record) -> Result<Record> {
    let mut periods = raw.learning.iter().map(|raw| Ok((period(file, raw)?, raw))).collect::<Result<Vec<_>>>()?;
    periods.sort_by_key(|(period, _)| period.time_us.start);
    for pair in periods.windows(2) {
        if pair[1].0.time_us.start < pair[0].0.time_us.end {
            let cause = "the period overlaps another of the same tenant";
            return Err(consent(
                file,
                pair[1].1,
                cause,
                "end one where the other begins: `to` itself is no longer in it",
            ));
        }
    }
    Ok(Record {
        periods: periods.into_iter().map(|(period, _)| period).collect(),
        otherwise: without.otherwise,
        region: raw.region.or_else(|| without.region.clone()),
    })
}

fn period(file: &Source<'_>, raw: &Spanned<RawPeriod>) -> Result<Period> {
    let RawPeriod { from, to, scope } = raw.get_ref();
    let start = day_us(file, "from", from)?;
    let end = to.as_ref().map_or(Ok(i64::MAX), |to| day_us(file, "to", to))?;
    if end <= start {
        let fix = "let `to` come after `from`: the day of `to` is no longer in the period";
        return Err(consent(file, raw, "the period holds no day", fix));
    }
    Ok(Period { time_us: start..end, scope: scope_in(file, scope)? })
}

/// The first microsecond of a day in UTC.
fn day_us(file: &Source<'_>, name: &'static str, written: &Spanned<Datetime>) -> Result<i64> {
    let day = match written.get_ref() {
        Datetime { date: Some(date), time: None, offset: None } => {
            NaiveDate::from_ymd_opt(date.year.into(), date.month.into(), date.day.into())
        }
        _ => None,
    };
    let midnight = day.and_then(|day| day.and_hms_opt(0, 0, 0)).map(|midnight| midnight.and_utc().timestamp_micros());
    midnight.ok_or_else(|| Error::NotAllowed {
        at: file.at_bytes(written.span()),
        name,
        rule: "a day without quotes, as in 2026-01-01",
    })
}

fn consent<T>(file: &Source<'_>, around: &Spanned<T>, cause: &'static str, fix: &'static str) -> Error {
    Error::Consent { at: file.at_bytes(around.span()), cause, fix }
}
