//! Why was a definition not accepted, where does it stand, and what should be written instead?

use std::fmt;

use datafusion::common::{DataFusionError, SchemaError};
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Location, Span};

use crate::nearest::nearest;
use crate::{Code, Place};

/// A definition that is not accepted: code, place, cause and fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which rule was broken.
    pub code: Code,
    /// What is wrong, lower case, without a full stop.
    pub cause: String,
    /// What to write instead.
    pub fix: String,
    /// Where it stands.
    pub place: Place,
}

/// A refusal of what stands at `place`.
pub fn refuse(code: Code, place: &Place, cause: impl Into<String>, fix: impl Into<String>) -> Refusal {
    Refusal { code, cause: cause.into(), fix: fix.into(), place: place.clone() }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: [{}] {}", self.place, self.code, self.cause)
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    /// What DataFusion found wrong with a query; `statement` is the place used when it does not say where.
    pub fn from_datafusion(error: &DataFusionError, statement: &Place) -> Self {
        if let Some(own) = find_own(error) {
            return own.clone();
        }
        let place = diagnosed_place(error, statement);
        match error.find_root() {
            DataFusionError::SQL(parse, _) => Self::from_parser(parse, statement),
            DataFusionError::SchemaError(schema, _) => from_schema_error(schema, &place),
            root => from_message(&root.strip_backtrace(), &place),
        }
    }

    pub(crate) fn from_parser(error: &ParserError, statement: &Place) -> Self {
        let message = match error {
            ParserError::TokenizerError(message) | ParserError::ParserError(message) => message.as_str(),
            ParserError::RecursionLimitExceeded => "nested too deeply",
        };
        let (message, span) = split_location(message);
        let place = span.map_or_else(|| statement.clone(), |span| statement.at(span));
        refuse(Code::Syntax, &place, lower_first(message), "see docs/sql.md for the statements and clauses there are")
    }
}

/// A refusal of ours that travelled through DataFusion's planner.
fn find_own(error: &DataFusionError) -> Option<&Refusal> {
    match error.find_root() {
        DataFusionError::External(inner) => inner.downcast_ref::<Refusal>(),
        _ => None,
    }
}

fn diagnosed_place(error: &DataFusionError, statement: &Place) -> Place {
    let span = error.diagnostic().and_then(|diagnostic| diagnostic.span);
    span.map_or_else(
        || statement.clone(),
        |span| {
            let location = |location: datafusion::common::Location| Location::new(location.line, location.column);
            statement.at(Span::new(location(span.start), location(span.end)))
        },
    )
}

fn from_schema_error(error: &SchemaError, place: &Place) -> Refusal {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let names = valid_fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>();
            let fix = match nearest(&field.name, names.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None if names.is_empty() => "add FROM and the name of a stream".to_owned(),
                None => format!("columns there are: {}", list(&names)),
            };
            refuse(Code::UnknownColumn, place, format!("there is no column `{}`", field.name), fix)
        }
        SchemaError::AmbiguousReference { field } => refuse(
            Code::UnknownColumn,
            place,
            format!("column `{}` could mean several columns", field.name),
            "name the stream before it, as in stream.column",
        ),
        other => refuse(Code::InvalidQuery, place, lower_first(&other.to_string()), "give the columns distinct names"),
    }
}

fn from_message(message: &str, place: &Place) -> Refusal {
    let cause = message.split_once(": ").map_or(message, |(prefix, rest)| {
        if prefix.contains("rror") || prefix.contains("not implemented") { rest } else { message }
    });
    let cause = cause.trim();
    if let Some(table) = cause.strip_prefix("table '").and_then(|rest| rest.strip_suffix("' not found")) {
        let table = table.strip_prefix("datafusion.public.").unwrap_or(table);
        if let Some(signal) = table.strip_prefix("datafusion.released.") {
            let fix = "check its name, or define it with CREATE SIGNAL";
            return refuse(Code::UnknownTable, place, format!("there is no signal `{signal}` in this project"), fix);
        }
        if table.contains(['/', '.']) {
            let fix =
                "check the path; files end in .parquet, .csv, .json or .arrow, and a signal's rows are released.<name>";
            return refuse(Code::UnknownTable, place, format!("there is no table or file `{table}`"), fix);
        }
        return refuse(
            Code::UnknownTable,
            place,
            format!("there is no stream `{table}`"),
            "define it with CREATE STREAM in one of the project's SQL files",
        );
    }
    if let Some(rest) = cause.strip_prefix("Invalid function '") {
        let (function, hint) = rest.split_once('\'').unwrap_or((rest, ""));
        let hint = hint.trim_start_matches('.').trim();
        let fix = if hint.is_empty() { "see docs/sql.md for the functions there are" } else { hint };
        let fix = fix.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        return refuse(Code::UnknownFunction, place, format!("there is no function `{function}`"), lower_first(&fix));
    }
    let first = cause.lines().next().unwrap_or(cause);
    if let Some((_, rest)) = first.split_once("Function '")
        && let Some((function, _)) = rest.split_once("' failed to match any signature")
    {
        let cause = format!("`{function}` does not take values of this type");
        let fix = "CAST the argument, or declare the column's type in CREATE STREAM";
        return refuse(Code::InvalidQuery, place, cause, fix);
    }
    refuse(Code::InvalidQuery, place, lower_first(first), "check the types and the GROUP BY of the query")
}

/// Splits sqlparser's ` at Line: 1, Column: 2` off a message.
fn split_location(message: &str) -> (&str, Option<Span>) {
    let Some((text, location)) = message.rsplit_once(" at Line: ") else {
        return (message, None);
    };
    let parsed = location.split_once(", Column: ").and_then(|(line, column)| {
        let column = column.split(|character: char| !character.is_ascii_digit()).next()?;
        Some(Location::new(line.parse().ok()?, column.parse().ok()?))
    });
    (text, parsed.map(|start| Span::new(start, start)))
}

fn list(names: &[&str]) -> String {
    const SHOWN: usize = 12;
    let mut text = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

fn lower_first(message: &str) -> String {
    let mut characters = message.chars();
    match (characters.next(), characters.next()) {
        // An acronym stays as it is.
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(message.chars().skip(1)).collect::<String>().trim_end_matches('.').to_owned()
        }
        _ => message.to_owned(),
    }
}
