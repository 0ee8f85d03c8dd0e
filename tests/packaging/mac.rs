//! A folder as the startup disk of a Mac, an installer, and stand-ins for Apple's commands.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::util::Run;

pub(crate) const APP: &str = "Library/Osawatch/Osawatch.app";
pub(crate) const JOB: &str = "Library/LaunchDaemons/io.osawatch.agent.plist";
pub(crate) const SETTINGS: &str = "Library/Application Support/osawatch";
pub(crate) const STATE: &str = "private/var/db/osawatch";
pub(crate) const LOGS: &str = "private/var/log/osawatch";

pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn stand_ins() -> PathBuf {
    project().join("tests/packaging/stand-ins")
}

/// What a package holds: its payload and its scripts, by path.
#[derive(Clone)]
pub(crate) struct Package {
    pub(crate) version: String,
    pub(crate) payload: BTreeMap<String, (u32, Vec<u8>)>,
    pub(crate) scripts: BTreeMap<String, Vec<u8>>,
}

impl Package {
    /// As `packaging/build.sh` makes it, with a stand-in for the executable.
    pub(crate) fn of_version(version: &str) -> Package {
        let read = |path: &str| fs::read(project().join(path)).unwrap();
        let info = String::from_utf8(read("packaging/bundle/Info.plist")).unwrap().replace("@VERSION@", version);
        let mut payload = BTreeMap::new();
        let mut add = |path: String, mode, data| payload.insert(path, (mode, data));
        add(format!("{APP}/Contents/Info.plist"), 0o644, info.into_bytes());
        add(format!("{APP}/Contents/MacOS/osawatch"), 0o755, fs::read(stand_ins().join("osawatch")).unwrap());
        let resources = format!("{APP}/Contents/Resources");
        add(format!("{resources}/config.toml"), 0o644, read("packaging/config.toml"));
        add(format!("{resources}/exceptions.d/homebrew.toml"), 0o644, read("packaging/exceptions.d/homebrew.toml"));
        add(format!("{resources}/uninstall.sh"), 0o755, read("packaging/uninstall.sh"));
        add(format!("{resources}/completions/_osawatch"), 0o644, b"#compdef osawatch\n".to_vec());
        add(format!("{resources}/man/osawatch.1"), 0o644, b".TH OSAWATCH 1\n".to_vec());
        add(JOB.to_owned(), 0o644, read("launchd/io.osawatch.agent.plist"));
        add("private/etc/newsyslog.d/io.osawatch.agent.conf".into(), 0o644, read("packaging/package/newsyslog.conf"));
        let mut scripts: BTreeMap<String, Vec<u8>> = ["preinstall", "postinstall", "mac.sh"]
            .map(|name| (name.to_owned(), read(&format!("packaging/package/{name}"))))
            .into();
        scripts.insert("version.sh".to_owned(), format!("version={version} kilobytes=100\n").into_bytes());
        Package { version: version.to_owned(), payload, scripts }
    }
}

/// A Mac: its disk, and what launchd knows.
pub(crate) struct Mac {
    folder: tempfile::TempDir,
    /// The startup disk, where it is not in the folder.
    disk: PathBuf,
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl Mac {
    pub(crate) fn new() -> Mac {
        let folder = tempfile::tempdir().unwrap();
        let disk = folder.path().join("Macintosh HD");
        Mac::on(folder, disk)
    }

    /// With this folder as the startup disk.
    pub(crate) fn on(folder: tempfile::TempDir, disk: PathBuf) -> Mac {
        let stock = [
            "Library/LaunchDaemons",
            "Library/Application Support",
            "private/etc/newsyslog.d",
            "private/var/db",
            "private/var/log",
            "usr/local",
        ];
        for name in stock {
            fs::create_dir_all(disk.join(name)).unwrap();
        }
        fs::create_dir(folder.path().join("launchd")).unwrap();
        Mac { folder, disk, environment: Vec::new() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.disk.join(name)
    }

    pub(crate) fn launchd(&self, name: &str) -> PathBuf {
        self.folder.path().join("launchd").join(name)
    }

    /// The version whose process runs.
    pub(crate) fn running(&self) -> Option<String> {
        let version = fs::read_to_string(self.launchd("running")).ok()?;
        let runs = self.launchd("pid").exists() && self.launchd("loaded").exists() && !self.launchd("gone-at").exists();
        runs.then(|| version.trim().to_owned())
    }

    /// Runs a script with this disk and the stand-ins in the place of `/` and Apple's commands.
    fn script(&self, folder: &Path, name: &str, args: &[&str]) -> Run {
        let mut command = Command::new("sh");
        command.arg(folder.join(name)).args(args).stdin(Stdio::null());
        command.env("LAUNCHD", self.folder.path().join("launchd")).env("FAKE_ROOT", &self.disk);
        command.env("OSAWATCH", env!("CARGO_BIN_EXE_osawatch"));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Run::of(&command.output().expect("sh starts"))
    }

    /// A script as it is shipped, but for the two lines that say where commands and disk are.
    fn adapted(&self, text: &[u8]) -> String {
        let text = String::from_utf8(text.to_vec()).unwrap();
        if !text.contains("\nroot=\n") {
            return text;
        }
        let commands = "PATH=/usr/bin:/bin:/usr/sbin:/sbin\n";
        assert!(text.contains(commands));
        let path = format!("PATH='{}':/usr/bin:/bin\n", stand_ins().display());
        text.replace(commands, &path).replace("\nroot=\n", &format!("\nroot='{}'\n", self.disk.display()))
    }

    fn package_script(&self, package: &Package, name: &str) -> Run {
        let folder = self.folder.path().join("scripts");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        for (name, text) in &package.scripts {
            fs::write(folder.join(name), self.adapted(text)).unwrap();
        }
        self.script(&folder, name, &["osawatch.pkg", "/", "/", "/"])
    }

    /// What Apple's installer does: the first script, the files (unpacked beside, then put in place), the second.
    pub(crate) fn install(&self, package: &Package) -> Run {
        self.install_and(package, || ())
    }

    /// The same; something happens once the files are in place.
    pub(crate) fn install_and(&self, package: &Package, between: impl FnOnce()) -> Run {
        let run = self.package_script(package, "preinstall");
        if run.code != 0 {
            return run;
        }
        if let Err(error) = self.put_in_place(package) {
            let _ = fs::remove_dir_all(self.path("Library/.unpacked"));
            return Run { stdout: String::new(), stderr: format!("installer: {error}"), code: 1 };
        }
        between();
        let run = self.package_script(package, "postinstall");
        if run.code == 0 {
            fs::write(self.launchd("receipt"), &package.version).unwrap();
        }
        run
    }

    fn put_in_place(&self, package: &Package) -> std::io::Result<()> {
        let unpacked = self.path("Library/.unpacked");
        for (path, (mode, data)) in &package.payload {
            let path = unpacked.join(path);
            fs::create_dir_all(path.parent().unwrap())?;
            fs::write(&path, data)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(*mode))?;
        }
        let _ = fs::remove_dir_all(self.path(APP));
        for path in package.payload.keys() {
            fs::create_dir_all(self.path(path).parent().unwrap())?;
            fs::rename(unpacked.join(path), self.path(path))?;
        }
        fs::remove_dir_all(unpacked)
    }

    /// The uninstaller of the bundle.
    pub(crate) fn uninstall(&self, args: &[&str]) -> Run {
        let shipped = fs::read(project().join("packaging/uninstall.sh")).unwrap();
        fs::write(self.folder.path().join("uninstall.sh"), self.adapted(&shipped)).unwrap();
        self.script(self.folder.path(), "uninstall.sh", args)
    }

    /// Everything on the disk: mode, and the content of files or where links lead.
    pub(crate) fn everything(&self) -> BTreeMap<String, (u32, Vec<u8>)> {
        fn walk(at: &Path, root: &Path, found: &mut BTreeMap<String, (u32, Vec<u8>)>) {
            for entry in fs::read_dir(at).unwrap() {
                let path = entry.unwrap().path();
                let info = path.symlink_metadata().unwrap();
                let content = if info.is_symlink() {
                    fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
                } else if info.is_dir() {
                    walk(&path, root, found);
                    Vec::new()
                } else {
                    fs::read(&path).unwrap()
                };
                let name = path.strip_prefix(root).unwrap().display().to_string();
                found.insert(name, (info.mode(), content));
            }
        }
        let mut found = BTreeMap::new();
        walk(&self.disk, &self.disk, &mut found);
        found
    }

    pub(crate) fn mode(&self, name: &str) -> u32 {
        self.path(name).symlink_metadata().unwrap().mode() & 0o7777
    }
}
