// SPDX-License-Identifier: GPL-2.0

//! Initialization: formats and controls of a new file, buffers, streaming.

use super::{
    cropping::{
        corner,
        half, //
    },
    encoder::{
        wait_completed,
        Encoder,
        Target,
        SIZE, //
    },
    expect::{
        ensure,
        equal,
        Outcome, //
    },
    stream::{
        idr,
        Stream, //
    },
    Test,
};
use crate::{
    error::{
        Context,
        Error, //
    },
    v4l2::{
        device::{
            CAPTURE,
            OUTPUT, //
        },
        fourcc_name,
        queue::is_error,
        sys::{
            buffers::{
                self,
                Import, //
            },
            control::ExtControl,
            selection,
            video::{
                self,
                Format, //
            },
        },
        uapi::*,
    },
};
use std::os::fd::AsFd;

pub(super) const TESTS: &[Test] = &[
    ("ENC-INIT-1", usable_formats),
    ("ENC-INIT-2", usable_controls),
    ("ENC-INIT-3", trying),
    ("ENC-INIT-4", adjusted),
    ("ENC-INIT-5", size_kept),
    ("ENC-INIT-6", planes),
    ("ENC-INIT-7", capture_follows),
    ("ENC-INIT-8", larger_buffers),
    ("ENC-INIT-14", export_and_import),
    ("ENC-INIT-15", starting),
];

/// What of a format a client depends on.
type Essence = (u32, u32, u32, [u32; 4], Vec<(u32, u32)>);

fn essence(format: &Format) -> Essence {
    let planes = format.planes();
    (
        format.fourcc(),
        format.width(),
        format.height(),
        format.colours(),
        planes
            .iter()
            .map(|plane| (plane.bytes_per_line, plane.size_image))
            .collect(),
    )
}

fn usable_formats(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    for queue in [CAPTURE, OUTPUT] {
        let first = encoder.format(queue)?;
        let set = encoder.set_format(queue, first).context("VIDIOC_S_FMT")?;
        equal("what S_FMT made of G_FMT", essence(&set), essence(&first))?;
    }
    Ok(())
}

fn usable_controls(target: &Target) -> Outcome {
    let mut stream = Stream::begin(Encoder::open(target)?)?;
    for number in 0..2 {
        let picture = stream.code_current()?;
        picture.keeps_all()?;
        ensure!(picture.slice().idr, "picture {number} is no IDR picture");
    }
    Ok(())
}

/// Raw formats that a client may ask for.
fn wishes(encoder: &Encoder) -> Outcome<Vec<Format>> {
    let near = encoder.size_near((178, 98))?;
    let mut formats = Vec::new();
    for fourcc in encoder.raw_formats()? {
        for size in [near, (1, 1), (u32::MAX, u32::MAX), (0, 99)] {
            formats.push(encoder.raw(fourcc, size)?);
        }
        let mut wide = encoder.raw(fourcc, near)?;
        wide.set_bytes_per_line(near.0.saturating_mul(4));
        formats.push(wide);
        let mut huge = encoder.raw(fourcc, near)?;
        huge.set_bytes_per_line(u32::MAX);
        formats.push(huge);
    }
    formats.push(encoder.raw(u32::from_le_bytes(*b"none"), near)?);
    for colours in [
        [V4L2_COLORSPACE_SMPTE170M, 0, 0, 0],
        [V4L2_COLORSPACE_REC709, 99, 99, 99],
        [u32::MAX, 0, 0, 0],
    ] {
        let mut coloured = encoder.raw(encoder.raw_format()?, near)?;
        coloured.set_colours(colours);
        formats.push(coloured);
    }
    Ok(formats)
}

/// Coded formats that a client may ask for.
fn coded_wishes(encoder: &Encoder) -> Outcome<Vec<Format>> {
    let current = encoder.format(CAPTURE)?;
    let mut formats = Vec::new();
    for fourcc in [current.fourcc(), u32::from_le_bytes(*b"none")] {
        for (size, size_image) in [
            ((0, 0), 0),
            ((0, 0), 1),
            ((64, u32::MAX), 100_000),
            ((178, 98), 3 << 20),
            ((178, 98), u32::MAX),
        ] {
            let mut wish = current;
            wish.set(fourcc, size.0, size.1);
            wish.set_size_image(size_image);
            formats.push(wish);
        }
    }
    Ok(formats)
}

fn trying(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    let formats = || -> Outcome<[Essence; 2]> {
        Ok([
            essence(&encoder.format(OUTPUT)?),
            essence(&encoder.format(CAPTURE)?),
        ])
    };
    for (queue, wishes) in [
        (OUTPUT, wishes(&encoder)?),
        (CAPTURE, coded_wishes(&encoder)?),
    ] {
        for wish in wishes {
            let before = formats()?;
            let tried =
                video::try_format(encoder.video.as_fd(), queue, wish).context("VIDIOC_TRY_FMT")?;
            equal("the formats after TRY_FMT", formats()?, before)?;
            let set = encoder.set_format(queue, wish).context("VIDIOC_S_FMT")?;
            equal("what S_FMT sets", essence(&set), essence(&tried))?;
        }
    }
    Ok(())
}

fn adjusted(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    let known = encoder.raw_formats()?;
    for wish in wishes(&encoder)? {
        let asked = (wish.width(), wish.height());
        let set = encoder
            .set_format(OUTPUT, wish)
            .context(format!("VIDIOC_S_FMT of {asked:?}"))?;
        ensure!(
            known.contains(&set.fourcc()),
            "OUTPUT has {}, which it does not list",
            fourcc_name(set.fourcc())
        );
        let ranges = encoder.video.sizes(set.fourcc())?;
        let [range] = ranges[..] else {
            continue;
        };
        let limits = |(min, max, _): (u32, u32, u32), asked: u32| (min, max, asked);
        for (got, (min, max, asked)) in [
            (set.width(), limits(range.width, asked.0)),
            (set.height(), limits(range.height, asked.1)),
        ] {
            ensure!(
                (min..=max).contains(&got),
                "a length of {got} is out of {min}..{max}"
            );
            if asked <= min {
                equal("a length below the range", got, min)?;
            } else if asked >= max {
                equal("a length above the range", got, max)?;
            }
        }
    }
    Ok(())
}

fn size_kept(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    for size in [(178, 98), (1918, 1080), (34, 50)] {
        encoder.set_size(encoder.size_near(size)?)?;
    }
    Ok(())
}

/// Bytes of a line of the first plane, and bytes of each plane without padding, of
/// the formats that this program knows.
fn least(fourcc: u32, (width, height): (u32, u32)) -> Option<(u32, Vec<u32>)> {
    let (cw, ch) = (width.div_ceil(2), height.div_ceil(2));
    let luma = width * height;
    Some(match fourcc {
        V4L2_PIX_FMT_NV12M => (width, vec![luma, 2 * cw * ch]),
        V4L2_PIX_FMT_YUV420M => (width, vec![luma, cw * ch, cw * ch]),
        V4L2_PIX_FMT_NV12 | V4L2_PIX_FMT_YUV420 => (width, vec![luma + 2 * cw * ch]),
        V4L2_PIX_FMT_YUYV | V4L2_PIX_FMT_UYVY => (4 * cw, vec![4 * cw * height]),
        _ => return None,
    })
}

fn planes(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    for size in [SIZE, (178, 98), (642, 274)] {
        let size = encoder.size_near(size)?;
        for fourcc in encoder.raw_formats()? {
            let Some((line, least)) = least(fourcc, size) else {
                continue;
            };
            let raw = encoder.raw(fourcc, size)?;
            let set = encoder.set_format(OUTPUT, raw).context("VIDIOC_S_FMT")?;
            let planes = set.planes();
            equal("the number of planes", planes.len(), least.len())?;
            ensure!(
                planes[0].bytes_per_line >= line,
                "bytesperline is {} of a line of {line}",
                planes[0].bytes_per_line
            );
            for (plane, least) in planes.iter().zip(least) {
                ensure!(
                    plane.size_image >= least,
                    "sizeimage is {} of a plane of {least}",
                    plane.size_image
                );
            }
        }
    }
    Ok(())
}

fn capture_follows(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    let size = encoder.size_near((178, 98))?;
    let mut raw = encoder.raw(encoder.raw_format()?, size)?;
    raw.set_colours([
        V4L2_COLORSPACE_SMPTE170M,
        V4L2_YCBCR_ENC_601,
        V4L2_QUANTIZATION_LIM_RANGE,
        V4L2_XFER_FUNC_709,
    ]);
    let raw = encoder.set_format(OUTPUT, raw).context("VIDIOC_S_FMT")?;
    for (width, height) in [(0, 0), (640, 480)] {
        let mut coded = encoder.format(CAPTURE)?;
        coded.set(V4L2_PIX_FMT_H264_SLICE, width, height);
        let set = encoder.set_format(CAPTURE, coded).context("VIDIOC_S_FMT")?;
        for format in [set, encoder.format(CAPTURE)?] {
            let got = (format.width(), format.height());
            equal("the size of CAPTURE", got, size)?;
            equal("the colours of CAPTURE", format.colours(), raw.colours())?;
        }
    }
    Ok(())
}

fn larger_buffers(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    let size = encoder.size_near(SIZE)?;
    encoder.set_size(size)?;
    let asked = (size.0 * size.1 * 3 / 2).max(4 << 20);
    let mut coded = encoder.format(CAPTURE)?;
    coded.set(V4L2_PIX_FMT_H264_SLICE, 0, 0);
    coded.set_size_image(asked);
    encoder.set_format(CAPTURE, coded).context("VIDIOC_S_FMT")?;
    let check = |after: &str| -> Outcome {
        let planes = encoder.format(CAPTURE)?.planes();
        let size = planes.first().map_or(0, |plane| plane.size_image);
        ensure!(
            size >= asked,
            "sizeimage is {size} after {after}, and {asked} was asked for"
        );
        Ok(())
    };
    check("S_FMT on CAPTURE")?;
    encoder.set_size(encoder.size_near((320, 240))?)?;
    check("S_FMT on OUTPUT")?;
    let fd = encoder.video.as_fd();
    let (width, height) = encoder.size_near((320, 240))?;
    for size in [half(&encoder, (width, height))?, (width, height)] {
        selection::set(fd, OUTPUT, V4L2_SEL_TGT_CROP, corner(size), 0)
            .context("VIDIOC_S_SELECTION")?;
        check("S_SELECTION")?;
    }
    video::set_frame_interval(encoder.video.as_fd(), OUTPUT, (1, 30)).context("VIDIOC_S_PARM")?;
    check("S_PARM")
}

fn export_and_import(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    encoder.set_size(encoder.size_near(SIZE)?)?;
    let fd = encoder.video.as_fd();
    let planes = encoder.format(OUTPUT)?.planes();
    encoder.allocate(1)?;
    buffers::export(fd, CAPTURE, 0, 0).context("VIDIOC_EXPBUF on CAPTURE")?;
    let exported = (0..)
        .zip(&planes)
        .map(|(plane, _)| buffers::export(fd, OUTPUT, 0, plane))
        .collect::<Result<Vec<_>, _>>()
        .context("VIDIOC_EXPBUF on OUTPUT")?;
    buffers::request(fd, OUTPUT, V4L2_MEMORY_MMAP, 0)
        .context("VIDIOC_REQBUFS of 0 while there are exports")?;
    let given = buffers::request(fd, OUTPUT, V4L2_MEMORY_DMABUF, 1)
        .context("VIDIOC_REQBUFS of DMABUF memory")?;
    ensure!(given.count > 0, "VIDIOC_REQBUFS gives no buffer");
    encoder.start()?;
    let imports: Vec<_> = exported
        .iter()
        .zip(&planes)
        .map(|(dma_buf, plane)| Import {
            dma_buf: dma_buf.as_fd(),
            length: plane.size_image,
            bytes_used: plane.size_image,
            data_offset: 0,
        })
        .collect();
    let request = encoder.request()?;
    let mut params = idr();
    let id = V4L2_CID_STATELESS_H264_ENCODE_PARAMS;
    encoder.set_in(&request, &mut [ExtControl::compound(id, &mut params)])?;
    buffers::queue_imported(fd, OUTPUT, 0, &imports, 1, Some(request.as_fd()))
        .context("VIDIOC_QBUF of an import")?;
    encoder.queue_coded(0).context("VIDIOC_QBUF on CAPTURE")?;
    request.queue().context("MEDIA_REQUEST_IOC_QUEUE")?;
    wait_completed(&request)?;
    let coded = encoder.dequeue(CAPTURE)?;
    ensure!(!is_error(&coded), "a picture of imported memory fails");
    Ok(())
}

fn starting(target: &Target) -> Outcome {
    for (order, queued_before) in [
        ([OUTPUT, CAPTURE], false),
        ([CAPTURE, OUTPUT], false),
        ([OUTPUT, CAPTURE], true),
        ([CAPTURE, OUTPUT], true),
    ] {
        let mut stream = Stream::new(target)?;
        stream.encoder.stop()?;
        let request = stream.encoder.request()?;
        if queued_before {
            stream.queue_coded(1)?;
            stream.queue(&request, 1, &idr())?;
        }
        for queue in order {
            stream.encoder.stream_on(queue)?;
        }
        if !queued_before {
            stream.queue_coded(1)?;
            stream.queue(&request, 1, &idr())?;
        }
        wait_completed(&request)?;
        let coded = stream.encoder.dequeue(CAPTURE)?;
        if is_error(&coded) {
            return Err(
                Error::new(format!("the picture fails after STREAMON of {order:?}")).into(),
            );
        }
    }
    Ok(())
}
