// SPDX-License-Identifier: GPL-2.0

//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::board::PlantKind;
use crate::controller::Kind;

/// Runs rate controllers over one identical encoder and measures what they do
#[derive(Debug, Parser)]
#[command(name = "slenc-rc", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run scenarios, and show which gates are met
    Run(Box<RunArgs>),
    /// List scenarios and content
    List,
}

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Scenarios, by id or by id and variant (S19 or S19-pre); all by default
    #[arg(long, value_delimiter = ',')]
    pub(crate) scenario: Vec<String>,

    /// Controllers
    #[arg(long, value_delimiter = ',', default_values = ["builtin", "k", "log"])]
    pub(crate) controller: Vec<Kind>,

    /// Run the BPF programs too, without plots (--controller has those)
    #[arg(long)]
    pub(crate) programs: bool,

    /// What they run over
    #[arg(long, default_value = "trace")]
    pub(crate) plant: PlantKind,

    /// Only this content
    #[arg(long, value_delimiter = ',')]
    pub(crate) content: Vec<String>,

    /// Cut scenarios short
    #[arg(long, value_name = "SECONDS")]
    pub(crate) seconds: Option<u64>,

    /// Show every run, not only the gates
    #[arg(long)]
    pub(crate) runs: bool,

    /// Write all results
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Write a report with plots
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Write the gates for the documentation
    #[arg(long, value_name = "FILE")]
    pub(crate) rst: Option<PathBuf>,

    /// Write every frame, as comma-separated values
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,

    /// Run native encoders on the same clips too, those that this ffmpeg has
    #[arg(long, value_name = "FFMPEG")]
    pub(crate) peers: Option<PathBuf>,

    /// Run a few scenarios over the engine too, beside its tables
    #[arg(long)]
    pub(crate) closed_loop: bool,

    /// Directory of the clips (found in the cache by default)
    #[arg(long, value_name = "DIR")]
    pub(crate) clips: Option<PathBuf>,

    /// Directory that keeps tables of sizes from run to run
    #[arg(long, value_name = "DIR", env = "CACHE", default_value = "out")]
    pub(crate) cache: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn it_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn lists_have_commas() {
        let cli = Cli::parse_from([
            "slenc-rc",
            "run",
            "--scenario",
            "S1,S4",
            "--controller",
            "k,log",
            "--plant",
            "engine",
        ]);
        let Command::Run(run) = cli.command else {
            unreachable!("it is a run");
        };
        assert_eq!(run.scenario, ["S1", "S4"]);
        assert_eq!(run.controller, [Kind::K, Kind::Log]);
        assert_eq!(run.plant, PlantKind::Engine);
    }
}
