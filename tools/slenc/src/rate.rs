// SPDX-License-Identifier: GPL-2.0

//! The rate control: what the command line says of it, as controls.

mod change;
mod values;

pub use self::change::Change;

use self::values::{
    bits,
    program,
    qp,
    quality,
    rate,
    skips,
    time, //
};
use crate::v4l2::uapi::*;
use clap::{
    Args,
    ValueEnum, //
};
use std::{
    fmt,
    str::FromStr, //
};

/// A control and its value.
pub type Setting = (u32, i32);

/// Who decides about the QP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// The QPs of --qp.
    Off,
    /// Constant bit rate.
    Cbr,
    /// A mean bit rate, and a peak.
    Vbr,
    /// Constant quality.
    Cq,
    /// Constant quality, as far as the peak bit rate allows.
    CappedCq,
}

impl Mode {
    fn settings(self) -> Vec<Setting> {
        let (mode, capped) = match self {
            Self::Off => return vec![(V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, 0)],
            Self::Cbr => (V4L2_MPEG_VIDEO_BITRATE_MODE_CBR, false),
            Self::Vbr => (V4L2_MPEG_VIDEO_BITRATE_MODE_VBR, false),
            Self::Cq => (V4L2_MPEG_VIDEO_BITRATE_MODE_CQ, false),
            Self::CappedCq => (V4L2_MPEG_VIDEO_BITRATE_MODE_CQ, true),
        };
        let mut settings = vec![
            (V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, 1),
            (V4L2_CID_MPEG_VIDEO_BITRATE_MODE, mode as i32),
        ];
        if mode == V4L2_MPEG_VIDEO_BITRATE_MODE_CQ {
            settings.push((V4L2_CID_STATELESS_ENC_QUALITY_CAP, capped.into()));
        }
        settings
    }
}

/// When pictures may be skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Skip {
    /// Never.
    Disabled,
    /// When the buffer of the level has no room.
    Level,
    /// When the buffer has no room.
    Buffer,
}

impl Skip {
    fn setting(self) -> Setting {
        let mode = match self {
            Self::Disabled => V4L2_MPEG_VIDEO_FRAME_SKIP_MODE_DISABLED,
            Self::Level => V4L2_MPEG_VIDEO_FRAME_SKIP_MODE_LEVEL_LIMIT,
            Self::Buffer => V4L2_MPEG_VIDEO_FRAME_SKIP_MODE_BUF_LIMIT,
        };
        (V4L2_CID_MPEG_VIDEO_FRAME_SKIP_MODE, mode as i32)
    }
}

/// What the pictures show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Content {
    /// Nature.
    Camera,
    /// A screen.
    Screen,
}

impl Content {
    fn setting(self) -> Setting {
        let content = match self {
            Self::Camera => V4L2_STATELESS_ENC_CONTENT_CAMERA,
            Self::Screen => V4L2_STATELESS_ENC_CONTENT_SCREEN,
        };
        (V4L2_CID_STATELESS_ENC_CONTENT, content as i32)
    }
}

/// The size of the decoder's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cpb {
    /// In microseconds of the bit rate.
    Time(i32),
    /// In kilobytes, which is what the control counts in.
    Kilobytes(i32),
}

impl Cpb {
    fn settings(self) -> Vec<Setting> {
        let (time, kilobytes) = match self {
            Self::Time(us) => (us, 0),
            Self::Kilobytes(kilobytes) => (0, kilobytes),
        };
        vec![
            (V4L2_CID_STATELESS_ENC_CPB_TIME, time),
            (V4L2_CID_MPEG_VIDEO_H264_CPB_SIZE, kilobytes),
        ]
    }
}

impl FromStr for Cpb {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        if s.ends_with('s') {
            return time(s).map(Self::Time);
        }
        let bits = bits(s)?;
        if bits % 8000 != 0 || bits == 0 {
            return Err(format!(
                "\"{s}\" is no time such as 500ms, and no whole number of kilobytes (8000 bits)"
            ));
        }
        Ok(Self::Kilobytes(bits / 8000))
    }
}

/// Options of the rate control.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Rate control")]
pub struct RateArgs {
    /// Who decides about the QP [default: off, or cbr with --bitrate].
    #[arg(long, value_name = "MODE")]
    pub rc: Option<Mode>,

    /// Bits a second, such as 500k or 2M: the rate of cbr, the mean of vbr.
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub bitrate: Option<i32>,

    /// Most bits a second, of vbr and capped-cq.
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub peak: Option<i32>,

    /// Time over which vbr meets its mean, such as 10s.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub window: Option<i32>,

    /// Size of the decoder's buffer (CPB): a time such as 500ms, or bits such as 1M.
    #[arg(long, value_name = "TIME|BITS")]
    pub cpb: Option<Cpb>,

    /// How long the decoder's buffer fills before the first picture is decoded.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub initial_delay: Option<i32>,

    /// Never exceed the decoder's buffer, as far as the hardware can help it.
    #[arg(long)]
    pub strict: bool,

    /// How long it may take to send what is coded. A time above the buffer's lets pictures
    /// exceed it; one below it is kept by --strict and --skip.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub max_delay: Option<i32>,

    /// Most bits of a picture.
    #[arg(long, value_name = "BITS", value_parser = bits)]
    pub max_frame: Option<i32>,

    /// Most bits of an I picture.
    #[arg(long, value_name = "BITS", value_parser = bits)]
    pub max_frame_i: Option<i32>,

    /// Most bits of a P picture.
    #[arg(long, value_name = "BITS", value_parser = bits)]
    pub max_frame_p: Option<i32>,

    /// Lowest QP.
    #[arg(long, value_name = "QP", value_parser = qp)]
    pub min_qp: Option<i32>,

    /// Highest QP.
    #[arg(long, value_name = "QP", value_parser = qp)]
    pub max_qp: Option<i32>,

    /// QP of the first picture.
    #[arg(long, value_name = "QP", value_parser = qp)]
    pub initial_qp: Option<i32>,

    /// P pictures are never so fine that an I picture would not fit the buffer.
    #[arg(long)]
    pub intra_safe: bool,

    /// Quality of cq and capped-cq, 100 is the best.
    #[arg(long, value_name = "1-100", value_parser = quality)]
    pub quality: Option<i32>,

    /// When pictures may be skipped.
    #[arg(long, value_name = "WHEN")]
    pub skip: Option<Skip>,

    /// How many pictures may be skipped in a row.
    #[arg(long, value_name = "N", value_parser = skips)]
    pub max_skips: Option<i32>,

    /// Temporal layers: with 2, half of the pictures can be left out; with 3, three quarters.
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u8).range(1..=3))]
    pub layers: u8,

    /// Bits a second of each temporal layer alone, the base first.
    #[arg(long, value_name = "RATE,...", value_parser = rate, value_delimiter = ',')]
    pub layer_bitrates: Vec<i32>,

    /// What the pictures show.
    #[arg(long, value_name = "WHAT")]
    pub content: Option<Content>,

    /// Make up for what cbr lacks with filler data.
    #[arg(long)]
    pub filler: bool,

    /// Tell decoders about their buffer: HRD parameters and SEI messages.
    #[arg(long)]
    pub hrd: bool,

    /// BPF program that takes part: see slenc bpf list. "builtin" for none.
    #[arg(long, value_name = "NAME", value_parser = program)]
    pub program: Option<String>,

    /// From picture N on, change parameters: these options without dashes, such as
    /// 50:bitrate=1M,max-qp=40; may be repeated.
    #[arg(long, value_name = "N:NAME=VALUE,...")]
    pub at: Vec<Change>,
}

impl RateArgs {
    /// What is asked for, as controls. Nothing, when nothing is.
    pub fn settings(&self) -> Vec<Setting> {
        let mode = self.rc.or(self.bitrate.map(|_| Mode::Cbr));
        let mut settings = mode.map(Mode::settings).unwrap_or_default();
        let optional = [
            (V4L2_CID_MPEG_VIDEO_BITRATE, self.bitrate),
            (V4L2_CID_MPEG_VIDEO_BITRATE_PEAK, self.peak),
            (V4L2_CID_STATELESS_ENC_BITRATE_WINDOW, self.window),
            // In milliseconds.
            (
                V4L2_CID_MPEG_VIDEO_VBV_DELAY,
                self.initial_delay.map(|us| us / 1000),
            ),
            (V4L2_CID_STATELESS_ENC_MAX_DELAY, self.max_delay),
            (V4L2_CID_MPEG_VIDEO_H264_MIN_QP, self.min_qp),
            (V4L2_CID_MPEG_VIDEO_H264_MAX_QP, self.max_qp),
            (V4L2_CID_STATELESS_ENC_INITIAL_QP, self.initial_qp),
            (V4L2_CID_MPEG_VIDEO_CONSTANT_QUALITY, self.quality),
            (V4L2_CID_STATELESS_ENC_MAX_SKIPS, self.max_skips),
            (V4L2_CID_STATELESS_ENC_CPB_STRICT, self.strict.then_some(1)),
            (
                V4L2_CID_STATELESS_ENC_INTRA_SAFE,
                self.intra_safe.then_some(1),
            ),
            (V4L2_CID_STATELESS_ENC_FILLER, self.filler.then_some(1)),
            (V4L2_CID_STATELESS_ENC_HRD, self.hrd.then_some(1)),
        ];
        let given = optional
            .into_iter()
            .filter_map(|(id, value)| Some((id, value?)));
        settings.extend(given);
        settings.extend(self.cpb.map(Cpb::settings).unwrap_or_default());
        settings.extend(max_frame(
            self.max_frame,
            self.max_frame_i,
            self.max_frame_p,
        ));
        settings.extend(self.skip.map(Skip::setting));
        settings.extend(self.content.map(Content::setting));
        if self.layers > 1 {
            settings.push((
                V4L2_CID_MPEG_VIDEO_H264_HIERARCHICAL_CODING_LAYER,
                self.layers.into(),
            ));
            let ids = V4L2_CID_MPEG_VIDEO_H264_HIER_CODING_L0_BR..;
            settings.extend(ids.zip(self.layer_bitrates.iter().copied()));
        }
        settings
    }

    /// Whether pictures may be skipped at some time.
    pub fn may_skip(&self) -> bool {
        let skips = |settings: &[Setting]| {
            settings
                .iter()
                .any(|&(id, value)| id == V4L2_CID_MPEG_VIDEO_FRAME_SKIP_MODE && value != 0)
        };
        self.strict
            || skips(&self.settings())
            || self.at.iter().any(|change| skips(&change.settings))
    }

    /// What contradicts something else, in the user's words.
    pub fn check(&self) -> Result<(), String> {
        let mode = self.rc.or(self.bitrate.map(|_| Mode::Cbr));
        let needs = |given: bool, option: &str, modes: &[Mode]| {
            if given && mode.is_none_or(|mode| !modes.contains(&mode)) {
                let names: Vec<_> = modes.iter().map(Mode::to_string).collect();
                return Err(format!("{option} is for --rc {}", names.join(" or ")));
            }
            Ok(())
        };
        needs(self.bitrate.is_some(), "--bitrate", &[Mode::Cbr, Mode::Vbr])?;
        needs(self.peak.is_some(), "--peak", &[Mode::Vbr, Mode::CappedCq])?;
        needs(self.window.is_some(), "--window", &[Mode::Vbr])?;
        needs(
            self.quality.is_some(),
            "--quality",
            &[Mode::Cq, Mode::CappedCq],
        )?;
        needs(self.filler, "--filler", &[Mode::Cbr])?;
        let buffered = &[Mode::Cbr, Mode::Vbr, Mode::CappedCq];
        needs(self.cpb.is_some(), "--cpb", buffered)?;
        needs(self.strict, "--strict", buffered)?;
        needs(self.hrd, "--hrd", buffered)?;
        if let (Some(min), Some(max)) = (self.min_qp, self.max_qp) {
            if min > max {
                return Err(format!("--min-qp {min} is above --max-qp {max}"));
            }
        }
        if let (Some(mean), Some(peak)) = (self.bitrate, self.peak) {
            if peak < mean {
                return Err("--peak is below --bitrate".to_owned());
            }
        }
        if !self.layer_bitrates.is_empty()
            && (self.layers == 1 || self.layer_bitrates.len() != usize::from(self.layers))
        {
            return Err("--layer-bitrates takes a rate for each of --layers".to_owned());
        }
        Ok(())
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

fn max_frame(both: Option<i32>, i: Option<i32>, p: Option<i32>) -> Vec<Setting> {
    let limit = |id, bits: Option<i32>| bits.or(both).map(|bits| (id, bits));
    [
        limit(V4L2_CID_STATELESS_ENC_MAX_I_BITS, i),
        limit(V4L2_CID_STATELESS_ENC_MAX_P_BITS, p),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser;

    fn args(options: &str) -> Result<RateArgs, String> {
        let line = format!("slenc encode in.y4m -o out.h264 {options}");
        let cli = Cli::try_parse_from(line.split_whitespace()).map_err(|err| err.to_string())?;
        match cli.command {
            crate::cli::Command::Encode(args) => args.rate.check().map(|()| args.rate),
            _ => Err("another command".to_owned()),
        }
    }

    #[test]
    fn buffers_have_units() {
        assert_eq!("250ms".parse(), Ok(Cpb::Time(250_000)));
        assert_eq!("1M".parse(), Ok(Cpb::Kilobytes(125)));
        assert!("1001".parse::<Cpb>().is_err() && "x".parse::<Cpb>().is_err());
    }

    #[test]
    fn a_program_has_a_name() {
        let named = args("--program qp_floor").unwrap();
        assert_eq!(named.program.as_deref(), Some("qp_floor"));
        assert_eq!(args("").unwrap().program, None);
        assert_eq!(program("fifteen_letters").as_deref(), Ok("fifteen_letters"));
        assert!(program("sixteen__letters").is_err() && program("").is_err());
    }

    #[test]
    fn nothing_asked_for_is_nothing_set() {
        assert_eq!(args("").unwrap().settings(), []);
        assert_eq!(args("--qp 30").unwrap().settings(), []);
    }

    #[test]
    fn options_become_controls() {
        let settings =
            args("--bitrate 2M --cpb 500ms --max-frame 100k --max-frame-i 300k --strict")
                .unwrap()
                .settings();
        assert_eq!(
            settings,
            [
                (V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, 1),
                (
                    V4L2_CID_MPEG_VIDEO_BITRATE_MODE,
                    V4L2_MPEG_VIDEO_BITRATE_MODE_CBR as i32
                ),
                (V4L2_CID_MPEG_VIDEO_BITRATE, 2_000_000),
                (V4L2_CID_STATELESS_ENC_CPB_STRICT, 1),
                (V4L2_CID_STATELESS_ENC_CPB_TIME, 500_000),
                (V4L2_CID_MPEG_VIDEO_H264_CPB_SIZE, 0),
                (V4L2_CID_STATELESS_ENC_MAX_I_BITS, 300_000),
                (V4L2_CID_STATELESS_ENC_MAX_P_BITS, 100_000),
            ]
        );
        let layered = args("--rc cbr --bitrate 1M --layers 2 --layer-bitrates 600k,400k");
        assert!(layered
            .unwrap()
            .settings()
            .ends_with(&[(V4L2_CID_MPEG_VIDEO_H264_HIER_CODING_L0_BR + 1, 400_000)]));
        let capped = args("--rc capped-cq --quality 70 --peak 3M").unwrap();
        assert!(capped
            .settings()
            .contains(&(V4L2_CID_STATELESS_ENC_QUALITY_CAP, 1)));
    }

    #[test]
    fn pictures_may_be_skipped() {
        for (options, may) in [
            ("--bitrate 1M", false),
            ("--bitrate 1M --strict", true),
            ("--bitrate 1M --skip buffer", true),
            ("--bitrate 1M --skip disabled", false),
            ("--bitrate 1M --at 5:skip=level", true),
        ] {
            assert_eq!(args(options).unwrap().may_skip(), may, "{options}");
        }
    }

    #[test]
    fn contradictions_are_named() {
        for (options, text) in [
            ("--rc cq --bitrate 1M", "--bitrate is for --rc cbr or vbr"),
            ("--peak 1M", "--peak is for --rc vbr or capped-cq"),
            ("--rc cbr --quality 5", "--quality is for --rc cq"),
            ("--strict", "--strict is for --rc cbr or vbr or capped-cq"),
            ("--bitrate 1M --min-qp 30 --max-qp 20", "above --max-qp 20"),
            ("--rc vbr --bitrate 2M --peak 1M", "--peak is below"),
            ("--bitrate 1M --layers 3 --layer-bitrates 1k,2k", "each of"),
            ("--rc abr", "invalid value 'abr'"),
            ("--bitrate fast", "is no rate such as"),
            ("--bitrate 1M --layers 4", "4 is not in 1..=3"),
        ] {
            let error = args(options).unwrap_err();
            assert!(error.contains(text), "{options}: {error}");
        }
    }
}
