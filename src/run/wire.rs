//! Sending with patience: [`Wire`] counts requests, keeps to a rate and waits out 429 and 503.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use super::backoff::BackOff;
use super::{Meter, Options};
use crate::implementation::{BoxFuture, Implementation, RawExchange, SendError};

/// How often a request is sent that is answered 429 or 503.
const PATIENCE: u32 = 5;
/// First wait after such an answer; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// Longest wait that a Retry-After is followed for.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// At most so many requests a second, evenly spaced.
#[derive(Debug)]
pub struct Limiter {
    interval: Duration,
    next: Mutex<Option<Instant>>,
}

impl Limiter {
    /// For a rate in requests a second.
    pub fn new(rate: f64) -> Self {
        let interval = Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::ZERO);
        Self { interval, next: Mutex::new(None) }
    }

    /// Returns when it is this request's turn.
    pub async fn turn(&self) {
        let at = {
            let mut next = self.next.lock().await;
            let at = next.map_or_else(Instant::now, |next| next.max(Instant::now()));
            *next = Some(at + self.interval);
            at
        };
        sleep_until(at).await;
    }
}

/// The way to the implementation.
#[derive(Debug)]
pub(super) struct Wire {
    implementation: Arc<dyn Implementation>,
    limiter: Option<Limiter>,
    back_off: Option<std::sync::Mutex<BackOff>>,
    meter: Arc<Meter>,
    sent: AtomicUsize,
}

/// What came back, and how often it was asked for.
#[derive(Clone, Debug)]
pub(super) struct Sent<T> {
    pub(super) result: Result<T, SendError>,
    pub(super) attempts: u32,
    /// Whether the server kept asking for patience.
    pub(super) busy: bool,
    /// The answers before that asked for it.
    pub(super) busy_before: Vec<T>,
}

impl<T> Sent<T> {
    pub(super) fn map<U>(self, with: fn(T) -> U) -> Sent<U> {
        let Self { result, attempts, busy, busy_before } = self;
        Sent { result: result.map(with), attempts, busy, busy_before: busy_before.into_iter().map(with).collect() }
    }
}

impl Wire {
    pub(super) fn new(implementation: Arc<dyn Implementation>, options: &Options) -> Self {
        Self {
            implementation,
            limiter: options.rate.map(Limiter::new),
            back_off: options.back_off.then(std::sync::Mutex::default),
            meter: Arc::clone(&options.meter),
            sent: AtomicUsize::new(0),
        }
    }

    /// How many requests were sent.
    pub(super) fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    fn back_off(&self) -> Option<MutexGuard<'_, BackOff>> {
        // A pause is whole, whoever panicked while holding it.
        self.back_off.as_ref().map(|inner| inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for the turn of so many requests, and counts them.
    async fn turn(&self, requests: usize) {
        let pause = self.back_off().map(|back_off| back_off.pause()).filter(|pause| !pause.is_zero());
        if let Some(pause) = pause {
            sleep(pause).await;
        }
        if let Some(limiter) = &self.limiter {
            for _ in 0..requests {
                limiter.turn().await;
            }
        }
        self.sent.fetch_add(requests, Ordering::Relaxed);
    }

    /// Sends until the answer is neither 429 nor 503, or patience ends.
    pub(super) async fn send(&self, request: &Request<Bytes>) -> Sent<Response<Bytes>> {
        self.patiently(1, || self.implementation.send(request.clone()), |answer| Some(answer)).await
    }

    /// The same with bytes.
    pub(super) async fn exchange(&self, raw: &RawExchange) -> Sent<Vec<Response<Bytes>>> {
        let requests = raw.messages.len();
        self.patiently(requests, || self.implementation.exchange(raw.clone()), |answers| answers.last()).await
    }

    async fn patiently<'a, T>(
        &self,
        requests: usize,
        once: impl Fn() -> BoxFuture<'a, Result<T, SendError>>,
        last: fn(&T) -> Option<&Response<Bytes>>,
    ) -> Sent<T> {
        let mut wait = FIRST_WAIT;
        let mut attempts = 0;
        let mut busy_before = Vec::new();
        loop {
            attempts += 1;
            self.turn(requests).await;
            let asked = Instant::now();
            let result = once().await;
            let took = asked.elapsed();
            self.meter.count(result.is_ok(), took);
            let answer = result.as_ref().ok().and_then(last);
            let busy = answer.is_some_and(|answer| {
                matches!(answer.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
            });
            if let Some(mut back_off) = self.back_off().filter(|_| result.is_ok()) {
                back_off.saw(busy, took);
            }
            if !busy || attempts == PATIENCE {
                return Sent { result, attempts, busy, busy_before };
            }
            let asked = answer.and_then(retry_after);
            busy_before.extend(result.ok());
            sleep(asked.unwrap_or(wait).min(LONGEST_WAIT)).await;
            wait *= 2;
        }
    }
}

/// Retry-After in seconds; the date form is not followed.
fn retry_after(answer: &Response<Bytes>) -> Option<Duration> {
    let seconds = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Kind;

    #[derive(Debug)]
    struct Busy(AtomicUsize);

    impl Implementation for Busy {
        fn send(&self, _: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, SendError>> {
            let status = if self.0.fetch_add(1, Ordering::Relaxed) < 3 { 503 } else { 200 };
            Box::pin(std::future::ready(Ok(Response::builder().status(status).body(Bytes::new()).unwrap())))
        }

        fn kind(&self) -> Kind {
            Kind::InProcess
        }
    }

    #[tokio::test(start_paused = true)]
    async fn busy_answers_are_waited_out() {
        let wire = Wire::new(Arc::new(Busy(AtomicUsize::new(0))), &Options::default());
        let started = Instant::now();
        let sent = wire.send(&Request::new(Bytes::new())).await;
        assert_eq!((sent.result.unwrap().status().as_u16(), sent.attempts, sent.busy), (200, 4, false));
        assert_eq!(started.elapsed(), Duration::from_millis(200 + 400 + 800));
        assert_eq!(wire.sent(), 4);
    }

    /// Every second request gets no answer, for a second.
    #[derive(Debug)]
    struct Choking(AtomicUsize);

    impl Implementation for Choking {
        fn send(&self, _: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, SendError>> {
            let chokes = self.0.fetch_add(1, Ordering::Relaxed) % 2 == 1;
            Box::pin(async move {
                sleep(Duration::from_millis(if chokes { 1000 } else { 1 })).await;
                if chokes { Err(SendError::TooLarge) } else { Ok(Response::new(Bytes::new())) }
            })
        }

        fn kind(&self) -> Kind {
            Kind::InProcess
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_without_an_answer_slow_nothing_down() {
        let options = Options { back_off: true, ..Options::default() };
        let wire = Wire::new(Arc::new(Choking(AtomicUsize::new(0))), &options);
        let started = Instant::now();
        for _ in 0..400 {
            drop(wire.send(&Request::new(Bytes::new())).await);
        }
        assert_eq!(started.elapsed(), Duration::from_millis(200 * 1001));
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_is_kept() {
        let limiter = Limiter::new(10.0);
        let started = Instant::now();
        for _ in 0..11 {
            limiter.turn().await;
        }
        assert_eq!(started.elapsed(), Duration::from_secs(1));
    }
}
