//! How does a failure look to the person at the terminal, and which exit code does it have?
//!
//! Exit codes: 1 a gate or test failed, 2 usage or SQL, 3 infrastructure, 4 privacy refusal.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::process::ExitCode;

use miette::{Diagnostic, GraphicalReportHandler, LabeledSpan, NamedSource, SourceCode};
use tidegate_ledger::{Block, Spend};
use tidegate_signal::{Place, Refusal};

use crate::instants;
use crate::privacy::{cost, delta_of, number, rho_of};

/// The result of a command.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

const USAGE: u8 = 2;
const INFRASTRUCTURE: u8 = 3;
const PRIVACY: u8 = 4;

/// One or more problems that ended a command.
#[derive(Debug)]
pub(crate) struct Failure {
    problems: Vec<Problem>,
}

/// One problem: code, cause, fix, and the place where it stands.
#[derive(Debug)]
struct Problem {
    code: String,
    exit: u8,
    cause: String,
    fix: String,
    snippet: Option<Snippet>,
    /// Whether its exit code is an answer, and not a kind of failure.
    is_answer: bool,
}

/// A piece of a text file.
#[derive(Debug)]
pub(crate) struct Snippet {
    source: NamedSource<String>,
    span: Range<usize>,
}

impl Snippet {
    pub(crate) fn new(name: String, text: String, span: Range<usize>) -> Self {
        Self { source: NamedSource::new(name, text), span }
    }

    pub(crate) fn of(place: &Place) -> Self {
        let source = place.source();
        Self::new(source.name().to_owned(), source.text().to_owned(), place.bytes())
    }
}

impl Failure {
    fn new(code: &str, exit: u8, cause: impl Into<String>, fix: impl Into<String>) -> Self {
        let problem = Problem {
            code: code.to_owned(),
            exit,
            cause: cause.into(),
            fix: fix.into(),
            snippet: None,
            is_answer: false,
        };
        Self { problems: vec![problem] }
    }

    /// A mistake in what was typed or written.
    pub(crate) fn usage(code: &str, cause: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(code, USAGE, cause, fix)
    }

    /// Something outside of the project's text: files, permissions, other processes.
    pub(crate) fn infrastructure(code: &str, cause: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(code, INFRASTRUCTURE, cause, fix)
    }

    /// Something that would show people who are protected.
    pub(crate) fn privacy(code: &str, cause: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(code, PRIVACY, cause, fix)
    }

    /// An answer that is no success: a rule that forbids a step, with the exit code that says which.
    pub(crate) fn refusal(code: &str, exit: u8, cause: impl Into<String>, fix: impl Into<String>) -> Self {
        let mut failure = Self::new(code, exit, cause, fix);
        failure.problems.iter_mut().for_each(|problem| problem.is_answer = true);
        failure
    }

    /// The same for a job whose exit codes are answers: whatever failed is an error, never "wait" or "inconclusive".
    pub(crate) fn beside_answers(mut self) -> Self {
        let failed = self.problems.iter_mut().filter(|problem| !problem.is_answer && problem.exit != USAGE);
        failed.for_each(|problem| problem.exit = 1);
        self
    }

    /// Whether waiting may help: something outside of the project's text failed, or another process was faster.
    pub(crate) fn may_pass(&self) -> bool {
        self.problems.iter().all(|problem| problem.exit != USAGE)
    }

    /// A file that cannot be read or written.
    pub(crate) fn io(verb: &str, what: impl fmt::Display, error: &std::io::Error) -> Self {
        let fix = match error.kind() {
            std::io::ErrorKind::PermissionDenied => "give this user permission, or choose another folder",
            std::io::ErrorKind::NotFound => "check the path",
            _ => "check the disk and the path",
        };
        Self::infrastructure("TG500", format!("cannot {verb} {what}: {error}"), fix)
    }

    /// Points the problem at a piece of text.
    pub(crate) fn at(mut self, snippet: Snippet) -> Self {
        if let Some(problem) = self.problems.last_mut() {
            problem.snippet = Some(snippet);
        }
        self
    }

    /// Prints every problem on stderr and gives the exit code of the gravest.
    pub(crate) fn report(&self) -> ExitCode {
        let handler = if std::env::var_os("NO_COLOR").is_some() || !std::io::IsTerminal::is_terminal(&std::io::stderr())
        {
            GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor())
        } else {
            GraphicalReportHandler::new()
        };
        // A fixed width keeps messages the same in a terminal, a log and a test.
        let handler = handler.with_width(100);
        for problem in &self.problems {
            let mut text = String::new();
            if handler.render_report(&mut text, problem).is_err() {
                text = problem.to_string();
            }
            eprintln!("{}", text.trim_end());
        }
        ExitCode::from(self.problems.iter().map(|problem| problem.exit).max().unwrap_or(USAGE))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = self.problems.iter().map(|problem| format!("{} ({})", problem.cause, problem.code));
        f.write_str(&texts.collect::<Vec<_>>().join("; "))
    }
}

impl From<Vec<Refusal>> for Failure {
    fn from(refusals: Vec<Refusal>) -> Self {
        let problems = refusals.into_iter().map(|refusal| Problem {
            code: refusal.code.to_string(),
            exit: if refusal.code.is_privacy() { PRIVACY } else { USAGE },
            snippet: Some(Snippet::of(&refusal.place)),
            cause: refusal.cause,
            fix: refusal.fix,
            is_answer: false,
        });
        Self { problems: problems.collect() }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        vec![refusal].into()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.code))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.fix))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.snippet.as_ref().map(|snippet| &snippet.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let snippet = self.snippet.as_ref()?;
        let label = LabeledSpan::at(snippet.span.clone(), "here");
        Some(Box::new(std::iter::once(label)))
    }
}

impl From<tidegate_labels::Error> for Failure {
    fn from(error: tidegate_labels::Error) -> Self {
        use tidegate_labels::Error;
        match error {
            Error::Unbalanced { .. } | Error::Arrow(_) => {
                Self::infrastructure(error.code(), error.cause(), error.help())
            }
            _ => Self::usage(error.code(), error.cause(), error.help()),
        }
    }
}

impl From<tidegate_audit::Error> for Failure {
    fn from(error: tidegate_audit::Error) -> Self {
        match error {
            tidegate_audit::Error::Store(error) => error.into(),
            error @ tidegate_audit::Error::Key { .. } => Self::usage(error.code(), error.to_string(), error.help()),
            error => Self::infrastructure(error.code(), error.to_string(), error.help()),
        }
    }
}

impl From<tidegate_ledger::Error> for Failure {
    fn from(error: tidegate_ledger::Error) -> Self {
        use tidegate_ledger::Error;
        if let Error::OverBudget { id, spend, lacking } = &error {
            return over_budget(id, None, *spend, lacking);
        }
        let text = error.to_string();
        let (code, fix) = match &error {
            Error::Damaged { fault: tidegate_ledger::Fault::Stranger, .. } => {
                ("TG501", "move the file out of the log's folder")
            }
            Error::Damaged { .. } => ("TG501", "restore the file from a backup, and do not edit the log"),
            Error::Conflict { .. } => ("TG502", "let one process at a time run a project"),
            Error::NoCreate { .. } => {
                ("TG505", "use a store with conditional writes: a local disk, S3, GCS, Azure or MinIO")
            }
            Error::Sealed { .. } => {
                ("TG507", "name the key that the file was written with: [encryption] in tidegate.toml")
            }
            Error::BrokenSeal { .. } => ("TG503", "restore the file from a backup"),
            Error::OtherCharge { .. } => ("TG212", "restore the budget log: a release is charged once, as it was"),
            Error::BadUrl { .. } => {
                return Self::usage("TG523", text, "docs/storage.md lists the URLs and the names in the environment");
            }
            Error::Options { .. } => ("TG523", "docs/storage.md lists the names in the environment"),
            Error::Unreachable { .. } => {
                ("TG520", "check the network, and AWS_ENDPOINT or AZURE_STORAGE_ENDPOINT in the environment")
            }
            Error::NoCredentials { .. } => {
                ("TG521", "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the like; docs/storage.md lists them")
            }
            Error::PermissionDenied { path, .. } if path.contains("://") => {
                ("TG521", "check the credentials in the environment, and what the bucket's policy lets them do")
            }
            Error::NoBucket { .. } => ("TG522", "create the bucket, or correct the root of the project"),
            Error::NoFolder { .. } => ("TG500", "create it, or correct the root of the project"),
            Error::PermissionDenied { .. } => {
                ("TG500", "give this user permission, or choose another root with --root")
            }
            _ => ("TG500", "check the storage root"),
        };
        // The library's messages end in a remedy of their own.
        let cause = text.split_once("; ").map_or(text.as_str(), |(cause, _)| cause);
        let cause = cause.strip_suffix(": grant it, or choose another root").unwrap_or(cause);
        let cause = cause.strip_suffix(": create it, or correct the root of the project").unwrap_or(cause);
        Self::infrastructure(code, cause, fix)
    }
}

/// A release that some day cannot pay for.
fn over_budget(id: &str, signal: Option<&str>, spend: Spend, lacking: &BTreeMap<Block, Spend>) -> Failure {
    const SHOWN: usize = 3;
    let lacking = lacking.iter().collect::<Vec<_>>();
    let stretches = lacking.chunk_by(|(block, left), (other, other_left)| {
        (&block.stream, &block.unit, left) == (&other.stream, &other.unit, other_left)
            && block.day.and_then(|day| day.checked_add(1)) == other.day
    });
    let mut days = stretches.clone().take(SHOWN).map(has_left).collect::<Vec<_>>().join(", ");
    let more = stretches.skip(SHOWN).map(<[_]>::len).sum::<usize>();
    if more > 0 {
        days.push_str(&format!(", and {more} more days too little"));
    }
    let (rho, delta) = (number(rho_of(spend)), number(delta_of(spend)));
    let what = signal.map_or_else(|| "it".to_owned(), |signal| format!("signal `{signal}`"));
    let cause = format!(
        "the privacy budget does not pay for {what}: it costs rho {rho} and delta {delta} of each day, and {days}"
    );
    let fix = match id.starts_with("query ") {
        true => {
            "nothing was charged, and nothing shown. A day's budget never comes back; days to come have their own. Ask with a smaller epsilon, or see `tidegate budget` for who spent what"
        }
        false => {
            "nothing more was shown. A day's budget never comes back: what was released of it stands, and a signal whose aggregation changed would be paid for again. See `tidegate budget` for who spent what; raise the stream's epsilon_budget, or take back the change"
        }
    };
    Failure::privacy("TG211", cause, fix)
}

/// What days in a row have left.
fn has_left(days: &[(&Block, &Spend)]) -> String {
    let (Some((first, left)), Some((last, _))) = (days.first(), days.last()) else { return String::new() };
    let shown = match (first.day, last.day) {
        (Some(first), Some(last)) if first < last => {
            format!("on each day from {} to {}", instants::show_day(first), instants::show_day(last))
        }
        (Some(day), _) => format!("on {}", instants::show_day(day)),
        (None, _) => "as a whole".to_owned(),
    };
    let (room, delta) = (number(cost(**left).epsilon_within()), number(delta_of(**left)));
    format!("{} {shown} has room for an epsilon of {room} and a delta of {delta}", first.stream)
}

impl From<tidegate_keyring::Error> for Failure {
    fn from(error: tidegate_keyring::Error) -> Self {
        let text = error.to_string();
        let (cause, fix) = text.rsplit_once(": ").unwrap_or((&text, "see docs/redaction.md"));
        Self::infrastructure(error.code(), cause, fix)
    }
}

impl From<tidegate_vault::Error> for Failure {
    fn from(error: tidegate_vault::Error) -> Self {
        let text = error.to_string();
        let (cause, fix) = text.rsplit_once(": ").unwrap_or((&text, "see docs/redaction.md"));
        use tidegate_vault::Error;
        match error {
            Error::NoPurpose { .. }
            | Error::PurposeNotAllowed { .. }
            | Error::Expired { .. }
            | Error::Destroyed { .. } => Self::privacy(error.code(), cause, fix),
            _ => Self::infrastructure(error.code(), cause, fix),
        }
    }
}

impl From<tidegate_land::Error> for Failure {
    fn from(error: tidegate_land::Error) -> Self {
        Self::infrastructure(error.code(), error.to_string(), "see docs/receiving.md")
    }
}

impl From<tidegate_receive::Error> for Failure {
    fn from(error: tidegate_receive::Error) -> Self {
        Self::infrastructure(error.code(), error.to_string(), "see docs/receiving.md")
    }
}

impl From<tidegate_stream::Error> for Failure {
    fn from(error: tidegate_stream::Error) -> Self {
        use tidegate_stream::Error;
        let cause = error.to_string();
        match error {
            Error::Unpaid { signal, source: tidegate_ledger::Error::OverBudget { id, spend, lacking } } => {
                over_budget(&id, Some(&signal), spend, &lacking)
            }
            Error::Ledger(error) | Error::Unpaid { source: error, .. } => error.into(),
            Error::FileChanged { .. } => Self::infrastructure(
                "TG401",
                cause,
                "landed files are never changed: put new rows into a new file and restore this one",
            ),
            Error::DamagedState { .. } | Error::DamagedFile { .. } => Self::infrastructure(
                "TG503",
                cause,
                "restore the file from a backup; without one, compute everything again under another --root",
            ),
            Error::UnknownStream { .. } => {
                Self::usage("TG302", cause, "streams are those of CREATE STREAM; `tidegate quarantine ls` lists some")
            }
            Error::Unbalanced { .. } => {
                Self::infrastructure("TG402", cause, "nothing was committed; please report this as a bug")
            }
            Error::Stopped { .. } => Self::infrastructure(
                "TG408",
                cause,
                "correct the file or the contract; what was committed before stands, and nothing after it was read",
            ),
            Error::TooManyKeys { .. } => Self::infrastructure(
                "TG406",
                cause,
                "shorten the stream's dedupe_horizon, or raise memory in tidegate.toml",
            ),
            Error::TooManyGroups { .. } => Self::infrastructure(
                "TG407",
                cause,
                "group by fewer or coarser columns, or raise max_groups; the signal stays where it is until then",
            ),
            Error::Signal { source: tidegate_algebra::Error::Overflow { .. }, .. } => {
                Self::infrastructure("TG403", cause, "change the signal's query as the message says")
            }
            Error::Signal { source: tidegate_algebra::Error::RowFailed { .. }, .. } => Self::infrastructure(
                "TG405",
                cause,
                "let such rows give null: TRY_CAST instead of CAST, x / NULLIF(y, 0) instead of x / y, a wider type",
            ),
            Error::Signal { .. } => {
                Self::infrastructure("TG404", cause, "change the signal's query, or the rows it fails on")
            }
            Error::Source { .. } => Self::infrastructure("TG310", cause, "check the stream's path"),
            _ => Self::infrastructure("TG500", cause, "committed epochs stand: correct the cause and run again"),
        }
    }
}

impl From<datafusion::error::DataFusionError> for Failure {
    fn from(error: datafusion::error::DataFusionError) -> Self {
        Self::usage("TG113", error.strip_backtrace(), "check the query")
    }
}

impl From<arrow::error::ArrowError> for Failure {
    fn from(error: arrow::error::ArrowError) -> Self {
        datafusion::error::DataFusionError::from(error).into()
    }
}
