//! By what is a unit known in a state? By a keyed hash.
//!
//! 64 bits are enough: two units that share a hash count as one, which bounds them more and never less.

use datafusion::arrow::array::{Array, AsArray, UInt64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, UInt64Type};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

use crate::aggregate::{UnitKey, unit_kind};

/// The hash of `unit` under `key`.
pub(crate) fn unit_hash(key: UnitKey, unit: Expr) -> Expr {
    let function = UnitHash { key, signature: Signature::any(1, Volatility::Immutable) };
    ScalarUDF::new_from_impl(function).call(vec![unit])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct UnitHash {
    key: UnitKey,
    signature: Signature,
}

impl ScalarUDFImpl for UnitHash {
    fn name(&self) -> &'static str {
        "unit_hash"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match unit_kind(&arguments[0]) {
            Some(_) => Ok(DataType::UInt64),
            None => plan_err!("a privacy unit is text or an integer, not {}", arguments[0]),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let Some(kind) = unit_kind(arrays[0].data_type()) else {
            return plan_err!("a privacy unit is text or an integer, not {}", arrays[0].data_type());
        };
        let units = cast(&arrays[0], &kind)?;
        let hashes = match kind {
            DataType::Utf8View => self.hashes(&units, |row| units.as_string_view().value(row).as_bytes()),
            DataType::UInt64 => {
                let values = units.as_primitive::<UInt64Type>();
                self.hashes(&units, |row| values.value(row).to_le_bytes())
            }
            _ => {
                let values = units.as_primitive::<Int64Type>();
                self.hashes(&units, |row| values.value(row).to_le_bytes())
            }
        };
        Ok(ColumnarValue::Array(Arc::new(hashes)))
    }
}

impl UnitHash {
    fn hashes<B: AsRef<[u8]>>(&self, units: &dyn Array, bytes: impl Fn(usize) -> B) -> UInt64Array {
        let nulls = units.logical_nulls();
        let is_somebody = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        (0..units.len()).map(|row| is_somebody(row).then(|| self.key.hash64(bytes(row).as_ref()))).collect()
    }
}
