//! What a damaged object does to a reader: the stream ends before the damage, and never answers with it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sluss::model::content::PIECE_BYTES;
use sluss::store::checked::open_checked;
use sluss::store::error::{Interrupted, StoreErrorKind};

use super::objects::{content, drain, location, on_disk, put};

fn flip(file: &Path, at: u64) {
    let file = File::options().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x04], at).unwrap();
}

#[test]
fn a_flipped_byte_never_leaves_nor_does_any_byte_of_its_piece() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (folder, objects) = on_disk();
    let content = content(3 * PIECE_BYTES + 100);
    let length = content.len() as u64;
    let location = location(Some(runtime.block_on(put(&objects, &content))), &content);
    let file = folder.path().join("acme").join(location.object.as_ref().unwrap().id.path());
    let rule = |(at, start, end): (u64, u64, u64)| {
        let (start, end) = (start.min(end), start.max(end));
        flip(&file, at);
        let checked = runtime.block_on(open_checked(objects.as_ref(), &location, start..end)).unwrap().unwrap();
        let (read, ended) = runtime.block_on(drain(checked));
        flip(&file, at);
        let (piece, last_piece) = (at / PIECE_BYTES as u64, end.saturating_sub(1) / PIECE_BYTES as u64);
        let asked = start < end && (start / PIECE_BYTES as u64..=last_piece).contains(&piece);
        let good_end = if asked { (piece * PIECE_BYTES as u64).max(start) } else { end };
        prop_assert!(read == content[start as usize..good_end as usize], "only the pieces before the damage leave");
        match ended {
            Ok(()) => prop_assert!(!asked),
            Err(Interrupted::Store(error)) => prop_assert!(asked && error.kind == StoreErrorKind::Corrupt),
            Err(other) => prop_assert!(false, "{}", other),
        }
        Ok(())
    };
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(100) });
    runner.run(&(0..length, 0..=length, 0..=length), rule).unwrap();
}
