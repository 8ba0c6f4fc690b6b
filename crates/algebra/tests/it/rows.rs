//! Random telemetry: few keys and units, values from all corners of their types.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringViewArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use proptest::prelude::*;
use tidegate_sketch::{DdSketch, Freq, Hll, Profile};

/// The length of the windows in column `window_start`.
pub(crate) const WINDOW_US: i64 = 1_000;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) ts: i64,
    pub(crate) k: Option<u8>,
    pub(crate) u: Option<u8>,
    pub(crate) x: Option<f64>,
    pub(crate) i: Option<i64>,
    /// In units of the fourth decimal.
    pub(crate) d: Option<i64>,
    pub(crate) b: Option<bool>,
}

impl Row {
    pub(crate) fn window_start(&self) -> i64 {
        self.ts.div_euclid(WINDOW_US) * WINDOW_US
    }
}

pub(crate) fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("ts", time.clone(), false),
        Field::new("window_start", time, false),
        Field::new("k", DataType::Utf8View, true),
        Field::new("u", DataType::Utf8View, true),
        Field::new("x", DataType::Float64, true),
        Field::new("i", DataType::Int64, true),
        Field::new("d", DataType::Decimal128(18, 4), true),
        Field::new("b", DataType::Boolean, true),
        Field::new("dd", DataType::Binary, true),
        Field::new("freq", DataType::Binary, true),
        Field::new("hll", DataType::Binary, true),
        Field::new("profile", DataType::Binary, true),
    ]))
}

/// Names of different lengths: inside a string view and outside of it.
pub(crate) fn name_of(id: u8) -> String {
    if id.is_multiple_of(2) { format!("n{id}") } else { format!("a rather longer name {id}") }
}

pub(crate) fn batch(rows: &[Row]) -> RecordBatch {
    let times = |time: fn(&Row) -> i64| {
        Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(time)).with_timezone("UTC")) as ArrayRef
    };
    let names = |id: fn(&Row) -> Option<u8>| {
        Arc::new(rows.iter().map(|row| id(row).map(name_of)).collect::<StringViewArray>()) as ArrayRef
    };
    let decimals = rows.iter().map(|row| row.d.map(i128::from)).collect::<Decimal128Array>();
    let columns: Vec<ArrayRef> = vec![
        times(|row| row.ts),
        times(Row::window_start),
        names(|row| row.k),
        names(|row| row.u),
        Arc::new(rows.iter().map(|row| row.x).collect::<Float64Array>()),
        Arc::new(rows.iter().map(|row| row.i).collect::<Int64Array>()),
        Arc::new(decimals.with_precision_and_scale(18, 4).unwrap()),
        Arc::new(rows.iter().map(|row| row.b).collect::<BooleanArray>()),
        kept(rows, |x, _| {
            let mut sketch = DdSketch::default();
            sketch.add(x);
            sketch.to_bytes()
        }),
        kept(rows, |_, name| {
            let mut freq = Freq::new(3).unwrap();
            freq.add(name);
            freq.to_bytes()
        }),
        kept(rows, |x, _| {
            let mut hll = Hll::new(5).unwrap();
            hll.add_number(x);
            hll.to_bytes()
        }),
        kept(rows, |_, name| {
            let mut profile = Profile::of_categories();
            profile.add_category(name).unwrap();
            profile.to_bytes()
        }),
    ];
    RecordBatch::try_new(schema(), columns).unwrap()
}

/// A sketch of each row that has a number and a unit.
fn kept(rows: &[Row], sketch: impl Fn(f64, &str) -> Vec<u8>) -> ArrayRef {
    let sketch = |row: &Row| Some(sketch(row.x?, &name_of(row.u?)));
    Arc::new(rows.iter().map(sketch).collect::<BinaryArray>())
}

fn float() -> impl Strategy<Value = f64> {
    let special = vec![
        f64::NAN,
        -f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -0.0,
        0.0,
        f64::MAX,
        f64::MIN,
        5e-324,
        -f64::MIN_POSITIVE,
        1e16,
        -1e16,
    ];
    prop_oneof![
        3 => -1e3..1e3,
        2 => (-3_i8..4).prop_map(f64::from),
        1 => any::<f64>(),
        2 => prop::sample::select(special),
    ]
}

/// Integers that mostly fit when added up, and now and then do not.
fn integer(wild: bool) -> BoxedStrategy<i64> {
    if wild {
        prop_oneof![Just(i64::MAX), Just(i64::MIN), any::<i64>(), -5_i64..5].boxed()
    } else {
        prop_oneof![3 => -5_i64..5, 1 => -(1_i64 << 54)..1 << 54].boxed()
    }
}

fn row(wild: bool) -> impl Strategy<Value = Row> {
    let id = |count: u8| prop::option::weighted(0.9, 0..count);
    let decimal = -999_999_999_999_999_999..=999_999_999_999_999_999_i64;
    (
        -2_000_i64..4_000,
        id(4),
        id(9),
        prop::option::weighted(0.9, float()),
        prop::option::weighted(0.9, integer(wild)),
        prop::option::weighted(0.9, decimal),
        prop::option::weighted(0.9, any::<bool>()),
    )
        .prop_map(|(ts, k, u, x, i, d, b)| Row { ts, k, u, x, i, d, b })
}

pub(crate) fn rows() -> impl Strategy<Value = Vec<Row>> {
    prop::bool::weighted(0.1).prop_flat_map(|wild| prop::collection::vec(row(wild), 0..40))
}
