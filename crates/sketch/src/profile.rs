//! What is in a column?

use crate::codec::{self, Kind, Reader, Writer};
use crate::error::{Error, Result};
use crate::{DdSketch, Freq, Hll};

/// A column in one sketch: how its values are distributed, and how many of them are distinct. Rows, nulls, NaN,
/// infinities and zeros are those of the distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    shape: Shape,
    distinct: Hll,
}

/// How values are distributed.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Of a column of numbers.
    Numbers(DdSketch),
    /// Of a column of categories.
    Categories(Freq),
}

impl Shape {
    /// How values are distributed, by the bytes of a [`DdSketch`], a [`Freq`] or a [`Profile`].
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the bytes are none of these.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        match codec::kind_of(bytes) {
            Some(Kind::DdSketch) => DdSketch::from_bytes(bytes).map(Self::Numbers),
            Some(Kind::Freq) => Freq::from_bytes(bytes).map(Self::Categories),
            _ => Profile::from_bytes(bytes).map(|profile| profile.shape),
        }
    }

    /// How many rows have a finite number, or a category.
    #[must_use]
    pub fn count(&self) -> u64 {
        match self {
            Self::Numbers(sketch) => sketch.count(),
            Self::Categories(sketch) => sketch.count(),
        }
    }

    /// How many rows were counted.
    #[must_use]
    pub fn rows(&self) -> u64 {
        match self {
            Self::Numbers(sketch) => sketch.rows(),
            Self::Categories(sketch) => sketch.rows(),
        }
    }

    /// How many rows without a value.
    #[must_use]
    pub fn nulls(&self) -> u64 {
        match self {
            Self::Numbers(sketch) => sketch.nulls(),
            Self::Categories(sketch) => sketch.nulls(),
        }
    }

    fn heap_size(&self) -> usize {
        match self {
            Self::Numbers(sketch) => sketch.heap_size(),
            Self::Categories(sketch) => sketch.heap_size(),
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Numbers(_) => "numbers",
            Self::Categories(_) => "categories",
        }
    }
}

impl Profile {
    /// An empty profile of numbers.
    #[must_use]
    pub fn of_numbers() -> Self {
        Self { shape: Shape::Numbers(DdSketch::default()), distinct: Hll::default() }
    }

    /// An empty profile of categories.
    #[must_use]
    pub fn of_categories() -> Self {
        Self { shape: Shape::Categories(Freq::default()), distinct: Hll::default() }
    }

    /// Counts a number.
    ///
    /// # Errors
    /// [`Error::UnlikeKinds`] in a profile of categories.
    pub fn add_number(&mut self, x: f64) -> Result<()> {
        let Shape::Numbers(sketch) = &mut self.shape else {
            return Err(Error::UnlikeKinds { left: self.shape.kind(), right: "numbers" });
        };
        sketch.add(x);
        self.distinct.add_number(x);
        Ok(())
    }

    /// Counts a category.
    ///
    /// # Errors
    /// [`Error::UnlikeKinds`] in a profile of numbers.
    pub fn add_category(&mut self, category: &str) -> Result<()> {
        let Shape::Categories(sketch) = &mut self.shape else {
            return Err(Error::UnlikeKinds { left: self.shape.kind(), right: "categories" });
        };
        sketch.add(category);
        self.distinct.add(category.as_bytes());
        Ok(())
    }

    /// Counts a row without a value.
    pub fn add_null(&mut self) {
        match &mut self.shape {
            Shape::Numbers(sketch) => sketch.add_null(),
            Shape::Categories(sketch) => sketch.add_null(),
        }
    }

    /// Counts all that `other` counted.
    ///
    /// # Errors
    /// [`Error::UnlikeKinds`] if one is of numbers and the other of categories; else those of the parts. The profile is
    /// then as it was.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.distinct.alike(&other.distinct)?;
        match (&mut self.shape, &other.shape) {
            (Shape::Numbers(mine), Shape::Numbers(theirs)) => mine.merge(theirs)?,
            (Shape::Categories(mine), Shape::Categories(theirs)) => mine.merge(theirs)?,
            (mine, theirs) => return Err(Error::UnlikeKinds { left: mine.kind(), right: theirs.kind() }),
        }
        self.distinct.merge(&other.distinct)
    }

    /// How the values are distributed.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// How many values are distinct.
    #[must_use]
    pub fn distinct(&self) -> &Hll {
        &self.distinct
    }

    /// How many rows were counted.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.shape.rows()
    }

    /// How many rows without a value.
    #[must_use]
    pub fn nulls(&self) -> u64 {
        self.shape.nulls()
    }

    /// How many bytes the profile takes beside its own value.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        self.shape.heap_size() + self.distinct.heap_size()
    }

    /// The profile as bytes: those of its parts, each with its own checksum.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(Kind::Profile);
        let (kind, shape) = match &self.shape {
            Shape::Numbers(sketch) => (Kind::DdSketch, sketch.to_bytes()),
            Shape::Categories(sketch) => (Kind::Freq, sketch.to_bytes()),
        };
        writer.raw(&[kind as u8]);
        writer.framed(&shape);
        writer.framed(&self.distinct.to_bytes());
        writer.finish()
    }

    /// The profile that [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the bytes are not those of a profile.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        const NUMBERS: u8 = Kind::DdSketch as u8;
        const CATEGORIES: u8 = Kind::Freq as u8;
        let mut reader = Reader::open(Kind::Profile, bytes)?;
        let shape = match reader.raw(1)?[0] {
            NUMBERS => Shape::Numbers(DdSketch::from_bytes(reader.framed()?)?),
            CATEGORIES => Shape::Categories(Freq::from_bytes(reader.framed()?)?),
            _ => return Err(reader.corrupt("shape")),
        };
        let distinct = Hll::from_bytes(reader.framed()?)?;
        reader.finish()?;
        Ok(Self { shape, distinct })
    }
}
