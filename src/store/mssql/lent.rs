//! A connection out of its pool. It goes back only when somebody says that its last answer was read to the end; in every other case,
//! a panic and a dropped call among them, it is closed, and the server undoes what it had open.

use std::ops::{Deref, DerefMut};

use deadpool_tiberius::deadpool::managed::{Manager, Metrics, Object, Pool};

pub(super) struct Lent<M: Manager> {
    /// `None` only in `give_back`, which ends this value.
    object: Option<Object<M>>,
}

impl<M: Manager> Lent<M> {
    pub(super) fn new(object: Object<M>) -> Self {
        Self { object: Some(object) }
    }

    /// Its last answer was read to the end.
    pub(super) fn give_back(mut self) {
        drop(self.object.take());
    }

    /// It was used before, so that the server may have closed it meanwhile.
    pub(super) fn is_used(&self) -> bool {
        self.object.as_ref().is_some_and(|object| Object::metrics(object).recycle_count > 0)
    }
}

impl<M: Manager> Drop for Lent<M> {
    fn drop(&mut self) {
        // A driver's own pool would take it back with half an answer in it.
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}

impl<M: Manager> Deref for Lent<M> {
    type Target = M::Type;

    fn deref(&self) -> &M::Type {
        self.object.as_ref().expect("only give_back takes it, and ends this value")
    }
}

impl<M: Manager> DerefMut for Lent<M> {
    fn deref_mut(&mut self) -> &mut M::Type {
        self.object.as_mut().expect("only give_back takes it, and ends this value")
    }
}

/// Closes the connection that nobody used for longest.
pub(super) fn close_an_idle_one<M: Manager>(pool: &Pool<M>) -> bool {
    let mut closed = false;
    drop(pool.retain(|_, _: Metrics| std::mem::replace(&mut closed, true)));
    closed
}
