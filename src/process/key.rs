//! By what executions are known in the table.
#![allow(clippy::cast_possible_truncation, reason = "lengths of texts of an event, which are parts of less than 4 GiB")]

use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};
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
    len: u32,
    host_len: u32,
}

/// What is known by key.
pub(super) type ByKey<V> = Map<Key, V, BuildHasherDefault<Hashed>>;

impl Key {
    /// Its hash, which is known without a look at its text.
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    /// The host.
    pub(super) fn host(&self) -> &str {
        &self.text[..self.host_len as usize]
    }

    /// The entity id.
    pub(super) fn entity_id(&self) -> &str {
        &self.text()[self.host_len as usize + Execution::HOST_END.len_utf8()..]
    }

    /// To look for it.
    pub(super) fn wanted(&self) -> Wanted<'_> {
        Wanted { hash: self.hash, host: self.host(), entity_id: self.entity_id() }
    }

    /// Both, for others to compare.
    pub(super) fn text(&self) -> &str {
        &self.text[..self.len as usize]
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
        is_same || other.wanted().is(self)
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// What keys are found by.
#[derive(Debug, Default)]
pub(super) struct Keys(ahash::RandomState);

impl Keys {
    /// The key of the execution with this id on the host of the event.
    pub(super) fn of<'k>(&self, event: &'k Event, entity_id: &'k str) -> Wanted<'k> {
        let host = event.str(field::HOST_ID).unwrap_or_default();
        let mut hasher = self.0.build_hasher();
        hasher.write(host.as_bytes());
        hasher.write(entity_id.as_bytes());
        Wanted { hash: hasher.finish(), host, entity_id }
    }
}

/// A key to look for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'k> {
    hash: u64,
    host: &'k str,
    entity_id: &'k str,
}

impl<'k> Wanted<'k> {
    /// The same, where its hash is known.
    pub(super) fn again(event: &'k Event, entity_id: &'k str, hash: u64) -> Wanted<'k> {
        Wanted { hash, host: event.str(field::HOST_ID).unwrap_or_default(), entity_id }
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    /// The entity id.
    pub(super) fn entity_id(&self) -> &'k str {
        self.entity_id
    }

    /// Whether it is this key.
    pub(super) fn is(&self, key: &Key) -> bool {
        self.hash == key.hash && *self.host == *key.host() && *self.entity_id == *key.entity_id()
    }

    /// How many bytes its text has.
    pub(super) fn bytes(&self) -> usize {
        self.host.len() + Execution::HOST_END.len_utf8() + self.entity_id.len()
    }

    /// The same, to be kept.
    pub(super) fn to_key(self) -> Key {
        let text = [self.host, self.entity_id].join(Execution::HOST_END.encode_utf8(&mut [0; 1]));
        self.in_text(text.into())
    }

    /// The same, in the text of the execution whose key it is.
    pub(super) fn to_key_of(self, execution: &Execution) -> Key {
        let behind_host =
            execution.text().strip_prefix(self.host).and_then(|rest| rest.strip_prefix(Execution::HOST_END));
        if behind_host.is_none_or(|rest| !rest.starts_with(self.entity_id)) {
            // Something in it is so long that the execution has it only in part.
            return self.to_key();
        }
        self.in_text(Arc::clone(execution.text()))
    }

    /// The same, of a text that begins with it.
    fn in_text(self, text: Arc<str>) -> Key {
        Key { hash: self.hash, text, len: self.bytes() as u32, host_len: self.host.len() as u32 }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Categories, Timestamp};

    fn event(host: &str, entity_id: &str) -> Event {
        let mut event = Event::new(Timestamp::default(), Categories::PROCESS);
        event.push_str(field::HOST_ID, host);
        event.push_str(field::PROCESS_ENTITY_ID, entity_id);
        event
    }

    #[test]
    fn a_key_has_its_host_and_its_id_and_is_found_by_no_others() {
        let keys = Keys::default();
        let (long, longer) = ("h".repeat(4096), "h".repeat(4097));
        let named =
            [("h", "a\0b"), ("h\0a", "b"), ("ha", "b"), ("h", "ab"), ("", "hab"), (&*long, "e"), (&*longer, "e")];
        for (at, (host, entity_id)) in named.into_iter().enumerate() {
            let event = event(host, entity_id);
            let wanted = keys.of(&event, entity_id);
            for key in [wanted.to_key(), wanted.to_key_of(&Execution::of(&event))] {
                assert_eq!((key.host(), key.entity_id()), (host, entity_id), "{at}");
                assert_eq!((key.text().len(), key.wanted().bytes()), (wanted.bytes(), wanted.bytes()), "{at}");
                for (other, (host, entity_id)) in named.into_iter().enumerate() {
                    let event = self::event(host, entity_id);
                    assert_eq!(keys.of(&event, entity_id).is(&key), other == at, "{other} {at}");
                    assert!(Wanted::again(&event, entity_id, key.hash).is(&key) == (other == at), "{other} {at}");
                }
            }
        }
    }
}
