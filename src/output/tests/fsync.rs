//! A disk that takes lines and cannot be forced to keep them.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::super::medium::{Disk, Medium};
use super::super::options::Fsync;
use super::*;

#[derive(Debug, Default)]
struct Unsynced {
    fails: AtomicBool,
    tried: AtomicU64,
}

impl Medium for Unsynced {
    fn sync(&self, file: &File) -> io::Result<()> {
        self.tried.fetch_add(1, Ordering::SeqCst);
        if self.fails.load(Ordering::SeqCst) { Err(io::Error::from_raw_os_error(libc::EIO)) } else { Disk.sync(file) }
    }
}

#[test]
fn lines_go_on_while_fsync_fails_which_is_said_once_and_tried_again_every_second() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("log")).unwrap();
    let medium = Arc::new(Unsynced::default());
    let options = Options { fsync: Fsync::Interval, rotation: None, ..options(folder.path()) };
    let mut writer = Writer::on(Arc::clone(&medium) as Arc<dyn Medium>, options, at(0)).unwrap();
    medium.fails.store(true, Ordering::SeqCst);
    messages();
    for second in 0..5 {
        writer.write(&line(second), at(second.cast_signed()));
        writer.tick(at(second.cast_signed()));
        assert!(writer.due() > at(second.cast_signed()), "it is not tried without a pause");
    }
    assert_eq!((lines(folder.path()), writer.waiting(), writer.trouble().is_some()), (wanted(5), 0, false));
    let said = messages();
    assert!(said.len() == 1 && said[0].ends_with("trying again every second"), "{said:?}");
    medium.fails.store(false, Ordering::SeqCst);
    let tried = medium.tried.load(Ordering::SeqCst);
    writer.tick(at(5));
    writer.tick(at(6));
    assert_eq!((medium.tried.load(Ordering::SeqCst), messages().len()), (tried + 1, 0));
    writer.finish(at(6)).unwrap();
}
