//! `tidegate promote drill`: the way back is rehearsed, measured and recorded.

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;
use tidegate_gate::rollout::Drill;

use super::{elapsed, gate, instant_of, open};
use crate::cli::Place;
use crate::cli::promote::Acting;
use crate::failure::Result;
use crate::output::print;
use crate::promote::{Act, rehearse};
use crate::registry::Registry;

pub(super) async fn run(place: &Place, name: Option<&str>, into: Option<&Path>, acting: &Acting) -> Result<ExitCode> {
    let at_us = instant_of(place, acting)?;
    let mut desk = open(place, acting).await?;
    let name = desk.records.name(name)?;
    let rollout = desk.records.rollout(&name)?;
    let registry = Registry::open(desk.records.store.clone());
    let found = rehearse(&registry, &rollout, into, elapsed).await?;
    let restored = found.problems.is_empty();
    let drill = Drill {
        name: name.clone(),
        bundle: found.bundle.to_string(),
        restored,
        took_us: i64::try_from(found.took.as_micros()).unwrap_or(i64::MAX),
        by: desk.me.name.clone(),
        at_us,
    };
    if !acting.dry_run {
        let _ = desk.file(Act::Drill(drill.clone())).await?;
    }
    if acting.json {
        print(&gate::to_json(&json!({
            "name": name, "bundle": drill.bundle, "restored": restored, "components": found.restored,
            "elsewhere": found.elsewhere, "problems": found.problems, "took_us": drill.took_us,
            "dry_run": acting.dry_run,
        }))?)?;
    } else {
        let how = if restored { "restored" } else { "CANNOT be restored" };
        print(&format!(
            "{name} {} {how}: {} components in {:.1} ms\n",
            drill.bundle,
            found.restored,
            found.took.as_secs_f64() * 1e3
        ))?;
        for what in &found.elsewhere {
            print(&format!("  lies elsewhere, not fetched: {what}\n"))?;
        }
        for problem in &found.problems {
            print(&format!("  {problem}\n"))?;
        }
    }
    Ok(if restored { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
