//! Names: tenants, collections, documents, objects. Each is parsed once, at the edge, and carried as a type.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// Longest text id. S3 keeps at most 2 KiB of user metadata an object, and the id has to fit in it beside the file name.
pub const MAX_DOC_ID_BYTES: usize = 512;

/// Longest tenant, collection or placement name: they become metric labels, table suffixes and file names.
const MAX_NAME_BYTES: usize = 63;

/// The same rule as a regular expression, for those who read no Rust.
pub const NAME_PATTERN: &str = "^[a-z0-9][a-z0-9_-]{0,62}$";

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("{what} {value:?} is not a name: use 1 to {MAX_NAME_BYTES} of a-z, 0-9, '-' and '_', starting with a letter or digit")]
    Name { what: &'static str, value: String },
    #[error("document id {0:?} is not an integer of 64 bits")]
    NotAnInteger(String),
    #[error("document id {0:?} is not a UUID")]
    NotAUuid(String),
    #[error("document id is empty")]
    Empty,
    #[error("document id is longer than {MAX_DOC_ID_BYTES} bytes")]
    TooLong,
    #[error("document id holds a control character")]
    ControlCharacter,
    #[error("{0:?} is not an object id")]
    NotAnObjectId(String),
    #[error("{0:?} is not an attempt in staging")]
    NotAnAttempt(String),
}

fn parse_name(what: &'static str, value: &str) -> Result<String, IdError> {
    let sane = value.len() <= MAX_NAME_BYTES
        && value.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
    if sane { Ok(value.to_owned()) } else { Err(IdError::Name { what, value: value.chars().take(80).collect() }) }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(String);

        impl $type {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = IdError;
            fn from_str(value: &str) -> Result<Self, IdError> {
                parse_name($what, value).map(Self)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// One customer.
    TenantId,
    "tenant"
);
name!(
    /// One document table of a tenant.
    CollectionName,
    "collection"
);
name!(
    /// One place for objects: endpoint, bucket and prefix, under a name of the operator's.
    PlacementName,
    "placement"
);

/// How a collection's id column spells its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdKind {
    Integer,
    Text,
    /// However a client spells it, it is asked for in lower case with hyphens; a row's own spelling stays as it is.
    Uuid,
}

/// A document's id. Two ids are equal when the values are; whether two spellings meet in one row is SQL's to say,
/// so what a row answers (its own spelling) replaces what a client asked with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DocId {
    Integer(i64),
    Text(String),
}

impl DocId {
    /// Parses an id as a collection of this kind spells it.
    pub fn parse(kind: IdKind, value: &str) -> Result<Self, IdError> {
        match kind {
            _ if value.is_empty() => Err(IdError::Empty),
            _ if value.len() > MAX_DOC_ID_BYTES => Err(IdError::TooLong),
            _ if value.chars().any(char::is_control) => Err(IdError::ControlCharacter),
            IdKind::Integer => value.parse().map(Self::Integer).map_err(|_| IdError::NotAnInteger(value.chars().take(80).collect())),
            IdKind::Text => Ok(Self::Text(value.to_owned())),
            IdKind::Uuid => match Uuid::try_parse(value) {
                Ok(uuid) => Ok(Self::Text(uuid.hyphenated().to_string())),
                Err(_) => Err(IdError::NotAUuid(value.chars().take(80).collect())),
            },
        }
    }

    /// From a text that came out of a row: what no client could ask for is a document all the same.
    pub fn from_row(kind: IdKind, text: &str) -> Self {
        let integer = match kind {
            IdKind::Integer => text.parse().ok(),
            IdKind::Text | IdKind::Uuid => None,
        };
        integer.map_or_else(|| Self::Text(text.to_owned()), Self::Integer)
    }
}

impl fmt::Display for DocId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(id) => id.fmt(f),
            Self::Text(id) => f.write_str(id),
        }
    }
}

/// A document: it exists if and only if its row does.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocKey {
    pub tenant: TenantId,
    pub collection: CollectionName,
    pub id: DocId,
}

impl fmt::Display for DocKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.tenant, self.collection, self.id)
    }
}

/// The UUIDv7 under which an object was, is or will be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(Uuid);

impl ObjectId {
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }

    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The key under a placement's prefix: two hex digits of the UUID's end spread the load, because a UUIDv7 begins with the time.
    pub fn path(&self) -> String {
        let text = self.0.hyphenated().to_string();
        format!("{}/{text}", &text[text.len() - 2..])
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for ObjectId {
    type Err = IdError;
    fn from_str(value: &str) -> Result<Self, IdError> {
        Uuid::try_parse(value).map(Self).map_err(|_| IdError::NotAnObjectId(value.chars().take(80).collect()))
    }
}

/// An object that was stored: a placement and an object id, never a bucket by text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectRef {
    pub placement: PlacementName,
    pub id: ObjectId,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.placement, self.id)
    }
}

/// A key under which nothing was ever stored. `ObjectStore::put` takes it by value, so one mint is one upload:
///
/// ```compile_fail,E0382
/// use sluss::model::id::FreshKey;
/// fn upload(_: FreshKey) {}
/// let key = FreshKey::mint("local".parse().unwrap());
/// upload(key);
/// upload(key); // use of moved value
/// ```
#[derive(Debug)]
pub struct FreshKey(ObjectRef);

impl FreshKey {
    pub fn mint(placement: PlacementName) -> Self {
        Self(ObjectRef { placement, id: ObjectId(Uuid::now_v7()) })
    }

    /// The key of a backup's copy: it goes by its original's id in a placement of its own, where that id was never used.
    pub fn of_copy(placement: PlacementName, original: ObjectId) -> Self {
        Self(ObjectRef { placement, id: original })
    }

    pub fn object(&self) -> &ObjectRef {
        &self.0
    }

    /// Gives the name up for use: only an `ObjectStore` that stored the bytes calls this.
    pub fn stored(self) -> ObjectRef {
        self.0
    }
}

/// One attempt to bring content into SQL. A fresh UUID, never the document's or the job's name: two attempts cannot mix their pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attempt(Uuid);

impl Attempt {
    pub fn fresh() -> Self {
        Self(Uuid::now_v7())
    }
}

impl FromStr for Attempt {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Uuid::try_parse(text).map(Self).map_err(|_| IdError::NotAnAttempt(text.chars().take(80).collect()))
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_small_and_plain() {
        assert!("acme-2_b".parse::<TenantId>().is_ok());
        for bad in ["", "Acme", "-a", "a/b", "a b", "å", &"x".repeat(64)] {
            assert!(bad.parse::<TenantId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_integer_id_is_one_value_however_it_is_spelled() {
        assert_eq!(DocId::parse(IdKind::Integer, "007"), Ok(DocId::Integer(7)));
        assert_eq!(DocId::parse(IdKind::Text, "007"), Ok(DocId::Text("007".into())));
        assert!(DocId::parse(IdKind::Integer, "7.0").is_err());
        assert!(DocId::parse(IdKind::Text, "a\u{0}b").is_err());
        assert!(DocId::parse(IdKind::Text, "").is_err());
        assert!(DocId::parse(IdKind::Text, &"x".repeat(MAX_DOC_ID_BYTES + 1)).is_err());
    }

    #[test]
    fn a_uuid_is_one_id_however_it_is_spelled() {
        let canonical = DocId::Text("6f9619ff-8b86-d011-b42d-00cf4fc964ff".into());
        for spelled in
            ["6F9619FF-8B86-D011-B42D-00CF4FC964FF", "{6f9619ff-8b86-d011-b42d-00cf4fc964ff}", "6f9619ff8b86d011b42d00cf4fc964ff"]
        {
            assert_eq!(DocId::parse(IdKind::Uuid, spelled), Ok(canonical.clone()), "{spelled}");
        }
        assert!(DocId::parse(IdKind::Uuid, "6f9619ff").is_err());
        assert_eq!(DocId::from_row(IdKind::Uuid, "6F9619FF-8B86-D011-B42D-00CF4FC964FF").to_string().chars().next(), Some('6'));
    }

    #[test]
    fn an_object_path_starts_with_the_end_of_its_id() {
        let key = FreshKey::mint("local".parse().unwrap());
        let text = key.object().id.to_string();
        assert_eq!(key.object().id.path(), format!("{}/{text}", &text[34..]));
    }

    proptest::proptest! {
        #[test]
        fn what_fits_the_pattern_is_a_name(name in NAME_PATTERN.trim_matches(['^', '$'])) {
            assert!(name.parse::<TenantId>().is_ok(), "{name}");
        }
    }
}
