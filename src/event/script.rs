//! What an osascript or automator execution was given to run.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

/// The script of one execution; the members are ECS-style fields of `osawatch.script`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// `inline`, `file`, `stdin`, `workflow`, `applet` or `unknown`; empty: scripts are not captured, and nothing but
    /// the executable was looked at.
    pub source: &'static str,
    /// `AppleScript` or `JavaScript`, when known.
    pub language: Option<&'static str>,
    /// The text, or its first 8 KiB.
    pub text: Option<String>,
    /// Bytes of the text that are left out.
    pub text_left_out: u64,
    /// The file.
    pub path: Option<String>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// SHA-256 of the inline text or of the file, in lower-case hex.
    pub sha256: Option<String>,
    /// The file is compiled, so it has no text.
    pub is_compiled: bool,
    /// Why the file could not be read as it was: `gone`, `changed`, `too_large`, `not_a_file`,
    /// `not_readable_by_user`, `unreadable`, `timed_out`, or `skipped` when too many were being examined.
    pub state: Option<&'static str>,
    /// What helps triage: names of the table of indicators.
    pub indicators: Vec<&'static str>,
    /// Which pipe its text came by.
    pub stdin_pipe: Option<String>,
    /// The arguments after the script.
    pub arguments: u64,
    /// Texts that are packed in it, or that a compiled script holds; together some KiB.
    pub decoded: Vec<String>,
    /// The commands of a compiled script.
    pub commands: Vec<&'static str>,
    /// URLs and hosts that it names, packed or not.
    pub urls: Vec<String>,
    /// Files that it names, in places that matter.
    pub files: Vec<String>,
    /// SHA-256 of the executable, in lower-case hex.
    pub executable_sha256: Option<String>,
    /// While its file is being examined: where the result will be, in place of all this.
    pub examined: Option<Arc<OnceLock<Script>>>,
}

impl Script {
    /// Bytes of text that an alert holds.
    pub const MAX_TEXT: usize = 8192;

    /// Whether all is known that will be.
    pub fn is_settled(&self) -> bool {
        self.examined.as_ref().is_none_or(|examined| examined.get().is_some())
    }

    /// What is known now.
    pub fn current(&self) -> Cow<'_, Script> {
        match self.examined.as_ref().map(|examined| examined.get()) {
            None => Cow::Borrowed(self),
            Some(Some(examined)) => Cow::Borrowed(examined),
            Some(None) => Cow::Owned(Script { state: Some("timed_out"), examined: None, ..self.clone() }),
        }
    }

    /// How many bytes it holds.
    pub fn bytes(&self) -> usize {
        let texts =
            [&self.text, &self.path, &self.sha256, &self.executable_sha256, &self.stdin_pipe].into_iter().flatten();
        let lists = [&self.decoded, &self.urls, &self.files].into_iter().flatten();
        let held = |text: &String| size_of::<String>() + text.capacity();
        // One that is being examined may come to hold this much text.
        let later = if self.examined.is_some() { Script::MAX_TEXT } else { 0 };
        size_of::<Script>() + texts.map(String::capacity).sum::<usize>() + lists.map(held).sum::<usize>() + later
    }
}
