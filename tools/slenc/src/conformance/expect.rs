// SPDX-License-Identifier: GPL-2.0

//! What a test can find, and expectations that say what came instead.

use crate::{
    error::Error,
    v4l2::sys::control::ControlError, //
};
use rustix::io::Errno;
use std::{
    fmt::Debug,
    io, //
};

/// Why a requirement was not shown to be kept.
#[derive(Debug)]
pub(super) enum Finding {
    /// It is not kept.
    Failed(Error),
    /// It is of something that the driver does not have, and need not.
    Unsupported(String),
}

/// The result of a test.
pub(super) type Outcome<T = ()> = Result<T, Finding>;

impl From<Error> for Finding {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Ends a test with a failure.
pub(super) fn fail<T>(what: impl Into<String>) -> Outcome<T> {
    Err(Finding::Failed(Error::new(what.into())))
}

/// Ends a test of something that is not there.
pub(super) fn unsupported<T>(what: impl Into<String>) -> Outcome<T> {
    Err(Finding::Unsupported(what.into()))
}

/// Fails a test unless a condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return $crate::conformance::expect::fail(format!($($message)+));
        }
    };
}
pub(crate) use ensure;

/// Expects that `what` is `wanted`.
pub(super) fn equal<T: Debug + PartialEq>(what: &str, got: T, wanted: T) -> Outcome {
    if got == wanted {
        return Ok(());
    }
    fail(format!("{what} is {got:?}, and has to be {wanted:?}"))
}

/// An error of a system call.
pub(super) trait SystemError: Debug {
    /// Its errno.
    fn errno(&self) -> Option<i32>;
}

impl SystemError for io::Error {
    fn errno(&self) -> Option<i32> {
        self.raw_os_error()
    }
}

impl SystemError for ControlError {
    fn errno(&self) -> Option<i32> {
        self.source.raw_os_error()
    }
}

/// Expects that `what` fails with this errno.
pub(super) fn refused<T: Debug, E: SystemError>(
    what: &str,
    errno: Errno,
    result: Result<T, E>,
) -> Outcome {
    match result {
        Err(err) if err.errno() == Some(errno.raw_os_error()) => Ok(()),
        Err(err) => fail(format!(
            "{what} fails with {err:?}, and has to with {errno:?}"
        )),
        Ok(value) => fail(format!(
            "{what} succeeds with {value:?}, and has to fail with {errno:?}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_expected_passes() {
        let error = || io::Error::from(Errno::BUSY);
        assert!(refused::<(), _>("x", Errno::BUSY, Err(error())).is_ok());
        assert!(refused::<(), _>("x", Errno::INVAL, Err(error())).is_err());
        assert!(refused::<_, io::Error>("x", Errno::BUSY, Ok(())).is_err());
        assert!(equal("x", 1, 1).is_ok() && equal("x", 1, 2).is_err());
    }
}
