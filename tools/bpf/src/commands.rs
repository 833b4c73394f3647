// SPDX-License-Identifier: GPL-2.0

//! What `slenc bpf` does.

use crate::{
    cli::{
        BpfArgs,
        BpfCommand, //
    },
    error::{
        Error,
        Result, //
    },
    load,
    maps,
    place,
    watch, //
};
use std::{
    collections::BTreeSet,
    fs,
    path::Path, //
};

/// Where each session tells about its program.
const SESSIONS: &str = "/sys/kernel/debug/v4l2-rate-control";

/// Runs a command.
pub fn run(args: &BpfArgs) -> Result<()> {
    match &args.command {
        BpfCommand::List => list(),
        BpfCommand::Load(args) => {
            let (name, size) = load::add(&place::object(&args.program)?, &args.set)?;
            println!(
                "{name} is loaded: {} instructions; the verifier walked through {}",
                size.instructions, size.verified
            );
            Ok(())
        }
        BpfCommand::Attach(args) => attach(&args.name),
        BpfCommand::Detach => {
            place::set_default(place::BUILTIN)?;
            println!("the built-in controller is the default");
            Ok(())
        }
        BpfCommand::Replace(args) => {
            let name = load::replace(&place::object(&args.program)?, &args.set)?;
            println!("{name} is replaced");
            Ok(())
        }
        BpfCommand::Set(args) => maps::set(&args.name, &args.map, &args.entries),
        BpfCommand::Stat => stat(),
        BpfCommand::Watch(args) => watch::run(args),
        BpfCommand::Unload(args) => {
            load::remove(&args.name)?;
            println!("{} is unloaded", args.name);
            Ok(())
        }
    }
}

fn list() -> Result<()> {
    let objects = place::objects();
    let loaded = place::loaded()?;
    let default = place::default()?;
    let names: BTreeSet<&String> = objects
        .iter()
        .map(|(name, _)| name)
        .chain(&loaded)
        .collect();
    println!("{:<16} {:<8} {:<8} FILE", "PROGRAM", "LOADED", "DEFAULT");
    println!(
        "{:<16} {:<8} {:<8} -",
        place::BUILTIN,
        "-",
        if default == place::BUILTIN {
            "yes"
        } else {
            "no"
        }
    );
    for name in names {
        let file = objects.iter().find(|(known, _)| known == name);
        println!(
            "{name:<16} {:<8} {:<8} {}",
            if loaded.contains(name) { "yes" } else { "no" },
            if *name == default { "yes" } else { "no" },
            file.map_or("-".into(), |(_, path)| path.display().to_string()),
        );
    }
    Ok(())
}

fn attach(name: &str) -> Result<()> {
    if !place::is_loaded(name)? {
        return Err(place::not_loaded(name));
    }
    place::set_default(name)?;
    println!("{name} is the default");
    Ok(())
}

/// What the sessions' files say, a line for each.
fn stat() -> Result<()> {
    let sessions = fs::read_dir(SESSIONS).map_err(|err| {
        Error::new(format!("{SESSIONS}: {err}"))
            .remedy("debugfs has to be mounted, and read by root")
    })?;
    let mut ids: Vec<u64> = sessions
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    ids.sort_unstable();
    if ids.is_empty() {
        println!("there are no streams");
    }
    for id in ids {
        let file = Path::new(SESSIONS).join(id.to_string()).join("program");
        // It may be gone meanwhile.
        if let Ok(text) = fs::read_to_string(file) {
            let words: Vec<String> = text
                .lines()
                .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect();
            println!("session {id}: {}", words.join(", "));
        }
    }
    Ok(())
}
