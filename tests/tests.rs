//! The tests of the built program, one binary.

mod util;

// The traces of the benchmarks.
#[path = "../benches/busy.rs"]
#[allow(unreachable_pub)]
mod busy;
#[path = "../benches/trace.rs"]
#[allow(unreachable_pub)]
mod trace;

// The alert file read back, as text and as a page.
mod alerts;
// Joins over the ancestry against a model that knows what the stream adds.
mod ancestry;
// One case, few alerts.
mod cases;
// Attack chains, and which rules alert for them.
mod chains;
// The page that is handed on.
mod case_report;

// The configuration file and the config command.
mod config;
// Bombs for every format, within 200 MB.
mod corpus;
// What a replay covered, and what it says when nothing could alert.
mod coverage;
// Inputs are spared: nothing is written over them.
mod evidence;
// Queries as rule authors write them.
mod queries_of_authors;
// Rules as Kibana exports them.
mod exported_rules;
// What tools and services wrap around documents.
mod exports;
// Tables of separated values, as Kibana and Splunk export them.
mod tables;
// Exceptions: what they hold back, and what is said of it.
mod exceptions;
// What a summary counts is what was given out.
mod given_out;

// The alert document against ECS 9.4, field by field.
mod document;
// README and docs: links, commands, rules, pictures.
mod docs;
// The commands of an administrator, where there is no Mac.
mod doctor;
// `selftest`, and what `record` leaves, in the simulated Mac.
mod selftest;
mod recordings;
// The macOS executables as files.
mod executables;
// What is believed of macOS, and how it is known.
mod facts;
// Golden cases: recordings in, alerts out.
mod golden;
// Bytes that no honest source writes.
mod hostile;
// The script for a hosted Mac, with stand-ins.
mod hosted_mac;
// The language over streams, case by case.
mod language;
// Imports go one way.
mod layering;
// What a responder may be handed, good and bad.
mod inputs;
// What the hot loops cost, in instructions.
mod instructions;
// The macOS executable in the simulated Mac.
mod live;
// What only a Mac can show; ignored.
#[cfg(target_os = "macos")]
mod live_mac;
// What a document leaves out stays missing.
mod left_out;
// What is held is bounded in bytes, whatever events and rules are like.
mod memory;
mod rule_memory;
// The matcher against an obviously correct model.
mod model;
// The agent at work: its status, an incident's directory, one agent at a time.
mod operations;
// The installer package, and what is beside it.
mod packaging;
// The replay command: options, formats, failures, exit codes.
mod replay;
// With every shortcut a replay says the same as with none.
mod shortcuts;
// A real shipper follows the alert file.
mod shipping;
// What an alert says, and only that.
mod statements;
// Sequences of every shape against a model.
mod sequences;
// `run` with a configuration: reloads, responses, signals.
mod run;
// The rules command and the rule language's messages.
mod rules;
// The test bench for rules.
mod rule_tests;
