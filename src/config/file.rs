//! The configuration file, and the exceptions beside it.

use std::io;
use std::path::{Path, PathBuf};

use super::error::{Error, Problem, What};
use super::trust::{self, Trust};
use super::{Config, ExceptionFile};

/// A configuration is a few pages of text; this bounds what a mistaken path can cost.
const MAX_BYTES: u64 = 1 << 20;

/// Reads a configuration file and the exceptions beside it. What others than root, or the user, could have written is
/// refused. All that is wrong is reported.
pub(crate) fn load(path: &Path) -> Result<Config, Error> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut problems = Vec::new();
    let config = read(path).and_then(|(origin, text)| Config::parse(&origin, &text));
    let config = config.map_err(|error| problems.extend(error.problems)).ok();
    let exception_files = exception_files(&folder.join("exceptions.d"), &mut problems);
    let Some(mut config) = config.filter(|_| problems.is_empty()) else { return Err(Error { problems }) };
    for rules in &mut config.rules.paths {
        *rules = folder.join(&*rules);
    }
    config.exception_files = exception_files;
    Ok(config)
}

/// The `.toml` files of the folder, in order of name; empty when there is no such folder.
fn exception_files(folder: &Path, problems: &mut Vec<Problem>) -> Vec<ExceptionFile> {
    let paths = match list(folder) {
        Ok(paths) => paths,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            problems.push(Problem::of_file(&folder.display().to_string(), What::Folder(error)));
            Vec::new()
        }
    };
    let mut files = Vec::new();
    for path in paths {
        match read(&path).and_then(|(origin, text)| ExceptionFile::parse(&origin, &text)) {
            Ok(file) => files.push(file),
            Err(error) => problems.extend(error.problems),
        }
    }
    files
}

fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !is_hidden && path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<(String, String), Error> {
    let origin = path.display().to_string();
    match trust::read(path, Trust::OwnerOnly, MAX_BYTES) {
        Ok(text) => Ok((origin, text)),
        Err(trust::Error::NotUtf8(before)) => {
            let at = before.len();
            Err(Problem::at((&origin, &before), at, What::File(trust::Error::NotUtf8(String::new()))).into())
        }
        Err(error) => Err(Problem::of_file(&origin, What::File(error)).into()),
    }
}
