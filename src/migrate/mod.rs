//! The agents' room: whatever moves content between the stores in the background, and the flips that call for it.
//! Every action here is safe to repeat and safe to lose.

pub mod agents;
pub mod backup;
pub mod bucket;
pub mod changes;
pub mod collect;
pub mod compare;
pub mod copy;
pub mod cutover;
pub mod evidence;
mod incoming;
pub mod keep;
pub mod limits;
pub mod pace;
pub mod places;
pub mod presence;
pub mod purge;
pub mod relocate;
pub mod restore;
pub mod schedule;
pub mod sweep;
pub mod throttle;
pub mod verify;
pub mod work;
pub mod write_back;
