//! One control socket as the kernel sees it: what its owner watches, and the buffer in front of it.
use super::Kernel;
use super::layout;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// net.stats.recvspace.
pub(crate) const RECVSPACE: usize = 8192;
/// kern.ipc.maxsockbuf.
const MOST: usize = 8 * 1024 * 1024;
/// net.systm.kctl.autorcvbufmax.
const MOST_GROWN: usize = 256 * 1024;

pub(crate) struct Client {
    pub(crate) guest: i32,
    pub(crate) kernel: i32,
    pub(crate) connected: bool,
    /// By provider: the filter, and the events asked for.
    pub(crate) watching: BTreeMap<u32, (u64, u64)>,
    /// By srcref.
    pub(crate) refs: BTreeMap<u64, Ref>,
    /// The srcref of a source.
    pub(crate) srcrefs: HashMap<u64, u64>,
    pub(crate) last_ref: u64,
    pub(crate) updates: bool,
    dropped: u64,
    /// ntc_context and ntc_seq: a query of everything in fragments.
    pub(crate) context: u64,
    pub(crate) seq: u64,
    /// The receive buffer: its limit, the limit asked for, and the messages in it.
    hiwat: usize,
    ideal: usize,
    queued: VecDeque<usize>,
    used: usize,
}
pub(crate) struct Ref {
    pub(crate) source: u64,
    pub(crate) seq: u64,
}

impl Client {
    pub(crate) fn new(guest: i32, kernel: i32, recvspace: usize) -> Client {
        Client {
            guest,
            kernel,
            connected: false,
            watching: BTreeMap::new(),
            refs: BTreeMap::new(),
            srcrefs: HashMap::new(),
            last_ref: 0,
            updates: false,
            dropped: 0,
            context: 0,
            seq: 0,
            hiwat: recvspace,
            ideal: recvspace,
            queued: VecDeque::new(),
            used: 0,
        }
    }
    /// SO_RCVBUF: set, or only read.
    pub(crate) fn rcvbuf(&mut self, new: Option<usize>) -> usize {
        if let Some(size) = new {
            // sbreserve() cuts it from macOS 14.4 on; before it refuses.
            let size = size.min(MOST);
            (self.hiwat, self.ideal) = (size, size);
        }
        self.hiwat
    }
    /// The guest has taken a message out of the buffer.
    pub(crate) fn received(&mut self) {
        self.used -= self.queued.pop_front().unwrap_or(0);
    }
    pub(crate) fn filter(&self, provider: u32) -> u64 {
        self.watching.get(&provider).map_or(0, |watching| watching.0)
    }
    pub(crate) fn events(&self, provider: u32) -> u64 {
        self.watching.get(&provider).map_or(0, |watching| watching.1)
    }

    /// As ctl_enqueuedata and ctl_rcvbspace: false when there is no room (or the script says so); then the message is
    /// FACT: receive-buffer-room
    /// lost. A quarter is kept for critical messages.
    pub(crate) fn enqueue(&mut self, kernel: &mut Kernel, critical: bool, bytes: &[u8]) -> bool {
        let space = self.hiwat.saturating_sub(self.used);
        let room = if !critical {
            space >= self.hiwat / 4 && space >= bytes.len()
        } else if space >= bytes.len() {
            true
        } else {
            let max = (self.ideal + self.ideal / 4).min(MOST_GROWN);
            if self.hiwat < max {
                self.hiwat = (self.hiwat + bytes.len() - space + 256).min(max);
            }
            self.hiwat.saturating_sub(self.used) >= bytes.len()
        };
        let scripted = kernel.drop_next > 0 && !critical;
        if scripted {
            kernel.drop_next -= 1;
        }
        let ok = room && !scripted && self.put(bytes);
        if !ok {
            self.dropped += 1;
            if self.dropped == 1 && !scripted {
                note!("ntstat: the guest's {} byte receive buffer is full: messages are lost, as on a Mac", self.hiwat);
            }
        }
        ok
    }
    fn put(&mut self, bytes: &[u8]) -> bool {
        self.queued.push_back(bytes.len()); // before the guest can receive it
        self.used += bytes.len();
        // SAFETY: the kernel's end, which is open as long as the client is, and a slice.
        let length = unsafe {
            libc::send(self.kernel, bytes.as_ptr() as *const _, bytes.len(), libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
        };
        let sent = length == bytes.len() as isize;
        if !sent {
            self.used -= self.queued.pop_back().unwrap_or(0);
        }
        sent
    }

    /// A source appears to the client; false when it could not be reported, and then it does not exist for it at all.
    /// FACT: source-gap
    pub(crate) fn add(&mut self, kernel: &mut Kernel, number: u64, provider: u32) -> bool {
        let Some((filter, _)) = self.watching.get(&provider).copied() else { return true };
        self.last_ref += 1;
        let srcref = self.last_ref;
        if filter & layout::FILTER_SUPPRESS_SRC_ADDED == 0
            && !self.enqueue(kernel, false, &super::message::added(srcref, provider))
        {
            kernel.stats[layout::stats::SRC_ADDED] += 1;
            return false;
        }
        self.refs.insert(srcref, Ref { source: number, seq: 0 });
        self.srcrefs.insert(number, srcref);
        true
    }
}
