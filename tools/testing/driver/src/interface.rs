// SPDX-License-Identifier: GPL-2.0

//! The interface, beyond what the specification demands of every driver and "slenc
//! conformance" shows: the calls of another project's client, and what this driver
//! offers and refuses.

mod controls;
mod formats;
mod gstreamer;

use crate::{
    ktap::Ktap,
    rig::bind, //
};
use slenc::error::Result;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn run(ktap: &mut Ktap) {
    for (name, body) in [gstreamer::TESTS, formats::TESTS, controls::TESTS].concat() {
        ktap.test(name, LIMIT, move || {
            bind()?;
            body()
        });
    }
}

/// What a test shows, and how.
type Test = (&'static str, fn() -> Result<()>);
