//! Ports for servers that have to be told theirs before they start.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below those that the kernel gives to outgoing connections on its own (ip(7), `ip_local_port_range`): a free one of those may be taken
/// again before the server listens.
const FIRST: u16 = 10_000;
const COUNT: u16 = 20_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port on which nothing listens, and which this process gives out once.
///
/// # Panics
///
/// Where all are taken.
pub fn free_port() -> u16 {
    // Processes that run side by side begin at different ones.
    let begin = u16::try_from(std::process::id() * 97 % u32::from(COUNT)).expect("the rest of a division by a 16-bit number");
    (0..COUNT)
        .map(|_| FIRST + (begin + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a port is free")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_port_is_given_twice() {
        let ports: HashSet<u16> = (0..200).map(|_| free_port()).collect();
        assert_eq!(ports.len(), 200);
    }
}
