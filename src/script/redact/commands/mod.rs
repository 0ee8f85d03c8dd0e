//! What commands take secrets, and where: by the grammar of each. `takes` are the short options that have a value,
//! so that the letters of `-su` can be distinguished.

mod data;
mod files;
mod hosts;
mod macos;
mod services;
mod transfer;

use super::command::Command;

/// The commands that are known.
pub(super) fn all() -> impl Iterator<Item = &'static Command> {
    let parts: [&'static [Command]; 6] = [
        &macos::COMMANDS,
        &transfer::COMMANDS,
        &hosts::COMMANDS,
        &data::COMMANDS,
        &files::COMMANDS,
        &services::COMMANDS,
    ];
    parts.into_iter().flatten()
}
