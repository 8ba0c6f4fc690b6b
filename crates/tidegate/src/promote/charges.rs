//! What did the evidence cost, and could every day of it be paid?

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use tidegate_gate::GateFile;
use tidegate_gate::file::Span;
use tidegate_ledger::{Budget, Store, encode};

use super::act::{Act, Charged};
use super::desk::{Desk, Filed};
use crate::evidence::Reading;
use crate::failure::{Failure, Result};
use crate::instants::show_day;

/// Days between the first and the last charge of a noised signal, within a time, for which nobody paid: such a day has no
/// rows because its budget was spent.
pub(crate) async fn unpaid_days(
    store: &Store,
    gate: &GateFile,
    reading: &Reading,
    since_us: i64,
    as_of_us: i64,
) -> Result<Vec<String>> {
    let mut paid: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    let budget = Budget::open(store.clone()).await?;
    for record in budget.charges() {
        let days = record.body.blocks.iter().filter_map(|block| block.day);
        if let Some((signal, _)) = reading.epsilons.get_key_value(&record.body.purpose) {
            paid.entry(signal).or_default().extend(days);
        }
    }
    let day_of = |us: i64| i32::try_from(us.div_euclid(Span::DAY.0)).unwrap_or(i32::MAX);
    let end = as_of_us.saturating_sub(gate.time.label_maturity.0);
    let mut unpaid = Vec::new();
    for (signal, days) in paid {
        let (Some(&first), Some(_)) = (days.iter().min(), days.iter().max()) else { continue };
        let from = if since_us == i64::MIN { first } else { first.max(day_of(since_us)) };
        let missing = (from..day_of(end)).filter(|day| !days.contains(day));
        unpaid.extend(missing.map(|day| format!("{signal}, {}", show_day(day))));
    }
    Ok(unpaid)
}

/// Files every charge of the budget that is not filed yet.
///
/// # Errors
/// When a charge is filed otherwise than the budget's log has it, or the store fails.
pub(crate) async fn file_new(desk: &mut Desk) -> Result<()> {
    let filed = |act: &Act| if let Act::Charge(charged) = act { Some(charged.seq) } else { None };
    let filed: BTreeSet<u64> = desk.records.entries.iter().filter_map(|entry| filed(&entry.act)).collect();
    let budget = Budget::open(desk.records.store.clone()).await?;
    for record in budget.charges().iter().filter(|record| !filed.contains(&record.seq)) {
        let bytes = encode(record.seq, record.prev, &record.body)
            .map_err(|error| Failure::infrastructure("TG500", error.to_string(), "report this as a bug"))?;
        let charged = Charged {
            seq: record.seq,
            record: format!("{:x}", Sha256::digest(&bytes)),
            by: desk.me.name.clone(),
            charge: record.body.clone(),
        };
        match desk.file(Act::Charge(charged.clone())).await? {
            Filed::New => {}
            // Whoever filed it first has signed it.
            Filed::Other(other) if is_same_charge(&other, &charged) => {}
            Filed::Other(_) => {
                let cause = format!("charge {} stands otherwise in the audit log", record.seq);
                return Err(Failure::infrastructure("TG672", cause, "run `tidegate promote verify`"));
            }
        }
    }
    Ok(())
}

fn is_same_charge(other: &Act, charged: &Charged) -> bool {
    matches!(other, Act::Charge(other) if other.record == charged.record && other.charge == charged.charge)
}
