// SPDX-License-Identifier: GPL-2.0

//! Where things are: object files, pins and the module's parameters.

use crate::error::{
    Context,
    Error,
    Result, //
};
use std::{
    env, fs,
    path::{
        Path,
        PathBuf, //
    },
};

/// Where loaded programs are pinned: a directory for each.
pub(crate) const PINS: &str = "/sys/fs/bpf/v4l2-rc";

/// The module's default program.
const DEFAULT: &str = "/sys/module/v4l2_rate_control/parameters/bpf_default";

/// The type information of the module.
pub(crate) const MODULE_BTF: &str = "/sys/kernel/btf/v4l2_rate_control";

/// The name of the built-in controller.
pub(crate) const BUILTIN: &str = "builtin";

/// What is pinned of a program.
pub(crate) fn pins(name: &str) -> PathBuf {
    Path::new(PINS).join(name)
}

/// The directories of object files: `SLENC_BPF_PATH`, or where the program's installation and
/// its build have them.
fn directories() -> Vec<PathBuf> {
    if let Some(path) = env::var_os("SLENC_BPF_PATH") {
        return env::split_paths(&path).collect();
    }
    let bin = env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.to_owned()));
    bin.map_or(Vec::new(), |bin| {
        vec![bin.join("../lib/slenc/bpf"), bin.join("../bpf")]
    })
}

/// The object files that come with slenc, by name.
pub(crate) fn objects() -> Vec<(String, PathBuf)> {
    let mut found: Vec<(String, PathBuf)> = directories()
        .iter()
        .filter_map(|dir| fs::read_dir(dir).ok())
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path
                .file_name()?
                .to_str()?
                .strip_suffix(".bpf.o")?
                .to_owned();
            Some((name, path))
        })
        .collect();
    found.sort();
    found.dedup_by(|a, b| a.0 == b.0);
    found
}

/// The object file of a program: a path, or the name of one that comes with slenc.
pub(crate) fn object(program: &str) -> Result<PathBuf> {
    if program.contains('/') {
        return Ok(program.into());
    }
    objects()
        .into_iter()
        .find(|(name, _)| name == program)
        .map(|(_, path)| path)
        .ok_or_else(|| {
            Error::new(format!("there is no program {program}"))
                .remedy("see slenc bpf list, or name an object file by a path with a /")
        })
}

/// The names of the programs that are pinned.
pub(crate) fn loaded() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(PINS)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// The program of streams that ask for none.
pub(crate) fn default() -> Result<String> {
    let name = fs::read_to_string(DEFAULT).map_err(|err| {
        Error::new(format!("{DEFAULT}: {err}"))
            .remedy("the module v4l2-rate-control is not loaded, or its kernel has no BPF")
    })?;
    Ok(name.trim().to_owned())
}

/// Sets the program of streams that ask for none.
pub(crate) fn set_default(name: &str) -> Result<()> {
    fs::write(DEFAULT, name).context(DEFAULT)
}
