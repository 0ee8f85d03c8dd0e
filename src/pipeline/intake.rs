//! The first step of a pipeline: events are put into the order in which they happened.

use std::sync::Arc;

use super::Limits;
use super::copies::Copies;
use crate::detect::Ordinal;
use crate::detect::reorder::Reorder;
use crate::event::Event;
use crate::script::{self, Capture};

/// Why events are taken in another order than they happened in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disorder {
    /// One was later than the lateness allows.
    Late,
    /// Too many waited for earlier ones.
    Overtaken,
}

/// Puts events in order. It needs nothing of what comes after it, so it can run on another thread.
#[derive(Debug)]
pub(crate) struct Intake {
    capture: Option<Capture>,
    reorder: Reorder,
    copies: Copies,
    events: u64,
}

impl Intake {
    pub(super) fn new(limits: &Limits, capture: Option<Capture>) -> Intake {
        let reorder = Reorder::new(limits.lateness, limits.reorder, limits.reorder_bytes);
        Intake { capture, reorder, copies: Copies::default(), events: 0 }
    }

    /// Takes in an event.
    pub(crate) fn push(&mut self, mut event: Event) {
        self.events += 1;
        if let Some(capture) = self.capture {
            event.script = script::of_arguments(&event, capture).map(Arc::new);
        }
        self.reorder.push(event);
    }

    /// The next event whose turn has come. `leave_out` sees the copies before it.
    #[inline]
    pub(crate) fn pop_due(&mut self, leave_out: impl FnMut(&Event)) -> Option<(Ordinal, Event)> {
        self.next(Reorder::pop_due, leave_out)
    }

    /// The next event, due or not: at the end of the input.
    pub(crate) fn pop(&mut self, leave_out: impl FnMut(&Event)) -> Option<(Ordinal, Event)> {
        self.next(Reorder::pop, leave_out)
    }

    /// The next event that is no copy. Each is moved as seldom as can be.
    #[inline]
    fn next(
        &mut self,
        pop: impl Fn(&mut Reorder) -> Option<(Ordinal, Event)>,
        mut leave_out: impl FnMut(&Event),
    ) -> Option<(Ordinal, Event)> {
        loop {
            let next = pop(&mut self.reorder);
            if !self.is_copy(next.as_ref()) {
                return next;
            }
            next.iter().for_each(|(_, copy)| leave_out(copy));
        }
    }

    /// Whether it is a copy of an event that was before.
    fn is_copy(&mut self, next: Option<&(Ordinal, Event)>) -> bool {
        let Some((_, event)) = next else { return false };
        let following = self.reorder.first().map(|(time, _)| time);
        self.copies.has(event, following)
    }

    /// Why events are taken in another order than they happened in, if they are.
    pub(crate) fn disorder(&self) -> Option<Disorder> {
        match (self.late(), self.overtaken()) {
            (0, 0) => None,
            (0, _) => Some(Disorder::Overtaken),
            _ => Some(Disorder::Late),
        }
    }

    /// Events taken in.
    pub(super) fn events(&self) -> u64 {
        self.events
    }

    /// Copies of events, which were left out.
    pub(super) fn copies(&self) -> u64 {
        self.copies.left_out()
    }

    /// Events that arrived later than the lateness allows.
    pub(super) fn late(&self) -> u64 {
        self.reorder.late()
    }

    /// Events that came after a later one had been released.
    pub(super) fn overtaken(&self) -> u64 {
        self.reorder.overtaken()
    }

    /// The bytes of the events that wait.
    pub(super) fn bytes(&self) -> usize {
        self.reorder.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Categories, Timestamp, field};

    #[test]
    fn what_is_sorted_is_held_whatever_its_order_until_it_takes_more_bytes_than_it_may() {
        let mut limits = Limits::replay();
        limits.sort(1 << 20);
        let mut intake = Intake::new(&limits, None);
        for hour in (1..=1000).rev() {
            intake.push(Event::new(Timestamp::from_milliseconds(hour * 3_600_000).unwrap(), Categories::PROCESS));
            assert!(intake.pop_due(|_| ()).is_none(), "{hour}");
        }
        let mut large = Event::new(Timestamp::default(), Categories::PROCESS);
        large.push_str(field::PROCESS_ARGS, &"x".repeat(1 << 20));
        intake.push(large);
        // The earliest goes: with it the others fit.
        let hour = |((time, _), _): (Ordinal, Event)| time.milliseconds() / 3_600_000;
        assert_eq!((intake.pop_due(|_| ()).map(hour), intake.pop_due(|_| ()).map(hour)), (Some(0), None));
        let rest = std::iter::from_fn(|| intake.pop(|_| ()));
        assert!(rest.map(hour).eq(1..=1000));
    }
}
