//! Recordings: files and standard input, each in the format its lines tell, merged by time.

mod compression;
mod error;
mod input;
mod lines;
mod reader;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{Counters, Decoder, Format};
use crate::event::{Event, Fields, Machine, Timestamp, document, field};
pub use compression::Compression;
pub use error::Error;
pub use input::RecordedInput;
use input::Step;

/// How long [`Recording::next`] waits for input, so that a caller can look at its signals meanwhile.
const WAIT: Duration = Duration::from_millis(200);

/// Where a recording comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file, plain or compressed.
    File(PathBuf),
}

impl From<&Path> for Input {
    /// A path; `-` is standard input.
    fn from(path: &Path) -> Input {
        if path == Path::new("-") { Input::Stdin } else { Input::File(path.to_owned()) }
    }
}

impl From<&str> for Input {
    /// A path; `-` is standard input.
    fn from(path: &str) -> Input {
        Path::new(path).into()
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::Stdin => f.write_str("standard input"),
            Input::File(path) => path.display().fmt(f),
        }
    }
}

/// Something in an input that was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The input's name.
    pub input: String,
    /// The line, counted from 1; where reading failed, the last line before.
    pub line: u64,
    /// What is wrong with it.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.input, self.line, self.text)
    }
}

/// What comes next in a recording.
#[derive(Debug)]
pub enum Next {
    /// The next event in time.
    Event(Event),
    /// A line that was passed over, or an input that broke off.
    Problem(Problem),
    /// An input that could not be looked at beforehand holds nothing of use; the others go on.
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
}

impl Recording {
    /// Opens the inputs and looks into each file until it tells its format; not into streams, which may
    /// be silent for long.
    ///
    /// eslogger lines name no host. They are `machine`'s; when that has no id, they are of the host that
    /// the first event of an ECS input states, and else of [`LOCAL_HOST`](super::eslogger::LOCAL_HOST).
    pub fn open(inputs: &[Input], fields: &Fields, machine: Machine) -> Result<Recording, Error> {
        if inputs.iter().filter(|input| **input == Input::Stdin).count() > 1 {
            return Err(Error::StdinTwice);
        }
        Recording::over(inputs.iter().map(open_input).collect::<Result<Vec<_>, _>>()?, fields, machine)
    }

    /// One input that is in memory.
    pub(crate) fn of_bytes(bytes: Arc<[u8]>, fields: &Fields, machine: Machine) -> Result<Recording, Error> {
        let (name, size, consumed) = ("memory".to_owned(), bytes.len() as u64, Arc::default());
        match reader::spawn(io::Cursor::new(bytes), Arc::clone(&consumed)) {
            Ok(chunks) => {
                Recording::over(vec![RecordedInput::new(name, Some(size), consumed, chunks)], fields, machine)
            }
            Err(error) => Err(Error::Thread { input: name, error }),
        }
    }

    fn over(inputs: Vec<RecordedInput>, fields: &Fields, machine: Machine) -> Result<Recording, Error> {
        let decoder = Decoder::new(fields, Machine::default());
        let mut recording = Recording {
            heads: inputs.iter().map(|_| None).collect(),
            pending: (0..inputs.len()).collect(),
            inputs,
            decoder,
            machine: Some(machine),
            order: BinaryHeap::new(),
            problems: VecDeque::new(),
        };
        let Recording { inputs, decoder, problems, .. } = &mut recording;
        for input in inputs.iter_mut().filter(|input| input.size().is_some()) {
            loop {
                match input.advance(decoder, None) {
                    Step::Problem(problem) => problems.push_back(problem),
                    Step::Failed(error) => return Err(error),
                    Step::Idle => {}
                    Step::Detected | Step::Event(_) | Step::End => break,
                }
            }
        }
        Ok(recording)
    }

    /// The inputs, in the order they were named.
    pub fn inputs(&self) -> &[RecordedInput] {
        &self.inputs
    }

    /// Goes on to the next thing to tell; waits at most a fifth of a second for it.
    #[expect(clippy::should_implement_trait, reason = "an iterator ends; this can be idle and go on")]
    pub fn next(&mut self) -> Next {
        if let Some(problem) = self.problems.pop_front() {
            return Next::Problem(problem);
        }
        while let Some(position) = self.next_pending() {
            let index = self.pending[position];
            if self.inputs[index].format() == Some(Format::Eslogger) {
                self.take_machine();
            }
            match self.inputs[index].advance(&self.decoder, Some(WAIT)) {
                Step::Event(event) => {
                    self.order.push(Reverse((event.time, index)));
                    self.heads[index] = Some(event);
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
        self.pending.push(index);
        self.heads[index].take().map_or(Next::End, Next::Event)
    }

    /// How many bytes were read of all inputs, as they are stored.
    pub fn bytes_read(&self) -> u64 {
        self.inputs.iter().map(RecordedInput::bytes_read).sum()
    }

    /// How many bytes all inputs have; `None` when one is a stream.
    pub fn total_bytes(&self) -> Option<u64> {
        self.inputs.iter().map(RecordedInput::size).sum()
    }

    /// What became of the lines of all inputs so far.
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

/// Opens an input and starts to read it. A file that cannot be opened is told of before any output.
fn open_input(input: &Input) -> Result<RecordedInput, Error> {
    let consumed = Arc::default();
    let (size, chunks) = match input {
        Input::Stdin => (None, reader::spawn(io::stdin(), Arc::clone(&consumed))),
        Input::File(path) => {
            let failed = |error| Error::Open { path: path.clone(), error };
            let file = File::open(path).map_err(failed)?;
            let metadata = file.metadata().map_err(failed)?;
            if metadata.is_dir() {
                return Err(Error::Directory { path: path.clone() });
            }
            // A pipe or a device has no size, and may be as silent as standard input.
            (metadata.is_file().then_some(metadata.len()), reader::spawn(file, Arc::clone(&consumed)))
        }
    };
    let name = input.to_string();
    match chunks {
        Ok(chunks) => Ok(RecordedInput::new(name, size, consumed, chunks)),
        Err(error) => Err(Error::Thread { input: name, error }),
    }
}
