//! House rules that no compiler checks.
#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "reads the sources")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Modules from the bottom to the top: a module imports only what stands before it.
const ORDER: [&str; 25] = [
    "diagnostic",
    "yaml",
    "xml",
    "dialect",
    "cors",
    "browser",
    "sign",
    "reference",
    "case",
    "trial",
    "request",
    "predict",
    "generate",
    "shrink",
    "report",
    "baseline",
    "certificate",
    "campaign",
    "audit",
    "properties",
    "implementation",
    "run",
    "serve",
    "mutants",
    "cli",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Path below `folder` and text of its Rust files.
fn sources(folder: &str) -> Vec<(String, String)> {
    let folder = root().join(folder);
    let name = |path: &Path| path.strip_prefix(&folder).unwrap().to_str().unwrap().replace('\\', "/");
    files(&folder, "rs").iter().map(|path| (name(path), read(path))).collect()
}

#[test]
fn every_file_says_what_it_is() {
    for (name, text) in sources("src").into_iter().chain(sources("tests")) {
        assert!(text.starts_with("//! "), "{name} does not begin with `//!`");
    }
}

#[test]
fn no_file_is_a_place_to_get_lost() {
    let mut lengths = Vec::new();
    for (name, text) in sources("src") {
        let lines = text.lines().count();
        assert!(lines <= 600, "{name} has {lines} lines: which two concepts live in it?");
        lengths.push(lines);
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= 250, "the median file has {median} lines");
}

#[test]
fn imports_point_down() {
    let rank = |module: &str| ORDER.iter().position(|known| *known == module);
    for (name, text) in sources("src") {
        let own = name.split('/').next().unwrap().trim_end_matches(".rs");
        if own == "lib" || own == "main" || name.ends_with("tests.rs") {
            continue;
        }
        let own_rank = rank(own).unwrap_or_else(|| panic!("{own} has no place in the order"));
        // What tests import does not count: they stand at the end of a file.
        let code = text.split("#[cfg(test)]").next().unwrap();
        for rest in code.split("crate::").skip(1) {
            let target: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if let Some(target_rank) = rank(&target) {
                assert!(target_rank <= own_rank, "{name} imports {target}, which stands above {own}");
            }
        }
    }
}

#[test]
fn the_map_lists_modules_in_order() {
    let text = read(&root().join("src/lib.rs"));
    let listed: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(listed, ORDER);
}

#[test]
fn case_ids_are_unique() {
    let mut seen: BTreeMap<String, PathBuf> = BTreeMap::new();
    for path in files(&root().join("cases"), "yaml") {
        for id in read(&path).lines().filter_map(|line| line.strip_prefix("  - id: ")) {
            if let Some(before) = seen.insert(id.to_owned(), path.clone()) {
                panic!("{id} is in {} and in {}", before.display(), path.display());
            }
        }
    }
    assert!(seen.len() >= 120, "only {} cases", seen.len());
}

#[test]
fn every_case_file_is_bundled_and_names_its_schema() {
    let bundled = corsuite::case::bundled();
    for file in &bundled {
        assert!(file.text.starts_with("# yaml-language-server: $schema=../schema.json\n"), "{}", file.path);
    }
    let mut listed: Vec<String> = bundled.iter().map(|file| file.path.clone()).collect();
    let mut on_disk = Vec::new();
    for theme in ["config", "preflight", "actual", "vary", "errors", "auth", "recorded", "regressions"] {
        let folder = root().join("cases").join(theme);
        if folder.exists() {
            let path = |path: PathBuf| path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
            on_disk.extend(files(&folder, "yaml").into_iter().map(path));
        }
    }
    listed.sort();
    on_disk.sort();
    assert_eq!(listed, on_disk, "src/case/bundled.rs lists other files than cases/ holds");
}

#[test]
fn no_snapshot_waits_for_review() {
    for folder in ["snapshots", "src", "tests"] {
        for extension in ["new", "pending-snap"] {
            let waiting = files(&root().join(folder), extension);
            assert!(waiting.is_empty(), "{waiting:?}");
        }
    }
}
