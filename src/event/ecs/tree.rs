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
    mark: u64,
    name: Box<str>,
    node: Node,
}

impl Tree {
    /// The document itself.
    pub(super) const ROOT: Node = 0;

    /// The tree of the fields wanted so far.
    pub(super) fn new(fields: &Fields) -> Tree {
        let mut tree = Tree(vec![Inner::default()]);
        for (field, name) in fields.wanted() {
            let node = name.split('.').fold(Tree::ROOT, |node, segment| tree.child_or_new(node, segment));
            tree.0[usize::from(node)].field = Some(field);
        }
        // The document of a search hit.
        tree.0[0].children.insert("_source", Tree::ROOT);
        tree
    }

    /// The wanted field that ends at this node.
    pub(super) fn field(&self, node: Node) -> Option<Field> {
        self.0[usize::from(node)].field
    }

    /// The node that a key leads to: a name, or several joined by dots.
    pub(super) fn descend(&self, node: Node, key: &str) -> Option<Node> {
        match self.child(node, key) {
            Some(child) => Some(child),
            None if key.contains('.') => key.split('.').try_fold(node, |node, segment| self.child(node, segment)),
            None => None,
        }
    }

    fn child(&self, node: Node, segment: &str) -> Option<Node> {
        self.0[usize::from(node)].children.find(segment)
    }

    fn child_or_new(&mut self, node: Node, segment: &str) -> Node {
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
    fn find(&self, name: &str) -> Option<Node> {
        let mark = mark(name.as_bytes());
        let last = self.0.len().checked_sub(1)?;
        let mut at = slot(mark) & last;
        while let Some(child) = &self.0[at] {
            if child.mark == mark && *child.name == *name {
                return Some(child.node);
            }
            at = (at + 1) & last;
        }
        None
    }

    fn insert(&mut self, name: &str, node: Node) {
        let new = Child { mark: mark(name.as_bytes()), name: name.into(), node };
        let children: Vec<Child> = self.0.drain(..).flatten().chain([new]).collect();
        self.0 = vec![None; (3 * children.len()).next_power_of_two()];
        let last = self.0.len() - 1;
        for child in children {
            let mut at = slot(child.mark) & last;
            while self.0[at].is_some() {
                at = (at + 1) & last;
            }
            self.0[at] = Some(child);
        }
    }
}

/// The length and the bytes at both ends: enough to tell the names of ECS apart, without a loop over them.
fn mark(name: &[u8]) -> u64 {
    let ends = match (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        (Some(first), Some(last)) => u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last)),
        _ => name.iter().fold(0, |mark, byte| mark << 8 | u64::from(*byte)),
    };
    ends ^ (name.len() as u64) << 24
}

fn slot(mark: u64) -> usize {
    // Fibonacci hashing: the upper bits depend on all of the mark.
    (mark.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize
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
            let by_parts = name.split('.').try_fold(Tree::ROOT, |node, part| tree.descend(node, part)).unwrap();
            assert_eq!((tree.field(by_parts), tree.descend(Tree::ROOT, name)), (Some(field), Some(by_parts)), "{name}");
        }
        for key in ["", "pid", "process.", ".process", "process..pid", "processes", "proces", "_source.x", "x._source"]
        {
            assert_eq!(tree.descend(Tree::ROOT, key).and_then(|node| tree.field(node)), None, "{key}");
        }
        assert_eq!(tree.descend(Tree::ROOT, "_source.process"), tree.descend(Tree::ROOT, "process"));
    }

    #[test]
    fn names_with_the_same_length_and_ends_are_told_apart() {
        let mut children = Children::default();
        for (node, name) in ["", "a", "\0a", "abcd", "abcdefghijkl", "abcdXfghijkl", "abcdYfghijkl"].iter().enumerate()
        {
            children.insert(name, node as Node);
        }
        assert_eq!(children.find("abcdXfghijkl"), Some(5));
        assert_eq!(children.find("abcdYfghijkl"), Some(6));
        assert_eq!((children.find(""), children.find("a"), children.find("\0a")), (Some(0), Some(1), Some(2)));
        assert_eq!((children.find("abcdZfghijkl"), children.find("b"), children.find("abc")), (None, None, None));
    }
}
