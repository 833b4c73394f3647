// SPDX-License-Identifier: GPL-2.0

//! Squared errors in the statistics: those of the pictures that a decoder shows.

use super::{
    recorder::{
        sample,
        Picture,
        Recorder, //
    },
    Test, //
};
use crate::{
    encoder::{
        idr,
        predicted, //
    },
    expect::{
        ensure,
        equal, //
    },
    references::plain,
};
use slenc::{
    error::{
        Context,
        Error,
        Result, //
    },
    h264,
    v4l2::{
        sys::control::ExtControl,
        uapi::*, //
    },
};
use std::{
    env,
    fs,
    process::Command, //
};

pub(super) const TESTS: &[Test] = &[(
    "squared errors, where the hardware counts them, are those of the decoded pictures",
    squared_errors,
)];

/// Not whole macroblocks: what is coded beyond the picture does not count.
const SIZE: (u32, u32) = (170, 134);

fn squared_errors() -> Result<()> {
    let sps = h264::sps(SIZE.0, SIZE.1, (25, 1));
    let mut recorder = Recorder::with(SIZE, &sps, &h264::pps())?;
    let mut pictures = Vec::new();
    for (params, qp) in [(idr(), 20), (predicted(), 36), (predicted(), 51)] {
        let mut value = [ExtControl::int(V4L2_CID_STATELESS_ENC_FRAME_QP, qp)];
        pictures.push(recorder.code(&params, &plain(), &mut value)?);
    }
    // Hardware that codes no more than Constrained Baseline does not count them.
    let counted = recorder.encoder.codes_main();
    for picture in &pictures {
        let valid = picture.stats.valid & V4L2_STATELESS_ENC_STATS_VALID_SSE != 0;
        equal("whether squared errors are valid", valid, counted)?;
    }
    if !counted {
        return Ok(());
    }
    let decoded = decode(&pictures)?;
    let size = (SIZE.0 * SIZE.1 * 3 / 2) as usize;
    equal("decoded bytes", decoded.len(), pictures.len() * size)?;
    for ((picture, decoded), name) in pictures.iter().zip(decoded.chunks_exact(size)).zip(1..) {
        equal("squared errors", picture.stats.sse, errors(decoded, name))?;
        ensure!(picture.stats.sse.iter().all(|&sse| sse > 0), "no errors");
    }
    Ok(())
}

/// What ffmpeg decodes: planes of Y, Cb and Cr.
fn decode(pictures: &[Picture]) -> Result<Vec<u8>> {
    let stream = env::temp_dir().join("slenc-test-errors.h264");
    let bytes: Vec<_> = pictures.iter().flat_map(|p| p.bytes.clone()).collect();
    fs::write(&stream, bytes).context("writing a stream")?;
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-xerror", "-i"])
        .arg(&stream)
        .args(["-fps_mode", "passthrough", "-pix_fmt", "yuv420p"])
        .args(["-f", "rawvideo", "pipe:1"])
        .output()
        .context("ffmpeg")?;
    fs::remove_file(&stream).context("removing a stream")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Error::new(format!("ffmpeg: {said}")));
    }
    Ok(output.stdout)
}

/// Sums of squared errors of Y, Cb and Cr.
fn errors(decoded: &[u8], name: u64) -> [u64; 3] {
    let (width, height) = SIZE;
    let luma = (width * height) as usize;
    let mut sums = [0; 3];
    let mut add = |plane: usize, decoded: u8, x, y| {
        let error = u64::from(decoded.abs_diff(sample(x, y, name)));
        sums[plane] += error * error;
    };
    for (at, &decoded) in (0..).zip(&decoded[..luma]) {
        add(0, decoded, at % width, at / width);
    }
    for plane in 0..2 {
        let samples = &decoded[luma + plane * luma / 4..][..luma / 4];
        for (at, &decoded) in (0..).zip(samples) {
            let (x, y) = (at % (width / 2), at / (width / 2));
            add(1 + plane, decoded, 2 * x + plane as u32, height + y);
        }
    }
    sums
}
