// SPDX-License-Identifier: GPL-2.0

//! Makes the structures and numbers of the V4L2 interface from the C headers,
//! so that they are written down once: the standard ones from the system, the
//! stateless encoder's from this project.

use std::{
    env,
    ffi::OsStr,
    path::PathBuf, //
};

const TYPES: &str = "(v4l2|media)_.*";
const NUMBERS: &str = "(V4L2|VIDIOC|MEDIA)_.*";

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let header = here.join("src/uapi.h");
    let include = here.join("../../include/uapi");

    println!("cargo::rerun-if-changed=src/uapi.h");
    println!(
        "cargo::rerun-if-changed={}",
        include.join("linux/v4l2-stateless-encoder.h").display()
    );
    let out = slenc_bindings::output();
    let options = [
        "--allowlist-type",
        TYPES,
        "--allowlist-var",
        NUMBERS,
        "--no-prepend-enum-name",
        "--default-macro-constant-type=unsigned",
        // The ioctl numbers and pixel formats are function-like macros, which
        // only the compiler can evaluate.
        "--clang-macro-fallback",
        "--clang-macro-fallback-build-dir",
    ];
    let options = options.iter().map(OsStr::new).chain([out.as_os_str()]);
    slenc_bindings::make(&header, options, &[include], "uapi.rs");
}
