//! What does a row bring to a sketch?

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use datafusion::common::{Result, internal_err};
use tidegate_sketch::{DdSketch, Freq, Hll, Profile};

use super::super::rows::{for_each_row, for_each_value};
use crate::error::Error;

/// A sketch as states hold it.
pub(super) trait Sketch: Clone + Send + Sync + 'static {
    fn merge(&mut self, other: &Self) -> tidegate_sketch::Result<()>;
    fn to_bytes(&self) -> Vec<u8>;
    fn from_bytes(bytes: &[u8]) -> tidegate_sketch::Result<Self>;
    fn heap_size(&self) -> usize;
}

/// A sketch from which rows can be taken back.
pub(super) trait Subtract: Sketch {
    fn subtract(&mut self, other: &Self) -> tidegate_sketch::Result<()>;
}

macro_rules! sketch {
    ($($name:ty),*) => {$(
        impl Sketch for $name {
            fn merge(&mut self, other: &Self) -> tidegate_sketch::Result<()> {
                self.merge(other)
            }
            fn to_bytes(&self) -> Vec<u8> {
                self.to_bytes()
            }
            fn from_bytes(bytes: &[u8]) -> tidegate_sketch::Result<Self> {
                <$name>::from_bytes(bytes)
            }
            fn heap_size(&self) -> usize {
                self.heap_size()
            }
        }
    )*};
}

sketch!(DdSketch, Freq, Hll, Profile);

impl Subtract for DdSketch {
    fn subtract(&mut self, other: &Self) -> tidegate_sketch::Result<()> {
        self.subtract(other)
    }
}

impl Subtract for Freq {
    fn subtract(&mut self, other: &Self) -> tidegate_sketch::Result<()> {
        self.subtract(other)
    }
}

/// How rows of an argument are added to sketches.
pub(super) trait Source: Clone + Send + Sync + 'static {
    type Sketch: Sketch;

    /// The sketch of no rows; `None` where its parameters are known by the first row only.
    fn empty(&self) -> Option<Self::Sketch>;

    /// Adds the rows of `values` that pass `filter`, each to the sketch of its group.
    fn add(
        &self,
        sketches: &mut [Option<Self::Sketch>],
        values: &ArrayRef,
        groups: &[usize],
        filter: Option<&BooleanArray>,
    ) -> Result<()>;
}

/// Numbers, as [`DdSketch`].
#[derive(Clone)]
pub(super) struct Numbers(pub(super) DdSketch);

impl Source for Numbers {
    type Sketch = DdSketch;

    fn empty(&self) -> Option<DdSketch> {
        Some(self.0.clone())
    }

    fn add(
        &self,
        sketches: &mut [Option<DdSketch>],
        values: &ArrayRef,
        groups: &[usize],
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        let values = values.as_primitive::<Float64Type>();
        if let ([Some(sketch)], None, 0) = (&mut *sketches, filter, values.null_count()) {
            sketch.extend(values.values());
            return Ok(());
        }
        for_each_row(values, groups, filter, |group, row| {
            if let Some(sketch) = &mut sketches[group] {
                match row {
                    Some(row) => sketch.add(values.value(row)),
                    None => sketch.add_null(),
                }
            }
        });
        Ok(())
    }
}

/// Categories, as [`Freq`].
#[derive(Clone)]
pub(super) struct Categories(pub(super) Freq);

impl Source for Categories {
    type Sketch = Freq;

    fn empty(&self) -> Option<Freq> {
        Some(self.0.clone())
    }

    fn add(
        &self,
        sketches: &mut [Option<Freq>],
        values: &ArrayRef,
        groups: &[usize],
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        let values = values.as_string_view();
        for_each_row(values, groups, filter, |group, row| {
            if let Some(freq) = &mut sketches[group] {
                match row {
                    Some(row) => freq.add(values.value(row)),
                    None => freq.add_null(),
                }
            }
        });
        Ok(())
    }
}

/// Values of any type, as [`Hll`].
#[derive(Clone)]
pub(super) struct Distinct(pub(super) Hll);

impl Source for Distinct {
    type Sketch = Hll;

    fn empty(&self) -> Option<Hll> {
        Some(self.0.clone())
    }

    fn add(
        &self,
        sketches: &mut [Option<Hll>],
        values: &ArrayRef,
        groups: &[usize],
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        let mut each = |add: &dyn Fn(&mut Hll, usize)| {
            for_each_value(values, groups, filter, |group, row| {
                if let Some(hll) = &mut sketches[group] {
                    add(hll, row);
                }
            });
        };
        match values.data_type() {
            DataType::Float64 => {
                let values = values.as_primitive::<Float64Type>();
                each(&|hll, row| hll.add_number(values.value(row)));
            }
            DataType::Int64 => {
                let values = values.as_primitive::<Int64Type>();
                each(&|hll, row| hll.add(&values.value(row).to_le_bytes()));
            }
            DataType::UInt64 => {
                let values = values.as_primitive::<UInt64Type>();
                each(&|hll, row| hll.add(&values.value(row).to_le_bytes()));
            }
            DataType::Utf8View => {
                let values = values.as_string_view();
                each(&|hll, row| hll.add(values.value(row).as_bytes()));
            }
            other => return internal_err!("hll over {other}"),
        }
        Ok(())
    }
}

/// A column, as [`Profile`]: `numbers` are doubles, everything else is text.
#[derive(Clone)]
pub(super) struct Column {
    pub(super) numbers: bool,
}

impl Source for Column {
    type Sketch = Profile;

    fn empty(&self) -> Option<Profile> {
        Some(if self.numbers { Profile::of_numbers() } else { Profile::of_categories() })
    }

    fn add(
        &self,
        sketches: &mut [Option<Profile>],
        values: &ArrayRef,
        groups: &[usize],
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        let mut failed = Ok(());
        let mut each = |add: &dyn Fn(&mut Profile, usize) -> tidegate_sketch::Result<()>| {
            for_each_row(values, groups, filter, |group, row| {
                if let Some(profile) = &mut sketches[group] {
                    match row {
                        Some(row) => failed = failed.and(add(profile, row)),
                        None => profile.add_null(),
                    }
                }
            });
        };
        if self.numbers {
            let values = values.as_primitive::<Float64Type>();
            each(&|profile, row| profile.add_number(values.value(row)));
        } else {
            let values = values.as_string_view();
            each(&|profile, row| profile.add_category(values.value(row)));
        }
        Ok(failed.map_err(Error::from)?)
    }
}

/// Sketches that were kept before, by their bytes.
#[derive(Clone)]
pub(super) struct Kept<S>(std::marker::PhantomData<S>);

impl<S> Default for Kept<S> {
    fn default() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<S: Sketch> Source for Kept<S> {
    type Sketch = S;

    fn empty(&self) -> Option<S> {
        None
    }

    fn add(
        &self,
        sketches: &mut [Option<S>],
        values: &ArrayRef,
        groups: &[usize],
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        let values = values.as_binary::<i32>();
        let mut failed = Ok(());
        for_each_value(values, groups, filter, |group, row| {
            if failed.is_ok() {
                failed = merge_bytes(&mut sketches[group], values.value(row));
            }
        });
        Ok(failed.map_err(Error::from)?)
    }
}

/// Merges the sketch in `bytes` into `sketch`.
pub(super) fn merge_bytes<S: Sketch>(sketch: &mut Option<S>, bytes: &[u8]) -> tidegate_sketch::Result<()> {
    let other = S::from_bytes(bytes)?;
    match sketch {
        Some(sketch) => sketch.merge(&other),
        None => {
            *sketch = Some(other);
            Ok(())
        }
    }
}
