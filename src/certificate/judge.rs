//! From exchanges to a report, without a server: [`judge`].
//!
//! Each request is made anew from its case, with other keys and at the time that is written down, and must be the one that was sent;
//! each answer is judged anew.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Request, StatusCode};
use jiff::{SignedDuration, Timestamp};

use super::evidence::Exchanges;
use super::{Asked, CERTIFICATE, Certificate, EVIDENCE, Edition, MOST_PROBLEMS, Problem};
use crate::case::{BucketRole, Case};
use crate::diagnostic::visible;
use crate::dialect::{Dialect, Level};
use crate::report::{self, CaseReport, FORMAT_VERSION, Report, SuiteIdentity, Target, Teller, Totals, cut};
use crate::request::{Addressing, Outgoing, Place, Secrets, Site, redact, without_secret_lines};
use crate::sign::{Credentials, Scheme};
use crate::trial::{self, Attempt, Round, Trial};

/// Most attempts at a step: those that wait for a busy server, twice.
const MOST_ATTEMPTS: usize = 10;
/// How far a clock may be set during a run.
const CLOCK: SignedDuration = SignedDuration::from_mins(1);

/// Stand for keys that nobody else has to know.
struct Keys {
    owner: Credentials,
    other: Option<Credentials>,
    scheme: Scheme,
    addressing: Addressing,
}

impl Keys {
    fn of(asked: &Asked) -> Result<Self, Problem> {
        let key = |name: &str, token: bool| Credentials {
            security_token: token.then(|| format!("{name}-token")),
            ..Credentials::new(format!("{name}-key"), format!("{name}-secret"))
        };
        let bad = |what: &str| Problem::of(CERTIFICATE, format!("endpoint.{what} is none that is known"));
        Ok(Self {
            owner: key("owner", asked.owner_token),
            other: asked.other_token.map(|token| key("other", token)),
            scheme: match (&*asked.signatures, &asked.region) {
                ("v1", None) => Scheme::V1,
                ("aws-v4", Some(region)) => Scheme::AwsV4 { region: region.clone() },
                ("v4", Some(region)) => Scheme::V4 { region: region.clone() },
                _ => return Err(bad("signatures")),
            },
            addressing: match &*asked.addressing {
                "path" => Addressing::Path,
                "virtual" => Addressing::Virtual,
                _ => return Err(bad("addressing")),
            },
        })
    }

    fn site<'a>(&'a self, asked: &'a Asked, dialect: &Dialect) -> Site<'a> {
        Site {
            protocol: &asked.protocol,
            authority: &asked.authority,
            addressing: self.addressing,
            scheme: &self.scheme,
            credentials: Some(&self.owner),
            other: self.other.as_ref(),
            integrity: dialect.behaviours.integrity,
            other_variables: "",
        }
    }
}

/// The report that exchanges give.
///
/// # Errors
///
/// Cases that are missing, or not of this suite, and exchanges that are not those of their case.
pub(super) fn judge(certificate: &Certificate, lines: &[Exchanges], edition: &Edition) -> Result<Report, Vec<Problem>> {
    let keys = Keys::of(&certificate.endpoint).map_err(|problem| vec![problem])?;
    let site = keys.site(&certificate.endpoint, &edition.dialect);
    let mut problems = at_the_time(certificate, lines);
    let mut by_case: BTreeMap<&str, &Exchanges> = BTreeMap::new();
    for line in lines {
        if by_case.insert(&line.case, line).is_some() && problems.len() < MOST_PROBLEMS {
            problems.push(Problem::in_case(EVIDENCE, &line.case, "a second time"));
        }
    }
    let mut cases = Vec::new();
    for case in &edition.suite.cases {
        match by_case.remove(&*case.id) {
            None => problems.push(Problem::in_case(EVIDENCE, &case.id, "missing")),
            Some(line) => match judged(case, line, edition, site) {
                Ok(report) => cases.push(report),
                Err(why) => problems.push(Problem::in_case(EVIDENCE, &case.id, why)),
            },
        }
    }
    let extra = by_case.into_keys().take(MOST_PROBLEMS);
    problems.extend(extra.map(|id| Problem::in_case(EVIDENCE, id, "no case of this suite")));
    if problems.is_empty() && !lines.iter().map(|line| &line.case).eq(cases.iter().map(|case| &case.id)) {
        problems.push(Problem::of(EVIDENCE, "the cases are not in the order of the suite"));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut report = Report {
        format_version: FORMAT_VERSION,
        tool: certificate.tool.clone(),
        suite: SuiteIdentity {
            digest: certificate.suite.digest.clone(),
            dialect: certificate.suite.dialect.clone(),
            complete: true,
            partition: None,
        },
        target: Target { endpoint: certificate.endpoint.name(), kind: certificate.endpoint.kind },
        started: certificate.started.clone(),
        elapsed_ms: certificate.elapsed_ms,
        totals: Totals { requests: certificate.requests, ..Totals::default() },
        conformant: None,
        behaviours: BTreeMap::new(),
        notes: certificate.notes.clone(),
        cases,
    };
    report.finish(true);
    Ok(report)
}

/// Whether everything took place in the time of the run, and no more was sent than is said.
fn at_the_time(certificate: &Certificate, lines: &[Exchanges]) -> Vec<Problem> {
    let Ok(started) = certificate.started.parse::<Timestamp>() else {
        return vec![Problem::of(CERTIFICATE, "`started` is no time")];
    };
    let mut problems = Vec::new();
    let elapsed = SignedDuration::from_millis(i64::try_from(certificate.elapsed_ms).unwrap_or(i64::MAX));
    let first = started.checked_sub(CLOCK).unwrap_or(Timestamp::MIN);
    let last = started.checked_add(elapsed).and_then(|end| end.checked_add(CLOCK)).unwrap_or(Timestamp::MAX);
    let mut sent = 0;
    for line in lines {
        let attempts = || line.rounds.iter().flat_map(|round| &round.attempts);
        sent += attempts().map(|attempt| attempt.requests.len()).sum::<usize>();
        let other = attempts().find(|attempt| attempt.at < first || attempt.at > last);
        if let Some(other) = other.filter(|_| problems.len() < MOST_PROBLEMS) {
            let message = format!("sent at {}, and the run began at {started} and took {elapsed:#}", other.at);
            problems.push(Problem::in_case(EVIDENCE, &line.case, message));
        }
    }
    if sent > certificate.requests {
        let message = format!("`requests` is {}, and the evidence has {sent}", certificate.requests);
        problems.push(Problem::of(CERTIFICATE, message));
    }
    problems
}

fn judged(case: &Case, line: &Exchanges, edition: &Edition, site: Site<'_>) -> Result<CaseReport, String> {
    let dialect = &edition.dialect;
    if let Some((_, reason)) = line.ended.as_ref().filter(|_| case.level(dialect) == Level::Must) {
        return Err(format!("a must, and not judged: {}", visible(reason)));
    }
    let secrets = Secrets::default();
    let mut teller = Teller::new(case, dialect, site, &secrets);
    let mut mismatches = Vec::new();
    let mut places: BTreeMap<u8, Place> = BTreeMap::new();
    let trial = trial::replay(
        case,
        dialect,
        false,
        &line.rounds,
        line.ended.is_none(),
        |before, round| as_asked(case, before, round, site, &mut places),
        |round, after, found| {
            let place = Place { bucket: round.bucket.clone(), prefix: round.prefix.clone() };
            let outgoing = round.attempts.last().map(|last| made(case, round, last, &place, site, after.answers()));
            if let Some(Ok(outgoing)) = outgoing {
                let last = round.attempts.last().and_then(|last| last.outcome.clone().ok()).unwrap_or_default();
                let attempts = u32::try_from(round.attempts.len()).unwrap_or(u32::MAX);
                let asked = report::Asked { step: round.step, outgoing, place, answers: last, attempts };
                mismatches.extend(teller.tell(asked, found, after));
            }
        },
    )?;
    let report = CaseReport::judged(case, dialect, &trial, mismatches, line.ended.clone());
    Ok(CaseReport { elapsed_ms: line.elapsed_ms, ..report })
}

/// What the case sends in this attempt.
fn made(
    case: &Case,
    round: &Round,
    attempt: &Attempt,
    place: &Place,
    site: Site<'_>,
    earlier: &[http::Response<Bytes>],
) -> Result<Outgoing, String> {
    let step = case.steps.get(round.step).ok_or("there is no such step")?;
    Outgoing::of(step, earlier, place, &site, attempt.at).map_err(|error| error.to_string())
}

/// Whether a round asks what its case says.
fn as_asked(
    case: &Case,
    trial: &Trial<'_>,
    round: &Round,
    site: Site<'_>,
    places: &mut BTreeMap<u8, Place>,
) -> Result<(), String> {
    let step = case.steps.get(round.step).ok_or("there is no such step")?;
    let place = Place { bucket: round.bucket.clone(), prefix: round.prefix.clone() };
    let role = match step.bucket {
        BucketRole::Main => 0,
        BucketRole::Second => 1,
        BucketRole::Missing => 2,
        BucketRole::Service => 3,
    };
    if place.bucket.is_none() != (step.bucket == BucketRole::Service) {
        return Err("the request is not to the bucket of its step".to_owned());
    }
    let known = places.entry(role).or_insert_with(|| place.clone());
    if *known != place {
        return Err("the bucket is not that of the steps before".to_owned());
    }
    if places.iter().any(|(other, used)| *other != role && used.bucket == place.bucket) {
        return Err("two buckets of the case are one".to_owned());
    }
    if round.attempts.len() > MOST_ATTEMPTS {
        return Err(format!("{} attempts, and at most {MOST_ATTEMPTS} are made", round.attempts.len()));
    }
    for (number, attempt) in round.attempts.iter().enumerate() {
        if number + 1 < round.attempts.len() && !is_no_answer(attempt) {
            return Err(format!("attempt {} was answered, and that counts", number + 1));
        }
        if attempt.outcome.as_ref().is_ok_and(|answers| answers.len() != attempt.requests.len()) {
            return Err("there is not one answer to each request".to_owned());
        }
        let wanted = made(case, round, attempt, &place, site, trial.answers())?;
        let bytes = wanted.raw.as_ref().map(|raw| without_secret_lines(&raw.bytes()));
        if bytes.as_deref() != attempt.bytes.as_deref() {
            return Err("the bytes are not those of the case".to_owned());
        }
        if wanted.requests.len() != attempt.requests.len() {
            let (wanted, found) = (wanted.requests.len(), attempt.requests.len());
            return Err(format!("{found} requests, and the case sends {wanted}"));
        }
        for (wanted, found) in wanted.requests.iter().zip(&attempt.requests) {
            if let Some(what) = difference(&redact(wanted), found) {
                return Err(format!("the request is not the one of the case: {what}"));
            }
        }
    }
    Ok(())
}

/// Whether another attempt follows such an outcome.
fn is_no_answer(attempt: &Attempt) -> bool {
    match &attempt.outcome {
        Err(_) => true,
        Ok(answers) => answers.last().is_some_and(|answer| {
            matches!(answer.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
        }),
    }
}

/// The first part in which a request is not the one that the case sends.
fn difference(wanted: &Request<Bytes>, found: &Request<Bytes>) -> Option<String> {
    let told = |part: &str, found: &str, wanted: &str| {
        let short = |text: &str| visible(&cut(text, 100));
        Some(format!("{part} is `{}`, and the case sends `{}`", short(found), short(wanted)))
    };
    if wanted.method() != found.method() {
        return told("method", found.method().as_str(), wanted.method().as_str());
    }
    if wanted.uri() != found.uri() {
        return told("URL", &found.uri().to_string(), &wanted.uri().to_string());
    }
    let lines = |request: &Request<Bytes>| {
        let lines = request.headers().iter();
        lines.map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))).collect::<Vec<_>>()
    };
    if wanted.headers() != found.headers() {
        let (wanted, found) = (lines(wanted), lines(found));
        let extra = found.iter().find(|line| !wanted.contains(line));
        let missing = wanted.iter().find(|line| !found.contains(line));
        let none = "none".to_owned();
        return told("header", extra.unwrap_or(&none), missing.unwrap_or(&none));
    }
    if wanted.body() != found.body() {
        return told("body", &String::from_utf8_lossy(found.body()), &String::from_utf8_lossy(wanted.body()));
    }
    None
}
