//! What can a stream of files be asked?

use std::ops::{Bound, Range, RangeBounds};
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{FieldRef, SchemaRef};
use futures::StreamExt;
use futures::stream::BoxStream;
use tidegate_contract::stream::StreamContract;

use crate::budget::Budget;
use crate::listing::Listing;
use crate::read::Refinement;
use crate::shape::{EventTime, Request};
use crate::{
    Adapt, Admit, Error, FileColumns, Format, Item, Location, Place, Rejection, Remote, Result, SourceFile, columns,
    discover, format, infer, read, suggest,
};

/// How many bytes wait for readers at most, unless it is said otherwise.
const BYTES_IN_FLIGHT: u64 = 64 << 20;

/// The files of one stream, and the columns they are read with.
///
/// ```no_run
/// # async fn example() -> tidegate_source::Result<()> {
/// use futures::StreamExt;
/// use tidegate_contract::stream::StreamContract;
/// use tidegate_source::{Item, Source};
///
/// let contract = StreamContract::new("decisions");
/// let source = Source::connect(&contract, "landing/decisions/", Some("parquet"), ".".as_ref())?;
/// for file in source.list().await? {
///     let mut items = source.open(&file, &["task_class".into()], 0.., 8192)?;
///     while let Some(item) = items.next().await {
///         match item {
///             Item::Rows(delivery) => println!("{} rows", delivery.rows_read),
///             Item::FileRejected(rejection) => println!("{rejection}"),
///         }
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Source {
    location: Location,
    format: Format,
    schema: SchemaRef,
    event_time: Option<EventTime>,
    budget: Arc<Budget>,
    refinement: Refinement,
    listing: Listing,
}

impl Source {
    /// Finds the files of a stream and settles on its columns. `path` is relative to `base`; without a `format` the
    /// extension in `path` decides.
    ///
    /// # Errors
    /// Every [`Error`] but [`Error::UnknownColumn`].
    pub fn connect(contract: &StreamContract, path: &str, format: Option<&str>, base: &Path) -> Result<Self> {
        let format = format_of(path, format)?;
        let location = Location::parse(path, base)?;
        let schema = infer(contract, format, &discover(&location, format)?)?;
        Ok(Self::new(contract, location, format, schema))
    }

    /// As [`connect`](Self::connect), but the folder need not exist yet; then the contract must declare the columns.
    ///
    /// # Errors
    /// Every [`Error`] but [`Error::UnknownColumn`] and [`Error::PathMissing`].
    pub fn expect(contract: &StreamContract, path: &str, format: Option<&str>, base: &Path) -> Result<Self> {
        match Self::connect(contract, path, format, base) {
            Err(Error::PathMissing { .. } | Error::Unlistable { .. }) => {
                let format = format_of(path, format)?;
                let schema = infer(contract, format, &[])?;
                Ok(Self::new(contract, Location::expect(path, base)?, format, schema))
            }
            connected => connected,
        }
    }

    /// As [`connect`](Self::connect), for a path in an object store, relative to its root. It waits for the store.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect).
    pub fn connect_remote(
        contract: &StreamContract,
        path: &str,
        format: Option<&str>,
        remote: &Remote,
    ) -> Result<Self> {
        let format = format_of(path, format)?;
        let location = Location::parse_remote(path, remote)?;
        let schema = infer(contract, format, &discover(&location, format)?)?;
        Ok(Self::new(contract, location, format, schema))
    }

    /// As [`expect`](Self::expect), for a path in an object store.
    ///
    /// # Errors
    /// Those of [`expect`](Self::expect).
    pub fn expect_remote(contract: &StreamContract, path: &str, format: Option<&str>, remote: &Remote) -> Result<Self> {
        match Self::connect_remote(contract, path, format, remote) {
            Err(Error::PathMissing { .. } | Error::Unlistable { .. }) => {
                let format = format_of(path, format)?;
                let schema = infer(contract, format, &[])?;
                Ok(Self::new(contract, Location::expect_remote(path, remote)?, format, schema))
            }
            connected => connected,
        }
    }

    /// A source whose columns are already known: `schema` must come from [`infer`], now or in an earlier run.
    pub fn new(contract: &StreamContract, location: Location, format: Format, schema: SchemaRef) -> Self {
        let event_time = contract.event_time.as_ref().and_then(|name| schema.fields().find(name));
        let event_time =
            event_time.map(|(_, field)| EventTime { field: FieldRef::clone(field), unit: contract.event_time_unit });
        Self {
            location,
            format,
            schema,
            event_time,
            budget: Arc::new(Budget::new(BYTES_IN_FLIGHT)),
            refinement: Refinement::default(),
            listing: Listing::default(),
        }
    }

    /// Bounds what waits for its readers to `bytes` of Arrow memory, for all files together that this source and its
    /// copies have open; without it the bound is 64 MiB. One batch for each reader that waits may come on top of it, so
    /// that a batch of any size gets through, and the one that each file is decoding.
    #[must_use]
    pub fn with_budget(self, bytes: u64) -> Self {
        Self { budget: Arc::new(Budget::new(bytes)), ..self }
    }

    /// Has its rows admitted before anybody sees them.
    #[must_use]
    pub fn admitting(mut self, admit: Arc<dyn Admit>) -> Self {
        self.refinement.admit = Some(admit);
        self
    }

    /// Takes files that hold something else, of which `adapt` makes rows.
    #[must_use]
    pub fn adapting(mut self, adapt: Arc<dyn Adapt>) -> Self {
        self.refinement.adapt = Some(adapt);
        self
    }

    /// How many bytes wait for readers, or are with them in a [`Delivery`](crate::Delivery).
    pub fn bytes_in_flight(&self) -> u64 {
        self.budget.in_flight()
    }

    /// The columns of the stream. They stay the same for the life of this source.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The folder or file below which the stream's files lie.
    pub fn root(&self) -> &Place {
        self.location.root()
    }

    /// The format of the files.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The files there are now; see [`discover`]. In a store whose folders are days, a source that was asked less than ten minutes
    /// ago lists the latest two days and new ones, and takes the others as it saw them.
    ///
    /// # Errors
    /// [`Error::PathMissing`] or [`Error::Unlistable`].
    pub fn discover(&self) -> Result<Vec<SourceFile>> {
        self.listing.discover(&self.location, self.format)
    }

    /// The same from a task that must not wait: the listing is taken on a blocking thread.
    ///
    /// # Errors
    /// Those of [`discover`](Self::discover).
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub async fn list(&self) -> Result<Vec<SourceFile>> {
        let source = self.clone();
        let listed = tokio::task::spawn_blocking(move || source.discover()).await;
        listed.unwrap_or_else(|error| {
            Err(Error::Unlistable { path: self.root().to_string().into(), source: std::io::Error::other(error) })
        })
    }

    /// Which columns `file` itself has, whatever the stream expects; none when it cannot be opened. It reads the file's
    /// footer, or its first rows, and so belongs on a blocking thread.
    pub fn columns_of(&self, file: &SourceFile) -> Option<FileColumns> {
        columns::of(self.format, file)
    }

    /// Whether names of columns stand among values, as text: in the keys of each JSON object, in a first line of CSV that may
    /// be missing.
    pub fn is_text(&self) -> bool {
        self.format.is_text()
    }

    /// Reads `columns` of those `rows` of `file`, in batches of at most `batch_rows` rows.
    ///
    /// Rows are counted from 0 as they stand in the file, bad ones included, so that `from..` is followed by `from` plus
    /// the [`rows_read`](crate::Delivery::rows_read) of all deliveries, and the range between the two is read again with
    /// the same outcome, whatever came after it. Blank lines are no rows.
    ///
    /// A row or file is bad for every reader or for none, whichever columns it asks for: a bad value in a column that was
    /// not requested rejects the row too. Reading happens on a blocking thread and stops when the stream is dropped.
    ///
    /// # Errors
    /// [`Error::UnknownColumn`]. What is wrong with the file itself is an [`Item`].
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn open(
        &self,
        file: &SourceFile,
        columns: &[String],
        rows: impl RangeBounds<u64>,
        batch_rows: usize,
    ) -> Result<BoxStream<'static, Item>> {
        let requested = columns.iter().map(|column| self.column(column)).collect::<Result<_>>()?;
        let reads_all = matches!(self.format, Format::Ndjson | Format::Csv);
        let along = self.refinement.admit.as_ref().map_or(&[][..], |admit| admit.reads());
        let request = Request::new(requested, &self.schema, self.event_time.as_ref(), reads_all, along);
        Ok(read::open(
            self.format,
            file.clone(),
            request,
            bounds(&rows),
            batch_rows.max(1),
            &self.budget,
            self.refinement.clone(),
        ))
    }

    /// All rows of all files, and what was set aside. For tables, which fit into memory.
    ///
    /// # Errors
    /// Those of [`discover`](Self::discover).
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub async fn read_whole(&self) -> Result<(Vec<RecordBatch>, Vec<Rejection>)> {
        const BATCH_ROWS: usize = 8_192;
        let columns = self.schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
        let (mut batches, mut rejected) = (Vec::new(), Vec::new());
        for file in self.list().await? {
            let mut items = self.open(&file, &columns, 0.., BATCH_ROWS)?;
            while let Some(item) = items.next().await {
                match item {
                    Item::Rows(delivery) => {
                        batches.push(delivery.batch);
                        rejected.extend(delivery.rejected);
                    }
                    Item::FileRejected(rejection) => rejected.push(rejection),
                }
            }
        }
        Ok((batches, rejected))
    }

    fn column(&self, name: &str) -> Result<FieldRef> {
        if let Some((_, field)) = self.schema.fields().find(name) {
            return Ok(FieldRef::clone(field));
        }
        let names = || self.schema.fields().iter().map(|f| f.name().as_str());
        Err(Error::UnknownColumn {
            column: name.to_string(),
            available: names().map(str::to_string).collect(),
            suggestion: suggest::closest(name, names()),
        })
    }
}

/// A range with both ends, the last not included.
fn bounds(rows: &impl RangeBounds<u64>) -> Range<u64> {
    let from = match rows.start_bound() {
        Bound::Included(from) => *from,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let to = match rows.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(to) => *to,
        Bound::Unbounded => u64::MAX,
    };
    from..to
}

/// The format that is named, or that of the path's extension.
fn format_of(path: &str, format: Option<&str>) -> Result<Format> {
    match format {
        Some(name) => name.parse(),
        None => Format::from_extension(path)
            .ok_or_else(|| Error::FormatMissing { path: path.to_string(), choices: format::CHOICES }),
    }
}

#[cfg(test)]
mod tests {
    use super::bounds;

    #[test]
    fn ranges_of_every_kind() {
        assert_eq!(bounds(&(..)), 0..u64::MAX);
        assert_eq!(bounds(&(7..)), 7..u64::MAX);
        assert_eq!(bounds(&(7..9)), 7..9);
        assert_eq!(bounds(&(7..=9)), 7..10);
        assert_eq!(bounds(&(..=u64::MAX)), 0..u64::MAX);
    }
}
