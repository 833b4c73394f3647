// SPDX-License-Identifier: GPL-2.0

//! Clips, decoded by ffmpeg.

use std::path::Path;
use std::process::{Command, Stdio};

/// Pictures of the scoreboard have at most this many samples: rate control does not care, and
/// tables are made in seconds.
const SAMPLES: usize = 320 * 180;

/// A decoded clip.
pub(super) struct Clip {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Frames a second, as a fraction.
    pub(super) rate: (u64, u64),
    /// Planar 4:2:0.
    pub(super) pictures: Vec<Vec<u8>>,
}

/// Decodes a clip, at `size` or scaled down to what the scoreboard uses.
pub(super) fn read(path: &Path, size: Option<(usize, usize)>) -> Result<Clip, String> {
    let shown = path.display();
    let mut probe = Command::new("ffprobe");
    probe
        .args(["-v", "error", "-select_streams", "v:0", "-of", "csv=p=0"])
        .args(["-show_entries", "stream=width,height,r_frame_rate"])
        .arg(path);
    let text = String::from_utf8(output(&mut probe)?).map_err(|e| format!("{shown}: {e}"))?;
    let (width, height, rate) =
        parse(text.trim()).ok_or_else(|| format!("{shown}: not a clip: {text}"))?;
    let (width, height) = size.unwrap_or_else(|| scaled(width, height));

    let mut decode = Command::new("ffmpeg");
    decode
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(path)
        .args(["-vf", &format!("scale={width}:{height}:flags=area")])
        .args(["-f", "rawvideo", "-pix_fmt", "yuv420p", "pipe:1"]);
    let samples = output(&mut decode)?;
    let pictures: Vec<Vec<u8>> = samples
        .chunks_exact(width * height * 3 / 2)
        .map(<[u8]>::to_vec)
        .collect();
    if pictures.len() < 2 {
        return Err(format!("{shown}: {} pictures", pictures.len()));
    }
    Ok(Clip {
        width,
        height,
        rate,
        pictures,
    })
}

fn output(command: &mut Command) -> Result<Vec<u8>, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let result = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if !result.status.success() {
        let complaint = String::from_utf8_lossy(&result.stderr);
        return Err(format!("{program}: {}", complaint.trim()));
    }
    Ok(result.stdout)
}

/// "1280,720,25/1"
fn parse(text: &str) -> Option<(usize, usize, (u64, u64))> {
    let mut fields = text.split(',');
    let width = fields.next()?.parse().ok()?;
    let height = fields.next()?.parse().ok()?;
    let (count, per) = fields.next()?.split_once('/')?;
    let rate = (count.parse().ok()?, per.parse().ok()?);
    (rate.0 > 0 && rate.1 > 0).then_some((width, height, rate))
}

/// The even size nearest to the limit with the same shape; never larger than the clip.
fn scaled(width: usize, height: usize) -> (usize, usize) {
    if width * height <= SAMPLES {
        return (width & !1, height & !1);
    }
    let factor = (SAMPLES as f64 / (width * height) as f64).sqrt();
    let even = |side: usize| ((side as f64 * factor / 2.0).round() as usize).max(1) * 2;
    (even(width), even(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(scaled(1280, 720), (320, 180));
        assert_eq!(scaled(176, 144), (176, 144));
        assert_eq!(scaled(640, 272), (368, 156));
    }

    #[test]
    fn what_ffprobe_says() {
        assert_eq!(parse("1280,720,25/1"), Some((1280, 720, (25, 1))));
        assert_eq!(parse("1280,720,0/0"), None);
        assert_eq!(parse("1280,720"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn a_missing_clip_is_an_error() {
        assert!(read(Path::new("/nowhere/no.mp4"), None).is_err());
    }
}
