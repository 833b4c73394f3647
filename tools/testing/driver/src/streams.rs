// SPDX-License-Identifier: GPL-2.0

//! Streams that are judged on the host: a decoder makes of each what the hardware
//! has reconstructed, also where pictures are left out.

mod errors;
mod layers;
mod loss;
mod profiles;
mod recorder;
mod sets;
mod slices;

use crate::{
    ktap::Ktap,
    rig::bind, //
};
use slenc::error::Result;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(900);

pub(crate) fn run(ktap: &mut Ktap) {
    let tests = [
        layers::TESTS,
        loss::TESTS,
        slices::TESTS,
        sets::TESTS,
        profiles::TESTS,
        errors::TESTS,
    ];
    for (name, body) in tests.concat() {
        ktap.test(name, LIMIT, move || {
            bind()?;
            body()
        });
    }
}

/// What a test shows, and how.
type Test = (&'static str, fn() -> Result<()>);
