//! Standard error while a command works: [`Screen`], lines and, on a terminal, one line that changes in place.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Context, tell};

/// A line that changes in place, and lines above it.
pub(super) struct Screen {
    pub(super) bar: ProgressBar,
    interactive: bool,
}

impl Screen {
    /// With the form of the line that changes, as indicatif takes it.
    pub(super) fn new(context: &Context, template: &str) -> Self {
        let draw = if context.interactive { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, draw);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar, interactive: context.interactive }
    }

    pub(super) const fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// A line that stays.
    pub(super) fn line(&self, text: &str) {
        if self.interactive {
            self.bar.suspend(|| tell(&format!("{text}\n")));
        } else {
            tell(&format!("{text}\n"));
        }
    }

    pub(super) fn done(&self) {
        self.bar.finish_and_clear();
    }
}
