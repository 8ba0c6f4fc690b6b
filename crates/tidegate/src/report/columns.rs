//! What is each column of released rows: a group's key, a series, a verdict, or about the release itself?

use datafusion::arrow::datatypes::{DataType, Field, Fields, Schema};

/// The columns of a signal's released rows, by what they are for a picture.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Columns {
    /// True when rows have a `window_start` that is an instant.
    pub(super) has_windows: bool,
    pub(super) has_window_end: bool,
    pub(super) keys: Vec<String>,
    /// Numbers, and whether the deviation of their noise stands beside them.
    pub(super) numbers: Vec<(String, bool)>,
    /// Values with fields `low` and `high`, and the field that is drawn between.
    pub(super) intervals: Vec<(String, Option<String>)>,
    /// Texts named `verdict` or `<what>_verdict`, or values with a field `verdict`.
    pub(super) verdicts: Vec<String>,
    pub(super) undrawn: Vec<String>,
    /// Everything that the signal's own query shows.
    pub(super) own: Vec<String>,
}

/// The column with the standard deviation of the noise in `column`.
pub(super) fn deviation_of(column: &str) -> String {
    format!("{column}_noise_stddev")
}

impl Columns {
    pub(super) fn of(schema: &Schema) -> Self {
        let is_instant = |name| schema.field_with_name(name).is_ok_and(|field| is_instant(field.data_type()));
        let mut columns = Self {
            has_windows: is_instant("window_start"),
            has_window_end: is_instant("window_end"),
            ..Self::default()
        };
        // A query may show a `k` of its own: what the release adds begins with the version.
        let end = schema.fields().iter().rposition(|field| field.name() == "signal_version");
        let fields = &schema.fields()[..end.unwrap_or(schema.fields().len())];
        let is_own = |field: &&&str| !["revision", "is_final", "dp_panes", "date"].contains(*field);
        let names = fields.iter().map(|field| field.name().as_str()).collect::<Vec<_>>();
        columns.own = names.iter().filter(is_own).map(|name| (*name).to_owned()).collect();
        let is_deviation = |name: &str| names.iter().any(|base| deviation_of(base) == name);
        for field in fields {
            let name = field.name();
            let is_window = ["window_start", "window_end"].contains(&name.as_str());
            if !is_window && is_own(&&name.as_str()) && !is_deviation(name) {
                columns.add(field, names.contains(&deviation_of(name).as_str()));
            }
        }
        columns
    }

    fn add(&mut self, field: &Field, is_noised: bool) {
        let name = field.name().clone();
        match field.data_type() {
            numeric if numeric.is_numeric() => self.numbers.push((name, is_noised)),
            text if is_text(text) && (name == "verdict" || name.ends_with("_verdict")) => self.verdicts.push(name),
            key if is_text(key) || matches!(key, DataType::Boolean | DataType::Date32 | DataType::Date64) => {
                self.keys.push(name);
            }
            DataType::Struct(parts) => self.add_struct(name, parts),
            _ => self.undrawn.push(name),
        }
    }

    fn add_struct(&mut self, name: String, parts: &Fields) {
        let number = |part: &str| parts.find(part).is_some_and(|(_, part)| part.data_type().is_numeric());
        let is_judged = parts.find("verdict").is_some_and(|(_, part)| is_text(part.data_type()));
        let is_interval = number("low") && number("high");
        if is_interval {
            let is_between = |part: &&str| !["low", "high"].contains(part) && number(part);
            let between = parts.iter().map(|part| part.name().as_str()).find(is_between);
            self.intervals.push((name.clone(), between.map(str::to_owned)));
        }
        match (is_judged, is_interval) {
            (true, _) => self.verdicts.push(name),
            (false, true) => {}
            (false, false) => self.undrawn.push(name),
        }
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn is_instant(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, _))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::TimeUnit;

    use super::*;

    #[test]
    fn columns_are_told_apart_by_type_and_name() {
        let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let part = |name: &str, data_type| Field::new(name, data_type, true);
        let drift = Fields::from(vec![part("psi", DataType::Float64), part("verdict", DataType::Utf8)]);
        let rate = Fields::from(vec![
            part("low", DataType::Float64),
            part("rate", DataType::Float64),
            part("high", DataType::Float64),
        ]);
        let schema = Schema::new(vec![
            part("window_start", instant.clone()),
            part("window_end", instant.clone()),
            part("k", DataType::Utf8),
            part("n", DataType::Int64),
            part("n_noise_stddev", DataType::Float64),
            part("lone_noise_stddev", DataType::Float64),
            part("drift", DataType::Struct(drift)),
            part("rate", DataType::Struct(rate)),
            part("verdict", DataType::Utf8View),
            part("last", instant),
            part("is_final", DataType::Boolean),
            part("signal_version", DataType::Utf8),
            part("k", DataType::Int32),
            part("date", DataType::Date32),
        ]);
        let text = str::to_owned;
        let columns = Columns::of(&schema);
        assert!(columns.has_windows && columns.has_window_end);
        assert_eq!(columns.keys, ["k"]);
        assert_eq!(columns.numbers, [(text("n"), true), (text("lone_noise_stddev"), false)]);
        assert_eq!(columns.intervals, [(text("rate"), Some(text("rate")))]);
        assert_eq!(columns.verdicts, ["drift", "verdict"]);
        assert_eq!(columns.undrawn, ["last"]);
        assert_eq!(columns.own.len(), 10, "{:?}", columns.own);
    }
}
