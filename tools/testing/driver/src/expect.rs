// SPDX-License-Identifier: GPL-2.0

//! Expectations, with errors that say what came instead.

use rustix::io::Errno;
use slenc::{
    error::{
        Error,
        Result, //
    },
    v4l2::sys::control::ControlError,
};
use std::{
    fmt::Debug,
    io, //
};

/// Fails the test unless a condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(slenc::error::Error::new(format!($($message)+)));
        }
    };
}
pub(crate) use ensure;

/// An error of a system call.
pub(crate) trait SystemError: Debug {
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
pub(crate) fn refused<T: Debug, E: SystemError>(
    what: &str,
    errno: Errno,
    result: std::result::Result<T, E>,
) -> Result<()> {
    match result {
        Err(err) if err.errno() == Some(errno.raw_os_error()) => Ok(()),
        other => Err(Error::new(format!(
            "{what}: expected {errno:?}, got {other:?}"
        ))),
    }
}

/// Expects that `what` is `wanted`.
pub(crate) fn equal<T: Debug + PartialEq>(what: &str, got: T, wanted: T) -> Result<()> {
    if got == wanted {
        return Ok(());
    }
    Err(Error::new(format!(
        "{what}: expected {wanted:?}, got {got:?}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_expected_error_passes() {
        let error = || io::Error::from(Errno::BUSY);
        assert!(refused::<(), _>("x", Errno::BUSY, Err(error())).is_ok());
        assert!(refused::<(), _>("x", Errno::INVAL, Err(error())).is_err());
        assert!(refused::<_, io::Error>("x", Errno::BUSY, Ok(())).is_err());
        assert!(equal("x", 1, 1).is_ok() && equal("x", 1, 2).is_err());
    }
}
