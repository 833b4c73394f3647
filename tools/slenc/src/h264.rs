// SPDX-License-Identifier: GPL-2.0

//! What the client decides of the coded video: parameter sets, picture types
//! and picture order. Clauses are those of Recommendation ITU-T H.264 (08/2021).
//!
//! The modules read coded video: they are what the conformance tests judge by.

pub mod bits;
pub mod decoder;
pub mod nal;
pub mod parameter_sets;
pub mod references;
pub mod slice;

use crate::v4l2::{
    sys::Plain,
    uapi::*, //
};

/// log2_max_frame_num_minus4 and log2_max_pic_order_cnt_lsb_minus4. The numbers
/// wrap after 256, which tells apart far more pictures than the one reference.
const LOG2_MAX_MINUS4: u8 = 4;
const MAX_FRAME_NUM: u16 = 1 << (LOG2_MAX_MINUS4 + 4);
const MAX_POC_LSB: u16 = 1 << (LOG2_MAX_MINUS4 + 4);

/// Table A-1: level_idc, MaxMBPS, MaxFS, MaxDpbMbs. Level 1b is left out: it differs
/// from level 1 by its bit rate only.
const LEVELS: [(u8, u64, u32, u32); 19] = [
    (10, 1_485, 99, 396),
    (11, 3_000, 396, 900),
    (12, 6_000, 396, 2_376),
    (13, 11_880, 396, 2_376),
    (20, 11_880, 396, 2_376),
    (21, 19_800, 792, 4_752),
    (22, 20_250, 1_620, 8_100),
    (30, 40_500, 1_620, 8_100),
    (31, 108_000, 3_600, 18_000),
    (32, 216_000, 5_120, 20_480),
    (40, 245_760, 8_192, 32_768),
    (41, 245_760, 8_192, 32_768),
    (42, 522_240, 8_704, 34_816),
    (50, 589_824, 22_080, 110_400),
    (51, 983_040, 36_864, 184_320),
    (52, 2_073_600, 36_864, 184_320),
    (60, 4_177_920, 139_264, 696_320),
    (61, 8_355_840, 139_264, 696_320),
    (62, 16_711_680, 139_264, 696_320),
];

/// The lowest level that size, frame rate (a fraction, pictures per second) and
/// reference frames allow; the highest there is when none does. The bit rate is not
/// known here.
pub fn level_idc(width: u32, height: u32, (rate, per): (u32, u32), references: u8) -> u8 {
    let (w, h) = (width.div_ceil(16), height.div_ceil(16));
    let size = w.saturating_mul(h);
    // A.3.1: neither dimension exceeds Sqrt( MaxFS * 8 ).
    let long = u64::from(w.max(h)).pow(2);
    LEVELS
        .iter()
        .find(|&&(_, max_mbps, max_fs, max_dpb_mbs)| {
            size <= max_fs
                && long <= u64::from(max_fs) * 8
                && size.saturating_mul(references.into()) <= max_dpb_mbs
                && u64::from(size) * u64::from(rate) <= max_mbps * u64::from(per.max(1))
        })
        .map_or(LEVELS[LEVELS.len() - 1].0, |&(level, ..)| level)
}

/// The sequence parameter set: Constrained Baseline, one reference, frames only.
///
/// Cropping is not in it: the driver adds it from its format, as it does with
/// what else depends on the format.
pub fn sps(width: u32, height: u32, frame_rate: (u32, u32)) -> v4l2_ctrl_h264_sps {
    v4l2_ctrl_h264_sps {
        profile_idc: 66,
        constraint_set_flags: (V4L2_H264_SPS_CONSTRAINT_SET0_FLAG
            | V4L2_H264_SPS_CONSTRAINT_SET1_FLAG) as u8,
        level_idc: level_idc(width, height, frame_rate, 1),
        chroma_format_idc: 1,
        log2_max_frame_num_minus4: LOG2_MAX_MINUS4,
        // Type 0 is what every driver of this interface has to know.
        pic_order_cnt_type: 0,
        log2_max_pic_order_cnt_lsb_minus4: LOG2_MAX_MINUS4,
        max_num_ref_frames: 1,
        pic_width_in_mbs_minus1: (width.div_ceil(16) - 1) as u16,
        pic_height_in_map_units_minus1: (height.div_ceil(16) - 1) as u16,
        flags: V4L2_H264_SPS_FLAG_FRAME_MBS_ONLY | V4L2_H264_SPS_FLAG_DIRECT_8X8_INFERENCE,
        ..Plain::zeroed()
    }
}

/// The picture parameter set: CAVLC, one reference, deblocking by slice.
pub fn pps() -> v4l2_ctrl_h264_pps {
    v4l2_ctrl_h264_pps {
        flags: V4L2_H264_PPS_FLAG_DEBLOCKING_FILTER_CONTROL_PRESENT as u16,
        ..Plain::zeroed()
    }
}

/// Most temporal layers of a [`Gop`].
pub const MAX_LAYERS: u8 = 3;

/// Reference frames that a stream with so many temporal layers takes.
pub fn reference_frames(layers: u8) -> u8 {
    // With three, the base and the layer above it.
    layers.clamp(2, MAX_LAYERS) - 1
}

/// Where a picture is among the temporal layers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Layer {
    /// Its layer: 0 is the base.
    pub id: u8,
    /// How many pictures ago its reference was, where that is not the newest one.
    pub distance: Option<u64>,
}

/// Decides the type and the numbers of each picture: an IDR picture, then P.
#[derive(Debug, Clone)]
pub struct Gop {
    length: u64,
    layers: u8,
    next: u64,
    idr_pictures: u64,
    /// References since the last IDR picture, which counts.
    references: u64,
}

impl Gop {
    /// An IDR picture every `length` pictures; with 0 only the first is one.
    pub fn new(length: u64) -> Self {
        Self::layered(length, 1)
    }

    /// The same with one to three temporal layers, each of which doubles the picture rate.
    /// Nothing refers to the pictures of the highest one, unless it is the only one.
    pub fn layered(length: u64, layers: u8) -> Self {
        Self {
            length,
            layers: layers.clamp(1, MAX_LAYERS),
            next: 0,
            idr_pictures: 0,
            references: 0,
        }
    }

    /// The layer of the picture that [`Self::next_picture`] was asked for last.
    pub fn layer(&self) -> Layer {
        let position = self.next.saturating_sub(1);
        match (self.layers, position % 4) {
            (2, 1 | 3) | (3, 2) => Layer {
                id: 1,
                distance: None,
            },
            (3, 1 | 3) => Layer {
                id: 2,
                distance: None,
            },
            // The newest reference is of the layer above.
            (3, _) if position > 0 => Layer {
                id: 0,
                distance: Some(4),
            },
            _ => Layer::default(),
        }
    }

    /// The parameters of the next picture.
    pub fn next_picture(&mut self) -> v4l2_ctrl_h264_encode_params {
        if self.length != 0 && self.next == self.length {
            self.next = 0;
        }
        let position = self.next;
        self.next += 1;
        if position == 0 {
            // 7.4.3: IDR pictures in a row differ in idr_pic_id.
            let idr_pic_id = (self.idr_pictures % 2) as u16;
            self.idr_pictures += 1;
            self.references = 1;
            return v4l2_ctrl_h264_encode_params {
                nal_ref_idc: 3,
                slice_type: V4L2_H264_SLICE_TYPE_I as u8,
                idr_pic_id,
                flags: V4L2_H264_ENCODE_FLAG_IDR_PIC,
                ..Plain::zeroed()
            };
        }
        let nal_ref_idc = match self.layer().id {
            0 => 2,
            id if id + 1 < self.layers => 1,
            _ => 0,
        };
        // 7.4.3: the number of references before it.
        let frame_num = self.references;
        self.references += u64::from(nal_ref_idc != 0);
        v4l2_ctrl_h264_encode_params {
            nal_ref_idc,
            slice_type: V4L2_H264_SLICE_TYPE_P as u8,
            frame_num: (frame_num % u64::from(MAX_FRAME_NUM)) as u16,
            // 8.2.1: the two fields of a frame count one each.
            pic_order_cnt_lsb: (2 * position % u64::from(MAX_POC_LSB)) as u16,
            ..Plain::zeroed()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_those_of_table_a_1() {
        assert_eq!(level_idc(176, 144, (15, 1), 1), 10);
        assert_eq!(level_idc(640, 272, (24, 1), 1), 21);
        assert_eq!(level_idc(1280, 720, (30, 1), 1), 31);
        assert_eq!(level_idc(1280, 720, (60, 1), 1), 32);
        assert_eq!(level_idc(1920, 1080, (30_000, 1_001), 1), 40);
        assert_eq!(level_idc(1920, 1080, (60, 1), 1), 42);
        assert_eq!(level_idc(4096, 2304, (25, 1), 1), 51);
        // 120 macroblocks are few, but not in one row.
        assert_eq!(level_idc(1920, 16, (1, 1), 1), 31);
        assert_eq!(level_idc(352, 288, (5, 1), 2), 11);
        assert_eq!(level_idc(352, 288, (5, 1), 3), 12);
        assert_eq!(level_idc(1920, 1080, (25, 1), 4), 40);
        assert_eq!(level_idc(1920, 1080, (25, 1), 5), 50);
        assert_eq!(level_idc(16, 16, (u32::MAX, 1), 1), 62);
    }

    #[test]
    fn only_the_first_is_an_idr_picture_without_a_length() {
        let mut gop = Gop::new(0);
        assert_eq!(gop.next_picture().flags, V4L2_H264_ENCODE_FLAG_IDR_PIC);
        for i in 1u64..1000 {
            let params = gop.next_picture();
            assert_eq!(u32::from(params.slice_type), V4L2_H264_SLICE_TYPE_P);
            assert_eq!((params.flags, params.idr_pic_id), (0, 0));
            assert_eq!(u64::from(params.frame_num), i % 256);
            assert_eq!(u64::from(params.pic_order_cnt_lsb), 2 * i % 256);
            assert_ne!(params.nal_ref_idc, 0);
        }
    }

    #[test]
    fn idr_pictures_repeat_and_differ_in_their_id() {
        let mut gop = Gop::new(3);
        let pictures: Vec<_> = (0..7).map(|_| gop.next_picture()).collect();
        let idr: Vec<_> = pictures.iter().map(|p| p.flags != 0).collect();
        assert_eq!(idr, [true, false, false, true, false, false, true]);
        let ids: Vec<_> = pictures.iter().step_by(3).map(|p| p.idr_pic_id).collect();
        assert_eq!(ids, [0, 1, 0]);
        assert!(pictures.iter().step_by(3).all(|p| p.frame_num == 0));
        assert!(Gop::new(1).next_picture().flags != 0);
    }

    #[test]
    fn layers_refer_to_layers_below() {
        let pictures = |layers| {
            let mut gop = Gop::layered(9, layers);
            let mut pictures = Vec::new();
            for _ in 0..11 {
                let params = gop.next_picture();
                let Layer { id, distance } = gop.layer();
                pictures.push((id, params.nal_ref_idc, params.frame_num, distance));
            }
            pictures
        };
        let base = |frame_num| (0, 2, frame_num, None);
        let far = |frame_num| (0, 2, frame_num, Some(4));
        let (idr, two, three) = ((0, 3, 0, None), pictures(2), pictures(3));
        assert_eq!(two[..4], [idr, (1, 0, 1, None), base(1), (1, 0, 2, None)]);
        assert_eq!(two[8..], [base(4), idr, (1, 0, 1, None)]);
        assert_eq!(three[..3], [idr, (2, 0, 1, None), (1, 1, 1, None)]);
        assert_eq!(three[3..6], [(2, 0, 2, None), far(2), (2, 0, 3, None)]);
        assert_eq!(three[8..], [far(4), idr, (2, 0, 1, None)]);
        assert_eq!([1, 2, 3].map(reference_frames), [1, 1, 2]);
    }

    #[test]
    fn parameter_sets_describe_the_size() {
        let sps = sps(1920, 1080, (25, 1));
        assert_eq!(sps.pic_width_in_mbs_minus1, 119);
        assert_eq!(sps.pic_height_in_map_units_minus1, 67);
        assert_eq!((sps.profile_idc, sps.constraint_set_flags), (66, 3));
        assert_eq!(pps().num_ref_idx_l0_default_active_minus1, 0);
    }
}
