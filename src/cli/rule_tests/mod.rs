//! `osawatch rules test`: the examples of rules, what of a rule they need, and what a rule finds in recordings.

mod baseline;
mod coverage;
mod events;
mod junit;
mod suite;

use std::path::PathBuf;
use std::process::ExitCode;

use super::evidence::{self, OutputFile};
use super::exit::{Failure, print, source_failure};
use crate::report::{plural, visible};
use crate::source::recording::{Input, Sources};
use suite::{Suite, Suites, Tested, Verdict};

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
    /// Show what each rule finds in this recording; may be given several times
    #[arg(long, value_name = "RECORDING")]
    baseline: Vec<PathBuf>,
    /// Compare with the counts that the last run kept in this file, and keep those of this run
    #[arg(long, value_name = "FILE", requires = "baseline")]
    baseline_state: Option<PathBuf>,
}

impl Args {
    /// Refuses outputs that would change evidence.
    fn spare(&self) -> Result<(), Failure> {
        let junit = self.junit.as_deref().map(OutputFile::junit);
        let counts = self.baseline_state.as_deref().map(OutputFile::counts);
        let outputs: Vec<OutputFile<'_>> = junit.into_iter().chain(counts).collect();
        let inputs: Vec<Input> = self.baseline.iter().map(|path| Input::from(path.as_path())).collect();
        evidence::spare(&outputs, &Sources::find(&inputs).map_err(source_failure)?)
    }
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    args.spare()?;
    let Suites { suites, skipped } = Suites::load(&args.paths)?;
    let mut tested = Vec::new();
    for suite in &suites {
        for case in &suite.cases {
            tested.push(Tested { suite, name: &case.name, verdict: suite.test(case) });
        }
    }
    let mut out: String = skipped.iter().map(|why| format!("skipped  {why}\n")).collect();
    out += &text(&suites, &tested);
    let mut judged = None;
    if args.coverage {
        let (report, score) = coverage::report(&suites);
        out += &report;
        let judge = |least| coverage::shortfall(score, least).map_or(Verdict::Passed, Verdict::Failed);
        judged = args.min_score.map(judge);
    }
    if !args.baseline.is_empty() {
        out += &baseline::report(&suites, &args.baseline, args.baseline_state.as_deref())?;
    }
    if let Some(verdict @ Verdict::Failed(_)) = &judged {
        out += &format!("{verdict}\n");
    }
    if let Some(path) = &args.junit {
        OutputFile::junit(path).write(&junit::xml(&tested, judged.as_ref()))?;
    }
    print(&out)?;
    let mut verdicts = tested.iter().map(|tested| &tested.verdict).chain(&judged);
    Ok(ExitCode::from(u8::from(verdicts.any(|verdict| *verdict != Verdict::Passed))))
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
