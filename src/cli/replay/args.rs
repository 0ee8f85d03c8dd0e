//! The arguments of `osawatch replay`.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::args::{at_least_one, duration, end, time, zone};
use crate::cli::config::ConfigArgs;
use crate::cli::evidence::OutputFile;
use crate::cli::rules::Selection;
use crate::cli::sink::Format;
use crate::detect::Lateness;
use crate::event::{Timestamp, Zone};
use crate::pipeline::Limits;

/// Arguments of `replay`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Recordings, as JSON of any layout or CSV, plain or compressed: ECS documents, eslogger or Jamf Protect; directories
    /// of them; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(super) inputs: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) selection: Selection,
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    /// Report on standard error which exception suppressed which sequence
    #[arg(long, requires = "config")]
    pub(super) explain: bool,
    /// Append the alerts to this file; standard output then shows them only on a terminal or with --output
    #[arg(long, value_name = "FILE")]
    pub(super) alerts: Option<PathBuf>,
    /// Write the case report, one HTML page, to this file
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    /// Write what was replayed, what it covered and what was found to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) json_summary: Option<PathBuf>,
    /// How to show alerts on standard output [default: text on a terminal, ndjson elsewhere]
    #[arg(long, value_enum)]
    pub(super) output: Option<Format>,
    /// Exit with 3 if there is no alert because no rule could have matched
    #[arg(long)]
    pub(super) strict: bool,
    /// Only alerts from this time on, such as 2026-11-24T09:00:00Z; earlier events still provide the ancestry
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) from: Option<Timestamp>,
    /// Only events until this time, or to the end of a day such as 2026-11-24
    #[arg(long, value_name = "TIME", value_parser = end)]
    pub(super) to: Option<Timestamp>,
    /// Only events of this host, by name or id; may be given several times
    #[arg(long, value_name = "HOST")]
    pub(super) host: Vec<String>,
    /// The zone of dates in CSV that state none, as Kibana writes them: UTC, an offset or a name such as Europe/Berlin
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    pub(super) zone: Option<Zone>,
    /// Accept events in any order, holding them all in memory
    #[arg(long, conflicts_with = "lateness")]
    pub(super) sort: bool,
    /// How late an event may arrive and still be sorted into place; 0 keeps the order of the input [default: 5s, and small
    /// files that are out of order are sorted]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(super) lateness: Option<Duration>,
    /// Process executions to track, at about 2 KB each [default: as many as fit into 20 MiB]
    #[arg(long, value_name = "COUNT", value_parser = at_least_one)]
    max_processes: Option<usize>,
    /// Partial sequences to keep for each rule, at about 2 KB each [default: 65536, as long as those of all rules fit into
    /// 8 MiB]
    #[arg(long, value_name = "COUNT", value_parser = at_least_one)]
    max_sequences: Option<usize>,
    /// Events to buffer while waiting for earlier ones, at about 2 KB each [default: 131072, as long as they fit into 8 MiB]
    #[arg(long, value_name = "COUNT", value_parser = at_least_one)]
    max_reorder: Option<usize>,
    /// Threads to decode and to apply the rules; the alerts are the same with however many [default: one for each core]
    #[arg(long, value_name = "COUNT", value_parser = at_least_one)]
    pub(super) threads: Option<usize>,
    /// Ask every rule about every event, also where none of its stages can match; the alerts are the same
    #[arg(long)]
    pub(super) no_prefilter: bool,
}

impl Args {
    /// How much is held.
    pub(super) fn limits(&self, lateness: Lateness) -> Limits {
        let mut limits = Limits { lateness, ..Limits::replay() };
        self.max_processes.into_iter().for_each(|count| limits.hold_executions(count));
        self.max_sequences.into_iter().for_each(|count| limits.hold_sequences(count));
        self.max_reorder.into_iter().for_each(|count| limits.hold_events(count));
        limits
    }

    /// The files that it writes.
    pub(super) fn output_files(&self) -> Vec<OutputFile<'_>> {
        let alerts = self.alerts.as_deref().map(OutputFile::alerts);
        let page = self.html.as_deref().map(OutputFile::page);
        let summary = self.json_summary.as_deref().map(OutputFile::summary);
        [alerts, page, summary].into_iter().flatten().collect()
    }
}
