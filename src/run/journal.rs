//! What a run created or borrowed, written down before it happens, so that [`super::clean_up`] can undo it after a crash.
//!
//! A journal is a file of JSON lines. A line that was torn by a crash is passed over.
#![expect(clippy::disallowed_methods, reason = "shell: the journal is a file")]

use std::fmt;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// One line of a journal.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Entry {
    /// A bucket is about to be created.
    Create {
        /// Endpoint.
        endpoint: String,
        /// Bucket.
        bucket: String,
    },
    /// A created bucket is gone.
    Removed {
        /// Endpoint.
        endpoint: String,
        /// Bucket.
        bucket: String,
    },
    /// A bucket of the user is about to be changed.
    Borrow {
        /// Endpoint.
        endpoint: String,
        /// Bucket.
        bucket: String,
        /// Its CORS document; none if it had none.
        cors: Option<String>,
        /// Its ACL.
        acl: Option<String>,
        /// What every object of the run begins with.
        objects: String,
    },
    /// It is as it was.
    Restored {
        /// Endpoint.
        endpoint: String,
        /// Bucket.
        bucket: String,
    },
}

/// Where entries go.
pub trait Journal: Send + Sync + fmt::Debug {
    /// Keeps an entry; when it returns, the entry outlives a crash.
    ///
    /// # Errors
    ///
    /// If it cannot be kept.
    fn record(&self, entry: &Entry) -> io::Result<()>;

    /// What is still to be undone at an endpoint.
    ///
    /// # Errors
    ///
    /// If it cannot be found out.
    fn pending(&self, endpoint: &str) -> io::Result<Vec<Pending>>;
}

/// Keeps nothing: for implementations that are gone with the process.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "holds nothing")]
pub struct NoJournal;

impl Journal for NoJournal {
    fn record(&self, _: &Entry) -> io::Result<()> {
        Ok(())
    }

    fn pending(&self, _: &str) -> io::Result<Vec<Pending>> {
        Ok(Vec::new())
    }
}

/// A file that entries are appended to.
#[derive(Debug)]
pub struct FileJournal {
    path: PathBuf,
    lock: Mutex<()>,
}

impl FileJournal {
    /// At a path; its folder is created.
    ///
    /// # Errors
    ///
    /// If the folder cannot be created.
    pub fn new(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(Self { path: path.to_owned(), lock: Mutex::new(()) })
    }
}

impl Journal for FileJournal {
    fn record(&self, entry: &Entry) -> io::Result<()> {
        let _guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let line = format!("{}\n", serde_json::to_string(entry)?);
        let mut file = std::fs::OpenOptions::new().create(true).append(true).read(true).open(&self.path)?;
        if file.seek(SeekFrom::End(0))? > 0 {
            // A line that a crash has torn must not swallow this one.
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        file.write_all(line.as_bytes())?;
        file.sync_data()
    }

    fn pending(&self, endpoint: &str) -> io::Result<Vec<Pending>> {
        match std::fs::read(&self.path) {
            Ok(bytes) => Ok(pending(&String::from_utf8_lossy(&bytes), endpoint)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

/// What is still to be undone at an endpoint.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Pending {
    /// A bucket to remove.
    Remove(String),
    /// A bucket to restore.
    Restore {
        /// Its name.
        bucket: String,
        /// Its CORS document.
        cors: Option<String>,
        /// Its ACL.
        acl: Option<String>,
        /// What objects to delete begin with.
        objects: String,
    },
}

/// Reads a journal: what is pending at `endpoint`, oldest first. The first `Borrow` of a bucket counts, since later ones
/// may have seen what an interrupted run left.
pub fn pending(text: &str, endpoint: &str) -> Vec<Pending> {
    let mut found: Vec<Pending> = Vec::new();
    let entries = text.lines().filter_map(|line| serde_json::from_str::<Entry>(line).ok());
    for entry in entries {
        match entry {
            Entry::Create { endpoint: at, bucket }
                if at == endpoint && !found.contains(&Pending::Remove(bucket.clone())) =>
            {
                found.push(Pending::Remove(bucket));
            }
            Entry::Removed { endpoint: at, bucket } if at == endpoint => {
                found.retain(|pending| *pending != Pending::Remove(bucket.clone()));
            }
            Entry::Borrow { endpoint: at, bucket, cors, acl, objects } if at == endpoint => {
                let known = found
                    .iter()
                    .any(|pending| matches!(pending, Pending::Restore { bucket: name, .. } if *name == bucket));
                if !known {
                    found.push(Pending::Restore { bucket, cors, acl, objects });
                }
            }
            Entry::Restored { endpoint: at, bucket } if at == endpoint => {
                found.retain(|pending| !matches!(pending, Pending::Restore { bucket: name, .. } if *name == bucket));
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pending() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/journal.jsonl");
        let journal = FileJournal::new(&path).unwrap();
        let (here, there) = ("http://here", "http://there");
        let create =
            |endpoint: &str, bucket: &str| Entry::Create { endpoint: endpoint.to_owned(), bucket: bucket.to_owned() };
        let borrow = |cors: Option<&str>| Entry::Borrow {
            endpoint: here.to_owned(),
            bucket: "mine".to_owned(),
            cors: cors.map(str::to_owned),
            acl: None,
            objects: "x/".to_owned(),
        };
        for entry in [create(here, "a"), create(here, "b"), create(there, "c"), borrow(Some("<x/>")), borrow(None)] {
            journal.record(&entry).unwrap();
        }
        journal.record(&Entry::Removed { endpoint: here.to_owned(), bucket: "a".to_owned() }).unwrap();
        let torn = format!("{}{{\"event\":\"create\",\"endp", std::fs::read_to_string(&path).unwrap());
        std::fs::write(&path, torn).unwrap();
        journal.record(&create(there, "d")).unwrap();
        assert_eq!(journal.pending(there).unwrap(), [Pending::Remove("c".to_owned()), Pending::Remove("d".to_owned())]);
        let mut text = std::fs::read_to_string(&path).unwrap();
        let restore = Pending::Restore {
            bucket: "mine".to_owned(),
            cors: Some("<x/>".to_owned()),
            acl: None,
            objects: "x/".to_owned(),
        };
        assert_eq!(pending(&text, here), [Pending::Remove("b".to_owned()), restore]);
        text.push_str("\n{\"event\":\"restored\",\"endpoint\":\"http://here\",\"bucket\":\"mine\"}\n");
        assert_eq!(pending(&text, here), [Pending::Remove("b".to_owned())]);
    }
}
