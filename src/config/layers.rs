//! The files of a configuration, one layer over the other: a file, those of `conf.d` beside it in order of name, and
//! what an MDM manages. The later one takes precedence key by key; exceptions of all of them apply.

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use super::error::{Error, Problem, What};
use super::origins::{Origin, Origins, key_at};
use super::rule_paths::RulePaths;
use super::trust::{self, Trust};
use super::{Config, ExceptionFile, Rules, managed, parse};

/// A configuration is a few pages of text; this bounds what a mistaken path can cost.
const MAX_BYTES: u64 = 1 << 20;

/// Where the layers of a configuration are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layers {
    /// The file. `conf.d`, `exceptions.d` and `rules` are beside it.
    pub file: PathBuf,
    /// Someone named the file, and not only osawatch itself.
    pub is_named: bool,
    /// The managed preferences, if they count.
    pub managed: Option<PathBuf>,
    /// Someone named them: they have to be there.
    pub is_managed_named: bool,
}

/// What a file is, as far as a change of it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    path: PathBuf,
    found: Option<Found>,
}

/// What there is at a path. Whoever mends owner or mode changes neither the content nor its time.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    mode: u32,
    owner: u32,
}

impl Layers {
    /// The file of an installed osawatch.
    pub(crate) const FILE: &str = "/Library/Application Support/osawatch/config.toml";
    /// What an MDM manages.
    pub(crate) const MANAGED: &str = "/Library/Managed Preferences/io.osawatch.agent.plist";

    /// Whether there is a configuration: someone named one, or any of its files is there.
    pub(crate) fn exist(&self) -> bool {
        self.is_named || self.is_managed_named || self.are_there()
    }

    /// Whether any of the files is there; else every key has its default.
    pub(crate) fn are_there(&self) -> bool {
        let folder = self.folder();
        let managed = self.managed.iter().map(PathBuf::as_path);
        let all = [self.file.as_path(), &folder.join("conf.d"), &folder.join("exceptions.d")];
        all.into_iter().chain(managed).any(|path| !is_missing(path))
    }

    /// Whether a file is missing that someone named. That of an installed osawatch may be: its job names it always.
    pub(crate) fn lack_a_named_file(&self) -> bool {
        let is_needed = self.is_named && self.file != Path::new(Layers::FILE);
        let managed = self.managed.iter().filter(|_| self.is_managed_named);
        Some(&self.file).filter(|_| is_needed).into_iter().chain(managed).any(|path| is_missing(path))
    }

    /// Reads them. What others than root, or the user, could have written is refused. All that is wrong is reported.
    pub(crate) fn load(&self) -> Result<Config, Error> {
        let (config, problems) = self.read();
        if problems.is_empty() { Ok(config) } else { Err(Error { problems }) }
    }

    /// Reads them: the values that are right, and all that is wrong.
    pub(crate) fn read(&self) -> (Config, Vec<Problem>) {
        let folder = self.folder();
        let (mut layers, mut problems) = (Vec::new(), Vec::new());
        let may_be_missing = !self.is_named || self.file == Path::new(Layers::FILE);
        let files = Some(self.file.clone()).filter(|file| !may_be_missing || !is_missing(file));
        for path in files.into_iter().chain(list(&folder.join("conf.d"), &mut problems)) {
            layers.extend(good(read(&path), &mut problems).and_then(|file| Layer::of_file(file, &mut problems)));
        }
        let managed = self.managed.as_deref();
        let managed = managed.and_then(|path| Layer::managed(path, !self.is_managed_named, &mut problems));
        layers.extend(managed);
        let mut exception_files = Vec::new();
        for path in list(&folder.join("exceptions.d"), &mut problems) {
            let Some((origin, text)) = good(read(&path), &mut problems) else { continue };
            let (file, wrong) = ExceptionFile::parse(&origin, &text);
            exception_files.push(file);
            problems.extend(wrong);
        }
        let mut config = self.merged(layers, &mut problems);
        config.exception_files.extend(exception_files);
        for rules in &mut config.rules.paths {
            *rules = folder.join(&*rules);
        }
        // It is looked for as `conf.d` and `exceptions.d` are.
        let own = folder.join(Rules::FOLDER);
        config.rules.paths.retain(|path| *path != own || !is_missing(path));
        (config, problems)
    }

    fn merged(&self, layers: Vec<Layer>, problems: &mut Vec<Problem>) -> Config {
        let (mut table, mut origins, mut exception_files) = (Table::new(), Origins::default(), Vec::new());
        let mut unknown_keys = Vec::new();
        for layer in layers {
            origins.add(&layer.text, |place| match layer.is_managed {
                true => Origin::Managed { file: layer.origin.clone() },
                false => Origin::File { file: layer.origin.clone(), place },
            });
            merge(&mut table, layer.table);
            unknown_keys.extend(layer.unknown_keys);
            let Layer { origin, text, is_managed, .. } = layer;
            exception_files.push(ExceptionFile { origin, text, is_managed, entries: layer.config.exceptions });
        }
        let file = self.file.display().to_string();
        let config = Config::deserialize(Value::Table(table));
        let config = config.map_err(|error| Problem::of_file(&file, What::Text(error.message().to_owned())).into());
        let mut config = good(config, problems).unwrap_or_default();
        config.origins = origins;
        config.source = (file, String::new());
        config.exception_files = exception_files;
        config.unknown_keys = unknown_keys;
        // What was left out could be what keeps a file.
        if problems.is_empty() {
            good(config.check(), problems);
        }
        config
    }

    /// What there is of the files, and of those of rules: it differs when one has changed.
    pub(crate) fn stamps(&self, rules: &[PathBuf]) -> Vec<Stamp> {
        let folder = self.folder();
        let mut paths = vec![self.file.clone()];
        paths.extend(self.managed.clone());
        for folder in ["conf.d", "exceptions.d"].map(|name| folder.join(name)) {
            paths.extend(list(&folder, &mut Vec::new()));
            paths.push(folder);
        }
        let own = folder.join(Rules::FOLDER);
        for path in rules.iter().chain([&own]) {
            // What is not there now can come.
            let RulePaths { files, folders } = RulePaths::at(path).unwrap_or_default();
            paths.extend([path.clone()].into_iter().chain(files).chain(folders));
        }
        paths.into_iter().map(Stamp::of).collect()
    }

    fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }
}

impl Stamp {
    fn of(path: PathBuf) -> Stamp {
        use std::os::unix::fs::MetadataExt;
        let found = std::fs::symlink_metadata(&path).ok().map(|found| Found {
            device: found.dev(),
            inode: found.ino(),
            bytes: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
            mode: found.mode(),
            owner: found.uid(),
        });
        Stamp { path, found }
    }
}

/// Whether there is nothing; what cannot be looked at may be there.
fn is_missing(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Reads a configuration file and what is beside it.
pub(crate) fn load(path: &Path) -> Result<Config, Error> {
    Layers { file: path.to_owned(), is_named: true, managed: None, is_managed_named: false }.load()
}

/// One file, valid by itself.
struct Layer {
    origin: String,
    text: String,
    is_managed: bool,
    /// Keys that are left out, as this version does not know them, a sentence each.
    unknown_keys: Vec<String>,
    config: Config,
    table: Table,
}

impl Layer {
    fn of_file((origin, text): (String, String), problems: &mut Vec<Problem>) -> Option<Layer> {
        let (read, wrong) = parse::parse::<Config>((&origin, &text));
        problems.extend(wrong);
        let (config, mut table) = read?;
        table.remove("exception");
        Some(Layer { origin, text, is_managed: false, unknown_keys: Vec::new(), config, table })
    }

    /// The managed preferences; what is wrong with them has a key instead of a line. A profile reaches agents of all
    /// versions: a key that only others know stops none.
    fn managed(path: &Path, is_optional: bool, problems: &mut Vec<Problem>) -> Option<Layer> {
        let text = good(managed::read(path, is_optional), problems)??;
        let mut wrong = Vec::new();
        let layer = Layer::of_file((path.display().to_string(), text.clone()), &mut wrong);
        for problem in &mut wrong {
            problem.key = problem.place.take().and_then(|place| key_at(&text, place));
        }
        let is_unknown = |problem: &Problem| layer.is_some() && matches!(problem.what, What::UnknownKey(_));
        let (unknown, wrong): (Vec<Problem>, Vec<Problem>) = wrong.into_iter().partition(is_unknown);
        problems.extend(wrong);
        let unknown_keys = unknown.iter().map(|problem| format!("{problem}; this version leaves it out")).collect();
        layer.map(|layer| Layer { is_managed: true, unknown_keys, ..layer })
    }
}

/// What went well; else what is wrong is noted.
fn good<T>(result: Result<T, Error>, problems: &mut Vec<Problem>) -> Option<T> {
    result.map_err(|error| problems.extend(error.problems)).ok()
}

/// Puts one table over another, key by key.
fn merge(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => _ = below.insert(key, value),
        }
    }
}

/// The `.toml` files of a folder, in order of name; none when there is no such folder.
fn list(folder: &Path, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    match paths(folder) {
        Ok(paths) => paths,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            problems.push(Problem::of_file(&folder.display().to_string(), What::Folder(error)));
            Vec::new()
        }
    }
}

fn paths(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !is_hidden && path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<(String, String), Error> {
    let origin = path.display().to_string();
    match trust::read(path, Trust::OwnerOnly, MAX_BYTES) {
        Ok(text) => Ok((origin, text)),
        Err(trust::Error::NotUtf8(before)) => {
            let at = before.len();
            Err(Problem::at((&origin, &before), at, What::File(trust::Error::NotUtf8(String::new()))).into())
        }
        Err(error) => Err(Problem::of_file(&origin, What::File(error)).into()),
    }
}
