// SPDX-License-Identifier: GPL-2.0

//! What several tests need: ffmpeg, and streams of it picture by picture.

use slenc::output::annexb::{
    nal_type,
    unit_type,
    NalUnits, //
};
use std::{
    path::Path,
    process::Command, //
};

/// Runs a program of ffmpeg's and returns what it prints.
pub(crate) fn tool(name: &str, args: &[&str]) -> Vec<u8> {
    let output = Command::new(name)
        .args(["-v", "error"])
        .args(args)
        .output()
        .unwrap_or_else(|err| panic!("{name}: {err}"));
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{name} {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Codes a source of libavfilter with x264, with a delimiter before each picture
/// and an IDR picture every 32.
pub(crate) fn encode(source: &str, stream: &Path) {
    tool(
        "ffmpeg",
        &[
            "-f",
            "lavfi",
            "-i",
            source,
            "-pix_fmt",
            "yuv420p",
            "-c:v",
            "libx264",
            "-profile:v",
            "baseline",
            "-preset",
            "ultrafast",
            "-g",
            "32",
            "-x264-params",
            "aud=1:repeat-headers=1:scenecut=0",
            text(stream),
        ],
    );
}

/// The access units of such a stream.
pub(crate) fn access_units(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut units: Vec<Vec<u8>> = Vec::new();
    for nal in NalUnits::new(stream) {
        if unit_type(nal) == nal_type::AUD {
            units.push(Vec::new());
        }
        let unit = units.last_mut().expect("a delimiter comes first");
        unit.extend([0, 0, 0, 1]);
        unit.extend(nal);
    }
    units
}
