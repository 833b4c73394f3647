// SPDX-License-Identifier: GPL-2.0

//! An encoder set up for one video: pictures go in, coded pictures come out, in
//! the same order, several of them under way.

use crate::{
    cli::QpPair,
    error::{
        Context,
        Error,
        Result, //
    },
    h264::{
        self,
        Layer, //
    },
    input::Video,
    picture::Layout,
    rate::Setting,
    stats::Stats,
    v4l2::{
        controls,
        device::{
            Device,
            CAPTURE,
            OUTPUT, //
        },
        fourcc_name, media,
        queue::{
            is_error,
            Queue, //
        },
        request::Request,
        sys::{
            control::{
                ExtControl,
                Which, //
            },
            video, Plain,
        },
        uapi::*,
    },
};
use std::{
    collections::VecDeque,
    io,
    os::fd::AsFd,
    time::Duration, //
};

/// How long a picture may take. Drivers have watchdogs that are much faster; this
/// is for those without.
const PICTURE_TIMEOUT: Duration = Duration::from_secs(60);

/// Most bits of a macroblock (clause A.3.1, item n: 3200), in bytes, and room for
/// headers: what a coded picture cannot exceed.
const MB_BYTES: u32 = 400;
const HEADER_BYTES: u32 = 4096;

/// How a session is to be.
#[derive(Debug, Clone)]
pub struct Config {
    /// QP of I and P pictures, or the driver's.
    pub qp: Option<QpPair>,
    /// Parameter sets with each IDR picture.
    pub repeat_headers: bool,
    /// Pictures under way at a time; `None` is one at a time, without requests.
    pub in_flight: Option<u32>,
    /// Controls of the rate control.
    pub rate: Vec<Setting>,
    /// BPF program that takes part in it; `None` is the system's default.
    pub program: Option<String>,
    /// Temporal layers, from 1.
    pub layers: u8,
}

/// A coded picture.
pub struct Coded {
    /// Its number, from 0.
    pub frame: u64,
    /// Its source, as it was given.
    pub source: Vec<u8>,
    /// The driver's statistics, if it has any.
    pub stats: Option<Stats>,
}

/// A picture under way.
struct Pending {
    frame: u64,
    source: Vec<u8>,
    request: Option<Request>,
}

/// An encoder that is streaming.
pub struct Session<'a> {
    device: &'a Device,
    layout: Layout,
    output: Queue<'a>,
    capture: Queue<'a>,
    idle: Vec<Request>,
    pending: VecDeque<Pending>,
    depth: usize,
    frames: u64,
    has_stats: bool,
    layers: u8,
}

impl<'a> Session<'a> {
    /// Sets up `device` for `video` and starts it.
    pub fn new(device: &'a Device, video: &Video, config: &Config) -> Result<Self> {
        let layout = set_formats(device, video)?;
        let depth = config.in_flight.unwrap_or(1);
        let mut output = Queue::new(device, OUTPUT, depth)?;
        let capture = Queue::new(device, CAPTURE, depth)?;
        if output.is_empty() || capture.is_empty() {
            return Err(Error::new("the driver gave no buffers"));
        }
        if !layout.fits(output.planes(0)) {
            return Err(Error::new(
                "the driver's buffers are smaller than its format",
            ));
        }
        let depth = output.len().min(capture.len()).min(depth as usize);
        let idle = match config.in_flight {
            None => Vec::new(),
            Some(_) => {
                let media = media::of_node(device.path())?;
                (0..depth)
                    .map(|_| Request::new(media.as_fd()))
                    .collect::<io::Result<_>>()
                    .context("allocating requests")?
            }
        };
        // The driver allocates what the SPS asks for when the queues start.
        set_controls(device, video, config)?;
        output.start()?;
        capture.start()?;
        Ok(Self {
            device,
            layout,
            output,
            capture,
            idle,
            pending: VecDeque::new(),
            depth,
            frames: 0,
            has_stats: Stats::supported(device),
            layers: config.layers,
        })
    }

    /// Whether the driver has statistics.
    pub fn has_stats(&self) -> bool {
        self.has_stats
    }

    /// Whether another picture can be given.
    pub fn has_room(&self) -> bool {
        self.pending.len() < self.depth
    }

    /// Whether nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// Hands a picture to the driver, with changes of the rate control that it comes with. There
    /// must be room.
    pub fn submit(
        &mut self,
        source: Vec<u8>,
        mut params: v4l2_ctrl_h264_encode_params,
        layer: Layer,
        changes: &[Setting],
    ) -> Result<()> {
        let frame = self.frames;
        let (Some(raw), Some(coded)) = (self.output.free(), self.capture.free()) else {
            return Err(Error::new("more pictures are under way than buffers"));
        };
        self.layout.fill(&source, self.output.planes(raw));

        let request = self.idle.pop();
        let which = request
            .as_ref()
            .map_or(Which::Current, |request| Which::Request(request.as_fd()));
        let mut references = named_reference(layer.distance.map(|distance| frame - distance));
        let mut controls = vec![ExtControl::compound(
            V4L2_CID_STATELESS_H264_ENCODE_PARAMS,
            &mut params,
        )];
        if self.layers > 1 {
            controls.push(ExtControl::int(
                V4L2_CID_STATELESS_ENC_TEMPORAL_ID,
                layer.id.into(),
            ));
        }
        if layer.distance.is_some() {
            controls.push(ExtControl::compound(
                V4L2_CID_STATELESS_ENC_H264_REFERENCES,
                &mut references,
            ));
        }
        controls.extend(
            changes
                .iter()
                .map(|&(id, value)| ExtControl::int(id, value)),
        );
        controls::set(self.device, which, &mut controls)?;
        // Timestamps are names: the number of the picture.
        let fd = request.as_ref().map(AsFd::as_fd);
        let what = || format!("handing frame {frame} to the driver");
        self.capture.queue_empty(coded).context(what())?;
        self.output
            .queue(raw, self.layout.bytes_used(), frame, fd)
            .context(what())?;
        if let Some(request) = &request {
            request.queue().context(what())?;
        }
        self.frames += 1;
        self.pending.push_back(Pending {
            frame,
            source,
            request,
        });
        Ok(())
    }

    /// Waits for the oldest picture under way and appends what it was coded to to
    /// `out`. `None` when nothing is under way.
    pub fn complete(&mut self, out: &mut Vec<u8>) -> Result<Option<Coded>> {
        let Some(Pending {
            frame,
            source,
            request,
        }) = self.pending.pop_front()
        else {
            return Ok(None);
        };
        let late = || {
            Error::new(format!(
                "the encoder did not finish frame {frame} within {} s",
                PICTURE_TIMEOUT.as_secs()
            ))
            .remedy("look for the driver's messages with dmesg")
        };
        if let Some(request) = &request {
            let done = request
                .wait(PICTURE_TIMEOUT)
                .context(format!("waiting for frame {frame}"))?;
            if !done {
                return Err(late());
            }
        }
        let coded = self
            .capture
            .dequeue_within(PICTURE_TIMEOUT)?
            .ok_or_else(late)?;
        self.output
            .dequeue_within(PICTURE_TIMEOUT)?
            .ok_or_else(late)?;
        if is_error(&coded) {
            return Err(Error::new(format!("the encoder failed at frame {frame}"))
                .remedy("look for the driver's messages with dmesg"));
        }
        if coded.timestamp != frame {
            return Err(Error::new(format!(
                "the driver returned frame {} in place of frame {frame}",
                coded.timestamp
            )));
        }
        self.capture.copy_out(&coded, out)?;

        let which = request
            .as_ref()
            .map_or(Which::Current, |request| Which::Request(request.as_fd()));
        let stats = self
            .has_stats
            .then(|| Stats::read(self.device, which))
            .transpose()?;
        if let Some(request) = request {
            request.reinit().context("using a request again")?;
            self.idle.push(request);
        }
        Ok(Some(Coded {
            frame,
            source,
            stats,
        }))
    }

    /// Stops the encoder.
    pub fn stop(mut self) -> Result<()> {
        self.output.stop()?;
        self.capture.stop()
    }
}

/// Negotiates formats, visible size and frame interval.
fn set_formats(device: &Device, video: &Video) -> Result<Layout> {
    let (width, height) = (video.width, video.height);
    let offered = device.formats(OUTPUT)?;
    let fourcc = *video
        .format
        .fourccs()
        .iter()
        .find(|&&fourcc| offered.iter().any(|format| format.fourcc == fourcc))
        .ok_or_else(|| {
            let names: Vec<_> = offered.iter().map(|f| fourcc_name(f.fourcc)).collect();
            Error::new(format!(
                "the encoder does not take {} pictures, only {}",
                video.format,
                names.join(", ")
            ))
            .remedy("convert them first with ffmpeg -pix_fmt")
        })?;
    check_size(device, fourcc, width, height)?;

    let fd = device.as_fd();
    // The coded format first: it decides what the other queue can be.
    let mbs = width.div_ceil(16) * height.div_ceil(16);
    let mut coded = video::get_format(fd, CAPTURE).context("asking for the coded format")?;
    coded.set(V4L2_PIX_FMT_H264_SLICE, width, height);
    coded.set_size_image(mbs * MB_BYTES + HEADER_BYTES);
    video::set_format(fd, CAPTURE, coded).context("setting the coded format")?;

    let mut raw = video::get_format(fd, OUTPUT).context("asking for the raw format")?;
    raw.set(fourcc, width, height);
    let raw = video::set_format(fd, OUTPUT, raw).context("setting the raw format")?;
    let layout = Layout::new(video.format, (width, height), &raw)
        .filter(|_| raw.fourcc() == fourcc)
        .ok_or_else(|| {
            Error::new(format!(
                "the encoder offers {}x{} {} for {width}x{height} {}, which does not hold it",
                raw.width(),
                raw.height(),
                fourcc_name(raw.fourcc()),
                fourcc_name(fourcc)
            ))
        })?;
    set_visible_size(device, video, &raw)?;

    let (rate, per) = video.frame_rate.parts();
    video::set_frame_interval(fd, OUTPUT, (per, rate)).context("setting the frame interval")?;
    Ok(layout)
}

/// Says early, and in the user's words, that a size is not possible.
fn check_size(device: &Device, fourcc: u32, width: u32, height: u32) -> Result<()> {
    let sizes = device.sizes(fourcc)?;
    let fits = |value: u32, (min, max, step): (u32, u32, u32)| {
        (min..=max).contains(&value) && (value - min) % step.max(1) == 0
    };
    if sizes.is_empty()
        || sizes
            .iter()
            .any(|size| fits(width, size.width) && fits(height, size.height))
    {
        return Ok(());
    }
    let size = sizes[0];
    Err(Error::new(format!(
        "the encoder does not take {width}x{height}, only {}x{} to {}x{} in steps of {}x{}",
        size.width.0, size.height.0, size.width.1, size.height.1, size.width.2, size.height.2
    ))
    .remedy("scale or crop the video first (ffmpeg -vf scale or crop)"))
}

/// Crops what the driver added to the size.
fn set_visible_size(device: &Device, video: &Video, raw: &video::Format) -> Result<()> {
    let (width, height) = (video.width, video.height);
    if width % 16 == 0 && height % 16 == 0 && (raw.width(), raw.height()) == (width, height) {
        return Ok(());
    }
    // Selections name a queue by its single-planar type.
    let visible = video::set_crop(device.as_fd(), V4L2_BUF_TYPE_VIDEO_OUTPUT, (width, height))
        .context("setting the visible size")?;
    if visible != (width, height) {
        return Err(Error::new(format!(
            "the encoder cannot crop to {width}x{height}, only to {}x{}",
            visible.0, visible.1
        )));
    }
    Ok(())
}

/// Names the picture with this number as the only reference, if there is one.
fn named_reference(frame: Option<u64>) -> v4l2_ctrl_h264_encode_references {
    let mut references = v4l2_ctrl_h264_encode_references::zeroed();
    if let Some(frame) = frame {
        references.num_list0 = 1;
        // The number of a picture is its timestamp in microseconds.
        references.list0[0] = frame * 1000;
        references.flags = V4L2_H264_ENCODE_REFERENCES_FLAG_EXPLICIT;
    }
    references
}

/// Parameter sets, and what holds for all pictures.
fn set_controls(device: &Device, video: &Video, config: &Config) -> Result<()> {
    let mut sps = h264::sps(video.width, video.height, video.frame_rate.parts());
    sps.max_num_ref_frames = h264::reference_frames(config.layers);
    let mut pps = h264::pps();
    controls::set(
        device,
        Which::Current,
        &mut [
            ExtControl::compound(V4L2_CID_STATELESS_H264_SPS, &mut sps),
            ExtControl::compound(V4L2_CID_STATELESS_H264_PPS, &mut pps),
        ],
    )?;
    if let Some(qp) = config.qp {
        controls::set(
            device,
            Which::Current,
            &mut [
                ExtControl::int(V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, 0),
                ExtControl::int(V4L2_CID_MPEG_VIDEO_H264_I_FRAME_QP, qp.i.into()),
                ExtControl::int(V4L2_CID_MPEG_VIDEO_H264_P_FRAME_QP, qp.p.into()),
            ],
        )?;
    }
    let mut rate: Vec<_> = config
        .rate
        .iter()
        .map(|&(id, value)| ExtControl::int(id, value))
        .collect();
    if !rate.is_empty() {
        controls::set(device, Which::Current, &mut rate)?;
    }
    if let Some(program) = &config.program {
        let mut name = [program.as_bytes(), &[0]].concat();
        controls::set(
            device,
            Which::Current,
            &mut [ExtControl::string(
                V4L2_CID_STATELESS_ENC_RC_PROGRAM,
                &mut name,
            )],
        )?;
    }
    if config.repeat_headers {
        controls::set(
            device,
            Which::Current,
            &mut [ExtControl::int(
                V4L2_CID_MPEG_VIDEO_PREPEND_SPSPPS_TO_IDR,
                1,
            )],
        )?;
    }
    Ok(())
}
