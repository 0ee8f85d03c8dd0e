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

type Known = Arc<Mutex<HashMap<u32, User>>>;

/// What is known of the name of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum User {
    /// It is being looked up.
    Asked,
    /// There is no such user.
    Nameless,
    Named(String),
}

impl User {
    pub(super) fn named(self) -> Option<String> {
        if let User::Named(name) = self { Some(name) } else { None }
    }
}

impl Users {
    /// Starts the thread. A message is sent to `settled` for each name that is found.
    pub(super) fn start(mut names: Box<dyn UserNames>, settled: Sender<()>) -> io::Result<Users> {
        let known = Known::default();
        let (asked, questions) = bounded(MAX_USERS);
        let answers = Arc::clone(&known);
        thread::Builder::new().name("osawatch-users".to_owned()).spawn(move || {
            for uid in questions {
                let user = names.name(uid).map_or(User::Nameless, User::Named);
                answers.lock().unwrap_or_else(PoisonError::into_inner).insert(uid, user);
                let _ = settled.try_send(());
            }
        })?;
        Ok(Users { known, asked })
    }

    /// The name of a user, which is looked up where it is not known.
    pub(super) fn name(&self, uid: u32) -> User {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(user) = known.get(&uid) {
            return user.clone();
        }
        if known.len() >= MAX_USERS {
            known.clear();
        }
        if self.asked.try_send(uid).is_ok() {
            known.insert(uid, User::Asked);
        }
        User::Asked
    }
}
