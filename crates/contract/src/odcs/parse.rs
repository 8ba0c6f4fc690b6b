//! Does the typed text make a contract? Every rule about a contract as a whole is checked here, once.

use std::time::Duration;

use tidegate_document::{Place, Source};

use super::custom::{Custom, OF_CONTRACT};
use super::raw::{RawContract, RawObject};
use super::reader::Reader;
use super::{DataContract, Mode, Reliability, Status};
use crate::error::Metadata;
use crate::{Classification, Error, Result};

mod columns;
mod metric;
mod rules;

const API_VERSION: &str = "v3.1.0";
const MAX_COLUMNS: usize = 4096;

pub(super) fn parse(file: &str, text: &str) -> Result<DataContract> {
    let source = Source { file, text };
    Reader { source }.raise(&source.read()?)
}

/// What only some contracts have, and all of these must.
struct Promised {
    owner: String,
    source: String,
    reliability: Reliability,
    latency: Duration,
    privacy_class: Classification,
}

impl Reader<'_> {
    fn raise(&self, raw: &RawContract) -> Result<DataContract> {
        self.rule("apiVersion", &raw.api_version, |version| version == API_VERSION, "v3.1.0")?;
        self.rule("kind", &raw.kind, |kind| kind == "DataContract", "DataContract")?;
        let custom = self.custom(&raw.custom_properties, OF_CONTRACT)?;
        let promised = self.promised(raw, &custom)?;
        let object = self.object(raw)?;
        let status = self.word(&raw.status)?;
        let sunset = self.day(&custom, "sunset")?;
        if status == Status::Deprecated && sunset.is_none() {
            let rule = "beside a `sunset` under customProperties: the last day on which it holds";
            return Err(self.broken("status", &raw.status, rule));
        }
        let stream = self.name("name", &object.name)?;
        let mut contract = DataContract {
            id: self.line("id", &raw.id)?,
            name: raw.name.as_ref().map_or(Ok(stream.clone()), |name| self.line("name", name))?,
            stream,
            version: self.version("version", &raw.version)?,
            status,
            owner: promised.owner,
            source: promised.source,
            reliability: promised.reliability,
            latency: promised.latency,
            privacy_class: promised.privacy_class,
            retention: self.span(&raw.sla_properties, "retention")?,
            compatibility: self.custom_word(&custom, "compatibility")?.unwrap_or(Mode::FullTransitive),
            event_time: custom.get("eventTime").map(|column| self.text("eventTime", column)).transpose()?,
            region: custom.get("region").map(|region| self.text("region", region)).transpose()?,
            sunset,
            columns: Vec::new(),
            rules: Vec::new(),
            left_to_others: Vec::new(),
            at: self.at(object.name.referenced),
            version_at: self.at(raw.version.referenced),
        };
        self.columns(object, &mut contract)?;
        self.rules_of_stream(object, &mut contract)?;
        Ok(contract)
    }

    /// All that is missing is told at once.
    fn promised(&self, raw: &RawContract, custom: &Custom<'_>) -> Result<Promised> {
        let owner = raw.team.as_ref().and_then(|team| team.name.as_ref());
        let owner = owner.map(|name| self.line("team.name", name)).transpose()?;
        let source = custom.get("source").map(|source| self.text("source", source)).transpose()?;
        let reliability = self.custom_word(custom, "reliability")?;
        let latency = self.span(&raw.sla_properties, "latency")?;
        let privacy_class = self.custom_word(custom, "privacyClass")?;
        let (Some(owner), Some(source), Some(reliability), Some(latency), Some(privacy_class)) =
            (&owner, &source, reliability, latency, privacy_class)
        else {
            let missing = [
                (Metadata::Owner, owner.is_none()),
                (Metadata::Source, source.is_none()),
                (Metadata::Reliability, reliability.is_none()),
                (Metadata::Latency, latency.is_none()),
                (Metadata::PrivacyClass, privacy_class.is_none()),
            ];
            let missing = missing.into_iter().filter(|(_, is_missing)| *is_missing).map(|(metadata, _)| metadata);
            return Err(Error::MissingMetadata { at: self.at(Place::UNKNOWN), missing: missing.collect() });
        };
        Ok(Promised { owner: owner.clone(), source: source.clone(), reliability, latency, privacy_class })
    }

    /// The one stream.
    fn object<'r>(&self, raw: &'r RawContract) -> Result<&'r RawObject> {
        let [object] = raw.schema.value.as_slice() else {
            let found = format!("{} elements", raw.schema.value.len());
            return Err(self.not_allowed(
                "schema",
                raw.schema.referenced,
                &found,
                "one element: a contract is of a stream",
            ));
        };
        let object = &object.value;
        if let Some(logical) = &object.logical_type {
            self.rule("logicalType", logical, |logical| logical == "object", "object")?;
        }
        self.custom(&object.custom_properties, &[])?;
        let count = object.properties.value.len();
        if count == 0 || count > MAX_COLUMNS {
            let at = object.properties.referenced;
            return Err(self.not_allowed("properties", at, &format!("{count} columns"), "1 to 4096 columns"));
        }
        Ok(object)
    }
}
