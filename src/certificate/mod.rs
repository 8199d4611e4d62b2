//! A certificate: a folder of files that shows a verdict to who was not there. [`issue`] makes one of a run, [`verify`] judges it anew.
//!
//! What was sent and answered stands in `evidence.jsonl`, credentials left out; what it is about in `certificate.json`. All else follows
//! from these two: `verify` makes each request anew from its case, judges each answer anew, writes report, pages and badges anew, and
//! compares. `SHA256SUMS` has the digest of each file, and can be signed (Ed25519).

mod badge;
mod cover;
mod edition;
mod evidence;
mod judge;
mod manifest;
mod verify;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::edition::Edition;
pub use self::manifest::{PublicKey, SignKey};
pub use self::verify::{Verified, verify};
use crate::report::{Format, Kind, Report, Setting, Tool, Verdict};
use crate::request::{Addressing, Secrets, Site};
use crate::sign::{Credentials, Scheme};

/// Version of the form.
const FORMAT_VERSION: u32 = 1;
/// Names of the files.
const CERTIFICATE: &str = "certificate.json";
const EVIDENCE: &str = "evidence.jsonl";
const REPORT: &str = "report.json";
const PAGE: &str = "report.html";
const COVER: &str = "certificate.html";
const BADGE: &str = "badge.svg";
const SHIELD: &str = "badge.json";
const MANIFEST: &str = "SHA256SUMS";
const SIGNATURE: &str = "SHA256SUMS.sig";
/// What has a digest in the manifest.
const LISTED: [&str; 7] = [BADGE, SHIELD, COVER, CERTIFICATE, EVIDENCE, PAGE, REPORT];
/// Every file that a certificate may have.
pub const FILES: [&str; 9] = [BADGE, SHIELD, COVER, CERTIFICATE, EVIDENCE, PAGE, REPORT, MANIFEST, SIGNATURE];
/// Most bytes of evidence.
pub const MOST_EVIDENCE: usize = 256 << 20;
/// Most bytes of any other file.
pub const MOST_OTHER: usize = 64 << 20;
/// Problems of one kind that are collected.
const MOST_PROBLEMS: usize = 100;

/// The files of a certificate: name and content.
pub type Bundle = BTreeMap<String, Vec<u8>>;

/// `certificate.json`: what the evidence is of.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "the published format, version 1")]
pub struct Certificate {
    /// 1.
    pub format_version: u32,
    /// What is certified.
    pub profile: Profile,
    /// Of whom, as they say.
    pub target: Declared,
    /// Whom requests were sent to.
    pub endpoint: Asked,
    /// What ran.
    pub tool: Tool,
    /// The suite, to the byte.
    pub suite: Edited,
    /// How strong it is.
    pub strength: Score,
    /// Where it ran.
    pub environment: Environment,
    /// RFC 3339.
    pub started: String,
    /// Milliseconds.
    pub elapsed_ms: u64,
    /// Requests sent, preparation included.
    pub requests: usize,
    /// What a reader should know besides.
    pub notes: Vec<String>,
}

/// What a certificate says.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "the published format, version 1")]
pub enum Profile {
    /// Every `must` holds.
    Core,
    /// Every `should`, too, and nothing was left out.
    Full,
}

impl Profile {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Full => "full",
        }
    }
}

/// Who is certified, in the words of who asked for it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "the published format, version 1")]
pub struct Declared {
    /// Of the product.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Who makes it.
    pub vendor: String,
    /// Whom to ask about it.
    pub contact: String,
}

/// Whom requests were sent to, and how they were signed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "the published format, version 1")]
pub struct Asked {
    /// Kind of implementation.
    pub kind: Kind,
    /// `http` or `https`.
    pub protocol: String,
    /// Host and port.
    pub authority: String,
    /// How buckets are named: `path` or `virtual`.
    pub addressing: String,
    /// `v1`, `v4` or `aws-v4`.
    pub signatures: String,
    /// Its region; none for V1.
    pub region: Option<String>,
    /// The owner's key came with a security token.
    pub owner_token: bool,
    /// The second account's did; null where there was none.
    pub other_token: Option<bool>,
}

impl Asked {
    /// Its URL, and whether it is the reference.
    pub fn name(&self) -> String {
        let reference = if self.kind == Kind::Embedded { "built-in reference, " } else { "" };
        format!("{reference}{}://{}", self.protocol, self.authority)
    }

    fn of(site: &Site<'_>, kind: Kind) -> Self {
        let token = |key: &Credentials| key.security_token.is_some();
        let (signatures, region) = match site.scheme {
            Scheme::V1 => ("v1", None),
            Scheme::V4 { region } => ("v4", Some(region.clone())),
            Scheme::AwsV4 { region } => ("aws-v4", Some(region.clone())),
        };
        Self {
            kind,
            protocol: site.protocol.to_owned(),
            authority: site.authority.to_owned(),
            addressing: if site.addressing == Addressing::Virtual { "virtual" } else { "path" }.to_owned(),
            signatures: signatures.to_owned(),
            region,
            owner_token: site.credentials.is_some_and(token),
            other_token: site.other.map(token),
        }
    }
}

/// A suite, to the byte.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "the published format, version 1")]
pub struct Edited {
    /// SHA-256 of the case files.
    pub digest: String,
    /// The dialect.
    pub dialect: String,
    /// SHA-256 of every file of cases and dialects, by path.
    pub files: BTreeMap<String, String>,
    /// Every case that says something about the dialect's servers, in order.
    pub cases: Vec<String>,
}

/// How strong a suite is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "the published format, version 1")]
pub struct Score {
    /// Faults that a server could have.
    pub faults: usize,
    /// Those of them that the suite notices, each by an assertion about the clause that it breaks.
    pub caught: usize,
}

/// Where a run took place.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "the published format, version 1")]
pub struct Environment {
    /// Operating system of who asked.
    pub os: String,
    /// Its processor.
    pub architecture: String,
    /// Cases at a time.
    pub jobs: usize,
    /// Longest wait for a change of rules to show, in milliseconds.
    pub settle_ms: u64,
}

/// What is wrong with a certificate, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a value")]
pub struct Problem {
    /// The file.
    pub file: &'static str,
    /// Of it this case.
    pub case: Option<String>,
    /// What.
    pub message: String,
}

impl Problem {
    fn of(file: &'static str, message: impl Into<String>) -> Self {
        Self { file, case: None, message: message.into() }
    }

    fn in_case(file: &'static str, case: &str, message: impl Into<String>) -> Self {
        Self { file, case: Some(case.to_owned()), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.case {
            Some(case) => write!(f, "{}: case {case}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

/// A run of the complete suite, which kept its rounds.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "an input")]
pub struct Tried<'a> {
    /// What it said.
    pub report: &'a Report,
    /// Whom it asked; its keys are left out of the certificate.
    pub site: Site<'a>,
    /// Who that is.
    pub declared: Declared,
    /// What is to be certified.
    pub profile: Profile,
    /// Where it ran.
    pub environment: Environment,
}

/// Makes a certificate of a run, and verifies it.
///
/// # Errors
///
/// All that stands in the way: the profile is not met, or the evidence does not show it.
pub fn issue(tried: &Tried<'_>, edition: &Edition, key: Option<&SignKey>) -> Result<Bundle, Vec<Problem>> {
    let report = tried.report;
    let unmet = unmet(tried.profile, report);
    if !unmet.is_empty() {
        return Err(unmet.into_iter().map(|message| Problem::of(REPORT, message)).collect());
    }
    let certificate = Certificate {
        format_version: FORMAT_VERSION,
        profile: tried.profile,
        target: tried.declared.clone(),
        endpoint: Asked::of(&tried.site, report.target.kind),
        tool: report.tool.clone(),
        suite: edition.edited(),
        strength: edition.score,
        environment: tried.environment.clone(),
        started: report.started.clone(),
        elapsed_ms: report.elapsed_ms,
        requests: report.totals.requests,
        notes: report.notes.clone(),
    };
    let evidence = evidence::write(&report.cases, &tried.site, false);
    if evidence.len() > MOST_EVIDENCE {
        let message = format!("{} bytes of exchanges, and at most {MOST_EVIDENCE} are taken", evidence.len());
        return Err(vec![Problem::of(EVIDENCE, message)]);
    }
    let lines = evidence::read(&evidence)?;
    let derived = judge::judge(&certificate, &lines, edition).map_err(|problems| {
        // With the echoes they may say what the run said.
        let echoing = evidence::read(&evidence::write(&report.cases, &tried.site, true));
        let whole = echoing.and_then(|lines| judge::judge(&certificate, &lines, edition)).is_ok();
        if whole { vec![Problem::of(EVIDENCE, EVERYDAY)] } else { problems }
    })?;
    let mut bundle = derive(&certificate, &derived, edition);
    let mut text = serde_json::to_string_pretty(&certificate).unwrap_or_default();
    text.push('\n');
    bundle.insert(CERTIFICATE.to_owned(), text.into_bytes());
    bundle.insert(EVIDENCE.to_owned(), evidence.into_bytes());
    let sums = manifest::sums(&bundle);
    if let Some(key) = key {
        bundle.insert(SIGNATURE.to_owned(), key.sign(&sums).into_bytes());
    }
    bundle.insert(MANIFEST.to_owned(), sums.into_bytes());
    let told: Vec<(&str, Verdict)> = report.cases.iter().map(|case| (&*case.id, case.verdict)).collect();
    let judged: Vec<(&str, Verdict)> = derived.cases.iter().map(|case| (&*case.id, case.verdict)).collect();
    if told != judged {
        return Err(vec![Problem::of(EVIDENCE, EVERYDAY)]);
    }
    let secrets = Secrets::of([tried.site.credentials, tried.site.other].into_iter().flatten(), []);
    for name in FILES.iter().filter(|name| **name != SIGNATURE) {
        let content = bundle.get(*name).map(Vec::as_slice).unwrap_or_default();
        if secrets.are_in(content) {
            return Err(vec![Problem::of(name, EVERYDAY)]);
        }
        if *name != EVIDENCE && content.len() > MOST_OTHER {
            return Err(vec![Problem::of(name, format!("larger than {MOST_OTHER} bytes"))]);
        }
    }
    let public = key.map(SignKey::public);
    verify(&bundle, edition, public.as_ref()).map(|_| bundle)
}

/// What stands for a credential stands for more than it.
const EVERYDAY: &str =
    "without the access keys the exchanges do not show what the run said; use keys that are no words of everyday";

/// Why a report does not meet a profile.
fn unmet(profile: Profile, report: &Report) -> Vec<String> {
    let mut unmet = Vec::new();
    if report.conformant != Some(true) {
        unmet.push(format!("not conformant: {}", crate::report::meaning(report)));
    }
    if profile == Profile::Full {
        for case in report.cases.iter().filter(|case| case.verdict != Verdict::Pass) {
            let what = crate::report::headline_of(case);
            unmet.push(format!("profile full needs every case to pass: {} {}: {what}", case.verdict.as_str(), case.id));
        }
    }
    unmet
}

/// The files that follow from certificate and report.
fn derive(certificate: &Certificate, report: &Report, edition: &Edition) -> Bundle {
    let setting =
        Setting { suite: &edition.suite, dialect: &edition.dialect, strict: certificate.profile == Profile::Full };
    [
        (REPORT, Format::Json.write(report, &setting)),
        (PAGE, Format::Html.write(report, &setting)),
        (COVER, cover::write(certificate, report, &edition.dialect)),
        (BADGE, badge::svg(certificate)),
        (SHIELD, badge::shield(certificate)),
    ]
    .into_iter()
    .map(|(name, text)| (name.to_owned(), text.into_bytes()))
    .collect()
}
