// SPDX-License-Identifier: GPL-2.0

//! Compiles the BPF programs for the machine itself, and makes what they share with the kernel
//! from its headers.

use std::{
    env,
    path::PathBuf,
    process::{
        exit,
        Command, //
    },
};

/// The programs, and what of them others have under the same name.
const PROGRAMS: [&str; 5] = ["qp_floor", "low_delay", "screen", "fair_share", "telemetry"];
const OWN: [&str; 2] = ["LICENSE", "streams"];

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));
    let bindgen = env::var_os("BINDGEN").unwrap_or_else(|| "bindgen".into());
    let includes = [
        here.join("include"),
        here.join("../include"),
        here.join("../../../include"),
    ];
    let header = here.join("include/v4l2_rc.h");
    for watched in ["include", "../programs", "../../../include/media"] {
        println!("cargo::rerun-if-changed={watched}");
    }
    println!("cargo::rerun-if-env-changed=BINDGEN");

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

    let mut bindings = Command::new(&bindgen);
    bindings
        .arg(&header)
        .args([
            "--allowlist-type",
            "v4l2_rc_.*",
            "--allowlist-var",
            "V4L2_RC_.*",
        ])
        .args([
            "--with-derive-default",
            "--no-doc-comments",
            "--no-layout-tests",
        ])
        .arg("--output")
        .arg(out.join("bindings.rs"))
        .arg("--");
    for include in &includes {
        bindings.arg("-I").arg(include);
    }
    match bindings.status() {
        Ok(status) if status.success() => {}
        Ok(status) => {
            eprintln!("bindgen failed ({status}) on {}", header.display());
            exit(1);
        }
        Err(err) => {
            eprintln!(
                "cannot run {}: {err}; install bindgen (Debian: apt install bindgen) or set BINDGEN",
                bindgen.to_string_lossy()
            );
            exit(1);
        }
    }
}
