//! Cases that a run cannot or may not run, known before they start: [`skip`].

use super::{Buckets, Shared, settle};
use crate::case::{Acl, BucketRole, Case, Identity, Operation, STANDING_OBJECT, Step};
use crate::request;
use crate::trial::{is_read, only_reads};

/// Why a case cannot be run with what this run has, known before it starts.
pub(super) fn skip(case: &Case, shared: &Shared) -> Option<String> {
    let target = &shared.target;
    let needs = |identity: Identity| case.steps.iter().any(|step| step.identity == identity);
    if needs(Identity::Other) && target.other.is_none() {
        return Some(format!("needs a second account: set {}", target.other_variables));
    }
    let borrowed = matches!(shared.options.buckets, Buckets::Borrowed(_));
    if borrowed && case.uses(BucketRole::Second) {
        return Some("needs a second bucket, and --bucket lends only one".to_owned());
    }
    if borrowed && case.steps.iter().any(touches_more_than_its_own) {
        return Some("writes to the bucket more than can be put back, and --bucket lends it".to_owned());
    }
    if target.credentials.is_none() {
        return without_keys(case, shared);
    }
    None
}

/// A run without keys can only ask what anybody may, of a bucket whose rules the user has named.
fn without_keys(case: &Case, shared: &Shared) -> Option<String> {
    let target = &shared.target;
    let needs_key = |why: &str| Some(format!("{why}, and --auth anonymous has no key"));
    let own = case.objects.iter().any(|(key, _)| key != STANDING_OBJECT);
    if own || case.acl != Acl::Private {
        return needs_key("needs objects or an ACL of its own");
    }
    let mut steps = case.steps.as_slice();
    let in_place = shared.options.preconfigured.clone().map(|rules| rules.into_stored(&target.dialect.behaviours));
    if let [first, rest @ ..] = steps
        && first.setup
    {
        let wanted = match &first.operation {
            Operation::PutCors(put) => {
                settle::configuration_of(&request::document_of(put, &[]), &shared.target.dialect)
            }
            _ => None,
        };
        if wanted.is_none() || wanted != in_place {
            return needs_key("needs rules that are not the ones in place");
        }
        steps = rest;
    } else if in_place.is_some() || !steps.iter().all(|step| step.bucket == BucketRole::Missing) {
        return needs_key("needs a bucket without rules");
    }
    let keyless = |identity| matches!(identity, Identity::Anonymous | Identity::UnknownKey);
    if !steps.iter().all(|step| keyless(step.identity)) {
        return needs_key("has signed requests");
    }
    if !steps.iter().all(only_reads) {
        return needs_key("has requests that write");
    }
    None
}

/// Whether a step may change what restoring a borrowed bucket does not bring back: anything but its rules, its ACL, and
/// objects under the run's prefix.
fn touches_more_than_its_own(step: &Step) -> bool {
    if only_reads(step) || matches!(step.bucket, BucketRole::Missing | BucketRole::Service) {
        return false;
    }
    let restored = |query: Option<&String>| {
        let query = query.map(String::as_str).unwrap_or_default();
        let members: Vec<&str> = query.split('&').map(|member| member.split('=').next().unwrap_or_default()).collect();
        members == ["acl"] || members == ["cors"]
    };
    match &step.operation {
        Operation::Request(request) => {
            let form = request.form.iter().flatten().any(|(name, _)| name == "key");
            request.object.is_none() && !restored(request.extra.query.as_ref()) && !form
        }
        Operation::Raw(messages) => messages
            .iter()
            .any(|message| !is_read(&message.method) && message.object.is_none() && !restored(message.query.as_ref())),
        _ => false,
    }
}
