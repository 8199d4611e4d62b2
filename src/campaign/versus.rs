//! One server held against another: [`as_answered`].

use bytes::Bytes;
use http::{HeaderMap, Response};

use crate::case::{
    Case, CorsExpectation, ErrorExpectation, Expectation, FieldCondition, Operation, Rule, StatusPattern, Step,
    TextCondition,
};
use crate::cors::xml::{RuleElement, parse};
use crate::dialect::{CONSISTENT, Dialect};

/// The fields of the CORS protocol, by which answers are compared.
const FIELDS: [&str; 6] = [
    "access-control-allow-origin",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-expose-headers",
    "access-control-max-age",
    "access-control-allow-credentials",
];

/// The case with what was answered in place of what the oracle expects: status, CORS fields, whether Vary names Origin, error code,
/// and the stored rules. Each part stands under the clause by which the oracle judges it. Steps without an answer are left out.
#[must_use]
pub fn as_answered(case: &Case, answers: &[Response<Bytes>], dialect: &Dialect) -> Case {
    let mut case = case.clone();
    case.steps.truncate(answers.len());
    for (step, answer) in case.steps.iter_mut().zip(answers) {
        step.expect = expectations(step, answer, dialect);
    }
    case.name_clauses();
    case
}

fn expectations(step: &Step, answer: &Response<Bytes>, dialect: &Dialect) -> Vec<Expectation> {
    let mut made: Vec<Expectation> = Vec::new();
    // A part of the answer: which block of the oracle asserts it, and what is expected of it now.
    let mut add = |asserts: &dyn Fn(&Expectation) -> bool, fill: &dyn Fn(&mut Expectation)| {
        let judged = step.expect.iter().filter(|block| dialect.clauses.get(&block.clause).is_some());
        let clause =
            judged.clone().find(|block| asserts(block)).map_or(CONSISTENT.into(), |block| block.clause.clone());
        if let Some(block) = made.iter_mut().find(|block| block.clause == clause) {
            fill(block);
        } else {
            let mut block = Expectation { clause, ..Expectation::default() };
            fill(&mut block);
            made.push(block);
        }
    };
    let status = answer.status().as_u16();
    add(&|block| !block.status.is_empty(), &|block| block.status = vec![StatusPattern::Code(status)]);
    let mut fields = FIELDS.map(|name| (name, condition(answer.headers(), name))).to_vec();
    fields.push(("vary", vary(answer.headers())));
    for (name, condition) in fields {
        let asserts = |block: &Expectation| block.headers.iter().any(|(field, _)| field == name);
        add(&asserts, &|block| {
            block.headers.push((name.into(), vec![condition.clone()]));
        });
    }
    let document = crate::xml::parse(answer.body()).ok().filter(|root| root.name == "Error");
    if let Some(code) = document.as_ref().and_then(|root| root.text_of("Code")) {
        let elements = vec![("Code".into(), vec![TextCondition::Equals(code.to_owned())])];
        add(&|block| block.error.is_some(), &|block| {
            block.error = Some(ErrorExpectation { elements: elements.clone(), ..ErrorExpectation::default() });
        });
    }
    if let (Operation::GetCors(_), Ok(document)) = (&step.operation, parse(answer.body()))
        && answer.status().is_success()
    {
        let rules: Vec<Rule> = document.rules.iter().map(as_written).collect();
        let response_vary = document.response_vary.first().map(|text| text.value.trim().to_owned());
        let stored = CorsExpectation { rules: Some(rules), response_vary, verbatim: false };
        add(&|block| block.cors.is_some(), &|block| block.cors = Some(stored.clone()));
    }
    made
}

/// Whether Origin is among the members: what else is there is no matter of CORS.
fn vary(headers: &HeaderMap) -> FieldCondition {
    let members = value(headers, "vary").unwrap_or_default().to_ascii_lowercase();
    let origin = "Origin".to_owned();
    if members.split(',').any(|member| matches!(member.trim(), "origin" | "*")) {
        FieldCondition::Contains(origin)
    } else {
        FieldCondition::Lacks(origin)
    }
}

/// All lines of a field.
fn value(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
    let lines: Vec<String> = lines.collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

fn condition(headers: &HeaderMap, name: &str) -> FieldCondition {
    let is_list = matches!(
        name,
        "access-control-allow-methods" | "access-control-allow-headers" | "access-control-expose-headers"
    );
    match value(headers, name) {
        None => FieldCondition::Absent,
        Some(value) if is_list => {
            FieldCondition::List(value.split(',').map(|member| member.trim().to_owned()).collect())
        }
        Some(value) => FieldCondition::Equals(value),
    }
}

fn as_written(rule: &RuleElement) -> Rule {
    Rule::from(rule).each(|value| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::expect::{Exchange, check as compare};
    use crate::generate::known;
    use crate::predict::predict;

    /// What a server answered is what it should answer; of another answer each part that CORS is about is noticed.
    fn check(changed: fn(&mut Response<Bytes>), expected: &[&str]) {
        let dialect = Dialect::oss();
        let mut case = known(0, "known", Dialect::oss()).unwrap();
        case.steps.truncate(2);
        predict(&mut case, dialect);
        let put = Response::builder().status(200).body(Bytes::new()).unwrap();
        let mut answer = Response::builder()
            .status(200)
            .header("access-control-allow-origin", "https://app.example.com")
            .header("access-control-allow-methods", "GET, PUT")
            .header("vary", "Accept-Encoding, Origin")
            .body(Bytes::new())
            .unwrap();
        let case = as_answered(&case, &[put.clone(), answer.clone()], dialect);
        changed(&mut answer);
        let request = http::Request::new(Bytes::new());
        let earlier = [put];
        let exchange = Exchange::new(&request, &answer, &earlier);
        let found: Vec<String> = case.steps[1]
            .expect
            .iter()
            .flat_map(|block| compare(block, &exchange, dialect).mismatches)
            .map(|mismatch| mismatch.field)
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn answers_are_held_against_answers() {
        check(|_| {}, &[]);
        check(
            |answer| drop(answer.headers_mut().insert("access-control-allow-methods", "PUT,GET".parse().unwrap())),
            &[],
        );
        check(|answer| drop(answer.headers_mut().insert("vary", "origin".parse().unwrap())), &[]);
        check(|answer| *answer.status_mut() = http::StatusCode::FORBIDDEN, &["status"]);
        check(|answer| drop(answer.headers_mut().remove("vary")), &["headers.vary"]);
        check(
            |answer| drop(answer.headers_mut().insert("access-control-max-age", "1".parse().unwrap())),
            &["headers.access-control-max-age"],
        );
        check(
            |answer| drop(answer.headers_mut().insert("access-control-allow-origin", "*".parse().unwrap())),
            &["headers.access-control-allow-origin"],
        );
    }

    /// A step without an answer is not there any more.
    #[test]
    fn steps_without_an_answer_are_left_out() {
        let mut case = known(0, "known", Dialect::oss()).unwrap();
        predict(&mut case, Dialect::oss());
        let answers = [Response::new(Bytes::new()), Response::new(Bytes::new())];
        assert_eq!(as_answered(&case, &answers, Dialect::oss()).steps.len(), 2);
    }
}
