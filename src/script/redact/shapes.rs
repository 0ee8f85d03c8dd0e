//! Secrets that are known by their shape: tokens of services, private keys, parts of URLs.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use base64::Engine;
use regex::bytes::{Captures, Regex, RegexBuilder};

use super::super::encoded::STANDARD;
use super::mark::{Kind, Span};
use super::names::{kind_of, kind_of_parameter};
use super::plain::{is_path, is_plain};

/// Literals of which one is in every match, patterns and kinds; a group named `secret` is what is left out, else all is. Beside each the page of the issuer
/// that describes the shape, or what was seen of it.
const TABLE: [(&str, &str, Kind); 47] = [
    // docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html: unique ids of access keys
    ("AKIA|ASIA|ABIA|ACCA", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b", Kind::Key),
    // github.blog/2021-04-05-behind-githubs-new-authentication-token-formats
    ("ghp_|gho_|ghu_|ghs_|ghr_", r"\bgh[pousr]_[A-Za-z0-9]{20,}", Kind::Token),
    ("github_pat_", r"\bgithub_pat_[A-Za-z0-9_]{20,}", Kind::Token),
    // docs.gitlab.com/security/tokens: token prefixes
    (
        "glpat-|gloas-|gldt-|glrt-|glcbt-|glptt-|glft-|glimt-|glagent-|glsoat-|glffct-",
        r"\bgl(?:pat|oas|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct)-[A-Za-z0-9_.-]{10,}",
        Kind::Token,
    ),
    // api.slack.com/authentication/token-types
    ("xox", r"\bxox[abceoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,}", Kind::Token),
    // What Slack's web client sends as its cookie, escaped as in a URL or not
    ("xoxd-", r"\bxoxd-[A-Za-z0-9%+/=-]{10,}", Kind::Cookie),
    ("xapp-", r"\bxapp-[0-9]-[A-Za-z0-9-]{10,}", Kind::Token),
    // cloud.google.com/docs/authentication/api-keys; OAuth access tokens and client secrets as issued
    ("AIza", r"\bAIza[A-Za-z0-9_-]{35}", Kind::Key),
    ("ya29.", r"\bya29\.[A-Za-z0-9_-]{10,}", Kind::Token),
    ("GOCSPX-", r"\bGOCSPX-[A-Za-z0-9_-]{20,}", Kind::Secret),
    // github.blog/2021-09-23-announcing-npms-new-access-token-format
    ("npm_", r"\bnpm_[A-Za-z0-9]{36}", Kind::Token),
    // pypi.org/help/#apitoken
    ("pypi-", r"\bpypi-[A-Za-z0-9_-]{16,}", Kind::Token),
    // docs.stripe.com/keys, docs.stripe.com/webhooks
    ("sk_live_|sk_test_|rk_live_|rk_test_", r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{10,}", Kind::Key),
    ("whsec_", r"\bwhsec_[A-Za-z0-9+/=]{16,}", Kind::Secret),
    // OpenAI and Anthropic: keys as issued
    ("sk-", r"\bsk-(?:proj-|svcacct-|admin-|ant-[a-z0-9]+-)?[A-Za-z0-9_-]{16,}", Kind::Key),
    ("sess-", r"\bsess-[A-Za-z0-9]{40,}", Kind::Token),
    // RFC 7519: JSON Web Tokens; a header in base64url begins with {"
    ("eyJ", r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?", Kind::Token),
    // RFC 7468; the body may be on one line, and its end cut off
    (
        "-----BEGIN ",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?P<secret>[A-Za-z0-9+/=:,.\s\\-]*?)(?:-----END|[^A-Za-z0-9+/=:,.\s\\-]|$)",
        Kind::PrivateKey,
    ),
    // github.com/FiloSottile/age: identities
    ("AGE-SECRET-KEY-1", r"\bAGE-SECRET-KEY-1[A-Z0-9]{40,}", Kind::PrivateKey),
    // sendgrid.com, twilio.com: keys as issued
    ("SG.", r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}", Kind::Key),
    ("SK", r"\bSK[0-9a-f]{32}\b", Kind::Key),
    // docs.digitalocean.com/reference/api: token prefixes
    ("_v1_", r"\bdo[opr]_v1_[a-f0-9]{64}", Kind::Token),
    // huggingface.co/docs/hub/security-tokens
    ("hf_", r"\bhf_[A-Za-z0-9]{30,}", Kind::Token),
    // shopify.dev/changelog: token prefixes
    ("shpat_|shpca_|shppa_|shpss_", r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}", Kind::Token),
    // docs.docker.com/security/access-tokens
    ("dckr_", r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}", Kind::Token),
    // developer.hashicorp.com/vault/docs/concepts/tokens, and HCP Terraform
    ("hvs.|hvb.|hvr.", r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}", Kind::Token),
    (".atlasv1.", r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,}", Kind::Token),
    // Atlassian, Databricks, Linear, Notion, Figma, Doppler, Pulumi: tokens as issued
    ("ATATT3", r"\bATATT3[A-Za-z0-9_=-]{20,}", Kind::Token),
    ("dapi", r"\bdapi[0-9a-f]{32}\b", Kind::Token),
    ("lin_api_", r"\blin_api_[A-Za-z0-9]{30,}", Kind::Key),
    ("ntn_|secret_", r"\b(?:ntn|secret)_[A-Za-z0-9]{40,}", Kind::Token),
    ("figd_|figo_", r"\bfig[do]_[A-Za-z0-9_-]{30,}", Kind::Token),
    ("dp.pt.|dp.st.|dp.ct.|dp.sa.", r"\bdp\.(?:pt|st|ct|sa)\.[A-Za-z0-9._-]{30,}", Kind::Token),
    ("pul-", r"\bpul-[a-f0-9]{40}\b", Kind::Token),
    // tailscale.com/kb/1277/key-prefixes
    ("tskey-", r"\btskey-[a-z]+-[A-Za-z0-9-]{10,}", Kind::Key),
    // grafana.com/docs: service account tokens; docs.newrelic.com: user keys; docs.sentry.io: auth tokens
    ("glsa_|glc_", r"\bgl(?:sa|c)_[A-Za-z0-9_=+/-]{30,}", Kind::Token),
    ("NRAK-", r"\bNRAK-[A-Z0-9]{27}", Kind::Key),
    ("sntrys_|sntryu_", r"\bsntry[su]_[A-Za-z0-9_=+/-]{30,}", Kind::Token),
    // guides.rubygems.org/api-key-scopes, crates.io: tokens as issued
    ("rubygems_", r"\brubygems_[a-f0-9]{48}", Kind::Key),
    ("cio", r"\bcio[A-Za-z0-9]{32}\b", Kind::Token),
    // core.telegram.org/bots/api#authorizing-your-bot
    ("/bot", r"/bot[0-9]{4,}:(?P<secret>[A-Za-z0-9_-]{8,})", Kind::Token),
    // api.slack.com/messaging/webhooks, discord.com/developers/docs/resources/webhook
    (
        "hooks.slack.com/",
        r"(?i)hooks\.slack\.com/(?:services|workflows|triggers)/(?P<secret>[A-Za-z0-9_/+-]{8,})",
        Kind::Token,
    ),
    (
        "/webhooks/",
        r"(?i)discord(?:app)?\.com/api/(?:v[0-9]+/)?webhooks/[0-9]+/(?P<secret>[A-Za-z0-9_-]{8,})",
        Kind::Token,
    ),
    // learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors, zapier.com, ifttt.com, open.feishu.cn
    (
        "webhook.office.com|hooks.zapier.com|maker.ifttt.com|open-apis/bot",
        r"(?i)(?:webhook\.office\.com/webhookb2|hooks\.zapier\.com/hooks/catch|maker\.ifttt\.com/trigger/[^/\s]+(?:/json)?/with/key|open-apis/bot/v2/hook)/(?P<secret>[A-Za-z0-9@_/-]{8,})",
        Kind::Token,
    ),
    // The user's part of a URL: RFC 3986, 3.2.1. The last @ before the path ends it.
    (
        "//",
        r#"(?:^|[^:/A-Za-z0-9])(?:[A-Za-z][A-Za-z0-9+.-]*:)*//[^\s/"'`<>?#@:]*:(?P<secret>[^\s/"'`<>?#]+)@"#,
        Kind::Password,
    ),
    // docs.oracle.com, JDBC Developer's Guide: database URLs, `jdbc:oracle:driver_type:[user/password]@database`
    ("jdbc:oracle:", r#"(?i)jdbc:oracle:[a-z0-9]+:[^\s/"'@:]+/(?P<secret>[^\s"'@]+)@"#, Kind::Password),
    // The manual of CVS, Connection method: `:pserver:user:password@host`
    (":pserver:|:kserver:", r":[pk]server:[^\s:@/]*:(?P<secret>[^\s@]+)@", Kind::Password),
];

/// The literals of all rows, and the row of each: a pattern is tried where one of its literals is.
static LITERALS: LazyLock<Option<(AhoCorasick, Vec<usize>)>> = LazyLock::new(|| {
    let rows =
        TABLE.iter().enumerate().flat_map(|(row, (literals, _, _))| literals.split('|').map(move |one| (row, one)));
    let (rows, literals): (Vec<usize>, Vec<&str>) = rows.unzip();
    // The table is constant, and a test builds it.
    let mut builder = AhoCorasick::builder();
    builder.ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA));
    builder.build(literals).ok().map(|automaton| (automaton, rows))
});
static PATTERNS: LazyLock<Vec<Regex>> =
    LazyLock::new(|| TABLE.iter().filter_map(|(_, pattern, _)| bytes(pattern)).collect());
/// A token as the user of a URL.
static USER: LazyLock<Option<Regex>> = LazyLock::new(|| bytes(r#"//(?P<secret>[^\s/"'`<>?#@:]{12,})@"#));
/// A parameter of a URL or of a form.
static PARAMETER: LazyLock<Option<Regex>> =
    LazyLock::new(|| bytes(r#"[?&;#](?P<name>[A-Za-z0-9_.-]{1,64})=(?P<secret>[^\s"'`&#<>;,)\\]+)"#));
/// Credentials of RFC 7617 and RFC 6750 without their header's name.
static SCHEME: LazyLock<Option<Regex>> =
    LazyLock::new(|| bytes(r"(?i)\b(?:bearer|basic)[ \t]+(?P<secret>[A-Za-z0-9._~+/=-]{8,})"));
/// The `auth` of a registry, of Docker's configuration: `user:password` in base64.
static REGISTRY: LazyLock<Option<Regex>> =
    LazyLock::new(|| bytes(r#"\bauth["'\\]*[ \t]*[:=][ \t]*["'\\]*(?P<secret>[A-Za-z0-9+/]{6,}={0,2})"#));

/// An element of XML, and an entry of a property list.
static ELEMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    bytes(
        r"<(?:key>[ \t]*(?P<entry>[^<]{1,64})</key>\s*<(?:string|data)|(?P<name>[A-Za-z0-9_:.-]{2,64})(?P<attributes>\s[^<>]*)?)>(?:<!\[CDATA\[)?(?P<secret>[^<]+?)(?:\]\]>)?</",
    )
});

fn bytes(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(pattern).unicode(false).build().ok()
}

/// Compiles the patterns.
pub(super) fn prepare() {
    LazyLock::force(&LITERALS);
    LazyLock::force(&PATTERNS);
    for pattern in [&USER, &PARAMETER, &SCHEME, &REGISTRY, &ELEMENT] {
        LazyLock::force(pattern);
    }
}

/// Finds the secrets of a text that are known by their shape.
pub(super) fn find(text: &str, out: &mut Vec<Span>) {
    if let Some((literals, rows)) = &*LITERALS {
        let mut has = [false; TABLE.len()];
        literals.find_overlapping_iter(text).for_each(|found| has[rows[found.pattern().as_usize()]] = true);
        for row in (0..TABLE.len()).filter(|row| has[*row]) {
            let Some(pattern) = PATTERNS.get(row) else { continue };
            each(pattern, text, TABLE[row].2, out, |_, secret| !is_plain(secret));
        }
    }
    if text.contains("//") && text.contains('@') {
        // `git@` and names of people are not secrets.
        let is_token = |secret: &str| secret.bytes().any(|byte| byte.is_ascii_digit());
        each_of(&USER, text, Kind::Token, out, |_, secret| is_token(secret) && !is_plain(secret));
    }
    if text.contains('=') {
        each_of(&PARAMETER, text, Kind::Token, out, |found, secret| {
            let name = found.name("name").and_then(|name| std::str::from_utf8(name.as_bytes()).ok());
            // `;PWD=x` of ODBC, and the variable of that name.
            let is_folder = |name: &str| name.eq_ignore_ascii_case("pwd") && is_path(secret);
            name.and_then(kind_of_parameter).is_some() && !is_plain(secret) && !name.is_some_and(is_folder)
        });
    }
    if text.contains("</") {
        each_of(&ELEMENT, text, Kind::Secret, out, |found, secret| {
            let text = |group| found.name(group).and_then(|name| std::str::from_utf8(name.as_bytes()).ok());
            let name = text("entry").or(text("name"));
            let is_named = || text("attributes").is_some_and(names_secret);
            (name.and_then(kind_of).is_some() || is_named()) && !is_plain(secret)
        });
    }
    if text.contains("auth") {
        each_of(&REGISTRY, text, Kind::Credential, out, |_, secret| is_user_info(secret));
    }
    if text.contains([' ', '\t']) {
        each_of(&SCHEME, text, Kind::Credential, out, |_, secret| is_encoded(secret));
    }
}

/// `<property name="password">`
fn names_secret(attributes: &str) -> bool {
    let mut pairs = attributes.split_ascii_whitespace().filter_map(|pair| pair.split_once('='));
    let names = |name: &str| name.eq_ignore_ascii_case("name") || name.eq_ignore_ascii_case("key");
    pairs.any(|(name, value)| names(name) && kind_of(value.trim_matches(['"', '\'', '\\', '/'])).is_some())
}

/// Words after "basic" and "bearer" are words; credentials have digits, padding or capitals within.
fn is_encoded(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
        || text.ends_with('=')
        || text.bytes().skip(1).any(|byte| byte.is_ascii_uppercase())
            && text.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// Whether a text is a name and a password in base64: RFC 7617.
fn is_user_info(text: &str) -> bool {
    let decoded = STANDARD.decode(text).unwrap_or_default();
    let is_printable = decoded.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    is_printable && decoded.iter().position(|byte| *byte == b':').is_some_and(|at| at > 0 && at + 1 < decoded.len())
}

fn each_of(
    pattern: &Option<Regex>,
    text: &str,
    kind: Kind,
    out: &mut Vec<Span>,
    is_secret: impl Fn(&Captures<'_>, &str) -> bool,
) {
    if let Some(pattern) = pattern {
        each(pattern, text, kind, out, is_secret);
    }
}

fn each(pattern: &Regex, text: &str, kind: Kind, out: &mut Vec<Span>, is_secret: impl Fn(&Captures<'_>, &str) -> bool) {
    // Groups are costly, and most texts have no match.
    if !pattern.is_match(text.as_bytes()) {
        return;
    }
    for found in pattern.captures_iter(text.as_bytes()) {
        let Some(secret) = found.name("secret").or_else(|| found.get(0)) else { continue };
        let (start, end) = (secret.start(), secret.end());
        if text.get(start..end).is_some_and(|secret| is_secret(&found, secret)) {
            out.push(Span { start, end, kind });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_compiles() {
        assert_eq!(PATTERNS.len(), TABLE.len());
        assert!(LITERALS.is_some());
        for pattern in [&USER, &PARAMETER, &ELEMENT, &REGISTRY, &SCHEME] {
            assert!(pattern.is_some());
        }
    }
}
