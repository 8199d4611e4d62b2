//! What several tests need.
#![allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "each test uses a part of it")]

pub mod program;

use std::sync::Arc;

use corsuite::case::{self, Case, Suite};
use corsuite::dialect::{Dialect, Signature};
use corsuite::implementation::Implementation;
use corsuite::report::{Report, Verdict};
use corsuite::run::{self, Addressing, Options, SetupError, Target};
use corsuite::serve;
use corsuite::sign::Scheme;

/// The dialects that come with the program.
pub fn dialects() -> Vec<&'static Dialect> {
    Dialect::BUNDLED.iter().map(|name| Dialect::bundled(name).unwrap()).collect()
}

/// The bundled suite.
pub fn suite() -> Suite {
    static SUITE: std::sync::OnceLock<Suite> = std::sync::OnceLock::new();
    SUITE.get_or_init(|| suite_for(Dialect::oss())).clone()
}

/// The same, as it is read for a dialect.
pub fn suite_for(dialect: &Dialect) -> Suite {
    let loaded = case::load(&case::bundled(), dialect);
    assert!(loaded.diagnostics.is_empty());
    loaded.suite
}

/// A target around an implementation, with both accounts of the reference.
pub fn target(implementation: impl Implementation + 'static) -> Target {
    Target {
        implementation: Arc::new(implementation),
        name: "under test".to_owned(),
        protocol: "http".to_owned(),
        authority: "localhost".to_owned(),
        addressing: Addressing::Path,
        scheme: Scheme::V4 { region: "cn-hangzhou".to_owned() },
        credentials: Some(serve::owner()),
        other: Some(serve::other()),
        other_variables: "A and B",
        dialect: Arc::new(Dialect::oss().clone()),
    }
}

/// The same for servers of another dialect.
pub fn target_of(implementation: impl Implementation + 'static, dialect: &Dialect) -> Target {
    let scheme = match dialect.behaviours.signature {
        Signature::Aws => Scheme::AwsV4 { region: "us-east-1".to_owned() },
        _ => Scheme::V4 { region: "cn-hangzhou".to_owned() },
    };
    Target { scheme, dialect: Arc::new(dialect.clone()), ..target(implementation) }
}

/// The reference in process, as a server of a dialect.
pub fn reference_of(dialect: &Dialect) -> Target {
    target_of(serve::reference(dialect, serve::owner(), serve::other()), dialect)
}

/// The reference in process.
pub fn reference() -> Target {
    target(serve::reference(Dialect::oss(), serve::owner(), serve::other()))
}

/// Runs a suite.
pub async fn run(target: Target, suite: &Suite, options: Options) -> Result<Report, SetupError> {
    run::run(target, suite, options, Arc::new(|_| {})).await
}

/// Fails with the whole story of each case that did not pass.
pub fn assert_all_pass(report: &Report) {
    let mut story = String::new();
    for case in report.cases.iter().filter(|case| case.verdict != Verdict::Pass) {
        story.push_str(&corsuite::report::terminal::failure(case, corsuite::diagnostic::Style::Plain));
    }
    assert!(story.is_empty(), "{story}");
    assert_eq!(report.conformant, Some(true));
}

/// A permutation that depends on the seed alone.
pub fn shuffle(cases: &mut [Case], seed: u64) {
    let mut state = seed | 1;
    for at in (1..cases.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let other = usize::try_from(state % (at as u64 + 1)).unwrap();
        cases.swap(at, other);
    }
}
