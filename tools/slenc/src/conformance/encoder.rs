// SPDX-License-Identifier: GPL-2.0

//! An encoder as the tests use it: call by call, with the errors of each.

use super::expect::{
    ensure,
    equal,
    fail,
    unsupported,
    Outcome, //
};
use crate::{
    error::{
        Context,
        Error,
        Result, //
    },
    v4l2::{
        controls::{
            self,
            Control, //
        },
        device::{
            Device,
            CAPTURE,
            OUTPUT, //
        },
        fourcc_name,
        media::{
            self,
            MediaDevice, //
        },
        request::Request,
        sys::{
            buffers,
            control::{
                self,
                ControlError,
                ExtControl,
                Which, //
            },
            mapping::Mapping,
            video::{
                self,
                Dequeued,
                Format,
                SizeRange, //
            },
            Plain,
        },
        uapi::*,
    },
};
use rustix::io::Errno;
use std::{
    io,
    os::fd::AsFd,
    path::{
        Path,
        PathBuf, //
    },
    time::Duration,
};

/// Parameters of one picture.
pub(super) type Params = v4l2_ctrl_h264_encode_params;

/// How long anything may take that does not wait on purpose.
pub(super) const STEP: Duration = Duration::from_secs(20);

/// Size of the pictures, unless a test wants another, or the encoder cannot.
pub(super) const SIZE: (u32, u32) = (176, 144);

/// The device under test.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Its video node.
    pub(super) path: PathBuf,
}

/// An open video node.
pub(super) struct Encoder {
    /// The node.
    pub(super) video: Device,
    /// Its media device, where requests come from.
    pub(super) media: MediaDevice,
}

/// The value nearest to `wanted` in a range with a step.
fn nearest(wanted: u32, (min, max, step): (u32, u32, u32)) -> u32 {
    let step = step.max(1);
    let wanted = wanted.clamp(min, max.max(min));
    wanted - (wanted - min) % step
}

impl Encoder {
    /// Opens it.
    pub(super) fn open(target: &Target) -> Result<Self> {
        Self::open_path(&target.path)
    }

    fn open_path(path: &Path) -> Result<Self> {
        let video = Device::open(path)?;
        let media = media::of_node(path)?;
        Ok(Self { video, media })
    }

    /// Another open file of the same node.
    pub(super) fn another(&self) -> Result<Self> {
        Self::open_path(self.video.path())
    }

    /// The raw formats.
    pub(super) fn raw_formats(&self) -> Result<Vec<u32>> {
        let formats = self.video.formats(OUTPUT)?;
        Ok(formats.iter().map(|format| format.fourcc).collect())
    }

    /// The first raw format.
    pub(super) fn raw_format(&self) -> Result<u32> {
        self.raw_formats()?
            .first()
            .copied()
            .ok_or_else(|| Error::new("OUTPUT has no format"))
    }

    /// The range of sizes of a format; the first one if there are several.
    pub(super) fn sizes(&self, fourcc: u32) -> Result<SizeRange> {
        self.video.sizes(fourcc)?.first().copied().ok_or_else(|| {
            Error::new(format!(
                "VIDIOC_ENUM_FRAMESIZES has no size of {}",
                fourcc_name(fourcc)
            ))
        })
    }

    /// The supported size that is nearest to one.
    pub(super) fn size_near(&self, (width, height): (u32, u32)) -> Result<(u32, u32)> {
        let range = self.sizes(self.raw_format()?)?;
        Ok((nearest(width, range.width), nearest(height, range.height)))
    }

    /// G_FMT.
    pub(super) fn format(&self, queue: u32) -> Result<Format> {
        video::get_format(self.video.as_fd(), queue).context("VIDIOC_G_FMT")
    }

    /// S_FMT.
    pub(super) fn set_format(&self, queue: u32, format: Format) -> io::Result<Format> {
        video::set_format(self.video.as_fd(), queue, format)
    }

    /// An OUTPUT format of this size, with colours that nobody knows.
    pub(super) fn raw(&self, fourcc: u32, (width, height): (u32, u32)) -> Result<Format> {
        let mut format = self.format(OUTPUT)?;
        format.set(fourcc, width, height);
        Ok(format)
    }

    /// Sets the first raw format with a size that the encoder has, and checks that it
    /// is kept.
    pub(super) fn set_size(&self, (width, height): (u32, u32)) -> Outcome {
        let raw = self.raw(self.raw_format()?, (width, height))?;
        let set = self
            .set_format(OUTPUT, raw)
            .context("VIDIOC_S_FMT on OUTPUT")?;
        equal(
            "the size of OUTPUT",
            (set.width(), set.height()),
            (width, height),
        )
    }

    /// Allocates MMAP buffers on both queues.
    pub(super) fn allocate(&self, count: u32) -> Outcome {
        for queue in [OUTPUT, CAPTURE] {
            let given = video::request_buffers(self.video.as_fd(), queue, count)
                .context("VIDIOC_REQBUFS")?;
            ensure!(given >= count, "VIDIOC_REQBUFS of {count} gives {given}");
        }
        Ok(())
    }

    /// Frees the buffers of both queues.
    pub(super) fn free(&self) -> Result<()> {
        for queue in [OUTPUT, CAPTURE] {
            video::request_buffers(self.video.as_fd(), queue, 0).context("VIDIOC_REQBUFS of 0")?;
        }
        Ok(())
    }

    /// STREAMON.
    pub(super) fn stream_on(&self, queue: u32) -> Result<()> {
        video::stream_on(self.video.as_fd(), queue).context("VIDIOC_STREAMON")
    }

    /// STREAMOFF.
    pub(super) fn stream_off(&self, queue: u32) -> Result<()> {
        video::stream_off(self.video.as_fd(), queue).context("VIDIOC_STREAMOFF")
    }

    /// STREAMON of both queues.
    pub(super) fn start(&self) -> Result<()> {
        self.stream_on(OUTPUT)?;
        self.stream_on(CAPTURE)
    }

    /// STREAMOFF of both queues.
    pub(super) fn stop(&self) -> Result<()> {
        self.stream_off(OUTPUT)?;
        self.stream_off(CAPTURE)
    }

    /// V4L2_BUF_CAP_* of a queue without buffers.
    pub(super) fn buffer_capabilities(&self, queue: u32) -> Result<u32> {
        let fd = self.video.as_fd();
        let answer =
            buffers::request(fd, queue, V4L2_MEMORY_MMAP, 0).context("VIDIOC_REQBUFS of 0")?;
        Ok(answer.capabilities)
    }

    /// Ends the test unless the node takes OUTPUT buffers without a request.
    pub(super) fn need_plain_buffers(&self) -> Outcome {
        let other = self.another()?;
        other.set_size(other.size_near(SIZE)?)?;
        video::request_buffers(other.video.as_fd(), OUTPUT, 1).context("VIDIOC_REQBUFS")?;
        match other.queue_source(0, 0, None) {
            Err(err) if err.raw_os_error() == Some(Errno::BADR.raw_os_error()) => {
                unsupported("OUTPUT requires requests")
            }
            result => Ok(result.context("VIDIOC_QBUF without a request")?),
        }
    }

    /// A control, if there is one.
    pub(super) fn control(&self, id: u32) -> Option<Control> {
        controls::find(&self.video, id)
    }

    /// A control that the driver has to have.
    pub(super) fn has_control(&self, id: u32) -> Outcome<Control> {
        match self.control(id) {
            Some(control) => Ok(control),
            None => fail(format!("there is no control {id:#010x}")),
        }
    }

    /// A control that the driver may lack.
    pub(super) fn need_control(&self, id: u32) -> Outcome<Control> {
        match self.control(id) {
            Some(control) => Ok(control),
            None => unsupported(format!("there is no control {id:#010x}")),
        }
    }

    /// Sets controls of the file.
    pub(super) fn set(
        &self,
        controls: &mut [ExtControl<'_>],
    ) -> std::result::Result<(), ControlError> {
        control::set(self.video.as_fd(), Which::Current, controls)
    }

    /// Sets an integer control of the file.
    pub(super) fn set_value(&self, id: u32, value: i32) -> Result<()> {
        self.set(&mut [ExtControl::int(id, value)]).map_err(|err| {
            Error::new(format!(
                "setting control {id:#x} to {value}: {}",
                err.source
            ))
        })
    }

    /// Reads an integer control of the file.
    pub(super) fn value(&self, id: u32) -> Result<i32> {
        self.value_of(Which::Current, id)
    }

    /// Reads an integer control.
    pub(super) fn value_of(&self, which: Which<'_>, id: u32) -> Result<i32> {
        let mut controls = [ExtControl::int(id, 0)];
        control::get(self.video.as_fd(), which, &mut controls)
            .map_err(|err| Error::new(format!("reading control {id:#x}: {}", err.source)))?;
        Ok(controls[0].value())
    }

    /// Sets a compound control of the file.
    pub(super) fn set_compound<T: Plain>(&self, id: u32, payload: &T) -> io::Result<()> {
        let mut payload = *payload;
        self.set(&mut [ExtControl::compound(id, &mut payload)])
            .map_err(|err| err.source)
    }

    /// Reads a compound control.
    pub(super) fn compound<T: Plain>(&self, which: Which<'_>, id: u32) -> Result<T> {
        let mut payload = T::zeroed();
        let mut controls = [ExtControl::compound(id, &mut payload)];
        control::get(self.video.as_fd(), which, &mut controls)
            .map_err(|err| Error::new(format!("reading control {id:#x}: {}", err.source)))?;
        Ok(payload)
    }

    /// The SPS and PPS of the file.
    pub(super) fn parameter_sets(&self) -> Result<(v4l2_ctrl_h264_sps, v4l2_ctrl_h264_pps)> {
        Ok((
            self.compound(Which::Current, V4L2_CID_STATELESS_H264_SPS)?,
            self.compound(Which::Current, V4L2_CID_STATELESS_H264_PPS)?,
        ))
    }

    /// Sets the SPS of the file.
    pub(super) fn set_sps(&self, sps: &v4l2_ctrl_h264_sps) -> Result<()> {
        self.set_compound(V4L2_CID_STATELESS_H264_SPS, sps)
            .context("setting the SPS")
    }

    /// Sets the PPS of the file.
    pub(super) fn set_pps(&self, pps: &v4l2_ctrl_h264_pps) -> Result<()> {
        self.set_compound(V4L2_CID_STATELESS_H264_PPS, pps)
            .context("setting the PPS")
    }

    /// Sets the encode parameters of the file.
    pub(super) fn set_params(&self, params: &Params) -> Result<()> {
        self.set_compound(V4L2_CID_STATELESS_H264_ENCODE_PARAMS, params)
            .context("setting encode parameters")
    }

    /// Allocates a request.
    pub(super) fn request(&self) -> Result<Request> {
        Request::new(self.media.as_fd()).context("MEDIA_IOC_REQUEST_ALLOC")
    }

    /// Sets controls of a request.
    pub(super) fn set_in(&self, request: &Request, controls: &mut [ExtControl<'_>]) -> Result<()> {
        control::set(
            self.video.as_fd(),
            Which::Request(request.as_fd()),
            controls,
        )
        .map_err(|err| Error::new(format!("setting controls of a request: {}", err.source)))
    }

    /// QBUF of a whole source.
    pub(super) fn queue_source(
        &self,
        index: u32,
        timestamp: u64,
        request: Option<&Request>,
    ) -> io::Result<()> {
        let fd = self.video.as_fd();
        let planes = video::get_format(fd, OUTPUT)?.planes();
        let sizes: Vec<_> = planes.iter().map(|plane| plane.size_image).collect();
        video::queue_buffer(
            fd,
            OUTPUT,
            index,
            &sizes,
            timestamp,
            request.map(AsFd::as_fd),
        )
    }

    /// QBUF of an empty CAPTURE buffer.
    pub(super) fn queue_coded(&self, index: u32) -> io::Result<()> {
        video::queue_buffer(self.video.as_fd(), CAPTURE, index, &[0], 0, None)
    }

    /// DQBUF, without waiting.
    pub(super) fn dequeue_now(&self, queue: u32) -> io::Result<Option<Dequeued>> {
        video::dequeue_buffer(self.video.as_fd(), queue)
    }

    /// DQBUF, waiting for it.
    pub(super) fn dequeue(&self, queue: u32) -> Outcome<Dequeued> {
        let what = format!("VIDIOC_DQBUF on {}", queue_name(queue));
        let ready = self.video.wait(queue, STEP).context(&what)?;
        ensure!(ready, "{what} has no buffer within {} s", STEP.as_secs());
        match self.dequeue_now(queue).context(&what)? {
            Some(buffer) => Ok(buffer),
            None => fail(format!("{what} has no buffer, and poll() said that it has")),
        }
    }

    /// Maps the planes of a buffer.
    pub(super) fn map(&self, queue: u32, index: u32) -> Result<Vec<Mapping>> {
        let fd = self.video.as_fd();
        video::query_buffer(fd, queue, index)
            .context("VIDIOC_QUERYBUF")?
            .iter()
            .map(|plane| {
                Mapping::new(fd, plane.offset.into(), plane.length as usize).context("mmap()")
            })
            .collect()
    }
}

/// OUTPUT or CAPTURE.
pub(super) fn queue_name(queue: u32) -> &'static str {
    match queue {
        OUTPUT => "OUTPUT",
        _ => "CAPTURE",
    }
}

/// Waits for POLLPRI of a request.
pub(super) fn wait_completed(request: &Request) -> Outcome {
    let done = request.wait(STEP).context("poll() of a request")?;
    ensure!(
        done,
        "a request does not complete within {} s",
        STEP.as_secs()
    );
    Ok(())
}

/// Whether a request is completed now. One that is not queued has nothing to wait for.
pub(super) fn is_completed(request: &Request) -> bool {
    request.wait(Duration::ZERO).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_on_the_grid() {
        assert_eq!(nearest(176, (16, 1920, 2)), 176);
        assert_eq!(nearest(177, (16, 1920, 2)), 176);
        assert_eq!(nearest(176, (144, 1920, 8)), 176);
        assert_eq!(nearest(8, (16, 1920, 2)), 16);
        assert_eq!(nearest(9999, (16, 1920, 16)), 1920);
        assert_eq!(nearest(64, (176, 176, 0)), 176);
    }
}
