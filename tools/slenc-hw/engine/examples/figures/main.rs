// SPDX-License-Identifier: GPL-2.0

//! Compression and speed of the engine beside x264's fastest presets, one thread each.
//!
//! Usage: `figures JSON FRAMES CLIP...` with clips that ffmpeg reads. Every encoder codes the
//! clip at four fixed QPs, one I picture and then P pictures; time is processor time.

#[path = "../../tests/support/mod.rs"]
mod support;

mod bjontegaard;
mod x264;

use std::fmt::Write;
use std::process::Command;

use bjontegaard::{bd_rate, Point};
use slenc_engine::{EntropyCoding, SourceFormat};
use support::{decode, pipe, shown, Settings, StreamCoder};

/// QPs of P pictures; I pictures have 3 less, as x264 has by default.
const QPS: [u8; 4] = [24, 28, 32, 36];
const I_OFFSET: u8 = 3;

/// A clip as raw 4:2:0 pictures.
pub(crate) struct Clip {
    name: String,
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) fps: f64,
    pub(crate) samples: Vec<u8>,
}

/// A clip coded at one QP.
pub(crate) struct Run {
    pub(crate) bytes: usize,
    pub(crate) seconds: f64,
    pub(crate) decoded: Vec<u8>,
}

/// All QPs of one encoder.
struct Curve {
    points: [Point; 4],
    /// Pictures a second of all QPs together.
    fps: f64,
}

impl Clip {
    fn read(path: &str, frames: usize) -> Self {
        let mut probe = Command::new("ffprobe");
        probe.args(["-v", "error", "-select_streams", "v:0", "-of", "csv=p=0"]);
        probe.args(["-show_entries", "stream=width,height,r_frame_rate", path]);
        let text = String::from_utf8(pipe(&mut probe, &[])).expect("ffprobe prints text");
        let fields: Vec<&str> = text.trim().split(',').collect();
        let number = |text: &str| text.parse::<f64>().expect("ffprobe prints numbers");
        let (rate, per) = fields[2].split_once('/').expect("a rate is a fraction");

        let mut read = Command::new("ffmpeg");
        read.args(["-v", "error", "-i", path, "-frames:v", &frames.to_string()]);
        read.args(["-f", "rawvideo", "-pix_fmt", "yuv420p", "pipe:1"]);
        let name = path.rsplit('/').next().unwrap_or(path);
        Self {
            name: name.split('.').next().unwrap_or(name).to_owned(),
            width: number(fields[0]) as usize,
            height: number(fields[1]) as usize,
            fps: number(rate) / number(per),
            samples: pipe(&mut read, &[]),
        }
    }

    fn picture_size(&self) -> usize {
        self.width * self.height * 3 / 2
    }

    pub(crate) fn pictures(&self) -> usize {
        self.samples.len() / self.picture_size()
    }

    /// PSNR of luma over all pictures.
    fn psnr(&self, decoded: &[u8]) -> f64 {
        assert_eq!(decoded.len(), self.samples.len());
        let luma = self.width * self.height;
        let pictures = self.samples.chunks_exact(self.picture_size());
        let error: u64 = pictures
            .zip(decoded.chunks_exact(self.picture_size()))
            .flat_map(|(a, b)| a[..luma].iter().zip(&b[..luma]))
            .map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2))
            .sum();
        let mean = error as f64 / (luma * self.pictures()) as f64;
        10.0 * (255.0f64.powi(2) / mean).log10()
    }

    fn curve(&self, run: impl Fn(u8) -> Run) -> Curve {
        let mut seconds = 0.0;
        let points = QPS.map(|qp| {
            let run = run(qp);
            seconds += run.seconds;
            Point {
                kbps: run.bytes as f64 * 8.0 / 1000.0 * self.fps / self.pictures() as f64,
                psnr: self.psnr(&run.decoded),
            }
        });
        Curve {
            points,
            fps: (QPS.len() * self.pictures()) as f64 / seconds,
        }
    }
}

/// Processor time of this thread in seconds.
fn processor_time() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("schedstat is there");
    let nanoseconds = text.split(' ').next().and_then(|field| field.parse().ok());
    nanoseconds.map_or(f64::NAN, |ns: f64| ns * 1e-9)
}

/// What later generations add to the first, one after the other.
#[derive(Clone, Copy)]
struct Tools {
    name: &'static str,
    entropy_coding: EntropyCoding,
    transform_8x8: bool,
    references: usize,
}

const FIRST: Tools = Tools {
    name: "first generation",
    entropy_coding: EntropyCoding::Cavlc,
    transform_8x8: false,
    references: 1,
};

const CABAC: Tools = Tools {
    name: "cabac",
    entropy_coding: EntropyCoding::Cabac { init_idc: 0 },
    ..FIRST
};

const LATER: [Tools; 4] = [
    CABAC,
    Tools {
        name: "8x8",
        transform_8x8: true,
        ..FIRST
    },
    Tools {
        name: "cabac, 8x8",
        transform_8x8: true,
        ..CABAC
    },
    Tools {
        name: "cabac, 8x8, 4 references",
        transform_8x8: true,
        references: 4,
        ..CABAC
    },
];

fn engine(clip: &Clip, qp: u8, tools: Tools) -> Run {
    let settings = Settings {
        qp: [qp - I_OFFSET, qp],
        format: SourceFormat::I420,
        entropy_coding: tools.entropy_coding,
        transform_8x8: tools.transform_8x8,
        references: tools.references,
        ..Settings::new(clip.width, clip.height, qp)
    };
    let mut coder = StreamCoder::new(settings.clone());
    let mut stream = Vec::new();
    let (mut seconds, mut shown_samples) = (0.0, Vec::new());
    for picture in clip.samples.chunks_exact(clip.picture_size()) {
        let begin = processor_time();
        let (bytes, _) = coder.code(picture);
        seconds += processor_time() - begin;
        stream.extend_from_slice(bytes);
        shown_samples.extend(shown(&settings, &coder.recon));
    }
    let decoded = decode(&stream);
    assert!(decoded == shown_samples, "the decoder disagrees");
    Run {
        bytes: stream.len(),
        seconds,
        decoded,
    }
}

fn json_curve(curve: &Curve) -> String {
    let points: Vec<String> = QPS
        .iter()
        .zip(&curve.points)
        .map(|(qp, p)| {
            format!(
                r#"{{"qp": {qp}, "kbps": {:.1}, "psnr_y": {:.3}}}"#,
                p.kbps, p.psnr
            )
        })
        .collect();
    format!(
        r#"{{"fps": {:.1}, "points": [{}]}}"#,
        curve.fps,
        points.join(", ")
    )
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (Some(json), Some(frames), Some(paths)) =
        (arguments.first(), arguments.get(1), arguments.get(2..))
    else {
        eprintln!("usage: figures JSON FRAMES CLIP...");
        std::process::exit(2);
    };
    let frames = frames.parse().expect("FRAMES is a number");

    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    let cpu = cpu.map_or("unknown", |name| name.trim_start_matches(['\t', ' ', ':']));
    println!(
        "{:<14} {:>9} {:>6} | {:>20} | {:>20} | {:>20} | BD-rate to ultrafast, %",
        "", "", "", "engine", "x264 superfast", "x264 ultrafast"
    );
    println!(
        "{:<14} {:>9} {:>6} | {:>6} {:>13} | {:>6} {:>13} | {:>6} {:>13} | {:>9} {:>9}",
        "clip",
        "size",
        "frames",
        "fps",
        "of ultrafast",
        "fps",
        "of ultrafast",
        "fps",
        "",
        "engine",
        "superfast"
    );
    let mut entries = Vec::new();
    for path in paths {
        let clip = Clip::read(path, frames);
        let ours = clip.curve(|qp| engine(&clip, qp, FIRST));
        let superfast = clip.curve(|qp| x264::code(&clip, "superfast", qp));
        let ultrafast = clip.curve(|qp| x264::code(&clip, "ultrafast", qp));
        let ratio = |curve: &Curve| curve.fps / ultrafast.fps;
        let bd = |curve: &Curve| bd_rate(&ultrafast.points, &curve.points);
        println!(
            "{:<14} {:>9} {:>6} | {:>6.1} {:>13.2} | {:>6.1} {:>13.2} | {:>6.1} {:>13} | {:>9.1} {:>9.1}",
            clip.name,
            format!("{}x{}", clip.width, clip.height),
            clip.pictures(),
            ours.fps,
            ratio(&ours),
            superfast.fps,
            ratio(&superfast),
            ultrafast.fps,
            "",
            bd(&ours),
            bd(&superfast),
        );
        let mut later = Vec::new();
        for tools in LATER {
            let curve = clip.curve(|qp| engine(&clip, qp, tools));
            let gain = bd_rate(&ours.points, &curve.points);
            let speed = curve.fps / ours.fps;
            println!(
                "{:<14} {:<34} {:>6.1} fps, {speed:>5.2} of the first generation; BD-rate to it {gain:>6.1} %",
                "", tools.name, curve.fps,
            );
            later.push(format!(
                r#"{{"tools": "{}", "bd_rate_percent_to_first": {gain:.2}, "fps_ratio_to_first": {speed:.3}, "curve": {}}}"#,
                tools.name,
                json_curve(&curve)
            ));
        }
        let mut entry = String::new();
        let _ = write!(
            entry,
            r#"    {{"clip": "{}", "width": {}, "height": {}, "frames": {},
     "engine": {},
     "x264_superfast": {},
     "x264_ultrafast": {},
     "fps_ratio_to_ultrafast": {:.3}, "fps_ratio_to_superfast": {:.3},
     "bd_rate_percent": {{"engine": {:.2}, "superfast": {:.2}}},
     "later_generations": [{}]}}"#,
            clip.name,
            clip.width,
            clip.height,
            clip.pictures(),
            json_curve(&ours),
            json_curve(&superfast),
            json_curve(&ultrafast),
            ratio(&ours),
            ours.fps / superfast.fps,
            bd(&ours),
            bd(&superfast),
            later.join(", "),
        );
        entries.push(entry);
    }
    let text = format!(
        r#"{{
  "what": "engine against x264, one thread, fixed QP, one I picture then P, processor time",
  "anchor": "x264 ultrafast, baseline profile, zerolatency, PSNR tuning",
  "machine": "{cpu}",
  "clips": [
{}
  ]
}}
"#,
        entries.join(",\n")
    );
    if let Err(error) = std::fs::write(json, text) {
        eprintln!("{json}: {error}");
        std::process::exit(1);
    }
}
