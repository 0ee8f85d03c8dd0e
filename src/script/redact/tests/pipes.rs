//! Secrets that one command of a shell gives to another.

use super::*;

#[test]
fn every_line_of_a_configuration_for_curl_loses_its_password() {
    for text in [
        "curl --config - <<EOF\nurl = \"https://h\"\nuser = \"ada:Zebra7Quagga\"\nEOF\nls",
        "curl -K - <<'EOF'\n-u ada:Zebra7Quagga\nurl=https://h\nEOF",
        "curl -K/dev/stdin <<EOF\nuser=ada:Zebra7Quagga\nEOF",
        "cat <<EOF | sudo -S id\nZebra7Quagga\nEOF",
        "printf 'url=\"https://h\"\\nuser=\"ada:Zebra7Quagga\"\\n' | curl -K -",
    ] {
        hides(text, "Zebra7Quagga");
    }
    let text = "curl --config - <<EOF\nurl = \"https://h/Zebra7Quagga\"\noutput = Zebra7Quagga\nEOF\nuser a:Zebra7";
    let shown = applied(&redactor(), json!({"message": text})).to_string();
    assert_eq!(shown.matches("Zebra7").count(), 3, "{shown}");
    assert!(!shown.contains("redacted"), "{shown}");
}

#[test]
fn a_variable_in_a_document_for_a_command_that_reads_a_password_is_left_out_where_it_was_set() {
    for text in [
        "x=Zebra7Quagga\nsudo -S id <<EOF\n$x\nEOF",
        "sudo -S id << EOF\nZebra7Quagga\nEOF",
        "ssh -t h \"sudo -S id\" <<EOF\nZebra7Quagga\nEOF",
        "echo Zebra7Quagga |\n sudo -S id",
        "read -rs p <<< Zebra7Quagga\necho \"$p\" | sudo -S id",
    ] {
        hides(text, "Zebra7Quagga");
    }
}

#[test]
fn what_a_shell_keeps_and_no_command_reads_as_a_secret_is_shown() {
    for text in [
        "read -r line <<< Zebra7Quagga\necho \"$line\" | sort",
        "f() { echo Zebra7Quagga; }; f | sort; echo x | sudo -k",
        "echo Zebra7Quagga > /tmp/p\nsudo -S id < /tmp/q",
        "x=$(echo Zebra7Quagga)\nprintf '%s' \"$x\" | tee /tmp/q",
        "for p in Zebra7Quagga b; do ping $p; done",
    ] {
        let shown = applied(&redactor(), everywhere(text)).to_string();
        assert!(shown.contains("Zebra7Quagga") && !shown.contains("redacted"), "{shown}");
    }
}

#[test]
fn what_a_variable_is_set_to_is_left_out_where_its_use_is_a_secret() {
    for text in [
        "X=ada:Zebra7Quagga; curl -u \"$X\" https://h",
        "export X='ada:Zebra7Quagga'\ncurl --user ${X} https://h",
        "U=ada%Zebra7Quagga; smbclient -U \"$U\" //h/s",
        "X=$(echo ada:Zebra7Quagga); curl -u \"$X\" https://h",
        "curl -u \"$(echo ada:Zebra7Quagga)\" https://h",
        "U=ada; P=Zebra7Quagga; X=\"$U:$P\"; curl -u \"$X\" https://h",
        "Q=Zebra7Quagga openssl enc -aes-256-cbc -pass env:Q -in a",
        "P=Zebra7Quagga; curl \"https://h/?token=$P\"",
        "P=Zebra7Quagga; curl https://ada:$P@h/x",
        "P=Zebra7Quagga; curl -d \"{\\\"password\\\":\\\"$P\\\"}\" h",
        "if id; then P=Zebra7Quagga; fi; sh -c \"echo $P | sudo -S id\"",
        "P=Zebra7Quagga; osascript -e \"do shell script \\\"id\\\" password \\\"$P\\\"\"",
    ] {
        hides(text, "Zebra7Quagga");
    }
    let text = "U=ada; H=h.example; N=3; X=Zebra7Quagga; curl -u \"$U:$X\" \"https://$H/p?n=$N\"; echo \"$U $H\"";
    let shown = applied(&redactor(), json!({"message": text})).to_string();
    let wanted = text.replace("Zebra7Quagga", "[redacted: password]");
    assert_eq!(shown, json!({"message": wanted}).to_string());
}

#[test]
fn a_password_that_a_document_writes_to_a_file_is_left_out() {
    for text in [
        "cat > ~/.netrc <<EOF\nmachine h\nlogin ada\npassword Zebra7Quagga\nEOF",
        "cat <<EOF > ~/.netrc\nmachine h login ada\n  password Zebra7Quagga\nEOF",
        "cat > ~/.pgpass <<EOF\nh:5432:db:ada:Zebra7Quagga\nEOF",
        "printf '%s\\n' \"h:5432:*:ada:Zebra7Quagga\" >> ~/.pgpass",
        "cat > /tmp/p <<EOF\nZebra7Quagga\nEOF\nsudo -S id < /tmp/p",
        "tee /tmp/p <<'EOF'\nZebra7Quagga\nEOF\ncat /tmp/p | sudo -S id",
        "cat > /tmp/a.sh <<EOF && chmod +x /tmp/a.sh\n#!/bin/sh\necho Zebra7Quagga\nEOF\nSUDO_ASKPASS=/tmp/a.sh sudo -A id",
        "cat > ~/.curlrc <<EOF\nuser = \"ada:Zebra7Quagga\"\nEOF",
        "echo Zebra7Quagga > /tmp/p; sshpass -f /tmp/p ssh h",
        "echo Zebra7Quagga > /tmp/p; openssl enc -pass file:/tmp/p -in a",
    ] {
        hides(text, "Zebra7Quagga");
    }
    for text in [
        "cat > /tmp/list <<EOF\nh:5432:db:ada:Zebra7Quagga\nEOF\nsort < /tmp/list",
        "cat > /tmp/p <<EOF\nZebra7Quagga\nEOF\nsudo -S id < /tmp/q",
        "cat > ~/.ssh/config <<EOF\nHost Zebra7Quagga\n  User ada\nEOF",
    ] {
        let shown = applied(&redactor(), json!({"message": text})).to_string();
        assert!(shown.contains("Zebra7Quagga") && !shown.contains("redacted"), "{shown}");
    }
}
