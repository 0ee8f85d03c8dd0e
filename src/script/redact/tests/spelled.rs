//! Secrets by the ways in which a shell writes a word, and those that are packed where they stand.

use super::*;

/// The text of a message and of a shell's arguments, as it is shown.
fn shown(text: &str) -> String {
    applied(&redactor(), json!({"process": {"args": ["sh", "-c", text]}, "message": text})).to_string()
}

#[test]
fn a_secret_is_left_out_however_the_shell_writes_its_word() {
    for text in [
        "sshpass -p $'Zebra7Quagga' ssh h",
        "sshpass -p $\"Zebra7Quagga\" ssh h",
        "mysql -p$'Zebra7Quagga' db",
        "mysql $'-pZebra7Quagga' db",
        "mysql $'\\x2dpZebra7Quagga' db",
        "echo $'Zebra7Quagga' | sudo -S id",
        "echo${IFS}Zebra7Quagga|sudo${IFS}-S${IFS}id",
        "curl$IFS-u${IFS}ada:Zebra7Quagga${IFS}h",
        "sshpass -p a\\ Zebra7Quagga ssh h",
        "curl -H Authorization:\\ Bearer\\ Zebra7Quagga h",
        "x --password=two\\ Zebra7Quagga",
        "set -- Zebra7Quagga; echo \"$@\" | sudo -S id",
        "set -- Zebra7Quagga\nsudo -S id <<< \"$*\"",
    ] {
        hides(text, "Zebra7Quagga");
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        hides(&format!("do shell script \"{quoted}\""), "Zebra7Quagga");
    }
}

#[test]
fn what_printf_puts_behind_a_name_of_a_secret_is_left_out() {
    for text in [
        "printf 'machine %s login %s password %s\\n' \"$h\" ada Zebra7Quagga >> ~/.netrc",
        "printf '{\"user\":\"%s\",\"password\":\"%s\"}' ada Zebra7Quagga | curl -d @- h",
        "printf -- 'a %-4s token: %s\\n' b Zebra7Quagga",
        "printf 'pass=%s;' '' Zebra7Quagga",
        "P=Zebra7Quagga; printf 'secret=%s' \"$P\"",
    ] {
        hides(text, "Zebra7Quagga");
    }
    for text in [
        "printf '%s %s\\n' a Zebra7Quagga",
        "printf 'user=%s password=%s\\n' Zebra7Quagga \"$P\"",
        "printf '100%% password length %d %s\\n' 12345 Zebra7Quagga",
        "printf 'password=%s' > Zebra7Quagga",
    ] {
        assert!(!shown(text).contains("redacted"), "{}", shown(text));
    }
}

#[test]
fn the_auth_of_a_registry_is_left_out_where_it_is_a_login_in_base64() {
    let login = "YWRhOlplYnJhN1F1YWdnYQ==";
    for text in [
        format!("{{\"auths\":{{\"https://index.docker.io/v1/\":{{\"auth\":\"{login}\"}}}}}}"),
        format!("echo '{{\"auths\": {{\"h\": {{\"auth\": \"{login}\"}}}}}}' > ~/.docker/config.json"),
        format!("auth: {login}"),
        format!("auth = '{login}'"),
    ] {
        hides(&text, login);
        let quoted = text.replace('"', "\\\"");
        hides(&format!("do shell script \"{quoted}\""), login);
    }
    // A word, a text without a colon, and bytes that are no text.
    for text in ["{\"auth\":\"required\"}", "auth: basic", "auth=cGFzc3dvcmQ=", "auth: zzz6AAAA", "\"auth\":\"oauth2\""]
    {
        assert!(!shown(text).contains("redacted"), "{}", shown(text));
    }
}

#[test]
fn what_is_typed_as_a_line_and_looks_like_a_password_is_left_out() {
    hides("python3 -c \"import pexpect; c.sendline('Zebra7Quagga')\"", "Zebra7Quagga");
    for text in ["c.sendline('uname -a')", "c.sendline('exit')", "c.sendline('terminal length 0')"] {
        assert!(!shown(text).contains("redacted"), "{}", shown(text));
    }
}

#[test]
fn tokens_of_sessions_are_known_by_their_shape() {
    for (text, secret) in [
        ("xoxc-1234-Zebra7Quagga", "Zebra7Quagga"),
        ("curl -s h -o xoxd-Zebra7%2BQuagga", "Zebra7%2BQuagga"),
        ("x sess-Zebra7QuaggaZebra7QuaggaZebra7QuaggaZebra7Qu y", "Zebra7Quagga"),
    ] {
        hides(text, secret);
    }
    for text in ["sess-id-1", "xoxo-hugs", "a sess-Zebra7"] {
        assert!(!shown(text).contains("redacted"), "{}", shown(text));
    }
}

#[test]
fn words_that_the_shell_writes_in_other_ways_stay_readable() {
    for text in [
        "cp -R /Volumes/My\\ Disk/App.app /Applications",
        "cd /tmp/my\\ dir && ls a\\ b",
        "printf '%s' $'a\\tb' | sort",
        "echo${IFS}hello${IFS}world",
        "set -- a b; echo \"$@\" | sort",
    ] {
        assert!(!shown(text).contains("redacted"), "{}", shown(text));
    }
}
