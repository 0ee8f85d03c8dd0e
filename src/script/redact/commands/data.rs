//! Clients of databases.

use super::super::command::Form::{self, Any, Joined};
use super::super::command::Take::{UserInfo, Whole};
use super::super::command::{ALWAYS, Command, NONE, PASSWORD, Place, Placed};
use super::super::mark::Kind;

const ORACLE: [&str; 6] = ["sqlplus", "impdp", "expdp", "sqlldr", "rman", "sqlcl"];

pub(super) static COMMANDS: [Command; 16] = [
    Command {
        names: &[
            "mysql",
            "mysqldump",
            "mysqlimport",
            "mysqlsh",
            "mysqlpump",
            "mysqlbinlog",
            "mysqlcheck",
            "mysqlslap",
            "mysqlshow",
            "mysql_upgrade",
            "mariadb",
            "mariadb-dump",
        ],
        takes: Some("uhPDeST"),
        options: &[("-p", Joined, Whole, PASSWORD), ("--uri", Any, UserInfo, PASSWORD)],
        places: &[Place { after: &["mysqlsh"], skip: 0, what: Placed::UserInfo(PASSWORD) }],
        ..NONE
    },
    Command { names: &["psql", "pg_dump", "pg_restore"], takes: Some("cdfhLnopTtUvFPRX"), ..NONE },
    Command {
        names: &["mongo", "mongosh", "mongodump", "mongorestore", "mongoexport", "mongoimport", "mycli"],
        takes: Some("uphdP"),
        options: &[("-p", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command {
        names: &["redis-cli", "valkey-cli"],
        takes: Some("hpsaurnid"),
        options: &[("-a", Any, Whole, PASSWORD)],
        places: &[
            Place { after: &["AUTH", "auth"], skip: 0, what: Placed::Words(2, PASSWORD) },
            Place { after: &["requirepass", "masterauth", "on"], skip: 0, what: Placed::Words(1, PASSWORD) },
        ],
        ..NONE
    },
    Command {
        names: &["sqlcmd", "bcp"],
        takes: Some("SUPdQqiohwsx"),
        options: &[("-P", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command {
        names: &["neo4j-admin"],
        takes: None,
        places: &[Place { after: &["set-initial-password"], skip: 0, what: Placed::Words(1, PASSWORD) }],
        ..NONE
    },
    Command { names: &["logstash-keystore", "elasticsearch-keystore"], takes: None, reads: &[ALWAYS], ..NONE },
    Command { names: &["filebeat", "metricbeat", "auditbeat"], takes: None, reads: &["keystore"], ..NONE },
    Command {
        names: &["mysqladmin", "mariadb-admin"],
        takes: Some("uhPDeST"),
        options: &[("-p", Joined, Whole, PASSWORD)],
        places: &[Place { after: &["password"], skip: 0, what: Placed::Words(1, PASSWORD) }],
        ..NONE
    },
    Command {
        names: &ORACLE,
        takes: None,
        places: &[Place { after: &ORACLE, skip: 0, what: Placed::After('/', PASSWORD) }],
        ..NONE
    },
    Command {
        names: &["isql", "iusql"],
        takes: None,
        places: &[Place { after: &["isql", "iusql"], skip: 2, what: Placed::Words(1, PASSWORD) }],
        ..NONE
    },
    Command {
        names: &["db2"],
        takes: None,
        places: &[Place { after: &["using"], skip: 0, what: Placed::Words(1, PASSWORD) }],
        ..NONE
    },
    Command {
        names: &["rabbitmqctl"],
        takes: None,
        places: &[Place {
            after: &["add_user", "change_password", "authenticate_user"],
            skip: 1,
            what: Placed::Words(1, PASSWORD),
        }],
        ..NONE
    },
    Command {
        names: &["mosquitto_pub", "mosquitto_sub", "mosquitto_rr"],
        takes: Some("hpuiItmqfkA"),
        options: &[("-P", Any, Whole, PASSWORD)],
        ..NONE
    },
    Command {
        names: &["mosquitto_passwd"],
        takes: None,
        places: &[Place { after: &["-b"], skip: 2, what: Placed::Words(1, PASSWORD) }],
        ..NONE
    },
    Command {
        names: &["influx"],
        takes: Some("nuotb"),
        options: &[("-t", Any, Whole, Kind::Token), ("-p", Form::After("user"), Whole, PASSWORD)],
        ..NONE
    },
];
