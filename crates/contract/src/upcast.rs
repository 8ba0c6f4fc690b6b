//! How are rows of an old version read as the new one?

use std::fmt::Write;

use crate::compatibility::{UNKNOWN, follows, promised_of, vocabulary_of};
use crate::kinds::{Fit, fit, sql};
use crate::{Column, DataContract, Error, Literal, Result, Values};

/// The column that says under which version a row was written.
const SCHEMA_VERSION: &str = "schema_version";

/// A view that reads rows of an old version as the new one: plain SQL, for DataFusion, DuckDB or PostgreSQL.
///
/// Columns that are new are null or their default, narrower numbers are cast, and words that the new version does not know
/// are read as `unknown`. Of a stream with a column `schema_version` it takes the rows of the old version only.
///
/// # Errors
/// TG710 and TG711 as [`compatibility`](crate::compatibility()); TG712 where rows of the old version lack what the new one
/// requires, with a reason for each column.
pub fn upcast(old: &DataContract, new: &DataContract) -> Result<String> {
    follows(new, old)?;
    let columns = new.columns.iter().map(|column| expression(old, new, column)).collect::<Vec<_>>();
    let reasons = columns.iter().filter_map(|column| column.as_ref().err().cloned()).collect::<Vec<_>>();
    if !reasons.is_empty() {
        return Err(Error::NoUpcast { from: old.version.clone(), to: new.version.clone(), reasons });
    }
    let columns = columns.into_iter().flatten().map(|column| format!("  {column}")).collect::<Vec<_>>();
    let (from, to) = (identifier(old), identifier(new));
    let mut view = said(old, new);
    view.push_str(&format!("CREATE VIEW \"{from}_as_{to}\" AS\nSELECT\n{}\n", columns.join(",\n")));
    match old.column(SCHEMA_VERSION) {
        Some(_) => {
            let version = Literal::Text(old.version.to_string());
            view.push_str(&format!("FROM \"{}\"\nWHERE \"{SCHEMA_VERSION}\" = {version};\n", old.stream));
        }
        None => view.push_str(&format!("FROM \"{}\";\n", old.stream)),
    }
    Ok(view)
}

/// What a reader of the view should know.
fn said(old: &DataContract, new: &DataContract) -> String {
    let mut said = format!("-- Rows of {} as {}.\n", old.label(), new.label());
    if let Some(day) = old.sunset {
        said.push_str(&format!("-- {} is deprecated: it holds until {day}.\n", old.label()));
    }
    for column in new.columns.iter().chain(old.columns.iter().filter(|column| new.column(&column.name).is_none())) {
        if let Some(day) = column.sunset {
            said.push_str(&format!("-- \"{}\" is deprecated: it is there until {day}.\n", column.name));
        }
    }
    let gone = old.columns.iter().filter(|column| new.column(&column.name).is_none());
    let gone = gone.map(|column| format!("\"{}\"", column.name)).collect::<Vec<_>>();
    if !gone.is_empty() {
        said.push_str(&format!("-- No more there: {}.\n", gone.join(", ")));
    }
    said
}

/// One column of the new version, computed from rows of the old one.
fn expression(old: &DataContract, new: &DataContract, column: &Column) -> Result<String, String> {
    let name = &column.name;
    let Some(before) = old.column(name) else {
        return match (&column.default, column.required) {
            (Some(default), _) => Ok(format!("{default} AS \"{name}\"")),
            (None, false) => Ok(format!("CAST(NULL AS {}) AS \"{name}\"", sql(&column.data_type))),
            (None, true) => Err(format!("`{name}` is required and new, and has no default")),
        };
    };
    let mut value = format!("\"{name}\"");
    match fit(&column.data_type, &before.data_type) {
        Fit::Same => {}
        Fit::Widened => value = format!("CAST({value} AS {})", sql(&column.data_type)),
        Fit::No => {
            return Err(format!("`{name}` was {} and is {}", sql(&before.data_type), sql(&column.data_type)));
        }
    }
    if let Some(known) = unknown_words(old, new, name)? {
        value = format!("CASE WHEN {value} IS NULL OR {value} IN ({known}) THEN {value} ELSE '{UNKNOWN}' END");
    }
    if column.required && !before.required {
        let Some(default) = &column.default else {
            return Err(format!("`{name}` is required and was optional, and has no default"));
        };
        value = format!("COALESCE({value}, {default})");
    }
    Ok(if value.starts_with('"') { value } else { format!("{value} AS \"{name}\"") })
}

/// The words the new version knows, if rows of the old one may have others.
fn unknown_words(old: &DataContract, new: &DataContract, name: &str) -> Result<Option<String>, String> {
    let (before, now) = (promised_of(old, name), promised_of(new, name));
    let Some(known @ Values::Text(words)) = vocabulary_of(&now) else { return Ok(None) };
    let is_known = |before: &Values| before.words().iter().all(|word| known.has_text(word));
    if vocabulary_of(&before).is_some_and(is_known) {
        return Ok(None);
    }
    if !known.has_text(UNKNOWN) {
        return Err(format!("`{name}` may have values that the new version does not know"));
    }
    let mut list = String::new();
    for word in words {
        let comma = if list.is_empty() { "" } else { ", " };
        let _ = write!(list, "{comma}{}", Literal::Text(word.clone()));
    }
    Ok(Some(list))
}

/// `decisions_v1_0_0`
fn identifier(contract: &DataContract) -> String {
    let version = contract.version.to_string().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    format!("{}_v{version}", contract.stream)
}

#[cfg(test)]
mod tests;
