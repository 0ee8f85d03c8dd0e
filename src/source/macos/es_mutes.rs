//! The programs that a client of Endpoint Security mutes, as configured.

use std::path::{Path, PathBuf};

use endpoint_sec::Client;
use endpoint_sec::sys::es_mute_path_type_t;

use super::feed::Feed;
use crate::source::live::Level;

const LITERAL: es_mute_path_type_t = es_mute_path_type_t::ES_MUTE_PATH_TYPE_LITERAL;

/// What a client mutes: as configured, and as the kernel was told.
#[derive(Default)]
pub(super) struct Mutes(Vec<(PathBuf, PathBuf)>);

impl Mutes {
    /// Has the client mute these programs, and no others that were muted here.
    pub(super) fn exchange(&mut self, client: &mut Client<'_>, feed: &Feed, programs: &[PathBuf]) {
        self.0.retain(|(path, whole)| {
            if programs.contains(path) {
                return true;
            }
            let is_muted = client.unmute_path(whole.as_os_str(), LITERAL).is_err();
            if is_muted {
                let text = format!("Endpoint Security does not unmute {}; the next start does", whole.display());
                feed.notice(Level::Warning, text);
            }
            is_muted
        });
        for path in programs {
            if !self.0.iter().any(|(muted, _)| muted == path)
                && let Some(whole) = mute(client, feed, path)
            {
                self.0.push((path.clone(), whole));
            }
        }
    }
}

/// Mutes a program. The kernel compares whole paths without symbolic links.
fn mute(client: &mut Client<'_>, feed: &Feed, path: &Path) -> Option<PathBuf> {
    let whole = path.canonicalize().unwrap_or_else(|error| {
        let text = format!("the muted program {}: {error}; it is muted under this name", path.display());
        feed.notice(Level::Warning, text);
        path.to_owned()
    });
    let is_muted = client.mute_path(whole.as_os_str(), LITERAL).is_ok();
    if !is_muted {
        feed.notice(Level::Warning, format!("Endpoint Security does not mute {}", whole.display()));
    }
    is_muted.then_some(whole)
}
