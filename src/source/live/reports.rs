//! The channel of reports on process events, bounded in number and in bytes.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;

use super::{Bell, Report, RingingSender, Watched};
use crate::event::{Charge, Ledger};

/// How often a sender that may wait looks for room.
const LOOK: Duration = Duration::from_millis(1);

/// A report on its way to the engine.
#[derive(Debug)]
pub(crate) struct Queued {
    /// The report.
    pub report: Report,
    /// Its bytes in the ledger of the channel.
    _charge: Option<Charge>,
}

impl From<Report> for Queued {
    fn from(report: Report) -> Queued {
        Queued { report, _charge: None }
    }
}

/// Where a source of process events puts what it sees.
#[derive(Clone, Debug)]
pub(crate) struct ReportSender {
    reports: RingingSender<Queued>,
    ledger: Ledger,
    limit: usize,
    watched: Arc<Watched>,
}

/// A channel of this many reports, of this many bytes together. Those on a watched process ring, the others may gather.
pub(crate) fn report_channel(
    number: usize,
    bytes: usize,
    bell: &Bell,
    watched: &Arc<Watched>,
) -> (ReportSender, Receiver<Queued>) {
    let (reports, receiver) = bell.channel(number);
    (ReportSender { reports, ledger: Ledger::default(), limit: bytes, watched: Arc::clone(watched) }, receiver)
}

impl ReportSender {
    /// Hands a report over if there is room for it.
    pub(crate) fn try_send(&self, report: Report) -> bool {
        let bytes = report.bytes();
        if self.is_full(bytes) {
            return false;
        }
        let may_wait = self.may_wait(&report);
        let charge = Some(self.ledger.charge(bytes));
        self.reports.try_send_at_leisure(Queued { report, _charge: charge }, may_wait).is_ok()
    }

    /// Sends a report when there is room for it; `false`: the engine has ended.
    pub(crate) fn send(&self, report: Report) -> bool {
        let bytes = report.bytes();
        while self.is_full(bytes) {
            std::thread::sleep(LOOK);
        }
        let may_wait = self.may_wait(&report);
        let charge = Some(self.ledger.charge(bytes));
        self.reports.send_at_leisure(Queued { report, _charge: charge }, may_wait).is_ok()
    }

    /// Whether the report may gather with others.
    fn may_wait(&self, report: &Report) -> bool {
        self.reports.is_gathering() && !report.is_about(&self.watched)
    }

    /// Whether less than half of the room is left.
    pub(crate) fn is_half_full(&self) -> bool {
        self.reports.is_half_full() || self.ledger.bytes() > self.limit / 2
    }

    /// One report always has room, so that none is rejected forever.
    fn is_full(&self, bytes: usize) -> bool {
        let held = self.ledger.bytes();
        held > 0 && held + bytes > self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Categories, Event, Timestamp, field};
    use crate::source::endpoint_security::{self, Outline, Received};
    use crate::source::live::Level;

    fn report(bytes: usize) -> Report {
        let mut event = Event::new(Timestamp::default(), Categories::PROCESS);
        event.push_str(field::PROCESS_ARGS, &"A".repeat(bytes));
        Report::Event(Box::new(event))
    }

    #[derive(Debug)]
    struct Message(Outline<'static>);

    impl Received for Message {
        fn message(&self) -> Option<endpoint_security::Message<'_>> {
            None
        }

        fn outline(&self) -> Outline<'_> {
            self.0
        }

        fn bytes(&self) -> usize {
            1024
        }
    }

    #[test]
    fn what_osascript_and_its_children_do_does_not_wait_and_what_others_do_may() {
        let watched = Watched::new(|_, name| name == Some("osascript"));
        watched.insert(50);
        let message = |pid, ppid, path| {
            Report::Message(Box::new(Message(Outline { pid, ppid: Some(ppid), signing_id: None, path: Some(path) })))
        };
        let line = |name, parent| {
            let mut event = Event::new(Timestamp::default(), Categories::PROCESS);
            event.push_str(field::PROCESS_NAME, name);
            event.push_int(field::PARENT_PID, parent);
            Report::Event(Box::new(event))
        };
        let urgent = [
            message(7, 1, "/usr/bin/osascript"),
            message(7, 50, "/usr/bin/curl"),
            message(50, 1, "/bin/sh"),
            line("osascript", 1),
            line("curl", 50),
            Report::notice(Level::Info, String::new()),
        ];
        let others = [message(7, 1, "/usr/bin/curl"), message(51, -1, "/bin/osascript/sh"), line("curl", 1)];
        assert_eq!(urgent.map(|report| report.is_about(&watched)), [true; 6]);
        assert_eq!(others.map(|report| report.is_about(&watched)), [false; 3]);
    }

    #[test]
    fn reports_of_250_kb_each_fill_the_channel_by_their_bytes_and_taking_one_makes_room() {
        let (sender, receiver) = report_channel(1000, 1 << 20, &Bell::default(), &Arc::default());
        let taken = (0..10).filter(|_| sender.try_send(report(250 << 10))).count();
        assert_eq!(taken, 4);
        assert!(sender.is_half_full());
        drop(receiver.recv().unwrap());
        assert!(sender.try_send(report(200 << 10)));
    }

    #[test]
    fn a_report_larger_than_all_the_room_goes_through_alone() {
        let (sender, _receiver) = report_channel(1000, 1 << 10, &Bell::default(), &Arc::default());
        assert_eq!([sender.try_send(report(1 << 20)), sender.try_send(report(1))], [true, false]);
    }
}
