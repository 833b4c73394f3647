// SPDX-License-Identifier: GPL-2.0

//! Jobs that succeed: what the decoder makes of the output is the reconstruction.

use std::fs;

use slenc_hw::registers::offset;

use crate::machine::{
    Machine,
    DESCRIPTOR, //
};
use crate::stream::{
    decode,
    sample,
    scratch,
    Frame,
    OUTPUT,
    UNITS, //
};

/// Codes an IDR and P pictures like `frame`; returns the stream, picture by picture.
fn code(machine: &mut Machine, frame: &Frame, count: u32, first_tag: u32) -> Vec<Vec<u8>> {
    let mut stream = Vec::new();
    for number in 0..count {
        let frame = Frame {
            number,
            all_skip: frame.all_skip && number > 0,
            ..frame.clone()
        };
        frame.prepare(machine, first_tag);
        let tag = first_tag + number;
        machine.ring(tag, DESCRIPTOR);
        machine.interrupt();
        let word = |at| machine.word(DESCRIPTOR + 0x100 + at);
        assert_eq!((word(0), word(4)), (1, tag), "{:x}", word(0xc));
        let bytes = word(8);
        let units = u64::from(machine.word(DESCRIPTOR + 0x1c) & 0xffff);
        let sizes: u32 = (0..units)
            .map(|i| machine.word(UNITS + 32 * i + 0x10))
            .sum();
        assert_eq!(sizes, bytes);
        let bits = word(0x18) + word(0x1c) + 8 * word(0x20);
        assert_eq!(bits, 8 * bytes);
        let mbs = u32::from(frame.width_mbs()) * u32::from(frame.height_mbs());
        if number == 0 {
            assert_eq!(word(0x2c), mbs);
        } else if frame.all_skip {
            assert_eq!(word(0x30), mbs);
        }
        if frame.control.is_none() {
            assert_eq!(word(0x24), mbs * u32::from(frame.qp));
        }
        assert_ne!(word(0x48), 0, "encode_ns");
        stream.push(machine.bytes(OUTPUT, bytes as usize));
    }
    stream
}

/// Codes pictures and compares what FFmpeg decodes with the log and with the reconstruction. Returns
/// the machine.
pub(crate) fn matches_decoder(name: &str, frame: &Frame) -> Machine {
    let directory = scratch(name);
    let log = directory.join("recon.log");
    let mut machine = Machine::new(Some(&log));
    let stream = code(&mut machine, frame, 4, 100);
    let decoded = decode(&directory, &stream.concat());
    assert_eq!(decoded.len(), 4);
    let log = fs::read_to_string(&log).unwrap();
    let expected: Vec<_> = (0..4)
        .map(|i| {
            let (width, height) = (frame.width, frame.height);
            let (bytes, md5) = (stream[i].len(), &decoded[i]);
            format!("{},{width},{height},{bytes},{md5}", 100 + i)
        })
        .collect();
    assert_eq!(log.lines().collect::<Vec<_>>(), expected);

    // The log is of the engine's memory; the last picture in the guest's has to be the same.
    let last = Frame {
        number: 3,
        ..frame.clone()
    };
    let recon = machine.bytes(last.recon(), last.recon_size());
    fs::write(directory.join("recon.nv12"), &recon).unwrap();
    let size = format!("{}x{}", frame.width_mbs() * 16, frame.height_mbs() * 16);
    let crop = format!("crop={}:{}:0:0", frame.width, frame.height);
    let output = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-f", "rawvideo", "-pix_fmt", "nv12"])
        .args(["-s", &size, "-i"])
        .arg(directory.join("recon.nv12"))
        .args(["-vf", &crop, "-pix_fmt", "yuv420p", "-f", "framemd5", "-"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let output = String::from_utf8(output.stdout).unwrap();
    let md5 = output.trim_end().rsplit(", ").next().unwrap();
    assert_eq!(md5, decoded[3]);
    machine
}

#[test]
fn nv12() {
    matches_decoder("nv12", &Frame::default());
}

#[test]
fn planar() {
    let frame = Frame {
        format: 1,
        slices: 3,
        ..Frame::default()
    };
    matches_decoder("planar", &frame);
}

#[test]
fn packed() {
    for format in [2, 3] {
        let frame = Frame {
            format,
            qp: 36,
            chroma_offset: -5,
            ..Frame::default()
        };
        matches_decoder(&format!("packed{format}"), &frame);
    }
}

#[test]
fn strides_change_nothing() {
    for format in 0..4 {
        let streams: Vec<_> = [0, 6, 1001]
            .into_iter()
            .map(|padding| {
                let frame = Frame {
                    format,
                    padding,
                    ..Frame::default()
                };
                code(&mut Machine::new(None), &frame, 2, 7)
            })
            .collect();
        assert!(streams[0] == streams[1], "{format}");
        assert!(streams[0] == streams[2], "{format}");
    }
}

#[test]
fn the_picture_is_the_source() {
    let mut machine = Machine::new(None);
    let frame = Frame {
        qp: 4,
        ..Frame::default()
    };
    frame.prepare(&machine, 9);
    machine.ring(1, DESCRIPTOR);
    machine.interrupt();
    assert_eq!(machine.word(DESCRIPTOR + 0x100), 1);
    let recon = machine.bytes(frame.recon(), frame.recon_size());
    let (width, height) = (usize::from(frame.width), usize::from(frame.height));
    let stride = usize::from(frame.width_mbs()) * 16;
    let chroma = &recon[stride * usize::from(frame.height_mbs()) * 16..];
    let close = |got: u8, x, y| got.abs_diff(sample(x, y, 9)) <= 4;
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        assert!(close(recon[y * stride + x], x, y), "luma {x},{y}");
        if y < height / 2 {
            assert!(close(chroma[y * stride + x], x, y), "chroma {x},{y}");
        }
    }
}

#[test]
fn smallest() {
    let frame = Frame {
        width: 16,
        height: 16,
        ..Frame::default()
    };
    matches_decoder("smallest", &frame);
}

#[test]
fn wide_with_forced_intra_and_no_deblocking() {
    let mut frame = Frame {
        width: 642,
        height: 34,
        disable_deblocking: 1,
        ..Frame::default()
    };
    let directory = scratch("forced");
    let mut machine = Machine::new(None);
    let mut stream = code(&mut machine, &frame, 1, 1).concat();
    frame.number = 1;
    frame.forced_intra = vec![(40, 30), (3, 5)];
    frame.prepare(&machine, 1);
    machine.ring(2, DESCRIPTOR);
    machine.interrupt();
    assert_eq!(machine.word(DESCRIPTOR + 0x100), 1);
    assert!(machine.word(DESCRIPTOR + 0x12c) >= 35);
    let bytes = machine.word(DESCRIPTOR + 0x108) as usize;
    stream.extend(machine.bytes(OUTPUT, bytes));
    assert_eq!(decode(&directory, &stream).len(), 2);
}

#[test]
fn all_skip() {
    let directory = scratch("all_skip");
    let log = directory.join("recon.log");
    let mut machine = Machine::new(Some(&log));
    // Without cropping, the logged size of a picture without a source is the visible one.
    let frame = Frame {
        width: 64,
        height: 48,
        all_skip: true,
        ..Frame::default()
    };
    let stream = code(&mut machine, &frame, 3, 1);
    let decoded = decode(&directory, &stream.concat());
    let log = fs::read_to_string(&log).unwrap();
    let expected: Vec<_> = (0..3)
        .map(|i| format!("{},64,48,{},{}", i + 1, stream[i].len(), decoded[i]))
        .collect();
    assert_eq!(log.lines().collect::<Vec<_>>(), expected);
    assert_eq!(decoded[1], decoded[2]);
}

#[test]
fn without_reconstruction() {
    let mut machine = Machine::new(None);
    let frame = Frame::default();
    frame.prepare(&machine, 1);
    machine.fill(DESCRIPTOR + 8, &[2]);
    machine.fill(DESCRIPTOR + 0x50, &[0; 8]);
    let before = machine.bytes(frame.recon(), frame.recon_size());
    machine.ring(1, DESCRIPTOR);
    machine.interrupt();
    assert_eq!(machine.word(DESCRIPTOR + 0x100), 1);
    assert!(machine.bytes(frame.recon(), frame.recon_size()) == before);
}

#[test]
fn doorbell_while_busy() {
    let mut machine = Machine::new(None);
    Frame::default().prepare(&machine, 1);
    machine.device.arm("slow=100@1".parse().unwrap());
    machine.ring(5, DESCRIPTOR);
    machine.wait_register(offset::STATUS, 1);
    machine.write_register(offset::DOORBELL, 6);
    machine.interrupt();
    assert_eq!(machine.read_register(offset::IRQ_STATUS), 2);
    machine.interrupt();
    assert_eq!(machine.read_register(offset::IRQ_STATUS), 3);
    assert_eq!(machine.read_register(offset::DONE_TAG), 5);
    assert_eq!(machine.word(DESCRIPTOR + 0x104), 5);
    let counters = machine.device.status().counters;
    assert_eq!((counters.jobs, counters.doorbell_errors), (1, 1));
}
