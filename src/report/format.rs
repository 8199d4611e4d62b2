//! The formats of a report by name: [`Format`].

use super::{Report, Setting, github, html, json, junit, lines, markdown, sarif, tap};

/// A form that a report is written in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Format {
    /// JSON, with a schema of its own.
    Json,
    /// JSON Lines: one event a line.
    JsonLines,
    /// JUnit XML, as CI servers take it.
    Junit,
    /// TAP 14.
    Tap,
    /// Markdown for a job summary.
    Markdown,
    /// Workflow commands of GitHub Actions.
    Github,
    /// SARIF 2.1.0.
    Sarif,
    /// One page.
    Html,
}

impl Format {
    /// Every format and its name.
    pub const ALL: [(&'static str, Self); 8] = [
        ("json", Self::Json),
        ("jsonl", Self::JsonLines),
        ("junit", Self::Junit),
        ("tap", Self::Tap),
        ("markdown", Self::Markdown),
        ("github", Self::Github),
        ("sarif", Self::Sarif),
        ("html", Self::Html),
    ];

    /// The format of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
    }

    /// The report in this form, with a final line end.
    pub fn write(self, report: &Report, setting: &Setting<'_>) -> String {
        match self {
            Self::Json => json::write(report),
            Self::JsonLines => lines::write(report),
            Self::Junit => junit::write(report, setting.strict),
            Self::Tap => tap::write(report, setting.strict),
            Self::Markdown => markdown::write(report, setting.strict),
            Self::Github => github::write(report, setting.strict),
            Self::Sarif => sarif::write(report, setting.dialect),
            Self::Html => html::write(report, setting),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{case, report};
    use super::super::{MismatchReport, Verdict};
    use super::*;
    use crate::case::expect::Mismatch;
    use crate::case::{Suite, bundled, load};
    use crate::dialect::{Dialect, Level};

    /// A report of one case of each kind, with words that mean something to each format: markup, a workflow command, TAP's directives.
    fn mixed() -> Report {
        let mismatch = |clause: &str, level: Level, actual: &str| MismatchReport {
            step: 2,
            line: 7,
            text: "The first rule answers.".to_owned(),
            source: "PUT".to_owned(),
            request: "OPTIONS /b/k HTTP/1.1\norigin: https://a".to_owned(),
            response: "HTTP/1.1 200 OK\nvary: Origin\naccess-control-allow-origin: <b>%0A::error::".to_owned(),
            attempts: 1,
            curl: "curl -sS -i -X OPTIONS http://127.0.0.1:9000/b/k".to_owned(),
            ..MismatchReport::bare(
                Mismatch { level, ..Mismatch::new(clause, "headers.access-control-allow-origin", "https://a", actual) },
                7,
            )
        };
        let mut must = case("broken", Verdict::Fail, Level::Must);
        must.about = "the first rule | answers".to_owned();
        must.mismatches = vec![
            mismatch("match.first", Level::Must, "<b>%0A::error::"),
            mismatch("vary.match", Level::Should, "https://b # TODO"),
        ];
        let mut should = case("bent", Verdict::Fail, Level::Should);
        should.mismatches = vec![mismatch("preflight.methods-order", Level::Should, "https://b")];
        let mut skipped = case("left out", Verdict::Skip, Level::Should);
        skipped.reason = Some("needs a second account".to_owned());
        let mut error = case("lost", Verdict::Error, Level::Should);
        error.reason = Some("the endpoint does not answer: connection refused".to_owned());
        report(vec![case("good", Verdict::Pass, Level::Must), must, should, skipped, error])
    }

    /// The reason of a known failure stands in every format that tells failures.
    #[test]
    fn what_is_known_is_told() {
        let mut report = mixed();
        for case in report.cases.iter_mut().filter(|case| case.verdict == Verdict::Fail) {
            case.known = Some("see ticket 7".to_owned());
        }
        let suite = Suite::default();
        let setting = Setting { suite: &suite, dialect: Dialect::oss(), strict: true };
        for strict in [false, true] {
            let setting = Setting { strict, ..setting };
            for (name, format) in Format::ALL {
                let text = format.write(&report, &setting);
                // The one has no place for what is no failure.
                assert_eq!(text.contains("see ticket 7"), !["junit", "github"].contains(&name), "{name}: {text}");
            }
            let junit = Format::Junit.write(&report, &setting);
            assert!(junit.contains("failures=\"0\"") && !junit.contains("<failure"), "{junit}");
        }
        let sarif: serde_json::Value = serde_json::from_str(&Format::Sarif.write(&report, &setting)).unwrap();
        let suppression = &sarif["runs"][0]["results"][0]["suppressions"][0];
        assert_eq!(
            (suppression["kind"].as_str(), suppression["status"].as_str()),
            (Some("external"), Some("accepted"))
        );
    }

    fn written(format: Format, strict: bool) -> String {
        let suite = Suite::default();
        format.write(&mixed(), &Setting { suite: &suite, dialect: Dialect::oss(), strict })
    }

    #[test]
    fn every_format() {
        crate::assert_snapshot!("report_jsonl", written(Format::JsonLines, false));
        crate::assert_snapshot!("report_junit", written(Format::Junit, false));
        crate::assert_snapshot!("report_tap", written(Format::Tap, false));
        crate::assert_snapshot!("report_markdown", written(Format::Markdown, false));
        crate::assert_snapshot!("report_github", written(Format::Github, false));
        crate::assert_snapshot!("report_sarif", written(Format::Sarif, false));
        crate::assert_snapshot!("report_html", written(Format::Html, false));
    }

    /// What is tolerated and what counts.
    #[test]
    fn a_broken_should_counts_where_it_is_asked_for() {
        for (format, tolerated, counted) in [
            (Format::Junit, "failures=\"1\" errors=\"1\"", "failures=\"2\" errors=\"1\""),
            (Format::Tap, "not ok 3 - config: bent # TODO a should", "not ok 3 - config: bent\n"),
            (
                Format::Github,
                "::warning file=cases/config/x.yaml",
                "::error file=cases/config/x.yaml,line=3,title=fail bent",
            ),
        ] {
            let (lenient, strict) = (written(format, false), written(format, true));
            assert!(lenient.contains(tolerated) && !strict.contains(tolerated), "{lenient}\n{strict}");
            assert!(strict.contains(counted) && !lenient.contains(counted), "{lenient}\n{strict}");
        }
    }

    #[test]
    fn names() {
        for (name, format) in Format::ALL {
            assert_eq!(Format::named(name), Some(format));
        }
        assert_eq!(Format::named("pdf"), None);
    }

    /// The page tells what was there and why the oracle says otherwise.
    #[test]
    fn the_page_has_rules_and_reasons() {
        let suite = load(&bundled(), Dialect::oss()).suite;
        let known = suite.cases.iter().find(|case| case.id == "wildcard-any-run").unwrap();
        let mut failed = case(&known.id, Verdict::Fail, Level::Must);
        failed.mismatches = vec![MismatchReport {
            step: 1,
            request: "OPTIONS /b/k HTTP/1.1".to_owned(),
            ..MismatchReport::bare(Mismatch::new("match.wildcard-run", "status", "200", "403"), 1)
        }];
        let setting = Setting { suite: &suite, dialect: Dialect::oss(), strict: false };
        let page = Format::Html.write(&report(vec![failed]), &setting);
        for part in [
            "rules in place",
            "&#60;AllowedOrigin&#62;",
            "what the oracle says",
            "met    AllowedOrigin",
            "rule 1 answers with",
        ] {
            assert!(page.contains(part), "{part} is not in the page");
        }
    }
}
