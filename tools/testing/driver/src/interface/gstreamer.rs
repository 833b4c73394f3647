// SPDX-License-Identifier: GPL-2.0

//! The calls of an existing client, in its order and with its values: GStreamer's
//! element v4l2slh264enc, written against the linux-media series of May 2026.

use super::Test;
use crate::{
    encoder::{
        nal_types,
        Encoder,
        Params, //
    },
    expect::{
        ensure,
        equal, //
    },
    rig::STEP,
};
use slenc::{
    error::{
        Context,
        Error,
        Result, //
    },
    v4l2::{
        device::{
            CAPTURE,
            OUTPUT, //
        },
        queue::is_error,
        request::Request,
        sys::{
            buffers::{
                self,
                Import, //
            },
            control::ExtControl,
            mapping::Mapping,
            video::{
                self,
                PlaneFormat, //
            },
            Plain,
        },
        uapi::*,
    },
};
use std::os::fd::{
    AsFd,
    OwnedFd, //
};

pub(super) const TESTS: &[Test] = &[
    ("GStreamer's calls succeed: NV12M 320x240, fixed QP", || {
        session(V4L2_PIX_FMT_NV12M, (320, 240), Mode::FixedQp)
    }),
    ("GStreamer's calls succeed: YUYV 320x240, fixed QP", || {
        session(V4L2_PIX_FMT_YUYV, (320, 240), Mode::FixedQp)
    }),
    (
        "GStreamer's calls succeed: YUV420M 178x98, cropped, fixed QP",
        || session(V4L2_PIX_FMT_YUV420M, (178, 98), Mode::FixedQp),
    ),
    (
        "GStreamer's calls succeed: UYVY 178x98, cropped, with the largest bitrate",
        || session(V4L2_PIX_FMT_UYVY, (178, 98), Mode::Bitrate),
    ),
    (
        "GStreamer's calls succeed: NV12M 1920x1080, which stays 1080 lines high",
        || session(V4L2_PIX_FMT_NV12M, (1920, 1080), Mode::FixedQp),
    ),
];

/// How the QP is chosen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    FixedQp,
    Bitrate,
}

const FRAMES: u64 = 10;
const GOP: u64 = 5;
const POOL: u32 = 4;
const IMPORTS: u32 = 32;
const CODED_SIZE: u32 = 4 << 20;

fn session(fourcc: u32, size: (u32, u32), mode: Mode) -> Result<()> {
    let encoder = Encoder::open()?;
    for queue in [OUTPUT, CAPTURE] {
        video::stream_off(encoder.video.as_fd(), queue).context("STREAMOFF")?;
    }
    let planes = set_formats(&encoder, fourcc, size)?;
    let raw = export_output(&encoder, &planes)?;
    let coded = export_capture(&encoder)?;
    encoder.start()?;
    set_controls(&encoder, size, mode)?;
    let request = encoder.request()?;
    for frame in 0..FRAMES {
        encode(&encoder, &request, frame, &planes, &raw, &coded)
            .context(format!("frame {frame}"))?;
    }
    encoder.stop()
}

fn set_formats(
    encoder: &Encoder,
    fourcc: u32,
    (width, height): (u32, u32),
) -> Result<Vec<PlaneFormat>> {
    let fd = encoder.video.as_fd();
    let mut coded = video::get_format(fd, CAPTURE).context("G_FMT CAPTURE")?;
    coded.set(V4L2_PIX_FMT_H264_SLICE, 0, 0);
    coded.set_size_image(CODED_SIZE);
    let coded = video::set_format(fd, CAPTURE, coded).context("S_FMT CAPTURE")?;
    equal("CAPTURE format", coded.fourcc(), V4L2_PIX_FMT_H264_SLICE)?;
    equal("sizeimage", coded.planes()[0].size_image, CODED_SIZE)?;

    let mut raw = video::get_format(fd, OUTPUT).context("G_FMT OUTPUT")?;
    raw.set(fourcc, width, height);
    let raw = video::set_format(fd, OUTPUT, raw).context("S_FMT OUTPUT")?;
    let got = (raw.fourcc(), raw.width(), raw.height());
    equal("OUTPUT format", got, (fourcc, width, height))?;
    if width % 16 != 0 || height % 16 != 0 {
        let visible = video::set_crop(fd, V4L2_BUF_TYPE_VIDEO_OUTPUT, (width, height))
            .context("S_SELECTION")?;
        equal("visible size", visible, (width, height))?;
    }
    let interval = video::set_frame_interval(fd, OUTPUT, (1, 30)).context("S_PARM")?;
    equal("frame interval", interval, (1, 30))?;
    // The size of the coded buffers is kept by all of that.
    let coded = video::get_format(fd, CAPTURE).context("G_FMT CAPTURE")?;
    equal("sizeimage", coded.planes()[0].size_image, CODED_SIZE)?;
    Ok(raw.planes())
}

/// Exports the OUTPUT buffers plane by plane, and has the queue forget them for
/// imported ones.
fn export_output(encoder: &Encoder, planes: &[PlaneFormat]) -> Result<Vec<Vec<OwnedFd>>> {
    let fd = encoder.video.as_fd();
    let given = buffers::request(fd, OUTPUT, V4L2_MEMORY_MMAP, POOL).context("REQBUFS MMAP")?;
    equal("OUTPUT buffers", given.count, POOL)?;
    let mut exported = Vec::new();
    for index in 0..POOL {
        let memory = video::query_buffer(fd, OUTPUT, index).context("QUERYBUF")?;
        equal("planes", memory.len(), planes.len())?;
        exported.push(
            (0..)
                .zip(planes)
                .map(|(plane, format)| {
                    let dma_buf = buffers::export(fd, OUTPUT, index, plane).context("EXPBUF")?;
                    paint(&dma_buf, format, index)?;
                    Ok(dma_buf)
                })
                .collect::<Result<Vec<_>>>()?,
        );
    }
    buffers::request(fd, OUTPUT, V4L2_MEMORY_MMAP, 0).context("REQBUFS MMAP 0, exported")?;
    let given =
        buffers::request(fd, OUTPUT, V4L2_MEMORY_DMABUF, IMPORTS).context("REQBUFS DMABUF")?;
    ensure!(given.count > 0, "REQBUFS DMABUF gave no buffers");
    Ok(exported)
}

/// Something to code, another in each buffer.
fn paint(dma_buf: &OwnedFd, format: &PlaneFormat, index: u32) -> Result<()> {
    let (stride, size) = (format.bytes_per_line, format.size_image);
    let mut mapping =
        Mapping::new(dma_buf.as_fd(), 0, size as usize).context("mmap of a dma-buf")?;
    let bytes: Vec<u8> = (0..size)
        .map(|i| ((i % stride) / 4 + (i / stride) / 3 + 8 * index) as u8)
        .collect();
    mapping.write(0, &bytes);
    Ok(())
}

fn export_capture(encoder: &Encoder) -> Result<Vec<OwnedFd>> {
    let fd = encoder.video.as_fd();
    let given = buffers::request(fd, CAPTURE, V4L2_MEMORY_MMAP, POOL).context("REQBUFS CAPTURE")?;
    equal("CAPTURE buffers", given.count, POOL)?;
    (0..POOL)
        .map(|index| {
            let memory = video::query_buffer(fd, CAPTURE, index).context("QUERYBUF CAPTURE")?;
            ensure!(
                memory[0].length >= CODED_SIZE,
                "a CAPTURE buffer has {} bytes",
                memory[0].length
            );
            buffers::export(fd, CAPTURE, index, 0).context("EXPBUF CAPTURE")
        })
        .collect()
}

fn set_controls(encoder: &Encoder, (width, height): (u32, u32), mode: Mode) -> Result<()> {
    let mut sps = v4l2_ctrl_h264_sps {
        profile_idc: 77,
        level_idc: 40,
        chroma_format_idc: 1,
        log2_max_frame_num_minus4: 12,
        log2_max_pic_order_cnt_lsb_minus4: 0,
        max_num_ref_frames: 1,
        pic_width_in_mbs_minus1: (width.div_ceil(16) - 1) as u16,
        pic_height_in_map_units_minus1: (height.div_ceil(16) - 1) as u16,
        flags: V4L2_H264_SPS_FLAG_FRAME_MBS_ONLY,
        ..Plain::zeroed()
    };
    let mut pps = v4l2_ctrl_h264_pps {
        chroma_qp_index_offset: 4,
        second_chroma_qp_index_offset: 4,
        flags: (V4L2_H264_PPS_FLAG_DEBLOCKING_FILTER_CONTROL_PRESENT
            | V4L2_H264_PPS_FLAG_ENTROPY_CODING_MODE) as u16,
        ..Plain::zeroed()
    };
    let set = |what: &str, controls: &mut [ExtControl<'_>]| {
        encoder
            .set(controls)
            .map_err(|err| Error::new(format!("{what}: {}", err.source)))
    };
    set(
        "SPS and PPS",
        &mut [
            ExtControl::compound(V4L2_CID_STATELESS_H264_SPS, &mut sps),
            ExtControl::compound(V4L2_CID_STATELESS_H264_PPS, &mut pps),
        ],
    )?;
    set(
        "QP range",
        &mut [
            ExtControl::int(V4L2_CID_MPEG_VIDEO_H264_MIN_QP, 10),
            ExtControl::int(V4L2_CID_MPEG_VIDEO_H264_MAX_QP, 48),
            ExtControl::int(
                V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE,
                (mode == Mode::Bitrate).into(),
            ),
        ],
    )?;
    match mode {
        Mode::FixedQp => set(
            "QPs",
            &mut [
                ExtControl::int(V4L2_CID_MPEG_VIDEO_H264_I_FRAME_QP, 26),
                ExtControl::int(V4L2_CID_MPEG_VIDEO_H264_P_FRAME_QP, 28),
            ],
        ),
        Mode::Bitrate => {
            set(
                "bitrate",
                &mut [
                    ExtControl::int(
                        V4L2_CID_MPEG_VIDEO_BITRATE_MODE,
                        V4L2_MPEG_VIDEO_BITRATE_MODE_CBR as i32,
                    ),
                    ExtControl::int(V4L2_CID_MPEG_VIDEO_BITRATE, -1),
                ],
            )?;
            // As unsigned this is the largest, as signed the least there is.
            let bitrate = encoder.value(V4L2_CID_MPEG_VIDEO_BITRATE)?;
            ensure!(
                [1, i32::MAX].contains(&bitrate),
                "the bitrate -1 became {bitrate}"
            );
            Ok(())
        }
    }
}

fn params(frame: u64) -> Params {
    let position = frame % GOP;
    let common = Params {
        slice_alpha_c0_offset_div2: -2,
        slice_beta_offset_div2: 5,
        ..Plain::zeroed()
    };
    if position == 0 {
        Params {
            nal_ref_idc: 1,
            slice_type: V4L2_H264_SLICE_TYPE_I as u8,
            idr_pic_id: (frame / GOP) as u16,
            flags: V4L2_H264_ENCODE_FLAG_IDR_PIC,
            ..common
        }
    } else {
        Params {
            nal_ref_idc: 2,
            slice_type: V4L2_H264_SLICE_TYPE_P as u8,
            frame_num: position as u16,
            pic_order_cnt_lsb: (2 * position % 16) as u16,
            ..common
        }
    }
}

fn encode(
    encoder: &Encoder,
    request: &Request,
    frame: u64,
    planes: &[PlaneFormat],
    raw: &[Vec<OwnedFd>],
    coded: &[OwnedFd],
) -> Result<()> {
    let fd = encoder.video.as_fd();
    encoder
        .set_params(request, &params(frame))
        .map_err(|err| err.source)
        .context("ENCODE_PARAMS")?;
    let slot = (frame % u64::from(POOL)) as usize;
    let imports: Vec<_> = raw[slot]
        .iter()
        .zip(planes)
        .map(|(dma_buf, plane)| Import {
            dma_buf: dma_buf.as_fd(),
            length: plane.size_image,
            bytes_used: plane.size_image,
            data_offset: 0,
        })
        .collect();
    // The timestamp is the number of the frame.
    buffers::queue_imported(
        fd,
        OUTPUT,
        slot as u32,
        &imports,
        frame,
        Some(request.as_fd()),
    )
    .context("QBUF OUTPUT")?;
    encoder.queue_coded(slot as u32).context("QBUF CAPTURE")?;
    request.queue().context("REQUEST_IOC_QUEUE")?;
    // The client gives it 1 s, which is enough for hardware but not for a model of it
    // on a busy machine.
    let done = request.wait(STEP).context("poll for POLLPRI")?;
    ensure!(done, "no POLLPRI");
    video::dequeue_buffer(fd, OUTPUT)
        .context("DQBUF OUTPUT")?
        .ok_or_else(|| Error::new("the OUTPUT buffer is not done"))?;
    let picture = video::dequeue_buffer(fd, CAPTURE)
        .context("DQBUF CAPTURE")?
        .ok_or_else(|| Error::new("the CAPTURE buffer is not done"))?;
    request.reinit().context("REINIT")?;

    ensure!(!is_error(&picture), "the CAPTURE buffer has an error");
    equal("timestamp", picture.timestamp, frame)?;
    let key = picture.flags & V4L2_BUF_FLAG_KEYFRAME != 0;
    equal("key frame", key, frame % GOP == 0)?;
    let size = picture.bytes_used[0] as usize;
    let mut stream = Vec::new();
    Mapping::new(coded[picture.index as usize].as_fd(), 0, size)
        .context("mmap of a coded dma-buf")?
        .read(0, size, &mut stream);
    // The client writes no headers: they come with the first picture, and again only
    // when they change.
    let wanted: &[u8] = match (frame, frame % GOP) {
        (0, _) => &[7, 8, 5],
        (_, 0) => &[5],
        _ => &[1],
    };
    equal("NAL units", nal_types(&stream), wanted.to_vec())
}
