//! Recordings: files and standard input, each in the format that its lines show, merged by time.

mod ahead;
mod compression;
mod documents;
mod error;
mod input;
mod lines;
mod origin;
#[cfg(test)]
mod layouts;
mod packed;
mod place;
mod reader;
mod scan;
mod sources;
mod step;
#[cfg(test)]
mod tests;
mod values;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::{Counters, Decoder, Format};
use crate::event::{Event, Fields, Machine, Timestamp, document, field};
use ahead::{Ahead, Threads};
pub use compression::Compression;
pub(crate) use compression::decompressed;
pub(crate) use documents::{Documents, NextDocument, unwrapped};
pub use error::{Content, Error, Unknown, Unreadable};
pub use input::RecordedInput;
pub(crate) use lines::TOO_LONG;
pub use origin::{Input, Problem};
pub use place::Place;
use sources::Source;
pub use sources::Sources;
use step::Step;

/// How long [`Recording::next`] waits for input, so that a caller can check its signals in between.
pub(crate) const WAIT: Duration = Duration::from_millis(200);
/// How many inputs are open from the start; of more, each opens when its first event is next.
const MAX_OPEN: usize = 64;

/// What comes next in a recording.
#[derive(Debug)]
pub enum Next {
    /// The next event in time.
    Event(Event),
    /// A value that was skipped, or an input that was cut off.
    Problem(Problem),
    /// An input that could not be examined beforehand holds nothing of use; the others continue.
    Failed(Error),
    /// Nothing yet: ask again.
    Idle,
    /// There is no more.
    End,
}

/// Several inputs as one stream of events, merged by time.
///
/// Each input keeps its own order: an event waits for those before it in its input, also when they are
/// later. Of events at one time, the one of the input named first comes first.
pub struct Recording {
    inputs: Vec<RecordedInput>,
    decoder: Decoder,
    /// The machine of eslogger lines; taken once the first of them is to be decoded.
    machine: Option<Machine>,
    /// The next event of each input that has one.
    heads: Vec<Option<Event>>,
    order: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// The inputs without a head that have not ended.
    pending: Vec<usize>,
    problems: VecDeque<Problem>,
    /// Files that are no recordings.
    left_out: u64,
    threads: Option<Threads>,
}

impl Recording {
    /// Opens the inputs and looks into each file until it shows its format; not into streams, which may
    /// be silent for long.
    ///
    /// An empty file is a [`Problem`], and so is a file of another kind in a directory.
    ///
    /// eslogger lines name no host. They are `machine`'s; when that has no id, they are of the host that
    /// the first event of an ECS input states, and else of `local`.
    pub fn open(inputs: &[Input], fields: &Fields, machine: Machine) -> Result<Recording, Error> {
        Recording::open_sources(Sources::find(inputs)?, fields, machine, None)
    }

    /// One input that is in memory.
    pub(crate) fn of_bytes(bytes: Arc<[u8]>, fields: &Fields, machine: Machine) -> Result<Recording, Error> {
        Recording::open_sources(Sources::find(&[Input::Memory(bytes)])?, fields, machine, None)
    }

    /// As [`Recording::open`], when the directories among the inputs have been walked. Blocks are decoded before their
    /// turn on so many threads and, while it waits for one, on this one; with `None`, each line when its turn comes. The
    /// events are the same.
    pub fn open_sources(
        sources: Sources,
        fields: &Fields,
        machine: Machine,
        decoders: Option<usize>,
    ) -> Result<Recording, Error> {
        let mut recording = Recording {
            inputs: Vec::new(),
            heads: Vec::new(),
            pending: Vec::new(),
            decoder: Decoder::new(fields, Machine::default()),
            machine: Some(machine),
            order: BinaryHeap::new(),
            problems: VecDeque::new(),
            left_out: 0,
            // Where no thread can be started, this one does without.
            threads: decoders.and_then(|count| Threads::start(count).ok()),
        };
        sources.left_out().for_each(|(name, why)| recording.leave_out(&name, why.to_owned()));
        let count = sources.all.len();
        let mut nothing = None;
        for source in sources.all {
            let (found, name) = (source.found, source.input.to_string());
            match recording.add(source, count) {
                Ok(()) => {}
                Err(Error::NoKnownFormat { content, first, .. }) if content == Unknown::Empty || found => {
                    recording.leave_out(&name, content.to_string());
                    nothing.get_or_insert(Error::NoKnownFormat { input: name, content, first });
                }
                Err(Error::Unreadable { unreadable, .. }) if found => {
                    recording.leave_out(&name, unreadable.to_string());
                    nothing.get_or_insert(Error::Unreadable { input: name, unreadable });
                }
                Err(error) => return Err(error),
            }
        }
        match nothing {
            Some(error) if recording.inputs.is_empty() => Err(error),
            _ => Ok(recording),
        }
    }

    fn leave_out(&mut self, name: &str, text: String) {
        self.left_out += 1;
        self.problems.push_back(Problem { input: name.to_owned(), place: None, text, is_of_input: true });
    }

    /// Opens one of so many inputs, and looks into a file until its format is known.
    fn add(&mut self, source: Source, count: usize) -> Result<(), Error> {
        let is_many = count > MAX_OPEN;
        let ahead = self.threads.as_ref().map(|threads| Ahead::new(threads, self.decoder.ecs()));
        let mut input = RecordedInput::open(source, ahead, reader::share(count))?;
        let index = self.inputs.len();
        let (mut first, mut problems) = (None, Vec::new());
        while input.size().is_some() {
            match input.advance(&mut self.decoder, None) {
                // Of many inputs the first is kept of each, and the rest only counted.
                Step::Problem(_) if is_many && !problems.is_empty() => {}
                Step::Problem(problem) => problems.push(problem),
                Step::Failed(error) => {
                    self.problems.extend(problems.into_iter().filter(|_| !is_many));
                    return Err(error);
                }
                Step::Idle => {}
                Step::Detected if is_many => {}
                Step::Event(event) => {
                    first = Some(event.time);
                    input.sleep();
                    break;
                }
                Step::Detected | Step::End => break,
            }
        }
        match first {
            // They are found again when its turn comes.
            Some(time) => self.order.push(Reverse((time, index))),
            None => {
                self.pending.push(index);
                self.problems.extend(problems);
            }
        }
        self.heads.push(None);
        self.inputs.push(input);
        Ok(())
    }

    /// The inputs, in the order they were named.
    pub fn inputs(&self) -> &[RecordedInput] {
        &self.inputs
    }

    /// Moves on to the next thing to report; waits at most a fifth of a second for it.
    #[expect(clippy::should_implement_trait, reason = "an iterator ends; this can be idle and go on")]
    pub fn next(&mut self) -> Next {
        self.next_within(WAIT)
    }

    /// Moves on to the next thing to report; waits no longer than this for it.
    pub(crate) fn next_within(&mut self, wait: Duration) -> Next {
        if let Some(problem) = self.problems.pop_front() {
            return Next::Problem(problem);
        }
        while let Some(position) = self.next_pending() {
            let index = self.pending[position];
            if self.inputs[index].format() == Some(Format::Eslogger) {
                self.take_machine();
            }
            match self.inputs[index].advance(&mut self.decoder, Some(wait)) {
                Step::Event(event) if self.inputs.len() == 1 && self.machine.is_none() => return Next::Event(event),
                Step::Event(event) => {
                    self.order.push(Reverse((event.time, index)));
                    let names_host = event.str(field::HOST_ID).is_some();
                    self.heads[index] = Some(event);
                    // Further lines of the one input may be eslogger's.
                    if self.machine.is_some() && names_host && self.inputs.len() == 1 {
                        self.take_machine();
                    }
                    self.pending.swap_remove(position);
                }
                Step::Detected => {}
                Step::Problem(problem) => return Next::Problem(problem),
                Step::Idle => return Next::Idle,
                Step::End => {
                    self.pending.swap_remove(position);
                }
                Step::Failed(error) => {
                    self.pending.swap_remove(position);
                    return Next::Failed(error);
                }
            }
        }
        let Some(Reverse((_, index))) = self.order.pop() else { return Next::End };
        let woken = if self.inputs[index].sleeps() { self.inputs[index].wake() } else { Ok(()) };
        if let Err(error) = woken {
            return Next::Failed(error);
        }
        self.pending.push(index);
        self.heads[index].take().map_or(Next::Idle, Next::Event)
    }

    /// How many bytes were read of all inputs, as they are stored.
    pub fn bytes_read(&self) -> u64 {
        self.inputs.iter().map(RecordedInput::bytes_read).sum()
    }

    /// How many bytes all inputs have; `None` when one is a stream.
    pub fn total_bytes(&self) -> Option<u64> {
        self.inputs.iter().map(RecordedInput::size).sum()
    }

    /// How many events were read of all inputs.
    pub fn events(&self) -> u64 {
        self.inputs.iter().map(|input| input.counters().events).sum()
    }

    /// How many files were left out: empty ones, and in directories those of other kinds.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Whether an input was cut off.
    pub fn is_truncated(&self) -> bool {
        self.inputs.iter().any(RecordedInput::is_truncated)
    }

    /// What became of the values of all inputs so far.
    pub fn totals(&self) -> Counters {
        let mut totals = Counters::default();
        self.inputs.iter().for_each(|input| totals.add(input.counters()));
        totals
    }

    /// Which of the pending inputs to look at: eslogger inputs last, because an ECS input may name the
    /// machine they are from.
    fn next_pending(&self) -> Option<usize> {
        let other = self.pending.iter().position(|index| self.inputs[*index].format() != Some(Format::Eslogger));
        other.or(if self.pending.is_empty() { None } else { Some(0) })
    }

    fn take_machine(&mut self) {
        let Some(mut machine) = self.machine.take() else { return };
        let named = self.heads.iter().flatten().find_map(|event| {
            let id = event.str(field::HOST_ID)?;
            let wanted = machine.host_id.is_empty() || machine.host_id == id;
            wanted.then_some((event, id))
        });
        let mut host_name = None;
        if let Some((event, id)) = named {
            if machine.host_id.is_empty() {
                let boot_id = event.str(field::HOST_BOOT_ID).unwrap_or_default();
                machine = Machine { host_id: id.to_owned(), boot_id: boot_id.to_owned() };
            }
            // No rule may want the name, and then the decoder passed it over: once, the whole is read.
            let document = document::document(event);
            let name = document::get(&document, "host.name").or_else(|| document::get(&document, "host.hostname"));
            host_name = name.and_then(|name| name.as_str()).map(str::to_owned);
        }
        self.decoder.set_machine(machine, host_name);
    }
}
