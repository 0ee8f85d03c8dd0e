//! What waits too long or takes too much goes.

use std::sync::Arc;

use ahash::HashMap;

use super::Sequence;
use super::partial::{ORDER_BYTES, Partial, Slot, is_over, place_bytes};
use crate::detect::absence::Absences;
use crate::detect::held::{Eviction, Weight};

/// This many partial sequences may wait longer than `maxspan`.
const KEPT_PAST_MAXSPAN: usize = 1024;

impl Sequence {
    pub(super) fn bound(&mut self) {
        let live: usize = self.waiting.iter().map(HashMap::len).sum();
        if live > self.limit {
            while let Some((first_ms, stage, key)) = self.pop_order() {
                if self.drop_if_began(first_ms, stage, &key) {
                    self.evicted += 1;
                    break;
                }
            }
        }
        if self.order_bytes > self.order_limit {
            let waiting = &self.waiting;
            self.order.retain(|(first_ms, stage, key)| {
                waiting[*stage].get(key).is_some_and(|slot| slot.latest.first_ms == *first_ms)
            });
            self.order_bytes = self.order.iter().map(|(.., key)| place_bytes(key)).sum();
            self.order_limit = ORDER_BYTES.max(2 * self.order_bytes);
        }
    }

    /// How long each partial sequence is.
    pub(in crate::detect) fn weights(&self) -> impl Iterator<Item = Weight> {
        let slots = self.waiting.iter().flat_map(HashMap::values);
        let partials = slots.flat_map(Slot::partials).map(Partial::weight);
        partials.chain(self.absences.iter().flat_map(Absences::weights))
    }

    pub(in crate::detect) fn evict(&mut self, eviction: Eviction, watermark_ms: i64) {
        let mut evicted = 0;
        let maxspan = self.maxspan_ms;
        let mut stays = |partial: &Partial| {
            let stays = eviction.keeps(partial.weight().0);
            evicted += u64::from(!stays && !is_over(partial, maxspan, watermark_ms));
            stays
        };
        for waiting in &mut self.waiting {
            waiting.retain(|_, slot| {
                slot.older.retain(&mut stays);
                if stays(&slot.latest) {
                    return true;
                }
                match slot.older.pop() {
                    Some(older) => slot.latest = older,
                    None => return false,
                }
                true
            });
        }
        self.evicted += evicted;
        if let Some(absences) = &mut self.absences {
            absences.evict(eviction);
        }
    }

    /// Drops what has waited longer than `maxspan`. A few may wait longer than that: then an event
    /// whose clock ran ahead does not end the sequences of all others.
    pub(super) fn expire(&mut self, watermark_ms: i64) {
        if let Some(absences) = &mut self.absences {
            absences.expire(watermark_ms);
        }
        let Some(maxspan) = self.maxspan_ms.filter(|_| self.order.len() > KEPT_PAST_MAXSPAN) else { return };
        while let Some((first_ms, ..)) = self.order.front()
            && first_ms.saturating_add(maxspan) < watermark_ms
        {
            if let Some((first_ms, stage, key)) = self.pop_order() {
                self.drop_if_began(first_ms, stage, &key);
            }
        }
    }

    fn pop_order(&mut self) -> Option<(i64, usize, Arc<str>)> {
        let first = self.order.pop_front()?;
        self.order_bytes = self.order_bytes.saturating_sub(place_bytes(&first.2));
        Some(first)
    }

    fn drop_if_began(&mut self, first_ms: i64, stage: usize, key: &Arc<str>) -> bool {
        let Some(slot) = self.waiting[stage].get_mut(key) else { return false };
        let before = slot.older.len();
        slot.older.retain(|partial| partial.first_ms != first_ms);
        let began = slot.latest.first_ms == first_ms;
        if began {
            match slot.older.pop() {
                Some(older) => slot.latest = older,
                None => {
                    self.waiting[stage].remove(key);
                    return true;
                }
            }
        }
        began || before > slot.older.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::held::Shared;
    use crate::detect::joins::Joins;
    use crate::eql::{self, Lineages};
    use crate::event::{Categories, Event, Fields, Ledger, Timestamp, field};

    #[test]
    fn of_starts_of_one_time_or_one_key_the_order_keeps_few() {
        let query = "sequence by process.pid [process where true] [network where true]";
        let query = eql::compile(query, &mut Fields::default(), &mut Lineages::default()).unwrap();
        for milliseconds in [0, 1] {
            let (mut sequence, mut joins, ledger) = (Sequence::new(&query, 100), Joins::default(), Ledger::default());
            for number in 0..50_000 {
                let time = Timestamp::from_milliseconds(i64::try_from(number).unwrap() * milliseconds).unwrap();
                let mut event = Event::new(time, Categories::PROCESS);
                event.push_int(field::PROCESS_PID, 7);
                joins.next_event();
                let mut shared = Shared::new(&event, (time, number), &ledger, &mut joins);
                sequence.observe(&mut shared, (time, number), 0, &mut Vec::new());
            }
            let most = if milliseconds == 0 { 1 } else { ORDER_BYTES / place_bytes("") };
            assert!((1..=most).contains(&sequence.order.len()), "{} at {milliseconds} ms", sequence.order.len());
        }
    }
}
