// SPDX-License-Identifier: GPL-2.0

//! YUV4MPEG2, as the mjpegtools define it: a line with the parameters of the
//! stream, and before each picture a line that begins with FRAME.

use super::{
    read_frame,
    truncated,
    Source,
    Video, //
};
use crate::{
    cli::Fraction,
    error::{
        Context,
        Error,
        Result, //
    },
    picture::Format,
};
use std::io::BufRead;

/// What a stream begins with.
pub const MAGIC: &[u8] = b"YUV4MPEG2 ";

/// Longest header line that is read: a bound against input that is something
/// else.
const LINE_MAX: u64 = 4096;

/// Largest width and height of H.264's highest level are far below this.
const SIZE_MAX: u32 = 16384;

/// A Y4M stream with 4:2:0 pictures of 8 bits.
pub struct Y4m<R> {
    input: R,
    name: String,
    video: Video,
    frames: u64,
}

impl<R: BufRead> Y4m<R> {
    /// Reads the header of a stream called `name` in messages; `fps` replaces its
    /// frame rate.
    pub fn new(mut input: R, name: &str, fps: Option<Fraction>) -> Result<Self> {
        let line = read_line(&mut input, name)?
            .ok_or_else(|| Error::new(format!("{name} is not Y4M: it has no header")))?;
        let video = parse_header(&line, fps).map_err(|err| Error::new(format!("{name}: {err}")))?;
        Ok(Self {
            input,
            name: name.to_owned(),
            video,
            frames: 0,
        })
    }
}

impl<R: BufRead + Send> Source for Y4m<R> {
    fn video(&self) -> Video {
        self.video
    }

    fn read(&mut self, frame: &mut [u8]) -> Result<bool> {
        let (name, number) = (&self.name, self.frames);
        let Some(line) = read_line(&mut self.input, name)? else {
            return Ok(false);
        };
        if line != b"FRAME" && !line.starts_with(b"FRAME ") {
            return Err(Error::new(format!(
                "{name} is damaged: there is no frame header before frame {number}"
            )));
        }
        if !read_frame(&mut self.input, frame, name, number)? {
            return Err(truncated(name, "the header", number));
        }
        self.frames += 1;
        Ok(true)
    }
}

/// A line without its end, `None` at the end of the input.
fn read_line(input: &mut impl BufRead, name: &str) -> Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    std::io::Read::take(input, LINE_MAX)
        .read_until(b'\n', &mut line)
        .context(format!("reading {name}"))?;
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) if line.len() as u64 + 1 == LINE_MAX => Err(Error::new(format!(
            "{name} is damaged: a Y4M header line does not end"
        ))),
        Some(_) => Err(Error::new(format!(
            "{name} is truncated: it ends within a header line"
        ))),
    }
}

fn parse_header(line: &[u8], fps: Option<Fraction>) -> Result<Video> {
    let line = std::str::from_utf8(line)
        .map_err(|_| Error::new("the Y4M header has bytes that are no text"))?;
    let (mut width, mut height, mut rate) = (None, None, None);
    for field in line.split(' ').skip(1).filter(|field| !field.is_empty()) {
        let mut chars = field.chars();
        let key = chars.next();
        let value = chars.as_str();
        match key {
            Some('W') => width = Some(parse_size(value, "width")?),
            Some('H') => height = Some(parse_size(value, "height")?),
            Some('F') => rate = parse_rate(value)?,
            Some('I') => check_interlacing(value)?,
            Some('C') => check_chroma(value)?,
            // Aspect ratio, comments and what the future may add.
            _ => {}
        }
    }
    Ok(Video {
        width: width.ok_or_else(|| Error::new("the Y4M header has no width"))?,
        height: height.ok_or_else(|| Error::new("the Y4M header has no height"))?,
        format: Format::I420,
        frame_rate: fps.or(rate).ok_or_else(|| {
            Error::new("the Y4M header does not say the frame rate").remedy("add --fps N")
        })?,
    })
}

fn parse_size(value: &str, what: &str) -> Result<u32> {
    value
        .parse()
        .ok()
        .filter(|size| (1..=SIZE_MAX).contains(size))
        .ok_or_else(|| Error::new(format!("\"{value}\" is no {what} of a picture")))
}

/// 0:0 stands for unknown.
fn parse_rate(value: &str) -> Result<Option<Fraction>> {
    if value == "0:0" {
        return Ok(None);
    }
    value
        .split_once(':')
        .and_then(|(n, d)| Fraction::checked(n.parse().ok()?, d.parse().ok()?))
        .map(Some)
        .ok_or_else(|| Error::new(format!("\"{value}\" is no frame rate")))
}

fn check_interlacing(value: &str) -> Result<()> {
    match value {
        "p" | "?" => Ok(()),
        _ => Err(
            Error::new("the pictures are interlaced, which the encoder cannot do")
                .remedy("deinterlace them first (ffmpeg -vf bwdif)"),
        ),
    }
}

/// The variants differ in where chroma is sampled, which the encoder does not
/// use.
fn check_chroma(value: &str) -> Result<()> {
    match value {
        "420" | "420jpeg" | "420mpeg2" | "420paldv" => Ok(()),
        _ => Err(Error::new(format!(
            "the pictures are in \"{value}\", not in 4:2:0 with 8 bits"
        ))
        .remedy("convert them first (ffmpeg -pix_fmt yuv420p)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn open(data: &[u8]) -> Result<Y4m<&[u8]>> {
        Y4m::new(data, "x.y4m", None)
    }

    fn error(data: &[u8]) -> String {
        match open(data) {
            Ok(_) => panic!("{data:?} was taken"),
            Err(err) => err.to_string(),
        }
    }

    #[test]
    fn a_clip_is_read() {
        let mut y4m = open(
            b"YUV4MPEG2 W2 H2 F30000:1001 Ip A1:1 C420jpeg XYSCSS=420\n\
              FRAME\nabcdefFRAME Ip\nghijkl",
        )
        .unwrap();
        let video = y4m.video();
        assert_eq!((video.width, video.height), (2, 2));
        assert_eq!(video.frame_rate, Fraction::new(30_000, 1_001));
        let mut frame = [0; 6];
        assert!(y4m.read(&mut frame).unwrap());
        assert_eq!(&frame, b"abcdef");
        assert!(y4m.read(&mut frame).unwrap());
        assert_eq!(&frame, b"ghijkl");
        assert!(!y4m.read(&mut frame).unwrap());
    }

    #[test]
    fn truncation_and_damage_are_told_apart() {
        let mut frame = [0; 6];
        for (data, message) in [
            (
                &b"FRAME\nabc"[..],
                "it ends after 3 of the 6 bytes of frame 0",
            ),
            (b"FRAME\n", "it ends after the header of frame 0"),
            (b"FRA", "it ends within a header line"),
            (b"FRAMES\nabcdef", "there is no frame header before frame 0"),
        ] {
            let clip = [b"YUV4MPEG2 W2 H2 F25:1\n", data].concat();
            let err = open(&clip).unwrap().read(&mut frame).unwrap_err();
            assert!(err.to_string().contains(message), "{err}");
        }
    }

    #[test]
    fn headers_that_cannot_be_encoded_are_refused() {
        for (header, message) in [
            ("W16 H16 F25:1 C444", "\"444\", not in 4:2:0 with 8 bits"),
            ("W16 H16 F25:1 C420p10", "\"420p10\""),
            ("W16 H16 F25:1 Cmono", "\"mono\""),
            ("W16 H16 F25:1 It", "interlaced"),
            ("H16 F25:1", "no width"),
            ("W16 F25:1", "no height"),
            ("W0 H16 F25:1", "\"0\" is no width"),
            ("W16 H-2 F25:1", "\"-2\" is no height"),
            ("W99999999 H16 F25:1", "\"99999999\" is no width"),
            ("W16 H16", "add --fps N"),
            ("W16 H16 F0:0", "add --fps N"),
            ("W16 H16 F25", "\"25\" is no frame rate"),
            ("W16 H16 F25:0", "\"25:0\" is no frame rate"),
        ] {
            let err = error(format!("YUV4MPEG2 {header}\n").as_bytes());
            assert!(err.contains(message), "{header}: {err}");
        }
        let endless = [MAGIC, &[b'X'; 5000][..]].concat();
        assert!(error(&endless).contains("does not end"));
        assert!(error(b"YUV4MPEG2 W16").contains("ends within a header line"));
        assert!(error(b"YUV4MPEG2 W16 \xff\n").contains("no text"));
    }

    #[test]
    fn the_command_line_gives_a_rate_that_is_missing() {
        let header = b"YUV4MPEG2 W16 H16 F0:0\n";
        let y4m = Y4m::new(&header[..], "x", Some(Fraction::new(50, 1))).unwrap();
        assert_eq!(y4m.video().frame_rate, Fraction::new(50, 1));
    }

    proptest! {
        /// Whatever comes, there is an answer, and a picture is whole.
        #[test]
        fn any_input_ends(data in prop::collection::vec(any::<u8>(), 0..400), cut in 0usize..60) {
            let header = b"YUV4MPEG2 W4 H2 F25:1 C420jpeg\nFRAME\n";
            let clip = [&header[..header.len().saturating_sub(cut)], &data].concat();
            if let Ok(mut y4m) = open(&clip) {
                let mut frame = vec![0; y4m.video().frame_bytes().min(1 << 20)];
                let mut frames = 0;
                while let Ok(true) = y4m.read(&mut frame) {
                    frames += 1;
                    prop_assert!(frames <= clip.len());
                }
            }
        }

        /// A clip cut anywhere gives its whole frames, and then an error unless
        /// it was cut between two frames.
        #[test]
        fn a_cut_is_noticed(frames in 1usize..5, cut in 0usize..60) {
            let header = b"YUV4MPEG2 W4 H2 F25:1\n";
            let mut clip = header.to_vec();
            for _ in 0..frames {
                clip.extend_from_slice(b"FRAME\n");
                clip.extend_from_slice(&[7; 12]);
            }
            let cut = cut.min(frames * 18);
            clip.truncate(clip.len() - cut);
            let mut y4m = open(&clip).unwrap();
            let mut frame = [0; 12];
            let mut whole = 0;
            let end = loop {
                match y4m.read(&mut frame) {
                    Ok(true) => whole += 1,
                    end => break end,
                }
            };
            prop_assert_eq!(whole, frames - cut.div_ceil(18));
            prop_assert_eq!(end.is_ok(), cut % 18 == 0);
        }
    }
}
