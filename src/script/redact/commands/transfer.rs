//! Programs that move files and messages, and the networks they do it over.

use super::super::command::Form::{self, Any};
use super::super::command::Take::{self, Assignment, Cookie, Header, Likely, Whole};
use super::super::command::{ALWAYS, Command, NONE, PASSWORD, Place, Placed};
use super::super::mark::Kind;

pub(super) static COMMANDS: [Command; 27] = [
    Command {
        names: &["curl"],
        takes: Some("AbcCdDeEFhHKmoPQrtTuUwxXyYz"),
        options: &[
            ("-u", Any, Take::After(':'), PASSWORD),
            ("--user", Any, Take::After(':'), PASSWORD),
            ("-U", Any, Take::After(':'), PASSWORD),
            ("--proxy-user", Any, Take::After(':'), PASSWORD),
            ("-x", Any, Take::UserInfo, PASSWORD),
            ("--proxy", Any, Take::UserInfo, PASSWORD),
            ("--preproxy", Any, Take::UserInfo, PASSWORD),
            ("--proxy1.0", Any, Take::UserInfo, PASSWORD),
            ("--socks4", Any, Take::UserInfo, PASSWORD),
            ("--socks4a", Any, Take::UserInfo, PASSWORD),
            ("--socks5", Any, Take::UserInfo, PASSWORD),
            ("--socks5-hostname", Any, Take::UserInfo, PASSWORD),
            ("--expand-user", Any, Take::After(':'), PASSWORD),
            ("--proxy-cert", Any, Take::After(':'), PASSWORD),
            ("-H", Any, Header, Kind::Credential),
            ("--header", Any, Header, Kind::Credential),
            ("--proxy-header", Any, Header, Kind::Credential),
            ("-b", Any, Cookie, Kind::Cookie),
            ("--cookie", Any, Cookie, Kind::Cookie),
            ("-E", Any, Take::After(':'), PASSWORD),
            ("--cert", Any, Take::After(':'), PASSWORD),
            ("-d", Any, Assignment, PASSWORD),
            ("-F", Any, Assignment, PASSWORD),
            ("--oauth2-bearer", Any, Whole, Kind::Token),
            ("--proxy-pass", Any, Whole, PASSWORD),
            ("--ftp-account", Any, Whole, PASSWORD),
        ],
        ..NONE
    },
    Command {
        names: &["wget", "wget2"],
        takes: Some("aADeGhIikloOPqQRStTUwX"),
        options: &[("--header", Any, Header, Kind::Credential)],
        ..NONE
    },
    Command {
        names: &["http", "https", "xh", "httpie"],
        takes: Some("aAopv"),
        options: &[
            ("-a", Form::After("-A"), Whole, Kind::Token),
            ("-a", Any, Take::After(':'), PASSWORD),
            ("--auth", Any, Take::After(':'), PASSWORD),
        ],
        ..NONE
    },
    Command {
        names: &["sshpass"],
        takes: Some("pdfP"),
        options: &[("-p", Any, Whole, PASSWORD)],
        reads: &["-d"],
        ..NONE
    },
    Command {
        names: &[
            "ldapsearch",
            "ldapmodify",
            "ldapadd",
            "ldapdelete",
            "ldapwhoami",
            "ldappasswd",
            "ldapcompare",
            "ldapmodrdn",
            "ldapexop",
        ],
        takes: Some("DHbwpshfyYUROXlsz"),
        options: &[
            ("-w", Any, Whole, PASSWORD),
            ("-s", Form::After("ldappasswd"), Whole, PASSWORD),
            ("-a", Form::After("ldappasswd"), Whole, PASSWORD),
        ],
        ..NONE
    },
    Command {
        names: &["lftp"],
        takes: Some("uepcf"),
        options: &[("-u", Any, Take::After(','), PASSWORD), ("-p", Any, Likely, PASSWORD)],
        places: &[Place { after: &["lftp"], skip: 0, what: Placed::UserInfo(PASSWORD) }],
        ..NONE
    },
    Command {
        names: &["ncftpput", "ncftpget", "ncftp"],
        takes: Some("upPf"),
        options: &[("-p", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command { names: &["kinit"], takes: None, reads: &[ALWAYS], ..NONE },
    Command {
        names: &["ssh-keygen"],
        takes: Some("abCDEfFgGIimnOrStVwWYz"),
        options: &[("-N", Any, Whole, PASSWORD), ("-P", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command {
        names: &["wpa_passphrase"],
        takes: None,
        places: &[Place { after: &["wpa_passphrase"], skip: 1, what: Placed::Words(1, PASSWORD) }],
        ..NONE
    },
    Command {
        names: &["nmcli"],
        takes: None,
        places: &[Place {
            after: &["password", "wifi-sec.psk", "802-11-wireless-security.psk"],
            skip: 0,
            what: Placed::Words(1, PASSWORD),
        }],
        ..NONE
    },
    Command {
        names: &["wpa_cli", "hostapd_cli"],
        takes: Some("ip"),
        places: &[
            Place { after: &["set_network"], skip: 1, what: Placed::NameAndValue },
            Place { after: &["set"], skip: 0, what: Placed::NameAndValue },
            Place { after: &["password", "new_password", "passphrase"], skip: 1, what: Placed::Words(1, PASSWORD) },
        ],
        ..NONE
    },
    Command {
        names: &["iwconfig"],
        takes: None,
        places: &[Place { after: &["key"], skip: 0, what: Placed::Words(1, Kind::Key) }],
        ..NONE
    },
    Command { names: &["zerotier-cli"], takes: Some("Dp"), options: &[("-T", Any, Whole, Kind::Token)], ..NONE },
    Command {
        names: &["openconnect", "openfortivpn"],
        takes: Some("ucsiU"),
        options: &[
            ("-C", Form::After("openconnect"), Whole, Kind::Cookie),
            ("-p", Form::After("openfortivpn"), Whole, PASSWORD),
            ("-o", Form::After("openfortivpn"), Whole, PASSWORD),
        ],
        ..NONE
    },
    Command {
        names: &["transmission-remote"],
        takes: None,
        options: &[("-n", Any, Take::After(':'), PASSWORD)],
        ..NONE
    },
    Command {
        names: &["kadmin", "kadmin.local", "ktutil", "addprinc", "cpw", "change_password"],
        takes: Some("prqackes"),
        options: &[("-w", Any, Whole, PASSWORD), ("-pw", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command { names: &["wg"], takes: None, reads: &["pubkey"], ..NONE },
    Command { names: &["vpn"], takes: None, reads: &["-s"], ..NONE },
    Command {
        names: &["ab"],
        takes: Some("nctpTvHCXgesbBizxy"),
        options: &[
            ("-A", Any, Take::After(':'), PASSWORD),
            ("-P", Any, Take::After(':'), PASSWORD),
            ("-H", Any, Header, Kind::Credential),
        ],
        ..NONE
    },
    Command { names: &["nikto"], takes: None, options: &[("-id", Any, Take::After(':'), PASSWORD)], ..NONE },
    Command { names: &["swaks"], takes: None, options: &[("-ap", Any, Whole, PASSWORD)], ..NONE },
    Command { names: &["irssi"], takes: Some("cpn"), options: &[("-w", Any, Whole, PASSWORD)], ..NONE },
    Command {
        names: &["iodine", "iodined"],
        takes: Some("ulptdzmrMOTIL"),
        options: &[("-P", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command {
        names: &["ss-local", "sslocal", "ss-server", "ssserver", "ss-redir"],
        takes: Some("spblmctnaf"),
        options: &[("-k", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command { names: &["frpc"], takes: Some("spunlri"), options: &[("-t", Any, Whole, Kind::Token)], ..NONE },
    Command {
        names: &["cloudflared"],
        takes: None,
        places: &[Place { after: &["install"], skip: 0, what: Placed::Words(1, Kind::Token) }],
        ..NONE
    },
];
