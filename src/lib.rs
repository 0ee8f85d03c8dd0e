//! osawatch detects AppleScript and Automator processes that make network connections.
//!
//! Data flows **event → source → process → detect → alert → output**; imports go the other way. A source
//! turns bytes into [`event::Event`]s, process tracking adds what the stream reported earlier about an
//! event's process, the detector applies rules written in EQL, an alert is one ECS document, and the output
//! keeps it in a file and shows it to people as a report.
//! [`pipeline::Pipeline`] composes them once, for recordings and for a live Mac alike.
//!
//! The library is the engine that the command and the benchmarks use: a [`source::Decoder`] or a
//! [`source::recording::Recording`] reads events, a [`detect::RuleSet`] holds the rules, and the pipeline turns events
//! into [`alert::Alert`]s. It is not published, and everything else is private.
#![deny(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::cast_possible_truncation, clippy::too_many_lines))]

mod nearest;
mod place;
mod property_list;
mod quantity;
mod queue;
mod visible;
pub mod event;
pub mod source;
mod shell;
mod script;
mod process;
mod eql;
pub mod detect;
pub mod alert;
mod report;
mod status;
mod output;
pub mod pipeline;
mod config;
mod agent;
mod response;
mod doctor;
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod fuzzing;
