//! What was typed, and where? No rule is checked here but kinds and names, which are the standard's own.
//!
//! What the standard has and Tidegate does not use is taken and left unread.

#![expect(dead_code, reason = "names of the standard that are taken and left unread")]

use serde::Deserialize;
use serde::de::IgnoredAny;
use tidegate_document::Spanned;

use super::types::Logical;
use super::value::Value;

pub(super) type Text = Spanned<String>;
type Unread = Option<IgnoredAny>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RawContract {
    pub(super) api_version: Text,
    pub(super) kind: Text,
    pub(super) id: Text,
    pub(super) name: Option<Text>,
    pub(super) version: Text,
    pub(super) status: Text,
    tenant: Unread,
    tags: Unread,
    servers: Unread,
    data_product: Unread,
    description: Unread,
    domain: Unread,
    pub(super) schema: Spanned<Vec<Spanned<RawObject>>>,
    support: Unread,
    price: Unread,
    pub(super) team: Option<RawTeam>,
    roles: Unread,
    sla_default_element: Unread,
    #[serde(default)]
    pub(super) sla_properties: Vec<RawSla>,
    authoritative_definitions: Unread,
    #[serde(default)]
    pub(super) custom_properties: Vec<RawCustom>,
    contract_created_ts: Unread,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RawTeam {
    pub(super) name: Option<Text>,
    description: Unread,
    members: Unread,
    tags: Unread,
    custom_properties: Unread,
    authoritative_definitions: Unread,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RawSla {
    pub(super) property: Text,
    pub(super) value: Spanned<Value>,
    value_ext: Unread,
    pub(super) unit: Option<Text>,
    element: Unread,
    driver: Unread,
    description: Unread,
    scheduler: Unread,
    schedule: Unread,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCustom {
    pub(super) property: Text,
    pub(super) value: Spanned<Value>,
    description: Unread,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RawObject {
    pub(super) name: Text,
    pub(super) logical_type: Option<Text>,
    physical_name: Unread,
    physical_type: Unread,
    description: Unread,
    business_name: Unread,
    authoritative_definitions: Unread,
    tags: Unread,
    #[serde(default)]
    pub(super) custom_properties: Vec<RawCustom>,
    data_granularity_description: Unread,
    pub(super) properties: Spanned<Vec<RawProperty>>,
    relationships: Unread,
    #[serde(default)]
    pub(super) quality: Vec<Spanned<RawRule>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RawProperty {
    pub(super) name: Text,
    #[serde(default)]
    pub(super) primary_key: bool,
    primary_key_position: Unread,
    pub(super) logical_type: Spanned<Logical>,
    pub(super) logical_type_options: Option<RawOptions>,
    pub(super) physical_type: Option<Text>,
    physical_name: Unread,
    #[serde(default)]
    pub(super) required: bool,
    #[serde(default)]
    pub(super) unique: bool,
    partitioned: Unread,
    partition_key_position: Unread,
    pub(super) classification: Option<Text>,
    encrypted_name: Unread,
    transform_source_objects: Unread,
    transform_logic: Unread,
    transform_description: Unread,
    examples: Unread,
    critical_data_element: Unread,
    relationships: Unread,
    #[serde(default)]
    pub(super) quality: Vec<Spanned<RawRule>>,
    description: Unread,
    business_name: Unread,
    authoritative_definitions: Unread,
    tags: Unread,
    #[serde(default)]
    pub(super) custom_properties: Vec<RawCustom>,
    pub(super) items: Option<Box<Spanned<RawPart>>>,
    pub(super) properties: Option<Spanned<Vec<Spanned<RawPart>>>>,
}

/// A part of a nested column: the items of a list, or a field of a block.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RawPart {
    pub(super) name: Option<Text>,
    pub(super) logical_type: Spanned<Logical>,
    pub(super) logical_type_options: Option<RawOptions>,
    pub(super) physical_type: Option<Text>,
    #[serde(default)]
    pub(super) required: bool,
    description: Unread,
    examples: Unread,
    pub(super) items: Option<Box<Spanned<RawPart>>>,
    pub(super) properties: Option<Spanned<Vec<Spanned<RawPart>>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RawOptions {
    pub(super) format: Option<Text>,
    pub(super) pattern: Option<Text>,
    pub(super) min_length: Option<Spanned<u32>>,
    pub(super) max_length: Option<Spanned<u32>>,
    pub(super) minimum: Option<Spanned<f64>>,
    pub(super) maximum: Option<Spanned<f64>>,
    pub(super) exclusive_minimum: Option<Spanned<f64>>,
    pub(super) exclusive_maximum: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RawRule {
    pub(super) name: Option<Text>,
    description: Unread,
    #[serde(rename = "type")]
    pub(super) kind: Option<Text>,
    pub(super) metric: Option<Text>,
    pub(super) arguments: Option<Spanned<RawArguments>>,
    pub(super) must_be: Option<Spanned<f64>>,
    pub(super) must_not_be: Option<Spanned<f64>>,
    pub(super) must_be_greater_than: Option<Spanned<f64>>,
    pub(super) must_be_greater_or_equal_to: Option<Spanned<f64>>,
    pub(super) must_be_less_than: Option<Spanned<f64>>,
    pub(super) must_be_less_or_equal_to: Option<Spanned<f64>>,
    pub(super) must_be_between: Option<Spanned<Vec<f64>>>,
    pub(super) must_not_be_between: Option<Spanned<Vec<f64>>>,
    pub(super) unit: Option<Text>,
    pub(super) severity: Option<Text>,
    #[serde(default)]
    pub(super) custom_properties: Vec<RawCustom>,
    query: Unread,
    engine: Unread,
    implementation: Unread,
    dimension: Unread,
    method: Unread,
    business_impact: Unread,
    tags: Unread,
    authoritative_definitions: Unread,
    scheduler: Unread,
    schedule: Unread,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RawArguments {
    pub(super) valid_values: Option<Spanned<Vec<Spanned<Value>>>>,
    pub(super) missing_values: Option<Spanned<Vec<Spanned<Value>>>>,
    pub(super) pattern: Option<Text>,
    pub(super) properties: Option<Spanned<Vec<Text>>>,
}
