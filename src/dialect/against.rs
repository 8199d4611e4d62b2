//! Choices that have a name because servers make them, and that a clause speaks against: [`Dialect::clauses_against`].

use super::{Clause, Dialect, Level};

impl Dialect {
    /// The clauses that a choice at an open point breaks. It is no way to pass every case.
    pub fn clauses_against(&self, point: &str, value: &str) -> impl Iterator<Item = &Clause> {
        let broken = AGAINST.iter().filter(move |(known, chosen, _)| *known == point && *chosen == value);
        broken.filter_map(|(.., clause)| self.clauses.get(clause)).filter(|clause| clause.level != Level::May)
    }
}

/// Point, value and clause; a dialect that does not have the clause has nothing against the value.
const AGAINST: [(&str, &str, &str); 22] = [
    ("scheme_star", "accepted", "origin.scheme-star"),
    ("allow_methods", "requested", "preflight.methods-all"),
    ("max_rules_code", "MalformedXML", "limit.hundred-code"),
    ("max_body_code", "EntityTooLarge", "limit.large-code"),
    ("max_body_code", "MalformedXML", "limit.large-code"),
    ("max_body_code", "InvalidRequest", "limit.large-code"),
    ("max_body_code", "other", "limit.large-code"),
    ("preflight_bucket", "not_found", "preflight.no-bucket"),
    ("preflight_bucket", "granted", "preflight.no-bucket"),
    ("refusal_about", "absent", "preflight.about"),
    // These are no names that a browser takes for the requested ones; `*` is none for a page that has credentials.
    ("allow_headers", "rule", "preflight.headers"),
    ("allow_headers", "star", "preflight.headers"),
    ("preflight_expose", "absent", "preflight.expose"),
    ("methods_on_actual", "absent", "actual.age-and-methods"),
    ("age_on_actual", "absent", "actual.age-and-methods"),
    ("actual_method", "own", "actual.requested-method"),
    ("actual_headers", "ignored", "actual.request-headers-count"),
    ("acah_on_actual", "absent", "actual.request-headers-count"),
    ("acah_on_actual", "rule", "actual.request-headers-count"),
    ("vary_members", "origin", "vary.three"),
    ("vary_members", "none", "vary.granted"),
    ("cors_on_access_denied", "absent", "actual.denied"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Behaviours;

    #[test]
    fn every_choice_and_its_clause_exist() {
        for (point, value, clause) in AGAINST {
            let known = Behaviours::POINTS.iter().any(|known| known.name == point && known.values.contains(&value));
            assert!(known, "{point}={value}");
            let dialects = [Dialect::oss(), Dialect::s3()];
            assert!(dialects.iter().any(|dialect| dialect.clauses.get(clause).is_some()), "{clause}");
        }
    }

    #[test]
    fn what_speaks_against_a_choice() {
        let check = |dialect: &Dialect, point: &str, value: &str, expected: &[(&str, Level)]| {
            let found: Vec<(&str, Level)> =
                dialect.clauses_against(point, value).map(|clause| (clause.id.as_str(), clause.level)).collect();
            assert_eq!(found, expected, "{} {point}={value}", dialect.name);
        };
        check(Dialect::s3(), "vary_members", "none", &[("vary.granted", Level::Must)]);
        check(Dialect::s3(), "vary_members", "origin", &[("vary.three", Level::Should)]);
        check(Dialect::s3(), "vary_members", "all_three", &[]);
        // The clause is S3's alone.
        check(Dialect::oss(), "vary_members", "origin", &[]);
    }
}
