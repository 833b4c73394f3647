// SPDX-License-Identifier: GPL-2.0

//! The scenarios S1 to S23 of the reference, F1 to F7 of the public suites, and X1 onward: what the
//! scoreboard reports besides.

use super::{Change, Clock, Cpb, Events, Keys, Scenario};
use crate::config::{Levers, Mode, Scale};

/// CBR with a buffer of a second, and nothing else.
pub(crate) const BASE: Scenario = Scenario {
    id: "",
    variant: "",
    title: "",
    contents: &[],
    seconds: 30,
    mode: Mode::Cbr,
    peak: 1.0,
    cpb: Cpb::Ms(1000),
    keys: Keys::Never,
    events: Events::List(&[]),
    levers: Levers::NONE,
    skip: None,
    max_frame: [None; 2],
    layers: &[1.0],
    losses: 0,
    refresh: 0.0,
    jitter: 0.0,
    clock: Clock::Right,
    fps: None,
    depth: 1,
    max_delay: 0,
    filler: false,
    scale: Scale::Qp51,
    quality_qp: 28,
};

const NATURAL: &[&str] = &[
    "bigbuckbunny",
    "bikes",
    "carphone",
    "noisy",
    "m-steady",
    "m-noise",
];
const STEADY: &[&str] = &["carphone", "noisy", "m-steady", "m-noise"];
const CUTS: &[&str] = &["cuts", "m-cuts"];
const SCREEN: &[&str] = &["screen", "m-screen"];
const ALL: &[&str] = &[
    "bigbuckbunny",
    "bikes",
    "carphone",
    "noisy",
    "cuts",
    "m-steady",
    "m-noise",
    "m-cuts",
    "m-fades",
];

const CHECKPOINTS: Levers = Levers {
    checkpoints: true,
    ..Levers::NONE
};
const PRE: Levers = Levers {
    pre_analysis: true,
    ..Levers::NONE
};
const HARD: Levers = Levers {
    hard_max: true,
    ..Levers::NONE
};
pub(crate) const HARD_PRE: Levers = Levers {
    pre_analysis: true,
    ..HARD
};
const SAFE: Levers = Levers {
    intra_safe: true,
    ..Levers::NONE
};
const POST: Levers = Levers {
    post_skip: true,
    ..Levers::NONE
};

/// All scenarios.
pub(crate) static SCENARIOS: &[Scenario] = &[
    Scenario {
        id: "S1",
        title: "CBR, CPB 1000 ms, infinite GOP",
        contents: ALL,
        ..BASE
    },
    Scenario {
        id: "S1",
        variant: "pre",
        title: "the same with pre-analysis",
        contents: ALL,
        levers: PRE,
        ..BASE
    },
    Scenario {
        id: "S1",
        variant: "hard",
        title: "the same with pre-analysis and hard maximum",
        contents: ALL,
        levers: HARD_PRE,
        ..BASE
    },
    Scenario {
        id: "S2",
        title: "CBR, CPB 500 ms",
        contents: ALL,
        cpb: Cpb::Ms(500),
        ..BASE
    },
    Scenario {
        id: "S3",
        title: "CBR, CPB 250 ms, key frames at most 5 b",
        contents: ALL,
        cpb: Cpb::Ms(250),
        keys: Keys::Every(100),
        max_frame: [Some(5.0), None],
        ..BASE
    },
    Scenario {
        id: "S4",
        variant: "points",
        title: "buffer of 1.1 frames, checkpoints, over the engine",
        contents: &["carphone", "noisy"],
        cpb: Cpb::Frames(1.1),
        levers: CHECKPOINTS,
        ..BASE
    },
    Scenario {
        id: "S4",
        variant: "hard",
        title: "buffer of 1.1 frames, hard maximum",
        contents: STEADY,
        cpb: Cpb::Frames(1.1),
        levers: HARD,
        ..BASE
    },
    Scenario {
        id: "S4",
        variant: "hard keys",
        title: "buffer of 1.1 frames, hard maximum, GOP of 60",
        contents: STEADY,
        cpb: Cpb::Frames(1.1),
        keys: Keys::Every(60),
        levers: HARD,
        ..BASE
    },
    Scenario {
        id: "S5",
        title: "GOP of 60",
        contents: NATURAL,
        keys: Keys::Every(60),
        ..BASE
    },
    Scenario {
        id: "S6",
        title: "GOP of 30 and forced key frames",
        contents: NATURAL,
        keys: Keys::EveryAndForced(30),
        ..BASE
    },
    Scenario {
        id: "S7",
        title: "rate halved at 10 s",
        contents: STEADY,
        events: Events::List(&[(10, Change::Rate(0.5))]),
        ..BASE
    },
    Scenario {
        id: "S8",
        title: "rate doubled at 10 s",
        contents: STEADY,
        events: Events::List(&[(10, Change::Rate(2.0))]),
        ..BASE
    },
    Scenario {
        id: "S9",
        title: "bandwidth estimator: +8 % a second, x0.7 every 5 s",
        contents: STEADY,
        events: Events::Sawtooth,
        ..BASE
    },
    Scenario {
        id: "S10",
        title: "every second frame from 10 to 20 s, jittered intervals",
        contents: STEADY,
        events: Events::List(&[(10, Change::Decimate(2)), (20, Change::Decimate(1))]),
        jitter: 0.1,
        ..BASE
    },
    Scenario {
        id: "S11",
        title: "VBR, peak 2R",
        contents: ALL,
        seconds: 60,
        mode: Mode::Vbr,
        peak: 2.0,
        ..BASE
    },
    Scenario {
        id: "S11",
        variant: "hard",
        title: "VBR, peak 2R, hard maximum",
        contents: ALL,
        seconds: 60,
        mode: Mode::Vbr,
        peak: 2.0,
        levers: HARD,
        ..BASE
    },
    Scenario {
        id: "S11",
        variant: "cbr",
        title: "CBR over the same minute, CPB 1000 ms",
        contents: ALL,
        seconds: 60,
        ..BASE
    },
    Scenario {
        id: "S12",
        variant: "cq",
        title: "constant quality",
        contents: NATURAL,
        mode: Mode::Quality,
        ..BASE
    },
    Scenario {
        id: "S12",
        variant: "capped",
        title: "capped quality, peak 2R",
        contents: NATURAL,
        mode: Mode::CappedQuality,
        peak: 2.0,
        ..BASE
    },
    Scenario {
        id: "S12",
        variant: "capped hard",
        title: "capped quality, peak 2R, hard maximum",
        contents: NATURAL,
        mode: Mode::CappedQuality,
        peak: 2.0,
        levers: HARD,
        ..BASE
    },
    Scenario {
        id: "S13",
        title: "two temporal layers",
        contents: STEADY,
        layers: &[0.6, 0.4],
        ..BASE
    },
    Scenario {
        id: "S14",
        title: "three temporal layers",
        contents: STEADY,
        layers: &[0.5, 0.2, 0.3],
        ..BASE
    },
    Scenario {
        id: "S15",
        variant: "skip",
        title: "cuts, CPB 500 ms, skips before coding",
        contents: CUTS,
        cpb: Cpb::Ms(500),
        skip: Some(2),
        ..BASE
    },
    Scenario {
        id: "S15",
        variant: "post1000",
        title: "cuts, CPB 1000 ms, verdict after coding",
        contents: CUTS,
        levers: POST,
        skip: Some(2),
        ..BASE
    },
    Scenario {
        id: "S15",
        variant: "hard1000",
        title: "cuts, CPB 1000 ms, hard maximum",
        contents: CUTS,
        levers: HARD,
        ..BASE
    },
    Scenario {
        id: "S15",
        variant: "post",
        title: "cuts, CPB 500 ms, at most 240 ms late, verdict after coding",
        contents: CUTS,
        max_delay: 240,
        cpb: Cpb::Ms(500),
        levers: POST,
        skip: Some(2),
        ..BASE
    },
    Scenario {
        id: "S15",
        variant: "post250",
        title: "cuts, CPB 250 ms, verdict after coding",
        contents: CUTS,
        cpb: Cpb::Ms(250),
        levers: POST,
        skip: Some(2),
        ..BASE
    },
    Scenario {
        id: "S15",
        variant: "hard",
        title: "cuts, CPB 250 ms, hard maximum",
        contents: CUTS,
        cpb: Cpb::Ms(250),
        levers: HARD,
        ..BASE
    },
    Scenario {
        id: "S15",
        variant: "screen",
        title: "screen, blind, verdict after coding",
        contents: SCREEN,
        levers: POST,
        skip: Some(15),
        ..BASE
    },
    Scenario {
        id: "S16",
        title: "P frames at most 2 b",
        contents: ALL,
        max_frame: [Some(6.0), Some(2.0)],
        ..BASE
    },
    Scenario {
        id: "S16",
        variant: "hard",
        title: "P frames at most 2 b, hard maximum",
        contents: ALL,
        max_frame: [Some(6.0), Some(2.0)],
        levers: HARD,
        ..BASE
    },
    Scenario {
        id: "S16",
        variant: "keys",
        title: "I frames at most 2 b, GOP of 60",
        contents: NATURAL,
        keys: Keys::Every(60),
        max_frame: [Some(2.0), None],
        ..BASE
    },
    Scenario {
        id: "S16",
        variant: "keys hard",
        title: "I frames at most 2 b, GOP of 60, hard maximum",
        contents: NATURAL,
        keys: Keys::Every(60),
        max_frame: [Some(2.0), None],
        levers: HARD,
        ..BASE
    },
    Scenario {
        id: "S17",
        title: "cyclic intra refresh of 1/25 a frame",
        contents: STEADY,
        refresh: 0.04,
        ..BASE
    },
    Scenario {
        id: "S18",
        title: "QP held at 40..51 from 8 to 12 s, at 0..24 from 18 to 19 s",
        contents: STEADY,
        events: Events::List(&[
            (8, Change::QpRange(40, 51)),
            (12, Change::QpRange(0, 51)),
            (18, Change::QpRange(0, 24)),
            (19, Change::QpRange(0, 51)),
        ]),
        ..BASE
    },
    Scenario {
        id: "S19",
        variant: "blind",
        title: "cuts without pre-analysis",
        contents: CUTS,
        ..BASE
    },
    Scenario {
        id: "S19",
        variant: "pre",
        title: "cuts with pre-analysis",
        contents: CUTS,
        levers: PRE,
        ..BASE
    },
    Scenario {
        id: "S19",
        variant: "safe",
        title: "cuts, intra-safe QP, CPB 250 ms",
        contents: CUTS,
        cpb: Cpb::Ms(250),
        levers: SAFE,
        ..BASE
    },
    Scenario {
        id: "S19",
        variant: "screen",
        title: "screen, pre-analysis and hard maximum",
        contents: SCREEN,
        levers: HARD_PRE,
        ..BASE
    },
    Scenario {
        id: "S20",
        title: "8 frames between begin and end",
        contents: NATURAL,
        depth: 8,
        ..BASE
    },
    Scenario {
        id: "S21",
        title: "strict CBR with filler",
        contents: NATURAL,
        filler: true,
        ..BASE
    },
    Scenario {
        id: "S22",
        title: "black, noise, black",
        contents: &["flash"],
        ..BASE
    },
    Scenario {
        id: "S23",
        title: "VP8's scale of QP",
        contents: NATURAL,
        scale: Scale::Index127,
        quality_qp: 40,
        ..BASE
    },
    Scenario {
        id: "F1",
        title: "Chromium's check of the rate: 300 frames",
        contents: NATURAL,
        seconds: 12,
        ..BASE
    },
    Scenario {
        id: "F2",
        title: "Chromium's check of a variable rate: 300 frames",
        contents: NATURAL,
        seconds: 12,
        mode: Mode::Vbr,
        peak: 2.0,
        ..BASE
    },
    Scenario {
        id: "F3",
        title: "Chromium's change of the rate: x1.5 after 300 frames",
        contents: NATURAL,
        seconds: 24,
        events: Events::List(&[(12, Change::Rate(1.5))]),
        ..BASE
    },
    Scenario {
        id: "F4",
        title: "libvpx's checks of rate and buffer: 140 frames, some with cuts",
        contents: &[
            "bigbuckbunny",
            "bikes",
            "carphone",
            "noisy",
            "cuts",
            "m-cuts",
        ],
        seconds: 6,
        ..BASE
    },
    Scenario {
        id: "F5",
        title: "libaom's changes of the rate: x1.3 and x0.7",
        contents: NATURAL,
        seconds: 32,
        events: Events::List(&[(10, Change::Rate(1.3)), (20, Change::Rate(0.7))]),
        ..BASE
    },
    Scenario {
        id: "F6",
        variant: "pre",
        title: "libaom's spikes: 800 frames of a desktop, pre-analysis and hard maximum",
        contents: SCREEN,
        seconds: 27,
        levers: HARD_PRE,
        ..BASE
    },
    Scenario {
        id: "F6",
        variant: "limit",
        title: "libaom's spikes: the same, P frames at most 3 b",
        contents: SCREEN,
        seconds: 27,
        levers: HARD_PRE,
        max_frame: [None, Some(3.0)],
        ..BASE
    },
    Scenario {
        id: "F7",
        title: "WebRTC's check of OpenH264: 100 frames",
        contents: STEADY,
        seconds: 4,
        ..BASE
    },
    Scenario {
        id: "X1",
        title: "rate x0.1 from 10 to 15 s",
        contents: STEADY,
        events: Events::List(&[(10, Change::Rate(0.1)), (15, Change::Rate(1.0))]),
        ..BASE
    },
    Scenario {
        id: "X2",
        title: "pause of 10 s",
        contents: STEADY,
        seconds: 40,
        events: Events::List(&[(10, Change::Pause(10))]),
        ..BASE
    },
    Scenario {
        id: "X3",
        title: "100 frames a second",
        contents: STEADY,
        fps: Some(100),
        ..BASE
    },
    Scenario {
        id: "X4",
        title: "5 frames a second",
        contents: STEADY,
        events: Events::List(&[(0, Change::Decimate(5))]),
        ..BASE
    },
    Scenario {
        id: "X5",
        title: "key frames in pairs and on cuts",
        contents: CUTS,
        keys: Keys::PairsAndCuts,
        ..BASE
    },
    Scenario {
        id: "X6",
        title: "long stillness, then motion; fades",
        contents: &["m-stillness", "m-fades"],
        seconds: 120,
        ..BASE
    },
    Scenario {
        id: "X7",
        title: "64 and 100 kbit/s at 640x360",
        contents: &["m-low"],
        ..BASE
    },
    Scenario {
        id: "X8",
        title: "ten minutes of stillness, then motion",
        contents: &["m-long"],
        seconds: 640,
        ..BASE
    },
    Scenario {
        id: "X9",
        title: "1 frame a second, CPB 4 s",
        contents: STEADY,
        cpb: Cpb::Ms(4000),
        seconds: 120,
        events: Events::List(&[(0, Change::Decimate(25))]),
        ..BASE
    },
    Scenario {
        id: "X10",
        title: "CBR, VBR from 10 s, capped quality from 20 s, CBR from 30 s; peak 2R",
        contents: STEADY,
        seconds: 40,
        peak: 2.0,
        events: Events::List(&[
            (10, Change::Mode(Mode::Vbr)),
            (20, Change::Mode(Mode::CappedQuality)),
            (30, Change::Mode(Mode::Cbr)),
        ]),
        ..BASE
    },
    Scenario {
        id: "X11",
        title: "times that are missing, come twice, or go back",
        contents: STEADY,
        clock: Clock::Faulty,
        ..BASE
    },
    Scenario {
        id: "X12",
        title: "losses: every 3 s, a frame that predicts from 30 frames ago",
        contents: NATURAL,
        losses: 3,
        ..BASE
    },
    Scenario {
        id: "X13",
        title: "1 frame a second, CPB 1 s",
        contents: STEADY,
        seconds: 120,
        events: Events::List(&[(0, Change::Decimate(25))]),
        ..BASE
    },
    Scenario {
        id: "X14",
        title: "half the width and height from 10 s on",
        contents: STEADY,
        events: Events::List(&[(10, Change::Halve)]),
        ..BASE
    },
];

const PIXELS: &[&str] = &[
    "bigbuckbunny",
    "bikes",
    "carphone",
    "noisy",
    "cuts",
    "screen",
];

/// What native encoders are run on: content with pictures, with the buffers of S1, S2 and S4 and
/// one between.
pub(crate) static PEER_SCENARIOS: &[Scenario] = &[
    Scenario {
        id: "P1000",
        title: "native encoders, CPB 1000 ms",
        contents: PIXELS,
        ..BASE
    },
    Scenario {
        id: "P500",
        title: "native encoders, CPB 500 ms",
        contents: PIXELS,
        cpb: Cpb::Ms(500),
        ..BASE
    },
    Scenario {
        id: "P250",
        title: "native encoders, CPB 250 ms",
        contents: PIXELS,
        cpb: Cpb::Ms(250),
        ..BASE
    },
    Scenario {
        id: "P1.1",
        title: "native encoders, buffer of 1.1 frames",
        contents: &["carphone", "noisy"],
        cpb: Cpb::Frames(1.1),
        ..BASE
    },
];

/// Scenarios whose id, or id and variant, are named; all if none are.
pub(crate) fn select(names: &[String]) -> Result<Vec<&'static Scenario>, String> {
    if let Some(unknown) = names
        .iter()
        .find(|name| !SCENARIOS.iter().any(|s| matches(s, name)))
    {
        return Err(format!("no scenario {unknown}; see `slenc-rc list`"));
    }
    let chosen = |s: &&Scenario| names.is_empty() || names.iter().any(|name| matches(s, name));
    Ok(SCENARIOS.iter().filter(chosen).collect())
}

fn matches(scenario: &Scenario, name: &str) -> bool {
    scenario.id.eq_ignore_ascii_case(name) || is_called(scenario, name)
}

/// By id and variant: "S19-pre".
fn is_called(scenario: &Scenario, name: &str) -> bool {
    let dashed = |name: &str| name.replace(' ', "-");
    dashed(&scenario.name()).eq_ignore_ascii_case(&dashed(name))
}

/// The one scenario of an id and variant.
pub(crate) fn called(name: &str) -> Result<&'static Scenario, String> {
    let mut all = SCENARIOS.iter();
    all.find(|scenario| is_called(scenario, name))
        .ok_or_else(|| format!("no scenario {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::find;

    #[test]
    fn every_scenario_of_the_reference_is_there_once() {
        for n in 1..=23 {
            let id = format!("S{n}");
            assert!(SCENARIOS.iter().any(|s| s.id == id), "{id}");
        }
        for (n, scenario) in SCENARIOS.iter().enumerate() {
            let name = scenario.name();
            assert_eq!(
                SCENARIOS.iter().position(|s| s.name() == name),
                Some(n),
                "{name}"
            );
            for content in scenario.contents {
                assert!(find(content).is_some(), "{content}");
            }
            let rates: f64 = scenario.layers.iter().sum();
            assert!((rates - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn scenarios_by_name() {
        let names = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            select(&names).map(|s| s.iter().map(|s| s.name()).collect::<Vec<_>>())
        };
        assert_eq!(
            names(&["s2", "S12-cq"]),
            Ok(vec!["S2".into(), "S12 cq".into()])
        );
        assert_eq!(names(&["S12"]).map(|s| s.len()), Ok(3));
        assert_eq!(called("s1").map(Scenario::name), Ok("S1".into()));
        assert_eq!(called("S1-hard").map(Scenario::name), Ok("S1 hard".into()));
        assert!(called("S12").is_err());
        assert_eq!(names(&[]).map(|s| s.len()), Ok(SCENARIOS.len()));
        assert!(names(&["S99"]).is_err());
    }
}
