// SPDX-License-Identifier: GPL-2.0

//! Requests, beyond what the specification demands of every driver and "slenc
//! conformance" shows: requests that outlive their file, hardware that fails, and
//! what the driver refuses.

mod completion;
mod races;
mod refusal;

use crate::{
    ktap::Ktap,
    rig::bind, //
};
use slenc::error::Result;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn run(ktap: &mut Ktap) {
    for (name, body) in [completion::TESTS, races::TESTS, refusal::TESTS].concat() {
        ktap.test(name, LIMIT, move || {
            bind()?;
            body()
        });
    }
}

/// What a test shows, and how.
type Test = (&'static str, fn() -> Result<()>);
