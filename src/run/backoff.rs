//! Going easy on a server that has trouble: [`BackOff`].

use std::time::Duration;

/// First pause after an answer that asks for patience; each further such answer doubles it.
const FIRST: Duration = Duration::from_millis(50);
/// Longest pause before a request.
const LONGEST: Duration = Duration::from_secs(5);
/// A pause shorter than this is none.
const SHORTEST: Duration = Duration::from_millis(1);
/// Answers from which the usual time is learnt.
const LEARNT: u32 = 50;
/// A server is slow once its answers take this many times the usual time …
const FACTOR: u32 = 3;
/// … and so much longer than it: what is fast may vary.
const MARGIN: Duration = Duration::from_millis(50);
/// Of the mean over recent answers the newest one makes up one part in so many.
const RECENT: u32 = 16;

/// The pause before each request, from the answers so far: it grows with every 429 and 503, and while answers take much longer than at
/// the beginning; it shrinks with every other answer. Requests without an answer say nothing about it: one may be what the server chokes on,
/// and where all are, whoever sends gives up.
#[derive(Debug, Default)]
pub(super) struct BackOff {
    pause: Duration,
    /// Mean time of the first answers.
    usual: Duration,
    /// Mean time of recent answers.
    recent: Duration,
    seen: u32,
}

impl BackOff {
    pub(super) const fn pause(&self) -> Duration {
        self.pause
    }

    /// An answer, whether it asked for patience, and how long it took.
    pub(super) fn saw(&mut self, busy: bool, took: Duration) {
        if busy {
            self.pause = (self.pause * 2).clamp(FIRST, LONGEST);
            return;
        }
        self.seen = self.seen.saturating_add(1);
        self.recent = mean(self.recent, took, self.seen.min(RECENT));
        if self.seen <= LEARNT {
            self.usual = mean(self.usual, took, self.seen);
        }
        let slow = self.recent > self.usual * FACTOR && self.recent > self.usual + MARGIN;
        if slow && self.seen > LEARNT {
            self.pause = (self.pause * 9 / 8).clamp(SHORTEST * 4, LONGEST);
        } else {
            self.pause = Some(self.pause * 7 / 8).filter(|pause| *pause >= SHORTEST).unwrap_or_default();
        }
    }
}

/// A mean in which the new value is one part of `parts`.
fn mean(before: Duration, new: Duration, parts: u32) -> Duration {
    (before * (parts - 1) + new) / parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answers: &[(bool, u64, u32)], expected: fn(Duration) -> bool) {
        let mut back_off = BackOff::default();
        for (busy, milliseconds, times) in answers {
            for _ in 0..*times {
                back_off.saw(*busy, Duration::from_millis(*milliseconds));
            }
        }
        assert!(expected(back_off.pause()), "{answers:?}: {:?}", back_off.pause());
    }

    #[test]
    fn pauses() {
        check(&[(false, 10, 1000)], |pause| pause.is_zero());
        check(&[(false, 10, 100), (true, 1, 1)], |pause| pause == FIRST);
        check(&[(true, 1, 3)], |pause| pause == FIRST * 4);
        check(&[(true, 1, 100)], |pause| pause == LONGEST);
        check(&[(true, 1, 100), (false, 10, 200)], |pause| pause.is_zero());
        // Slower than usual, by much and for a while.
        check(&[(false, 10, 100), (false, 500, 60)], |pause| pause > Duration::from_millis(500));
        check(&[(false, 10, 100), (false, 50, 100)], |pause| pause.is_zero());
        check(&[(false, 10, 100), (false, 500, 60), (false, 10, 200)], |pause| pause.is_zero());
        check(&[(false, 500, 1000)], |pause| pause.is_zero());
    }
}
