//! `tidegate report --html`: what was released, in pictures?

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tidegate_signal::{Definitions, Scope, SignalDefinition, nearest};

use crate::cli::{self, Place};
use crate::config::Config;
use crate::failure::{Failure, Result};
use crate::output::print;
use crate::project::defined;
use crate::report::{self, Report};
use crate::storage::root_of;
use crate::words::counted;

pub(crate) async fn run(place: &Place, options: &cli::Report) -> Result<ExitCode> {
    let config = Config::read(&place.project)?;
    let definitions = defined(place, &config).await?;
    let root = root_of(place, &config)?;
    let mut signals = Vec::new();
    for (definition, is_derived) in chosen(&definitions, &options.signals)? {
        signals.push(report::read(&root, definition, is_derived).await?);
    }
    let page = report::page(&Report { project: name_of(&place.project), signals });
    if options.html.as_os_str() == "-" {
        print(&page)?;
        return Ok(ExitCode::SUCCESS);
    }
    write(&options.html, &page).map_err(|error| Failure::io("write", options.html.display(), &error))?;
    let count = chosen(&definitions, &options.signals)?.len() as u64;
    eprintln!("{} drawn in {}", counted(count, "signal"), options.html.display());
    Ok(ExitCode::SUCCESS)
}

/// The signals asked for, or all, in the order of their definitions; and whether they read released rows themselves.
fn chosen<'a>(definitions: &'a Definitions, names: &[String]) -> Result<Vec<(&'a SignalDefinition, bool)>> {
    let streamed = definitions.signals.iter().map(|signal| (signal, false));
    let signals = streamed.chain(definitions.derived.iter().map(|signal| (signal, true)));
    // What is internal was never released.
    let signals = signals.filter(|(signal, _)| signal.scope == Scope::Global);
    let known = signals.clone().map(|(signal, _)| signal.name.value.as_str()).collect::<Vec<_>>();
    if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
        let fix = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("signals are: {}", known.join(", ")),
        };
        return Err(Failure::usage("TG302", format!("there is no signal `{name}`"), fix));
    }
    Ok(signals.filter(|(signal, _)| names.is_empty() || names.contains(&signal.name.value)).collect())
}

/// A project is called like its folder.
fn name_of(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    whole.file_name().map_or_else(|| "project".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Puts a whole page in the place of the one before: a reader sees the old page or the new one.
fn write(path: &Path, page: &str) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it names no file"))?;
    let unfinished: PathBuf = path.with_file_name(format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id()));
    let written = File::create(&unfinished)
        .and_then(|mut file| file.write_all(page.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&unfinished, path));
    if written.is_err() {
        // The failure itself is what is told.
        let _ = std::fs::remove_file(&unfinished);
    }
    written
}
