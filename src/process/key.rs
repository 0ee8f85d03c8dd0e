//! By what executions are known in the table.

use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;

use hashbrown::Equivalent;

use super::room::Map;
use crate::event::{Event, Execution, field};

/// The host and the entity id of an execution: entity ids are unique on one host only.
///
/// With its hash: a table that grows or forgets reads no text again.
#[derive(Clone)]
pub(super) struct Key {
    hash: u64,
    /// Begins with it.
    text: Arc<str>,
    len: usize,
}

/// What is known by key.
pub(super) type ByKey<V> = Map<Key, V, BuildHasherDefault<Hashed>>;

impl Key {
    /// The host.
    pub(super) fn host(&self) -> &str {
        self.text().split_once(Execution::HOST_END).map_or("", |(host, _)| host)
    }

    /// The entity id.
    pub(super) fn entity_id(&self) -> &str {
        self.text().split_once(Execution::HOST_END).map_or("", |(_, entity_id)| entity_id)
    }

    /// To look for it.
    pub(super) fn wanted(&self) -> Wanted<'_> {
        Wanted { hash: self.hash, text: self.text() }
    }

    /// Both, for others to compare.
    pub(super) fn text(&self) -> &str {
        &self.text[..self.len]
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        let is_same = Arc::ptr_eq(&self.text, &other.text) && self.len == other.len;
        is_same || (self.hash == other.hash && self.text() == other.text())
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// Where keys are made, that of one event after the other.
#[derive(Debug, Default)]
pub(super) struct Keys {
    hasher: ahash::RandomState,
    own: Made,
    other: Made,
}

/// A key that was made.
#[derive(Debug, Default)]
struct Made {
    hash: u64,
    text: String,
}

impl Keys {
    /// The key of the execution with this id on the host of the event.
    pub(super) fn of(&mut self, event: &Event, entity_id: &str) -> Wanted<'_> {
        self.other.make(&self.hasher, event, entity_id)
    }

    /// The key of the execution that the event is about.
    pub(super) fn read_own(&mut self, event: &Event, entity_id: &str) -> Wanted<'_> {
        self.own.make(&self.hasher, event, entity_id)
    }

    /// The same again.
    pub(super) fn own(&self) -> Wanted<'_> {
        self.own.wanted()
    }
}

impl Made {
    fn make(&mut self, hasher: &ahash::RandomState, event: &Event, entity_id: &str) -> Wanted<'_> {
        self.text.clear();
        self.text.push_str(event.str(field::HOST_ID).unwrap_or_default());
        self.text.push(Execution::HOST_END);
        self.text.push_str(entity_id);
        self.hash = hasher.hash_one(self.text.as_bytes());
        self.wanted()
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted { hash: self.hash, text: &self.text }
    }
}

/// A key to look for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'k> {
    hash: u64,
    text: &'k str,
}

impl Wanted<'_> {
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    /// Whether it is this key.
    pub(super) fn is(&self, key: &Key) -> bool {
        self.hash == key.hash && *self.text == *key.text()
    }

    /// How many bytes its text has.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// The same, to be kept.
    pub(super) fn to_key(self) -> Key {
        Key { hash: self.hash, text: self.text.into(), len: self.text.len() }
    }

    /// The same, in the text of the execution whose key it is.
    pub(super) fn to_key_of(self, execution: &Execution) -> Key {
        if !execution.text().starts_with(self.text) {
            // Something in it is so long that the execution has it only in part.
            return self.to_key();
        }
        Key { hash: self.hash, text: Arc::clone(execution.text()), len: self.text.len() }
    }
}

impl Hash for Wanted<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Equivalent<Key> for Wanted<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.is(key)
    }
}

/// Takes the hash that a key has.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("a key states one number")
    }
}
