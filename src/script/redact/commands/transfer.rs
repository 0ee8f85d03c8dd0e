//! Programs that move files, log in to other hosts, or attack them.

use super::super::command::Form::{self, Any};
use super::super::command::Take::{self, Assignment, Cookie, Header, Likely, Whole};
use super::super::command::{ALWAYS, Command, NONE, PASSWORD, Place, Placed};
use super::super::mark::Kind;

/// Examples of impacket, as they are and as a package installs them.
const IMPACKET: [&str; 12] = [
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

pub(super) static COMMANDS: [Command; 16] = [
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
        options: &[("-a", Any, Take::After(':'), PASSWORD), ("--auth", Any, Take::After(':'), PASSWORD)],
        ..NONE
    },
    Command { names: &["sshpass"], takes: Some("pdfP"), options: &[("-p", Any, Whole, PASSWORD)], ..NONE },
    Command {
        names: &["ldapsearch", "ldapmodify", "ldapadd", "ldapdelete", "ldapwhoami", "ldappasswd"],
        takes: Some("DHbwpshfyYUROXlsz"),
        options: &[("-w", Any, Whole, PASSWORD), ("-s", Form::After("ldappasswd"), Whole, PASSWORD)],
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
    Command { names: &["kinit"], takes: None, reads: &["--password-file=STDIN", "--stdin"], ..NONE },
    Command { names: &["chpasswd"], takes: None, reads: &[ALWAYS], ..NONE },
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
];
