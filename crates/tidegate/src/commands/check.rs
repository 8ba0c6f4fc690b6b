//! `tidegate check`: is every definition right? Nothing is run and nothing is written.

use std::process::ExitCode;

use crate::admit::admit;
use crate::cli::Place;
use crate::failure::Result;
use crate::output::print;
use crate::project::Project;

pub(crate) async fn run(place: &Place) -> Result<ExitCode> {
    let project = Project::load(place).await?;
    let signals = project.plan_to_look_at().await?;
    admit(&project, &signals)?;
    let count = signals.len() + project.derive(&signals).await?.len();
    let streams = project.inputs.len();
    print(&format!("{streams} stream{} and {} signal{} are ready to run\n", plural(streams), count, plural(count)))?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
