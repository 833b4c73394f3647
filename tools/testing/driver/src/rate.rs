// SPDX-License-Identifier: GPL-2.0

//! Rate control of real encodes: rate, buffer and QPs are within what was asked for, from the first
//! picture on and after changes, and the statistics agree with the stream. The streams are judged
//! on the host.

mod encode;
mod hrd;
mod limits;
mod program;
mod skips;

use crate::{
    ktap::Ktap,
    rig::bind, //
};
use slenc::error::Result;
use std::time::Duration;

/// A picture takes some milliseconds, and on the debug kernel some hundred.
const LIMIT: Duration = Duration::from_secs(600);

pub(crate) fn run(ktap: &mut Ktap) {
    run_all(ktap, &[limits::TESTS, skips::TESTS, hrd::TESTS].concat());
}

/// Those that are for a BPF program that decides at random.
pub(crate) fn run_with_program(ktap: &mut Ktap) {
    run_all(ktap, program::TESTS);
}

fn run_all(ktap: &mut Ktap, tests: &[Test]) {
    for &(name, body) in tests {
        ktap.test(name, LIMIT, move || {
            bind()?;
            body()
        });
    }
}

/// What a test shows, and how.
type Test = (&'static str, fn() -> Result<()>);
