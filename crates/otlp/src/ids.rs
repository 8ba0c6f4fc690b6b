//! By which id is each decision known?

use std::collections::HashMap;

use foldhash::fast::RandomState;
use tidegate_contract::decision_id;

use crate::telemetry::{SpanId, TraceId};

/// The ids of the decisions of one request, each computed once and known by its number.
#[derive(Default)]
pub(crate) struct Ids<'t> {
    names: Vec<String>,
    hashed: HashMap<(&'t str, TraceId, Option<SpanId>), usize, RandomState>,
    named: HashMap<&'t str, usize, RandomState>,
}

impl<'t> Ids<'t> {
    pub(crate) fn get(&self, number: usize) -> &str {
        self.names.get(number).map_or("", String::as_str)
    }

    /// A decision that its producer named.
    pub(crate) fn named(&mut self, name: &'t str) -> usize {
        let names = &mut self.names;
        *self.named.entry(name).or_insert_with(|| {
            names.push(name.to_owned());
            names.len() - 1
        })
    }

    /// A decision by its span, or by its trace alone.
    pub(crate) fn hashed(&mut self, tenant: &'t str, trace: TraceId, span: Option<SpanId>) -> usize {
        let names = &mut self.names;
        *self.hashed.entry((tenant, trace, span)).or_insert_with(|| {
            let span = span.map(const_hex::encode).unwrap_or_default();
            names.push(decision_id(tenant, &const_hex::encode(trace), &span));
            names.len() - 1
        })
    }
}
