//! Where do rows and files go that could not be read?
//!
//! One Parquet file per epoch says which row of which file, and why. The row itself stays where it
//! landed: landing is append-only, and a copy would be one more place to guard. Reasons name columns
//! and types, never values.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use tidegate_source::Rejection;

use crate::epoch::EpochContext;
use crate::error::Result;
use crate::{layout, released};

/// Writes the rejections of an epoch, if there are any, and says where.
pub(crate) async fn write(epoch: &EpochContext<'_>, rejected: &[Rejection]) -> Result<Option<String>> {
    if rejected.is_empty() {
        return Ok(None);
    }
    let text = |part: &dyn Fn(&Rejection) -> String| {
        Arc::new(StringArray::from_iter_values(rejected.iter().map(part))) as ArrayRef
    };
    let rows = Arc::new(rejected.iter().map(|rejection| rejection.row).collect::<UInt64Array>()) as ArrayRef;
    let columns = vec![
        ("stream", text(&|_| epoch.stream.to_owned()), false),
        ("file", text(&|rejection| rejection.file.clone()), false),
        ("row", rows, true),
        ("reason", text(&|rejection| rejection.reason.to_string()), false),
        ("detail", text(&|rejection| rejection.detail.clone()), false),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns)?;
    let path = layout::quarantine_file(epoch.stream, epoch.record, epoch.run_id);
    epoch.store.replace(&path, released::to_parquet(&batch)?.into()).await?;
    Ok(Some(path))
}
