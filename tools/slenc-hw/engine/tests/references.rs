// SPDX-License-Identifier: GPL-2.0

//! Slice headers from fields with reference list modification and marking: the decoder manages its
//! references as the fields say.

mod support;

use slenc_engine::{
    Encoder, EntropyCoding, ListModification, Marking, Picture, PictureType, SliceHeader, Unit,
};
use support::{assert_decodes, moving, Coded, Settings};

/// A picture of the stream: its references and what its slice headers say.
struct Step {
    frame_num: u16,
    nal_ref_idc: u8,
    references: &'static [usize],
    modifications: &'static [ListModification],
    marking: &'static [Marking],
}

const STEPS: [Step; 9] = [
    // The IDR picture becomes long-term reference 0.
    Step {
        frame_num: 0,
        nal_ref_idc: 3,
        references: &[],
        modifications: &[],
        marking: &[],
    },
    Step {
        frame_num: 1,
        nal_ref_idc: 2,
        references: &[0],
        modifications: &[],
        marking: &[],
    },
    // The long-term picture first.
    Step {
        frame_num: 2,
        nal_ref_idc: 2,
        references: &[0, 1],
        modifications: &[ListModification::LongTerm(0)],
        marking: &[],
    },
    // This one becomes long-term reference 1.
    Step {
        frame_num: 3,
        nal_ref_idc: 1,
        references: &[2],
        modifications: &[],
        marking: &[
            Marking::MaxLongTerm {
                max_long_term_frame_idx_plus1: 2,
            },
            Marking::CurrentLongTerm {
                long_term_frame_idx: 1,
            },
        ],
    },
    // Picture 1 goes.
    Step {
        frame_num: 4,
        nal_ref_idc: 1,
        references: &[3],
        modifications: &[ListModification::LongTerm(1)],
        marking: &[Marking::UnusedShortTerm {
            difference_of_pic_nums_minus1: 2,
        }],
    },
    // Picture 2 takes the place of picture 0.
    Step {
        frame_num: 5,
        nal_ref_idc: 1,
        references: &[4, 2, 0, 3],
        modifications: &[],
        marking: &[
            Marking::UnusedLongTerm {
                long_term_pic_num: 0,
            },
            Marking::LongTerm {
                difference_of_pic_nums_minus1: 2,
                long_term_frame_idx: 0,
            },
        ],
    },
    // No reference itself.
    Step {
        frame_num: 6,
        nal_ref_idc: 0,
        references: &[5, 4, 2, 3],
        modifications: &[],
        marking: &[],
    },
    // The older of two short-term pictures, and then the newer.
    Step {
        frame_num: 6,
        nal_ref_idc: 1,
        references: &[4, 5],
        modifications: &[ListModification::Subtract(1), ListModification::Add(0)],
        marking: &[],
    },
    Step {
        frame_num: 7,
        nal_ref_idc: 1,
        references: &[7, 5, 2],
        modifications: &[],
        marking: &[],
    },
];

fn check(settings: &Settings, entropy_coding: EntropyCoding) {
    let settings = Settings {
        entropy_coding,
        references: 4,
        poc_bits: 6,
        ..settings.clone()
    };
    let sources = moving(&settings, STEPS.len());
    let mut coded = Coded {
        bytes: Vec::new(),
        recons: Vec::new(),
        stats: Vec::new(),
    };
    let (sps, pps) = (settings.sps(), settings.pps());
    let mut encoder = Encoder::new(1);
    for (i, step) in STEPS.iter().enumerate() {
        let header = SliceHeader {
            nal_ref_idc: step.nal_ref_idc,
            idr_pic_id: (i == 0).then_some(u16::MAX),
            frame_num: step.frame_num,
            frame_num_bits: 8,
            pic_order_cnt_lsb: 2 * i as u16,
            pic_order_cnt_lsb_bits: 6,
            num_ref_idx_default: 1,
            list_modifications: step.modifications,
            long_term_reference: true,
            marking: step.marking,
            pic_init_qp: 26,
            deblocking_control_present: true,
            ..SliceHeader::default()
        };
        let slice = |first, count| Unit {
            start_code: 3,
            rows: Some((first, count)),
            header: Some(&header),
            ..Unit::default()
        };
        let mut units = Vec::new();
        if i == 0 {
            for bits in [&sps, &pps] {
                units.push(Unit {
                    start_code: 4,
                    bits: &bits.bytes,
                    bit_length: bits.length,
                    ..Unit::default()
                });
            }
        }
        units.extend([slice(0, 2), slice(2, settings.height_mbs() - 2)]);
        let picture = Picture {
            width_mbs: settings.width_mbs(),
            height_mbs: settings.height_mbs(),
            source: Some(settings.source(&sources[i])),
            picture_type: if i == 0 {
                PictureType::I
            } else {
                PictureType::P
            },
            qp: 28,
            entropy_coding,
            units: &units,
            ..Picture::default()
        };
        let references: Vec<&[u8]> = step
            .references
            .iter()
            .map(|&at| coded.recons[at].as_slice())
            .collect();
        let mut recon = vec![0; settings.width_mbs() * settings.height_mbs() * 384];
        let mut output = vec![0; picture.output_bound() as usize];
        let mut sizes = [0; 4];
        let stats = encoder
            .encode(&picture, &references, &mut recon, &mut output, &mut sizes)
            .expect("the picture is valid");
        coded.bytes.extend(&output[..stats.bytes as usize]);
        coded.recons.push(recon);
        coded.stats.push(stats);
    }
    assert_decodes(&settings, &coded);
}

#[test]
fn references_are_listed_and_marked() {
    let settings = Settings::new(96, 80, 28);
    check(&settings, EntropyCoding::Cavlc);
    check(&settings, EntropyCoding::Cabac { init_idc: 2 });
}
