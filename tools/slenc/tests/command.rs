// SPDX-License-Identifier: GPL-2.0

//! The program as a user meets it, on a machine that may have no encoder.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{
        Command,
        Output,
        Stdio, //
    },
};
use tempfile::TempDir;

fn slenc(dir: &TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slenc"));
    command.current_dir(dir.path()).args(args);
    command
}

fn run(dir: &TempDir, args: &[&str]) -> Output {
    slenc(dir, args).output().unwrap()
}

/// Runs it, expects it to fail, and returns the one line it says.
fn error(dir: &TempDir, args: &[&str]) -> String {
    let output = run(dir, args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(output.stdout.is_empty());
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert!(lines[0].starts_with("slenc: "), "{text}");
    lines[0]["slenc: ".len()..].to_owned()
}

fn with_clip() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let clip = [&b"YUV4MPEG2 W16 H16 F25:1\nFRAME\n"[..], &[128; 384]].concat();
    fs::write(dir.path().join("in.y4m"), clip).unwrap();
    dir
}

fn names(dir: &TempDir) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn wrong_arguments_are_refused() {
    let dir = with_clip();
    for args in [
        &["encode", "in.y4m"][..],
        &["encode", "-o", "out.h264"],
        &["encode", "in.y4m", "-o", "out.h264", "--qp", "60"],
        &["encode", "in.y4m", "-o", "out.h264", "--frames", "0"],
        &["encode", "in.y4m", "-o", "out.h264", "--in-flight", "0"],
        &["encode", "in.y4m", "-o", "out.h264", "--size", "16"],
        &["encode", "in.y4m", "-o", "out.h264", "--format", "rgb"],
        &["frobnicate"],
        &[],
    ] {
        let output = run(&dir, args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
    assert_eq!(names(&dir), ["in.y4m"]);
}

#[test]
fn the_output_has_to_say_its_form() {
    let dir = with_clip();
    let text = error(&dir, &["encode", "in.y4m", "-o", "out.mkv"]);
    assert!(text.contains("end the name in .h264"), "{text}");
}

#[test]
fn the_input_is_not_written_over() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.h264"), "x").unwrap();
    let text = error(&dir, &["encode", "a.h264", "-o", "./a.h264"]);
    assert_eq!(text, "a.h264 is input and output");
    let text = error(
        &dir,
        &["encode", "a.h264", "-o", "b.h264", "--stats", "a.h264"],
    );
    assert_eq!(text, "a.h264 is input and statistics");
    let text = error(
        &dir,
        &["encode", "a.h264", "-o", "b.h264", "--stats", "b.h264"],
    );
    assert_eq!(text, "b.h264 is output and statistics");
    assert_eq!(fs::read(dir.path().join("a.h264")).unwrap(), b"x");
}

#[test]
fn unsuitable_input_is_refused() {
    let dir = with_clip();
    let write = |name: &str, data: &[u8]| fs::write(dir.path().join(name), data).unwrap();
    write("empty", b"");
    write("text", b"This is no video at all.");
    write("444.y4m", b"YUV4MPEG2 W16 H16 F25:1 C444\n");
    for (input, message) in [
        ("missing.y4m", "cannot open missing.y4m: No such file"),
        (".", ". is a directory"),
        ("empty", "empty is empty"),
        ("text", "text is not Y4M; "),
        ("444.y4m", "444.y4m: the pictures are in \"444\""),
    ] {
        let text = error(&dir, &["encode", input, "-o", "out.h264"]);
        assert!(text.starts_with(message), "{text}");
    }
    assert!(!dir.path().join("out.h264").exists());
    assert!(!dir.path().join("out.h264.part").exists());
}

#[test]
fn standard_input_is_read() {
    let dir = with_clip();
    let mut child = slenc(&dir, &["encode", "-", "-o", "out.h264"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"hello world")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.starts_with("slenc: standard input is not Y4M; "),
        "{text}"
    );
}

#[test]
fn a_device_that_is_no_encoder_is_refused() {
    let dir = with_clip();
    for (device, message) in [
        (
            "/dev/video-none",
            "cannot open /dev/video-none: No such file",
        ),
        ("/dev/null", "/dev/null is not a V4L2 device"),
        ("in.y4m", "in.y4m is not a V4L2 device"),
    ] {
        let args = ["encode", "in.y4m", "-o", "out.h264", "--device", device];
        let text = error(&dir, &args);
        assert!(text.starts_with(message), "{text}");
        assert!(text.contains("slenc info"), "{text}");
        let text = error(&dir, &["info", "--device", device]);
        assert!(text.starts_with(message), "{text}");
    }
    assert_eq!(names(&dir), ["in.y4m"]);
}

#[test]
fn the_search_for_an_encoder_says_what_it_found() {
    let dir = with_clip();
    let output = run(&dir, &["info", "--json"]);
    assert!(output.status.success());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let encoders = report["encoders"].as_array().unwrap();

    let output = run(&dir, &["info"]);
    assert!(output.status.success());
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        table.contains("No stateless H.264 encoder found"),
        encoders.is_empty() && report["refused"].as_array().unwrap().is_empty()
    );

    let args = ["encode", "in.y4m", "-o", "out.h264"];
    if !encoders.is_empty() {
        assert!(run(&dir, &args).status.success());
    } else if !Path::new("/dev/video0").exists() {
        let text = error(&dir, &args);
        assert!(
            text.starts_with("no stateless H.264 encoder found; "),
            "{text}"
        );
    }
}
