//! A session of generated requests against a model of two buckets: [`run`].

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, Response};

use super::{broken, server, twin};
use crate::case::{BucketRole, Case, Identity, Operation};
use crate::cors::{CorsConfiguration, CorsRequest};
use crate::dialect::Dialect;
use crate::predict::Oracle;

/// An oracle that takes a sender for granted answers as one that verifies its signature.
pub fn vouched(case: &Case, dialect: &Dialect) {
    let (mut verifying, mut taking) = (Oracle::verifying(case, dialect), Oracle::new(case, dialect));
    let mut earlier: Vec<Response<Bytes>> = Vec::new();
    for step in &case.steps {
        let asked = [verifying.ask(step, &earlier), taking.ask(step, &earlier)];
        let [Some((request, verified)), Some((_, taken))] = asked else { return };
        let parts = |answer: &Response<Bytes>| (answer.status(), answer.headers().clone(), answer.body().clone());
        assert_eq!(parts(&verified), parts(&taken), "{request:#?}");
        earlier.push(verified);
    }
}

/// Sends the steps of a case to the reference, and holds each answer against a model that knows no more than what the last
/// accepted document of each bucket says by the twins.
pub fn run(case: &Case) {
    let dialect = Dialect::oss();
    let mut oracle = Oracle::verifying(case, dialect);
    let mut model: BTreeMap<&str, CorsConfiguration> = BTreeMap::new();
    let mut earlier: Vec<Response<Bytes>> = Vec::new();
    for step in &case.steps {
        let Some((request, response)) = oracle.ask(step, &earlier) else { return };
        let bucket = match step.bucket {
            BucketRole::Main => "main",
            BucketRole::Second => "second",
            BucketRole::Missing | BucketRole::Service => "",
        };
        let before = model.get(bucket).cloned();
        let shown = || format!("{request:#?}\n{response:#?}\nmodel: {before:#?}");
        server::answer(&request, &response, before.as_ref(), &dialect.behaviours);
        let status = response.status().as_u16();
        let owner = matches!(step.identity, Identity::Owner | Identity::Presigned);
        match &step.operation {
            Operation::PutCors(_) if owner && !bucket.is_empty() => {
                let digest = request.headers().get("content-md5");
                let right = digest
                    .is_none_or(|digest| digest.as_bytes() == crate::request::content_md5(request.body()).as_bytes());
                let fits = request.body().len() <= 16_384;
                let text = std::str::from_utf8(request.body()).ok();
                let stored = text.and_then(stored).filter(|_| right && fits);
                match (stored, status) {
                    (Some(stored), 200) => {
                        model.insert(bucket, stored);
                    }
                    (None, 400) => {}
                    (Some(_), _) => broken("a right document is refused", &shown()),
                    (None, _) => broken("a wrong document is accepted", &shown()),
                }
            }
            Operation::DeleteCors(_) if owner && !bucket.is_empty() => {
                assert_eq!(status, 204, "{}", shown());
                model.remove(bucket);
            }
            Operation::GetCors(_) if owner && !bucket.is_empty() => {
                let text = String::from_utf8_lossy(response.body()).into_owned();
                match &before {
                    Some(rules) => {
                        assert_eq!((status, stored(&text).as_ref()), (200, Some(rules)), "{}", shown());
                    }
                    None => assert_eq!(status, 404, "{}", shown()),
                }
            }
            Operation::PutCors(_) | Operation::DeleteCors(_) | Operation::GetCors(_)
                if response.status().is_success() =>
            {
                broken("who may not has done it", &shown());
            }
            Operation::PutCors(_) | Operation::DeleteCors(_) | Operation::GetCors(_) => {}
            _ if *request.method() == Method::OPTIONS && !bucket.is_empty() => {
                let asked = CorsRequest::from_parts(request.method(), request.headers());
                let (said, _) = twin::evaluate(before.as_ref(), &asked, &dialect.behaviours);
                let expected = match said {
                    twin::Said::Grant { .. } | twin::Said::Nothing => 200,
                    twin::Said::Refused("not enabled" | "no rule") => 403,
                    twin::Said::Refused(_) => 400,
                };
                assert_eq!(status, expected, "{}", shown());
            }
            _ => {}
        }
        // Neither a refused document nor any other request changes rules.
        let now = oracle.rules(step.bucket).cloned();
        assert_eq!(now.as_deref(), model.get(bucket), "the rules in place are other ones\n{}", shown());
        earlier.push(response);
    }
}

fn stored(text: &str) -> Option<CorsConfiguration> {
    twin::stored(&roxmltree::Document::parse(text).ok()?)
}
