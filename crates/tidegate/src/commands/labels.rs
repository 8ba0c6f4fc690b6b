//! `tidegate labels`: what do all words on decisions come to?

use std::process::ExitCode;

use tidegate_labels::History;

use crate::cli::Place;
use crate::cli::labels::{Labels, LabelsCommand};
use crate::failure::{Failure, Result};
use crate::labels::LabelStreams;
use crate::labels::settle::settle;
use crate::output::{print, print_batch};

pub(crate) async fn run(place: &Place, options: &Labels) -> Result<ExitCode> {
    match &options.command {
        LabelsCommand::History { decision, as_of, format } => {
            let streams = LabelStreams::connect(place).await?;
            streams.refuse_protected()?;
            let mut history = History::of(decision);
            let read = streams.resolve(as_of.map(|at| at.0), |batch| Ok(history.add(batch)?)).await?;
            print_batch(&history.finish(&read.0)?, *format)?;
        }
        LabelsCommand::Effective { as_of, format } => {
            let streams = LabelStreams::connect(place).await?;
            streams.refuse_protected()?;
            let (resolver, decisions) = streams.resolve(as_of.map(|at| at.0), |_| Ok(())).await?;
            print_batch(&resolver.effective(decisions.as_ref())?, *format)?;
        }
        LabelsCommand::Settle { json } => {
            let settled = settle(place).await?;
            if *json {
                let text = serde_json::to_string_pretty(&settled);
                let text =
                    text.map_err(|error| Failure::infrastructure("TG500", error.to_string(), "report this as a bug"))?;
                print(&format!("{text}\n"))?;
            } else {
                print(&settled.describe())?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
