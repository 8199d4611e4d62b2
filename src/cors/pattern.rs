//! Values with at most one asterisk: [`Pattern::matches`].

use std::fmt;

/// A text in which one `*` stands for any run of characters, the empty one included (PutBucketCors: AllowedOrigin,
/// AllowedHeader).
///
/// ```
/// use corsuite::cors::Pattern;
///
/// let pattern = Pattern::new("https://*.example.com").unwrap();
/// assert!(pattern.matches(b"https://a.b.example.com"));
/// assert!(!pattern.matches(b"https://example.com"));
/// assert!(Pattern::new("*.example.*").is_none());
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Pattern {
    text: String,
    /// Byte of the asterisk.
    star: Option<usize>,
}

impl Pattern {
    /// From its text; `None` if it holds two asterisks.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let star = text.find('*');
        let second = star.and_then(|at| text.get(at + 1..)).is_some_and(|rest| rest.contains('*'));
        (!second).then_some(Self { text, star })
    }

    /// The lone asterisk, which matches everything.
    #[must_use]
    pub fn star() -> Self {
        Self { text: "*".to_owned(), star: Some(0) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the pattern is the lone asterisk, which matches everything.
    pub fn is_star(&self) -> bool {
        self.star.is_some() && self.text.len() == 1
    }

    /// Whether there is an asterisk.
    pub fn has_star(&self) -> bool {
        self.star.is_some()
    }

    /// Whether the whole of `value` fits, byte by byte. Prefix and suffix may not overlap, so `ab*ba` does not match
    /// `aba`. Linear in the length of the value.
    pub fn matches(&self, value: &[u8]) -> bool {
        self.compare(value, |pattern, value| pattern == value)
    }

    /// The same without regard to ASCII case.
    pub fn matches_ignore_case(&self, value: &[u8]) -> bool {
        self.compare(value, <[u8]>::eq_ignore_ascii_case)
    }

    fn compare(&self, value: &[u8], same: impl Fn(&[u8], &[u8]) -> bool) -> bool {
        let whole = self.text.as_bytes();
        let Some(star) = self.star else { return same(whole, value) };
        let (prefix, suffix) = (whole.get(..star).unwrap_or_default(), whole.get(star + 1..).unwrap_or_default());
        if value.len() < prefix.len() + suffix.len() {
            return false;
        }
        let (head, rest) = value.split_at(prefix.len());
        let tail = rest.split_at(rest.len() - suffix.len()).1;
        same(prefix, head) && same(suffix, tail)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, matching: &[&str], other: &[&str]) {
        let pattern = Pattern::new(pattern).unwrap();
        for value in matching {
            assert!(pattern.matches(value.as_bytes()), "{pattern} matches {value}");
        }
        for value in other {
            assert!(!pattern.matches(value.as_bytes()), "{pattern} does not match {value}");
        }
    }

    #[test]
    fn patterns() {
        check("*", &["", "null", "http://a"], &[]);
        check("a", &["a"], &["", "A", "aa", "*"]);
        check("http://*.a", &["http://.a", "http://x.a", "http://x.y.a"], &["http://a", "https://x.a", "http://x.a.b"]);
        check("ab*ba", &["abba", "abxba"], &["aba", "ab", "ba"]);
        check("a*", &["a", "ab"], &["b", "ba"]);
        check("*a", &["a", "ba"], &["ab"]);
        check("a.b+[c]*", &["a.b+[c]", "a.b+[c]d"], &["axb+[c]", "a.bb[c]"]);
    }

    #[test]
    fn asterisks() {
        let pattern = |text: &str| Pattern::new(text).unwrap();
        assert!(pattern("*").is_star() && pattern("*").has_star());
        assert!(!pattern("a*").is_star() && pattern("a*").has_star());
        assert!(!pattern("a").is_star() && !pattern("a").has_star());
        assert_eq!(pattern("a*b").to_string(), "a*b");
    }

    #[test]
    fn case_is_folded_on_request() {
        let pattern = Pattern::new("X-Oss-*").unwrap();
        assert!(pattern.matches_ignore_case(b"x-oss-date"));
        assert!(!pattern.matches(b"x-oss-date"));
    }

    #[test]
    fn a_second_asterisk_is_refused() {
        assert_eq!(Pattern::new("**"), None);
        assert_eq!(Pattern::new("a*b*"), None);
    }
}
