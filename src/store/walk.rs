//! Walks over a collection that leave a run behind.

/// How a purge of one collection, or its part of a restore, ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WalkEnd {
    /// All of it was done.
    Whole,
    /// It was given up before, for this reason.
    Stopped(String),
}

impl WalkEnd {
    /// As the run's row has it.
    pub(in crate::store) fn stopped(self) -> Option<String> {
        match self {
            Self::Whole => None,
            Self::Stopped(reason) => Some(reason),
        }
    }
}
