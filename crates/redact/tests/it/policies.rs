//! Each policy does what it says to every type it takes, and says so of those it does not.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Int64Array, LargeStringArray, ListArray, RecordBatch, StringArray,
    StringViewArray, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Schema};
use tidegate_contract::IngestPolicy::{self, Drop, Evidence, Hash, Identifier, Keep, Pattern, Tokenize};
use tidegate_keyring::Keyring;
use tidegate_redact::{Error, Redacted, Redactor, Refusal};

use crate::keyring;

fn text(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn coded(key: DataType, value: DataType) -> DataType {
    DataType::Dictionary(Box::new(key), Box::new(value))
}

/// A batch with a tenant for each row, and one column `v`.
fn batch(tenants: &[Option<&str>], v: ArrayRef, nullable: bool) -> RecordBatch {
    let fields = [Field::new("tenant_id", DataType::Utf8, true), Field::new("v", v.data_type().clone(), nullable)];
    RecordBatch::try_new(Arc::new(Schema::new(fields.to_vec())), vec![text(tenants), v]).unwrap()
}

fn redactor(policy: IngestPolicy, keyring: Arc<Keyring>) -> Redactor {
    Redactor::new([("tenant_id".to_owned(), Keep), ("v".to_owned(), policy)], "tenant_id", keyring)
}

async fn redact(policy: IngestPolicy, batch: &RecordBatch) -> Result<Redacted, Error> {
    let redacted = redactor(policy, keyring()).redact(batch).await?;
    assert_eq!(redacted.batch.schema(), redactor(policy, keyring()).schema(&batch.schema()).unwrap());
    Ok(redacted)
}

fn texts(redacted: &Redacted) -> Vec<Option<String>> {
    let column = cast(redacted.batch.column_by_name("v").unwrap(), &DataType::Utf8).unwrap();
    column.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

/// The same texts, in every form that text has.
fn forms(values: &[Option<&str>]) -> Vec<ArrayRef> {
    let plain = text(values);
    let types = [
        DataType::Utf8,
        DataType::LargeUtf8,
        DataType::Utf8View,
        coded(DataType::Int32, DataType::Utf8),
        coded(DataType::UInt8, DataType::LargeUtf8),
        coded(DataType::Int16, DataType::Utf8View),
    ];
    types.iter().map(|form| cast(&plain, form).unwrap()).collect()
}

#[tokio::test]
async fn tokens_are_those_of_the_tenant_in_every_form() {
    let tenants = [Some("acme"), Some("acme"), Some("globex"), Some("globex"), Some("acme")];
    let values = [Some("alice"), None, Some("alice"), Some("bob"), Some("alice")];
    let keyring = keyring();
    let mut all = Vec::new();
    for form in forms(&values) {
        let batch = batch(&tenants, form, true);
        let redacted = redactor(Tokenize, Arc::clone(&keyring)).redact(&batch).await.unwrap();
        assert_eq!(redacted.counts.columns["v"].tokenized, 4);
        all.push(texts(&redacted));
    }
    for tokens in &all {
        assert_eq!(tokens, &all[0]);
        let hex = |token: &&String| {
            token.len() == 32 && token.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c))
        };
        assert_eq!(tokens.iter().flatten().filter(hex).count(), 4);
        assert_eq!(tokens[1], None);
        assert_eq!(tokens[0], tokens[4]);
        assert_ne!(tokens[0], tokens[2], "another tenant");
        assert_ne!(tokens[2], tokens[3], "another user");
    }
}

#[tokio::test]
async fn numbers_and_bytes_have_the_tokens_of_their_texts() {
    let keyring = keyring();
    let tenants = [Some("acme"); 3];
    let mut all = Vec::new();
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(42), None, Some(-7)]));
    let bytes: ArrayRef = Arc::new(BinaryArray::from_opt_vec(vec![Some(b"42"), None, Some(b"-7")]));
    for v in [numbers, bytes, text(&[Some("42"), None, Some("-7")])] {
        let redacted = redactor(Tokenize, Arc::clone(&keyring)).redact(&batch(&tenants, v, true)).await.unwrap();
        assert_eq!(redacted.batch.column_by_name("v").unwrap().data_type(), &DataType::Utf8);
        all.push(texts(&redacted));
    }
    assert!(all.iter().all(|tokens| tokens == &all[0]), "{all:?}");
}

#[tokio::test]
async fn hashes_are_the_same_for_all() {
    for form in forms(&[Some("alice"), None, Some("alice")]) {
        let redacted = redact(Hash, &batch(&[Some("acme"), Some("acme"), Some("globex")], form, true)).await.unwrap();
        let hash = "2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90".to_owned();
        assert_eq!(texts(&redacted), [Some(hash.clone()), None, Some(hash)]);
        assert_eq!(redacted.counts.columns["v"].hashed, 2);
    }
}

#[tokio::test]
async fn dropped_values_are_null_or_empty() {
    for form in forms(&[Some("alice"), Some("bob")]) {
        let tenants = [Some("acme"); 2];
        let redacted = redact(Drop, &batch(&tenants, Arc::clone(&form), true)).await.unwrap();
        assert_eq!(texts(&redacted), [None, None]);
        assert_eq!(redacted.counts.columns["v"].dropped, 2);
        let redacted = redact(Drop, &batch(&tenants, form, false)).await.unwrap();
        assert_eq!(texts(&redacted), [Some(String::new()), Some(String::new())]);
    }
}

#[tokio::test]
async fn patterns_are_found_in_every_form_and_depth() {
    let values = [Some("ask max@example.com"), None, Some("nothing")];
    for form in forms(&values) {
        let form_type = form.data_type().clone();
        let redacted = redact(Pattern, &batch(&[Some("acme"); 3], form, true)).await.unwrap();
        assert_eq!(texts(&redacted), [Some("ask [email]".to_owned()), None, Some("nothing".to_owned())]);
        assert_eq!(redacted.batch.column_by_name("v").unwrap().data_type(), &form_type);
        assert_eq!(redacted.counts.columns["v"].detected.total(), 1);
    }
    let fields =
        Fields::from(vec![Field::new("key", DataType::Utf8, false), Field::new("variant", DataType::Utf8, true)]);
    let flags = StructArray::new(
        fields.clone(),
        vec![text(&[Some("a"), Some("b")]), text(&[Some("max@example.com"), None])],
        None,
    );
    let item = Arc::new(Field::new("item", DataType::Struct(fields), true));
    let lists = ListArray::new(item, OffsetBuffer::from_lengths([1, 1]), Arc::new(flags), None);
    let redacted = redact(Pattern, &batch(&[Some("acme"); 2], Arc::new(lists), true)).await.unwrap();
    let flags = redacted.batch.column_by_name("v").unwrap().as_list::<i32>().values().as_struct().clone();
    assert_eq!(flags.column(1).as_string::<i32>().value(0), "[email]");
    assert!(flags.column(1).is_null(1));
    assert_eq!(flags.column(0).as_string::<i32>().value(1), "b");
}

#[tokio::test]
async fn evidence_is_taken_out_and_a_reference_put_in() {
    for form in forms(&[Some("what I typed"), None, Some("more"), Some("")]) {
        let tenants = [Some("acme"), Some("acme"), None, Some("acme")];
        let redacted = redact(Evidence, &batch(&tenants, form, true)).await.unwrap();
        assert_eq!(texts(&redacted), [None, None, None]);
        let [taken] = &redacted.evidence[..] else { panic!("{:?}", redacted.evidence) };
        assert_eq!(
            (taken.column.as_str(), taken.row, &*taken.tenant, taken.text.as_str()),
            ("v", 0, "acme", "what I typed")
        );
        assert!(!format!("{taken:?} {redacted:?}").contains("typed"));
        let filled = redacted.with_references(&[Some("ev_1".to_owned())]).unwrap();
        let filled = cast(filled.column_by_name("v").unwrap(), &DataType::Utf8).unwrap();
        assert_eq!(filled.as_string::<i32>().iter().collect::<Vec<_>>(), [Some("ev_1"), None, None]);
        assert!(matches!(redacted.with_references(&[]), Err(Error::References { .. })));
        // Without a tenant there is no key to keep it under.
        assert!(redacted.refused.column_by_name("v").unwrap().is_null(0));
    }
}

#[tokio::test]
async fn rows_without_a_tenant_are_set_aside_without_what_needs_a_key() {
    let tenants = [None, Some("acme"), Some(" "), Some("globex")];
    let values = text(&[Some("u1"), Some("u2"), Some("u3"), Some("u4")]);
    let redacted = redact(Tokenize, &batch(&tenants, values, true)).await.unwrap();
    assert_eq!(redacted.rows, [1, 3]);
    assert_eq!(redacted.reasons, [(0, Refusal::NoTenant), (2, Refusal::NoTenant)]);
    assert_eq!(redacted.refused.num_rows(), 2);
    assert_eq!(redacted.refused.schema(), redacted.batch.schema());
    assert_eq!(redacted.refused.column_by_name("v").unwrap().null_count(), 2);
    assert_eq!((redacted.counts.rows, redacted.counts.rows_without_tenant), (4, 2));
}

#[tokio::test]
async fn tenants_that_are_not_given_are_refused_where_keys_are() {
    let fixed = Arc::new(Keyring::fixed(&format!("acme = \"{}\"", "ab".repeat(32))).unwrap());
    let values = text(&[Some("u1"), Some("u2")]);
    let redacted =
        redactor(Tokenize, fixed).redact(&batch(&[Some("acme"), Some("globex")], values, true)).await.unwrap();
    assert_eq!(redacted.rows, [0]);
    assert_eq!(redacted.reasons, [(1, Refusal::UnknownTenant)]);
    assert_eq!(redacted.counts.rows_of_unknown_tenants, 1);
}

#[tokio::test]
async fn a_column_without_a_policy_is_dropped() {
    let values = text(&[Some("secret")]);
    let redactor = Redactor::new([("tenant_id".to_owned(), Tokenize)], "tenant_id", keyring());
    let redacted = redactor.redact(&batch(&[Some("acme")], values, true)).await.unwrap();
    assert_eq!(texts(&redacted), [None]);
    let tenant = redacted.batch.column(0).as_string::<i32>().value(0).to_owned();
    assert!(tenant.len() == 32 && tenant != "acme");
}

#[tokio::test]
async fn what_a_policy_cannot_take_is_said_before_anything_is_done() {
    let numbers = || -> ArrayRef { Arc::new(Int64Array::from(vec![1])) };
    let bytes = || -> ArrayRef { Arc::new(BinaryArray::from_vec(vec![b"max@example.com"])) };
    let item = Arc::new(Field::new("item", DataType::Utf8, true));
    let list = ListArray::new(item, OffsetBuffer::from_lengths([1]), text(&[Some("a")]), None);
    let list: ArrayRef = Arc::new(list);
    for (policy, array, nullable) in
        [(Drop, numbers(), false), (Pattern, bytes(), true), (Evidence, numbers(), true), (Tokenize, list, true)]
    {
        let error = redact(policy, &batch(&[Some("acme")], array, nullable)).await.unwrap_err();
        assert!(matches!(&error, Error::Unfit { column, .. } if column == "v"), "{error}");
        assert_eq!(error.code(), "TG727");
    }
    let other = Redactor::new([], "customer", keyring());
    let error = other.redact(&batch(&[Some("acme")], numbers(), true)).await.unwrap_err();
    assert_eq!(error.code(), "TG728");
}

#[tokio::test]
async fn an_empty_batch_and_slices_are_fine() {
    let values = LargeStringArray::from(vec![Some("a"), Some("max@example.com"), None, Some("b")]);
    let whole = batch(&[Some("acme"), Some("acme"), None, Some("globex")], Arc::new(values), true);
    for policy in [Keep, Drop, Hash, Tokenize, Pattern, Evidence] {
        assert_eq!(redact(policy, &whole.slice(0, 0)).await.unwrap().batch.num_rows(), 0);
        let part = redact(policy, &whole.slice(1, 3)).await.unwrap();
        assert_eq!((part.batch.num_rows(), part.refused.num_rows()), (2, 1), "{policy:?}");
    }
    let views = StringViewArray::from(vec![Some("a value that is longer than a view"); 2]);
    let redacted = redact(Keep, &batch(&[Some("acme"), None], Arc::new(views), true)).await.unwrap();
    assert_eq!(redacted.batch.num_rows(), 1);
}

#[tokio::test]
async fn an_identifier_stays_unless_something_is_found_in_it() {
    let kept = [
        "d-4711",
        "0af7651916cd43dd8448eb211c80319c",
        "018f3c2e-41111111-1111-1111-a7b2-9b1deb4d3b7d",
        "run/2026-08-06/4",
        "1700000000000",
    ];
    let found = ["max@example.com", "4111111111111111", "order for max@example.com", "de89370400440532013000"];
    let values = kept.iter().chain(&found).map(|value| Some(*value)).chain([None]).collect::<Vec<_>>();
    let tenants = vec![Some("acme"); values.len()];
    let keyring = keyring();
    for form in forms(&values) {
        let redacted =
            redactor(Identifier, Arc::clone(&keyring)).redact(&batch(&tenants, Arc::clone(&form), true)).await;
        let redacted = redacted.unwrap();
        let (ids, counts) = (texts(&redacted), &redacted.counts.columns["v"]);
        assert_eq!(ids[..kept.len()], kept.map(|id| Some(id.to_owned())));
        assert_eq!((counts.tokenized, counts.detected.total()), (4, 4));
        // The same tokens as where ids are always tokens: joins hold.
        let tokens = redactor(Tokenize, Arc::clone(&keyring)).redact(&batch(&tenants, form, true)).await.unwrap();
        assert_eq!(ids[kept.len()..], texts(&tokens)[kept.len()..]);
    }
}

#[tokio::test]
async fn ids_of_rows_without_a_tenant_or_a_key_show_nobody() {
    let ids = text(&[Some("max@example.com"), Some("eva@example.com"), Some("d-1")]);
    let nobody_s = Redactor::without_tenants([("v".to_owned(), Identifier)], keyring());
    let rows = RecordBatch::try_from_iter([("v", Arc::clone(&ids))]).unwrap();
    let hashed = texts(&nobody_s.redact(&rows).await.unwrap());
    assert_ne!(hashed[0], hashed[1], "rows stay apart");
    assert_eq!((hashed[0].as_ref().map(String::len), hashed[2].as_deref()), (Some(64), Some("d-1")));
    let refused = redact(Identifier, &batch(&[None, None, None], ids, true)).await.unwrap().refused;
    let refused = cast(refused.column_by_name("v").unwrap(), &DataType::Utf8).unwrap();
    assert_eq!(refused.as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["[email]", "[email]", "d-1"]);
}

#[test]
fn names_of_versions_and_classes_stay() {
    let names = [
        "gpt-4o-2024-08-06",
        "claude-3-5-sonnet-20241022",
        "claude-opus-4-5@20251101",
        "o3-mini-2025-01-31",
        "gpt-4.1",
        "ft:gpt-4.1-2025-04-14:sierra:tau2-full-sft:BzrYdMNm",
        "gemini-2.5-pro-preview-05-06",
        "us-east-1",
        "1.37.0",
        "anthropic.claude-3-haiku-20240307-v1:0",
        "2026-11-28T10:15:00Z",
        "v2026.11.28-1",
        "0.86.1",
        "sha256:0af76519",
        "meta-llama/Llama-3.3-70B-Instruct",
        "refund.request",
        "https://opentelemetry.io/schemas/1.37.0",
        "eu-central-1",
        "arn:aws:bedrock:us-east-1::foundation-model/x",
        "2024-08-01-preview",
        "index-20260105-120000",
        "gpt-35-turbo-16k",
        "prompt@3.1.4+build.20260105",
        "canary-10%",
        "mistral-large-2407",
        "deepseek-r1:671b",
        "rev 12, 2026-01-05",
    ];
    for name in names {
        assert_eq!(tidegate_redact::scrub(name), name);
    }
}
