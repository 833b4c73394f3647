// SPDX-License-Identifier: GPL-2.0

//! Runs bindgen, for build scripts.

use std::{
    env,
    ffi::OsStr,
    path::{
        Path,
        PathBuf, //
    },
    process::{
        exit,
        Command, //
    },
};

/// Where a build script puts what it makes.
pub fn output() -> PathBuf {
    env::var_os("OUT_DIR").expect("set by cargo").into()
}

/// Makes `name` of a header in the output directory, with these options of bindgen, or ends the
/// build script. `BINDGEN` names another program.
pub fn make(
    header: &Path,
    options: impl IntoIterator<Item = impl AsRef<OsStr>>,
    includes: &[PathBuf],
    name: &str,
) {
    let bindgen = env::var_os("BINDGEN").unwrap_or_else(|| "bindgen".into());
    println!("cargo::rerun-if-env-changed=BINDGEN");

    let mut command = Command::new(&bindgen);
    command
        .arg(header)
        .args(options)
        .args(["--no-doc-comments", "--output"])
        .arg(output().join(name))
        .arg("--");
    for include in includes {
        command.arg("-I").arg(include);
    }
    match command.status() {
        Ok(status) if status.success() => return,
        Ok(status) => eprintln!("bindgen failed ({status}) on {}", header.display()),
        Err(err) => eprintln!(
            "cannot run {}: {err}; install bindgen (Debian: apt install bindgen) or set BINDGEN",
            bindgen.to_string_lossy()
        ),
    }
    exit(1);
}
