// SPDX-License-Identifier: GPL-2.0

//! Raw pictures, one after the other without anything between.

use super::{
    read_frame,
    Hints,
    Source,
    Video, //
};
use crate::{
    cli::Fraction,
    error::Result,
    picture::Format, //
};
use std::io::Read;

/// Raw pictures of a size and format that the user gave.
pub struct Raw<R> {
    input: R,
    name: String,
    video: Video,
    frames: u64,
}

impl<R: Read> Raw<R> {
    /// Reads from `input`, called `name` in messages. Format and frame rate have
    /// the defaults that ffmpeg has for raw video.
    pub fn new(input: R, name: &str, (width, height): (u32, u32), hints: Hints) -> Result<Self> {
        Ok(Self {
            input,
            name: name.to_owned(),
            video: Video {
                width,
                height,
                format: hints.format.unwrap_or(Format::I420),
                frame_rate: hints.fps.unwrap_or(Fraction::new(25, 1)),
            },
            frames: 0,
        })
    }
}

impl<R: Read + Send> Source for Raw<R> {
    fn video(&self) -> Video {
        self.video
    }

    fn read(&mut self, frame: &mut [u8]) -> Result<bool> {
        let more = read_frame(&mut self.input, frame, &self.name, self.frames)?;
        self.frames += u64::from(more);
        Ok(more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_sizes_and_truncation() {
        let hints = Hints {
            format: Some(Format::Nv12),
            ..Hints::default()
        };
        // 3x3: 9 luma and 2 lines of 4 chroma bytes.
        let data: Vec<u8> = (0..17 + 16).collect();
        let mut raw = Raw::new(&data[..], "x.raw", (3, 3), hints).unwrap();
        assert_eq!(raw.video().frame_bytes(), 17);
        let mut frame = [0; 17];
        assert!(raw.read(&mut frame).unwrap());
        assert_eq!(frame[16], 16);
        let err = raw.read(&mut frame).unwrap_err().to_string();
        assert_eq!(
            err,
            "x.raw is truncated: it ends after 16 of the 17 bytes of frame 1; \
             use --frames 1 to encode the whole frames before"
        );
    }
}
