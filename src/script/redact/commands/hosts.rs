//! Programs that log in to other hosts, administer them, or attack them.

use super::super::command::Form::{self, Any};
use super::super::command::Take::{self, Whole};
use super::super::command::{Command, NONE, PASSWORD, Place, Placed};
use super::super::mark::Kind;

/// Examples of impacket, as they are and as a package installs them.
const IMPACKET: [&str; 30] = [
    "smbclient.py",
    "mssqlclient.py",
    "getTGT.py",
    "getST.py",
    "lookupsid.py",
    "GetADUsers.py",
    "addcomputer.py",
    "impacket-smbclient",
    "impacket-mssqlclient",
    "impacket-getTGT",
    "impacket-getST",
    "impacket-lookupsid",
    "impacket-GetADUsers",
    "impacket-addcomputer",
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

/// Communities that agents of SNMP have when nobody changed them.
const COMMUNITIES: [&str; 2] = ["public", "private"];

pub(super) static COMMANDS: [Command; 23] = [
    Command {
        names: &["rpcclient", "smbutil", "smbget", "smbcacls", "winexe", "pth-winexe", "wbinfo"],
        takes: Some("UIpWLDcNdmnt"),
        options: &[
            ("-U", Any, Take::After('%'), PASSWORD),
            ("--user", Any, Take::After('%'), PASSWORD),
            ("-a", Form::After("wbinfo"), Take::After('%'), PASSWORD),
        ],
        ..NONE
    },
    Command {
        names: &["smbclient"],
        takes: Some("UIpWLDcdmnt"),
        options: &[("-U", Any, Take::After('%'), PASSWORD), ("--user", Any, Take::After('%'), PASSWORD)],
        // Behind the share.
        places: &[Place { after: &["//", "\\"], skip: 0, what: Placed::Words(1, PASSWORD) }],
        ..NONE
    },
    Command {
        // That of Windows, and that of Samba.
        names: &["net"],
        takes: Some("UIpWLDcNdmnt"),
        options: &[("-U", Any, Take::After('%'), PASSWORD), ("--user", Any, Take::After('%'), PASSWORD)],
        places: &[
            Place { after: &["\\"], skip: 0, what: Placed::Words(1, PASSWORD) },
            Place { after: &["user", "add", "password"], skip: 1, what: Placed::Words(1, PASSWORD) },
            Place { after: &["delete", "info"], skip: 1, what: Placed::Assignments(PASSWORD) },
        ],
        ..NONE
    },
    Command {
        names: &["xfreerdp", "xfreerdp3", "sdl-freerdp", "wlfreerdp", "freerdp"],
        takes: None,
        options: &[
            ("/p", Any, Whole, PASSWORD),
            ("/gp", Any, Whole, PASSWORD),
            ("/pth", Any, Whole, Kind::Secret),
            ("-p", Any, Whole, PASSWORD),
        ],
        reads: &["/from-stdin"],
        ..NONE
    },
    Command { names: &["rdesktop"], takes: Some("udspcnTgakKSrxz"), options: &[("-p", Any, Whole, PASSWORD)], ..NONE },
    Command {
        names: &["Rubeus.exe", "Rubeus", "rubeus", "sekurlsa::pth", "kerberos::golden"],
        takes: None,
        options: &[
            ("/rc4", Any, Whole, Kind::Key),
            ("/aes128", Any, Whole, Kind::Key),
            ("/aes256", Any, Whole, Kind::Key),
            ("/ntlm", Any, Whole, Kind::Secret),
            ("/krbtgt", Any, Whole, Kind::Secret),
            ("/ticket", Any, Whole, Kind::Secret),
        ],
        ..NONE
    },
    Command {
        names: &["kerbrute"],
        takes: Some("dotv"),
        options: &[("--dc", Any, Take::Plain, PASSWORD)],
        places: &[Place { after: &["passwordspray"], skip: 1, what: Placed::Words(1, PASSWORD) }],
        ..NONE
    },
    Command {
        names: &["plink", "pscp", "psftp", "sendemail"],
        takes: None,
        options: &[("-pw", Any, Whole, PASSWORD), ("-xp", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command {
        names: &["hydra", "medusa", "smbmap"],
        takes: Some("luiHsdLIUMCt"),
        options: &[("-p", Form::Without("-P"), Whole, PASSWORD)],
        ..NONE
    },
    Command {
        names: &["crackmapexec", "netexec", "nxc", "evil-winrm"],
        takes: Some("uidMXx"),
        options: &[("-p", Any, Whole, PASSWORD), ("-H", Any, Whole, Kind::Secret)],
        ..NONE
    },
    Command {
        names: &["ipmitool"],
        takes: Some("HUIpCtLoe"),
        options: &[("-P", Any, Whole, PASSWORD), ("-k", Any, Whole, Kind::Key), ("-y", Any, Whole, Kind::Key)],
        places: &[Place { after: &["password"], skip: 1, what: Placed::Words(1, PASSWORD) }],
        ..NONE
    },
    Command {
        names: &["racadm"],
        takes: Some("ru"),
        options: &[("-p", Any, Whole, PASSWORD)],
        places: &[Place { after: &["set"], skip: 0, what: Placed::NameAndValue }],
        ..NONE
    },
    Command {
        names: &[
            "snmpwalk",
            "snmpget",
            "snmpset",
            "snmpbulkwalk",
            "snmpbulkget",
            "snmpgetnext",
            "snmpstatus",
            "snmptable",
            "snmpdf",
            "snmpinform",
            "snmptrap",
            "snmp-check",
        ],
        takes: Some("vculaxeEnrtmMO"),
        options: &[
            ("-A", Any, Whole, PASSWORD),
            ("-X", Any, Whole, PASSWORD),
            ("-c", Any, Take::Unless(&COMMUNITIES), PASSWORD),
        ],
        ..NONE
    },
    Command {
        names: &["onesixtyone"],
        takes: Some("cioswd"),
        places: &[Place { after: &["onesixtyone"], skip: 1, what: Placed::Words(1, PASSWORD) }],
        ..NONE
    },
    Command {
        names: &IMPACKET,
        takes: None,
        options: &[("-hashes", Any, Whole, Kind::Secret), ("-aesKey", Any, Whole, Kind::Key)],
        places: &[Place { after: &IMPACKET, skip: 0, what: Placed::After(':', PASSWORD) }],
        ..NONE
    },
    Command { names: &["realm"], takes: Some("U"), reads: &["join", "leave"], ..NONE },
    Command {
        names: &["samba-tool"],
        takes: Some("HU"),
        places: &[Place { after: &["user"], skip: 2, what: Placed::Words(1, PASSWORD) }],
        ..NONE
    },
    Command {
        names: &["useradd", "usermod"],
        takes: Some("bcdegGkKlsuZ"),
        options: &[("-p", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command {
        names: &["radtest"],
        takes: Some("td"),
        places: &[Place { after: &["radtest"], skip: 1, what: Placed::Words(1, PASSWORD) }],
        ..NONE
    },
    Command {
        names: &["VBoxManage"],
        takes: None,
        places: &[Place { after: &["setcredentials"], skip: 1, what: Placed::Words(1, PASSWORD) }],
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
