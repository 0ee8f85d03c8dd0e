//! The names of the wanted fields as a tree, and the keys of a document followed in it.

use crate::event::Fields;
use crate::event::field::Field;

/// A place in the tree: a name, or the start of longer ones.
pub(super) type Node = u16;

/// The names of the wanted fields, one node for each part between dots.
#[derive(Debug)]
pub(super) struct Tree(Vec<Inner>);

#[derive(Debug, Default)]
struct Inner {
    children: Children,
    field: Option<Field>,
}

/// The nodes below one, by name: a table of a power of two of slots, more of them empty than full.
#[derive(Debug, Default)]
struct Children(Vec<Option<Child>>);

#[derive(Clone, Debug)]
struct Child {
    mark: Mark,
    name: Box<[u8]>,
    node: Node,
}

impl Tree {
    /// The document itself.
    pub(super) const ROOT: Node = 0;

    /// The tree of the fields wanted so far.
    pub(super) fn new(fields: &Fields) -> Tree {
        let mut tree = Tree(vec![Inner::default()]);
        for (field, name) in fields.wanted() {
            let node = name.split('.').fold(Tree::ROOT, |node, segment| tree.child_or_new(node, segment.as_bytes()));
            tree.0[usize::from(node)].field = Some(field);
        }
        // The document of a search hit.
        tree.0[0].children.insert(b"_source", Tree::ROOT);
        tree
    }

    /// The wanted field that ends at this node.
    pub(super) fn field(&self, node: Node) -> Option<Field> {
        self.0[usize::from(node)].field
    }

    /// The node that a key leads to: a name, or several joined by dots.
    #[inline]
    pub(super) fn descend(&self, node: Node, key: &[u8]) -> Option<Node> {
        let mark = Mark::of(key);
        match self.0[usize::from(node)].children.find(mark, key) {
            Some(child) => Some(child),
            None if mark.has_dot(key) => {
                key.split(|byte| *byte == b'.').try_fold(node, |node, segment| self.child(node, segment))
            }
            None => None,
        }
    }

    fn child(&self, node: Node, segment: &[u8]) -> Option<Node> {
        self.0[usize::from(node)].children.find(Mark::of(segment), segment)
    }

    fn child_or_new(&mut self, node: Node, segment: &[u8]) -> Node {
        if let Some(child) = self.child(node, segment) {
            return child;
        }
        let child = self.0.len() as Node;
        self.0.push(Inner::default());
        self.0[usize::from(node)].children.insert(segment, child);
        child
    }
}

impl Children {
    #[inline]
    fn find(&self, mark: Mark, name: &[u8]) -> Option<Node> {
        let last = self.0.len().checked_sub(1)?;
        let mut at = mark.slot() & last;
        while let Some(child) = &self.0[at] {
            if child.mark == mark && (mark.is_all() || *child.name == *name) {
                return Some(child.node);
            }
            at = (at + 1) & last;
        }
        None
    }

    fn insert(&mut self, name: &[u8], node: Node) {
        let new = Child { mark: Mark::of(name), name: name.into(), node };
        let children: Vec<Child> = self.0.drain(..).flatten().chain([new]).collect();
        self.0 = vec![None; (3 * children.len()).next_power_of_two()];
        let last = self.0.len() - 1;
        for child in children {
            let mut at = child.mark.slot() & last;
            while self.0[at].is_some() {
                at = (at + 1) & last;
            }
            self.0[at] = Some(child);
        }
    }
}

/// The length of a name and the bytes at both ends, to be compared without a loop over them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Mark {
    length: usize,
    first: u64,
    last: u64,
}

impl Mark {
    #[inline]
    fn of(name: &[u8]) -> Mark {
        let (first, last) = match (name.first_chunk(), name.last_chunk()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            _ => match (name.first_chunk(), name.last_chunk()) {
                (Some(first), Some(last)) => (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into()),
                _ => (name.iter().fold(0, |mark, byte| mark << 8 | u64::from(*byte)), 0),
            },
        };
        Mark { length: name.len(), first, last }
    }

    /// Whether both ends are all of the name.
    fn is_all(self) -> bool {
        self.length <= 16
    }

    fn has_dot(self, name: &[u8]) -> bool {
        const ONES: u64 = 0x0101_0101_0101_0101;
        // Whether one of eight bytes is a dot: what is subtracted from it alone sets the upper bit of a zero.
        let has_dot = |bytes: u64| {
            let bytes = bytes ^ (u64::from(b'.') * ONES);
            bytes.wrapping_sub(ONES) & !bytes & (0x80 * ONES) != 0
        };
        if self.is_all() { has_dot(self.first) || has_dot(self.last) } else { name.contains(&b'.') }
    }

    fn slot(self) -> usize {
        // Fibonacci hashing: the upper bits depend on all of the mark.
        let mark = self.first ^ self.last.rotate_left(32) ^ self.length as u64;
        (mark.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wanted_name_is_found_by_its_parts_and_dotted() {
        let mut fields = Fields::new();
        for name in ["process.Ext.effective_parent.pid", "Target.process.pid", "dns.question.name"] {
            fields.resolve(name).unwrap();
        }
        let tree = Tree::new(&fields);
        for (field, name) in fields.wanted() {
            let by_parts =
                name.split('.').try_fold(Tree::ROOT, |node, part| tree.descend(node, part.as_bytes())).unwrap();
            assert_eq!(
                (tree.field(by_parts), tree.descend(Tree::ROOT, name.as_bytes())),
                (Some(field), Some(by_parts)),
                "{name}"
            );
        }
        for key in ["", "pid", "process.", ".process", "process..pid", "processes", "proces", "_source.x", "x._source"]
        {
            assert_eq!(tree.descend(Tree::ROOT, key.as_bytes()).and_then(|node| tree.field(node)), None, "{key}");
        }
        assert_eq!(tree.descend(Tree::ROOT, b"_source.process"), tree.descend(Tree::ROOT, b"process"));
    }

    #[test]
    fn names_with_the_same_length_and_ends_are_told_apart() {
        let names =
            ["", "a", "\0a", "abcd", "abcdabcd", "abcdefgh_X_abcdefgh", "abcdefgh_Y_abcdefgh", "abcdefghabcdefgh"];
        let mut children = Children::default();
        names.iter().enumerate().for_each(|(node, name)| children.insert(name.as_bytes(), node as Node));
        for (node, name) in names.iter().enumerate() {
            assert_eq!(children.find(Mark::of(name.as_bytes()), name.as_bytes()), Some(node as Node), "{name:?}");
        }
        for name in ["\0", "b", "abc", "abcdabcdabcd", "abcdefgh_Z_abcdefgh", "abcdefgh__abcdefgh"] {
            assert_eq!(children.find(Mark::of(name.as_bytes()), name.as_bytes()), None, "{name:?}");
        }
    }

    #[test]
    fn a_dot_is_found_wherever_it_is_in_a_name_of_any_length() {
        for length in 0..40 {
            let name = vec![b'a'; length];
            assert!(!Mark::of(&name).has_dot(&name), "{length}");
            for place in 0..length {
                let mut name = name.clone();
                name[place] = b'.';
                assert!(Mark::of(&name).has_dot(&name), "{place} of {length}");
            }
        }
    }
}
