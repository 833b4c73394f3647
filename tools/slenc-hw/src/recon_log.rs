// SPDX-License-Identifier: GPL-2.0

//! Checksums of reconstructions, to compare them with what a decoder gives.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{
    self,
    Write, //
};
use std::path::Path;

use md5::{
    Digest,
    Md5, //
};

use crate::descriptor::Size;

/// A file with a line for each coded picture: tag, width, height, bytes of output and the MD5 of
/// the visible picture as planar 4:2:0, which is the number that FFmpeg's `framemd5` gives for it.
pub struct ReconLog {
    file: File,
}

impl ReconLog {
    /// Creates or truncates the file.
    ///
    /// # Errors
    ///
    /// What creating it gave.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: File::create(path)?,
        })
    }

    /// Writes a line at once, so that it is there before the interrupt.
    pub(crate) fn write(&mut self, line: &str) {
        if let Err(e) = self.file.write_all(line.as_bytes()) {
            log::error!("reconstruction log: {e}");
        }
    }
}

/// The line of a picture.
pub(crate) fn line(tag: u32, size: &Size, bytes: u32, recon: &[u8]) -> String {
    let (width, height) = (usize::from(size.width), usize::from(size.height));
    let stride = usize::from(size.width_mbs) * 16;
    let (luma, chroma) = recon.split_at(stride * usize::from(size.height_mbs) * 16);
    let mut md5 = Md5::new();
    for line in luma.chunks_exact(stride).take(height) {
        md5.update(&line[..width]);
    }
    let mut samples = Vec::with_capacity(width / 2);
    for component in 0..2 {
        for line in chroma.chunks_exact(stride).take(height / 2) {
            samples.clear();
            samples.extend(line[..width].chunks_exact(2).map(|pair| pair[component]));
            md5.update(&samples);
        }
    }
    let mut out = format!("{tag},{width},{height},{bytes},");
    for byte in md5.finalize() {
        let _ = write!(out, "{byte:02x}");
    }
    out.push('\n');
    out
}
