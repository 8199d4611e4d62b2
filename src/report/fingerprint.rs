//! What a server chose at the points that the documents leave open, as a dialect of its own: [`dialect_file`].

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::Report;
use crate::diagnostic::visible;
use crate::dialect::Dialect;

/// Points and values that a report shows, in the order of the dialect's documentation; none for a point that no answer told.
fn points<'a>(report: &'a Report, dialect: &'a Dialect) -> impl Iterator<Item = (&'static str, Option<&'a str>)> {
    dialect.open_points().map(|(name, values)| {
        let seen = report.behaviours.get(name).map(String::as_str);
        // A report may come from anywhere: what is no value of the point was not seen.
        (name, seen.filter(|value| values.contains(value)))
    })
}

/// Twelve hexadecimal digits that two servers share if they chose the same at every point.
pub fn fingerprint(report: &Report, dialect: &Dialect) -> String {
    let lines: String =
        points(report, dialect).map(|(name, value)| format!("{name}={}\n", value.unwrap_or("?"))).collect();
    Sha256::digest(lines).iter().take(6).fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A dialect that extends the one of the report, with the choices that differ from its defaults; comments say the rest. `name` is a
/// short name for it.
pub fn dialect_file(report: &Report, dialect: &Dialect, name: &str) -> String {
    let (mut same, mut unseen, mut other) = (Vec::new(), Vec::new(), String::new());
    for (point, value) in points(report, dialect) {
        let documented = dialect.behaviours.value(point);
        match value {
            None => unseen.push(point.to_owned()),
            Some(value) if Some(value) == documented => same.push(format!("{point}={value}")),
            Some(value) => {
                let about = dialect.about.get(point).map(String::as_str).unwrap_or_default();
                // Writing to a string cannot fail.
                let _ = writeln!(other, "  # {about}; {}: {}", dialect.name, documented.unwrap_or_default());
                let _ = writeln!(other, "  {point}: {{default: \"{value}\"}}");
            }
        }
    }
    let count = dialect.open.len();
    let mut text = format!(
        "# {} at the points that {} leaves open, {}, corsuite {}\n# fingerprint {}, {} of {count} points seen\n",
        visible(&report.target.endpoint),
        dialect.title,
        visible(&report.started),
        visible(&report.tool.version),
        fingerprint(report, dialect),
        count - unseen.len()
    );
    let _ = writeln!(text, "name: {}\nextends: {}", serde_json::to_string(name).unwrap_or_default(), dialect.name);
    text.push_str(if other.is_empty() { "behaviours: {}\n" } else { "behaviours:\n" });
    text.push_str(&other);
    for (title, list) in [("as documented", same), ("not seen", unseen)] {
        for (at, part) in list.chunks(6).enumerate() {
            let title = if at == 0 { format!("{title}: ") } else { " ".repeat(title.len() + 2) };
            let _ = writeln!(text, "# {title}{}", part.join(", "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::tests::{case, report};
    use super::*;
    use crate::diagnostic::SourceFile;
    use crate::dialect::{Level, MaxRules};

    fn seen(values: &[(&str, &str)]) -> Report {
        let mut one = case("a", Verdict::Pass, Level::May);
        one.observed = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        report(vec![one])
    }

    #[test]
    fn a_dialect_of_ones_own() {
        let text = dialect_file(&seen(&[("max_rules", "20"), ("trim", "yes")]), Dialect::oss(), "my: server");
        let mine = Dialect::load(&SourceFile::new("mine.yaml", text.as_str())).unwrap();
        assert_eq!((mine.name.as_str(), mine.behaviours.max_rules), ("my: server", MaxRules::Twenty));
        let lines: Vec<&str> = text.lines().take(8).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        # http://127.0.0.1:9000 at the points that Alibaba Cloud OSS leaves open, 2026-01-02T03:04:05Z, corsuite 0.1.0
        # fingerprint 2aa2574c848e, 2 of 32 points seen
        name: "my: server"
        extends: oss
        behaviours:
          # the API page, the error pages and the SDKs say 10 rules, the current user guide says 20; oss: 10
          max_rules: {default: "20"}
        # as documented: trim=yes
        "#);
    }

    #[test]
    fn fingerprints() {
        let one = seen(&[("max_rules", "20")]);
        let check = |values: &[(&str, &str)], same: bool| {
            let of = |report: &Report| fingerprint(report, Dialect::oss());
            assert_eq!(of(&seen(values)) == of(&one), same, "{values:?}");
        };
        check(&[("max_rules", "20")], true);
        check(&[("max_rules", "20"), ("no_such_point", "x")], true);
        check(&[("max_rules", "10")], false);
        check(&[("max_rules", "20"), ("trim", "yes")], false);
        check(&[("max_rules", "21")], false);
    }
}
