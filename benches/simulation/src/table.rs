//! What does a table of rules and cells look like?

use std::fmt;

use serde_json::{Value, json};

/// Rules down, cells across.
pub(crate) struct Table {
    title: String,
    rules: Vec<&'static str>,
    columns: Vec<(String, Vec<Cell>)>,
}

/// How often a rule stopped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cell {
    pub(crate) hits: u32,
    pub(crate) runs: u32,
    /// The median hour of a stop, where it is asked for.
    pub(crate) hours: Option<u16>,
}

impl Table {
    pub(crate) fn new(title: impl Into<String>, rules: &[&'static str]) -> Self {
        Self { title: title.into(), rules: rules.to_vec(), columns: Vec::new() }
    }

    /// One cell for each rule.
    pub(crate) fn push(&mut self, column: impl Into<String>, cells: impl IntoIterator<Item = Cell>) {
        self.columns.push((column.into(), cells.into_iter().collect()));
    }

    pub(crate) fn to_json(&self) -> Value {
        let rows = self.rules.iter().enumerate().flat_map(|(i, rule)| {
            self.columns.iter().map(move |(column, cells)| {
                let cell = cells[i];
                json!({
                    "rule": rule, "cell": column, "share": cell.share(), "runs": cell.runs, "median_hours": cell.hours,
                })
            })
        });
        json!({ "title": self.title, "cells": rows.collect::<Vec<_>>() })
    }
}

impl Cell {
    pub(crate) fn share(self) -> f64 {
        f64::from(self.hits) / f64::from(self.runs)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "**{}**\n", self.title)?;
        let names = self.columns.iter().map(|(name, _)| format!(" {name} |")).collect::<String>();
        writeln!(f, "| rule |{names}\n|---|{}", "---|".repeat(self.columns.len()))?;
        for (i, rule) in self.rules.iter().enumerate() {
            let cells = self.columns.iter().map(|(_, cells)| format!(" {} |", cells[i])).collect::<String>();
            writeln!(f, "| {rule} |{cells}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} %", 100.0 * self.share())?;
        self.hours.map_or(Ok(()), |hours| write!(f, ", {hours} h"))
    }
}
