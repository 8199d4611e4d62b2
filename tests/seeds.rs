//! Seeds of the fuzz targets and all past findings, replayed: a crash needs no fuzzer to be seen again.
#![cfg(test)]
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "reads and writes the seeds, and names them")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use corsuite::case::{self, Case, DocumentSource, Operation};
use corsuite::dialect::Dialect;
use corsuite::generate;
use corsuite::predict::Oracle;
use corsuite::properties::targets::ALL;
use sha2::{Digest as _, Sha256};

/// Seeds of a target that come from the suite or from the generator; findings are kept beside them.
const SEEDS: usize = 24;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target)
}

fn files(target: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder(target)).unwrap_or_else(|error| panic!("seeds of {target}: {error}"));
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

#[test]
fn seeds_and_findings_are_no_findings_any_more() {
    for (name, target) in ALL {
        let files = files(name);
        assert!(files.len() >= 5, "{name} has {} seeds", files.len());
        for file in files {
            // The name of the file is in the output if the target panics.
            println!("{}", file.display());
            target(&std::fs::read(&file).unwrap());
        }
    }
}

#[test]
fn every_target_has_glue_and_a_row() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    for (name, _) in ALL {
        let glue = std::fs::read_to_string(root.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(glue.lines().count() <= 25, "{name}: more than glue");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in fuzz/Cargo.toml");
        assert!(readme.contains(&format!("| `{name}` |")), "{name} has no row in fuzz/README.md");
    }
}

/// Documents, requests and answers of the suite, spread over it.
fn spread<T>(items: &[T]) -> impl Iterator<Item = &T> {
    items.iter().step_by((items.len() / SEEDS).max(1)).take(SEEDS)
}

fn documents(cases: &[Case]) -> Vec<Vec<u8>> {
    let steps = cases.iter().flat_map(|case| &case.steps);
    let documents = steps.filter_map(|step| match &step.operation {
        Operation::PutCors(put) => match &put.body {
            DocumentSource::Rules { rules, size: None, .. } => Some(rules.to_xml().into_bytes()),
            DocumentSource::Bytes(bytes) => Some(bytes.clone()),
            _ => None,
        },
        _ => None,
    });
    // Small ones are changed to more effect.
    documents.filter(|document| document.len() < 1500).collect()
}

/// `limit.rules-accepted`: with one rule more it may be refused. No document of the suite with so many is small.
fn as_many_rules_as_certain() -> Vec<u8> {
    let rule = "<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>";
    let rules = rule.repeat(Dialect::oss().limits.max_rules_certain);
    format!("<CORSConfiguration>{rules}</CORSConfiguration>").into_bytes()
}

/// Requests as `server_request` reads them, answers as `http_answer` does.
fn exchanges(cases: &[Case]) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (mut requests, mut answers) = (Vec::new(), Vec::new());
    for (number, case) in cases.iter().enumerate() {
        let mut oracle = Oracle::new(case, Dialect::oss());
        let mut earlier = Vec::new();
        for step in &case.steps {
            let Some((request, answer)) = oracle.ask(step, &earlier) else { break };
            let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
            let mut text = format!("{} {target}", request.method()).into_bytes();
            let mut reply = u16::try_from(number).unwrap().to_be_bytes().to_vec();
            reply.extend(answer.status().as_str().bytes());
            for (name, value) in request.headers() {
                text.extend([b"\n", name.as_str().as_bytes(), b": ", value.as_bytes()].concat());
            }
            for (name, value) in answer.headers() {
                reply.extend([b"\n", name.as_str().as_bytes(), b": ", value.as_bytes()].concat());
            }
            text.extend([b"\n\n", request.body().as_ref()].concat());
            reply.extend([b"\n\n", answer.body().as_ref()].concat());
            requests.push(text);
            answers.push(reply);
            earlier.push(answer);
        }
    }
    let small = |all: Vec<Vec<u8>>| all.into_iter().filter(|one| one.len() < 1500).collect::<Vec<_>>();
    (small(requests), small(answers))
}

/// Case files of one case each that have all keys of the format between them, as far as small ones do.
fn files_with_all_keys(cases: &[Case]) -> Vec<Vec<u8>> {
    let files = cases.iter().map(|case| case::write("A seed.", std::slice::from_ref(case)));
    let mut files: Vec<String> = files.filter(|text| text.len() < 2500).collect();
    files.sort_by_key(String::len);
    let mut seen = BTreeSet::new();
    files.retain(|text| {
        let keys = text.split([' ', ',', '{', '[', '\n']).filter(|word| word.ends_with(':'));
        keys.filter(|key| seen.insert((*key).to_owned())).count() > 0
    });
    files.into_iter().map(String::into_bytes).collect()
}

/// What the suite holds, in the form of each target.
fn made(target: &str, cases: &[Case]) -> Vec<Vec<u8>> {
    let matched = |case: &Case| -> Vec<Vec<u8>> {
        let rules = case.steps.iter().filter_map(|step| match &step.operation {
            Operation::PutCors(put) => match &put.body {
                DocumentSource::Rules { rules, .. } => rules.rules.first()?.allowed_origins.first().cloned(),
                _ => None,
            },
            _ => None,
        });
        let pattern = rules.into_iter().next().unwrap_or_default();
        let origins = case.steps.iter().filter_map(|step| match &step.operation {
            Operation::Preflight(preflight) => preflight.origin.first(),
            _ => None,
        });
        origins.map(|origin| format!("{pattern}\n{origin}").into_bytes()).collect()
    };
    match target {
        "config_xml" => spread(&documents(cases)).cloned().chain([as_many_rules_as_certain()]).collect(),
        "wildcard" => spread(&cases.iter().flat_map(matched).collect::<Vec<_>>()).cloned().collect(),
        "server_request" => spread(&exchanges(cases).0).cloned().collect(),
        "http_answer" => spread(&exchanges(cases).1).cloned().collect(),
        "case_yaml" => files_with_all_keys(cases),
        "report_escape" => spread(cases).map(|case| case.about.clone().into_bytes()).collect(),
        "sign_verify" => (0..8).map(|index| generate::bytes(5, index, 40)).collect(),
        // Choices, not texts: the generator turns them into what the suite is made of, too.
        _ => (0..12).map(|index| generate::bytes(6, index, 700)).collect(),
    }
}

/// Set `CORSUITE_BLESS=1` to write the seeds anew; findings stay.
#[test]
fn seeds_come_from_the_suite() {
    let suite = case::load(&case::bundled(), Dialect::oss()).suite;
    for (name, _) in ALL {
        let expected: BTreeSet<String> = made(name, &suite.cases)
            .iter()
            .map(|seed| {
                let digest: String = Sha256::digest(seed).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
                let file = format!("seed-{digest}");
                if std::env::var("CORSUITE_BLESS").is_ok() {
                    std::fs::create_dir_all(folder(name)).unwrap();
                    std::fs::write(folder(name).join(&file), seed).unwrap();
                }
                file
            })
            .collect();
        let mut found = BTreeSet::new();
        for file in files(name) {
            let file_name = file.file_name().unwrap().to_str().unwrap().to_owned();
            if !file_name.starts_with("seed-") {
                assert!(file_name.starts_with("found-"), "{}: neither a seed nor a finding", file.display());
            } else if std::env::var("CORSUITE_BLESS").is_ok() && !expected.contains(&file_name) {
                std::fs::remove_file(file).unwrap();
            } else {
                found.insert(file_name);
            }
        }
        assert!(found == expected, "seeds of {name} are old: run `CORSUITE_BLESS=1 cargo test --test seeds`");
    }
}
