// SPDX-License-Identifier: GPL-2.0

//! Temporal layers: the upper ones can be left out.

use super::{
    recorder::{
        keep,
        Picture,
        Recorder, //
    },
    Test, //
};
use crate::{
    encoder::{
        idr,
        predicted,
        Params,
        SIZE, //
    },
    references::{
        named,
        plain, //
    },
};
use slenc::{
    error::Result,
    h264,
    v4l2::{
        sys::control::ExtControl,
        uapi::*, //
    },
};

pub(super) const TESTS: &[Test] = &[
    ("two temporal layers (L1T2)", two),
    ("three temporal layers (L1T3)", three),
    (
        "three temporal layers with pic_order_cnt_type 2",
        three_in_coding_order,
    ),
];

/// Pictures with their layers.
type Layered = Vec<(i32, Picture)>;

fn keep_up_to(name: &str, layer: i32, pictures: &Layered) -> Result<()> {
    keep(name, pictures.iter().filter(|p| p.0 <= layer).map(|p| &p.1))
}

/// A picture of a layer, that refers to the one named, or to the newest.
fn code(
    recorder: &mut Recorder,
    pictures: &mut Layered,
    (layer, reference): (i32, Option<u64>),
    highest: i32,
) -> Result<()> {
    let params = match (pictures.len(), layer == highest) {
        (0, _) => idr(),
        (_, true) => Params {
            nal_ref_idc: 0,
            ..predicted()
        },
        _ => predicted(),
    };
    let references = reference.map_or(plain(), |name| named(&[name]));
    let layer_control = ExtControl::int(V4L2_CID_STATELESS_ENC_TEMPORAL_ID, layer);
    let picture = recorder.code(&params, &references, &mut [layer_control])?;
    pictures.push((layer, picture));
    Ok(())
}

fn two() -> Result<()> {
    let mut recorder = Recorder::new(SIZE, 1)?;
    let mut pictures = Layered::new();
    for number in 0..16 {
        // The newest reference is the one of the base layer.
        code(&mut recorder, &mut pictures, (number % 2, None), 1)?;
    }
    keep_up_to("l1t2", 1, &pictures)?;
    keep_up_to("l1t2-base", 0, &pictures)
}

/// Four pictures of layers 0, 2, 1 and 2 each.
fn three_layers(recorder: &mut Recorder) -> Result<Layered> {
    let mut pictures = Layered::new();
    for group in 0..6u64 {
        // Pictures are named from 1.
        let base = group * 4 + 1;
        for picture in [
            (0, group.checked_sub(1).map(|last| last * 4 + 1)),
            (2, Some(base)),
            (1, Some(base)),
            (2, Some(base + 2)),
        ] {
            code(recorder, &mut pictures, picture, 2)?;
        }
    }
    Ok(pictures)
}

fn three() -> Result<()> {
    let mut sps = h264::sps(SIZE.0, SIZE.1, (25, 1));
    sps.max_num_ref_frames = 2;
    // Leaving out layer 1 leaves out references.
    sps.flags |= V4L2_H264_SPS_FLAG_GAPS_IN_FRAME_NUM_VALUE_ALLOWED;
    let mut recorder = Recorder::with(SIZE, &sps, &h264::pps())?;
    let pictures = three_layers(&mut recorder)?;
    keep_up_to("l1t3", 2, &pictures)?;
    keep_up_to("l1t3-1", 1, &pictures)?;
    keep_up_to("l1t3-base", 0, &pictures)
}

fn three_in_coding_order() -> Result<()> {
    let mut sps = h264::sps(SIZE.0, SIZE.1, (25, 1));
    sps.max_num_ref_frames = 2;
    sps.pic_order_cnt_type = 2;
    sps.log2_max_pic_order_cnt_lsb_minus4 = 0;
    let mut recorder = Recorder::with(SIZE, &sps, &h264::pps())?;
    let pictures = three_layers(&mut recorder)?;
    keep_up_to("l1t3-type2", 2, &pictures)?;
    keep_up_to("l1t3-type2-1", 1, &pictures)
}
