//! What was lost, and what of it an alert says.

use std::time::Duration;

use super::Engine;
use crate::agent::account::Account;
use crate::agent::delivery::Item;
use crate::agent::loss::LossLog;
use crate::alert::pipeline_error;
use crate::pipeline::Output;
use crate::source::live::{Level, Notice};

impl Engine {
    /// Counts what was lost since the last call, and tells it when that is due.
    pub(super) fn check_losses(&mut self, now: Duration, is_end: bool) {
        let losses = &self.system.losses;
        let (executions, sequences, cases) = self.pipeline.lost();
        let own = [
            ("table.executions", executions),
            ("table.sequences", sequences),
            ("table.cases", cases),
            ("table.flows_not_waited_for", self.pending.evicted()),
            ("table.processes_not_watched", self.watch.evicted()),
            ("engine.late_processes", self.late),
            ("engine.not_taken", self.not_taken),
            ("alerts.queue_full", self.alerts_lost),
            ("documents.queue_full", self.documents_lost),
        ];
        let counters = losses.snapshot().into_iter().chain(own);
        let time = self.time(now);
        // They only grow: while their sum stays, which it nearly always does, so does each of them.
        let sum = counters.clone().map(|(_, count)| count).sum();
        if self.lost_sum.replace(sum) != Some(sum) {
            self.counts.lost = counters.collect();
            self.losses.observe(self.counts.lost.iter().copied(), time);
        }
        if self.losses.wants_scan(self.system.losses.processes(), now) {
            // One that is asked for already will do.
            let _ = self.system.scan.try_send(());
        }
        if let Some(lost) = self.losses.due(now, is_end) {
            let parts: Vec<String> = lost.iter().map(|(name, count)| format!("{name} {count}")).collect();
            let text = format!("lost: {}", parts.join(", "));
            let document = pipeline_error::document(time, &self.system.machine, &lost);
            self.account.warned(time, &text);
            self.items.push(Item::Loss { document, lost });
            self.items.push(Item::Notice(Notice::new(Level::Warning, text)));
        }
    }
}

/// An alert with what was lost near it.
pub(in crate::agent) fn deliver(output: Output<'_>, losses: &LossLog, items: &mut Vec<Item>, account: &mut Account) {
    if let Output::Alert(draft) = output {
        if let Some(last) = draft.events().last() {
            account.alerted(last.time, &draft.rule().id);
        }
        let lost = draft.events().first().map(|event| losses.near(event.time)).unwrap_or_default();
        items.push(Item::Alert { draft, lost });
    }
}
