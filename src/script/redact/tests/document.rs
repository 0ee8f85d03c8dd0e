//! Redaction of documents: copies, marks, settings, and what stays whole.

use super::*;

#[test]
fn a_secret_found_once_is_left_out_of_every_copy() {
    let document = json!({
        "process": {"args": ["tool", "--password", "correct horse 7"], "command_line": "tool --password correct horse 7"},
        "note": "it was correct horse 7, he said", "file": {"name": "correct horse 7"},
    });
    let document = applied(&redactor(), document);
    assert_eq!(document["process"]["command_line"], "tool --password [redacted: password]");
    assert_eq!(document["note"], "it was [redacted: password], he said");
}

#[test]
fn environments_keep_the_values_of_known_names_alone() {
    let variables = json!([
        "PATH=/bin",
        "AWS_SECRET_ACCESS_KEY=Zebra7",
        "MY_SETTING=x",
        "DYLD_INSERT_LIBRARIES=/tmp/a.dylib",
        "EMPTY=",
        "HTTPS_PROXY=http://u:Zebra7@p:1",
    ]);
    let document =
        json!({"process": {"env_vars": variables, "parent": {"env": {"DB_PASSWORD": "Zebra7", "HOME": "/x"}}}});
    let process = &applied(&redactor(), document)["process"];
    let wanted = [
        "PATH=/bin",
        "AWS_SECRET_ACCESS_KEY=[redacted: secret]",
        "MY_SETTING=[redacted: environment]",
        "DYLD_INSERT_LIBRARIES=/tmp/a.dylib",
        "EMPTY=",
        "HTTPS_PROXY=http://u:[redacted: password]@p:1",
    ];
    assert_eq!(process["env_vars"], json!(wanted));
    assert_eq!(process["parent"]["env"], json!({"DB_PASSWORD": "[redacted: password]", "HOME": "/x"}));
}

#[test]
fn members_of_objects_are_known_by_their_names() {
    let document = json!({
        "http": {"request": {"headers": {"Authorization": "Bearer Zebra7", "Accept": "a"}}, "body": {"password": ["Zebra7"]}},
        "osawatch": {"process": {"audit_token": "1:2:3"}}, "url": {"password": "x"}, "rule": {"note": "password \"x\""},
    });
    let document = applied(&redactor(), document);
    assert!(!document.to_string().contains("Zebra7"), "{document}");
    let document_of_others = json!({"x": {"decoded": [{"password": "Zebra7"}, "password=Zebra7"]}});
    assert!(!applied(&redactor(), document_of_others).to_string().contains("Zebra7"));
    assert_eq!(document["http"]["request"]["headers"]["Accept"], "a");
    assert_eq!(document["osawatch"]["process"]["audit_token"], "1:2:3");
    assert_eq!(document["url"]["password"], "[redacted: password]");
    assert_eq!(document["rule"]["note"], "password \"x\"");
}

#[test]
fn what_is_unpacked_from_a_place_of_a_secret_is_left_out_as_it_is_there() {
    use crate::script::unpack::unpack;
    let decoded = |text: &str| unpack(text).into_iter().map(|unpacked| unpacked.text).collect::<Vec<_>>();
    let hex = "Zebra7Quagga".bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let numbers = "Zebra7Quagga".bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(",");
    for text in [
        "do shell script \"id\" password (\"Zebra7\" & \"Quagga\") with administrator privileges".to_owned(),
        "set pw to \"Zebra7\" & \"Quagga\"".to_owned(),
        "set pw to \"Zebra7\" & \u{AC}\n  \"Quagga\"".to_owned(),
        "var password = 'Zebra7' + 'Quagga'".to_owned(),
        "var password='Zebra7'+'Quagga'".to_owned(),
        format!("password = String.fromCharCode({numbers})"),
        format!("set pw to character id {{{numbers}}}"),
        format!("set pw to \"{hex}\""),
        "var password = atob('WmVicmE3UXVhZ2dh')".to_owned(),
        "password=atob('WmVicmE3UXVhZ2dh')".to_owned(),
        "set pw to \"V21WaWNtRTNVWFZoWjJkaA==\"".to_owned(),
        "curl -H 'Authorization: Basic YWRhOlplYnJhN1F1YWdnYQ=='".to_owned(),
        "var password = '\\x5a\\x65\\x62\\x72\\x61\\x37\\x51\\x75\\x61\\x67\\x67\\x61'".to_owned(),
        "do shell script \"dscl . -authonly ada \" & \"Zebra7\" & \"Quagga\"".to_owned(),
    ] {
        let unpacked = decoded(&text);
        assert!(unpacked.iter().any(|unpacked| unpacked.contains("Zebra7Quagga")), "{text}: {unpacked:?}");
        let script = json!({"text": text, "decoded": unpacked});
        for document in [
            json!({"osawatch": {"script": script}}),
            json!({"process": {"args": ["osascript", "-e", text]}, "osawatch": {"script": {"decoded": script["decoded"]}}}),
        ] {
            let shown = applied(&redactor(), document.clone()).to_string();
            assert!(!shown.contains("Zebra") && !shown.contains("Quagga"), "{text}: {shown}");
            assert!(shown.contains("[redacted: "), "{shown}");
        }
    }
}

#[test]
fn what_is_unpacked_from_elsewhere_is_shown_but_for_the_secret_in_it() {
    let texts = [
        "set pw to \"Zebra7\" & \"Quagga\"\nset c to \"curl -s \" & \"https://c2.example.org/x\"",
        "do shell script \"curl -u ada:Zebra7\" & \"Quagga https://c2.example.org/x\"",
        "set p to \"Zebra7Quagga\" & \"\"\ndo shell script \"id\" password p\nset c to \"echo \" & \"done\"",
    ];
    let wanted = [
        json!(["[redacted: password]", "curl -s https://c2.example.org/x"]),
        json!(["curl -u ada:[redacted: password] https://c2.example.org/x"]),
        json!(["[redacted: password]", "echo done"]),
    ];
    for (text, wanted) in texts.into_iter().zip(wanted) {
        let decoded: Vec<String> = crate::script::unpack::unpack(text).into_iter().map(|one| one.text).collect();
        let document = applied(&redactor(), json!({"osawatch": {"script": {"text": text, "decoded": decoded}}}));
        assert_eq!(document["osawatch"]["script"]["decoded"], wanted, "{text}");
        assert_eq!(applied(&redactor(), document.clone()), document);
    }
}

#[test]
fn redacting_again_changes_nothing() {
    for text in [
        "curl -u a:Zebra7 -H 'Authorization: Bearer Zebra7' https://u:Zebra7@x/?token=Zebra7",
        "set password to \"Zebra7\"",
        "PASSWORD=Zebra7 x --token Zebra7 | sudo -S",
        "Authorization: Digest a=b, c=d",
        "echo Zebra7 | sudo -S id",
        "dscl . -passwd /Users/ada Zebra7",
        "sshpass -p \"$(echo Zebra7)\" ssh h; sshpass -f <(echo Zebra7) ssh h",
        "set pw to \"Zebra7\" & x & \"Quagga\"",
    ] {
        let redactor = redactor().with_key("k");
        let once = applied(&redactor, everywhere(text));
        assert!(!once.to_string().contains("[redacted: [") && once.to_string().contains("[redacted: "), "{once}");
        assert_eq!(applied(&redactor, once.clone()), once);
    }
}

#[test]
fn with_a_key_equal_secrets_have_equal_marks() {
    let of = |key: &str, secret: &str| {
        let redactor = redactor().with_key(key);
        applied(&redactor, json!({"text": format!("--password {secret}")}))["text"].as_str().unwrap().to_owned()
    };
    assert_eq!(of("", "Zebra7"), "--password [redacted: password]");
    let mark = of("k", "Zebra7");
    assert!(
        mark.starts_with("--password [redacted: password #")
            && mark.len() == "--password [redacted: password #a1b2c3]".len()
    );
    assert_eq!(mark, of("k", "Zebra7"));
    assert_ne!(mark, of("k", "Zebra8"));
    assert_ne!(mark, of("l", "Zebra7"));
    assert_ne!(of("random", "Zebra7"), of("random", "Zebra7"), "each run draws its own");
}

#[test]
fn expressions_of_the_configuration_are_for_joined_arguments_too() {
    let expressions = ["(?i)dscl \\S+ -?authonly \\S+ (?P<secret>\\S+)".to_owned(), "X[0-9]+".to_owned()];
    let redactor = Redactor::new(&expressions, false).unwrap();
    let document =
        json!({"process": {"name": "X1", "args": ["dscl", ".", "authonly", "ada", "pw", "X22"], "env_vars": ["A=1"]}});
    let document = applied(&redactor, document);
    let wanted = ["dscl", ".", "authonly", "ada", "[redacted: pattern]", "[redacted: pattern]"];
    assert_eq!(document["process"]["args"], json!(wanted));
    assert_eq!(document["process"]["name"], "X1");
    assert_eq!(document["process"]["env_vars"], json!(["A=1"]), "the defaults are off");
    assert!(Redactor::new(&["(".to_owned()], true).is_err());
}

#[test]
fn without_capture_no_copy_of_a_script_is_left() {
    let script = "display dialog \"Zebra7\"";
    let document = json!({
        "process": {"name": "osascript", "args": ["osascript", "-ie", script, "-l", "JavaScript", format!("-e{script}"), "Quagga"],
            "command_line": format!("osascript -ie {script} -l JavaScript -e{script} Quagga"),
            "parent": {"args": ["zsh", "-c", format!("osascript -e '{script}'")], "command_line": format!("zsh -c osascript -e '{script}'")}},
        "osawatch": {
            "ancestry": [{"command_line": format!("sudo /usr/bin/osascript -l JavaScript -e {script}")}],
            "responsible": {"command_line": format!("sh -c osascript <<EOF\n{script}\nEOF")},
            "sequence": {"events": [{"process": {"title": format!("sh -c echo '{script}' | osascript -")}}]},
        },
    });
    for capture in [Capture::Hash, Capture::Off] {
        let hidden = applied(&redactor().with_capture(capture), document.clone());
        assert!(!hidden.to_string().contains("Zebra7"), "{hidden}");
        let wanted = ["osascript", "-ie", "[redacted: script]", "-l", "JavaScript", "-e[redacted: script]", "Quagga"];
        assert_eq!(hidden["process"]["args"], json!(wanted));
        assert_eq!(hidden["process"]["command_line"], wanted.join(" "));
    }
    let shown = applied(&redactor().with_capture(Capture::Full), document.clone());
    assert_eq!(shown, document);
    let file = json!({"process": {"args": ["osascript", "/tmp/a.scpt", "-e", "x"], "command_line": "osascript /tmp/a.scpt -e x"}});
    assert_eq!(
        applied(&redactor().with_capture(Capture::Hash), file.clone()),
        file,
        "arguments of a file are no script"
    );
}

#[test]
fn ordinary_command_lines_stay_whole() {
    let lines: Vec<&str> = include_str!("../ordinary.txt").lines().collect();
    assert!(lines.len() >= 200);
    let changed = |line: &&str| {
        let quoted = format!("do shell script \"{}\"", line.replace('\\', "\\\\").replace('"', "\\\""));
        [everywhere(line), everywhere(&quoted), json!({"args": line.split(' ').collect::<Vec<_>>()})]
            .into_iter()
            .any(|document| applied(&redactor(), document.clone()) != document)
    };
    let changed: Vec<&str> = lines.iter().copied().filter(|line| changed(line)).collect();
    assert_eq!(changed, [""; 0]);
}

#[test]
fn arguments_of_more_than_a_megabyte_are_cut_and_lose_their_secrets() {
    let long = "QUJD".repeat(1 << 18);
    let args = ["sh", "--password", "Zebra7Quagga", &long, "token=Zebra7Quagga"];
    let document = applied(&redactor(), json!({"process": {"args": args, "command_line": args.join(" ")}}));
    let shown = document["process"]["args"].as_array().unwrap();
    assert_eq!(shown[2], "[redacted: password]");
    assert!(shown[3].as_str().unwrap().ends_with("…[24 bytes left out]"), "what macOS would not start is cut");
    assert_eq!(shown[4], "…[18 bytes left out]");
    assert!(!document.to_string().contains("Zebra"));
}

#[test]
fn a_secret_that_is_longer_than_what_is_read_together_is_left_out_whole() {
    let secret = "Zebra7".repeat(2000);
    for args in
        [["x", "password", &format!("\"{secret}\"")], ["x", "--token", &secret], ["x", "y", &format!("pw={secret}")]]
    {
        let document = applied(&redactor(), json!({"process": {"args": args, "command_line": args.join(" ")}}));
        assert!(!document.to_string().contains("Zebra"), "{document}");
    }
}

#[test]
fn a_text_may_end_behind_any_of_its_words() {
    let lines = [include_str!("../secret.txt"), include_str!("../ordinary.txt"), "USER ada\nPASS x\n"];
    let ends = |line: &'static str| line.match_indices([' ', '=', '(', '\'']).map(|(at, _)| &line[..at]);
    for text in lines.into_iter().flat_map(str::lines).flat_map(ends) {
        let document = everywhere(&format!("USER ada\n{text}"));
        let shown = applied(&redactor(), document.clone()).to_string();
        assert!(shown.contains("USER ada"), "{shown}");
    }
}

#[test]
fn hostile_texts_are_read_in_linear_time() {
    // Each of these took time with the square of its length in a version that looked ahead from every start.
    for unit in [
        "password \"",
        "\\\"",
        "'",
        "a'",
        "curl -u ",
        "--password ",
        "$",
        "${",
        "password=$",
        "//a:b",
        "?token=",
        "((((",
        "\\",
        "-----BEGIN PRIVATE KEY-----",
        "`",
        "\"a\" & ",
        "keystroke \"",
        "default answer ",
        "echo x | sudo -S ",
        "a:b=",
        "osascript -e ",
        "send \"a1b2c3\\r\" ",
        "--password-file <(",
        "(echo x | ",
        "open -u a,b;",
        "<password>a",
        "<key>password</key><string>",
        "name=password,",
        "\"stringData\":{",
        "(\"password\",",
        "\"password\") to ",
        "login(",
        "-u ada -p ",
        ":Password ",
        "&> | ",
        "echo x | read p | ",
        "p=$(echo x); ",
        "p=\"$(echo x)\" ",
        "f() { echo x; }; f | sudo -S ",
        "echo x > a; sudo -S id < a; ",
        "for p in a b c ",
        "set -- a b c; ",
        "curl -K - <<EOF\nuser = \"a:b\"\n",
        "| sh -c 'sudo -S a b' <<EOF\n",
        "python -c \"print('x')\" | sudo -S | ",
        "${PASSWORD:-",
        "dscl -change a Password b ",
        "<a name=\"password\" ",
        "<key=\"password\" b=\"c\">a",
        "a:a:",
        "kind: Secret\n data:\n",
        "\"kind\":\"Secret\",\"data\":{",
        "connect a/b@",
        "attach key 'a' ",
        "set {u, pw} to {\"a\", \"b\"} ",
        "pw = [\"a\", ",
        "pw || \"a\" ",
        "pw = \"a\" + ",
        "[\"sudo\", \"-S\"], input=",
        "\"sudo -S\" ",
        "\"a\", ",
        "password is \"a\" & ",
        "keystroke p; set p to \"a1b2c3\" & ",
        "send {a} assword ",
        "set p \"a\"; assword send \"$p\" ",
        "AXSecureTextField set value to ",
        "on pw return \"a\" ",
        "connect(\"a\", ",
        "b'",
        "x $(a) ",
        "`${a}",
        "p = \"\" & p & ",
        "`${",
        "p = `a`; `${p}` ",
        "x <(a) ",
        "$(x ",
        "p=\"$(",
        "sshpass -p $(echo x) ",
        "\"a\" & (f \"b\") & ",
        "\"a\" & f(\"b\") + x & ",
        "(\"a\" & ",
        "\"a\" & (",
        "'a'$b",
        "'a'$(",
        "pw=character id {1, ",
        "password = String.fromCharCode(1,",
        "set pw to x & y & ",
        "password = await ",
        "password = a.b(",
        "password \u{AC}\n",
        "'a'+",
        "set p to \"a\" & \"b\" & p & ",
    ] {
        let text = unit.repeat((64 << 10) / unit.len());
        let mut document = json!({"text": text.clone(), "args": [text]});
        redactor().with_capture(Capture::Hash).apply(document.as_object_mut().unwrap());
    }
}
