//! What `packaging/build.sh` makes of the macOS executables.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::mac::{APP, JOB, Mac, Package, project};
use super::mach_o::{self, ADHOC, ARM64, RUNTIME, X86_64};
use super::xar::{self, Element, Member};
use super::{bill, mach_o::Signature};
use crate::util::Run;

const EXECUTABLE: &str = "target/universal2-apple-darwin/release/osawatch";
const ENTITLEMENT: &str = "com.apple.developer.endpoint-security.client";
/// The libraries that osawatch is linked with: all of them are on every Mac since macOS 13.
const LIBRARIES: &[&str] = &[
    "/System/Library/Frameworks/Foundation.framework/Versions/C/Foundation",
    "/usr/lib/libEndpointSecurity.dylib",
    "/usr/lib/libSystem.B.dylib",
    "/usr/lib/libbsm.0.dylib",
    "/usr/lib/libcharset.1.dylib",
    "/usr/lib/libiconv.2.dylib",
    "/usr/lib/libobjc.A.dylib",
];

/// Runs build.sh into a folder.
pub(super) fn build(out: &Path, args: &[&str]) -> Run {
    let mut command = Command::new(project().join("packaging/build.sh"));
    command.arg("--out").arg(out).args(args).stdin(Stdio::null());
    command.arg("--executable").arg(project().join(EXECUTABLE)).arg("--command").arg(env!("CARGO_BIN_EXE_osawatch"));
    Run::of(&command.output().expect("bash starts"))
}

fn built(out: &Path, args: &[&str]) -> (PathBuf, PathBuf) {
    build(out, args).exits(0);
    let package = fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path());
    let package = package.filter(|path| path.extension().is_some_and(|extension| extension == "pkg"));
    (out.join("Osawatch.app"), package.last().expect("a package"))
}

/// The signature of both slices, which is the same; all that it seals was compared.
fn signature(app: &Path) -> Signature {
    let contents = app.join("Contents");
    let file = fs::read(contents.join("MacOS/osawatch")).unwrap();
    let info = fs::read(contents.join("Info.plist")).unwrap();
    let resources = fs::read(contents.join("_CodeSignature/CodeResources")).unwrap();
    every_file_is_sealed(&contents, &resources);
    let slices = mach_o::slices(&file);
    assert_eq!(slices.iter().map(|slice| slice.processor).collect::<Vec<_>>(), [ARM64, X86_64]);
    for slice in &slices {
        assert_eq!(slice.oldest_system(), (13, 0));
    }
    let mut found: Vec<_> = slices.iter().map(|slice| slice.signature(Some((&info, &resources)))).collect();
    let last = found.pop().unwrap();
    assert_eq!(format!("{:?}", found[0]), format!("{last:?}"), "both slices are signed alike");
    assert_eq!(last.identifier, "io.osawatch.agent");
    last
}

/// CodeResources has the hash of each file but those that the executable seals, and of no other.
fn every_file_is_sealed(contents: &Path, resources: &[u8]) {
    let sealed = plist::Value::from_reader(std::io::Cursor::new(resources)).unwrap();
    let sealed = sealed.as_dictionary().unwrap()["files2"].as_dictionary().unwrap();
    let mut found = Vec::new();
    fn walk(at: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    walk(contents, &mut found);
    let outside = ["Info.plist", "PkgInfo", "MacOS/osawatch", "_CodeSignature/CodeResources"];
    let mut names: Vec<_> = found.iter().map(|path| path.strip_prefix(contents).unwrap().to_str().unwrap()).collect();
    names.retain(|name| !outside.contains(name));
    names.sort_unstable();
    let mut listed: Vec<_> = sealed.keys().map(String::as_str).collect();
    listed.sort_unstable();
    assert_eq!(names, listed);
    for name in names {
        let hash = sealed[name].as_dictionary().unwrap()["hash2"].as_data().unwrap();
        assert_eq!(hash, &<sha2::Sha256 as sha2::Digest>::digest(fs::read(contents.join(name)).unwrap())[..], "{name}");
    }
}

/// What the readers find in a package.
struct Opened {
    files: BTreeMap<String, Vec<u8>>,
    payload: BTreeMap<String, Member>,
    scripts: BTreeMap<String, Member>,
}

fn opened(package: &Path) -> Opened {
    let files = xar::files(&fs::read(package).unwrap());
    let payload = xar::members(&files["osawatch.pkg/Payload"]);
    let scripts = xar::members(&files["osawatch.pkg/Scripts"]);
    Opened { files, payload, scripts }
}

#[test]
#[ignore = "needs the macOS executables: packaging/cross/build.sh"]
fn the_default_flavour_is_signed_ad_hoc_and_claims_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (app, _) = built(&folder.path().join("dist"), &[]);
    let signature = signature(&app);
    assert_eq!(signature.flags, ADHOC);
    assert!(signature.entitlements.is_none() && !signature.has_certificate && signature.team.is_none());
    assert!(!app.join("Contents/embedded.provisionprofile").exists());
    let info = plist::Value::from_file(app.join("Contents/Info.plist")).unwrap();
    let text = |key: &str| info.as_dictionary().unwrap()[key].as_string().unwrap();
    assert_eq!(text("CFBundleShortVersionString"), env!("CARGO_PKG_VERSION"));
    assert_eq!((text("CFBundleVersion"), text("LSMinimumSystemVersion")), (env!("CARGO_PKG_VERSION"), "13.0"));
    assert_eq!((text("CFBundlePackageType"), text("CFBundleExecutable")), ("APPL", "osawatch"));
    assert_eq!(fs::read(app.join("Contents/PkgInfo")).unwrap(), b"APPL????");
    let file = fs::read(app.join("Contents/MacOS/osawatch")).unwrap();
    for slice in mach_o::slices(&file) {
        let mut libraries = slice.libraries();
        libraries.sort();
        assert_eq!(libraries, LIBRARIES);
    }
}

#[test]
#[ignore = "needs the macOS executables: packaging/cross/build.sh"]
fn two_builds_are_the_same_and_a_zip_list_of_parts_and_checksums_lie_beside_the_package() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
    built(&one, &[]);
    built(&other, &[]);
    let compared = Command::new("diff").arg("-r").arg(&one).arg(&other).output().unwrap();
    assert!(compared.status.success(), "{}", String::from_utf8_lossy(&compared.stdout));
    let sums = fs::read_to_string(one.join("SHA256SUMS")).unwrap();
    assert_eq!(sums.lines().count(), 3);
    let checked = Command::new("sha256sum").args(["-c", "--quiet", "SHA256SUMS"]).current_dir(&one).status().unwrap();
    assert!(checked.success());
    let bill = fs::read_to_string(one.join(format!("osawatch-{}.cdx.json", env!("CARGO_PKG_VERSION")))).unwrap();
    let bill: serde_json::Value = serde_json::from_str(&bill).unwrap();
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
    let names: Vec<_> = bill["components"].as_array().unwrap().iter().map(|part| part["name"].as_str()).collect();
    for wanted in ["endpoint-sec", "serde_json", "mach2"] {
        assert!(names.contains(&Some(wanted)), "{wanted}");
    }
    assert!(!names.contains(&Some("proptest")), "what only the tests need is not in the executable");
    let refs: Vec<_> = bill["dependencies"].as_array().unwrap().iter().map(|one| &one["ref"]).collect();
    assert_eq!(refs.len(), names.len() + 1, "every part says what it depends on");
}

#[test]
#[ignore = "needs the macOS executables: packaging/cross/build.sh"]
fn the_package_holds_what_its_bill_says_for_root_and_nothing_that_others_may_write() {
    let folder = tempfile::tempdir().unwrap();
    let (app, package) = built(&folder.path().join("dist"), &[]);
    let Opened { files, payload, scripts } = opened(&package);
    let bill = bill::lines(&files["osawatch.pkg/Bom"]);
    assert_eq!(bill.keys().collect::<Vec<_>>(), payload.keys().collect::<Vec<_>>());
    for (path, member) in &payload {
        let is_folder = member.mode & 0o170_000 == 0o040_000;
        let line = bill::Line {
            mode: member.mode,
            owner: (0, 0),
            size: member.data.len() as u32,
            checksum: if is_folder { 0 } else { bill::cksum(&member.data) },
            link: Vec::new(),
        };
        assert_eq!(bill[path], line, "{path}");
        assert_eq!((member.owner, member.mode & 0o022), ((0, 0), 0), "{path}");
    }
    let top: Vec<_> = payload.keys().filter(|path| path.matches('/').count() == 2).map(String::as_str).collect();
    assert_eq!(top, ["./Library/LaunchDaemons", "./Library/Osawatch", "./private/etc"]);
    assert_eq!(payload[&format!("./{JOB}")].data, fs::read(project().join("launchd/io.osawatch.agent.plist")).unwrap());
    let executable = &payload[&format!("./{APP}/Contents/MacOS/osawatch")];
    assert_eq!(executable.mode, 0o100_755);
    assert_eq!(executable.data, fs::read(app.join("Contents/MacOS/osawatch")).unwrap());
    for name in ["_osawatch", "osawatch.bash", "osawatch.fish"] {
        assert!(payload.contains_key(&format!("./{APP}/Contents/Resources/completions/{name}")), "{name}");
    }
    let about = Element::parse(std::str::from_utf8(&files["osawatch.pkg/PackageInfo"]).unwrap());
    assert_eq!(about.child("payload").attribute("numberOfFiles"), payload.len().to_string());
    assert_eq!(about.attribute("version"), env!("CARGO_PKG_VERSION"));
    assert_eq!((about.attribute("relocatable"), about.attribute("auth")), ("false", "root"));
    for script in &about.child("scripts").children {
        let member = &scripts[script.attribute("file")];
        assert_eq!((member.mode, &member.data[..2]), (0o100_755, &b"#!"[..]), "{}", script.name);
    }
    let distribution = Element::parse(std::str::from_utf8(&files["Distribution"]).unwrap());
    let systems = distribution.child("volume-check").child("allowed-os-versions");
    assert_eq!(systems.child("os-version").attribute("min"), "13.0");
    assert_eq!(distribution.child("pkg-ref").text, "#osawatch.pkg");
    assert_eq!(distribution.child("options").attribute("hostArchitectures"), "arm64,x86_64");
}

#[test]
#[ignore = "needs the macOS executables: packaging/cross/build.sh"]
fn the_package_installs_upgrades_and_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let (_, package) = built(&folder.path().join("dist"), &[]);
    let Opened { payload, scripts, .. } = opened(&package);
    let is_file = |member: &Member| member.mode & 0o170_000 == 0o100_000;
    let name = |path: &str| path.trim_start_matches("./").to_owned();
    let files = payload.iter().filter(|(_, member)| is_file(member));
    let mut package = Package {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        payload: files.map(|(path, member)| (name(path), (member.mode & 0o777, member.data.clone()))).collect(),
        scripts: scripts
            .iter()
            .filter(|(_, member)| is_file(member))
            .map(|(path, m)| (name(path), m.data.clone()))
            .collect(),
    };
    // The executable is for another system.
    let executable = format!("{APP}/Contents/MacOS/osawatch");
    package.payload.insert(executable.clone(), Package::of_version("0.0.0").payload[&executable].clone());
    let mac = Mac::new();
    let before = mac.everything();
    mac.install(&Package::of_version("0.0.1")).exits(0);
    mac.install(&package).exits(0);
    assert_eq!(mac.running().as_deref(), Some(env!("CARGO_PKG_VERSION")));
    for (path, (_, data)) in &package.payload {
        assert!(fs::read(mac.path(path)).unwrap() == *data, "{path}");
    }
    mac.install(&Package::of_version("0.0.1")).exits(1).says("a downgrade is refused");
    mac.uninstall(&[]).exits(0);
    assert_eq!(mac.everything(), before);
}

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

/// A certificate with its key, made by openssl.
fn certificate(folder: &Path, days: &str) -> PathBuf {
    let [pem, key, request] = ["certificate.pem", "key.pem", "request.pem"].map(|name| folder.join(name));
    let openssl = |args: &[&str], files: &[(&str, &Path)]| {
        let mut command = Command::new("openssl");
        command.args(args);
        for (option, file) in files {
            command.arg(option).arg(file);
        }
        assert!(command.output().expect("openssl starts").status.success(), "{command:?}");
    };
    let subject = ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Example/OU=ABCDE12345"];
    openssl(&subject, &[("-keyout", &key), ("-out", &request)]);
    let files: [(&str, &Path); 3] = [("-in", &request), ("-signkey", &key), ("-out", &pem)];
    openssl(&["x509", "-req", "-days", days], &files);
    let key = fs::read_to_string(&key).unwrap();
    fs::write(&pem, fs::read_to_string(&pem).unwrap() + &key).unwrap();
    pem
}

/// A provisioning profile that this certificate signs.
fn profile(folder: &Path, entitlements: &str, expires: &str, everywhere: bool) -> PathBuf {
    let pem = certificate(folder, "1");
    let flag = if everywhere { "<key>ProvisionsAllDevices</key><true/>" } else { "" };
    let text = format!(
        "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict><key>Entitlements</key><dict>{entitlements}</dict>\
         <key>ExpirationDate</key><date>{expires}</date>{flag}\
         <key>TeamIdentifier</key><array><string>ABCDE12345</string></array></dict></plist>"
    );
    let (plain, signed) = (folder.join("profile.plist"), folder.join("profile.provisionprofile"));
    fs::write(&plain, text).unwrap();
    let mut command = Command::new("openssl");
    command.args(["cms", "-sign", "-nodetach", "-binary", "-outform", "DER", "-in"]).arg(&plain);
    command.arg("-signer").arg(&pem).arg("-out").arg(&signed);
    assert!(command.output().unwrap().status.success());
    signed
}

fn allowed(application: &str) -> String {
    format!("<key>{ENTITLEMENT}</key><true/><key>com.apple.application-identifier</key><string>{application}</string>")
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
    assert!(!out.exists());
}

#[test]
#[ignore = "needs openssl"]
fn an_expired_certificate_is_refused_with_its_date() {
    let folder = tempfile::tempdir().unwrap();
    let pem = certificate(folder.path(), "-1");
    let out = folder.path().join("dist");
    build(&out, &["--certificate", pem.to_str().unwrap()]).exits(1).says("expired on ");
    assert!(!out.exists());
}

#[test]
#[ignore = "needs rcodesign: packaging/bundle/rcodesign.sh"]
fn rcodesign_signs_each_flavour_and_only_release_and_dev_claim_the_entitlement() {
    let folder = tempfile::tempdir().unwrap();
    for (flavour, everywhere) in [("default", true), ("release", true), ("dev", false)] {
        let ours = allowed("ABCDE12345.io.osawatch.agent");
        let profile = profile(folder.path(), &ours, "2040-01-01T00:00:00Z", everywhere);
        let pem = folder.path().join("certificate.pem");
        let mut args = vec!["--flavour", flavour, "--certificate", pem.to_str().unwrap()];
        if flavour != "default" {
            args.extend(["--profile", profile.to_str().unwrap()]);
        }
        let (app, package) = built(&folder.path().join(flavour), &args);
        let signature = signature(&app);
        assert!(signature.has_certificate && signature.flags & ADHOC == 0 && signature.flags & RUNTIME != 0);
        assert_eq!(signature.team.as_deref(), Some("ABCDE12345"), "{flavour}");
        assert_eq!(app.join("Contents/embedded.provisionprofile").exists(), flavour != "default");
        let claims = signature.entitlements.unwrap_or_default();
        assert_eq!(claims.contains(ENTITLEMENT), flavour != "default", "{flavour}: {claims}");
        assert_eq!(signature.has_der_entitlements, flavour != "default");
        assert!(!claims.contains("get-task-allow"));
        let payload = opened(&package).payload;
        let executable = &payload[&format!("./{APP}/Contents/MacOS/osawatch")].data;
        assert!(*executable == fs::read(app.join("Contents/MacOS/osawatch")).unwrap());
    }
}
