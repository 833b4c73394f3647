// SPDX-License-Identifier: GPL-2.0

//! Requests: each path completes them, and what is in them stays theirs.

mod completion;
mod controls;
mod refusal;

use crate::{
    ktap::Ktap,
    rig::bind, //
};
use slenc::error::Result;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn run(ktap: &mut Ktap) {
    for (name, body) in [completion::TESTS, controls::TESTS, refusal::TESTS].concat() {
        ktap.test(name, LIMIT, move || {
            bind()?;
            body()
        });
    }
}

/// What a test shows, and how.
type Test = (&'static str, fn() -> Result<()>);
