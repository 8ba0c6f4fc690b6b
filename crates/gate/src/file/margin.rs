//! How much worse is still acceptable, and of what?

use std::fmt;

use serde::{Serialize, Serializer};
use tidegate_stats as stats;

/// A margin with its unit, as written: `1pp` or `10%`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Margin {
    /// Percentage points of the difference `p_t - p_c`.
    Points(f64),
    /// Percent of the control's rate. The test is of `p_t - r p_c`, so no observed rate is put in place of
    /// the true one; only the margin shown in absolute terms is approximate.
    Percent(f64),
}

/// Why a text is not a margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    WithoutUnit,
    NotBetween0And100,
}

impl Margin {
    pub(super) fn parse(text: &str) -> Result<Self, Refused> {
        let text = text.trim();
        let (number, unit): (&str, fn(f64) -> Self) = if let Some(number) = text.strip_suffix("pp") {
            (number, Self::Points)
        } else if let Some(number) = text.strip_suffix('%') {
            (number, Self::Percent)
        } else if text.parse::<f64>().is_ok() {
            return Err(Refused::WithoutUnit);
        } else {
            return Err(Refused::NotBetween0And100);
        };
        match number.trim().parse::<f64>() {
            Ok(number) if number > 0.0 && number < 100.0 => Ok(unit(number)),
            _ => Err(Refused::NotBetween0And100),
        }
    }

    /// The margin as a difference of rates; of `control_rate` where it is relative.
    #[must_use]
    pub fn absolute(self, control_rate: f64) -> f64 {
        match self {
            Self::Points(points) => points / 100.0,
            Self::Percent(percent) => percent / 100.0 * control_rate,
        }
    }
}

impl fmt::Display for Margin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Points(points) => write!(f, "{points}pp"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl Serialize for Margin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<Margin> for stats::Margin {
    fn from(margin: Margin) -> Self {
        match margin {
            Margin::Points(points) => Self::Absolute(points / 100.0),
            Margin::Percent(percent) => Self::Relative(percent / 100.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_margin_has_a_number_and_a_unit() {
        for (text, expected) in [
            ("1pp", Ok(Margin::Points(1.0))),
            ("0.5 pp", Ok(Margin::Points(0.5))),
            ("10%", Ok(Margin::Percent(10.0))),
            ("1", Err(Refused::WithoutUnit)),
            ("0.01", Err(Refused::WithoutUnit)),
            ("-1", Err(Refused::WithoutUnit)),
            ("0pp", Err(Refused::NotBetween0And100)),
            ("100%", Err(Refused::NotBetween0And100)),
            ("-1pp", Err(Refused::NotBetween0And100)),
            ("NaNpp", Err(Refused::NotBetween0And100)),
            ("inf%", Err(Refused::NotBetween0And100)),
            ("pp", Err(Refused::NotBetween0And100)),
            ("wide", Err(Refused::NotBetween0And100)),
            ("1p", Err(Refused::NotBetween0And100)),
        ] {
            assert_eq!(Margin::parse(text), expected, "{text}");
        }
    }
}
