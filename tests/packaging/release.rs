//! A release as a Mac makes it, with stand-ins for Apple's tools: what each is told, in which order, and their refusals.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::mac::project;
use super::signing::good_profile;
use crate::util::Run;

/// A Mac that builds releases.
struct Studio(tempfile::TempDir);

impl Studio {
    fn new() -> Studio {
        let studio = Studio(tempfile::tempdir().unwrap());
        fs::write(studio.path("calls"), "").unwrap();
        fs::write(studio.path("verdict"), "Accepted").unwrap();
        let identities = "  1) 0123 \"Developer ID Application: Example (ABCDE12345)\"\n  \
                          2) 4567 \"Developer ID Installer: Example (ABCDE12345)\"\n     2 valid identities found\n";
        fs::write(studio.path("identities"), identities).unwrap();
        studio
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(project().join(program));
        let stand_ins = project().join("tests/packaging/stand-ins/release");
        let path = format!("{}:{}", stand_ins.display(), std::env::var("PATH").unwrap());
        command.env("PATH", path).env("TOOLS", self.0.path()).stdin(Stdio::null());
        command
    }

    /// A release of an executable that no one runs.
    fn release(&self) -> Run {
        let executable = self.path("executable");
        fs::write(&executable, "executable").unwrap();
        let mut command = self.command("packaging/build.sh");
        command.args(["--flavour", "release", "--notary-profile", "osawatch", "--profile"]);
        command.arg(good_profile(self.0.path(), true));
        command.args(["--certificate", "Developer ID Application: Example (ABCDE12345)"]);
        command.args(["--installer-certificate", "Developer ID Installer: Example (ABCDE12345)"]);
        command.arg("--command").arg(env!("CARGO_BIN_EXE_osawatch")).arg("--executable").arg(executable);
        command.arg("--out").arg(self.path("dist"));
        Run::of(&command.output().expect("bash starts"))
    }

    /// Certificates, profile and credentials from the environment of the release workflow.
    fn keychain(&self) -> Run {
        let mut command = self.command("packaging/release/keychain.sh");
        for name in ["APPLICATION_P12", "INSTALLER_P12", "PROFILE"] {
            command.env(name, "c2VjcmV0");
        }
        for name in ["P12_PASSWORD", "NOTARY_KEY", "NOTARY_KEY_ID", "NOTARY_ISSUER"] {
            command.env(name, "secret");
        }
        fs::create_dir_all(self.path("runner")).unwrap();
        command.env("RUNNER_TEMP", self.path("runner"));
        Run::of(&command.output().expect("bash starts"))
    }

    /// What the tools were told, without folders.
    fn calls(&self) -> String {
        let calls = fs::read_to_string(self.path("calls")).unwrap();
        let folder = regex::Regex::new(r"/\S*/").unwrap();
        folder.replace_all(&calls, "").into_owned()
    }
}

fn version(text: &str) -> String {
    text.replace("VERSION", env!("CARGO_PKG_VERSION"))
}

#[test]
#[ignore = "needs openssl and python3"]
fn a_release_is_signed_notarised_and_stapled_in_this_order() {
    let studio = Studio::new();
    studio.release().exits(0);
    let code = "codesign --force --sign Developer ID Application: Example (ABCDE12345) --timestamp \
                --options runtime,library,kill --identifier io.osawatch.agent";
    let wanted = format!(
        "{code} --entitlements entitlements.plist Osawatch.app\n\
         codesign --verify --strict --arch arm64 Osawatch.app\n\
         codesign --verify --strict --arch x86_64 Osawatch.app\n\
         productsign --sign Developer ID Installer: Example (ABCDE12345) --timestamp osawatch-VERSION-macos-universal.pkg \
         signed.pkg\n\
         {code} osawatch\n\
         notarytool submit osawatch-VERSION-macos-universal.zip --keychain-profile osawatch --wait\n\
         notarytool submit osawatch-VERSION-macos-universal.pkg --keychain-profile osawatch --wait\n\
         stapler staple osawatch-VERSION-macos-universal.pkg\n\
         stapler staple Osawatch.app\n"
    );
    assert_eq!(studio.calls(), version(&wanted));
    let claimed = plist::Value::from_file(studio.path("entitlements")).unwrap();
    let claimed = claimed.as_dictionary().unwrap();
    assert_eq!(claimed["com.apple.developer.endpoint-security.client"].as_boolean(), Some(true));
    assert_eq!(claimed["com.apple.application-identifier"].as_string(), Some("ABCDE12345.io.osawatch.agent"));
    assert_eq!(claimed["com.apple.developer.team-identifier"].as_string(), Some("ABCDE12345"));
    assert_eq!(claimed.len(), 3, "and nothing else: {claimed:?}");
    assert!(studio.path("dist/Osawatch.app/Contents/embedded.provisionprofile").exists());
}

#[test]
#[ignore = "needs openssl and python3"]
fn a_release_that_apple_does_not_notarise_leaves_the_earlier_one() {
    let studio = Studio::new();
    studio.release().exits(0);
    let sums = fs::read(studio.path("dist/SHA256SUMS")).unwrap();
    fs::write(studio.path("verdict"), "Invalid").unwrap();
    studio.release().exits(1).says("Apple did not notarise").says("status: Invalid");
    assert!(fs::read(studio.path("dist/SHA256SUMS")).unwrap() == sums);
    fs::remove_dir_all(studio.path("dist")).unwrap();
    studio.release().exits(1);
    assert!(!studio.path("dist").exists());
}

fn kept(runner: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(runner).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    names.into_iter().map(|name| name.into_string().unwrap()).collect()
}

#[test]
#[ignore = "needs openssl and base64"]
fn the_secrets_of_a_release_become_options_and_leave_no_key_in_a_file() {
    let studio = Studio::new();
    studio.keychain().exits(0);
    let runner = studio.path("runner");
    assert_eq!(kept(&runner), ["osawatch.provisionprofile", "signing.sh"]);
    let show = format!(". '{}' && printf '%s\\n' \"${{options[@]}}\"", runner.join("signing.sh").display());
    let options = Run::of(&Command::new("bash").args(["-c", &show]).output().unwrap()).exits(0).stdout;
    let profile = runner.join("osawatch.provisionprofile").display().to_string();
    let wanted = [
        "--flavour",
        "release",
        "--profile",
        &profile,
        "--certificate",
        "Developer ID Application: Example (ABCDE12345)",
        "--installer-certificate",
        "Developer ID Installer: Example (ABCDE12345)",
        "--notary-profile",
        "osawatch",
    ];
    assert_eq!(options.lines().collect::<Vec<_>>(), wanted);
}

#[test]
#[ignore = "needs openssl and base64"]
fn expired_certificates_end_a_release_in_a_sentence_and_leave_no_key_in_a_file() {
    let studio = Studio::new();
    fs::write(studio.path("identities"), "     0 valid identities found\n").unwrap();
    let run = studio.keychain().exits(1);
    run.says("the certificates are not valid ones for Developer ID Application and Installer: expired?");
    assert_eq!(kept(&studio.path("runner")), [""; 0]);
}
