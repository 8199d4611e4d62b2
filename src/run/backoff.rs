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
/// Requests in a row without an answer, after which it is the server that has trouble, not one request that it chokes on.
const LOST: u32 = 4;
/// Of the mean over recent answers the newest one makes up one part in so many.
const RECENT: u32 = 16;

/// The pause before each request, from the answers so far: it grows with every 429 and 503, while no answer comes at all, and while
/// answers take much longer than at the beginning; it shrinks with every other answer.
#[derive(Debug, Default)]
pub(super) struct BackOff {
    pause: Duration,
    /// Mean time of the first answers.
    usual: Duration,
    /// Mean time of recent answers.
    recent: Duration,
    seen: u32,
    /// Requests without an answer since the last one.
    lost: u32,
}

impl BackOff {
    pub(super) const fn pause(&self) -> Duration {
        self.pause
    }

    /// That no answer came.
    pub(super) fn lost(&mut self) {
        self.lost = self.lost.saturating_add(1);
        if self.lost >= LOST {
            self.pause = (self.pause * 2).clamp(FIRST, LONGEST);
        }
    }

    /// An answer, whether it asked for patience, and how long it took.
    pub(super) fn saw(&mut self, busy: bool, took: Duration) {
        self.lost = 0;
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

    #[test]
    fn only_a_server_that_answers_nothing_is_given_a_pause() {
        let mut back_off = BackOff::default();
        for _ in 0..100 {
            // A request that it chokes on, and one that shows that it is there.
            back_off.lost();
            back_off.saw(false, Duration::from_millis(1));
        }
        assert!(back_off.pause().is_zero());
        (0..LOST).for_each(|_| back_off.lost());
        assert_eq!(back_off.pause(), FIRST);
        (0..100).for_each(|_| back_off.lost());
        assert_eq!(back_off.pause(), LONGEST);
        (0..100).for_each(|_| back_off.saw(false, Duration::from_millis(1)));
        assert!(back_off.pause().is_zero());
    }

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
