//! Does the typed text make a contract? Every rule of a contract is checked here, once.

use std::collections::HashSet;
use std::time::Duration;

use arrow::datatypes::DataType;
use chrono::NaiveDate;
use semver::Version;
use tidegate_document::{Fault, Location, Misread, Place, Source, Spanned, nearest};

use super::column::{Column, Literal};
use super::pattern::Pattern;
use super::raw::{RawArguments, RawContract, RawCustom, RawObject, RawOptions, RawProperty, RawRule, RawSla, Text};
use super::rule::{Metric, Operator, Range, Rule, Severity, Threshold, Unit, Valid, Values, Violation};
use super::types::Shape;
use super::value::Value;
use super::{DataContract, Mode, Reliability, Status};
use crate::error::Metadata;
use crate::kinds::{is_number, is_text, is_whole};
use crate::vocabulary::Vocabulary;
use crate::{Classification, Error, IngestPolicy, Result};

const OF_CONTRACT: &[&str] =
    &["source", "reliability", "privacyClass", "compatibility", "region", "sunset", "eventTime"];
const OF_COLUMN: &[&str] =
    &["ingestPolicy", "privacyUnit", "attribute", "default", "sunset", "sinceVersion", "onViolation"];
const OF_RULE: &[&str] = &["onViolation"];
/// Shorter names are easily meant by somebody else.
const TELLING_LENGTH: usize = 8;

/// Columns that take extra attributes.
const ATTRIBUTE_PREFIX: &str = "attr_";
const MAX_COLUMNS: usize = 4096;

const API_VERSION: &str = "v3.1.0";
const NAME: &str = "lower-case letters, digits and _, not first a digit, and at most 64 of them";
const LINE: &str = "some text";
const VERSION: &str = "a semantic version such as 1.4.0, without build metadata";
const DAY: &str = "a day, as in 2027-06-30";

pub(super) fn parse(file: &str, text: &str) -> Result<DataContract> {
    let source = Source { file, text };
    Reader { source }.raise(&source.read()?)
}

/// Checks what was typed, with the text for places in errors.
pub(super) struct Reader<'a> {
    source: Source<'a>,
}

/// What is said under customProperties with a name of ours.
struct Custom<'a>(Vec<(&'static str, &'a Spanned<Value>)>);

impl<'a> Custom<'a> {
    fn get(&self, name: &str) -> Option<&'a Spanned<Value>> {
        self.0.iter().find(|(given, _)| *given == name).map(|(_, value)| *value)
    }
}

/// What only some contracts have, and all of these must.
struct Promised {
    owner: String,
    source: String,
    reliability: Reliability,
    latency: Duration,
    privacy_class: Classification,
}

impl Reader<'_> {
    fn raise(&self, raw: &RawContract) -> Result<DataContract> {
        self.rule("apiVersion", &raw.api_version, |version| version == API_VERSION, "v3.1.0")?;
        self.rule("kind", &raw.kind, |kind| kind == "DataContract", "DataContract")?;
        let custom = self.custom(&raw.custom_properties, OF_CONTRACT)?;
        let promised = self.promised(raw, &custom)?;
        let object = self.object(raw)?;
        let status = self.word(&raw.status)?;
        let sunset = self.day(&custom, "sunset")?;
        if status == Status::Deprecated && sunset.is_none() {
            let rule = "beside a `sunset` under customProperties: the last day on which it holds";
            return Err(self.broken("status", &raw.status, rule));
        }
        let stream = self.name("name", &object.name)?;
        let mut contract = DataContract {
            id: self.line("id", &raw.id)?,
            name: raw.name.as_ref().map_or(Ok(stream.clone()), |name| self.line("name", name))?,
            stream,
            version: self.version("version", &raw.version)?,
            status,
            owner: promised.owner,
            source: promised.source,
            reliability: promised.reliability,
            latency: promised.latency,
            privacy_class: promised.privacy_class,
            retention: self.span(&raw.sla_properties, "retention")?,
            compatibility: self.custom_word(&custom, "compatibility")?.unwrap_or(Mode::FullTransitive),
            event_time: custom.get("eventTime").map(|column| self.text("eventTime", column)).transpose()?,
            region: custom.get("region").map(|region| self.text("region", region)).transpose()?,
            sunset,
            columns: Vec::new(),
            rules: Vec::new(),
            left_to_others: Vec::new(),
            at: self.at(object.name.referenced),
            version_at: self.at(raw.version.referenced),
        };
        self.columns(object, &mut contract)?;
        self.rules_of_stream(object, &mut contract)?;
        Ok(contract)
    }

    /// All that is missing is told at once.
    fn promised(&self, raw: &RawContract, custom: &Custom<'_>) -> Result<Promised> {
        let owner = raw.team.as_ref().and_then(|team| team.name.as_ref());
        let owner = owner.map(|name| self.line("team.name", name)).transpose()?;
        let source = custom.get("source").map(|source| self.text("source", source)).transpose()?;
        let reliability = self.custom_word(custom, "reliability")?;
        let latency = self.span(&raw.sla_properties, "latency")?;
        let privacy_class = self.custom_word(custom, "privacyClass")?;
        let (Some(owner), Some(source), Some(reliability), Some(latency), Some(privacy_class)) =
            (&owner, &source, reliability, latency, privacy_class)
        else {
            let missing = [
                (Metadata::Owner, owner.is_none()),
                (Metadata::Source, source.is_none()),
                (Metadata::Reliability, reliability.is_none()),
                (Metadata::Latency, latency.is_none()),
                (Metadata::PrivacyClass, privacy_class.is_none()),
            ];
            let missing = missing.into_iter().filter(|(_, is_missing)| *is_missing).map(|(metadata, _)| metadata);
            return Err(Error::MissingMetadata { at: self.at(Place::UNKNOWN), missing: missing.collect() });
        };
        Ok(Promised { owner: owner.clone(), source: source.clone(), reliability, latency, privacy_class })
    }

    /// The one stream.
    fn object<'r>(&self, raw: &'r RawContract) -> Result<&'r RawObject> {
        let [object] = raw.schema.value.as_slice() else {
            let found = format!("{} elements", raw.schema.value.len());
            return Err(self.not_allowed(
                "schema",
                raw.schema.referenced,
                &found,
                "one element: a contract is of a stream",
            ));
        };
        let object = &object.value;
        if let Some(logical) = &object.logical_type {
            self.rule("logicalType", logical, |logical| logical == "object", "object")?;
        }
        self.custom(&object.custom_properties, &[])?;
        let count = object.properties.value.len();
        if count == 0 || count > MAX_COLUMNS {
            let at = object.properties.referenced;
            return Err(self.not_allowed("properties", at, &format!("{count} columns"), "1 to 4096 columns"));
        }
        Ok(object)
    }

    fn columns(&self, object: &RawObject, contract: &mut DataContract) -> Result<()> {
        let mut names = HashSet::new();
        for raw in &object.properties.value {
            let column = self.column(raw, contract)?;
            if !names.insert(column.name.clone()) {
                return Err(Error::Repeated { at: column.at, what: "column", name: column.name });
            }
            if let (Some(_), Some(earlier)) =
                (&column.privacy_unit, contract.columns.iter().find(|column| column.privacy_unit.is_some()))
            {
                let rule = "that of one column";
                return Err(Error::NotAllowed {
                    at: column.at,
                    name: "privacyUnit",
                    found: earlier.name.clone(),
                    rule,
                });
            }
            self.rules_of_column(raw, &column, contract)?;
            contract.columns.push(column);
        }
        Ok(())
    }

    fn column(&self, raw: &RawProperty, contract: &DataContract) -> Result<Column> {
        let name = self.name("name", &raw.name)?;
        let custom = self.custom(&raw.custom_properties, OF_COLUMN)?;
        let data_type = self.data_type(&Shape::from(raw))?;
        let classification = raw.classification.as_ref().map(|class| self.word(class)).transpose()?;
        if let Some(text) = raw.classification.as_ref().filter(|_| classification > Some(contract.privacy_class)) {
            return Err(self.broken("classification", text, "no stricter than the contract's privacyClass"));
        }
        if raw.primary_key && !raw.required {
            return Err(self.broken("primaryKey", &raw.name, "that of a required column"));
        }
        let privacy_unit = custom.get("privacyUnit").map(|unit| self.text("privacyUnit", unit)).transpose()?;
        let ingest_policy = self.custom_word(&custom, "ingestPolicy")?;
        // What tells rows apart, or has a form of its own, is an id or a code.
        let has_form = raw.logical_type_options.as_ref().is_some_and(|options| options.pattern.is_some());
        let is_code = raw.primary_key || raw.unique || has_form;
        let since = custom.get("sinceVersion").map(|since| self.custom_version(since)).transpose()?;
        Ok(Column {
            attribute: self.attribute(&name, raw, &custom)?,
            default: custom.get("default").map(|value| self.default(value, &data_type)).transpose()?,
            ingest_policy: ingest_policy.unwrap_or_else(|| IngestPolicy::of_type(&data_type, is_code)),
            sunset: self.day(&custom, "sunset")?,
            since: since.unwrap_or_else(|| Version::new(1, 0, 0).min(contract.version.clone())),
            at: self.at(raw.name.referenced),
            required: raw.required,
            unique: raw.unique,
            primary_key: raw.primary_key,
            classification: classification.unwrap_or(contract.privacy_class),
            privacy_unit,
            data_type,
            name,
        })
    }

    /// Extra attributes come and go, so nothing may rely on them.
    fn attribute(&self, name: &str, raw: &RawProperty, custom: &Custom<'_>) -> Result<Option<String>> {
        let given = custom.get("attribute");
        let Some(rest) = name.strip_prefix(ATTRIBUTE_PREFIX) else {
            return match given {
                Some(value) => {
                    Err(self.not_allowed("attribute", value.referenced, name, "that of a column named attr_..."))
                }
                None => Ok(None),
            };
        };
        if raw.required {
            return Err(self.broken("required", &raw.name, "left out: an extra attribute may be absent"));
        }
        given.map_or(Ok(rest.to_owned()), |value| self.text("attribute", value)).map(Some)
    }

    fn default(&self, value: &Spanned<Value>, data_type: &DataType) -> Result<Literal> {
        let literal = match (&value.value, data_type) {
            (Value::One(literal @ Literal::Text(_)), data_type) if is_text(data_type) => Some(literal.clone()),
            (Value::One(literal @ Literal::Whole(_)), data_type) if is_whole(data_type) => Some(literal.clone()),
            (Value::One(literal @ Literal::Bool(_)), DataType::Boolean) => Some(literal.clone()),
            (number, DataType::Float32 | DataType::Float64) => number.number().map(Literal::Number),
            _ => None,
        };
        let rule = "a value of the column's type: text, a number, true or false";
        literal.ok_or_else(|| self.not_allowed("default", value.referenced, &value.value.to_string(), rule))
    }

    // Rules.

    /// What a column promises by its own words, and then its quality rules.
    fn rules_of_column(&self, raw: &RawProperty, column: &Column, contract: &mut DataContract) -> Result<()> {
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

    fn rules_of_stream(&self, object: &RawObject, contract: &mut DataContract) -> Result<()> {
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

    fn pattern(&self, text: &Text, data_type: &DataType) -> Result<Pattern> {
        self.must(is_text(data_type), "pattern", text.referenced, "that of a text column")?;
        let rule = "a regular expression without lookaround and backreferences, of moderate size";
        Pattern::new(&text.value).ok_or_else(|| self.broken("pattern", text, rule))
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

    fn metric(&self, raw: &RawRule, at: Place, column: Option<&Column>, contract: &DataContract) -> Result<Metric> {
        let text = raw.metric.as_ref().ok_or_else(|| Misread::missing(self.at(at), "metric"))?;
        let arguments = raw.arguments.as_ref();
        let is_bare = |metric| match arguments {
            Some(arguments) => Err(self.not_allowed("arguments", arguments.referenced, "given", "left out")),
            None => Ok(metric),
        };
        match (text.value.as_str(), column) {
            ("nullValues", Some(_)) => is_bare(Metric::NullValues),
            ("duplicateValues", Some(column)) => is_bare(Metric::DuplicateValues(vec![column.name.clone()])),
            ("rowCount", None) => is_bare(Metric::RowCount),
            ("missingValues", Some(column)) => self.missing_values(at, arguments, column),
            ("invalidValues", Some(column)) => self.invalid_values(at, arguments, column),
            ("duplicateValues", None) => self.duplicates(at, arguments, contract),
            (_, Some(_)) => {
                let rule = "one of nullValues, missingValues, invalidValues, duplicateValues";
                Err(self.broken("metric", text, rule))
            }
            (_, None) => Err(self.broken("metric", text, "rowCount or duplicateValues")),
        }
    }

    fn missing_values(&self, at: Place, arguments: Option<&Spanned<RawArguments>>, column: &Column) -> Result<Metric> {
        let given = arguments.and_then(|arguments| arguments.value.missing_values.as_ref());
        let given = given.ok_or_else(|| Misread::missing(self.at(at), "missingValues"))?;
        let null = given.value.iter().any(|value| value.value == Value::Null);
        let values = given.value.iter().filter(|value| value.value != Value::Null);
        Ok(Metric::MissingValues { values: self.values("missingValues", values, column)?, null })
    }

    fn invalid_values(&self, at: Place, arguments: Option<&Spanned<RawArguments>>, column: &Column) -> Result<Metric> {
        let given = arguments.map(|arguments| &arguments.value);
        let values = given.and_then(|given| given.valid_values.as_ref());
        let pattern = given.and_then(|given| given.pattern.as_ref());
        if values.is_none() && pattern.is_none() {
            return Err(Misread::missing(self.at(at), "validValues").into());
        }
        if let Some(empty) = values.filter(|values| values.value.is_empty()) {
            return Err(self.not_allowed("validValues", empty.referenced, "empty", "one value or more"));
        }
        let values = values.map(|values| self.values("validValues", values.value.iter(), column)).transpose()?;
        let pattern = pattern.map(|text| self.pattern(text, &column.data_type)).transpose()?;
        Ok(Metric::InvalidValues(Valid { values, pattern, ..Valid::default() }))
    }

    /// Columns that together tell rows apart.
    fn duplicates(
        &self,
        at: Place,
        arguments: Option<&Spanned<RawArguments>>,
        contract: &DataContract,
    ) -> Result<Metric> {
        let given = arguments.and_then(|arguments| arguments.value.properties.as_ref());
        let given = given.ok_or_else(|| Misread::missing(self.at(at), "properties"))?;
        self.must(!given.value.is_empty(), "properties", given.referenced, "one column or more")?;
        let column = |text: &Text| match contract.column(&text.value) {
            Some(column) => Ok(column.name.clone()),
            None => Err(self.broken("properties", text, "columns of the contract")),
        };
        given.value.iter().map(column).collect::<Result<_>>().map(Metric::DuplicateValues)
    }

    /// Values of the column's type, sorted.
    fn values<'v>(
        &self,
        name: &'static str,
        given: impl Iterator<Item = &'v Spanned<Value>>,
        column: &Column,
    ) -> Result<Values> {
        let (mut texts, mut numbers) = (Vec::new(), Vec::new());
        for value in given {
            let found = value.value.to_string();
            match &value.value {
                Value::One(Literal::Text(text)) if is_text(&column.data_type) => texts.push(text.clone()),
                Value::One(Literal::Whole(number)) if is_whole(&column.data_type) => numbers.push(*number),
                _ if is_text(&column.data_type) => {
                    return Err(self.not_allowed(name, value.referenced, &found, "a text: put it in quotes"));
                }
                _ if is_whole(&column.data_type) => {
                    return Err(self.not_allowed(name, value.referenced, &found, "a whole number"));
                }
                _ => {
                    let rule = "values of a column of text or of whole numbers";
                    return Err(self.not_allowed(name, value.referenced, &found, rule));
                }
            }
        }
        texts.sort_unstable();
        texts.dedup();
        numbers.sort_unstable();
        numbers.dedup();
        Ok(if is_text(&column.data_type) { Values::Text(texts) } else { Values::Whole(numbers) })
    }

    fn threshold(&self, raw: &RawRule, at: Place) -> Result<Threshold> {
        let one = |operator, given: &Option<Spanned<f64>>| {
            given.as_ref().map(|given| (operator, vec![given.value], given.referenced))
        };
        let two = |operator, given: &Option<Spanned<Vec<f64>>>| {
            given.as_ref().map(|given| (operator, given.value.clone(), given.referenced))
        };
        let given = [
            one(Operator::Be, &raw.must_be),
            one(Operator::NotBe, &raw.must_not_be),
            one(Operator::BeGreaterThan, &raw.must_be_greater_than),
            one(Operator::BeGreaterOrEqualTo, &raw.must_be_greater_or_equal_to),
            one(Operator::BeLessThan, &raw.must_be_less_than),
            one(Operator::BeLessOrEqualTo, &raw.must_be_less_or_equal_to),
            two(Operator::BeBetween, &raw.must_be_between),
            two(Operator::NotBeBetween, &raw.must_not_be_between),
        ];
        let given = given.into_iter().flatten().collect::<Vec<_>>();
        let [(operator, values, place)] = given.as_slice() else {
            let found = format!("{} thresholds", given.len());
            return Err(self.not_allowed(
                "the rule",
                at,
                &found,
                "with one of mustBe, mustBeLessThan, mustBeBetween, ...",
            ));
        };
        let finite = values.iter().all(|value| value.is_finite());
        match (operator, values.as_slice()) {
            (Operator::BeBetween | Operator::NotBeBetween, [value, to]) if finite && value < to => {
                Ok(Threshold { operator: *operator, value: *value, to: *to })
            }
            (Operator::BeBetween | Operator::NotBeBetween, _) => {
                Err(self.not_allowed("the threshold", *place, "another list", "two numbers, the smaller first"))
            }
            (_, [value]) if finite => Ok(Threshold { operator: *operator, value: *value, to: *value }),
            _ => Err(self.not_allowed("the threshold", *place, "no finite number", "a number")),
        }
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

    // Words and values.

    fn custom<'r>(&self, raw: &'r [RawCustom], known: &'static [&'static str]) -> Result<Custom<'r>> {
        let mut custom = Custom(Vec::new());
        for RawCustom { property, value, .. } in raw {
            let Some(name) = known.iter().find(|name| **name == property.value) else {
                self.is_of_others(property, known)?;
                continue;
            };
            if custom.get(name).is_some() {
                let name = property.value.clone();
                return Err(Error::Repeated { at: self.at(property.referenced), what: "property", name });
            }
            custom.0.push((name, value));
        }
        Ok(custom)
    }

    /// A property of somebody else's; what is nearly one of ours, or one of ours in the wrong place, is a mistake.
    fn is_of_others(&self, property: &Text, known: &'static [&'static str]) -> Result<()> {
        let ours = || [OF_CONTRACT, OF_COLUMN, OF_RULE].into_iter().flatten().copied();
        let telling = ours().filter(|name| name.len() >= TELLING_LENGTH).collect::<Vec<_>>();
        let is_meant = ours().any(|name| name.eq_ignore_ascii_case(&property.value))
            || nearest(&property.value, &telling).is_some();
        if !is_meant {
            return Ok(());
        }
        let fault = Fault::UnknownName { name: property.value.clone(), allowed: known.to_vec() };
        Err(Misread { at: self.at(property.referenced), fault }.into())
    }

    pub(super) fn word<T: Vocabulary>(&self, text: &Text) -> Result<T> {
        self.word_at(text.referenced, &text.value)
    }

    fn custom_word<T: Vocabulary>(&self, custom: &Custom<'_>, name: &'static str) -> Result<Option<T>> {
        let Some(value) = custom.get(name) else { return Ok(None) };
        self.word_at(value.referenced, &self.text(name, value)?).map(Some)
    }

    fn word_at<T: Vocabulary>(&self, at: Place, word: &str) -> Result<T> {
        let named = T::MEMBERS.iter().copied().find(|member| member.word() == word);
        named.ok_or_else(|| {
            let allowed = T::MEMBERS.iter().map(|member| member.word()).collect();
            let fault = Fault::UnknownName { name: word.to_owned(), allowed };
            Misread { at: self.at(at), fault }.into()
        })
    }

    fn text(&self, name: &'static str, value: &Spanned<Value>) -> Result<String> {
        match value.value.text().map(str::trim) {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(self.not_allowed(name, value.referenced, &value.value.to_string(), LINE)),
        }
    }

    fn line(&self, name: &'static str, text: &Text) -> Result<String> {
        self.rule(name, text, |text| !text.trim().is_empty() && !text.contains('\n'), LINE)?;
        Ok(text.value.trim().to_owned())
    }

    /// The name of a stream or a column.
    fn name(&self, name: &'static str, text: &Text) -> Result<String> {
        let is_name = |text: &str| {
            let legible = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            text.len() <= 64 && text.chars().all(legible) && text.starts_with(|c: char| !c.is_ascii_digit())
        };
        self.rule(name, text, is_name, NAME)?;
        Ok(text.value.clone())
    }

    fn version(&self, name: &'static str, text: &Text) -> Result<Version> {
        version(&text.value).ok_or_else(|| self.broken(name, text, VERSION))
    }

    fn custom_version(&self, value: &Spanned<Value>) -> Result<Version> {
        let found = value.value.to_string();
        version(&found).ok_or_else(|| self.not_allowed("sinceVersion", value.referenced, &found, VERSION))
    }

    fn day(&self, custom: &Custom<'_>, name: &'static str) -> Result<Option<NaiveDate>> {
        let Some(value) = custom.get(name) else { return Ok(None) };
        let found = value.value.to_string();
        let day = NaiveDate::parse_from_str(&found, "%Y-%m-%d").ok().filter(|day| day.to_string() == found);
        day.map(Some).ok_or_else(|| self.not_allowed(name, value.referenced, &found, DAY))
    }

    /// A length of time under `slaProperties`.
    fn span(&self, raw: &[RawSla], name: &'static str) -> Result<Option<Duration>> {
        let mut given = raw.iter().filter(|sla| sla.property.value == name);
        let Some(sla) = given.next() else { return Ok(None) };
        if let Some(second) = given.next() {
            let at = self.at(second.property.referenced);
            return Err(Error::Repeated { at, what: "property", name: name.to_owned() });
        }
        let unit = sla.unit.as_ref().ok_or_else(|| Misread::missing(self.at(sla.property.referenced), "unit"))?;
        let seconds = seconds(&unit.value).ok_or_else(|| {
            self.broken("unit", unit, "one of s, m, h, d, y: seconds, minutes, hours, days, years of 365 days")
        })?;
        let number = sla.value.value.number().filter(|number| *number > 0.0);
        let span = number.and_then(|number| Duration::try_from_secs_f64(number * seconds).ok());
        let rule = "a number above 0";
        let found = sla.value.value.to_string();
        span.map(Some).ok_or_else(|| self.not_allowed(name, sla.value.referenced, &found, rule))
    }

    fn rule(
        &self,
        name: &'static str,
        text: &Text,
        holds: impl FnOnce(&str) -> bool,
        rule: &'static str,
    ) -> Result<()> {
        if holds(&text.value) { Ok(()) } else { Err(self.broken(name, text, rule)) }
    }

    fn must(&self, holds: bool, name: &'static str, at: Place, rule: &'static str) -> Result<()> {
        if holds { Ok(()) } else { Err(self.not_allowed(name, at, "another", rule)) }
    }

    pub(super) fn not_allowed(&self, name: &'static str, at: Place, found: &str, rule: &'static str) -> Error {
        Error::NotAllowed { at: self.at(at), name, found: found.to_owned(), rule }
    }

    pub(super) fn at(&self, place: Place) -> Location {
        self.source.at(place)
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

fn version(text: &str) -> Option<Version> {
    text.parse().ok().filter(|version: &Version| version.build.is_empty())
}

fn seconds(unit: &str) -> Option<f64> {
    match unit {
        "s" | "sec" | "second" | "seconds" => Some(1.0),
        "m" | "min" | "minute" | "minutes" => Some(60.0),
        "h" | "hr" | "hour" | "hours" => Some(3600.0),
        "d" | "day" | "days" => Some(86_400.0),
        "y" | "yr" | "year" | "years" => Some(365.0 * 86_400.0),
        _ => None,
    }
}
