//! What a campaign begins with: [`known`] inputs, the same for every seed.
//!
//! First a dictionary: values at which servers are known to go wrong, against a few rule sets, and documents of the same kind. Then
//! all combinations of a small alphabet, in which every mistake of order and matching shows that needs no more than two rules, one
//! wildcard and two header fields.

use super::session::{photo, step};
use crate::case::{
    Acl, BucketRole, Case, ContentMd5, DocumentSource, Extra, ObjectRequest, Operation, Pad, Preflight, PutCors, Rule,
    RuleSet,
};
use crate::diagnostic::SourceFile;
use crate::dialect::Dialect;

/// Values of `Origin` that are easily taken for another one.
const ORIGINS: [&str; 36] = [
    "https://app.example.com",
    "https://app.example.com.evil.test",
    "https://app.example.co",
    "https://app.example.comm",
    "https://evil-app.example.com",
    "https://xapp.example.com",
    "https://app-example.com",
    "https://appxexample.com",
    "https://a.app.example.com",
    "http://app.example.com",
    "http://a.example.com",
    "http://.example.com",
    "http://example.com",
    "http://a.b.example.com",
    "http://a.example.com:80",
    "http://a.example.com:8080",
    "http://a.example.com.",
    "http://evil.test/.example.com",
    "http://evil.test#.example.com",
    "http://evil.test?.example.com",
    "http://evil.test@a.example.com",
    "http://a.example.com@evil.test",
    "https://app.example.com:443",
    "https://app.example.com/",
    "https://APP.EXAMPLE.COM",
    "HTTPS://app.example.com",
    "app.example.com",
    "//app.example.com",
    "null",
    "NULL",
    "*",
    "http://*.example.com",
    "file://",
    "http://[::1]",
    "http://xn--bcher-kva.example.com",
    "https://app.example.com https://evil.test",
];

/// Values of `Access-Control-Request-Method`.
const METHODS: [&str; 14] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "get", "Put", "OPTIONS", "PATCH", "TRACE", "CONNECT", "*", "GET, PUT",
    "GETX",
];

/// Values of `Access-Control-Request-Headers`.
const HEADERS: [&str; 24] = [
    "x-oss-meta-a",
    "X-OSS-META-A",
    "x-oss-meta-",
    "x-oss-meta",
    "x-oss-metaa",
    "authorization",
    "Authorization, x-oss-meta-a",
    "authorization,x-oss-meta-a",
    "authorization , x-oss-meta-a",
    " authorization",
    "authorization, ",
    ",authorization",
    "authorization,,x-oss-meta-a",
    ",",
    "authorization, x-evil",
    "x-evil, authorization",
    "x-evil",
    "authorizatio",
    "authorizations",
    "xauthorization",
    "content-type",
    "*",
    "authorization, authorization",
    "range, if-match, x-oss-meta-b",
];

/// Documents, each near something that a server must accept or refuse. `R` stands for a whole rule, `O` for a rule's AllowedOrigin
/// and `M` for its AllowedMethod.
const DOCUMENTS: [&str; 40] = [
    "",
    "R",
    "<CORSConfiguration/>",
    "<CORSConfiguration></CORSConfiguration>",
    "<CORSConfiguration>R</CORSConfiguration>",
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><CORSConfiguration>R</CORSConfiguration>",
    "\u{feff}<CORSConfiguration>R</CORSConfiguration>",
    " <CORSConfiguration>R</CORSConfiguration>",
    "<CORSConfiguration>R</CORSConfiguration> ",
    "<CORSConfiguration>R</CORSConfiguration>x",
    "<CORSConfiguration>R</CORSConfiguration><CORSConfiguration/>",
    "<CORSConfiguration>R",
    "<CORSConfiguration>R</CORSRule>",
    "<corsconfiguration>R</corsconfiguration>",
    "<Configuration>R</Configuration>",
    "<CORSConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">R</CORSConfiguration>",
    "<CORSConfiguration><CORSRule/></CORSConfiguration>",
    "<CORSConfiguration><CORSRule>O</CORSRule></CORSConfiguration>",
    "<CORSConfiguration><CORSRule>M</CORSRule></CORSConfiguration>",
    "<CORSConfiguration><CORSRule>MO</CORSRule></CORSConfiguration>",
    "<CORSConfiguration><CORSRule>OOM</CORSRule></CORSConfiguration>",
    "<CORSConfiguration><CORSRule>OMM</CORSRule></CORSConfiguration>",
    "<CORSConfiguration><CORSRule><AllowedOrigin/>M</CORSRule></CORSConfiguration>",
    "<CORSConfiguration><CORSRule><AllowedOrigin>a*b*c</AllowedOrigin>M</CORSRule></CORSConfiguration>",
    "<CORSConfiguration><CORSRule><AllowedOrigin>**</AllowedOrigin>M</CORSRule></CORSConfiguration>",
    "<CORSConfiguration><CORSRule>O<AllowedMethod>get</AllowedMethod></CORSRule></CORSConfiguration>",
    "<CORSConfiguration><CORSRule>O<AllowedMethod>OPTIONS</AllowedMethod></CORSRule></CORSConfiguration>",
    "<CORSConfiguration><CORSRule>O<AllowedMethod>PATCH</AllowedMethod></CORSRule></CORSConfiguration>",
    "<CORSConfiguration><CORSRule>O<AllowedMethod>*</AllowedMethod></CORSRule></CORSConfiguration>",
    "<CORSConfiguration><CORSRule>OM<AllowedHeader>x-*-*</AllowedHeader></CORSRule></CORSConfiguration>",
    "<CORSConfiguration><CORSRule>OM<ExposeHeader>*</ExposeHeader></CORSRule></CORSConfiguration>",
    "<CORSConfiguration><CORSRule>OM<ExposeHeader>x-*</ExposeHeader></CORSRule></CORSConfiguration>",
    "<CORSConfiguration><CORSRule>OM<MaxAgeSeconds>0</MaxAgeSeconds></CORSRule></CORSConfiguration>",
    "<CORSConfiguration><CORSRule>OM<MaxAgeSeconds>-1</MaxAgeSeconds></CORSRule></CORSConfiguration>",
    "<CORSConfiguration><CORSRule>OM<MaxAgeSeconds>1.5</MaxAgeSeconds></CORSRule></CORSConfiguration>",
    "<CORSConfiguration><CORSRule>OM<MaxAgeSeconds>2147483648</MaxAgeSeconds></CORSRule></CORSConfiguration>",
    "<CORSConfiguration>R<ResponseVary>true</ResponseVary></CORSConfiguration>",
    "<CORSConfiguration>R<ResponseVary>yes</ResponseVary></CORSConfiguration>",
    "<CORSConfiguration><!-- R -->R</CORSConfiguration>",
    "<!DOCTYPE a [<!ENTITY e \"x\">]><CORSConfiguration>R</CORSConfiguration>",
];
const ORIGIN: &str = "<AllowedOrigin>https://app.example.com</AllowedOrigin>";
const METHOD: &str = "<AllowedMethod>GET</AllowedMethod>";

/// Documents of one case.
const AT_A_TIME: usize = 8;
const DOCUMENT_CASES: usize = DOCUMENTS.len() / AT_A_TIME;
/// Rule sets that the values are tried on.
const SETS: usize = 3;
const DICTIONARY: usize = 3 * SETS + DOCUMENT_CASES;

/// The small alphabet.
const SMALL_ORIGINS: [&str; 5] = ["*", "http://a.test", "http://*.a.test", "http://a.test*", "*a.test"];
const SMALL_HEADERS: [&str; 4] = ["", "*", "x-a", "x-*"];
/// Of both the first of these many are combined in pairs.
const PAIRED_ORIGINS: usize = 3;
const ONE_RULE: usize = SMALL_ORIGINS.len() * SMALL_HEADERS.len() * 2;
/// Origin, method, whether there is a header.
const RULES_OF_A_PAIR: usize = PAIRED_ORIGINS * 2 * 2;
const TWO_RULES: usize = RULES_OF_A_PAIR * RULES_OF_A_PAIR;

/// How many there are.
pub const KNOWN: u64 = (DICTIONARY + ONE_RULE + TWO_RULES) as u64;

/// One of them, with nothing expected yet; none from [`KNOWN`] on.
pub fn known(index: u64, id: &str, dialect: &Dialect) -> Option<Case> {
    let index = usize::try_from(index).ok()?;
    let mut case = Case {
        id: id.to_owned(),
        about: "generated".to_owned(),
        file: SourceFile::new("generated.yaml", ""),
        line: 0,
        theme: "generated".to_owned(),
        clauses: Vec::new(),
        objects: vec![photo()],
        acl: if dialect.has_acls() { Acl::PublicRead } else { Acl::Private },
        elsewhere: false,
        steps: Vec::new(),
    };
    let operations = if let Some(small) = index.checked_sub(DICTIONARY) {
        let set = small_rules(small)?;
        small_requests(set)
    } else if index < 3 * SETS {
        dictionary(index / 3, index % 3)
    } else {
        documents(index - 3 * SETS)
    };
    case.steps = operations.into_iter().map(|operation| step(operation, None, BucketRole::Main)).collect();
    Some(case)
}

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn put(body: DocumentSource) -> Operation {
    Operation::PutCors(PutCors { body, content_md5: ContentMd5::Usual, content_type: None, extra: Extra::default() })
}

fn put_rules(rules: RuleSet) -> Operation {
    put(DocumentSource::Rules { rules, size: None, pad: Pad::Space })
}

fn preflight(origin: &str, method: &str, headers: Option<&str>) -> Operation {
    Operation::Preflight(Preflight {
        origin: vec![origin.to_owned()],
        method: vec![method.to_owned()],
        request_headers: headers.map(str::to_owned),
        object: Some(photo().0),
        ..Preflight::default()
    })
}

fn get(origin: Option<&str>) -> Operation {
    Operation::Request(ObjectRequest {
        method: "GET".to_owned(),
        object: Some(photo().0),
        origin: origin.map(str::to_owned).into_iter().collect(),
        ..ObjectRequest::default()
    })
}

/// One rule set and all values of one kind.
fn dictionary(set: usize, kind: usize) -> Vec<Operation> {
    let methods = texts(&["GET", "PUT", "POST", "DELETE", "HEAD"]);
    let rule = |origins: &[&str], headers: &[&str]| Rule {
        ids: Vec::new(),
        allowed_origins: texts(origins),
        allowed_methods: methods.clone(),
        allowed_headers: texts(headers),
        expose_headers: texts(&["ETag", "x-oss-meta-a"]),
        max_age_seconds: texts(&["600"]),
    };
    let rules = match set {
        0 => vec![rule(&["https://app.example.com", "http://*.example.com"], &["authorization", "x-oss-meta-*"])],
        1 => vec![rule(&["*"], &["*"])],
        _ => vec![
            Rule { allowed_methods: texts(&["GET"]), ..rule(&["https://app.example.com"], &[]) },
            rule(&["https://*", "null"], &["Authorization", "*-a"]),
        ],
    };
    let vary = (set != 1).then(|| "true".to_owned());
    let mut operations = vec![put_rules(RuleSet { rules, response_vary: vary })];
    let usual = "https://app.example.com";
    match kind {
        0 => {
            operations.extend(ORIGINS.iter().map(|origin| preflight(origin, "GET", None)));
            operations.extend(ORIGINS.iter().map(|origin| get(Some(origin))));
            operations.push(get(None));
        }
        1 => operations.extend(METHODS.iter().map(|method| preflight(usual, method, None))),
        _ => operations.extend(HEADERS.iter().map(|headers| preflight(usual, "PUT", Some(headers)))),
    }
    operations
}

/// Each document, what is stored then, and what a preflight says of it.
fn documents(part: usize) -> Vec<Operation> {
    let rule = format!("<CORSRule>{ORIGIN}{METHOD}</CORSRule>");
    let mut operations = Vec::new();
    for document in DOCUMENTS.iter().skip(part * AT_A_TIME).take(AT_A_TIME) {
        // Between tags nothing but these letters stands for something.
        let mut text = String::new();
        for part in document.split_inclusive('>') {
            let (letters, tag) = part.split_at(part.find('<').unwrap_or(part.len()));
            let stands = letters.chars().all(|letter| "ROM".contains(letter));
            for letter in letters.chars() {
                match letter {
                    'R' if stands => text.push_str(&rule),
                    'O' if stands => text.push_str(ORIGIN),
                    'M' if stands => text.push_str(METHOD),
                    other => text.push(other),
                }
            }
            text.push_str(tag);
        }
        operations.push(put(DocumentSource::Bytes(text.into_bytes())));
        operations.push(Operation::GetCors(Extra::default()));
        operations.push(preflight("https://app.example.com", "GET", None));
    }
    operations
}

fn small_rules(index: usize) -> Option<RuleSet> {
    let rule = |origin: usize, method: &str, header: usize| {
        Some(Rule {
            ids: Vec::new(),
            allowed_origins: texts(&[SMALL_ORIGINS.get(origin)?]),
            allowed_methods: texts(&[method]),
            allowed_headers: SMALL_HEADERS
                .get(header)
                .filter(|header| !header.is_empty())
                .map(|header| (*header).to_owned())
                .into_iter()
                .collect(),
            ..Rule::default()
        })
    };
    let vary = |yes: bool| yes.then(|| "true".to_owned());
    if index < ONE_RULE {
        let (origin, rest) = (index % SMALL_ORIGINS.len(), index / SMALL_ORIGINS.len());
        let (header, varies) = (rest % SMALL_HEADERS.len(), rest / SMALL_HEADERS.len());
        return Some(RuleSet { rules: vec![rule(origin, "GET", header)?], response_vary: vary(varies == 1) });
    }
    let pair = index.checked_sub(ONE_RULE).filter(|pair| *pair < TWO_RULES)?;
    // Of headers either none or `x-*`.
    let of_pair = |number: usize, age: &str| {
        let (origin, rest) = (number % PAIRED_ORIGINS, number / PAIRED_ORIGINS);
        let made = rule(origin, if rest % 2 == 0 { "GET" } else { "PUT" }, if rest / 2 == 0 { 0 } else { 3 });
        // The age tells which rule answered.
        made.map(|rule| Rule { max_age_seconds: texts(&[age]), ..rule })
    };
    let (first, second) = (pair % RULES_OF_A_PAIR, pair / RULES_OF_A_PAIR);
    Some(RuleSet { rules: vec![of_pair(first, "1")?, of_pair(second, "2")?], response_vary: vary(pair % 2 == 1) })
}

fn small_requests(rules: RuleSet) -> Vec<Operation> {
    let origins = ["http://a.test", "http://b.a.test", "http://a.testb"];
    let mut operations = vec![put_rules(rules)];
    for origin in origins {
        for method in ["GET", "PUT"] {
            operations.extend([None, Some("x-a"), Some("x-a, y")].map(|headers| preflight(origin, method, headers)));
        }
        operations.push(get(Some(origin)));
    }
    operations.push(get(None));
    operations
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    use super::*;
    use crate::predict::predict;

    fn made(index: u64) -> Case {
        let mut case = known(index, "known", Dialect::oss()).unwrap();
        predict(&mut case, Dialect::oss());
        case
    }

    /// All are there, and differ.
    #[test]
    fn all_of_them() {
        let texts: BTreeSet<String> =
            (0..KNOWN).map(|index| crate::case::write("One.", std::slice::from_ref(&made(index)))).collect();
        assert_eq!((texts.len() as u64, known(KNOWN, "known", Dialect::oss()).is_none()), (KNOWN, true));
    }

    /// The letters in documents stand for what they should, and documents of each kind are there.
    #[test]
    fn documents_are_what_they_look_like() {
        let cases = (3 * SETS..DICTIONARY).map(|index| made(index as u64));
        let steps = cases.flat_map(|case| case.steps).filter_map(|step| match step.operation {
            Operation::PutCors(PutCors { body: DocumentSource::Bytes(bytes), .. }) => Some((bytes, step.expect)),
            _ => None,
        });
        let mut shown = String::new();
        for (bytes, expect) in steps {
            let statuses: Vec<String> =
                expect.iter().flat_map(|block| &block.status).map(|one| format!("{one:?}")).collect();
            let _ = writeln!(shown, "{} {}", statuses.join(" "), String::from_utf8(bytes).unwrap());
        }
        crate::assert_snapshot!("known_documents", shown);
    }
}
