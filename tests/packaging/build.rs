//! What `packaging/build.sh` makes of the macOS executables.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::mac::{APP, JOB, Mac, Package, project};
use super::mach_o::{self, ADHOC, ARM64, X86_64};
use super::xar::{self, Element, Member};
use super::{bill, mach_o::Signature};
use crate::util::Run;

const EXECUTABLE: &str = "target/universal2-apple-darwin/release/osawatch";
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

pub(super) fn built(out: &Path, args: &[&str]) -> (PathBuf, PathBuf) {
    build(out, args).exits(0);
    let package = fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path());
    let package = package.filter(|path| path.extension().is_some_and(|extension| extension == "pkg"));
    (out.join("Osawatch.app"), package.last().expect("a package"))
}

/// The signature of both slices, which is the same; all that it seals was compared.
pub(super) fn signature(app: &Path) -> Signature {
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
pub(super) struct Opened {
    files: BTreeMap<String, Vec<u8>>,
    pub(super) payload: BTreeMap<String, Member>,
    scripts: BTreeMap<String, Member>,
}

pub(super) fn opened(package: &Path) -> Opened {
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
fn two_packages_of_the_same_executables_are_the_same_and_a_zip_list_of_parts_and_checksums_lie_beside_the_package() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
    built(&one, &[]);
    built(&other, &[]);
    let compared = Command::new("diff").arg("-r").arg(&one).arg(&other).output().unwrap();
    assert!(compared.status.success(), "{}", String::from_utf8_lossy(&compared.stdout));
    let sums = fs::read_to_string(one.join("SHA256SUMS")).unwrap();
    assert_eq!(sums.lines().count(), 4, "package, zip, list of parts and symbols");
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
    for name in [
        "completions/_osawatch",
        "completions/osawatch.bash",
        "completions/osawatch.fish",
        "man/osawatch.1",
        "man/osawatch-run.1",
        "config.toml",
        "exceptions.d/homebrew.toml",
        "uninstall.sh",
        "LICENSE",
    ] {
        assert!(payload.contains_key(&format!("./{APP}/Contents/Resources/{name}")), "{name}");
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
