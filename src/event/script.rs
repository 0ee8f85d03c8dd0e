//! What an osascript or automator execution was given to run.

/// The script of one execution; the members are ECS-style fields of `osawatch.script`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// `inline`, `file`, `stdin`, `workflow`, `applet` or `unknown`.
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
    /// `not_readable_by_user` or `unreadable`.
    pub state: Option<&'static str>,
    /// What helps triage: names of the table of indicators.
    pub indicators: Vec<&'static str>,
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
}

impl Script {
    /// How many bytes it holds.
    pub fn bytes(&self) -> usize {
        let texts = [&self.text, &self.path, &self.sha256].into_iter().flatten();
        let lists = [&self.decoded, &self.urls, &self.files].into_iter().flatten();
        let held = |text: &String| size_of::<String>() + text.capacity();
        size_of::<Script>() + texts.map(String::capacity).sum::<usize>() + lists.map(held).sum::<usize>()
    }
}
