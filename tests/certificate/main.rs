//! Certificates: one of the reference stands; each change to it, however well it is hidden, is noticed and named.
#![cfg(test)]

#[path = "../common/mod.rs"]
mod common;
mod issuing;
mod tampering;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use common::{run, target};
use corsuite::certificate::{
    Bundle, Declared, Edition, Environment, Problem, Profile, PublicKey, SignKey, Tried, Verified, issue, verify,
};
use corsuite::dialect::Dialect;
use corsuite::implementation::Embedded;
use corsuite::reference::Reference;
use corsuite::reference::faults::{Faulty, find};
use corsuite::run::{Options, Target};
use corsuite::serve;
use sha2::{Digest as _, Sha256};

/// Whose exchanges are changed.
const CASE: &str = "match-first-of-two";
/// One with a should, and one in bytes.
const SHOULD: &str = "put-other-content-type";
const BYTES: &str = "length-missing";
const OWN: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";
const THEIRS: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
-----END PRIVATE KEY-----
";

fn key(pem: &str) -> SignKey {
    SignKey::from_pem(pem).unwrap()
}

fn public() -> PublicKey {
    key(OWN).public()
}

/// The suite of the program.
fn whole() -> &'static Edition {
    static WHOLE: OnceLock<Edition> = OnceLock::new();
    WHOLE.get_or_init(|| Edition::bundled("oss").unwrap())
}

/// A few of its cases, so that many changes can be tried.
fn edition() -> &'static Edition {
    static FEW: OnceLock<Edition> = OnceLock::new();
    FEW.get_or_init(|| {
        let mut few = whole().clone();
        let mut left = BTreeMap::new();
        few.suite.cases.retain(|case| {
            let count = left.entry(case.theme.clone()).or_insert(0);
            *count += 1;
            *count <= 2 || [CASE, SHOULD, BYTES].contains(&&*case.id)
        });
        few
    })
}

fn embedded(fault: Option<&str>) -> Embedded {
    let options = serve::options(Dialect::oss(), serve::owner(), serve::other());
    match fault {
        Some(id) => Embedded::new(Faulty::new(options, find(id).unwrap())),
        None => Embedded::new(Reference::new(options)),
    }
}

/// A certificate of what a target does.
async fn certify(
    edition: &Edition,
    target: Target,
    profile: Profile,
    key: Option<&SignKey>,
) -> Result<Bundle, Vec<Problem>> {
    let options = Options { jobs: 2, keep_rounds: true, ..Options::default() };
    let report = run(target.clone(), &edition.suite, options).await.unwrap();
    let declared = Declared {
        name: "Example Store".to_owned(),
        version: "1.2".to_owned(),
        vendor: "Example <Ltd>".to_owned(),
        contact: "cors@example.com".to_owned(),
    };
    let environment = Environment { os: "linux".to_owned(), architecture: "x86_64".to_owned(), jobs: 2, settle_ms: 0 };
    let tried = Tried { report: &report, site: target.site(), declared, profile, environment };
    issue(&tried, edition, key)
}

/// A signed certificate of the reference.
fn good() -> Bundle {
    static GOOD: OnceLock<Bundle> = OnceLock::new();
    let make = || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(certify(edition(), target(embedded(None)), Profile::Full, Some(&key(OWN)))).unwrap()
    };
    GOOD.get_or_init(make).clone()
}

fn text(bundle: &Bundle, name: &str) -> String {
    String::from_utf8(bundle[name].clone()).unwrap()
}

fn problems(result: Result<Verified, Vec<Problem>>) -> String {
    match result {
        Ok(_) => "verified".to_owned(),
        Err(problems) => problems.iter().map(|problem| format!("{problem}\n")).collect(),
    }
}

#[test]
fn keys_that_are_none() {
    let check = |found: Result<(), String>, part: &str| {
        let found = found.unwrap_err();
        assert!(found.contains(part), "{found}");
    };
    check(SignKey::from_pem("").map(drop), "no Ed25519 private key");
    check(SignKey::from_pem("-----BEGIN ENCRYPTED PRIVATE KEY-----\n").map(drop), "encrypted");
    check(PublicKey::from_pem(OWN).map(drop), "a private key; `openssl pkey -in FILE -pubout`");
    check(PublicKey::from_pem("hello").map(drop), "no Ed25519 public key");
    assert_eq!(format!("{:?}", key(OWN)), "SignKey(***)");
}

fn problems_of(result: Result<Bundle, Vec<Problem>>) -> String {
    problems(result.map(|bundle| verify(&bundle, whole(), None).unwrap()))
}

/// The manifest, written anew for the files as they are.
fn summed(mut bundle: Bundle) -> Bundle {
    let old = String::from_utf8_lossy(&bundle["SHA256SUMS"]).into_owned();
    let line = |line: &str| {
        let (_, name) = line.split_once("  ")?;
        let sum: String = Sha256::digest(bundle.get(name)?).iter().map(|byte| format!("{byte:02x}")).collect();
        Some(format!("{sum}  {name}\n"))
    };
    let sums: String = old.lines().filter_map(line).collect();
    bundle.insert("SHA256SUMS".to_owned(), sums.into_bytes());
    bundle
}
