//! How many files this process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// macOS gives a process 256, which a few folders and file systems that do not answer could use up: then no alert file,
/// status or configuration could be opened. `NumberOfFiles` in the plist of launchd would be a limit of the whole system:
/// launchd.plist(5) sets `kern.maxfiles` to it as well. FACT: descriptor-limit
const WANTED: u64 = 4096;

/// Raises the limit to what the agent may need, as far as that is allowed.
pub(super) fn raise_limit() {
    if let Some(limit) = raised(getrlimit(Resource::Nofile))
        && let Err(error) = setrlimit(Resource::Nofile, limit)
    {
        log::warn!("the limit of open files stays as it is: {error}");
    }
}

/// The limit to set instead of this one; `None`: it will do.
fn raised(Rlimit { current, maximum }: Rlimit) -> Option<Rlimit> {
    let wanted = maximum.map_or(WANTED, |maximum| maximum.min(WANTED));
    current.filter(|current| *current < wanted).map(|_| Rlimit { current: Some(wanted), maximum })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_limit_is_raised_as_far_as_it_may_and_a_high_one_stays() {
        let limit = |current, maximum| Rlimit { current, maximum };
        assert_eq!(raised(limit(Some(256), None)), Some(limit(Some(4096), None)));
        assert_eq!(raised(limit(Some(256), Some(1024))), Some(limit(Some(1024), Some(1024))));
        for enough in [limit(Some(4096), None), limit(Some(10_240), None), limit(None, None)] {
            assert_eq!(raised(enough), None, "{enough:?}");
        }
        raise_limit();
        assert_eq!(raised(getrlimit(Resource::Nofile)), None);
    }
}
