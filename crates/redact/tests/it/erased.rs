//! Rows of those whose key is destroyed are written nowhere.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use tidegate_contract::IngestPolicy::{Evidence, Keep, Tokenize};
use tidegate_redact::Redactor;

use crate::keyring;

fn batch() -> RecordBatch {
    let column = |values: [&str; 4]| -> ArrayRef { Arc::new(StringArray::from(values.to_vec())) };
    let coded = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    RecordBatch::try_from_iter([
        ("tenant_id", column(["acme", "acme", "globex", "umbrella"])),
        ("user_token", column(["alice", "bob", "alice", "carol"])),
        ("note", cast(&column(["note-a", "note-b", "note-c", "note-d"]), &coded).unwrap()),
        ("prompt", column(["prompt-a", "prompt-b", "prompt-c", "prompt-d"])),
    ])
    .unwrap()
}

#[tokio::test]
async fn rows_of_a_destroyed_user_or_tenant_are_left_out_and_counted() {
    let keyring = keyring();
    let policies = [("tenant_id", Keep), ("user_token", Tokenize), ("note", Keep), ("prompt", Evidence)];
    let policies = policies.map(|(column, policy)| (column.to_owned(), policy));
    let redactor = Redactor::new(policies, "tenant_id", Arc::clone(&keyring)).with_user("user_token");
    let before = redactor.redact(&batch()).await.unwrap();
    assert_eq!(before.rows, [0, 1, 2, 3]);
    let users = before.batch.column_by_name("user_token").unwrap().as_string::<i32>().clone();
    assert_eq!(before.evidence[1].user.as_deref(), Some(users.value(1)));

    keyring.destroy_user("acme", users.value(0)).await.unwrap();
    keyring.destroy("umbrella").await.unwrap();
    let after = redactor.redact(&batch()).await.unwrap();
    assert_eq!(after.rows, [1, 2]);
    assert_eq!((after.counts.rows_of_erased_users, after.counts.rows_of_destroyed_tenants), (1, 1));
    assert!(after.refused.num_rows() == 0 && after.reasons.is_empty());
    let evidence: Vec<_> = after.evidence.iter().map(|text| (text.row, text.text.as_str())).collect();
    assert_eq!(evidence, [(0, "prompt-b"), (1, "prompt-c")]);
    // Nothing of the rows that were left out lies behind a dictionary.
    let notes = Arc::clone(after.batch.column_by_name("note").unwrap().as_any_dictionary().values());
    let notes: Vec<_> = notes.as_string::<i32>().iter().flatten().map(str::to_owned).collect();
    assert_eq!(notes, ["note-b", "note-c"]);
}
