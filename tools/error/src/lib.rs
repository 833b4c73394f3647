// SPDX-License-Identifier: GPL-2.0

//! Errors as a user reads them: one line with the cause and, where there is one,
//! the remedy.

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
pub trait Context<T> {
    /// The error as "WHAT: ERROR".
    fn context(self, what: impl fmt::Display) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl fmt::Display) -> Result<T> {
        self.map_err(|err| Error::new(format!("{what}: {err}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line() {
        let result: std::result::Result<(), _> = Err("broken");
        let err = result.context("reading x.y4m").unwrap_err();
        assert_eq!(err.to_string(), "reading x.y4m: broken");
        assert_eq!(
            err.remedy("mend it").to_string(),
            "reading x.y4m: broken; mend it"
        );
    }
}
