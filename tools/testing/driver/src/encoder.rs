// SPDX-License-Identifier: GPL-2.0

//! An encoder as the tests use it: call by call, with the errors of each.

use crate::{
    expect::{
        ensure,
        equal, //
    },
    rig::STEP, //
};
use slenc::{
    error::{
        Context,
        Error,
        Result, //
    },
    h264::{
        self,
        Gop, //
    },
    v4l2::{
        device::{
            find_encoder,
            Device,
            CAPTURE,
            OUTPUT, //
        },
        media::{
            self,
            MediaDevice, //
        },
        queue::is_error,
        request::Request,
        sys::{
            control::{
                self,
                ControlError,
                ExtControl,
                Which, //
            },
            mapping::Mapping,
            video::{
                self,
                Dequeued, //
            },
            Plain,
        },
        uapi::*,
    },
};
use std::{
    io,
    os::fd::AsFd,
    time::Duration, //
};

/// Parameters of one picture.
pub(crate) type Params = v4l2_ctrl_h264_encode_params;
/// How a picture was coded.
pub(crate) type Stats = v4l2_ctrl_stateless_enc_stats;

/// Size of the pictures, unless a test wants another.
pub(crate) const SIZE: (u32, u32) = (176, 144);
/// Buffers of each queue.
pub(crate) const BUFFERS: u32 = 4;

/// An open video node and its media device.
pub(crate) struct Encoder {
    pub(crate) video: Device,
    pub(crate) media: MediaDevice,
}

/// Parameters of an IDR picture.
pub(crate) fn idr() -> Params {
    Gop::new(0).next_picture()
}

/// Parameters of the P picture after an IDR picture.
pub(crate) fn predicted() -> Params {
    let mut gop = Gop::new(0);
    gop.next_picture();
    gop.next_picture()
}

impl Encoder {
    /// Opens the first encoder.
    pub(crate) fn open() -> Result<Self> {
        let video = find_encoder()?;
        let media = media::of_node(video.path())?;
        Ok(Self { video, media })
    }

    /// Opens it, and allocates NV12 buffers that are streaming, with parameter sets.
    pub(crate) fn streaming() -> Result<Self> {
        let encoder = Self::open()?;
        encoder.set_format(V4L2_PIX_FMT_NV12, SIZE)?;
        encoder.allocate(BUFFERS)?;
        encoder.set_parameter_sets(SIZE)?;
        encoder.start()?;
        Ok(encoder)
    }

    /// Sets both formats.
    pub(crate) fn set_format(&self, fourcc: u32, (width, height): (u32, u32)) -> Result<()> {
        let fd = self.video.as_fd();
        let mut raw = video::get_format(fd, OUTPUT).context("G_FMT OUTPUT")?;
        raw.set(fourcc, width, height);
        let raw = video::set_format(fd, OUTPUT, raw).context("S_FMT OUTPUT")?;
        equal(
            "S_FMT OUTPUT",
            (raw.fourcc(), raw.width(), raw.height()),
            (fourcc, width, height),
        )
    }

    /// Allocates MMAP buffers on both queues.
    pub(crate) fn allocate(&self, count: u32) -> Result<()> {
        for queue in [OUTPUT, CAPTURE] {
            let given = video::request_buffers(self.video.as_fd(), queue, count)
                .context(format!("REQBUFS of {count} on queue {queue}"))?;
            equal("REQBUFS", given, count)?;
        }
        Ok(())
    }

    /// Sets the SPS and the PPS of the file.
    pub(crate) fn set_parameter_sets(&self, (width, height): (u32, u32)) -> Result<()> {
        let mut sps = h264::sps(width, height, (25, 1));
        let mut pps = h264::pps();
        self.set(&mut [
            ExtControl::compound(V4L2_CID_STATELESS_H264_SPS, &mut sps),
            ExtControl::compound(V4L2_CID_STATELESS_H264_PPS, &mut pps),
        ])
        .map_err(|err| Error::new(format!("SPS and PPS: {}", err.source)))
    }

    /// STREAMON of both queues.
    pub(crate) fn start(&self) -> Result<()> {
        for queue in [OUTPUT, CAPTURE] {
            video::stream_on(self.video.as_fd(), queue).context(format!("STREAMON {queue}"))?;
        }
        Ok(())
    }

    /// STREAMOFF of both queues.
    pub(crate) fn stop(&self) -> Result<()> {
        for queue in [OUTPUT, CAPTURE] {
            video::stream_off(self.video.as_fd(), queue).context(format!("STREAMOFF {queue}"))?;
        }
        Ok(())
    }

    /// Sets controls of the file.
    pub(crate) fn set(
        &self,
        controls: &mut [ExtControl<'_>],
    ) -> std::result::Result<(), ControlError> {
        control::set(self.video.as_fd(), Which::Current, controls)
    }

    /// Rate control with a constant rate, of 2 Mbit/s.
    pub(crate) fn set_constant_rate(&self) -> Result<()> {
        let mode = V4L2_MPEG_VIDEO_BITRATE_MODE_CBR as i32;
        self.set(&mut [
            ExtControl::int(V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, 1),
            ExtControl::int(V4L2_CID_MPEG_VIDEO_BITRATE_MODE, mode),
            ExtControl::int(V4L2_CID_MPEG_VIDEO_BITRATE, 2_000_000),
        ])
        .map_err(|err| err.source)
        .context("rate control")
    }

    /// Reads an integer control of the file.
    pub(crate) fn value(&self, id: u32) -> Result<i32> {
        let mut controls = [ExtControl::int(id, 0)];
        control::get(self.video.as_fd(), Which::Current, &mut controls)
            .map_err(|err| Error::new(format!("reading control {id:#x}: {}", err.source)))?;
        Ok(controls[0].value())
    }

    /// Whether the hardware codes Main profile, with CABAC.
    pub(crate) fn codes_main(&self) -> bool {
        self.codes(V4L2_MPEG_VIDEO_H264_PROFILE_MAIN)
    }

    /// Whether the hardware codes High profile, with the 8x8 transform.
    pub(crate) fn codes_high(&self) -> bool {
        self.codes(V4L2_MPEG_VIDEO_H264_PROFILE_HIGH)
    }

    fn codes(&self, profile: u32) -> bool {
        control::menu_item(
            self.video.as_fd(),
            V4L2_CID_MPEG_VIDEO_H264_PROFILE,
            profile,
        )
        .is_ok()
    }

    /// Reads a compound control.
    pub(crate) fn compound<T: Plain>(
        &self,
        which: Which<'_>,
        id: u32,
    ) -> std::result::Result<T, ControlError> {
        let mut payload = T::zeroed();
        let mut controls = [ExtControl::compound(id, &mut payload)];
        control::get(self.video.as_fd(), which, &mut controls)?;
        Ok(payload)
    }

    /// Reads the statistics of a completed request.
    pub(crate) fn stats(&self, request: &Request) -> std::result::Result<Stats, ControlError> {
        self.compound(
            Which::Request(request.as_fd()),
            V4L2_CID_STATELESS_ENC_STATS,
        )
    }

    /// Allocates a request.
    pub(crate) fn request(&self) -> Result<Request> {
        Request::new(self.media.as_fd()).context("REQUEST_ALLOC")
    }

    /// Puts the parameters of a picture into a request.
    pub(crate) fn set_params(
        &self,
        request: &Request,
        params: &Params,
    ) -> std::result::Result<(), ControlError> {
        let mut params = *params;
        control::set(
            self.video.as_fd(),
            Which::Request(request.as_fd()),
            &mut [ExtControl::compound(
                V4L2_CID_STATELESS_H264_ENCODE_PARAMS,
                &mut params,
            )],
        )
    }

    /// QBUF of a whole NV12 source.
    pub(crate) fn queue_source(
        &self,
        index: u32,
        timestamp: u64,
        request: Option<&Request>,
    ) -> io::Result<()> {
        let fd = self.video.as_fd();
        let size = video::get_format(fd, OUTPUT)?.planes()[0].size_image;
        let request = request.map(AsFd::as_fd);
        video::queue_buffer(fd, OUTPUT, index, &[size], timestamp, request)
    }

    /// QBUF of an empty CAPTURE buffer.
    pub(crate) fn queue_coded(&self, index: u32) -> io::Result<()> {
        video::queue_buffer(self.video.as_fd(), CAPTURE, index, &[0], 0, None)
    }

    /// DQBUF, waiting for it.
    pub(crate) fn dequeue(&self, queue: u32) -> Result<Dequeued> {
        let what = format!("DQBUF on queue {queue}");
        let ready = self.video.wait(queue, STEP).context(&what)?;
        ensure!(ready, "{what}: nothing within {} s", STEP.as_secs());
        video::dequeue_buffer(self.video.as_fd(), queue)
            .context(&what)?
            .ok_or_else(|| Error::new(format!("{what}: poll said there is one")))
    }

    /// Maps plane 0 of a buffer.
    pub(crate) fn map(&self, queue: u32, index: u32) -> Result<Mapping> {
        let fd = self.video.as_fd();
        let planes = video::query_buffer(fd, queue, index).context("QUERYBUF")?;
        Mapping::new(fd, planes[0].offset.into(), planes[0].length as usize).context("mmap")
    }

    /// Hands a picture in buffers `index` to the driver, in a request.
    pub(crate) fn submit(&self, request: &Request, index: u32, params: &Params) -> Result<()> {
        self.set_params(request, params)
            .map_err(|err| Error::new(format!("ENCODE_PARAMS: {}", err.source)))?;
        self.queue_source(index, u64::from(index), Some(request))
            .context("QBUF OUTPUT")?;
        self.queue_coded(index).context("QBUF CAPTURE")?;
        request.queue().context("REQUEST_IOC_QUEUE")
    }

    /// Takes back what `submit` handed over, of the oldest picture.
    pub(crate) fn complete(&self, request: &Request) -> Result<Dequeued> {
        wait_completed(request)?;
        // A request that is completed has its buffers done.
        let coded = video::dequeue_buffer(self.video.as_fd(), CAPTURE)
            .context("DQBUF CAPTURE")?
            .ok_or_else(|| Error::new("the request is completed, its CAPTURE buffer is not"))?;
        video::dequeue_buffer(self.video.as_fd(), OUTPUT)
            .context("DQBUF OUTPUT")?
            .ok_or_else(|| Error::new("the request is completed, its OUTPUT buffer is not"))?;
        Ok(coded)
    }

    /// Encodes a picture, and expects it to be good.
    pub(crate) fn encode(&self, request: &Request, params: &Params) -> Result<Dequeued> {
        self.submit(request, 0, params)?;
        let coded = self.complete(request)?;
        ensure!(!is_error(&coded), "a good picture came back with an error");
        ensure!(coded.bytes_used[0] > 0, "a good picture came back empty");
        Ok(coded)
    }

    /// Encodes a picture, and expects it to fail.
    pub(crate) fn encode_fails(&self, request: &Request, params: &Params) -> Result<Dequeued> {
        self.submit(request, 0, params)?;
        let coded = self.complete(request)?;
        ensure!(is_error(&coded), "a bad picture came back without an error");
        Ok(coded)
    }

    /// Reads what a CAPTURE buffer holds.
    pub(crate) fn content(&self, coded: &Dequeued) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mapping = self.map(CAPTURE, coded.index)?;
        mapping.read(0, coded.bytes_used[0] as usize, &mut bytes);
        Ok(bytes)
    }
}

/// Waits for POLLPRI of a request.
pub(crate) fn wait_completed(request: &Request) -> Result<()> {
    let done = request.wait(STEP).context("POLLPRI of a request")?;
    ensure!(
        done,
        "a request is not completed within {} s",
        STEP.as_secs()
    );
    Ok(())
}

/// Whether a request is completed now.
pub(crate) fn is_completed(request: &Request) -> bool {
    request.wait(Duration::ZERO).unwrap_or(false)
}

/// Encodes two pictures with a device that was just opened.
pub(crate) fn encodes() -> Result<()> {
    let encoder = Encoder::streaming()?;
    let request = encoder.request()?;
    encoder.encode(&request, &idr())?;
    request.reinit().context("REINIT")?;
    encoder.encode(&request, &predicted())?;
    encoder.stop()
}

/// The nal_unit_type of each NAL unit of an Annex B stream.
pub(crate) fn nal_types(stream: &[u8]) -> Vec<u8> {
    stream
        .windows(4)
        .filter(|bytes| bytes[..3] == [0, 0, 1])
        .map(|bytes| bytes[3] & 0x1f)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nal_units_are_found() {
        let stream = [0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 0, 0, 1, 0x65, 9];
        assert_eq!(nal_types(&stream), [7, 8, 5]);
        assert!(nal_types(&[0, 0]).is_empty());
    }
}
