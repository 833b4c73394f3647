// SPDX-License-Identifier: GPL-2.0

//! Statistics of a picture, as applications read them.

use crate::{
    pure::{
        picture::Completion,
        slice::Picture, //
    },
    uapi::Stats, //
};
use media::{
    rate_control::{
        Frame,
        Program, //
    },
    uapi as v4l2, //
};
use pin_init::Zeroable;

/// What is known of a picture without the hardware.
pub(crate) struct Coded<'a> {
    pub(crate) timestamp: u64,
    pub(crate) sequence: u32,
    pub(crate) picture: &'a Picture,
    pub(crate) qp: u8,
    /// Its source was not coded, or is not in the stream.
    pub(crate) skipped: bool,
    /// Filler data behind it.
    pub(crate) filler_bytes: u32,
    /// Macroblocks that had no room, where the hardware sees to that.
    pub(crate) forced_skips: Option<u32>,
    /// As the rate control has committed it.
    pub(crate) frame: &'a Frame,
}

impl Stats {
    /// Of a picture that was not coded. One that was cancelled before it had a CAPTURE buffer has
    /// sequence 0, one that had not begun no program.
    pub(crate) fn failed(timestamp: u64, sequence: u32, program: Option<&Program>) -> Self {
        let mut stats = Self::zeroed();
        stats.0.flags = v4l2::V4L2_STATELESS_ENC_STATS_FLAG_ERROR;
        stats.0.timestamp = timestamp;
        stats.0.sequence = sequence;
        if let Some(program) = program {
            stats.add_program(program);
        }
        stats
    }

    /// Of a picture that was coded.
    pub(crate) fn new(coded: &Coded<'_>, completion: &Completion) -> Self {
        let mut stats = Self::zeroed();
        let s = &mut stats.0;
        s.timestamp = coded.timestamp;
        s.sequence = coded.sequence;
        s.valid = v4l2::V4L2_STATELESS_ENC_STATS_VALID_PARAMS
            | v4l2::V4L2_STATELESS_ENC_STATS_VALID_QP_REQUESTED
            | v4l2::V4L2_STATELESS_ENC_STATS_VALID_QP_MEAN
            | v4l2::V4L2_STATELESS_ENC_STATS_VALID_QP_RANGE
            | v4l2::V4L2_STATELESS_ENC_STATS_VALID_BYTES
            | v4l2::V4L2_STATELESS_ENC_STATS_VALID_HEADER_BITS
            | v4l2::V4L2_STATELESS_ENC_STATS_VALID_NONZERO
            | v4l2::V4L2_STATELESS_ENC_STATS_VALID_INTRA_MBS
            | v4l2::V4L2_STATELESS_ENC_STATS_VALID_SKIP_MBS
            | v4l2::V4L2_STATELESS_ENC_STATS_VALID_PCM_MBS;
        if coded.picture.idr {
            s.flags |= v4l2::V4L2_STATELESS_ENC_STATS_FLAG_IDR;
        }
        if coded.skipped {
            s.flags |= v4l2::V4L2_STATELESS_ENC_STATS_FLAG_SKIPPED;
        }
        s.slice_type = coded.picture.slice_type;
        s.nal_ref_idc = coded.picture.nal_ref_idc;
        s.frame_num = coded.picture.frame_num;
        s.idr_pic_id = coded.picture.idr_pic_id;
        s.pic_order_cnt_lsb = coded.picture.pic_order_cnt_lsb;
        s.qp_requested = coded.qp.into();
        s.qp_min = completion.qp_min.into();
        s.qp_max = completion.qp_max.into();
        s.qp_mean = completion.qp_mean_q8().try_into().unwrap_or(i32::MAX);
        s.bytes = completion.bytes.saturating_add(coded.filler_bytes);
        s.header_bits = completion.header_bits;
        s.intra_mbs = completion.intra_mbs;
        s.skip_mbs = completion.skip_mbs;
        s.pcm_mbs = completion.pcm_mbs;
        s.nonzero = completion.nonzero;
        if !coded.skipped {
            s.valid |=
                v4l2::V4L2_STATELESS_ENC_STATS_VALID_SAD | v4l2::V4L2_STATELESS_ENC_STATS_VALID_MAD;
            s.sad = completion.sad;
            s.mad = completion.mad;
        }
        if let Some(sse) = completion.sse {
            s.valid |= v4l2::V4L2_STATELESS_ENC_STATS_VALID_SSE;
            s.sse = sse;
        }
        stats.add_rate(coded);
        stats.add_program(&coded.frame.program());
        stats
    }

    /// What the rate control has made of the picture.
    fn add_rate(&mut self, coded: &Coded<'_>) {
        let s = &mut self.0;
        for (value, field, bit) in [
            (
                coded.frame.target_bits(),
                &mut s.target_bits,
                v4l2::V4L2_STATELESS_ENC_STATS_VALID_TARGET_BITS,
            ),
            (
                coded.frame.predicted_bits(),
                &mut s.predicted_bits,
                v4l2::V4L2_STATELESS_ENC_STATS_VALID_PREDICTED_BITS,
            ),
            (
                coded.frame.max_bits(),
                &mut s.max_bits,
                v4l2::V4L2_STATELESS_ENC_STATS_VALID_MAX_BITS,
            ),
        ] {
            if let Some(value) = value {
                *field = value;
                s.valid |= bit;
            }
        }
        if let Some(cpb) = coded.frame.cpb() {
            s.valid |= v4l2::V4L2_STATELESS_ENC_STATS_VALID_CPB;
            s.cpb_fill = cpb.fill;
            s.cpb_bits = cpb.bits;
            s.violation_bits = cpb.violation;
        }
        if let Some(forced) = coded.forced_skips {
            s.valid |= v4l2::V4L2_STATELESS_ENC_STATS_VALID_FORCED_SKIPS;
            s.forced_skip_mbs = forced;
        }
        s.valid |= v4l2::V4L2_STATELESS_ENC_STATS_VALID_FILLER;
        s.filler_bytes = coded.filler_bytes;
    }

    /// What a BPF program had to do with it.
    fn add_program(&mut self, program: &Program) {
        for (is, flag) in [
            (program.asked, v4l2::V4L2_STATELESS_ENC_STATS_FLAG_PROGRAM),
            (
                program.clamped,
                v4l2::V4L2_STATELESS_ENC_STATS_FLAG_PROGRAM_CLAMPED,
            ),
            (
                program.failed,
                v4l2::V4L2_STATELESS_ENC_STATS_FLAG_PROGRAM_FAILED,
            ),
            (
                program.ejected,
                v4l2::V4L2_STATELESS_ENC_STATS_FLAG_PROGRAM_EJECTED,
            ),
        ] {
            if is {
                self.0.flags |= flag;
            }
        }
    }

    /// Returns the mean QP, rounded to nearest.
    pub(crate) fn average_qp(&self) -> i32 {
        self.0.qp_mean.saturating_add(128) / 256
    }
}
