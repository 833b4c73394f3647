// SPDX-License-Identifier: GPL-2.0

//! Makes the structures and numbers of the V4L2 interface from the C headers,
//! so that they are written down once: the standard ones from the system, the
//! stateless encoder's from this project.

use std::{
    env,
    path::PathBuf,
    process::{
        exit,
        Command, //
    },
};

const TYPES: &str = "(v4l2|media)_.*";
const NUMBERS: &str = "(V4L2|VIDIOC|MEDIA)_.*";

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));
    let header = here.join("src/uapi.h");
    let include = here.join("../../include/uapi");
    let bindgen = env::var_os("BINDGEN").unwrap_or_else(|| "bindgen".into());

    println!("cargo::rerun-if-changed=src/uapi.h");
    println!(
        "cargo::rerun-if-changed={}",
        include.join("linux/v4l2-stateless-encoder.h").display()
    );
    println!("cargo::rerun-if-env-changed=BINDGEN");

    let status = Command::new(&bindgen)
        .arg(&header)
        .args(["--allowlist-type", TYPES, "--allowlist-var", NUMBERS])
        // The ioctl numbers and pixel formats are function-like macros, which
        // only the compiler can evaluate.
        .arg("--clang-macro-fallback")
        .arg("--clang-macro-fallback-build-dir")
        .arg(&out)
        .args([
            "--no-prepend-enum-name",
            "--no-doc-comments",
            "--default-macro-constant-type=unsigned",
        ])
        .arg("--output")
        .arg(out.join("uapi.rs"))
        .arg("--")
        .arg("-I")
        .arg(&include)
        .status();
    match status {
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
