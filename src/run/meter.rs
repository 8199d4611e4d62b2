//! How the traffic is doing: [`Meter`].

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

/// Longest time that is told from longer ones, in microseconds.
const LONGEST: u64 = 120_000_000;

/// Counts answers and how long they took; shared by all workers of a run.
pub struct Meter(Mutex<Inner>);

struct Inner {
    /// Microseconds.
    times: Option<Histogram<u64>>,
    lost: u64,
}

/// What a [`Meter`] shows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Reading {
    /// Requests that were answered.
    pub answers: u64,
    /// Requests without an answer.
    pub lost: u64,
    /// Half of the answers came within this time.
    pub median: Duration,
    /// And all but one in a hundred within this one.
    pub p99: Duration,
}

impl Meter {
    /// Nothing counted yet.
    pub fn new() -> Self {
        // The bounds are right, so there is a histogram.
        Self(Mutex::new(Inner { times: Histogram::new_with_bounds(1, LONGEST, 2).ok(), lost: 0 }))
    }

    pub(super) fn count(&self, answered: bool, took: Duration) {
        // A count is whole, whoever panicked while holding it.
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !answered {
            inner.lost += 1;
        } else if let Some(times) = &mut inner.times {
            times.saturating_record(u64::try_from(took.as_micros()).unwrap_or(LONGEST));
        }
    }

    /// What there is so far.
    pub fn reading(&self) -> Reading {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = |quantile: f64| {
            let times = inner.times.as_ref().filter(|times| !times.is_empty());
            Duration::from_micros(times.map_or(0, |times| times.value_at_quantile(quantile)))
        };
        let answers = inner.times.as_ref().map_or(0, Histogram::len);
        Reading { answers, lost: inner.lost, median: at(0.5), p99: at(0.99) }
    }
}

impl Default for Meter {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reading().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_how_long_they_took() {
        let meter = Meter::new();
        assert_eq!(meter.reading(), Reading::default());
        for milliseconds in 1..=100 {
            meter.count(true, Duration::from_millis(milliseconds));
        }
        meter.count(false, Duration::from_secs(10));
        let Reading { answers, lost, median, p99 } = meter.reading();
        assert_eq!((answers, lost), (100, 1));
        assert!((49..=51).contains(&median.as_millis()) && (98..=100).contains(&p99.as_millis()), "{median:?} {p99:?}");
    }
}
