//! Case files to a suite: [`load`].

use std::collections::HashMap;
use std::sync::Arc;

use super::catalogue::Catalogue;
use super::{Case, RuleSet, Suite, decode};
use crate::diagnostic::{Diagnostic, Severity, SourceFile};
use crate::dialect::Dialect;
use crate::yaml::{self, Decoder};

/// What [`load`] makes of files.
#[derive(Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// The cases that are right.
    pub suite: Suite,
    /// All that is wrong, and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// Whether something is wrong.
    pub fn failed(&self) -> bool {
        self.diagnostics.iter().any(|found| found.severity == Severity::Error)
    }
}

/// Reads files, each with its path below the suite's folder, for a dialect.
///
/// ```
/// use corsuite::{case, diagnostic::SourceFile, dialect::Dialect};
///
/// let file = SourceFile::new("config/mine.yaml", "
/// about: A bucket starts without rules.
/// cases:
///   - id: mine-none
///     clauses: [get.none]
///     steps:
///       - get_cors:
///         expect: {status: 404, error: {code: NoSuchCORSConfiguration}}
/// ");
/// let loaded = case::load(&[file], Dialect::oss());
/// assert!(loaded.diagnostics.is_empty());
/// assert_eq!(loaded.suite.cases[0].theme, "config");
/// ```
pub fn load(files: &[Arc<SourceFile>], dialect: &Dialect) -> Loaded {
    let catalogue = Catalogue::of(dialect);
    let mut cases: Vec<Case> = Vec::new();
    let mut diagnostics = Vec::new();
    for file in files {
        match yaml::parse(file) {
            Err(found) => diagnostics.push(*found),
            Ok(root) => {
                let mut decoder = Decoder::new(file);
                cases.extend(decode::file(&mut decoder, &root, &catalogue));
                diagnostics.extend(decoder.finish());
            }
        }
    }
    // A file with errors has lost cases, so its ids were checked where they were read.
    let mut seen: HashMap<&str, &Case> = HashMap::new();
    for case in &cases {
        if let Some(before) = seen.insert(&case.id, case) {
            let offset = line_offset(&case.file.text, case.line);
            let rest = case.file.text.get(offset..).unwrap_or_default();
            let offset = offset + (rest.len() - rest.trim_start_matches([' ', '-']).len());
            let end = case.file.text.get(offset..).and_then(|rest| rest.find('\n')).map_or(offset, |at| offset + at);
            diagnostics.push(
                Diagnostic::error(&case.file, offset..end, format!("case id `{}` is used twice", case.id))
                    .label("second use")
                    .help(format!("the first is at {}:{}", before.file.path, before.line)),
            );
        }
    }
    Loaded { suite: Suite { cases }, diagnostics }
}

/// Reads a YAML file that holds `rules:` and perhaps `response_vary:`, as a case does.
///
/// # Errors
///
/// All that is wrong with it.
pub fn load_rules(file: &Arc<SourceFile>) -> Result<RuleSet, Vec<Diagnostic>> {
    let root = yaml::parse(file).map_err(|found| vec![*found])?;
    let mut decoder = Decoder::new(file);
    let rules = decode::rule_file(&mut decoder, &root);
    let problems = decoder.finish();
    match rules {
        Some(rules) if problems.is_empty() => Ok(rules),
        _ => Err(problems),
    }
}

fn line_offset(text: &str, line: usize) -> usize {
    let ends = text.match_indices('\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(ends).nth(line.saturating_sub(1)).unwrap_or(text.len())
}
