//! How is a function over sketches called, row by row?

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryArray, Float64Array, Int64Array};
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, exec_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use tidegate_sketch::Shape;

/// A function of one row.
#[derive(Debug, Clone)]
pub(super) struct Function {
    name: &'static str,
    parameters: &'static [Parameter],
    /// The type of the answer, by those of the arguments.
    returns: fn(&[DataType]) -> DataType,
    answer: fn(&Rows) -> Result<ArrayRef>,
    signature: Signature,
}

/// An argument: its name, what it takes, and whether it can be left out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) takes: Takes,
    pub(super) optional: bool,
}

/// What an argument takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Bytes,
    Number,
    Integer,
    /// A number or a list of numbers.
    Numbers,
}

/// The sketch of a function of one.
pub(super) const SKETCH: Parameter = Parameter { name: "s", takes: Takes::Bytes, optional: false };

impl Function {
    pub(super) fn new(
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
            (Takes::Numbers, DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..)) => Some(list()),
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
        let answer = (self.answer)(&Rows { name: self.name, columns })?;
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
pub(super) struct Rows {
    name: &'static str,
    columns: Vec<ArrayRef>,
}

impl Rows {
    /// The answer for each row.
    pub(super) fn answers<T>(&self, mut answer: impl FnMut(usize) -> Result<Option<T>>) -> Result<Vec<Option<T>>> {
        (0..self.columns.first().map_or(0, |column| column.len())).map(&mut answer).collect()
    }

    /// Bytes of argument `column`.
    pub(super) fn bytes(&self, column: usize, row: usize) -> Option<&[u8]> {
        let column: &BinaryArray = self.columns[column].as_binary();
        column.is_valid(row).then(|| column.value(row))
    }

    /// A number of argument `column`; none if it was left out.
    pub(super) fn number(&self, column: usize, row: usize) -> Option<f64> {
        let column: &Float64Array = self.columns.get(column)?.as_primitive_opt::<Float64Type>()?;
        column.is_valid(row).then(|| column.value(row))
    }

    /// An integer of argument `column`; none if it was left out.
    pub(super) fn integer(&self, column: usize, row: usize) -> Option<i64> {
        let column: &Int64Array = self.columns.get(column)?.as_primitive_opt::<Int64Type>()?;
        column.is_valid(row).then(|| column.value(row))
    }

    /// Whether argument `column` was given.
    pub(super) fn has(&self, column: usize) -> bool {
        column < self.columns.len()
    }

    pub(super) fn column(&self, column: usize) -> &ArrayRef {
        &self.columns[column]
    }

    /// What `read` makes of the sketch in argument `column`.
    pub(super) fn sketch<S>(
        &self,
        column: usize,
        row: usize,
        read: impl Fn(&[u8]) -> tidegate_sketch::Result<S>,
    ) -> Result<Option<S>> {
        self.bytes(column, row).map(|bytes| self.of_sketch(read(bytes))).transpose()
    }

    /// The reference and the current sketch; nothing if one is null.
    pub(super) fn shapes(&self, row: usize) -> Result<Option<(Shape, Shape)>> {
        let reference = self.sketch(0, row, Shape::from_bytes)?;
        Ok(reference.zip(self.sketch(1, row, Shape::from_bytes)?))
    }

    /// An answer of the room `sketch`.
    pub(super) fn of_sketch<T>(&self, answer: tidegate_sketch::Result<T>) -> Result<T> {
        answer.map_err(|error| exec_datafusion_err!("{}: {error}", self.name))
    }

    /// An answer of the room `stats`, which has none for a side without rows and for a single bin.
    pub(super) fn of_stats<T>(&self, answer: tidegate_stats::Result<T>) -> Result<Option<T>> {
        use tidegate_stats::Error::{EmptySample, SingleBin};
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(EmptySample | SingleBin) => Ok(None),
            Err(error) => exec_err!("{}: {error}", self.name),
        }
    }
}

/// The answer, unless it is no finite number.
pub(super) fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}
