//! Which names mean a secret.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::mark::Kind;

/// A longer one is not a name.
const MAX_NAME_BYTES: usize = 96;

/// Names of no secret: of folders, and sudo's tag of what needs none.
const NAMES_OF_NONE: [&str; 3] = ["PWD", "OLDPWD", "NOPASSWD"];
/// A name that ends so is about a secret and holds none: `password_file`, `tokenType`, `askForPasswordDelay`.
const ABOUT: [&str; 64] = [
    "message",
    "dialog",
    "file",
    "path",
    "url",
    "uri",
    "type",
    "name",
    "id",
    "ids",
    "length",
    "len",
    "count",
    "policy",
    "prompt",
    "prompts",
    "field",
    "label",
    "hint",
    "stdin",
    "expiry",
    "expires",
    "expiration",
    "ttl",
    "limit",
    "age",
    "min",
    "max",
    "manager",
    "store",
    "dir",
    "directory",
    "authentication",
    "delay",
    "required",
    "enabled",
    "helper",
    "provider",
    "fd",
    "env",
    "format",
    "size",
    "algorithm",
    "alg",
    "mode",
    "class",
    "title",
    "placeholder",
    "info",
    "method",
    "endpoint",
    "server",
    "host",
    "version",
    "bucket",
    "arn",
    "ref",
    "status",
    "state",
    "interval",
    "timeout",
    "days",
    "attempts",
    "login",
];
/// What precedes `key` when it is a secret.
const BEFORE_KEY: [&str; 16] = [
    "api",
    "access",
    "private",
    "secret",
    "auth",
    "signing",
    "encryption",
    "account",
    "storage",
    "master",
    "subscription",
    "session",
    "shared",
    "license",
    "deploy",
    "functions",
];
/// Parameters of URLs that are secrets there, and words elsewhere.
const URL_PARAMETERS: [&str; 18] = [
    "sig",
    "signature",
    "key",
    "code",
    "auth",
    "sas",
    "jwt",
    "sid",
    "session",
    "ticket",
    "hmac",
    "x-amz-signature",
    "x-amz-credential",
    "x-goog-signature",
    "jsessionid",
    "phpsessid",
    "sessionid",
    "pwd",
];
/// A name of a secret has one of these in it, if it is of ASCII letters; most names of a document have none.
const STEMS: [&str; 16] = [
    "pass",
    "pw",
    "pswd",
    "kennwort",
    "senha",
    "wachtwoord",
    "motdepasse",
    "token",
    "jwt",
    "secret",
    "key",
    "psk",
    "cred",
    "auth",
    "cookie",
    "session",
];
static STEM: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(STEMS).ok());

/// Digits may stand within a stem, and letters have other forms: such a name is looked at closely.
fn may_be_of_secret(name: &str) -> bool {
    let is_plain = name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_digit());
    !is_plain || STEM.as_ref().is_none_or(|stem| stem.is_match(name))
}

/// What kind of secret a thing of this name is: an identifier, an option, a header, a key of a JSON object.
pub(super) fn kind_of(name: &str) -> Option<Kind> {
    if name.len() > MAX_NAME_BYTES || name.len() < 2 || NAMES_OF_NONE.contains(&name) {
        return None;
    }
    if may_be_of_secret(name) { kind_of_segments(name) } else { None }
}

fn kind_of_segments(name: &str) -> Option<Kind> {
    let segments = Segments::of(name);
    let last = segments.number() - 1;
    let kind = (0..=last).find_map(|at| {
        let before = at.checked_sub(1).map_or("", |before| segments.get(before));
        kind_of_segment(before, segments.get(at), at > 0 && at == last)
    });
    kind.filter(|_| !ABOUT.contains(&segments.get(last)))
}

fn kind_of_segment(before: &str, segment: &str, is_last: bool) -> Option<Kind> {
    let ends = |endings: &[&str]| endings.iter().any(|ending| segment.ends_with(ending));
    let passwords =
        ["password", "passwd", "passphrase", "passcode", "passwort", "kennwort", "contraseña", "wachtwoord"];
    if ends(&passwords)
        || matches!(segment, "pass" | "pw" | "pwd" | "pswd" | "senha" | "motdepasse")
        || matches!(segment, "sshpass" | "dbpass" | "userpass" | "keypass" | "storepass" | "smbpass" | "requirepass")
    {
        return Some(Kind::Password);
    }
    // An audit token names a process.
    if segment.ends_with("token") && before != "audit" || segment == "jwt" {
        return Some(Kind::Token);
    }
    if segment.ends_with("secret") {
        return Some(Kind::Secret);
    }
    let keys = ["apikey", "paperkey", "accesskey", "privatekey", "secretkey", "authkey", "accountkey", "masterkey"];
    if ends(&keys) || segment == "psk" || segment == "key" && BEFORE_KEY.contains(&before) {
        return Some(Kind::Key);
    }
    if matches!(segment, "credential" | "credentials" | "cred" | "creds" | "authorization") {
        return Some(Kind::Credential);
    }
    // npm's `_auth`, `REDISCLI_AUTH`, `X-Auth`.
    if segment == "auth" && matches!(before, "" | "rediscli" | "x") && is_last {
        return Some(Kind::Credential);
    }
    // What their programs print after a login: `BW_SESSION`.
    if segment == "session" && matches!(before, "bw" | "op" | "fastlane") {
        return Some(Kind::Key);
    }
    (segment == "cookie").then_some(Kind::Cookie)
}

/// The parts of a name, in lower case: `DB_PASSWORD`, `adminPassword`, `x-api-key`. A leading `_` is an empty part.
struct Segments {
    letters: String,
    /// Where each part ends.
    ends: Vec<usize>,
}

impl Segments {
    fn of(name: &str) -> Segments {
        let name = name.trim_start_matches(['-', '$']);
        let (mut segments, mut ends) = (String::with_capacity(name.len()), Vec::with_capacity(4));
        let mut previous = ' ';
        let mut letters = name.chars();
        while let Some(letter) = letters.next() {
            // `SMBPass` ends a word before its last capital; `tokenIDs` does not.
            let is_word = || letters.as_str().chars().take(2).filter(|next| next.is_lowercase()).count() == 2;
            let begins = !letter.is_alphanumeric()
                || letter.is_uppercase() && (previous.is_lowercase() || previous.is_uppercase() && is_word());
            if begins && (letter.is_alphanumeric() || previous != ' ' || letter == '_') {
                ends.push(segments.len());
            }
            // Digits at the end number a name: `password2`.
            if letter.is_alphanumeric() && !letter.is_ascii_digit() {
                segments.extend(letter.to_lowercase());
            }
            previous = letter;
        }
        ends.push(segments.len());
        Segments { letters: segments, ends }
    }

    fn number(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, at: usize) -> &str {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.letters[start..self.ends[at]]
    }
}

/// An option or variable whose value is a command that prints a secret: `--passwordeval`, `BORG_PASSCOMMAND`.
pub(super) fn prints_secret(name: &str) -> bool {
    let name = name.get(..MAX_NAME_BYTES.min(name.len())).unwrap_or_default().to_ascii_lowercase();
    name.contains("pass") && ["eval", "command", "-cmd", "_cmd", "extpass"].iter().any(|end| name.ends_with(end))
}

/// As [`kind_of`], for a parameter of a URL.
pub(super) fn kind_of_parameter(name: &str) -> Option<Kind> {
    let is_known = URL_PARAMETERS.iter().any(|known| known.eq_ignore_ascii_case(name));
    kind_of(name).or(is_known.then_some(Kind::Token))
}

/// Options with a name of a secret that take no value after a space: `--with-token`, `--ask-pass`.
pub(super) fn is_switch(option: &str) -> bool {
    const SWITCHES: [&str; 22] = [
        "no", "with", "use", "show", "ask", "prompt", "print", "get", "reset", "skip", "enable", "disable", "save",
        "store", "force", "need", "generate", "list", "revoke", "delete", "check", "verify",
    ];
    SWITCHES.contains(&Segments::of(option).get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compound_names_of_secrets_are_known() {
        for (name, kind) in [
            ("password", Kind::Password),
            ("PASSWORD", Kind::Password),
            ("DB_PASSWORD", Kind::Password),
            ("adminPassword", Kind::Password),
            ("--adminPassword", Kind::Password),
            ("thePassword2", Kind::Password),
            ("PGPASSWORD", Kind::Password),
            ("MYSQL_PWD", Kind::Password),
            ("pw", Kind::Password),
            ("db.pass", Kind::Password),
            ("Passwort", Kind::Password),
            ("AWS_SECRET_ACCESS_KEY", Kind::Secret),
            ("client_secret", Kind::Secret),
            ("GITHUB_TOKEN", Kind::Token),
            ("accessToken", Kind::Token),
            ("PRIVATE-TOKEN", Kind::Token),
            ("OPENAI_API_KEY", Kind::Key),
            ("x-api-key", Kind::Key),
            ("apikey", Kind::Key),
            ("_authToken", Kind::Token),
            ("_auth", Kind::Credential),
            ("AccountKey", Kind::Key),
        ] {
            assert!(kind_of(name).is_some(), "{name}");
            if name != "AWS_SECRET_ACCESS_KEY" {
                assert_eq!(kind_of(name), Some(kind), "{name}");
            }
        }
    }

    #[test]
    fn names_about_secrets_are_not_names_of_secrets() {
        for name in [
            "PWD",
            "OLDPWD",
            "NOPASSWD",
            "passwordMessage",
            "password_file",
            "--password-stdin",
            "tokenType",
            "max_tokens",
            "audit_token",
            "key",
            "bypass",
            "compass",
            "secretary",
            "--secret-id",
            "askForPasswordDelay",
            "credential.helper",
            "auth",
            "AWS_ACCESS_KEY_ID",
            "PasswordAuthentication",
            "tokenizer",
            "monkey",
            "keyboard",
            "cwd",
            "p",
            "",
        ] {
            assert_eq!(kind_of(name), None, "{name}");
        }
    }

    #[test]
    fn no_name_of_a_secret_is_without_its_stem() {
        let words = "password passwd passphrase passcode passwort kennwort contraseña wachtwoord pass pw pwd pswd senha \
                     motdepasse sshpass dbpass userpass keypass storepass smbpass requirepass token jwt secret apikey \
                     paperkey accesskey privatekey secretkey authkey accountkey masterkey psk key credential credentials \
                     creds authorization auth cookie api_key to\u{212A}en pass1word";
        for word in words.split_whitespace() {
            for name in [word.to_owned(), word.to_uppercase(), format!("_{word}"), format!("my-{word}2")] {
                assert!(may_be_of_secret(&name) || kind_of_segments(&name).is_none(), "{name}");
            }
        }
    }
}
