// SPDX-License-Identifier: GPL-2.0

//! `slenc bpf watch`: every picture, as a program sees it that sends them:
//! `telemetry`, or another with `include/telemetry.h`.

use crate::{
    cli::WatchArgs,
    error::{
        Context,
        Error,
        Result, //
    },
    place,
    show,
    telemetry::Picture, //
};
use libbpf_rs::{
    ErrorKind,
    MapHandle,
    RingBufferBuilder, //
};
use std::{
    cell::{
        Cell,
        RefCell, //
    },
    io::{
        self,
        StdoutLock,
        Write, //
    },
    time::Duration,
};

/// The map that pictures are sent through.
const MAP: &str = "pictures";

/// Counts pictures that are missing between those that come.
#[derive(Default)]
struct Losses {
    /// The program's count, as of the last picture.
    known: Option<u64>,
    /// Not shown yet.
    pending: u64,
}

impl Losses {
    /// A picture has come. What was lost before the first one nobody has waited for.
    fn note(&mut self, count: u64) {
        // A program that was replaced counts from 0 again.
        self.pending += count.saturating_sub(self.known.unwrap_or(count));
        self.known = Some(count);
    }

    /// What is to be shown.
    fn take(&mut self) -> u64 {
        std::mem::take(&mut self.pending)
    }
}

/// What is shown, and how much of it.
struct Watch<'a> {
    args: &'a WatchArgs,
    out: StdoutLock<'static>,
    left: u64,
    losses: Losses,
}

impl Watch<'_> {
    /// A picture has come; whether there were enough.
    fn show(&mut self, picture: &Picture) -> io::Result<bool> {
        self.losses.note(picture.lost);
        if self.args.session.is_some_and(|id| id != picture.session) {
            return Ok(false);
        }
        let lost = self.losses.take();
        let line = if self.args.json {
            show::json(picture, lost)?
        } else {
            show::text(picture, lost)
        };
        writeln!(self.out, "{line}")?;
        self.out.flush()?;
        self.left = self.left.saturating_sub(1);
        Ok(self.left == 0)
    }
}

/// Shows pictures until there were enough, or the reader of the output is gone.
pub(crate) fn run(args: &WatchArgs) -> Result<()> {
    let program = &args.program;
    if !place::is_loaded(program)? {
        return Err(place::not_loaded(program));
    }
    let pin = place::pins(program).join(MAP);
    let map = MapHandle::from_pinned_path(&pin).map_err(|err| match err.kind() {
        ErrorKind::NotFound => Error::new(format!("{program} sends no pictures"))
            .remedy("a program does that calls telemetry_send() of telemetry.h"),
        _ => place::pin_error(program, &pin, &err),
    })?;
    let watch = RefCell::new(Watch {
        args,
        out: io::stdout().lock(),
        left: args.frames.unwrap_or(u64::MAX),
        losses: Losses::default(),
    });
    let old = Cell::new(!args.kept);
    let ended = Cell::new((args.frames == Some(0)).then_some(Ok(())));
    let mut builder = RingBufferBuilder::new();
    builder
        .add(&map, |record| {
            let result = ended.take();
            if result.is_none() && !old.get() {
                let shown = Picture::parse(record).map(|picture| watch.borrow_mut().show(&picture));
                ended.set(match shown {
                    None | Some(Ok(false)) => None,
                    Some(Ok(true)) => Some(Ok(())),
                    Some(Err(err)) => Some(Err(err)),
                });
            } else {
                ended.set(result);
            }
            0
        })
        .context("the ring buffer")?;
    let ring = builder.build().context("the ring buffer")?;
    if old.get() {
        // What was kept when nobody watched.
        ring.consume().context("the ring buffer")?;
        old.set(false);
    }
    if !args.json {
        // Whoever waits for this sees every picture that begins from now on.
        let mut watch = watch.borrow_mut();
        writeln!(watch.out, "{}", show::header())
            .and_then(|()| watch.out.flush())
            .context("standard output")?;
    }
    let result = loop {
        if let Some(result) = ended.take() {
            break result;
        }
        ring.poll(Duration::from_millis(200))
            .context("the ring buffer")?;
    };
    match result {
        // Whoever read it has seen enough.
        Err(err) if err.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("standard output"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_what_is_counted_meanwhile() {
        let mut losses = Losses::default();
        let mut note = |count| {
            losses.note(count);
            losses.take()
        };
        // Before somebody watched.
        assert_eq!(note(100), 0);
        assert_eq!(note(100), 0);
        assert_eq!(note(130), 30);
        assert_eq!(note(130), 0);
        // Another program of the name.
        assert_eq!(note(0), 0);
        assert_eq!(note(2), 2);
    }

    #[test]
    fn losses_wait_until_they_are_shown() {
        let mut losses = Losses::default();
        for count in [0, 3, 3, 5] {
            losses.note(count);
        }
        assert_eq!(losses.take(), 5);
        assert_eq!(losses.take(), 0);
    }
}
