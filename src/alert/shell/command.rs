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
    /// It is a file that a download was written to, or that was in one.
    pub is_file: bool,
    /// `X=`, and a download is behind it.
    pub is_set: bool,
    /// It is a text with a command that downloads: `do shell script "curl …"`.
    pub writes_download: bool,
}

impl Word {
    /// A word without quotes.
    pub(super) fn of(text: &str) -> Word {
        Word { text: text.to_owned(), ..Word::default() }
    }

    /// A quoted text or a substitution is put to its end.
    pub(super) fn put(&mut self, is_download: bool) {
        self.is_download |= is_download && self.text.is_empty();
        self.is_set |= is_download && self.text.strip_suffix('=').is_some_and(is_name);
    }

    /// The name of a program, without what a shell takes out of its letters: `c'u'rl`.
    pub(super) fn base_name(&self) -> String {
        let name = self.text.rsplit('/').next().unwrap_or_default();
        name.replace('\'', "").replace("$@", "").replace("$*", "").to_ascii_lowercase()
    }

    /// Its letters, if it is options: `-la`.
    pub(super) fn letters(&self) -> Option<&str> {
        self.text.strip_prefix('-').filter(|letters| !letters.starts_with('-'))
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
    /// Its text is known to be given to a shell, and not a value.
    pub is_certain: bool,
}

/// Whether `X=` sets a variable.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
