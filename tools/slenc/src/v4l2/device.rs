// SPDX-License-Identifier: GPL-2.0

//! A stateless H.264 encoder's video node.

use super::{
    controls,
    media::{
        node_number,
        nodes,
        open_error,
        open_node,
        MediaDevice, //
    },
    request::wait_for,
    sys::video::{
        self,
        Capability,
        SizeRange, //
    },
    uapi::*,
};
use crate::error::{
    Context,
    Error,
    Result, //
};
use rustix::event::PollFlags;
use std::{
    fs::File,
    io,
    os::fd::{
        AsFd,
        BorrowedFd, //
    },
    path::{
        Path,
        PathBuf, //
    },
    time::Duration,
};

/// Queue of raw pictures.
pub const OUTPUT: u32 = V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE;
/// Queue of coded pictures.
pub const CAPTURE: u32 = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;

/// This project's driver, preferred among others.
const DRIVER: &str = "slenc";

/// A pixel format of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatInfo {
    /// Its code.
    pub fourcc: u32,
    /// What the kernel calls it.
    pub description: String,
}

/// An open video node.
#[derive(Debug)]
pub struct Device {
    path: PathBuf,
    file: File,
    capability: Capability,
}

impl Device {
    /// Opens a node that is a V4L2 device.
    pub fn open(path: &Path) -> Result<Self> {
        let file = open_node(path).map_err(|err| open_error(path, &err))?;
        let capability = video::query_capability(file.as_fd()).map_err(|err| {
            Error::new(format!("{} is not a V4L2 device: {err}", path.display()))
                .remedy("see the devices there are with \"slenc info\"")
        })?;
        Ok(Self {
            path: path.to_owned(),
            file,
            capability,
        })
    }

    /// Opens a stateless H.264 encoder, and says why when it is something else.
    pub fn open_encoder(path: &Path) -> Result<Self> {
        let device = Self::open(path)?;
        match device.missing() {
            None => Ok(device),
            Some(reason) => Err(Error::new(format!(
                "{} ({}) is not a stateless H.264 encoder: {reason}",
                path.display(),
                device.capability.card
            ))
            .remedy("see the encoders there are with \"slenc info\"")),
        }
    }

    /// Where its node is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says about itself.
    pub fn capability(&self) -> &Capability {
        &self.capability
    }

    /// What it lacks of a stateless H.264 encoder.
    pub fn missing(&self) -> Option<&'static str> {
        let needed = V4L2_CAP_VIDEO_M2M_MPLANE | V4L2_CAP_STREAMING;
        if self.capability.device_caps & needed != needed {
            return Some("it is no multi-planar memory-to-memory device");
        }
        let formats = self.formats(CAPTURE).unwrap_or_default();
        if !formats
            .iter()
            .any(|format| format.fourcc == V4L2_PIX_FMT_H264_SLICE)
        {
            return Some("it does not capture H.264 slices (S264)");
        }
        let size = size_of::<v4l2_ctrl_h264_encode_params>() as u32;
        match controls::find(self, V4L2_CID_STATELESS_H264_ENCODE_PARAMS) {
            Some(control) if control.size == Some(size) => None,
            Some(_) => Some("its encode parameters have another layout"),
            None => Some("it has no control for encode parameters"),
        }
    }

    /// The formats of a queue.
    pub fn formats(&self, queue: u32) -> Result<Vec<FormatInfo>> {
        let mut found = Vec::new();
        // The count is bounded against a driver that never ends.
        for index in 0..256 {
            match video::enum_format(self.as_fd(), queue, index)
                .context(format!("formats of {}", self.path.display()))?
            {
                Some((fourcc, description)) => found.push(FormatInfo {
                    fourcc,
                    description,
                }),
                None => break,
            }
        }
        Ok(found)
    }

    /// The sizes of a format.
    pub fn sizes(&self, fourcc: u32) -> Result<Vec<SizeRange>> {
        let mut found = Vec::new();
        for index in 0..256 {
            match video::enum_size(self.as_fd(), fourcc, index)
                .context(format!("sizes of {}", self.path.display()))?
            {
                Some(range) => found.push(range),
                None => break,
            }
        }
        Ok(found)
    }

    /// Waits until a buffer of a queue can be taken back: false when the time is
    /// over.
    pub fn wait(&self, queue: u32, timeout: Duration) -> io::Result<bool> {
        let events = match queue {
            CAPTURE => PollFlags::IN,
            _ => PollFlags::OUT,
        };
        wait_for(self.as_fd(), events, timeout)
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// The video nodes that may be encoders: those the media controller says are,
/// then the rest.
pub fn candidates() -> Vec<PathBuf> {
    let encoders: Vec<(u32, u32)> = nodes("media")
        .iter()
        .filter_map(|path| MediaDevice::open(path).ok())
        .flat_map(|media| media.encoder_nodes())
        .collect();
    let is_encoder = |path: &PathBuf| node_number(path).is_ok_and(|n| encoders.contains(&n));
    let (mut first, rest): (Vec<_>, Vec<_>) = nodes("video").into_iter().partition(is_encoder);
    first.extend(rest);
    first
}

/// Finds a stateless H.264 encoder, this project's driver first.
pub fn find_encoder() -> Result<Device> {
    let mut other = None;
    let mut denied = None;
    for path in candidates() {
        match open_node(&path) {
            Ok(_) => {}
            Err(err) if err.kind() == io::ErrorKind::PermissionDenied => {
                denied.get_or_insert_with(|| open_error(&path, &err));
                continue;
            }
            Err(_) => continue,
        }
        let Ok(device) = Device::open_encoder(&path) else {
            continue;
        };
        if device.capability.driver == DRIVER {
            return Ok(device);
        }
        other.get_or_insert(device);
    }
    match (other, denied) {
        (Some(device), _) => Ok(device),
        (None, Some(denied)) => Err(denied),
        (None, None) => Err(Error::new("no stateless H.264 encoder found").remedy(
            "load the driver (modprobe slenc) and check that the hardware is there (lspci -d 1af4:10f0)",
        )),
    }
}
