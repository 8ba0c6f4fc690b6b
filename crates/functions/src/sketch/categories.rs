//! Which categories are only in one of two sketches?

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, ListBuilder, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::{Result, exec_err};
use tidegate_sketch::{Freq, Shape, pair};

use super::distance::{CURRENT, REFERENCE};
use crate::call::{Function, Rows};

/// - `new_categories(ref, cur)`: what occurred in the current sketch and not in the reference.
/// - `vanished_categories(ref, cur)`: what occurred in the reference and not in the current sketch.
///
/// Lists of text in order, and all of them as long as no sketch is beyond its capacity (`freq_error` is 0). Beyond, what
/// is listed is certain, and categories that a sketch no longer tells apart are not listed. Null if a sketch is.
pub(super) fn functions() -> Vec<Function> {
    let texts = |_: &[DataType]| DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)));
    let function =
        |name, answer: fn(&Rows) -> Result<ArrayRef>| Function::new(name, &[REFERENCE, CURRENT], texts, answer);
    vec![
        function("new_categories", |rows| only_in_second(rows, |reference, current| (reference, current))),
        function("vanished_categories", |rows| only_in_second(rows, |reference, current| (current, reference))),
    ]
}

/// The categories that only the second of the sketches has, in the order that `ordered` gives them.
fn only_in_second(rows: &Rows, ordered: fn(Freq, Freq) -> (Freq, Freq)) -> Result<ArrayRef> {
    let pairs = rows.answers(|row| match rows.shapes(row)? {
        Some((Shape::Categories(reference), Shape::Categories(current))) => Ok(Some(ordered(reference, current))),
        Some(_) => exec_err!("only sketches of categories name what they hold; numbers that moved are told by drift"),
        None => Ok(None),
    })?;
    let mut lists = ListBuilder::new(StringBuilder::new());
    for pair in pairs {
        if let Some((first, second)) = &pair {
            rows.of_sketch(pair::only_in_current(first, second))?
                .into_iter()
                .for_each(|category| lists.values().append_value(category));
        }
        lists.append(pair.is_some());
    }
    Ok(Arc::new(lists.finish()))
}
