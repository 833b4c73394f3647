// SPDX-License-Identifier: GPL-2.0

//! What outlives the binding is closed in every order.

use super::{
    check_mark,
    export_marked,
    media_is_gone,
    video_is_gone,
    MARK,
    MARKED, //
};
use crate::{
    encoder::{
        encodes,
        idr,
        is_completed,
        wait_completed,
        Encoder, //
    },
    expect::{
        ensure,
        refused, //
    },
    ktap::{
        within,
        Ktap, //
    },
    rig::{
        bind,
        module_users,
        unbind,
        wait_until,
        wait_users,
        Fault,
        STEP, //
    },
};
use rustix::io::Errno;
use slenc::{
    error::{
        Context,
        Result, //
    },
    v4l2::{
        device::{
            Device,
            OUTPUT, //
        },
        media::MediaDevice,
        request::Request,
        sys::{
            mapping::Mapping,
            video, //
        },
    },
};
use std::{
    os::fd::{
        AsFd,
        OwnedFd, //
    },
    time::Duration,
};

/// Of one order, with all states of a request.
const LIMIT: Duration = Duration::from_secs(120);

/// What is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Video,
    Media,
    Request,
    DmaBuf,
}

impl Piece {
    const ALL: [Self; 4] = [Self::Video, Self::Media, Self::Request, Self::DmaBuf];

    fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Media => "media",
            Self::Request => "request",
            Self::DmaBuf => "dma-buf",
        }
    }
}

/// What became of the request before the driver is unbound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Allocated only.
    Idle,
    /// It has controls.
    Controls,
    /// Queued, and waiting for a CAPTURE buffer.
    Queued,
    /// With the hardware, which hangs.
    Running,
    /// Completed, its buffers not taken back.
    Completed,
}

impl State {
    const ALL: [Self; 5] = [
        Self::Idle,
        Self::Controls,
        Self::Queued,
        Self::Running,
        Self::Completed,
    ];
}

pub(super) fn run(ktap: &mut Ktap) {
    for order in orders(&Piece::ALL) {
        let names: Vec<_> = order.iter().map(|piece| piece.name()).collect();
        let name = format!(
            "after unbinding, with a request in each state: close {}",
            names.join(", ")
        );
        ktap.test(name, LIMIT, move || {
            State::ALL.iter().try_for_each(|&state| {
                bind()?;
                close_in(state, &order).context(format!("request {state:?}"))
            })?;
            bind()?;
            encodes()
        });
    }
}

/// All orders of some pieces.
fn orders(pieces: &[Piece]) -> Vec<Vec<Piece>> {
    if pieces.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (index, &first) in pieces.iter().enumerate() {
        let mut rest = pieces.to_vec();
        rest.remove(index);
        for mut order in orders(&rest) {
            order.insert(0, first);
            all.push(order);
        }
    }
    all
}

struct Held {
    state: State,
    video: Option<Device>,
    media: Option<MediaDevice>,
    request: Option<Request>,
    dma_buf: Option<OwnedFd>,
}

impl Held {
    fn new(state: State) -> Result<Self> {
        let encoder = Encoder::streaming()?;
        let request = encoder.request()?;
        if state == State::Controls || state == State::Queued {
            encoder
                .set_params(&request, &idr())
                .map_err(|err| err.source)
                .context("ENCODE_PARAMS")?;
        }
        match state {
            State::Idle | State::Controls => {}
            State::Queued => {
                encoder
                    .queue_source(0, 0, Some(&request))
                    .context("QBUF OUTPUT")?;
                request.queue().context("REQUEST_IOC_QUEUE")?;
            }
            State::Running => encoder.submit(&request, 0, &idr())?,
            State::Completed => {
                encoder.submit(&request, 0, &idr())?;
                wait_completed(&request)?;
            }
        }
        let dma_buf = export_marked(&encoder)?;
        ensure!(
            is_completed(&request) == (state == State::Completed),
            "the request is not in the state {state:?}"
        );
        Ok(Self {
            state,
            video: Some(encoder.video),
            media: Some(encoder.media),
            request: Some(request),
            dma_buf: Some(dma_buf),
        })
    }

    /// What is still open says that the device is gone, and harms nobody.
    fn check(&self) -> Result<()> {
        if let Some(video) = &self.video {
            video_is_gone(video)?;
        }
        if let Some(media) = &self.media {
            media_is_gone(media)?;
        }
        if let Some(request) = &self.request {
            self.check_request(request)?;
        }
        if let Some(dma_buf) = &self.dma_buf {
            check_mark(
                &Mapping::new(dma_buf.as_fd(), 0, MARK.len()).context("mmap of a dma-buf")?,
            )?;
        }
        Ok(())
    }

    fn check_request(&self, request: &Request) -> Result<()> {
        match self.state {
            // Nothing is in it that could be queued.
            State::Idle | State::Controls => {
                refused("REQUEST_IOC_QUEUE", Errno::NOENT, request.queue())
            }
            // The file it waits in ends it, if the driver has not done so before.
            State::Queued if self.video.is_some() => {
                refused("REQUEST_IOC_QUEUE", Errno::BUSY, request.queue())
            }
            State::Queued | State::Running | State::Completed => {
                wait_until("the request is completed", || is_completed(request))
            }
        }
    }

    fn close(&mut self, piece: Piece) -> Result<()> {
        let what = format!("closing {}", piece.name());
        match piece {
            Piece::Video => {
                let video = self.video.take();
                within(&what, STEP, move || drop(video))
            }
            Piece::Media => {
                let media = self.media.take();
                within(&what, STEP, move || drop(media))
            }
            Piece::Request => {
                let request = self.request.take();
                within(&what, STEP, move || drop(request))
            }
            Piece::DmaBuf => {
                let dma_buf = self.dma_buf.take();
                within(&what, STEP, move || drop(dma_buf))
            }
        }
    }
}

fn close_in(state: State, order: &[Piece]) -> Result<()> {
    let fault = match state {
        State::Running => Some(Fault::new("hang")?),
        _ => None,
    };
    let before = module_users()?;
    let mut held = Held::new(state)?;
    // A mapping keeps the video file open: it goes before anything is closed.
    let mapping = held.video.as_ref().map(map_marked).transpose()?;
    unbind()?;
    mapping.iter().try_for_each(check_mark)?;
    drop(mapping);
    drop(fault);
    held.check()?;
    for &piece in order {
        held.close(piece)?;
        held.check()
            .context(format!("after closing {}", piece.name()))?;
    }
    wait_users(before)
}

fn map_marked(video: &Device) -> Result<Mapping> {
    let fd = video.as_fd();
    let planes = video::query_buffer(fd, OUTPUT, MARKED).context("QUERYBUF")?;
    Mapping::new(fd, planes[0].offset.into(), planes[0].length as usize).context("mmap")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_24_orders_and_all_differ() {
        let all = orders(&Piece::ALL);
        assert_eq!(all.len(), 24);
        for (index, order) in all.iter().enumerate() {
            assert!(Piece::ALL.iter().all(|piece| order.contains(piece)));
            assert!(!all[..index].contains(order));
        }
    }
}
