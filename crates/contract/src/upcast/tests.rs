//! What is read of old rows?

use super::*;

const OLD: &str = "apiVersion: v3.1.0
kind: DataContract
id: a
version: 1.0.0
status: deprecated
team: { name: t }
slaProperties: [{ property: latency, value: 1, unit: m }]
customProperties:
  - { property: source, value: s }
  - { property: reliability, value: exactly-once }
  - { property: privacyClass, value: restricted }
  - { property: sunset, value: 2027-06-30 }
schema:
  - name: visits
    properties:
      - { name: schema_version, logicalType: string, required: true }
      - { name: pages, logicalType: integer, physicalType: int }
      - { name: legacy, logicalType: string }
      - name: outcome
        logicalType: string
        quality: [{ metric: invalidValues, mustBe: 0, arguments: { validValues: [good, bad, odd, unknown] } }]
      - { name: place, logicalType: string }
";

fn new() -> String {
    let new = OLD.replace("version: 1.0.0", "version: 1.1.0").replace("status: deprecated", "status: active");
    let new = new.replace("  - { property: sunset, value: 2027-06-30 }\n", "");
    let new = new.replace("physicalType: int }", "physicalType: bigint }").replace("odd, ", "");
    let new = new.replace("      - { name: legacy, logicalType: string }\n", "");
    let new = new.replace(
        "{ name: place, logicalType: string }",
        "{ name: place, logicalType: string, required: true, customProperties: [{ property: default, value: nobody's }] }",
    );
    new + "      - { name: weight, logicalType: number }\n"
}

fn contract(text: &str) -> DataContract {
    DataContract::parse("c", text).unwrap()
}

#[test]
fn old_rows_are_read_as_new_ones() {
    let view = upcast(&contract(OLD), &contract(&new())).unwrap();
    let expected = r#"-- Rows of visits 1.0.0 as visits 1.1.0.
-- visits 1.0.0 is deprecated: it holds until 2027-06-30.
-- No more there: "legacy".
CREATE VIEW "visits_v1_0_0_as_visits_v1_1_0" AS
SELECT
  "schema_version",
  CAST("pages" AS BIGINT) AS "pages",
  CASE WHEN "outcome" IS NULL OR "outcome" IN ('bad', 'good', 'unknown') THEN "outcome" ELSE 'unknown' END AS "outcome",
  COALESCE("place", 'nobody''s') AS "place",
  CAST(NULL AS DOUBLE) AS "weight"
FROM "visits"
WHERE "schema_version" = '1.0.0';
"#;
    assert_eq!(view, expected);
}

#[test]
fn what_rows_do_not_have_cannot_be_made_up() {
    let new = new().replace(", customProperties: [{ property: default, value: nobody's }]", "");
    let new = new + "      - { name: size, logicalType: integer, required: true }\n";
    let new = new.replace("good, bad, unknown", "good, bad").replace("physicalType: bigint", "physicalType: smallint");
    let error = upcast(&contract(OLD), &contract(&new)).unwrap_err();
    assert_eq!(error.code(), "TG712");
    let told = "rows of version 1.0.0 cannot be read as 1.1.0: `pages` was INT and is SMALLINT; \
                `outcome` may have values that the new version does not know; \
                `place` is required and was optional, and has no default; `size` is required and new, and has no default";
    assert_eq!(error.to_string(), told);
}

#[test]
fn only_later_versions_are_read() {
    assert_eq!(upcast(&contract(&new()), &contract(OLD)).unwrap_err().code(), "TG711");
}
