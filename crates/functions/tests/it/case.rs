//! A case of the oracle of sequential tests, as SQL asks it.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::prelude::SessionContext;
use serde_json::Value;

/// One case, with its inputs as SQL writes them.
pub(crate) struct Case<'a>(pub(crate) &'a Value);

/// What is selected, by what the oracle calls it, and from which table.
pub(crate) struct Query {
    pub(crate) columns: Vec<(String, String)>,
    pub(crate) from: String,
}

impl Query {
    /// A call whose answer is compared as it is.
    pub(crate) fn of_number(call: &str) -> Self {
        Self { columns: vec![(String::new(), "a".to_owned())], from: format!("(SELECT {call} AS a)") }
    }

    /// A call whose parts are compared: pairs of what the oracle calls them and what SQL makes of the answer `a`.
    pub(crate) fn of_parts<'a>(call: &str, parts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let columns = parts.into_iter().map(|(path, sql)| (path.to_owned(), sql.to_owned())).collect();
        Self { columns, from: format!("(SELECT {call} AS a)") }
    }

    /// A call that answers a list of `n`.
    pub(crate) fn of_list(call: &str, n: usize) -> Self {
        let columns = (0..n).map(|i| (i.to_string(), format!("a[{}]", i + 1))).collect();
        Self { columns, from: format!("(SELECT {call} AS a)") }
    }
}

impl Case<'_> {
    pub(crate) fn id(&self) -> &str {
        self.0["id"].as_str().unwrap()
    }

    pub(crate) fn input(&self, path: &str) -> &Value {
        self.0["inputs"].pointer(&format!("/{path}")).unwrap_or_else(|| panic!("{}: no input {path}", self.id()))
    }

    pub(crate) fn number(&self, path: &str) -> f64 {
        self.input(path).as_f64().unwrap()
    }

    /// Inputs as arguments in this order.
    pub(crate) fn arguments<'a>(&self, paths: impl IntoIterator<Item = &'a str>) -> String {
        paths.into_iter().map(|path| self.input(path).to_string()).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn sides(&self) -> u8 {
        if self.0["inputs"]["one_sided"] == true { 1 } else { 2 }
    }

    /// Compares what SQL answers with what is expected, `slack` times as far apart as the oracle allows.
    pub(crate) async fn check(&self, session: &SessionContext, query: &Query, slack: f64) {
        let columns = query.columns.iter().map(|(_, sql)| sql.as_str()).collect::<Vec<_>>().join(", ");
        let sql = format!("SELECT {columns} FROM {}", query.from);
        let rows = session.sql(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let rows = rows.collect().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        for ((path, _), column) in query.columns.iter().zip(rows[0].columns()) {
            let found = cast(column, &DataType::Float64).unwrap();
            let found = found.as_primitive::<Float64Type>().iter().next().flatten();
            let found = found.unwrap_or_else(|| panic!("{} {path}: null, of {sql}", self.id()));
            let expected = self.expected(path);
            let within = slack * self.0["rel_tol"].as_f64().unwrap() * expected.abs();
            assert!((found - expected).abs() <= within, "{} {path}: {found}, expected {expected}", self.id());
        }
    }

    fn expected(&self, path: &str) -> f64 {
        let pointer = if path.is_empty() { "/expected".to_owned() } else { format!("/expected/{path}") };
        match self.0.pointer(&pointer) {
            Some(Value::Bool(verdict)) => f64::from(u8::from(*verdict)),
            Some(number) => number.as_f64().unwrap(),
            None => panic!("{}: nothing expected at {pointer}", self.id()),
        }
    }
}
