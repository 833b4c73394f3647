// SPDX-License-Identifier: GPL-2.0

//! Raw pictures from a file or from standard input.

pub mod raw;
pub mod reader;
pub mod y4m;

use crate::{
    cli::Fraction,
    error::{
        Context,
        Error,
        Result, //
    },
    picture::Format,
};
use std::{
    fmt,
    fs::File,
    io::{
        self,
        BufReader,
        Cursor,
        Read, //
    },
    path::Path,
};

/// What all pictures of an input have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Video {
    /// Width in samples.
    pub width: u32,
    /// Height in samples.
    pub height: u32,
    /// Layout of the samples.
    pub format: Format,
    /// Pictures per second.
    pub frame_rate: Fraction,
}

impl Video {
    /// Bytes of a picture.
    pub fn frame_bytes(&self) -> usize {
        self.format.frame_bytes(self.width, self.height)
    }
}

/// A sequence of raw pictures.
pub trait Source: Send {
    /// What its pictures have in common.
    fn video(&self) -> Video;

    /// Reads the next picture into `frame`, which has its size: false behind the
    /// last.
    fn read(&mut self, frame: &mut [u8]) -> Result<bool>;
}

/// What the command line says about the input.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hints {
    /// Size of raw pictures.
    pub size: Option<(u32, u32)>,
    /// Format of raw pictures.
    pub format: Option<Format>,
    /// Frame rate, also in place of that of Y4M.
    pub fps: Option<Fraction>,
}

/// Opens a file, or standard input for "-", and finds out what it is.
pub fn open(path: &Path, hints: Hints) -> Result<Box<dyn Source>> {
    if path == Path::new("-") {
        return detect(io::stdin(), "standard input", hints);
    }
    let name = path.display().to_string();
    let file = File::open(path).map_err(|err| Error::new(format!("cannot open {name}: {err}")))?;
    if file.metadata().context(&name)?.is_dir() {
        return Err(Error::new(format!("{name} is a directory")));
    }
    detect(file, &name, hints)
}

fn detect(
    mut input: impl Read + Send + 'static,
    name: &str,
    hints: Hints,
) -> Result<Box<dyn Source>> {
    let mut start = Vec::new();
    input
        .by_ref()
        .take(y4m::MAGIC.len() as u64)
        .read_to_end(&mut start)
        .context(format!("reading {name}"))?;
    if start.is_empty() {
        return Err(Error::new(format!("{name} is empty")));
    }
    let is_y4m = start == y4m::MAGIC;
    let input = BufReader::with_capacity(1 << 20, Cursor::new(start).chain(input));
    match (is_y4m, hints.size) {
        (true, None) if hints.format.is_none() => Ok(Box::new(y4m::Y4m::new(input, name, hints.fps)?)),
        (true, _) => Err(Error::new(format!(
            "{name} is Y4M, which says its size and format itself"
        ))
        .remedy("leave out --size and --format")),
        (false, Some(size)) => Ok(Box::new(raw::Raw::new(input, name, size, hints)?)),
        (false, None) => Err(Error::new(format!("{name} is not Y4M")).remedy(
            "convert it (ffmpeg -i FILE -pix_fmt yuv420p FILE.y4m), or give --size WxH and --format if it is raw frames",
        )),
    }
}

/// Reads a whole picture: false at the end of the input, an error within a
/// picture.
fn read_frame(input: &mut impl Read, frame: &mut [u8], name: &str, number: u64) -> Result<bool> {
    let mut have = 0;
    while have < frame.len() {
        match input.read(&mut frame[have..]) {
            Ok(0) => break,
            Ok(n) => have += n,
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Err(err) => return Err(err).context(format!("reading {name}")),
        }
    }
    match have {
        0 => Ok(false),
        n if n == frame.len() => Ok(true),
        n => Err(truncated(
            name,
            format_args!("{n} of the {} bytes", frame.len()),
            number,
        )),
    }
}

/// The error of an input that ends within a picture.
fn truncated(name: &str, what: impl fmt::Display, number: u64) -> Error {
    let err = Error::new(format!(
        "{name} is truncated: it ends after {what} of frame {number}"
    ));
    match number {
        0 => err,
        _ => err.remedy(format!(
            "use --frames {number} to encode the whole frames before"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(data: &'static [u8], hints: Hints) -> String {
        match detect(data, "x", hints) {
            Ok(_) => panic!("{data:?} was taken"),
            Err(err) => err.to_string(),
        }
    }

    #[test]
    fn unsuitable_input_is_named() {
        assert_eq!(error(b"", Hints::default()), "x is empty");
        let elf = error(b"\x7fELF\x02\x01\x01\0\0\0\0\0", Hints::default());
        assert!(elf.starts_with("x is not Y4M; "), "{elf}");
        let hints = Hints {
            size: Some((16, 16)),
            ..Hints::default()
        };
        let both = error(b"YUV4MPEG2 W16 H16 F25:1\n", hints);
        assert!(both.ends_with("leave out --size and --format"), "{both}");
    }

    #[test]
    fn raw_input_shorter_than_the_magic_is_still_raw() {
        let hints = Hints {
            size: Some((2, 2)),
            ..Hints::default()
        };
        let mut source = detect(&b"abcdef"[..], "x", hints).unwrap();
        let mut frame = [0; 6];
        assert!(source.read(&mut frame).unwrap());
        assert_eq!(&frame, b"abcdef");
        assert!(!source.read(&mut frame).unwrap());
    }
}
