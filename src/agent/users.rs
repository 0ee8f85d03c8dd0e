//! The names of users, looked up on a separate thread: a directory server can be slow.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use ahash::HashMap;
use crossbeam_channel::{Sender, bounded};

use crate::source::live::UserNames;

/// Names that are remembered. When there are more, all are looked up again.
const MAX_USERS: usize = 1024;

/// The names that are known so far.
#[derive(Clone, Debug)]
pub(super) struct Users {
    known: Known,
    asked: Sender<u32>,
}

/// `None`: it is being looked up. `Some(None)`: there is no such user.
type Known = Arc<Mutex<HashMap<u32, Option<Option<String>>>>>;

impl Users {
    /// Starts the thread. A message is sent to `settled` for each name that is found.
    pub(super) fn start(mut names: Box<dyn UserNames>, settled: Sender<()>) -> io::Result<Users> {
        let known = Known::default();
        let (asked, questions) = bounded(MAX_USERS);
        let answers = Arc::clone(&known);
        thread::Builder::new().name("osawatch-users".to_owned()).spawn(move || {
            for uid in questions {
                let name = names.name(uid);
                answers.lock().unwrap_or_else(PoisonError::into_inner).insert(uid, Some(name));
                let _ = settled.try_send(());
            }
        })?;
        Ok(Users { known, asked })
    }

    /// The name of a user; `None`: it is being looked up.
    pub(super) fn name(&self, uid: u32) -> Option<Option<String>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = known.get(&uid) {
            return name.clone();
        }
        if known.len() >= MAX_USERS {
            known.clear();
        }
        if self.asked.try_send(uid).is_ok() {
            known.insert(uid, None);
        }
        None
    }
}
