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
