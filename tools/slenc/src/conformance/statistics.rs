// SPDX-License-Identifier: GPL-2.0

//! Extensions: statistics.

use super::{
    encoder::{
        wait_completed,
        Encoder,
        Target, //
    },
    expect::{
        ensure,
        equal,
        fail,
        refused,
        unsupported,
        Outcome, //
    },
    references::failing,
    stream::{
        idr,
        Picture,
        Stream, //
    },
    Test,
};
use crate::v4l2::{
    device::{
        CAPTURE,
        OUTPUT, //
    },
    sys::{
        control::{
            ExtControl,
            Which, //
        },
        Plain,
    },
    uapi::*,
};
use rustix::io::Errno;
use std::os::fd::AsFd;

pub(super) const TESTS: &[Test] = &[
    ("ENCX-STATS-1", read_only),
    ("ENCX-STATS-2", of_request),
    ("ENCX-STATS-3", of_file),
    ("ENCX-STATS-4", of_failure),
    ("ENCX-STATS-5", zeroed),
    ("ENCX-STATS-6", parameters),
    ("ENCX-STATS-7", sizes),
    ("ENCX-STATS-8", qps),
    ("ENCX-STATS-9", macroblocks),
];

type Stats = v4l2_ctrl_stateless_enc_stats;

const ID: u32 = V4L2_CID_STATELESS_ENC_STATS;

fn stream(target: &Target) -> Outcome<Stream> {
    let stream = Stream::new(target)?;
    stream.encoder.need_control(ID)?;
    Ok(stream)
}

/// The statistics of the picture that was coded last.
fn stats(stream: &Stream) -> Outcome<Stats> {
    let which = Which::Request(stream.request().as_fd());
    Ok(stream.encoder.compound(which, ID)?)
}

/// Codes pictures of all kinds, with their statistics.
fn pictures(target: &Target) -> Outcome<Vec<(Picture, Stats)>> {
    let mut stream = stream(target)?;
    let mut found = Vec::new();
    for number in 0..7 {
        let mut params = match number {
            0 | 5 => idr(),
            3 => stream.i(),
            _ => stream.p(),
        };
        if number == 2 {
            params.nal_ref_idc = 0;
        }
        let picture = stream.code(&params, &mut [])?;
        let stats = stats(&stream)?;
        found.push((picture, stats));
    }
    Ok(found)
}

/// Whether fields are valid, which ends a test if they never are.
fn need_valid(pictures: &[(Picture, Stats)], bits: u32, what: &str) -> Outcome {
    if pictures.iter().all(|(_, stats)| stats.valid & bits == 0) {
        return unsupported(format!("{what} is never valid"));
    }
    Ok(())
}

fn read_only(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    let control = encoder.need_control(ID)?;
    equal("the size", control.size, Some(256))?;
    ensure!(control.read_only, "the control is not read only");
    let mut zero = Stats::zeroed();
    let set = encoder.set(&mut [ExtControl::compound(ID, &mut zero)]);
    refused("setting it", Errno::ACCESS, set)
}

fn of_request(target: &Target) -> Outcome {
    let mut stream = stream(target)?;
    let mut requests = Vec::new();
    for index in 0..3 {
        let request = stream.encoder.request()?;
        let name = stream.queue(&request, index, &idr())?;
        requests.push((request, name));
    }
    (0..3).try_for_each(|index| stream.queue_coded(index))?;
    let mut sequences = Vec::new();
    for (request, _) in &requests {
        wait_completed(request)?;
        sequences.push(stream.encoder.dequeue(CAPTURE)?.sequence);
        stream.encoder.dequeue(OUTPUT)?;
    }
    // All of them, after the last one was coded.
    for ((request, name), sequence) in requests.iter().zip(sequences) {
        let stats: Stats = stream
            .encoder
            .compound(Which::Request(request.as_fd()), ID)?;
        equal("timestamp", stats.timestamp, name * 1000)?;
        equal("sequence", stats.sequence, sequence)?;
    }
    // And of one that waits for a CAPTURE buffer, in vain.
    let request = stream.encoder.request()?;
    let name = stream.queue(&request, 0, &idr())?;
    stream.encoder.stream_off(OUTPUT)?;
    wait_completed(&request)?;
    let stats: Stats = stream
        .encoder
        .compound(Which::Request(request.as_fd()), ID)?;
    equal(
        "timestamp of a cancelled request",
        stats.timestamp,
        name * 1000,
    )
}

fn of_file(target: &Target) -> Outcome {
    let mut stream = stream(target)?;
    let read =
        |stream: &Stream| -> Outcome<Stats> { Ok(stream.encoder.compound(Which::Current, ID)?) };
    let before = read(&stream)?;
    ensure!(
        is_zero(&before, 0),
        "statistics before the first picture are not 0"
    );
    let mut requests = Vec::new();
    for index in 0..3 {
        let request = stream.encoder.request()?;
        let name = stream.queue(&request, index, &idr())?;
        requests.push((request, name));
    }
    (0..3).try_for_each(|index| stream.queue_coded(index))?;
    for (request, _) in &requests {
        wait_completed(request)?;
    }
    for (_, name) in &requests {
        let buffer = stream.encoder.dequeue(CAPTURE)?;
        stream.encoder.dequeue(OUTPUT)?;
        let stats = read(&stream)?;
        equal("timestamp", stats.timestamp, name * 1000)?;
        equal("sequence", stats.sequence, buffer.sequence)?;
    }
    Ok(())
}

fn of_failure(target: &Target) -> Outcome {
    let mut stream = stream(target)?;
    stream.fails("a picture without its PPS", &failing(idr()), &mut [])?;
    let of_file: Stats = stream.encoder.compound(Which::Current, ID)?;
    for stats in [stats(&stream)?, of_file] {
        equal("valid", stats.valid, 0)?;
        ensure!(
            stats.flags & V4L2_STATELESS_ENC_STATS_FLAG_ERROR != 0,
            "flags are {:#x}, without ERROR",
            stats.flags
        );
    }
    stream.code_idr()?;
    let stats = stats(&stream)?;
    equal(
        "ERROR of a good picture",
        stats.flags & V4L2_STATELESS_ENC_STATS_FLAG_ERROR,
        0,
    )
}

/// Whether everything is 0 whose bit is not in `valid`.
fn is_zero(stats: &Stats, valid: u32) -> bool {
    let fields = [
        (
            V4L2_STATELESS_ENC_STATS_VALID_PARAMS,
            u64::from(stats.slice_type)
                | u64::from(stats.nal_ref_idc)
                | u64::from(stats.frame_num)
                | u64::from(stats.idr_pic_id)
                | u64::from(stats.pic_order_cnt_lsb),
        ),
        (
            V4L2_STATELESS_ENC_STATS_VALID_QP_REQUESTED,
            stats.qp_requested as u64,
        ),
        (V4L2_STATELESS_ENC_STATS_VALID_QP_MEAN, stats.qp_mean as u64),
        (
            V4L2_STATELESS_ENC_STATS_VALID_QP_RANGE,
            stats.qp_min as u64 | stats.qp_max as u64,
        ),
        (V4L2_STATELESS_ENC_STATS_VALID_BYTES, stats.bytes.into()),
        (
            V4L2_STATELESS_ENC_STATS_VALID_HEADER_BITS,
            stats.header_bits.into(),
        ),
        (
            V4L2_STATELESS_ENC_STATS_VALID_TARGET_BITS,
            stats.target_bits,
        ),
        (V4L2_STATELESS_ENC_STATS_VALID_SAD, stats.sad),
        (V4L2_STATELESS_ENC_STATS_VALID_MAD, stats.mad),
        (V4L2_STATELESS_ENC_STATS_VALID_NONZERO, stats.nonzero.into()),
        (
            V4L2_STATELESS_ENC_STATS_VALID_INTRA_MBS,
            stats.intra_mbs.into(),
        ),
        (
            V4L2_STATELESS_ENC_STATS_VALID_SKIP_MBS,
            stats.skip_mbs.into(),
        ),
        (V4L2_STATELESS_ENC_STATS_VALID_PCM_MBS, stats.pcm_mbs.into()),
        (
            V4L2_STATELESS_ENC_STATS_VALID_SSE,
            stats.sse.iter().fold(0, |all, sse| all | sse),
        ),
        (
            V4L2_STATELESS_ENC_STATS_VALID_PREDICTED_BITS,
            stats.predicted_bits,
        ),
        (V4L2_STATELESS_ENC_STATS_VALID_MAX_BITS, stats.max_bits),
        (
            V4L2_STATELESS_ENC_STATS_VALID_CPB,
            stats.cpb_fill | stats.cpb_bits | stats.violation_bits,
        ),
        (
            V4L2_STATELESS_ENC_STATS_VALID_FILLER,
            stats.filler_bytes.into(),
        ),
        (
            V4L2_STATELESS_ENC_STATS_VALID_FORCED_SKIPS,
            stats.forced_skip_mbs.into(),
        ),
    ];
    fields
        .iter()
        .all(|&(bit, value)| valid & bit != 0 || value == 0)
        && stats.reserved0 == [0; 2]
}

fn zeroed(target: &Target) -> Outcome {
    for (picture, stats) in pictures(target)? {
        let known = V4L2_STATELESS_ENC_STATS_VALID_FORCED_SKIPS * 2 - 1;
        ensure!(
            is_zero(&stats, stats.valid),
            "picture {} has a field that is not valid and not 0",
            picture.name
        );
        if stats.valid & !known == 0 {
            ensure!(
                stats.reserved.iter().all(|&byte| byte == 0),
                "reserved is not 0"
            );
        }
    }
    Ok(())
}

fn parameters(target: &Target) -> Outcome {
    let pictures = pictures(target)?;
    need_valid(&pictures, V4L2_STATELESS_ENC_STATS_VALID_PARAMS, "PARAMS")?;
    for (picture, stats) in pictures {
        let slice = picture.slice();
        equal(
            "the flag IDR",
            stats.flags & V4L2_STATELESS_ENC_STATS_FLAG_IDR != 0,
            slice.idr,
        )?;
        if stats.valid & V4L2_STATELESS_ENC_STATS_VALID_PARAMS == 0 {
            continue;
        }
        equal(
            "slice_type, nal_ref_idc, frame_num, idr_pic_id and pic_order_cnt_lsb",
            (
                stats.slice_type,
                stats.nal_ref_idc,
                u32::from(stats.frame_num),
                u32::from(stats.idr_pic_id),
                u32::from(stats.pic_order_cnt_lsb),
            ),
            (
                slice.slice_type,
                slice.nal_ref_idc,
                slice.frame_num,
                slice.idr_pic_id.unwrap_or(0),
                slice.pic_order_cnt_lsb.unwrap_or(0),
            ),
        )?;
    }
    Ok(())
}

fn sizes(target: &Target) -> Outcome {
    let pictures = pictures(target)?;
    let header = V4L2_STATELESS_ENC_STATS_VALID_HEADER_BITS;
    let bytes = V4L2_STATELESS_ENC_STATS_VALID_BYTES;
    need_valid(&pictures, header | bytes, "a size")?;
    for (picture, stats) in pictures {
        let size = picture.bytes.len() as u64;
        if stats.valid & bytes != 0 {
            equal("bytes", u64::from(stats.bytes), size)?;
        }
        if stats.valid & header != 0 {
            ensure!(
                stats.header_bits > 0 && u64::from(stats.header_bits) < 8 * size,
                "header_bits is {} in {size} bytes",
                stats.header_bits
            );
        }
    }
    Ok(())
}

fn qps(target: &Target) -> Outcome {
    let pictures = pictures(target)?;
    let requested = V4L2_STATELESS_ENC_STATS_VALID_QP_REQUESTED;
    let range = V4L2_STATELESS_ENC_STATS_VALID_QP_RANGE;
    let mean = V4L2_STATELESS_ENC_STATS_VALID_QP_MEAN;
    need_valid(&pictures, requested | range | mean, "a QP")?;
    for (picture, stats) in pictures {
        if stats.valid & requested != 0 {
            let qp = picture.slice().qp;
            equal("qp_requested", i32::from(stats.qp_requested), qp)?;
        }
        if stats.valid & range != 0 && stats.valid & mean != 0 {
            let (min, max) = (i32::from(stats.qp_min), i32::from(stats.qp_max));
            ensure!(
                256 * min <= stats.qp_mean && stats.qp_mean <= 256 * max,
                "the mean is {}/256, and the QPs are {min}..{max}",
                stats.qp_mean
            );
        }
    }
    Ok(())
}

fn macroblocks(target: &Target) -> Outcome {
    let pictures = pictures(target)?;
    let intra = V4L2_STATELESS_ENC_STATS_VALID_INTRA_MBS;
    let skip = V4L2_STATELESS_ENC_STATS_VALID_SKIP_MBS;
    let pcm = V4L2_STATELESS_ENC_STATS_VALID_PCM_MBS;
    need_valid(&pictures, intra | skip | pcm, "a count of macroblocks")?;
    for (picture, stats) in pictures {
        let sps = &picture.active.0;
        let all = sps.pic_width_in_mbs * sps.pic_height_in_map_units;
        for count in [stats.intra_mbs, stats.skip_mbs, stats.pcm_mbs] {
            ensure!(
                count <= all,
                "a count is {count} in a picture of {all} macroblocks"
            );
        }
        let is_i = picture.buffer.flags & V4L2_BUF_FLAG_KEYFRAME != 0;
        if is_i && stats.valid & intra != 0 && stats.intra_mbs != all {
            return fail(format!(
                "intra_mbs is {} in an I picture of {all} macroblocks",
                stats.intra_mbs
            ));
        }
        if is_i && stats.valid & skip != 0 {
            equal("skip_mbs of an I picture", stats.skip_mbs, 0)?;
        }
        if stats.valid & intra != 0 && stats.valid & pcm != 0 {
            ensure!(
                stats.pcm_mbs <= stats.intra_mbs,
                "pcm_mbs is {}, above intra_mbs",
                stats.pcm_mbs
            );
        }
    }
    Ok(())
}
