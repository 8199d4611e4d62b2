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
