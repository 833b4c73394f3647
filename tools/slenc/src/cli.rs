// SPDX-License-Identifier: GPL-2.0

//! The command line.

use crate::{
    picture::Format,
    rate::RateArgs, //
};
use clap::{
    Args,
    Parser,
    Subcommand, //
};
use slenc_bpf::cli::BpfArgs;
use std::{
    fmt,
    path::PathBuf,
    str::FromStr, //
};

/// Encodes video with V4L2 stateless H.264 encoders.
#[derive(Debug, Parser)]
#[command(name = "slenc", version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the client can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Encode Y4M or raw video to an H.264 byte stream or MP4.
    Encode(Box<EncodeArgs>),
    /// Show the encoders there are, their formats, controls and limits.
    Info(InfoArgs),
    /// Test an encoder against the specification of the interface; the report is KTAP.
    Conformance(ConformanceArgs),
    /// Load and watch BPF programs that take part in rate control.
    Bpf(BpfArgs),
}

/// Arguments of `slenc conformance`.
#[derive(Debug, Args)]
pub struct ConformanceArgs {
    /// The encoder, or auto for the first that is found.
    #[arg(short, long, value_name = "auto|/dev/videoN", default_value = "auto")]
    pub device: DeviceChoice,

    /// List the requirements, without a test.
    #[arg(long)]
    pub list: bool,

    /// Only the requirement of this id, or those whose ids begin so; may be repeated.
    #[arg(long, value_name = "ID")]
    pub filter: Vec<String>,
}

/// Arguments of `slenc info`.
#[derive(Debug, Args)]
pub struct InfoArgs {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,

    /// Only this device.
    #[arg(long, value_name = "/dev/videoN")]
    pub device: Option<PathBuf>,
}

/// Arguments of `slenc encode`.
#[derive(Debug, Args)]
pub struct EncodeArgs {
    /// Y4M or raw video; - is standard input.
    pub input: PathBuf,

    /// Where to write: .h264 is a byte stream, .mp4 is MP4, - is a byte stream on
    /// standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,

    /// The encoder, or auto for the first that is found.
    #[arg(long, value_name = "auto|/dev/videoN", default_value = "auto")]
    pub device: DeviceChoice,

    /// QP of I and P pictures; one number is for both [default: the driver's].
    #[arg(long, value_name = "I,P")]
    pub qp: Option<QpPair>,

    /// An IDR picture every N pictures; 0: only the first.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub gop: u64,

    /// Repeat the parameter sets with each IDR picture.
    #[arg(long)]
    pub repeat_headers: bool,

    /// Size of raw video.
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    pub size: Option<(u32, u32)>,

    /// Pictures per second, in place of what Y4M says; 25 for raw video.
    #[arg(long, value_name = "N[/D]")]
    pub fps: Option<Fraction>,

    /// Format of raw video [default: i420].
    #[arg(long)]
    pub format: Option<Format>,

    /// Encode at most N pictures.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub frames: Option<u64>,

    /// Write a line of JSON about each picture: what the driver's statistics say.
    #[arg(long, value_name = "FILE")]
    pub stats: Option<PathBuf>,

    /// Measure the luma PSNR: from the encoder's statistics where it counts
    /// errors, else by decoding with ffmpeg, which has to be installed.
    #[arg(long)]
    pub psnr: bool,

    /// Pictures handed to the driver at a time.
    #[arg(long, value_name = "N", default_value_t = 4,
          value_parser = clap::value_parser!(u32).range(1..=32))]
    pub in_flight: u32,

    /// Queue plain buffers, one at a time, with the controls of the file handle.
    #[arg(long, conflicts_with = "in_flight")]
    pub no_requests: bool,

    /// Write a page with plots of sizes, QPs, the decoder's buffer, rate and PSNR.
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,

    /// Print errors only.
    #[arg(short, long)]
    pub quiet: bool,

    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would show it")]
    pub rate: RateArgs,
}

/// Which encoder to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceChoice {
    /// Find one.
    Auto,
    /// This one.
    Path(PathBuf),
}

impl FromStr for DeviceChoice {
    type Err = std::convert::Infallible;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Ok(match s {
            "auto" => Self::Auto,
            path => Self::Path(path.into()),
        })
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

/// QP of I and of P pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QpPair {
    /// Of I pictures.
    pub i: u8,
    /// Of P pictures.
    pub p: u8,
}

impl FromStr for QpPair {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let qp = |s: &str| {
            s.parse()
                .ok()
                .filter(|&qp: &u8| qp <= 51)
                .ok_or_else(|| format!("\"{s}\" is no QP from 0 to 51"))
        };
        let (i, p) = s.split_once(',').unwrap_or((s, s));
        Ok(Self {
            i: qp(i)?,
            p: qp(p)?,
        })
    }
}

/// A positive fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fraction {
    numerator: u32,
    denominator: u32,
}

impl Fraction {
    /// Of two numbers that are not zero.
    ///
    /// # Panics
    ///
    /// When one is.
    pub const fn new(numerator: u32, denominator: u32) -> Self {
        assert!(numerator != 0 && denominator != 0);
        Self {
            numerator,
            denominator,
        }
    }

    /// Of two numbers that may be zero.
    pub fn checked(numerator: u32, denominator: u32) -> Option<Self> {
        (numerator != 0 && denominator != 0).then_some(Self {
            numerator,
            denominator,
        })
    }

    /// Numerator and denominator.
    pub fn parts(self) -> (u32, u32) {
        (self.numerator, self.denominator)
    }

    /// As a floating-point number.
    pub fn value(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
    }
}

impl FromStr for Fraction {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let (n, d) = s.split_once(['/', ':']).unwrap_or((s, "1"));
        n.parse()
            .ok()
            .zip(d.parse().ok())
            .and_then(|(n, d)| Self::checked(n, d))
            .ok_or_else(|| format!("\"{s}\" is no rate such as 25 or 30000/1001"))
    }
}

fn parse_size(s: &str) -> Result<(u32, u32), String> {
    s.split_once('x')
        .and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)))
        .filter(|&(w, h): &(u32, u32)| (1..=16384).contains(&w) && (1..=16384).contains(&h))
        .ok_or_else(|| format!("\"{s}\" is no size such as 1280x720"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn values_are_checked() {
        assert_eq!("24,28".parse(), Ok(QpPair { i: 24, p: 28 }));
        assert_eq!("30".parse(), Ok(QpPair { i: 30, p: 30 }));
        for qp in ["52", "-1", "24,", "24,28,30", "", "x"] {
            assert!(qp.parse::<QpPair>().is_err(), "{qp}");
        }
        assert_eq!("25".parse(), Ok(Fraction::new(25, 1)));
        assert_eq!("30000/1001".parse(), Ok(Fraction::new(30_000, 1_001)));
        for rate in ["0", "25/0", "25/", "-1", "29.97", ""] {
            assert!(rate.parse::<Fraction>().is_err(), "{rate}");
        }
        assert_eq!(parse_size("1280x720"), Ok((1280, 720)));
        for size in ["1280", "0x16", "16x", "1280x720x2", "99999x16"] {
            assert!(parse_size(size).is_err(), "{size}");
        }
    }
}
