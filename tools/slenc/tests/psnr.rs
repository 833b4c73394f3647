// SPDX-License-Identifier: GPL-2.0

//! The PSNR that is measured with a decoder, against ffmpeg's own.

mod common;

use common::{
    access_units,
    encode,
    text,
    tool, //
};
use slenc::{
    cli::Fraction,
    input::Video,
    picture::Format,
    psnr::Psnr, //
};
use std::fs;

/// More pictures than the decoder may be behind.
const FRAMES: usize = 150;

#[test]
fn the_figure_is_that_of_ffmpeg() {
    let dir = tempfile::tempdir().unwrap();
    let stream = dir.path().join("in.h264");
    let log = dir.path().join("psnr.log");
    let source = format!("testsrc2=size=178x142:rate=25:duration=10,trim=end_frame={FRAMES}");
    encode(&source, &stream);
    let raw = tool(
        "ffmpeg",
        &[
            "-f", "lavfi", "-i", &source, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-",
        ],
    );

    let video = Video {
        width: 178,
        height: 142,
        format: Format::I420,
        frame_rate: Fraction::new(25, 1),
    };
    let mut psnr = Psnr::new(video, false);
    assert_eq!(psnr.current(), None);
    let units = access_units(&fs::read(&stream).unwrap());
    let frames: Vec<_> = raw.chunks_exact(video.frame_bytes()).collect();
    assert_eq!((units.len(), frames.len()), (FRAMES, FRAMES));
    for (unit, frame) in units.iter().zip(&frames) {
        psnr.add(frame, unit, None).unwrap();
    }
    let measured = psnr.finish().unwrap();
    assert_eq!(measured.pictures.len(), FRAMES);
    let measured = measured.mean.unwrap();

    let filter = format!(
        "[0:v]format=yuv420p[a];[a][1:v]psnr=stats_file={}",
        text(&log)
    );
    tool(
        "ffmpeg",
        &[
            "-f",
            "lavfi",
            "-i",
            &source,
            "-r",
            "25",
            "-i",
            text(&stream),
            "-lavfi",
            &filter,
            "-f",
            "null",
            "-",
        ],
    );
    let log = fs::read_to_string(&log).unwrap();
    let errors: Vec<f64> = log
        .split_whitespace()
        .filter_map(|field| field.strip_prefix("mse_y:"))
        .map(|mse| mse.parse().unwrap())
        .collect();
    assert_eq!(errors.len(), FRAMES);
    let mean = errors.iter().sum::<f64>() / FRAMES as f64;
    let expected = 10.0 * (255.0 * 255.0 / mean).log10();
    assert!(
        (measured - expected).abs() < 0.01,
        "{measured} against {expected}"
    );
}
