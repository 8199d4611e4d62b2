//! What a campaign keeps in its folder besides the log: each finding, and inputs worth keeping, as case files.
#![expect(clippy::disallowed_methods, reason = "shell: the files of a campaign")]

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::log::Header;
use crate::campaign::Finding;
use crate::case::{Case, write};
use crate::cli::files::write as write_whole;
use crate::diagnostic::visible;

/// The folder of a campaign.
#[derive(Debug)]
pub(in crate::cli) struct Folder {
    path: PathBuf,
    header: Header,
}

impl Folder {
    pub(in crate::cli) fn new(path: &Path, header: &Header) -> Self {
        Self { path: path.to_owned(), header: header.clone() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a finding as a case, with what it takes to see it again.
    pub(in crate::cli) fn finding(&self, finding: &Finding) -> io::Result<PathBuf> {
        let (id, text) = case_file(finding);
        let path = self.path.join(format!("{id}.yaml"));
        write_whole(&path, &(self.about(finding) + &text))?;
        Ok(path)
    }

    /// Comments at the head of the file.
    fn about(&self, finding: &Finding) -> String {
        let Header { version, endpoint, versus, plan, .. } = &self.header;
        let part = if plan.parts == 1 { String::new() } else { format!(", part {}/{}", plan.part, plan.parts) };
        let against = versus.as_ref().map(|other| format!(" against {other}")).unwrap_or_default();
        let first = format!(
            "Found by corsuite fuzz {version} at {endpoint}{against}: seed {}, input {}{part}, first seen {}.",
            plan.seed,
            finding.index,
            finding.seen.strftime("%Y-%m-%dT%H:%M:%SZ"),
        );
        let mut text = format!("# {}\n", visible(&first));
        let again = if versus.is_some() {
            "the first one answers like this, the second one does not"
        } else {
            "it was wrong each time"
        };
        let _ = writeln!(
            text,
            "# {} of {} times; {}. See it again: corsuite run --cases THIS_FOLDER --endpoint URL",
            finding.shown,
            finding.tried,
            if finding.is_stable() { again } else { "it is not stable" }
        );
        for line in finding.mismatch.curl.lines() {
            let _ = writeln!(text, "# {}", visible(line));
        }
        text
    }

    /// Keeps an input that showed something new.
    pub(in crate::cli) fn input(&self, case: &Case) -> io::Result<()> {
        let folder = self.path.join("corpus");
        std::fs::create_dir_all(&folder)?;
        write_whole(
            &folder.join(format!("{}.yaml", case.id)),
            &write("An input that reached a feature first.", std::slice::from_ref(case)),
        )
    }
}

/// The id of a finding's case, and a file of it that `corsuite run --cases` takes.
pub(super) fn case_file(finding: &Finding) -> (String, String) {
    let about = format!("{} (found by corsuite fuzz)", finding.kind);
    let mut case = Case::clone(&finding.case);
    "found".clone_into(&mut case.id);
    case.about.clone_from(&about);
    let id = name_of(&write(&about, std::slice::from_ref(&case)));
    case.id.clone_from(&id);
    (id, write(&about, &[case]))
}

/// `found-` and digits that depend on the content alone.
fn name_of(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().take(6).fold("found-".to_owned(), |mut name, byte| {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
        name
    })
}
