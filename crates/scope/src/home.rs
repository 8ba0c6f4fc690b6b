//! In which regions may rows lie?

use std::collections::BTreeSet;

/// The regions whose rows a project may keep.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Home(Option<BTreeSet<String>>);

/// Where a region lies, seen from home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    Here,
    Elsewhere,
    Unsaid,
}

impl Home {
    /// No declared home: rows of every region pass.
    pub fn anywhere() -> Self {
        Self(None)
    }

    /// Rows of `regions` pass and no others, compared letter by letter. With no regions no row passes.
    pub fn of<R: Into<String>>(regions: impl IntoIterator<Item = R>) -> Self {
        Self(Some(regions.into_iter().map(Into::into).collect()))
    }

    /// Whether anything is refused at all.
    pub(crate) fn is_declared(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn whereabouts(&self, region: Option<&str>) -> Whereabouts {
        match (&self.0, region) {
            (_, None) => Whereabouts::Unsaid,
            (Some(regions), Some(region)) if !regions.contains(region) => Whereabouts::Elsewhere,
            _ => Whereabouts::Here,
        }
    }
}
