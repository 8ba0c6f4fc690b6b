//! Which time zone does a name mean? Those of the IANA database, as `Area/City`.

use chrono_tz::{TZ_VARIANTS, Tz};

use crate::nearest::nearest;
use crate::options::Options;
use crate::{Code, Refusal, refuse};

/// The option `time_zone`.
///
/// # Errors
/// [`Code::OptionValue`] for a name that no zone has.
pub(crate) fn time_zone(options: &mut Options) -> Result<Option<Tz>, Refusal> {
    let Some(name) = options.text("time_zone")? else {
        return Ok(None);
    };
    let unknown = |_| {
        let fix = match nearest(&name.value, TZ_VARIANTS.iter().map(|zone| zone.name())) {
            Some(known) => format!("did you mean '{known}'?"),
            None => "write a name of the IANA database, as in time_zone = 'Europe/Berlin'".to_owned(),
        };
        refuse(Code::OptionValue, &name.place, format!("there is no time zone `{}`", name.value), fix)
    };
    name.value.parse().map(Some).map_err(unknown)
}
