//! What a target does without libFuzzer: [`replay`].

use std::path::{Path, PathBuf};

/// Gives each file that is named on the command line, and each file of a folder, to a target.
///
/// # Panics
///
/// Where the target finds something, as it does under libFuzzer; and if a file cannot be read.
pub fn replay(target: fn(&[u8])) {
    let mut count = 0;
    for path in std::env::args_os().skip(1).map(PathBuf::from).flat_map(|path| files(&path)) {
        println!("{}", path.display());
        target(&std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())));
        count += 1;
    }
    println!("{count} files, no finding");
}

fn files(path: &Path) -> Vec<PathBuf> {
    let Ok(folder) = std::fs::read_dir(path) else { return vec![path.to_owned()] };
    let mut found: Vec<PathBuf> = folder.filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.sort();
    found
}
