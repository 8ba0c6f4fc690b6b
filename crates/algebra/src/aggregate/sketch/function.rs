//! `ddsketch`, `freq`, `hll`, `profile` and their `_merge`, as DataFusion calls them.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, ColumnarValue, Expr, GroupsAccumulator, Signature, Volatility,
};
use tidegate_sketch::{DdSketch, Freq, Hll, Profile};

use super::super::single::{SingleGroup, refuse_distinct};
use super::groups::Groups;
use super::sliding::{Recounting, Subtracting};
use super::source::{Categories, Column, Distinct, Kept, Numbers};
use super::tally::Tallied;
use crate::error::Error;

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    DdSketch,
    Freq,
    Hll,
    Profile,
}

impl Kind {
    /// The function over values, and the name of its second argument, if it takes one.
    fn names(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::DdSketch => ("ddsketch", Some("alpha")),
            Self::Freq => ("freq", Some("capacity")),
            Self::Hll => ("hll", Some("lg_k")),
            Self::Profile => ("profile", None),
        }
    }

    /// As which type values of `argument` are read.
    fn read_as(self, argument: &DataType) -> Option<DataType> {
        if let DataType::Dictionary(_, values) = argument {
            return self.read_as(values);
        }
        let text = argument.is_string() || *argument == DataType::Boolean;
        match self {
            _ if argument.is_null() => Some(if self == Self::Freq { DataType::Utf8View } else { DataType::Float64 }),
            Self::DdSketch => argument.is_numeric().then_some(DataType::Float64),
            Self::Freq => (text || argument.is_integer()).then_some(DataType::Utf8View),
            Self::Profile if argument.is_numeric() => Some(DataType::Float64),
            Self::Profile => text.then_some(DataType::Utf8View),
            Self::Hll if *argument == DataType::UInt64 => Some(DataType::UInt64),
            Self::Hll if argument.is_integer() => Some(DataType::Int64),
            Self::Hll if argument.is_floating() => Some(DataType::Float64),
            // Digits of a decimal may be more than a double has.
            Self::Hll => (text || argument.is_decimal()).then_some(DataType::Utf8View),
        }
    }

    fn takes(self) -> &'static str {
        match self {
            Self::DdSketch => "numbers",
            Self::Freq => "text, integers or booleans; round or CAST other numbers first",
            Self::Hll | Self::Profile => "numbers, text or booleans",
        }
    }
}

/// An aggregate that keeps a sketch of values, or merges kept ones.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct SketchFunction {
    kind: Kind,
    merges: bool,
    name: String,
    signature: Signature,
}

impl SketchFunction {
    pub(super) fn over_values(kind: Kind) -> Self {
        let (name, parameter) = kind.names();
        let mut signature = Signature::user_defined(Volatility::Immutable);
        signature.parameter_names = Some(["x"].into_iter().chain(parameter).map(String::from).collect());
        Self { kind, merges: false, name: name.to_owned(), signature }
    }

    pub(super) fn over_sketches(kind: Kind) -> Self {
        let signature = Signature::user_defined(Volatility::Immutable);
        Self { kind, merges: true, name: format!("{}_merge", kind.names().0), signature }
    }

    /// The second argument, or `default`.
    fn parameter(&self, args: &AccumulatorArgs, default: f64) -> Result<f64> {
        let Some(argument) = args.exprs.get(1) else {
            return Ok(default);
        };
        let nothing = RecordBatch::new_empty(Arc::new(Schema::empty()));
        match argument.evaluate(&nothing) {
            Ok(ColumnarValue::Scalar(value)) => self.constant(&value),
            _ => self.refuse_parameter(),
        }
    }

    /// The value of a second argument that is a constant.
    fn constant(&self, value: &ScalarValue) -> Result<f64> {
        match value.cast_to(&DataType::Float64) {
            Ok(ScalarValue::Float64(Some(value))) => Ok(value),
            _ => self.refuse_parameter(),
        }
    }

    fn refuse_parameter<T>(&self) -> Result<T> {
        let (name, parameter) = self.kind.names();
        plan_err!("{} of {name} is a constant number, the same for all rows", parameter.unwrap_or("an argument"))
    }

    fn numbers(&self, alpha: f64) -> Result<Numbers> {
        Ok(Numbers(DdSketch::new(alpha).map_err(Error::from)?))
    }

    fn categories(&self, capacity: f64) -> Result<Categories> {
        // What is no whole number in range becomes one that is out of range.
        let whole = capacity.fract() == 0.0;
        Ok(Categories(Freq::new(if whole { capacity as u32 } else { 0 }).map_err(Error::from)?))
    }

    fn distinct(&self, lg_k: f64) -> Result<Distinct> {
        let whole = lg_k.fract() == 0.0;
        Ok(Distinct(Hll::new(if whole { lg_k as u8 } else { 0 }).map_err(Error::from)?))
    }

    fn parameter_hint(&self) -> String {
        match self.kind.names().1 {
            Some(parameter) if !self.merges => format!(", and {parameter} if you like"),
            _ => String::new(),
        }
    }

    /// Refuses a second argument that is out of range.
    fn check(&self, parameter: f64) -> Result<()> {
        match self.kind {
            Kind::DdSketch => self.numbers(parameter).map(drop),
            Kind::Freq => self.categories(parameter).map(drop),
            Kind::Hll => self.distinct(parameter).map(drop),
            Kind::Profile => Ok(()),
        }
    }
}

/// Runs `$body` with `$source` bound to what `$function` adds to its sketches.
macro_rules! with_source {
    ($function:expr, $args:expr, |$source:ident| $body:expr) => {
        with_source!($function, $args, |$source| $body, |$source| $body)
    };
    // The first body for sketches from which rows can be taken back, the second for others.
    ($function:expr, $args:expr, |$source:ident| $subtracts:expr, |$other:ident| $recounts:expr) => {
        match ($function.kind, $function.merges) {
            (Kind::DdSketch, false) => {
                let $source = $function.numbers($function.parameter($args, DdSketch::ALPHA)?)?;
                $subtracts
            }
            (Kind::Freq, false) => {
                let $source = $function.categories($function.parameter($args, Freq::CAPACITY.into())?)?;
                $subtracts
            }
            (Kind::Hll, false) => {
                let $other = $function.distinct($function.parameter($args, Hll::LG_K.into())?)?;
                $recounts
            }
            (Kind::Profile, false) => {
                let $other = Column { numbers: *$args.expr_fields[0].data_type() == DataType::Float64 };
                $recounts
            }
            (Kind::DdSketch, true) => {
                let $source = Kept::<DdSketch>::default();
                $subtracts
            }
            (Kind::Freq, true) => {
                let $source = Kept::<Freq>::default();
                $subtracts
            }
            (Kind::Hll, true) => {
                let $other = Kept::<Hll>::default();
                $recounts
            }
            (Kind::Profile, true) => {
                let $other = Kept::<Profile>::default();
                $recounts
            }
        }
    };
}

impl AggregateUDFImpl for SketchFunction {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let (_, parameter) = self.kind.names();
        let (argument, parameters) = match arguments {
            [argument] => (argument, vec![]),
            [argument, given] if parameter.is_some() && !self.merges && (given.is_numeric() || given.is_null()) => {
                (argument, vec![DataType::Float64])
            }
            [_, _] if parameter.is_some() && !self.merges => return self.refuse_parameter(),
            _ => return plan_err!("{} takes one column{}", self.name, self.parameter_hint()),
        };
        let read_as = if self.merges {
            use DataType::{Binary, BinaryView, LargeBinary, Null};
            matches!(argument, Binary | LargeBinary | BinaryView | Null).then_some(Binary)
        } else {
            self.kind.read_as(argument)
        };
        let Some(read_as) = read_as else {
            let takes = if self.merges { "what its sister kept, bytes" } else { self.kind.takes() };
            return plan_err!("{} takes {takes}, not {argument}", self.name);
        };
        Ok([vec![read_as], parameters].concat())
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        // A merge of no sketch has none.
        Ok(vec![Arc::new(Field::new(format!("{}[sketch]", args.name), DataType::Binary, self.merges))])
    }

    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        // Nothing is simplified: the planner shows the call here, before any row is read.
        let function = Self { name: self.name.clone(), signature: self.signature.clone(), ..*self };
        Some(Box::new(move |call, _| {
            match call.params.args.get(1) {
                Some(Expr::Literal(value, _)) => function.check(function.constant(value)?)?,
                Some(_) => return function.refuse_parameter(),
                None => {}
            }
            Ok(Expr::AggregateFunction(call))
        }))
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        refuse_distinct(&args)?;
        with_source!(self, &args, |source| Ok(SingleGroup::boxed(Groups::new(source))))
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        refuse_distinct(&args)?;
        if let (Kind::Freq, false) = (self.kind, self.merges) {
            let source = self.categories(self.parameter(&args, Freq::CAPACITY.into())?)?;
            return Ok(Box::new(Tallied::new(Groups::new(source))));
        }
        with_source!(self, &args, |source| Ok(Box::new(Groups::new(source)) as _))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        refuse_distinct(&args)?;
        with_source!(self, &args, |source| Ok(Subtracting::boxed(source)), |source| Ok(Recounting::boxed(source)))
    }
}
