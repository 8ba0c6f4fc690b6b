//! A thousand secrets are planted over every column of `decisions`; none comes through.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::ipc::writer::StreamWriter;
use tidegate_contract::{IngestPolicy, decisions};
use tidegate_redact::{Error, Redactor, scrub};

use crate::keyring;

const ROWS: usize = 1000;
const TENANTS: [&str; 3] = ["tenant-canary-a", "tenant-canary-b", "tenant-canary-c"];

/// The policies that are shipped for `decisions`.
fn shipped() -> BTreeMap<String, IngestPolicy> {
    let policy = |field: &Arc<Field>| match field.name().as_str() {
        "tenant_id" | "user_token" | "session_id" => IngestPolicy::Tokenize,
        "decision_id" | "trace_id" | "span_id" | "parent_decision_id" | "envelope_hash" => IngestPolicy::Hash,
        "override_reason" => IngestPolicy::Evidence,
        "evidence_ref" => IngestPolicy::Drop,
        _ if holds_text(field.data_type()) => IngestPolicy::Pattern,
        _ => IngestPolicy::Keep,
    };
    decisions().fields().iter().map(|field| (field.name().clone(), policy(field))).collect()
}

fn holds_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::Dictionary(..) | DataType::List(_))
}

/// The secret with a number: one of each kind in turn. Each is unlike the others.
fn secret(number: usize) -> String {
    let digits = format!("{number:09}");
    match number % 8 {
        0 => format!("canary{digits}@example.com"),
        1 => with_check_digit(&format!("411111{digits}")),
        2 => format!("+4915{digits}7"),
        3 => format!("AKIACANARY0{digits}"),
        4 => format!("sk-ant-api03-Canary{digits}abcdef"),
        5 => format!("ghp_Canary{digits}abcdefghijklmnopqrstu"),
        6 => format!("eyJCanary{digits}.eyJzdWIiOiIx.c2lnbmF0dXJl"),
        _ => iban(&format!("37040044{number:010}")),
    }
}

fn with_check_digit(number: &str) -> String {
    let is_valid = |digit: &u32| {
        let card = format!("{number}{digit}");
        let weighed = card.bytes().rev().enumerate().map(|(place, digit)| {
            let digit = u32::from(digit - b'0') * if place % 2 == 1 { 2 } else { 1 };
            digit / 10 + digit % 10
        });
        weighed.sum::<u32>().is_multiple_of(10)
    };
    format!("{number}{}", (0..10).find(is_valid).unwrap())
}

fn iban(account: &str) -> String {
    let number: u128 = format!("{account}131400").parse().unwrap();
    format!("DE{:02}{account}", 98 - number % 97)
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
    planted.extend(TENANTS.map(str::to_owned));
    (batch, planted)
}

fn bytes(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

/// What looks for all secrets at once. Every secret has nine digits of its own, or is a tenant's name.
fn detector(planted: &[String]) -> regex::bytes::Regex {
    let mut distinct: Vec<String> = planted.iter().map(|secret| regex::escape(secret)).collect();
    distinct.sort();
    distinct.dedup();
    assert!(distinct.len() >= ROWS, "{} secrets", distinct.len());
    regex::bytes::RegexBuilder::new(&distinct.join("|")).case_insensitive(true).size_limit(1 << 30).build().unwrap()
}

fn assert_clean(what: &str, shown: &[u8], detector: &regex::bytes::Regex) {
    let leak = detector.find(shown).map(|found| String::from_utf8_lossy(found.as_bytes()));
    assert_eq!(leak, None, "{what}");
}

#[tokio::test]
async fn no_secret_comes_through() {
    let (batch, planted) = planted();
    assert_eq!(batch.num_columns(), 58);
    let planted = detector(&planted);
    assert!(planted.is_match(&bytes(&batch)), "what is there is found");

    let redactor = Redactor::new(shipped(), "tenant_id", keyring()).with_user("user_token");
    let redacted = redactor.redact(&batch).await.unwrap();
    assert_eq!((redacted.batch.num_rows(), redacted.refused.num_rows()), (ROWS - ROWS / 50, ROWS / 50));
    assert_eq!(redacted.evidence.len(), redacted.batch.num_rows());
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
