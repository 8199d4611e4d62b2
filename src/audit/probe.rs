//! Preflights at the edges of a bucket's rules: [`probes`], and what the answers say about open points: [`fit`].

use std::collections::BTreeSet;

use bytes::Bytes;
use http::Response;

use crate::case::expect::{Exchange, check};
use crate::case::{
    Acl, BucketRole, Case, ContentMd5, DocumentSource, Extra, Operation, Pad, Preflight, PutCors, Rule, RuleSet, Step,
};
use crate::cors::{CorsConfiguration, CorsRule, Pattern};
use crate::diagnostic::SourceFile;
use crate::dialect::Dialect;
use crate::predict::{Oracle, predict};

/// Most preflights of an audit: enough for ten rules of a few origins each, and over in seconds.
pub const MOST_PREFLIGHTS: usize = 200;
/// What an AllowedMethod can be.
const METHODS: [&str; 5] = ["GET", "HEAD", "PUT", "POST", "DELETE"];

/// Origin, method and headers of a preflight.
type Asked = (String, String, Vec<String>);

/// A case for each rule, of preflights on either side of its edges, with what the oracle expects of each; at most
/// [`MOST_PREFLIGHTS`] in all, shared out fairly. The second number is how many more there would have been. The first step of each case
/// is the setup that the bucket has already.
pub fn probes(configuration: &CorsConfiguration, dialect: &Dialect) -> (Vec<Case>, usize) {
    let mut seen = BTreeSet::new();
    let wanted: Vec<Vec<Asked>> = configuration
        .rules
        .iter()
        .map(|rule| edges(rule).into_iter().filter(|asked| seen.insert(asked.clone())).collect())
        .collect();
    let total: usize = wanted.iter().map(Vec::len).sum();
    let mut taken = vec![0; wanted.len()];
    let mut left = MOST_PREFLIGHTS.min(total);
    while left > 0 {
        for (count, all) in taken.iter_mut().zip(&wanted) {
            if *count < all.len() && left > 0 {
                *count += 1;
                left -= 1;
            }
        }
    }
    let cases = wanted.iter().zip(taken).enumerate().filter(|(_, (_, count))| *count > 0);
    let cases = cases.map(|(index, (all, count))| {
        let mut case = case(configuration, index, all.iter().take(count));
        predict(&mut case, dialect);
        case
    });
    (cases.collect(), total.saturating_sub(MOST_PREFLIGHTS))
}

/// The preflights of one rule, the plainest first.
fn edges(rule: &CorsRule) -> Vec<Asked> {
    let mut edges: Vec<Asked> = Vec::new();
    let (Some(first), Some(method)) = (rule.allowed_origins.first(), rule.allowed_methods.first()) else {
        return edges;
    };
    let site = inside(first);
    let headers: Vec<String> = rule.allowed_headers.iter().map(inside).collect();
    edges.push((site.clone(), method.clone(), Vec::new()));
    if !headers.is_empty() {
        edges.push((site.clone(), method.clone(), headers.clone()));
    }
    edges.push((site.clone(), method.clone(), vec!["x-corsuite-not-allowed".to_owned()]));
    edges.extend(METHODS.iter().map(|method| (site.clone(), (*method).to_owned(), Vec::new())));
    edges.extend(headers.iter().map(|name| (site.clone(), method.clone(), vec![name.clone()])));
    edges.extend(headers.iter().map(|name| (site.clone(), method.clone(), vec![format!("{name}x")])));
    edges.push(("null".to_owned(), method.clone(), Vec::new()));
    for pattern in &rule.allowed_origins {
        edges.extend(around(pattern).into_iter().map(|origin| (origin, method.clone(), Vec::new())));
    }
    edges
}

/// A value that a pattern matches.
fn inside(pattern: &Pattern) -> String {
    if pattern.is_star() {
        "https://corsuite-audit.example".to_owned()
    } else {
        pattern.as_str().replacen('*', "corsuite", 1)
    }
}

/// Origins near a pattern, in it and out of it: those that servers have been seen to take for one another.
fn around(pattern: &Pattern) -> Vec<String> {
    let site = inside(pattern);
    let (scheme, host) = site.split_once("://").unwrap_or(("https", &site));
    let other_scheme = if scheme == "https" { "http" } else { "https" };
    let mut near = vec![
        site.clone(),
        format!("{site}.corsuite.example"),
        format!("{scheme}://corsuite{host}"),
        format!("{scheme}://corsuite.{host}"),
        format!("{other_scheme}://{host}"),
        format!("{site}:8443"),
        format!("{site}/"),
        site.replacen('.', "x", 1),
    ];
    if let Some((head, tail)) = pattern.as_str().split_once('*') {
        near.push(format!("{head}{tail}"));
        near.push(format!("{head}a.b{tail}"));
        // Without the character that stands before the asterisk, or after it.
        near.push(format!("{}corsuite{}", head, tail.get(1..).unwrap_or_default()));
    }
    near
}

fn case<'a>(configuration: &CorsConfiguration, index: usize, asked: impl Iterator<Item = &'a Asked>) -> Case {
    let step = |operation: Operation, setup: bool| Step {
        name: None,
        identity: operation.usual_identity(),
        operation,
        bucket: BucketRole::Main,
        repeat: 1,
        expect: Vec::new(),
        line: 0,
        setup,
    };
    let put = PutCors {
        body: DocumentSource::Rules { rules: as_text(configuration), size: None, pad: Pad::Space },
        content_md5: ContentMd5::Usual,
        content_type: None,
        extra: Extra::default(),
    };
    let mut steps = vec![step(Operation::PutCors(put), true)];
    steps.extend(asked.map(|(origin, method, headers)| {
        let preflight = Preflight {
            origin: vec![origin.clone()],
            method: vec![method.clone()],
            request_headers: (!headers.is_empty()).then(|| headers.join(",")),
            object: Some("corsuite-audit".to_owned()),
            body: None,
            extra: Extra::default(),
        };
        step(Operation::Preflight(preflight), false)
    }));
    Case {
        elsewhere: false,
        id: format!("rule-{}", index + 1),
        about: format!("Preflights at the edges of rule {}.", index + 1),
        file: SourceFile::new("", ""),
        line: 0,
        theme: "audit".to_owned(),
        clauses: Vec::new(),
        objects: Vec::new(),
        acl: Acl::Private,
        steps,
    }
}

fn as_text(configuration: &CorsConfiguration) -> RuleSet {
    let texts = |patterns: &[Pattern]| patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect();
    let rules = configuration.rules.iter().map(|rule| Rule {
        ids: rule.id.iter().cloned().collect(),
        allowed_origins: texts(&rule.allowed_origins),
        allowed_methods: rule.allowed_methods.clone(),
        allowed_headers: texts(&rule.allowed_headers),
        expose_headers: rule.expose_headers.clone(),
        max_age_seconds: rule.max_age_seconds.iter().map(i64::to_string).collect(),
    });
    RuleSet { rules: rules.collect(), response_vary: Some(configuration.response_vary.to_string()) }
}

/// The dialect with the allowed choice at each open point that explains the most of the answers; where two explain as much, it stays as
/// it was. One list of answers a case, the setup's included.
pub fn fit(cases: &[Case], answers: &[Vec<Response<Bytes>>], dialect: &Dialect) -> Dialect {
    let mut best = dialect.clone();
    let mut fewest = unexplained(cases, answers, &best);
    for (name, values) in dialect.open_points() {
        for value in values {
            let mut other = best.clone();
            if fewest == 0 || other.behaviours.set(name, value).is_err() {
                continue;
            }
            let count = unexplained(cases, answers, &other);
            if count < fewest {
                (best, fewest) = (other, count);
            }
        }
    }
    best
}

/// How much of the answers is not what the oracle says.
fn unexplained(cases: &[Case], answers: &[Vec<Response<Bytes>>], dialect: &Dialect) -> usize {
    let mut count = 0;
    for (case, answers) in cases.iter().zip(answers) {
        let mut case = case.clone();
        predict(&mut case, dialect);
        let mut oracle = Oracle::new(&case, dialect);
        for (at, (step, answer)) in case.steps.iter().zip(answers).enumerate() {
            let earlier = answers.get(..at).unwrap_or_default();
            let Some((request, _)) = oracle.ask(step, earlier) else { continue };
            if !step.setup {
                let exchange = Exchange::new(&request, answer, earlier);
                count +=
                    step.expect.iter().map(|block| check(block, &exchange, dialect).mismatches.len()).sum::<usize>();
            }
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(origins: &[&str], methods: &[&str], headers: &[&str], rules: usize) -> CorsConfiguration {
        let patterns = |texts: &[&str]| texts.iter().map(|text| Pattern::new(*text).unwrap()).collect();
        let rule = CorsRule {
            id: None,
            allowed_origins: patterns(origins),
            allowed_methods: methods.iter().map(|text| (*text).to_owned()).collect(),
            allowed_headers: patterns(headers),
            ..CorsRule::default()
        };
        CorsConfiguration { rules: vec![rule; rules], response_vary: false }
    }

    /// What a server of a dialect answers.
    fn answers(cases: &[Case], dialect: &Dialect) -> Vec<Vec<Response<Bytes>>> {
        let of_case = |case: &Case| {
            let mut oracle = Oracle::new(case, dialect);
            let mut answers = Vec::new();
            for step in &case.steps {
                answers.push(oracle.ask(step, &answers).unwrap().1);
            }
            answers
        };
        cases.iter().map(of_case).collect()
    }

    #[test]
    fn both_sides_of_every_edge() {
        let (cases, more) = probes(&configuration(&["https://*.example.com"], &["GET"], &["x-a"], 2), Dialect::oss());
        // The second rule is the same as the first.
        assert_eq!((cases.len(), more, cases[0].id.as_str()), (1, 0, "rule-1"));
        let answers = answers(&cases, Dialect::oss());
        let granted = answers[0].iter().skip(1).filter(|answer| answer.status() == 200).count();
        let refused = answers[0].len() - 1 - granted;
        assert!(granted >= 4 && refused >= 8, "{granted} granted, {refused} refused");
        assert!(cases[0].steps.iter().skip(1).all(|step| !step.expect.is_empty()));
    }

    #[test]
    fn never_too_many() {
        let mut all = configuration(&["https://a.example.com"], &["GET"], &[], 10);
        for (index, rule) in all.rules.iter_mut().enumerate() {
            let origins = (0..20).map(|at| Pattern::new(format!("https://a{index}-{at}.example.com")).unwrap());
            rule.allowed_origins = origins.collect();
        }
        let (cases, more) = probes(&all, Dialect::oss());
        let count: usize = cases.iter().map(|case| case.steps.len() - 1).sum();
        assert_eq!((cases.len(), count), (10, MOST_PREFLIGHTS));
        assert!(more > 100 && cases.iter().all(|case| case.steps.len() == 21), "{more}");
    }

    #[test]
    fn allowed_choices_are_no_findings() {
        let rules = configuration(&["*", "https://a.example.com"], &["GET", "PUT"], &["x-a"], 1);
        let (cases, _) = probes(&rules, Dialect::oss());
        for (point, value) in [("allow_methods", "requested"), ("allow_methods", "all"), ("mixed_star", "echo")] {
            let mut other = Dialect::oss().clone();
            other.behaviours.set(point, value).unwrap();
            let answers = answers(&cases, &other);
            let fitted = fit(&cases, &answers, Dialect::oss());
            assert_eq!(unexplained(&cases, &answers, &fitted), 0, "{point}={value}");
            assert_eq!(fitted.behaviours.value(point), Some(value));
        }
        // No choice explains what is wrong.
        let mut wrong = answers(&cases, Dialect::oss());
        *wrong[0][1].status_mut() = http::StatusCode::IM_A_TEAPOT;
        assert!(unexplained(&cases, &wrong, &fit(&cases, &wrong, Dialect::oss())) > 0);
    }
}
