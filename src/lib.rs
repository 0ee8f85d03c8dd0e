//! osawatch sees AppleScript and Automator runs that go on to the network.
//!
//! Data flows **event → source → process → detect → alert → output**; imports go the other way. A source
//! turns bytes into [`event::Event`]s, process tracking adds what the stream said earlier about an
//! event's process, the detector applies rules written in EQL, an alert is one ECS document, and the output
//! keeps it in a file and shows it to people as a report.
//! [`pipeline::Pipeline`] composes them once, for recordings and for a live Mac alike.
#![deny(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::cast_possible_truncation, clippy::too_many_lines))]

pub mod place;
pub mod quantity;
pub mod event;
pub mod source;
pub mod script;
pub mod process;
pub mod eql;
pub mod detect;
pub mod alert;
pub mod report;
pub mod output;
pub mod pipeline;
pub mod config;
pub mod agent;
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod fuzzing;
