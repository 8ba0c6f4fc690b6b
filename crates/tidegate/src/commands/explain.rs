//! `tidegate explain`: what is partial, what is merged, what is released, and what does a group cost?

use std::fmt::Write;
use std::process::ExitCode;
use std::time::Duration;

use datafusion::arrow::datatypes::DataType;
use tidegate_algebra::StateColumn;
use tidegate_signal::{Derived, Policy, Signal, StreamJoin};

use crate::cli::{self, Place};
use crate::failure::{Failure, Result};
use crate::output::print;
use crate::privacy::{self, number};
use crate::project::Project;
use crate::words::counted;

pub(crate) async fn run(place: &Place, options: &cli::Explain) -> Result<ExitCode> {
    let project = Project::load(place).await?;
    let signals = project.plan_to_look_at().await?;
    let wanted = |signal: &&Signal| options.signal.as_ref().is_none_or(|name| name == signal.name());
    let mut texts =
        signals.iter().filter(wanted).map(|signal| describe(signal, &project)).collect::<Result<Vec<_>>>()?;
    let derived = project.derive(&signals).await?;
    let wanted = |signal: &&Derived| options.signal.as_ref().is_none_or(|name| name == signal.name());
    texts.extend(derived.iter().filter(wanted).map(describe_derived));
    if texts.is_empty() {
        let name = options.signal.as_deref().unwrap_or_default();
        let known = signals.iter().map(Signal::name).chain(derived.iter().map(Derived::name));
        let known = known.collect::<Vec<_>>().join(", ");
        return Err(Failure::usage("TG302", format!("there is no signal `{name}`"), format!("signals are: {known}")));
    }
    print(&texts.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// A signal over released rows: what it reads, and how it is computed.
fn describe_derived(signal: &Derived) -> String {
    let reads = signal.reads().map(|name| format!("released.{name}")).collect::<Vec<_>>().join(", ");
    let filed = match signal.filed_by {
        Some(_) => "by the day of window_start",
        None => "all together: it has no window_start",
    };
    format!(
        "signal {} version {}\n  reads     {reads}\n  released  {filed}, whenever one of these is released anew\n\n{}",
        signal.name(),
        signal.definition.version,
        indent(&signal.view.describe())
    )
}

fn describe(signal: &Signal, project: &Project) -> Result<String> {
    let mut text = String::new();
    let definition = &signal.definition;
    let (partial, release) = signal.cut.describe();
    let mut line = |part: String| {
        let _ = writeln!(text, "{part}");
    };
    line(format!("signal {} version {}", signal.name(), definition.version));
    for stream in signal.streams() {
        let columns = signal.cut.source_columns(stream).unwrap_or_default().join(", ");
        line(format!("  reads     {stream} ({columns})"));
    }
    if let Some(StreamJoin { stream, before_us, after_us, .. }) = &signal.join {
        line(format!(
            "  joins     each row of {} with rows of {stream} from {} before to {} after it, once no more can come",
            signal.stream,
            length(*before_us),
            length(*after_us)
        ));
    }
    line(format!("  windows   {}", windows(signal)));
    line(format!("  releases  {}", policy(&signal.policy)));
    line(String::new());
    line("partial: runs over every micro-batch".to_owned());
    line(indent(&partial));
    let (merge, one) = match (&signal.policy, signal.cut.keeps_rows()) {
        (Policy::Differential { unit, .. }, _) => {
            ("joins states of equal keys (PartialReduce)", format!("group and {unit}"))
        }
        (_, false) => ("joins states of equal keys (PartialReduce)", "group".to_owned()),
        (_, true) => ("puts states one after the other", "row".to_owned()),
    };
    line(format!("merge: {merge}"));
    line(format!("  state columns, one row per {one}:"));
    for column in signal.cut.state_columns() {
        line(format!(
            "    {:8} {:28} {:32} {}",
            column.name,
            column.data_type.to_string(),
            column.meaning,
            show(&size(&column, &signal.policy))
        ));
    }
    line(format!("  about {} per {one}", show(&total(signal))));
    line(String::new());
    line(match (&signal.policy, signal.cut.keeps_rows()) {
        (Policy::Differential { .. }, _) => "release: runs over noised groups of closed windows".to_owned(),
        (_, false) => "release: runs over finished groups of closed windows".to_owned(),
        (_, true) => "release: shows every row".to_owned(),
    });
    line(indent(&release));
    if let Some(privacy) = privacy::describe(signal, project)? {
        text.push_str(&privacy);
    }
    Ok(text)
}

/// A length of time, such as `300s`.
fn length(us: i64) -> String {
    let sign = if us < 0 { "-" } else { "" };
    format!("{sign}{:?}", Duration::from_micros(us.unsigned_abs()))
}

fn windows(signal: &Signal) -> String {
    match signal.windows {
        None if signal.cut.keeps_rows() => {
            let by_day = signal.filed_by.map_or("", |_| ", by the day of their event time");
            format!("none: rows as they are{by_day}, released when the input is drained")
        }
        None => "none: totals over everything read, released when the input is drained".to_owned(),
        Some(windows) => format!("{windows}, released per day once closed"),
    }
}

fn policy(policy: &Policy) -> String {
    match policy {
        Policy::Open => "everything: the stream protects nobody".to_owned(),
        Policy::Differential { clause, unit } => format!(
            "noised groups: {}-differentially private, delta {}, per {unit} and {}; at most {} of a day per {unit}",
            number(clause.epsilon),
            number(clause.delta),
            if clause.max_days.is_some() { "epoch of 28 days" } else { "day" },
            counted(u64::from(clause.max_groups), "group")
        ),
        Policy::Threshold { k, unit, carries } => {
            let fewer = if *carries { "; fewer are counted in their next window of the day" } else { "" };
            format!("groups of at least {k} distinct {unit}{fewer}; a cohort threshold, not differential privacy")
        }
    }
}

/// Bytes of one group in a state column.
enum Size {
    Fixed(u64),
    /// Bytes beside those of each value that is kept.
    Grows(u64),
}

/// An estimate from the column's type: exact for fixed widths, typical for text and exact sums.
fn size(column: &StateColumn, policy: &Policy) -> Size {
    match &column.data_type {
        DataType::Binary if column.meaning.ends_with("[units]") => {
            Size::Fixed(16 * u64::from(policy.threshold().unwrap_or(0)))
        }
        DataType::Binary | DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => Size::Fixed(24),
        DataType::Dictionary(key, _) => Size::Fixed(key.primitive_width().unwrap_or(4) as u64),
        DataType::Boolean => Size::Fixed(1),
        DataType::List(_) | DataType::LargeList(_) => Size::Grows(24),
        other => Size::Fixed(other.primitive_width().unwrap_or(24) as u64),
    }
}

fn total(signal: &Signal) -> Size {
    let sizes = signal.cut.state_columns().iter().map(|column| size(column, &signal.policy)).collect::<Vec<_>>();
    let bytes = sizes.iter().map(|size| match size {
        Size::Fixed(bytes) | Size::Grows(bytes) => bytes,
    });
    let bytes = bytes.sum();
    if sizes.iter().any(|size| matches!(size, Size::Grows(_))) { Size::Grows(bytes) } else { Size::Fixed(bytes) }
}

fn show(size: &Size) -> String {
    match size {
        Size::Fixed(bytes) => format!("{bytes} B"),
        Size::Grows(bytes) => format!("{bytes} B and every (distinct) value: unbounded"),
    }
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n") + "\n"
}
