// SPDX-License-Identifier: GPL-2.0

//! Video node ioctls: capability, formats, buffers, streaming.

use super::{
    plain,
    text,
    uapi::*,
    update,
    Plain, //
};
use rustix::io::Errno;
use std::{
    io,
    os::fd::{
        AsRawFd,
        BorrowedFd, //
    },
};

plain!(
    v4l2_capability,
    v4l2_fmtdesc,
    v4l2_frmsizeenum,
    v4l2_format,
    v4l2_pix_format_mplane,
    v4l2_plane_pix_format,
    v4l2_streamparm,
    v4l2_selection,
    v4l2_requestbuffers,
    v4l2_buffer,
    v4l2_plane,
);

/// What QUERYCAP says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// The driver's name.
    pub driver: String,
    /// The device's name.
    pub card: String,
    /// Where it is.
    pub bus_info: String,
    /// The kernel's version, as KERNEL_VERSION() packs it.
    pub version: u32,
    /// V4L2_CAP_* of this node.
    pub device_caps: u32,
}

/// QUERYCAP.
pub fn query_capability(fd: BorrowedFd<'_>) -> io::Result<Capability> {
    let mut arg = v4l2_capability::zeroed();
    // SAFETY: The argument's type is the ioctl's, without pointers.
    unsafe { update::<VIDIOC_QUERYCAP, _>(fd, &mut arg) }?;
    Ok(Capability {
        driver: text(&arg.driver),
        card: text(&arg.card),
        bus_info: text(&arg.bus_info),
        version: arg.version,
        device_caps: if arg.capabilities & V4L2_CAP_DEVICE_CAPS != 0 {
            arg.device_caps
        } else {
            arg.capabilities
        },
    })
}

/// ENUM_FMT: fourcc and description, `None` behind the last.
pub fn enum_format(
    fd: BorrowedFd<'_>,
    queue: u32,
    index: u32,
) -> io::Result<Option<(u32, String)>> {
    let mut arg = v4l2_fmtdesc::zeroed();
    arg.type_ = queue;
    arg.index = index;
    // SAFETY: The argument's type is the ioctl's, without pointers.
    match unsafe { update::<VIDIOC_ENUM_FMT, _>(fd, &mut arg) } {
        Ok(()) => Ok(Some((arg.pixelformat, text(&arg.description)))),
        Err(err) if is_end(&err) => Ok(None),
        Err(err) => Err(err),
    }
}

/// Smallest and largest size and the steps between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeRange {
    /// Width: smallest, largest, step.
    pub width: (u32, u32, u32),
    /// Height: smallest, largest, step.
    pub height: (u32, u32, u32),
}

/// ENUM_FRAMESIZES: `None` behind the last.
pub fn enum_size(fd: BorrowedFd<'_>, fourcc: u32, index: u32) -> io::Result<Option<SizeRange>> {
    let mut arg = v4l2_frmsizeenum::zeroed();
    arg.pixel_format = fourcc;
    arg.index = index;
    // SAFETY: The argument's type is the ioctl's, without pointers.
    match unsafe { update::<VIDIOC_ENUM_FRAMESIZES, _>(fd, &mut arg) } {
        Ok(()) => {}
        Err(err) if is_end(&err) => return Ok(None),
        Err(err) => return Err(err),
    }
    // SAFETY: Both members of the union are made of integers.
    let (discrete, range) =
        unsafe { (arg.__bindgen_anon_1.discrete, arg.__bindgen_anon_1.stepwise) };
    Ok(Some(if arg.type_ == V4L2_FRMSIZE_TYPE_DISCRETE {
        SizeRange {
            width: (discrete.width, discrete.width, 1),
            height: (discrete.height, discrete.height, 1),
        }
    } else {
        SizeRange {
            width: (range.min_width, range.max_width, range.step_width),
            height: (range.min_height, range.max_height, range.step_height),
        }
    }))
}

/// Enumerations end with EINVAL, and are absent with ENOTTY.
fn is_end(err: &io::Error) -> bool {
    let code = err.raw_os_error();
    code == Some(Errno::INVAL.raw_os_error()) || code == Some(Errno::NOTTY.raw_os_error())
}

/// Bytes from line to line and in all of a plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaneFormat {
    /// Bytes from line to line.
    pub bytes_per_line: u32,
    /// Bytes of the plane's buffers.
    pub size_image: u32,
}

/// A multi-planar format. Fields that have no method here are passed on as the
/// driver gave them.
#[derive(Clone, Copy)]
pub struct Format(v4l2_pix_format_mplane);

impl Format {
    /// Width in samples.
    pub fn width(&self) -> u32 {
        self.0.width
    }

    /// Height in samples.
    pub fn height(&self) -> u32 {
        self.0.height
    }

    /// Pixel format.
    pub fn fourcc(&self) -> u32 {
        self.0.pixelformat
    }

    /// Its planes.
    pub fn planes(&self) -> Vec<PlaneFormat> {
        let planes = self.0.plane_fmt;
        planes
            .iter()
            .take(self.0.num_planes.into())
            .map(|plane| PlaneFormat {
                bytes_per_line: plane.bytesperline,
                size_image: plane.sizeimage,
            })
            .collect()
    }

    /// Asks for another pixel format, with the driver's choice of strides and colours
    /// that nobody knows: what a driver answered before would pass for the source's.
    pub fn set(&mut self, fourcc: u32, width: u32, height: u32) {
        self.0.pixelformat = fourcc;
        self.0.width = width;
        self.0.height = height;
        self.0.field = V4L2_FIELD_NONE;
        self.0.colorspace = V4L2_COLORSPACE_DEFAULT;
        self.0.__bindgen_anon_1.ycbcr_enc = V4L2_YCBCR_ENC_DEFAULT as u8;
        self.0.quantization = V4L2_QUANTIZATION_DEFAULT as u8;
        self.0.xfer_func = V4L2_XFER_FUNC_DEFAULT as u8;
        self.0.num_planes = 0;
        self.0.plane_fmt = [Plain::zeroed(); VIDEO_MAX_PLANES];
    }

    /// What the colours are: V4L2_COLORSPACE_*, V4L2_YCBCR_ENC_*,
    /// V4L2_QUANTIZATION_* and V4L2_XFER_FUNC_*.
    pub fn colours(&self) -> [u32; 4] {
        // SAFETY: Both members of the union are integers of one size.
        let encoding = unsafe { self.0.__bindgen_anon_1.ycbcr_enc };
        [
            self.0.colorspace,
            encoding.into(),
            self.0.quantization.into(),
            self.0.xfer_func.into(),
        ]
    }

    /// Says what the colours are, as [`Format::colours`] does.
    pub fn set_colours(&mut self, [space, encoding, quantization, transfer]: [u32; 4]) {
        self.0.colorspace = space;
        self.0.__bindgen_anon_1.ycbcr_enc = encoding as u8;
        self.0.quantization = quantization as u8;
        self.0.xfer_func = transfer as u8;
    }

    /// Asks for lines of so many bytes in the first plane.
    pub fn set_bytes_per_line(&mut self, bytes: u32) {
        self.0.num_planes = self.0.num_planes.max(1);
        let mut planes = self.0.plane_fmt;
        planes[0].bytesperline = bytes;
        self.0.plane_fmt = planes;
    }

    /// Asks for buffers of so many bytes, in a format of one plane.
    pub fn set_size_image(&mut self, size: u32) {
        self.0.num_planes = 1;
        let mut planes = self.0.plane_fmt;
        planes[0].sizeimage = size;
        self.0.plane_fmt = planes;
    }

    /// The kernel's structure.
    pub(super) fn raw(&self) -> v4l2_pix_format_mplane {
        self.0
    }

    /// A format with these planes: bytes of a line, and of the plane.
    #[cfg(test)]
    pub(crate) fn for_test(fourcc: u32, width: u32, height: u32, planes: &[(u32, u32)]) -> Self {
        let mut format = Format(Plain::zeroed());
        format.set(fourcc, width, height);
        let mut plane_fmt = format.0.plane_fmt;
        for (to, &(bytes_per_line, size_image)) in plane_fmt.iter_mut().zip(planes) {
            to.bytesperline = bytes_per_line;
            to.sizeimage = size_image;
        }
        format.0.plane_fmt = plane_fmt;
        format.0.num_planes = planes.len() as u8;
        format
    }
}

/// G_FMT.
pub fn get_format(fd: BorrowedFd<'_>, queue: u32) -> io::Result<Format> {
    let mut arg = v4l2_format::zeroed();
    arg.type_ = queue;
    // SAFETY: The argument's type is the ioctl's, without pointers.
    unsafe { update::<VIDIOC_G_FMT, _>(fd, &mut arg) }?;
    // SAFETY: The member is made of integers, and so is the whole union but for a
    // pointer of overlay formats.
    Ok(Format(unsafe { arg.fmt.pix_mp }))
}

/// S_FMT: what the driver made of `format`.
pub fn set_format(fd: BorrowedFd<'_>, queue: u32, format: Format) -> io::Result<Format> {
    let mut arg = v4l2_format::zeroed();
    arg.type_ = queue;
    arg.fmt.pix_mp = format.0;
    // SAFETY: The argument's type is the ioctl's; formats of a multi-planar queue
    // have no pointers.
    unsafe { update::<VIDIOC_S_FMT, _>(fd, &mut arg) }?;
    // SAFETY: As in `get_format`.
    Ok(Format(unsafe { arg.fmt.pix_mp }))
}

/// TRY_FMT: what the driver would make of `format`.
pub fn try_format(fd: BorrowedFd<'_>, queue: u32, format: Format) -> io::Result<Format> {
    let mut arg = v4l2_format::zeroed();
    arg.type_ = queue;
    arg.fmt.pix_mp = format.0;
    // SAFETY: As in `set_format`.
    unsafe { update::<VIDIOC_TRY_FMT, _>(fd, &mut arg) }?;
    // SAFETY: As in `get_format`.
    Ok(Format(unsafe { arg.fmt.pix_mp }))
}

/// G_PARM: seconds per frame as a fraction.
pub fn frame_interval(fd: BorrowedFd<'_>, queue: u32) -> io::Result<(u32, u32)> {
    let arg = parameters(fd, queue)?;
    // SAFETY: All members of the union are made of integers, and the interval is at
    // the same place in those of both directions.
    let interval = unsafe { arg.parm.output.timeperframe };
    Ok((interval.numerator, interval.denominator))
}

/// G_PARM: V4L2_CAP_* of the queue's parameters.
pub fn parameter_capability(fd: BorrowedFd<'_>, queue: u32) -> io::Result<u32> {
    let arg = parameters(fd, queue)?;
    // SAFETY: As in `frame_interval`; the capability comes before the interval.
    Ok(unsafe { arg.parm.output.capability })
}

fn parameters(fd: BorrowedFd<'_>, queue: u32) -> io::Result<v4l2_streamparm> {
    let mut arg = v4l2_streamparm::zeroed();
    arg.type_ = queue;
    // SAFETY: The argument's type is the ioctl's, without pointers.
    unsafe { update::<VIDIOC_G_PARM, _>(fd, &mut arg) }?;
    Ok(arg)
}

/// S_PARM of an OUTPUT queue: seconds per frame as a fraction, as asked and as
/// the driver made it.
pub fn set_frame_interval(
    fd: BorrowedFd<'_>,
    queue: u32,
    (numerator, denominator): (u32, u32),
) -> io::Result<(u32, u32)> {
    let mut arg = v4l2_streamparm::zeroed();
    arg.type_ = queue;
    arg.parm.output.timeperframe.numerator = numerator;
    arg.parm.output.timeperframe.denominator = denominator;
    // SAFETY: The argument's type is the ioctl's, without pointers.
    unsafe { update::<VIDIOC_S_PARM, _>(fd, &mut arg) }?;
    // SAFETY: All members of the union are made of integers.
    let interval = unsafe { arg.parm.output.timeperframe };
    Ok((interval.numerator, interval.denominator))
}

/// S_SELECTION CROP of an OUTPUT queue: the visible size from the upper left
/// corner, as asked and as the driver made it.
pub fn set_crop(
    fd: BorrowedFd<'_>,
    queue: u32,
    (width, height): (u32, u32),
) -> io::Result<(u32, u32)> {
    let mut arg = v4l2_selection::zeroed();
    arg.type_ = queue;
    arg.target = V4L2_SEL_TGT_CROP;
    arg.r.width = width;
    arg.r.height = height;
    // SAFETY: The argument's type is the ioctl's, without pointers.
    unsafe { update::<VIDIOC_S_SELECTION, _>(fd, &mut arg) }?;
    Ok((arg.r.width, arg.r.height))
}

/// REQBUFS with MMAP buffers: how many there are now.
pub fn request_buffers(fd: BorrowedFd<'_>, queue: u32, count: u32) -> io::Result<u32> {
    let mut arg = v4l2_requestbuffers::zeroed();
    arg.type_ = queue;
    arg.count = count;
    arg.memory = V4L2_MEMORY_MMAP;
    // SAFETY: The argument's type is the ioctl's, without pointers.
    unsafe { update::<VIDIOC_REQBUFS, _>(fd, &mut arg) }?;
    Ok(arg.count)
}

/// Where a plane of a buffer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaneMemory {
    /// What to hand to mmap.
    pub offset: u32,
    /// Bytes there.
    pub length: u32,
}

type Planes = [v4l2_plane; VIDEO_MAX_PLANES];
const VIDEO_MAX_PLANES: usize = 8;

/// A buffer argument whose planes are those given.
pub(super) fn buffer(queue: u32, index: u32, planes: &mut [v4l2_plane]) -> v4l2_buffer {
    let mut arg = v4l2_buffer::zeroed();
    arg.type_ = queue;
    arg.index = index;
    arg.memory = V4L2_MEMORY_MMAP;
    arg.length = planes.len() as u32;
    arg.m.planes = planes.as_mut_ptr();
    arg
}

/// QUERYBUF of a multi-planar MMAP buffer.
pub fn query_buffer(fd: BorrowedFd<'_>, queue: u32, index: u32) -> io::Result<Vec<PlaneMemory>> {
    let mut planes: Planes = [Plain::zeroed(); VIDEO_MAX_PLANES];
    let mut arg = buffer(queue, index, &mut planes);
    // SAFETY: The argument's type is the ioctl's; its planes live until after the
    // call, and it says how many there are.
    unsafe { update::<VIDIOC_QUERYBUF, _>(fd, &mut arg) }?;
    Ok(planes
        .iter()
        .take(arg.length as usize)
        .map(|plane| PlaneMemory {
            // SAFETY: All members of the union are integers.
            offset: unsafe { plane.m.mem_offset },
            length: plane.length,
        })
        .collect())
}

/// QBUF of a multi-planar MMAP buffer with so many bytes in each plane. The
/// timestamp is in microseconds; the driver copies it.
pub fn queue_buffer(
    fd: BorrowedFd<'_>,
    queue: u32,
    index: u32,
    bytes_used: &[u32],
    timestamp: u64,
    request: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let mut planes: Planes = [Plain::zeroed(); VIDEO_MAX_PLANES];
    for (plane, &bytes) in planes.iter_mut().zip(bytes_used) {
        plane.bytesused = bytes;
    }
    let mut arg = buffer(queue, index, &mut planes[..bytes_used.len()]);
    arg.field = V4L2_FIELD_NONE;
    arg.timestamp.tv_sec = (timestamp / 1_000_000) as _;
    arg.timestamp.tv_usec = (timestamp % 1_000_000) as _;
    if let Some(request) = request {
        arg.flags |= V4L2_BUF_FLAG_REQUEST_FD;
        arg.__bindgen_anon_1.request_fd = request.as_raw_fd();
    }
    // SAFETY: The argument's type is the ioctl's; its planes live until after the
    // call, and it says how many there are.
    unsafe { update::<VIDIOC_QBUF, _>(fd, &mut arg) }
}

/// A buffer that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dequeued {
    /// Which one.
    pub index: u32,
    /// V4L2_BUF_FLAG_*.
    pub flags: u32,
    /// Counted by the driver.
    pub sequence: u32,
    /// In microseconds, of the OUTPUT buffer it was made from.
    pub timestamp: u64,
    /// Bytes in each plane.
    pub bytes_used: Vec<u32>,
}

/// DQBUF of a multi-planar MMAP buffer: `None` when there is none, with a node
/// that does not block.
pub fn dequeue_buffer(fd: BorrowedFd<'_>, queue: u32) -> io::Result<Option<Dequeued>> {
    let mut planes: Planes = [Plain::zeroed(); VIDEO_MAX_PLANES];
    let mut arg = buffer(queue, 0, &mut planes);
    // SAFETY: The argument's type is the ioctl's; its planes live until after the
    // call, and it says how many there are.
    match unsafe { update::<VIDIOC_DQBUF, _>(fd, &mut arg) } {
        Ok(()) => {}
        Err(err) if err.kind() == io::ErrorKind::WouldBlock => return Ok(None),
        Err(err) => return Err(err),
    }
    Ok(Some(Dequeued {
        index: arg.index,
        flags: arg.flags,
        sequence: arg.sequence,
        timestamp: (arg.timestamp.tv_sec as u64)
            .wrapping_mul(1_000_000)
            .wrapping_add(arg.timestamp.tv_usec as u64),
        bytes_used: planes
            .iter()
            .take(arg.length as usize)
            .map(|plane| plane.bytesused)
            .collect(),
    }))
}

/// STREAMON.
pub fn stream_on(fd: BorrowedFd<'_>, queue: u32) -> io::Result<()> {
    let mut arg = queue as i32;
    // SAFETY: The ioctl takes a pointer to an int.
    unsafe { update::<VIDIOC_STREAMON, _>(fd, &mut arg) }
}

/// STREAMOFF.
pub fn stream_off(fd: BorrowedFd<'_>, queue: u32) -> io::Result<()> {
    let mut arg = queue as i32;
    // SAFETY: The ioctl takes a pointer to an int.
    unsafe { update::<VIDIOC_STREAMOFF, _>(fd, &mut arg) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_keep_what_they_are_told() {
        let mut format = Format(Plain::zeroed());
        format.set(V4L2_PIX_FMT_H264_SLICE, 1920, 1080);
        format.set_size_image(4 << 20);
        assert_eq!((format.width(), format.height()), (1920, 1080));
        assert_eq!(format.fourcc(), u32::from_le_bytes(*b"S264"));
        assert_eq!(
            format.planes(),
            [PlaneFormat {
                bytes_per_line: 0,
                size_image: 4 << 20
            }]
        );
    }
}
