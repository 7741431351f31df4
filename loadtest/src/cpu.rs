//! A process's CPU time, as the kernel counts it for all threads together, those that ended included.

use std::fs;
use std::time::Duration;

use anyhow::Context;

/// What the kernel counts in, on every Linux there is (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// Where user and system time stand in the line behind the program's name: proc_pid_stat(5) calls them fields 14 and 15, and the first one
/// behind the name 3.
const USER: usize = 14 - 3;

/// Of this process, since it began.
pub fn so_far() -> anyhow::Result<Duration> {
    of("self")
}

/// Of a process, since it began.
pub fn of(process: &str) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).context("read a process's CPU time")?;
    ticks(&stat).map(|ticks| TICK * ticks).context("the kernel tells no CPU time")
}

fn ticks(stat: &str) -> Option<u32> {
    // A program's name may hold anything, brackets and blanks too.
    let (_, behind_the_name) = stat.rsplit_once(") ")?;
    let mut fields = behind_the_name.split(' ').skip(USER);
    let mut next = || fields.next()?.parse::<u32>().ok();
    Some(next()? + next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_added_whatever_the_program_is_called() {
        let stat = "4711 (a) (b c) R 1 2 3 0 -1 4194304 99 0 0 0 250 31 7 8 20 0 1 0 12345 1 2";
        assert_eq!(ticks(stat), Some(281));
        assert_eq!(ticks("4711 (a) R 1 2"), None);
    }
}
