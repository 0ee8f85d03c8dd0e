//! Where the arguments of an execution are in its text.

/// Arguments whose places are not in an allocation of their own.
const FEW: usize = 5;

/// Where an argument begins and ends.
pub(super) type Part = (u16, u16);

/// Where the arguments are: an allocation of their own would be a place more in memory for each execution.
#[derive(Debug)]
pub(super) enum Args {
    Few(u8, [Part; FEW]),
    Many(Box<[Part]>),
}

impl From<&[Part]> for Args {
    fn from(parts: &[Part]) -> Args {
        let mut few = [(0, 0); FEW];
        match few.get_mut(..parts.len()) {
            Some(places) => {
                places.copy_from_slice(parts);
                Args::Few(parts.len() as u8, few)
            }
            None => Args::Many(parts.into()),
        }
    }
}

impl Args {
    pub(super) fn parts(&self) -> &[Part] {
        match self {
            Args::Few(count, parts) => &parts[..usize::from(*count)],
            Args::Many(parts) => parts,
        }
    }
}

/// Finds where each argument is in the command line that begins at `start`, when the arguments joined by spaces make it
/// up.
pub(super) fn find_parts<'a>(
    command_line: &str,
    args: impl Iterator<Item = &'a str>,
    start: u16,
    parts: &mut Vec<Part>,
) -> bool {
    parts.clear();
    let mut at = 0;
    for arg in args {
        let (end, rest) = (at + arg.len(), command_line.get(at..));
        let is_next = rest.is_some_and(|rest| rest.starts_with(arg));
        if !is_next || !matches!(command_line.as_bytes().get(end), None | Some(b' ')) {
            return false;
        }
        parts.push((start + at as u16, start + end as u16));
        at = end + 1;
    }
    true
}
