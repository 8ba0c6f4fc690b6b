//! How is a function of one row called?
//!
//! It names its arguments, so that it can be called by them, and says which may be left out. Absent: what the arguments
//! mean; sketches are read in `sketch::read`.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Float64Array, Int64Array, StringArray, StructArray,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Field, Fields, Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

/// A function of one row.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    name: &'static str,
    parameters: &'static [Parameter],
    /// The type of the answer, by those of the arguments.
    returns: fn(&[DataType]) -> DataType,
    answer: fn(&Rows) -> Result<ArrayRef>,
    signature: Signature,
}

/// An argument: its name, what it takes, and whether it can be left out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) takes: Takes,
    pub(crate) optional: bool,
}

/// What an argument takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Bytes,
    Number,
    Integer,
    /// A number or a list of numbers.
    Numbers,
    /// A list of numbers.
    List,
    /// A word of a few.
    Word,
}

impl Parameter {
    /// One that must be given.
    pub(crate) const fn of(name: &'static str, takes: Takes) -> Self {
        Self { name, takes, optional: false }
    }

    /// One that may be left out.
    pub(crate) const fn optional(name: &'static str, takes: Takes) -> Self {
        Self { name, takes, optional: true }
    }
}

impl Function {
    pub(crate) fn new(
        name: &'static str,
        parameters: &'static [Parameter],
        returns: fn(&[DataType]) -> DataType,
        answer: fn(&Rows) -> Result<ArrayRef>,
    ) -> Self {
        let mut signature = Signature::user_defined(Volatility::Immutable);
        signature.parameter_names = Some(parameters.iter().map(|parameter| parameter.name.to_owned()).collect());
        Self { name, parameters, returns, answer, signature }
    }

    fn read_as(&self, parameter: &Parameter, argument: &DataType) -> Result<DataType> {
        let list = || DataType::List(Arc::new(Field::new_list_field(DataType::Float64, true)));
        let read_as = match (parameter.takes, argument) {
            (Takes::Bytes, DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::Null) => {
                Some(DataType::Binary)
            }
            (
                Takes::Numbers | Takes::List,
                DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..),
            ) => Some(list()),
            (Takes::List, DataType::Null) => Some(list()),
            (Takes::Word, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null) => {
                Some(DataType::Utf8)
            }
            (Takes::Number | Takes::Numbers, number) if number.is_numeric() || number.is_null() => {
                Some(DataType::Float64)
            }
            (Takes::Integer, integer) if integer.is_integer() || integer.is_null() => Some(DataType::Int64),
            _ => None,
        };
        let takes = match parameter.takes {
            Takes::Bytes => "bytes, as an aggregate over a sketch answers them",
            Takes::Number => "a number",
            Takes::Integer => "an integer",
            Takes::Numbers => "a number or a list of numbers",
            Takes::List => "a list of numbers",
            Takes::Word => "a text",
        };
        match read_as {
            Some(read_as) => Ok(read_as),
            None => plan_err!("{} of {} is {takes}, not {argument}", parameter.name, self.name),
        }
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let required = self.parameters.iter().filter(|parameter| !parameter.optional).count();
        if arguments.len() < required || arguments.len() > self.parameters.len() {
            let optional = |parameter: &Parameter| match parameter.optional {
                true => format!("[{}]", parameter.name),
                false => parameter.name.to_owned(),
            };
            let names = self.parameters.iter().map(optional).collect::<Vec<_>>().join(", ");
            return plan_err!("write {}({names})", self.name);
        }
        self.parameters.iter().zip(arguments).map(|(parameter, argument)| self.read_as(parameter, argument)).collect()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok((self.returns)(arguments))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let answer = (self.answer)(&Rows { name: self.name, parameters: self.parameters, columns })?;
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&answer, 0)?));
        }
        Ok(ColumnarValue::Array(answer))
    }
}

// A function is its name: nobody else makes one.
impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// The arguments of all rows.
pub(crate) struct Rows {
    name: &'static str,
    parameters: &'static [Parameter],
    columns: Vec<ArrayRef>,
}

impl Rows {
    /// The answer for each row.
    pub(crate) fn answers<T>(&self, mut answer: impl FnMut(usize) -> Result<Option<T>>) -> Result<Vec<Option<T>>> {
        (0..self.columns.first().map_or(0, |column| column.len())).map(&mut answer).collect()
    }

    /// The function that was called.
    pub(crate) fn function(&self) -> &'static str {
        self.name
    }

    /// What argument `column` is called.
    pub(crate) fn parameter(&self, column: usize) -> &'static str {
        self.parameters[column].name
    }

    /// Bytes of argument `column`.
    pub(crate) fn bytes(&self, column: usize, row: usize) -> Option<&[u8]> {
        let column: &BinaryArray = self.columns[column].as_binary();
        column.is_valid(row).then(|| column.value(row))
    }

    /// A number of argument `column`; none if it was left out.
    pub(crate) fn number(&self, column: usize, row: usize) -> Option<f64> {
        let column: &Float64Array = self.columns.get(column)?.as_primitive_opt::<Float64Type>()?;
        column.is_valid(row).then(|| column.value(row))
    }

    /// An integer of argument `column`; none if it was left out.
    pub(crate) fn integer(&self, column: usize, row: usize) -> Option<i64> {
        let column: &Int64Array = self.columns.get(column)?.as_primitive_opt::<Int64Type>()?;
        column.is_valid(row).then(|| column.value(row))
    }

    /// A word of argument `column`; none if it was left out.
    pub(crate) fn word(&self, column: usize, row: usize) -> Option<&str> {
        let column: &StringArray = self.columns.get(column)?.as_string_opt::<i32>()?;
        column.is_valid(row).then(|| column.value(row))
    }

    /// A list of argument `column`, none if it or a number in it is null.
    pub(crate) fn list(&self, column: usize, row: usize) -> Option<Vec<f64>> {
        let column = self.columns.get(column)?.as_list_opt::<i32>()?;
        if column.is_null(row) {
            return None;
        }
        let numbers = column.value(row);
        numbers.as_primitive_opt::<Float64Type>()?.iter().collect()
    }

    /// Whether argument `column` was given.
    pub(crate) fn has(&self, column: usize) -> bool {
        column < self.columns.len()
    }

    pub(crate) fn column(&self, column: usize) -> &ArrayRef {
        &self.columns[column]
    }

    /// An answer of the room `stats`, which has none for a side without rows and for a single bin.
    pub(crate) fn of_stats<T>(&self, answer: tidegate_stats::Result<T>) -> Result<Option<T>> {
        use tidegate_stats::Error::{EmptySample, SingleBin};
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(EmptySample | SingleBin) => Ok(None),
            Err(error) => exec_err!("{}: {error}", self.name),
        }
    }
}

/// The answer, unless it is no finite number.
pub(crate) fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}

/// Fields of numbers.
pub(crate) fn doubles(names: &[&str]) -> Fields {
    names.iter().map(|name| Field::new(*name, DataType::Float64, true)).collect()
}

/// Structs that are null where they are not `valid`.
pub(crate) fn structs(fields: Fields, columns: Vec<ArrayRef>, valid: impl Iterator<Item = bool>) -> Result<ArrayRef> {
    Ok(Arc::new(StructArray::try_new(fields, columns, Some(NullBuffer::from_iter(valid)))?))
}
