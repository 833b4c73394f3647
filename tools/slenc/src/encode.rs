// SPDX-License-Identifier: GPL-2.0

//! `slenc encode`: from a raw video to a coded one.

use crate::{
    cli::{
        DeviceChoice,
        EncodeArgs, //
    },
    error::{
        Error,
        Result, //
    },
    h264::Gop,
    input::{
        self,
        reader::{
            Next,
            Reader, //
        },
        Hints,
    },
    interrupt::Interrupt,
    output::{
        Container,
        Output,
        Track, //
    },
    progress::Progress,
    psnr::Psnr,
    report::Report,
    session::{
        Coded,
        Config,
        Session, //
    },
    stats::StatsFile,
    v4l2::device::{
        find_encoder,
        Device, //
    },
};
use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    time::Duration, //
};

/// How often a slow input is left alone to look for a signal.
const INPUT_WAIT: Duration = Duration::from_millis(100);

/// How encoding ended, when it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All pictures are coded.
    Complete,
    /// The user stopped it; what was coded so far is there.
    Interrupted,
}

/// Runs the command.
pub fn run(args: &EncodeArgs) -> Result<Outcome> {
    // What can be known to fail is checked before anything is opened or written.
    Container::of(&args.output)?;
    check_different(&args.input, "input", &args.output, "output")?;
    if let Some(stats) = &args.stats {
        check_different(&args.input, "input", stats, "statistics")?;
        check_different(&args.output, "output", stats, "statistics")?;
    }
    if let Some(report) = &args.report {
        check_different(&args.input, "input", report, "report")?;
        check_different(&args.output, "output", report, "report")?;
    }
    args.rate.check().map_err(Error::new)?;
    let hints = Hints {
        size: args.size,
        format: args.format,
        fps: args.fps,
    };
    let source = input::open(&args.input, hints)?;
    let video = source.video();
    let device = match &args.device {
        DeviceChoice::Auto => find_encoder()?,
        DeviceChoice::Path(path) => Device::open_encoder(path)?,
    };
    let interrupt = Interrupt::install()?;
    let config = Config {
        qp: args.qp,
        repeat_headers: args.repeat_headers,
        in_flight: (!args.no_requests).then_some(args.in_flight),
        rate: args.rate.settings(),
        program: args.rate.program.clone(),
        layers: args.rate.layers,
    };
    let mut session = Session::new(&device, &video, &config)?;
    let stats = match &args.stats {
        None => None,
        Some(_) if !session.has_stats() => {
            return Err(Error::new("the driver has no statistics").remedy("leave out --stats"));
        }
        Some(path) => Some(StatsFile::create(path)?),
    };
    let track = Track {
        width: video.width,
        height: video.height,
        frame_rate: video.frame_rate,
    };
    let mut sink = Sink {
        output: Output::create(&args.output, track)?,
        stats,
        psnr: args.psnr.then(|| Psnr::new(video, args.rate.may_skip())),
        report: args.report.as_ref().map(|_| {
            let mut report = Report::new(args.output.display().to_string(), video.frame_rate);
            for change in &args.rate.at {
                report.mark(change.frame, &*change.text);
            }
            report
        }),
        progress: Progress::new(video.frame_rate, !args.quiet),
        buffer: Vec::new(),
    };

    let mut reader = Reader::new(source, args.frames, args.in_flight as usize);
    let mut gop = Gop::layered(args.gop, args.rate.layers);
    let mut frame_number = 0;
    let mut ended = false;
    loop {
        while !ended && !interrupt.asked() && session.has_room() {
            // While pictures are under way, those come first.
            let wait = if session.is_idle() {
                INPUT_WAIT
            } else {
                Duration::ZERO
            };
            match reader.next(wait)? {
                Next::Frame(frame) => {
                    let params = gop.next_picture();
                    let due = args.rate.at.iter().filter(|at| at.frame == frame_number);
                    let changes: Vec<_> = due.flat_map(|at| at.settings.clone()).collect();
                    session.submit(frame, params, gop.layer(), &changes)?;
                    frame_number += 1;
                }
                Next::End => ended = true,
                Next::Pending if session.is_idle() => {}
                Next::Pending => break,
            }
        }
        match sink.take(&mut session)? {
            Some(frame) => reader.recycle(frame),
            None => break,
        }
    }
    session.stop()?;
    let outcome = if ended {
        Outcome::Complete
    } else {
        Outcome::Interrupted
    };
    sink.finish(args, outcome)?;
    Ok(outcome)
}

/// Where coded pictures go.
struct Sink {
    output: Output,
    stats: Option<StatsFile>,
    psnr: Option<Psnr>,
    report: Option<Report>,
    progress: Progress,
    buffer: Vec<u8>,
}

impl Sink {
    /// Takes the next coded picture and returns the memory of its source. `None`
    /// when nothing is under way.
    fn take(&mut self, session: &mut Session<'_>) -> Result<Option<Vec<u8>>> {
        self.buffer.clear();
        let Some(Coded {
            frame,
            source,
            stats,
        }) = session.complete(&mut self.buffer)?
        else {
            return Ok(None);
        };
        self.output.write(&self.buffer)?;
        if let (Some(file), Some(stats)) = (&mut self.stats, &stats) {
            file.write(&stats.record(frame, self.buffer.len()))?;
        }
        if let Some(psnr) = &mut self.psnr {
            psnr.add(&source, &self.buffer, stats.as_ref())?;
        }
        if let Some(report) = &mut self.report {
            report.add(self.buffer.len(), stats.as_ref());
        }
        self.progress.add(
            self.buffer.len(),
            stats.is_some_and(|stats| stats.skipped()),
            self.psnr.as_ref().and_then(Psnr::current),
        );
        Ok(Some(source))
    }

    /// Completes what was written, and says so.
    fn finish(mut self, args: &EncodeArgs, outcome: Outcome) -> Result<()> {
        if self.progress.frames() == 0 {
            return match outcome {
                Outcome::Complete => Err(Error::new("the input has no frames")),
                Outcome::Interrupted => {
                    eprintln!("slenc: interrupted before the first frame; nothing was written");
                    Ok(())
                }
            };
        }
        let measured = self.psnr.map(Psnr::finish).transpose()?;
        let psnr = measured.as_ref().and_then(|measured| measured.mean);
        self.output.finish()?;
        self.stats.map(StatsFile::finish).transpose()?;
        if let (Some(report), Some(path)) = (&self.report, &args.report) {
            let pictures = measured.map(|measured| measured.pictures);
            report.write(path, &pictures.unwrap_or_default())?;
        }
        self.progress.clear();
        let name = args.output.display();
        let text = self.progress.text(psnr);
        match outcome {
            Outcome::Complete if args.quiet => {}
            Outcome::Complete => eprintln!("{name}: {text}"),
            Outcome::Interrupted => {
                eprintln!("slenc: interrupted; {name} has what was encoded so far: {text}");
            }
        }
        Ok(())
    }
}

/// One file for two purposes would lose what is in it.
fn check_different(one: &Path, purpose: &str, other: &Path, other_purpose: &str) -> Result<()> {
    let same = match (fs::metadata(one), fs::metadata(other)) {
        (Ok(a), Ok(b)) => a.is_file() && (a.dev(), a.ino()) == (b.dev(), b.ino()),
        // Neither is there yet; "-" is a stream.
        _ => one == other && one != Path::new("-"),
    };
    if same {
        return Err(Error::new(format!(
            "{} is {purpose} and {other_purpose}",
            one.display()
        )));
    }
    Ok(())
}
