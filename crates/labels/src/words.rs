//! How are texts that come again and again kept once?

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, StringArray};
use foldhash::fast::RandomState;

/// Stands for a text that is not there.
pub(crate) const NONE: u32 = u32::MAX;

/// Texts, each under a number. Numbers follow the order of arrival: they tell texts apart, and sort nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Words {
    numbers: HashMap<Arc<str>, u32, RandomState>,
    texts: Vec<Arc<str>>,
}

impl Words {
    pub(crate) fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = u32::try_from(self.texts.len()).expect("memory ends before four thousand million texts");
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }

    pub(crate) fn known(&self, text: &str) -> Option<u32> {
        self.numbers.get(text).copied()
    }

    /// The text of a number that came from here; none for [`NONE`].
    pub(crate) fn text(&self, number: u32) -> Option<&str> {
        self.texts.get(number as usize).map(AsRef::as_ref)
    }
}

/// The numbers of a column's rows. Neighbours are often alike, and are looked up once.
pub(crate) fn number_column(words: &mut Words, column: &StringArray) -> Vec<u32> {
    let mut last: Option<(&str, u32)> = None;
    let number = |row: usize| {
        if column.is_null(row) {
            return NONE;
        }
        let text = column.value(row);
        match last {
            Some((before, number)) if before == text => number,
            _ => last.insert((text, words.number(text))).1,
        }
    };
    (0..column.len()).map(number).collect()
}
