// SPDX-License-Identifier: GPL-2.0

//! Simulator and scoreboard for rate controllers.
//!
//! Controllers run over one identical encoder core: the engine of the virtual hardware in a
//! closed loop, tables made with it, or a model. What they do is judged by metrics that share
//! nothing with them.

mod board;
mod cli;
mod closed_loop;
mod config;
mod content;
mod controller;
mod curves;
mod frame;
mod gates;
mod judge;
mod peer;
mod plant;
mod random;
mod report;
mod run;
mod scenario;
mod shelf;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use board::Job;
use cli::{Cli, Command, RunArgs};
use controller::Kind;

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::List => list(),
        Command::Run(arguments) => run_all(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("slenc-rc: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints, and is content when nobody reads on.
fn print(text: &str) -> Result<(), String> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.to_string()),
        _ => Ok(()),
    }
}

fn list() -> Result<(), String> {
    let mut text = String::new();
    for scenario in scenario::list::SCENARIOS {
        let name = scenario.name();
        let levers = scenario.levers.names();
        let contents = scenario.contents.join(", ");
        text += &format!(
            "{name:<12} {levers:<6} {}\n{:20}{contents}\n",
            scenario.title, ""
        );
    }
    text += "\ncontent\n";
    for content in content::CONTENTS {
        let [low, high] = content.rates.map(|rate| rate / 1000);
        text += &format!("{:<14} {low} and {high} kbit/s\n", content.name);
    }
    print(&text)
}

/// The newest directory of clips in the cache.
fn find_clips(cache: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(cache).ok()?.flatten();
    let clips = entries.filter(|entry| {
        let name = entry.file_name();
        name.to_string_lossy().starts_with("clips-") && entry.path().is_dir()
    });
    let newest = clips.max_by_key(|entry| entry.metadata().and_then(|m| m.modified()).ok());
    newest.map(|entry| entry.path())
}

fn run_all(arguments: &RunArgs) -> Result<(), String> {
    if let Some(unknown) = arguments
        .content
        .iter()
        .find(|name| content::find(name).is_none())
    {
        return Err(format!("no content {unknown}; see `slenc-rc list`"));
    }
    let clips = arguments
        .clips
        .clone()
        .or_else(|| find_clips(&arguments.cache));
    let job = Job {
        scenarios: scenario::list::select(&arguments.scenario)?,
        controllers: arguments.controller.clone(),
        programs: if arguments.programs {
            Kind::PROGRAMS
        } else {
            &[]
        },
        plant: arguments.plant,
        contents: arguments.content.clone(),
        seconds: arguments.seconds,
        clips: clips.unwrap_or_else(|| PathBuf::from(".")),
        tables: arguments.cache.join("rate-control"),
        ffmpeg: arguments.peers.clone(),
        closed_loop: arguments.closed_loop,
    };
    let terminal = std::io::stderr().is_terminal();
    let progress = |what: &str| {
        if terminal {
            eprint!("\r\x1b[K{what}");
        }
    };
    let board = board::score(&job, &progress)?;
    progress("");
    if arguments.runs {
        print(&report::table::runs(&board))?;
        print("\n")?;
    }
    print(&report::table::gates(&board))?;
    if !board.programs.is_empty() {
        print("\nBPF programs\n")?;
        print(&report::table::programs(&board))?;
    }
    if let Some(peers) = &board.peers {
        print(&report::peers::terminal(peers))?;
    }
    if !board.closed_loop.is_empty() {
        print("\nthe engine / its tables\n")?;
        print(&report::closed_loop::table(&board.closed_loop))?;
    }
    let failed = |path: &Path| {
        let shown = path.display().to_string();
        move |error: std::io::Error| format!("{shown}: {error}")
    };
    if let Some(path) = &arguments.json {
        report::write_json(path, &board).map_err(failed(path))?;
    }
    if let Some(path) = &arguments.rst {
        let figures = report::rst::figures(&board);
        report::write(path, figures.as_bytes()).map_err(failed(path))?;
    }
    if let Some(path) = &arguments.csv {
        let table = report::frames::csv(&board);
        report::write(path, table.as_bytes()).map_err(failed(path))?;
    }
    if let Some(path) = &arguments.html {
        let page = report::html::page(&board);
        report::write(path, page.as_bytes()).map_err(failed(path))?;
    }
    Ok(())
}
