//! In which format are the files of a stream written?

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::{Error, Result};

/// The names a user may write for a format.
pub(crate) const CHOICES: &str = "parquet, arrow (ipc, feather), ndjson (jsonl, json), csv, otlp_json, otlp_proto";

/// How the rows of a file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC, as a file (also called Feather V2) or as a stream.
    Ipc,
    /// One JSON object per line.
    Ndjson,
    /// Comma-separated values with a header line.
    Csv,
    /// Requests of the OpenTelemetry protocol as JSON, one a line, as its Collector writes them. Needs a mapping.
    OtlpJson,
    /// The same as Protocol Buffers.
    OtlpProto,
}

impl Format {
    /// The format that the extension of `path` suggests, also when `path` is a glob.
    ///
    /// ```
    /// use tidegate_source::Format;
    /// assert_eq!(Format::from_extension("landing/*.jsonl"), Some(Format::Ndjson));
    /// assert_eq!(Format::from_extension("landing/"), None);
    /// ```
    pub fn from_extension(path: impl AsRef<Path>) -> Option<Self> {
        let extension = path.as_ref().extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "parquet" | "pq" => Some(Self::Parquet),
            "arrow" | "ipc" | "feather" => Some(Self::Ipc),
            "ndjson" | "jsonl" | "json" => Some(Self::Ndjson),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }

    /// Whether files of this name are of this format.
    pub(crate) fn takes(self, name: impl AsRef<Path>) -> bool {
        let extension =
            || name.as_ref().extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        match self {
            // Collectors write names with and without an extension.
            Self::OtlpJson => extension().is_none_or(|extension| matches!(extension.as_str(), "json" | "jsonl")),
            Self::OtlpProto => {
                extension().is_none_or(|extension| matches!(extension.as_str(), "pb" | "binpb" | "bin" | "proto"))
            }
            _ => Self::from_extension(name) == Some(self),
        }
    }

    /// Whether the file holds text that is parsed row by row, so that one row can be bad on its own.
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::Ndjson | Self::Csv)
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self> {
        match given.trim().to_ascii_lowercase().as_str() {
            "parquet" => Ok(Self::Parquet),
            "arrow" | "ipc" | "feather" => Ok(Self::Ipc),
            "ndjson" | "jsonl" | "json" => Ok(Self::Ndjson),
            "csv" => Ok(Self::Csv),
            "otlp_json" => Ok(Self::OtlpJson),
            "otlp_proto" => Ok(Self::OtlpProto),
            _ => Err(Error::UnknownFormat { given: given.to_string(), choices: CHOICES }),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Parquet => "parquet",
            Self::Ipc => "arrow",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::OtlpJson => "otlp_json",
            Self::OtlpProto => "otlp_proto",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn names_and_extensions() {
        for (name, format) in [
            ("parquet", Format::Parquet),
            ("feather", Format::Ipc),
            ("IPC", Format::Ipc),
            ("jsonl", Format::Ndjson),
            ("json", Format::Ndjson),
            ("csv", Format::Csv),
        ] {
            assert_eq!(name.parse::<Format>().unwrap(), format);
            assert_eq!(format.to_string().parse::<Format>().unwrap(), format);
        }
        assert_eq!(Format::from_extension("a/b.PQ"), Some(Format::Parquet));
        assert_eq!(Format::from_extension("a/b.csv.gz"), None);
    }

    #[test]
    fn an_unknown_name_lists_the_choices() {
        let error = "xml".parse::<Format>().unwrap_err().to_string();
        assert_eq!(
            error,
            "unknown format `xml`: use one of parquet, arrow (ipc, feather), ndjson (jsonl, json), csv, otlp_json, otlp_proto"
        );
    }
}
