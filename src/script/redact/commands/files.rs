//! Programs that encrypt, sign and pack.

use super::super::command::Form::{self, Any, Joined};
use super::super::command::Take::{self, Whole};
use super::super::command::{ALWAYS, Command, NONE, PASSWORD, Place, Placed};
use super::super::mark::Kind;

pub(super) static COMMANDS: [Command; 25] = [
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
            ("-macopt", Any, Take::Setting, Kind::Key),
            ("-kdfopt", Any, Take::Setting, Kind::Key),
            ("-key", Form::After("ca"), Whole, PASSWORD),
            ("-srppass", Any, Whole, PASSWORD),
            // Of a cipher it is a switch.
            ("-salt", Form::After("passwd"), Take::Plain, PASSWORD),
            ("-psk", Any, Whole, Kind::Key),
        ],
        places: &[Place { after: &["passwd"], skip: 0, what: Placed::Words(2, PASSWORD) }],
        reads: &["stdin", "-stdin"],
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
        takes: Some("Cr"),
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
        reads: &["-i"],
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
            ("-srckeypass", Any, Whole, PASSWORD),
            ("-destkeypass", Any, Whole, PASSWORD),
            ("-new", Any, Whole, PASSWORD),
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
        names: &["veracrypt", "VeraCrypt", "truecrypt"],
        takes: Some("kmN"),
        options: &[("-p", Any, Whole, PASSWORD)],
        reads: &["--stdin"],
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
    Command { names: &["cryptsetup", "gocryptfs", "ecryptfs-add-passphrase"], takes: None, reads: &[ALWAYS], ..NONE },
    Command { names: &["encfs"], takes: Some(""), reads: &["-S"], ..NONE },
    Command { names: &["zfs", "zpool"], takes: None, reads: &["load-key", "keyformat=passphrase"], ..NONE },
    Command { names: &["ssh-add", "argon2"], takes: None, reads: &[ALWAYS], ..NONE },
    Command {
        names: &["mkpasswd"],
        takes: Some("mSRPlcCdD"),
        places: &[Place { after: &["mkpasswd"], skip: 0, what: Placed::Words(1, PASSWORD) }],
        reads: &["-s"],
        ..NONE
    },
    Command {
        names: &["slappasswd", "doveadm", "saslpasswd2", "pdbedit", "caddy"],
        takes: None,
        options: &[
            ("-s", Form::After("slappasswd"), Whole, PASSWORD),
            ("-p", Form::After("pw"), Whole, PASSWORD),
            ("-p", Form::After("hash-password"), Whole, PASSWORD),
            ("--plaintext", Any, Whole, PASSWORD),
        ],
        places: &[Place { after: &["test", "login"], skip: 1, what: Placed::Words(1, PASSWORD) }],
        reads: &["-p", "-t"],
    },
    Command { names: &["signtool"], takes: None, options: &[("/p", Any, Whole, PASSWORD)], ..NONE },
    Command {
        names: &["oathtool"],
        takes: None,
        places: &[Place { after: &["oathtool"], skip: 0, what: Placed::Words(1, Kind::Key) }],
        ..NONE
    },
    Command {
        names: &["ykman"],
        takes: None,
        options: &[
            ("-p", Any, Whole, PASSWORD),
            ("-P", Form::After("piv"), Whole, PASSWORD),
            ("-P", Form::After("fido"), Whole, PASSWORD),
            ("-n", Form::After("access"), Whole, PASSWORD),
            ("-m", Form::After("piv"), Whole, Kind::Key),
            ("--management-key", Any, Whole, Kind::Key),
            ("--new-management-key", Any, Whole, Kind::Key),
            ("--pin", Any, Whole, PASSWORD),
            ("--new-pin", Any, Whole, PASSWORD),
            ("--puk", Any, Whole, PASSWORD),
            ("--new-puk", Any, Whole, PASSWORD),
        ],
        places: &[Place { after: &["add", "static", "chalresp"], skip: 1, what: Placed::Words(1, Kind::Key) }],
        ..NONE
    },
    Command {
        names: &["pkcs11-tool", "pkcs15-tool", "pkcs15-init", "softhsm2-util", "yubico-piv-tool"],
        takes: None,
        options: &[
            ("-p", Any, Whole, PASSWORD),
            ("-P", Any, Whole, PASSWORD),
            ("-N", Form::After("yubico-piv-tool"), Whole, PASSWORD),
            ("--pin", Any, Whole, PASSWORD),
            ("--new-pin", Any, Whole, PASSWORD),
            ("--so-pin", Any, Whole, PASSWORD),
            ("--puk", Any, Whole, PASSWORD),
        ],
        ..NONE
    },
];
