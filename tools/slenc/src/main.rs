// SPDX-License-Identifier: GPL-2.0

//! The program `slenc`.

use clap::Parser;
use slenc::{
    cli::{
        Cli,
        Command, //
    },
    conformance,
    encode::{
        self,
        Outcome, //
    },
    info,
};
use std::process::ExitCode;

/// What shells report of a program that SIGINT ended.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Encode(args) => encode::run(&args),
        Command::Info(args) => info::run(&args).map(|()| Outcome::Complete),
        Command::Conformance(args) => match conformance::run(&args) {
            Ok(true) => Ok(Outcome::Complete),
            // The report has said why.
            Ok(false) => return ExitCode::FAILURE,
            Err(err) => Err(err),
        },
        Command::Bpf(args) => slenc_bpf::run(&args).map(|()| Outcome::Complete),
    };
    match result {
        Ok(Outcome::Complete) => ExitCode::SUCCESS,
        Ok(Outcome::Interrupted) => ExitCode::from(INTERRUPTED),
        Err(err) => {
            eprintln!("slenc: {err}");
            ExitCode::FAILURE
        }
    }
}
