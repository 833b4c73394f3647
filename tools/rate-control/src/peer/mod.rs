// SPDX-License-Identifier: GPL-2.0

//! Native encoders on the same pictures and at the same rates, with the same judge, each held
//! against its own constant quantizer. What is compared is what their rate control does, not how
//! well they compress.

mod curve;
mod encode;
pub(crate) mod options;
mod process;
mod stats;
mod store;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Serialize;

use crate::board::{runs_of, Job, Run};
use crate::config::Config;
use crate::content::{find, Content, Sequence, CONTENTS};
use crate::controller::Kind;
use crate::frame::Record;
use crate::gates::Reference;
use crate::judge::metrics::measure;
use crate::judge::quality::{self, ConstantQp};
use crate::judge::statistics::mean;
use crate::scenario::list::{BASE, HARD_PRE, PEER_SCENARIOS};
use crate::scenario::timeline::{play, Timeline};
use crate::scenario::Scenario;
use crate::shelf::Shelf;
use encode::Frame;
use options::{Goal, Peer, PEERS};

/// Of a question that a program answers at once.
const ANSWER: Duration = Duration::from_secs(20);
/// Bytes of its answer at most.
const ANSWER_BYTES: u64 = 1 << 20;

/// What there is of an encoder.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Encoder {
    pub(crate) name: &'static str,
    pub(crate) encoder: &'static str,
    /// The program has it.
    pub(crate) available: bool,
    /// As it is run at 300 kbit/s and a buffer of a second, and what else a screen has.
    pub(crate) options: String,
}

/// The native encoders' part of the scoreboard.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Peers {
    /// The program that has them.
    pub(crate) version: String,
    pub(crate) encoders: Vec<Encoder>,
    /// Theirs, and those of our controller on the same frames.
    pub(crate) runs: Vec<Run>,
    /// What went wrong.
    pub(crate) failures: Vec<String>,
}

impl Peers {
    /// What x264 makes of the content of a run.
    pub(crate) fn reference(&self, run: &Run) -> Reference {
        let buffer = |run: &Run| run.configs.first().map(|config| (config.mode, config.cpb));
        let same = self.runs.iter().find(|other| {
            other.controller == "x264"
                && (other.content, other.bitrate) == (run.content, run.bitrate)
                && buffer(other) == buffer(run)
        });
        same.map_or(Reference::default(), |other| Reference {
            loss: other.metrics.loss,
            delay_ms: Some(other.metrics.delay_ms),
        })
    }
}

/// A program with native encoders.
struct Native<'a> {
    ffmpeg: &'a Path,
    version: String,
    directory: PathBuf,
}

/// The first words of the first line: what follows is how it was built.
fn version(text: &str) -> Option<String> {
    let mut words = text.lines().next()?.split_whitespace();
    let name = [words.next()?, words.next()?, words.next()?];
    (name[1] == "version").then(|| format!("{} {}", name[0], name[2]))
}

/// Whether `-encoders` lists it: " V....D libx264   libx264 H.264 ..."
fn has_encoder(text: &str, encoder: &str) -> bool {
    text.lines()
        .any(|line| line.split_whitespace().nth(1) == Some(encoder))
}

fn ask(ffmpeg: &Path, question: &str) -> Result<String, String> {
    let mut command = Command::new(ffmpeg);
    command.args(["-hide_banner", question]);
    let answer = process::run(&mut command, |_| Ok(()), ANSWER_BYTES, ANSWER)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A sequence that is coded up to a frame.
struct Film<'a> {
    name: &'static str,
    sequence: &'a Sequence,
    hash: u64,
    frames: usize,
    is_screen: bool,
}

impl Native<'_> {
    fn frames(&self, peer: &Peer, goal: Goal<'_>, film: &Film<'_>) -> Result<Vec<Frame>, String> {
        let options = peer.arguments(&goal, film.is_screen);
        let key = store::Key {
            pictures: film.hash,
            frames: film.frames,
            options: options.clone(),
            version: self.version.clone(),
        };
        let name = format!("{}-{}", film.name, peer.encoder);
        store::run(&self.directory, &name, key, || {
            let sequence = film.sequence;
            encode::encode(self.ffmpeg, peer.format, &options, sequence, film.frames)
        })
    }

    /// A point of the encoder's own constant-quantizer curve.
    fn constant(&self, peer: &Peer, quantizer: i32, film: &Film<'_>) -> Result<ConstantQp, String> {
        let frames = self.frames(peer, Goal::Quantizer(quantizer), film)?;
        let psnrs: Vec<f64> = frames.iter().map(|frame| frame.psnr).collect();
        Ok(ConstantQp {
            qp: quantizer,
            sizes: frames.iter().map(|frame| frame.bits).collect(),
            psnr: mean(&psnrs),
        })
    }
}

/// Frames as the judge sees them.
fn records(frames: &[Frame], timeline: &Timeline, is_cut: impl Fn(usize) -> bool) -> Vec<Record> {
    let pairs = timeline.frames.iter().zip(frames);
    pairs
        .map(|(planned, frame)| Record {
            time: planned.time,
            duration: planned.duration,
            key: frame.key,
            cut: is_cut(planned.position),
            layer: 0,
            qp: frame.quantizer,
            // They do not tell.
            target: 0,
            bits: frame.bits,
            filler_bits: 0,
            skipped: frame.bits == 0,
            forced_skip_mbs: 0,
            psnr: frame.psnr,
            config: planned.config,
        })
        .collect()
}

/// The configuration that a native encoder is held to: its own scale of quantizers.
fn held_to(config: &Config, peer: &Peer) -> Config {
    Config {
        min_qp: *peer.quantizers.start(),
        max_qp: *peer.quantizers.end(),
        ..config.clone()
    }
}

/// All runs of one encoder over some content.
fn runs_of_peer(
    native: &Native<'_>,
    peer: &Peer,
    scenarios: &[Scenario],
    content: &'static Content,
    sequence: &Sequence,
    progress: &dyn Fn(&str),
) -> Result<Vec<Run>, String> {
    let size = (sequence.width as u32, sequence.height as u32);
    let is_cut = |position: usize| sequence.cuts[position % sequence.order.len()];
    let hash = store::pictures(sequence);
    let mut curve: Vec<ConstantQp> = Vec::new();
    let mut coded = Vec::new();
    for scenario in scenarios {
        for bitrate in content.rates {
            let config = scenario.config(content, bitrate, size, sequence.rate);
            let timeline = play(scenario, held_to(&config, peer), is_cut);
            let film = Film {
                name: content.name,
                sequence,
                hash,
                frames: timeline.frames.len(),
                is_screen: config.screen,
            };
            let step = |what: &str| {
                let (name, content) = (peer.name, content.name);
                progress(&format!("{name}: {content}, {}: {what}", scenario.name()));
            };
            let point = |quantizer| {
                step(&format!("constant quantizer {quantizer}"));
                native.constant(peer, quantizer, &film)
            };
            if curve.is_empty() {
                let first: Result<Vec<_>, _> = peer.first.into_iter().map(point).collect();
                curve = first?;
            }
            step(&format!("{} kbit/s", bitrate / 1000));
            let frames = native.frames(peer, Goal::Rate(&config), &film)?;
            let records = records(&frames, &timeline, is_cut);
            let psnr = quality::psnr(&records);
            curve::surround(&mut curve, psnr, peer.quantizers.clone(), point)?;
            coded.push((scenario, bitrate, records, timeline.configs));
        }
    }
    // The curve has all its points now.
    let runs = coded
        .into_iter()
        .map(|(scenario, bitrate, records, configs)| Run {
            scenario: scenario.name(),
            title: scenario.title,
            levers: "its own".to_owned(),
            content: content.name,
            bitrate,
            controller: peer.name,
            metrics: measure(&records, &configs, &curve),
            gates: Vec::new(),
            records,
            configs,
        });
    Ok(runs.collect())
}

/// Runs all native encoders that the program has, and our controller on the same frames.
pub(crate) fn score(
    job: &Job,
    ffmpeg: &Path,
    shelf: &mut Shelf<'_>,
    progress: &dyn Fn(&str),
) -> Result<Peers, String> {
    let text = ask(ffmpeg, "-version")?;
    let native = Native {
        ffmpeg,
        version: version(&text).ok_or_else(|| format!("{}: no ffmpeg", ffmpeg.display()))?,
        directory: job.tables.join("peers"),
    };
    let list = ask(ffmpeg, "-encoders")?;
    let shown = BASE.config(&CONTENTS[0], 300_000, (320, 180), (25, 1));
    let encoder = |peer: &Peer| {
        let mut options = peer.arguments(&Goal::Rate(&shown), false).join(" ");
        if !peer.screen.is_empty() {
            options += &format!("; a screen: {}", peer.screen.join(" "));
        }
        Encoder {
            name: peer.name,
            encoder: peer.encoder,
            available: has_encoder(&list, peer.encoder),
            options,
        }
    };
    let mut peers = Peers {
        version: native.version.clone(),
        encoders: PEERS.iter().map(encoder).collect(),
        runs: Vec::new(),
        failures: Vec::new(),
    };
    let mut names: Vec<&str> = Vec::new();
    for name in PEER_SCENARIOS.iter().flat_map(|s| s.contents) {
        let wanted = job.contents.is_empty() || job.contents.iter().any(|c| c == name);
        if wanted && !names.contains(name) {
            names.push(name);
        }
    }
    for name in names {
        let content = find(name).ok_or_else(|| format!("no content {name}"))?;
        let Some(sequence) = shelf.sequence(content)? else {
            continue;
        };
        let all = PEER_SCENARIOS.iter().filter(|s| s.contents.contains(&name));
        let all: Vec<Scenario> = all.map(|s| s.at_most(job.seconds)).collect();
        for (peer, encoder) in PEERS.iter().zip(&peers.encoders) {
            if !encoder.available {
                continue;
            }
            let own = all.iter().filter(|s| peer.one_frame || !s.is_one_frame());
            let own: Vec<Scenario> = own.copied().collect();
            match runs_of_peer(&native, peer, &own, content, &sequence, progress) {
                Ok(runs) => peers.runs.extend(runs),
                Err(error) => peers
                    .failures
                    .push(format!("{} on {name}: {error}", peer.name)),
            }
        }
        let Some(mut plant) = shelf.plant(job.plant, content)? else {
            continue;
        };
        for scenario in &all {
            progress(&format!("{}: {name}", scenario.name()));
            let (kinds, curves) = (&[Kind::Builtin], &mut shelf.curves);
            let blind = runs_of(job, kinds, scenario, content, plant.as_mut(), curves);
            peers.runs.extend(blind);
            let gen2 = Scenario {
                levers: HARD_PRE,
                ..*scenario
            };
            let gen2 = runs_of(job, kinds, &gen2, content, plant.as_mut(), curves);
            peers.runs.extend(gen2);
        }
    }
    // As the page and the tables show them.
    peers.runs.sort_by_key(|run| {
        let names = PEER_SCENARIOS.iter().map(Scenario::name);
        names.take_while(|name| *name != run.scenario).count()
    });
    Ok(peers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::samples;

    #[test]
    fn what_ffmpeg_says_of_itself() {
        let text = "ffmpeg version 7.1.5-0+deb13u1 Copyright (c) 2000-2026\nbuilt with gcc 14\n";
        assert_eq!(version(text).as_deref(), Some("ffmpeg 7.1.5-0+deb13u1"));
        for text in ["", "\n", "ffmpeg version", "sh: not found", "a b c"] {
            assert_eq!(version(text), None, "{text}");
        }
    }

    fn run_of(controller: &'static str, cpb: u64) -> Run {
        let configs = vec![samples::config(25_000, cpb)];
        let records = samples::records(&[1000; 50]);
        Run {
            scenario: "P1000".to_owned(),
            title: "",
            levers: String::new(),
            content: "screen",
            bitrate: 25_000,
            controller,
            metrics: measure(&records, &configs, &[]),
            gates: Vec::new(),
            records,
            configs,
        }
    }

    #[test]
    fn the_reference_has_the_same_buffer() {
        let peers = Peers {
            version: String::new(),
            encoders: Vec::new(),
            runs: vec![
                run_of("libvpx", 25_000),
                run_of("x264", 12_500),
                run_of("x264", 25_000),
            ],
            failures: Vec::new(),
        };
        let known = Reference {
            loss: None,
            delay_ms: Some(40.0),
        };
        assert_eq!(peers.reference(&run_of("builtin", 25_000)), known);
        let other_buffer = run_of("builtin", 6_250);
        assert_eq!(peers.reference(&other_buffer), Reference::default());
        let mut other_content = run_of("builtin", 25_000);
        other_content.content = "cuts";
        assert_eq!(peers.reference(&other_content), Reference::default());
    }

    #[test]
    fn dropped_frames_are_skips_without_bits() {
        let config = samples::config(25_000, 25_000);
        let scenario = Scenario { seconds: 1, ..BASE };
        let timeline = play(&scenario, config, |_| false);
        let frames: Vec<Frame> = (0..25)
            .map(|n| Frame {
                bits: if n == 7 { 0 } else { 1000 },
                key: n == 0,
                quantizer: (n != 7).then_some(20),
                psnr: 40.0,
            })
            .collect();
        let records = records(&frames, &timeline, |position| position == 9);
        assert_eq!(records.len(), 25);
        assert!(records[7].skipped && !records[8].skipped);
        assert_eq!((records[7].qp, records[8].qp), (None, Some(20)));
        assert!(records[0].key && records[9].cut && !records[8].cut);
        let metrics = measure(&records, &timeline.configs, &[]);
        assert_eq!((metrics.drops, metrics.freeze_ms), (1, 80.0));
    }

    #[test]
    fn what_encoders_there_are() {
        let text = " ------\n V....D libx264              libx264 H.264 (codec h264)\n V....D libx264rgb\n";
        assert!(has_encoder(text, "libx264") && has_encoder(text, "libx264rgb"));
        assert!(!has_encoder(text, "libx26") && !has_encoder(text, "H.264"));
        assert!(!has_encoder("", "libvpx"));
    }
}
