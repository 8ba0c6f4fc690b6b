//! One face for all sketches, so that each law is written once.

use std::fmt::Debug;

use proptest::prelude::*;
use tidegate_sketch::{DdSketch, Freq, Hll, Profile, Result};

/// A value as rows bring it.
#[derive(Debug, Clone)]
pub(crate) struct Value(pub(crate) Option<f64>);

impl Value {
    fn text(&self) -> Option<String> {
        self.0.map(|x| x.to_string())
    }
}

/// Values of few kinds, so that some are equal, and of all kinds.
pub(crate) fn values() -> impl Strategy<Value = Vec<Value>> {
    let special =
        prop::sample::select(vec![0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, 1e-9, 5e-324]);
    let number = prop_oneof![3 => -1e4..1e4, 3 => (-20_i8..20).prop_map(f64::from), 1 => any::<f64>(), 1 => special];
    prop::collection::vec(prop::option::weighted(0.9, number).prop_map(Value), 0..60)
}

pub(crate) trait Sketch: Clone + Debug + PartialEq {
    /// Whether values can be taken away again.
    const SUBTRACTS: bool;
    fn empty() -> Self;
    fn add(&mut self, value: &Value);
    fn merge(&mut self, other: &Self) -> Result<()>;
    fn subtract(&mut self, other: &Self) -> Result<()>;
    fn to_bytes(&self) -> Vec<u8>;
    fn from_bytes(bytes: &[u8]) -> Result<Self>;

    fn of(values: &[Value]) -> Self {
        let mut sketch = Self::empty();
        values.iter().for_each(|value| sketch.add(value));
        sketch
    }

    fn with(mut self, other: &Self) -> Self {
        self.merge(other).unwrap();
        self
    }
}

/// A sketch by its own methods, `$empty` when it is empty.
macro_rules! sketch {
    ($name:ident, $inner:ty, $subtracts:expr, $empty:expr, $add:expr, $subtract:expr) => {
        #[derive(Debug, Clone, PartialEq)]
        pub(crate) struct $name($inner);

        impl Sketch for $name {
            const SUBTRACTS: bool = $subtracts;
            fn empty() -> Self {
                Self($empty)
            }
            fn add(&mut self, value: &Value) {
                $add(&mut self.0, value);
            }
            fn merge(&mut self, other: &Self) -> Result<()> {
                self.0.merge(&other.0)
            }
            fn subtract(&mut self, other: &Self) -> Result<()> {
                $subtract(&mut self.0, &other.0)
            }
            fn to_bytes(&self) -> Vec<u8> {
                self.0.to_bytes()
            }
            fn from_bytes(bytes: &[u8]) -> Result<Self> {
                <$inner>::from_bytes(bytes).map(Self)
            }
        }
    };
}

fn add_number(sketch: &mut DdSketch, value: &Value) {
    match value.0 {
        Some(x) => sketch.add(x),
        None => sketch.add_null(),
    }
}

fn add_category(freq: &mut Freq, value: &Value) {
    match value.text() {
        Some(text) => freq.add(&text),
        None => freq.add_null(),
    }
}

fn add_distinct(hll: &mut Hll, value: &Value) {
    value.0.iter().for_each(|x| hll.add_number(*x));
}

fn profile_number(profile: &mut Profile, value: &Value) {
    match value.0 {
        Some(x) => profile.add_number(x).unwrap(),
        None => profile.add_null(),
    }
}

fn profile_category(profile: &mut Profile, value: &Value) {
    match value.text() {
        Some(text) => profile.add_category(&text).unwrap(),
        None => profile.add_null(),
    }
}

fn never<T>(_: &mut T, _: &T) -> Result<()> {
    unreachable!("nothing can be taken away")
}

sketch!(Fine, DdSketch, true, DdSketch::default(), add_number, DdSketch::subtract);
sketch!(Coarse, DdSketch, true, DdSketch::new(0.2).unwrap(), add_number, DdSketch::subtract);
sketch!(Roomy, Freq, true, Freq::default(), add_category, Freq::subtract);
sketch!(Narrow, Freq, false, Freq::new(7).unwrap(), add_category, never);
sketch!(Distinct, Hll, false, Hll::default(), add_distinct, never);
sketch!(FewRegisters, Hll, false, Hll::new(4).unwrap(), add_distinct, never);
sketch!(OfNumbers, Profile, false, Profile::of_numbers(), profile_number, never);
sketch!(OfCategories, Profile, false, Profile::of_categories(), profile_category, never);

/// Calls `$law::<S>($arguments)?` for every sketch `S`.
macro_rules! every_sketch {
    ($law:ident($($argument:expr),*)) => {{
        use crate::sketches::{Coarse, Distinct, FewRegisters, Fine, Narrow, OfCategories, OfNumbers, Roomy};
        $law::<Fine>($($argument),*)?;
        $law::<Coarse>($($argument),*)?;
        $law::<Roomy>($($argument),*)?;
        $law::<Narrow>($($argument),*)?;
        $law::<Distinct>($($argument),*)?;
        $law::<FewRegisters>($($argument),*)?;
        $law::<OfNumbers>($($argument),*)?;
        $law::<OfCategories>($($argument),*)?;
    }};
}
pub(crate) use every_sketch;
