// SPDX-License-Identifier: GPL-2.0

//! Tests of the driver as user space sees it, to be run in the guest:
//! `slenc-test SUITE...` prints a KTAP result for each behaviour.

#![forbid(unsafe_code)]

mod accounting;
mod allocations;
mod buffers;
mod encoder;
mod expect;
mod imports;
mod interface;
mod ktap;
mod lifetimes;
mod races;
mod rate;
mod references;
mod requests;
mod rig;
mod streams;

use ktap::Ktap;
use std::{
    env,
    process::ExitCode, //
};

/// A suite adds its results.
type Suite = fn(&mut Ktap);

const SUITES: [(&str, Suite); 12] = [
    ("interface", interface::run),
    ("requests", requests::run),
    ("references", references::run),
    ("streams", streams::run),
    ("rate", rate::run),
    ("program", rate::run_with_program),
    ("buffers", buffers::run),
    ("lifetimes", lifetimes::run),
    ("races", races::run),
    ("allocations", allocations::run),
    ("accounting", accounting::run),
    ("imports", imports::run),
];

fn main() -> ExitCode {
    let mut suites = Vec::new();
    for name in env::args().skip(1) {
        match SUITES.iter().find(|(known, _)| *known == name) {
            Some((_, suite)) => suites.push(suite),
            None => {
                let known: Vec<_> = SUITES.iter().map(|(known, _)| *known).collect();
                eprintln!("there is no suite \"{name}\", only {}", known.join(", "));
                return ExitCode::from(2);
            }
        }
    }
    let mut ktap = Ktap::default();
    for suite in suites {
        suite(&mut ktap);
    }
    match ktap.finish() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
