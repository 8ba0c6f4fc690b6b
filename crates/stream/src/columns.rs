//! Which columns did a stream gain, lose, or find with another type? Pure functions over what its files say of themselves.
//!
//! A stream has the columns of the newest file of each split. So a change is told once, however many producers follow one
//! after the other: a column appears with the first split that has it, and vanishes with the last.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_source::{Columns, FileColumns};

use crate::commit::SplitColumns;

/// What happened to a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// No split had it before.
    Appeared,
    /// No split has it any more.
    Vanished,
    /// No split had it with this type before.
    TypeChanged,
}

impl ChangeKind {
    /// Its name in released rows.
    pub fn name(self) -> &'static str {
        match self {
            Self::Appeared => "appeared",
            Self::Vanished => "vanished",
            Self::TypeChanged => "type_changed",
        }
    }
}

/// A column of a stream that changed. In order of time, then stream and column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnChange {
    /// When the file was written that showed it, in microseconds since 1970.
    pub detected_at_us: i64,
    /// The stream.
    pub stream: String,
    /// The column.
    pub column: String,
    /// What happened to it.
    pub kind: ChangeKind,
    /// Its type before, if it had one.
    pub from: Option<String>,
    /// Its type now, if it has one.
    pub to: Option<String>,
}

/// A file that was begun, in order.
#[derive(Debug, Clone)]
pub(crate) struct BegunFile {
    pub(crate) split: String,
    pub(crate) written_at_us: i64,
    pub(crate) columns: FileColumns,
}

/// What `files` teach about splits whose columns were `before`: nothing, where they are as expected.
pub(crate) fn learned(before: &BTreeMap<String, Columns>, files: &[BegunFile]) -> Vec<SplitColumns> {
    let mut known = before.clone();
    let mut learned = Vec::new();
    for file in files {
        let old = known.get(&file.split);
        let columns = after(old, &file.columns);
        if old != Some(&columns) {
            known.insert(file.split.clone(), columns.clone());
            learned.push(SplitColumns { split: file.split.clone(), written_at_us: file.written_at_us, columns });
        }
    }
    learned
}

/// The columns of a split after a file. A column without a value keeps its type.
fn after(before: Option<&Columns>, file: &FileColumns) -> Columns {
    let mut columns = file.columns.clone();
    for (name, old) in before.into_iter().flatten() {
        match columns.get_mut(name) {
            Some(new) if new.is_none() => new.clone_from(old),
            None if file.is_partial => {
                columns.insert(name.clone(), old.clone());
            }
            _ => {}
        }
    }
    columns
}

/// What changes in `stream`, whose splits have the columns `before`, when one of them gets those of `new`. The first file of
/// a stream changes nothing.
pub(crate) fn changes(stream: &str, before: &BTreeMap<String, Columns>, new: &SplitColumns) -> Vec<ColumnChange> {
    if before.is_empty() {
        return Vec::new();
    }
    let own = before.get(&new.split);
    let others = || before.iter().filter(|(split, _)| **split != new.split).map(|(_, columns)| columns);
    let names = own.into_iter().flatten().chain(&new.columns).map(|(name, _)| name).collect::<BTreeSet<_>>();
    let change_of = |name: &String| {
        let elsewhere = others().filter_map(|columns| columns.get(name)).collect::<Vec<_>>();
        let old = own.and_then(|columns| columns.get(name)).or_else(|| elsewhere.first().copied());
        let (kind, from, to) = match (old, new.columns.get(name)) {
            (None, Some(to)) => (ChangeKind::Appeared, &None, to),
            (Some(from), None) if elsewhere.is_empty() => (ChangeKind::Vanished, from, &None),
            (Some(from), Some(to)) if from.is_some() && to.is_some() && from != to && !elsewhere.contains(&to) => {
                (ChangeKind::TypeChanged, from, to)
            }
            _ => return None,
        };
        Some(ColumnChange {
            detected_at_us: new.written_at_us,
            stream: stream.to_owned(),
            column: name.clone(),
            kind,
            from: from.clone(),
            to: to.clone(),
        })
    };
    names.into_iter().filter_map(change_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns as `name:type`, or `name` where no value has been seen.
    fn columns(text: &str) -> Columns {
        let one = |word: &str| match word.split_once(':') {
            Some((name, data_type)) => (name.to_owned(), Some(data_type.to_owned())),
            None => (word.to_owned(), None),
        };
        text.split_whitespace().map(one).collect()
    }

    /// Lets files of splits land one after the other, and gives what changed as `kind column from to`.
    fn told(files: &[(&str, &str)], is_partial: bool) -> Vec<String> {
        let mut known = BTreeMap::new();
        let mut told = Vec::new();
        for (at, (split, text)) in (0..).zip(files) {
            let columns = FileColumns { columns: columns(text), is_partial };
            let file = BegunFile { split: (*split).to_owned(), written_at_us: at, columns };
            for new in learned(&known, &[file]) {
                told.extend(changes("s", &known, &new));
                known.insert(new.split.clone(), new.columns);
            }
        }
        let shown = |change: ColumnChange| {
            let text = |name: Option<String>| name.unwrap_or("-".to_owned());
            let (kind, at) = (change.kind.name(), change.detected_at_us);
            format!("{at} {kind} {} {} {}", change.column, text(change.from), text(change.to))
        };
        told.into_iter().map(shown).collect()
    }

    #[track_caller]
    fn check(files: &[(&str, &str)], expected: &[&str]) {
        assert_eq!(told(files, false), expected);
    }

    #[test]
    fn every_change_is_told_once() {
        check(
            &[("", "a:Int64 b:Utf8"), ("", "a:Int64 b:Utf8"), ("", "a:Float64 c:Utf8"), ("", "a:Float64 c:Utf8")],
            &["2 type_changed a Int64 Float64", "2 vanished b Utf8 -", "2 appeared c - Utf8"],
        );
        check(
            &[("", "a:Int64"), ("", "b:Int64"), ("", "a:Utf8 b:Int64")],
            &["1 vanished a Int64 -", "1 appeared b - Int64", "2 appeared a - Utf8"],
        );
    }

    #[test]
    fn a_column_without_values_keeps_its_type() {
        check(&[("", "a:Int64"), ("", "a"), ("", "a:Int64")], &[]);
        check(&[("", "a:Int64"), ("", "a"), ("", "a:Utf8")], &["2 type_changed a Int64 Utf8"]);
        check(&[("", "a b:Utf8"), ("", "a:Int64 b:Utf8")], &[]);
    }

    #[test]
    fn producers_that_follow_each_other_are_one_change() {
        check(
            &[("x", "a:Int64 b:Utf8"), ("y", "a:Int64 b:Utf8"), ("x", "a:Float64"), ("y", "a:Float64")],
            &["2 type_changed a Int64 Float64", "3 vanished b Utf8 -"],
        );
        check(&[("x", "a:Int64"), ("y", "a:Int64 c:Utf8"), ("x", "a:Int64 c:Utf8")], &["1 appeared c - Utf8"]);
        check(&[("x", "a:Int64"), ("y", "a:Utf8"), ("z", "a:Utf8")], &["1 type_changed a Int64 Utf8"]);
    }

    #[test]
    fn what_a_partial_file_lacks_has_not_vanished() {
        let files = [("", "a:Number b:Utf8"), ("", "a:Number"), ("", "a:Utf8 b:Utf8 c:Utf8")];
        assert_eq!(told(&files, true), ["2 type_changed a Number Utf8", "2 appeared c - Utf8"]);
    }

    #[test]
    fn files_of_one_epoch_teach_what_those_of_many_do() {
        let texts = ["a:Int64", "a:Int64 b:Utf8", "a:Int64", "a b:Utf8", "a:Utf8 b:Utf8"];
        let file = |(at, text): (i64, &&str)| BegunFile {
            split: String::new(),
            written_at_us: at,
            columns: FileColumns { columns: columns(text), is_partial: false },
        };
        let files = (0..).zip(&texts).map(file).collect::<Vec<_>>();
        let mut known = BTreeMap::new();
        let mut one_by_one = Vec::new();
        for file in &files {
            for new in learned(&known, std::slice::from_ref(file)) {
                known.insert(new.split.clone(), new.columns.clone());
                one_by_one.push(new);
            }
        }
        assert_eq!(learned(&BTreeMap::new(), &files), one_by_one);
        assert_eq!(one_by_one.len(), 5);
    }
}
