//! What an MDM manages: a property list, whose keys are those of the configuration file.

use std::io::ErrorKind;
use std::path::Path;

use toml::{Table, Value as Toml};

use super::error::{Error, Problem, What};
use super::trust::{self, Trust};
use crate::property_list::{self, Limits};

/// A configuration has some hundred values.
const LIMITS: Limits = Limits { file: 1 << 20, items: 50_000, text: 1 << 20, depth: 16 };

/// The managed preferences as the text of a configuration file; `None` when there are none, which may be so.
pub(super) fn read(path: &Path, is_optional: bool) -> Result<Option<String>, Error> {
    let origin = path.display().to_string();
    let problem = |what| Error::from(Problem::of_file(&origin, what));
    let bytes = match trust::read_bytes(path, Trust::OwnerOnly, LIMITS.file as u64) {
        Err(trust::Error::Io(error)) if is_optional && error.kind() == ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|error| problem(What::File(error)))?,
    };
    let list = property_list::value(&bytes, LIMITS).map_err(|fault| problem(What::Text(fault.to_string())))?;
    let root = list.as_dictionary().ok_or_else(|| problem(What::Text("not a dictionary of keys".to_owned())))?;
    let (mut table, mut problems) = (Table::new(), Vec::new());
    for (key, value) in root {
        // What the profile says of itself.
        if key.starts_with("Payload") {
            continue;
        }
        match converted(value, key) {
            Ok(value) => _ = table.insert(key.clone(), value),
            Err((key, why)) => problems.push(Problem::of_key(&origin, &key, why)),
        }
    }
    if !problems.is_empty() {
        return Err(Error { problems });
    }
    toml::to_string(&table).map(Some).map_err(|error| problem(What::Write(error)))
}

/// A value of a property list; or the key of the part that a configuration cannot have, and why.
fn converted(value: &plist::Value, key: &str) -> Result<Toml, (String, &'static str)> {
    let failed = |why| Err((key.to_owned(), why));
    Ok(match value {
        plist::Value::String(text) => Toml::String(text.clone()),
        plist::Value::Boolean(value) => Toml::Boolean(*value),
        plist::Value::Integer(number) => match number.as_signed() {
            Some(number) => Toml::Integer(number),
            None => return failed("the number is out of range"),
        },
        plist::Value::Real(number) => Toml::Float(*number),
        plist::Value::Date(date) => match date.to_xml_format().parse() {
            Ok(date) => Toml::Datetime(date),
            Err(_) => return failed("not a date of the years 0 to 9999"),
        },
        plist::Value::Array(values) => {
            Toml::Array(values.iter().map(|value| converted(value, key)).collect::<Result<_, _>>()?)
        }
        plist::Value::Dictionary(entries) => {
            let mut table = Table::new();
            for (name, value) in entries {
                table.insert(name.clone(), converted(value, &format!("{key}.{name}"))?);
            }
            Toml::Table(table)
        }
        _ => {
            return failed(
                "a value of a type that no key has; use a string, a number, true, false, an array or a dictionary",
            );
        }
    })
}
