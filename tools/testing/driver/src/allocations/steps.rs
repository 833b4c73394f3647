// SPDX-License-Identifier: GPL-2.0

//! The calls of a session, from open to close.

use super::Rig;
use crate::{
    encoder::{
        idr,
        wait_completed,
        Encoder,
        BUFFERS,
        SIZE, //
    },
    expect::ensure,
    references,
};
use rustix::event::{
    poll,
    PollFd,
    PollFlags,
    Timespec, //
};
use slenc::{
    error::{
        Context,
        Error,
        Result, //
    },
    v4l2::{
        device::{
            Device,
            CAPTURE,
            OUTPUT, //
        },
        media::MediaDevice,
        queue::is_error,
        request::Request,
        sys::{
            buffers::{
                self,
                Import, //
            },
            control::Which,
            drain,
            selection::{
                self,
                Rect, //
            },
            video,
        },
        uapi::*,
    },
};
use std::os::fd::AsFd;

/// How long the debug kernel may take for the end of a job.
const POLL: Timespec = Timespec {
    tv_sec: 10,
    tv_nsec: 0,
};

/// What the calls of a session have made so far.
pub(super) struct Session<'a> {
    rig: &'a Rig,
    video: Option<Device>,
    encoder: Option<Encoder>,
    request: Option<Request>,
    /// The buffer that was created last.
    created: u32,
    /// A picture was queued by a call in which something failed, and may be spoilt.
    pub(super) may_be_spoilt: bool,
}

/// One call.
pub(super) struct Step {
    pub(super) name: &'static str,
    /// It cannot be made twice. V4L2 acts before it copies the answer to user space, and
    /// when that fails, with EFAULT, it has acted all the same.
    pub(super) once: bool,
    /// It may start a job.
    pub(super) starts_job: bool,
    /// It allocates or copies.
    pub(super) can_fail: bool,
    pub(super) call: fn(&mut Session<'_>) -> Result<()>,
}

pub(super) const STEPS: &[Step] = &[
    step("open of the video node", |s| {
        s.video = Some(Device::open(&s.rig.video)?);
        Ok(())
    }),
    step("open of the media device", |s| {
        let media = MediaDevice::open(&s.rig.media).context("opening the media device")?;
        let video = s.video.take().ok_or_else(|| Error::new("not open"))?;
        s.encoder = Some(Encoder { video, media });
        Ok(())
    }),
    step("S_FMT", |s| {
        s.encoder()?.set_format(V4L2_PIX_FMT_NV12, SIZE)
    }),
    step("TRY_FMT", |s| {
        let fd = s.encoder()?.video.as_fd();
        let format = video::get_format(fd, CAPTURE).context("G_FMT")?;
        video::try_format(fd, CAPTURE, format).context("TRY_FMT")?;
        Ok(())
    }),
    step("S_SELECTION", |s| {
        let whole = Rect {
            left: 0,
            top: 0,
            width: SIZE.0,
            height: SIZE.1,
        };
        let fd = s.encoder()?.video.as_fd();
        selection::set(fd, OUTPUT, V4L2_SEL_TGT_CROP, whole, 0).context("S_SELECTION")?;
        Ok(())
    }),
    step("S_PARM", |s| {
        let fd = s.encoder()?.video.as_fd();
        video::set_frame_interval(fd, OUTPUT, (1, 25)).context("S_PARM")?;
        Ok(())
    }),
    step("REQBUFS", |s| s.encoder()?.allocate(BUFFERS)),
    step("CREATE_BUFS", |s| {
        let fd = s.encoder()?.video.as_fd();
        let format = video::get_format(fd, CAPTURE).context("G_FMT")?;
        s.created = buffers::create(fd, CAPTURE, 1, &format).context("CREATE_BUFS")?;
        Ok(())
    }),
    once("REMOVE_BUFS", |s| {
        let fd = s.encoder()?.video.as_fd();
        buffers::remove(fd, CAPTURE, s.created, 1).context("REMOVE_BUFS")
    }),
    step("QUERYBUF", |s| {
        let fd = s.encoder()?.video.as_fd();
        video::query_buffer(fd, OUTPUT, 0).context("QUERYBUF")?;
        Ok(())
    }),
    once("PREPARE_BUF", |s| {
        let fd = s.encoder()?.video.as_fd();
        buffers::prepare(fd, CAPTURE, 2, &[0]).context("PREPARE_BUF")
    }),
    step("EXPBUF", |s| {
        let fd = s.encoder()?.video.as_fd();
        buffers::export(fd, OUTPUT, 0, 0).context("EXPBUF")?;
        Ok(())
    }),
    step("mmap", |s| {
        s.encoder()?.map(CAPTURE, 0)?;
        Ok(())
    }),
    step("SUBSCRIBE_EVENT", |s| {
        drain::subscribe(s.encoder()?.video.as_fd(), V4L2_EVENT_EOS).context("SUBSCRIBE_EVENT")
    }),
    step("S_EXT_CTRLS", |s| s.encoder()?.set_parameter_sets(SIZE)),
    step("STREAMON", |s| s.encoder()?.start()),
    step("REQUEST_ALLOC", |s| {
        s.request = Some(s.encoder()?.request()?);
        Ok(())
    }),
    step("S_EXT_CTRLS of a request", |s| {
        s.encoder()?
            .set_params(s.request()?, &idr())
            .map_err(|err| Error::new(format!("ENCODE_PARAMS: {}", err.source)))
    }),
    once("QBUF OUTPUT in a request", |s| {
        let queued = s.encoder()?.queue_source(0, 7, Some(s.request()?));
        queued.context("QBUF OUTPUT")
    }),
    once("QBUF CAPTURE", |s| {
        s.encoder()?.queue_coded(0).context("QBUF CAPTURE")
    }),
    Step {
        name: "REQUEST_IOC_QUEUE",
        once: false,
        starts_job: true,
        can_fail: true,
        call: |s| s.request()?.queue().context("REQUEST_IOC_QUEUE"),
    },
    once("DQBUF CAPTURE", |s| {
        wait_completed(s.request()?)?;
        s.dequeue(CAPTURE)
    }),
    once("DQBUF OUTPUT", |s| s.dequeue(OUTPUT)),
    step("G_EXT_CTRLS of a request", |s| {
        let stats = s.encoder()?.stats(s.request()?);
        stats.map_err(|err| err.source).context("statistics")?;
        Ok(())
    }),
    nothing("REINIT", |s| s.request()?.reinit().context("REINIT")),
    step("STREAMOFF", |s| s.encoder()?.stop()),
    // A queue takes buffers with requests or without them, until it stops.
    step("STREAMON again", |s| s.encoder()?.start()),
    once("QBUF OUTPUT", |s| {
        s.encoder()?.queue_source(1, 8, None).context("QBUF OUTPUT")
    }),
    Step {
        name: "QBUF CAPTURE that starts a job",
        once: true,
        starts_job: true,
        can_fail: true,
        call: |s| s.encoder()?.queue_coded(1).context("QBUF CAPTURE"),
    },
    // When the job is at its end before the command that follows, this one is the last.
    once("QBUF CAPTURE for the end of the stream", |s| {
        s.encoder()?.queue_coded(0).context("QBUF CAPTURE")
    }),
    once("ENCODER_CMD", |s| {
        let fd = s.encoder()?.video.as_fd();
        drain::encoder_command(fd, V4L2_ENC_CMD_STOP, 0).context("ENCODER_CMD")
    }),
    step("poll for the end of the stream", |s| {
        let fd = s.encoder()?.video.as_fd();
        let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::PRI)];
        poll(&mut fds, Some(&POLL)).context("poll")?;
        let told = fds[0].revents().contains(PollFlags::PRI);
        ensure!(told, "no event within {} s", POLL.tv_sec);
        Ok(())
    }),
    once("DQEVENT", |s| {
        let event = drain::dequeue_event(s.encoder()?.video.as_fd()).context("DQEVENT")?;
        ensure!(event.is_some(), "there is no event");
        Ok(())
    }),
    step("STREAMOFF to free buffers", |s| s.encoder()?.stop()),
    step("REQBUFS of 0", |s| {
        let fd = s.encoder()?.video.as_fd();
        buffers::request(fd, OUTPUT, V4L2_MEMORY_MMAP, 0).context("REQBUFS of 0")?;
        Ok(())
    }),
    step("REQBUFS of DMABUF memory", |s| {
        let fd = s.encoder()?.video.as_fd();
        buffers::request(fd, OUTPUT, V4L2_MEMORY_DMABUF, 1).context("REQBUFS")?;
        Ok(())
    }),
    step("STREAMON for imports", |s| s.encoder()?.start()),
    step("S_EXT_CTRLS of references", |s| {
        let request = s.request()?;
        references::set(
            s.encoder()?,
            Which::Request(request.as_fd()),
            &references::plain(),
        )
        .map_err(|err| Error::new(format!("references: {}", err.source)))
    }),
    once("QBUF of an import", |s| {
        let fd = s.encoder()?.video.as_fd();
        let format = video::get_format(fd, OUTPUT).context("G_FMT")?;
        let size = format.planes()[0].size_image;
        let import = Import {
            dma_buf: s.rig.source.as_fd(),
            length: size,
            bytes_used: size,
            data_offset: 0,
        };
        let request = Some(s.request()?.as_fd());
        buffers::queue_imported(fd, OUTPUT, 0, &[import], 9, request).context("QBUF")
    }),
    Step {
        name: "REQUEST_IOC_QUEUE of an import",
        once: false,
        starts_job: true,
        can_fail: true,
        call: |s| s.request()?.queue().context("REQUEST_IOC_QUEUE"),
    },
    Step {
        name: "QBUF CAPTURE for an import",
        once: true,
        starts_job: true,
        can_fail: true,
        call: |s| s.encoder()?.queue_coded(0).context("QBUF CAPTURE"),
    },
    once("DQBUF after an import", |s| {
        wait_completed(s.request()?)?;
        s.dequeue(CAPTURE)
    }),
    nothing("close of a request", |s| {
        s.request = None;
        Ok(())
    }),
    nothing("close of both nodes", |s| {
        s.encoder = None;
        Ok(())
    }),
];

const fn once(name: &'static str, call: fn(&mut Session<'_>) -> Result<()>) -> Step {
    Step {
        once: true,
        ..step(name, call)
    }
}

/// A call that needs no memory, and gives user space nothing.
const fn nothing(name: &'static str, call: fn(&mut Session<'_>) -> Result<()>) -> Step {
    Step {
        can_fail: false,
        ..step(name, call)
    }
}

const fn step(name: &'static str, call: fn(&mut Session<'_>) -> Result<()>) -> Step {
    Step {
        name,
        once: false,
        starts_job: false,
        can_fail: true,
        call,
    }
}

impl<'a> Session<'a> {
    pub(super) fn new(rig: &'a Rig) -> Self {
        Self {
            rig,
            video: None,
            encoder: None,
            request: None,
            created: 0,
            may_be_spoilt: false,
        }
    }

    fn encoder(&self) -> Result<&Encoder> {
        self.encoder.as_ref().ok_or_else(|| Error::new("not open"))
    }

    fn request(&self) -> Result<&Request> {
        self.request
            .as_ref()
            .ok_or_else(|| Error::new("no request"))
    }

    fn dequeue(&mut self, queue: u32) -> Result<()> {
        let buffer = video::dequeue_buffer(self.encoder()?.video.as_fd(), queue)
            .context("DQBUF")?
            .ok_or_else(|| Error::new("DQBUF: nothing, but the request is completed"))?;
        ensure!(
            !is_error(&buffer) || self.may_be_spoilt,
            "a picture is spoilt though nothing failed in its job"
        );
        Ok(())
    }
}
