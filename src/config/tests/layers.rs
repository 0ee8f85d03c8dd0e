use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::config::{Config, Layers, Origin};

/// A folder with a configuration.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        files.iter().for_each(|(name, text)| _ = folder.write(name, text.as_bytes()));
        folder
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn managed(&self, entries: &str) -> PathBuf {
        self.write("managed.plist", format!("<plist><dict>{entries}</dict></plist>").as_bytes())
    }

    fn layers(&self) -> Layers {
        let path = |name: &str| self.0.path().join(name);
        let (file, managed) = (path("config.toml"), Some(path("managed.plist")));
        Layers { file, is_named: false, managed, is_managed_named: false }
    }

    fn load(&self) -> Config {
        self.layers().load().unwrap()
    }

    /// What is wrong, without the path of the folder.
    fn problems(&self) -> Vec<String> {
        let folder = format!("{}/", self.0.path().display());
        let error = self.layers().load().unwrap_err().to_string();
        error.lines().map(|line| line.replace(&folder, "")).collect()
    }
}

fn name(path: &str) -> &str {
    Path::new(path).file_name().unwrap().to_str().unwrap()
}

#[test]
fn a_later_layer_takes_precedence_key_by_key_and_each_value_names_its_origin() {
    let folder = Folder::new(&[
        ("config.toml", "[alerts]\nkeep_files = 3\nsyslog = true\nrotate_age = \"1h\"\n"),
        ("conf.d/20-b.toml", "[alerts]\nkeep_files = 6\n"),
        ("conf.d/10-a.toml", "[alerts]\nkeep_files = 5\nkeep_age = \"2d\"\n[volume.rules.\"a.b\"]\nmax_alerts = 9\n"),
        ("conf.d/.hidden.toml", "nonsense"),
        ("conf.d/readme.txt", "nonsense"),
    ]);
    folder.managed("<key>alerts</key><dict><key>rotate_age</key><string>2h</string></dict>");
    let config = folder.load();
    let alerts = &config.alerts;
    assert_eq!((alerts.keep_files, alerts.syslog), (6, true));
    assert_eq!((alerts.rotate_age.as_secs(), alerts.keep_age.as_secs()), (7200, 2 * 86_400));
    assert_eq!(config.volume.rules["a.b"].max_alerts, 9);
    let origin = |key: &str| match config.origins.of(key) {
        Origin::File { file, place } => format!("{}:{place}", name(&file)),
        Origin::Managed { file } => name(&file).to_owned(),
        Origin::Default => "default".to_owned(),
    };
    for (key, wanted) in [
        ("alerts.keep_files", "20-b.toml:2:14"),
        ("alerts.keep_age", "10-a.toml:3:12"),
        ("alerts.syslog", "config.toml:3:10"),
        ("alerts.rotate_age", "managed.plist"),
        ("volume.rules.\"a.b\".max_alerts", "10-a.toml:5:14"),
        ("alerts.fsync", "default"),
    ] {
        assert_eq!(origin(key), wanted, "{key}");
    }
    assert!(config.states("volume") && !config.states("script"));
}

#[test]
fn without_any_file_the_defaults_are_in_effect() {
    let folder = Folder::new(&[]);
    assert!(!folder.layers().exist());
    assert_eq!(folder.load().alerts, Config::default().alerts);
    let named = Layers { is_named: true, ..folder.layers() };
    assert!(named.load().is_err() && named.lack_a_named_file());
    let named = Layers { is_managed_named: true, ..folder.layers() };
    assert!(named.exist() && named.load().is_err() && named.lack_a_named_file());
    folder.managed("");
    assert!(folder.layers().exist() && !named.lack_a_named_file());
}

#[test]
fn the_file_that_the_job_of_an_installed_osawatch_names_may_be_missing() {
    let folder = Folder::new(&[]);
    let layers = Layers { file: Layers::FILE.into(), is_named: true, ..folder.layers() };
    if !layers.are_there() {
        assert!(layers.exist() && !layers.lack_a_named_file());
        assert_eq!(layers.load().unwrap().alerts, Config::default().alerts);
    }
}

#[test]
fn a_link_to_nothing_is_no_missing_file() {
    let folder = Folder::new(&[]);
    std::os::unix::fs::symlink("nowhere", folder.0.path().join("config.toml")).unwrap();
    assert!(folder.problems()[0].starts_with("config.toml: a symbolic link"));
}

#[test]
fn the_rules_folder_beside_the_configuration_is_read_when_it_is_there_whether_a_file_names_it_or_not() {
    let folder = Folder::new(&[("config.toml", "")]);
    let own = folder.0.path().join("rules");
    assert!(folder.load().rules.paths.is_empty());
    fs::create_dir(&own).unwrap();
    assert_eq!(folder.load().rules.paths, std::slice::from_ref(&own));
    folder.write("config.toml", b"[rules]\npaths = [\"rules\", \"more\"]\n");
    assert_eq!(folder.load().rules.paths, [own.clone(), folder.0.path().join("more")]);
    fs::remove_dir(&own).unwrap();
    assert_eq!(folder.load().rules.paths, [folder.0.path().join("more")]);
}

#[test]
fn a_managed_key_that_this_version_does_not_know_is_left_out_with_a_sentence_and_the_others_are_taken() {
    let folder = Folder::new(&[]);
    let exception = |name: &str, more: &str| {
        format!(
            "<dict><key>name</key><string>{name}</string><key>rules</key><string>all</string><key>reason</key>\
             <string>r</string><key>condition</key><string>process.pid == 1</string>{more}</dict>"
        )
    };
    folder.managed(&format!(
        "<key>alerts</key><dict><key>rotate_sise</key><string>1MiB</string><key>keep_files</key><integer>7</integer>\
         </dict><key>later</key><dict><key>a</key><true/></dict><key>a\n[alerts]\nkeep_files</key><integer>1</integer>\
         <key>exception</key><array>{}{}</array>",
        exception("a", ""),
        // What it would narrow is not known, so the exception is left out whole.
        exception("b", "<key>hosts</key><string>x</string>"),
    ));
    let config = folder.load();
    assert_eq!(config.alerts.keep_files, 7);
    assert_eq!(config.exception_files[0].entries.len(), 1);
    let file = folder.0.path().join("managed.plist").display().to_string();
    for wanted in [
        "`alerts.rotate_sise`: unknown field `rotate_sise`",
        "`later`: unknown field `later`",
        "unknown field `a\\n[alerts]\\nkeep_files`",
        "`exception`: unknown field `hosts`",
    ] {
        let said = config.unknown_keys.iter().find(|said| said.contains(wanted));
        let said = said.unwrap_or_else(|| panic!("{wanted}: {:#?}", config.unknown_keys));
        assert!(said.starts_with(&format!("{file}: ")) && said.ends_with("; this version leaves it out"), "{said}");
    }
    assert_eq!(config.unknown_keys.len(), 4);
    // Of a file it stays an error.
    folder.write("config.toml", b"later = 1\n");
    assert!(folder.problems()[0].starts_with("config.toml:1:1: unknown field `later`"));
}

#[test]
fn managed_preferences_of_which_nothing_can_be_read_are_refused() {
    let folder = Folder::new(&[]);
    folder.managed(&(0..60).map(|n| format!("<key>k{n}</key><true/>")).collect::<String>());
    assert_eq!(folder.problems().len(), 50);
}

#[test]
fn exceptions_of_all_layers_apply() {
    let exception = |name: &str| {
        format!("[[exception]]\nname = \"{name}\"\nrules = \"all\"\nreason = \"r\"\ncondition = 'process.pid == 1'\n")
    };
    let folder = Folder::new(&[
        ("config.toml", &exception("a")),
        ("conf.d/b.toml", &exception("b")),
        ("exceptions.d/d.toml", &exception("d")),
    ]);
    folder.managed(
        "<key>exception</key><array><dict><key>name</key><string>c</string><key>rules</key><string>all</string>\
         <key>reason</key><string>r</string><key>condition</key><string>process.pid == 1</string>\
         <key>expires</key><date>2027-01-01T00:00:00Z</date></dict></array>",
    );
    let config = folder.load();
    let files: Vec<&str> = config.exception_files.iter().map(|file| name(&file.origin)).collect();
    assert_eq!(files, ["config.toml", "b.toml", "managed.plist", "d.toml"]);
    assert!(config.exception_files.iter().all(|file| file.entries.len() == 1));
}

#[test]
fn the_errors_of_all_files_and_of_the_managed_preferences_are_reported_at_once() {
    let folder = Folder::new(&[
        ("config.toml", "[alerts]\nkeep_files = 0\n"),
        ("conf.d/a.toml", "[volum]\n"),
        ("conf.d/b.toml", "[alerts\n"),
        ("exceptions.d/c.toml", "[exception]\nname = \"x\"\n"),
    ]);
    folder.managed(
        "<key>PayloadUUID</key><string>x</string><key>alerts</key><dict><key>keep_files</key><string>5</string>\
         <key>fsync</key><string>never</string></dict>\
         <key>response</key><dict><key>dry_run</key><integer>1</integer></dict>",
    );
    let problems = folder.problems();
    for wanted in [
        "config.toml:2:14: 0 is out of range: 1 to 10000",
        "conf.d/a.toml:1:2: unknown field `volum`",
        "conf.d/b.toml:1:",
        "managed.plist: `alerts.keep_files`: expected a whole number from 1 to 10000, found string \"5\"; drop the quotes",
        "managed.plist: `alerts.fsync`: unknown variant `never`",
        "managed.plist: `response.dry_run`: expected a boolean, found integer `1`",
        "exceptions.d/c.toml:1:1: expected a sequence, found map; double the brackets: `[[exception]]`",
    ] {
        assert!(problems.iter().any(|problem| problem.starts_with(wanted)), "{wanted}\n{problems:#?}");
    }
}

#[test]
fn limits_that_only_together_keep_no_file_are_an_error_where_they_are_stated() {
    let folder = Folder::new(&[("config.toml", "[alerts]\nrotate_size = \"1GiB\"\n")]);
    assert!(folder.problems()[0].starts_with("config.toml:2:15: `keep_size` is smaller than `rotate_size`"));
    folder.write("conf.d/a.toml", b"[alerts]\nkeep_size = \"2GiB\"\n");
    assert_eq!(folder.load().alerts.keep_size, 2 << 30);
    folder.managed("<key>alerts</key><dict><key>keep_size</key><string>1MiB</string></dict>");
    assert!(folder.problems()[0].starts_with("managed.plist: `alerts.keep_size`: `keep_size` is smaller"));
}

#[test]
fn one_path_for_alerts_and_state_is_an_error_where_it_is_stated() {
    let folder = Folder::new(&[("config.toml", "[alerts]\nstate_directory = \"/var/log/osawatch/alerts.ndjson\"\n")]);
    assert!(folder.problems()[0].starts_with("config.toml:2:19: `file` and `state_directory` are one path"));
}

#[test]
fn binary_preferences_are_read_as_those_in_xml() {
    let folder = Folder::new(&[]);
    let path = folder.managed("<key>alerts</key><dict><key>keep_files</key><integer>7</integer></dict>");
    let value = plist::Value::from_file(&path).unwrap();
    value.to_file_binary(&path).unwrap();
    assert!(fs::read(&path).unwrap().starts_with(b"bplist00"));
    assert_eq!(folder.load().alerts.keep_files, 7);
}

#[test]
fn hostile_preferences_are_refused_with_a_reason() {
    let folder = Folder::new(&[]);
    let deep = format!("<key>a</key>{}{}", "<array>".repeat(10_000), "</array>".repeat(10_000));
    let wide = format!("<key>a</key><array>{}</array>", "<true/>".repeat(60_000));
    for (entries, wanted) in [
        (deep.as_str(), "nests deeper"),
        (&wide, "is larger or nests deeper"),
        ("<key>alerts</key><data>AAAA</data>", "`alerts`: a value of a type that no key has"),
        (
            "<key>alerts</key><dict><key>keep_files</key><integer>18446744073709551615</integer></dict>",
            "`alerts.keep_files`: the number is out of range",
        ),
        ("<key>alerts</key><string>x</string>", "`alerts`: "),
        ("<key>alerts</key>", "not a valid property list"),
    ] {
        folder.managed(entries);
        let problems = folder.problems();
        assert!(problems[0].starts_with("managed.plist: ") && problems[0].contains(wanted), "{wanted}: {problems:?}");
    }
    folder.write("managed.plist", &vec![b' '; 2 << 20]);
    assert!(folder.problems()[0].contains("longer than 1048576 bytes"));
    folder.write("managed.plist", b"<plist><array/></plist>");
    assert!(folder.problems()[0].contains("not a dictionary of keys"));
}

#[test]
fn preferences_and_files_that_others_can_change_are_refused() {
    let folder = Folder::new(&[("conf.d/a.toml", "")]);
    let managed = folder.managed("");
    fs::set_permissions(&managed, fs::Permissions::from_mode(0o666)).unwrap();
    fs::set_permissions(folder.0.path().join("conf.d"), fs::Permissions::from_mode(0o777)).unwrap();
    let problems = folder.problems();
    assert!(problems.iter().all(|problem| problem.contains("writable by group or others")), "{problems:?}");
    assert_eq!(problems.len(), 2);
    fs::remove_file(&managed).unwrap();
    std::os::unix::fs::symlink("elsewhere.plist", &managed).unwrap();
    assert!(folder.problems().iter().any(|problem| problem.starts_with("managed.plist: a symbolic link")));
}

#[test]
fn a_change_of_any_file_changes_the_stamps() {
    let folder = Folder::new(&[("config.toml", "")]);
    let rules = [folder.0.path().join("more")];
    let mut seen = vec![folder.layers().stamps(&rules)];
    for (name, text) in [
        ("config.toml", "#"),
        ("conf.d/a.toml", ""),
        ("rules/r.toml", ""),
        ("rules/.hidden.toml", ""),
        ("more/r.toml", ""),
        ("more/inner/r.toml", ""),
        ("more/inner/r.toml", "#"),
        ("managed.plist", "x"),
    ] {
        folder.write(name, text.as_bytes());
        let stamps = folder.layers().stamps(&rules);
        assert!(!seen.contains(&stamps), "{name}");
        seen.push(stamps);
    }
    assert_eq!(seen.last(), Some(&folder.layers().stamps(&rules)));
    fs::set_permissions(folder.0.path().join("config.toml"), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(!seen.contains(&folder.layers().stamps(&rules)), "another mode");
}
