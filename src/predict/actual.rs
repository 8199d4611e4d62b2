//! Actual requests.

use http::Method;

use super::{Blocks, Seen};
use crate::case::{FieldCondition, Operation, StatusPattern, TextCondition};
use crate::cors::{Outcome, evaluate};
use crate::dialect::{AcahOnActual, ActualHeaders, ActualMethod, AgeOnActual, MethodsOnActual, VaryOn};
use crate::reference::is_management;

/// The clause by which requested headers of an actual request count.
const COUNT: &str = "actual.request-headers-count";

impl Seen<'_> {
    pub(super) fn actual(&self, blocks: &mut Blocks<'_>) {
        let status = self.status();
        let kind = self.kind();
        blocks.add(kind, |block| {
            block.status.push(StatusPattern::Code(status));
            if self.is_content() {
                let body = String::from_utf8_lossy(self.response.body()).into_owned();
                block.body.push(TextCondition::Equals(body));
            }
        });
        if status == 404 && *self.request.method() != Method::HEAD {
            blocks.error(kind, 404, &self.code());
        }
        // Documents may be written in another way each time.
        if self.repeats && self.is_content() {
            let clause = if self.field("access-control-allow-origin").is_some() { kind } else { "actual.no-match" };
            blocks.add(clause, |block| block.same_as = self.earlier.len().checked_sub(1));
        }
        self.grant(kind, blocks);
        self.vary(blocks);
    }

    /// The clause that an answer is about by its status.
    fn kind(&self) -> &'static str {
        match self.status() {
            404 => "actual.not-found",
            206 | 304 | 412 | 416 => "actual.conditional",
            400 | 409 => "actual.client-errors",
            _ => "actual.authorization",
        }
    }

    /// The content of an object, whole or in part.
    fn is_content(&self) -> bool {
        let object = matches!(&self.step.operation, Operation::Request(request) if request.object.is_some());
        object && *self.request.method() == Method::GET && matches!(self.status(), 200 | 206)
    }

    /// Access-Control-*, as the oracle's own answer has them.
    pub(super) fn grant(&self, kind: &'static str, blocks: &mut Blocks<'_>) {
        if self.is_of_open_origins() {
            return;
        }
        let decision = evaluate(self.rules, &self.asked, self.behaviours());
        let Some(origin) = self.field("access-control-allow-origin") else {
            let clause = match (&decision.outcome, self.step.bucket) {
                (_, crate::case::BucketRole::Service) => "actual.service",
                (Outcome::Deny(_), _) if self.rules.is_some() && self.by_request_headers().is_some() => {
                    self.by_request_headers().unwrap_or_default()
                }
                (Outcome::NotCors, _) => "actual.no-origin",
                // Granted by the rules and yet not there: an open point says so.
                (Outcome::Allow(_), _) if is_management(self.request) => "actual.management",
                (Outcome::Allow(_), _) => "actual.forbidden",
                (Outcome::Deny(_), _) if self.rules.is_none() => "config.default-none",
                (Outcome::Deny(_), _) if decision.trace.iter().any(|rule| rule.origin.is_some()) => "actual.method",
                (Outcome::Deny(_), _) => "actual.no-match",
            };
            blocks.header(clause, "access-control-*", FieldCondition::Absent);
            return;
        };
        // What is granted on 403 and on sub-resources is open.
        let open = match self.status() {
            403 => Some("actual.forbidden"),
            _ if is_management(self.request) => Some("actual.management"),
            _ => None,
        };
        let plain = kind == "actual.authorization" && *self.request.method() == Method::GET && self.is_content();
        let rule = match &decision.outcome {
            Outcome::Allow(grant) => self.rules.and_then(|rules| rules.rules.get(grant.rule)),
            _ => None,
        };
        let by_pattern = rule.map_or("actual.origin", |rule| {
            match super::preflight::allow_origin_clause(rule, &self.asked, self.behaviours()) {
                "preflight.origin" | "preflight.origin-star" | "preflight.origin-wildcard"
                    if self.by_request_headers().is_some() =>
                {
                    self.by_request_headers().unwrap_or_default()
                }
                "preflight.origin" if plain => "actual.origin",
                "preflight.origin" if kind == "actual.authorization" => "actual.every-operation",
                "preflight.origin" => kind,
                "preflight.origin-mixed" => "preflight.origin-mixed",
                _ => "actual.origin-star",
            }
        });
        blocks.header(open.unwrap_or(by_pattern), "access-control-allow-origin", FieldCondition::Equals(origin));
        // The rest comes from the answering rule and from no other (`match.first`).
        let behaviours = self.behaviours();
        let echoes = behaviours.acah_on_actual == AcahOnActual::Echo && self.says(COUNT);
        let fields = [
            ("access-control-expose-headers", "actual.expose"),
            ("access-control-allow-methods", "actual.age-and-methods"),
            ("access-control-max-age", "actual.age-and-methods"),
            ("access-control-allow-headers", if echoes { COUNT } else { "actual.request-headers" }),
        ];
        for (name, clause) in fields {
            match self.field(name) {
                // See `preflight.age`.
                Some(value) if name == "access-control-max-age" && value.starts_with('-') => {}
                Some(value) if name == "access-control-max-age" => {
                    blocks.header(open.unwrap_or(clause), name, FieldCondition::Equals(value));
                }
                Some(value) => {
                    // A rule may hold empty values, where that is allowed: nothing is fixed about a field of them alone.
                    let members = value.split(',').map(|member| member.trim().to_owned());
                    let members: Vec<String> = members.filter(|member| !member.is_empty()).collect();
                    if members.is_empty() {
                        continue;
                    }
                    blocks.header(open.unwrap_or(clause), name, FieldCondition::List(members));
                    if name == "access-control-allow-methods" && open.is_none() {
                        blocks.header("actual.methods-order", name, FieldCondition::Equals(value));
                    }
                }
                None if name == "access-control-allow-headers" => {
                    blocks.header(clause, name, FieldCondition::Absent);
                }
                None => {
                    let clause = match name {
                        "access-control-allow-methods" if behaviours.methods_on_actual == MethodsOnActual::Absent => {
                            "actual.methods-choice"
                        }
                        "access-control-max-age" if behaviours.age_on_actual == AgeOnActual::Absent => {
                            "actual.age-choice"
                        }
                        _ => "match.first",
                    };
                    blocks.header(open.unwrap_or(clause), name, FieldCondition::Absent);
                }
            }
        }
        blocks.header("credentials.never", "access-control-allow-credentials", FieldCondition::Absent);
        if open.is_none() {
            self.credentials(blocks);
        }
        blocks.header("private-network.never", "access-control-allow-private-network", FieldCondition::Absent);
    }

    /// The clause by which a preflight's request headers on this request count, if they do.
    fn by_request_headers(&self) -> Option<&'static str> {
        let behaviours = self.behaviours();
        let method = behaviours.actual_method == ActualMethod::Requested && self.asked.request_method.is_some();
        let headers = behaviours.actual_headers == ActualHeaders::Check && !self.asked.requested_headers().is_empty();
        match (method, headers) {
            (_, true) => Some(COUNT),
            (true, false) => Some("actual.requested-method"),
            (false, false) => None,
        }
    }

    fn vary(&self, blocks: &mut Blocks<'_>) {
        if self.is_of_open_origins() {
            return;
        }
        // What is granted on 403 and on sub-resources is open.
        if self.status() != 403 && !is_management(self.request) {
            self.vary_with_grant(blocks);
        }
        if self.behaviours().vary == VaryOn::Granted {
            return;
        }
        let origin = "Origin".to_owned();
        let varies = self.field("vary").is_some_and(|value| value.split(',').any(|member| member.trim() == "Origin"));
        let on = self.rules.is_some_and(|rules| rules.response_vary);
        let clause = if on && is_management(self.request) {
            "actual.management"
        } else if !on {
            "vary.off"
        } else if self.is_error() {
            "vary.errors"
        } else if *self.request.method() == Method::HEAD {
            "vary.head"
        } else if !self.is_content() {
            "vary.every-operation"
        } else if self.asked.origins.is_empty() {
            "vary.no-origin"
        } else if self.field("access-control-allow-origin").is_some() {
            "vary.match"
        } else {
            "vary.no-match"
        };
        let condition = if varies { FieldCondition::Contains(origin) } else { FieldCondition::Lacks(origin) };
        blocks.header(clause, "vary", condition);
    }
}
