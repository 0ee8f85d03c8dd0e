//! How the grammar of a command says where it takes secrets.

use super::mark::Kind;

/// What of a value is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Take {
    Whole,
    /// What follows this letter: `user:password`.
    After(char),
    /// What follows the `:` of `user:password@host`; a host alone has none.
    UserInfo,
    /// The value of a header.
    Header,
    /// The cookies, unless it is a file of them.
    Cookie,
    /// `name=value`, when the name is that of a secret.
    Assignment,
    /// `name:value`, when the name is that of a key or a password: `hexkey:x`, not `digest:SHA256`.
    Setting,
    /// When it is none of these, which everyone knows: the communities of SNMP.
    Unless(&'static [&'static str]),
    /// No secret, and not a word in a place: the value of `--registry` before a token.
    Plain,
    /// What the command prints that is the value: `echo x`.
    Output,
    /// When it looks like a secret: the option is not known to take one.
    Likely,
}

/// How an option and its value are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `-p x`, `-px`, `--password x`, `--password=x`.
    Any,
    /// `-px` alone: what follows a space is something else.
    Joined,
    /// Any, once this subcommand came before; with a `-` at an end, one of which it is a part.
    After(&'static str),
    /// Any, unless this option came before.
    Without(&'static str),
}

/// An option whose value is a secret.
pub(super) type Taking = (&'static str, Form, Take, Kind);

/// Words without an option: after the word `after`, how many are skipped and how many are secret. That word may be the
/// name of the command; one with a `.`, `/` or `\` at its end is how the word begins. Options are not counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) after: &'static [&'static str],
    pub(super) skip: usize,
    pub(super) what: Placed,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Placed {
    /// This many words.
    Words(usize, Kind),
    /// A name, then its value.
    NameAndValue,
    /// Names, each with its value.
    NamesAndValues,
    /// A name, then all its values: `-change path Password old new`.
    NameAndAll,
    /// `name=value`, each of them.
    Assignments(Kind),
    /// What follows this letter in the first word that has it: `user/password@host`.
    After(char, Kind),
    /// The password of the first word that is `user:password@host`.
    UserInfo(Kind),
}

/// In `reads`: the command reads a secret from standard input whatever its options are.
pub(super) const ALWAYS: &str = "";

/// The grammar of a command.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) names: &'static [&'static str],
    /// Short options that have a value; `None`: options are words (`-passphrase`), and letters are not joined.
    pub(super) takes: Option<&'static str>,
    pub(super) options: &'static [Taking],
    pub(super) places: &'static [Place],
    /// Options that make it read a secret from standard input, and those of its names by which it does; [`ALWAYS`]: it
    /// does by each.
    pub(super) reads: &'static [&'static str],
}

/// What most commands are without.
pub(super) const NONE: Command = Command { names: &[], takes: Some(""), options: &[], places: &[], reads: &[] };
/// What most of them take.
pub(super) const PASSWORD: Kind = Kind::Password;
