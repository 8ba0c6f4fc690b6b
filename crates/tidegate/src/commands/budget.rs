//! `tidegate budget`: what was spent of whose privacy, for what, and what is left?

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::ExitCode;

use serde::Serialize;
use tidegate_ledger::{BlockReport, Budget, Spend};
use tidegate_privacy::Allowance;
use tidegate_signal::Definitions;

use crate::cli::{self, Place};
use crate::config::Config;
use crate::failure::{Failure, Result};
use crate::instants::show_day;
use crate::output::print;
use crate::privacy::{aligned, cost, delta_of, epsilon, number, rho_of, share};
use crate::project::{cap_of, defined};
use crate::storage::root_of;
use crate::words::counted;

pub(crate) async fn run(place: &Place, options: &cli::Budget) -> Result<ExitCode> {
    let config = Config::read(&place.project)?;
    let allowances = allowances(place, &config).await;
    let root = root_of(place, &config)?;
    // Reading creates nothing.
    let blocks = if root.exists() { Budget::open(root.plain()?).await?.report(|_| true) } else { Vec::new() };
    if let Some(stream) = &options.stream {
        require_stream(stream, &blocks, &allowances)?;
    }
    let is_chosen = |block: &&BlockReport| {
        options.stream.as_ref().is_none_or(|stream| *stream == block.block.stream)
            && options.day.is_none_or(|day| block.block.day == Some(day))
    };
    let default_delta = config.privacy.delta;
    let of = |block: &BlockReport| Account::of(block, allowances.get(&block.block.stream).copied(), default_delta);
    let accounts = blocks.iter().filter(is_chosen).map(of).collect::<Vec<_>>();
    print(&if options.json { to_json(&accounts)? } else { describe(&accounts, blocks.is_empty()) })?;
    Ok(ExitCode::SUCCESS)
}

/// What each defined stream may spend. What was spent is told even when the SQL is wrong.
async fn allowances(place: &Place, config: &Config) -> BTreeMap<String, Allowance> {
    let Ok(Definitions { streams, .. }) = defined(place, config).await else {
        eprintln!("warning: what streams may spend is unknown, because their SQL cannot be read; see `tidegate check`");
        return BTreeMap::new();
    };
    let allowance =
        |stream: &tidegate_signal::StreamDefinition| stream.budget.unwrap_or_else(|| config.privacy.allowance());
    streams.iter().map(|stream| (stream.name.value.clone(), allowance(stream))).collect()
}

fn require_stream(name: &str, blocks: &[BlockReport], allowances: &BTreeMap<String, Allowance>) -> Result<()> {
    let mut known = blocks.iter().map(|block| block.block.stream.as_str()).chain(allowances.keys().map(String::as_str));
    if known.clone().any(|known| known == name) {
        return Ok(());
    }
    let nearest = tidegate_signal::nearest(name, known.by_ref());
    let fix = nearest
        .map_or_else(|| "streams are those of CREATE STREAM".to_owned(), |near| format!("did you mean `{near}`?"));
    Err(Failure::usage("TG302", format!("there is no stream `{name}`, and nothing was spent of one"), fix))
}

/// What one block has spent, and what it has.
#[derive(Debug, Serialize)]
struct Account {
    stream: String,
    unit: String,
    #[serde(serialize_with = "as_date")]
    day: Option<i32>,
    spent: Amount,
    by: Vec<Purpose>,
    cap: Option<Amount>,
    left: Option<Left>,
    /// At which delta epsilons are read out.
    at_delta: f64,
}

/// An amount of privacy, and the epsilon that it guarantees; none where it guarantees nothing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Amount {
    rho_nano: u64,
    delta_atto: u64,
    epsilon: Option<f64>,
}

/// What may still be spent, and the epsilon of a query that surely costs no more.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Left {
    rho_nano: u64,
    delta_atto: u64,
    epsilon_of_a_query: f64,
}

#[derive(Debug, PartialEq, Serialize)]
struct Purpose {
    purpose: String,
    charges: u64,
    rho_nano: u64,
    delta_atto: u64,
}

fn as_date<S: serde::Serializer>(day: &Option<i32>, serializer: S) -> Result<S::Ok, S::Error> {
    day.map(show_day).serialize(serializer)
}

/// Six digits behind the point: enough for people, and in the direction that promises less.
fn rounded(epsilon: f64, towards: fn(f64) -> f64) -> f64 {
    towards(epsilon * 1e6) / 1e6
}

impl Amount {
    fn of(spend: Spend, delta: f64) -> Self {
        let Spend { rho_nano, delta_atto } = spend;
        let epsilon = cost(spend).epsilon_at(delta);
        Self { rho_nano, delta_atto, epsilon: epsilon.is_finite().then(|| rounded(epsilon, f64::ceil)) }
    }

    fn spend(self) -> Spend {
        Spend { rho_nano: self.rho_nano, delta_atto: self.delta_atto }
    }
}

impl Account {
    fn of(report: &BlockReport, allowance: Option<Allowance>, default_delta: f64) -> Self {
        let mut purposes: BTreeMap<&str, (u64, Spend)> = BTreeMap::new();
        for (purpose, _, spend) in &report.charges {
            let (charges, sum) = purposes.entry(purpose).or_default();
            *charges += 1;
            *sum = sum.plus(*spend);
        }
        let purpose = |(purpose, (charges, Spend { rho_nano, delta_atto })): (&str, _)| Purpose {
            purpose: purpose.to_owned(),
            charges,
            rho_nano,
            delta_atto,
        };
        let at_delta = allowance.map_or(default_delta, |allowance| allowance.delta);
        let cap = allowance.map(cap_of);
        let left = cap.map(|cap| {
            let left = cap.minus(report.spent);
            let Spend { rho_nano, delta_atto } = left;
            Left { rho_nano, delta_atto, epsilon_of_a_query: rounded(cost(left).epsilon_within(), f64::floor) }
        });
        Self {
            stream: report.block.stream.clone(),
            unit: report.block.unit.clone(),
            day: report.block.day,
            spent: Amount::of(report.spent, at_delta),
            by: purposes.into_iter().map(purpose).collect(),
            cap: cap.map(|cap| Amount::of(cap, at_delta)),
            left,
            at_delta,
        }
    }

    /// True when `later` is the next day and says the same.
    fn goes_on_in(&self, later: &Self) -> bool {
        let next = self.day.and_then(|day| day.checked_add(1));
        next.is_some() && next == later.day && self.spent == later.spent && self.by == later.by && self.cap == later.cap
    }

    /// What was spent, what is left and for what, in words.
    fn cells(&self) -> Vec<String> {
        let part = self.cap.map(|cap| share(self.spent.spend(), cap.spend()));
        let left = self.left.map(|Left { rho_nano, delta_atto, epsilon_of_a_query }| {
            let left = delta_of(Spend { rho_nano, delta_atto });
            format!("epsilon {}, delta {}", number(epsilon_of_a_query), number(left))
        });
        let by = self.by.iter().map(|Purpose { purpose, charges, rho_nano, delta_atto }| {
            let rho = rho_of(Spend { rho_nano: *rho_nano, delta_atto: *delta_atto });
            format!("{purpose} {}, rho {}", counted(*charges, "charge"), number(rho))
        });
        let spent = epsilon(self.spent.epsilon.unwrap_or(f64::INFINITY));
        let unknown = || "unknown".to_owned();
        vec![spent, part.unwrap_or_else(unknown), left.unwrap_or_else(unknown), by.collect::<Vec<_>>().join("; ")]
    }
}

fn describe(accounts: &[Account], nothing_at_all: bool) -> String {
    if accounts.is_empty() {
        let of = if nothing_at_all { "" } else { " of this" };
        return format!("nothing is spent{of}: a day has all of its budget until something noised is released of it\n");
    }
    let mut text = String::new();
    for accounts in accounts.chunk_by(|left, right| (&left.stream, &left.unit) == (&right.stream, &right.unit)) {
        let Some(Account { stream, unit, cap, at_delta, .. }) = accounts.first() else { continue };
        let may = match cap.and_then(|cap| cap.epsilon) {
            Some(cap) => format!("may spend epsilon {} of each day", number(cap)),
            None => "no SQL says what it may spend".to_owned(),
        };
        let _ = writeln!(text, "{stream} by {unit}: {may}, at delta {}", number(*at_delta));
        let mut rows = vec![["day", "epsilon", "spent", "room for a query of", "for"].map(str::to_owned).to_vec()];
        for days in accounts.chunk_by(Account::goes_on_in) {
            let (Some(first), Some(last)) = (days.first(), days.last()) else { continue };
            let days = match (first.day, last.day) {
                (Some(first), Some(last)) if first < last => format!("{} to {}", show_day(first), show_day(last)),
                (Some(day), _) => show_day(day),
                (None, _) => "as a whole".to_owned(),
            };
            rows.push(std::iter::once(days).chain(first.cells()).collect());
        }
        for row in aligned(&rows).lines() {
            let _ = writeln!(text, "  {row}");
        }
    }
    text.push_str("charges add up as rho, and epsilon is what their sum guarantees: less than the sum of epsilons\n");
    text
}

fn to_json(accounts: &[Account]) -> Result<String> {
    let text = serde_json::to_string_pretty(accounts);
    let text = text.map_err(|error| Failure::infrastructure("TG500", error.to_string(), "report this as a bug"))?;
    Ok(text + "\n")
}
