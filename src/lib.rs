//! corsuite: does an object store's bucket CORS do what its documentation says?

pub mod diagnostic;

pub mod yaml;

pub mod xml;

pub mod dialect;

pub mod cors;

pub mod browser;

pub mod sign;

pub mod reference;

pub mod case;

#[cfg(any(test, feature = "properties"))]
pub mod properties;

pub mod report;

#[cfg(feature = "net")]
pub mod implementation;

#[cfg(feature = "net")]
pub mod run;

#[cfg(feature = "net")]
pub mod serve;

#[cfg(feature = "cli")]
pub mod cli;

/// Compares a text with a file of `snapshots/`.
#[cfg(test)]
macro_rules! assert_snapshot {
    ($name:literal, $text:expr) => {{
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!($name, $text));
    }};
}
#[cfg(test)]
pub(crate) use assert_snapshot;

/// So many cases a law; failures are kept under `tests/`.
#[cfg(test)]
pub(crate) fn laws(cases: u32) -> proptest::test_runner::Config {
    use proptest::test_runner::FileFailurePersistence::Direct;
    let kept = Direct(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/proptest-regressions.txt"));
    proptest::test_runner::Config { cases, failure_persistence: Some(Box::new(kept)), ..Default::default() }
}
