//! Exchanges as JSON Lines: one line a case ([`write()`], [`read`]).
//!
//! Credentials are left out: of requests where signing puts them, of answers wherever one is echoed. Text is text; what is not UTF-8 is
//! base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Version};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{EVIDENCE, MOST_PROBLEMS, Problem};
use crate::report::{CaseReport, Verdict};
use crate::request::{Secrets, Site, redact, without_secret_lines};
use crate::trial::{Attempt, Round};

/// What a line says.
#[derive(Debug)]
pub(super) struct Exchanges {
    /// The case.
    pub(super) case: String,
    /// Milliseconds.
    pub(super) elapsed_ms: u64,
    /// Why it was not tried, or not to its end.
    pub(super) ended: Option<(Verdict, String)>,
    /// What was sent and answered.
    pub(super) rounds: Vec<Round>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Line {
    case: String,
    elapsed_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<Ended>,
    rounds: Vec<WrittenRound>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Ended {
    verdict: Verdict,
    reason: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WrittenRound {
    step: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bucket: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    prefix: String,
    attempts: Vec<WrittenAttempt>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WrittenAttempt {
    at: Timestamp,
    requests: Vec<WrittenRequest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answers: Option<Vec<WrittenAnswer>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WrittenRequest {
    method: String,
    url: String,
    headers: Vec<(String, Text)>,
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    body: Text,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WrittenAnswer {
    version: String,
    status: u16,
    headers: Vec<(String, Text)>,
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    body: Text,
}

#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum Text {
    Utf8(String),
    Other { base64: String },
}

impl Default for Text {
    fn default() -> Self {
        Self::Utf8(String::new())
    }
}

impl Text {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Utf8(text.to_owned()),
            Err(_) => Self::Other { base64: STANDARD.encode(bytes) },
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Utf8(text) if text.is_empty())
    }

    fn into_bytes(self) -> Result<Bytes, String> {
        match self {
            Self::Utf8(text) => Ok(text.into()),
            Self::Other { base64 } => {
                STANDARD.decode(base64).map(Bytes::from).map_err(|error| format!("base64: {error}"))
            }
        }
    }
}

const VERSIONS: [(&str, Version); 4] =
    [("0.9", Version::HTTP_09), ("1.0", Version::HTTP_10), ("1.1", Version::HTTP_11), ("2", Version::HTTP_2)];

/// The exchanges of a run, without the keys of its site, of which answers may `echo` none.
pub(super) fn write(cases: &[CaseReport], site: &Site<'_>, echo: bool) -> String {
    let mut text = String::new();
    for case in cases {
        let keys = [site.credentials, site.other].into_iter().flatten();
        let sent = case.rounds.iter().flat_map(|round| &round.attempts).flat_map(|attempt| &attempt.requests);
        let secrets = if echo { Secrets::default() } else { Secrets::of(keys, sent) };
        // What was found before a case was broken off counts, so that it is not an error.
        let verdict = if case.verdict == Verdict::Fail { Verdict::Error } else { case.verdict };
        let line = Line {
            case: case.id.clone(),
            elapsed_ms: case.elapsed_ms,
            ended: case.reason.as_ref().map(|reason| Ended { verdict, reason: secrets.hide(reason.clone()) }),
            rounds: case.rounds.iter().map(|round| written_round(round, &secrets)).collect(),
        };
        // Text, numbers and lists of them: serializing cannot fail.
        text.push_str(&serde_json::to_string(&line).unwrap_or_default());
        text.push('\n');
    }
    text
}

fn written_round(round: &Round, secrets: &Secrets) -> WrittenRound {
    let attempts = round.attempts.iter().map(|attempt| {
        let answers = attempt.outcome.as_ref().ok();
        WrittenAttempt {
            at: attempt.at,
            requests: attempt.requests.iter().map(|request| written_request(&redact(request))).collect(),
            bytes: attempt.bytes.as_ref().map(|bytes| Text::of(&without_secret_lines(bytes))),
            answers: answers
                .map(|answers| answers.iter().map(|answer| written_answer(&secrets.hide_in(answer))).collect()),
            error: attempt.outcome.as_ref().err().map(|error| secrets.hide(error.clone())),
        }
    });
    WrittenRound {
        step: round.step,
        bucket: round.bucket.clone(),
        prefix: round.prefix.clone(),
        attempts: attempts.collect(),
    }
}

fn fields(headers: &HeaderMap) -> Vec<(String, Text)> {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), Text::of(value.as_bytes()))).collect()
}

fn written_request(request: &Request<Bytes>) -> WrittenRequest {
    WrittenRequest {
        method: request.method().as_str().to_owned(),
        url: request.uri().to_string(),
        headers: fields(request.headers()),
        body: Text::of(request.body()),
    }
}

fn written_answer(answer: &Response<Bytes>) -> WrittenAnswer {
    let version = VERSIONS.iter().find(|(_, version)| *version == answer.version());
    WrittenAnswer {
        version: version.map_or("1.1", |(name, _)| name).to_owned(),
        status: answer.status().as_u16(),
        headers: fields(answer.headers()),
        body: Text::of(answer.body()),
    }
}

/// Reads what [`write()`] wrote.
///
/// # Errors
///
/// Each line that is none.
pub(super) fn read(text: &str) -> Result<Vec<Exchanges>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut all = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let read = serde_json::from_str::<Line>(line).map_err(|error| error.to_string()).and_then(exchanges);
        match read {
            Ok(exchanges) => all.push(exchanges),
            Err(why) => problems.push(Problem::of(EVIDENCE, format!("line {}: {why}", number + 1))),
        }
        if problems.len() >= MOST_PROBLEMS {
            break;
        }
    }
    if problems.is_empty() { Ok(all) } else { Err(problems) }
}

fn exchanges(line: Line) -> Result<Exchanges, String> {
    let Line { case, elapsed_ms, ended, rounds } = line;
    let ended = ended.map(|Ended { verdict, reason }| (verdict, reason));
    if let Some((verdict @ (Verdict::Pass | Verdict::Fail), _)) = ended {
        return Err(format!("case {case} was broken off, and it is said to {}", verdict.as_str()));
    }
    let rounds = rounds.into_iter().map(round).collect::<Result<_, _>>()?;
    Ok(Exchanges { case, elapsed_ms, ended, rounds })
}

fn round(written: WrittenRound) -> Result<Round, String> {
    let WrittenRound { step, bucket, prefix, attempts } = written;
    let attempts = attempts.into_iter().map(attempt).collect::<Result<_, _>>()?;
    Ok(Round { step, bucket, prefix, attempts })
}

fn attempt(written: WrittenAttempt) -> Result<Attempt, String> {
    let WrittenAttempt { at, requests, bytes, answers, error } = written;
    let outcome = match (answers, error) {
        (Some(answers), None) => Ok(answers.into_iter().map(answer).collect::<Result<_, _>>()?),
        (None, Some(error)) => Err(error),
        _ => return Err("an attempt has either `answers` or an `error`".to_owned()),
    };
    let bytes = bytes.map(Text::into_bytes).transpose()?;
    Ok(Attempt { at, requests: requests.into_iter().map(request).collect::<Result<_, _>>()?, bytes, outcome })
}

fn header_map(fields: Vec<(String, Text)>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let field = HeaderName::from_bytes(name.as_bytes()).map_err(|error| format!("header `{name}`: {error}"))?;
        let value =
            HeaderValue::from_maybe_shared(value.into_bytes()?).map_err(|error| format!("header `{name}`: {error}"))?;
        headers.try_append(field, value).map_err(|error| error.to_string())?;
    }
    Ok(headers)
}

fn request(written: WrittenRequest) -> Result<Request<Bytes>, String> {
    let WrittenRequest { method, url, headers, body } = written;
    let built = Request::builder().method(method.as_bytes()).uri(&url).body(body.into_bytes()?);
    let mut request = built.map_err(|error| format!("request {method} {url}: {error}"))?;
    *request.headers_mut() = header_map(headers)?;
    Ok(request)
}

fn answer(written: WrittenAnswer) -> Result<Response<Bytes>, String> {
    let WrittenAnswer { version, status, headers, body } = written;
    let known = VERSIONS.iter().find(|(name, _)| *name == version);
    let (_, version) = known.ok_or_else(|| format!("HTTP version `{version}`"))?;
    let built = Response::builder().version(*version).status(status).body(body.into_bytes()?);
    let mut answer = built.map_err(|error| format!("status {status}: {error}"))?;
    *answer.headers_mut() = header_map(headers)?;
    Ok(answer)
}
