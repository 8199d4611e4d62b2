//! What would spoil a run, found before it: [`examine`].
//!
//! Each [`Check`] says what was found and, where it is not well, what to do. One that cannot be done for want of an earlier one is
//! left out.
#![expect(clippy::disallowed_methods, reason = "shell: compares clocks")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response};
use jiff::{SignedDuration, Timestamp};

use super::bucket::{Owner, name, prefix, refusal};
use super::feed::Once;
use super::lease::{Opened, explain};
use super::worker::Worker;
use super::{Addressing, Options, Shared, Target, between, shared};
use crate::case::Identity;
use crate::diagnostic::visible;
use crate::implementation::SendError;
use crate::request::{Draft, Envelope, build, content_md5};
use crate::sign::{MAX_SKEW, parse_http_date};

/// How it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Health {
    /// Well.
    Good,
    /// Worth knowing.
    Odd,
    /// A run would be spoilt.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Check {
    /// What it is about.
    pub name: &'static str,
    /// How it is.
    pub health: Health,
    /// What was found; a server's words in it are made visible.
    pub found: String,
    /// What to do; empty if it is well.
    pub help: String,
}

impl Check {
    /// From text that may hold a server's words.
    pub fn new(name: &'static str, health: Health, found: impl AsRef<str>, help: impl Into<String>) -> Self {
        Self { name, health, found: visible(found.as_ref()), help: help.into() }
    }
}

/// The origins of the rules that are put.
const ONE: &str = "https://one.corsuite.example";
const TWO: &str = "https://two.corsuite.example";
/// One that they do not let in.
const STRANGER: &str = "https://stranger.corsuite.example";

/// Looks at what a run needs of a server that can be reached: HTTP, clocks, keys, a bucket, bucket CORS, and that nothing between adds,
/// takes away or stores CORS header fields. What it makes it removes, what it borrows it restores; `options` say how.
pub async fn examine(target: Target, options: Options) -> Vec<Check> {
    let shared = Arc::new(shared(target, options, Arc::new(Once::of(Vec::new())), Arc::new(|_| {})));
    let mut checks = Vec::new();
    let answer = match http(&shared).await {
        Ok((check, answer)) => {
            checks.push(check);
            answer
        }
        Err(check) => return vec![check],
    };
    let now = Timestamp::now();
    checks.push(clock(&answer, now));
    let between = traces(&answer);
    if shared.target.credentials.is_some() {
        let keys = keys(&shared).await;
        let usable = keys.health != Health::Bad;
        checks.push(keys);
        if !usable {
            checks.extend(between);
            return checks;
        }
    }
    let mut worker = Worker::new(Arc::clone(&shared), 0);
    match worker.open().await {
        Ok(Opened::Ready) => {
            let bucket = worker.main.as_ref().map(|held| held.name.clone()).unwrap_or_default();
            if shared.target.credentials.is_some() {
                checks.push(Check::new("bucket", Health::Good, format!("{bucket} can be used"), ""));
                let key = worker.main.as_ref().map_or_else(String::new, |held| held.key("corsuite-doctor"));
                checks.extend(way(&shared, &bucket, &key).await);
            } else {
                checks.push(Check::new("bucket", Health::Good, format!("{bucket} is there"), ""));
            }
        }
        Ok(Opened::Unsupported(why)) => {
            checks.push(Check::new(
                "bucket",
                Health::Bad,
                why,
                "every case would end as unsupported: another server, or another version?",
            ));
        }
        Err(error) => checks.push(Check::new("bucket", Health::Bad, error.message, error.help)),
    }
    worker.close().await;
    let notes = shared.notes.lock().await.clone();
    checks.extend(notes.iter().map(|note| Check::new("clean-up", Health::Odd, note, "run `corsuite cleanup`")));
    let new: Vec<Check> = between.into_iter().filter(|check| !checks.contains(check)).collect();
    checks.extend(new);
    checks
}

/// Whether the server speaks HTTP, and over TLS that we trust.
async fn http(shared: &Shared) -> Result<(Check, Response<Bytes>), Check> {
    let target = &shared.target;
    let secure = target.protocol == "https";
    let envelope = Envelope { bucket: None, object: None, identity: Identity::Anonymous };
    let request = build(Draft::new(Method::GET, ""), &envelope, &target.site(), Timestamp::now())
        .map_err(|error| Check::new("http", Health::Bad, error.to_string(), "check --endpoint"))?;
    let answer = shared.wire.send(&request).await.result.map_err(|error| {
        let help = match &error {
            SendError::Connect(why) if why.contains("certificate") => {
                "trust the server's certificate with --cacert FILE, or accept any with --insecure"
            }
            SendError::Connect(_) if secure => "does this port speak TLS? try http:// in --endpoint",
            SendError::Broken(_) => "does this port speak HTTP? if it speaks TLS, give https:// in --endpoint",
            _ => "check --endpoint and that the server runs; --timeout sets how long an answer may take",
        };
        Check::new(if secure { "tls" } else { "http" }, Health::Bad, error.to_string(), help)
    })?;
    let server = answer
        .headers()
        .get("server")
        .map_or_else(String::new, |value| format!(", server: {}", String::from_utf8_lossy(value.as_bytes())));
    let found = format!("{} over {}{server}", answer.status(), target.protocol);
    Ok((Check::new("http", Health::Good, found, ""), answer))
}

/// How far the clocks are apart.
fn clock(answer: &Response<Bytes>, now: Timestamp) -> Check {
    let date = answer.headers().get("date").and_then(|date| parse_http_date(date.to_str().ok()?));
    let Some(date) = date else {
        return Check::new("clock", Health::Odd, "the server does not tell its time", "");
    };
    let ahead = date.duration_since(now);
    let apart = ahead.abs();
    let word = if ahead.is_negative() { "behind" } else { "ahead of" };
    let found = format!("the server's clock is {} s {word} this machine's", apart.as_secs());
    if apart > MAX_SKEW {
        Check::new("clock", Health::Bad, found, "set both clocks: signatures older than 15 minutes are refused")
    } else if apart > SignedDuration::from_secs(60) {
        Check::new("clock", Health::Odd, found, "set both clocks, before signatures are refused")
    } else {
        Check::new("clock", Health::Good, found, "")
    }
}

/// What header fields tell of something between; nothing if they tell nothing.
fn traces(answer: &Response<Bytes>) -> Vec<Check> {
    let told = between::traces(answer);
    told.iter().map(|found| Check::new("between", Health::Odd, found, between::HELP)).collect()
}

/// Whether the server takes the keys.
async fn keys(shared: &Shared) -> Check {
    let missing = format!("{}missing", name(&prefix(shared)));
    let asked = Owner::of(shared).ask(Draft::new(Method::GET, "cors"), &missing, None).await;
    let answer = match asked {
        Ok(answer) => refusal("a signed request".to_owned(), &answer),
        Err(refused) => refused,
    };
    if answer.status.is_none() {
        let error = explain(&answer, shared);
        // The name of a bucket before the host's is one more name to be found.
        let help = match shared.target.addressing {
            Addressing::Virtual => {
                "the server answers by its own name: try --addressing path, which names buckets in the path".to_owned()
            }
            Addressing::Path => error.help,
        };
        return Check::new("keys", Health::Bad, error.message, help);
    }
    let taken = ["NoSuchBucket", "AccessDenied", "NoSuchCORSConfiguration", "NotImplemented", "MethodNotAllowed"];
    if !answer.code.as_deref().is_some_and(|code| taken.contains(&code)) {
        let error = explain(&answer, shared);
        let known = ["InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed", "InvalidSecurityToken"];
        let bad = answer.code.as_deref().is_some_and(|code| known.contains(&code));
        return Check::new("keys", if bad { Health::Bad } else { Health::Odd }, error.message, error.help);
    }
    let id = shared.target.credentials.as_ref().map(|key| key.access_key_id.clone()).unwrap_or_default();
    Check::new("keys", Health::Good, format!("signed requests of {id} are taken"), "")
}

/// Two rules, and who is answered what.
async fn way(shared: &Shared, bucket: &str, key: &str) -> Vec<Check> {
    let rule = |origin: &str| {
        format!("<CORSRule><AllowedOrigin>{origin}</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>")
    };
    let document = format!("<CORSConfiguration>{}{}</CORSConfiguration>", rule(ONE), rule(TWO));
    let mut put = Draft::new(Method::PUT, "cors");
    put.headers.push(("content-type".to_owned(), "application/xml".to_owned()));
    put.headers.push(("content-md5".to_owned(), content_md5(document.as_bytes())));
    put.body = Bytes::from(document);
    if let Err(refused) = Owner::of(shared).must(put, bucket, None).await {
        return vec![Check::new(
            "rules",
            Health::Bad,
            refused.to_string(),
            "the key must be allowed to change bucket CORS",
        )];
    }
    let mut checks = Vec::new();
    // The change may take its time.
    let until = tokio::time::Instant::now() + shared.options.settle;
    let mut first = preflight(shared, bucket, ONE).await;
    let mut stranger = preflight(shared, bucket, STRANGER).await;
    // Rules of before may be there still.
    while (allowed(&first).is_none() || allowed(&stranger).is_some()) && tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(200)).await;
        first = preflight(shared, bucket, ONE).await;
        stranger = preflight(shared, bucket, STRANGER).await;
    }
    let second = preflight(shared, bucket, TWO).await;
    let answers = [&first, &second, &stranger];
    if let Some(Err(error)) = answers.iter().find(|answer| answer.is_err()) {
        let help = "the server answers other requests: something between may drop OPTIONS";
        return vec![Check::new("preflight", Health::Bad, error.to_string(), help)];
    }
    match (allowed(&first).as_deref(), allowed(&second).as_deref()) {
        (Some(ONE), Some(TWO)) => {
            checks.push(Check::new("preflight", Health::Good, "the rules that were put answer", ""));
        }
        (Some(ONE), Some(ONE)) => {
            let help = "something between stores answers to preflights: give the server's own address as --endpoint";
            checks.push(Check::new("cache", Health::Bad, format!("{TWO} gets the answer to {ONE}"), help));
        }
        (None, None) => {
            let status = first.as_ref().map_or(0, |answer| answer.status().as_u16());
            let found = format!(
                "rules are in place, and a preflight that they allow is answered {status} without Access-Control-Allow-Origin"
            );
            let help = "something between may take the header fields away, or answer OPTIONS itself; or the rules take longer than --settle";
            checks.push(Check::new("preflight", Health::Bad, found, help));
        }
        (one, two) => {
            let found = format!("{ONE} is answered {}, {TWO} {}", one.unwrap_or("nothing"), two.unwrap_or("nothing"));
            checks.push(Check::new("preflight", Health::Odd, found, "what `corsuite run` says will tell more"));
        }
    }
    if let Some(value) = allowed(&stranger) {
        let found = format!("{STRANGER}, which no rule lets in, gets Access-Control-Allow-Origin: {value}");
        let help = "something between may add the header field or store answers, or the server lets everybody in: give its own address as --endpoint";
        checks.push(Check::new("added", Health::Bad, found, help));
    }
    for answer in answers.into_iter().flatten().take(1) {
        checks.extend(traces(answer));
    }
    checks.extend(reading(shared, bucket, key).await);
    checks
}

/// An object, and who reads it with what header fields: what stores answers stores these first.
async fn reading(shared: &Shared, bucket: &str, key: &str) -> Option<Check> {
    let owner = Owner::of(shared);
    let mut put = Draft::new(Method::PUT, "");
    put.body = Bytes::from_static(b"corsuite doctor");
    if let Err(refused) = owner.must(put, bucket, Some(key.to_owned())).await {
        return Some(Check::new(
            "object",
            Health::Bad,
            refused.to_string(),
            "the key must be allowed to write objects",
        ));
    }
    let get = |origin: Option<&str>| {
        let mut draft = Draft::new(Method::GET, "");
        draft.headers.extend(origin.map(|origin| ("origin".to_owned(), origin.to_owned())));
        draft
    };
    let mut seen = Vec::new();
    for origin in [None, Some(ONE), Some(TWO), Some(STRANGER)] {
        match owner.ask(get(origin), bucket, Some(key.to_owned())).await {
            Ok(answer) => seen.push(allowed(&Ok(answer))),
            Err(refused) => {
                seen.clear();
                drop(refused);
                break;
            }
        }
    }
    // What is there of doctor's goes, whatever was found.
    drop(owner.ask(Draft::new(Method::DELETE, ""), bucket, Some(key.to_owned())).await);
    let help = "something between adds or takes away header fields, or stores answers, or the server does: give its own address as --endpoint";
    let told = |what: String| Some(Check::new("answers", Health::Odd, what, help));
    match seen.as_slice() {
        [none, one, two, stranger] => {
            let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
            if none.is_none() && one.as_deref() == Some(ONE) && two.as_deref() == Some(TWO) && stranger.is_none() {
                return Some(Check::new(
                    "answers",
                    Health::Good,
                    "an object is read with the header fields of the rules",
                    "",
                ));
            }
            let (none, one, two, stranger) = (word(none), word(one), word(two), word(stranger));
            told(format!(
                "Access-Control-Allow-Origin of an object: {none} without Origin, {one} for {ONE}, {two} for {TWO}, {stranger} for {STRANGER}"
            ))
        }
        _ => told("an object that was written is not read".to_owned()),
    }
}

async fn preflight(shared: &Shared, bucket: &str, origin: &str) -> Result<Response<Bytes>, SendError> {
    let mut draft = Draft::new(Method::OPTIONS, "");
    draft.headers.push(("origin".to_owned(), origin.to_owned()));
    draft.headers.push(("access-control-request-method".to_owned(), "GET".to_owned()));
    let object = Some("corsuite-doctor".to_owned());
    let envelope = Envelope { bucket: Some(bucket.to_owned()), object, identity: Identity::Anonymous };
    let request = build(draft, &envelope, &shared.target.site(), Timestamp::now())
        .map_err(|error| SendError::Unsendable(error.to_string()))?;
    shared.wire.send(&request).await.result
}

/// All lines of the field: what adds one of its own adds a line.
fn allowed(answer: &Result<Response<Bytes>, SendError>) -> Option<String> {
    let lines = answer.as_ref().ok()?.headers().get_all("access-control-allow-origin").iter();
    let lines: Vec<String> = lines.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
    (!lines.is_empty()).then(|| lines.join(" and "))
}
