//! Which Arrow type does a column have?
//!
//! `logicalType` says the kind; `physicalType` (in SQL's words) or `logicalTypeOptions.format` may narrow it. Without
//! either, whole numbers have 64 bits and others are doubles.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use serde::Deserialize;
use tidegate_document::{Misread, Spanned};

use super::raw::{RawOptions, RawPart, RawProperty, Text};
use super::reader::Reader;
use crate::Result;
use crate::field::{coded, instant};

/// The standard's `logicalType`.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Logical {
    String,
    Date,
    Timestamp,
    Time,
    Number,
    Integer,
    Object,
    Array,
    Boolean,
}

/// What is said of a type, of a column or of a part of one.
pub(super) struct Shape<'a> {
    name: Option<&'a Text>,
    logical: &'a Spanned<Logical>,
    options: Option<&'a RawOptions>,
    physical: Option<&'a Text>,
    items: Option<&'a Spanned<RawPart>>,
    properties: Option<&'a Spanned<Vec<Spanned<RawPart>>>>,
}

impl<'a> From<&'a RawProperty> for Shape<'a> {
    fn from(raw: &'a RawProperty) -> Self {
        Self {
            name: Some(&raw.name),
            logical: &raw.logical_type,
            options: raw.logical_type_options.as_ref(),
            physical: raw.physical_type.as_ref(),
            items: raw.items.as_deref(),
            properties: raw.properties.as_ref(),
        }
    }
}

impl<'a> From<&'a RawPart> for Shape<'a> {
    fn from(raw: &'a RawPart) -> Self {
        Self {
            name: raw.name.as_ref(),
            logical: &raw.logical_type,
            options: raw.logical_type_options.as_ref(),
            physical: raw.physical_type.as_ref(),
            items: raw.items.as_deref(),
            properties: raw.properties.as_ref(),
        }
    }
}

impl Reader<'_> {
    pub(super) fn data_type(&self, shape: &Shape<'_>) -> Result<DataType> {
        let logical = shape.logical.value;
        self.nests(shape, logical)?;
        match logical {
            Logical::Array => self.list(shape),
            Logical::Object => self.block(shape),
            _ => self.plain(shape, logical),
        }
    }

    /// Only lists have items, and only blocks have properties.
    fn nests(&self, shape: &Shape<'_>, logical: Logical) -> Result<()> {
        let items = shape.items.map(|items| items.referenced).filter(|_| logical != Logical::Array);
        if let Some(at) = items {
            return Err(self.not_allowed("items", at, "given", "left out but for `logicalType: array`"));
        }
        let fields = shape.properties.map(|fields| fields.referenced).filter(|_| logical != Logical::Object);
        if let Some(at) = fields {
            return Err(self.not_allowed("properties", at, "given", "left out but for `logicalType: object`"));
        }
        Ok(())
    }

    fn list(&self, shape: &Shape<'_>) -> Result<DataType> {
        let items = shape.items.ok_or_else(|| Misread::missing(self.at(shape.logical.referenced), "items"))?;
        let item = Field::new("item", self.data_type(&Shape::from(&items.value))?, !items.value.required);
        Ok(DataType::List(Arc::new(item)))
    }

    fn block(&self, shape: &Shape<'_>) -> Result<DataType> {
        let missing = || Misread::missing(self.at(shape.logical.referenced), "properties");
        let parts = shape.properties.ok_or_else(missing)?;
        let field = |part: &Spanned<RawPart>| {
            let shape = Shape::from(&part.value);
            let name = shape.name.ok_or_else(|| Misread::missing(self.at(part.referenced), "name"))?;
            Ok(Field::new(&name.value, self.data_type(&shape)?, !part.value.required))
        };
        let fields = parts.value.iter().map(field).collect::<Result<Vec<_>>>()?;
        if fields.is_empty() {
            return Err(self.not_allowed("properties", parts.referenced, "empty", "one field or more"));
        }
        Ok(DataType::Struct(Fields::from(fields)))
    }

    fn plain(&self, shape: &Shape<'_>, logical: Logical) -> Result<DataType> {
        let physical = shape.physical.map(|text| self.physical(logical, text)).transpose()?;
        let format = shape.options.and_then(|options| options.format.as_ref());
        let format = match (logical, format) {
            (Logical::Integer | Logical::Number, Some(text)) => Some((text, self.format(logical, text)?)),
            _ => None,
        };
        match (physical, format) {
            (Some(physical), Some((text, format))) if physical != format => {
                Err(self.broken("format", text, "that of `physicalType`"))
            }
            (Some(data_type), _) | (None, Some((_, data_type))) => Ok(data_type),
            (None, None) => Ok(by_default(logical)),
        }
    }

    fn physical(&self, logical: Logical, text: &Text) -> Result<DataType> {
        let word = text.value.to_ascii_lowercase();
        let (data_type, rule) = match logical {
            Logical::String => (text_type(&word), "varchar, or dictionary for few distinct texts"),
            Logical::Integer => (whole_type(&word), "one of smallint, int, bigint"),
            Logical::Number => (number_type(&word), "one of real, double"),
            Logical::Boolean => (is(&word, &["boolean", "bool"], DataType::Boolean), "boolean"),
            Logical::Date => (is(&word, &["date"], DataType::Date32), "date"),
            Logical::Time => (is(&word, &["time", "time(6)"], by_default(logical)), "time: microseconds"),
            _ => (is(&word, &["timestamp", "timestamp(6)"], instant()), "timestamp: microseconds, UTC"),
        };
        data_type.ok_or_else(|| self.broken("physicalType", text, rule))
    }

    fn format(&self, logical: Logical, text: &Text) -> Result<DataType> {
        let (data_type, rule) = match (logical, text.value.as_str()) {
            (Logical::Integer, "i16") => (Some(DataType::Int16), ""),
            (Logical::Integer, "i32") => (Some(DataType::Int32), ""),
            (Logical::Integer, "i64") => (Some(DataType::Int64), ""),
            (Logical::Number, "f32") => (Some(DataType::Float32), ""),
            (Logical::Number, "f64") => (Some(DataType::Float64), ""),
            (Logical::Integer, _) => (None, "one of i16, i32, i64"),
            _ => (None, "f32 or f64"),
        };
        data_type.ok_or_else(|| self.broken("format", text, rule))
    }
}

fn by_default(logical: Logical) -> DataType {
    match logical {
        Logical::Date => DataType::Date32,
        Logical::Timestamp => instant(),
        Logical::Time => DataType::Time64(TimeUnit::Microsecond),
        Logical::Number => DataType::Float64,
        Logical::Integer => DataType::Int64,
        Logical::Boolean => DataType::Boolean,
        Logical::String | Logical::Object | Logical::Array => DataType::Utf8,
    }
}

fn text_type(word: &str) -> Option<DataType> {
    match word {
        "varchar" | "text" | "string" => Some(DataType::Utf8),
        "dictionary" => Some(coded()),
        _ => None,
    }
}

fn whole_type(word: &str) -> Option<DataType> {
    match word {
        "smallint" => Some(DataType::Int16),
        "int" | "integer" => Some(DataType::Int32),
        "bigint" => Some(DataType::Int64),
        _ => None,
    }
}

fn number_type(word: &str) -> Option<DataType> {
    match word {
        "real" | "float" => Some(DataType::Float32),
        "double" => Some(DataType::Float64),
        _ => None,
    }
}

fn is(word: &str, words: &[&str], data_type: DataType) -> Option<DataType> {
    words.contains(&word).then_some(data_type)
}
