//! The files that the named inputs come to: a directory is the files in it.

use std::fs::{self, File, FileType};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::origin::Input;
use crate::event::Zone;
use crate::visible::visible;

/// How many files of directories are merged.
const MAX_FILES: usize = 100_000;
/// How deep directories are walked.
const MAX_DEPTH: usize = 64;

/// Where one input of a recording comes from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) input: Input,
    /// It was found in a directory: what cannot be read is skipped.
    pub(super) found: bool,
    /// Dates of a table that state no zone are of this one.
    pub(super) zone: Option<Zone>,
}

/// The files of a recording, and standard input.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    pub(super) all: Vec<Source>,
    /// What directories hold besides files, and why it is left out.
    left_out: Vec<(PathBuf, &'static str)>,
}

impl Sources {
    /// Walks the directories among the inputs: in order of names, and not along symbolic links.
    pub fn find(inputs: &[Input]) -> Result<Sources, Error> {
        if inputs.iter().filter(|input| **input == Input::Stdin).count() > 1 {
            return Err(Error::StdinTwice);
        }
        let mut sources = Sources::default();
        for input in inputs {
            match input {
                Input::File(path) if path.is_dir() => {
                    let before = sources.all.len();
                    sources.walk(path, path, 0)?;
                    if sources.all.len() == before {
                        return Err(Error::NoRecording { path: path.clone() });
                    }
                }
                input => sources.all.push(Source { input: input.clone(), found: false, zone: None }),
            }
        }
        Ok(sources)
    }

    /// Dates of tables that state no zone are of this one.
    #[must_use]
    pub fn in_zone(mut self, zone: &Zone) -> Sources {
        self.all.iter_mut().for_each(|source| source.zone = Some(zone.clone()));
        self
    }

    /// The files, and standard input.
    pub fn inputs(&self) -> impl Iterator<Item = &Input> {
        self.all.iter().map(|source| &source.input)
    }

    /// What directories hold besides files, by its name, and why it is left out.
    pub fn left_out(&self) -> impl Iterator<Item = (String, &'static str)> {
        self.left_out.iter().map(|(path, why)| (visible(&path.to_string_lossy()), *why))
    }

    /// How many bytes the files have, as they are stored; `None` when there is a stream among them.
    pub fn size(&self) -> Option<u64> {
        let size = |source: &Source| match &source.input {
            Input::Stdin => None,
            Input::Memory(bytes) => Some(bytes.len() as u64),
            Input::File(path) => fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|found| found.len()),
        };
        self.all.iter().map(size).sum()
    }

    /// Whether the path leads to one of the files, under any name.
    pub fn hold(&self, path: &Path) -> bool {
        let identity = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
        let Some(wanted) = identity(path) else { return false };
        self.all.iter().any(|source| match &source.input {
            Input::Memory(_) => false,
            Input::Stdin => fs::metadata("/dev/stdin").is_ok_and(|found| (found.dev(), found.ino()) == wanted),
            Input::File(path) => identity(path) == Some(wanted),
        })
    }

    fn walk(&mut self, root: &Path, directory: &Path, depth: usize) -> Result<(), Error> {
        let failed = |error| Error::Open { path: directory.to_owned(), error };
        let mut entries = fs::read_dir(directory).map_err(failed)?.collect::<io::Result<Vec<_>>>().map_err(failed)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() && depth < MAX_DEPTH {
                self.walk(root, &entry.path(), depth + 1)?;
            } else if kind.is_file() {
                self.all.push(Source { input: Input::File(entry.path()), found: true, zone: None });
            } else {
                self.left_out.push((entry.path(), why_left_out(kind)));
            }
            if self.all.len() + self.left_out.len() > MAX_FILES {
                return Err(Error::TooManyFiles { path: root.to_owned(), limit: MAX_FILES });
            }
        }
        Ok(())
    }
}

fn why_left_out(kind: FileType) -> &'static str {
    if kind.is_symlink() {
        "it is a symbolic link: name what it leads to"
    } else if kind.is_dir() {
        "it lies too deep: name it"
    } else {
        "it is no file"
    }
}

/// Opens a file; a pipe or a device has no size, and may be as silent as standard input.
pub(super) fn open(path: &PathBuf) -> Result<(File, Option<u64>), Error> {
    let failed = |error| Error::Open { path: path.clone(), error };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    Ok((file, metadata.is_file().then_some(metadata.len())))
}
