//! Every import of the guest that has an implementation here.
pub(crate) mod address;
pub(crate) mod crash;
pub(crate) mod directory;
pub(crate) mod dispatch;
pub(crate) mod errno;
pub(crate) mod fd;
pub(crate) mod file;
pub(crate) mod heap;
mod imports;
pub(crate) mod inherit;
pub(crate) mod limits;
pub(crate) mod lock;
pub(crate) mod mach;
pub(crate) mod misc;
pub(crate) mod net;
pub(crate) mod options;
pub(crate) mod path;
pub(crate) mod process;
pub(crate) mod resolve;
pub(crate) mod signal;
pub(crate) mod spawn;
pub(crate) mod status;
pub(crate) mod stdio;
pub(crate) mod sysctl;
pub(crate) mod terminal;
pub(crate) mod thread;
pub(crate) mod time;
pub(crate) mod world;

pub(crate) use imports::{Import, functions};
use std::collections::HashMap;
use std::sync::OnceLock;

/// The address of a symbol and whether it is data.
pub(crate) fn lookup(name: &str) -> Option<(usize, bool)> {
    static TABLE: OnceLock<HashMap<&'static str, (usize, bool)>> = OnceLock::new();
    let table = TABLE.get_or_init(|| imports::table().into_iter().collect());
    // "$NOCANCEL", "$INODE64", "$DARWIN_EXTSN", "$UNIX2003" variants are the plain function here.
    table.get(name).or_else(|| name.split_once('$').and_then(|(plain, _)| table.get(plain))).copied()
}
