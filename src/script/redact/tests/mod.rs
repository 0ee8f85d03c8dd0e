//! Which secrets are found; [`document`] has how they are left out.

use serde_json::{Value as Json, json};

use super::*;

mod document;
mod key;
mod pipes;
mod spelled;
mod scripts;

fn redactor() -> Redactor {
    Redactor::new(&[], true).unwrap()
}

fn applied(redactor: &Redactor, document: Json) -> Json {
    let Json::Object(mut document) = document else { panic!("an object") };
    redactor.apply(&mut document);
    Json::Object(document)
}

/// A text as inline script, as one argument of a shell, as a command line and as a parent's.
fn everywhere(text: &str) -> Json {
    let line = format!("osascript -e {text}");
    let process = json!({
        "args": ["osascript", "-e", text], "command_line": line, "name": "osascript",
        "parent": {"name": "zsh", "args": ["zsh", "-c", text], "command_line": format!("zsh -c {text}")},
    });
    json!({
        "process": process, "osawatch": {
            "script": {"text": text}, "ancestry": [{"command_line": line}], "responsible": {"command_line": text},
            "sequence": {"events": [{"process": process}, {"message": text}]},
        },
    })
}

#[track_caller]
fn hides(text: &str, secret: &str) {
    let document = applied(&redactor(), everywhere(text)).to_string();
    for part in [secret, &secret[secret.len() / 2..]] {
        assert!(!document.contains(part), "{part:?} of {text:?} is in {document}");
    }
    assert!(document.contains("[redacted: "), "{document}");
}

#[test]
fn commands_that_take_a_secret_lose_it_by_their_own_grammar() {
    for text in [
        "mysql -u root -pZebra7Quagga db",
        "mysql -uroot -pZebra7Quagga db",
        "mysqldump --password=Zebra7Quagga db",
        "sshpass -p Zebra7Quagga ssh u@h",
        "sshpass -pZebra7Quagga ssh u@h",
        "/opt/homebrew/bin/sshpass -p 'Zebra7Quagga' ssh u@h",
        "unzip -PZebra7Quagga a.zip",
        "zip -er -P Zebra7Quagga a.zip b",
        "7z x -pZebra7Quagga a.7z",
        "openssl rsa -passin pass:Zebra7Quagga -in k",
        "openssl enc -d -aes-256-cbc -k Zebra7Quagga",
        "openssl enc -aes-256-cbc -pass 'pass:Zebra7Quagga' -in a",
        "security unlock-keychain -p 'Zebra7Quagga' login.keychain",
        "security add-generic-password -a me -s x -w Zebra7Quagga",
        "security set-key-partition-list -S apple: -k Zebra7Quagga login.keychain",
        "security import a.p12 -P Zebra7Quagga",
        "dscl . -authonly ada Zebra7Quagga",
        "dscl . authonly ada Zebra7Quagga",
        "dscl /Local/Default -passwd /Users/ada Zebra7Quagga",
        "dscl . passwd /Users/ada old77Old Zebra7Quagga",
        "sysadminctl -adminUser adm -adminPassword Zebra7Quagga -resetPasswordFor ada",
        "sysadminctl -addUser ada -password Zebra7Quagga",
        "echo Zebra7Quagga | sudo -S id",
        "echo 'Zebra7Quagga' | sudo -kS id",
        "printf '%s\\n' Zebra7Quagga | sudo -S id",
        "sudo -S <<< \"Zebra7Quagga\" id",
        "sudo -S id <<<Zebra7Quagga",
        "echo Zebra7Quagga | docker login -u me --password-stdin ghcr.io",
        "echo Zebra7Quagga | gh auth login --with-token",
        "printf Zebra7Quagga | hdiutil attach -stdinpass a.dmg",
        "docker login -u me -p Zebra7Quagga ghcr.io",
        "docker run -e DB_PASSWORD=Zebra7Quagga img",
        "curl -ume:Zebra7Quagga https://x",
        "curl -u me:Zebra7Quagga https://x",
        "curl -u 'me:p Zebra7Quagga' https://x",
        "curl -su me:Zebra7Quagga https://x",
        "curl --user me:Zebra7Quagga https://x",
        "curl --user=me:Zebra7Quagga https://x",
        "curl -H 'Authorization: Basic Zebra7QuaggaZebra7Quagga==' https://x",
        "curl -H 'Authorization: token Zebra7Quagga' https://x",
        "curl -H \"Authorization: Bearer Zebra7Quagga\" https://x",
        "curl -H 'X-Auth-Token: Zebra7Quagga' https://x",
        "curl -H 'x-api-key: Zebra7Quagga' https://x",
        "curl -b 'session=Zebra7Quagga' https://x",
        "curl -H 'Cookie: a=b; session=Zebra7Quagga' https://x",
        "curl -d 'client_secret=Zebra7Quagga' https://x",
        "curl -d 'user=ada&password=Zebra7Quagga' https://x",
        "curl -F pwd=Zebra7Quagga https://x",
        "curl -d '{\"password\":\"Zebra7Quagga\"}' https://x",
        "curl -d \"{\\\"password\\\":\\\"Zebra7Quagga\\\"}\" https://x",
        "curl --oauth2-bearer Zebra7Quagga https://x",
        "wget --http-password=Zebra7Quagga https://x",
        "wget --header='Authorization: Bearer Zebra7Quagga' https://x",
        "az login --service-principal -u a -p Zebra7Quagga --tenant t",
        "az login --client-secret Zebra7Quagga",
        "kubectl --token=Zebra7Quagga get pods",
        "kubectl create secret generic x --from-literal=k=Zebra7Quagga",
        "gh secret set NAME --body Zebra7Quagga",
        "aws configure set aws_secret_access_key Zebra7Quagga",
        "launchctl setenv API_TOKEN Zebra7Quagga",
        "defaults write com.example.app apiToken -string Zebra7Quagga",
        "git -c http.extraHeader='Authorization: Basic Zebra7Quagga' fetch",
        "git clone https://ada:Zebra7Quagga@example.org/x.git",
        "npm config set //registry.npmjs.org/:_authToken Zebra7Quagga",
        "hdiutil attach -passphrase Zebra7Quagga a.dmg",
        "diskutil apfs unlockVolume disk1s1 -passphrase Zebra7Quagga",
        "networksetup -setairportnetwork en0 Net Zebra7Quagga",
        "scutil --nc start VPN --password Zebra7Quagga",
        "xcrun notarytool submit a.zip --apple-id a --password Zebra7Quagga",
        "gpg --batch --passphrase Zebra7Quagga -d a.gpg",
        "ldapsearch -x -D cn=a -w Zebra7Quagga",
        "smbclient //h/s -U ada%Zebra7Quagga",
        "mount_smbfs //ada:Zebra7Quagga@h/s /Volumes/s",
        "redis-cli -u redis://:Zebra7Quagga@host",
        "redis-cli -a Zebra7Quagga ping",
        "psql 'host=h user=u password=Zebra7Quagga'",
        "PGPASSWORD=Zebra7Quagga psql",
        "MYSQL_PWD=Zebra7Quagga mysql",
        "env API_TOKEN=Zebra7Quagga tool",
        "export DB_PASSWORD='Zebra7 Quagga'",
        "sudo env AWS_SECRET_ACCESS_KEY=Zebra7Quagga aws s3 ls",
        "x --password 'two Zebra7Quagga'",
        "x --password='two Zebra7Quagga'",
        "x --password Zebra7,Quagga",
        "x --pass Zebra7Quagga",
        "x -newPassword Zebra7Quagga",
    ] {
        let secret = if text.contains("Zebra7Quagga") { "Zebra7Quagga" } else { "Quagga" };
        hides(text, secret);
        // As AppleScript and JavaScript write it.
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        hides(&format!("do shell script \"{quoted}\" with administrator privileges"), secret);
        hides(&format!("app.doShellScript(\"{quoted}\")"), secret);
    }
}

#[test]
fn commands_of_clouds_databases_and_attackers_lose_their_secrets_too() {
    for text in [
        "curl -x me:Zebra7Quagga@proxy:8080 https://x",
        "curl --proxy http://me:Zebra7Quagga@proxy:8080 https://x",
        "ssh-keygen -t ed25519 -N Zebra7Quagga -f k",
        "ssh-keygen -p -P Zebra7Quagga -N '' -f k",
        "security unlock-keychain -pZebra7Quagga login.keychain",
        "security add-generic-password -a me -s x -wZebra7Quagga",
        "dscl . -create /Users/ada Password Zebra7Quagga",
        "mysqladmin -u root password Zebra7Quagga",
        "redis-cli -h h AUTH Zebra7Quagga",
        "sqlplus -s scott/Zebra7Quagga@db",
        "isql DSN ada Zebra7Quagga",
        "openssl passwd -1 -salt xy Zebra7Quagga",
        "echo Zebra7Quagga | openssl enc -pass stdin -in a",
        "echo ada:Zebra7Quagga | chpasswd",
        "htpasswd -nbm ada Zebra7Quagga",
        "rclone obscure Zebra7Quagga",
        "aws ssm put-parameter --name n --type SecureString --value Zebra7Quagga",
        "az keyvault secret set --vault-name v --name n --value Zebra7Quagga",
        "vault write auth/approle/login role_id=a secret_id=Zebra7Quagga",
        "vault operator unseal Zebra7Quagga",
        "poetry config pypi-token.pypi Zebra7Quagga",
        "composer config --global http-basic.example.org ada Zebra7Quagga",
        "bundle config --global gems.example.org ada:Zebra7Quagga",
        "cargo login Zebra7Quagga",
        "ngrok config add-authtoken Zebra7Quagga",
        "ansible-vault encrypt_string Zebra7Quagga --name n",
        "pulumi config set --secret k Zebra7Quagga",
        "dotnet user-secrets set k Zebra7Quagga",
        "conda config --set token Zebra7Quagga",
        "mc alias set m https://h AK Zebra7Quagga",
        "bw unlock Zebra7Quagga",
        "wpa_passphrase Net Zebra7Quagga",
        "xfreerdp /u:ada /p:Zebra7Quagga /v:h",
        "plink -ssh -pw Zebra7Quagga ada@h",
        "winexe -U ada%Zebra7Quagga //h cmd",
        "ipmitool -H h -U ada -P Zebra7Quagga power status",
        "snmpwalk -v3 -l authPriv -A Zebra7Quagga h",
        "hydra -l ada -p Zebra7Quagga ssh://h",
        "impacket-psexec dom/ada:Zebra7Quagga@h",
        "secretsdump.py dom/ada:Zebra7Quagga@h",
    ] {
        hides(text, "Zebra7Quagga");
        hides(&format!("do shell script \"{text}\" with administrator privileges"), "Zebra7Quagga");
    }
}

#[test]
fn secrets_that_other_languages_assign_or_send_are_left_out() {
    for text in [
        r#"ENV["API_TOKEN"]="Zebra7Quagga""#,
        r#"os.environ['DB_PASSWORD'] = 'Zebra7Quagga'"#,
        r#"process.env["SECRET_KEY"] = `Zebra7Quagga`"#,
        "requests.get(u, auth=('ada', 'Zebra7Quagga'))",
        r#"HTTPBasicAuth("ada", "Zebra7Quagga")"#,
        "set password Zebra7Quagga\nspawn ssh h",
        "expect \"assword:\"\nsend -- Zebra7Quagga\\r",
    ] {
        hides(text, "Zebra7Quagga");
    }
}

#[test]
fn literals_of_scripts_are_left_out_to_their_closing_quote() {
    for text in [
        r#"do shell script "id" password "correct Zebra7Quagga battery" with administrator privileges"#,
        r#"do shell script "id" user name "ada" password "p&s;w,Zebra7Quagga" with administrator privileges"#,
        r#"do shell script "id" password "it's-Zebra7Quagga" with administrator privileges"#,
        r#"do shell script "id" password "a\"Zebra7Quagga\"b" with administrator privileges"#,
        r#"do shell script "id" password "/Zebra7Quagga""#,
        "do shell script \"id\" password \u{201C}Zebra7Quagga x\u{201D} with administrator privileges",
        r#"set pw to "Zebra7Quagga""#,
        r#"set thePassword to "Zebra7 " & "Quagga""#,
        r#"set passwd to "Zebra7Quagga""#,
        r#"set my password to "Zebra7Quagga""#,
        r#"copy "Zebra7Quagga" to adminPassword"#,
        r#"property adminPassword : "Zebra7Quagga""#,
        r#"display dialog "pw" default answer "Zebra7Quagga" with hidden answer"#,
        r#"tell application "System Events" to keystroke "Zebra7Quagga""#,
        r#"a.doShellScript('id',{userName:'ada',password:'Zebra7Quagga',administratorPrivileges:true})"#,
        r#"a.doShellScript('id',{userName:'ada',password: 'Zebra7 pw;Quagga',administratorPrivileges:true})"#,
        r#"var password = "Zebra7Quagga";"#,
        r#"const apiKey=`Zebra7Quagga`"#,
        r#"{"user":"ada","password":"Zebra7Quagga"}"#,
        r#"{\"user\":\"ada\",\"password\":\"Zebra7Quagga\"}"#,
        r#"{"accessToken": "Zebra7Quagga"}"#,
        "spawn ssh h\nexpect \"assword:\"\nsend \"Zebra7Quagga\\r\"",
        "PASSWORD  =  Zebra7Quagga",
        "passwd=`Zebra7Quagga`",
        "Passwort: Zebra7Quagga",
        "password \"Zebra7Quagga",
        r#"do shell script "curl -u ada:" & "Zebra7Quagga" & " https://x""#,
        r#"do shell script "sh -c 'mysql -pZebra7Quagga db'""#,
        r#"do shell script "echo '" & "Zebra7Quagga" & "' | sudo -S id""#,
        "do shell script \"export A=1\\nexport DB_PASSWORD=Zebra7Quagga\\nid\"",
        "echo 'don'\\''t'; sshpass -p 'Zebra7'\\''Quagga' ssh h",
    ] {
        hides(text, if text.contains("Zebra7Quagga") { "Zebra7Quagga" } else { "Quagga" });
    }
}

#[test]
fn tokens_headers_and_addresses_are_known_by_their_shape() {
    for (text, secret) in [
        ("AKIAZEBRA7QUAGGA2345", "ZEBRA7QUAGGA2345"),
        ("ASIAZEBRA7QUAGGA2345", "ZEBRA7QUAGGA2345"),
        ("x ghp_Zebra7QuaggaZebra7QuaggaZebra7 y", "Zebra7Quagga"),
        ("github_pat_Zebra7QuaggaZebra7Quagga", "Zebra7Quagga"),
        ("glpat-Zebra7Quagga", "Zebra7Quagga"),
        ("xoxb-Zebra7Quagga", "Zebra7Quagga"),
        ("xoxe.xoxp-1-Zebra7Quagga", "Zebra7Quagga"),
        ("sk-proj-Zebra7QuaggaZebra7Quagga", "Zebra7Quagga"),
        ("sk-ant-api03-Zebra7QuaggaZebra7Quagga", "Zebra7Quagga"),
        ("sk_live_Zebra7Quagga", "Zebra7Quagga"),
        ("AIzaZebra7QuaggaZebra7QuaggaZebra7Quagga", "Zebra7Quagga"),
        ("npm_Zebra7QuaggaZebra7QuaggaZebra7Quagga", "Zebra7Quagga"),
        ("pypi-AgEIcHlwaZebra7Quagga", "Zebra7Quagga"),
        ("eyJhbGciOiJI.eyJzZebra7Quagga.Zebra7Quagga", "Zebra7Quagga"),
        ("-----BEGIN RSA PRIVATE KEY-----\nZebra7Quagga\nZebra7\n-----END RSA PRIVATE KEY-----", "Zebra7"),
        ("-----BEGIN PRIVATE KEY-----\\nZebra7Quagga\\n-----END PRIVATE KEY-----", "Zebra7Quagga"),
        ("-----BEGIN OPENSSH PRIVATE KEY----- Zebra7Quagga", "Zebra7Quagga"),
        ("Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/2026, Signature=Zebra7Quagga", "Zebra7Quagga"),
        ("Authorization: Zebra7Quagga", "Zebra7Quagga"),
        ("\"Authorization\": \"Bearer Zebra7Quagga\"", "Zebra7Quagga"),
        ("https://me:Zebra7Quagga@host/", "Zebra7Quagga"),
        ("https://me:Zebra7@Quagga@host/", "Quagga"),
        ("https://Zebra7QuaggaZebra@github.com/x", "Zebra7Quagga"),
        ("https://x/?token=Zebra7Quagga", "Zebra7Quagga"),
        ("https://x/a?sv=1&sig=Zebra7Quagga", "Zebra7Quagga"),
        ("https://x/?access_token=Zebra7Quagga&b=1", "Zebra7Quagga"),
        ("https://hooks.slack.com/services/T0/B0/Zebra7Quagga", "Zebra7Quagga"),
        ("https://discord.com/api/webhooks/123456/Zebra7Quagga", "Zebra7Quagga"),
        ("https://api.telegram.org/bot12345:Zebra7Quagga/sendDocument", "Zebra7Quagga"),
    ] {
        hides(text, secret);
        hides(&format!("do shell script \"curl -d x '{}'\"", text.replace('\\', "\\\\").replace('"', "\\\"")), secret);
    }
}

#[test]
fn arguments_that_are_apart_are_read_together() {
    for args in [
        &["curl", "-u", "ada:Zebra7Quagga", "https://x"][..],
        &["curl", "-H", "Authorization: Bearer Zebra7Quagga", "https://x"],
        &["curl", "-H", "Authorization: Digest username=ada, response=Zebra7Quagga"],
        &["curl", "-H", "user: ada", "-H", "pwd: Zebra7 Quagga", "https://x"],
        &["tool", "--password", "Zebra7 Quagga"],
        &["tool", "--password=Zebra7&Quagga;x"],
        &["tool", "--token", "Zebra7Quagga"],
        &["env", "API_TOKEN=Zebra7 Quagga", "tool"],
        &["sudo", "mysql", "-pZebra7 Quagga", "db"],
        &["osascript", "/tmp/x.js", "-p", "Zebra7Quagga"],
        &["osascript", "/tmp/x.js", "-u", "me:Zebra7Quagga"],
        &["osascript", "/tmp/x.js", "password", "\"Zebra7Quagga\""],
        &["dscl", ".", "-passwd", "/Users/ada", "Quagga7 old", "Zebra7Quagga"],
        &["sh", "-c", "security unlock-keychain -p 'Zebra7 Quagga' x"],
    ] {
        let process = json!({"args": args, "command_line": args.join(" ")});
        let document =
            applied(&redactor(), json!({"process": process, "other": {"title": args.join(" ")}})).to_string();
        assert!(!document.contains("Quagga") && !document.contains("Zebra"), "{document}");
        assert!(document.contains(args[0]), "{document}");
    }
}

#[test]
fn realistic_command_lines_lose_their_secrets_whatever_these_look_like() {
    let (lines, of_look) = include_str!("../secret.txt").split_once("---\n").unwrap();
    assert!(lines.lines().count() >= 300);
    for secret in ["Zebra7Quagga", "c0rrect-h0rse!", "sunflowers"] {
        // A word that looks like any other is a secret only where the grammar says so.
        let of_look = of_look.lines().filter(|_| secret != "sunflowers");
        for line in lines.lines().chain(of_look) {
            let text = line.replace("{S}", secret);
            let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
            let text = match secret {
                "sunflowers" => format!("app.doShellScript(\"{quoted}\")"),
                "Zebra7Quagga" => text,
                _ => format!("do shell script \"{quoted}\" with administrator privileges"),
            };
            let document = json!({"process": {"args": ["sh", "-c", text]}, "message": text});
            let shown = applied(&redactor(), document).to_string();
            for part in [secret, &secret[secret.len() / 2..]] {
                assert!(!shown.contains(part), "{part:?} of {text:?} is in {shown}");
            }
        }
    }
}
