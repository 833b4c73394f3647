// SPDX-License-Identifier: GPL-2.0

//! Encodes a clip with rate control, as the client does, and keeps what came of it.

use crate::expect::{
    ensure,
    equal, //
};
use clap::Parser;
use slenc::{
    cli::{
        Cli,
        Command, //
    },
    error::{
        Context,
        Error,
        Result, //
    },
    h264::Gop,
    input::{
        self,
        Hints, //
    },
    session::{
        Config,
        Session, //
    },
    stats::{
        Cpb,
        Record, //
    },
    v4l2::device::find_encoder,
};
use std::{
    env,
    fs::{
        self,
        OpenOptions, //
    },
    io::Write,
    path::PathBuf, //
};

/// Pictures per second of the clips.
pub(super) const FPS: u64 = 25;

/// A coded picture.
pub(super) struct Picture {
    pub(super) bytes: Vec<u8>,
    pub(super) record: Record,
}

impl Picture {
    pub(super) fn bits(&self) -> u64 {
        self.bytes.len() as u64 * 8
    }

    pub(super) fn is_idr(&self) -> bool {
        self.record.idr
    }

    pub(super) fn cpb(&self) -> Result<Cpb> {
        let r = &self.record;
        match (r.cpb_fill, r.cpb_bits, r.violation_bits) {
            (Some(fill), Some(bits), Some(violation)) => Ok(Cpb {
                fill,
                bits,
                violation,
            }),
            _ => Err(Error::new(format!("picture {} has no CPB", r.frame))),
        }
    }

    pub(super) fn qp(&self) -> Result<i16> {
        let qp = self.record.qp_requested;
        qp.ok_or_else(|| Error::new("the statistics have no QP"))
    }
}

/// Bits a second of these pictures.
pub(super) fn rate(pictures: &[Picture]) -> f64 {
    let bits: u64 = pictures.iter().map(Picture::bits).sum();
    (bits * FPS) as f64 / pictures.len().max(1) as f64
}

/// Expects a value that is near to what is wanted, by a share of it.
pub(super) fn near(what: &str, got: f64, wanted: f64, share: f64) -> Result<()> {
    let is_near = (got - wanted).abs() <= wanted * share;
    ensure!(
        is_near,
        "{what} is {got:.0}, which is not within {:.0} % of {wanted:.0}",
        share * 100.0
    );
    Ok(())
}

fn named_by(variable: &str) -> Result<PathBuf> {
    env::var(variable)
        .map(PathBuf::from)
        .context(format!("{variable} in the environment"))
}

/// The MD5s that the hardware has logged.
fn reconstructions() -> Result<Vec<Entry>> {
    let text = fs::read_to_string(named_by("RECONSTRUCTION_LOG")?);
    let text = text.context("reading the hardware's log")?;
    let entry = |line: &str| {
        let mut fields = line.rsplit(',');
        let md5 = fields.next()?.to_owned();
        let bytes = fields.next()?.parse().ok()?;
        Some(Entry { bytes, md5 })
    };
    let entries: Option<_> = text.lines().map(entry).collect();
    entries.ok_or_else(|| Error::new("a line of the hardware's log is none"))
}

/// Encodes so many pictures of a clip with these options of `slenc encode`, and leaves the stream
/// to the host under this name.
pub(super) fn encode(name: &str, clip: &str, frames: usize, options: &str) -> Result<Vec<Picture>> {
    let input = named_by("INPUT")?.join(clip);
    let line = format!("slenc encode {} -o {name}.h264 {options}", input.display());
    let cli = Cli::try_parse_from(line.split_whitespace()).context("options")?;
    let Command::Encode(args) = cli.command else {
        return Err(Error::new("no encode"));
    };
    args.rate.check().map_err(Error::new)?;
    let mut source = input::open(&input, Hints::default())?;
    let video = source.video();
    equal("the clip's rate", video.frame_rate.value(), FPS as f64)?;
    let device = find_encoder()?;
    let config = Config {
        qp: args.qp,
        repeat_headers: args.repeat_headers,
        in_flight: (!args.no_requests).then_some(args.in_flight),
        rate: args.rate.settings(),
        program: args.rate.program.clone(),
        layers: args.rate.layers,
    };
    let mut session = Session::new(&device, &video, &config)?;
    let before = reconstructions()?.len();
    let mut gop = Gop::layered(args.gop, args.rate.layers);
    let mut pictures = Vec::new();
    let mut given = 0;
    loop {
        while given < frames && session.has_room() {
            let mut frame = vec![0; video.frame_bytes()];
            ensure!(source.read(&mut frame)?, "{clip} has {given} pictures only");
            let params = gop.next_picture();
            let changes = args.rate.at.iter().filter(|at| at.frame == given as u64);
            let changes: Vec<_> = changes.flat_map(|at| at.settings.clone()).collect();
            session.submit(frame, params, gop.layer(), &changes)?;
            given += 1;
        }
        let mut bytes = Vec::new();
        let Some(coded) = session.complete(&mut bytes)? else {
            break;
        };
        let stats = coded.stats.ok_or_else(|| Error::new("no statistics"))?;
        let record = stats.record(coded.frame, bytes.len());
        pictures.push(Picture { bytes, record });
    }
    session.stop()?;
    equal("pictures", pictures.len(), frames)?;
    agree(&pictures)?;
    let kinds: Vec<_> = pictures.iter().map(Kind::of).collect();
    let md5s = kept(&kinds, &reconstructions()?[before..])?;
    leave(name, &pictures, &md5s)?;
    Ok(pictures)
}

/// What the statistics say of sizes is what the buffers had, and the buffer is what follows from
/// sizes and rate: this is checked where neither of them changes.
fn agree(pictures: &[Picture]) -> Result<()> {
    for picture in pictures {
        let r = &picture.record;
        let header = r.header_bits.unwrap_or(0);
        ensure!(
            header > 0 && u64::from(header) < picture.bits(),
            "picture {}: {header} of {} bits are headers",
            r.frame,
            picture.bits()
        );
        let filler = r.filler_bytes.unwrap_or(0) as usize;
        ensure!(
            filler < picture.bytes.len(),
            "picture {} is filler",
            r.frame
        );
        if r.skipped {
            ensure!(
                r.nonzero == Some(0) && r.intra_mbs == Some(0) && !r.idr,
                "picture {} has data, and is said to be skipped",
                r.frame
            );
        }
    }
    Ok(())
}

/// A picture that the hardware has coded.
#[derive(Clone, Debug)]
struct Entry {
    bytes: usize,
    md5: String,
}

/// What the log of a picture depends on.
#[derive(Clone, Copy)]
struct Kind {
    /// Written by the hardware.
    bytes: usize,
    skipped: bool,
    is_reference: bool,
}

impl Kind {
    fn of(picture: &Picture) -> Self {
        let filler = picture.record.filler_bytes.unwrap_or(0) as usize;
        Self {
            bytes: picture.bytes.len().saturating_sub(filler),
            skipped: picture.record.skipped,
            is_reference: picture.record.nal_ref_idc != Some(0),
        }
    }
}

/// What the hardware's log can mean: which of its entries are of the pictures so far.
#[derive(Clone, Default)]
struct Reading<'a> {
    md5s: Vec<&'a str>,
    /// Entries that were read.
    read: usize,
    reference: &'a str,
}

impl<'a> Reading<'a> {
    /// With so many entries for this picture, the last of which is in the stream.
    fn after(mut self, picture: Kind, entries: usize, logged: &'a [Entry]) -> Option<Self> {
        self.read += entries;
        let Entry { bytes, md5 } = logged.get(self.read.checked_sub(1)?)?;
        if *bytes != picture.bytes || (picture.skipped && md5 != self.reference) {
            return None;
        }
        if picture.is_reference {
            self.reference = md5;
        }
        self.md5s.push(md5);
        Some(self)
    }
}

/// The MD5s of the pictures that are in the stream, of all that the hardware has coded: a picture
/// that was too large is followed by one that repeats its reference, which is the newest.
///
/// One that hardware has cut short may look like its reference, too. Its size tells, and what
/// follows.
fn kept(pictures: &[Kind], logged: &[Entry]) -> Result<Vec<String>> {
    let mut readings = vec![Reading::default()];
    for (number, &picture) in pictures.iter().enumerate() {
        let mut next: Vec<Reading<'_>> = Vec::new();
        for reading in readings {
            let replaced = picture
                .skipped
                .then(|| reading.clone().after(picture, 2, logged))
                .flatten();
            next.extend(reading.after(picture, 1, logged));
            next.extend(replaced);
        }
        next.dedup_by_key(|reading| (reading.read, reading.reference));
        ensure!(
            !next.is_empty(),
            "picture {number} is not in the hardware's log"
        );
        readings = next;
    }
    let whole = readings
        .into_iter()
        .find(|reading| reading.read == logged.len())
        .ok_or_else(|| Error::new("the hardware coded more pictures"))?;
    Ok(whole.md5s.into_iter().map(str::to_owned).collect())
}

fn leave(name: &str, pictures: &[Picture], md5s: &[String]) -> Result<()> {
    let directory = named_by("STREAMS")?;
    let stream: Vec<u8> = pictures.iter().flat_map(|p| p.bytes.clone()).collect();
    let listed = md5s.join("\n") + "\n";
    let write = |suffix: &str, bytes: &[u8]| {
        fs::write(directory.join(format!("{name}.h264{suffix}")), bytes).context("writing a stream")
    };
    write("", &stream)?;
    write(".listed", listed.as_bytes())?;
    let mut list = OpenOptions::new()
        .create(true)
        .append(true)
        .open(directory.join("streams"))
        .context("the list of streams")?;
    writeln!(list, "{name}.h264 listed {}", pictures.len()).context("the list of streams")
}

/// The bucket that the specification describes, walked through by the sizes of the pictures: what
/// it holds after each, in bits. It starts empty.
pub(super) fn walk(pictures: &[Picture], rate: u64) -> Vec<f64> {
    let drained = rate as f64 / FPS as f64;
    let mut fill = 0.0;
    pictures
        .iter()
        .enumerate()
        .map(|(n, picture)| {
            if n > 0 {
                fill = f64::max(0.0, fill - drained);
            }
            fill += picture.bits() as f64;
            fill
        })
        .collect()
}

/// Expects that the fill that the statistics say is that of [`walk`], to a bit for each picture.
pub(super) fn fills_agree(pictures: &[Picture], rate: u64) -> Result<()> {
    for (n, (picture, fill)) in pictures.iter().zip(walk(pictures, rate)).enumerate() {
        let said = picture.cpb()?.fill as f64;
        let agrees = (said - fill).abs() <= n as f64 + 1.0;
        ensure!(
            agrees,
            "after picture {n} the CPB holds {said:.0} bits, and by the sizes {fill:.0}"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of pictures of 1 byte, if they are skipped, and of 2; and of entries of 2, or as they say.
    fn kept_of(pictures: &[bool], logged: &[&str]) -> Option<Vec<String>> {
        let kind = |&skipped| Kind {
            bytes: if skipped { 1 } else { 2 },
            skipped,
            is_reference: true,
        };
        let entry = |text: &&str| {
            let (md5, bytes) = text.split_once(' ').unwrap_or((text, "2"));
            Entry {
                bytes: bytes.parse().unwrap(),
                md5: md5.to_owned(),
            }
        };
        let pictures: Vec<_> = pictures.iter().map(kind).collect();
        let logged: Vec<_> = logged.iter().map(entry).collect();
        kept(&pictures, &logged).ok()
    }

    #[test]
    fn pictures_that_were_replaced_are_not_in_the_stream() {
        let (i, skip, p) = (false, true, false);
        let is = |pictures: &[bool], logged: &[&str], wanted: &[&str]| {
            assert_eq!(kept_of(pictures, logged).unwrap(), wanted, "{logged:?}");
        };
        is(&[i, p], &["a", "b"], &["a", "b"]);
        is(&[i, skip, p], &["a", "a 1", "b"], &["a", "a", "b"]);
        is(&[i, skip, p], &["a", "x 9", "a 1", "b"], &["a", "a", "b"]);
        // Coded as the reference, and replaced by it.
        is(&[i, skip, p], &["a", "a 1", "a 1", "b"], &["a", "a", "b"]);
        is(
            &[i, skip, skip, p, skip],
            &["a", "a 1", "a 1", "a 1", "b", "b 1"],
            &["a", "a", "a", "b", "b"],
        );
        // By their looks alone, the second could be the P picture.
        is(
            &[i, skip, p, p, skip],
            &["a", "a 1", "a 1", "b", "b", "b 1"],
            &["a", "a", "b", "b", "b"],
        );
        assert_eq!(kept_of(&[i, skip], &["a", "b 1"]), None);
        assert_eq!(kept_of(&[i, skip], &["a", "a 9"]), None);
        assert_eq!(kept_of(&[i, p], &["a", "b", "c"]), None);
        assert_eq!(kept_of(&[i, skip, p], &["a", "a 1"]), None);
    }
}
