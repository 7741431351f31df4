//! Where the objects of a tenant under torture lie.

use sluss_s3::Bucket;

pub enum Objects {
    /// A folder beside the database.
    Disk,
    /// A bucket of its own, which goes with the stores.
    Ceph(Bucket),
}

impl Objects {
    /// As the second half of what `SLUSS_TORTURE_STORES` can name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "disk" => Some(Self::Disk),
            "s3" => Some(Self::Ceph(Bucket::new())),
            _ => None,
        }
    }

    /// So small that many of the scripts' contents take several.
    pub fn part_bytes(&self) -> Option<u64> {
        match self {
            Self::Disk => None,
            Self::Ceph(bucket) => Some(bucket.server().least_part_bytes),
        }
    }

    /// `[objects]` of the tenant's file.
    pub fn section(&self) -> String {
        match self {
            Self::Disk => "[objects]\ndisk = \"../objects\"\n".to_owned(),
            Self::Ceph(bucket) => bucket.objects_section(),
        }
    }
}
