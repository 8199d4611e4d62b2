//! Open points: each a name, a finite list of values, and an enum the oracle branches on.

use std::collections::BTreeMap;

use super::points::{Point, Problem, behaviours};

behaviours! {
    /// Most rules of a bucket.
    max_rules: MaxRules {
        /// Ten.
        Ten = "10",
        /// Twenty.
        Twenty = "20",
    }
    /// Error code for too many rules.
    max_rules_code: MaxRulesCode {
        /// `CORSRuleBeyondLimit`.
        BeyondLimit = "CORSRuleBeyondLimit",
        /// `InvalidRequest`.
        InvalidRequest = "InvalidRequest",
        /// `MalformedXML`.
        MalformedXml = "MalformedXML",
    }
    /// What a kilobyte of the largest document is.
    max_body: MaxBody {
        /// 1,024 bytes.
        Binary = "binary",
        /// 1,000 bytes.
        Decimal = "decimal",
    }
    /// Error code for a document that is too large.
    max_body_code: MaxBodyCode {
        /// `EntityTooLarge`.
        EntityTooLarge = "EntityTooLarge",
        /// `MalformedXML`.
        MalformedXml = "MalformedXML",
        /// `MaxMessageLengthExceeded`.
        MaxMessageLengthExceeded = "MaxMessageLengthExceeded",
        /// `InvalidRequest`.
        InvalidRequest = "InvalidRequest",
        /// Any other.
        Other = "other",
    }
    /// How requests are signed.
    signature: Signature {
        /// OSS signatures, version 1 or 4.
        Oss = "oss",
        /// AWS signature version 4.
        Aws = "aws",
    }
    /// What protects a document of PutBucketCors on its way.
    integrity: Integrity {
        /// Content-MD5, if the client likes.
        Optional = "optional",
        /// Content-MD5 or a checksum of the family `x-amz-checksum-*`; without one the document is refused.
        Required = "required",
    }
    /// The element ResponseVary.
    response_vary: ResponseVary {
        /// Switches Vary.
        Known = "known",
        /// An element like any that is not documented.
        Unknown = "unknown",
    }
    /// AppendObject.
    append_object: AppendObject {
        /// An operation.
        Known = "known",
        /// None.
        Unknown = "unknown",
    }
    /// What the ACL of a bucket says.
    bucket_acl: BucketAcl {
        /// Who may read its objects.
        Objects = "objects",
        /// Who may list it; objects have ACLs of their own.
        Listing = "listing",
        /// Nothing: there is none but private, and none may be put.
        Disabled = "disabled",
    }
    /// The element ID of a rule.
    rule_id: RuleId {
        /// An element like any that is not documented.
        Unknown = "unknown",
        /// Stored and returned.
        Stored = "stored",
    }
    /// An ID of more than 255 characters.
    long_id: LongId {
        /// Refused.
        Refuse = "refused",
        /// Stored.
        Accept = "accepted",
    }
    /// AllowedHeader, once it is stored.
    stored_headers: StoredHeaders {
        /// In lower case.
        Lower = "lower",
        /// As it came.
        Kept = "kept",
    }
    /// What an ExposeHeader may be, the asterisk apart.
    expose_characters: ExposeCharacters {
        /// Anything without `<`, `>`, `&`, `'`, `"` and control characters.
        Five = "five_refused",
        /// A token (RFC 9110 5.6.2).
        Token = "token",
    }
    /// What an AllowedHeader may be, the asterisk apart.
    header_characters: HeaderCharacters {
        /// Anything.
        Any = "any",
        /// A token (RFC 9110 5.6.2).
        Token = "token",
    }
    /// A negative MaxAgeSeconds.
    negative_age: NegativeAge {
        /// Refused.
        Refuse = "refused",
        /// Read as none.
        Drop = "dropped",
        /// Stored as it came.
        Keep = "kept",
    }
    /// Access-Control-Max-Age of a rule with MaxAgeSeconds 0.
    zero_age: ZeroAge {
        /// 0.
        Sent = "sent",
        /// Not there.
        Dropped = "dropped",
    }
    /// Access-Control-Allow-Credentials.
    credentials: AllowCredentials {
        /// Never.
        Never = "never",
        /// `true` where Access-Control-Allow-Origin is not `*`.
        UnlessStar = "unless_star",
    }
    /// What Vary depends on.
    vary: VaryOn {
        /// ResponseVary, whatever the request.
        ResponseVary = "response_vary",
        /// A rule that answers.
        Granted = "granted",
    }
    /// What Vary names.
    vary_members: VaryMembers {
        /// Origin.
        Origin = "origin",
        /// Origin, Access-Control-Request-Headers and Access-Control-Request-Method.
        Three = "all_three",
        /// Nothing: it is not there.
        None = "none",
    }
    /// Vary where no rule answers, although it does not depend on ResponseVary.
    vary_unmatched: VaryUnmatched {
        /// Not there.
        Absent = "absent",
        /// There.
        Present = "present",
    }
    /// The same without an Origin.
    vary_no_origin: VaryNoOrigin {
        /// Not there.
        Absent = "absent",
        /// There.
        Present = "present",
    }
    /// The same on a preflight that no rule allows.
    vary_refused: VaryRefused {
        /// Not there.
        Absent = "absent",
        /// There.
        Present = "present",
    }
    /// How GetBucketCors writes a rule.
    rule_form: RuleForm {
        /// In the order of the documents: ID, AllowedOrigin, AllowedMethod, AllowedHeader, ExposeHeader, MaxAgeSeconds.
        Documented = "documented",
        /// ID, AllowedOrigin, AllowedMethod, MaxAgeSeconds, ExposeHeader, AllowedHeader, all in one line.
        Canonical = "canonical",
        /// In another order, such as that of the alphabet.
        Other = "other",
    }
    /// Where an error names what it is about.
    error_details: ErrorDetails {
        /// After RequestId and HostId.
        Last = "after_ids",
        /// Before them.
        First = "before_ids",
    }
    /// A preflight on a bucket that does not exist.
    preflight_bucket: PreflightBucket {
        /// 404.
        NotFound = "not_found",
        /// 403.
        Forbid = "forbidden",
        /// Allowed to every origin.
        Grant = "granted",
    }
    /// A preflight without Access-Control-Request-Method.
    preflight_method: PreflightMethod {
        /// 400.
        BadRequest = "bad_request",
        /// 403.
        Forbid = "forbidden",
    }
    /// A name in Access-Control-Request-Headers that no header field can have.
    odd_names: OddNames {
        /// Compared like any other.
        Compare = "compared",
        /// 400.
        BadRequest = "bad_request",
    }
    /// Whether a refused preflight says in Method and ResourceType what it is about.
    refusal_about: RefusalAbout {
        /// It does.
        Named = "named",
        /// It does not.
        Absent = "absent",
    }
    /// What Access-Control-Allow-Headers of a preflight lists, where headers were requested.
    allow_headers: AllowHeaders {
        /// The requested headers.
        Requested = "requested",
        /// Each AllowedHeader of the rule, as it was put.
        Rule = "rule",
        /// `*`.
        Star = "star",
    }
    /// Case of the names in Access-Control-Allow-Headers.
    allow_headers_case: AllowHeadersCase {
        /// As requested.
        Kept = "kept",
        /// Lower.
        Lower = "lower",
    }
    /// The method by which an actual request is matched.
    actual_method: ActualMethod {
        /// Its own.
        Own = "own",
        /// Access-Control-Request-Method, if it is there.
        Requested = "requested",
    }
    /// Access-Control-Request-Headers of an actual request.
    actual_headers: ActualHeaders {
        /// Do not matter.
        Ignore = "ignored",
        /// Must be allowed.
        Check = "checked",
    }
    /// A lower-case AllowedMethod.
    method_lower_case: MethodLowerCase {
        /// Refused.
        Refuse = "refused",
        /// Stored in upper case.
        Fold = "folded",
        /// Stored as it came.
        Keep = "kept",
    }
    /// Several AllowedOrigin elements with an asterisk.
    origin_stars: OriginStars {
        /// One asterisk an element.
        PerElement = "per_element",
        /// One asterisk a rule.
        PerRule = "per_rule",
    }
    /// Several AllowedHeader elements with an asterisk.
    header_stars: HeaderStars {
        /// One asterisk an element.
        PerElement = "per_element",
        /// One asterisk a rule.
        PerRule = "per_rule",
    }
    /// AllowedOrigin `https://*`.
    scheme_star: SchemeStar {
        /// Refused.
        Refuse = "refused",
        /// Accepted.
        Accept = "accepted",
    }
    /// An empty AllowedOrigin.
    empty_origin: EmptyOrigin {
        /// Refused.
        Refuse = "refused",
        /// Stored.
        Accept = "accepted",
    }
    /// An empty AllowedHeader.
    empty_header: EmptyHeader {
        /// Refused.
        Refuse = "refused",
        /// Stored.
        Accept = "accepted",
    }
    /// An empty ExposeHeader.
    empty_expose: EmptyExpose {
        /// Refused.
        Refuse = "refused",
        /// Stored.
        Accept = "accepted",
    }
    /// MaxAgeSeconds above the limit.
    max_age_over: MaxAgeOver {
        /// Refused.
        Refuse = "refused",
        /// Stored.
        Accept = "accepted",
    }
    /// ResponseVary in another case.
    vary_case: VaryCase {
        /// Refused.
        Sensitive = "sensitive",
        /// Read like lower case.
        Insensitive = "insensitive",
    }
    /// Elements of other names.
    unknown_elements: UnknownElements {
        /// Passed over.
        Ignore = "ignored",
        /// Refused.
        Refuse = "refused",
    }
    /// A root with a namespace.
    namespaced_root: NamespacedRoot {
        /// Accepted.
        Accept = "accepted",
        /// Refused.
        Refuse = "refused",
    }
    /// A root of another name.
    root_name: RootName {
        /// Refused.
        Check = "checked",
        /// Accepted.
        Ignore = "unchecked",
    }
    /// White space around values.
    trim: Trim {
        /// Taken off.
        Yes = "yes",
        /// Part of the value.
        No = "no",
    }
    /// Access-Control-Allow-Origin of a rule with `*` and the literal origin.
    mixed_star: MixedStar {
        /// As the first element that matches says.
        FirstElement = "first_element",
        /// `*`.
        Star = "star",
        /// The origin.
        Echo = "echo",
    }
    /// Access-Control-Allow-Methods.
    allow_methods: AllowMethods {
        /// All methods of the rule.
        All = "all",
        /// The requested one.
        Requested = "requested",
    }
    /// Access-Control-Expose-Headers on a preflight.
    preflight_expose: PreflightExpose {
        /// There.
        Sent = "sent",
        /// Not there.
        Absent = "absent",
    }
    /// Access-Control-Allow-Methods on an actual request.
    methods_on_actual: MethodsOnActual {
        /// There.
        Sent = "sent",
        /// Not there.
        Absent = "absent",
    }
    /// Access-Control-Max-Age on an actual request.
    age_on_actual: AgeOnActual {
        /// There.
        Sent = "sent",
        /// Not there.
        Absent = "absent",
    }
    /// A preflight without both request headers.
    missing_both: MissingBoth {
        /// Origin is named.
        OriginFirst = "origin_first",
        /// Access-Control-Request-Method is named.
        MethodFirst = "method_first",
    }
    /// A preflight that lacks a request header, on a bucket without configuration.
    preflight_order: PreflightOrder {
        /// The header is reported.
        HeadersFirst = "headers_first",
        /// The configuration is reported.
        ConfigFirst = "config_first",
    }
    /// A preflight with two Origin lines.
    two_origins: TwoOrigins {
        /// 400.
        BadRequest = "bad_request",
        /// 403.
        Forbid = "forbidden",
        /// The first one counts, on actual requests, too.
        First = "first",
    }
    /// Case of Access-Control-Request-Method.
    method_case: MethodCase {
        /// Counts.
        Sensitive = "sensitive",
        /// Does not count.
        Insensitive = "insensitive",
        /// Counts; 400 for what differs in case only.
        BadRequest = "bad_request",
    }
    /// An Access-Control-Request-Method that no rule can name.
    unknown_method: UnknownMethod {
        /// 403.
        Forbid = "forbidden",
        /// 400.
        BadRequest = "bad_request",
    }
    /// An Access-Control-Request-Headers without a name.
    empty_request_headers: EmptyRequestHeaders {
        /// Like none.
        Absent = "absent",
        /// 403.
        Refuse = "refused",
    }
    /// An empty member among names in Access-Control-Request-Headers.
    empty_members: EmptyMembers {
        /// Dropped.
        Drop = "dropped",
        /// 403.
        Refuse = "refused",
    }
    /// Access-Control-Request-Headers on an actual request.
    acah_on_actual: AcahOnActual {
        /// No Access-Control-Allow-Headers.
        Absent = "absent",
        /// The allowed ones are echoed.
        Echo = "echoed",
        /// Each AllowedHeader of the rule, whatever was requested.
        Rule = "rule",
    }
    /// CORS headers where the ACL refuses.
    cors_on_access_denied: CorsOnAccessDenied {
        /// There.
        Present = "present",
        /// Not there.
        Absent = "absent",
    }
    /// CORS headers where the signature check refuses.
    cors_on_signature_error: CorsOnSignatureError {
        /// Not there.
        Absent = "absent",
        /// There.
        Present = "present",
    }
    /// CORS headers where the clock is off.
    cors_on_skew: CorsOnSkew {
        /// There.
        Present = "present",
        /// Not there.
        Absent = "absent",
    }
    /// CORS headers on sub-resource operations of a bucket.
    cors_on_management: CorsOnManagement {
        /// Not there.
        Absent = "absent",
        /// There.
        Present = "present",
    }
    /// Vary on the same.
    vary_on_management: VaryOnManagement {
        /// Not there.
        Absent = "absent",
        /// There.
        Present = "present",
    }
    /// Case of the origin.
    origin_case: OriginCase {
        /// Counts.
        Sensitive = "sensitive",
        /// Does not count.
        Insensitive = "insensitive",
    }
}
