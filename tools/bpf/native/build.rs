// SPDX-License-Identifier: GPL-2.0

//! Compiles the BPF programs for the machine itself, and makes what they share with the kernel
//! from its headers.

use std::{
    env,
    path::PathBuf, //
};

/// The programs, and what of them others have under the same name.
const PROGRAMS: [&str; 5] = ["qp_floor", "low_delay", "screen", "fair_share", "telemetry"];
const OWN: [&str; 2] = ["LICENSE", "streams"];

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let includes = [
        here.join("include"),
        here.join("../include"),
        here.join("../../../include"),
    ];
    for watched in [
        "include",
        "../include",
        "../programs",
        "../../../include/media",
    ] {
        println!("cargo::rerun-if-changed={watched}");
    }

    for program in PROGRAMS {
        let mut build = cc::Build::new();
        build
            .file(here.join(format!("../programs/{program}.bpf.c")))
            .includes(&includes)
            .flag("-Wno-unused-parameter");
        for name in OWN {
            build.define(name, format!("{program}_{name}").as_str());
        }
        build.compile(program);
    }

    let options = [
        "--allowlist-type",
        "v4l2_rc_.*",
        "--allowlist-var",
        "V4L2_RC_.*",
        "--with-derive-default",
        "--no-layout-tests",
    ];
    let header = here.join("include/v4l2_rc.h");
    slenc_bindings::make(&header, options, &includes, "bindings.rs");
}
