//! What are the bytes of a file?
//!
//! Parquet that every reader takes: data pages of version 1, Zstandard at its fastest level, dictionaries, no page index.
//! The encoding is work for the processor alone and is meant for a thread that may block.

use std::io;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::Result;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use tidegate_ledger::{PutPayload, PutPayloadMut};

use crate::Options;
use crate::chain::{MARK, Mark};

/// A file grows by blocks of so many bytes.
const BLOCK_BYTES: usize = 1 << 20;

/// How the files of a stream are written.
#[derive(Clone, Debug)]
pub(crate) struct Format {
    schema: SchemaRef,
    properties: WriterProperties,
}

impl Format {
    pub(crate) fn new(schema: SchemaRef, options: &Options) -> Self {
        let metadata = options.metadata.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
        let properties = WriterProperties::builder()
            .set_writer_version(WriterVersion::PARQUET_1_0)
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(options.row_group_rows.max(1)))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .set_key_value_metadata(Some(metadata.collect()))
            .set_created_by(concat!("tidegate ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        Self { schema, properties }
    }

    pub(crate) fn start(&self) -> Result<File> {
        let bytes = Blocks(PutPayloadMut::new().with_block_size(BLOCK_BYTES));
        let writer = ArrowWriter::try_new(bytes, Arc::clone(&self.schema), Some(self.properties.clone()))?;
        Ok(File { writer, rows: 0 })
    }

    /// A file that has a mark and no rows.
    pub(crate) fn empty(&self, mark: &Mark) -> Result<PutPayload> {
        self.start()?.finish(mark)
    }
}

/// A file that grows in memory.
pub(crate) struct File {
    writer: ArrowWriter<Blocks>,
    rows: u64,
}

impl File {
    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        self.writer.write(rows)?;
        self.rows += rows.num_rows() as u64;
        Ok(())
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// How large the file would be, about, were it finished now.
    pub(crate) fn encoded_bytes(&self) -> usize {
        self.writer.bytes_written() + self.writer.in_progress_size()
    }

    /// The memory that it holds.
    pub(crate) fn held_bytes(&self) -> usize {
        self.writer.bytes_written() + self.writer.memory_size()
    }

    pub(crate) fn finish(mut self, mark: &Mark) -> Result<PutPayload> {
        self.writer.append_key_value_metadata(KeyValue::new(MARK.to_owned(), mark.encode()));
        Ok(self.writer.into_inner()?.0.freeze())
    }
}

/// The bytes of a file in blocks, which stay where they are: in one piece all would be copied whenever it doubles.
struct Blocks(PutPayloadMut);

impl io::Write for Blocks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
