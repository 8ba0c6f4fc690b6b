//! `tidegate evidence`, `keys` and `retention`: what is kept for a purpose, and how it is forgotten.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use serde_json::Value;
use tidegate_ledger::{Chain, Store};
use tidegate_vault::{Access, AuditTrail, EvidenceRef, Reader, Vault, expired};
use tokio::sync::Mutex;

use crate::cli::Place;
use crate::cli::vault::{Evidence, EvidenceCommand, Keys, KeysCommand, Retention, RetentionCommand};
use crate::failure::{Failure, Result};
use crate::output::print;
use crate::project::Project;
use crate::storage::landing_store;
use crate::words::counted;

/// The log of who read what row by row.
pub(crate) const LOG: &str = "access";

pub(crate) async fn evidence(place: &Place, options: &Evidence) -> Result<ExitCode> {
    let project = Project::load_to_follow(place).await?;
    let store = project.store()?;
    let (chain, records) = Chain::<Value>::open(store.clone(), LOG).await?;
    match &options.command {
        EvidenceCommand::Log => {
            for record in records {
                print(&format!("{}\n", record.body))?;
            }
        }
        EvidenceCommand::Get { reference, purpose, who } => {
            let reference = reference.parse::<EvidenceRef>().map_err(|error| {
                Failure::usage(error.code(), error.to_string(), "copy the whole reference from its row")
            })?;
            let vault = vault(&project, store).await?;
            let reader = Reader { who: who.clone(), purpose: purpose.clone() };
            let content = vault.get(reference, &reader, Utc::now(), &Trail(Mutex::new(chain))).await?;
            print(&String::from_utf8_lossy(&content.bytes))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn keys(place: &Place, options: &Keys) -> Result<ExitCode> {
    let project = Project::load_to_follow(place).await?;
    let keyring = project.keyring().await?;
    let KeysCommand::Destroy { tenant, user, .. } = &options.command;
    match user {
        Some(user) => keyring.destroy_user(tenant, user).await?,
        None => keyring.destroy(tenant).await?,
    }
    eprintln!("destroyed; what is released already stays as it is");
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn retention(place: &Place, options: &Retention) -> Result<ExitCode> {
    let RetentionCommand::Apply { dry_run } = options.command;
    let project = Project::load_to_follow(place).await?;
    let now = Utc::now();
    let landing = landing_store(&place.project, &project.root, &project.config)?;
    for (stream, _) in &project.inputs {
        let name = &stream.definition.name.value;
        let kept = project.contracts.of(name).and_then(|contract| contract.retention);
        let Some(kept) = kept.and_then(|kept| TimeDelta::from_std(kept).ok()) else { continue };
        let files = landing.list_sized(stream.definition.path.value.trim_end_matches('/')).await?;
        let plan = expired(files, kept, now);
        if !dry_run {
            for path in &plan.expired {
                landing.delete(path).await?;
            }
        }
        let (gone, bytes) = (counted(plan.expired.len() as u64, "file"), plan.expired_bytes);
        let undated = if plan.undated_files > 0 {
            format!(", {} without a date stay", plan.undated_files)
        } else {
            String::new()
        };
        print(&format!(
            "{name}: {gone} ({bytes} bytes) past {} days, {} kept{undated}\n",
            kept.num_days(),
            plan.kept_files
        ))?;
    }
    if !project.contracts.is_empty() {
        let report = vault(&project, project.store()?).await?.retention(now, dry_run).await?;
        let (expired, destroyed) =
            (counted(report.expired_objects, "object"), counted(report.destroyed_objects, "object"));
        print(&format!(
            "evidence: {expired} expired, {destroyed} of destroyed tenants, {} kept\n",
            report.kept_objects
        ))?;
    }
    if dry_run {
        eprintln!("nothing was removed: this was a dry run");
    }
    Ok(ExitCode::SUCCESS)
}

/// The evidence store of a project.
pub(crate) async fn vault(project: &Project, store: Store) -> Result<Vault> {
    Ok(Vault::new(store, project.keyring().await?, project.config.evidence.purposes.clone()))
}

/// The log in which reads stand before they happen.
struct Trail(Mutex<Chain<Value>>);

impl AuditTrail for Trail {
    async fn record(&self, access: Access) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.0.lock().await.append(serde_json::to_value(access)?).await?;
        Ok(())
    }
}

/// What is kept as evidence of what arrives, if anything is.
pub(crate) async fn shelf(project: &Project) -> Result<Option<tidegate_intake::EvidenceShelf>> {
    let settings = &project.config.evidence;
    if !settings.keep || project.contracts.is_empty() {
        return Ok(None);
    }
    let vault = Arc::new(vault(project, project.store()?).await?);
    Ok(Some(tidegate_intake::EvidenceShelf { vault, ttl: TimeDelta::days(settings.days) }))
}
