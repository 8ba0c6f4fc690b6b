//! Does the typed text make a gate? Every rule of a declaration is checked here, once.

use tidegate_document::{Location, Misread, Place, Source, Spanned};

use super::margin::{Margin, Refused};
use super::raw::{
    RawApprovals, RawCheck, RawCohort, RawDecide, RawErrorRates, RawFreeze, RawGateFile, RawStep, RawTest, RawTime,
    RawTrust, RawUnit,
};
use super::{
    Analysis, Approvals, Arms, AtMax, Check, Cohort, Day, Decide, Direction, ErrorRates, Freeze, GateFile, Kind,
    OnSmall, Promote, Query, Rollback, Sequential, Span, Step, Test, Time, Trust, Unit,
};
use crate::error::{Error, Result};
use crate::stage::Stage;

const DEFAULT_POWER: f64 = 0.8;
/// Fewer leave the variance between them to chance.
const DEFAULT_BUCKETS: u64 = 32;
const DEFAULT_HARD_LIMIT_EVENTS: u64 = 100;
const DEFAULT_WITHHELD: f64 = 0.1;
const DEFAULT_DELAY_TOLERANCE: f64 = 0.05;
const DEFAULT_EXPIRY: Span = Span(7 * Span::DAY.0);

const SPAN: &str = "a whole number with a unit, as in `1h` or `14d`";
const SHARE: &str = "a percentage, as in `5%`";

pub(super) fn parse(file: &str, text: &str) -> Result<GateFile> {
    let source = Source { file, text };
    let raw: RawGateFile = source.read()?;
    Reader { source }.raise(raw)
}

/// Checks what was typed, with the text for places in errors.
struct Reader<'a> {
    source: Source<'a>,
}

impl Reader<'_> {
    fn raise(&self, raw: RawGateFile) -> Result<GateFile> {
        let arms = Arms {
            control: self.name("arms.control", &raw.arms.control)?,
            treatment: self.name("arms.treatment", &raw.arms.treatment)?,
        };
        if arms.control == arms.treatment {
            return Err(self.not_allowed("arms.treatment", &raw.arms.treatment, "another arm than the control"));
        }
        let trust = raw.trust.unwrap_or_default().into_iter().map(|trust| self.trust(trust));
        let trust = trust.collect::<Result<Vec<_>>>()?;
        let unit = self.unit(raw.unit)?;
        Ok(GateFile {
            gate: self.folder_name("gate", &raw.gate)?,
            version: self.rule("version", raw.version, |version| *version >= 1, "a whole number from 1 on")?,
            bundle: raw.bundle.map(|name| self.folder_name("bundle", &name)).transpose()?,
            owner: raw.owner.map(|name| self.name("owner", &name)).transpose()?,
            hypothesis: raw.hypothesis,
            stage: self.step(&raw.stage)?,
            arms,
            time: self.time(raw.time)?,
            cohort: self.cohort(raw.cohort, &trust)?,
            error: self.error_rates(raw.error)?,
            checks: self.checks(raw.checks, &unit)?,
            unit,
            trust,
            decide: decide(raw.decide),
            approvals: self.approvals(raw.approvals)?,
        })
    }

    fn step(&self, raw: &RawStep) -> Result<Step> {
        let from = raw.from.value;
        let Some(next) = from.next().filter(|_| from != Stage::Registered) else {
            return Err(self.not_allowed(
                "stage.from",
                &raw.from,
                "local, shadow or canary: a gate guards what follows",
            ));
        };
        if raw.to.value != next {
            return Err(self.not_allowed("stage.to", &raw.to, "the next stage: local, shadow, canary, general"));
        }
        let ramp = match (&raw.ramp, from) {
            (None, Stage::Canary) => return Err(Misread::missing(self.at(raw.from.referenced), "ramp").into()),
            (None, _) => Vec::new(),
            (Some(ramp), Stage::Canary) => self.ramp(ramp)?,
            (Some(ramp), _) => {
                return Err(self.not_allowed_as("stage.ramp", ramp.referenced, "given", "left out but from canary"));
            }
        };
        let hold_back =
            raw.hold_back.as_ref().map(|share| self.share("stage.hold_back", share, 0.0..0.5)).transpose()?;
        let hold_back = hold_back.unwrap_or(0.0);
        if let (Some(given), Some(last)) = (&raw.hold_back, ramp.last().filter(|last| *last + hold_back >= 1.0)) {
            let found = format!("{:.0}% beside a ramp up to {:.0}%", hold_back * 100.0, last * 100.0);
            let rule = "so small that together with the ramp some units keep what is general";
            return Err(self.not_allowed_as("stage.hold_back", given.referenced, &found, rule));
        }
        Ok(Step { from, to: next, ramp, hold_back })
    }

    fn ramp(&self, raw: &Spanned<Vec<Spanned<String>>>) -> Result<Vec<f64>> {
        let shares = raw.value.iter().map(|share| self.share("stage.ramp", share, 1e-4..0.951));
        let shares = shares.collect::<Result<Vec<_>>>()?;
        if shares.is_empty() || shares.windows(2).any(|pair| pair[0] >= pair[1]) {
            let found = format!("{} shares", shares.len());
            return Err(self.not_allowed_as(
                "stage.ramp",
                raw.referenced,
                &found,
                "one share or more, each above the last",
            ));
        }
        Ok(shares)
    }

    fn unit(&self, raw: Option<RawUnit>) -> Result<Unit> {
        let (by, analysis, buckets) =
            raw.map_or((None, None, None), |raw| (raw.randomised_by, raw.analysis, raw.buckets));
        let buckets =
            buckets.map(|buckets| self.rule("unit.buckets", buckets, |n| *n >= 2, "a whole number from 2 on"));
        Ok(Unit {
            randomised_by: by.map_or(Ok("user".to_owned()), |by| self.name("unit.randomised_by", &by))?,
            analysis: analysis.unwrap_or(Analysis::Events),
            buckets: buckets.transpose()?.unwrap_or(DEFAULT_BUCKETS),
        })
    }

    fn time(&self, raw: RawTime) -> Result<Time> {
        let span =
            |name, text: &Spanned<String>| Span::parse(&text.value).ok_or_else(|| self.not_allowed(name, text, SPAN));
        let window = raw.window.map_or(Ok(Span::DAY), |window| {
            span("time.window", &window).and_then(|length| match length.0 {
                1.. => Ok(length),
                _ => Err(self.not_allowed("time.window", &window, "longer than 0")),
            })
        })?;
        let (min, max) = (span("time.min", &raw.min)?, span("time.max", &raw.max)?);
        if max < min || max < window {
            return Err(self.not_allowed("time.max", &raw.max, "at least `min` and one window"));
        }
        let maturity = raw.label_maturity.map(|text| span("time.label_maturity", &text)).transpose()?;
        let freeze = raw.freeze.unwrap_or_default().into_iter().map(|freeze| self.freeze(freeze));
        let freeze = freeze.collect::<Result<_>>()?;
        Ok(Time { window, min, max, label_maturity: maturity.unwrap_or(Span(0)), freeze })
    }

    fn freeze(&self, raw: RawFreeze) -> Result<Freeze> {
        let day = |name, text: &Spanned<String>| {
            Day::parse(&text.value).ok_or_else(|| self.not_allowed(name, text, "a date, as in `2026-12-24`"))
        };
        let (from, to) = (day("time.freeze.from", &raw.from)?, day("time.freeze.to", &raw.to)?);
        if to < from {
            return Err(self.not_allowed("time.freeze.to", &raw.to, "no day before `from`"));
        }
        Ok(Freeze { from, to, reason: raw.reason.unwrap_or_default() })
    }

    fn cohort(&self, raw: Option<RawCohort>, trust: &[Trust]) -> Result<Cohort> {
        let raw = raw.unwrap_or(RawCohort { min_units: None, on_small: None, max_withheld_share: None });
        let counts_units = trust.iter().any(|trust| matches!(trust, Trust::SampleRatio { .. }));
        if let Some(min_units) = raw.min_units.as_ref().filter(|_| !counts_units) {
            let rule = "left out, or `trust` must have `sample_ratio`, which counts units";
            return Err(self.not_allowed("cohort.min_units", min_units, rule));
        }
        let withheld = raw.max_withheld_share.map(|share| self.share("cohort.max_withheld_share", &share, 0.0..1.0));
        Ok(Cohort {
            min_units: raw.min_units.map_or(0, |min_units| min_units.value),
            on_small: raw.on_small.unwrap_or(OnSmall::Continue),
            max_withheld_share: withheld.transpose()?.unwrap_or(DEFAULT_WITHHELD),
        })
    }

    fn error_rates(&self, raw: RawErrorRates) -> Result<ErrorRates> {
        let alpha = |alpha: &f64| *alpha > 0.0 && *alpha < 0.5;
        let power = |power: &f64| *power > 0.5 && *power < 1.0;
        let wanted = raw.power.map(|wanted| self.rule("error.power", wanted, power, "between 0.5 and 1"));
        Ok(ErrorRates {
            alpha: self.rule("error.alpha", raw.alpha, alpha, "between 0 and 0.5")?,
            power: wanted.transpose()?.unwrap_or(DEFAULT_POWER),
            sequential: raw.sequential.unwrap_or(Sequential::ObrienFleming),
        })
    }

    fn trust(&self, raw: Spanned<RawTrust>) -> Result<Trust> {
        let at = raw.referenced;
        Ok(match raw.value {
            RawTrust::SchemaUnchanged => Trust::SchemaUnchanged,
            RawTrust::OpenLedger => Trust::OpenLedger,
            RawTrust::SampleRatio(raw) => Trust::SampleRatio {
                query: self.query(at, raw.signal, raw.sql)?,
                share: raw.share.map(|share| self.share("share", &share, 1e-4..1.0)).transpose()?,
            },
            RawTrust::OneExposure(raw) => Trust::OneExposure {
                query: self.query(at, raw.signal, raw.sql)?,
                max_share: raw.max_share.map_or(Ok(0.0), |share| self.share("max_share", &share, 0.0..1.0))?,
            },
            RawTrust::EqualLabelDelay(raw) => {
                let tolerance = raw.tolerance.map(|share| self.share("tolerance", &share, 1e-4..1.0)).transpose()?;
                Trust::EqualLabelDelay {
                    query: self.query(at, raw.signal, raw.sql)?,
                    tolerance: tolerance.unwrap_or(DEFAULT_DELAY_TOLERANCE),
                }
            }
        })
    }

    fn query(&self, at: Place, signal: Option<Spanned<String>>, sql: Option<Spanned<String>>) -> Result<Query> {
        match (signal, sql) {
            (Some(signal), None) => self.name("signal", &signal).map(Query::Signal),
            (None, Some(sql)) if !sql.value.trim().is_empty() => Ok(Query::Sql(sql.value.trim().to_owned())),
            (None, Some(sql)) => Err(self.not_allowed("sql", &sql, "a query")),
            (None, None) => Err(Misread::missing(self.at(at), "signal").into()),
            (Some(_), Some(sql)) => Err(self.not_allowed("sql", &sql, "left out beside `signal`")),
        }
    }

    fn checks(&self, raw: Spanned<Vec<RawCheck>>, unit: &Unit) -> Result<Vec<Check>> {
        let at = raw.referenced;
        let mut checks: Vec<Check> = Vec::with_capacity(raw.value.len());
        for raw in raw.value {
            let name = raw.name.clone();
            let check = self.check(raw, unit)?;
            if checks.iter().any(|earlier| earlier.name == check.name) {
                return Err(self.not_allowed("name", &name, "another name than that of an earlier check"));
            }
            checks.push(check);
        }
        if checks.iter().all(|check| matches!(check.test, Test::HardLimit { .. })) {
            let rule = "one or more, of which one is no hard limit: nothing would have to be shown";
            return Err(self.not_allowed_as("checks", at, &format!("{} checks", checks.len()), rule));
        }
        Ok(checks)
    }

    fn check(&self, raw: RawCheck, unit: &Unit) -> Result<Check> {
        let at = raw.test.referenced;
        let kind = raw.kind.unwrap_or(Kind::Proportion);
        let test = self.test(raw.test.value, kind, raw.direction, at)?;
        if kind == Kind::Ratio && unit.analysis == Analysis::Events && !matches!(test, Test::HardLimit { .. }) {
            let rule = "`proportion`, or `unit.analysis` must be `buckets`: a sum says nothing of its own variance";
            return Err(self.not_allowed_as("kind", at, "ratio", rule));
        }
        Ok(Check {
            name: self.name("name", &raw.name)?,
            query: self.query(raw.name.referenced, raw.signal, raw.sql)?,
            kind,
            direction: raw.direction,
            test,
        })
    }

    fn test(&self, raw: RawTest, kind: Kind, direction: Direction, at: Place) -> Result<Test> {
        let no_limit = |name: &'static str| {
            let rule = match (kind, direction) {
                (Kind::Paired, _) => "of one version alone; `paired` compares two",
                _ => "`lower_is_better`: a limit is not exceeded",
            };
            Err(self.not_allowed_as("test", at, name, rule))
        };
        let limited = kind != Kind::Paired && direction == Direction::LowerIsBetter;
        match raw {
            RawTest::NonInferior(raw) => Ok(Test::NonInferior { margin: self.margin("margin", &raw.margin, kind)? }),
            RawTest::Superior(raw) => {
                let expect = self.margin("expect", &raw.expect, kind)?;
                let Some(text) = raw.margin else {
                    return Ok(Test::Superior { margin: expect.none(), expect });
                };
                let margin = self.margin("margin", &text, kind)?;
                if !margin.is_below(expect) {
                    return Err(self.not_allowed("margin", &text, "below `expect`, in the same unit"));
                }
                Ok(Test::Superior { margin, expect })
            }
            RawTest::Below(_) if !limited => no_limit("below"),
            RawTest::Below(raw) => {
                let (limit, expect) =
                    (self.limit("limit", &raw.limit, kind)?, self.limit("expect", &raw.expect, kind)?);
                if expect >= limit {
                    return Err(self.not_allowed("expect", &raw.expect, "below the limit"));
                }
                Ok(Test::Below { limit, expect })
            }
            RawTest::HardLimit(_) if !limited => no_limit("hard_limit"),
            RawTest::HardLimit(raw) => Ok(Test::HardLimit {
                limit: self.limit("limit", &raw.limit, kind)?,
                min_events: raw.min_events.map_or(Ok(DEFAULT_HARD_LIMIT_EVENTS), |n| self.positive("min_events", n))?,
            }),
        }
    }

    fn margin(&self, name: &'static str, text: &Spanned<String>, kind: Kind) -> Result<Margin> {
        let margin = Margin::parse(&text.value).map_err(|refused| match refused {
            Refused::WithoutUnit => {
                Error::MarginWithoutUnit { at: self.at(text.referenced), found: text.value.clone() }
            }
            Refused::NotBetween0And100 => {
                self.not_allowed(name, text, "between 0 and 100 with a unit, as in `1pp` or `10%`")
            }
        })?;
        match (margin, kind) {
            (Margin::Points(_), Kind::Ratio) => {
                Err(self.not_allowed(name, text, "in percent of the control's value: a ratio has no percentage points"))
            }
            (Margin::Percent(_), Kind::Paired) => {
                Err(self.not_allowed(name, text, "in percentage points: pairs do not say the control's rate"))
            }
            _ => Ok(margin),
        }
    }

    /// A rate as `2%`, or the value of a ratio as a number.
    fn limit(&self, name: &'static str, text: &Spanned<String>, kind: Kind) -> Result<f64> {
        if kind == Kind::Proportion {
            return self.share(name, text, 1e-9..1.0);
        }
        let number = text.value.trim().parse::<f64>().ok().filter(|number| *number > 0.0 && number.is_finite());
        number.ok_or_else(|| self.not_allowed(name, text, "a number above 0, in the unit of the ratio"))
    }

    fn approvals(&self, raw: Option<RawApprovals>) -> Result<Approvals> {
        let Some(raw) = raw else {
            return Ok(Approvals { required: 0, roles: Vec::new(), expire: DEFAULT_EXPIRY, drill: None });
        };
        let span =
            |name, text: Spanned<String>| Span::parse(&text.value).ok_or_else(|| self.not_allowed(name, &text, SPAN));
        let roles = raw.roles.unwrap_or_default();
        let roles = roles.iter().map(|role| self.name("approvals.roles", role)).collect::<Result<_>>()?;
        Ok(Approvals {
            required: self.rule("approvals.required", raw.required, |n| *n <= 16, "a whole number up to 16")?,
            roles,
            expire: raw.expire.map_or(Ok(DEFAULT_EXPIRY), |text| span("approvals.expire", text))?,
            drill: raw.drill.map(|text| span("approvals.drill", text)).transpose()?,
        })
    }

    /// A percentage as a share that lies in `range`.
    fn share(&self, name: &'static str, text: &Spanned<String>, range: std::ops::Range<f64>) -> Result<f64> {
        let number = text.value.trim().strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        let share = number.map(|number| number / 100.0).filter(|share| range.contains(share));
        share.ok_or_else(|| self.not_allowed(name, text, SHARE))
    }

    fn not_allowed_as(&self, name: &'static str, at: Place, found: &str, rule: &'static str) -> Error {
        Error::NotAllowed { at: self.at(at), name, found: found.to_owned(), rule }
    }

    /// A name that can be a folder's.
    fn folder_name(&self, name: &'static str, text: &Spanned<String>) -> Result<String> {
        if text.value.contains(['/', ':']) || text.value.starts_with('.') {
            return Err(self.not_allowed(name, text, "a name of letters, digits and any of - _ . @, not first a dot"));
        }
        self.name(name, text)
    }

    /// A name that can stand in a log and a sentence.
    fn name(&self, name: &'static str, text: &Spanned<String>) -> Result<String> {
        let legible = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '@' | ':');
        if text.value.is_empty() || !text.value.chars().all(legible) {
            return Err(self.not_allowed(name, text, "a name of letters, digits and any of - _ . / @ :"));
        }
        Ok(text.value.clone())
    }

    fn positive(&self, name: &'static str, number: Spanned<u64>) -> Result<u64> {
        self.rule(name, number, |number| *number >= 1, "a whole number from 1 on")
    }

    fn rule<T: ToString>(
        &self,
        name: &'static str,
        value: Spanned<T>,
        holds: impl FnOnce(&T) -> bool,
        rule: &'static str,
    ) -> Result<T> {
        if holds(&value.value) { Ok(value.value) } else { Err(self.not_allowed(name, &value, rule)) }
    }

    fn not_allowed<T: ToString>(&self, name: &'static str, value: &Spanned<T>, rule: &'static str) -> Error {
        self.not_allowed_as(name, value.referenced, &value.value.to_string(), rule)
    }

    fn at(&self, place: Place) -> Location {
        self.source.at(place)
    }
}

fn decide(raw: Option<RawDecide>) -> Decide {
    let raw = raw.unwrap_or(RawDecide { promote: None, rollback: None, at_max: None });
    Decide {
        promote: raw.promote.unwrap_or(Promote::All),
        rollback: raw.rollback.unwrap_or(Rollback::Manual),
        at_max: raw.at_max.unwrap_or(AtMax::Hold),
    }
}
