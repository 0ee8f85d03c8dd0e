//! The configuration, files and managed preferences: TOML to ready-made values. An unknown key or a value out of range is an error
//! with file, line and column; what the file leaves out has its default.

mod error;
pub(crate) mod keys;
mod layers;
pub(crate) mod lint;
mod managed;
mod operation;
mod origins;
mod parse;
mod rule_paths;
pub(crate) mod trust;
mod value;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::detect::Volume;
use crate::detect::exception::Entry;
use crate::output::Fsync;
use crate::quantity::{serialize_duration, serialize_size};
use crate::script::{Capture, Redactor};
use crate::source::live::{ExecSource, NetworkSource};

pub(crate) use error::{Error, Problem, What};
pub(crate) use layers::{Layers, Stamp, load};
pub(crate) use operation::{Action, Agent, Limits, LogLevel, Response};
pub(crate) use origins::{Origin, Origins, bare};
pub(crate) use rule_paths::RulePaths;

/// The effective configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// `[alerts]`
    pub alerts: Alerts,
    /// `[script]`
    pub script: Script,
    /// `[volume]`
    pub volume: Volume,
    /// `[sources]`
    pub sources: Sources,
    /// `[rules]`
    pub rules: Rules,
    /// `[agent]`
    pub agent: Agent,
    /// `[limits]`
    pub limits: Limits,
    /// `[response]`
    pub response: Response,
    /// `[[exception]]`, as written; the rule set compiles them.
    #[serde(rename = "exception", skip_serializing)]
    pub exceptions: Vec<Entry>,
    /// Those of the other files, in order: `conf.d`, managed, `exceptions.d`.
    #[serde(skip)]
    pub exception_files: Vec<ExceptionFile>,
    /// The file and its text, for errors in exceptions.
    #[serde(skip)]
    pub source: (String, String),
    /// Where each value stands.
    #[serde(skip)]
    pub origins: Origins,
    /// Managed keys that are left out, as this version does not know them, a sentence each.
    #[serde(skip)]
    pub unknown_keys: Vec<String>,
}

/// A file of exceptions.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ExceptionFile {
    /// Its path.
    pub origin: String,
    /// Its text, for errors.
    pub text: String,
    /// They are managed: there is no text that an administrator could look at.
    pub is_managed: bool,
    /// `[[exception]]`, as written.
    pub entries: Vec<Entry>,
}

impl ExceptionFile {
    /// Reads such a file, which holds nothing else: what could be read, and what is wrong.
    pub(crate) fn parse(origin: &str, text: &str) -> (ExceptionFile, Vec<Problem>) {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Entries {
            #[serde(default)]
            exception: Vec<Entry>,
        }
        let (read, problems) = parse::parse::<Entries>((origin, text));
        let entries = read.map(|(entries, _)| entries.exception).unwrap_or_default();
        (ExceptionFile { origin: origin.to_owned(), text: text.to_owned(), is_managed: false, entries }, problems)
    }
}

/// Where alerts are written, and how long they are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Alerts {
    /// The alert file, an absolute path.
    #[serde(deserialize_with = "value::absolute")]
    pub file: PathBuf,
    /// Where state is kept between runs, an absolute path.
    #[serde(deserialize_with = "value::absolute")]
    pub state_directory: PathBuf,
    /// When written alerts are forced to the disk.
    pub fsync: Fsync,
    /// How often, when `fsync` is `interval`; 10 ms to 1 h.
    #[serde(serialize_with = "serialize_duration", deserialize_with = "value::fsync_interval")]
    pub fsync_interval: Duration,
    /// Bytes of the file at which it is rotated; 64 KiB to 1 TiB.
    #[serde(serialize_with = "serialize_size", deserialize_with = "value::rotate_size")]
    pub rotate_size: u64,
    /// Age of the file at which it is rotated; 1 min to 366 days.
    #[serde(serialize_with = "serialize_duration", deserialize_with = "value::rotate_age")]
    pub rotate_age: Duration,
    /// Rotated files to keep; 1 to 10,000.
    #[serde(deserialize_with = "value::keep_files")]
    pub keep_files: u32,
    /// How long rotated files are kept; 1 min to 3,660 days.
    #[serde(serialize_with = "serialize_duration", deserialize_with = "value::keep_age")]
    pub keep_age: Duration,
    /// Bytes of all alert files to keep; 64 KiB to 1 PiB, and at least `rotate_size`.
    #[serde(serialize_with = "serialize_size", deserialize_with = "value::keep_size")]
    pub keep_size: u64,
    /// Rotated files that stay uncompressed, the newest; `None`: all of them. 1 to 10,000.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "value::compress_after")]
    pub compress_after: Option<u32>,
    /// Also send alerts to syslog.
    pub syslog: bool,
}

impl Default for Alerts {
    fn default() -> Alerts {
        Alerts {
            file: "/var/log/osawatch/alerts.ndjson".into(),
            state_directory: "/var/db/osawatch".into(),
            fsync: Fsync::Always,
            fsync_interval: Duration::from_secs(1),
            rotate_size: 16 << 20,
            rotate_age: Duration::from_secs(24 * 3600),
            keep_files: 14,
            keep_age: Duration::from_secs(30 * 24 * 3600),
            keep_size: 512 << 20,
            compress_after: None,
            syslog: false,
        }
    }
}

/// What an alert contains of the script that ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Script {
    /// How much of it.
    pub capture_script: Capture,
    /// Regular expressions whose matches are left out of alerts; each compiles.
    #[serde(deserialize_with = "value::regexes")]
    pub redact: Vec<String>,
    /// Also leave out passwords, tokens and keys that osawatch finds by itself.
    pub redact_defaults: bool,
    /// Equal secrets get equal marks under this key; `random` draws one for each run; when empty, marks are plain.
    pub redact_key: String,
}

impl Default for Script {
    fn default() -> Script {
        Script { capture_script: Capture::Full, redact: Vec::new(), redact_defaults: true, redact_key: String::new() }
    }
}

/// Where events come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sources {
    /// Process events.
    pub exec: ExecSource,
    /// Network events.
    pub network: NetworkSource,
    /// Also use Endpoint Security's undocumented connect event.
    pub endpoint_security_connect_event: bool,
    /// Programs whose processes Endpoint Security does not report: whole paths.
    #[serde(deserialize_with = "value::absolute_paths")]
    pub mute: Vec<PathBuf>,
}

/// Which rules run besides the built-in ones, and which do not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Rules {
    /// Rule files, or folders of them; a relative path starts at the folder of the configuration.
    pub paths: Vec<PathBuf>,
    /// Ids of rules that do not run.
    pub disable: Vec<String>,
    /// Ids of rules that run although they are off by default.
    pub enable: Vec<String>,
}

impl Rules {
    /// The folder beside the configuration that rules are in by default; it may be empty or missing.
    pub(crate) const FOLDER: &str = "rules";
}

impl Default for Rules {
    fn default() -> Rules {
        Rules { paths: vec![Rules::FOLDER.into()], disable: Vec::new(), enable: Vec::new() }
    }
}

impl Script {
    /// What is left out.
    pub(crate) fn redactor(&self) -> Result<Redactor, Error> {
        let built = Redactor::new(&self.redact, self.redact_defaults);
        let built = built.map(|redactor| redactor.with_capture(self.capture_script).with_key(&self.redact_key));
        built.map_err(|error| Problem::of_file("[script]", What::Redact(error.to_string())).into())
    }
}

impl Config {
    /// Whether a file has a value of this section.
    pub(crate) fn states(&self, section: &str) -> bool {
        self.origins.state(section)
    }

    /// Where a value stands, as the beginning of a message about it.
    pub(crate) fn place_of(&self, key: &str) -> String {
        match self.origins.of(key) {
            Origin::File { file, place } => format!("{file}:{place}"),
            Origin::Managed { file } => format!("{file}: `{key}`"),
            Origin::Default => self.source.0.clone(),
        }
    }

    /// Reads a configuration of one file. `origin` is what error messages call it.
    pub(crate) fn parse(origin: &str, text: &str) -> Result<Config, Error> {
        let (read, problems) = parse::parse::<Config>((origin, text));
        let Some((mut config, _)) = read.filter(|_| problems.is_empty()) else { return Err(Error { problems }) };
        config.origins.add(text, |place| Origin::File { file: origin.to_owned(), place });
        config.check()?;
        config.source = (origin.to_owned(), text.to_owned());
        Ok(config)
    }

    /// What no single value shows.
    fn check(&self) -> Result<(), Error> {
        let mut problems = Vec::new();
        if self.alerts.keep_size < self.alerts.rotate_size {
            problems.push(self.problem_of(["alerts.keep_size", "alerts.rotate_size"], What::KeepsNoFile));
        }
        if self.alerts.file == self.alerts.state_directory {
            problems.push(self.problem_of(["alerts.state_directory", "alerts.file"], What::OnePath));
        }
        if problems.is_empty() { Ok(()) } else { Err(Error { problems }) }
    }

    /// What is wrong with two values together, where the first of them is stated.
    fn problem_of(&self, keys: [&str; 2], what: What) -> Problem {
        let stated = keys.map(|key| (key, self.origins.of(key)));
        let stated = stated.into_iter().find(|(_, origin)| *origin != Origin::Default);
        let problem = Problem::of_file(&self.source.0, what);
        match stated {
            Some((_, Origin::File { file, place })) => Problem { origin: file, place: Some(place), ..problem },
            Some((key, Origin::Managed { file })) => Problem { origin: file, key: Some(key.to_owned()), ..problem },
            _ => problem,
        }
    }

    /// The effective configuration as TOML, which reads back as itself.
    pub(crate) fn to_toml(&self) -> Result<String, Error> {
        toml::to_string(self).map_err(|error| Problem::of_file(&self.source.0, What::Write(error)).into())
    }
}

#[cfg(test)]
mod tests;
