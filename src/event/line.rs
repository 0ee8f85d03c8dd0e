//! A line of input, shared with the block of text it was read in.

use std::ops::Range;
use std::sync::Arc;

use ahash::HashMap;

use super::Block;

/// A line of a recording. Cloning it copies no text.
#[derive(Clone, Debug)]
pub struct Line {
    block: Arc<Block>,
    start: u32,
    end: u32,
}

impl Line {
    /// A block is kept for lines that are together at least one of so many parts of it.
    pub(crate) const SPARSE: usize = 4;

    /// The line at this place of the block.
    ///
    /// # Panics
    /// When the range is not inside the block, or the block is longer than 4 GiB.
    pub fn new(block: &Arc<Block>, range: Range<usize>) -> Line {
        assert!(block.len() <= u32::MAX as usize && block.is_char_boundary(range.start));
        assert!(range.start <= range.end && block.is_char_boundary(range.end));
        Line { block: Arc::clone(block), start: range.start as u32, end: range.end as u32 }
    }

    /// Its text, without the newline.
    pub fn as_str(&self) -> &str {
        &self.block[self.start as usize..self.end as usize]
    }

    /// How many bytes it has; the text itself is not looked at.
    pub(crate) fn bytes(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// The block that it is a part of, as a number, and how many bytes that has: so many it keeps alive.
    pub(crate) fn block(&self) -> (usize, usize) {
        (Arc::as_ptr(&self.block) as usize, self.block.len())
    }

    /// What is in it at this place.
    pub(super) fn part(&self, range: Range<usize>) -> &str {
        &self.block[self.start as usize + range.start..self.start as usize + range.end]
    }

    /// Parts these lines from blocks of which they are little.
    pub(super) fn leave_large_blocks(mut lines: Vec<&mut Line>) {
        let mut used: HashMap<usize, usize> = HashMap::default();
        for of_one in lines.chunk_by(|one, next| one.block().0 == next.block().0) {
            let Some(first) = of_one.first() else { continue };
            *used.entry(first.block().0).or_default() += of_one.iter().map(|line| line.bytes()).sum::<usize>();
        }
        for line in &mut lines {
            let (block, bytes) = line.block();
            if used.get(&block).is_some_and(|used| bytes > Line::SPARSE * used) {
                **line = line.detached();
            }
        }
    }

    /// A copy in a separate block.
    pub fn detached(&self) -> Line {
        Line::from(self.as_str().to_owned())
    }
}

impl From<String> for Line {
    fn from(text: String) -> Line {
        let end = text.len();
        Line::new(&Arc::new(Block::from(text)), 0..end)
    }
}
