//! Objects whose files were damaged behind the store's back. No wrong byte ever reaches a client: SQL answers where it can, and
//! where it cannot, the answer fails or ends short.

use std::os::unix::fs::FileExt;
use std::path::Path;

use sluss::model::phase::Phase;

use super::house::{House, MIB, Plan, Witness, content, document};
use super::support::customers::ACME;
use super::wire::{Ask, ask};

const CORRUPT: &str = "sluss_fallbacks_total{reason=\"corrupt\",tenant=\"acme\"}";

/// A document of three pieces and a bit, in both stores or in the object store only, and the file of its object.
async fn house_with_object(phase: Phase) -> (House, Witness, std::path::PathBuf) {
    let house = House::open(Plan { phase, ..Plan::default() }).await;
    let witness = house.plant(&document(&ACME, "1"), content(1, 3 * MIB + 17)).await;
    house.settle(&ACME).await;
    let [file] = &house.object_files(&ACME)[..] else { panic!("there is not one object") };
    let file = file.clone();
    (house, witness, file)
}

fn flip_byte(file: &Path, at: u64) {
    let file = std::fs::File::options().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

#[tokio::test]
async fn sql_answers_for_an_object_with_a_flipped_byte() {
    let (house, witness, file) = house_with_object(Phase::Dual).await;
    flip_byte(&file, 5);
    for read in 1..=5 {
        let answer = house.get(&witness.path).await;
        assert!(answer.body == witness.content && answer.header("served-from") == "sql", "{answer:?}");
        assert_eq!(house.metric(CORRUPT).await, f64::from(read));
    }
    house.close().await;
}

#[tokio::test]
async fn sql_goes_on_in_mid_body_for_an_object_with_a_flipped_byte() {
    let (house, witness, file) = house_with_object(Phase::Dual).await;
    flip_byte(&file, 2 * MIB + 5);
    let answer = house.get(&witness.path).await;
    assert_eq!((answer.header("served-from"), answer.whole), ("object", true), "the first pieces are the object's");
    assert!(answer.body == witness.content, "other bytes: {answer:?}");
    assert_eq!(house.metric(CORRUPT).await, 1.0);
    house.close().await;
}

#[tokio::test]
async fn sql_goes_on_in_mid_body_when_the_object_is_cut_while_it_is_read() {
    let (house, witness, file) = house_with_object(Phase::Dual).await;
    let mut wire = super::wire::Wire::open(house.documents).await;
    wire.send(Ask::get(&witness.path).head()).await.unwrap();
    let head = wire.answer_head().await.unwrap();
    assert_eq!(head.header("served-from"), "object");
    std::fs::File::options().write(true).open(file).unwrap().set_len(MIB + 7).unwrap();
    let mut found = Vec::new();
    while found.len() < witness.content.len() {
        let portion = wire.take(usize::MAX).await;
        assert!(!portion.is_empty(), "the answer broke off after {} bytes", found.len());
        found.extend(portion);
    }
    assert!(found == witness.content);
    drop(wire);
    house.close().await;
}

#[tokio::test]
async fn sql_answers_for_an_object_that_was_cut_or_is_gone() {
    let (house, witness, file) = house_with_object(Phase::Dual).await;
    std::fs::File::options().write(true).open(&file).unwrap().set_len(2 * MIB + 5).unwrap();
    let answer = house.get(&witness.path).await;
    assert!(answer.body == witness.content && answer.header("served-from") == "sql", "{answer:?}");
    std::fs::remove_file(&file).unwrap();
    let answer = house.get(&witness.path).await;
    assert!(answer.body == witness.content && answer.header("served-from") == "sql", "{answer:?}");
    assert_eq!(house.metric(CORRUPT).await, 2.0);
    house.close().await;
}

#[tokio::test]
async fn a_flipped_byte_in_the_only_copy_breaks_the_answer_before_it() {
    let (house, witness, file) = house_with_object(Phase::Object).await;
    flip_byte(&file, 2 * MIB + 5);
    let answer = house.get(&witness.path).await;
    assert_eq!((answer.status, answer.whole), (200, false), "{answer:?}");
    assert!(answer.body.len() <= 2 * MIB as usize && witness.content.starts_with(&answer.body), "{answer:?}");
    let piece = house.ask(&Ask::get(&witness.path).with("Range", "bytes=2097160-2097170")).await;
    piece.problem(503, "store-unavailable");
    let others = house.ask(&Ask::get(&witness.path).with("Range", "bytes=0-2097151")).await;
    assert!(others.whole && others.body == witness.content[..2 * MIB as usize], "{others:?}");
    house.close().await;
}

#[tokio::test]
async fn an_only_copy_that_cannot_be_read_at_all_is_a_clear_failure() {
    let (house, witness, file) = house_with_object(Phase::Object).await;
    flip_byte(&file, 5);
    house.get(&witness.path).await.problem(503, "store-unavailable");
    flip_byte(&file, 5);
    house.assert_unchanged(&witness).await;
    std::fs::File::options().write(true).open(&file).unwrap().set_len(100).unwrap();
    house.get(&witness.path).await.problem(503, "store-unavailable");
    std::fs::remove_file(&file).unwrap();
    house.get(&witness.path).await.problem(503, "store-unavailable");
    // What the row knows is known still.
    let head = ask(house.documents, &Ask::new("HEAD", &witness.path)).await;
    assert_eq!((head.status, head.header("etag")), (200, witness.etag.as_str()));
    house.close().await;
}
