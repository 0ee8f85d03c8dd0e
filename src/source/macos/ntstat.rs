//! The thread that holds the conversation with the kernel's network statistics.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::Sender;

use super::loopback::Loopback;
use super::{Feed, libproc, sys};
use crate::event::{Flow, ProcessRef, Timestamp};
use crate::source::live::{Backoff, Level, Losses, NetworkSource, Watched};
use crate::source::ntstat::{self, Client, ContinuousClock, Counters};

/// The name of the kernel control.
const CONTROL: &str = "com.apple.network.statistics";
/// The receive buffer asked for, and the least that is worth a try: the kernel's own is 8 KiB, a dozen
/// reports.
const BUFFER: (i32, i32) = (8 * 1024 * 1024, 64 * 1024);
/// A datagram is shorter: `MAX_NSTAT_MSG_HDR_LENGTH` is 65,532.
const DATAGRAM: usize = 64 * 1024;
/// How long the kernel may take to tell of all sources there are before libproc takes over.
const PATIENCE: Duration = Duration::from_secs(5);

/// While libproc stands in, the kernel is asked again after so long, doubled up to an hour.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3600));
/// The clocks are compared anew this often: the time of day is corrected now and then, the ticks are not. Nothing
/// wakes up for it.
const CLOCK_AFTER: Duration = Duration::from_secs(10);
/// `Instant` stands still while the Mac sleeps, the continuous ticks go on: a difference beyond this was sleep.
const SLEPT: Duration = Duration::from_secs(2);

/// What the thread needs.
pub(super) struct Network {
    pub(super) flows: Sender<Flow>,
    pub(super) watched: Arc<Watched>,
    pub(super) losses: Arc<Losses>,
    pub(super) notices: Feed,
}

impl Network {
    /// Tells of flows for the rest of the program. While the kernel's statistics cannot be had libproc tells of
    /// them, unless only the former are wanted; then the kernel is asked again.
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
                let text = format!("the kernel's network statistics cannot be had: {why}");
                self.notices.notice(Level::Warning, text);
                if source == NetworkSource::Auto {
                    self.say_libproc();
                }
                said = Some(why);
            }
            match source {
                NetworkSource::Ntstat => std::thread::sleep(backoff.next_wait()),
                _ => poll.run(&self.watched, &self.flows, &self.losses, Some(ask_again)),
            }
            // Each test that fails is five seconds in which nobody looks.
            ask_again = (2 * ask_again).min(ASK_AGAIN.1);
        }
    }

    /// Speaks with the kernel for as long as it answers, of what connected since some ticks, or since now. Gives back
    /// why it ended, and whether it had begun well.
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
        let text = "connections come from libproc: only watched processes, looked at every 50 ms, so a short \
                    connection can be missed";
        self.notices.notice(Level::Info, text.to_owned());
    }
}

/// How far the self-test is. It is made anew after sleep and on each new socket.
enum Test {
    Due,
    Running(Loopback),
    Done,
}

struct Conversation<'n> {
    network: &'n Network,
    socket: File,
    client: Client,
    began: Instant,
    /// When the socket was opened.
    opened: Duration,
    clock: ContinuousClock,
    clock_read: Duration,
    test: Test,
    said: Option<String>,
    /// What of the client's counters is among the losses.
    counted: Counters,
}

impl<'n> Conversation<'n> {
    #[allow(clippy::disallowed_methods, reason = "the client is told the time")]
    fn begin(network: &'n Network, since: Option<u64>) -> io::Result<Conversation<'n>> {
        let clock = clock();
        let pid = std::process::id();
        let own = ProcessRef { pid, unique_pid: libproc::unique_info(pid).map(|info| info.unique_pid) };
        let mut client = Client::new(own, clock, since.unwrap_or(clock.ticks));
        let socket = open(&mut client)?;
        let (began, opened, clock_read) = (Instant::now(), Duration::ZERO, Duration::ZERO);
        let (test, said, counted) = (Test::Due, None, Counters::default());
        Ok(Conversation { network, socket, client, began, opened, clock, clock_read, test, said, counted })
    }

    /// Reads and answers until the socket fails.
    fn hold(&mut self) -> io::Result<()> {
        let mut datagram = vec![0; DATAGRAM];
        loop {
            self.write()?;
            let readable = self.wait();
            self.compare_clocks();
            if readable {
                match self.socket.read(&mut datagram) {
                    Ok(0) => return Ok(()),
                    Ok(length) => self.client.receive(&datagram[..length], self.began.elapsed(), now()),
                    Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => self.client.receive_overflowed(),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            let watched = &self.network.watched;
            self.client.poll(self.began.elapsed(), |process| watched.contains(process.pid));
            self.repair()?;
            self.hand_over();
            self.examine()?;
        }
    }

    fn compare_clocks(&mut self) {
        let now = self.began.elapsed();
        if now.saturating_sub(self.clock_read) < CLOCK_AFTER {
            return;
        }
        let clock = clock();
        let awake = now.saturating_sub(self.clock_read);
        if self.clock.elapsed(clock.ticks).saturating_sub(awake) > SLEPT {
            self.test = Test::Due;
        }
        self.client.set_clock(clock);
        (self.clock, self.clock_read) = (clock, now);
        if let Some(count) = sys::sysctl_bytes("net.stats.stats").and_then(|bytes| ntstat::undelivered(&bytes)) {
            self.network.losses.undelivered.store(count, Ordering::Relaxed);
        }
    }

    fn write(&mut self) -> io::Result<()> {
        while let Some(request) = self.client.next_request() {
            match self.socket.write(&request) {
                Ok(_) => {}
                // The source that is asked for can be gone.
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    self.client.receive_overflowed();
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether there is something to read. Without anything due it waits for as long as it takes.
    fn wait(&self) -> bool {
        let now = self.began.elapsed();
        let patience = (!self.client.is_ready()).then_some(PATIENCE);
        let due = self.client.next_wakeup(now, !self.network.watched.is_empty());
        let due = due.map(|due| due.saturating_sub(now));
        let wait = due.into_iter().chain(patience).min();
        // Rounded up: a wait of 0 would be a busy loop until the time has come.
        let milliseconds = wait.map_or(-1, |wait| i32::try_from(wait.as_millis() + 1).unwrap_or(i32::MAX));
        sys::wait_readable(&self.socket, milliseconds)
    }

    fn hand_over(&mut self) {
        let losses = &self.network.losses;
        let (now, last) = (self.client.counters(), self.counted);
        for (counter, more) in [
            (&losses.ntstat_malformed, now.malformed - last.malformed),
            (&losses.ntstat_lost_sources, now.lost_sources - last.lost_sources),
            (&losses.ntstat_closed_after_drop, now.closed_after_drop - last.closed_after_drop),
            (&losses.ntstat_no_room, now.no_room - last.no_room),
            (&losses.ntstat_evicted, now.evicted - last.evicted),
        ] {
            Losses::add(counter, more);
        }
        self.counted = now;
        // Before the first self-test is passed nothing is believed.
        while self.said.is_some()
            && let Some(flow) = self.client.next_flow()
        {
            if self.network.flows.try_send(flow).is_err() {
                Losses::add(&losses.flow_channel_full, 1);
            }
        }
    }

    /// Does what the client asks for after a loss, or to be told of what is wanted.
    fn repair(&mut self) -> io::Result<()> {
        let now = self.began.elapsed();
        if let Some(errno) = self.client.failure() {
            return Err(io::Error::from_raw_os_error(errno as i32));
        }
        if self.client.wants_second_connection() {
            drop(sys::control_socket(CONTROL));
        }
        if self.client.wants_reopen(now) {
            self.socket = open(&mut self.client)?;
            (self.opened, self.test) = (now, Test::Due);
        }
        if self.client.wants_scan(now) {
            for pid in self.network.watched.all() {
                libproc::flows(pid).into_iter().for_each(|flow| self.client.scanned(flow));
            }
        }
        Ok(())
    }

    /// Makes the self-test, and says once what it found.
    fn examine(&mut self) -> io::Result<()> {
        let now = self.began.elapsed();
        match &mut self.test {
            Test::Due if self.client.is_ready() => match Loopback::new() {
                Ok(loopback) => {
                    self.client.begin_self_test(loopback.sockets(), now);
                    self.test = Test::Running(loopback);
                }
                Err(error) => {
                    self.test = Test::Done;
                    self.say(format!("untested, as no socket of our own could be made: {error}"));
                }
            },
            Test::Running(loopback) => {
                if self.client.wants_another_connection(now)
                    && let Ok(ends) = loopback.connect_again()
                {
                    self.client.connected_again(ends);
                }
                if let Some(findings) = self.client.self_test_result(now) {
                    self.test = Test::Done;
                    if !findings.is_usable() {
                        return Err(io::Error::other(format!("the self-test failed: {findings}")));
                    }
                    self.say(findings.to_string());
                }
            }
            Test::Due if now.saturating_sub(self.opened) > PATIENCE => {
                return Err(io::Error::other("the kernel does not tell which connections there are"));
            }
            Test::Due | Test::Done => {}
        }
        Ok(())
    }

    fn say(&mut self, findings: String) {
        let text = format!("connections come from the kernel's network statistics: {findings}");
        if self.said.replace(findings.clone()) != Some(findings) {
            self.network.notices.notice(Level::Info, text);
        }
    }
}

fn clock() -> ContinuousClock {
    let (ticks, numer, denom) = sys::continuous_ticks();
    ContinuousClock { numer, denom, ticks, time: now() }
}

fn open(client: &mut Client) -> io::Result<File> {
    let socket = sys::control_socket(CONTROL)?;
    sys::grow_receive_buffer(&socket, BUFFER.0, BUFFER.1);
    client.start();
    Ok(socket)
}

#[allow(clippy::disallowed_methods, reason = "a report has no time of day of its own")]
fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanoseconds(i64::try_from(now.as_nanos()).unwrap_or(i64::MAX))
}
