//! One control socket as the kernel sees it: what its owner watches, and the buffer in front of it.
use super::layout as l;
use super::Kernel;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// net.stats.recvspace.
const RECVSPACE: usize = 8192;
/// net.systm.kctl.autorcvbufmax.
const MOST_GROWN: usize = 256 * 1024;

pub struct Client {
    pub guest: i32,
    pub kernel: i32,
    pub connected: bool,
    /// By provider: the filter, and the events asked for.
    pub watching: BTreeMap<u32, (u64, u64)>,
    /// By srcref.
    pub refs: BTreeMap<u64, Ref>,
    /// The srcref of a source.
    pub srcrefs: HashMap<u64, u64>,
    pub last_ref: u64,
    pub updates: bool,
    dropped: u64,
    /// ntc_context and ntc_seq: a query of everything in fragments.
    pub context: u64,
    pub seq: u64,
    /// The receive buffer: its limit, the limit asked for, and the messages in it.
    hiwat: usize,
    ideal: usize,
    queued: VecDeque<usize>,
    used: usize,
}
pub struct Ref {
    pub source: u64,
    pub seq: u64,
}

impl Client {
    pub fn new(guest: i32, kernel: i32) -> Client {
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
            hiwat: RECVSPACE,
            ideal: RECVSPACE,
            queued: VecDeque::new(),
            used: 0,
        }
    }
    /// SO_RCVBUF: set, or only read.
    pub fn rcvbuf(&mut self, new: Option<usize>) -> usize {
        if let Some(n) = new {
            (self.hiwat, self.ideal) = (n, n);
        }
        self.hiwat
    }
    /// The guest has taken a message out of the buffer.
    pub fn received(&mut self) {
        self.used -= self.queued.pop_front().unwrap_or(0);
    }
    pub fn filter(&self, provider: u32) -> u64 {
        self.watching.get(&provider).map_or(0, |w| w.0)
    }
    pub fn events(&self, provider: u32) -> u64 {
        self.watching.get(&provider).map_or(0, |w| w.1)
    }

    /// As ctl_enqueuedata and ctl_rcvbspace: false when there is no room (or the script says so); then the message is
    /// lost. A quarter is kept for critical messages.
    pub fn enqueue(&mut self, k: &mut Kernel, critical: bool, b: &[u8]) -> bool {
        let space = self.hiwat.saturating_sub(self.used);
        let room = if !critical {
            space >= self.hiwat / 4 && space >= b.len()
        } else if space >= b.len() {
            true
        } else {
            let max = (self.ideal + self.ideal / 4).min(MOST_GROWN);
            if self.hiwat < max {
                self.hiwat = (self.hiwat + b.len() - space + 256).min(max);
            }
            self.hiwat.saturating_sub(self.used) >= b.len()
        };
        let scripted = k.drop_next > 0 && !critical;
        if scripted {
            k.drop_next -= 1;
        }
        let ok = room && !scripted && self.put(b);
        if !ok {
            self.dropped += 1;
            if self.dropped == 1 && !scripted {
                note!("ntstat: the guest's {} byte receive buffer is full: messages are lost, as on a Mac", self.hiwat);
            }
        }
        ok
    }
    fn put(&mut self, b: &[u8]) -> bool {
        self.queued.push_back(b.len()); // before the guest can receive it
        self.used += b.len();
        // SAFETY: the kernel's end, which is open as long as the client is, and a slice.
        let n = unsafe { libc::send(self.kernel, b.as_ptr() as *const _, b.len(), libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) };
        let sent = n == b.len() as isize;
        if !sent {
            self.used -= self.queued.pop_back().unwrap_or(0);
        }
        sent
    }

    /// A source appears to the client; false when it could not be told, and then it does not exist for it at all.
    pub fn add(&mut self, k: &mut Kernel, number: u64, provider: u32) -> bool {
        let Some((filter, _)) = self.watching.get(&provider).copied() else { return true };
        self.last_ref += 1;
        let srcref = self.last_ref;
        if filter & l::FILTER_SUPPRESS_SRC_ADDED == 0 && !self.enqueue(k, false, &super::message::added(srcref, provider)) {
            k.stats[l::stats::SRC_ADDED] += 1;
            return false;
        }
        self.refs.insert(srcref, Ref { source: number, seq: 0 });
        self.srcrefs.insert(number, srcref);
        true
    }
}
