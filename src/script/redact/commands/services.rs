//! Clients of clouds and of what developers use.

use super::super::command::Form::{self, Any};
use super::super::command::Take::{self, Assignment, Header, Whole};
use super::super::command::{ALWAYS, Command, NONE, PASSWORD, Place, Placed};
use super::super::mark::Kind;

pub(super) static COMMANDS: [Command; 40] = [
    Command {
        names: &["aws"],
        takes: None,
        options: &[("--value", Form::After("put-parameter"), Whole, Kind::Secret)],
        places: &[Place { after: &["set"], skip: 0, what: Placed::NameAndValue }],
        reads: &["--password-stdin"],
    },
    Command {
        names: &["glab"],
        takes: Some("bRghsv"),
        options: &[
            ("-v", Form::After("variable"), Whole, Kind::Secret),
            ("-t", Form::After("login"), Whole, Kind::Token),
        ],
        places: &[Place { after: &["variable"], skip: 2, what: Placed::Words(1, Kind::Secret) }],
        reads: &["--stdin"],
    },
    Command {
        names: &["gh", "hub"],
        takes: Some("bRehjqHfFX"),
        options: &[
            ("-b", Form::After("secret"), Whole, Kind::Secret),
            ("--body", Form::After("secret"), Whole, Kind::Secret),
            ("-t", Form::After("login"), Whole, Kind::Token),
            ("-H", Any, Header, Kind::Credential),
            ("--header", Any, Header, Kind::Credential),
        ],
        reads: &["--with-token", "--stdin", "secret"],
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
        reads: &["--password-stdin", "secret"],
        ..NONE
    },
    Command {
        names: &["kubectl", "oc"],
        takes: Some("nfolscu"),
        options: &[
            ("-p", Form::After("login"), Whole, PASSWORD),
            ("--from-literal", Form::After("secret"), Take::After('='), Kind::Secret),
            // What a secret is patched with holds its values, in base64 too.
            ("-p", Form::After("secret"), Whole, Kind::Secret),
            ("-p", Form::After("secrets"), Whole, Kind::Secret),
            ("-p", Form::After("secret/"), Whole, Kind::Secret),
            ("--patch", Form::After("secret"), Whole, Kind::Secret),
            ("--patch", Form::After("secrets"), Whole, Kind::Secret),
            ("--patch", Form::After("secret/"), Whole, Kind::Secret),
        ],
        ..NONE
    },
    Command {
        names: &["az"],
        takes: Some("punglo"),
        options: &[
            ("-p", Form::After("login"), Whole, PASSWORD),
            ("--value", Form::After("secret"), Whole, Kind::Secret),
        ],
        reads: &["--password-stdin", "devops"],
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
        names: &["npm", "pnpm", "yarn", "gem"],
        takes: None,
        options: &[("--otp", Any, Whole, Kind::Token)],
        places: &[Place { after: &["set"], skip: 0, what: Placed::NameAndValue }],
        ..NONE
    },
    Command { names: &["twine"], takes: Some("purci"), options: &[("-p", Any, Whole, PASSWORD)], ..NONE },
    Command {
        names: &["vault"],
        takes: None,
        options: &[
            ("secret_id", Any, Whole, Kind::Secret),
            ("key", Form::After("sys/unseal"), Whole, Kind::Key),
            ("-id", Form::After("create"), Whole, Kind::Token),
        ],
        places: &[
            Place { after: &["login"], skip: 0, what: Placed::Words(1, Kind::Token) },
            Place { after: &["unseal"], skip: 0, what: Placed::Words(1, Kind::Key) },
            Place { after: &["revoke", "renew", "lookup", "unwrap"], skip: 0, what: Placed::Words(1, Kind::Token) },
            Place { after: &["put", "patch"], skip: 1, what: Placed::Assignments(Kind::Secret) },
        ],
        ..NONE
    },
    Command {
        names: &["ansible", "ansible-playbook"],
        takes: Some("ieufkmt"),
        options: &[("-e", Any, Assignment, Kind::Secret), ("--extra-vars", Any, Assignment, Kind::Secret)],
        ..NONE
    },
    Command {
        names: &["poetry", "composer", "bundle"],
        takes: None,
        options: &[("-p", Form::After("publish"), Whole, PASSWORD)],
        places: &[
            Place { after: &["http-basic."], skip: 1, what: Placed::Words(1, PASSWORD) },
            Place {
                after: &["pypi-token.", "github-oauth.", "gitlab-token.", "bearer."],
                skip: 0,
                what: Placed::Words(1, Kind::Token),
            },
            Place { after: &["config"], skip: 0, what: Placed::After(':', PASSWORD) },
        ],
        ..NONE
    },
    Command {
        names: &["cargo", "wandb", "ngrok"],
        takes: None,
        options: &[("--registry", Any, Take::Plain, Kind::Token)],
        places: &[Place {
            after: &["login", "authtoken", "add-authtoken", "add-api-key"],
            skip: 0,
            what: Placed::Words(1, Kind::Token),
        }],
        ..NONE
    },
    Command {
        names: &["ansible-vault"],
        takes: None,
        places: &[Place { after: &["encrypt_string"], skip: 0, what: Placed::Words(1, Kind::Secret) }],
        reads: &["--stdin-name"],
        ..NONE
    },
    Command {
        names: &["bw"],
        takes: None,
        options: &[("--session", Any, Whole, Kind::Key)],
        places: &[
            Place { after: &["login"], skip: 1, what: Placed::Words(1, PASSWORD) },
            Place { after: &["unlock"], skip: 0, what: Placed::Words(1, PASSWORD) },
        ],
        ..NONE
    },
    Command {
        names: &["pulumi"],
        takes: None,
        places: &[Place { after: &["--secret"], skip: 1, what: Placed::Words(1, Kind::Secret) }],
        ..NONE
    },
    Command {
        names: &["dotnet"],
        takes: None,
        places: &[Place { after: &["set"], skip: 1, what: Placed::Words(1, Kind::Secret) }],
        ..NONE
    },
    Command {
        names: &["mc"],
        takes: None,
        places: &[
            Place { after: &["set", "user"], skip: 3, what: Placed::Words(1, Kind::Secret) },
            Place { after: &["host"], skip: 4, what: Placed::Words(1, Kind::Secret) },
        ],
        ..NONE
    },
    Command {
        names: &["conda"],
        takes: None,
        places: &[Place { after: &["--set"], skip: 0, what: Placed::NameAndValue }],
        ..NONE
    },
    Command {
        names: &["gcloud"],
        takes: None,
        places: &[
            Place { after: &["activate-refresh-token"], skip: 1, what: Placed::Words(1, Kind::Token) },
            Place { after: &["set"], skip: 0, what: Placed::NameAndValue },
        ],
        reads: &["secrets"],
        ..NONE
    },
    Command { names: &["doctl", "vercel"], takes: Some("tcu"), options: &[("-t", Any, Whole, Kind::Token)], ..NONE },
    Command { names: &["netlify"], takes: None, options: &[("--auth", Any, Whole, Kind::Token)], ..NONE },
    Command {
        names: &["heroku", "fly", "flyctl", "travis"],
        takes: None,
        places: &[Place {
            after: &["config:set", "config:add", "set", "encrypt", "import"],
            skip: 0,
            what: Placed::Assignments(Kind::Secret),
        }],
        ..NONE
    },
    Command { names: &["wrangler"], takes: None, reads: &["put"], ..NONE },
    Command {
        names: &["op", "lpass", "p4"],
        takes: Some("ucpd"),
        options: &[("-P", Any, Whole, PASSWORD), ("-O", Form::After("passwd"), Whole, PASSWORD)],
        // So that it is not the command of that name.
        places: &[Place { after: &["passwd"], skip: 0, what: Placed::Assignments(Kind::Secret) }],
        reads: &["signin", "login"],
    },
    Command { names: &["pass", "gopass"], takes: None, reads: &["insert"], ..NONE },
    Command { names: &["keepassxc-cli", "anydesk"], takes: None, reads: &[ALWAYS], ..NONE },
    Command {
        names: &["snyk", "teamviewer", "sentinelctl"],
        takes: None,
        places: &[Place {
            after: &["auth", "passwd", "--passwd", "token"],
            skip: 0,
            what: Placed::Words(1, Kind::Token),
        }],
        ..NONE
    },
    Command {
        names: &["nuget"],
        takes: None,
        options: &[("-k", Any, Whole, Kind::Key)],
        places: &[Place { after: &["setApiKey"], skip: 0, what: Placed::Words(1, Kind::Key) }],
        ..NONE
    },
    Command { names: &["elasticsearch-users"], takes: Some("pr"), options: &[("-p", Any, Whole, PASSWORD)], ..NONE },
    Command {
        names: &["etcdctl", "consul"],
        takes: None,
        options: &[("--user", Any, Take::After(':'), PASSWORD)],
        places: &[
            Place { after: &["put"], skip: 0, what: Placed::NameAndValue },
            Place { after: &["user"], skip: 0, what: Placed::After(':', PASSWORD) },
        ],
        ..NONE
    },
    Command {
        names: &["cf"],
        takes: None,
        places: &[Place { after: &["auth"], skip: 1, what: Placed::Words(1, PASSWORD) }],
        ..NONE
    },
    Command { names: &["kubeseal"], takes: None, reads: &["--raw"], ..NONE },
    Command { names: &["envchain"], takes: None, reads: &["--set"], ..NONE },
    Command { names: &["swift"], takes: None, options: &[("-K", Any, Whole, Kind::Key)], ..NONE },
    Command {
        names: &["yt-dlp", "youtube-dl", "gallery-dl"],
        takes: Some("upof"),
        options: &[("-p", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command { names: &["sonar-scanner"], takes: None, options: &[("-Dsonar.login", Any, Whole, Kind::Token)], ..NONE },
    Command {
        names: &["grafana-cli", "grafana", "drush"],
        takes: None,
        places: &[
            Place { after: &["reset-admin-password"], skip: 0, what: Placed::Words(1, PASSWORD) },
            Place { after: &["upwd", "user:password", "user-password"], skip: 1, what: Placed::Words(1, PASSWORD) },
        ],
        ..NONE
    },
    Command {
        names: &["b2"],
        takes: None,
        places: &[Place { after: &["authorize-account", "authorize"], skip: 1, what: Placed::Words(1, Kind::Key) }],
        ..NONE
    },
    Command { names: &["kopia"], takes: None, options: &[("-p", Any, Whole, PASSWORD)], ..NONE },
];
