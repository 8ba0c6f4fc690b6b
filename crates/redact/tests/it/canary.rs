//! A thousand secrets are planted over every column of `decisions`; none comes through.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema};
use arrow::ipc::writer::StreamWriter;
use tidegate_contract::{IngestPolicy, decisions};
use tidegate_redact::{Error, Redactor, scrub};
use tidegate_testkit::canary::{Finder, secret};

use crate::keyring;

const ROWS: usize = 1000;
const TENANTS: [&str; 3] = ["tenant-canary-a", "tenant-canary-b", "tenant-canary-c"];

/// The policies that are shipped for `decisions`, and evidence of the one column that people may write into.
fn shipped() -> BTreeMap<String, IngestPolicy> {
    let contract = tidegate_contract::shipped::contract("decisions").unwrap();
    let policies = contract.columns.iter().map(|column| (column.name.clone(), column.ingest_policy));
    policies.chain([("override_reason".to_owned(), IngestPolicy::Evidence)]).collect()
}

/// A batch of `decisions` with a secret in each value of text, alone or in the middle of words.
fn planted() -> (RecordBatch, Vec<String>) {
    let mut planted = Vec::new();
    let schema = decisions();
    let fields = schema.fields().len();
    let mut text = |row: usize, column: usize| {
        let secret = secret((row * fields + column) % ROWS);
        planted.push(secret.clone());
        match row % 3 {
            0 => secret,
            1 => format!("the agent saw {secret}, and stopped"),
            _ => format!("{{\"note\": \"{secret}\", \"n\": {row}}}"),
        }
    };
    let columns = schema.fields().iter().enumerate().map(|(column, field)| -> ArrayRef {
        let mut texts =
            || -> ArrayRef { Arc::new((0..ROWS).map(|row| Some(text(row, column))).collect::<StringArray>()) };
        match (field.name().as_str(), field.data_type()) {
            ("tenant_id", _) => {
                let tenant = |row: usize| (!row.is_multiple_of(50)).then_some(TENANTS[row % 3]);
                Arc::new((0..ROWS).map(tenant).collect::<StringArray>())
            }
            (_, DataType::Utf8 | DataType::Dictionary(..)) => cast(&texts(), field.data_type()).unwrap(),
            (_, DataType::List(item)) => {
                let DataType::Struct(flag) = item.data_type() else { panic!("{item}") };
                let flags = StructArray::new(flag.clone(), vec![texts(), texts()], None);
                let lengths = OffsetBuffer::from_lengths(std::iter::repeat_n(1, ROWS));
                Arc::new(ListArray::new(Arc::clone(item), lengths, Arc::new(flags), None))
            }
            (_, DataType::Timestamp(..)) => {
                Arc::new(TimestampMicrosecondArray::from(vec![1_700_000_000_000_000; ROWS]).with_timezone("UTC"))
            }
            (_, DataType::Int64) => Arc::new(Int64Array::from(vec![7; ROWS])),
            (_, DataType::Int32) => Arc::new(Int32Array::from(vec![7; ROWS])),
            (_, DataType::Float64) => Arc::new(Float64Array::from(vec![0.5; ROWS])),
            (_, DataType::Boolean) => Arc::new(BooleanArray::from(vec![true; ROWS])),
            (name, other) => panic!("{name} is {other}"),
        }
    });
    let columns: Vec<ArrayRef> = columns.collect();
    // Rows without a tenant are to be refused, not to make the batch impossible.
    let nullable = schema
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_nullable(field.is_nullable() || field.name() == "tenant_id"));
    let schema = Arc::new(Schema::new(nullable.collect::<Vec<_>>()));
    let batch = RecordBatch::try_new(schema, columns).unwrap();
    (batch, planted)
}

fn bytes(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

fn detector(planted: &[String]) -> Finder {
    let distinct = planted.iter().collect::<BTreeSet<_>>();
    assert!(distinct.len() >= ROWS, "{} secrets", distinct.len());
    Finder::of(planted)
}

fn assert_clean(what: &str, shown: &[u8], finder: &Finder) {
    assert_eq!(finder.find(shown), None, "{what}");
}

#[tokio::test]
async fn no_secret_comes_through() {
    let (batch, planted) = planted();
    assert_eq!(batch.num_columns(), 58);
    let planted = detector(&planted);
    assert!(planted.find(&bytes(&batch)).is_some(), "what is there is found");

    let redactor = Redactor::new(shipped(), "tenant_id", keyring()).with_user("user_token");
    let redacted = redactor.redact(&batch).await.unwrap();
    assert_eq!((redacted.batch.num_rows(), redacted.refused.num_rows()), (ROWS - ROWS / 50, ROWS / 50));
    assert_eq!(redacted.evidence.len(), 2 * redacted.batch.num_rows(), "of `override_reason` and `evidence_ref`");
    assert_clean("the batch", &bytes(&redacted.batch), &planted);
    assert_clean("what was refused", &bytes(&redacted.refused), &planted);
    let shown = format!("{redacted:?} {:?} {:?} {:?}", redacted.counts, redacted.evidence, redactor);
    assert_clean("what is shown", shown.as_bytes(), &planted);
    let references = vec![Some("ev_0".to_owned()); redacted.evidence.len()];
    assert_clean("the batch with references", &bytes(&redacted.with_references(&references).unwrap()), &planted);
}

#[tokio::test]
async fn no_secret_is_in_an_error() {
    let (batch, planted) = planted();
    let planted = detector(&planted);
    let mut errors: Vec<Error> = Vec::new();
    for policy in IngestPolicy::ALL {
        // Each policy on each column: what it cannot take is an error.
        for field in decisions().fields() {
            let mut policies = shipped();
            policies.insert(field.name().clone(), *policy);
            let redactor = Redactor::new(policies, "tenant_id", keyring());
            errors.extend(redactor.redact(&batch.slice(0, 20)).await.err());
        }
    }
    assert!(errors.len() > 20, "{} errors", errors.len());
    for error in &errors {
        assert_clean("an error", format!("{error} {error:?}").as_bytes(), &planted);
    }
}

#[test]
fn no_secret_survives_in_a_text_of_an_error() {
    let secrets: Vec<String> = (0..ROWS).map(secret).collect();
    for (number, secret) in secrets.iter().enumerate() {
        let text = format!(
            "cannot parse row {number}: unexpected `{secret}` at line 3, column 7 (while reading \"{secret}\")"
        );
        let scrubbed = scrub(&text);
        assert!(!scrubbed.contains(secret), "{scrubbed}");
        assert!(scrubbed.contains(&format!("cannot parse row {number}: unexpected `[")), "{scrubbed}");
    }
}
