//! Automator workflows: the scripts that their actions run.
//!
//! A `document.wflow` is a property list that anybody may have written. It is read event by event, and reading ends
//! where it costs more than a workflow can: arrays of a binary list may share their elements, so that 300 bytes can
//! represent billions of items.

use std::borrow::Cow;

use plist::stream::{Event, OwnedEvent};

use crate::property_list::{self, Events, Fault, Limits};

/// Where an action keeps its script: Run Shell Script, Run AppleScript and Run JavaScript.
const PARAMETERS: [&str; 2] = ["COMMAND_STRING", "source"];
/// Workflows have some ten thousand bytes.
const LIMITS: Limits = Limits { file: 4 << 20, items: 200_000, text: 8 << 20, depth: 64 };

/// What a file is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Workflow {
    /// The scripts of its actions, each after the name of its action.
    Scripts(String),
    /// A property list that costs more to read than a workflow does.
    TooCostly,
    /// Something else.
    None,
}

/// The scripts of a `document.wflow`.
pub(super) fn scripts(bytes: &[u8]) -> Workflow {
    match property_list::events(bytes, LIMITS).and_then(|events| Reading::default().through(events)) {
        Ok(Some(text)) => Workflow::Scripts(text),
        Ok(None) | Err(Fault::Invalid) => Workflow::None,
        Err(Fault::TooCostly) => Workflow::TooCostly,
    }
}

/// What an array or a dictionary is within a workflow.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    Root,
    Actions,
    Item,
    Action,
    Parameters,
    Other,
}

/// An array or a dictionary that has begun.
#[derive(Debug)]
struct Open {
    role: Role,
    is_dictionary: bool,
    /// The key whose value comes next.
    key: Option<String>,
}

impl Open {
    fn role_of_next(&self) -> Role {
        match (self.role, self.key.as_deref()) {
            (Role::Root, Some("actions")) => Role::Actions,
            (Role::Actions, None) => Role::Item,
            (Role::Item, Some("action")) => Role::Action,
            (Role::Action, Some("ActionParameters")) => Role::Parameters,
            _ => Role::Other,
        }
    }
}

/// A property list on its way.
#[derive(Debug, Default)]
struct Reading {
    open: Vec<Open>,
    has_actions: bool,
    /// Of the current action.
    name: Option<String>,
    /// A key that is there twice counts twice.
    scripts: Vec<String>,
    text: String,
}

impl Reading {
    fn through(mut self, events: Events<'_>) -> Result<Option<String>, Fault> {
        for event in events {
            self.take(event?);
        }
        Ok(self.has_actions.then_some(self.text))
    }

    fn take(&mut self, event: OwnedEvent) {
        match event {
            Event::StartArray(_) => self.begin(false),
            Event::StartDictionary(_) => self.begin(true),
            Event::EndCollection => {
                if self.open.pop().is_some_and(|ended| ended.role == Role::Item) {
                    self.end_action();
                }
                self.end_value();
            }
            Event::String(text) => match self.open.last_mut() {
                Some(open) if open.is_dictionary && open.key.is_none() => open.key = Some(text.into_owned()),
                _ => {
                    self.string(text);
                    self.end_value();
                }
            },
            _ => self.end_value(),
        }
    }

    fn begin(&mut self, is_dictionary: bool) {
        let role = self.open.last().map_or(Role::Root, Open::role_of_next);
        self.has_actions |= role == Role::Actions && !is_dictionary;
        self.open.push(Open { role, is_dictionary, key: None });
    }

    fn end_value(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.key = None;
        }
    }

    fn string(&mut self, text: Cow<'static, str>) {
        let Some(open) = self.open.last() else { return };
        match (open.role, open.key.as_deref()) {
            (Role::Action, Some("ActionName")) => self.name = Some(text.into_owned()),
            (Role::Parameters, Some(key)) if PARAMETERS.contains(&key) => self.scripts.push(text.into_owned()),
            _ => {}
        }
    }

    fn end_action(&mut self) {
        self.text += &format!("[{}]\n", self.name.take().as_deref().unwrap_or("action"));
        for script in self.scripts.drain(..) {
            self.text += &script;
            self.text.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A binary property list of these objects, of which the first is the root.
    fn binary(objects: &[Vec<u8>]) -> Vec<u8> {
        let mut out = b"bplist00".to_vec();
        let mut offsets = Vec::new();
        for object in objects {
            offsets.push(out.len() as u32);
            out.extend_from_slice(object);
        }
        let table = out.len() as u64;
        offsets.iter().for_each(|offset| out.extend_from_slice(&offset.to_be_bytes()));
        out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 4, 2]);
        for number in [objects.len() as u64, 0, table] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out
    }

    fn array(elements: &[u16]) -> Vec<u8> {
        let mut object = vec![0xAF, 0x11];
        object.extend_from_slice(&(elements.len() as u16).to_be_bytes());
        elements.iter().for_each(|element| object.extend_from_slice(&element.to_be_bytes()));
        object
    }

    #[test]
    fn arrays_that_share_their_elements_cost_no_more_than_the_budget() {
        let mut shared: Vec<Vec<u8>> = (1..=12).map(|next| array(&[next; 10])).collect();
        shared.push(b"\x51a".to_vec());
        let file = binary(&shared);
        assert!(file.len() < 500);
        assert_eq!(scripts(&file), Workflow::TooCostly);
    }

    #[test]
    fn a_long_string_that_is_referred_to_often_costs_no_more_than_the_budget() {
        let mut long = vec![0x5F, 0x12];
        long.extend_from_slice(&(1u32 << 20).to_be_bytes());
        long.resize(long.len() + (1 << 20), b'a');
        assert_eq!(scripts(&binary(&[array(&[1; 5000]), long])), Workflow::TooCostly);
    }

    #[test]
    fn deep_nesting_is_given_up_in_xml_and_in_binary() {
        for depth in [1000, 100_000] {
            let nested = ["<plist>", &"<array>".repeat(depth), &"</array>".repeat(depth), "</plist>"].concat();
            assert_eq!(scripts(nested.as_bytes()), Workflow::TooCostly, "{depth}");
        }
        let mut deep: Vec<Vec<u8>> = (1..=12_000).map(|next| array(&[next])).collect();
        deep.push(b"\x51a".to_vec());
        assert_eq!(scripts(&binary(&deep)), Workflow::TooCostly);
        assert_eq!(scripts(&[&b"<plist>"[..], &vec![b' '; LIMITS.file]].concat()), Workflow::TooCostly);
    }

    #[test]
    fn a_script_in_a_cdata_section_or_under_a_second_key_is_read() {
        let action = |parameters: &str| {
            format!(
                "<plist><dict><key>actions</key><array><dict><key>action</key><dict><key>ActionParameters</key><dict>\
                 {parameters}</dict></dict></dict></array></dict></plist>"
            )
        };
        for (parameters, wanted) in [
            ("<key>source</key><string><![CDATA[a <b> & c]]>d</string>", "[action]\na <b> & cd\n"),
            (
                "<key>source</key><string>x</string><key>a</key><array><string>source</string></array>\
                 <key>source</key><string>y</string>",
                "[action]\nx\ny\n",
            ),
            ("<key>source</key><string/>", "[action]\n\n"),
        ] {
            assert_eq!(scripts(action(parameters).as_bytes()), Workflow::Scripts(wanted.to_owned()));
        }
    }

    #[test]
    fn what_is_no_workflow_is_none() {
        for bytes in [&b""[..], b"bplist", b"bplist00", b"<plist", b"<plist><string>a</string></plist>", b"<html>"] {
            assert_eq!(scripts(bytes), Workflow::None, "{bytes:?}");
        }
    }
}
