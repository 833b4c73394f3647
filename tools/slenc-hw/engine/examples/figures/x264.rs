// SPDX-License-Identifier: GPL-2.0

//! Runs of x264 through ffmpeg.

use std::process::{Command, Stdio};

use crate::support::decode;
use crate::{Clip, Run, I_OFFSET};

/// Codes a clip with a preset at a fixed QP.
pub(crate) fn code(clip: &Clip, preset: &str, qp: u8) -> Run {
    // x264 derives the QP of I pictures from a ratio of step sizes.
    let ratio = 2f64.powf(f64::from(I_OFFSET) / 6.0);
    let params = format!(
        "qp={qp}:ipratio={ratio:.5}:keyint=infinite:scenecut=0:threads=1:lookahead-threads=1"
    );
    let (bytes, seconds) = ffmpeg(
        clip,
        &[
            "-c:v",
            "libx264",
            "-preset",
            preset,
            "-profile:v",
            "baseline",
            "-tune",
            "psnr,zerolatency",
            "-x264-params",
            &params,
            "-f",
            "h264",
        ],
    );
    // Reading the samples is no part of encoding.
    let (_, reading) = ffmpeg(clip, &["-c:v", "copy", "-f", "null"]);
    Run {
        bytes: bytes.len(),
        seconds: seconds - reading,
        decoded: decode(&bytes),
    }
}

/// Runs ffmpeg on a clip, and gives its output and its processor time.
fn ffmpeg(clip: &Clip, arguments: &[&str]) -> (Vec<u8>, f64) {
    let directory = std::env::temp_dir();
    let input = directory.join(format!("figures-{}.yuv", std::process::id()));
    let output = directory.join(format!("figures-{}.264", std::process::id()));
    std::fs::write(&input, &clip.samples).expect("the temporary directory has room");
    let result = Command::new("ffmpeg")
        .args(["-v", "info", "-nostdin", "-y", "-benchmark"])
        .args(["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s"])
        .arg(format!("{}x{}", clip.width, clip.height))
        .arg("-r")
        .arg(clip.fps.to_string())
        .arg("-i")
        .arg(&input)
        .args(["-threads", "1"])
        .args(arguments)
        .arg(&output)
        .stdout(Stdio::null())
        .output()
        .expect("ffmpeg starts");
    let log = String::from_utf8_lossy(&result.stderr);
    assert!(result.status.success(), "{log}");
    let bytes = std::fs::read(&output).unwrap_or_default();
    let _ = std::fs::remove_file(&input);
    let _ = std::fs::remove_file(&output);
    let times = log
        .lines()
        .rev()
        .find(|line| line.contains("bench: utime"))
        .expect("ffmpeg prints its times");
    let time = |name: &str| -> f64 {
        let text = times.split(name).nth(1).expect("both times are printed");
        let number = text.split('s').next().expect("a unit follows");
        number.parse().expect("times are numbers")
    };
    (bytes, time("utime=") + time("stime="))
}
