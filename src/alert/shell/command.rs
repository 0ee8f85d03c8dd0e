//! A command of a shell, as far as it is of interest which one downloads and which runs that.

/// A word of a command.
#[derive(Debug, Default)]
pub(super) struct Word {
    /// Without its quotes; what is substituted is left out.
    pub text: String,
    /// It begins with what a command in it downloads.
    pub is_download: bool,
    /// It was quoted, so that it is no number of a descriptor.
    pub is_quoted: bool,
    /// It is a file that a download was written to.
    pub is_file: bool,
    /// `X=`, and a download is behind it.
    pub is_set: bool,
    /// It is a text with a command that downloads: `do shell script "curl …"`.
    pub writes_download: bool,
}

impl Word {
    /// A quoted text or a substitution is put to its end.
    pub(super) fn put(&mut self, is_download: bool) {
        self.is_download |= is_download && self.text.is_empty();
        self.is_set |= is_download && self.text.strip_suffix('=').is_some_and(is_name);
    }
}

/// A command.
#[derive(Debug, Default)]
pub(super) struct Command {
    pub words: Vec<Word>,
    /// Its standard input is redirected: to a download?
    pub input: Option<bool>,
    /// The file that its standard output is.
    pub output: Option<String>,
    /// It is what a group of commands wrote, and that is a download.
    pub has_written: bool,
}

/// Whether `X=` sets a variable.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
