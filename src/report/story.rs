//! What was there when a step was sent, and how the oracle decided: [`stories`].

use super::decision::told;
use crate::case::{BucketRole, Case, Operation};
use crate::cors::{CorsRequest, evaluate, xml};
use crate::diagnostic::visible;
use crate::dialect::Dialect;
use crate::predict::Oracle;

/// One step.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Story {
    /// Its number in the file, from 1; 0 is the `rules` of the case.
    pub(super) step: usize,
    /// The rules in place before it, as a document.
    pub(super) rules: Option<String>,
    /// The oracle's reasons, of a preflight or an actual request.
    pub(super) trace: Option<String>,
}

/// Every step of a case, as far as the oracle can be asked.
pub(super) fn stories(case: &Case, dialect: &Dialect) -> Vec<Story> {
    let mut oracle = Oracle::new(case, dialect);
    let implicit = case.steps.iter().filter(|step| step.setup).count();
    let mut earlier = Vec::new();
    let mut stories = Vec::new();
    for (index, step) in case.steps.iter().enumerate() {
        let rules = oracle.rules(step.bucket).cloned();
        let Some((request, answer)) = oracle.ask(step, &earlier) else { break };
        earlier.push(answer);
        let management =
            matches!(step.operation, Operation::PutCors(_) | Operation::GetCors(_) | Operation::DeleteCors(_));
        let trace = (!management && !matches!(step.bucket, BucketRole::Service | BucketRole::Missing)).then(|| {
            let asked = CorsRequest::from_parts(request.method(), request.headers());
            told(rules.as_deref(), &asked, &evaluate(rules.as_deref(), &asked, &dialect.behaviours))
        });
        stories.push(Story {
            step: if step.setup { 0 } else { index + 1 - implicit },
            rules: rules.as_ref().map(|rules| {
                xml::write(rules, &dialect.behaviours, None).lines().map(visible).collect::<Vec<_>>().join("\n")
            }),
            trace,
        });
    }
    stories
}
