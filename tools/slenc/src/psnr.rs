// SPDX-License-Identifier: GPL-2.0

//! Luma PSNR of the coded pictures.
//!
//! Hardware that counts squared errors says it in the statistics. Otherwise
//! ffmpeg decodes the stream alongside, and its pictures are compared with the
//! source. As in ffmpeg's psnr filter, the figure of a clip is that of the mean
//! squared error of all its pictures.

use crate::{
    error::{
        Context,
        Error,
        Result, //
    },
    input::Video,
    stats::Stats,
};
use std::{
    io::{
        self,
        Read,
        Write, //
    },
    process::{
        Child,
        Command,
        Stdio, //
    },
    sync::{
        mpsc::{
            channel,
            Receiver,
            Sender, //
        },
        Arc,
        Mutex,
        MutexGuard,
        PoisonError, //
    },
    thread::{
        self,
        JoinHandle, //
    },
    time::{
        Duration,
        Instant, //
    },
};

/// How far the decoder may be behind before encoding waits for it.
const AHEAD: u64 = 64;

/// How long the decoder may take for a picture before it counts as stuck.
const STUCK: Duration = Duration::from_secs(30);

/// How often to look whether the decoder is done with a picture.
const POLL: Duration = Duration::from_millis(2);

/// Measures pictures as they are coded.
pub struct Psnr {
    video: Video,
    frames: u64,
    /// The statistics may have squared errors of all pictures.
    counted: bool,
    method: Method,
}

/// The PSNR of all pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Of all of them, in dB; `None` without a picture.
    pub mean: Option<f64>,
    /// Of each.
    pub pictures: Vec<f64>,
}

enum Method {
    /// The first picture's statistics decide.
    Undecided,
    /// Squared errors that the hardware counted so far.
    Statistics(Sums),
    /// A decoder beside.
    Decoder(Decoder),
}

impl Psnr {
    /// Of pictures like these. Of pictures that are skipped the hardware counts no errors:
    /// `skips` says that there may be some.
    pub fn new(video: Video, skips: bool) -> Self {
        Self {
            video,
            frames: 0,
            counted: !skips,
            method: Method::Undecided,
        }
    }

    /// Adds a picture: its source, what it was coded to, and its statistics.
    pub fn add(&mut self, source: &[u8], coded: &[u8], stats: Option<&Stats>) -> Result<()> {
        self.frames += 1;
        let sse = stats.and_then(Stats::luma_sse);
        if matches!(self.method, Method::Undecided) {
            self.method = match sse {
                Some(_) if self.counted => Method::Statistics(Sums::default()),
                _ => Method::Decoder(Decoder::start(&self.video, "ffmpeg")?),
            };
        }
        match &mut self.method {
            Method::Statistics(sums) => {
                sums.add(sse.ok_or_else(|| {
                    Error::new("the driver gives squared errors for some pictures only")
                })?);
                Ok(())
            }
            Method::Decoder(decoder) => {
                let mut luma = Vec::new();
                let Video { width, height, .. } = self.video;
                self.video.format.luma(source, width, height, &mut luma);
                decoder.add(luma, coded)
            }
            Method::Undecided => Ok(()),
        }
    }

    /// Of the pictures that are measured so far.
    pub fn current(&self) -> Option<f64> {
        let (sse, frames) = match &self.method {
            Method::Undecided => return None,
            Method::Statistics(sums) => sums.get(),
            Method::Decoder(decoder) => decoder.sums.get(),
        };
        (frames > 0).then(|| from_sse(sse, self.samples() * frames))
    }

    /// Luma samples of a picture.
    fn samples(&self) -> u64 {
        u64::from(self.video.width) * u64::from(self.video.height)
    }

    /// Of all pictures.
    pub fn finish(mut self) -> Result<Measured> {
        if let Method::Decoder(decoder) = &mut self.method {
            decoder.finish(self.frames)?;
        }
        let errors = match &self.method {
            Method::Undecided => Vec::new(),
            Method::Statistics(sums) => sums.each(),
            Method::Decoder(decoder) => decoder.sums.each(),
        };
        let decibels = |&sse: &u64| from_sse(sse, self.samples());
        Ok(Measured {
            mean: self.current(),
            pictures: errors.iter().map(decibels).collect(),
        })
    }
}

/// PSNR of samples of 8 bits.
fn from_sse(sse: u64, samples: u64) -> f64 {
    let mse = sse as f64 / samples as f64;
    10.0 * (255.0 * 255.0 / mse).log10()
}

fn squared_errors(a: &[u8], b: &[u8]) -> u64 {
    a.iter()
        .zip(b)
        .map(|(&a, &b)| u64::from(u32::from(a.abs_diff(b)).pow(2)))
        .sum()
}

/// Squared errors: their sum, and those of each picture.
#[derive(Default)]
struct Sums(Mutex<(u64, Vec<u64>)>);

impl Sums {
    fn lock(&self) -> MutexGuard<'_, (u64, Vec<u64>)> {
        // Nothing that holds the lock can panic halfway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, sse: u64) {
        let mut sums = self.lock();
        sums.0 += sse;
        sums.1.push(sse);
    }

    /// The sum, and of how many pictures.
    fn get(&self) -> (u64, u64) {
        let sums = self.lock();
        (sums.0, sums.1.len() as u64)
    }

    fn each(&self) -> Vec<u64> {
        self.lock().1.clone()
    }
}

/// A running decoder with a thread that feeds it and one that compares.
struct Decoder {
    child: Child,
    coded: Option<Sender<Vec<u8>>>,
    luma: Option<Sender<Vec<u8>>>,
    threads: Vec<JoinHandle<io::Result<()>>>,
    sums: Arc<Sums>,
    given: u64,
    stuck: Duration,
}

impl Decoder {
    fn start(video: &Video, program: &str) -> Result<Self> {
        let mut child = Command::new(program)
            // Decoded pictures come out as soon as they can.
            .args(["-v", "error", "-nostdin", "-probesize", "32", "-threads", "1"])
            .args(["-f", "h264", "-i", "pipe:0", "-fps_mode", "passthrough"])
            .args(["-f", "rawvideo", "-pix_fmt", "yuv420p", "pipe:1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|err| match err.kind() {
                io::ErrorKind::NotFound => Error::new(
                    "this encoder does not count errors, and ffmpeg, which would decode to measure the PSNR, is not installed",
                )
                .remedy("install ffmpeg, or leave out --psnr"),
                _ => Error::new(format!("cannot run ffmpeg to measure the PSNR: {err}")),
            })?;
        let mut stdin = child.stdin.take().context_missing()?;
        let stdout = child.stdout.take().context_missing()?;
        let (coded, to_decode) = channel::<Vec<u8>>();
        let (luma, to_compare) = channel::<Vec<u8>>();
        let sums = Arc::new(Sums::default());
        let feed = thread::spawn(move || to_decode.iter().try_for_each(|au| stdin.write_all(&au)));
        let compare = {
            let (video, sums) = (*video, Arc::clone(&sums));
            thread::spawn(move || compare(stdout, &to_compare, &video, &sums))
        };
        Ok(Self {
            child,
            coded: Some(coded),
            luma: Some(luma),
            threads: vec![feed, compare],
            sums,
            given: 0,
            stuck: STUCK,
        })
    }

    fn add(&mut self, luma: Vec<u8>, coded: &[u8]) -> Result<()> {
        let sent = match (&self.coded, &self.luma) {
            (Some(to_decode), Some(to_compare)) => {
                to_decode.send(coded.to_vec()).is_ok() && to_compare.send(luma).is_ok()
            }
            _ => false,
        };
        // The threads end early only when the decoder does.
        if !sent {
            return Err(self.failed());
        }
        self.given += 1;
        self.wait_until(self.given.saturating_sub(AHEAD))
    }

    fn finish(&mut self, frames: u64) -> Result<()> {
        self.coded = None;
        self.luma = None;
        self.wait_until(frames)?;
        for thread in self.threads.drain(..) {
            // All pictures are compared: a thread has nothing left to fail at.
            let _ = thread.join();
        }
        Ok(())
    }

    /// Waits until so many pictures are compared, as long as there is progress.
    fn wait_until(&self, frames: u64) -> Result<()> {
        let (mut seen, mut since) = (0, Instant::now());
        loop {
            // Before the count: what a thread did before its end has to be seen.
            let ended = self.threads.iter().any(JoinHandle::is_finished) && self.luma.is_some();
            let all_ended = self.threads.iter().all(JoinHandle::is_finished);
            let done = self.sums.get().1;
            if done >= frames {
                return Ok(());
            }
            if done > seen {
                (seen, since) = (done, Instant::now());
            }
            if ended || all_ended || since.elapsed() > self.stuck {
                return Err(self.failed());
            }
            thread::sleep(POLL);
        }
    }

    fn failed(&self) -> Error {
        Error::new(format!(
            "measuring the PSNR: ffmpeg decoded {} pictures of the stream and no more",
            self.sums.get().1
        ))
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // It may have ended already; waiting leaves no zombie behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Compares decoded pictures with their sources until one of them ends.
fn compare(
    mut decoded: impl Read,
    sources: &Receiver<Vec<u8>>,
    video: &Video,
    sums: &Sums,
) -> io::Result<()> {
    let luma_size = video.width as usize * video.height as usize;
    let mut frame = vec![0; crate::picture::Format::I420.frame_bytes(video.width, video.height)];
    for source in sources {
        decoded.read_exact(&mut frame)?;
        sums.add(squared_errors(&source, &frame[..luma_size]));
    }
    Ok(())
}

/// A pipe that was asked for and is not there.
trait ContextMissing<T> {
    fn context_missing(self) -> Result<T>;
}

impl<T> ContextMissing<T> for Option<T> {
    fn context_missing(self) -> Result<T> {
        self.ok_or("no pipe").context("running ffmpeg")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::Fraction,
        picture::Format, //
    };

    const VIDEO: Video = Video {
        width: 2,
        height: 2,
        format: Format::I420,
        frame_rate: Fraction::new(25, 1),
    };

    #[test]
    fn errors_become_decibels() {
        assert_eq!(squared_errors(&[0, 255, 7, 9], &[255, 0, 7, 8]), 130_051);
        assert!((from_sse(4, 4) - 48.1308).abs() < 1e-4);
        assert!((from_sse(65_025 * 4, 4)).abs() < 1e-9);
        assert_eq!(from_sse(0, 4), f64::INFINITY);
    }

    #[test]
    fn comparing_takes_luma_only() {
        let (send, receive) = channel();
        send.send(vec![1, 2, 3, 4]).unwrap();
        send.send(vec![5, 5, 5, 5]).unwrap();
        drop(send);
        let sums = Sums::default();
        let decoded = [1, 2, 3, 6, 99, 99, 5, 5, 5, 4, 0, 0];
        compare(&decoded[..], &receive, &VIDEO, &sums).unwrap();
        assert_eq!((sums.get(), sums.each()), ((5, 2), vec![4, 1]));
    }

    #[test]
    fn a_missing_decoder_is_named() {
        let err = Decoder::start(&VIDEO, "/nonexistent/ffmpeg").err().unwrap();
        assert!(err
            .to_string()
            .ends_with("install ffmpeg, or leave out --psnr"));
    }

    #[test]
    fn a_decoder_that_ends_is_noticed() {
        let mut decoder = Decoder::start(&VIDEO, "false").unwrap();
        let outcome = (0..4 * AHEAD).try_for_each(|_| decoder.add(vec![0; 4], &[0; 4096]));
        assert!(outcome.and_then(|()| decoder.finish(1)).is_err());
    }

    #[test]
    fn a_decoder_that_decodes_nothing_is_noticed() {
        let mut decoder = Decoder::start(&VIDEO, "ffmpeg").unwrap();
        decoder.stuck = Duration::from_millis(300);
        let outcome = (0..2 * AHEAD).try_for_each(|_| decoder.add(vec![0; 4], &[0, 0, 1, 0x65, 1]));
        assert!(outcome.is_err());
        let mut decoder = Decoder::start(&VIDEO, "ffmpeg").unwrap();
        decoder.add(vec![0; 4], &[0, 0, 1, 0x65, 1]).unwrap();
        assert!(decoder.finish(1).is_err());
    }
}
