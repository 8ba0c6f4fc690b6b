//! How much worse is still acceptable, and of what?

use std::fmt;

use serde::{Serialize, Serializer};

/// A margin with its unit, as written: `1pp` or `10%`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Margin {
    /// Percentage points of the difference `p_t - p_c`.
    Points(f64),
    /// Percent of the control's value: what is judged is the lift, whose variance has the control's in it.
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

    /// As a share: of 1, or of the control's value.
    #[must_use]
    pub fn share(self) -> f64 {
        let (Self::Points(number) | Self::Percent(number)) = self;
        number / 100.0
    }

    /// Whether it is of the control's value.
    #[must_use]
    pub fn is_relative(self) -> bool {
        matches!(self, Self::Percent(_))
    }

    /// No margin, in the same unit.
    pub(super) fn none(self) -> Self {
        match self {
            Self::Points(_) => Self::Points(0.0),
            Self::Percent(_) => Self::Percent(0.0),
        }
    }

    /// Whether it is less than `other`, in the same unit.
    pub(super) fn is_below(self, other: Self) -> bool {
        self.is_relative() == other.is_relative() && self.share() < other.share()
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
