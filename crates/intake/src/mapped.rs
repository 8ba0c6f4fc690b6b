//! How do files that hold spans, logs or exports become rows of a stream?

use std::sync::Arc;

use arrow::array::{RecordBatch, new_null_array};
use arrow::error::ArrowError;
use tidegate_contract::seal_envelope;
use tidegate_otlp::{Context, Format, Mapped, Mapper, Stream};
use tidegate_source::{Adapt, Adapted, SourceFile};

/// What stands for a person, and becomes a token after this.
const NOT_YET_TOKENS: [&str; 2] = ["user_token", "session_id"];

/// The rows of one stream that a mapping makes of files.
#[derive(Debug, Clone)]
pub struct MappedFiles {
    mapper: Mapper,
    stream: Stream,
    format: Option<Format>,
}

impl MappedFiles {
    /// Rows of `stream`, of files in `format`, or of tables.
    pub fn new(mapper: Mapper, stream: Stream, format: Option<Format>) -> Self {
        Self { mapper, stream, format }
    }

    fn rows(&self, mapped: Mapped) -> Result<Adapted, String> {
        let tally = mapped.tally().clone();
        let refused = tally.rejected.iter().flat_map(|(reason, count)| {
            std::iter::repeat_n(reason.to_string(), usize::try_from(*count).unwrap_or(usize::MAX))
        });
        let refused = refused.collect();
        let unredacted = mapped.unredacted();
        let rows = match self.stream {
            Stream::Decisions => sealed(&unredacted.decisions)?,
            Stream::Steps => unredacted.steps,
            Stream::Labels => unredacted.labels,
        };
        Ok(Adapted { rows, refused })
    }
}

impl Adapt for MappedFiles {
    fn content(&self, bytes: &[u8], file: &SourceFile) -> Result<Adapted, String> {
        let Some(format) = self.format else { return Err("the mapping reads tables".to_owned()) };
        let mapped = self.mapper.file(format, bytes, &context(file)).map_err(|error| error.to_string())?;
        self.rows(mapped)
    }

    fn table(&self, rows: &RecordBatch, file: &SourceFile) -> Result<Adapted, String> {
        let mapped = self.mapper.rows(rows, &context(file)).map_err(|error| error.to_string())?;
        self.rows(mapped)
    }
}

fn context(file: &SourceFile) -> Context<'_> {
    Context { tenant: None, ingested_at_us: file.modified_us, source: &file.id }
}

/// Decisions with the hash of their envelope. It leaves out what is no token yet: who knows the rest could try names until one
/// fits.
fn sealed(rows: &RecordBatch) -> Result<RecordBatch, String> {
    let schema = rows.schema();
    let columns = rows.columns().iter().zip(schema.fields()).map(|(column, field)| {
        match NOT_YET_TOKENS.contains(&field.name().as_str()) {
            true => new_null_array(field.data_type(), column.len()),
            false => Arc::clone(column),
        }
    });
    let nameless = RecordBatch::try_new(Arc::clone(&schema), columns.collect()).map_err(told)?;
    let sealed = seal_envelope(&nameless).map_err(|error| error.to_string())?;
    let hashes = sealed.column_by_name("envelope_hash").ok_or("there is no envelope")?;
    let mut fields = schema.fields().to_vec();
    fields.push(Arc::new(arrow::datatypes::Field::new("envelope_hash", hashes.data_type().clone(), false)));
    let mut columns = rows.columns().to_vec();
    columns.push(Arc::clone(hashes));
    RecordBatch::try_new(Arc::new(arrow::datatypes::Schema::new(fields)), columns).map_err(told)
}

fn told(_: ArrowError) -> String {
    "the envelope cannot be added".to_owned()
}
