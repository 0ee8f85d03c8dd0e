//! Programs that encrypt, sign and pack.

use super::super::command::Form::{Any, Joined};
use super::super::command::Take::{self, Whole};
use super::super::command::{Command, NONE, PASSWORD, Place, Placed};
use super::super::mark::Kind;

pub(super) static COMMANDS: [Command; 18] = [
    Command {
        names: &["openssl"],
        takes: None,
        options: &[
            ("-k", Any, Whole, PASSWORD),
            ("-K", Any, Whole, Kind::Key),
            ("-pass", Any, Take::After(':'), PASSWORD),
            ("-passin", Any, Take::After(':'), PASSWORD),
            ("-passout", Any, Take::After(':'), PASSWORD),
            ("-password", Any, Take::After(':'), PASSWORD),
            ("-passwd", Any, Whole, PASSWORD),
            ("-hmac", Any, Whole, Kind::Key),
            ("-macopt", Any, Take::After(':'), Kind::Key),
            ("-psk", Any, Whole, Kind::Key),
        ],
        // A salt may be the first.
        places: &[Place { after: &["passwd"], skip: 0, what: Placed::Words(2, PASSWORD) }],
        reads: &["stdin"],
    },
    Command {
        names: &["zip", "unzip", "zipcloak", "funzip"],
        takes: Some("bdiInOPstTxZ"),
        options: &[("-P", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command { names: &["7z", "7za", "7zr", "7zz"], takes: None, options: &[("-p", Joined, Whole, PASSWORD)], ..NONE },
    Command {
        names: &["rar", "unrar"],
        takes: None,
        options: &[("-p", Joined, Whole, PASSWORD), ("-hp", Joined, Whole, PASSWORD)],
        ..NONE
    },
    Command {
        names: &["bsdtar", "pdftotext", "gs"],
        takes: None,
        options: &[("-upw", Any, Whole, PASSWORD), ("-opw", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command {
        names: &["htpasswd"],
        takes: None,
        places: &[
            Place {
                after: &[
                    "-b", "-cb", "-bc", "-bB", "-cbB", "-bcB", "-bm", "-mb", "-cbm", "-bs", "-cbs", "-Bb", "-Bbc",
                    "-cBb", "-bBc",
                ],
                skip: 2,
                what: Placed::Words(1, PASSWORD),
            },
            Place {
                after: &["-nb", "-bn", "-nbB", "-bnB", "-nbm", "-nmb", "-nbs", "-Bbn", "-Bnb", "-nBb", "-bBn"],
                skip: 1,
                what: Placed::Words(1, PASSWORD),
            },
        ],
        ..NONE
    },
    Command {
        names: &["gpg", "gpg2"],
        takes: Some("uror"),
        options: &[("--passphrase", Any, Whole, PASSWORD)],
        reads: &["--passphrase-fd"],
        ..NONE
    },
    Command {
        names: &["keytool", "jarsigner"],
        takes: None,
        options: &[
            ("-storepass", Any, Whole, PASSWORD),
            ("-keypass", Any, Whole, PASSWORD),
            ("-srcstorepass", Any, Whole, PASSWORD),
            ("-deststorepass", Any, Whole, PASSWORD),
        ],
        ..NONE
    },
    Command {
        names: &["restic", "rclone", "borg"],
        takes: Some("rp"),
        places: &[
            Place { after: &["obscure", "reveal", "pass"], skip: 0, what: Placed::Words(1, PASSWORD) },
            Place { after: &["create", "update"], skip: 0, what: Placed::NamesAndValues },
        ],
        ..NONE
    },
    Command { names: &["gpg-preset-passphrase"], takes: Some(""), options: &[("-P", Any, Whole, PASSWORD)], ..NONE },
    Command {
        names: &["unar", "lsar", "steghide", "ccrypt", "ccencrypt", "ccdecrypt"],
        takes: Some("ocsfEk"),
        options: &[("-p", Any, Whole, PASSWORD), ("-K", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command {
        names: &["qpdf"],
        takes: None,
        places: &[Place { after: &["--encrypt"], skip: 0, what: Placed::Words(2, PASSWORD) }],
        ..NONE
    },
    Command {
        names: &["pdftk"],
        takes: None,
        places: &[Place { after: &["user_pw", "owner_pw", "input_pw"], skip: 0, what: Placed::Words(1, PASSWORD) }],
        ..NONE
    },
    Command {
        names: &["veracrypt", "truecrypt"],
        takes: Some("kmN"),
        options: &[("-p", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command {
        names: &["bitcoin-cli", "litecoin-cli", "dogecoin-cli"],
        takes: None,
        places: &[
            Place { after: &["walletpassphrase", "encryptwallet"], skip: 0, what: Placed::Words(1, PASSWORD) },
            Place { after: &["walletpassphrasechange"], skip: 0, what: Placed::Words(2, PASSWORD) },
        ],
        ..NONE
    },
    Command { names: &["cryptsetup"], takes: None, reads: &["--key-file", "--key-file=-", "-d"], ..NONE },
    Command {
        names: &["oathtool"],
        takes: None,
        places: &[Place { after: &["oathtool"], skip: 0, what: Placed::Words(1, Kind::Key) }],
        ..NONE
    },
    Command {
        names: &["ykman"],
        takes: None,
        places: &[Place { after: &["add"], skip: 1, what: Placed::Words(1, Kind::Key) }],
        ..NONE
    },
];
