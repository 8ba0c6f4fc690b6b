//! Which columns and which constants was a function called with?

use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::array::{Array, AsArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, ScalarValue, exec_err, internal_err, plan_err};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;

/// How a function is called: columns of numbers, then constants that may be left out.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Call {
    pub(super) name: &'static str,
    pub(super) columns: &'static [&'static str],
    /// Names of the constants; their defaults are the function's.
    pub(super) constants: &'static [&'static str],
}

impl Call {
    /// Every argument is a number.
    pub(super) fn coerce(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let (least, most) = (self.columns.len(), self.columns.len() + self.constants.len());
        if !(least..=most).contains(&arguments.len()) {
            return plan_err!("{} takes {least} to {most} arguments: {}", self.name, self.usage());
        }
        if let Some(other) = arguments.iter().find(|argument| !argument.is_numeric() && !argument.is_null()) {
            return plan_err!("{} takes numbers, not {other}: {}", self.name, self.usage());
        }
        Ok(vec![DataType::Float64; arguments.len()])
    }

    /// The constants that were given, else the defaults.
    pub(super) fn constants<const N: usize>(
        &self,
        arguments: &[Arc<dyn PhysicalExpr>],
        mut defaults: [f64; N],
    ) -> Result<[f64; N]> {
        let given = arguments.iter().skip(self.columns.len());
        for ((value, argument), name) in defaults.iter_mut().zip(given).zip(self.constants) {
            *value = match argument.downcast_ref::<Literal>().map(Literal::value) {
                Some(ScalarValue::Float64(Some(value))) => *value,
                _ => return exec_err!("{name} of {} must be a constant number: {}", self.name, self.usage()),
            };
        }
        Ok(defaults)
    }

    /// The columns of a partition.
    pub(super) fn columns<'a, const N: usize>(&self, values: &'a [ArrayRef]) -> Result<[&'a Float64Array; N]> {
        let columns = values.iter().take(N).filter_map(|column| column.as_primitive_opt::<Float64Type>());
        match <[&Float64Array; N]>::try_from(columns.collect::<Vec<_>>()) {
            Ok(columns) => Ok(columns),
            Err(_) => internal_err!("{} was given other columns than it asked for", self.name),
        }
    }

    fn usage(&self) -> String {
        let columns = self.columns.join(", ");
        let constants = self.constants.iter().map(|name| format!(" [, {name}]")).collect::<String>();
        format!("{}({columns}{constants}) OVER (...)", self.name)
    }
}

/// The finite number in that row; nothing where it is null, NaN or infinite: those say nothing of how far a value lies.
pub(super) fn number(column: &Float64Array, row: usize) -> Option<f64> {
    (column.is_valid(row)).then(|| column.value(row)).filter(|value| value.is_finite())
}
