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
    assert_eq!(Config { source: config.source.clone(), ..shown }, config);
    assert_eq!(config.alerts.rotate_size, 1500 << 10);
    assert_eq!(config.alerts.compress_after, Some(2));
    assert_eq!(config.volume.rules["a.b"].max_alerts, 0);
}

#[test]
fn the_shipped_file_holds_every_key_with_its_default() {
    let text = include_str!("../../packaging/config.toml");
    let config = Config::parse("packaging/config.toml", text).unwrap();
    assert_eq!(Config { source: Default::default(), ..config }, Config::default());
    let shown: toml::Table = Config::default().to_toml().unwrap().parse().unwrap();
    let shipped: toml::Table = text.parse().unwrap();
    for (name, section) in &shown {
        for key in section.as_table().unwrap().keys().filter(|key| (name.as_str(), key.as_str()) != ("volume", "rules"))
        {
            assert!(shipped[name].get(key).is_some(), "[{name}] {key} is not in the shipped file");
        }
    }
    assert!(text.contains("# compress_after") && text.contains("# [volume.rules."));
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
    refused("[alerts]\nrotate_age = \"soon\"", "c.toml:2:14: \"soon\" is no duration");
    refused("[alerts]\nfile = \"alerts\"", "c.toml:2:8: the path must be absolute");
    refused("[volume]\nmax_alerts = -1", "c.toml:2:14: -1 is out of range");
    refused("[volume.rules.r]\nmax_alerts = 1000001", "c.toml:2:14: 1000001 is out of range");
    refused("[script]\nredact = [\"(\"]", "c.toml:2:10: \"(\" is no regular expression");
    refused("[alerts]\nkeep_size = \"1MiB\"", "c.toml:2:13: `keep_size` is smaller than `rotate_size`");
}
