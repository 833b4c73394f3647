// SPDX-License-Identifier: GPL-2.0

//! MP4 files judged by ffmpeg: a stream of x264 goes through the muxer, and the
//! file is taken apart by others.

mod common;

use common::{
    access_units,
    encode,
    text,
    tool, //
};
use slenc::{
    cli::Fraction,
    output::{
        Output,
        Track, //
    },
};
use std::{
    fs,
    path::Path, //
};

const FRAMES: usize = 75;

#[test]
fn players_see_what_was_coded() {
    let dir = tempfile::tempdir().unwrap();
    let stream = dir.path().join("in.h264");
    // An odd number of chunks, three IDR pictures, a cropped size and a rate that
    // is not a whole number.
    let source =
        format!("testsrc2=size=178x142:rate=30000/1001:duration=10,trim=end_frame={FRAMES}");
    encode(&source, &stream);
    let data = fs::read(&stream).unwrap();
    let units = access_units(&data);
    assert_eq!(units.len(), FRAMES);

    let file = dir.path().join("out.mp4");
    let track = Track {
        width: 178,
        height: 142,
        frame_rate: Fraction::new(30_000, 1_001),
    };
    let mut output = Output::create(&file, track).unwrap();
    for unit in &units {
        output.write(unit).unwrap();
    }
    output.finish().unwrap();

    let probe = tool(
        "ffprobe",
        &[
            "-count_frames",
            "-show_streams",
            "-show_packets",
            "-show_format",
            "-of",
            "json",
            text(&file),
        ],
    );
    let probe: serde_json::Value = serde_json::from_slice(&probe).unwrap();
    assert_eq!(probe["streams"].as_array().unwrap().len(), 1);
    let video = &probe["streams"][0];
    assert_eq!(video["codec_name"], "h264");
    assert_eq!(video["codec_tag_string"], "avc1");
    assert_eq!(video["profile"], "Constrained Baseline");
    assert_eq!(
        (&video["width"], &video["height"]),
        (&178.into(), &142.into())
    );
    assert_eq!(video["avg_frame_rate"], "30000/1001");
    assert_eq!(video["r_frame_rate"], "30000/1001");
    assert_eq!(video["nb_frames"], FRAMES.to_string());
    assert_eq!(video["nb_read_frames"], FRAMES.to_string());
    assert_eq!(video["start_pts"], 0);
    assert_eq!(video["duration_ts"], FRAMES as u64 * 1_001);

    let packets = probe["packets"].as_array().unwrap();
    for (i, packet) in packets.iter().enumerate() {
        assert_eq!(packet["pts"], i as u64 * 1_001);
        assert_eq!(packet["dts"], packet["pts"]);
        let key = packet["flags"].as_str().unwrap().starts_with('K');
        assert_eq!(key, i % 32 == 0, "packet {i}");
    }

    let pictures = |input: &Path| {
        tool(
            "ffmpeg",
            &[
                "-i",
                text(input),
                "-fps_mode",
                "passthrough",
                "-f",
                "framemd5",
                "-",
            ],
        )
        .split(|&b| b == b'\n')
        .filter(|line| !line.is_empty() && line[0] != b'#')
        .map(|line| line.rsplit(|&b| b == b',').next().unwrap().to_vec())
        .collect::<Vec<_>>()
    };
    let decoded = pictures(&file);
    assert_eq!(decoded.len(), FRAMES);
    assert!(
        decoded == pictures(&stream),
        "MP4 and stream decode differently"
    );
}
