//! What commands take secrets, and where: by the grammar of each. `takes` are the short options that have a value,
//! so that the letters of `-su` can be distinguished.

mod data;
mod files;
mod macos;
mod services;
mod transfer;

use super::command::Command;

/// The commands that are known.
pub(super) fn all() -> impl Iterator<Item = &'static Command> {
    let parts: [&'static [Command]; 5] =
        [&macos::COMMANDS, &transfer::COMMANDS, &data::COMMANDS, &files::COMMANDS, &services::COMMANDS];
    parts.into_iter().flatten()
}
