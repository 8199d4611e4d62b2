//! The JSON form of a report, version 1: [`write()`], [`read`] and its [`schema`].

use super::{FORMAT_VERSION, Report};

/// The report as indented JSON with a final line end.
pub fn write(report: &Report) -> String {
    // Serializing maps with text keys, text and numbers cannot fail.
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}

/// Reads what [`write()`] wrote.
///
/// # Errors
///
/// Why it is no report, or none of this version.
pub fn read(text: &str) -> Result<Report, String> {
    #[derive(serde::Deserialize)]
    struct Version {
        format_version: u32,
    }
    let Version { format_version } =
        serde_json::from_str(text).map_err(|error| format!("it is no report of corsuite in JSON: {error}"))?;
    if format_version != FORMAT_VERSION {
        return Err(format!("it has format_version {format_version}, and this program reads {FORMAT_VERSION}"));
    }
    serde_json::from_str(text).map_err(|error| format!("it is no report of format_version {FORMAT_VERSION}: {error}"))
}

/// The JSON Schema of the form.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Report);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::super::tests::{case, report};
    use super::super::{MismatchReport, Verdict};
    use super::*;
    use crate::case::expect::Mismatch;
    use crate::dialect::Level;

    /// Set `CORSUITE_BLESS=1` to write the file anew.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test of a generated file")]
    fn the_published_schema_is_the_one_of_the_writer() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/report/schema.json");
        if std::env::var("CORSUITE_BLESS").is_ok() {
            std::fs::write(path, schema()).unwrap();
        }
        let published = std::fs::read_to_string(path).unwrap();
        assert!(published == schema(), "src/report/schema.json is old: run `CORSUITE_BLESS=1 cargo test schema`");
    }

    #[test]
    fn a_report_meets_its_schema() {
        let mut failed = case("b", Verdict::Fail, Level::Must);
        failed.mismatches.push(MismatchReport::bare(Mismatch::new("config.put", "status", "200", "500"), 4));
        let text = write(&report(vec![case("a", Verdict::Pass, Level::Should), failed]));
        let validator = jsonschema::validator_for(&serde_json::from_str(&schema()).unwrap()).unwrap();
        let value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(errors, [""; 0]);
        crate::assert_snapshot!("report_json", text);
        assert_eq!(write(&read(&text).unwrap()), text);
        assert!(
            read(&text.replace("\"format_version\": 1", "\"format_version\": 2")).unwrap_err().contains("version 2")
        );
        assert!(read("[]").unwrap_err().contains("no report"));
        assert!(read(&text.replace(": \"pass\"", ": \"maybe\"")).unwrap_err().contains("`maybe`"));
    }
}
