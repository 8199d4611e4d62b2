//! What the right answer is: [`evaluate`] says what the rules of a bucket mean for one request.
//!
//! The algorithm, each step with the function that takes it:
//!
//! 1. A document is read into elements: [`xml::parse`].
//! 2. Its elements are held against grammar and limits, all violations at once: [`validate`].
//! 3. What is stored is a [`CorsConfiguration`]; AllowedHeader may be lower-cased then: [`CorsConfiguration::into_stored`].
//!    GetBucketCors returns it: [`xml::write`].
//! 4. A request is reduced to what CORS looks at: [`CorsRequest::from_parts`].
//! 5. A preflight must carry one Origin and one Access-Control-Request-Method, and the bucket rules; else it is denied.
//! 6. Rules are read from the top. The first one of which an AllowedOrigin matches the Origin, an AllowedMethod the
//!    method and, for a preflight, an AllowedHeader each requested header, answers: [`Decision`].
//! 7. Its grant becomes response headers: [`Grant::headers`]. Vary depends on ResponseVary alone, or on the grant.
//!
//! That is the algorithm of OSS. Where vendors differ, or leave a step open, the [`Behaviours`] of the dialect decide.
//!
//! A denied actual request is served all the same; it only lacks the headers.

mod evaluate;
mod origin;
mod pattern;
mod request;
mod validate;
pub mod xml;

use crate::dialect::{Behaviours, StoredHeaders};

pub use self::evaluate::{Decision, Denial, Grant, HeaderTrace, Outcome, RuleTrace, evaluate};
pub use self::origin::{Origin, SerializedOrigin};
pub use self::pattern::Pattern;
pub use self::request::{CorsRequest, Kind};
pub use self::validate::{Refusal, Violation, is_known_method, is_token, validate};

/// The rules of a bucket.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the elements of the document, all of them")]
pub struct CorsConfiguration {
    /// CORSRule elements, in order.
    pub rules: Vec<CorsRule>,
    /// ResponseVary.
    pub response_vary: bool,
}

/// One CORSRule.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the elements of the document, all of them")]
pub struct CorsRule {
    /// ID.
    pub id: Option<String>,
    /// AllowedOrigin elements, in order.
    pub allowed_origins: Vec<Pattern>,
    /// AllowedMethod elements, in order.
    pub allowed_methods: Vec<String>,
    /// AllowedHeader elements, in order.
    pub allowed_headers: Vec<Pattern>,
    /// ExposeHeader elements, in order.
    pub expose_headers: Vec<String>,
    /// MaxAgeSeconds.
    pub max_age_seconds: Option<i64>,
}

impl CorsConfiguration {
    /// As it is stored: AllowedHeader in lower case (seen by three SDKs' tests: clause `get.header-lower-case`) or as it came
    /// (`get.header-kept`).
    #[must_use]
    pub fn into_stored(mut self, behaviours: &Behaviours) -> Self {
        if behaviours.stored_headers == StoredHeaders::Kept {
            return self;
        }
        for rule in &mut self.rules {
            for header in &mut rule.allowed_headers {
                if let Some(lower) = Pattern::new(header.as_str().to_ascii_lowercase()) {
                    *header = lower;
                }
            }
        }
        self
    }
}
