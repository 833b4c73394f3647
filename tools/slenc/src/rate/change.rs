// SPDX-License-Identifier: GPL-2.0

//! Parameters that change while pictures are coded.

use super::{
    max_frame,
    values::{
        bits,
        qp,
        quality,
        rate,
        skips,
        time, //
    },
    Content,
    Cpb,
    Mode,
    Setting,
    Skip, //
};
use crate::v4l2::uapi::*;
use clap::ValueEnum;
use std::str::FromStr;

/// Parameters that change at a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The first picture that they apply to.
    pub frame: u64,
    /// The new values.
    pub settings: Vec<Setting>,
    /// As the user wrote them.
    pub text: String,
}

impl FromStr for Change {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let malformed = || format!("\"{s}\" is no change such as 50:bitrate=1M");
        let (frame, text) = s.split_once(':').ok_or_else(malformed)?;
        let mut settings = Vec::new();
        for item in text.split(',') {
            let (name, value) = item.split_once('=').ok_or_else(malformed)?;
            let parameter = PARAMETERS.iter().find(|parameter| parameter.name == name);
            let Some(parameter) = parameter else {
                let names: Vec<_> = PARAMETERS.iter().map(|p| p.name).collect();
                return Err(format!(
                    "\"{name}\" does not change; these do: {}",
                    names.join(", ")
                ));
            };
            settings.extend((parameter.read)(value)?);
        }
        Ok(Self {
            frame: frame.parse().map_err(|_| malformed())?,
            settings,
            text: text.to_owned(),
        })
    }
}

/// The value of a parameter, and what it takes to read it.
type Read = fn(&str) -> Result<Vec<Setting>, String>;

/// A parameter that can be changed while pictures are coded.
struct Parameter {
    name: &'static str,
    read: Read,
}

/// All of them, with the names of the options.
const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "rc",
        read: |s| Ok(Mode::from_str(s, false)?.settings()),
    },
    Parameter {
        name: "bitrate",
        read: |s| Ok(vec![(V4L2_CID_MPEG_VIDEO_BITRATE, rate(s)?)]),
    },
    Parameter {
        name: "peak",
        read: |s| Ok(vec![(V4L2_CID_MPEG_VIDEO_BITRATE_PEAK, rate(s)?)]),
    },
    Parameter {
        name: "window",
        read: |s| Ok(vec![(V4L2_CID_STATELESS_ENC_BITRATE_WINDOW, time(s)?)]),
    },
    Parameter {
        name: "cpb",
        read: |s| Ok(Cpb::from_str(s)?.settings()),
    },
    Parameter {
        name: "max-delay",
        read: |s| Ok(vec![(V4L2_CID_STATELESS_ENC_MAX_DELAY, time(s)?)]),
    },
    Parameter {
        name: "max-frame",
        read: |s| Ok(max_frame(Some(bits(s)?), None, None)),
    },
    Parameter {
        name: "max-frame-i",
        read: |s| Ok(max_frame(None, Some(bits(s)?), None)),
    },
    Parameter {
        name: "max-frame-p",
        read: |s| Ok(max_frame(None, None, Some(bits(s)?))),
    },
    Parameter {
        name: "min-qp",
        read: |s| Ok(vec![(V4L2_CID_MPEG_VIDEO_H264_MIN_QP, qp(s)?)]),
    },
    Parameter {
        name: "max-qp",
        read: |s| Ok(vec![(V4L2_CID_MPEG_VIDEO_H264_MAX_QP, qp(s)?)]),
    },
    Parameter {
        name: "quality",
        read: |s| Ok(vec![(V4L2_CID_MPEG_VIDEO_CONSTANT_QUALITY, quality(s)?)]),
    },
    Parameter {
        name: "skip",
        read: |s| Ok(vec![Skip::from_str(s, false)?.setting()]),
    },
    Parameter {
        name: "max-skips",
        read: |s| Ok(vec![(V4L2_CID_STATELESS_ENC_MAX_SKIPS, skips(s)?)]),
    },
    Parameter {
        name: "content",
        read: |s| Ok(vec![Content::from_str(s, false)?.setting()]),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;

    #[test]
    fn changes_name_their_picture() {
        let change: Change = "50:bitrate=1M,max-qp=40".parse().unwrap();
        assert_eq!(
            (change.frame, &change.text[..]),
            (50, "bitrate=1M,max-qp=40")
        );
        let settings = [
            (V4L2_CID_MPEG_VIDEO_BITRATE, 1_000_000),
            (V4L2_CID_MPEG_VIDEO_H264_MAX_QP, 40),
        ];
        assert_eq!(change.settings, settings);
        for text in [
            "50",
            "x:bitrate=1M",
            "5:bitrate",
            "5:size=3",
            "5:min-qp=99",
            "5:",
        ] {
            assert!(text.parse::<Change>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_parameter_is_an_option() {
        use clap::CommandFactory;
        let command = Cli::command();
        let encode = command.find_subcommand("encode").unwrap();
        for parameter in PARAMETERS {
            let option = |arg: &clap::Arg| arg.get_long() == Some(parameter.name);
            assert!(encode.get_arguments().any(option), "{}", parameter.name);
        }
    }
}
