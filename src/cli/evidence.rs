//! Evidence is never changed: no output of a command is one of its inputs, another output, or a file of someone else's.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::exit::Failure;
use crate::source::recording::Sources;

/// A file that a command writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct OutputFile<'a> {
    /// The option that names it.
    option: &'static str,
    path: &'a Path,
    /// What the first bytes of such a file hold; `None`: whoever reads it before knows whether it is one.
    mark: Option<&'static str>,
    /// Its folder is made where there is none.
    makes_folder: bool,
}

/// A regular file, whether it exists or not.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    There { device: u64, inode: u64 },
    New { folder: (u64, u64), name: OsString },
}

impl<'a> OutputFile<'a> {
    fn new(option: &'static str, path: &'a Path, mark: &'static str) -> OutputFile<'a> {
        OutputFile { option, path, mark: Some(mark), makes_folder: false }
    }

    /// An alert file.
    pub(super) fn alerts(path: &'a Path) -> OutputFile<'a> {
        OutputFile { makes_folder: true, ..OutputFile::new("--alerts", path, "\"dataset\":\"osawatch.") }
    }

    /// A page of alerts.
    pub(super) fn page(path: &'a Path) -> OutputFile<'a> {
        OutputFile::new("--html", path, "<meta name=\"generator\" content=\"osawatch")
    }

    /// The summary of a replay.
    pub(super) fn summary(path: &'a Path) -> OutputFile<'a> {
        OutputFile::new("--json-summary", path, "{\"osawatch\":")
    }

    /// The results of the tests of rules.
    pub(super) fn junit(path: &'a Path) -> OutputFile<'a> {
        OutputFile::new("--junit", path, "<testsuites name=\"osawatch rules\"")
    }

    /// How often rules alerted, which the next run reads.
    pub(super) fn counts(path: &'a Path) -> OutputFile<'a> {
        OutputFile { mark: None, ..OutputFile::new("--baseline-state", path, "") }
    }

    /// A manual page.
    pub(super) fn manual(path: &'a Path) -> OutputFile<'a> {
        OutputFile::new("--output", path, ".TH osawatch")
    }

    /// Writes it whole, in place of one of ours.
    pub(super) fn write(&self, text: &str) -> Result<(), Failure> {
        // Something else can have got this name since it was looked at.
        self.spare_others()?;
        let written = match fs::symlink_metadata(self.path) {
            Ok(found) if found.is_file() => self.replace(text, Some(found.permissions())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.replace(text, None),
            // A pipe, a device, or a link, as `/dev/stdout` is one.
            _ => fs::write(self.path, text),
        };
        written.map_err(|error| self.failure(&format!("cannot write: {error}")))
    }

    /// Puts a new file in the place of the one before, which is there until then: whatever happens, one of them is whole,
    /// and no link that has got this name is followed.
    fn replace(&self, text: &str, permissions: Option<Permissions>) -> io::Result<()> {
        let mut next = self.path.as_os_str().to_owned();
        next.push(format!(".{}.next", std::process::id()));
        let mut file = File::create_new(&next)?;
        let kept = permissions.map_or(Ok(()), |permissions| file.set_permissions(permissions));
        let written = kept.and_then(|()| file.write_all(text.as_bytes())).and_then(|()| file.sync_all());
        let replaced = written.and_then(|()| fs::rename(&next, self.path));
        replaced.inspect_err(|_| _ = fs::remove_file(&next))
    }

    fn check(&self, inputs: &Sources) -> Result<(), Failure> {
        if self.path.as_os_str() == "-" {
            let why = "name a file: `/dev/stdout` is standard output, `./-` a file of that name";
            return Err(Failure::new(Failure::USAGE, format!("{} -: {why}", self.option)));
        }
        if inputs.hold(self.path) {
            return Err(self.failure("is an input; refusing to overwrite it; name another file"));
        }
        self.spare_others()?;
        match place(self.path) {
            Err(error) if !self.makes_folder => Err(self.failure(&format!("cannot write: {error}"))),
            _ => Ok(()),
        }
    }

    fn spare_others(&self) -> Result<(), Failure> {
        match self.is_ours() {
            Ok(false) => {
                let why = "exists and was not written by osawatch; refusing to overwrite it; name another file";
                Err(self.failure(why))
            }
            // What cannot be read is left to those that open it for writing.
            Ok(true) | Err(_) => Ok(()),
        }
    }

    /// Whether there is no such file, it is empty, or it begins like one of ours.
    fn is_ours(&self) -> io::Result<bool> {
        let Some(mark) = self.mark.filter(|_| self.path.is_file()) else { return Ok(true) };
        let mut start = Vec::new();
        File::open(self.path)?.take(4096).read_to_end(&mut start)?;
        Ok(start.is_empty() || memchr::memmem::find(&start, mark.as_bytes()).is_some())
    }

    /// Whether both are one file, by whatever names.
    fn is_same(&self, other: &OutputFile<'_>) -> bool {
        let places = [self, other].map(|output| place(output.path).ok().flatten());
        places[0].is_some() && places[0] == places[1]
    }

    fn failure(&self, why: &str) -> Failure {
        Failure::new(Failure::CANNOT_CREATE, format!("{} {}: {why}", self.option, self.path.display()))
    }
}

/// Refuses outputs that would change evidence, before anything is read.
pub(super) fn spare(outputs: &[OutputFile<'_>], inputs: &Sources) -> Result<(), Failure> {
    for (at, output) in outputs.iter().enumerate() {
        output.check(inputs)?;
        if let Some(other) = outputs[..at].iter().find(|other| other.is_same(output)) {
            return Err(output.failure(&format!("is the file of {} as well; name another file", other.option)));
        }
    }
    Ok(())
}

/// The file that a path leads to; `None`: what is there is no regular file, such as a pipe, and holds nothing.
fn place(path: &Path) -> io::Result<Option<Place>> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(Some(Place::There { device: found.dev(), inode: found.ino() })),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::read_link(path) {
            // A link to nowhere: what is written is made there. Links in a circle are another error.
            Ok(target) => place(&folder.join(target)),
            Err(_) => {
                let found = fs::metadata(folder)?;
                let name = path.file_name().unwrap_or_default().to_owned();
                Ok(Some(Place::New { folder: (found.dev(), found.ino()), name }))
            }
        },
        Err(error) => Err(error),
    }
}
