// SPDX-License-Identifier: GPL-2.0

//! Results in KTAP, of tests that cannot hang the program.

use slenc::error::{
    Error,
    Result, //
};
use std::{
    sync::mpsc::{
        channel,
        RecvTimeoutError, //
    },
    thread,
    time::Duration,
};

/// Runs `body` in a thread of its own, with a deadline.
///
/// A thread that misses it stays behind: it may wait in the kernel for ever, and
/// what it holds stays open until the program ends.
pub(crate) fn within<T: Send + 'static>(
    what: &str,
    limit: Duration,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        // Nobody waits any more after the deadline.
        let _ = sender.send(body());
    });
    receiver.recv_timeout(limit).map_err(|err| match err {
        RecvTimeoutError::Timeout => {
            Error::new(format!("{what}: no end within {} s", limit.as_secs()))
        }
        RecvTimeoutError::Disconnected => Error::new(format!("{what}: panicked")),
    })
}

/// Numbers and counts the results.
#[derive(Debug, Default)]
pub(crate) struct Ktap {
    count: u32,
    failed: u32,
}

impl Ktap {
    /// Runs a test and reports it under the name of what it shows.
    pub(crate) fn test(
        &mut self,
        name: impl AsRef<str>,
        limit: Duration,
        body: impl FnOnce() -> Result<()> + Send + 'static,
    ) {
        let name = name.as_ref();
        self.count += 1;
        match within("the test", limit, body).and_then(|result| result) {
            Ok(()) => println!("ok {} {name}", self.count),
            Err(err) => {
                self.failed += 1;
                for line in err.to_string().lines() {
                    println!("# {line}");
                }
                println!("not ok {} {name}", self.count);
            }
        }
    }

    /// Prints the plan: whether all tests passed, and there were some.
    pub(crate) fn finish(&self) -> bool {
        println!("1..{}", self.count);
        self.failed == 0 && self.count > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_fail_is_one() {
        let limit = Duration::from_secs(5);
        let mut ktap = Ktap::default();
        assert!(!ktap.finish());
        ktap.test("passes", limit, || Ok(()));
        assert!(ktap.finish());
        ktap.test("fails", limit, || Err(Error::new("on purpose")));
        ktap.test("panics", limit, || panic!("on purpose"));
        ktap.test("hangs", Duration::from_millis(10), || {
            thread::sleep(Duration::from_millis(500));
            Ok(())
        });
        assert_eq!((ktap.count, ktap.failed), (4, 3));
        assert!(!ktap.finish());
    }
}
