//! corsuite: does an object store's bucket CORS do what its documentation says?

pub mod cors;
pub mod diagnostic;
pub mod dialect;
pub mod reference;
pub mod sign;
pub mod xml;
pub mod yaml;

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
