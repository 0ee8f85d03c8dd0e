//! `osawatch doctor`: what is wrong with this installation, and how to mend it.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use super::clock::now;
use super::command::output;
use super::config::{LayerArgs, findings};
use super::doctor_sources;
use super::exit::{Failure, print};
use super::rules::Selection;
use crate::config::{Alerts, Config, Layers, trust};
use crate::detect::RuleSet;
use crate::doctor::{self, Check, folders, launchd, profile, signature};
use crate::output::state;
use crate::report::plural;
use crate::source;
use crate::source::live::{Error as LiveError, HostFacts};

const ENTITLEMENT: &str = "com.apple.developer.endpoint-security.client";
const LABEL: &str = "system/io.osawatch.agent";
/// The launchd job of an installed osawatch.
const JOB: &str = "/Library/LaunchDaemons/io.osawatch.agent.plist";
/// The oldest macOS whose sources are tested.
const OLDEST: u64 = 13;
/// A tool of the system that takes longer has hung.
const PATIENCE: Duration = Duration::from_secs(5);
/// An executable is no larger.
const MAX_EXECUTABLE: u64 = 256 << 20;

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: LayerArgs,
    #[command(flatten)]
    selection: Selection,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let mut layers = args.config.layers();
    // The job names the file, whether it is there or not.
    layers.is_named |= Path::new(JOB).exists();
    let (config_checks, config) = configuration(&layers);
    let facts = source::host_facts();
    let mut checks = system(facts.as_ref());
    checks.extend(executable(facts.is_some()));
    checks.push(managed(&layers));
    checks.extend(config_checks);
    checks.push(rules(&args.selection, config.as_ref()));
    checks.extend(written_to(layers.exist().then(|| config.clone().unwrap_or_default().alerts)));
    checks.extend(of_a_mac(facts.is_some()));
    checks.extend(doctor_sources::checks(config.as_ref()));
    if args.json {
        print(&format!("{:#}\n", doctor::json(&checks)))?;
    } else {
        print(&doctor::text(&checks))?;
    }
    Ok(ExitCode::from(doctor::exit_code(&checks)))
}

/// What an agent writes to, which is nothing without a configuration.
fn written_to(alerts: Option<Alerts>) -> Vec<Check> {
    let Some(alerts) = alerts else {
        let of_none = |name| Check::not_applicable(name, "without a configuration there is none");
        let mut checks = ["alert folder", "state folder"].map(of_none).to_vec();
        checks.push(folders::instance(state::holder(&Alerts::default().state_directory)));
        return checks;
    };
    vec![
        folders::folder("alert folder", alerts.file.parent().unwrap_or(Path::new("/")), 0o750),
        folders::folder("state folder", &alerts.state_directory, 0o700),
        folders::instance(state::holder(&alerts.state_directory)),
    ]
}

/// The system, and who asks.
fn system(facts: Option<&HostFacts>) -> Vec<Check> {
    let arch = std::env::consts::ARCH;
    let mut checks = Vec::new();
    match facts {
        None => {
            let what = format!("this is {}: recordings can be replayed, nothing can be watched", std::env::consts::OS);
            checks.push(Check::not_applicable("macOS", what));
            checks.push(Check::not_applicable("Rosetta", arch));
        }
        Some(HostFacts { os_version, is_translated }) => {
            let version = os_version.as_deref().unwrap_or("unknown");
            let major = version.split('.').next().and_then(|major| major.parse::<u64>().ok()).unwrap_or(0);
            checks.push(match major >= OLDEST {
                true => Check::pass("macOS", format!("{version}, {arch}")),
                false => Check::fail("macOS", format!("{version}, {arch}"), "update to macOS 13 or later"),
            });
            checks.push(match is_translated {
                false => Check::pass("Rosetta", "does not translate this program"),
                true => Check::fail("Rosetta", LiveError::Translated.to_string(), "run it without `arch -x86_64`"),
            });
        }
    }
    checks.push(match rustix::process::geteuid().is_root() {
        true => Check::pass("root", "yes"),
        false if facts.is_none() => Check::not_applicable("root", "nothing is watched here"),
        false => Check::fail("root", "no: what needs root was not looked at", "sudo osawatch doctor"),
    });
    checks.push(clock());
    checks
}

/// Alerts with the wrong time are found by nobody, and sequences over a jump are missed.
fn clock() -> Check {
    let built = std::env::current_exe().and_then(std::fs::metadata).and_then(|found| found.modified());
    let built = built.map(crate::event::Timestamp::from);
    match built {
        Ok(built) if now() < built => Check::fail(
            "clock",
            format!("{} is before this executable was made", now()),
            "set the clock: System Settings > General > Date & Time, or sudo sntp -sS time.apple.com",
        ),
        _ => Check::pass("clock", now().to_string()),
    }
}

/// The signature of this executable, and the profile of its bundle.
fn executable(is_mac: bool) -> Vec<Check> {
    let path = std::env::current_exe().unwrap_or_default();
    let bytes = trust::read_bytes(&path, trust::Trust::Anyone, MAX_EXECUTABLE);
    let found = bytes.map_err(|error| error.to_string()).and_then(|bytes| signature::signatures(&bytes));
    let name = "code signature";
    let shown = path.display();
    let signed = match found {
        Err(_) if !is_mac => {
            let checks = ["code signature", "entitlement", "provisioning profile"];
            return checks.map(|name| Check::not_applicable(name, "no executable of a Mac")).to_vec();
        }
        Err(why) => return vec![Check::warn(name, format!("{shown}: {why}"), "install osawatch again")],
        Ok(signatures) => signatures,
    };
    let Some(signature) = signed.iter().flatten().next().filter(|_| signed.iter().all(Option::is_some)) else {
        return vec![Check::fail(name, format!("{shown} is not signed"), "install a signed build of osawatch")];
    };
    let team = signature.team.as_deref().unwrap_or("no team");
    let what =
        format!("{}, {team}{}", signature.identifier, if signature.is_hardened() { ", hardened runtime" } else { "" });
    let check = match signature.is_ad_hoc() {
        true => Check::warn(
            name,
            format!("{what}, ad hoc"),
            "Full Disk Access is lost with every other build: install one that is signed with a Developer ID",
        ),
        false => Check::pass(name, what),
    };
    vec![check, entitlement(signature), provisioning(&path, signature)]
}

fn entitlement(signature: &signature::Signature) -> Check {
    match signature.has(ENTITLEMENT) {
        true => Check::pass("entitlement", ENTITLEMENT),
        false => Check::pass("entitlement", "none for Endpoint Security, so eslogger is used, which has Apple's"),
    }
}

fn provisioning(executable: &Path, signature: &signature::Signature) -> Check {
    const NAME: &str = "provisioning profile";
    const GET: &str = "install Osawatch.app with the profile that grants the entitlement";
    let needs = signature.has(ENTITLEMENT);
    let folder = executable.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
    let path: PathBuf = folder.join("embedded.provisionprofile");
    let Ok(bytes) = trust::read_bytes(&path, trust::Trust::Anyone, 1 << 20) else {
        return match needs {
            true => Check::fail(NAME, format!("{} is missing: macOS kills the program", path.display()), GET),
            false => Check::not_applicable(NAME, "nothing in this build needs one"),
        };
    };
    let Some(profile) = profile::profile(&bytes) else {
        return Check::fail(NAME, format!("{} is no profile", path.display()), GET);
    };
    let grants = profile.entitlements.iter().any(|name| name == ENTITLEMENT);
    match profile.expires {
        _ if needs && !grants => Check::fail(NAME, format!("{} does not grant {ENTITLEMENT}", profile.name), GET),
        Some(end) if end < now() => Check::fail(NAME, format!("{} ended at {end}", profile.name), GET),
        Some(end) => Check::pass(NAME, format!("{}, until {end}", profile.name)),
        None => Check::pass(NAME, profile.name),
    }
}

fn managed(layers: &Layers) -> Check {
    const NAME: &str = "managed preferences";
    let path = layers.managed.as_deref().unwrap_or(Path::new(""));
    match path.exists() {
        true => Check::pass(NAME, path.display().to_string()),
        false if !layers.is_managed_named => Check::pass(NAME, format!("none at {}", path.display())),
        false => Check::fail(NAME, format!("none at {}", path.display()), "name a file that is there"),
    }
}

/// The configuration with all that is wrong with it, each in a check of its own.
fn configuration(layers: &Layers) -> (Vec<Check>, Option<Config>) {
    const NAME: &str = "configuration";
    let (problems, lints) = findings(layers);
    let config = layers.load().ok();
    if !problems.is_empty() {
        let check =
            |problem: String| Check::fail(NAME, problem, "mend it; `osawatch config check` says when it is right");
        return (problems.into_iter().map(check).collect(), config);
    }
    let shown = layers.file.display();
    let mut checks = vec![match (layers.are_there(), layers.exist()) {
        (true, _) => Check::pass(NAME, format!("{shown} and what is beside it")),
        (false, true) => Check::pass(NAME, format!("none at {shown}: the defaults apply")),
        (false, false) => Check::warn(
            NAME,
            format!("none at {shown}: alerts go to no file"),
            "install one; `osawatch config keys` lists what it can hold",
        ),
    }];
    checks.extend(lints.into_iter().map(|lint| match lint.blinds {
        true => Check::warn(NAME, format!("{}: this hides attacks", lint.text), "narrow it or delete it"),
        false => Check::warn(NAME, lint.text, "correct it or delete it"),
    }));
    (checks, config)
}

/// The rules that run, and those that cannot.
fn rules(selection: &Selection, config: Option<&Config>) -> Check {
    const NAME: &str = "rules";
    // What it says of skipped rules, the check says of all.
    let set = match selection.read_into(RuleSet::default(), config, trust::Trust::OwnerOnly) {
        Ok((set, _)) => set,
        Err(error) if error.code() == Failure::USAGE => {
            return Check::fail(NAME, error.to_string(), "correct the command line");
        }
        Err(error) => return Check::fail(NAME, error.to_string(), "correct or remove the file"),
    };
    let skipped: Vec<String> = set
        .rules
        .iter()
        .filter_map(|rule| {
            let why = rule.inert().map(str::to_owned).or_else(|| set.never_live(rule).map(|why| why.to_string()))?;
            Some(format!("{}: {why}", rule.id))
        })
        .collect();
    let count = plural((set.rules.len() - skipped.len()) as u64, "rule");
    match skipped.is_empty() {
        true => Check::pass(NAME, format!("{count} can alert")),
        false => Check::warn(
            NAME,
            format!("{count} can alert; skipped: {}", skipped.join("; ")),
            "remove what cannot alert; `osawatch rules check` names the place",
        ),
    }
}

/// What the tools of macOS know.
fn of_a_mac(is_mac: bool) -> Vec<Check> {
    if !is_mac {
        return ["launchd job", "other clients"].map(|name| Check::not_applicable(name, "no Mac")).to_vec();
    }
    let mut launchctl = Command::new("/bin/launchctl");
    launchctl.args(["print", LABEL]);
    let extensions = output(Command::new("/usr/bin/systemextensionsctl").arg("list"), PATIENCE);
    let others = extensions.map(|text| launchd::endpoint_security_extensions(&text)).unwrap_or_default();
    vec![
        job(output(&mut launchctl, PATIENCE).as_deref()),
        match others.is_empty() {
            true => Check::pass("other clients", "no extension of Endpoint Security is active"),
            false => Check::pass("other clients", format!("Endpoint Security also serves {}", others.join(", "))),
        },
    ]
}

fn job(printed: Option<&str>) -> Check {
    const NAME: &str = "launchd job";
    let job = printed.map(launchd::job).unwrap_or_default();
    let last = job.last_exit.as_deref().map(|last| format!(", last exit {last}")).unwrap_or_default();
    match (job.state.as_deref(), job.pid) {
        (Some(state), Some(pid)) => Check::pass(NAME, format!("{state}, pid {pid}{last}")),
        (Some(state), None) => Check::fail(
            NAME,
            format!("{state}{last}"),
            "sudo launchctl kickstart system/io.osawatch.agent; /var/log/osawatch/osawatch.log says why it ended",
        ),
        (None, _) => Check::warn(NAME, "not loaded", format!("sudo launchctl bootstrap system {JOB}")),
    }
}
