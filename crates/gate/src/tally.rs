//! What do the cells of the two arms add up to?

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};
use crate::evidence::{Cell, Evidence};
use crate::file::Arms;
use crate::words;

/// Sums of one arm.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ArmTally {
    pub(crate) num: u64,
    pub(crate) den: u64,
    /// Distinct buckets with at least one event.
    pub(crate) buckets: u64,
}

/// Sums of both arms over the windows they share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) control: ArmTally,
    pub(crate) treatment: ArmTally,
    pub(crate) windows: u64,
    /// Arms the gate does not name, and how many rows they have.
    pub(crate) ignored: BTreeMap<String, u64>,
}

impl Tally {
    /// Adds up the evidence of the named arms.
    ///
    /// # Errors
    /// [`Error::MissingArm`], [`Error::UnpairedWindows`], [`Error::TooManyEvents`].
    pub(crate) fn new(arms: &Arms, evidence: &Evidence) -> Result<Self> {
        let of = |arm: &str| evidence.cells().iter().filter(|cell| cell.arm == arm).collect::<Vec<_>>();
        let (control, treatment) = (of(&arms.control), of(&arms.treatment));

        let mut ignored = BTreeMap::new();
        for cell in evidence.cells().iter().filter(|cell| cell.arm != arms.control && cell.arm != arms.treatment) {
            *ignored.entry(cell.arm.clone()).or_insert(0) += 1;
        }
        for (arm, cells) in [(&arms.control, &control), (&arms.treatment, &treatment)] {
            if cells.is_empty() {
                let seen: BTreeSet<String> = evidence.cells().iter().map(|cell| cell.arm.clone()).collect();
                return Err(Error::MissingArm { arm: arm.clone(), seen: seen.into_iter().collect() });
            }
        }
        let windows = paired_windows(arms, &control, &treatment)?;
        Ok(Self {
            control: add(&arms.control, &control)?,
            treatment: add(&arms.treatment, &treatment)?,
            windows,
            ignored,
        })
    }
}

/// How many windows both arms have. A window of one arm is lost or suppressed evidence of the other: to
/// leave it out would let a version pass because its worst day was not released.
fn paired_windows(arms: &Arms, control: &[&Cell], treatment: &[&Cell]) -> Result<u64> {
    let starts = |cells: &[&Cell]| cells.iter().map(|cell| cell.window_start_us).collect::<BTreeSet<_>>();
    let (control, treatment) = (starts(control), starts(treatment));
    let unpaired: Vec<&i64> = control.symmetric_difference(&treatment).collect();
    let Some(first) = unpaired.first() else {
        return Ok(control.len() as u64);
    };
    let arm = if control.contains(first) { &arms.treatment } else { &arms.control };
    Err(Error::UnpairedWindows { windows: unpaired.len() as u64, first: words::instant(**first), arm: arm.clone() })
}

fn add(arm: &str, cells: &[&Cell]) -> Result<ArmTally> {
    let too_many = || Error::TooManyEvents { arm: arm.to_owned() };
    let mut tally = ArmTally::default();
    for cell in cells {
        tally.num = tally.num.checked_add(cell.num).ok_or_else(too_many)?;
        tally.den = tally.den.checked_add(cell.den).ok_or_else(too_many)?;
    }
    let buckets: BTreeSet<&str> = cells.iter().filter(|cell| cell.den > 0).map(|cell| cell.bucket.as_str()).collect();
    tally.buckets = buckets.len() as u64;
    Ok(tally)
}
