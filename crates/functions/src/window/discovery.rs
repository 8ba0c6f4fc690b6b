//! `bh(p [, q]) OVER (PARTITION BY w)`: which of a window's p-values stand out?

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl};
use tidegate_stats::benjamini_hochberg;

use super::parameters::Call;
use crate::failed;

static CALL: Call = Call { name: "bh", columns: &["p"], constants: &["q"] };

/// True where a p-value is rejected at a false discovery rate of `q` (0.05) among all of its partition, by Benjamini and
/// Hochberg ([`benjamini_hochberg`]). Null in, null out: a missing one is no test.
pub(super) fn bh() -> WindowUDF {
    WindowUDF::from(Discovery { signature: Signature::user_defined(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Discovery {
    signature: Signature,
}

impl WindowUDFImpl for Discovery {
    fn name(&self) -> &str {
        CALL.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        CALL.coerce(arguments)
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(args.name(), DataType::Boolean, true)))
    }

    fn partition_evaluator(&self, args: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        let [q] = CALL.constants(args.input_exprs(), [0.05])?;
        Ok(Box::new(Evaluator { q }))
    }
}

#[derive(Debug)]
struct Evaluator {
    q: f64,
}

impl PartitionEvaluator for Evaluator {
    fn evaluate_all(&mut self, values: &[ArrayRef], _rows: usize) -> Result<ArrayRef> {
        let [p] = CALL.columns(values)?;
        let tests = p.iter().flatten().collect::<Vec<_>>();
        let greatest = benjamini_hochberg(&tests, self.q).map_err(|cause| failed(CALL.name, &cause))?;
        let rejected = |p: f64| greatest.is_some_and(|greatest| p <= greatest);
        Ok(Arc::new(p.iter().map(|p| p.map(rejected)).collect::<BooleanArray>()))
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{answer, failure};

    #[tokio::test]
    async fn each_window_is_judged_by_itself() {
        let sql = "SELECT w, p, bh(p) OVER (PARTITION BY w) FROM
            (VALUES (1, 0.01), (1, 0.025), (1, 0.03), (1, 0.9), (1, NULL), (2, 0.04), (2, 0.06)) AS t(w, p) ORDER BY w, p";
        let expected =
            ["1 0.01 true", "1 0.025 true", "1 0.03 true", "1 0.9 false", "1  ", "2 0.04 false", "2 0.06 false"];
        assert_eq!(answer(sql).await, expected);
        let sql = "SELECT bh(p, 0.2) OVER () FROM (VALUES (0.04), (0.3)) AS t(p) ORDER BY p";
        assert_eq!(answer(sql).await, ["true", "false"]);
    }

    #[tokio::test]
    async fn what_is_no_probability_is_refused() {
        let error = failure("SELECT bh(p) OVER () FROM (VALUES (1.5)) AS t(p)").await;
        assert!(error.contains("bh: p-value is 1.5, it must lie in [0, 1]"), "{error}");
        let error = failure("SELECT bh(p, p) OVER () FROM (VALUES (0.5)) AS t(p)").await;
        assert!(error.contains("q of bh must be a constant number"), "{error}");
        let error = failure("SELECT bh('a') OVER ()").await;
        assert!(error.contains("bh takes numbers, not Utf8: bh(p [, q]) OVER (...)"), "{error}");
    }
}
