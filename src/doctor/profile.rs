//! The provisioning profile of a bundle: a signed message that holds a property list as it is. The signature
//! of the message is not checked here; macOS does.

use memchr::memmem;

use crate::event::Timestamp;
use crate::property_list::{self, Limits};

const LIMITS: Limits = Limits { file: 1 << 20, items: 5000, text: 1 << 20, depth: 16 };

/// What a profile states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    /// Its name.
    pub name: String,
    /// When it ends.
    pub expires: Option<Timestamp>,
    /// Its entitlements, by name.
    pub entitlements: Vec<String>,
    /// The application that it is for, with the team in front.
    pub application: Option<String>,
}

/// The profile that a message holds.
pub(crate) fn profile(message: &[u8]) -> Option<Profile> {
    let start = memmem::find(message, b"<?xml")?;
    let end = start + memmem::find(&message[start..], b"</plist>")? + b"</plist>".len();
    let value = property_list::value(&message[start..end], LIMITS).ok()?;
    let root = value.as_dictionary()?;
    let entitlements = root.get("Entitlements").and_then(plist::Value::as_dictionary);
    let application = entitlements.and_then(|entitlements| entitlements.get("com.apple.application-identifier"));
    Some(Profile {
        name: root.get("Name").and_then(plist::Value::as_string).unwrap_or_default().to_owned(),
        expires: root
            .get("ExpirationDate")
            .and_then(plist::Value::as_date)
            .and_then(|date| Timestamp::parse(&date.to_xml_format())),
        entitlements: entitlements.map(|found| found.keys().cloned().collect()).unwrap_or_default(),
        application: application.and_then(plist::Value::as_string).map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_inside_the_message_is_read() {
        let message =
            b"0\x82\x01\x02\xff\0<?xml version=\"1.0\"?><plist><dict><key>Name</key><string>osawatch</string>\
            <key>ExpirationDate</key><date>2044-01-02T03:04:05Z</date><key>Entitlements</key><dict>\
            <key>com.apple.application-identifier</key><string>ABCDE12345.io.osawatch.agent</string>\
            <key>com.apple.developer.endpoint-security.client</key><true/></dict></dict></plist>\0\x01certificates";
        let found = profile(message).unwrap();
        assert_eq!(found.name, "osawatch");
        assert_eq!(found.application.as_deref(), Some("ABCDE12345.io.osawatch.agent"));
        assert!(found.entitlements.iter().any(|name| name == "com.apple.developer.endpoint-security.client"));
        assert!(found.expires.unwrap().to_string().starts_with("2044-01-02T03:04:05"));
    }

    #[test]
    fn what_holds_no_list_is_no_profile() {
        for bytes in [&b""[..], b"<?xml", b"<?xml?><plist><array/></plist>", b"</plist><?xml"] {
            assert_eq!(profile(bytes), None);
        }
    }
}
