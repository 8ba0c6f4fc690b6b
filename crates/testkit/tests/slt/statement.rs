//! What can a `.slt` file say besides queries?
//!
//! ```text
//! CREATE STREAM ...; CREATE SIGNAL ...               definitions, planned at once; refusals are statement errors
//! DEFINE 'sql/demo/streams.sql'                      the definitions of a file of the repository
//! SET name = 'value'                                 a $parameter of the definitions that follow
//! FEED decisions (a, b) VALUES (1, 'x'), ...         rows, cast to the columns that the stream declares
//! FEED decisions SELECT ...                          rows as DataFusion computes them, types included
//! FEED decisions FROM GENERATOR seed 7 rows 500      decisions of the trace generator
//! RUN                                                drains; windows close by the watermark
//! RUN UNTIL END                                      drains; every window closes
//! ACCOUNT signal                                     a query: read, aggregated, filtered, late, rejected, duplicate
//! WITHHELD signal                                    a query: groups withheld by the last drain (`onlyif whole`)
//! ```
//!
//! Streams that declare no columns have those of their first FEED. Tables declare theirs, and have the rows they are fed
//! at once.

use tidegate_signal::Parameter;
use tidegate_stream::InputEnd;

use crate::answer::{Failure, Result};

/// One statement or query.
#[derive(Debug, PartialEq)]
pub(crate) enum Statement {
    Define(String),
    DefineFile(String),
    Set(String, Parameter),
    Feed { stream: String, rows: Rows },
    Run(InputEnd),
    Account(String),
    Withheld(String),
    Query(String),
}

/// Where the rows of a FEED come from.
#[derive(Debug, PartialEq)]
pub(crate) enum Rows {
    /// A query whose columns are cast to those the stream declares.
    Values(String),
    /// A query whose columns stay as they are.
    Select(String),
    Generated {
        seed: u64,
        rows: u64,
    },
}

impl Statement {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let words = Words { rest: skip_comments(text) };
        let (first, rest) = words.split();
        Ok(match first.to_ascii_uppercase().as_str() {
            "CREATE" | "DROP" => Self::Define(text.to_owned()),
            "DEFINE" => Self::DefineFile(rest.trim().trim_matches('\'').to_owned()),
            "SET" => {
                let (name, value) = rest.split_once('=').ok_or_else(|| Failure::new("write SET name = value"))?;
                Self::Set(name.trim().to_owned(), parameter(value.trim()))
            }
            "FEED" => feed(rest)?,
            "RUN" => match rest.trim() {
                "" => Self::Run(InputEnd::Pause),
                "UNTIL END" => Self::Run(InputEnd::End),
                other => return Err(Failure::new(format!("RUN or RUN UNTIL END, not RUN {other}"))),
            },
            "ACCOUNT" => Self::Account(rest.trim().to_owned()),
            "WITHHELD" => Self::Withheld(rest.trim().to_owned()),
            "SELECT" | "WITH" => Self::Query(text.to_owned()),
            _ => Self::Define(text.to_owned()),
        })
    }
}

struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    /// The first word, and what follows it.
    fn split(&self) -> (&'a str, &'a str) {
        let text = self.rest.trim_start();
        let end = text.find(|c: char| c.is_whitespace() || c == '(').unwrap_or(text.len());
        text.split_at(end)
    }
}

fn skip_comments(mut text: &str) -> &str {
    loop {
        text = text.trim_start();
        match text.strip_prefix("--") {
            Some(comment) => text = comment.split_once('\n').map_or("", |(_, rest)| rest),
            None => return text,
        }
    }
}

fn parameter(text: &str) -> Parameter {
    match text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        Some(text) => Parameter::Text(text.replace("''", "'")),
        None => Parameter::from_argument(text),
    }
}

fn feed(text: &str) -> Result<Statement> {
    let (stream, rest) = Words { rest: text }.split();
    let rest = rest.trim();
    let (first, after) = Words { rest }.split();
    let rows = if let Some(inside) = rest.strip_prefix('(') {
        let shape = || Failure::new("write FEED stream (column, ...) VALUES (...), ...");
        let (columns, values) = inside.split_once(')').ok_or_else(shape)?;
        Rows::Values(format!("SELECT * FROM ({values}) AS fed({columns})"))
    } else if first.eq_ignore_ascii_case("FROM") {
        generated(after)?
    } else {
        Rows::Select(rest.to_owned())
    };
    Ok(Statement::Feed { stream: stream.to_owned(), rows })
}

fn generated(text: &str) -> Result<Rows> {
    let words = text.split_whitespace().collect::<Vec<_>>();
    let number = |text: &str| text.parse().map_err(|_| Failure::new(format!("`{text}` is no number")));
    match words.as_slice() {
        ["GENERATOR", "seed", seed, "rows", rows] => Ok(Rows::Generated { seed: number(seed)?, rows: number(rows)? }),
        _ => Err(Failure::new("write FEED stream FROM GENERATOR seed 7 rows 500")),
    }
}
