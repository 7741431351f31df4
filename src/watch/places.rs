//! Places for streams of events: so many in one process, and of these a part for one token, so that a script that forgets to let go
//! of its own keeps no operator out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::lock::lock;

/// Streams at once in one process.
pub const MAX_STREAMS: usize = 64;

/// Of these, streams of one token.
pub const MAX_STREAMS_OF_TOKEN: usize = 16;

/// Whose places are all taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    Process,
    Token,
}

/// By the names of tokens; one that has no stream is not there.
#[derive(Clone, Default)]
pub(super) struct Places(Arc<Mutex<BTreeMap<String, usize>>>);

impl Places {
    pub(super) fn take(&self, token: &str) -> Result<Place, Full> {
        let mut taken = lock(&self.0);
        let own = taken.get(token).copied().unwrap_or_default();
        if own >= MAX_STREAMS_OF_TOKEN {
            return Err(Full::Token);
        }
        if taken.values().sum::<usize>() >= MAX_STREAMS {
            return Err(Full::Process);
        }
        taken.insert(token.to_owned(), own + 1);
        Ok(Place { token: token.to_owned(), of: self.clone() })
    }
}

/// Taken until this is dropped.
pub(super) struct Place {
    token: String,
    of: Places,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = lock(&self.of.0);
        let Some(own) = taken.get_mut(&self.token) else { return };
        *own -= 1;
        if *own == 0 {
            taken.remove(&self.token);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_so_many_places_the_process_more_and_each_is_free_again_once_it_was_left() {
        let places = Places::default();
        let take = |token: &str| (0..MAX_STREAMS_OF_TOKEN).map(|_| places.take(token).unwrap()).collect::<Vec<Place>>();
        let mut taken: Vec<Vec<Place>> = ["a", "b", "c"].map(take).into();
        assert_eq!(places.take("a").err(), Some(Full::Token));
        taken[0].pop();
        taken[0].push(places.take("a").unwrap());
        taken.push(take("d"));
        assert_eq!((places.take("d").err(), places.take("e").err()), (Some(Full::Token), Some(Full::Process)));
        taken[3].pop();
        drop(places.take("e").unwrap());
        drop(taken);
        assert!(lock(&places.0).is_empty(), "nobody is remembered who has gone");
    }
}
