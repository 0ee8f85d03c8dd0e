//! Hash tables from which about as much is removed as is put in.

use std::hash::{BuildHasher, Hash};

/// Such a table.
pub(super) type Map<K, V, S = ahash::RandomState> = hashbrown::HashMap<K, V, S>;

/// Makes room for one more. Removed keys leave marks behind; a table that is full of keys and marks doubles, although
/// the keys alone would have room in half of it. This table is rebuilt instead, for the keys that it holds and a
/// sixteenth more.
pub(super) fn make_room<K: Eq + Hash, V, S: BuildHasher + Clone>(table: &mut Map<K, V, S>) {
    let held = table.len();
    // The capacity is the number of keys and of free places: of marks there is no count.
    if held == 0 || held < table.capacity() {
        return;
    }
    let mut fresh = Map::with_capacity_and_hasher(held + held / 16 + 1, table.hasher().clone());
    fresh.extend(table.drain());
    *table = fresh;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_which_the_oldest_key_is_removed_for_each_new_one_does_not_grow() {
        let mut table = Map::<u32, u32>::default();
        let mut most = 0;
        for n in 0..200_000_u32 {
            make_room(&mut table);
            table.insert(n, n);
            n.checked_sub(1000).map(|old| table.remove(&old));
            most = most.max(table.capacity());
        }
        assert_eq!((table.len(), table.contains_key(&199_000)), (1000, true));
        assert!(most < 2 * 1000, "{most}");
    }
}
