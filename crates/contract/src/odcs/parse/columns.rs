//! What does a contract promise of each column, beside the rules its values keep?

use std::collections::HashSet;

use arrow::datatypes::DataType;
use semver::Version;
use tidegate_document::Spanned;

use crate::kinds::{is_text, is_whole};
use crate::odcs::DataContract;
use crate::odcs::column::{Column, Literal};
use crate::odcs::custom::{Custom, OF_COLUMN};
use crate::odcs::raw::{RawObject, RawProperty};
use crate::odcs::reader::Reader;
use crate::odcs::types::Shape;
use crate::odcs::value::Value;
use crate::{Error, IngestPolicy, Result};

/// Columns that take extra attributes.
const ATTRIBUTE_PREFIX: &str = "attr_";

impl Reader<'_> {
    pub(super) fn columns(&self, object: &RawObject, contract: &mut DataContract) -> Result<()> {
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
}
