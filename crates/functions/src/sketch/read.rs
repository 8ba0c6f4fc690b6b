//! How does a function read the sketches among its arguments?

use datafusion::common::{Result, exec_datafusion_err};
use tidegate_sketch::Shape;

use crate::call::{Parameter, Rows, Takes};

/// The sketch of a function of one.
pub(super) const SKETCH: Parameter = Parameter::of("s", Takes::Bytes);

impl Rows {
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
        answer.map_err(|error| exec_datafusion_err!("{}: {error}", self.function()))
    }
}
