//! What can go wrong behind everybody's back, done to one document.

use std::fs;

use serde_json::Value;

use crate::scene::Scene;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// A bit of the object's content, in its last piece.
    ObjectByte,
    ObjectGone,
    /// The object's own media type, with a sound checksum.
    MediaType,
    /// The same by somebody who knows of no checksum: the store itself finds that.
    MediaTypeByHand,
    /// The object's file, to the half of it.
    Cut,
    /// A bit of what SQL holds, unseen by any trigger.
    SqlByte,
    /// An object of nobody's.
    Alien,
}

impl Damage {
    /// How it is listed.
    pub fn kind(self) -> &'static str {
        match self {
            Self::ObjectByte | Self::MediaTypeByHand | Self::Cut => "object_bytes",
            Self::ObjectGone => "object_missing",
            Self::MediaType => "labels",
            Self::SqlByte => "sql_bytes",
            Self::Alien => "alien_object",
        }
    }

    pub fn do_to(self, scene: &Scene, id: u64) {
        let (object, file) = scene.object(id);
        match self {
            Self::ObjectByte => {
                let mut bytes = fs::read(&file).unwrap();
                let last = scene.content(id).len() - 1;
                bytes[last] ^= 1;
                fs::write(&file, bytes).unwrap();
            }
            Self::ObjectGone => fs::remove_file(&file).unwrap(),
            Self::MediaType => relabel(&file),
            Self::MediaTypeByHand => {
                let mut bytes = fs::read(&file).unwrap();
                let at = bytes.windows(10).rposition(|window| window == b"text/plain").unwrap();
                bytes[at..at + 10].copy_from_slice(b"text/x-foo");
                fs::write(&file, bytes).unwrap();
            }
            Self::Cut => {
                let file = fs::File::options().write(true).open(&file).unwrap();
                file.set_len(file.metadata().unwrap().len() / 2).unwrap();
            }
            Self::SqlByte => behind_the_triggers(scene, id),
            Self::Alien => {
                let stranger = uuid::Uuid::now_v7().to_string();
                assert_ne!(stranger, object);
                let folder = file.parent().unwrap().parent().unwrap().join(&stranger[34..]);
                fs::create_dir_all(&folder).unwrap();
                fs::copy(&file, folder.join(stranger)).unwrap();
            }
        }
    }
}

/// As somebody does who knows how the disk store lays its files out.
fn relabel(file: &std::path::Path) {
    let bytes = fs::read(file).unwrap();
    let footer = &bytes[bytes.len() - 24..];
    let length = u64::from_be_bytes(footer[..8].try_into().unwrap());
    let (content, tail) = bytes.split_at(length as usize);
    let mut meta: Value = serde_json::from_slice(&tail[..tail.len() - 24]).unwrap();
    meta["media_type"] = "text/html".into();
    let meta = serde_json::to_vec(&meta).unwrap();
    let mut lengths = length.to_be_bytes().to_vec();
    lengths.extend((meta.len() as u32).to_be_bytes());
    let sum = crc32c::crc32c_append(crc32c::crc32c(&meta), &lengths).to_be_bytes();
    fs::write(file, [content, &meta[..], &lengths[..], &sum[..], &footer[16..]].concat()).unwrap();
}

/// The triggers are gone while the content changes, and are as before after it.
pub fn behind_the_triggers(scene: &Scene, id: u64) {
    let database = scene.database();
    let mut bytes = scene.content(id);
    bytes[0] ^= 1;
    let triggers: Vec<(String, String)> = {
        let mut statement =
            database.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'documents'").unwrap();
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    };
    assert!(!triggers.is_empty());
    for (name, _) in &triggers {
        database.execute_batch(&format!("DROP TRIGGER \"{name}\"")).unwrap();
    }
    database.execute("UPDATE documents SET content = ?2 WHERE id = ?1", rusqlite::params![id, bytes]).unwrap();
    for (_, sql) in &triggers {
        database.execute_batch(sql).unwrap();
    }
}
