// SPDX-License-Identifier: GPL-2.0

//! Errors as a user reads them: the cause, what explains it, and the remedy.

use std::fmt;

/// What went wrong, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub struct Error {
    cause: String,
    remedy: Option<String>,
}

/// A result with an [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with a cause only.
    pub fn new(cause: impl fmt::Display) -> Self {
        Self {
            cause: cause.to_string(),
            remedy: None,
        }
    }

    /// Adds what to do about it.
    pub fn remedy(mut self, remedy: impl fmt::Display) -> Self {
        self.remedy = Some(remedy.to_string());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.remedy {
            Some(remedy) => write!(f, "{}; {remedy}", self.cause),
            None => f.write_str(&self.cause),
        }
    }
}

impl std::error::Error for Error {}

/// Adds to an error what was tried.
pub(crate) trait Context<T> {
    /// The error as "WHAT: ERROR".
    fn context(self, what: impl fmt::Display) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl fmt::Display) -> Result<T> {
        self.map_err(|err| Error::new(format!("{what}: {err}")))
    }
}
