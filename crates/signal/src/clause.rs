//! What does `SELECT WITH AGGREGATION_THRESHOLD OPTIONS (...)` say, or `SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (...)`,
//! and what is the query without it?
//!
//! The clauses are GoogleSQL's. They are lifted out of the token stream, so that the parser sees plain SQL and every other
//! token keeps its place in the file. Where GoogleSQL guesses, we ask: bounds and groups per unit must be written.

use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::tokenizer::{Span, TokenWithSpan};
use tidegate_algebra::private::EPOCH_DAYS;
use tidegate_privacy::{MOST_EPSILON, Mechanism};

use crate::cursor::{Cursor, is_word};
use crate::nearest::nearest;
use crate::options::Options;
use crate::{Code, Place, Refusal, SourceText, Spanned, refuse};

/// The privacy clause of a signal, as written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PrivacyClause {
    pub(crate) kind: ClauseKind,
    pub(crate) unit: Option<Spanned<String>>,
    pub(crate) place: Place,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ClauseKind {
    /// Groups of fewer units are withheld.
    Threshold {
        k: Spanned<u32>,
        /// Where it says that they are counted in their next window.
        carries: Option<Place>,
    },
    /// Groups are noised.
    Differential(Differential),
}

/// What a differentially private query may spend, and on what.
#[derive(Debug, Clone, PartialEq)]
pub struct Differential {
    /// The price per unit and block.
    pub epsilon: f64,
    /// The chance of more than that.
    pub delta: f64,
    /// The share of epsilon for the choice of groups.
    pub selection_epsilon: Option<f64>,
    /// Groups of a block that a unit contributes to, at most.
    pub max_groups: u32,
    /// Days of an epoch that a unit contributes to, at most, where epsilon holds for an epoch.
    pub max_days: Option<u32>,
    /// Units that stand behind a group at least.
    pub min_units: u32,
    /// The groups are public.
    pub public_groups: bool,
    /// Which noise.
    pub mechanism: Mechanism,
}

/// Takes the privacy clause out of `tokens`.
///
/// # Errors
/// [`Code::BadPrivacyClause`] for a clause that is incomplete, unknown or stands twice.
pub(crate) fn lift(
    tokens: &[TokenWithSpan],
    source: &SourceText,
    session: &SessionContext,
) -> Result<(Vec<TokenWithSpan>, Option<PrivacyClause>), Refusal> {
    let mut rest = tokens.to_vec();
    let mut found: Option<PrivacyClause> = None;
    // `SELECT WITH` begins nothing else in SQL.
    while let Some(select) = rest.windows(2).position(|pair| is_word(&pair[0], "select") && is_word(&pair[1], "with")) {
        let start = select + 1;
        let (clause, length) = read(&rest[start..], source, session)?;
        if found.is_some() {
            let fix = "a signal has one aggregation and one clause";
            return Err(refuse(Code::BadPrivacyClause, &clause.place, "the privacy clause stands twice", fix));
        }
        found = Some(clause);
        rest.drain(start..start + length);
    }
    Ok((rest, found))
}

const THRESHOLD: &str =
    "write SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20, privacy_unit_column = user_token) ...";
const DIFFERENTIAL: &str = "write SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1.0, delta = 1e-8, privacy_unit_column = user_token, max_groups_contributed = 4) ...";

/// Reads `WITH ... OPTIONS (...)` and says how many tokens it is.
fn read(
    tokens: &[TokenWithSpan],
    source: &SourceText,
    session: &SessionContext,
) -> Result<(PrivacyClause, usize), Refusal> {
    let mut cursor = Cursor::new(source, tokens);
    cursor.skip("with");
    let name = cursor.place();
    let is_differential = cursor.skip("differential_privacy");
    if !is_differential && !cursor.skip("aggregation_threshold") {
        let cause = format!("expected AGGREGATION_THRESHOLD or DIFFERENTIAL_PRIVACY, found {}", cursor.found());
        let fix = match nearest(&cursor.found(), ["DIFFERENTIAL_PRIVACY", "AGGREGATION_THRESHOLD"]) {
            Some(name) => format!("did you mean {name}?"),
            None => format!("{THRESHOLD}, or {DIFFERENTIAL}"),
        };
        return Err(refuse(Code::BadPrivacyClause, &name, cause, fix));
    }
    let (clause, shape) = match is_differential {
        true => ("DIFFERENTIAL_PRIVACY", DIFFERENTIAL),
        false => ("AGGREGATION_THRESHOLD", THRESHOLD),
    };
    if !cursor.skip("options") {
        let cause = format!("expected OPTIONS (...), found {}", cursor.found());
        return Err(refuse(Code::BadPrivacyClause, &cursor.place(), cause, shape));
    }
    let place = cursor.place();
    let Some(inside) = cursor.group()? else {
        let cause = format!("expected (, found {}", cursor.found());
        return Err(refuse(Code::BadPrivacyClause, &place, cause, shape));
    };
    let length = cursor.position();
    let whole = Place::new(source, Span::new(tokens[1].span.start, tokens[length - 1].span.end));
    let mut options = Options::parse(clause, name, source, inside, session)?;
    let unit = options.text("privacy_unit_column")?;
    let kind = if is_differential {
        ClauseKind::Differential(read_differential(&mut options)?)
    } else {
        read_threshold(&mut options)?
    };
    options.finish()?;
    Ok((PrivacyClause { kind, unit, place: whole }, length))
}

fn read_threshold(options: &mut Options) -> Result<ClauseKind, Refusal> {
    let threshold = options.integer("threshold", 1)?;
    let threshold = options.required("threshold", threshold, "20")?;
    let value = u32::try_from(threshold.value).ok().filter(|&k| k <= MOST_UNITS).ok_or_else(|| {
        let cause = format!("a threshold above {MOST_UNITS} would keep that many hashes per group");
        refuse(Code::OptionValue, &threshold.place, cause, "choose a smaller threshold")
    })?;
    let carries = match options.text("below_threshold")? {
        None => None,
        Some(Spanned { value, place }) => match value.to_ascii_uppercase().as_str() {
            "LEAVE_OUT" => None,
            "CARRY" => Some(place),
            other => {
                let cause = format!("groups below the threshold cannot be {other}");
                return Err(refuse(Code::OptionValue, &place, cause, "write below_threshold = LEAVE_OUT or CARRY"));
            }
        },
    };
    Ok(ClauseKind::Threshold { k: Spanned { value, place: threshold.place }, carries })
}

fn read_differential(options: &mut Options) -> Result<Differential, Refusal> {
    let epsilon = options.number("epsilon")?;
    let epsilon = options.required("epsilon", epsilon, "1.0")?;
    if epsilon.value <= 0.0 {
        return Err(out_of_range(&epsilon, "epsilon is above 0", "write epsilon = 1.0"));
    }
    if epsilon.value > MOST_EPSILON {
        let cause = format!("an epsilon above {MOST_EPSILON} protects nobody");
        return Err(out_of_range(&epsilon, &cause, "write epsilon = 1.0, or up to about 5"));
    }
    let most = options.integer("max_groups_contributed", 1)?;
    if let Some(rows) = options.integer("max_rows_contributed", 1)? {
        let cause = "max_rows_contributed would draw lots among the rows of a unit, and lots do not merge";
        let fix = "write max_groups_contributed, and contribution_bounds_per_group in each call";
        return Err(refuse(Code::OptionValue, &rows.place, cause, fix));
    }
    let most = options.required("max_groups_contributed", most, "4")?;
    let max_groups = u32::try_from(most.value).map_err(|_| {
        refuse(Code::OptionValue, &most.place, "so many groups cannot be bounded", "write max_groups_contributed = 4")
    })?;
    let max_days = match options.integer("max_days_contributed", 1)? {
        None => None,
        Some(days) if days.value > i64::from(EPOCH_DAYS) => {
            let cause = format!("an epoch has {EPOCH_DAYS} days");
            let fix = "leave it out, and epsilon holds for each day; or write max_days_contributed = 5";
            return Err(refuse(Code::OptionValue, &days.place, cause, fix));
        }
        Some(days) => u32::try_from(days.value).ok(),
    };
    let mechanism = read_mechanism(options)?;
    let public_groups = read_strategy(options)?;
    let selection_epsilon = options.number("group_selection_epsilon")?;
    let min_units = options.integer("min_privacy_units_per_group", 1)?;
    if public_groups {
        let only =
            [selection_epsilon.as_ref().map(|option| &option.place), min_units.as_ref().map(|option| &option.place)];
        if let Some(place) = only.into_iter().flatten().next() {
            let cause = "PUBLIC_GROUPS shows every group, and this option chooses among them";
            return Err(refuse(Code::OptionValue, place, cause, "leave it out, or write LAPLACE_THRESHOLD"));
        }
    }
    if let Some(share) = selection_epsilon.as_ref().filter(|share| share.value <= 0.0 || share.value >= epsilon.value) {
        let cause = "group_selection_epsilon is a part of epsilon";
        return Err(out_of_range(share, cause, "write a number between 0 and epsilon"));
    }
    let min_units = match min_units {
        None => 1,
        Some(units) => u32::try_from(units.value).map_err(|_| {
            let cause = "so many units stand behind no group";
            refuse(Code::OptionValue, &units.place, cause, "write min_privacy_units_per_group = 20")
        })?,
    };
    let delta = options.number("delta")?;
    if let Some(delta) = delta.as_ref().filter(|delta| delta.value <= 0.0 || delta.value > MOST_DELTA) {
        let cause = format!("delta is above 0 and at most {MOST_DELTA}: it is the chance that epsilon does not hold");
        return Err(out_of_range(delta, &cause, "write delta = 1e-8: well below one divided by the number of units"));
    }
    let delta = match delta {
        None if public_groups && mechanism == Mechanism::Laplace => 0.0,
        delta => options.required("delta", delta, "1e-8")?.value,
    };
    let selection_epsilon = selection_epsilon.map(|share| share.value);
    Ok(Differential {
        epsilon: epsilon.value,
        delta,
        selection_epsilon,
        max_groups,
        max_days,
        min_units,
        public_groups,
        mechanism,
    })
}

fn read_mechanism(options: &mut Options) -> Result<Mechanism, Refusal> {
    let Some(mechanism) = options.text("mechanism")? else { return Ok(Mechanism::Laplace) };
    match mechanism.value.to_ascii_uppercase().as_str() {
        "LAPLACE" => Ok(Mechanism::Laplace),
        "GAUSSIAN" => Ok(Mechanism::Gaussian),
        other => {
            let cause = format!("there is no mechanism {other}");
            Err(refuse(Code::OptionValue, &mechanism.place, cause, "write mechanism = LAPLACE or GAUSSIAN"))
        }
    }
}

/// True for public groups.
fn read_strategy(options: &mut Options) -> Result<bool, Refusal> {
    let Some(strategy) = options.text("group_selection_strategy")? else { return Ok(false) };
    match strategy.value.to_ascii_uppercase().as_str() {
        "LAPLACE_THRESHOLD" => Ok(false),
        "PUBLIC_GROUPS" => Ok(true),
        other => {
            let cause = format!("there is no strategy {other}");
            let fix = "write group_selection_strategy = LAPLACE_THRESHOLD or PUBLIC_GROUPS";
            Err(refuse(Code::OptionValue, &strategy.place, cause, fix))
        }
    }
}

fn out_of_range(option: &Spanned<f64>, cause: &str, fix: &str) -> Refusal {
    refuse(Code::OptionValue, &option.place, cause, fix)
}

/// State is 16 bytes per unit up to the threshold: this keeps a group below 16 MiB.
const MOST_UNITS: u32 = 1_000_000;

/// A delta above it lets somebody stand in the open.
const MOST_DELTA: f64 = 1e-3;
