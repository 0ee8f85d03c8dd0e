use super::*;

#[track_caller]
fn refused(text: &str, message: &str) {
    let error = Config::parse("c.toml", text).unwrap_err().to_string();
    assert!(error.starts_with(message), "{error}");
}

#[test]
fn an_empty_file_is_the_defaults_and_what_is_shown_reads_back() {
    let config = Config::parse("c.toml", "").unwrap();
    assert_eq!(Config { source: Default::default(), ..config }, Config::default());
    let text = "[alerts]\nrotate_size = \"1500KiB\"\ncompress_after = 2\n[volume.rules.\"a.b\"]\nmax_alerts = 0\n";
    let config = Config::parse("c.toml", text).unwrap();
    let shown = Config::parse("shown", &config.to_toml().unwrap()).unwrap();
    let (source, origins) = (config.source.clone(), config.origins.clone());
    assert_eq!(Config { source, origins, ..shown }, config);
    assert_eq!(config.alerts.rotate_size, 1500 << 10);
    assert_eq!(config.alerts.compress_after, Some(2));
    assert_eq!(config.volume.rules["a.b"].max_alerts, 0);
}

#[test]
fn the_shipped_file_holds_every_key_with_its_default() {
    let text = include_str!("../../packaging/config.toml");
    let config = Config::parse("packaging/config.toml", text).unwrap();
    assert_eq!(Config { source: Default::default(), origins: Default::default(), ..config }, Config::default());
    let shown: toml::Table = Config::default().to_toml().unwrap().parse().unwrap();
    let shipped: toml::Table = text.parse().unwrap();
    for (name, section) in &shown {
        let by_rule = ["volume", "response"].contains(&name.as_str());
        for key in section.as_table().unwrap().keys().filter(|key| !by_rule || *key != "rules") {
            assert!(shipped[name].get(key).is_some(), "[{name}] {key} is not in the shipped file");
        }
    }
    assert!(text.contains("# compress_after") && text.contains("# [volume.rules."));
    assert!(text.contains("# [response.rules."));
}

#[test]
fn an_unknown_key_or_value_is_refused_where_it_stands_with_a_suggestion() {
    refused("[alerts]\nfsink = \"always\"", "c.toml:2:1: unknown field `fsink`");
    let error = Config::parse("c.toml", "[alerts]\nrotate_sise = 1").unwrap_err().to_string();
    assert!(error.ends_with("did you mean `rotate_size`?"), "{error}");
    refused("[sources]\nexec = \"eslog\"", "c.toml:2:8: unknown variant `eslog`");
    refused("\n[volum]\n", "c.toml:2:2: unknown field `volum`");
}

#[test]
fn a_value_out_of_range_is_refused_where_it_stands() {
    refused("[alerts]\nkeep_files = 0", "c.toml:2:14: 0 is out of range: 1 to 10000");
    refused("[alerts]\nrotate_size = \"1B\"", "c.toml:2:15: \"1B\" is out of range");
    refused("[alerts]\nrotate_age = \"soon\"", "c.toml:2:14: \"soon\" is not a valid duration");
    refused("[alerts]\nfile = \"alerts\"", "c.toml:2:8: the path must be absolute");
    refused("[volume]\nmax_alerts = -1", "c.toml:2:14: -1 is out of range");
    refused("[volume.rules.r]\nmax_alerts = 1000001", "c.toml:2:14: 1000001 is out of range");
    let error = Config::parse("c.toml", "[volume.rules.r]\nmax_alerts = 1000001").unwrap_err();
    assert_eq!(error.problems.len(), 1, "a value that is wrong is not missing: {error}");
    refused("[script]\nredact = [\"(\"]", "c.toml:2:10: \"(\" is not a valid regular expression");
    refused("[alerts]\nkeep_size = \"1MiB\"", "c.toml:2:13: `keep_size` is smaller than `rotate_size`");
}

#[test]
fn a_file_with_a_million_errors_is_refused_at_once_with_the_first() {
    let error = Config::parse("c.toml", &"=".repeat(1_000_000)).unwrap_err();
    assert_eq!(error.problems.len(), 50);
}

#[test]
fn a_long_name_ends_early_in_a_message_and_a_newline_in_one_begins_no_line() {
    let long = "x".repeat(500_000);
    for text in [
        format!("{long} = 1"),
        format!("[agent]\nlog_level = \"{long}\""),
        format!("[limits]\ncpu = \"{long}\""),
        format!("[script]\nredact = [\"({long}\"]"),
        format!("[sources]\nmute = [\"{long}\"]"),
        "\"a\\nb.toml:1:1: fine\" = 1".to_owned(),
    ] {
        let error = Config::parse("c\n.toml", &text).unwrap_err().to_string();
        assert!(error.len() < 3000, "{} bytes", error.len());
        assert!(error.starts_with("c\\n.toml:") && !error.contains('\n'), "{error}");
    }
    refused("alerts = 1", "c.toml:1:10: expected a table, found integer `1`");
}

#[test]
fn every_error_of_a_file_is_reported_with_its_place_and_remedy() {
    let text = "[alerts]\nkeep_files = \"5\"\nrotate_size = \"999999999TiB\"\nsyslog = \"yes\"\nfsync_interval = 5\n\
        [script]\nredact = \"x\"\n[sources]\nmute = [\"ls\"]\n[exception]\nname = \"x\"\n";
    let error = Config::parse("c.toml", text).unwrap_err().to_string();
    let mut lines: Vec<&str> = error.lines().collect();
    lines.sort_unstable();
    let wanted = [
        "c.toml:10:1: expected a sequence, found map; double the brackets: `[[exception]]`",
        "c.toml:2:14: expected a whole number from 1 to 10000, found string \"5\"; drop the quotes",
        "c.toml:3:15: \"999999999TiB\" is out of range: 64KiB to 1TiB",
        "c.toml:4:10: expected a boolean, found string \"yes\"; drop the quotes",
        "c.toml:5:18: expected a duration such as \"30s\", in quotes, from 10ms to 1h, found integer `5`; put it in quotes",
        "c.toml:7:10: expected a sequence, found string \"x\"; put it in brackets: [\"…\"]",
        "c.toml:9:8: the path `ls` must be absolute: begin it with `/`",
    ];
    assert_eq!(lines, wanted);
}

#[test]
fn an_exception_that_lacks_keys_is_named_by_its_own_place_and_the_others_are_read() {
    let good = "[[exception]]\nname = \"a\"\nrules = \"all\"\ncondition = 'process.name == \"x\"'\nreason = \"r\"\n";
    let text = format!("{good}[[exception]]\nname = \"b\"\n{good}[[exception]]\nrules = \"all\"\nreason = \"r\"\n");
    let error = Config::parse("c.toml", &text).unwrap_err().to_string();
    let wanted = [
        "c.toml:6:1: missing fields `rules`, `condition`, `reason`",
        "c.toml:13:1: missing fields `name`, `condition`",
    ];
    assert_eq!(error.lines().collect::<Vec<_>>(), wanted);
    refused("exception = [1]", "c.toml:1:14: expected a table, found integer `1`");
}

#[test]
fn every_error_of_the_syntax_is_reported_with_its_place() {
    let error = Config::parse("c.toml", "[alerts]\nkeep_files = \nsyslog = tru\n").unwrap_err().to_string();
    assert!(error.contains("c.toml:2:") && error.contains("c.toml:3:"), "{error}");
}

#[test]
fn a_number_too_large_for_toml_is_an_error_at_its_place() {
    refused("[alerts]\nkeep_files = 99999999999999999999\n", "c.toml:2:14: ");
}

mod keys;
mod layers;

mod trust {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};
    use std::path::Path;

    use crate::config::trust::{Error, Trust, read};

    fn file(folder: &Path, name: &str, mode: u32) -> std::path::PathBuf {
        let path = folder.join(name);
        fs::write(&path, "text").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn why(path: &Path) -> String {
        read(path, Trust::OwnerOnly, 100).unwrap_err().to_string()
    }

    #[test]
    fn a_file_or_a_folder_that_others_may_write_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(&file(folder.path(), "own", 0o600), Trust::OwnerOnly, 100).unwrap(), "text");
        let open = file(folder.path(), "open", 0o666);
        let message = why(&open);
        assert!(message.contains("(mode 0666)"), "{message}");
        assert!(message.contains("run: chmod ") && message.ends_with(&format!("-w '{}'", open.display())), "{message}");
        assert_eq!(read(&open, Trust::Anyone, 100).unwrap(), "text");
        let quote = file(folder.path(), "it's", 0o666);
        assert!(why(&quote).ends_with(&format!("-w '{}/it'\\''s'", folder.path().display())), "{}", why(&quote));
        let below = folder.path().join("below");
        fs::create_dir(&below).unwrap();
        let inside = file(&below, "inside", 0o600);
        fs::set_permissions(&below, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(why(&inside).starts_with(&format!("{} is writable by group or others", below.display())));
        // No one can exchange a file of another in such a folder.
        fs::set_permissions(&below, fs::Permissions::from_mode(0o1777)).unwrap();
        assert!(read(&inside, Trust::OwnerOnly, 100).is_ok());
    }

    #[test]
    fn a_link_to_a_file_is_refused_and_a_link_to_a_folder_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let own = file(folder.path(), "own", 0o600);
        symlink(&own, folder.path().join("link")).unwrap();
        assert!(
            matches!(read(&folder.path().join("link"), Trust::OwnerOnly, 100), Err(Error::Link(target)) if target == own)
        );
        symlink(folder.path(), folder.path().join("same")).unwrap();
        assert!(read(&folder.path().join("same/own"), Trust::OwnerOnly, 100).is_ok());
        symlink("loop", folder.path().join("loop")).unwrap();
        assert!(matches!(read(&folder.path().join("loop/own"), Trust::OwnerOnly, 100), Err(Error::Io(_))));
    }

    #[test]
    fn a_pipe_a_long_file_and_bytes_that_are_no_text_are_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").args(["-m", "600"]).arg(&pipe).status().unwrap().success());
        for trust in [Trust::OwnerOnly, Trust::Anyone] {
            assert!(matches!(read(&pipe, trust, 100), Err(Error::NotAFile)));
        }
        let path = file(folder.path(), "own", 0o600);
        assert!(matches!(read(&path, Trust::OwnerOnly, 3), Err(Error::TooLong(3))));
        fs::write(&path, b"ab\xff").unwrap();
        assert!(matches!(read(&path, Trust::OwnerOnly, 3), Err(Error::NotUtf8(before)) if before == "ab"));
    }

    #[test]
    #[ignore = "needs root: a file is given to another user"]
    fn a_file_or_a_folder_of_another_user_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), "config.toml", 0o644);
        chown(&path, Some(65534), None).unwrap();
        let shown = path.display();
        let wanted = format!("{shown} belongs to user 65534, who can change it; run: chown 0 '{shown}'");
        assert_eq!(why(&path), wanted);
        chown(&path, Some(0), None).unwrap();
        chown(folder.path(), Some(65534), None).unwrap();
        assert!(why(&path).starts_with(&format!("{} belongs to user 65534", folder.path().display())));
    }
}

mod lints {
    use crate::config::Config;
    use crate::config::lint::{Lint, lints};
    use crate::detect::RuleSet;
    use crate::event::Timestamp;

    fn found(text: &str) -> Vec<Lint> {
        let config = Config::parse("c.toml", text).unwrap();
        let mut set = RuleSet::built_in();
        for entry in &config.exceptions {
            set.except("c.toml", text, entry).unwrap();
        }
        lints(&config, &set, Timestamp::from_nanoseconds(0))
    }

    fn exception(condition: &str) -> String {
        format!("[[exception]]\nname = \"x\"\nrules = \"all\"\nreason = \"r\"\ncondition = '{condition}'\n")
    }

    #[track_caller]
    fn blinds(text: &str, why: &str) {
        let found = found(text);
        assert!(found.iter().any(|lint| lint.blinds && lint.text.contains(why)), "{found:?}");
    }

    #[test]
    fn what_blinds_the_rules_is_found() {
        for condition in ["true", "not false", "true or process.name == \"x\"", "not (false and process.pid == 1)"] {
            blinds(&exception(condition), "exception `x` is always true: it suppresses every alert of all rules");
        }
        assert!(found(&exception("process.name == \"x\"")).is_empty());
        blinds("[sources]\nmute = [\"/usr/bin/osascript\"]", "hides /usr/bin/osascript, which the rule `");
        blinds("[sources]\nmute = [\"/usr/bin/tail\"]", "hides /usr/bin/tail, which any script can start");
        assert!(found("[sources]\nmute = [\"/opt/shipper/bin/shipper\"]").is_empty());
        blinds("[script]\ncapture_script = \"off\"", "alerts do not show what ran");
        blinds("[rules]\ndisable = [\"osascript-network-connection\"]", "`disable` turns off the rule");
    }

    #[test]
    fn an_exception_that_holds_of_whatever_a_program_is_called_is_always_true() {
        for condition in [
            "process.name : \"*\"",
            "process.executable like (\"/nowhere/*\", \"*\")",
            "events[0].process.name like~ \"?*\"",
            "process.name regex \".*\"",
            "process.name != null",
            "process.name != \"\"",
            "process.name == process.name",
            "process.pid >= 0",
            "process.pid > 0 and true",
            "process.pid != 0",
            "not process.pid < 1",
            "@timestamp >= \"2020-01-01\"",
            "cidrMatch(destination.ip, \"::/0\")",
            "process.name == \"a\" or process.name != \"a\"",
            "not (process.name == \"a\" and not process.name == \"a\")",
        ] {
            blinds(&exception(condition), "exception `x` is always true: it suppresses every alert of all rules");
        }
        for condition in [
            "process.name : \"a*\"",
            "process.name regex \".*a.*\"",
            "user.name : \"*\"",
            "process.pid > 99",
            "process.pid == 4711 or process.name == \"a\"",
            "process.name == \"a\" and process.name != null",
            "cidrMatch(destination.ip, \"10.0.0.0/8\")",
            "events[0].destination.ip != null",
        ] {
            assert_eq!(found(&exception(condition)), [], "{condition}");
        }
    }

    #[test]
    fn what_turning_a_rule_on_does_not_do_is_found() {
        let texts = |text: &str| found(text).into_iter().map(|lint| lint.text).collect::<Vec<_>>();
        assert_eq!(texts("[rules]\nenable = [\"shortcuts-network-connection\"]\n"), [""; 0]);
        let on = texts("[rules]\nenable = [\"osascript-network-connection\"]\n");
        assert_eq!(on, ["c.toml:2:10: `enable` names `osascript-network-connection`, which is on anyway"]);
        let unknown = texts("[rules]\nenable = [\"shortcut-network-connection\"]\n");
        assert!(
            unknown[0].ends_with("no rule has that id; did you mean `shortcuts-network-connection`?"),
            "{unknown:?}"
        );
        let both =
            "[rules]\nenable = [\"shortcuts-network-connection\"]\ndisable = [\"shortcuts-network-connection\"]\n";
        assert!(texts(both).iter().any(|text| text.ends_with("which `disable` turns off")), "{:?}", texts(both));
    }

    #[test]
    fn an_id_that_no_rule_has_is_found_with_the_one_that_was_meant() {
        let text = "[rules]\ndisable = [\"osascript-network-conection\"]\n[volume.rules.x]\nmax_alerts = 1\n";
        let found = found(text);
        assert!(found.iter().all(|lint| !lint.blinds));
        assert!(found[0].text.ends_with("did you mean `osascript-network-connection`?"), "{found:?}");
        assert_eq!(found[1].text, "c.toml:4:14: [volume.rules] names `x`, and no rule has that id");
    }
}
