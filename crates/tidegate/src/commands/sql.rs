//! `tidegate sql`: one query, read-only.

use std::io::Read;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use crate::ask;
use crate::cli::{self, Place};
use crate::config::Config;
use crate::failure::{Failure, Result};
use crate::output::{print, print_batch, print_rows};
use crate::project::Project;
use crate::query::Query;

pub(crate) async fn run(place: &Place, options: &cli::Sql) -> Result<ExitCode> {
    let text = match options.query.as_str() {
        "-" => {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|error| Failure::io("read", "stdin", &error))?;
            text
        }
        query => query.to_owned(),
    };
    // Files can be queried anywhere; a folder with SQL below it is meant as a project.
    let project = if place.project.join("sql").is_dir() { Some(Project::load(place).await?) } else { None };
    let parameters = Config::read(&place.project)?.parameters(&place.parameters);
    if let Some(explanation) = ask::explain(&text, project.as_ref(), &parameters).await? {
        print(&explanation)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(answer) = ask::answer(&text, project.as_ref(), &parameters).await? {
        print_batch(&answer.rows, options.format)?;
        eprintln!("{}", answer.price);
        if answer.is_partial {
            eprintln!("warning: some rows or files could not be read and are not in the result");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let query = Query::new(&text, project.as_ref(), parameters).await?;
    let rows = query.run(project.as_ref()).await?;
    print_rows(rows, options.format).await?;
    warn_of(query.rejected.load(Ordering::Relaxed));
    Ok(ExitCode::SUCCESS)
}

fn warn_of(rejected: u64) {
    if rejected > 0 {
        eprintln!("warning: {rejected} rows or files could not be read and are not in the result");
    }
}
