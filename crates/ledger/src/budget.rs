//! Who has spent what of whose privacy?
//!
//! The log `budget` holds one record for each [`Charge`], and several processes append to it: a running engine and
//! queries beside it. Whoever wants to release something charges it first, for all of its blocks at once:
//!
//! ```text
//! facts --decide--> stands already -----------------------------------> Paid
//!   ^               another charge has this id -----------------------> OtherCharge
//!   |               some block cannot pay (on the newest facts) ------> OverBudget
//!   |               fits --append--> durable -------------------------> Paid
//!   |                          +---> somebody else was first --+
//!   +------------------------- read what they wrote <----------+
//! ```
//!
//! What is spent is spent: there is no refund, no refill, and no way to take a charge away.
//!
//! What this module does not do: it computes no cost and knows no policy. Costs come rounded up, caps come from the
//! caller, and what an id names is the caller's promise. Nothing here says that a release was written or seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Chain, Error, Record, Result, Store};

const LOG: &str = "budget";

/// How often a charge is decided again because somebody else was first. Each time somebody else got on, so that only a
/// crowd can use them up.
const TRIES: u32 = 100;

/// Whose privacy is spent: the units of one stream on one day of event time, those of all tenants together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// The stream.
    pub stream: String,
    /// What tells its units apart, for example a column.
    pub unit: String,
    /// The day, counted from 1970-01-01. Data without event time has none and is one block.
    pub day: Option<i32>,
}

/// An amount of privacy, in integers that whoever computes them rounds up. Amounts compose by addition: zCDP, and delta
/// beside it.
///
/// `u64::MAX` means "so much or more".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spend {
    /// Rho, in units of 1e-9.
    pub rho_nano: u64,
    /// Delta, in units of 1e-18.
    pub delta_atto: u64,
}

impl Spend {
    /// Both together. What is too large to count stays at `u64::MAX`.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            rho_nano: self.rho_nano.saturating_add(other.rho_nano),
            delta_atto: self.delta_atto.saturating_add(other.delta_atto),
        }
    }

    /// Whether this is within a cap, which may be reached. `u64::MAX` is within none, since nobody knows how much it is.
    pub const fn fits(self, cap: Self) -> bool {
        const fn within(amount: u64, cap: u64) -> bool {
            amount <= cap && amount < u64::MAX
        }
        within(self.rho_nano, cap.rho_nano) && within(self.delta_atto, cap.delta_atto)
    }

    /// What is left of it after some was spent.
    #[must_use]
    pub const fn minus(self, spent: Self) -> Self {
        Self {
            rho_nano: self.rho_nano.saturating_sub(spent.rho_nano),
            delta_atto: self.delta_atto.saturating_sub(spent.delta_atto),
        }
    }
}

/// One charge: all of its blocks pay, or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charge {
    /// Names what is released: equal ids are the same release.
    pub id: String,
    /// What it is released for: the name of a signal, or `query`.
    pub purpose: String,
    /// The hash of the clause that it is released under.
    pub clause: String,
    /// Who pays. A charge of no blocks is nobody's loss; that nobody's data is in it is the caller's promise.
    pub blocks: BTreeSet<Block>,
    /// What each of the blocks pays.
    pub spend: Spend,
    /// When it was charged, in microseconds since 1970-01-01 UTC.
    pub charged_at_us: i64,
    /// The process that charged it.
    pub run_id: String,
}

/// Says that a charge is durable. Only [`Budget::charge`] makes it, and it cannot be copied: who holds it may release
/// what the charge names.
#[derive(Debug)]
#[must_use]
pub struct Paid {
    id: String,
    spend: Spend,
}

impl Paid {
    /// What may be released.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What each of its blocks has paid.
    pub fn spend(&self) -> Spend {
        self.spend
    }
}

/// What one block has paid, and for what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BlockReport {
    /// The block.
    pub block: Block,
    /// Everything that it has paid.
    pub spent: Spend,
    /// Purpose, clause and cost of each of its charges, in the order of the log.
    pub charges: Vec<(String, String, Spend)>,
}

/// The open log, and what it says.
///
/// # Guarantee
/// As long as all processes keep to the same caps, no block ever pays more than its cap, whoever charges at the same
/// time. Held by `tests/it/budget/race.rs` and `tests/it/budget/faults.rs`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tidegate_ledger::Result<()> {
/// use tidegate_ledger::{Block, Budget, Charge, Error, Spend, Store};
///
/// # let folder = tempfile::tempdir().unwrap();
/// let day = Block { stream: "chats".into(), unit: "user_id".into(), day: Some(20514) };
/// let charge = |id: &str| Charge {
///     id: id.into(),
///     purpose: "chats_by_agent".into(),
///     clause: "9e10cc6a".into(),
///     blocks: [day.clone()].into(),
///     spend: Spend { rho_nano: 60_000_000, delta_atto: 0 },
///     charged_at_us: 1_772_446_800_000_000,
///     run_id: "f8e6cbc7754499e0".into(),
/// };
/// let cap = |_: &Block| Spend { rho_nano: 100_000_000, delta_atto: 0 };
///
/// let mut budget = Budget::open(Store::open_local(&folder)?).await?;
/// let paid = budget.charge(charge("monday"), &cap).await?;
/// assert_eq!(paid.id(), "monday");
/// // The same release again is free; another one is more than the day has left.
/// budget.charge(charge("monday"), &cap).await?;
/// assert!(matches!(budget.charge(charge("monday again"), &cap).await, Err(Error::OverBudget { .. })));
/// assert_eq!(budget.spent(&day), paid.spend());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Budget {
    chain: Chain<Charge>,
    charges: Vec<Record<Charge>>,
    /// Where in `charges` an id stands.
    ids: BTreeMap<String, usize>,
    spent: BTreeMap<Block, Spend>,
}

/// What is to be done about a charge.
enum Decision {
    /// Nothing: it stands in the log.
    Stands,
    /// Refuse it: its id stands for something else.
    Other,
    /// Refuse it: these blocks have only this left.
    Over(BTreeMap<Block, Spend>),
    /// Append it.
    Fits,
}

impl Budget {
    /// Opens the log `log/budget/`, which may be empty, and reads and verifies all of it.
    ///
    /// # Errors
    /// [`Error::Damaged`] names the first file that is wrong; or the store's own errors.
    pub async fn open(store: Store) -> Result<Self> {
        let (chain, records) = Chain::open(store, LOG).await?;
        let mut budget = Self { chain, charges: Vec::new(), ids: BTreeMap::new(), spent: BTreeMap::new() };
        records.into_iter().for_each(|record| budget.note(record));
        Ok(budget)
    }

    /// What a block has paid, as far as this process has read. Others may have charged it since.
    pub fn spent(&self, block: &Block) -> Spend {
        self.spent.get(block).copied().unwrap_or_default()
    }

    /// All charges that this process has read, in the order of the log.
    pub fn charges(&self) -> &[Record<Charge>] {
        &self.charges
    }

    /// Whether a charge with this id stands in the log, as far as this process has read.
    pub fn has(&self, id: &str) -> bool {
        self.ids.contains_key(id)
    }

    /// Charges all blocks of a release, or none. When this returns, the charge is durable. `cap` is asked once for each
    /// block, before anything is read or written.
    ///
    /// A charge whose id stands in the log with the same blocks and the same cost is not charged again, even if the
    /// caps would not allow it now. After an error of the store, or when the future is dropped, the charge may stand or
    /// not: charging again is safe.
    ///
    /// # Errors
    /// [`Error::OverBudget`] and [`Error::OtherCharge`], with nothing charged; [`Error::Conflict`] when others were
    /// first too many times; [`Error::Damaged`] when what they wrote is damaged, or the store's own errors.
    // Not an `async fn`: that would keep `cap` until the end, and could not be sent between threads.
    pub fn charge<'a>(
        &'a mut self,
        charge: Charge,
        cap: &dyn Fn(&Block) -> Spend,
    ) -> impl Future<Output = Result<Paid>> + Send + use<'a> {
        let caps: Vec<Spend> = charge.blocks.iter().map(cap).collect();
        self.settle(charge, caps)
    }

    /// What each block that the filter takes has paid and for what, sorted by block.
    pub fn report(&self, filter: impl Fn(&Block) -> bool) -> Vec<BlockReport> {
        let taken = self.spent.iter().filter(|(block, _)| filter(block));
        let reports = taken.map(|(block, spent)| (block, (*spent, Vec::new())));
        let mut reports: BTreeMap<&Block, (Spend, Vec<_>)> = reports.collect();
        for Record { body: charge, .. } in &self.charges {
            for block in &charge.blocks {
                if let Some((_, charges)) = reports.get_mut(block) {
                    charges.push((charge.purpose.clone(), charge.clause.clone(), charge.spend));
                }
            }
        }
        let report = |(block, (spent, charges)): (&Block, _)| BlockReport { block: block.clone(), spent, charges };
        reports.into_iter().map(report).collect()
    }

    async fn settle(&mut self, charge: Charge, caps: Vec<Spend>) -> Result<Paid> {
        let mut tries_left = TRIES;
        loop {
            match self.decide(&charge, &caps) {
                Decision::Stands => break,
                Decision::Other => return Err(Error::OtherCharge { id: charge.id }),
                // Others can only have spent more since, but this very charge may be among what they wrote.
                Decision::Over(lacking) => {
                    if tries_left == 0 || !self.catch_up().await? {
                        return Err(Error::OverBudget { id: charge.id, spend: charge.spend, lacking });
                    }
                }
                Decision::Fits => match self.chain.append(charge.clone()).await {
                    // Nothing is awaited in between: a chain that knows of a charge and a budget that does not would
                    // let it be spent twice.
                    Ok(record) => {
                        self.note(record);
                        break;
                    }
                    Err(Error::Conflict { .. }) if tries_left > 0 => {
                        self.catch_up().await?;
                    }
                    Err(e) => return Err(e),
                },
            }
            tries_left -= 1;
        }
        Ok(Paid { id: charge.id, spend: charge.spend })
    }

    fn decide(&self, charge: &Charge, caps: &[Spend]) -> Decision {
        if let Some(standing) = self.ids.get(&charge.id).and_then(|at| self.charges.get(*at)) {
            let same = standing.body.blocks == charge.blocks && standing.body.spend == charge.spend;
            return if same { Decision::Stands } else { Decision::Other };
        }
        let lacks = |(block, cap): (&Block, &Spend)| {
            let spent = self.spent(block);
            (!spent.plus(charge.spend).fits(*cap)).then(|| (block.clone(), cap.minus(spent)))
        };
        let lacking: BTreeMap<Block, Spend> = charge.blocks.iter().zip(caps).filter_map(lacks).collect();
        if lacking.is_empty() { Decision::Fits } else { Decision::Over(lacking) }
    }

    /// Takes in what others have charged since. Says whether there was anything.
    async fn catch_up(&mut self) -> Result<bool> {
        let records = self.chain.catch_up().await?;
        let any = !records.is_empty();
        records.into_iter().for_each(|record| self.note(record));
        Ok(any)
    }

    /// Takes in a record of the log. Whatever stands there counts, also if an id should stand there twice.
    fn note(&mut self, record: Record<Charge>) {
        for block in &record.body.blocks {
            let spent = self.spent.entry(block.clone()).or_default();
            *spent = spent.plus(record.body.spend);
        }
        self.ids.entry(record.body.id.clone()).or_insert(self.charges.len());
        self.charges.push(record);
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` by `{}`", self.stream, self.unit)?;
        match self.day {
            Some(day) => write!(f, " on day {day}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Spend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rho {} and delta {}", decimal(self.rho_nano, 9), decimal(self.delta_atto, 18))
    }
}

/// A number of which some digits stand behind the point, exactly.
fn decimal(amount: u64, behind: usize) -> String {
    let digits = format!("{amount:0>width$}", width = behind + 1);
    let (whole, rest) = digits.split_at(digits.len() - behind);
    match rest.trim_end_matches('0') {
        "" => whole.to_string(),
        rest => format!("{whole}.{rest}"),
    }
}

#[cfg(test)]
mod tests;
