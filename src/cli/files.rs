//! Case files, dialects, reports and rules from disk; files that are written.
#![expect(clippy::disallowed_methods, reason = "shell: reads and writes files")]

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Context, Exit, Failure};
use crate::case::{self, Case, Suite};
use crate::diagnostic::{SourceFile, closest, visible};
use crate::dialect::{Dialect, Level};
use crate::report::{Report, json};

/// Largest file that is read, in bytes; the parser's own limit is lower and names the file.
const MAX_FILE: u64 = 16 << 20;

/// Reads a text file.
pub(super) fn read(path: &Path) -> Result<Arc<SourceFile>, Failure> {
    read_at_most(path, MAX_FILE)
}

fn read_at_most(path: &Path, most: u64) -> Result<Arc<SourceFile>, Failure> {
    let shown = path.display().to_string();
    let fail = |error: &dyn std::fmt::Display| Failure::usage(format!("{shown} cannot be read: {error}"));
    let size = std::fs::metadata(path).map_err(|error| fail(&error))?.len();
    if size > most {
        return Err(fail(&format!("it has {size} bytes, at most {most} are read")));
    }
    let bytes = std::fs::read(path).map_err(|error| fail(&error))?;
    let text = String::from_utf8(bytes)
        .map_err(|error| fail(&format!("not UTF-8 at byte {}", error.utf8_error().valid_up_to())))?;
    Ok(SourceFile::new(shown, text))
}

/// Largest report that is read, in bytes: thousands of failures with their answers.
const MAX_REPORT: u64 = 256 << 20;

/// Reads a report in JSON.
pub(super) fn report(path: &Path) -> Result<Report, Failure> {
    let file = read_at_most(path, MAX_REPORT)?;
    json::read(&file.text).map_err(|why| {
        Failure::usage(format!("{} cannot be used: {}", path.display(), visible(&why)))
            .help("give what `corsuite run --report json=FILE` wrote")
    })
}

/// A file that appears whole or not at all.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    std::fs::write(&beside, text)?;
    std::fs::rename(&beside, path)
}

/// A bundled dialect, or a file.
pub(super) fn dialect(name: &str, context: &Context) -> Result<Arc<Dialect>, Failure> {
    if let Some(bundled) = Dialect::bundled(name) {
        return Ok(Arc::new(bundled.clone()));
    }
    let path = Path::new(name);
    if !path.exists() {
        let bundled = Dialect::BUNDLED.join("`, `");
        return Err(Failure::usage(format!("no dialect `{name}`")).help(format!("give `{bundled}`, or a file")));
    }
    Dialect::load(&read(path)?).map(Arc::new).map_err(|found| Failure::diagnostics(&found, context))
}

/// The files of a folder of cases, in order of their names.
fn folder(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let fail = |error: &io::Error| Failure::usage(format!("{} cannot be read: {error}", path.display()));
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|error| fail(&error))? {
        entries.push(entry.map_err(|error| fail(&error))?.path());
    }
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        let name = entry.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if entry.is_dir() {
            // Data of other kinds lives beside cases.
            if !["corpus", "deviations", "dialects"].contains(&name) && !name.starts_with('.') {
                files.extend(folder(&entry)?);
            }
        } else if entry.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            files.push(entry);
        }
    }
    Ok(files)
}

/// The sources at paths, folders searched through. All that cannot be read is told at once.
pub(super) fn sources(paths: &[PathBuf]) -> Result<Vec<Arc<SourceFile>>, Failure> {
    let mut found = Vec::new();
    let mut problems = String::new();
    for path in paths {
        let files =
            if path.is_dir() { folder(path).and_then(|files| some_of(path, files)) } else { Ok(vec![path.clone()]) };
        for read in
            files.map_or_else(|failure| vec![Err(failure)], |files| files.iter().map(|file| read(file)).collect())
        {
            match read {
                Ok(file) => found.push(file),
                Err(failure) => problems.push_str(&failure.text),
            }
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(Failure { exit: Exit::Usage, text: problems }) }
}

fn some_of(path: &Path, files: Vec<PathBuf>) -> Result<Vec<PathBuf>, Failure> {
    if files.is_empty() {
        let failure = Failure::usage(format!("{} holds no case file", path.display()));
        return Err(failure.help("case files end in .yaml"));
    }
    Ok(files)
}

/// The suite: bundled, or of a folder; a file with mistakes stops everything, after all mistakes of all files are shown.
pub(super) fn suite(cases: Option<&Path>, dialect: &Dialect, context: &Context) -> Result<Suite, Failure> {
    let files = match cases {
        None => case::bundled(),
        Some(path) => sources(&[path.to_owned()])?,
    };
    let loaded = case::load(&files, dialect);
    if loaded.failed() {
        return Err(Failure::diagnostics(&loaded.diagnostics, context));
    }
    Ok(loaded.suite)
}

/// Keeps the cases that apply to the dialect, meet a selector and the level. Gives whether nothing that applies was left
/// out.
pub(super) fn select(
    suite: Suite,
    selectors: &[String],
    level: Option<Level>,
    dialect: &Dialect,
) -> Result<(Suite, bool), Failure> {
    let (applying, others): (Vec<Case>, Vec<Case>) = suite.cases.into_iter().partition(|case| case.applies(dialect));
    let all = applying.len();
    for selector in selectors {
        if !applying.iter().any(|case| matches(selector, case)) {
            let names = applying.iter().flat_map(|case| names(case).chain([case.id.as_str()]));
            let near = closest(selector, names);
            let failure = Failure::usage(format!("selector `{selector}` matches no case"));
            let matching =
                |dialect: &Dialect| others.iter().any(|case| case.applies(dialect) && matches(selector, case));
            if let Some(other) = [Dialect::oss(), Dialect::s3()].into_iter().find(|other| matching(other)) {
                return Err(failure.help(format!("it is one of another dialect: `--dialect {}`", other.name)));
            }
            return Err(match near {
                Some(near) => failure.help(format!("did you mean `{near}`?")),
                None => failure.help("a selector is a case id, a theme or a clause; `corsuite list` shows them"),
            });
        }
    }
    let wanted = |case: &Case| selectors.is_empty() || selectors.iter().any(|selector| matches(selector, case));
    let high = |case: &Case| level.is_none_or(|level| case.level(dialect) >= level);
    let cases: Vec<Case> = applying.into_iter().filter(|case| wanted(case) && high(case)).collect();
    if cases.is_empty() {
        return Err(
            Failure::usage("no case is left to run").help("the dialect, the level and the selectors leave none")
        );
    }
    let complete = cases.len() == all;
    Ok((Suite { cases }, complete))
}

fn names(case: &Case) -> impl Iterator<Item = &str> {
    case.clauses.iter().map(String::as_str).chain(case.cited()).chain([case.theme.as_str()])
}

fn matches(selector: &str, case: &Case) -> bool {
    let mut known = names(case).chain([case.id.as_str(), case.file.path.as_str()]);
    known.any(|name| glob(selector, name))
}

/// `*` stands for any text.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Rules as XML, from an XML file or from YAML.
pub(super) fn rules(path: &Path, context: &Context) -> Result<Arc<SourceFile>, Failure> {
    let file = read(path)?;
    if file.text.trim_start_matches('\u{feff}').trim_start().starts_with('<') {
        return Ok(file);
    }
    let rules = case::load_rules(&file).map_err(|found| Failure::diagnostics(&found, context))?;
    Ok(SourceFile::new(format!("{} as XML", file.path), rules.to_xml()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (pattern, text) in
            [("a", "a"), ("*", ""), ("match.*", "match.first"), ("*first", "match.first"), ("a*b*c", "aXbYc")]
        {
            assert!(glob(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("match.*", "matches"), ("a*b*c", "aXc"), ("", "a")] {
            assert!(!glob(pattern, text), "{pattern} {text}");
        }
    }
}
