//! Any text is a definition that can be planned, or it is refused with a place in the text, a cause and a fix. Never a panic.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use datafusion::prelude::SessionContext;
use futures::executor::block_on;
use tidegate_algebra::{UnitKey, session};
use tidegate_signal::{Definitions, Planner, Refusal, SourceText, Stream};

static SESSION: LazyLock<SessionContext> = LazyLock::new(session);

/// Reads a text and plans what it defines. True if all of it can run.
///
/// # Panics
/// If something is refused in another way than is promised.
pub(crate) fn read(sql: &str) -> bool {
    let source = SourceText::new("it.sql", sql);
    match block_on(Definitions::parse(&[source], &BTreeMap::new(), &SESSION)) {
        Ok(definitions) => plan(&definitions, sql),
        Err(refusals) => {
            assert!(!refusals.is_empty(), "nothing is said");
            refusals.iter().for_each(|refusal| check(refusal, sql));
            false
        }
    }
}

fn plan(definitions: &Definitions, sql: &str) -> bool {
    let stream = |definition: &tidegate_signal::StreamDefinition| {
        Some(Stream { definition: definition.clone(), schema: definition.contract.declared.clone()? })
    };
    let planner = Planner::new(definitions.streams.iter().filter_map(stream).collect(), UnitKey::new([7; 16]));
    let refused = definitions.signals.iter().filter_map(|signal| block_on(planner.plan(signal)).err());
    refused.inspect(|refusal| check(refusal, sql)).count() == 0
}

fn check(refusal: &Refusal, sql: &str) {
    assert!(!refusal.cause.is_empty() && !refusal.fix.is_empty(), "{refusal}");
    assert!(refusal.place.line() > 0 && refusal.place.column() > 0, "{refusal}");
    assert!(sql.get(refusal.place.bytes()).is_some(), "{refusal} is at {:?} of {}", refusal.place.bytes(), sql.len());
}
