// SPDX-License-Identifier: GPL-2.0

//! How far encoding is: a line that is drawn again and again on a terminal, and
//! a summary at the end.

use crate::cli::Fraction;
use std::{
    fmt::Write as _,
    io::{
        self,
        IsTerminal,
        Write, //
    },
    time::{
        Duration,
        Instant, //
    },
};

const REDRAW: Duration = Duration::from_millis(200);

/// Counts pictures and shows them.
#[derive(Debug)]
pub struct Progress {
    frame_rate: Fraction,
    start: Instant,
    /// When the newest picture came: what follows, such as completing files, is no
    /// encoding.
    newest: Instant,
    drawn: Option<Instant>,
    live: bool,
    frames: u64,
    skipped: u64,
    bytes: u64,
}

impl Progress {
    /// Starts the clock. Without `live` and without a terminal nothing is drawn.
    pub fn new(frame_rate: Fraction, live: bool) -> Self {
        let start = Instant::now();
        Self {
            frame_rate,
            start,
            newest: start,
            drawn: None,
            live: live && io::stderr().is_terminal(),
            frames: 0,
            skipped: 0,
            bytes: 0,
        }
    }

    /// Pictures so far.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Counts a picture.
    pub fn add(&mut self, bytes: usize, skipped: bool, psnr: Option<f64>) {
        self.newest = Instant::now();
        self.frames += 1;
        self.bytes += bytes as u64;
        self.skipped += u64::from(skipped);
        if self.live && self.drawn.is_none_or(|at| at.elapsed() >= REDRAW) {
            self.drawn = Some(self.newest);
            // A terminal that went away is no reason to stop.
            let _ = write!(io::stderr(), "\r{}\x1b[K", self.text(psnr));
        }
    }

    /// Removes the line, so that something else can be printed.
    pub fn clear(&mut self) {
        if self.drawn.take().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    /// What is known so far, on one line.
    pub fn text(&self, psnr: Option<f64>) -> String {
        let time = self.newest.saturating_duration_since(self.start);
        let seconds = time.as_secs_f64().max(1e-6);
        let fps = self.frames as f64 / seconds;
        let mut text = format!(
            "{} frames, {fps:.1} fps, {:.1} kb/s",
            self.frames,
            self.kilobits_per_second()
        );
        if let Some(psnr) = psnr {
            let _ = write!(text, ", PSNR-Y {psnr:.2} dB");
        }
        if self.skipped > 0 {
            let _ = write!(text, ", {} skipped", self.skipped);
        }
        text
    }

    /// The bit rate of the video, by its own frame rate.
    fn kilobits_per_second(&self) -> f64 {
        let seconds = self.frames.max(1) as f64 / self.frame_rate.value();
        self.bytes as f64 * 8.0 / seconds / 1000.0
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bit_rate_is_that_of_the_video() {
        let mut progress = Progress::new(Fraction::new(50, 2), false);
        for _ in 0..50 {
            progress.add(1000, false, None);
        }
        // 50 kB in 2 s of video.
        assert!((progress.kilobits_per_second() - 200.0).abs() < 1e-9);
        let text = progress.text(Some(40.0));
        assert!(text.starts_with("50 frames, "), "{text}");
        assert!(
            text.ends_with(" fps, 200.0 kb/s, PSNR-Y 40.00 dB"),
            "{text}"
        );
        progress.add(1, true, None);
        assert!(progress.text(None).ends_with(", 1 skipped"));
    }
}
