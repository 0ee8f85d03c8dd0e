//! Apple's own tools.

use super::super::command::Form::{self, Any};
use super::super::command::Take::{self, Likely, Whole};
use super::super::command::{ALWAYS, Command, NONE, PASSWORD, Place, Placed};
use super::super::mark::Kind;

pub(super) static COMMANDS: [Command; 20] = [
    Command {
        // `security -i` reads them without its name.
        names: &[
            "security",
            "unlock-keychain",
            "create-keychain",
            "set-keychain-password",
            "set-key-partition-list",
            "set-generic-password-partition-list",
            "set-internet-password-partition-list",
            "add-generic-password",
            "add-internet-password",
        ],
        // `-P` is a switch of create-keychain.
        takes: Some("alcjDGCptrTkfdh"),
        options: &[
            ("-p", Form::After("-keychain"), Whole, PASSWORD),
            ("-o", Form::After("set-keychain-password"), Whole, PASSWORD),
            ("-k", Form::After("-partition-list"), Whole, PASSWORD),
            ("-p", Form::After("create-db"), Whole, PASSWORD),
            ("-p", Form::After("add-generic-password"), Whole, PASSWORD),
            ("-w", Form::After("add-"), Whole, PASSWORD),
            ("-X", Form::After("add-"), Whole, PASSWORD),
            ("-P", Form::After("import"), Whole, PASSWORD),
            ("-P", Form::After("export"), Whole, PASSWORD),
        ],
        // Where it has no terminal to ask at.
        reads: &["unlock-keychain", "create-keychain"],
        ..NONE
    },
    Command {
        names: &["dscl"],
        takes: None,
        options: &[("-P", Any, Whole, PASSWORD)],
        places: &[
            Place {
                after: &["create", "-create", "append", "-append", "merge", "-merge", "delete", "-delete"],
                skip: 1,
                what: Placed::NameAndAll,
            },
            Place { after: &["change", "-change", "changei", "-changei"], skip: 1, what: Placed::NameAndAll },
            Place { after: &["mcxset", "-mcxset"], skip: 2, what: Placed::NameAndAll },
            Place { after: &["authonly", "-authonly", "auth", "-auth"], skip: 1, what: Placed::Words(1, PASSWORD) },
            Place { after: &["passwd", "-passwd"], skip: 1, what: Placed::Words(2, PASSWORD) },
        ],
        ..NONE
    },
    Command {
        names: &["dseditgroup", "dsconfigad", "dsconfigldap", "dsenableroot", "dsimport"],
        takes: None,
        options: &[
            ("-P", Any, Whole, PASSWORD),
            ("-p", Form::After("dseditgroup"), Likely, PASSWORD),
            ("-p", Any, Whole, PASSWORD),
            ("-r", Form::After("dsenableroot"), Whole, PASSWORD),
            ("-r", Any, Likely, PASSWORD),
            ("-lp", Any, Whole, PASSWORD),
            ("-q", Form::After("dsconfigldap"), Whole, PASSWORD),
            ("-password", Any, Whole, PASSWORD),
        ],
        ..NONE
    },
    Command { names: &["sysadminctl", "fdesetup"], takes: None, reads: &["-stdinpass"], ..NONE },
    Command {
        names: &["scutil"],
        takes: None,
        options: &[("--password", Any, Whole, PASSWORD), ("--secret", Any, Whole, Kind::Secret)],
        ..NONE
    },
    Command {
        names: &["networksetup"],
        takes: None,
        places: &[
            Place { after: &["-setairportnetwork"], skip: 2, what: Placed::Words(1, PASSWORD) },
            Place { after: &["-addpreferredwirelessnetworkatindex"], skip: 4, what: Placed::Words(1, PASSWORD) },
            Place {
                after: &[
                    "-setwebproxy",
                    "-setsecurewebproxy",
                    "-setsocksfirewallproxy",
                    "-setftpproxy",
                    "-setstreamingproxy",
                    "-setgopherproxy",
                ],
                skip: 5,
                what: Placed::Words(1, PASSWORD),
            },
            Place { after: &["-createpppoeservice"], skip: 3, what: Placed::Words(1, PASSWORD) },
            Place { after: &["-setpppoepassword"], skip: 1, what: Placed::Words(1, PASSWORD) },
        ],
        ..NONE
    },
    Command {
        names: &["hdiutil", "diskutil"],
        takes: None,
        options: &[
            ("-passphrase", Any, Whole, PASSWORD),
            ("-oldPassphrase", Any, Whole, PASSWORD),
            ("-newPassphrase", Any, Whole, PASSWORD),
        ],
        reads: &["-stdinpass", "-stdinpassphrase"],
        ..NONE
    },
    Command {
        names: &["launchctl"],
        takes: None,
        places: &[Place { after: &["setenv"], skip: 0, what: Placed::NamesAndValues }],
        ..NONE
    },
    Command {
        names: &["defaults"],
        takes: None,
        places: &[
            Place { after: &["write", "-app"], skip: 1, what: Placed::NameAndValue },
            Place { after: &["-dict", "-dict-add"], skip: 0, what: Placed::NamesAndValues },
        ],
        ..NONE
    },
    Command { names: &["sudo", "doas"], takes: Some("CcDghpRrTtUu"), reads: &["-S", "--stdin"], ..NONE },
    // Without a command it reads commands.
    Command { names: &["su"], takes: Some("cs"), reads: &["-c"], ..NONE },
    Command {
        names: &["altool", "notarytool", "iTMSTransporter"],
        takes: Some("pu"),
        // The profile of notarytool is the name of an item of the keychain.
        options: &[("-p", Form::After("notarytool"), Likely, PASSWORD), ("-p", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command {
        names: &["jamf"],
        takes: None,
        options: &[("-passhash", Any, Whole, PASSWORD), ("-invitation", Any, Whole, Kind::Token)],
        ..NONE
    },
    // What a script was given is not known; osascript itself has neither option.
    Command {
        names: &["osascript"],
        takes: Some("ls"),
        options: &[
            ("-p", Form::Without("-e"), Likely, PASSWORD),
            ("-u", Form::Without("-e"), Take::After(':'), PASSWORD),
        ],
        ..NONE
    },
    Command { names: &["profiles"], takes: None, options: &[("-z", Any, Whole, PASSWORD)], ..NONE },
    Command {
        names: &["pwpolicy", "bputil", "setregproptool"],
        takes: Some("uacdmo"),
        options: &[
            ("-p", Any, Whole, PASSWORD),
            ("-o", Form::After("-p"), Whole, PASSWORD),
            ("-setpassword", Any, Whole, PASSWORD),
        ],
        places: &[Place { after: &["setpassword"], skip: 0, what: Placed::Words(1, PASSWORD) }],
        ..NONE
    },
    Command { names: &["kickstart"], takes: None, options: &[("-vncpw", Any, Whole, PASSWORD)], ..NONE },
    Command {
        names: &["plutil"],
        takes: None,
        places: &[Place { after: &["-insert", "-replace"], skip: 0, what: Placed::NameAndValue }],
        ..NONE
    },
    Command {
        names: &["passwd", "chpasswd", "smbpasswd", "kpasswd", "firmwarepasswd", "vncpasswd"],
        takes: Some("ludiknxwS"),
        reads: &[ALWAYS],
        ..NONE
    },
    Command { names: &["sc_auth"], takes: None, options: &[("-p", Any, Whole, PASSWORD)], ..NONE },
];
