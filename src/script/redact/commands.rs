//! What commands take secrets, and where: by the grammar of each. `takes` are the short options that have a value,
//! so that the letters of `-su` can be distinguished.

use super::command::Form::{self, Any, Joined};
use super::command::Take::{self, Assignment, Cookie, Header, Likely, Whole};
use super::command::{Command, Place, Placed};
use super::mark::Kind;

const NONE: Command = Command { names: &[], takes: Some(""), options: &[], places: &[], reads: &[] };
const PASSWORD: Kind = Kind::Password;

pub(super) static COMMANDS: [Command; 46] = [
    Command {
        names: &["curl"],
        takes: Some("AbcCdDeEFhHKmoPQrtTuUwxXyYz"),
        options: &[
            ("-u", Any, Take::After(':'), PASSWORD),
            ("--user", Any, Take::After(':'), PASSWORD),
            ("-U", Any, Take::After(':'), PASSWORD),
            ("--proxy-user", Any, Take::After(':'), PASSWORD),
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
        names: &["security"],
        takes: None,
        options: &[
            ("-p", Form::After("-keychain"), Whole, PASSWORD),
            ("-o", Form::After("set-keychain-password"), Whole, PASSWORD),
            ("-k", Form::After("set-key-partition-list"), Whole, PASSWORD),
            ("-w", Form::After("add-"), Whole, PASSWORD),
            ("-X", Form::After("add-"), Whole, PASSWORD),
            ("-P", Form::After("import"), Whole, PASSWORD),
            ("-P", Form::After("export"), Whole, PASSWORD),
        ],
        ..NONE
    },
    Command {
        names: &["dscl"],
        takes: None,
        options: &[("-P", Any, Whole, PASSWORD)],
        places: &[
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
            ("-p", Any, Likely, PASSWORD),
            ("-r", Any, Likely, PASSWORD),
            ("-lp", Any, Whole, PASSWORD),
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
                after: &["-setwebproxy", "-setsecurewebproxy", "-setsocksfirewallproxy", "-setftpproxy"],
                skip: 5,
                what: Placed::Words(1, PASSWORD),
            },
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
        places: &[Place { after: &["setenv"], skip: 0, what: Placed::NameAndValue }],
        ..NONE
    },
    Command {
        names: &["defaults"],
        takes: None,
        places: &[Place { after: &["write"], skip: 1, what: Placed::NameAndValue }],
        ..NONE
    },
    Command { names: &["su", "sudo", "doas"], takes: Some("CcDghpRrTtUu"), reads: &["-S", "--stdin"], ..NONE },
    Command {
        names: &["mysql", "mysqldump", "mysqladmin", "mysqlimport", "mysqlsh", "mariadb", "mariadb-dump"],
        takes: Some("uhPDeST"),
        options: &[("-p", Joined, Whole, PASSWORD)],
        ..NONE
    },
    Command { names: &["psql", "pg_dump", "pg_restore"], takes: Some("cdfhLnopTtUvFPRX"), ..NONE },
    Command {
        names: &["mongo", "mongosh", "mongodump", "mongorestore"],
        takes: Some("uphd"),
        options: &[("-p", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command {
        names: &["redis-cli", "valkey-cli"],
        takes: Some("hpsaurnid"),
        options: &[("-a", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command {
        names: &["sqlcmd", "bcp"],
        takes: Some("SUPdQqiohwsx"),
        options: &[("-P", Any, Whole, PASSWORD)],
        ..NONE
    },
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
            ("-psk", Any, Whole, Kind::Key),
        ],
        reads: &["stdin"],
        ..NONE
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
        names: &["bsdtar", "pdftotext", "qpdf", "gs"],
        takes: None,
        options: &[("-upw", Any, Whole, PASSWORD), ("-opw", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command {
        names: &["aws"],
        takes: None,
        places: &[Place { after: &["set"], skip: 0, what: Placed::NameAndValue }],
        reads: &["--password-stdin"],
        ..NONE
    },
    Command {
        names: &["gh", "glab", "hub"],
        takes: Some("bRehjqHfFX"),
        options: &[
            ("-b", Form::After("secret"), Whole, Kind::Secret),
            ("--body", Form::After("secret"), Whole, Kind::Secret),
            ("-t", Form::After("login"), Whole, Kind::Token),
            ("-H", Any, Header, Kind::Credential),
            ("--header", Any, Header, Kind::Credential),
        ],
        reads: &["--with-token", "--stdin"],
        ..NONE
    },
    Command {
        names: &["docker", "podman", "nerdctl", "helm", "oras", "crane", "skopeo", "buildah"],
        takes: Some("pueHlvwc"),
        options: &[
            ("-p", Form::After("login"), Whole, PASSWORD),
            ("--creds", Any, Take::After(':'), PASSWORD),
            ("-e", Any, Assignment, Kind::Secret),
            ("--env", Any, Assignment, Kind::Secret),
            ("--build-arg", Any, Assignment, Kind::Secret),
        ],
        reads: &["--password-stdin"],
        ..NONE
    },
    Command {
        names: &["kubectl", "oc"],
        takes: Some("nfolsc"),
        options: &[("--from-literal", Form::After("secret"), Take::After('='), Kind::Secret)],
        ..NONE
    },
    Command {
        names: &["az"],
        takes: Some("punglo"),
        options: &[("-p", Form::After("login"), Whole, PASSWORD)],
        reads: &["--password-stdin"],
        ..NONE
    },
    Command {
        names: &["git"],
        takes: Some("Cc"),
        options: &[("-c", Any, Assignment, Kind::Credential)],
        places: &[Place { after: &["config"], skip: 0, what: Placed::NameAndValue }],
        ..NONE
    },
    Command {
        names: &["npm", "pnpm", "yarn"],
        takes: None,
        places: &[Place { after: &["set"], skip: 0, what: Placed::NameAndValue }],
        ..NONE
    },
    Command { names: &["twine"], takes: Some("purci"), options: &[("-p", Any, Whole, PASSWORD)], ..NONE },
    Command {
        names: &["vault"],
        takes: None,
        places: &[Place { after: &["login"], skip: 0, what: Placed::Words(1, Kind::Token) }],
        ..NONE
    },
    Command {
        names: &["htpasswd"],
        takes: None,
        places: &[
            Place { after: &["-b", "-cb", "-bc", "-bB", "-cbB", "-bcB"], skip: 2, what: Placed::Words(1, PASSWORD) },
            Place { after: &["-nb", "-bn", "-nbB", "-bnB"], skip: 1, what: Placed::Words(1, PASSWORD) },
        ],
        ..NONE
    },
    Command {
        names: &["ldapsearch", "ldapmodify", "ldapadd", "ldapdelete", "ldapwhoami", "ldappasswd"],
        takes: Some("DHbwpshfyYUROXlsz"),
        options: &[("-w", Any, Whole, PASSWORD), ("-s", Form::After("ldappasswd"), Whole, PASSWORD)],
        ..NONE
    },
    Command {
        names: &["smbclient", "rpcclient", "net", "smbutil"],
        takes: Some("UIpWLDcNdmnt"),
        options: &[("-U", Any, Take::After('%'), PASSWORD), ("--user", Any, Take::After('%'), PASSWORD)],
        ..NONE
    },
    Command {
        names: &["lftp", "ncftpput", "ncftpget", "ncftp"],
        takes: Some("uepcf"),
        options: &[("-u", Any, Take::After(','), PASSWORD), ("-p", Any, Likely, PASSWORD)],
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
        names: &["altool", "notarytool", "iTMSTransporter"],
        takes: Some("pu"),
        options: &[("-p", Any, Likely, PASSWORD)],
        ..NONE
    },
    Command { names: &["jamf"], takes: None, options: &[("-passhash", Any, Whole, PASSWORD)], ..NONE },
    Command {
        names: &["ansible", "ansible-playbook"],
        takes: Some("ieufkmt"),
        options: &[("-e", Any, Assignment, Kind::Secret), ("--extra-vars", Any, Assignment, Kind::Secret)],
        ..NONE
    },
    Command { names: &["kinit", "chpasswd"], takes: None, reads: &["--password-file=STDIN", "--stdin"], ..NONE },
    Command {
        names: &["xfreerdp", "sdl-freerdp", "rdesktop"],
        takes: None,
        options: &[("/p", Any, Whole, PASSWORD), ("-p", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command { names: &["restic", "rclone", "borg"], takes: Some("rp"), ..NONE },
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
];
