//! Whether a certificate shows what it says: [`verify`].

use serde_json::Value;

use super::{
    Bundle, CERTIFICATE, Certificate, EVIDENCE, Edition, FILES, FORMAT_VERSION, MANIFEST, Problem, PublicKey, REPORT,
    SIGNATURE, derive, evidence, judge, manifest, unmet,
};
use crate::diagnostic::visible;
use crate::report::{Report, cut};

/// What a certificate shows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Verified {
    /// What it is about.
    pub certificate: Certificate,
    /// What its evidence gives.
    pub report: Report,
    /// Exchanges that were judged.
    pub exchanges: usize,
    /// A signature is there, whether or not it was checked.
    pub signed: bool,
    /// The signature is by the key that was given.
    pub origin_proven: bool,
}

/// Judges a certificate anew. With a key its manifest must be signed by it; without, the certificate is whole, and anybody may have made
/// it.
///
/// # Errors
///
/// All that is wrong with it.
pub fn verify(bundle: &Bundle, edition: &Edition, key: Option<&PublicKey>) -> Result<Verified, Vec<Problem>> {
    let mut problems = manifest::check(bundle);
    for name in bundle.keys().filter(|name| !FILES.contains(&name.as_str())) {
        problems.push(Problem::of(MANIFEST, format!("`{}` is no file of a certificate", visible(name))));
    }
    problems.extend(manifest::check_signature(bundle, key));
    // Whoever changed one file may have written the manifest anew: what the files say is looked at all the same.
    let judged = read(bundle, edition).and_then(|(certificate, lines)| {
        let report = judge::judge(&certificate, &lines, edition)?;
        Ok((certificate, lines, report))
    });
    match judged {
        Err(found) => problems.extend(found),
        Ok((certificate, lines, report)) => {
            problems.extend(
                unmet(certificate.profile, &report)
                    .into_iter()
                    .map(|why| Problem::of(EVIDENCE, format!("profile {}: {why}", certificate.profile.as_str()))),
            );
            problems.extend(derived(bundle, &certificate, &report, edition));
            if problems.is_empty() {
                return Ok(Verified {
                    exchanges: lines.iter().map(|line| line.rounds.len()).sum(),
                    signed: bundle.contains_key(SIGNATURE),
                    origin_proven: key.is_some(),
                    certificate,
                    report,
                });
            }
        }
    }
    Err(problems)
}

type Read = (Certificate, Vec<evidence::Exchanges>);

/// The two files that all else follows from.
fn read(bundle: &Bundle, edition: &Edition) -> Result<Read, Vec<Problem>> {
    let certificate = certificate(bundle, edition);
    let lines = match text(bundle, EVIDENCE) {
        Ok(None) => Err(Vec::new()),
        Ok(Some(text)) => evidence::read(text),
        Err(problem) => Err(vec![problem]),
    };
    match (certificate, lines) {
        (Ok(certificate), Ok(lines)) => Ok((certificate, lines)),
        (certificate, lines) => Err([certificate.err(), lines.err()].into_iter().flatten().flatten().collect()),
    }
}

/// A file as text; that it is missing was said before.
fn text<'b>(bundle: &'b Bundle, name: &'static str) -> Result<Option<&'b str>, Problem> {
    let Some(content) = bundle.get(name) else { return Ok(None) };
    std::str::from_utf8(content).map(Some).map_err(|error| Problem::of(name, format!("no UTF-8: {error}")))
}

fn certificate(bundle: &Bundle, edition: &Edition) -> Result<Certificate, Vec<Problem>> {
    #[derive(serde::Deserialize)]
    struct Version {
        format_version: u32,
    }
    let one = |message: String| vec![Problem::of(CERTIFICATE, message)];
    let Some(text) = text(bundle, CERTIFICATE).map_err(|problem| vec![problem])? else { return Err(Vec::new()) };
    let version: Version = serde_json::from_str(text).map_err(|error| one(format!("it is no certificate: {error}")))?;
    if version.format_version != FORMAT_VERSION {
        let found = version.format_version;
        return Err(one(format!("it has format_version {found}, and this program reads {FORMAT_VERSION}")));
    }
    let certificate: Certificate =
        serde_json::from_str(text).map_err(|error| one(format!("it is no certificate: {error}")))?;
    let mut problems = Vec::new();
    let own = env!("CARGO_PKG_VERSION");
    if certificate.tool.name != "corsuite" || certificate.tool.version != own {
        let (name, version) = (visible(&certificate.tool.name), visible(&certificate.tool.version));
        let message =
            format!("made by {name} {version}, and this is corsuite {own}: verify it with the one that made it");
        problems.extend(one(message));
    }
    let suite = edition.edited();
    if certificate.suite.dialect != suite.dialect || certificate.suite.digest != suite.digest {
        let (dialect, digest) = (visible(&certificate.suite.dialect), visible(&certificate.suite.digest));
        let message =
            format!("another suite: {dialect}, {digest}, and this program has {}, {}", suite.dialect, suite.digest);
        problems.extend(one(message));
    }
    for (path, sum) in &suite.files {
        if certificate.suite.files.get(path) != Some(sum) {
            problems.extend(one(format!("another suite: {path} is not the file of this program")));
        }
    }
    for path in certificate.suite.files.keys().filter(|path| !suite.files.contains_key(*path)) {
        problems.extend(one(format!("another suite: this program has no {}", visible(path))));
    }
    if certificate.suite.cases != suite.cases {
        let missing = suite.cases.iter().find(|id| !certificate.suite.cases.contains(id));
        let extra = certificate.suite.cases.iter().find(|id| !suite.cases.contains(id));
        problems.extend(one(match (missing, extra) {
            (Some(id), _) => format!("case {id} is not listed"),
            (None, Some(id)) => format!("case {} is listed, and no case of this suite", visible(id)),
            (None, None) => "the cases are listed in another order".to_owned(),
        }));
    }
    if certificate.strength != edition.score {
        problems.extend(one("`strength` is not what measuring this suite gave".to_owned()));
    }
    if problems.is_empty() { Ok(certificate) } else { Err(problems) }
}

/// The files that follow from the others, where they do not.
fn derived(bundle: &Bundle, certificate: &Certificate, report: &Report, edition: &Edition) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, content) in derive(certificate, report, edition) {
        // One that is missing was said before.
        let Some(found) = bundle.get(&name).filter(|found| **found != content) else { continue };
        let Some(name) = FILES.iter().find(|known| **known == name) else { continue };
        if *name == REPORT {
            problems.extend(differences(found, report));
        } else {
            problems.push(Problem::of(name, "not what the certificate and its evidence give"));
        }
    }
    problems
}

/// Where a report that was written down is not the one that the evidence gives.
fn differences(found: &[u8], report: &Report) -> Vec<Problem> {
    let told = |value: Option<&Value>| {
        value.map_or_else(|| "absent".to_owned(), |value| cut(&visible(&value.to_string()), 60))
    };
    let mut problems = Vec::new();
    let (Ok(Value::Object(found)), Ok(Value::Object(given))) =
        (serde_json::from_slice::<Value>(found), serde_json::to_value(report))
    else {
        return vec![Problem::of(REPORT, "no report in JSON")];
    };
    let mut compare =
        |case: Option<&str>, found: &serde_json::Map<String, Value>, given: &serde_json::Map<String, Value>| {
            for name in given.keys().chain(found.keys().filter(|name| !given.contains_key(*name))) {
                let (is, gives) = (found.get(name), given.get(name));
                if is == gives || (case.is_none() && name == "cases") {
                    continue;
                }
                let message = format!("`{}` is {}, and the evidence gives {}", visible(name), told(is), told(gives));
                problems.push(Problem { file: REPORT, case: case.map(str::to_owned), message });
            }
        };
    compare(None, &found, &given);
    let cases = |report: &serde_json::Map<String, Value>| {
        let cases = report.get("cases").and_then(Value::as_array).cloned().unwrap_or_default();
        cases
            .into_iter()
            .filter_map(|case| if let Value::Object(case) = case { Some(case) } else { None })
            .collect::<Vec<_>>()
    };
    let (is, gives) = (cases(&found), cases(&given));
    for (is, gives) in is.iter().zip(&gives) {
        compare(gives.get("id").and_then(Value::as_str), is, gives);
    }
    if is.len() != gives.len() {
        let message = format!("{} cases, and the evidence gives {}", is.len(), gives.len());
        problems.push(Problem::of(REPORT, message));
    }
    if problems.is_empty() {
        problems.push(Problem::of(REPORT, "not written as the evidence gives it"));
    }
    problems
}
