// SPDX-License-Identifier: GPL-2.0

//! Why calls fail.

/// Why a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// An argument is out of its range, or it is not this picture's turn.
    Invalid,
    /// Too many pictures have begun.
    Busy,
    /// The picture is done with.
    Stale,
    /// There is no configuration yet.
    Unconfigured,
}
