//! Programs that move files, log in to other hosts, or attack them.

use super::super::command::Form::{self, Any};
use super::super::command::Take::{self, Assignment, Cookie, Header, Likely, Whole};
use super::super::command::{ALWAYS, Command, NONE, PASSWORD, Place, Placed};
use super::super::mark::Kind;

/// Examples of impacket, as they are and as a package installs them.
const IMPACKET: [&str; 16] = [
    "GetUserSPNs.py",
    "GetNPUsers.py",
    "impacket-GetUserSPNs",
    "impacket-GetNPUsers",
    "psexec.py",
    "wmiexec.py",
    "smbexec.py",
    "atexec.py",
    "dcomexec.py",
    "secretsdump.py",
    "impacket-psexec",
    "impacket-wmiexec",
    "impacket-smbexec",
    "impacket-atexec",
    "impacket-dcomexec",
    "impacket-secretsdump",
];

pub(super) static COMMANDS: [Command; 30] = [
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
    Command { names: &["sshpass"], takes: Some("pdfP"), options: &[("-p", Any, Whole, PASSWORD)], ..NONE },
    Command {
        names: &["ldapsearch", "ldapmodify", "ldapadd", "ldapdelete", "ldapwhoami", "ldappasswd"],
        takes: Some("DHbwpshfyYUROXlsz"),
        options: &[
            ("-w", Any, Whole, PASSWORD),
            ("-s", Form::After("ldappasswd"), Whole, PASSWORD),
            ("-a", Form::After("ldappasswd"), Whole, PASSWORD),
        ],
        ..NONE
    },
    Command {
        names: &["smbclient", "rpcclient", "net", "smbutil", "smbget", "smbcacls", "winexe", "wbinfo"],
        takes: Some("UIpWLDcNdmnt"),
        options: &[
            ("-U", Any, Take::After('%'), PASSWORD),
            ("--user", Any, Take::After('%'), PASSWORD),
            ("-a", Form::After("wbinfo"), Take::After('%'), PASSWORD),
        ],
        ..NONE
    },
    Command {
        names: &["lftp", "ncftpput", "ncftpget", "ncftp"],
        takes: Some("uepcf"),
        options: &[("-u", Any, Take::After(','), PASSWORD), ("-p", Any, Likely, PASSWORD)],
        ..NONE
    },
    Command { names: &["kinit"], takes: None, reads: &[ALWAYS], ..NONE },
    Command {
        names: &["xfreerdp", "sdl-freerdp", "rdesktop"],
        takes: None,
        options: &[("/p", Any, Whole, PASSWORD), ("-p", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command {
        names: &["ssh-keygen"],
        takes: Some("abCDEfFgGIimnOrStVwWYz"),
        options: &[("-N", Any, Whole, PASSWORD), ("-P", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command {
        names: &["plink", "pscp", "psftp", "sendemail"],
        takes: None,
        options: &[("-pw", Any, Whole, PASSWORD), ("-xp", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command {
        names: &["hydra", "medusa", "crackmapexec", "netexec", "nxc", "evil-winrm", "smbmap", "ipmitool"],
        takes: Some("luiHsdLIUMCt"),
        options: &[("-p", Form::Without("-P"), Whole, PASSWORD), ("-P", Form::After("ipmitool"), Whole, PASSWORD)],
        ..NONE
    },
    Command {
        names: &["snmpwalk", "snmpget", "snmpset", "snmpbulkwalk", "snmptrap"],
        takes: Some("vculaxeEnrtmMO"),
        options: &[("-A", Any, Whole, PASSWORD), ("-X", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command {
        names: &IMPACKET,
        takes: None,
        places: &[Place { after: &IMPACKET, skip: 0, what: Placed::After(':', PASSWORD) }],
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
        places: &[Place { after: &["password", "wifi-sec.psk"], skip: 0, what: Placed::Words(1, PASSWORD) }],
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
    Command {
        names: &["vmrun"],
        takes: None,
        options: &[("-gp", Any, Whole, PASSWORD), ("-vp", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command { names: &["vncdo", "vncdotool"], takes: Some("s"), options: &[("-p", Any, Whole, PASSWORD)], ..NONE },
    Command { names: &["knife"], takes: Some("xiNEru"), options: &[("-P", Any, Whole, PASSWORD)], ..NONE },
];
