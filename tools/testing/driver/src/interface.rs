// SPDX-License-Identifier: GPL-2.0

//! The interface call by call: what a client of another project does, draining,
//! formats, and what is refused.

mod controls;
mod drain;
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
    for (name, body) in [
        gstreamer::TESTS,
        drain::TESTS,
        formats::TESTS,
        controls::TESTS,
    ]
    .concat()
    {
        ktap.test(name, LIMIT, move || {
            bind()?;
            body()
        });
    }
}

/// What a test shows, and how.
type Test = (&'static str, fn() -> Result<()>);
