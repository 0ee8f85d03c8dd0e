//! Secrets in the words of a command that no option precedes, where its grammar has a place for them.

use super::command::{Place, Placed};
use super::grammar::Reading;
use super::names::kind_of;
use super::plain::separator;
use super::taken::user_info;

impl Reading<'_> {
    pub(super) fn has_place(&self, word: &str) -> bool {
        self.command.is_some_and(|command| command.places.iter().any(|place| place.after.contains(&word)))
            && !self.before.contains(&word)
    }

    pub(super) fn begin_places(&mut self, word: &str) -> bool {
        let places: &[Place] = self.command.map_or(&[], |command| command.places);
        let begins = |after: &&str| *after == word || after.ends_with(['.', '/', '\\']) && word.starts_with(*after);
        let begun = places.iter().find(|place| place.after.iter().any(begins));
        if let Some(place) = begun {
            self.place = Some((place.skip, place.what));
        }
        begun.is_some()
    }

    /// A word in a place that the grammar names.
    pub(super) fn placed(&mut self, at: usize) -> Option<usize> {
        let (skip, what) = self.place.as_mut()?;
        let word = self.words[at];
        let is_option = word.starts_with('-') || word.starts_with('/') && self.before.first() == Some(&"net");
        if *skip > 0 {
            *skip -= usize::from(!is_option);
            return None;
        }
        if is_option {
            return None;
        }
        match what {
            Placed::Words(count, kind) => {
                let kind = *kind;
                *count -= 1;
                if *count == 0 {
                    self.place = None;
                }
                self.emit(at, 0, kind);
                Some(1)
            }
            Placed::Assignments(kind) => {
                let (kind, (name, _)) = (*kind, word.split_once('=')?);
                self.emit(at, name.len() + 1, kind);
                Some(1)
            }
            Placed::After(letter, kind) => {
                let (letter, kind) = (*letter, *kind);
                let before = separator(word, letter)?;
                let start = before + letter.len_utf8();
                if before == 0 || word[start..].starts_with("//") {
                    return None;
                }
                self.place = None;
                self.emit(at, start, kind);
                Some(1)
            }
            Placed::UserInfo(kind) => {
                let (kind, start) = (*kind, user_info(word)?);
                self.place = None;
                self.emit(at, start, kind);
                Some(1)
            }
            // `git config --global name value`
            Placed::NameAndValue | Placed::NamesAndValues | Placed::NameAndAll => self.value_of_name(at),
        }
    }

    fn value_of_name(&mut self, at: usize) -> Option<usize> {
        let what = self.place.take().map(|(_, what)| what);
        if let Some(what @ Placed::NamesAndValues) = what {
            self.place = Some((0, what));
        }
        let word = self.words[at];
        let kind = kind_of(word.rsplit(['/', ':', '.']).next().unwrap_or(word))?;
        let types = ["-string", "-data", "-add", "--add"];
        let value = (at + 1..self.words.len()).find(|at| !types.contains(&self.words[*at]))?;
        let last = if let Some(Placed::NameAndAll) = what { self.words.len() } else { value + 1 };
        for value in (value..last).filter(|value| !self.words[*value].starts_with('-')) {
            self.emit(value, 0, kind);
        }
        Some(last - at)
    }
}
