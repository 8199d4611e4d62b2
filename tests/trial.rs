//! A verdict follows from the exchanges alone: what a run wrote down, judged once more without a server, gives what the run said.
#![cfg(test)]

mod common;

use bytes::Bytes;
use common::{run, suite, target};
use corsuite::case::Case;
use corsuite::dialect::{CONSISTENT, Dialect};
use corsuite::implementation::Embedded;
use corsuite::reference::faults::{Faulty, find};
use corsuite::report::{Report, Verdict};
use corsuite::run::Options;
use corsuite::serve;
use corsuite::trial::{Found, Round, Trial, replay};
use http::Response;

async fn report(fault: Option<&str>) -> Report {
    let options = || serve::options(Dialect::oss(), serve::owner(), serve::other());
    let server = match fault {
        Some(id) => Embedded::new(Faulty::new(options(), find(id).unwrap())),
        None => Embedded::new(corsuite::reference::Reference::new(options())),
    };
    run(target(server), &suite(), Options { jobs: 2, keep_rounds: true, ..Options::default() }).await.unwrap()
}

/// What is wrong with the rounds of a case.
fn again<'c>(case: &'c Case, rounds: &[Round]) -> Result<(Vec<Found>, Trial<'c>), String> {
    let mut all = Vec::new();
    let trial = replay(case, Dialect::oss(), false, rounds, true, |_, _| Ok(()), |_, _, found| all.extend(found))?;
    Ok((all, trial))
}

/// The cases whose replay says what the run said, and how many of them failed.
fn check(report: &Report) -> (usize, usize) {
    let suite = suite();
    let (mut judged, mut failed) = (0, 0);
    for one in &report.cases {
        if !matches!(one.verdict, Verdict::Pass | Verdict::Fail) {
            continue;
        }
        let case = suite.cases.iter().find(|case| case.id == one.id).unwrap();
        let (found, trial) = again(case, &one.rounds).unwrap_or_else(|why| panic!("{}: {why}", one.id));
        let replayed: Vec<(&str, &str)> =
            found.iter().map(|found| (found.mismatch.clause.as_str(), found.mismatch.field.as_str())).collect();
        // What only the comparison of all cases shows is not in the exchanges of one.
        let own =
            one.mismatches.iter().filter(|mismatch| !(mismatch.clause == CONSISTENT && mismatch.request.is_empty()));
        let said: Vec<(&str, &str)> = own.map(|mismatch| (mismatch.clause.as_str(), mismatch.field.as_str())).collect();
        assert_eq!(replayed, said, "{}", one.id);
        assert_eq!((trial.assertions(), trial.observed()), (one.assertions, &one.observed), "{}", one.id);
        judged += 1;
        failed += usize::from(!said.is_empty());
    }
    (judged, failed)
}

#[tokio::test]
async fn a_verdict_follows_from_the_exchanges() {
    let applying = suite().cases.iter().filter(|case| case.applies(Dialect::oss())).count();
    assert_eq!(check(&report(None).await), (applying, 0));
    for id in [
        "vary-always",
        "origin-contains",
        "every-seventh",
        "age-alternates",
        "delete-keeps-serving",
        "rules-unlimited",
        "no-origin-methods",
    ] {
        let (judged, failed) = check(&report(Some(id)).await);
        assert!(judged > 500 && failed > 0, "{id}: {failed} of {judged}");
    }
}

/// A dialect of one's own that says what happens at an open point holds the server to it; what it does not say stays open.
#[tokio::test]
async fn a_stated_choice_is_no_choice() {
    let text = "name: mine\nextends: oss\nbehaviours: {max_rules: {default: \"20\"}}\n";
    let mine = Dialect::load(&corsuite::diagnostic::SourceFile::new("mine.yaml", text)).unwrap();
    assert_eq!((mine.stated("max_rules"), mine.stated("trim")), (Some("20"), None));
    let report = async |reference: &Dialect| {
        let options = serve::options(reference, serve::owner(), serve::other());
        let server = Embedded::new(corsuite::reference::Reference::new(options));
        let target = corsuite::run::Target { dialect: std::sync::Arc::new(mine.clone()), ..target(server) };
        run(target, &suite(), Options { jobs: 2, ..Options::default() }).await.unwrap()
    };
    let own = report(&mine).await;
    assert_eq!((own.conformant, own.behaviours["max_rules"].as_str()), (Some(true), "20"));
    let other = report(Dialect::oss()).await;
    assert_eq!(other.conformant, Some(false));
    let mismatches: Vec<_> = other.cases.iter().flat_map(|case| &case.mismatches).collect();
    assert!(
        mismatches.iter().any(|mismatch| mismatch.clause == CONSISTENT
            && mismatch.expected == "20, as dialect mine says"
            && mismatch.actual == "10"),
        "{mismatches:?}"
    );
}

/// Evidence that was changed gives another verdict, or none.
#[tokio::test]
async fn changed_evidence_is_noticed() {
    let report = report(None).await;
    let suite = suite();
    let mut noticed = 0;
    for one in &report.cases {
        let case = suite.cases.iter().find(|case| case.id == one.id).unwrap();
        let again = |rounds: &[Round]| again(case, rounds).map(|(found, _)| found.len());
        assert_eq!(again(&one.rounds), Ok(0));
        let (last, fewer) = one.rounds.split_last().unwrap();
        assert!(again(fewer).is_err(), "{}", one.id);
        assert!(again(&[&one.rounds[..], std::slice::from_ref(last)].concat()).is_err(), "{}", one.id);
        let changed_at = |at: usize| {
            let mut changed = one.rounds.clone();
            let answer = changed[at].attempts.last_mut().unwrap().outcome.as_mut().unwrap().last_mut().unwrap();
            *answer = Response::builder().status(505).body(Bytes::new()).unwrap();
            again(&changed) != Ok(0)
        };
        let steps = (0..one.rounds.len()).filter(|at| changed_at(*at)).count();
        assert!(steps > 0, "{}", one.id);
        noticed += steps;
    }
    assert!(noticed > 2000, "{noticed}");
}
