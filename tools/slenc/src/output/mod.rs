// SPDX-License-Identifier: GPL-2.0

//! Coded video: elementary stream or MP4, in a file or on standard output.

pub mod annexb;
pub mod file;
pub mod mp4;

use crate::{
    cli::Fraction,
    error::{
        Context,
        Error,
        Result, //
    },
};
use file::OutputFile;
use std::{
    io::{
        self,
        IsTerminal,
        Write, //
    },
    path::Path,
};

/// How the coded pictures are wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// H.264 byte stream, Annex B.
    AnnexB,
    /// ISO base media file.
    Mp4,
}

impl Container {
    /// What the name of a file asks for.
    pub fn of(path: &Path) -> Result<Self> {
        if path == Path::new("-") || file::is_special(path) {
            return Ok(Self::AnnexB);
        }
        let extension = path.extension().map(|ext| ext.to_ascii_lowercase());
        match extension.as_ref().and_then(|ext| ext.to_str()) {
            Some("h264" | "264" | "avc" | "jsv") => Ok(Self::AnnexB),
            Some("mp4" | "m4v") => Ok(Self::Mp4),
            _ => Err(Error::new(format!(
                "\"{}\" does not say in which form to write",
                path.display()
            ))
            .remedy("end the name in .h264 (byte stream) or .mp4, or use - for standard output")),
        }
    }
}

/// What an MP4 file says about its video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Track {
    /// Visible width.
    pub width: u32,
    /// Visible height.
    pub height: u32,
    /// Pictures per second.
    pub frame_rate: Fraction,
}

/// Takes the coded pictures in order.
pub enum Output {
    /// A byte stream to standard output.
    Stdout(io::Stdout),
    /// A byte stream to a file.
    AnnexB(OutputFile),
    /// An MP4 file.
    Mp4(mp4::Muxer<OutputFile>),
}

impl Output {
    /// Opens the output, under another name until [`Output::finish`].
    pub fn create(path: &Path, track: Track) -> Result<Self> {
        if path == Path::new("-") {
            let stdout = io::stdout();
            if stdout.is_terminal() {
                return Err(Error::new("standard output is a terminal")
                    .remedy("redirect it, or give a file with -o"));
            }
            return Ok(Self::Stdout(stdout));
        }
        let container = Container::of(path)?;
        let file = OutputFile::create(path)?;
        Ok(match container {
            Container::AnnexB => Self::AnnexB(file),
            Container::Mp4 => Self::Mp4(
                mp4::Muxer::new(file, track).context(format!("writing {}", path.display()))?,
            ),
        })
    }

    /// Writes a picture with its parameter sets, as the encoder gave it.
    pub fn write(&mut self, access_unit: &[u8]) -> Result<()> {
        match self {
            Self::Stdout(out) => out
                .write_all(access_unit)
                .context("writing to standard output"),
            Self::AnnexB(file) => {
                let result = file.write_all(access_unit);
                result.context(format!("writing {}", file.path().display()))
            }
            Self::Mp4(muxer) => muxer.write(access_unit),
        }
    }

    /// Completes the output and gives it its name.
    pub fn finish(self) -> Result<()> {
        match self {
            Self::Stdout(mut out) => out.flush().context("writing to standard output"),
            Self::AnnexB(file) => file.commit(),
            Self::Mp4(muxer) => muxer.finish()?.commit(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_chooses_the_container() {
        for (name, container) in [
            ("a.h264", Container::AnnexB),
            ("a.264", Container::AnnexB),
            ("-", Container::AnnexB),
            ("/dev/null", Container::AnnexB),
            ("a.b.MP4", Container::Mp4),
        ] {
            assert_eq!(Container::of(Path::new(name)).unwrap(), container, "{name}");
        }
        for name in ["a.mkv", "a", "mp4", ".mp4"] {
            assert!(Container::of(Path::new(name)).is_err(), "{name}");
        }
    }
}
