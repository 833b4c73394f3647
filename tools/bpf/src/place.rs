// SPDX-License-Identifier: GPL-2.0

//! Where things are: object files, pins and the module's parameters.

use crate::error::{
    Error,
    Result, //
};
use libbpf_rs::ErrorKind;
use std::{
    env, fs, io,
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

/// What of a program is pinned: its link, and its maps under their names.
pub(crate) const LINK: &str = "link";

/// Where a program is pinned.
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

/// What cannot be read, or written, of the kernel's files.
fn file_error(path: &Path, err: &io::Error) -> Error {
    let error = Error::new(format!("{}: {err}", path.display()));
    match err.kind() {
        io::ErrorKind::PermissionDenied => error.remedy("run as root"),
        _ => error,
    }
}

/// Why what is pinned of a program cannot be used.
pub(crate) fn pin_error(name: &str, pin: &Path, err: &libbpf_rs::Error) -> Error {
    match err.kind() {
        ErrorKind::NotFound => not_loaded(name),
        ErrorKind::PermissionDenied => {
            Error::new(format!("{}: not permitted", pin.display())).remedy("run as root")
        }
        _ => Error::new(format!("{}: {err}", pin.display())),
    }
}

/// There is no program of this name.
pub(crate) fn not_loaded(name: &str) -> Error {
    Error::new(format!("{name} is not loaded")).remedy(format!("run slenc bpf load {name} before"))
}

/// Whether a program is loaded: its link is pinned. Of a load that was interrupted there may be a
/// directory without.
pub(crate) fn is_loaded(name: &str) -> Result<bool> {
    let link = pins(name).join(LINK);
    link.try_exists().map_err(|err| file_error(&link, &err))
}

/// The names of the programs that are loaded.
pub(crate) fn loaded() -> Result<Vec<String>> {
    let entries = match fs::read_dir(PINS) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|err| file_error(Path::new(PINS), &err))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|err| file_error(Path::new(PINS), &err))?;
        if let Ok(name) = entry.file_name().into_string() {
            if is_loaded(&name)? {
                names.push(name);
            }
        }
    }
    names.sort();
    Ok(names)
}

/// Removes the pins of a program, if there are any.
pub(crate) fn remove_pins(name: &str) -> Result<()> {
    let pins = pins(name);
    match fs::remove_dir_all(&pins) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.map_err(|err| file_error(&pins, &err)),
    }
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
    fs::write(DEFAULT, name).map_err(|err| file_error(Path::new(DEFAULT), &err))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_is_told_so() {
        let path = Path::new("/x");
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        assert!(file_error(path, &denied)
            .to_string()
            .ends_with("; run as root"));
        let gone = io::Error::from(io::ErrorKind::NotFound);
        assert!(!file_error(path, &gone).to_string().contains("root"));

        let pin = |number| {
            let err = libbpf_rs::Error::from_raw_os_error(number);
            pin_error("floor", path, &err).to_string()
        };
        let (eperm, enoent, einval) = (1, 2, 22);
        assert_eq!(
            pin(enoent),
            "floor is not loaded; run slenc bpf load floor before"
        );
        assert_eq!(pin(eperm), "/x: not permitted; run as root");
        assert!(pin(einval).starts_with("/x: "));
    }
}
