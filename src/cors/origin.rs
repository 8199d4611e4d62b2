//! The Origin of a request: [`Origin`] as the rules compare it, [`SerializedOrigin`] as RFC 6454 defines it.

/// The value of an Origin field, compared as an opaque string (clause `match.opaque`).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Origin(Vec<u8>);

impl Origin {
    /// From the bytes of the field.
    pub fn new(value: impl Into<Vec<u8>>) -> Self {
        Self(value.into())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// For people.
    pub fn to_text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

/// What an Origin field holds, by RFC 6454 section 7.1.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SerializedOrigin<'a> {
    /// `null`.
    Null,
    /// Scheme, host and optional port.
    Tuple {
        /// Before `://`.
        scheme: &'a str,
        /// Between `://` and the port.
        host: &'a str,
        /// After the last colon.
        port: Option<u16>,
    },
    /// Anything else; a browser never sends it.
    Malformed,
}

impl<'a> SerializedOrigin<'a> {
    /// Reads a field value.
    pub fn parse(value: &'a str) -> Self {
        if value == "null" {
            return Self::Null;
        }
        Self::tuple(value).unwrap_or(Self::Malformed)
    }

    fn tuple(value: &'a str) -> Option<Self> {
        let (scheme, rest) = value.split_once("://")?;
        let scheme_valid = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (rest, None),
        };
        let host_valid = match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
            Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
            None => {
                !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._~%!$&'()*+,;=".contains(c))
            }
        };
        let port = match port {
            Some(digits) if digits.chars().all(|c| c.is_ascii_digit()) => Some(digits.parse().ok()?),
            Some(_) => return None,
            None => None,
        };
        (scheme_valid && host_valid).then_some(Self::Tuple { scheme, host, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_shown_all_the_same() {
        assert_eq!(Origin::new(b"https://a\xff".to_vec()).to_text(), "https://a\u{fffd}");
    }

    #[test]
    fn serialized_origins() {
        let tuple = |scheme, host, port| SerializedOrigin::Tuple { scheme, host, port };
        let cases = [
            ("null", SerializedOrigin::Null),
            ("https://a.example", tuple("https", "a.example", None)),
            ("http://localhost:3000", tuple("http", "localhost", Some(3000))),
            ("http://[::1]:80", tuple("http", "[::1]", Some(80))),
            ("http://[::1]", tuple("http", "[::1]", None)),
            ("www.aliyun.com", SerializedOrigin::Malformed),
            ("https://a.example/", SerializedOrigin::Malformed),
            ("https://a.example, https://b.example", SerializedOrigin::Malformed),
            ("http://a:65536", SerializedOrigin::Malformed),
            ("http://a:+80", SerializedOrigin::Malformed),
            ("1http://a", SerializedOrigin::Malformed),
            ("a_b://a", SerializedOrigin::Malformed),
            ("a+b://a", tuple("a+b", "a", None)),
            ("", SerializedOrigin::Malformed),
        ];
        for (value, expected) in cases {
            assert_eq!(SerializedOrigin::parse(value), expected, "{value}");
        }
    }
}
