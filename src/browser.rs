//! What a browser does with an answer: [`cors_check`] and [`preflight_check`], by the Fetch standard.
//!
//! Sources: <https://fetch.spec.whatwg.org/#cors-check>, <https://fetch.spec.whatwg.org/#cors-preflight-fetch>.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, HeaderName,
};
use http::{HeaderMap, StatusCode};

/// A script's request, as far as the checks look at it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "an input")]
pub struct Script {
    /// Serialized origin of the page.
    pub origin: String,
    /// Method, in its own case.
    pub method: String,
    /// CORS-unsafe request-header names.
    pub headers: Vec<String>,
    /// Whether credentials go with it (`credentials: "include"`).
    pub credentials: bool,
}

/// Why a browser does not hand the answer to the script.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Blocked {
    /// No Access-Control-Allow-Origin.
    #[error("no Access-Control-Allow-Origin")]
    NoAllowOrigin,
    /// It is neither the origin nor `*`.
    #[error("Access-Control-Allow-Origin `{found}` is not the origin `{origin}`")]
    OtherOrigin {
        /// Of the page.
        origin: String,
        /// Of the answer.
        found: String,
    },
    /// `*` with credentials, or no Access-Control-Allow-Credentials `true`.
    #[error("credentials are not allowed")]
    Credentials,
    /// The preflight's status is not 200 to 299.
    #[error("status {0} of the preflight is not in 200 to 299")]
    Status(u16),
    /// The method is not allowed.
    #[error("method `{0}` is not in Access-Control-Allow-Methods")]
    Method(String),
    /// A header is not allowed.
    #[error("header `{0}` is not in Access-Control-Allow-Headers")]
    Header(String),
}

/// The CORS check, on any answer.
///
/// # Errors
///
/// Why it fails.
pub fn cors_check(script: &Script, answer: &HeaderMap) -> Result<(), Blocked> {
    // Step 1 and 2: the field, several lines combined.
    let Some(found) = combined(answer, &ACCESS_CONTROL_ALLOW_ORIGIN) else { return Err(Blocked::NoAllowOrigin) };
    // Step 3
    if !script.credentials && found == "*" {
        return Ok(());
    }
    // Step 4: byte by byte.
    if found != script.origin {
        let star_with_credentials = found == "*";
        return Err(if star_with_credentials {
            Blocked::Credentials
        } else {
            Blocked::OtherOrigin { origin: script.origin.clone(), found }
        });
    }
    // Step 5 to 7: `true`, case-sensitive.
    if script.credentials && combined(answer, &ACCESS_CONTROL_ALLOW_CREDENTIALS).as_deref() != Some("true") {
        return Err(Blocked::Credentials);
    }
    Ok(())
}

/// The CORS-preflight fetch, from step 7: the check, the status, methods and headers.
///
/// # Errors
///
/// Why it fails.
pub fn preflight_check(script: &Script, status: StatusCode, answer: &HeaderMap) -> Result<(), Blocked> {
    cors_check(script, answer)?;
    if !status.is_success() {
        return Err(Blocked::Status(status.as_u16()));
    }
    let methods = list(answer, &ACCESS_CONTROL_ALLOW_METHODS);
    let any = |members: &[String]| !script.credentials && members.iter().any(|member| member == "*");
    // CORS-safelisted methods need no permission.
    let safelisted = ["GET", "HEAD", "POST"].contains(&script.method.as_str());
    if !safelisted && !methods.contains(&script.method) && !any(&methods) {
        return Err(Blocked::Method(script.method.clone()));
    }
    let headers = list(answer, &ACCESS_CONTROL_ALLOW_HEADERS);
    for name in &script.headers {
        let named = headers.iter().any(|member| member.eq_ignore_ascii_case(name));
        // The asterisk does not cover Authorization.
        let covered = any(&headers) && !name.eq_ignore_ascii_case("authorization");
        if !named && !covered {
            return Err(Blocked::Header(name.clone()));
        }
    }
    Ok(())
}

fn combined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Vec<String> =
        headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned()).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

fn list(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let text = combined(headers, name).unwrap_or_default();
    text.split(',').map(|member| member.trim().to_owned()).filter(|member| !member.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        credentials: bool,
        method: &str,
        asked: &[&str],
        status: u16,
        fields: &[(&'static str, &'static str)],
    ) -> String {
        let script = Script {
            origin: "https://a".to_owned(),
            method: method.to_owned(),
            headers: asked.iter().map(|name| (*name).to_owned()).collect(),
            credentials,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        match preflight_check(&script, StatusCode::from_u16(status).unwrap(), &headers) {
            Ok(()) => "allowed".to_owned(),
            Err(blocked) => blocked.to_string(),
        }
    }

    #[test]
    fn what_a_browser_does() {
        const O: &str = "access-control-allow-origin";
        const M: &str = "access-control-allow-methods";
        const H: &str = "access-control-allow-headers";
        const C: &str = "access-control-allow-credentials";
        assert_eq!(check(false, "GET", &[], 200, &[(O, "*")]), "allowed");
        assert_eq!(check(false, "GET", &[], 403, &[(O, "*")]), "status 403 of the preflight is not in 200 to 299");
        assert_eq!(check(false, "GET", &[], 200, &[]), "no Access-Control-Allow-Origin");
        assert_eq!(
            check(false, "GET", &[], 200, &[(O, "https://A")]),
            "Access-Control-Allow-Origin `https://A` is not the origin `https://a`"
        );
        assert_eq!(
            check(false, "GET", &[], 200, &[(O, "https://a"), (O, "https://a")]),
            "Access-Control-Allow-Origin `https://a, https://a` is not the origin `https://a`"
        );
        assert_eq!(check(false, "PUT", &[], 200, &[(O, "*"), (M, "GET, PUT")]), "allowed");
        assert_eq!(
            check(false, "PUT", &[], 200, &[(O, "*"), (M, "put")]),
            "method `PUT` is not in Access-Control-Allow-Methods"
        );
        assert_eq!(check(false, "PUT", &["X-A"], 200, &[(O, "*"), (M, "*"), (H, "x-a")]), "allowed");
        assert_eq!(
            check(false, "GET", &["authorization"], 200, &[(O, "*"), (H, "*")]),
            "header `authorization` is not in Access-Control-Allow-Headers"
        );
        assert_eq!(check(false, "GET", &["x-a"], 200, &[(O, "*"), (H, "*")]), "allowed");
        assert_eq!(check(true, "GET", &[], 200, &[(O, "*"), (C, "true")]), "credentials are not allowed");
        assert_eq!(check(true, "GET", &[], 200, &[(O, "https://a"), (C, "true")]), "allowed");
        assert_eq!(check(true, "GET", &[], 200, &[(O, "https://a")]), "credentials are not allowed");
    }
}
