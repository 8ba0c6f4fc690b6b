//! Which rules follow from what is said of a column and of the stream?

use std::collections::HashSet;

use tidegate_document::{Place, Spanned};

use crate::kinds::{is_number, is_text};
use crate::odcs::column::Column;
use crate::odcs::custom::{Custom, OF_COLUMN, OF_RULE};
use crate::odcs::raw::{RawObject, RawOptions, RawProperty, RawRule};
use crate::odcs::reader::Reader;
use crate::odcs::rule::{Metric, Range, Rule, Severity, Threshold, Unit, Valid, Violation};
use crate::odcs::{DataContract, Reliability};
use crate::{Error, Result};

impl Reader<'_> {
    /// What a column promises by its own words, and then its quality rules.
    pub(super) fn rules_of_column(
        &self,
        raw: &RawProperty,
        column: &Column,
        contract: &mut DataContract,
    ) -> Result<()> {
        let custom = self.custom(&raw.custom_properties, OF_COLUMN)?;
        let on_violation = self.on_violation(&custom, Some(column))?.unwrap_or(Violation::QuarantineRow);
        let first = contract.rules.len();
        let of_column = |name: &str, metric, on_violation| Rule {
            name: name.to_owned(),
            column: Some(column.name.clone()),
            metric,
            unit: Unit::Rows,
            threshold: Threshold::ZERO,
            severity: Severity::Error,
            on_violation,
            at: column.at.clone(),
        };
        if column.required {
            contract.rules.push(of_column("required", Metric::NullValues, Some(on_violation)));
        }
        for (name, valid) in self.limits(raw.logical_type_options.as_ref(), column)? {
            contract.rules.push(of_column(name, Metric::InvalidValues(valid), Some(on_violation)));
        }
        if column.unique {
            let metric = Metric::DuplicateValues(vec![column.name.clone()]);
            contract
                .rules
                .push(Rule { severity: of_repeats(contract.reliability), ..of_column("unique", metric, None) });
        }
        for raw in &raw.quality {
            self.quality(raw, Some(column), contract)?;
        }
        named_once(&contract.rules[first..])
    }

    pub(super) fn rules_of_stream(&self, object: &RawObject, contract: &mut DataContract) -> Result<()> {
        let first = contract.rules.len();
        let key = contract.columns.iter().filter(|column| column.primary_key).collect::<Vec<_>>();
        let is_told = matches!(key.as_slice(), [] | [Column { unique: true, .. }]);
        if !is_told {
            let columns = key.iter().map(|column| column.name.clone()).collect();
            contract.rules.push(Rule {
                name: "primary_key".into(),
                column: None,
                metric: Metric::DuplicateValues(columns),
                unit: Unit::Rows,
                threshold: Threshold::ZERO,
                severity: of_repeats(contract.reliability),
                on_violation: None,
                at: contract.at.clone(),
            });
        }
        for raw in &object.quality {
            self.quality(raw, None, contract)?;
        }
        named_once(&contract.rules[first..])
    }

    /// What `logicalTypeOptions` says about values, each with the name of its rule.
    fn limits(&self, raw: Option<&RawOptions>, column: &Column) -> Result<Vec<(&'static str, Valid)>> {
        let Some(raw) = raw else { return Ok(Vec::new()) };
        let mut limits = Vec::new();
        if let Some(text) = &raw.pattern {
            let pattern = Some(self.pattern(text, &column.data_type)?);
            limits.push(("pattern", Valid { pattern, ..Valid::default() }));
        }
        let length = |length: &Option<Spanned<u32>>| length.as_ref().map(|length| (f64::from(length.value), true));
        let (least, most) = (length(&raw.min_length), length(&raw.max_length));
        if let Some(given) = raw.min_length.as_ref().or(raw.max_length.as_ref()) {
            self.must(is_text(&column.data_type), "length", given.referenced, "that of a text column")?;
            let length = Some(self.range(given.referenced, least, most)?);
            limits.push(("length", Valid { length, ..Valid::default() }));
        }
        let (from, from_above) = (&raw.minimum, &raw.exclusive_minimum);
        let (to, to_below) = (&raw.maximum, &raw.exclusive_maximum);
        let given = [from, from_above, to, to_below].into_iter().flatten().next();
        if let Some(given) = given {
            self.must(is_number(&column.data_type), "range", given.referenced, "that of a column of numbers")?;
            let range = Some(self.range(given.referenced, self.edge(from, from_above)?, self.edge(to, to_below)?)?);
            limits.push(("range", Valid { range, ..Valid::default() }));
        }
        Ok(limits)
    }

    fn edge(&self, inclusive: &Option<Spanned<f64>>, exclusive: &Option<Spanned<f64>>) -> Result<Option<(f64, bool)>> {
        match (inclusive, exclusive) {
            (Some(_), Some(second)) => {
                let rule = "given once, with or without its end";
                Err(self.not_allowed("range", second.referenced, &second.value.to_string(), rule))
            }
            (Some(edge), None) => Ok(Some((edge.value, true))),
            (None, Some(edge)) => Ok(Some((edge.value, false))),
            (None, None) => Ok(None),
        }
    }

    fn range(&self, at: Place, from: Option<(f64, bool)>, to: Option<(f64, bool)>) -> Result<Range> {
        let range = Range { from, to };
        let has_room = match (from, to) {
            (Some((from, from_belongs)), Some((to, to_belongs))) => {
                from < to || (from == to && from_belongs && to_belongs)
            }
            (edge, other) => edge.or(other).is_some_and(|(edge, _)| !edge.is_nan()),
        };
        self.must(has_room, "range", at, "from a number to a greater one")?;
        Ok(range)
    }

    fn quality(&self, raw: &Spanned<RawRule>, column: Option<&Column>, contract: &mut DataContract) -> Result<()> {
        let (at, raw) = (raw.referenced, &raw.value);
        match raw.kind.as_ref().map(|kind| (kind, kind.value.as_str())) {
            Some((_, "text")) => return Ok(()),
            Some((_, "sql" | "custom")) => {
                contract.left_to_others.push(self.at(at));
                return Ok(());
            }
            None | Some((_, "library")) => {}
            Some((kind, _)) => return Err(self.broken("type", kind, "one of library, text, sql, custom")),
        }
        let metric = self.metric(raw, at, column, contract)?;
        let custom = self.custom(&raw.custom_properties, OF_RULE)?;
        let on_violation = self.on_violation(&custom, column)?;
        let is_of_rows = !matches!(metric, Metric::DuplicateValues(_) | Metric::RowCount);
        if let Some(given) = custom.get("onViolation").filter(|_| !is_of_rows) {
            let rule = "left out: the metric says nothing of a single row";
            return Err(self.not_allowed("onViolation", given.referenced, &given.value.to_string(), rule));
        }
        let unit = raw.unit.as_ref().map(|unit| self.word(unit)).transpose()?.unwrap_or(Unit::Rows);
        if let Some(text) = raw.unit.as_ref().filter(|_| unit == Unit::Percent && metric == Metric::RowCount) {
            return Err(self.broken("unit", text, "rows: rowCount is no share of them"));
        }
        contract.rules.push(Rule {
            name: raw.name.as_ref().map_or(Ok(metric.as_str().to_owned()), |name| self.line("name", name))?,
            column: column.map(|column| column.name.clone()),
            unit,
            threshold: self.threshold(raw, at)?,
            severity: raw.severity.as_ref().map(|text| self.word(text)).transpose()?.unwrap_or(Severity::Error),
            on_violation,
            at: self.at(at),
            metric,
        });
        Ok(())
    }

    fn on_violation(&self, custom: &Custom<'_>, column: Option<&Column>) -> Result<Option<Violation>> {
        let on_violation = self.custom_word(custom, "onViolation")?;
        if let (Some(given), Some(Violation::DropColumn)) = (custom.get("onViolation"), on_violation)
            && column.is_none_or(|column| column.required)
        {
            let rule = "quarantine_row or stop: a required column cannot be dropped";
            return Err(self.not_allowed("onViolation", given.referenced, "drop_column", rule));
        }
        Ok(on_violation)
    }
}

/// Where rows may be delivered again, repeats are known and the stream's `dedupe` deals with them.
fn of_repeats(reliability: Reliability) -> Severity {
    match reliability {
        Reliability::AtLeastOnce => Severity::Info,
        Reliability::AtMostOnce | Reliability::ExactlyOnce => Severity::Error,
    }
}

fn named_once(rules: &[Rule]) -> Result<()> {
    let mut names = HashSet::new();
    match rules.iter().find(|rule| !names.insert(&rule.name)) {
        Some(rule) => Err(Error::Repeated { at: rule.at.clone(), what: "rule", name: rule.name.clone() }),
        None => Ok(()),
    }
}
