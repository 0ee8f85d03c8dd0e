//! The thread that holds the conversation with the kernel's network statistics.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};

use super::control::{control_socket, grow_receive_buffer};
use super::feed::Feed;
use super::host::now;
use super::loopback::Loopback;
use super::{libproc, sys};
use crate::event::{Flow, Owner, ProcessRef};
use crate::source::live::{Backoff, Level, Losses, NetworkSource, Notice, RingingSender, SourceKind, Subject, Watched};
use crate::source::ntstat::{self, Action, Client, ContinuousClock};

/// What this source is called.
const NTSTAT: &str = "ntstat";
/// The name of the kernel control.
const CONTROL: &str = "com.apple.network.statistics";
/// The receive buffer asked for, and the least that is worth a try: the kernel's own is 8 KiB, a dozen reports.
const BUFFER: (usize, usize) = (8 * 1024 * 1024, 64 * 1024);
/// How often the clocks are read for one reading.
const READINGS: usize = 4;
/// A datagram is shorter: `MAX_NSTAT_MSG_HDR_LENGTH` is 65,532.
const DATAGRAM: usize = 64 * 1024;
/// While libproc is used instead, the kernel is asked again after this long, doubled up to an hour.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3600));

/// What the thread needs.
pub(super) struct Network {
    pub(super) flows: RingingSender<Flow>,
    pub(super) watched: Arc<Watched>,
    pub(super) losses: Arc<Losses>,
    pub(super) notices: Feed,
}

impl Network {
    /// Reports flows for the rest of the program. While the kernel's statistics are unavailable libproc reports them,
    /// unless only the former are wanted; then the kernel is asked again.
    pub(super) fn run(&self, source: NetworkSource) {
        let mut poll = libproc::Poll::default();
        if source == NetworkSource::Libproc {
            self.say_libproc();
            return poll.run(&self.watched, &self.flows, &self.losses, None);
        }
        let (mut backoff, mut ask_again, mut said) = (Backoff::default(), ASK_AGAIN.0, None);
        loop {
            let (why, was_useful) = self.converse(poll.looked());
            if was_useful {
                (backoff, ask_again, said) = (Backoff::default(), ASK_AGAIN.0, None);
            }
            if said.as_ref() != Some(&why) {
                let text = format!("the kernel's network statistics are unavailable: {why}");
                self.notices.say(Notice { level: Level::Warning, subject: Subject::NoStatistics, text });
                match source {
                    NetworkSource::Auto => self.say_libproc(),
                    _ => self.notices.fails(SourceKind::Network, NTSTAT, why.clone()),
                }
                said = Some(why);
            }
            match source {
                NetworkSource::Ntstat => std::thread::sleep(backoff.next_wait()),
                _ => poll.run(&self.watched, &self.flows, &self.losses, Some(ask_again)),
            }
            // Each test that fails is five seconds without a source.
            ask_again = (2 * ask_again).min(ASK_AGAIN.1);
        }
    }

    /// Speaks with the kernel for as long as it answers, of what connected since some ticks, or since now. Returns why
    /// it ended, and whether it had begun well.
    fn converse(&self, since: Option<u64>) -> (String, bool) {
        let mut conversation = match Conversation::begin(self, since) {
            Ok(conversation) => conversation,
            Err(error) => return (error.to_string(), false),
        };
        let why = match conversation.hold() {
            Ok(()) => "the kernel closed the control socket".to_owned(),
            Err(error) => error.to_string(),
        };
        (why, conversation.said.is_some())
    }

    fn say_libproc(&self) {
        let what = "only watched processes, polled every 50 ms, so a short connection can be missed";
        self.notices.say(Notice::of_source(SourceKind::Network, "libproc", what.to_owned()));
        let finding = "polls the sockets of watched processes every 50 ms".to_owned();
        self.notices.works(SourceKind::Network, "libproc", finding, None);
    }

    fn hand_over(&self, mut flow: Flow) {
        // The system's own stack names the process on whose behalf it acts by pid alone.
        if let Owner::Process(process @ ProcessRef { pid, unique_pid: None }) = flow.owner {
            let unique_pid = libproc::made_before(pid, flow.started.unwrap_or(flow.time));
            flow.owner = Owner::Process(ProcessRef { unique_pid, ..process });
        }
        let is_full = self.flows.try_send(flow).is_err();
        Losses::add(&self.losses.flow_channel_full, is_full.into());
    }
}

struct Conversation<'n> {
    network: &'n Network,
    socket: File,
    /// The receive buffer that the kernel granted.
    buffer: Option<usize>,
    client: Client,
    began: Instant,
    loopback: Option<Loopback>,
    said: Option<String>,
}

impl<'n> Conversation<'n> {
    #[allow(clippy::disallowed_methods, reason = "the client is told the time")]
    fn begin(network: &'n Network, since: Option<u64>) -> io::Result<Conversation<'n>> {
        let (clock, pid) = (clock(), std::process::id());
        let own = ProcessRef { pid, unique_pid: libproc::unique_info(pid).map(|info| info.unique_pid) };
        let mut client = Client::new(own, clock, since.unwrap_or(clock.ticks));
        let (socket, buffer) = open()?;
        client.start(Duration::ZERO);
        Ok(Conversation { network, socket, buffer, client, began: Instant::now(), loopback: None, said: None })
    }

    /// Reads and answers until the socket fails.
    fn hold(&mut self) -> io::Result<()> {
        let mut datagram = vec![0; DATAGRAM];
        loop {
            while let Some(action) = self.client.next_action() {
                self.perform(action)?;
            }
            let is_readable = self.wait()?;
            let read = clock();
            if self.client.is_clock_set(&read) {
                self.client.set_clock(read, self.began.elapsed());
            }
            if is_readable {
                match self.socket.read(&mut datagram) {
                    Ok(0) => return Ok(()),
                    Ok(length) => {
                        self.network.notices.record("received", &datagram[..length]);
                        self.client.receive(&datagram[..length], self.began.elapsed(), now());
                    }
                    Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => self.client.no_room(),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            let (now, watched) = (self.began.elapsed(), &self.network.watched);
            let new = watched.take_new();
            if !new.is_empty() {
                self.client.watch(now, |process| new.contains(&process.pid));
            }
            self.client.tick(now, |process| watched.contains(process.pid));
            self.count();
        }
    }

    fn perform(&mut self, action: Action) -> io::Result<()> {
        match action {
            Action::Send(request) => return self.send(&request),
            Action::Flow(flow) => self.network.hand_over(flow),
            Action::ConnectSecondSocket => drop(control_socket(CONTROL)),
            Action::Reopen => {
                (self.socket, self.buffer) = open()?;
                self.client.start(self.began.elapsed());
            }
            Action::Scan => {
                let flows = |pid| libproc::flows(pid, &self.network.losses);
                let flows: Vec<Flow> = self.network.watched.all().into_iter().flat_map(flows).collect();
                flows.into_iter().for_each(|flow| self.client.scanned(flow));
            }
            Action::ReadClock => {
                self.client.set_clock(clock(), self.began.elapsed());
                if let Some(count) = sys::sysctl_bytes("net.stats.stats").and_then(|bytes| ntstat::undelivered(&bytes))
                {
                    self.network.losses.undelivered.store(count, Ordering::Relaxed);
                }
            }
            Action::MakeSockets => match Loopback::new() {
                Ok(loopback) => {
                    self.client.begin_self_test(loopback.sockets(), self.began.elapsed());
                    self.loopback = Some(loopback);
                }
                Err(error) => {
                    self.client.skip_self_test();
                    self.say(format!("untested, as no test socket could be created: {error}"));
                }
            },
            Action::ConnectAgain => {
                if let Some(Ok(ends)) = self.loopback.as_mut().map(Loopback::connect_again) {
                    self.client.connected_again(ends);
                }
            }
            Action::SelfTested(findings) => {
                self.loopback = None;
                self.say(findings.to_string());
            }
            Action::Fail(failure) => return Err(io::Error::other(failure.to_string())),
        }
        Ok(())
    }

    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.network.notices.record("sent", request);
        match retry_on_intr(|| rustix::io::write(&self.socket, request)) {
            // The source that is asked about can be gone.
            Ok(_) | Err(Errno::NOENT) => Ok(()),
            Err(Errno::NOBUFS) => {
                self.client.no_room();
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether there is something to read. Waits until there is, something is due, or a process becomes watched.
    fn wait(&self) -> io::Result<bool> {
        let (now, watched) = (self.began.elapsed(), &self.network.watched);
        let due = self.client.next_wakeup(now, !watched.is_empty());
        // Rounded up: a wait of 0 would be a busy loop until the time has come.
        let wait = due.map(|due| due.saturating_sub(now) + Duration::from_millis(1));
        let timeout = wait.and_then(|wait| Timespec::try_from(wait).ok());
        let socket = PollFd::new(&self.socket, PollFlags::IN);
        let mut entries: Vec<PollFd<'_>> =
            [socket].into_iter().chain(watched.bell().map(|bell| PollFd::new(bell, PollFlags::IN))).collect();
        retry_on_intr(|| poll(&mut entries, timeout.as_ref()))?;
        Ok(entries.first().is_some_and(|socket| !socket.revents().is_empty()))
    }

    fn count(&mut self) {
        let (losses, counters) = (&self.network.losses, self.client.take_counters());
        for (counter, count) in [
            (&losses.ntstat_malformed, counters.malformed),
            (&losses.ntstat_lost_sources, counters.lost_sources),
            (&losses.ntstat_closed_after_drop, counters.closed_after_drop),
            (&losses.ntstat_no_room, counters.no_room),
            (&losses.ntstat_evicted, counters.evicted),
        ] {
            Losses::add(counter, count);
        }
    }

    fn say(&mut self, findings: String) {
        let buffer = match self.buffer {
            Some(bytes) => format!("a receive buffer of {} KiB", bytes / 1024),
            None => "only the kernel's own receive buffer, so reports may be lost".to_owned(),
        };
        if self.said.replace(findings.clone()) != Some(findings.clone()) {
            let what = format!("{findings}; {buffer}");
            let notice = Notice::of_source(SourceKind::Network, "the kernel's network statistics", what);
            self.network.notices.say(notice);
            self.network.notices.works(SourceKind::Network, NTSTAT, findings, None);
        }
    }
}

/// Reads both clocks as near to each other as it can: where the thread is interrupted between the two, every time at
/// which a socket was made would be off by as long, and a process that lived for a few milliseconds not be its owner.
fn clock() -> ContinuousClock {
    let reading = || {
        let (before, numer, denom) = sys::continuous_ticks();
        let time = now();
        let apart = sys::continuous_ticks().0.saturating_sub(before);
        (apart, ContinuousClock { numer, denom, ticks: before + apart / 2, time })
    };
    let closer = |one: (u64, ContinuousClock), other: (u64, ContinuousClock)| if other.0 < one.0 { other } else { one };
    (1..READINGS).map(|_| reading()).fold(reading(), closer).1
}

/// A new control socket, and its receive buffer.
fn open() -> io::Result<(File, Option<usize>)> {
    let socket = control_socket(CONTROL)?;
    let buffer = grow_receive_buffer(&socket, BUFFER.0, BUFFER.1);
    Ok((socket, buffer))
}
