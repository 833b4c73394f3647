// SPDX-License-Identifier: GPL-2.0

//! Encoding: what the picture is.

use super::{
    encoder::{
        Params,
        Target, //
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
    h264::{
        decoder::Rule,
        slice, //
    },
    v4l2::uapi::*,
};

pub(super) const TESTS: &[Test] = &[
    ("ENC-PIC-1", types),
    ("ENC-PIC-2", idr_where_asked),
    ("ENC-PIC-3", begins_with_idr),
    ("ENC-PIC-4", nal_ref_idc),
    ("ENC-PIC-5", frame_num),
    ("ENC-PIC-6", idr_pic_id),
    ("ENC-PIC-7", order),
    ("ENC-PIC-8", deblocking),
    ("ENC-PIC-9", qp_delta),
    ("ENC-PIC-10", references_in_between),
];

/// A stream with the shortest numbers: 16 values of each.
pub(super) fn short_numbers(target: &Target) -> Outcome<Stream> {
    Stream::prepared(target, |encoder| {
        let (mut sps, _) = encoder.parameter_sets()?;
        sps.log2_max_frame_num_minus4 = 0;
        sps.log2_max_pic_order_cnt_lsb_minus4 = 0;
        Ok(encoder.set_sps(&sps)?)
    })
}

fn types(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    for kind in [slice::I, slice::P, slice::P, slice::I, slice::P, slice::I] {
        let params = match kind {
            slice::I => stream.i(),
            _ => stream.p(),
        };
        let picture = stream.code(&params, &mut [])?;
        for slice in &picture.slices {
            equal("slice_type", slice.slice_type, kind)?;
        }
    }
    Ok(())
}

fn idr_where_asked(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    for asked in [true, false, false, true, true, false] {
        let params = if asked { idr() } else { stream.i() };
        let picture = stream.code(&params, &mut [])?;
        equal("whether it is an IDR picture", picture.slice().idr, asked)?;
    }
    Ok(())
}

fn begins_with_idr(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    for _ in 0..2 {
        let params = Params {
            nal_ref_idc: 0,
            flags: 0,
            ..idr()
        };
        let picture = stream.code(&params, &mut [])?;
        ensure!(
            picture.slice().idr,
            "the first picture of a stream is no IDR picture"
        );
        picture.keeps_all()?;
        stream.encoder.stop()?;
        stream.encoder.start()?;
        stream.begin_reading();
    }
    Ok(())
}

fn nal_ref_idc(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    for asked in 0..4 {
        let params = Params {
            nal_ref_idc: asked,
            ..idr()
        };
        let picture = stream.code(&params, &mut [])?;
        let got = picture.slice().nal_ref_idc;
        ensure!(
            got == asked || (asked == 0 && got > 0),
            "nal_ref_idc of an IDR picture is {got}, and {asked} was asked for"
        );
    }
    for asked in [1, 0, 3, 2, 0] {
        for params in [stream.p(), stream.i()] {
            let params = Params {
                nal_ref_idc: asked,
                pic_order_cnt_lsb: stream.p().pic_order_cnt_lsb,
                ..params
            };
            let picture = stream.code(&params, &mut [])?;
            equal("nal_ref_idc", picture.slice().nal_ref_idc, asked)?;
            picture.keeps_all()?;
        }
    }
    Ok(())
}

fn frame_num(target: &Target) -> Outcome {
    let mut stream = short_numbers(target)?;
    for number in 0..40u16 {
        let params = match number {
            0 | 30 => idr(),
            // Every third one is no reference.
            _ => Params {
                nal_ref_idc: u8::from(number % 3 != 0),
                ..stream.p()
            },
        };
        let params = Params {
            frame_num: 7 * number,
            ..params
        };
        stream.code(&params, &mut [])?.keeps(Rule::FrameNum)?;
    }
    Ok(())
}

fn idr_pic_id(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    let mut last = None;
    for asked in [3, 3, 3, 0, 65535, 65535, 1] {
        let params = Params {
            idr_pic_id: asked,
            ..idr()
        };
        if asked == 0 {
            // The end of a stream makes no difference.
            stream.encoder.stop()?;
            stream.encoder.start()?;
            stream.begin_reading();
        }
        let picture = stream.code(&params, &mut [])?;
        picture.keeps(Rule::IdrPicId)?;
        let got = picture.slice().idr_pic_id;
        if last != Some(u32::from(asked)) {
            equal("idr_pic_id", got, Some(asked.into()))?;
        }
        last = got;
    }
    stream.encoder.stop()?;
    stream.encoder.start()?;
    stream.begin_reading();
    let params = Params {
        idr_pic_id: last.unwrap_or(0) as u16,
        ..idr()
    };
    stream.code(&params, &mut [])?.keeps(Rule::IdrPicId)
}

fn order(target: &Target) -> Outcome {
    let mut stream = short_numbers(target)?;
    stream.code_idr()?;
    for number in 1..40u16 {
        let asked = number * 3 % 16;
        let params = Params {
            pic_order_cnt_lsb: asked,
            ..stream.p()
        };
        let picture = stream.code(&params, &mut [])?;
        picture.keeps(Rule::Order)?;
        equal(
            "pic_order_cnt_lsb",
            picture.slice().pic_order_cnt_lsb,
            Some(asked.into()),
        )?;
    }
    for asked in [0, 0, 0, 15, 1, 14, 13, 9, 9, 40] {
        let params = Params {
            pic_order_cnt_lsb: asked,
            ..stream.p()
        };
        stream.code(&params, &mut [])?.keeps(Rule::Order)?;
    }
    Ok(())
}

fn references_in_between(target: &Target) -> Outcome {
    let mut stream = Stream::prepared(target, |encoder| {
        let (mut sps, _) = encoder.parameter_sets()?;
        sps.pic_order_cnt_type = 2;
        Ok(encoder.set_sps(&sps)?)
    })?;
    let picture = stream.code_idr()?;
    picture.keeps_all()?;
    // A driver may have no other type than 0.
    let of_type_2 = picture.active.0.pic_order_cnt_type == 2;
    let unreferenced = |stream: &Stream| Params {
        nal_ref_idc: 0,
        ..stream.p()
    };
    for _ in 0..2 {
        let params = unreferenced(&stream);
        stream.code(&params, &mut [])?.keeps_all()?;
        let params = unreferenced(&stream);
        if of_type_2 {
            stream.fails("the second picture that is no reference", &params, &mut [])?;
        } else {
            stream.code(&params, &mut [])?.keeps_all()?;
        }
        stream.code_p()?.keeps_all()?;
    }
    Ok(())
}

fn deblocking(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    stream.code_idr()?;
    for (idc, alpha, beta) in [
        (0, 0, 0),
        (0, -6, 6),
        (0, 6, -6),
        (1, 0, 0),
        (2, 1, -1),
        (0, 2, 3),
    ] {
        for params in [idr(), stream.p()] {
            let params = Params {
                disable_deblocking_filter_idc: idc,
                slice_alpha_c0_offset_div2: alpha,
                slice_beta_offset_div2: beta,
                ..params
            };
            let picture = stream.code(&params, &mut [])?;
            let slice = picture.slice();
            equal(
                "the deblocking of the slice",
                (
                    slice.disable_deblocking_filter_idc,
                    slice.alpha_c0_offset_div2,
                    slice.beta_offset_div2,
                ),
                (idc.into(), alpha.into(), beta.into()),
            )?;
        }
    }
    without_control(target)
}

/// A PPS without deblocking control leaves slices nothing to say.
fn without_control(target: &Target) -> Outcome {
    let mut stream = Stream::prepared(target, |encoder| {
        let (_, mut pps) = encoder.parameter_sets()?;
        pps.flags &= !(V4L2_H264_PPS_FLAG_DEBLOCKING_FILTER_CONTROL_PRESENT as u16);
        Ok(encoder.set_pps(&pps)?)
    })?;
    let params = Params {
        disable_deblocking_filter_idc: 1,
        ..idr()
    };
    let picture = stream.code(&params, &mut [])?;
    ensure!(
        !picture.active.1.deblocking_filter_control_present,
        "the PPS has deblocking control, which was not asked for"
    );
    Ok(())
}

fn qp_delta(target: &Target) -> Outcome {
    let mut stream = Stream::new(target)?;
    stream
        .encoder
        .set_value(V4L2_CID_MPEG_VIDEO_H264_I_FRAME_QP, 30)?;
    for delta in [0, 10, -20] {
        let params = Params {
            slice_qp_delta: delta,
            ..idr()
        };
        let picture = stream.code(&params, &mut [])?;
        equal("the QP", picture.slice().qp, 30)?;
    }
    Ok(())
}
