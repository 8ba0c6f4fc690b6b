//! What does OpenLineage want to know of a release? Run events of its version 2-0-2, without a value of a row.

use chrono::{DateTime, SecondsFormat};
use datafusion::arrow::datatypes::{FieldRef, SchemaRef};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tidegate_ledger::Digest;
use tidegate_signal::{Scope, SignalDefinition};
use tidegate_stream::ReleaseEntry;

use crate::instants;

/// Who says so.
const PRODUCER: &str = concat!("https://github.com/tidegate/tidegate/tree/", env!("CARGO_PKG_VERSION"));
const SCHEMA: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";

/// A dataset by OpenLineage's names: where it lies, and what it is called there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dataset {
    namespace: String,
    name: String,
}

impl Dataset {
    /// What lies at a path or a URL.
    pub(super) fn at(place: &str) -> Self {
        let Some((scheme, rest)) = place.split_once("://") else {
            return Self { namespace: "file".to_owned(), name: place.to_owned() };
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        Self { namespace: format!("{scheme}://{authority}"), name: path.to_owned() }
    }

    /// What lies below it.
    pub(super) fn below(&self, path: &str) -> Self {
        let name = if self.name.is_empty() { path.to_owned() } else { format!("{}/{path}", self.name) };
        Self { namespace: self.namespace.clone(), name }
    }
}

/// A signal as a job.
#[derive(Clone)]
pub(super) struct Job {
    inputs: Vec<Dataset>,
    output: Dataset,
    /// Whether its rows are for everybody, and so how many there are.
    is_public: bool,
    owner: Option<String>,
    description: Option<String>,
    schema: Option<SchemaRef>,
}

impl Job {
    pub(super) fn of(
        definition: &SignalDefinition,
        inputs: Vec<Dataset>,
        output: Dataset,
        schema: Option<SchemaRef>,
    ) -> Self {
        Self {
            inputs,
            output,
            is_public: definition.scope == Scope::Global,
            owner: definition.owner.clone(),
            description: definition.description.clone(),
            schema,
        }
    }

    /// A signal that every project has.
    pub(super) fn own(inputs: Vec<Dataset>, output: Dataset) -> Self {
        Self { inputs, output, is_public: true, owner: None, description: None, schema: None }
    }

    /// A signal that is no longer defined. Whether everybody might read it is not known.
    pub(super) fn unknown(signal: &str, root: &Dataset) -> Self {
        let output = root.below(&format!("{}/signal={signal}", Scope::Global.folder()));
        Self { is_public: false, ..Self::own(Vec::new(), output) }
    }
}

/// What one log record releases of one signal.
pub(super) struct Made<'a> {
    pub(super) seq: u64,
    pub(super) digest: Digest,
    pub(super) at_us: i64,
    pub(super) entries: &'a [&'a ReleaseEntry],
}

/// A start and an end. The same record gives the same events, with the same run.
pub(super) fn events(namespace: &str, signal: &str, job: &Job, made: &Made<'_>) -> Vec<Value> {
    let time =
        DateTime::from_timestamp_micros(made.at_us).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Micros, true);
    let inputs = job.inputs.iter().map(|input| json!({"namespace": input.namespace, "name": input.name}));
    let event = |kind: &str, outputs: Value| {
        json!({
            "eventType": kind,
            "eventTime": time,
            "producer": PRODUCER,
            "schemaURL": SCHEMA,
            "run": {"runId": run_id(made.digest, signal), "facets": run_facets(made)},
            "job": {"namespace": namespace, "name": signal, "facets": job_facets(job)},
            "inputs": inputs.clone().collect::<Vec<_>>(),
            "outputs": outputs,
        })
    };
    vec![event("START", json!([])), event("COMPLETE", json!([output(job, made)]))]
}

/// A name for a run that has the form of a UUID, and is the same whenever it is told.
fn run_id(record: Digest, signal: &str) -> String {
    let digest = Sha256::digest(format!("{record}/{signal}"));
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    // Version 8, of one's own making, and the variant of RFC 9562.
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn facet(schema: &str, said: Value) -> Value {
    let mut facet = Map::from_iter([
        ("_producer".to_owned(), PRODUCER.into()),
        ("_schemaURL".to_owned(), format!("https://openlineage.io/spec/{schema}").into()),
    ]);
    if let Value::Object(said) = said {
        facet.extend(said);
    }
    Value::Object(facet)
}

fn run_facets(made: &Made<'_>) -> Value {
    let releases = made.entries.iter().map(|entry| {
        json!({
            "date": entry.day.map(instants::show_day),
            "release_id": entry.release_id,
            "version": entry.version,
            "code_hash": entry.code_hash,
            "sha256": entry.sha256,
        })
    });
    let engine = json!({"name": "Tidegate", "version": env!("CARGO_PKG_VERSION")});
    let release = json!({"record": made.seq, "releases": releases.collect::<Vec<_>>()});
    json!({
        "processing_engine": facet("facets/1-1-1/ProcessingEngineRunFacet.json#/$defs/ProcessingEngineRunFacet", engine),
        "tidegate_release": facet("2-0-2/OpenLineage.json#/$defs/RunFacet", release),
    })
}

fn job_facets(job: &Job) -> Value {
    // A release is finite, whatever its signal reads.
    let kind = json!({"processingType": "BATCH", "integration": "TIDEGATE", "jobType": "SIGNAL"});
    let mut facets = Map::from_iter([(
        "jobType".to_owned(),
        facet("facets/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet", kind),
    )]);
    if let Some(owner) = &job.owner {
        let owners = json!({"owners": [{"name": owner}]});
        let owners = facet("facets/1-0-1/OwnershipJobFacet.json#/$defs/OwnershipJobFacet", owners);
        facets.insert("ownership".to_owned(), owners);
    }
    if let Some(description) = &job.description {
        let said = json!({"description": description});
        let said = facet("facets/1-1-0/DocumentationJobFacet.json#/$defs/DocumentationJobFacet", said);
        facets.insert("documentation".to_owned(), said);
    }
    Value::Object(facets)
}

fn output(job: &Job, made: &Made<'_>) -> Value {
    let version = json!({"datasetVersion": made.seq.to_string()});
    let version = facet("facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet", version);
    let mut facets = Map::from_iter([("version".to_owned(), version)]);
    if let Some(schema) = &job.schema {
        let field = |field: &FieldRef| json!({"name": field.name(), "type": field.data_type().to_string()});
        let fields = json!({"fields": schema.fields().iter().map(field).collect::<Vec<_>>()});
        let fields = facet("facets/1-1-1/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet", fields);
        facets.insert("schema".to_owned(), fields);
    }
    let mut output = json!({"namespace": job.output.namespace, "name": job.output.name, "facets": facets});
    if job.is_public {
        let sum = |of: fn(&ReleaseEntry) -> u64| made.entries.iter().map(|entry| of(entry)).sum::<u64>();
        let files = made.entries.iter().filter(|entry| entry.rows > 0).count();
        let said = json!({"rowCount": sum(|entry| entry.rows), "size": sum(|entry| entry.bytes), "fileCount": files});
        let path = "facets/1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/OutputStatisticsOutputDatasetFacet";
        output["outputFacets"] = json!({"outputStatistics": facet(path, said)});
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datasets_are_named_by_where_they_lie() {
        let check = |place: &str, namespace: &str, name: &str| {
            let expected = Dataset { namespace: namespace.to_owned(), name: name.to_owned() };
            assert_eq!(Dataset::at(place).below("released/signal=a"), expected);
        };
        check("/srv/p", "file", "/srv/p/released/signal=a");
        check("s3://bucket/p", "s3://bucket", "p/released/signal=a");
        check("s3://bucket", "s3://bucket", "released/signal=a");
        check("abfss://c@a.dfs.core.windows.net/p", "abfss://c@a.dfs.core.windows.net", "p/released/signal=a");
    }

    #[test]
    fn a_run_has_the_form_of_a_uuid_and_its_own_name() {
        let digest = Digest::of(b"record");
        let id = run_id(digest, "a");
        assert_eq!((id.len(), id.as_bytes()[14], run_id(digest, "a") == id), (36, b'8', true));
        assert_ne!(run_id(digest, "b"), id);
    }
}
