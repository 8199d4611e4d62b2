//! Rules that bite: [`lint`].

use super::{Severity, Warning};
use crate::cors::{CorsConfiguration, CorsRule, Pattern, SerializedOrigin};
use crate::dialect::{Dialect, VaryOn};

/// Longest time for which a browser keeps the answer to a preflight, in seconds: Chromium, and WebKit keeps it for less.
const CHROMIUM_MOST: i64 = 7_200;
/// Methods that change something.
const WRITES: [&str; 3] = ["PUT", "POST", "DELETE"];

/// All that bites in these rules on a server of this dialect, in the order of the rules.
pub fn lint(configuration: &CorsConfiguration, dialect: &Dialect) -> Vec<Warning> {
    let mut found = Found { dialect, rule: None, warnings: Vec::new() };
    for (index, rule) in configuration.rules.iter().enumerate() {
        found.rule = Some(index + 1);
        for pattern in &rule.allowed_origins {
            found.origin(pattern, rule);
        }
        found.beside_star(rule);
        found.headers(rule);
        found.age(rule);
        if is_shadowed(configuration, index) {
            found.push(
                "rule-shadowed",
                Severity::Warning,
                "never answers: each request that it allows is answered by an earlier rule",
                "move it up if it says more than the earlier ones, else remove it",
            );
        }
    }
    found.rule = None;
    found.vary(configuration);
    found.warnings
}

/// Whether a rule, by its place from 0, answers no request at all, because earlier ones do. True only where that is certain: each of its
/// AllowedOrigin, with each of its AllowedMethod, is covered together with all of its AllowedHeader by one earlier rule
/// (clause `match.first`).
pub fn is_shadowed(configuration: &CorsConfiguration, index: usize) -> bool {
    let Some((earlier, [rule, ..])) = configuration.rules.split_at_checked(index) else { return false };
    let all_headers = |by: &CorsRule| {
        rule.allowed_headers.iter().all(|header| by.allowed_headers.iter().any(|one| covers(one, header)))
    };
    rule.allowed_origins.iter().all(|origin| {
        rule.allowed_methods.iter().all(|method| {
            earlier.iter().any(|by| {
                by.allowed_methods.contains(method)
                    && by.allowed_origins.iter().any(|one| covers(one, origin))
                    && all_headers(by)
            })
        })
    })
}

/// Whether all that one pattern matches is matched by another.
fn covers(wide: &Pattern, narrow: &Pattern) -> bool {
    let Some((head, tail)) = wide.as_str().split_once('*') else { return wide == narrow };
    match narrow.as_str().split_once('*') {
        None => wide.matches(narrow.as_str().as_bytes()),
        Some((narrow_head, narrow_tail)) => narrow_head.starts_with(head) && narrow_tail.ends_with(tail),
    }
}

struct Found<'a> {
    dialect: &'a Dialect,
    rule: Option<usize>,
    warnings: Vec<Warning>,
}

impl Found<'_> {
    fn push(&mut self, id: &'static str, severity: Severity, text: impl Into<String>, help: &'static str) {
        self.warnings.push(Warning { id, severity, rule: self.rule, text: text.into(), help });
    }

    fn origin(&mut self, pattern: &Pattern, rule: &CorsRule) {
        let text = pattern.as_str();
        let writes: Vec<&str> =
            rule.allowed_methods.iter().map(String::as_str).filter(|method| WRITES.contains(method)).collect();
        if pattern.is_star() {
            if !writes.is_empty() {
                self.push(
                    "origin-star-writes",
                    Severity::Danger,
                    format!("any site may send {} from its visitors' browsers", writes.join(", ")),
                    "name the sites that write, and keep `*` for a rule of GET and HEAD",
                );
            }
            return;
        }
        if pattern.matches(b"null") {
            self.push(
                "origin-null",
                Severity::Danger,
                format!("`{text}` lets the origin `null` in, which any site can take on by a sandboxed frame"),
                "serve the page from a site of its own and name that",
            );
        }
        if let Some(why) = is_wide(text) {
            self.push(
                "origin-wide",
                Severity::Danger,
                format!("`{text}` matches sites of strangers, such as {why}"),
                "put the asterisk in place of whole labels before a domain of your own, such as https://*.example.com",
            );
        }
        if let Some(host) = insecure_host(text) {
            if is_local(host) {
                self.push(
                    "origin-local",
                    Severity::Note,
                    format!("`{text}` lets pages of the visitor's own machine in"),
                    "keep the origins of development out of the rules of production",
                );
            } else {
                self.push(
                    "origin-http",
                    Severity::Warning,
                    format!("`{text}` lets pages in that anybody between visitor and site can rewrite"),
                    "allow https: only",
                );
            }
        }
        if let Some(why) = never_sent(text) {
            self.push(
                "origin-never-sent",
                Severity::Warning,
                format!("`{text}` matches nothing that a browser sends: {why}"),
                "write scheme, host and, unless it is the scheme's own, port: https://app.example.com",
            );
        }
    }

    /// `preflight.origin-mixed` is open: whether the answer is `*` or the origin.
    fn beside_star(&mut self, rule: &CorsRule) {
        if rule.allowed_origins.len() > 1 && rule.allowed_origins.iter().any(Pattern::is_star) {
            self.push(
                "origin-beside-star",
                Severity::Note,
                "names origins beside `*`: they allow nothing more, and whether the answer says `*` is the server's choice",
                "leave the others out, or `*`",
            );
        }
    }

    fn headers(&mut self, rule: &CorsRule) {
        let allows = |method: &str| rule.allowed_methods.iter().any(|allowed| allowed == method);
        if rule.allowed_headers.is_empty() && (allows("PUT") || allows("POST")) {
            self.push(
                "headers-none",
                Severity::Warning,
                format!(
                    "allows uploads but no request header: one with a Content-Type of its own, Authorization or {} is refused",
                    self.dialect.wording.field("*")
                ),
                "add the AllowedHeader elements that the page sends",
            );
        }
        let exposes_etag = rule.expose_headers.iter().any(|name| name.trim().eq_ignore_ascii_case("etag"));
        if allows("PUT") && !exposes_etag {
            self.push(
                "etag-not-exposed",
                Severity::Warning,
                "allows PUT and does not expose ETag: a page cannot complete an upload in parts, which takes the ETag of each part",
                "add <ExposeHeader>ETag</ExposeHeader>",
            );
        }
    }

    fn age(&mut self, rule: &CorsRule) {
        match rule.max_age_seconds {
            None => self.push(
                "max-age-none",
                Severity::Note,
                "has no MaxAgeSeconds: browsers ask again after 5 seconds",
                "add MaxAgeSeconds, such as 600",
            ),
            Some(seconds) if seconds > CHROMIUM_MOST => self.push(
                "max-age-cut",
                Severity::Note,
                format!("MaxAgeSeconds is {seconds}: Chromium keeps an answer for at most {CHROMIUM_MOST} seconds, Firefox for 86400"),
                "nothing is lost by 7200",
            ),
            Some(_) => {}
        }
    }

    /// Where the answer depends on the origin, a cache must know it (`vary.match`, `vary.not-granted`).
    fn vary(&mut self, configuration: &CorsConfiguration) {
        let mut origins: Vec<&str> = Vec::new();
        for pattern in configuration.rules.iter().flat_map(|rule| &rule.allowed_origins) {
            if !pattern.is_star() && !origins.contains(&pattern.as_str()) {
                origins.push(pattern.as_str());
            }
        }
        let several = origins.len() > 1 || origins.iter().any(|origin| origin.contains('*'));
        if configuration.response_vary || origins.is_empty() {
            return;
        }
        if self.dialect.behaviours.vary == VaryOn::Granted {
            self.push(
                "vary-missing",
                Severity::Note,
                "Vary comes with what a rule allows and with nothing else: a cache may keep an answer to a request without Origin, and give it to a page that is then blocked",
                "have the cache add Origin to its key, or send Origin with each request, as <img crossorigin> does",
            );
        } else if several {
            self.push(
                "vary-missing",
                Severity::Warning,
                "several origins and no ResponseVary: a cache or a CDN gives one site the answer made for another",
                "add <ResponseVary>true</ResponseVary>",
            );
        } else {
            self.push(
                "vary-missing",
                Severity::Note,
                "one origin and no ResponseVary: a browser may reuse an answer that it got without CORS, as by an <img>, and block it",
                "add <ResponseVary>true</ResponseVary>",
            );
        }
    }
}

/// An origin of a stranger that a pattern matches; none if its asterisk stays inside of a domain that somebody owns, or there is none.
fn is_wide(text: &str) -> Option<String> {
    let (head, tail) = text.split_once('*')?;
    let host_before = head.split_once("://").map_or("", |(_, host)| host);
    // In place of a port it stands for digits.
    if tail.is_empty() && host_before.ends_with(':') {
        return None;
    }
    // What the asterisk stands for may end in a label and a dot, and the next label may be longer to the left.
    let owned = tail.split_once('.').map(|(_, rest)| rest.split(':').next().unwrap_or_default());
    if owned.is_some_and(|domain| psl::domain(domain.as_bytes()).is_some()) {
        return None;
    }
    let scheme = if head.contains("://") { "" } else { "https://" };
    let fill = if tail.is_empty() { ".stranger.example" } else { "stranger" };
    let fill = if host_before.is_empty() { fill.trim_start_matches('.') } else { fill };
    let shown = if head.contains("://") || head.is_empty() {
        format!("{scheme}{head}{fill}{tail}")
    } else {
        format!("{head}://{fill}{tail}")
    };
    Some(shown)
}

/// The host of an origin that may come without TLS.
fn insecure_host(text: &str) -> Option<&str> {
    let (scheme, host) = text.split_once("://")?;
    let matches = Pattern::new(scheme).is_some_and(|scheme| scheme.matches(b"http"));
    matches.then_some(host)
}

fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    };
    matches!(name, "localhost" | "127.0.0.1" | "[::1]") || name.ends_with(".localhost")
}

/// Why no browser sends an Origin that an AllowedOrigin matches (RFC 6454 section 6.2: scheme and host in lower case, no default port).
fn never_sent(text: &str) -> Option<&'static str> {
    // Whether an asterisk can make an origin of it is seen by trying what it may stand for.
    let fills: &[&str] = if text.contains('*') { &["a", "https://a", "80", "https", ".a", "a."] } else { &[""] };
    let mut why = None;
    for fill in fills {
        let origin = text.replacen('*', fill, 1);
        match SerializedOrigin::parse(&origin) {
            SerializedOrigin::Null => return None,
            SerializedOrigin::Tuple { scheme, host, port } => {
                let upper = |text: &str| text.bytes().any(|byte| byte.is_ascii_uppercase());
                why = if upper(scheme) || upper(host) {
                    Some("scheme and host are sent in lower case")
                } else if matches!((scheme, port), ("http", Some(80)) | ("https", Some(443))) {
                    Some("the scheme's own port is not sent")
                } else {
                    return None;
                };
            }
            SerializedOrigin::Malformed => {
                let rest = origin.split_once("://").map(|(_, rest)| rest);
                why = why.or(Some(match rest {
                    None => "there is no scheme",
                    Some(rest) if rest.contains('/') => "there is no path, not even a slash, in an origin",
                    Some(_) => "it is no origin",
                }));
            }
        }
    }
    why
}

#[cfg(test)]
mod tests {
    use arbitrary::Unstructured;
    use proptest::prelude::*;

    use super::*;
    use crate::cors::{Outcome, evaluate};

    fn rule(origins: &[&str], methods: &[&str], headers: &[&str]) -> CorsRule {
        let patterns = |texts: &[&str]| texts.iter().map(|text| Pattern::new(*text).unwrap()).collect();
        CorsRule {
            id: None,
            allowed_origins: patterns(origins),
            allowed_methods: methods.iter().map(|text| (*text).to_owned()).collect(),
            allowed_headers: patterns(headers),
            expose_headers: vec!["ETag".to_owned()],
            max_age_seconds: Some(600),
        }
    }

    /// The warnings of one rule that allows GET from these origins, and of the configuration.
    fn check(origins: &[&str], expected: &[&str]) {
        let configuration = CorsConfiguration { rules: vec![rule(origins, &["GET"], &[])], response_vary: true };
        let found: Vec<&str> = lint(&configuration, Dialect::oss()).iter().map(|warning| warning.id).collect();
        assert_eq!(found, expected, "{origins:?}");
    }

    #[test]
    fn origins() {
        for fine in [
            "https://app.example.com",
            "https://*.example.com",
            "https://app-*.example.com",
            "https://*.example.co.uk",
            "https://app.example.com:*",
            "https://app.example.com:8443",
            "*",
            "https://*.example.com:8443",
            "chrome-extension://abc",
        ] {
            check(&[fine], &[]);
        }
        for wide in [
            "https://*",
            "https://*example.com",
            "https://app.example.*",
            "https://app.example.com*",
            "https://*.com",
            "https://*.co.uk",
            "https://*.github.io",
            "https://*.com:8443",
        ] {
            check(&[wide], &["origin-wide"]);
        }
        check(&["http://app.example.com"], &["origin-http"]);
        check(&["*://app.example.com"], &["origin-http"]);
        check(&["http://localhost:3000"], &["origin-local"]);
        check(&["http://[::1]:3000"], &["origin-local"]);
        check(&["null"], &["origin-null"]);
        check(&["n*"], &["origin-null", "origin-wide"]);
        check(&["*", "https://app.example.com"], &["origin-beside-star"]);
        for never in [
            "https://app.example.com/",
            "https://app.example.com/page",
            "app.example.com",
            "https://App.example.com",
            "https://app.example.com:443",
            "https://*.Example.com",
        ] {
            check(&[never], &["origin-never-sent"]);
        }
    }

    #[test]
    fn what_a_stranger_takes() {
        let shown = |text: &str| is_wide(text).unwrap_or_default();
        assert_eq!(shown("https://*example.com"), "https://strangerexample.com");
        assert_eq!(shown("https://app.example.com*"), "https://app.example.com.stranger.example");
        assert_eq!(shown("https://*"), "https://stranger.example");
        for text in ["https://*example.com", "https://app.example.*", "https://*.com", "https://*", "*.io", "http*"] {
            let Some(stranger) = is_wide(text) else { continue };
            assert!(Pattern::new(text).unwrap().matches(stranger.as_bytes()), "{text} and {stranger}");
        }
    }

    #[test]
    fn rules_and_all_of_them() {
        let ids = |rules: Vec<CorsRule>, response_vary: bool| -> Vec<String> {
            let found = lint(&CorsConfiguration { rules, response_vary }, Dialect::oss());
            let place = |warning: &Warning| warning.rule.map_or_else(String::new, |rule| format!(" {rule}"));
            found.iter().map(|warning| format!("{}{}", warning.id, place(warning))).collect()
        };
        let site = "https://app.example.com";
        assert_eq!(ids(vec![rule(&["*"], &["GET", "PUT"], &["*"])], false), ["origin-star-writes 1"]);
        assert_eq!(ids(vec![rule(&[site], &["PUT"], &[])], true), ["headers-none 1"]);
        let hidden = CorsRule { expose_headers: Vec::new(), ..rule(&[site], &["PUT"], &["*"]) };
        assert_eq!(ids(vec![hidden], true), ["etag-not-exposed 1"]);
        let old = CorsRule { max_age_seconds: Some(86_400), ..rule(&[site], &["GET"], &[]) };
        let none = CorsRule { max_age_seconds: None, ..rule(&[site], &["HEAD"], &[]) };
        assert_eq!(ids(vec![old, none], true), ["max-age-cut 1", "max-age-none 2"]);
        let two = vec![rule(&[site], &["GET"], &[]), rule(&["https://other.example.com"], &["GET"], &[])];
        assert_eq!(ids(two.clone(), false), ["vary-missing"]);
        assert_eq!(ids(two, true), [""; 0]);
        let wide = rule(&["https://*.example.com"], &["GET", "PUT"], &["*"]);
        assert_eq!(ids(vec![wide, rule(&[site], &["PUT"], &["x-a"])], true), ["rule-shadowed 2"]);
        // Two rules together shadow a third.
        let split = vec![
            rule(&[site], &["GET"], &["x-*"]),
            rule(&["*"], &["HEAD"], &["*"]),
            rule(&[site], &["GET", "HEAD"], &["x-a"]),
        ];
        assert_eq!(ids(split, true), ["rule-shadowed 3"]);
    }

    #[test]
    fn it_speaks_of_what_the_dialect_has() {
        let rules = vec![rule(&["https://app.example.com"], &["PUT"], &[])];
        let configuration = CorsConfiguration { rules, response_vary: false };
        let s3 = lint(&configuration, Dialect::bundled("s3").unwrap());
        assert_eq!(s3.iter().map(|warning| warning.id).collect::<Vec<_>>(), ["headers-none", "vary-missing"]);
        let said = |words: &str| s3.iter().any(|warning| warning.text.contains(words) || warning.help.contains(words));
        assert!(said("x-amz-*") && !said("x-oss") && !said("ResponseVary"), "{s3:?}");
    }

    proptest! {
        #![proptest_config(crate::laws(400))]
        /// A rule that is called shadowed never answers.
        #[test]
        fn a_shadowed_rule_never_answers(bytes in proptest::collection::vec(any::<u8>(), 50..600)) {
            let mut u = Unstructured::new(&bytes);
            let mut configuration = crate::generate::configuration(&mut u);
            // Rules are like others more often than chance has it.
            let again: Vec<CorsRule> = configuration.rules.iter().take(2).cloned().collect();
            configuration.rules.extend(again);
            let shadowed: Vec<usize> =
                (0..configuration.rules.len()).filter(|index| is_shadowed(&configuration, *index)).collect();
            for _ in 0..20 {
                let asked = crate::generate::cors_request(&mut u, &configuration);
                if let Outcome::Allow(grant) = evaluate(Some(&configuration), &asked, &Dialect::oss().behaviours).outcome {
                    prop_assert!(!shadowed.contains(&grant.rule), "{configuration:#?}");
                }
            }
        }
    }
}
