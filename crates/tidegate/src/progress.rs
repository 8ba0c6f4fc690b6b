//! What does a run show while it works? A bar on stderr, once it has lasted half a second.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tidegate_stream::Progress;

const PATIENCE: Duration = Duration::from_millis(500);

/// A progress bar that stays hidden for short runs and where stderr is no terminal.
pub(crate) struct Bar {
    started: Instant,
    bar: ProgressBar,
    hidden: Mutex<bool>,
}

impl Bar {
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::hidden();
        if let Ok(style) = ProgressStyle::with_template("{msg:24} {bar:30} {bytes}/{total_bytes} {elapsed}") {
            bar.set_style(style);
        }
        Self { started: Instant::now(), bar, hidden: Mutex::new(true) }
    }

    pub(crate) fn show(&self, progress: Progress) {
        match progress {
            Progress::Planned { stream, bytes, .. } => {
                self.bar.set_length(bytes);
                self.bar.set_position(0);
                self.bar.set_message(format!("reading {stream}"));
            }
            Progress::Committed { bytes, .. } => self.bar.inc(bytes),
            Progress::Releasing { signal } => self.bar.set_message(format!("releasing {signal}")),
        }
        if self.started.elapsed() > PATIENCE
            && let Ok(mut hidden) = self.hidden.lock()
            && *hidden
        {
            self.bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
            *hidden = false;
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
