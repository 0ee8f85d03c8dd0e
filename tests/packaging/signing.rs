//! Certificates and profiles: what is refused before anything is built, and what each flavour claims once it is signed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::build::{build, built, opened, signature};
use super::mac::APP;
use super::mach_o::{self, ADHOC, RUNTIME};
use super::xar;

const ENTITLEMENT: &str = "com.apple.developer.endpoint-security.client";
const TEAM: &str = "/CN=Example/OU=ABCDE12345";
const FOR_CODE: &str = "codeSigning";
/// Developer ID Installer.
const FOR_PACKAGES: &str = "1.2.840.113635.100.4.13";

#[test]
fn an_entitlement_without_a_profile_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("dist");
    for flavour in ["release", "dev"] {
        let run = build(&out, &["--flavour", flavour, "--certificate", "any"]).exits(1);
        run.says("kills a program that claims it without a provisioning profile that allows it: give --profile");
    }
    build(&out, &["--flavour", "beta"]).exits(1).says("unknown flavour beta: default, release or dev");
    assert!(!out.exists(), "nothing was made");
}

#[test]
fn a_folder_that_no_build_made_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("letter.txt"), "mine").unwrap();
    build(folder.path(), &[]).exits(1).says("holds something other than an earlier build: give another folder");
    assert_eq!(fs::read_to_string(folder.path().join("letter.txt")).unwrap(), "mine");
}

fn openssl(args: &[&str]) -> Vec<u8> {
    let run = Command::new("openssl").args(args).output().expect("openssl starts");
    assert!(run.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&run.stderr));
    run.stdout
}

/// A certificate with its key in PEM, self-signed for these days and this purpose.
fn certificate(folder: &Path, subject: &str, days: &str, purpose: &str) -> PathBuf {
    let path = |name: &str| folder.join(name).display().to_string();
    let (pem, key, request, extensions) =
        (path("signer.pem"), path("key.pem"), path("request.pem"), path("extensions"));
    openssl(&["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", subject, "-keyout", &key, "-out", &request]);
    fs::write(&extensions, format!("extendedKeyUsage={purpose}\n")).unwrap();
    let signed = ["x509", "-req", "-in", &request, "-signkey", &key, "-days", days, "-extfile", &extensions];
    let text = String::from_utf8(openssl(&signed)).unwrap();
    fs::write(&pem, text + &fs::read_to_string(&key).unwrap()).unwrap();
    PathBuf::from(pem)
}

/// A certificate that can be used, in a file of this name.
fn usable(folder: &Path, name: &str, purpose: &str) -> PathBuf {
    let pem = folder.join(name);
    fs::rename(certificate(folder, TEAM, "30", purpose), &pem).unwrap();
    pem
}

/// A provisioning profile, signed by anyone.
pub(super) fn profile(folder: &Path, entitlements: &str, expires: &str, everywhere: bool) -> PathBuf {
    let pem = certificate(folder, TEAM, "1", FOR_CODE);
    let flag = if everywhere { "<key>ProvisionsAllDevices</key><true/>" } else { "" };
    let text = format!(
        "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict><key>Entitlements</key><dict>{entitlements}</dict>\
         <key>ExpirationDate</key><date>{expires}</date>{flag}\
         <key>TeamIdentifier</key><array><string>ABCDE12345</string></array></dict></plist>"
    );
    let (plain, signed) = (folder.join("profile.plist"), folder.join("profile.provisionprofile"));
    fs::write(&plain, text).unwrap();
    let shown = |path: &Path| path.display().to_string();
    let (plain, pem) = (shown(&plain), shown(&pem));
    let message = ["cms", "-sign", "-nodetach", "-binary", "-outform", "DER", "-in", &plain, "-signer", &pem];
    fs::write(&signed, openssl(&message)).unwrap();
    signed
}

/// The entitlements of a profile for this application.
pub(super) fn allowed(application: &str) -> String {
    format!("<key>{ENTITLEMENT}</key><true/><key>com.apple.application-identifier</key><string>{application}</string>")
}

/// A profile that can be used.
pub(super) fn good_profile(folder: &Path, everywhere: bool) -> PathBuf {
    profile(folder, &allowed("ABCDE12345.io.osawatch.agent"), "2040-01-01T00:00:00Z", everywhere)
}

#[test]
#[ignore = "needs openssl and python3"]
fn a_profile_that_does_not_fit_is_refused_before_anything_is_built() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("dist");
    let ours = allowed("ABCDE12345.io.osawatch.agent");
    for (flavour, entitlements, expires, everywhere, sentence) in [
        ("release", "", "2040-01-01T00:00:00Z", true, "it does not allow com.apple.developer.endpoint-security.client"),
        ("release", &allowed("ABCDE12345.other"), "2040-01-01T00:00:00Z", true, "identifier ABCDE12345.other"),
        ("release", &ours, "2020-01-01T00:00:00Z", true, "it expired on 2020-01-01"),
        ("release", &ours, "2040-01-01T00:00:00Z", false, "it is a development profile"),
        ("dev", &ours, "2040-01-01T00:00:00Z", true, "it is a profile for Developer ID"),
    ] {
        let profile = profile(folder.path(), entitlements, expires, everywhere);
        let profile = profile.to_str().unwrap();
        build(&out, &["--flavour", flavour, "--profile", profile, "--certificate", "any"]).exits(1).says(sentence);
    }
    let damaged = folder.path().join("damaged");
    fs::write(&damaged, "no profile").unwrap();
    let args = ["--flavour", "release", "--profile", damaged.to_str().unwrap(), "--certificate", "any"];
    build(&out, &args).exits(1).says("not a provisioning profile, or damaged");
    let missing = folder.path().join("missing");
    let args = ["--flavour", "release", "--profile", missing.to_str().unwrap(), "--certificate", "any"];
    build(&out, &args).exits(1).says("cannot read: No such file or directory");
    assert!(!out.exists());
}

#[test]
#[ignore = "needs openssl and python3"]
fn a_certificate_that_cannot_sign_is_refused_before_anything_is_built() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("dist");
    let refused = |pem: &Path, option: &str, more: &[&str], sentence: &str| {
        let args = [&[option, pem.to_str().unwrap()], more].concat();
        build(&out, &args).exits(1).says(sentence);
    };
    refused(&folder.path().join("none.pem"), "--certificate", &[], "none.pem does not exist");
    refused(&certificate(folder.path(), TEAM, "-1", FOR_CODE), "--certificate", &[], "expired on ");
    let code = certificate(folder.path(), TEAM, "1", FOR_CODE);
    refused(&code, "--installer-certificate", &[], "is not a certificate for packages");
    let packages = certificate(folder.path(), TEAM, "1", FOR_PACKAGES);
    refused(&packages, "--certificate", &[], "is not a certificate for code");
    let profile = good_profile(folder.path(), true);
    let release = ["--flavour", "release", "--profile", profile.to_str().unwrap()];
    let other = certificate(folder.path(), "/CN=Example/OU=FGHIJ67890", "1", FOR_CODE);
    refused(&other, "--certificate", &release, "of team FGHIJ67890; the profile is of team ABCDE12345");
    let text = fs::read_to_string(&other).unwrap();
    let (alone, _) = text.split_once("-----BEGIN PRIVATE KEY").unwrap();
    fs::write(&other, alone).unwrap();
    refused(&other, "--certificate", &[], "holds no private key, or one with a passphrase");
    fs::write(&other, "no certificate").unwrap();
    refused(&other, "--certificate", &[], "holds no certificate in PEM");
    assert!(!out.exists());
}

/// Fails unless the certificate signed this content with this message.
fn signed_by(content: &[u8], message: &[u8], pem: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let [content_file, message_file] = ["content", "message"].map(|name| folder.path().join(name));
    fs::write(&content_file, content).unwrap();
    fs::write(&message_file, message).unwrap();
    let [content, message, pem] = [&content_file, &message_file, pem].map(|path| path.display().to_string());
    let args = ["cms", "-verify", "-binary", "-inform", "DER", "-in", &message, "-content", &content];
    openssl(&[&args[..], &["-CAfile", &pem, "-purpose", "any", "-no_check_time"]].concat());
}

/// Fails unless the certificate signed each slice, with a requirement that is for it.
fn bundle_signed_by(app: &Path, pem: &Path) {
    let file = fs::read(app.join("Contents/MacOS/osawatch")).unwrap();
    let certificate = openssl(&["x509", "-in", pem.to_str().unwrap(), "-outform", "DER"]);
    let fingerprint = <sha1::Sha1 as sha1::Digest>::digest(&certificate);
    for slice in mach_o::slices(&file) {
        let [directory, requirements, message] = slice.signed();
        signed_by(directory, message, pem);
        let names = |wanted: &[u8]| requirements.windows(wanted.len()).any(|window| window == wanted);
        assert!(names(b"io.osawatch.agent") && names(&fingerprint), "Full Disk Access outlasts an upgrade");
    }
}

#[test]
#[ignore = "needs rcodesign: packaging/bundle/rcodesign.sh"]
fn rcodesign_signs_each_flavour_and_only_release_and_dev_claim_the_entitlement() {
    let folder = tempfile::tempdir().unwrap();
    let pem = usable(folder.path(), "code.pem", FOR_CODE);
    let installer = usable(folder.path(), "packages.pem", FOR_PACKAGES);
    for (flavour, everywhere) in [("default", true), ("release", true), ("dev", false)] {
        let profile = good_profile(folder.path(), everywhere);
        let mut args = vec!["--flavour", flavour, "--certificate", pem.to_str().unwrap()];
        if flavour != "default" {
            args.extend(["--profile", profile.to_str().unwrap()]);
        }
        if flavour == "release" {
            args.extend(["--installer-certificate", installer.to_str().unwrap()]);
        }
        let (app, package) = built(&folder.path().join(flavour), &args);
        let signature = signature(&app);
        assert!(signature.has_certificate && signature.flags & ADHOC == 0 && signature.flags & RUNTIME != 0);
        assert_eq!(signature.team.as_deref(), Some("ABCDE12345"), "{flavour}");
        bundle_signed_by(&app, &pem);
        assert_eq!(app.join("Contents/embedded.provisionprofile").exists(), flavour != "default");
        let claims = signature.entitlements.unwrap_or_default();
        assert_eq!(claims.contains(ENTITLEMENT), flavour != "default", "{flavour}: {claims}");
        assert_eq!(claims.contains("<string>ABCDE12345.io.osawatch.agent</string>"), flavour != "default");
        assert_eq!(signature.has_der_entitlements, flavour != "default");
        assert!(!claims.contains("get-task-allow"));
        let payload = opened(&package).payload;
        let executable = &payload[&format!("./{APP}/Contents/MacOS/osawatch")].data;
        assert!(*executable == fs::read(app.join("Contents/MacOS/osawatch")).unwrap());
        let signed = xar::signature(&fs::read(&package).unwrap());
        assert_eq!(signed.is_some(), flavour == "release");
        if let Some((digest, message)) = signed {
            signed_by(&digest, &message, &installer);
        }
    }
}

#[test]
#[ignore = "needs rcodesign: packaging/bundle/rcodesign.sh"]
fn rcodesign_makes_the_same_signature_again_with_the_same_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let pem = usable(folder.path(), "code.pem", FOR_CODE);
    let args = ["--certificate", pem.to_str().unwrap()];
    let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
    built(&one, &args);
    // A build in the place of another.
    built(&other, &args);
    built(&other, &args);
    let compared = Command::new("diff").arg("-r").arg(&one).arg(&other).output().unwrap();
    assert!(compared.status.success(), "{}", String::from_utf8_lossy(&compared.stdout));
}
