// SPDX-License-Identifier: GPL-2.0

//! The command line of `slenc bpf`.

use clap::{
    Args,
    Subcommand, //
};

/// Arguments of `slenc bpf`.
#[derive(Debug, Args)]
pub struct BpfArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: BpfCommand,
}

/// What can be done with BPF programs.
#[derive(Debug, Subcommand)]
pub enum BpfCommand {
    /// Show the programs there are, which are loaded, and which is attached.
    List,
    /// Load a program: streams that ask for its name have it from now on.
    Load(LoadArgs),
    /// Make a loaded program the default: streams that ask for none have it.
    Attach(NameArgs),
    /// Make the built-in controller the default again.
    Detach,
    /// Put a program in the place of a loaded one of the same name, without a gap.
    Replace(LoadArgs),
    /// Set entries of a map of a loaded program.
    Set(SetArgs),
    /// Show what the programs do in each stream.
    Stat,
    /// Show what is decided about every picture, and what becomes of it.
    Watch(WatchArgs),
    /// Take a program away: streams go on with the built-in controller.
    Unload(NameArgs),
}

/// A program to load.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// A program that comes with slenc, or an object file (a name with a /).
    pub program: String,

    /// Set a parameter of the program; may be repeated.
    #[arg(long, value_name = "NAME=NUMBER", value_parser = parse_setting)]
    pub set: Vec<(String, i64)>,
}

/// A program that is loaded.
#[derive(Debug, Args)]
pub struct NameArgs {
    /// Its name.
    pub name: String,
}

/// Entries of a map.
#[derive(Debug, Args)]
pub struct SetArgs {
    /// The program's name.
    pub name: String,

    /// The map's name.
    pub map: String,

    /// A key and its value, such as the number of a stream and its weight.
    #[arg(required = true, value_name = "KEY=NUMBER", value_parser = parse_entry)]
    pub entries: Vec<(i64, i64)>,
}

/// Arguments of `slenc bpf watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// A program that is loaded and sends what happens (with telemetry.h).
    #[arg(default_value = "telemetry")]
    pub program: String,

    /// Only the stream of this number.
    #[arg(long, value_name = "N")]
    pub session: Option<u64>,

    /// End after N pictures.
    #[arg(long, value_name = "N")]
    pub frames: Option<u64>,

    /// Begin with the pictures that were kept when nobody watched.
    #[arg(long)]
    pub kept: bool,

    /// A line of JSON for each picture.
    #[arg(long)]
    pub json: bool,
}

fn parse_setting(s: &str) -> Result<(String, i64), String> {
    s.split_once('=')
        .and_then(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| format!("\"{s}\" is nothing such as lowest=30"))
}

fn parse_entry(s: &str) -> Result<(i64, i64), String> {
    s.split_once('=')
        .and_then(|(key, value)| Some((key.parse().ok()?, value.parse().ok()?)))
        .ok_or_else(|| format!("\"{s}\" is nothing such as 7=2"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_names_and_numbers() {
        assert_eq!(parse_setting("lowest=30"), Ok(("lowest".to_owned(), 30)));
        assert_eq!(parse_setting("a=-1"), Ok(("a".to_owned(), -1)));
        for setting in ["", "a", "a=", "=1", "a=b", "a=1.5"] {
            assert!(parse_setting(setting).is_err(), "{setting}");
        }
    }
    #[test]
    fn entries_are_two_numbers() {
        assert_eq!(parse_entry("7=2"), Ok((7, 2)));
        for entry in ["", "7", "7=", "=2", "a=2", "7=2=1"] {
            assert!(parse_entry(entry).is_err(), "{entry}");
        }
    }
}
