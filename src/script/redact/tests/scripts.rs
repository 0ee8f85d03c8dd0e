//! Secrets that a script has in one place and uses in another.

use super::*;

#[test]
fn what_the_variable_of_a_password_is_set_to_is_left_out() {
    for text in [
        "set p to \"Zebra7Quagga\"\ndo shell script \"id\" password p with administrator privileges",
        "set x to (\"Zebra7Quagga\" as text)\nset x to \"Zebra7Quagga\"\ndo shell script \"id\" password x",
        "property x : \"Zebra7Quagga\"\ndo shell script \"id\" user name \"ada\" password x",
        "var p = 'Zebra7Quagga'; app.doShellScript('id', {administratorPrivileges: true, password: p})",
        "const p='Zebra7Quagga'; app.doShellScript('id', {password:p})",
    ] {
        hides(text, "Zebra7Quagga");
    }
}

#[test]
fn a_variable_that_is_no_password_keeps_what_it_is_set_to() {
    let text = "set p to \"/Applications/Zebra7Quagga.app\"\ndo shell script \"open \" & p & \" with password\"";
    let shown = applied(&redactor(), json!({"message": text})).to_string();
    assert!(shown.contains("Zebra7Quagga"), "{shown}");
}

#[test]
fn a_password_in_a_parenthesis_or_of_an_object_is_left_out() {
    for text in [
        "do shell script \"id\" user name \"ada\" password (\"Zebra7Quagga\") with administrator privileges",
        "set pw to (\"Zebra7Quagga\" as string)",
        "set password of account 1 to \"Zebra7Quagga\"",
    ] {
        hides(text, "Zebra7Quagga");
    }
}

#[test]
fn the_quoted_form_of_a_password_is_a_word_of_the_command() {
    for text in [
        "do shell script \"echo \" & quoted form of \"two Zebra7Quagga\" & \" | sudo -S id\"",
        "do shell script \"dscl . authonly ada \" & quoted form of \"two Zebra7Quagga\"",
        "do shell script \"security unlock-keychain -p \" & quoted form of \"two Zebra7Quagga\"",
    ] {
        hides(text, "Zebra7Quagga");
    }
}

#[test]
fn a_password_that_a_variable_brings_into_a_command_is_left_out_where_it_was_set() {
    for text in [
        "set p to \"Zebra7Quagga\"\ndo shell script \"echo \" & p & \" | sudo -S id\"",
        "set p to \"two Zebra7Quagga\"\ndo shell script \"echo \" & quoted form of p & \" | sudo -S id\"",
        "set p to \"Zebra7Quagga\"\ndo shell script \"dscl . authonly \" & u & space & p",
        "var p = 'Zebra7Quagga'; app.doShellScript(\"security unlock-keychain -p \" + p + \" a.keychain\")",
        "set p to \"Zebra7Quagga\"\ndo shell script \"curl -u \" & u & \":\" & p & \" https://x\"",
        "let P=\"Zebra7Quagga\"; app.doShellScript(`dscl . -authonly ada ${P}`)",
        "const p = 'Zebra7' + 'Quagga'; app.doShellScript(`curl -u ada:${p} https://x`)",
        "let x = 'Zebra7Quagga'; app.doShellScript(`echo ${x} | sudo -S id`); app.doShellScript(`mysql -p${x} db`)",
        "let x = 'Zebra7Quagga'; app.doShellScript('echo ' + `${x}` + ' | sudo -S id')",
        "let x = 'Zebra7Quagga'; app.doShellScript('id', {administratorPrivileges: true, password: `${x}`})",
        "do shell script \"sshpass -p '\" & \"Zebra7Quagga\" & \"' ssh \" & h",
    ] {
        hides(text, "Zebra7Quagga");
    }
    let text = "let u = 'https://example.org/Zebra7Quagga'; app.doShellScript(`curl -o ${o} ${u}`)";
    let shown = applied(&redactor(), json!({"message": text})).to_string();
    assert!(shown.contains("Zebra7Quagga"), "{shown}");
    let text =
        "set u to \"https://example.org/Zebra7Quagga\"\ndo shell script \"curl -o a \" & quoted form of u & \" x\"";
    let shown = applied(&redactor(), json!({"message": text})).to_string();
    assert!(shown.contains("Zebra7Quagga"), "{shown}");
}

#[test]
fn a_password_that_a_variable_of_the_shell_brings_into_a_command_is_left_out_where_it_was_set() {
    for text in [
        "p=Zebra7Quagga; echo $p | sudo -S id",
        "export x='two Zebra7Quagga'\nprintf '%s\\n' \"$x\" | sudo -S id",
        "p='Zebra7Quagga' && sudo -S id <<< \"${p}\"",
        "x=Zebra7Quagga; security unlock-keychain -p \"$x\" a.keychain",
        "x=Zebra7Quagga\nsshpass -p $x ssh h",
        "x=Zebra7Quagga; dscl . -authonly ada \"$x\"",
    ] {
        hides(text, "Zebra7Quagga");
    }
    for text in ["p=Zebra7Quagga; echo $p | sort", "x=Zebra7Quagga; security unlock-keychain -p \"$y\" $x"] {
        let shown = applied(&redactor(), json!({"message": text, "process": {"args": ["sh", "-c", text]}})).to_string();
        assert!(shown.contains("Zebra7Quagga") && !shown.contains("redacted"), "{shown}");
    }
    let args = ["security", "unlock-keychain", "-p", "$PW", "a.keychain"];
    let shown = applied(&redactor(), json!({"process": {"args": args, "command_line": args.join(" ")}})).to_string();
    assert!(shown.contains("$PW"), "{shown}");
}

#[test]
fn the_first_line_of_a_document_for_a_command_that_reads_a_password_is_left_out() {
    for text in [
        "sudo -S id <<EOF\nZebra7 Quagga\nEOF\nls",
        "sudo -S sh <<'EOF'\nZebra7 Quagga\nid\nEOF",
        "cat <<EOF | sudo -S id\nZebra7 Quagga\nEOF",
    ] {
        hides(text, "Quagga");
    }
    let shown = applied(&redactor(), json!({"message": "cat <<EOF | sort\nZebra7Quagga\nEOF"})).to_string();
    assert!(shown.contains("Zebra7Quagga"), "{shown}");
}

#[test]
fn a_password_in_a_list_of_variables_is_the_one_that_the_script_uses() {
    let text = "set {u, x} to {\"Zebra\", \"Zebra7Quagga\"}\ndo shell script \"id\" user name u password x";
    hides(text, "Zebra7Quagga");
    let shown = applied(&redactor(), json!({"message": text})).to_string();
    assert!(shown.contains("Zebra"), "{shown}");
}

#[test]
fn what_a_script_fills_into_a_field_for_a_password_is_left_out() {
    for text in [
        "tell text field 2 of window \"x\" to set value to \"Zebra7Quagga\"\n-- AXSecureTextField",
        "set p to \"two Zebra7Quagga\"\nset value of secure text field 1 of window 1 to p",
        "set p to \"Zebra7Quagga\"\ntell application \"System Events\" to keystroke p",
        "keystroke \"ada\"\nkeystroke tab\nkeystroke \"Zebrasquagga\"\nkeystroke return",
        "on getPassword()\nreturn \"Zebra7Quagga\"\nend getPassword",
    ] {
        hides(text, if text.contains("squagga") { "Zebrasquagga" } else { "Zebra7Quagga" });
    }
    for text in [
        "keystroke \"hello\"\nkeystroke return",
        "set value of text field 2 of window 1 to \"Zebra7Quagga\"",
        "on getName()\nreturn \"Zebra7Quagga\"\nend getName",
        "keystroke tab\nkeystroke \"a whole sentence\"\nkeystroke return",
    ] {
        let shown = applied(&redactor(), json!({"message": text})).to_string();
        assert!(!shown.contains("redacted"), "{shown}");
    }
}

#[test]
fn what_expect_sends_in_braces_or_of_a_variable_is_left_out() {
    for text in [
        "spawn ssh h\nexpect \"*?assword:*\"\nsend {Zebra7Quagga\\r}",
        "spawn ssh h\nexpect {*assword*} { send {{Zebra7Quagga}} }",
        "spawn ssh h\nexpect -re \".*assword.*\"\nsend -i $spawn_id \"Zebra7Quagga\\r\"",
        "set p Zebra7Quagga\nspawn ssh h\nexpect \"assword:\"\nsend -- \"$p\\r\"",
        "set p \"two Zebra7Quagga\"\nspawn ssh h\nexpect \"assword:\"\nsend \"$p\\r\"",
    ] {
        hides(text, "Zebra7Quagga");
    }
    for text in ["spawn ssh h\nexpect \"login:\"\nsend {ada\\r}", "set p 5x7y9z\nexpect \"$ \"\nsend \"$p\\r\""] {
        let shown = applied(&redactor(), json!({"message": text})).to_string();
        assert!(!shown.contains("redacted"), "{shown}");
    }
}

#[test]
fn the_values_of_a_kubernetes_secret_are_left_out_in_base64_too() {
    for text in [
        "kubectl apply -f - <<EOF\napiVersion: v1\nkind: Secret\ndata:\n  x: Zebra7Quagga\n  y: Zebra7Quagga\nEOF",
        "kubectl apply -f - <<EOF\nkind: Secret\ntype: Opaque\nstringData:\n  license: Zebra7Quagga\nEOF",
        "{\"kind\": \"Secret\", \"data\": {\"x\": \"Zebra7Quagga\"}}",
    ] {
        hides(text, "Zebra7Quagga");
    }
    for text in [
        "kubectl apply -f - <<EOF\nkind: ConfigMap\ndata:\n  x: Zebra7Quagga\nEOF",
        "kubectl apply -f - <<EOF\nkind: Secret\ndata:\nspec:\n  x: Zebra7Quagga\nEOF",
        "{\"kind\":\"ConfigMap\",\"data\":{\"x\":\"Zebra7Quagga\"}}",
    ] {
        let shown = applied(&redactor(), json!({"message": text})).to_string();
        assert!(shown.contains("Zebra7Quagga") && !shown.contains("redacted"), "{shown}");
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the bound is a time")]
fn a_script_with_as_many_variables_as_passwords_is_read_in_the_time_of_its_length() {
    // Literals that are put in again and again.
    let long = format!("set p to \"{}\"\n{}", "x ".repeat(100_000), "\"a\" & p & ".repeat(50_000));
    applied(&redactor(), json!({"message": long}));
    let one = "set p to \"Zebra7Quagga\"\ndo shell script \"id\" password p\n{ echo x; } | sudo -S id <<EOF\n";
    let text = one.repeat((1 << 20) / one.len());
    let began = std::time::Instant::now();
    let shown = applied(&redactor(), json!({"message": text})).to_string();
    assert!(!shown.contains("Quagga"));
    assert!(began.elapsed() < std::time::Duration::from_secs(60), "{:?}", began.elapsed());
}

#[test]
fn a_secret_that_a_script_puts_together_or_spells_is_left_out_whole() {
    for text in [
        "do shell script \"id\" password \u{AC}\n\"Zebra7Quagga\" with administrator privileges",
        "set pw to \u{AC}\r\n\t\"Zebra7Quagga\"",
        "set pw to \"Zebra7\" & \u{AC}\n\"Quagga\"",
        "set the password of u to \"Zebra7Quagga\"",
        "set my password of account 1 to (\"Zebra7Quagga\")",
        "set pw to ((\"Zebra7Quagga\"))",
        "set pw to quoted form of (\"Zebra7Quagga\")",
        "do shell script \"id\" password ((\"Zebra7Quagga\")) with administrator privileges",
        "do shell script \"id\" password (\"Zebra7\" & \"Quagga\") with administrator privileges",
        "set pw to \"Zebra7\" & x & \"Quagga\"",
        "set pw to x & \"Zebra7\" & (short user name of (system info)) & \"Quagga\"",
        "var password='Zebra7' + x + 'Quagga'",
        "var password='Zebra7'+x+'Quagga'",
        "var password = 'Zebra7' + f(x, 'y') + 'Quagga'",
        "var password = ('Zebra7' + 'Quagga')",
        "set p to \"Zebra7\" & \"Quagga\"\ndo shell script \"dscl . authonly ada \" & p",
        "set p to quoted form of \"Zebra7Quagga\"\ndo shell script \"dscl . authonly ada \" & p",
        "do shell script \"curl -u \" & quoted form of (\"ada:\" & \"Zebra7Quagga\")",
        "do shell script \"dscl . authonly \" & (short user name of (system info)) & \" Zebra7Quagga\"",
        "do shell script \"dscl . authonly \" & short user name of (system info) & \" Zebra7Quagga\"",
        "app.doShellScript('dscl . authonly ' + app.systemInfo().shortUserName + ' Zebra7Quagga')",
        "app.doShellScript('dscl . authonly '+u+' Zebra7Quagga')",
        "set pw to \"Zebra\" & character id {55, 81} & \"Quagga\"",
    ] {
        hides(text, if text.contains("Zebra7Quagga") { "Zebra7Quagga" } else { "Quagga" });
        assert!(!applied(&redactor(), everywhere(text)).to_string().contains("Zebra"), "{text}");
    }
    for (text, numbers) in [
        ("set pw to character id {90, 101, 98, 114, 97}", "90, 101"),
        ("set pw to (ASCII character 190) & \"x\" & (ASCII character 191)", "191"),
        ("var password = String.fromCharCode(90, 101, 98)", "90, 101"),
        ("var password=String.fromCharCode(90, 101, 98)", "90, 101"),
        ("set p to character id {90, 101, 98}\ndo shell script \"id\" password p", "90, 101"),
        ("do shell script \"id\" password (character id {90, 101, 98})", "90, 101"),
    ] {
        hides(text, numbers);
    }
}

#[test]
fn what_calls_a_function_or_names_a_member_is_no_secret_and_stays_in_the_whole_document() {
    let text = "app.displayDialog('Update needed'); var password = app.displayDialog('pw', {hiddenAnswer:true}).textReturned; \
                let token = JSON.parse(a).t; let cfg = JSON.parse(b); credential=ObjC.unwrap($.NSHomeDirectory())";
    let document = everywhere(text);
    assert_eq!(applied(&redactor(), document.clone()), document);
    for (text, wanted) in [
        ("var password = atob('WmVicmE3UXVhZ2dh')", "var password = atob('[redacted: password]')"),
        ("password=atob('WmVicmE3UXVhZ2dh')", "password=atob('[redacted: password]')"),
        ("[ $PW == Zebra7Quagga ]", "[ $PW == [redacted: password] ]"),
        ("password == Zebra7Quagga", "password == [redacted: password]"),
        ("db.password=first.last", "db.password=[redacted: password]"),
        ("password: first.last", "password: [redacted: password]"),
        ("tool --password Zebra7(x", "tool --password [redacted: password](x"),
    ] {
        assert_eq!(applied(&redactor(), json!({"message": text}))["message"], wanted);
    }
}
