// SPDX-License-Identifier: GPL-2.0

//! One run of an encoder: pictures in, sizes out, and the PSNR of what a decoder makes of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::options::Format;
use super::process::run;
use super::stats::{packets, quantizers, Packet, FORMAT};
use crate::content::Sequence;
use crate::plant::psnr;

/// Of one run of a program, which takes seconds; a machine that is busy may take much longer.
const LIMIT: Duration = Duration::from_secs(300);

/// A frame of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Frame {
    /// 0 of a frame that was dropped.
    pub(super) bits: u64,
    pub(super) key: bool,
    /// On the encoder's own scale, when it tells.
    pub(super) quantizer: Option<i32>,
    /// Of luma, of what is shown in its place when it was dropped.
    pub(super) psnr: f64,
}

/// A directory that ends with the run.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("slenc-rc-peer-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let failed = |error| format!("{}: {error}", path.display());
        fs::create_dir_all(&path).map_err(failed)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing is left to be done about a directory that stays.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Codes the first `frames` pictures of a sequence with these options of ffmpeg.
pub(super) fn encode(
    ffmpeg: &Path,
    format: Format,
    options: &[String],
    sequence: &Sequence,
    frames: usize,
) -> Result<Vec<Frame>, String> {
    let scratch = Scratch::new()?;
    let file = |name: &str| scratch.0.join(name);
    let (sizes, tellings, stream) = (file("sizes"), file("quantizers"), file("stream"));
    let size = format!("{}x{}", sequence.width, sequence.height);
    let rate = format!("{}/{}", sequence.rate.0, sequence.rate.1);
    let mut command = Command::new(ffmpeg);
    command
        .args(["-v", "error", "-nostdin", "-y", "-f", "rawvideo"])
        .args(["-pix_fmt", "yuv420p", "-s", &size, "-r", &rate])
        .args(["-i", "pipe:0", "-fps_mode", "passthrough"])
        .args(options)
        .args(["-stats_mux_pre_fmt", FORMAT, "-stats_mux_pre"])
        .arg(&sizes)
        .arg("-vstats_file")
        .arg(&tellings)
        .args(["-f", format.name()])
        .arg(&stream);
    let pictures = || {
        let order = sequence.order.iter().cycle();
        order.take(frames).map(|&n| &sequence.pictures[n])
    };
    run(
        &mut command,
        |pipe| pictures().try_for_each(|picture| pipe.write_all(picture)),
        0,
        LIMIT,
    )?;
    let text = |path: &Path| {
        fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let packets = packets(&text(&sizes)?, frames, sequence.rate)?;
    // Without it, no quantizer is known.
    let quantizers = quantizers(&text(&tellings).unwrap_or_default(), packets.len());

    let mut command = Command::new(ffmpeg);
    command
        .args(["-v", "error", "-nostdin", "-f", format.name(), "-i"])
        .arg(&stream)
        .args(["-fps_mode", "passthrough", "-f", "rawvideo"])
        .args(["-pix_fmt", "yuv420p", "pipe:1"]);
    let bytes = sequence.width * sequence.height * 3 / 2;
    let most = (bytes * frames) as u64;
    let samples = run(&mut command, |_| Ok(()), most, LIMIT)?;
    let decoded: Vec<&[u8]> = samples.chunks_exact(bytes).collect();
    if decoded.len() != packets.len() {
        let (shown, coded) = (decoded.len(), packets.len());
        return Err(format!("{coded} packets, and {shown} pictures"));
    }
    let luma = sequence.width * sequence.height;
    let originals: Vec<&[u8]> = pictures().map(|picture| &picture[..luma]).collect();
    Ok(shown(&originals, &packets, &quantizers, &decoded))
}

/// What is shown of each picture: the one of its packet, or the last before.
fn shown(
    originals: &[&[u8]],
    packets: &[Packet],
    quantizers: &[Option<i32>],
    decoded: &[&[u8]],
) -> Vec<Frame> {
    let mut coming = packets.iter().zip(quantizers).zip(decoded).peekable();
    let mut last: Option<&[u8]> = None;
    let frames = originals.iter().enumerate().map(|(n, original)| {
        let own = coming.next_if(|((packet, _), _)| packet.frame == n);
        let mut frame = Frame {
            bits: 0,
            key: false,
            quantizer: None,
            psnr: 0.0,
        };
        if let Some(((packet, quantizer), picture)) = own {
            last = Some(picture);
            frame.bits = packet.bytes * 8;
            frame.key = packet.key;
            frame.quantizer = *quantizer;
        }
        frame.psnr = psnr(last.map_or(255.0f64.powi(2), |picture| error(original, picture)));
        frame
    });
    frames.collect()
}

/// Mean square error of luma.
fn error(original: &[u8], shown: &[u8]) -> f64 {
    let pairs = original.iter().zip(shown);
    let square: u64 = pairs.map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum();
    square as f64 / original.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::table::tests::sequence;

    #[test]
    fn a_dropped_frame_shows_the_one_before() {
        let pictures: [&[u8]; 4] = [&[10; 6], &[12; 6], &[14; 6], &[16; 6]];
        let packet = |frame, bytes, key| Packet { frame, bytes, key };
        let packets = [packet(0, 100, true), packet(2, 10, false)];
        let frames = shown(
            &pictures.map(|picture| &picture[..4]),
            &packets,
            &[Some(20), None],
            &[pictures[0], pictures[2]],
        );
        let bits: Vec<u64> = frames.iter().map(|frame| frame.bits).collect();
        assert_eq!(bits, [800, 0, 80, 0]);
        assert_eq!((frames[0].key, frames[0].quantizer), (true, Some(20)));
        let expected = [psnr(0.0), psnr(4.0), psnr(0.0), psnr(4.0)];
        let psnrs: Vec<f64> = frames.iter().map(|frame| frame.psnr).collect();
        assert_eq!(psnrs, expected);
    }

    #[test]
    fn what_goes_wrong_is_said() {
        let sequence = sequence();
        // A container of a peer carries no such stream.
        let options = ["-c:v", "mpeg4"].map(str::to_owned);
        let refused = encode(Path::new("ffmpeg"), Format::Ivf, &options, &sequence, 8);
        assert!(refused.is_err_and(|error| error.starts_with("ffmpeg: ")));
        let missing = encode(Path::new("/nowhere/no"), Format::Ivf, &[], &sequence, 8);
        assert!(missing.is_err());
    }

    #[test]
    fn x264_codes_what_it_is_given() {
        let sequence = sequence();
        let options = ["-c:v", "libx264", "-tune", "zerolatency", "-qp", "12"].map(str::to_owned);
        let frames = encode(Path::new("ffmpeg"), Format::H264, &options, &sequence, 20);
        let frames = frames.expect("the environment's ffmpeg has it");
        assert_eq!(frames.len(), 20);
        assert!(frames[0].key && frames.iter().all(|frame| frame.bits > 0));
        assert!(frames.iter().all(|frame| frame.psnr > 40.0));
        assert!(frames.iter().all(|frame| frame.quantizer.is_some()));
    }
}
