// SPDX-License-Identifier: GPL-2.0

//! A job for the tests of what describes and checks jobs: a P picture of 4x3 macroblocks in three
//! slices, with a PPS before them; and the measurement of its source.

use super::{
    few::Few,
    fields::Block,
    in_frame::InFrame,
    measure::Measurement,
    params::{Pps, Sps, SLICE_TYPE_P},
    picture::{Output, PictureJob, Plane, Source, SourceFormat},
    slice::{Deblocking, Picture},
    unit_table::Memory,
    units::{Unit, Units},
};

/// Where the hardware's memory is.
pub const MEMORY: Memory = Memory {
    headers: 0x1_0000_1000,
    units: 0x1_0000_2000,
    control: 0x1_0000_3000,
};
/// The SPS of the job.
pub const SPS: Sps = Sps {
    pic_width_in_mbs_minus1: 3,
    pic_height_in_map_units_minus1: 2,
    ..Sps::DEFAULT
};
/// The PPS of the job.
pub const PPS: Pps = Pps {
    chroma_qp_index_offset: -3,
    second_chroma_qp_index_offset: -3,
    ..Pps::DEFAULT
};
/// What the slice headers of the job say.
pub const PICTURE: Picture = Picture {
    nal_ref_idc: 1,
    idr: false,
    slice_type: SLICE_TYPE_P,
    frame_num: 1,
    idr_pic_id: 0,
    pic_order_cnt_lsb: 0,
    no_output_of_prior_pics: false,
    long_term_reference: false,
    num_ref_idx_l0_active: 1,
    modifications: Few::new(),
    operations: Few::new(),
    deblocking: Deblocking {
        disable_idc: 2,
        alpha_c0_offset_div2: -2,
        beta_offset_div2: 5,
    },
};
/// In-frame control that the hardware of each generation can do to the job.
pub const IN_FRAME: InFrame = InFrame {
    target_bits: 1000,
    max_bits: 2000,
    hard_max: false,
    qp_min: 20,
    qp_max: 40,
    max_step: 4,
    gain: 256,
    checkpoints: Few::new(),
};
/// The source of the job.
pub const SOURCE: Source = Source {
    format: SourceFormat::Nv12,
    width: 50,
    height: 48,
    planes: [
        Plane {
            address: 0x2_0000_0001,
            stride: 64,
        },
        Plane {
            address: 0x2_0000_1001,
            stride: 50,
        },
        Plane {
            address: 0,
            stride: 0,
        },
    ],
};

/// The measurement of that source.
pub const MEASUREMENT: Measurement = Measurement {
    size_mbs: (4, 3),
    source: SOURCE,
    reference: Some(0x3_0000_0000),
};

/// The job.
pub fn job<'a>(units: &'a Units<'a>) -> PictureJob<'a> {
    PictureJob {
        picture: &PICTURE,
        sps: &SPS,
        pps: &PPS,
        qp: 30,
        cabac_init_idc: 1,
        slice_rows: 1,
        source: Some(SOURCE),
        references: &[0x3_0000_0000],
        reconstruction: Some(0x4_0000_0000),
        output: Output {
            address: 0x5_0000_0000,
            size: 4096,
        },
        forced_intra: &[],
        in_frame: None,
        units,
    }
}

/// Runs `check` with the units that come before the slices: a PPS.
pub fn with_units(check: impl FnOnce(&Units<'_>)) {
    let (mut bytes, mut entries) = ([0; 16], [Unit::EMPTY]);
    let mut units = Units::new(&mut bytes, &mut entries, true);
    assert!(units.push_pps(&PPS).is_ok());
    check(&units);
}

/// The 32-bit word at `at`.
pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    Block::new(bytes.get(at..).unwrap_or_default()).u32()
}

/// The 64-bit word at `at`.
pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    Block::new(bytes.get(at..).unwrap_or_default()).u64()
}
