//! `osawatch rules test`: the examples of rules, what of a rule they need, and what a rule finds in recordings.

mod baseline;
mod coverage;
mod events;
mod junit;
mod suite;

use std::path::PathBuf;
use std::process::ExitCode;

use super::exit::{Failure, print};
use crate::report::{plural, visible};
use suite::{Suite, Tested, Verdict};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Rule files, or directories of them [default: the built-in rules]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Also write the results as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Show which clauses the examples need: each clause is replaced by true and by false, and an example must fail
    #[arg(long)]
    coverage: bool,
    /// Fail when a smaller percentage of these changes is noticed
    #[arg(long, value_name = "PERCENT", requires = "coverage", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_score: Option<u8>,
    /// Show what each rule finds in these recordings
    #[arg(long, value_name = "RECORDING", num_args = 1..)]
    baseline: Vec<PathBuf>,
    /// Compare with the counts that the last run kept in this file, and keep those of this run
    #[arg(long, value_name = "FILE", requires = "baseline")]
    baseline_state: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let suites = suite::load(&args.paths)?;
    let mut tested = Vec::new();
    for suite in &suites {
        for case in &suite.cases {
            tested.push(Tested { suite, name: &case.name, verdict: suite.test(case) });
        }
    }
    let mut out = text(&suites, &tested);
    let failed = tested.iter().filter(|tested| tested.verdict != Verdict::Passed).count();
    let mut is_low = false;
    if args.coverage {
        let (report, score) = coverage::report(&suites);
        out += &report;
        is_low = score < f64::from(args.min_score.unwrap_or(0));
    }
    if !args.baseline.is_empty() {
        out += &baseline::report(&suites, &args.baseline, args.baseline_state.as_deref())?;
    }
    if let Some(path) = &args.junit {
        let written = std::fs::write(path, junit::xml(&tested));
        written.map_err(|error| Failure::new(Failure::CANNOT_CREATE, format!("{}: {error}", path.display())))?;
    }
    print(&out)?;
    Ok(ExitCode::from(u8::from(failed > 0 || is_low)))
}

fn text(suites: &[Suite], tested: &[Tested<'_>]) -> String {
    let mut out = String::new();
    let mut line = |text: &str| {
        out += &text.lines().map(|line| visible(line) + "\n").collect::<String>();
    };
    for Tested { suite, name, verdict } in tested {
        line(&format!("{}: {}: {verdict}", visible(&suite.rule.id), visible(name)));
    }
    for suite in suites.iter().filter(|suite| suite.cases.is_empty()) {
        line(&format!("{}: has no example", visible(&suite.rule.id)));
    }
    let failed = tested.iter().filter(|tested| tested.verdict != Verdict::Passed).count();
    let passed = tested.len() - failed;
    line(&format!("{} of {} passed, {failed} failed", passed, plural(tested.len() as u64, "example")));
    out
}
