//! How people read alerts: as text, and as a page. Pure, and safe to show whatever an event contains.

mod activity;
mod case;
mod coverage;
mod hosts;
pub(crate) mod html;
mod layout;
mod quote;
mod stated;
pub(crate) mod table;
mod text;

pub(crate) use case::{Case, is_about_alert, is_alert};
pub(crate) use coverage::Coverage;
pub(crate) use layout::Layout;
pub(crate) use text::{line, text};

pub(crate) use crate::visible::visible;

use serde_json::{Map, Value as Json};

use crate::detect::rule::Severity;
use crate::event::Timestamp;
use crate::event::document::get;

/// The severity of an alert.
fn severity(alert: &Map<String, Json>) -> Severity {
    Severity::of(get(alert, "event.severity").and_then(Json::as_u64).unwrap_or(0))
}

/// A time to the millisecond.
fn shown_time(time: Timestamp) -> String {
    let text = time.to_string();
    let (whole, rest) = text.split_once('.').unwrap_or((text.trim_end_matches('Z'), ""));
    format!("{whole}.{:0<3.3}Z", rest.trim_end_matches('Z'))
}

/// A count with its noun: `1 alert`, `2 alerts`.
pub(crate) fn plural(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_to_the_millisecond() {
        for (text, shown) in
            [("2026-03-01T10:00:00Z", "10:00:00.000Z"), ("2026-03-01T10:00:00.12345Z", "10:00:00.123Z")]
        {
            assert_eq!(shown_time(Timestamp::parse(text).unwrap()), format!("2026-03-01T{shown}"));
        }
    }
}
