//! Can every day pay for the project's signals? If not, who asks how much?

use tidegate_signal::Signal;
use tidegate_stream::{Overdraft, Standing, overdrafts};

use crate::failure::{Failure, Result};
use crate::privacy::{aligned, number, rho_of, share};
use crate::project::Project;

/// Refuses signals that together ask more of a day than their stream may spend.
pub(crate) fn admit(project: &Project, signals: &[Signal]) -> Result<()> {
    let standing = signals.iter().map(Standing::of).collect::<tidegate_stream::Result<Vec<_>>>()?.concat();
    let stream =
        |name: &str| project.inputs.iter().map(|(stream, _)| &stream.definition).find(|s| s.name.value == name);
    let over = overdrafts(&standing, |name| stream(name).map(|stream| project.budget_of(stream)).unwrap_or_default());
    if over.is_empty() {
        return Ok(());
    }
    let (mut causes, mut settings) = (Vec::new(), Vec::new());
    for overdraft in &over {
        let Some(definition) = stream(overdraft.stream) else { continue };
        let allowance = project.allowance_of(definition);
        causes.push(format!(
            "the signals over `{}` ask more of each day than it has for one {}: epsilon {} at delta {}, which is rho {}\n{}",
            overdraft.stream,
            overdraft.unit,
            number(allowance.epsilon),
            number(allowance.delta),
            number(rho_of(overdraft.cap)),
            table(overdraft)
        ));
        settings.push(match definition.budget {
            Some(_) => format!("epsilon_budget of stream `{}`", overdraft.stream),
            None => "[privacy] epsilon in tidegate.toml".to_owned(),
        });
    }
    settings.dedup();
    let fix = format!(
        "nothing was read. Lower the epsilon of these signals, drop some of them, or raise {}. What adds up is rho: a statistic whose share is epsilon costs at most epsilon^2 / 2 of it",
        settings.join(" and ")
    );
    Err(Failure::privacy("TG213", causes.join("\n"), fix))
}

/// Who asks how much.
fn table(overdraft: &Overdraft<'_>) -> String {
    let part = |spend| format!("{} of it", share(spend, overdraft.cap));
    let mut rows = Vec::new();
    for signal in &overdraft.signals {
        let times = if signal.charges > 1 { format!("{} x ", signal.charges) } else { String::new() };
        rows.push(vec![
            signal.signal.clone(),
            format!("{times}epsilon {}", number(signal.epsilon)),
            format!("{times}rho {}", number(rho_of(signal.spend))),
            part(signal.per_day()),
        ]);
    }
    let total = format!("rho {}", number(rho_of(overdraft.total)));
    rows.push(vec!["together".to_owned(), String::new(), total, part(overdraft.total)]);
    aligned(&rows)
}
