// SPDX-License-Identifier: GPL-2.0

//! Programs come, go and are replaced.

use crate::{
    diagnosis,
    error::{
        Context,
        Error,
        Result, //
    },
    parameters,
    place::{
        self,
        LINK, //
    },
};
use libbpf_rs::{
    query::ProgInfoIter,
    ErrorKind,
    Link,
    MapCore,
    MapMut,
    MapType,
    Object,
    ObjectBuilder,
    Program, //
};
use std::{
    fs,
    os::fd::{
        AsFd,
        AsRawFd, //
    },
    path::Path, //
};

/// A program that the verifier has accepted.
struct Loaded {
    object: Object,
    name: String,
}

/// Loads an object file.
fn load(path: &Path, settings: &[(String, i64)]) -> Result<Loaded> {
    diagnosis::start();
    let mut open = ObjectBuilder::default()
        .open_file(path)
        .map_err(|err| diagnosis::explain(path, &err))?;
    parameters::set(&mut open, settings)?;
    let object = open.load().map_err(|err| diagnosis::explain(path, &err))?;
    let name = object
        .maps()
        .find(|map| map.map_type() == MapType::StructOps)
        .map(|map| map.name().to_string_lossy().into_owned())
        .ok_or_else(|| {
            Error::new(format!("{}: no program of rate control", path.display()))
                .remedy("it needs a struct v4l2_rc_ops in the section .struct_ops.link")
        })?;
    Ok(Loaded { object, name })
}

/// How large a program is, and how much of a task for the verifier.
pub(crate) struct Size {
    /// Its instructions.
    pub(crate) instructions: usize,
    /// Those that the verifier has walked through, by all ways.
    pub(crate) verified: u64,
}

impl Size {
    fn of(object: &Object) -> Self {
        let ids: Vec<u32> = object
            .progs()
            .filter_map(|function| Program::id_from_fd(function.as_fd()).ok())
            .collect();
        Self {
            instructions: object.progs().map(|function| function.insn_cnt()).sum(),
            verified: ProgInfoIter::default()
                .filter(|info| ids.contains(&info.id))
                .map(|info| u64::from(info.verified_insns))
                .sum(),
        }
    }
}

/// The struct_ops of a program.
fn ops(object: &mut Object) -> Result<MapMut<'_>> {
    object
        .maps_mut()
        .find(|map| map.map_type() == MapType::StructOps)
        .ok_or_else(|| Error::new("the program is gone"))
}

/// Pins the maps of a program: not its own sections, which are read by name only.
fn pin_maps(object: &mut Object, pins: &Path) -> Result<()> {
    for mut map in object.maps_mut() {
        let name = map.name().to_string_lossy().into_owned();
        // What begins with the object's name is a section.
        if map.map_type() == MapType::StructOps || name.contains('.') {
            continue;
        }
        map.pin(pins.join(&name))
            .context(format!("pinning {name}"))?;
    }
    Ok(())
}

/// Loads a program and registers it; returns its name and size.
pub(crate) fn add(path: &Path, settings: &[(String, i64)]) -> Result<(String, Size)> {
    let Loaded { mut object, name } = load(path, settings)?;
    let pins = place::pins(&name);
    if place::is_loaded(&name)? {
        return Err(Error::new(format!("{name} is loaded already"))
            .remedy("use slenc bpf replace, or unload it before"));
    }
    // Of a load that was interrupted.
    place::remove_pins(&name)?;
    let mut link = ops(&mut object)?
        .attach_struct_ops()
        .map_err(|err| diagnosis::explain(path, &err))?;
    fs::create_dir_all(&pins).map_err(|err| {
        Error::new(format!("{}: {err}", pins.display()))
            .remedy("the BPF file system has to be mounted at /sys/fs/bpf")
    })?;
    let pinned = link
        .pin(pins.join(LINK))
        .context("pinning the link")
        .and_then(|()| pin_maps(&mut object, &pins));
    if pinned.is_err() {
        // The link goes with its last name and its last file.
        let _ = place::remove_pins(&name);
    }
    pinned.map(|()| (name, Size::of(&object)))
}

/// Puts a program in the place of a loaded one of the same name; returns the name.
pub(crate) fn replace(path: &Path, settings: &[(String, i64)]) -> Result<String> {
    let Loaded { mut object, name } = load(path, settings)?;
    let pins = place::pins(&name);
    let pin = pins.join(LINK);
    let link = Link::open(&pin).map_err(|err| place::pin_error(&name, &pin, &err))?;
    let mut map = ops(&mut object)?;
    // This makes it ready to run, and fails to register a second one of the name.
    match map.attach_struct_ops() {
        Err(err) if err.kind() == ErrorKind::AlreadyExists => {}
        Err(err) => return Err(diagnosis::explain(path, &err)),
        Ok(_) => return Err(Error::new(format!("{name} has gone meanwhile"))),
    }
    // SAFETY: Both are files of ours that are open during the call.
    #[allow(unsafe_code)]
    let ret = unsafe {
        libbpf_sys::bpf_link_update(
            link.as_fd().as_raw_fd(),
            map.as_fd().as_raw_fd(),
            std::ptr::null(),
        )
    };
    if ret != 0 {
        let err = std::io::Error::from_raw_os_error(-ret);
        return Err(Error::new(format!("replacing {name}: {err}")));
    }
    // The maps that were pinned are those of the old one.
    for entry in fs::read_dir(&pins).into_iter().flatten().flatten() {
        if entry.file_name() != LINK {
            let _ = fs::remove_file(entry.path());
        }
    }
    pin_maps(&mut object, &pins)?;
    Ok(name)
}

/// Takes a program away, or what an interrupted load has left of it.
pub(crate) fn remove(name: &str) -> Result<()> {
    let pins = place::pins(name);
    if place::is_loaded(name)? {
        let pin = pins.join(LINK);
        let link = Link::open(&pin).map_err(|err| place::pin_error(name, &pin, &err))?;
        link.detach().context(format!("detaching {name}"))?;
    } else if !pins.exists() {
        return Err(place::not_loaded(name));
    }
    place::remove_pins(name)
}
