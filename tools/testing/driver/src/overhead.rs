// SPDX-License-Identifier: GPL-2.0

//! Pictures, from QBUF to DQBUF, on any multi-planar memory-to-memory device, one after
//! the other: `slenc-overhead NODE FRAMES SERIES`.
//!
//! Each series but the first, which warms up, is between two marks for QEMU's plugin that
//! counts instructions (`slenc-instructions`): whoever starts this reads there what the
//! pictures cost.

#![deny(unsafe_code)]

#[path = "../../instructions/src/marks.rs"]
mod marks;

use clap::Parser;
use slenc::{
    error::{
        Context,
        Error,
        Result, //
    },
    h264::Gop,
    v4l2::{
        device::{
            Device,
            CAPTURE,
            OUTPUT, //
        },
        media,
        queue::is_error,
        request::Request,
        sys::{
            control::{
                self,
                ExtControl,
                Which, //
            },
            video,
        },
        uapi::V4L2_CID_STATELESS_H264_ENCODE_PARAMS,
    },
};
use std::{
    arch::asm,
    os::fd::AsFd,
    path::PathBuf,
    process::ExitCode,
    time::Duration, //
};

const LIMIT: Duration = Duration::from_secs(10);
const V4L2_CID_HFLIP: u32 = 0x0098_0914;

/// Has pictures pass a device between two marks for the counter of instructions.
#[derive(Parser)]
struct Args {
    /// The video node.
    node: PathBuf,

    /// Pictures between two marks.
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    frames: u32,

    /// How often.
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    series: u32,

    /// Width and height of a picture.
    #[arg(long, num_args = 2, value_names = ["WIDTH", "HEIGHT"], default_values = ["176", "144"])]
    size: Vec<u32>,

    /// Each picture in a request, with a control of its own: the parameters of an
    /// encoder's picture, or a flip.
    #[arg(long)]
    requests: bool,
}

fn main() -> ExitCode {
    match measure(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("slenc-overhead: {err}");
            ExitCode::FAILURE
        }
    }
}

/// A device that streams with one buffer in each queue.
struct Stream {
    device: Device,
    /// Bytes in the planes of a source.
    filled: Vec<u32>,
    /// None in those of its result.
    empty: Vec<u32>,
    request: Option<Request>,
    /// The pictures of an encoder.
    gop: Option<Gop>,
}

/// All pictures; those that count are between the marks.
fn measure(args: &Args) -> Result<()> {
    let mut stream = Stream::new(args)?;
    for n in 0..args.frames {
        stream.picture(n)?;
    }
    for _ in 0..args.series {
        mark::<{ marks::BEGIN }>();
        for n in 0..args.frames {
            stream.picture(n)?;
        }
        mark::<{ marks::END }>();
    }
    Ok(())
}

/// Executes a mark.
#[allow(unsafe_code)]
fn mark<const DISPLACEMENT: i32>() {
    // SAFETY: A NOP has no effect, whatever address it names.
    unsafe {
        asm!(
            "nop dword ptr [rax + {}]",
            const DISPLACEMENT,
            options(nostack, preserves_flags)
        );
    }
}

impl Stream {
    fn new(args: &Args) -> Result<Self> {
        let &[width, height] = args.size.as_slice() else {
            return Err(Error::new("--size takes a width and a height"));
        };
        let device = Device::open(&args.node)?;
        let fd = device.as_fd();
        let mut planes = Vec::new();
        for queue in [OUTPUT, CAPTURE] {
            let mut format = video::get_format(fd, queue).context("G_FMT")?;
            let fourcc = format.fourcc();
            format.set(fourcc, width, height);
            let format = video::set_format(fd, queue, format).context("S_FMT")?;
            planes.push(
                format
                    .planes()
                    .iter()
                    .map(|plane| plane.size_image)
                    .collect(),
            );
        }
        let [filled, coded]: [Vec<u32>; 2] =
            planes.try_into().map_err(|_| Error::new("two queues"))?;
        for queue in [OUTPUT, CAPTURE] {
            video::request_buffers(fd, queue, 1).context("REQBUFS")?;
            video::stream_on(fd, queue).context("STREAMON")?;
        }
        let request = if args.requests {
            let media = media::of_node(&args.node)?;
            Some(Request::new(media.as_fd()).context("REQUEST_ALLOC")?)
        } else {
            None
        };
        let codes = control::query(fd, V4L2_CID_STATELESS_H264_ENCODE_PARAMS).is_ok();
        Ok(Self {
            empty: vec![0; coded.len()],
            filled,
            request,
            gop: codes.then(|| Gop::new(0)),
            device,
        })
    }

    /// Sets the control that a picture of a request has.
    fn set_control(&mut self, request: &Request) -> Result<()> {
        let which = Which::Request(request.as_fd());
        let fd = self.device.as_fd();
        let result = if let Some(gop) = &mut self.gop {
            let mut params = gop.next_picture();
            let id = V4L2_CID_STATELESS_H264_ENCODE_PARAMS;
            control::set(fd, which, &mut [ExtControl::compound(id, &mut params)])
        } else {
            control::set(fd, which, &mut [ExtControl::int(V4L2_CID_HFLIP, 0)])
        };
        result.map_err(|err| err.source).context("S_EXT_CTRLS")
    }

    /// One picture through the device.
    fn picture(&mut self, n: u32) -> Result<()> {
        let request = self.request.take();
        if let Some(request) = &request {
            self.set_control(request)?;
        }
        let fd = self.device.as_fd();
        let of_request = request.as_ref().map(Request::as_fd);
        video::queue_buffer(fd, OUTPUT, 0, &self.filled, n.into(), of_request)
            .context("QBUF OUTPUT")?;
        if let Some(request) = &request {
            request.queue().context("REQUEST_IOC_QUEUE")?;
        }
        video::queue_buffer(fd, CAPTURE, 0, &self.empty, 0, None).context("QBUF CAPTURE")?;
        // First of all, as clients do, and so that each picture has the same calls.
        self.device.wait(CAPTURE, LIMIT).context("poll")?;
        for queue in [CAPTURE, OUTPUT] {
            let buffer = video::dequeue_buffer(fd, queue)
                .context("DQBUF")?
                .ok_or_else(|| Error::new("no picture within 10 s"))?;
            if is_error(&buffer) {
                return Err(Error::new("a picture came back with an error"));
            }
        }
        if let Some(request) = &request {
            if !request.wait(LIMIT).context("poll of the request")? {
                return Err(Error::new("the request was not completed within 10 s"));
            }
            request.reinit().context("REQUEST_IOC_REINIT")?;
        }
        self.request = request;
        Ok(())
    }
}
